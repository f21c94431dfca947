//! `POST /users/bulk`.

use reqwest::Method;
use serde_json::{Value, json};
use shared::roster::Role;

use crate::support::{Service, send};

fn statuses(results: &Value) -> Vec<i64> {
    let results = results["results"].as_array().unwrap();
    results
        .iter()
        .map(|result| result["status"].as_i64().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_id_stands_alone() {
    let service = Service::start().await;
    let root = service.get("/users/me").await.json()["id"].clone();
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let bob = service.account("bob@example.org", &[Role::Originator]).await;
    let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;
    let ids = json!({"ids": [ada.id.to_string(), "nonsense", root, bob.id.to_string(), clerk.id.to_string(), ada.id.to_string()]});
    let bulk = async |token: &str, action: &str| {
        let path = format!("/users/bulk?action={action}");
        send(service.request_as(token, Method::POST, &path).json(&ids))
            .await
            .expect(200)
    };

    let disabled = bulk(&clerk.token, "disable").await;
    assert_eq!(statuses(&disabled), [200, 404, 403, 200, 403, 200]);
    assert_eq!(
        disabled["results"][0],
        json!({"id": ada.id.to_string(), "status": 200, "detail": null})
    );
    assert_eq!(
        disabled["results"][1],
        json!({"id": "nonsense", "status": 404, "detail": "the user does not exist"})
    );
    assert_eq!(service.me(&ada.token).await.status, 401);
    assert_eq!(
        statuses(&bulk(&clerk.token, "enable").await),
        [200, 404, 403, 200, 403, 200]
    );
    assert_eq!(service.me(&ada.token).await.status, 200);
    assert_eq!(
        statuses(&bulk(service.admin(), "disable").await),
        [200, 404, 409, 200, 200, 200]
    );
    assert_eq!(
        statuses(&bulk(service.admin(), "delete").await),
        [200, 404, 409, 200, 200, 404]
    );
    assert_eq!(
        statuses(&bulk(service.admin(), "expire").await),
        [404, 404, 200, 404, 404, 404]
    );
    assert_eq!(service.get("/users/me").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_itself_is_checked() {
    let service = Service::start().await;

    assert_eq!(
        service
            .post("/users/bulk?action=delete", &json!({}))
            .await
            .expect(200),
        json!({"results": []})
    );
    assert_eq!(service.post("/users/bulk", &json!({})).await.status, 400);
    assert_eq!(
        service
            .post("/users/bulk?action=promote", &json!({}))
            .await
            .status,
        400
    );
    for wrong in [
        json!({"ids": "x"}),
        json!({"ids": [1]}),
        json!({"ids": vec!["x"; 101]}),
        json!({"id": "x"}),
    ] {
        assert_eq!(
            service.post("/users/bulk?action=enable", &wrong).await.status,
            422,
            "{wrong}"
        );
    }
    let most = service
        .post("/users/bulk?action=enable", &json!({"ids": vec!["x"; 100]}))
        .await;
    assert_eq!(statuses(&most.expect(200)), [404; 100]);
}
