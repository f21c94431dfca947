//! The audit lines: who did what to whom by which request.

use local::Options;
use reqwest::Method;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};
use shared::roster::Role;

use crate::support::{Answer, Service, form, logs, send};

/// The members of an audit line that say what was done.
const DETAILS: [&str; 4] = ["audit.members", "audit.rows", "audit.roles_before", "audit.roles"];

/// The audit lines of the request `id`, each as one text: actor, action, object, and further members.
fn lines_of(id: &str) -> Vec<String> {
    let lines = logs::lines("audit").into_iter();
    lines
        .filter(|line| line["request.id"] == id)
        .map(|line| text(&line))
        .collect()
}

fn text(line: &Value) -> String {
    let subjects = ["user.id", "import.id", "export.id"];
    let subject = subjects.iter().find_map(|name| line.get(*name)).unwrap();
    let mut words = vec![&line["audit.by"], &line["audit.action"], subject];
    words.extend(DETAILS.iter().filter_map(|name| line.get(*name)));
    let words = words.into_iter().map(|word| match word {
        Value::String(word) => word.clone(),
        other => other.to_string(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The audit lines of the request that was answered so.
fn lines(answer: &Answer) -> Vec<String> {
    lines_of(answer.header("x-request-id"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_act_on_an_account_is_one_line_with_actor_and_account() {
    let service = Service::logged(Options::default()).await;
    let admin = service.get("/users/me").await.expect(200)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let made = service
        .post(
            "/users",
            &json!({ "email": "ada@example.org", "roles": "ROLE_ORIGINATOR" }),
        )
        .await;
    let ada = made.expect(201)["id"].as_str().unwrap().to_owned();
    assert_eq!(lines(&made), [format!("{admin} created {ada} ROLE_ORIGINATOR")]);
    let user = format!("/users/{ada}");

    for (method, path, body, line) in [
        (
            Method::PUT,
            user.clone(),
            json!({ "lastName": "Lovelace", "planId": "p" }),
            "changed {} lastName,planId",
        ),
        (Method::PUT, user.clone(), json!({ "lastName": "Lovelace" }), ""),
        (
            Method::PUT,
            user.clone(),
            json!({ "roles": ["ROLE_COLLABORATOR", "ROLE_USER_ADMIN"], "firstName": "Ada" }),
            "changed {} firstName,roles ROLE_ORIGINATOR ROLE_USER_ADMIN,ROLE_COLLABORATOR",
        ),
        (
            Method::PUT,
            user.clone(),
            json!({ "enabled": false }),
            "disabled {} enabled",
        ),
        (
            Method::PUT,
            format!("{user}/enable"),
            Value::Null,
            "enabled {} enabled",
        ),
        (
            Method::PUT,
            format!("{user}/expire"),
            Value::Null,
            "tokens_expired {}",
        ),
        (
            Method::POST,
            format!("{user}/tokens"),
            json!({}),
            "token_issued {}",
        ),
        (
            Method::POST,
            "/users/bulk?action=disable".to_owned(),
            json!({ "ids": [ada] }),
            "disabled {} enabled",
        ),
        (Method::DELETE, user.clone(), Value::Null, "deleted {}"),
        (Method::DELETE, user.clone(), Value::Null, ""),
    ] {
        let what = format!("{method} {path} {body}");
        let request = service.request(method, &path);
        let answer = send(if body.is_null() {
            request
        } else {
            request.json(&body)
        })
        .await;
        let expected = (!line.is_empty()).then(|| format!("{admin} {}", line.replace("{}", &ada)));
        assert_eq!(
            lines(&answer),
            Vec::from_iter(expected),
            "{what}: {}",
            answer.text
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_is_the_actor_of_an_own_change() {
    let service = Service::logged(Options::default()).await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;

    let request = service.request_as(&ada.token, Method::PUT, "/users/me");
    let changed = send(request.json(&json!({ "firstName": "Ada" }))).await;

    assert_eq!(lines(&changed), [format!("{0} changed {0} firstName", ada.id)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_no_act() {
    let service = Service::logged(Options::default()).await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;

    for (path, status) in [("/users", 403), ("/users/import", 403)] {
        let request = service.request_as(&ada.token, Method::POST, path);
        let refused = send(request.json(&json!({}))).await;
        refused.expect(status);
        assert_eq!(lines(&refused), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_act_on_an_import_is_one_line_with_actor_and_import() {
    let service = Service::logged(Options::default()).await;
    let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;
    let by = clerk.id;
    let post = |path: &str| service.request_as(&clerk.token, Method::POST, path);

    let sent = send(post("/users/import").multipart(form("email\nada\n", &[]))).await;
    let id = sent.expect(200)["id"].as_str().unwrap().to_owned();
    assert_eq!(lines(&sent), [format!("{by} import_started {id}")]);
    let again = send(post("/users/import").multipart(form("email\nada\n", &[]))).await;
    assert_eq!(lines(&again), [""; 0]);

    let rejected = format!("/users/import/{id}/rejected");
    let rejected = send(service.request_as(&clerk.token, Method::GET, &rejected)).await;
    assert_eq!(rejected.status, 200);
    assert_eq!(lines(&rejected), [format!("{by} rejected_rows_read {id}")]);

    let opened = send(post("/users/import/uploads").json(&json!({ "bytes": 5 }))).await;
    let id = opened.expect(201)["id"].as_str().unwrap().to_owned();
    assert_eq!(lines(&opened), [format!("{by} import_started {id}")]);
    let cancelled = format!("/users/import/{id}");
    let cancelled = send(service.request_as(&clerk.token, Method::DELETE, &cancelled)).await;
    cancelled.expect(200);
    assert_eq!(lines(&cancelled), [format!("{by} import_cancelled {id}")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_given_a_file_of_users_is_one_line_without_what_was_searched_for() {
    let service = Service::logged(Options::default()).await;
    let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;
    let path = "/users/export?searchText=clerk&enabled=false";
    let ask = || async {
        let request = service.request_as(&clerk.token, Method::GET, path);
        send(request.header(ACCEPT, "application/json")).await
    };

    let asked = ask().await;
    assert_eq!(asked.status, 202, "{}", asked.text);
    assert_eq!(lines(&asked), [""; 0], "nothing is given yet");
    service.local.settled().await;
    let given = ask().await;
    given.expect(200);

    let written = &lines(&given)[0];
    let words: Vec<_> = written.split(' ').collect();
    let by = clerk.id.to_string();
    assert_eq!(
        [words[0], words[1], words[3], words[4]],
        [&by, "users_exported", "searchText,enabled", "0"]
    );
    assert!(words[2].chars().all(|char| char.is_ascii_hexdigit()), "{written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_without_an_account_are_named_by_their_way_in() {
    let service = Service::logged(Options::default()).await;

    let payload = json!({ "email": "second@example.org", "add": true });
    let second = service.local.invoke("bootstrap", &payload).await.unwrap();
    service
        .put_object("drop/people.csv", "email\nada@example.org\n")
        .await;
    service.local.settled().await;

    let texts: Vec<_> = logs::lines("audit")
        .iter()
        .filter(|line| !line["request.id"].as_str().unwrap().is_empty())
        .map(text)
        .collect();
    let second = second["userId"].as_str().unwrap();
    let created = format!("bootstrap created {second} ROLE_SYSTEM_ADMIN");
    assert!(texts.contains(&created), "{texts:?}");
    assert!(
        texts.contains(&format!("bootstrap token_issued {second}")),
        "{texts:?}"
    );
    let imports = service.get("/users/import").await.expect(200);
    let import = imports["items"][0]["id"].as_str().unwrap();
    assert!(
        texts.contains(&format!("bucket import_started {import}")),
        "{texts:?}"
    );
}
