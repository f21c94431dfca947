//! What becomes of contacts when their owner is deleted.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem};
use futures::future::try_join_all;
use reqwest::Method;
use serde_json::json;
use shared::clock;
use shared::roster::{Role, Timestamp};
use shared::table::{Batch, Finished, Key};

use super::{ada, contact, count, get, list};
use crate::support::faults::{Fault, Faults, Schedule};
use crate::support::{Account, Service, send};

/// More than fits into a transaction, or into all the deletes under way at once.
const MANY: u64 = 1100;

async fn fill(service: &Service, owner: &Account, many: u64) {
    let app = service.app();
    let contacts: Vec<_> = (0..many)
        .map(|number| contact(&format!("c{number}@example.org")))
        .collect();
    let batches = contacts.chunks(100).map(async |batch| {
        let batch: Vec<_> = batch.iter().collect();
        app.contacts.insert(owner.id, &batch).await
    });
    for stored in try_join_all(batches).await.unwrap() {
        assert_eq!(stored, Batch::Stored);
    }
}

/// Deletes the account `ago`, and leaves its contacts to what comes after.
async fn delete(service: &Service, owner: &Account, ago: Duration) {
    let ago = u64::try_from(ago.as_millis()).unwrap();
    let noted = Timestamp::from_millis(clock::now().millis() - ago);
    let user = Delete::builder()
        .table_name(service.local.table())
        .key("PK", AttributeValue::S(format!("U#{}", owner.id.slot())))
        .key("SK", AttributeValue::S("U".to_owned()))
        .build()
        .unwrap();
    service
        .local
        .dynamodb()
        .transact_write_items()
        .transact_items(TransactWriteItem::builder().delete(user).build())
        .transact_items(service.app().contacts.pending_deletion(owner.id, noted).unwrap())
        .send()
        .await
        .unwrap();
}

async fn left(service: &Service, owner: &Account) -> usize {
    service.partition(&format!("C#{}", owner.id)).await.len()
}

/// How many deletions are not settled yet.
async fn deletions(service: &Service) -> usize {
    service.partition("D").await.len()
}

async fn sweep(service: &Service) {
    let event = json!({ "source": "aws.events", "detail-type": "Scheduled Event", "detail": {} });
    service.local.invoke("sweep", &event).await.unwrap();
}

const LONG_AGO: Duration = Duration::from_hours(1);

#[tokio::test(flavor = "multi_thread")]
async fn all_contacts_of_a_deleted_user_go_however_many_and_nobody_elses() {
    let service = Service::start().await;
    let ada = ada(&service).await;
    let eve = service.account("eve@example.org", &[Role::Originator]).await;
    fill(&service, &ada, MANY).await;
    fill(&service, &eve, 1).await;

    let path = format!("/users/{}", ada.id);
    let deleted = send(service.request(Method::DELETE, &path)).await.expect(200);

    assert_eq!(
        deleted,
        json!({ "id": ada.id.to_string(), "contactsDeleted": MANY })
    );
    assert_eq!(deletions(&service).await, 1, "until it is settled");
    assert_eq!(left(&service, &ada).await, 0);
    assert_eq!(count(&service, &eve).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_was_cut_off_is_finished_by_the_clock_and_cannot_be_seen_until_then() {
    let service = Service::start().await;
    let ada = ada(&service).await;
    fill(&service, &ada, MANY).await;
    let listed = list(&service, &ada, &[("limit", "100")]).await.expect(200);
    let ids = listed["items"].as_array().unwrap().clone();
    delete(&service, &ada, LONG_AGO).await;

    // The query and twenty of its deletes.
    let fault = Fault::NotSent;
    let cut = Faults::new(Schedule::From { call: 21, fault }).app(&service.local, &[]);
    assert!(cut.contacts.delete_all(ada.id).await.is_err());

    let left_over = left(&service, &ada).await;
    assert!(
        (1..usize::try_from(MANY).unwrap()).contains(&left_over),
        "{left_over} are left"
    );
    assert_eq!(list(&service, &ada, &[]).await.status, 401);
    let successor = service.account(&ada.email, &[Role::Collaborator]).await;
    assert_eq!(count(&service, &successor).await, 0);
    for contact in ids.iter().step_by(10) {
        let path = format!("{}/{}", super::PATH, contact["id"].as_str().unwrap());
        assert_eq!(get(&service, &ada, &path).await.status, 401);
        assert_eq!(get(&service, &successor, &path).await.status, 404);
    }
    fill(&service, &successor, 3).await;

    sweep(&service).await;
    assert_eq!(left(&service, &ada).await, 0);
    assert_eq!(deletions(&service).await, 0);
    assert_eq!(count(&service, &successor).await, 3);
    sweep(&service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_stored_just_after_the_deletion_of_their_owner_go_too() {
    let service = Service::start().await;
    let ada = ada(&service).await;
    let eve = service.account("eve@example.org", &[Role::Originator]).await;
    fill(&service, &ada, 30).await;
    fill(&service, &eve, 30).await;
    let contacts = service.app().contacts.clone();
    for owner in [&ada, &eve] {
        delete(&service, owner, Duration::ZERO).await;
        assert_eq!(contacts.delete_all(owner.id).await.unwrap(), 30);
    }

    // A request that had read its caller's record before.
    fill(&service, &ada, 100).await;
    sweep(&service).await;
    assert_eq!(deletions(&service).await, 2, "others may still be under way");

    let later = clock::now().plus(Duration::from_mins(6));
    let first = contacts.finish_deletions(later, 1).await.unwrap();
    let rest = contacts.finish_deletions(later, 10).await.unwrap();
    assert_eq!((first.owners, rest.owners), (1, 1));
    assert_eq!(first.contacts + rest.contacts, 100);
    assert_eq!(
        contacts.finish_deletions(later, 10).await.unwrap(),
        Finished::default()
    );
    assert_eq!(left(&service, &ada).await + left(&service, &eve).await, 0);
    assert_eq!(deletions(&service).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_that_cannot_be_read_keep_no_other_deletion_waiting() {
    let service = Service::start().await;
    let ada = ada(&service).await;
    fill(&service, &ada, 30).await;
    delete(&service, &ada, LONG_AGO).await;
    // More than one sweep finishes, and all of them older.
    for number in 0..120 {
        let note = Key::new("D", format!("2020-01-01T00:00:00.{number:03}Z#nobody"));
        let put = service.local.dynamodb().put_item();
        let put = put.table_name(service.local.table()).set_item(Some(note.item()));
        put.send().await.unwrap();
    }

    // Operators see that something is wrong.
    let swept = service.local.invoke("sweep", &json!({})).await;
    assert!(swept.is_err());

    assert_eq!(left(&service, &ada).await, 0);
    assert_eq!(deletions(&service).await, 120);
}
