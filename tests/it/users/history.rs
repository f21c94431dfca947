//! `GET /users/{userId}/history`.

use std::time::Duration;

use local::Options;
use reqwest::Method;
use serde_json::{Value, json};
use shared::audit::Actor;
use shared::roster::{RequestMark, Role, Slot, User, UserId, UserPatch};
use shared::table::{Account, Item, WhenFull};
use shared::{App, Error, accounts, clock};

use crate::support::faults::{Fault, Faults, Schedule};
use crate::support::{Service, collaborator, send};

/// The history of a user, oldest first: who, what, and the members with their values.
async fn history(service: &Service, id: impl ToString) -> Vec<String> {
    let path = format!("/users/{}/history?limit=100", id.to_string());
    let page = service.get(&path).await.expect(200);
    let items = page["items"].as_array().unwrap();
    assert_eq!(page["count"], items.len());
    items.iter().rev().map(text).collect()
}

fn text(line: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let mut words = vec![word(&line["by"]), word(&line["action"])];
    for change in line["changes"].as_array().unwrap() {
        words.push(word(&change["member"]));
        if change["after"] != Value::Null {
            words.extend([change["before"].to_string(), change["after"].to_string()]);
        }
    }
    words.join(" ")
}

async fn my_id(service: &Service) -> String {
    let me = service.get("/users/me").await.expect(200);
    me["id"].as_str().unwrap().to_owned()
}

/// Every act on the account with this id: method, path, body, and its line without the actor.
fn acts(id: &str) -> Vec<(Method, String, Value, &'static str)> {
    let user = format!("/users/{id}");
    let ids = json!({ "ids": [id] });
    vec![
        (
            Method::PUT,
            user.clone(),
            json!({ "lastName": "Lovelace", "mobileNumber": "+358401234567" }),
            "changed lastName mobileNumber",
        ),
        (
            Method::PUT,
            user.clone(),
            json!({ "roles": ["ROLE_COLLABORATOR"], "accountType": "LDAP", "email": "countess@example.org" }),
            r#"changed accountType "LOCAL" "LDAP" email roles ["ROLE_ORIGINATOR"] ["ROLE_COLLABORATOR"]"#,
        ),
        (
            Method::PUT,
            format!("{user}/enable"),
            Value::Null,
            "disabled enabled true false",
        ),
        (
            Method::POST,
            "/users/bulk?action=enable".to_owned(),
            ids.clone(),
            "enabled enabled false true",
        ),
        (Method::POST, format!("{user}/tokens"), json!({}), "token_issued"),
        (
            Method::PUT,
            format!("{user}/expire"),
            Value::Null,
            "tokens_expired",
        ),
        (
            Method::POST,
            "/users/bulk?action=delete".to_owned(),
            ids,
            "deleted",
        ),
    ]
}

