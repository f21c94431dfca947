//! The function `bootstrap`, which has no URL.

use reqwest::Method;
use serde_json::json;
use shared::roster::Role;

use crate::imports::{members, user, users};
use crate::support::{Service, send};

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_first_administrator() {
    let service = Service::start().await;

    let refused = service
        .local
        .invoke("bootstrap", &json!({ "email": "second@example.org" }))
        .await;

    let told = refused.unwrap_err().to_string();
    assert!(told.contains("an administrator exists"), "{told}");
    assert!(!told.contains("second@example.org"), "{told}");
    assert!(user(&service, "second@example.org").await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_may_add_another_administrator_with_a_token_that_works() {
    let service = Service::start().await;
    let payload = json!({
        "email": "Second@Example.org", "add": true, "roles": ["ROLE_ORIGINATOR"],
    });

    let first = service.local.invoke("bootstrap", &payload).await.unwrap();
    let second = service.local.invoke("bootstrap", &payload).await.unwrap();

    assert_eq!(members(&first), ["accessToken", "expiresAt", "userId"]);
    assert_eq!(first["userId"], second["userId"]);
    assert_ne!(first["accessToken"], second["accessToken"]);
    for answer in [first, second] {
        let token = answer["accessToken"].as_str().unwrap();
        send(service.request_as(token, Method::GET, "/users/import"))
            .await
            .expect(200);
    }
    let made = user(&service, "second@example.org").await.unwrap();
    assert_eq!(
        made.roles.iter().collect::<Vec<_>>(),
        [Role::SystemAdmin, Role::Originator]
    );
    assert_eq!(users(&service).await, 2);
    assert_eq!(service.app().users.active_system_admins().await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_somebody_else_is_not_taken_over() {
    let service = Service::start().await;
    let somebody = service.account("somebody@example.org", &[Role::Originator]).await;

    let refused = service
        .local
        .invoke("bootstrap", &json!({ "email": somebody.email, "add": true }))
        .await;

    assert!(refused.is_err());
    let account = user(&service, &somebody.email).await.unwrap();
    assert_eq!(account.roles.iter().collect::<Vec<_>>(), [Role::Originator]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_makes_nobody() {
    let service = Service::start().await;

    for payload in [
        json!({}),
        json!({ "email": "nobody", "add": true }),
        json!({ "email": "a@example.org", "add": true, "roles": ["Wizard"] }),
        json!({ "email": "a@example.org", "add": true, "roles": ["ROLE_ADHOC_COLLABORATOR"] }),
        json!({ "email": "a@example.org", "add": true, "password": "secret" }),
    ] {
        assert!(
            service.local.invoke("bootstrap", &payload).await.is_err(),
            "{payload}"
        );
    }
    assert_eq!(users(&service).await, 1);
}
