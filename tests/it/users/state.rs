//! `PUT /users/{userId}/enable` and `/expire`.

use reqwest::Method;
use serde_json::{Value, json};
use shared::roster::Role;

use crate::support::{Service, send};

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_user_is_out_at_once_and_back_when_enabled() {
    let service = Service::start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let enable = format!("/users/{}/enable", ada.id);
    let me = async || service.me(&ada.token).await.status;

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
            .post(&format!("{user}/tokens"), &json!({}))
            .await
            .expect(201);
        issued["accessToken"].as_str().unwrap().to_owned()
    };
    let me = async |token: &str| service.me(token).await.status;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_at_once_what_the_roles_of_its_user_may() {
    let service = Service::start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let list = async || {
        let request = service.request_as(&ada.token, Method::GET, "/users");
        send(request).await.status.as_u16()
    };
    let give = async |role: &str| {
        let roles = json!({ "roles": role });
        service
            .put(&format!("/users/{}", ada.id), &roles)
            .await
            .expect(200);
    };

    let before = list().await;
    give("ROLE_USER_ADMIN").await;
    let promoted = list().await;
    give("ROLE_ORIGINATOR").await;
    let demoted = list().await;

    assert_eq!([before, promoted, demoted], [403, 200, 403]);
}
