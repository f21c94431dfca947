//! `Idempotency-Key`, on every POST but that of a file, of which `imports/again.rs` tells.

use reqwest::Method;
use serde_json::{Value, json};
use shared::roster::Role;

use crate::support::{Answer, Service, form, send};

#[tokio::test(flavor = "multi_thread")]
async fn every_post_is_carried_out_once_under_its_key_and_answers_the_same_again() {
    let service = Service::start().await;
    let roles = [Role::SystemAdmin, Role::Originator];
    let caller = service.account("caller@example.org", &roles).await;
    let other = service.account("other@example.org", &[Role::Originator]).await;
    let ids = json!({ "ids": [other.id.to_string()] });
    let user = |email: &str| json!({ "email": email, "roles": "ROLE_ORIGINATOR" });
    let contacts = |email: &str| json!({ "contacts": [{ "email": email }], "ignoreDuplicates": false });
    for (number, (path, body, another, status)) in [
        ("/users", user("ada@example.org"), user("bob@example.org"), 201),
        (
            "/users/me/contacts",
            contacts("ada@example.org"),
            contacts("bob@example.org"),
            200,
        ),
        ("/users/bulk?action=expire", ids, json!({}), 200),
        (
            "/users/import/uploads",
            json!({ "bytes": 5 }),
            json!({ "bytes": 6 }),
            201,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let post = async |body: &Value| {
            let request = service.request_as(&caller.token, Method::POST, path);
            send(
                request
                    .header("Idempotency-Key", format!("key {number}"))
                    .json(body),
            )
            .await
        };

        let first = post(&body).await;
        let again = post(&body).await;
        let with_another = post(&another).await;

        assert_eq!(first.status, status, "{path}: {}", first.text);
        assert_eq!((again.status, &again.text), (first.status, &first.text), "{path}");
        assert_eq!(again.header("location"), first.header("location"), "{path}");
        assert_eq!(with_another.status, 422, "{path}");
        assert_eq!(with_another.faults(), ["#/Idempotency-Key repeated"], "{path}");
    }
    let numbers = service.get("/dashboard/users").await.expect(200);
    assert_eq!(numbers["totalUsers"], 4);
    assert_eq!(service.get("/users/import").await.expect(200)["count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_revoked_gets_no_answer_again() {
    let service = Service::start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let revoke = async || {
        let request = service.request_as(&ada.token, Method::POST, "/auth/token/revoke");
        send(request.header("Idempotency-Key", "k")).await
    };

    revoke().await.expect(200);
    revoke().await.expect_refused_token("revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_is_never_given_twice() {
    let service = Service::start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let issue = async |key: &str| {
        let request = service.request(Method::POST, &format!("/users/{}/tokens", ada.id));
        send(request.header("Idempotency-Key", key)).await
    };

    let first = issue("one").await.expect(201);
    let again = issue("one").await;
    let another = issue("two").await.expect(201);

    let problem = again.expect(409);
    assert_eq!(problem["type"], "/problems/conflict");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("issue another one with a new Idempotency-Key"),
        "{detail}"
    );
    assert_ne!(another["accessToken"], first["accessToken"]);
    for issued in [first, another] {
        service
            .me(issued["accessToken"].as_str().unwrap())
            .await
            .expect(200);
    }
}

/// Sends a sound POST to `path`, with ids in the place of its parameters, under a key.
async fn keyed(service: &Service, token: &str, path: &str, ids: [&str; 2]) -> Answer {
    let [user, import] = ids;
    let concrete = path.replace("{userId}", user).replace("{importId}", import);
    let request = match path {
        "/users/bulk" => service.request_as(token, Method::POST, "/users/bulk?action=expire"),
        _ => service.request_as(token, Method::POST, &concrete),
    };
    let request = request.header("Idempotency-Key", "k");
    let body = match path {
        "/users" => {
            json!({ "email": format!("made-by-{}@example.org", &token[..32]), "roles": "ROLE_ORIGINATOR" })
        }
        "/users/bulk" => json!({ "ids": [user] }),
        "/users/import" => return send(request.multipart(form("email\n", &[("force", "true")]))).await,
        "/users/import/uploads" => json!({ "bytes": 5 }),
        "/users/me/contacts" => {
            json!({ "contacts": [{ "email": "ada@example.org" }], "ignoreDuplicates": false })
        }
        "/users/{userId}/tokens" => json!({}),
        "/users/import/{importId}/apply"
        | "/users/import/{importId}/resume"
        | "/users/import/{importId}/undo"
        | "/auth/token/revoke" => return send(request).await,
        path => panic!("this test has no request for {path}"),
    };
    send(request.json(&body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_answer_is_given_only_to_a_caller_who_could_still_make_the_request() {
    let service = Service::start().await;
    let other = service.account("other@example.org", &[Role::Originator]).await;
    let other = other.id.to_string();
    let import = service.import("email\n", &[]).await.expect(200);
    let ids = [other.as_str(), import["id"].as_str().unwrap()];
    let document = serde_json::to_value(contract::document()).unwrap();
    let posts = document["paths"].as_object().unwrap().iter();
    let takes_key = |post: &Value| {
        let parameters = post["parameters"].as_array().into_iter().flatten();
        parameters
            .into_iter()
            .any(|parameter| parameter["name"] == "Idempotency-Key")
    };
    let posts: Vec<_> = posts.filter(|(_, item)| takes_key(&item["post"])).collect();
    let mut refused = 0;

    for (number, (path, _)) in posts.into_iter().enumerate() {
        let roles = [Role::SystemAdmin, Role::Originator];
        let caller = service.account(&format!("c{number}@example.org"), &roles).await;
        let give = async |roles: Value| {
            let user = format!("/users/{}", caller.id);
            service.put(&user, &json!({ "roles": roles })).await.expect(200);
        };

        let first = keyed(&service, &caller.token, path, ids).await;
        give(json!(["ROLE_ADHOC_COLLABORATOR"])).await;
        let without = keyed(&service, &caller.token, path, ids).await;
        give(json!(["ROLE_SYSTEM_ADMIN", "ROLE_ORIGINATOR"])).await;
        let again = keyed(&service, &caller.token, path, ids).await;

        match path.as_str() {
            // It takes no right, and nobody can send it twice.
            "/auth/token/revoke" => again.expect_refused_token(path),
            "/users/{userId}/tokens" => {
                without.expect(403);
                again.expect(409);
                refused += 1;
            }
            _ => {
                without.expect(403);
                assert_eq!((again.status, again.text), (first.status, first.text), "{path}");
                refused += 1;
            }
        }
    }
    assert!(refused >= 7, "the document lists only {refused} such operations");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_answer_about_an_administrator_is_not_given_to_a_caller_who_lost_that_right() {
    let service = Service::start().await;
    let caller = service.account("caller@example.org", &[Role::SystemAdmin]).await;
    let post = async || {
        let request = service.request_as(&caller.token, Method::POST, "/users");
        let body = json!({ "email": "clerk@example.org", "roles": "ROLE_USER_ADMIN" });
        send(request.header("Idempotency-Key", "k").json(&body)).await
    };

    post().await.expect(201);
    let clerk = json!({ "roles": "ROLE_USER_ADMIN" });
    service
        .put(&format!("/users/{}", caller.id), &clerk)
        .await
        .expect(200);

    post().await.expect(403);
}
