//! `POST /users/{userId}/tokens`.

use std::time::Duration;

use futures::future::join_all;
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
        service.keep(&token, before(60), end).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_at_most_so_many_tokens_in_force() {
    let service = Service::with_variables(&[("TOKENS_PER_USER", "3")]).await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let user = format!("/users/{}", ada.id);
    let issue = async || service.post(&format!("{user}/tokens"), &json!({})).await;
    let revoke = async |token: &str| {
        let request = service.request_as(token, Method::POST, "/auth/token/revoke");
        send(request).await.expect(200);
    };

    let at_once = join_all((0..5).map(|_| issue())).await;
    let issued: Vec<_> = at_once.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(issued.len(), 2, "besides the one that the account has");
    let refused = issue().await.expect(409);
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.contains("3 access tokens in force, and at most 3"),
        "{detail}"
    );

    revoke(&ada.token).await;
    issue().await.expect(201);
    issue().await.expect(409);

    service
        .put(&format!("{user}/expire"), &Value::Null)
        .await
        .expect(200);
    for _ in 0..3 {
        issue().await.expect(201);
    }
    issue().await.expect(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_has_ended_makes_room_for_another() {
    let service = Service::with_variables(&[("TOKENS_PER_USER", "2")]).await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let now = clock::now();
    let before = |seconds: u64| Timestamp::from_millis(now.millis() - seconds * 1000);
    service
        .keep(&Token::random(ada.id).unwrap(), before(60), before(1))
        .await;
    let tokens = format!("/users/{}/tokens", ada.id);

    service.post(&tokens, &json!({})).await.expect(201);
    service.post(&tokens, &json!({})).await.expect(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn bootstrap_is_never_refused_and_ends_the_oldest_token() {
    let service = Service::with_variables(&[("TOKENS_PER_USER", "2")]).await;
    let payload = json!({ "email": local::ADMINISTRATOR, "add": true });
    let mut tokens = vec![service.admin().to_owned()];

    for _ in 0..2 {
        let answer = service.local.invoke("bootstrap", &payload).await.unwrap();
        tokens.push(answer["accessToken"].as_str().unwrap().to_owned());
    }

    service.me(&tokens[0]).await.expect_refused_token("the oldest");
    service.me(&tokens[1]).await.expect(200);
    service.me(&tokens[2]).await.expect(200);
}
