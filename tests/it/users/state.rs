//! `PUT /users/{userId}/enable` and `/expire`.

use reqwest::Method;
use serde_json::Value;
use shared::models::Role;

use crate::support::{Service, send};

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_user_is_out_at_once_and_back_when_enabled() {
    let service = Service::start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let enable = format!("/users/{}/enable", ada.id);
    let me = async || {
        send(service.request_as(&ada.token, Method::GET, "/users/me"))
            .await
            .status
    };

    assert_eq!(
        service.put(&enable, &Value::Null).await.expect(200)["enabled"],
        false
    );
    assert_eq!(me().await, 401);
    assert_eq!(
        service.put(&enable, &Value::Null).await.expect(200)["enabled"],
        true
    );
    assert_eq!(me().await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn expiring_ends_the_tokens_there_are_and_no_later_one() {
    let service = Service::start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let user = format!("/users/{}", ada.id);
    let issue = async || {
        let issued = service
            .post(&format!("{user}/tokens"), &serde_json::json!({}))
            .await
            .expect(201);
        issued["accessToken"].as_str().unwrap().to_owned()
    };
    let me = async |token: &str| {
        send(service.request_as(token, Method::GET, "/users/me"))
            .await
            .status
    };

    for _ in 0..20 {
        let before = issue().await;
        let expired = service
            .put(&format!("{user}/expire"), &Value::Null)
            .await
            .expect(200);
        assert_eq!(expired["id"], ada.id.to_string());
        let after = issue().await;
        assert_eq!(me(&before).await, 401);
        assert_eq!(me(&after).await, 200);
    }
    assert_eq!(me(&ada.token).await, 401);
}
