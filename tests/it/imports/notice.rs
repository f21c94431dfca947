//! How imports have ended is told by an object in the bucket.

use serde_json::{Value, json};

use super::import_later;
use crate::support::Service;

/// What is told of the import `id`, if anything is.
async fn told(service: &Service, id: &Value) -> Option<Value> {
    let key = format!("results/{}.json", id.as_str().unwrap());
    let object = service.object(&key).await?;
    Some(serde_json::from_slice(&object).unwrap())
}

async fn forget(service: &Service, id: &Value) {
    let key = format!("results/{}.json", id.as_str().unwrap());
    let delete = service.local.s3().delete_object().bucket(service.local.bucket());
    delete.key(key).send().await.unwrap();
}

async fn sweep(service: &Service) {
    service.local.invoke("sweep", &json!({})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_tells_how_its_import_has_ended() {
    let service = Service::start().await;
    let file = "email\nada@example.org\nnobody\n";
    let completed = service.import(file, &[("dryRun", "true")]).await.expect(200);
    let failed = service.import("name\n", &[]).await.expect(422);
    service.local.settled().await;

    assert_eq!(
        told(&service, &completed["id"]).await.unwrap(),
        json!({
            "importId": completed["id"],
            "status": "completed",
            "mode": "create",
            "dryRun": true,
            "parent": null,
            "counts": {
                "rows": 2, "created": 1, "updated": 0, "unchanged": 0, "deleted": 0, "skipped": 0, "failed": 1,
                "warnings": 0, "disabled": 0,
            },
            "finishedAt": completed["finishedAt"],
        })
    );
    let failed = told(&service, &failed["importId"]).await.unwrap();
    assert_eq!(failed["status"], "failed");
    forget(&service, &completed["id"]).await;
    sweep(&service).await;
    assert!(told(&service, &completed["id"]).await.is_none(), "once is enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_tells_of_what_stands_still_or_ended_without_a_run() {
    let service = Service::without_runs(&[]).await;
    let cancelled = import_later(&service, "email\nada@example.org\n", &[])
        .await
        .expect(202);
    let stalled = import_later(&service, "email\ntim@example.org\n", &[])
        .await
        .expect(202);
    let waits = import_later(&service, "email\nbob@example.org\n", &[])
        .await
        .expect(202);
    service.delete(&super::path(&cancelled)).await.expect(200);
    let partition = format!("I#{}", stalled["id"].as_str().unwrap());
    service.set(&partition, "I", "leaseUntil", 1).await;

    sweep(&service).await;

    let status = async |import: &Value| {
        told(&service, &import["id"])
            .await
            .map(|told| told["status"].clone())
    };
    assert_eq!(status(&cancelled).await, Some(json!("cancelled")));
    assert_eq!(status(&stalled).await, Some(json!("stalled")));
    assert_eq!(status(&waits).await, None);
    for import in [&cancelled, &stalled] {
        forget(&service, &import["id"]).await;
    }
    sweep(&service).await;
    assert_eq!((status(&cancelled).await, status(&stalled).await), (None, None));
    service.delete(&super::path(&stalled)).await.expect(200);
}
