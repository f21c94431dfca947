//! `POST /users/import/uploads` and the signed URL that it gives.

use std::time::Duration;

use futures::future::join_all;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use shared::clock;
use shared::roster::{ImportId, Role};

use super::{MEMBERS, counts, members, path, people, time, users};
use crate::support::{Service, eventually, send};

/// Puts `file` by a signed URL; answers the status.
pub(super) async fn put(url: &str, file: impl Into<Vec<u8>>) -> u16 {
    put_as(Some("text/csv"), url, file).await
}

/// As [`put`], with another media type or none.
async fn put_as(media_type: Option<&str>, url: &str, file: impl Into<Vec<u8>>) -> u16 {
    let client = Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let mut request = client.put(url).body(file.into());
    if let Some(media_type) = media_type {
        request = request.header(CONTENT_TYPE, media_type);
    }
    request.send().await.unwrap().status().as_u16()
}

/// Opens an import for a file of `bytes` bytes.
async fn open(service: &Service, bytes: usize) -> (Value, String) {
    let opened = service
        .post(
            "/users/import/uploads",
            &json!({ "fileName": "staff.csv", "bytes": bytes }),
        )
        .await
        .expect(201);
    let url = opened["upload"]["url"].as_str().unwrap().to_owned();
    (opened, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_put_by_the_signed_url_is_imported() {
    let service = Service::start().await;
    let file = people(1..=3);

    let answer = send(
        service
            .request(Method::POST, "/users/import/uploads")
            .json(&json!({
                "fileName": "staff.csv",
                "bytes": file.len(),
                "mode": "create",
                "ignoreDuplicates": true,
                "defaultRoles": ["ROLE_ORIGINATOR"],
                "unknownColumns": "ignore",
            })),
    )
    .await;
    let opened = answer.expect(201);
    let status = put(opened["upload"]["url"].as_str().unwrap(), file).await;
    let import = service.finished(opened["id"].as_str().unwrap()).await;

    let mut expected = MEMBERS.to_vec();
    expected.push("upload");
    expected.sort_unstable();
    assert_eq!(members(&opened), expected);
    assert_eq!(
        members(&opened["upload"]),
        ["contentType", "expiresAt", "method", "url"]
    );
    assert_eq!(answer.header("location"), format!("/api/v1{}", path(&opened)));
    assert_eq!(opened["status"], "waiting");
    assert_eq!(opened["success"], json!(null));
    assert_eq!(opened["message"], "Waiting for the file.");
    assert_eq!(opened["via"], "upload");
    assert_eq!(opened["fileName"], "staff.csv");
    assert_eq!(opened["upload"]["method"], "PUT");
    assert!(
        opened["upload"]["url"]
            .as_str()
            .unwrap()
            .contains("X-Amz-Expires=900&"),
        "{opened}"
    );
    assert_eq!(
        time(&opened["upload"]["expiresAt"]),
        time(&opened["createdAt"]) + 900
    );
    assert_eq!(opened["upload"]["contentType"], "text/csv");
    assert_eq!(status, 200);
    assert_eq!(import["status"], "completed");
    assert_eq!(import["fileName"], "staff.csv");
    assert_eq!(import["defaultRoles"], json!(["ROLE_ORIGINATOR"]));
    assert_eq!(counts(&import), [3, 3, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_url_is_good_for_its_length_its_type_and_its_key_only() {
    let service = Service::start().await;
    let file = people(1..=3);
    let (opened, url) = open(&service, file.len()).await;
    let (other, _) = open(&service, file.len()).await;
    let id = |import: &Value| import["id"].as_str().unwrap().to_owned();
    let of_the_other = url.replace(&id(&opened), &id(&other));

    let longer = put(&url, file.clone() + "\n").await;
    let shorter = put(&url, &file[..file.len() - 1]).await;
    let elsewhere = put(&of_the_other, file.clone()).await;
    let untyped = put_as(None, &url, file.clone()).await;
    let otherwise = put_as(Some("text/html"), &url, file.clone()).await;
    service.local.settled().await;

    assert_eq!([longer, shorter, elsewhere, untyped, otherwise], [403; 5]);
    for import in [&opened, &other] {
        assert_eq!(service.get(&path(import)).await.expect(200)["status"], "waiting");
    }
    assert_eq!(put(&url, file).await, 200);
    service.finished(&id(&opened)).await;
    assert_eq!(users(&service).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_url_expires() {
    let service = Service::start().await;
    let id: ImportId = "0198c0de000070008000000000000000".parse().unwrap();
    let lifetime = Duration::from_secs(2);

    let url = service
        .app()
        .uploads
        .sign_upload(id, 5, "text/csv", lifetime)
        .await
        .unwrap();

    assert_eq!(put(&url, "email").await, 200);
    eventually("the URL has expired", async || {
        (put(&url, "email").await == 403).then_some(())
    })
    .await;
}

/// When a time of an upload is over, as it is kept.
async fn end_url(service: &Service, import: &Value) {
    let partition = format!("I#{}", import["id"].as_str().unwrap());
    let past = clock::now().millis() - 1;
    service.set(&partition, "I", "uploadUntil", past).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_url_has_ended_is_cancelled_unless_its_file_was_under_way() {
    let service = Service::start().await;
    let file = people(1..=3);
    let (opened, url) = open(&service, file.len()).await;

    end_url(&service, &opened).await;
    let ended = service.get(&path(&opened)).await.expect(200);
    let listed = service.get("/users/import").await.expect(200);
    let cancelled = service.delete(&path(&opened)).await.expect(200);
    let (late, late_url) = open(&service, file.len()).await;
    end_url(&service, &late).await;
    put(&url, file.clone()).await;
    put(&late_url, file).await;
    let late = service
        .finished_as(late["id"].as_str().unwrap(), "completed")
        .await;

    assert_eq!(
        (&ended["status"], &ended["success"]),
        (&json!("cancelled"), &json!(false))
    );
    assert_eq!(
        ended["message"],
        "Cancelled; no file arrived while its upload URL was valid. Open another upload."
    );
    assert_eq!(listed["items"][0]["status"], "cancelled");
    assert_eq!(cancelled["status"], "cancelled");
    service.local.settled().await;
    assert_eq!(
        service.get(&path(&opened)).await.expect(200)["status"],
        "cancelled"
    );
    assert_eq!(counts(&late), [3, 3, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_a_number_of_valid_urls_and_no_more() {
    let service = Service::with_variables(&[("MAX_OPEN_UPLOADS", "3")]).await;
    let other = service.account("other@example.org", &[Role::UserAdmin]).await;
    let post = |token: String| {
        let request = service.request_as(&token, Method::POST, "/users/import/uploads");
        send(request.json(&json!({ "bytes": 5 })))
    };

    let answers = join_all((0..6).map(|_| post(service.admin().to_owned()))).await;
    let refused = post(service.admin().to_owned()).await.expect(409);
    let of_other = post(other.token.clone()).await;
    let admin = service.get("/users/me").await.expect(200)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let record = service.partition(&format!("O#{admin}")).await;
    // As after a quarter of an hour.
    service.end_uploads(&admin).await;
    let later = post(service.admin().to_owned()).await;

    let opened = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(opened, 3);
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer.status.as_u16(), 201 | 409))
    );
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.starts_with(
            "3 of your upload URLs are still valid, and no more may be; the next of them ends at 20"
        ),
        "{detail}"
    );
    assert_eq!(record[0]["uploads"].as_m().unwrap().len(), 3);
    of_other.expect(201);
    later.expect(201);
    assert_eq!(service.get("/users/import").await.expect(200)["count"], 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_put_again_by_the_same_url_changes_nothing() {
    let service = Service::start().await;
    let (opened, url) = open(&service, people(1..=3).len()).await;
    put(&url, people(1..=3)).await;
    let import = service.finished(opened["id"].as_str().unwrap()).await;

    let again = put(&url, people(4..=6)).await;
    service.local.settled().await;

    assert_eq!(again, 200);
    assert_eq!(service.get(&path(&opened)).await.expect(200), import);
    assert_eq!(counts(&import), [3, 3, 0, 0, 0]);
    assert_eq!(users(&service).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_body_over_the_limit_is_pointed_to_the_upload() {
    let service = Service::start().await;

    let problem = service.import(vec![b'x'; 7 * 1024 * 1024], &[]).await.expect(413);

    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("6291456") && detail.contains("/users/import/uploads"),
        "{detail}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_upload_shows_as_failed() {
    let service = Service::start().await;
    let (opened, url) = open(&service, 5).await;

    put(&url, "name\n").await;
    let import = service.finished(opened["id"].as_str().unwrap()).await;

    assert_eq!(import["status"], "failed");
    assert_eq!(import["success"], false);
    assert!(
        import["message"].as_str().unwrap().contains("\"name\""),
        "{import}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_member_that_is_wrong_is_named() {
    let service = Service::start().await;

    let empty = service.post("/users/import/uploads", &json!({})).await;
    let faulty = service
        .post(
            "/users/import/uploads",
            &json!({
                "fileName": 7,
                "bytes": 1024 * 1024 * 1024 + 1,
                "mode": "replace",
                "ignoreDuplicates": "true",
                "defaultRoles": [],
                "unknownColumns": true,
                "colour": "blue",
            }),
        )
        .await;
    let array = service.post("/users/import/uploads", &json!([])).await;
    let text = send(
        service
            .request(Method::POST, "/users/import/uploads")
            .header("content-type", "text/plain")
            .body("{}"),
    )
    .await;

    assert_eq!([empty.status, faulty.status], [422; 2]);
    assert_eq!(empty.faults(), ["#/bytes out_of_range"]);
    let mut named = faulty.faults();
    named.sort_unstable();
    assert_eq!(
        named,
        [
            "#/bytes out_of_range",
            "#/colour unknown_member",
            "#/defaultRoles required",
            "#/fileName invalid_format",
            "#/ignoreDuplicates invalid_format",
            "#/mode invalid_format",
            "#/unknownColumns invalid_format",
        ]
    );
    array.expect(400);
    text.expect(415);
    assert_eq!(service.get("/users/import").await.expect(200)["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_sender_may_do_counts_when_the_file_is_read() {
    let service = Service::start().await;
    let changes = [
        (Method::PUT, json!({ "roles": "ROLE_COLLABORATOR" })),
        (Method::PUT, json!({ "enabled": false })),
        (Method::DELETE, json!({})),
    ];
    for (number, (method, body)) in changes.into_iter().enumerate() {
        let email = format!("ua{number}@example.org");
        let sender = service.account(&email, &[Role::UserAdmin]).await;
        let file = people(1..=1);
        let opened = send(
            service
                .request_as(&sender.token, Method::POST, "/users/import/uploads")
                .json(&json!({ "bytes": file.len() })),
        )
        .await
        .expect(201);
        let of_sender = format!("/users/{}", sender.id);
        let request = service.request(method, &of_sender);
        send(request.json(&body)).await.expect(200);

        put(opened["upload"]["url"].as_str().unwrap(), file).await;
        let import = service.finished(opened["id"].as_str().unwrap()).await;

        assert_eq!(import["status"], "failed", "{body}");
        assert_eq!(
            import["message"],
            "the sender is no longer allowed to import users; ask an administrator to send the file"
        );
    }
    assert_eq!(users(&service).await, 3);
}