fn request(
    service: &Service,
    (method, path, body, _): &(Method, String, Value, &str),
) -> reqwest::RequestBuilder {
    let request = service.request(method.clone(), path);
    if body.is_null() {
        request
    } else {
        request.json(body)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_act_is_one_line_that_outlives_the_account() {
    let service = Service::start().await;
    let by = my_id(&service).await;
    let made = json!({ "email": "ada@example.org", "firstName": "Ada", "roles": "ROLE_ORIGINATOR" });
    let made = service.post("/users", &made).await;
    let requested_by = made.header("x-request-id").to_owned();
    let ada = made.expect(201)["id"].as_str().unwrap().to_owned();
    let mut expected = vec![format!(r#"{by} created roles null ["ROLE_ORIGINATOR"]"#)];
    assert_eq!(history(&service, &ada).await, expected);
    let page = service.get(&format!("/users/{ada}/history")).await.expect(200);
    assert_eq!(page["items"][0]["requestId"], json!(requested_by));

    for act in acts(&ada) {
        send(request(&service, &act)).await;
        expected.push(format!("{by} {}", act.3));
        assert_eq!(history(&service, &ada).await, expected, "{act:?}");
    }

    // What changes nothing or is refused is no act.
    send(request(&service, &acts(&ada)[0])).await.expect(404);
    assert_eq!(history(&service, &ada).await, expected);
    let again = json!({ "email": "ada@example.org", "roles": "ROLE_ORIGINATOR" });
    let again = service.post("/users", &again).await.expect(201);
    assert_eq!(history(&service, again["id"].as_str().unwrap()).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_and_operators_are_named_by_who_they_are() {
    let service = Service::start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let changed = service.request_as(&ada.token, Method::PUT, "/users/me");
    let body = json!({ "firstName": "Ada", "email": "countess@example.org" });
    send(changed.json(&body)).await.expect(200);

    let id = ada.id;
    assert_eq!(
        history(&service, id).await,
        [format!("{id} changed firstName pendingEmail")]
    );
    let payload = json!({ "email": "second@example.org", "add": true });
    let second = service.local.invoke("bootstrap", &payload).await.unwrap();
    assert_eq!(
        history(&service, second["userId"].as_str().unwrap()).await,
        [
            r#"bootstrap created roles null ["ROLE_SYSTEM_ADMIN"]"#,
            "bootstrap token_issued"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_sign_in_by_an_issuer_is_an_act() {
    let (service, issuer) = crate::sign_in::start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    for _ in 0..2 {
        let token = issuer.token(&issuer.claims("7", "ada@example.org"));
        service.me(&token).await.expect(200);
    }

    assert_eq!(history(&service, ada.id).await, ["issuer signed_in_first"]);
}

/// The id of the import that this one was started by, once it has finished.
async fn undo(service: &Service, import: &Value) -> String {
    let path = format!("/users/import/{}/undo", import["id"].as_str().unwrap());
    let started = service.post(&path, &json!({})).await.expect(202);
    let id = started["id"].as_str().unwrap().to_owned();
    service.finished_as(&id, "completed").await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_links_to_the_imports_that_touched_the_account_also_when_it_is_gone() {
    let service = Service::start().await;
    let file = "email,firstName\nada@example.org,Ada\ntim@example.org,Tim\n";
    let first = service.import(file, &[]).await.expect(200);
    let file = "email,firstName\nada@example.org,Augusta\ntim@example.org,Tim\n";
    let second = service.import(file, &[("mode", "upsert")]).await.expect(200);
    let id = async |email: &str| {
        let user = crate::imports::user(&service, email).await;
        user.unwrap().id
    };
    let (ada, tim) = (id("ada@example.org").await, id("tim@example.org").await);
    let by = |import: &Value| format!("import:{}", import["id"].as_str().unwrap());
    let made = format!("{} created", by(&first));
    let mut expected = vec![made.clone(), format!("{} changed", by(&second))];
    assert_eq!(history(&service, ada).await, expected);
    // An unchanged row is no act.
    assert_eq!(history(&service, tim).await, expected[..1]);

    let back = undo(&service, &second).await;
    expected.push(format!("import:{back} undone"));
    assert_eq!(history(&service, ada).await, expected);
    let gone = undo(&service, &first).await;

    let gone = format!("import:{gone} undone");
    expected.push(gone.clone());
    assert_eq!(history(&service, ada).await, expected);
    assert_eq!(history(&service, tim).await, [made, gone]);
    let page = service
        .get(&format!("/users/{ada}/history?limit=1"))
        .await
        .expect(200);
    assert_ne!(page["items"][0]["requestId"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_have_every_line_once_and_the_newest_first() {
    let service = Service::start().await;
    service.import("email\nada@example.org\n", &[]).await.expect(200);
    let ada = crate::imports::user(&service, "ada@example.org").await.unwrap();
    let path = format!("/users/{}/history", ada.id);
    for _ in 0..6 {
        service
            .put(&format!("/users/{}/expire", ada.id), &Value::Null)
            .await
            .expect(200);
    }

    let whole = service.get(&format!("{path}?limit=100")).await.expect(200);
    let whole = whole["items"].as_array().unwrap().clone();

    assert_eq!(whole.len(), 7);
    assert_eq!(whole[6]["action"], "created");
    let times: Vec<_> = whole.iter().map(|line| line["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    for limit in [1, 2, 3, 6, 7] {
        assert_eq!(service.walk(&path, &[], limit).await, whole, "{limit}");
    }
    let none = service.get(&format!("{path}?limit=0")).await.expect(200);
    assert_eq!((&none["count"], &none["nextCursor"]), (&json!(7), &Value::Null));
    let offset = service.get(&format!("{path}?offset=5&limit=1")).await.expect(200);
    assert_eq!(
        (&offset["items"], &offset["offset"]),
        (&json!([whole[5]]), &json!(5))
    );
    for (query, parameter) in [
        ("cursor=x", "cursor"),
        ("offset=10001", "offset"),
        ("limit=101", "limit"),
    ] {
        let refused = service.get(&format!("{path}?{query}")).await;
        refused.expect(400);
        assert!(refused.text.contains(parameter), "{}", refused.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_system_administrators_find_the_history_of_a_deleted_user() {
    let service = Service::start().await;
    let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let path = format!("/users/{}/history", ada.id);
    let as_clerk = || send(service.request_as(&clerk.token, Method::GET, &path));
    as_clerk().await.expect(200);

    service.delete(&format!("/users/{}", ada.id)).await.expect(200);

    as_clerk().await.expect(404);
    service.get(&path).await.expect(200);
    let unknown = format!("/users/{}/history", UserId::random(ada.id.slot()));
    service.get(&unknown).await.expect(404);
    service.get("/users/x/history").await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_kept_as_long_as_the_deployment_says() {
    let service = Service::with_variables(&[("HISTORY_RETENTION_DAYS", "2")]).await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let user = format!("/users/{}", ada.id);
    service
        .put(&format!("{user}/expire"), &Value::Null)
        .await
        .expect(200);
    service
        .put(&format!("{user}/enable"), &Value::Null)
        .await
        .expect(200);
    let partition = format!("H#{}", ada.id);
    let items = service.partition(&partition).await;
    for item in &items {
        let ends: u64 = item["expiresAt"].as_n().unwrap().parse().unwrap();
        let in_two_days = clock::now().seconds() + 2 * 24 * 60 * 60;
        assert!((in_two_days - 60..=in_two_days).contains(&ends), "{ends}");
    }
    let end = async |place: &str| {
        let now = clock::now().seconds();
        service.set(&partition, place, "expiresAt", now).await;
    };

    // Storage deletes late.
    end(items[0]["SK"].as_s().unwrap()).await;
    let by = my_id(&service).await;
    assert_eq!(
        history(&service, ada.id).await,
        [format!("{by} disabled enabled true false")]
    );
    service.delete(&user).await.expect(200);
    assert_eq!(history(&service, ada.id).await.len(), 2);
    end("end").await;
    service.get(&format!("{user}/history")).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_has_personal_data() {
    let service = Service::start().await;
    let made = json!({
        "email": "canary-address@example.org", "firstName": "CanaryFirst", "lastName": "CanaryLast",
        "otherName": "CanaryOther", "mobileNumber": "+358405550100", "planId": "canary-plan",
        "externalUserId": "canary-reference", "roles": "ROLE_ORIGINATOR",
    });
    let made = service.post("/users", &made).await.expect(201);
    let user = format!("/users/{}", made["id"].as_str().unwrap());
    let change = json!({
        "email": "canary-second@example.org", "firstName": "CanaryAgain", "lastName": null, "otherName": null,
        "mobileNumber": "+358405550199", "planId": null, "externalUserId": null,
    });
    service.put(&user, &change).await.expect(200);
    service.delete(&user).await.expect(200);

    let items = service.items().await;
    let lines: Vec<_> = items
        .iter()
        .filter(|item| item["PK"].as_s().unwrap().starts_with("H#"))
        .map(|item| format!("{item:?}").to_lowercase())
        .collect();

    assert!(lines.len() >= 3);
    for line in lines {
        assert!(!line.contains("canary") && !line.contains("5550"), "{line}");
    }
}

/// The ways in which an account is made, changed and deleted.
#[derive(Clone, Copy, Debug)]
enum Act {
    Create,
    Change,
    Move,
    Disable,
    Expire,
    IssueToken,
    Delete,
}

impl Act {
    const ALL: [Self; 7] = [
        Self::Create,
        Self::Change,
        Self::Move,
        Self::Disable,
        Self::Expire,
        Self::IssueToken,
        Self::Delete,
    ];

    /// Does it to the account of `user`, or makes one with that address.
    async fn carry_out(self, app: &App, user: &User) -> Result<(), Error> {
        let actor = Actor::bootstrap("crash");
        if matches!(self, Self::Create) {
            let made = accounts::create(
                app,
                &actor,
                collaborator(user.email.as_str()),
                RequestMark::random(),
            );
            return made.await.map(drop);
        }
        let account = app.users.find(user.id).await?.unwrap();
        let patch = match self {
            Self::Delete => return accounts::delete(app, &actor, account, |_| Ok(())).await.map(drop),
            Self::IssueToken => {
                let hour = Duration::from_hours(1);
                let issued = accounts::issue_token(app, &actor, &account, hour, WhenFull::Refuse);
                return issued.await.map(drop);
            }
            Self::Expire => UserPatch::default(),
            Self::Change => UserPatch {
                roles: Some([Role::Originator].into_iter().collect()),
                ..UserPatch::default()
            },
            Self::Move => UserPatch {
                email: format!("moved-{}", user.email.as_str()).parse().ok(),
                ..UserPatch::default()
            },
            _ => UserPatch {
                enabled: Some(false),
                ..UserPatch::default()
            },
        };
        let decide = |account: &Account| match self {
            Self::Expire => Ok(accounts::expired(account)),
            _ => account.patched(patch.clone(), clock::now()),
        };
        accounts::change(app, &actor, account, decide).await.map(drop)
    }
}

/// What is stored of the account at an address: its version, and how many tokens it has.
async fn state(service: &Service, user: &User) -> Option<(u64, usize)> {
    let slot = Slot::of(&user.email);
    let account = service.app().users.holders([slot]).await.unwrap().remove(&slot)?;
    let record = service.partition(&format!("V#{}", account.user.id)).await;
    let tokens = record
        .first()
        .map_or(0, |record| record["tokens"].as_l().unwrap().len());
    Some((account.user.version, tokens))
}

/// How many lines all histories have.
async fn lines(service: &Service) -> usize {
    let items = service.items().await;
    let is_line = |item: &&Item| item["PK"].as_s().unwrap().starts_with("H#");
    items.iter().filter(is_line).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_call_leaves_an_act_with_its_line_or_neither() {
    let service = Service::start().await;
    let (mut number, mut crashes) = (0, 0);
    for act in Act::ALL {
        for (call, after) in (0..).flat_map(|call| [(call, false), (call, true)]) {
            number += 1;
            let user = User::new(
                collaborator(&format!("u{number}@example.org")),
                clock::now(),
                None,
            );
            if !matches!(act, Act::Create) {
                let users = service.app().users.clone();
                users
                    .insert(&user, RequestMark::random(), Vec::new())
                    .await
                    .unwrap();
            }
            let (lines_before, before) = (lines(&service).await, state(&service, &user).await);

            let storage = Faults::new(Schedule::Crash { call, after });
            let app = storage.app(&service.local, &[]);
            let done = Box::pin(storage.until_stopped(act.carry_out(&app, &user))).await;

            let is_done = state(&service, &user).await != before;
            let more = lines(&service).await - lines_before;
            assert_eq!(more, usize::from(is_done), "{act:?}, call {call}, after: {after}");
            if let Some(done) = done {
                done.unwrap();
                assert!(is_done, "{act:?}");
                break;
            }
            crashes += 1;
        }
    }
    println!("{crashes} crashes");
    assert!(crashes > 25);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_added_by_a_request_that_is_sent_again_has_one_line() {
    let storage = Faults::new(Schedule::Clean);
    let service = Service::above(&storage).await;
    for call in 0.. {
        let email = format!("u{call}@example.org");
        let body = json!({ "email": email, "roles": "ROLE_ORIGINATOR" });
        let post = || {
            let request = service.request(Method::POST, "/users");
            send(request.header("Idempotency-Key", &email).json(&body))
        };
        storage.begin(Schedule::From {
            call,
            fault: Fault::FailedAfter,
        });
        let first = post().await;
        storage.begin(Schedule::Clean);

        let made = post().await.expect(201);

        let lines = history(&service, made["id"].as_str().unwrap()).await;
        assert_eq!(lines.len(), 1, "from call {call} on");
        if first.status == 201 {
            assert!(call > 2);
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_and_the_history_say_the_same() {
    let service = Service::logged(Options::default()).await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    for act in acts(&ada.id.to_string()) {
        send(request(&service, &act)).await;
    }
    let of_ada = ada.id.to_string();
    let logged: Vec<_> = crate::support::logs::lines("audit")
        .into_iter()
        .filter(|line| line["user.id"] == json!(of_ada))
        .map(|line| {
            (
                line["request.id"].clone(),
                line["audit.by"].clone(),
                line["audit.action"].clone(),
            )
        })
        .collect();

    let page = service
        .get(&format!("/users/{of_ada}/history?limit=100"))
        .await
        .expect(200);

    let items = page["items"].as_array().unwrap().iter().rev();
    let kept: Vec<_> = items
        .map(|line| {
            (
                line["requestId"].clone(),
                line["by"].clone(),
                line["action"].clone(),
            )
        })
        .collect();
    assert_eq!(kept, logged);
    assert_eq!(kept.len(), acts("").len());
}
