//! `DELETE /users/{userId}`.

use reqwest::Method;
use serde_json::json;
use shared::roster::Role;

use crate::support::{Service, send};

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_at_the_address_inherits_nothing() {
    let service = Service::start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let old = format!("/users/{}", ada.id);

    let deleted = service.delete(&old).await.expect(200);
    assert_eq!(deleted, json!({"id": ada.id.to_string(), "contactsDeleted": 0}));
    let new = json!({"email": "ada@example.org", "roles": ["ROLE_ORIGINATOR"]});
    let new = service.post("/users", &new).await.expect(201);

    assert_ne!(new["id"], ada.id.to_string());
    assert_eq!(service.get(&old).await.status, 404);
    assert_eq!(service.delete(&old).await.status, 404);
    assert_eq!(service.put(&old, &json!({})).await.status, 404);
    assert_eq!(service.me(&ada.token).await.status, 401);
    let new = format!("/users/{}", new["id"].as_str().unwrap());
    assert_eq!(service.get(&new).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_deletes_themselves_and_a_user_administrator_no_administrator() {
    let service = Service::start().await;
    let root = service.get("/users/me").await.json();
    let root = format!("/users/{}", root["id"].as_str().unwrap());
    let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;

    assert_eq!(service.delete(&root).await.status, 409);
    assert_eq!(
        send(service.request_as(&clerk.token, Method::DELETE, &root))
            .await
            .status,
        403
    );

    let other = service.account("other@example.org", &[Role::SystemAdmin]).await;
    assert_eq!(service.delete(&root).await.status, 409);
    assert_eq!(
        send(service.request_as(&other.token, Method::DELETE, &root))
            .await
            .status,
        200
    );
    assert_eq!(service.app().users.active_system_admins().await.unwrap(), 1);
}
