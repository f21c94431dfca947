//! `POST /users/{userId}/tokens`.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use shared::clock;
use shared::roster::{Role, Timestamp};
use shared::table::Token;

use crate::support::{Service, send};

#[tokio::test(flavor = "multi_thread")]
async fn an_issued_token_acts_as_its_user() {
    let service = Service::start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let tokens = format!("/users/{}/tokens", ada.id);

    let empty = send(service.request(Method::POST, &tokens)).await;
    assert_eq!(empty.expect(201)["expiresIn"], 43_200);
    let issued = service.post(&tokens, &json!({"expiresIn": 60})).await.expect(201);
    assert_eq!(issued["tokenType"], "Bearer");
    assert_eq!(issued["expiresIn"], 60);
    let token = issued["accessToken"].as_str().unwrap();
    let me = service.me(token).await;
    assert_eq!(me.expect(200)["id"], ada.id.to_string());

    for wrong in [json!(0), json!(7_776_001), json!(-1), json!("60"), json!(1.5)] {
        let refused = service.post(&tokens, &json!({"expiresIn": wrong})).await;
        assert_eq!(refused.status, 422);
        assert_eq!(refused.faults(), ["#/expiresIn out_of_range"]);
    }
    assert_eq!(service.post(&tokens, &json!({"expiresAt": 1})).await.status, 422);
    service
        .put(&format!("/users/{}/enable", ada.id), &Value::Null)
        .await
        .expect(200);
    assert_eq!(service.post(&tokens, &json!({})).await.status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_can_switch_issuing_off() {
    let service = Service::with_variables(&[("TOKEN_ISSUE", "false")]).await;

    let refused = service.post("/users/me/tokens", &json!({})).await;

    assert_eq!(refused.status, 403);
    assert_eq!(
        refused.json()["detail"],
        "this deployment issues no access tokens"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_with_its_time() {
    let service = Service::start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let now = clock::now();
    let before = |seconds: u64| Timestamp::from_millis(now.millis() - seconds * 1000);
    let issue = async |end: Timestamp| {
        let token = Token::random(ada.id).unwrap();
        service
            .app()
            .tokens
            .insert(&token, before(60), end)
            .await
            .unwrap();
        token.reveal().to_owned()
    };
    let past = issue(before(1)).await;
    let future = issue(now.plus(Duration::from_mins(1))).await;

    service.me(&past).await.expect_refused_token("past");
    service.me(&future).await.expect(200);
    let longest = service
        .post(
            &format!("/users/{}/tokens", ada.id),
            &json!({"expiresIn": 7_776_000}),
        )
        .await
        .expect(201);
    assert_eq!(longest["expiresIn"], 7_776_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_kept_as_a_hash() {
    let service = Service::start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;

    let issued = service
        .post(&format!("/users/{}/tokens", ada.id), &json!({}))
        .await
        .expect(201);

    let token = issued["accessToken"].as_str().unwrap();
    let (id, secret) = token.split_once('.').unwrap();
    let stored = format!("{:?}", service.items().await);
    assert!(stored.contains(id), "{stored}");
    assert!(!stored.contains(secret), "{stored}");
}
