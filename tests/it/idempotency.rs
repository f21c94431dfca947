//! `Idempotency-Key`, on every POST but that of a file, of which `imports/again.rs` tells.

use reqwest::Method;
use serde_json::{Value, json};
use shared::models::Role;

use crate::support::{Service, send};

#[tokio::test(flavor = "multi_thread")]
async fn every_post_is_carried_out_once_under_its_key_and_answers_the_same_again() {
    let service = Service::start().await;
    let roles = [Role::SystemAdmin, Role::Originator];
    let caller = service.account("caller@example.org", &roles).await;
    let other = service.account("other@example.org", &[Role::Originator]).await;
    let ids = json!({ "ids": [other.id.to_string()] });
    let user = |email: &str| json!({ "email": email, "roles": "ROLE_ORIGINATOR" });
    let contacts = |email: &str| json!({ "contacts": [{ "email": email }], "ignoreDuplicates": false });
    let tokens = format!("/users/{}/tokens", other.id);

    for (number, (path, body, another, status)) in [
        ("/users", user("ada@example.org"), user("bob@example.org"), 201),
        (
            "/users/me/contacts",
            contacts("ada@example.org"),
            contacts("bob@example.org"),
            200,
        ),
        (tokens.as_str(), json!({}), json!({ "expiresIn": 60 }), 201),
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
