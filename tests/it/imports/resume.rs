//! `POST /users/import/{importId}/resume`, and imports whose run has died.

use std::time::Duration;

use local::Options;
use reqwest::Method;
use serde_json::{Value, json};
use shared::clock;
use shared::files::UploadStore;
use shared::intake::record::{Import, Lease, Status, Via};
use shared::roster::{ImportId, Timestamp, User};
use shared::sheet::ImportOptions;

use super::{counts, people, users};
use crate::support::{Answer, Service, collaborator, logs, send};

const ID: &str = "0198c0de000070008000000000000000";

/// Leaves an import of `rows` rows behind as a run does that died before its first checkpoint, when it had
/// written the users of the first `written` rows. `alive` is for how long it is still believed in.
async fn dead(service: &Service, rows: u32, written: u32, alive: Duration) -> String {
    let app = service.app();
    let id: ImportId = ID.parse().unwrap();
    let key = UploadStore::staged_key(id);
    // Nobody knows the import yet, so the arrival of its file starts nothing.
    service.put_object(&key, people(1..=rows)).await;
    service.local.settled().await;

    let now = clock::now();
    let options = ImportOptions::default();
    let mut users = Vec::new();
    for number in 1..=written {
        let new = collaborator(&format!("person{number}@example.org"));
        let line = u64::from(number) + 1;
        users.push(User::new(new, now, Some((id, line))));
    }
    app.users.insert_each(&users, 0).await.unwrap();
    let admin = app
        .users
        .find_by_email(&"admin@example.org".parse().unwrap())
        .await;
    let admin = admin.unwrap().unwrap().user.id;
    let expires_at = now.plus(Duration::from_hours(1));
    let mut import = Import::open(id, key, Via::Api, options, now..expires_at);
    import.created_by = Some(admin);
    import.status = Status::Running.into();
    import.started_at = Some(now);
    import.lease = Some(Lease {
        run: Some("dead".to_owned()),
        until: Timestamp::from_millis(now.millis() - 1).plus(alive),
    });
    app.imports.insert(&import).await.unwrap();
    format!("/users/import/{ID}")
}

async fn resume(service: &Service, path: &str) -> Answer {
    send(service.request(Method::POST, &format!("{path}/resume"))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_import_goes_on_when_it_is_asked_to() {
    let service = Service::logged(Options::default()).await;
    let path = dead(&service, 50, 7, Duration::ZERO).await;

    let stalled = service.get(&path).await.expect(200);
    let answer = resume(&service, &path).await;
    let import = service.finished(ID).await;

    let resumed = logs::lines("audit")
        .into_iter()
        .find(|line| line["request.id"] == answer.header("x-request-id"));
    let resumed = resumed.unwrap();
    assert_eq!(resumed["audit.action"], "import_resumed");
    assert_eq!(resumed["import.id"], ID);
    assert_eq!(stalled["status"], "stalled");
    assert_eq!(stalled["success"], json!(null));
    assert_eq!(
        stalled["message"],
        "Stalled; 0 rows read: 0 created, 0 skipped, 0 failed. Resume it to go on from there."
    );
    assert_eq!(answer.expect(202)["id"], ID);
    assert_eq!(answer.header("location"), format!("/api/v1{path}"));
    assert_eq!(import["status"], "completed");
    assert_eq!(counts(&import), [50, 50, 0, 0, 0]);
    assert_eq!(users(&service).await, 51);
    assert_eq!(service.app().users.tally().await.unwrap().all.total, 51);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_stalled_import_is_resumed() {
    let service = Service::start().await;
    let waiting = service
        .post("/users/import/uploads", &json!({ "bytes": 5 }))
        .await
        .expect(201);
    let finished = service.import(people(1..=1), &[]).await.expect(200);
    let running = dead(&service, 2, 0, Duration::from_mins(1)).await;
    let detail = |problem: Value| problem["detail"].as_str().unwrap().to_owned();

    let waiting = resume(&service, &super::path(&waiting)).await.expect(409);
    let finished = resume(&service, &super::path(&finished)).await.expect(409);
    let running = resume(&service, &running).await.expect(409);

    assert_eq!(detail(waiting), "the import waits for its file");
    assert_eq!(detail(finished), "the import is already finished");
    assert_eq!(detail(running), "the import is under way");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_was_deleted_and_is_made_again_by_its_import_has_another_id() {
    let service = Service::start().await;
    let path = dead(&service, 2, 2, Duration::ZERO).await;
    let email = "person1@example.org".parse().unwrap();
    let deleted = service.app().users.find_by_email(&email).await.unwrap().unwrap();
    let token = service.token(deleted.user.id).await;
    let of_user = format!("/users/{}", deleted.user.id);
    send(service.request(Method::DELETE, &of_user)).await.expect(200);

    resume(&service, &path).await.expect(202);
    let import = service.finished(ID).await;

    assert_eq!(counts(&import), [2, 2, 0, 0, 0]);
    let made = service.app().users.find_by_email(&email).await.unwrap().unwrap();
    assert_eq!(made.user.import, deleted.user.import);
    assert_ne!(made.user.id, deleted.user.id);
    send(service.request_as(&token, Method::GET, "/users/me"))
        .await
        .expect_refused_token("of a deleted account");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_import_that_is_cancelled_counts_what_its_dead_run_has_written() {
    let service = Service::start().await;
    let path = dead(&service, 50, 7, Duration::ZERO).await;

    send(service.request(Method::DELETE, &path)).await.expect(200);
    let import = service.finished(ID).await;

    assert_eq!(import["status"], "cancelled");
    let [rows, created, ..] = counts(&import);
    assert!(created >= 7, "{import}");
    assert_eq!(rows, created);
    let created = i64::try_from(created).unwrap();
    assert_eq!(users(&service).await, 1 + created);
    assert_eq!(service.app().users.tally().await.unwrap().all.total, 1 + created);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_whose_file_is_gone_fails_and_says_so() {
    let service = Service::start().await;
    let path = dead(&service, 2, 0, Duration::ZERO).await;
    service
        .local
        .s3()
        .delete_object()
        .bucket(service.local.bucket())
        .key(format!("imports/{ID}.csv"))
        .send()
        .await
        .unwrap();

    resume(&service, &path).await.expect(202);
    let import = service.finished(ID).await;

    assert_eq!(import["status"], "failed");
    assert_eq!(
        import["message"],
        "the file was deleted or written over before it was read; send it again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_stands_still_is_told_of_by_the_clock() {
    let service = Service::logged(Options::default()).await;
    dead(&service, 2, 0, Duration::ZERO).await;

    service.local.invoke("sweep", &json!({})).await.unwrap();

    let logged = logs::lines("an import stands still");
    assert!(logged.iter().any(|line| line["import.id"] == ID), "{logged:?}");
}
