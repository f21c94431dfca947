//! What is kept of an import, and for how long.

use local::Options;
use reqwest::Method;
use serde_json::Value;
use shared::clock;

use super::{counts, path, people, time};
use crate::support::{Service, send};

const DAY: u64 = 24 * 60 * 60;

/// Everything in the table that belongs to the import, by sort key.
async fn items(service: &Service, import: &Value) -> Vec<(String, u64)> {
    let items = service
        .partition(&format!("I#{}", import["id"].as_str().unwrap()))
        .await;
    let items = items.iter().map(|item| {
        let expires_at = item["expiresAt"].as_n().unwrap().parse().unwrap();
        (item["SK"].as_s().unwrap().clone(), expires_at)
    });
    items.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_and_its_errors_are_deleted_after_the_days_that_the_deployment_sets() {
    let service = Service::with(Options {
        parameters: [("FileRetentionDays".to_owned(), "3".to_owned())].into(),
        ..Options::default()
    })
    .await;

    let import = service
        .import("email\nada@example.org\nada@\n", &[])
        .await
        .expect(200);

    let expires_at = time(&import["expiresAt"]);
    assert_eq!(expires_at, time(&import["createdAt"]) + 3 * DAY);
    assert_eq!(
        items(&service, &import).await,
        [
            ("C".to_owned(), expires_at),
            ("E#0000000003".to_owned(), expires_at),
            ("H#0000000002".to_owned(), expires_at),
            ("I".to_owned(), expires_at),
            ("R#0000000003".to_owned(), expires_at)
        ]
    );
    let table = &service.local.template().table;
    let deletes_by = table.time_to_live_specification.as_ref().unwrap();
    assert_eq!(deletes_by.attribute_name, "expiresAt");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_import_is_gone_although_storage_deletes_late() {
    let service = Service::start().await;
    let file = people(1..=2);
    let import = service.import(file.clone(), &[]).await.expect(200);
    let listed = service.get("/users/import").await.expect(200);
    let partition = format!("I#{}", import["id"].as_str().unwrap());
    service
        .set(&partition, "I", "expiresAt", clock::now().seconds() - 1)
        .await;

    for (method, below) in [
        (Method::GET, ""),
        (Method::DELETE, ""),
        (Method::POST, "/resume"),
        (Method::POST, "/apply"),
        (Method::POST, "/undo"),
        (Method::GET, "/errors"),
        (Method::GET, "/changes"),
        (Method::GET, "/rejected"),
    ] {
        let answer = send(service.request(method, &(path(&import) + below))).await;
        assert_eq!(
            answer.expect(404)["detail"],
            "the import does not exist",
            "{below}"
        );
    }
    let left = service.get("/users/import").await.expect(200);
    let again = service.import(file, &[]).await.expect(200);

    assert_eq!(listed["count"], 1);
    assert_eq!(left["count"], 0);
    assert_eq!(left["items"].as_array().unwrap().len(), 0);
    assert_ne!(again["id"], import["id"]);
    assert_eq!(counts(&again), [2, 0, 0, 0, 2]);
}
