//! Who may do what: the service against a model of its own, written from the contract's table of
//! roles and not from the code, over every set of roles, route and target.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::stream::{self, StreamExt};
use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};
use shared::roster::Role;

use crate::support::{Account, Answer, Service, send};

/// Whom a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Caller,
    Ordinary,
    UserAdmin,
    SystemAdmin,
    Missing,
}

const TARGETS: [Target; 5] = [
    Target::Caller,
    Target::Ordinary,
    Target::UserAdmin,
    Target::SystemAdmin,
    Target::Missing,
];

/// What a caller's roles amount to.
#[derive(Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a line of the contract's table"
)]
struct May {
    /// `ROLE_SYSTEM_ADMIN`.
    all: bool,
    /// `ROLE_USER_ADMIN`.
    users: bool,
    /// More than reading the own record.
    change_self: bool,
    /// The roles that have contacts.
    contacts: bool,
}

impl May {
    fn of(roles: &[Role]) -> Self {
        Self {
            all: roles.contains(&Role::SystemAdmin),
            users: roles.contains(&Role::UserAdmin),
            change_self: roles.iter().any(|role| *role != Role::AdhocCollaborator),
            contacts: roles.contains(&Role::Originator) || roles.contains(&Role::Collaborator),
        }
    }

    /// 200 for administrators of either kind, else 403.
    fn administer(self) -> u16 {
        if self.all || self.users { 200 } else { 403 }
    }

    /// 200 if the caller may do everything on the target; a missing one is known only to administrators.
    fn manage(self, target: Target) -> u16 {
        match target {
            Target::Missing if self.all || self.users => 404,
            Target::Ordinary if self.users => 200,
            // Of those who may manage anyone, the caller is an administrator.
            Target::Caller | Target::Ordinary | Target::UserAdmin | Target::SystemAdmin if self.all => 200,
            _ => 403,
        }
    }

    /// As [`May::manage`], for what nobody does to themselves.
    fn manage_other(self, target: Target) -> u16 {
        match self.manage(target) {
            200 if target == Target::Caller => 409,
            status => status,
        }
    }
}

/// Whether `status` stands for a success, which may change the target.
fn changes(status: u16) -> bool {
    status < 300
}

/// A request of the contract.
#[derive(Clone)]
struct Route {
    method: Method,
    /// `{id}` is the target's.
    path: &'static str,
    body: Value,
    expected: fn(May, Target) -> u16,
}

impl Route {
    fn is_bulk(&self) -> bool {
        self.path.starts_with("/users/bulk")
    }

    /// What `answer` says of the one user: in bulk, each has a status of its own.
    fn status(&self, answer: &Answer) -> u16 {
        if self.is_bulk() && answer.status == 200 {
            let status = answer.json()["results"][0]["status"].as_u64().unwrap();
            u16::try_from(status).unwrap()
        } else {
            answer.status.as_u16()
        }
    }
}

fn route(method: Method, path: &'static str, body: Value, expected: fn(May, Target) -> u16) -> Route {
    Route {
        method,
        path,
        body,
        expected,
    }
}

/// Every request about one user.
fn routes_of_a_user() -> Vec<Route> {
    let user = "/users/{id}";
    vec![
        route(Method::GET, user, Value::Null, |may, target| match target {
            Target::Caller => 200,
            target => may.manage(target),
        }),
        route(Method::PUT, user, json!({}), May::manage),
        route(Method::PUT, user, json!({"firstName": "Ada"}), May::manage),
        route(
            Method::PUT,
            user,
            json!({"roles": ["ROLE_COLLABORATOR"]}),
            May::manage_other,
        ),
        route(Method::PUT, user, json!({"enabled": false}), May::manage_other),
        route(
            Method::PUT,
            user,
            json!({"roles": ["ROLE_USER_ADMIN"]}),
            |may, target| match may.manage_other(target) {
                200 if !may.all => 403,
                status => status,
            },
        ),
        route(Method::PUT, user, json!({"id": "x"}), |may, target| {
            match may.manage(target) {
                200 => 422,
                status => status,
            }
        }),
        route(Method::DELETE, user, Value::Null, May::manage_other),
        route(Method::PUT, "/users/{id}/enable", Value::Null, May::manage_other),
        route(Method::PUT, "/users/{id}/expire", Value::Null, May::manage),
        route(
            Method::POST,
            "/users/{id}/tokens",
            json!({}),
            |may, target| match target {
                _ if !may.all => 403,
                Target::Missing => 404,
                _ => 201,
            },
        ),
    ]
}

/// Every action of `/users/bulk`: what becomes of the one id, if the request is allowed.
fn bulk_routes() -> Vec<Route> {
    vec![
        route(
            Method::POST,
            "/users/bulk?action=enable",
            Value::Null,
            May::manage,
        ),
        route(
            Method::POST,
            "/users/bulk?action=disable",
            Value::Null,
            May::manage_other,
        ),
        route(
            Method::POST,
            "/users/bulk?action=expire",
            Value::Null,
            May::manage,
        ),
        route(
            Method::POST,
            "/users/bulk?action=delete",
            Value::Null,
            May::manage_other,
        ),
    ]
}

