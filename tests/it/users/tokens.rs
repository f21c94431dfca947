//! `POST /users/{userId}/tokens`.

use local::Options;
use reqwest::Method;
use serde_json::{Value, json};
use shared::models::Role;

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
    let me = send(service.request_as(token, Method::GET, "/users/me")).await;
    assert_eq!(me.expect(200)["id"], ada.id.to_string());

    for wrong in [json!(0), json!(7_776_001), json!(-1), json!("60"), json!(1.5)] {
        let refused = service.post(&tokens, &json!({"expiresIn": wrong})).await;
        assert_eq!(refused.status, 422);
        assert_eq!(refused.faults()[0].1, "out_of_range");
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
    let environment = [("TOKEN_ISSUE".to_owned(), "false".to_owned())].into();
    let service = Service::with(Options {
        environment,
        ..Options::default()
    })
    .await;

    let refused = service.post("/users/me/tokens", &json!({})).await;

    assert_eq!(refused.status, 403);
    assert_eq!(
        refused.json()["detail"],
        "this deployment issues no access tokens"
    );
}
