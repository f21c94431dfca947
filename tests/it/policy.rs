//! Who may do what: the service against a table that is written from the contract and not from the code, over every
//! set of roles, operation and target. `policy/table.txt` is the table, and says how to read it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::stream::{self, StreamExt};
use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};
use shared::http::operation::Access;
use shared::roster::Role;

use crate::support::{Account, Answer, Service, send};

const TABLE: &str = include_str!("policy/table.txt");

/// Whom a request is about, in the order of the table's columns.
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

/// The cells of the rows below the heading that begins with `heading`. An operation that is not repeated is that of
/// the row above.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let section = TABLE.split("\n# ").find(|section| section.starts_with(heading));
    let lines = section.unwrap().lines().filter(|line| line.contains('|')).skip(2);
    let mut operation = "";
    lines
        .map(|line| {
            let mut cells: Vec<_> = line.split('|').map(str::trim).collect();
            if cells[0].is_empty() {
                cells[0] = operation;
            }
            operation = cells[0];
            cells
        })
        .collect()
}

/// The role that the table calls so.
fn role(name: &str) -> Role {
    match name {
        "system admin" => Role::SystemAdmin,
        "user admin" => Role::UserAdmin,
        "originator" => Role::Originator,
        "collaborator" => Role::Collaborator,
        "adhoc collaborator" => Role::AdhocCollaborator,
        name => panic!("the table has an unknown caller: {name}"),
    }
}

fn status(cell: &str) -> u16 {
    cell.parse()
        .unwrap_or_else(|_| panic!("the table has an unknown status: {cell}"))
}

/// A request of the table.
#[derive(Clone, Debug)]
struct Operation {
    method: Method,
    path: String,
    body: Value,
}

impl Operation {
    fn read(text: &str) -> Self {
        const NONE: &str = "00000000000000000000000000000000";
        let (method, rest) = text.split_once(' ').unwrap();
        let (path, body) = rest.split_once(' ').unwrap_or((rest, "null"));
        let path = path.replace("{import}", NONE).replace("{contact}", NONE);
        Self {
            method: method.parse().unwrap(),
            path,
            body: serde_json::from_str(body).unwrap_or_else(|error| panic!("{text}: {error}")),
        }
    }

    /// What `answer` says of the one user: in bulk, each has a status of its own.
    fn status(&self, answer: &Answer) -> u16 {
        if self.path.starts_with("/users/bulk") && answer.status == 200 {
            let status = answer.json()["results"][0]["status"].as_u64().unwrap();
            u16::try_from(status).unwrap()
        } else {
            answer.status.as_u16()
        }
    }
}

/// An operation and what callers get.
#[derive(Debug)]
struct Rule {
    operation: Operation,
    /// For each row the callers, `None` for anyone, and the statuses for each target or for all.
    rows: Vec<(Option<Vec<Role>>, Vec<u16>)>,
}

impl Rule {
    /// Whether the operation is about a user.
    fn has_target(&self) -> bool {
        self.rows[0].1.len() > 1
    }

    /// The status for a caller with `roles`: what any of them allows.
    fn expected(&self, roles: &[Role], target: Target) -> u16 {
        let place = if self.has_target() { target as usize } else { 0 };
        let of_caller = self.rows.iter().filter(|(callers, _)| match callers {
            None => true,
            Some(callers) => callers.iter().any(|role| roles.contains(role)),
        });
        let allowed = of_caller
            .map(|(_, statuses)| statuses[place])
            .filter(|status| *status != 403);
        let mut allowed: Vec<u16> = allowed.collect();
        if allowed.iter().any(|status| *status < 300) {
            // One role may change what the others may only send back as it is.
            allowed.retain(|status| *status < 300);
        }
        let same = allowed.windows(2).all(|pair| pair[0] == pair[1]);
        assert!(same, "the table contradicts itself: {self:?} for {roles:?}");
        allowed.first().copied().unwrap_or(403)
    }
}

/// Every rule of the two sections about single requests.
fn rules() -> Vec<Rule> {
    let mut rules: Vec<(&str, Rule)> = Vec::new();
    let rows = [rows("Requests about one user"), rows("All other requests")].concat();
    for row in rows {
        let (text, callers, statuses) = (row[0], row[1], &row[2..]);
        let callers = (callers != "anyone").then(|| callers.split(", ").map(role).collect());
        let row = (callers, statuses.iter().copied().map(status).collect());
        match rules.last_mut() {
            Some((last, rule)) if *last == text => rule.rows.push(row),
            _ => {
                let operation = Operation::read(text);
                let rows = vec![row];
                rules.push((text, Rule { operation, rows }));
            }
        }
    }
    rules.into_iter().map(|(_, rule)| rule).collect()
}