/// Every request that is about no user, or about the caller.
fn routes_of_no_user() -> Vec<Route> {
    const IMPORT: &str = "/users/import/00000000000000000000000000000000";
    const CONTACT: &str = "/users/me/contacts/00000000000000000000000000000000";
    const NO_CONTACT: fn(May, Target) -> u16 = |may, _| if may.contacts { 404 } else { 403 };
    const UNKNOWN: fn(May, Target) -> u16 = |may, _| if may.administer() == 200 { 404 } else { 403 };
    let administer: fn(May, Target) -> u16 = |may, _| may.administer();
    let import = |below: &str| -> &'static str { Box::leak(format!("{IMPORT}{below}").into_boxed_str()) };
    vec![
        route(Method::GET, "/users", Value::Null, administer),
        route(
            Method::GET,
            "/users?searchText=a&role=ROLE_ORIGINATOR",
            Value::Null,
            administer,
        ),
        route(
            Method::POST,
            "/users",
            json!({"email": "{new}", "roles": ["ROLE_COLLABORATOR"]}),
            |may, _| {
                if may.administer() == 200 { 201 } else { 403 }
            },
        ),
        route(
            Method::POST,
            "/users",
            json!({"email": "{new}", "roles": ["ROLE_USER_ADMIN"]}),
            |may, _| {
                if may.all { 201 } else { 403 }
            },
        ),
        route(
            Method::POST,
            "/users",
            json!({"email": "{new}", "roles": ["ROLE_ADHOC_COLLABORATOR"]}),
            |may, _| {
                if may.administer() == 200 { 422 } else { 403 }
            },
        ),
        route(Method::GET, "/dashboard/users", Value::Null, administer),
        route(Method::GET, "/users/me", Value::Null, |_, _| 200),
        route(
            Method::PUT,
            "/users/me",
            json!({"lastName": "Lovelace"}),
            |may, _| {
                if may.change_self { 200 } else { 403 }
            },
        ),
        route(Method::PUT, "/users/me", json!({"enabled": false}), |may, _| {
            if may.all { 409 } else { 403 }
        }),
        route(
            Method::PUT,
            "/users/me",
            json!({"accountType": "LDAP"}),
            |may, _| if may.all { 200 } else { 403 },
        ),
        route(
            Method::PUT,
            "/users/me",
            json!({"roles": [
                "ROLE_SYSTEM_ADMIN", "ROLE_USER_ADMIN", "ROLE_ORIGINATOR", "ROLE_COLLABORATOR",
                "ROLE_ADHOC_COLLABORATOR",
            ]}),
            |may, _| if may.all { 200 } else { 403 },
        ),
        route(Method::POST, "/auth/token/revoke", Value::Null, |_, _| 200),
        route(Method::GET, "/users/import", Value::Null, administer),
        route(Method::POST, "/users/import", json!({}), |may, _| {
            if may.administer() == 200 { 415 } else { 403 }
        }),
        route(Method::POST, "/users/import/uploads", json!({}), |may, _| {
            if may.administer() == 200 { 422 } else { 403 }
        }),
        route(Method::GET, "/users/import/template", Value::Null, administer),
        route(Method::GET, import(""), Value::Null, UNKNOWN),
        route(Method::DELETE, import(""), Value::Null, UNKNOWN),
        route(Method::POST, import("/resume"), Value::Null, UNKNOWN),
        route(Method::GET, import("/errors"), Value::Null, UNKNOWN),
        route(Method::GET, import("/rejected"), Value::Null, UNKNOWN),
        route(Method::GET, "/users/me/contacts", Value::Null, |may, _| {
            if may.contacts { 200 } else { 403 }
        }),
        route(Method::POST, "/users/me/contacts", json!({}), |may, _| {
            if may.contacts { 422 } else { 403 }
        }),
        route(Method::GET, CONTACT, Value::Null, NO_CONTACT),
        route(
            Method::PUT,
            CONTACT,
            json!({"email": "ada@example.org"}),
            NO_CONTACT,
        ),
        route(Method::DELETE, CONTACT, Value::Null, NO_CONTACT),
    ]
}

/// Every route with every target that makes a difference to it.
fn cells() -> Vec<(Route, Target)> {
    let with_targets = [routes_of_a_user as fn() -> _, bulk_routes]
        .into_iter()
        .flat_map(|routes| {
            TARGETS
                .into_iter()
                .flat_map(move |target| routes().into_iter().map(move |route| (route, target)))
        });
    let without = routes_of_no_user()
        .into_iter()
        .map(|route| (route, Target::Caller));
    with_targets.chain(without).collect()
}

/// Makes accounts that nobody else uses.
struct World<'a> {
    service: &'a Service,
    made: &'a AtomicUsize,
}

