//! `/users/import/{importId}`.

use reqwest::Method;
use serde_json::json;

use super::{counts, import_later, path, people, users};
use crate::support::{Service, eventually, send};

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_does_not_exist_is_not_found() {
    let service = Service::start().await;

    for id in ["0198c0de000070008000000000000000", "nothing", "%00", "..%2Fusers"] {
        for (method, below) in [
            (Method::GET, ""),
            (Method::DELETE, ""),
            (Method::POST, "/resume"),
            (Method::GET, "/errors"),
            (Method::GET, "/rejected"),
        ] {
            let answer = send(service.request(method, &format!("/users/import/{id}{below}"))).await;

            assert_eq!(
                answer.expect(404)["detail"],
                "the import does not exist",
                "{id}{below}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_import_that_waits_never_begins() {
    let service = Service::start().await;
    let file = people(1..=2);
    let opened = service
        .post("/users/import/uploads", &json!({ "bytes": file.len() }))
        .await
        .expect(201);

    let cancelled = send(service.request(Method::DELETE, &path(&opened)))
        .await
        .expect(200);
    let put = super::uploads::put(opened["upload"]["url"].as_str().unwrap(), file).await;
    service.local.settled().await;

    assert_eq!(put, 200);
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(cancelled["success"], false);
    assert!(cancelled["finishedAt"].is_string());
    assert_eq!(service.get(&path(&opened)).await.expect(200), cancelled);
    assert_eq!(users(&service).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_import_cannot_be_cancelled() {
    let service = Service::start().await;
    let import = service.import(people(1..=1), &[]).await.expect(200);

    let problem = send(service.request(Method::DELETE, &path(&import)))
        .await
        .expect(409);

    assert_eq!(problem["detail"], "the import is already finished");
    assert_eq!(service.get(&path(&import)).await.expect(200), import);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_import_is_cancelled_at_its_next_checkpoint_with_counts_that_are_final() {
    let service = Service::with_variables(&[("IMPORT_SEGMENT_ROWS", "200")]).await;
    let import = import_later(&service, people(1..=20_000), &[]).await.expect(202);
    eventually("the import has made a checkpoint", async || {
        let import = service.get(&path(&import)).await.json();
        (counts(&import)[0] > 0).then_some(())
    })
    .await;

    let asked = send(service.request(Method::DELETE, &path(&import)))
        .await
        .expect(200);
    let cancelled = service.finished(import["id"].as_str().unwrap()).await;
    service.local.settled().await;

    if asked["status"] != "cancelled" {
        assert_eq!(asked["success"], json!(null));
        assert!(
            asked["message"].as_str().unwrap().starts_with("Being cancelled;"),
            "{asked}"
        );
    }
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(cancelled["success"], false);
    assert!(cancelled["finishedAt"].is_string());
    assert_eq!(service.get(&path(&import)).await.expect(200), cancelled);
    let [rows, created, ..] = counts(&cancelled);
    assert!(rows < 20_000, "{rows}");
    assert_eq!(rows, created);
    assert_eq!(users(&service).await, 1 + i64::try_from(created).unwrap());
    assert_eq!(
        service.app().users.tally().await.unwrap().all.total,
        1 + i64::try_from(created).unwrap()
    );
}