#[test]
fn every_operation_that_takes_a_token_is_in_the_table() {
    // What a path names is called otherwise in the table than in the document.
    let pattern = |path: &str| -> String {
        let segments = path.split('/');
        let segments = segments.map(|segment| if segment.starts_with('{') { "{}" } else { segment });
        segments.collect::<Vec<_>>().join("/")
    };
    let listed: BTreeSet<_> = [rows("Requests about one user"), rows("All other requests")]
        .concat()
        .into_iter()
        .map(|row| {
            let (method, rest) = row[0].split_once(' ').unwrap();
            let path = rest.split([' ', '?']).next().unwrap();
            format!("{method} {}", pattern(path))
        })
        .collect();
    let without: Vec<_> = contract::operations()
        .into_iter()
        .filter(|operation| operation.access != Access::Open)
        .map(|operation| format!("{} {}", operation.verb.as_str(), pattern(operation.path)))
        .filter(|operation| !listed.contains(operation))
        .collect();

    assert_eq!(without, Vec::<String>::new());
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

    /// A new user of the kind that the request is about, unless it is the caller.
    async fn target(&self, target: Target) -> Account {
        let account = match target {
            Target::UserAdmin => self.account(&[Role::UserAdmin, Role::Originator]).await,
            Target::SystemAdmin => self.account(&[Role::SystemAdmin]).await,
            _ => self.account(&[Role::Originator]).await,
        };
        if target == Target::Missing {
            let deleted = self.service.delete(&format!("/users/{}", account.id)).await;
            deleted.expect(200);
        }
        account
    }

    /// The body of `operation` about the user `id`, with a new address where it takes one.
    fn body(&self, operation: &Operation, id: &str) -> Value {
        let body = operation.body.to_string().replace("{id}", id);
        serde_json::from_str(&body.replace("{new}", &self.address())).unwrap()
    }

    /// The answer to a caller with these credentials, or with none, about the user `id`.
    async fn ask(&self, credentials: Option<&str>, operation: &Operation, id: &str) -> Answer {
        let path = operation.path.replace("{id}", id);
        let mut request = self.service.anonymous(operation.method.clone(), &path);
        if let Some(credentials) = credentials {
            request = request.header(AUTHORIZATION, credentials);
        }
        let body = self.body(operation, id);
        send(if body.is_null() {
            request
        } else {
            request.json(&body)
        })
        .await
    }
}

/// Compares every cell for callers with `roles`; answers the number of cells and the differences.
async fn compare(world: &World<'_>, roles: &[Role]) -> (usize, Vec<String>) {
    let mut differences = Vec::new();
    let mut caller = world.account(roles).await;
    let mut others: [Option<Account>; 5] = Default::default();
    let mut cells = 0;
    for rule in rules() {
        let operation = &rule.operation;
        let targets = if rule.has_target() {
            &TARGETS[..]
        } else {
            &[Target::Caller]
        };
        for target in targets.iter().copied() {
            let other = &mut others[target as usize];
            if target != Target::Caller && other.is_none() {
                *other = Some(world.target(target).await);
            }
            let id = other.as_ref().unwrap_or(&caller).id.to_string();
            let expected = rule.expected(roles, target);
            let credentials = format!("Bearer {}", caller.token);
            let answer = world.ask(Some(&credentials), operation, &id).await;
            let status = operation.status(&answer);
            if status != expected {
                differences.push(format!(
                    "{roles:?}: {operation:?} about {target:?} gave {status} for {expected}"
                ));
            }
            // A success may have changed the target, and so may an answer that should not have come.
            if operation.method != Method::GET && (status < 300 || status != expected) {
                *other = None;
                if target == Target::Caller {
                    caller = world.account(roles).await;
                }
            }
            cells += 1;
        }
    }
    (cells, differences)
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

    for Rule { operation, .. } in rules() {
        for (who, credentials) in &outsiders {
            let answer = world
                .ask(credentials.as_deref(), &operation, &ordinary.id.to_string())
                .await;
            let what = format!("{who}: {} {}", operation.method, operation.path);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_sent_again_is_allowed_what_the_caller_is_allowed_then() {
    let service = Service::start().await;
    let world = World {
        service: &service,
        made: &AtomicUsize::new(0),
    };
    let rows = rows("Requests that are sent again");
    let mut differences = Vec::new();

    for row in &rows {
        let [text, before, then, first, again] = row[..] else {
            panic!("{row:?}");
        };
        let operation = Operation::read(text);
        let caller = world.account(&[role(before)]).await;
        let id = world.target(Target::Ordinary).await.id.to_string();
        let path = operation.path.replace("{id}", &id);
        let body = world.body(&operation, &id);
        let post = async || {
            let request = service.request_as(&caller.token, operation.method.clone(), &path);
            let request = request.header("Idempotency-Key", "k");
            send(request.json(&body)).await.status.as_u16()
        };
        let statuses = [post().await, {
            let roles = json!({ "roles": [role(then).as_str()] });
            service
                .put(&format!("/users/{}", caller.id), &roles)
                .await
                .expect(200);
            post().await
        }];
        if statuses != [status(first), status(again)] {
            differences.push(format!("{row:?} gave {statuses:?}"));
        }
    }

    assert_eq!(differences, Vec::<String>::new());
    assert!(rows.len() >= 11);
}