impl World<'_> {
    fn address(&self) -> String {
        format!("u{}@example.org", self.made.fetch_add(1, Ordering::Relaxed))
    }

    async fn account(&self, roles: &[Role]) -> Account {
        self.service.account(&self.address(), roles).await
    }

    /// The answer to a caller with these credentials, or with none, about the user `id`.
    async fn ask(&self, credentials: Option<&str>, route: &Route, id: &str) -> Answer {
        let path = route.path.replace("{id}", id);
        let mut request = self.service.anonymous(route.method.clone(), &path);
        if let Some(credentials) = credentials {
            request = request.header(AUTHORIZATION, credentials);
        }
        if route.is_bulk() {
            request = request.json(&json!({"ids": [id]}));
        } else if !route.body.is_null() {
            let body = route.body.to_string().replace("{new}", &self.address());
            request = request.json(&serde_json::from_str::<Value>(&body).unwrap());
        }
        send(request).await
    }
}

/// Compares every cell for callers with `roles`; answers the number of cells and the differences.
async fn compare(world: &World<'_>, roles: &[Role]) -> (usize, Vec<String>) {
    let may = May::of(roles);
    let mut differences = Vec::new();
    let mut caller = world.account(roles).await;
    let mut others: [Option<Account>; 5] = Default::default();
    let cells = cells();
    for (route, target) in &cells {
        let place = TARGETS.iter().position(|known| known == target).unwrap();
        let id = match target {
            Target::Caller => caller.id,
            target => {
                if others[place].is_none() {
                    let account = world
                        .account(match target {
                            Target::UserAdmin => &[Role::UserAdmin, Role::Originator],
                            Target::SystemAdmin => &[Role::SystemAdmin],
                            _ => &[Role::Originator],
                        })
                        .await;
                    if *target == Target::Missing {
                        world
                            .service
                            .delete(&format!("/users/{}", account.id))
                            .await
                            .expect(200);
                    }
                    others[place] = Some(account);
                }
                others[place].as_ref().unwrap().id
            }
        };
        let expected = (route.expected)(may, *target);
        let credentials = format!("Bearer {}", caller.token);
        let answer = world.ask(Some(&credentials), route, &id.to_string()).await;
        let status = route.status(&answer);
        if status != expected {
            differences.push(format!(
                "{roles:?}: {} {} {} about {target:?} gave {status} for {expected}",
                route.method, route.path, route.body
            ));
        }
        if route.method != Method::GET && (changes(status) || status != expected) {
            if *target == Target::Caller {
                caller = world.account(roles).await;
            } else {
                others[place] = None;
            }
        }
    }
    (cells.len(), differences)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_nobody_any_more_or_never_was_is_told_the_same_by_every_route() {
    let service = Service::start().await;
    let world = World {
        service: &service,
        made: &AtomicUsize::new(0),
    };
    let [disabled, deleted, expired, ordinary] = [
        world.account(&[Role::SystemAdmin]).await,
        world.account(&[Role::SystemAdmin]).await,
        world.account(&[Role::SystemAdmin]).await,
        world.account(&[Role::Originator]).await,
    ];
    for (action, account) in [("disable", &disabled), ("delete", &deleted), ("expire", &expired)] {
        let ids = json!({ "ids": [account.id.to_string()] });
        let done = service
            .post(&format!("/users/bulk?action={action}"), &ids)
            .await
            .expect(200);
        assert_eq!(done["results"][0]["status"], 200);
    }
    let bearer = |token: &str| Some(format!("Bearer {token}"));
    let outsiders = [
        ("disabled", bearer(&disabled.token)),
        ("deleted", bearer(&deleted.token)),
        ("expired", bearer(&expired.token)),
        ("forged", bearer(&format!("{}.{}", ordinary.id, "A".repeat(43)))),
        ("no token of ours", bearer("x")),
        ("another scheme", Some("Basic x".to_owned())),
        ("anonymous", None),
    ];

    for route in [routes_of_a_user(), bulk_routes(), routes_of_no_user()].concat() {
        for (who, credentials) in &outsiders {
            let answer = world
                .ask(credentials.as_deref(), &route, &ordinary.id.to_string())
                .await;
            let what = format!("{who}: {} {}", route.method, route.path);
            if credentials.is_none() {
                answer.expect_unauthenticated("Bearer", &what);
            } else {
                answer.expect_refused_token(&what);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_allows_what_the_contract_allows() {
    let service = Service::start().await;
    let made = AtomicUsize::new(0);
    let world = World {
        service: &service,
        made: &made,
    };
    // No account is without a role, so there are 31 sets.
    let sets: Vec<Vec<Role>> = (1_u8..32)
        .map(|bits| {
            let roles = Role::ALL.into_iter().enumerate();
            roles
                .filter(|(bit, _)| bits >> bit & 1 == 1)
                .map(|(_, role)| role)
                .collect()
        })
        .collect();

    let (mut cells, mut differences) = (0, Vec::new());
    let compared: Vec<_> = stream::iter(&sets)
        .map(|roles| compare(&world, roles))
        .buffer_unordered(8)
        .collect()
        .await;
    for (more, different) in compared {
        cells += more;
        differences.extend(different);
    }

    println!("{cells} cells, {} differences", differences.len());
    assert_eq!(differences, Vec::<String>::new());
    assert!(cells > 3000);
}
