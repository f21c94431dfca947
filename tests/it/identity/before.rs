//! Accounts whose owners set addresses under the version before, which is what it stored.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use shared::index::Entry;
use shared::table::Item;

use super::{WAYS, ask, collaborator, path, promotion, put_me, slot};
use crate::support::{Account, Service};

fn attribute(value: &Value) -> AttributeValue {
    match value {
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::Bool(flag) => AttributeValue::Bool(*flag),
        Value::Array(elements) => AttributeValue::L(elements.iter().map(attribute).collect()),
        Value::Null | Value::Object(_) => panic!("{value}"),
    }
}

async fn put(service: &Service, item: &Value) {
    let item: HashMap<_, _> = item
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), attribute(value)))
        .collect();
    let put = service
        .local
        .dynamodb()
        .put_item()
        .table_name(service.local.table());
    put.set_item(Some(item)).send().await.unwrap();
}

/// An account that was made with the address `email` and whose owner then took `taken`, one after the other,
/// under the version before.
pub(super) async fn squatter(service: &Service, email: &str, taken: &[&str]) -> Account {
    let account = collaborator(service, email).await;
    squat(service, &account, taken).await;
    account
}

/// Lets the owner of a new account take `taken`, one after the other, under the version before: the account is
/// written as that version stored it.
pub(super) async fn squat(service: &Service, account: &Account, taken: &[&str]) {
    let home = account.id.slot();
    let mut addresses = Vec::new();
    for address in taken {
        let slot = slot(address);
        if slot != home && !addresses.contains(&slot.to_string()) {
            addresses.push(slot.to_string());
            let pointer = json!({"PK": format!("U#{slot}"), "SK": "U", "home": home.to_string()});
            put(service, &pointer).await;
        }
    }
    let present = taken.last().unwrap();
    let mut item = json!({
            "PK": format!("U#{home}"),
            "SK": "U",
            "id": account.id.to_string(),
            "email": present,
            "roles": ["ROLE_COLLABORATOR"],
            "enabled": true,
            "accountType": "LOCAL",
            "createdAt": 1_795_423_066_000_u64,
            "modifiedAt": 1_795_423_067_000_u64,
            "version": taken.len(),
            "addresses": addresses,
            "addressUnproven": true,
            "search": present,
            "LPK": format!("U#{}", home.shard()),
            "LSK": present,
    });
    if let Some(subject) = stored(service, &account.email).await.unwrap().get("subject") {
        item["subject"] = json!(subject.as_s().unwrap());
    }
    put(service, &item).await;
    // The index was built since.
    let app = service.app();
    let squatted = app.users.find(account.id).await.unwrap().unwrap();
    let entry = Entry::present(squatted.into_user(), true);
    let noting = app.users.noting(&[entry], "note a user").unwrap();
    app.table.transact(vec![noting], "note a user").await.unwrap();
}

/// The attributes of what is stored at the slot of an address.
async fn stored(service: &Service, email: &str) -> Option<Item> {
    service.partition(&format!("U#{}", slot(email))).await.pop()
}

async fn take(service: &Service, email: &str) -> u16 {
    let body = json!({"email": email, "roles": "ROLE_ORIGINATOR"});
    service.post("/users", &body).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_the_version_before_shows_that_its_address_waits() {
    let service = Service::start().await;
    let mallory = squatter(
        &service,
        "mallory@example.org",
        &["ceo@example.org", "cfo@example.org"],
    )
    .await;

    let read = service.get(&path(&mallory)).await;

    let record = read.expect(200);
    assert_eq!(record["email"], "cfo@example.org");
    assert_eq!(record["pendingEmail"], "cfo@example.org");
    assert_eq!(service.me(&mallory.token).await.expect(200), record);
    assert_eq!(
        service.get("/users?searchText=cfo").await.json()["items"],
        json!([record])
    );
    // All its addresses are kept, and find nobody.
    for address in ["mallory@example.org", "ceo@example.org", "cfo@example.org"] {
        assert_eq!(take(&service, address).await, 409, "{address}");
        let import = service.import(promotion(address), WAYS[0]).await.expect(200);
        assert_eq!(import["rowErrors"][0]["code"], "already_exists", "{address}");
        let detail = if address == "cfo@example.org" {
            format!(
                "was set by the owner of the account {} and never confirmed",
                mallory.id
            )
        } else {
            format!(
                "is a former address of the account {} and kept for it",
                mallory.id
            )
        };
        let message = import["rowErrors"][0]["message"].as_str().unwrap();
        assert!(message.contains(&detail), "{message}");
    }

    // What its owner does settles nothing.
    for body in [
        record.clone(),
        json!({"email": "cfo@example.org", "pendingEmail": null}),
        json!({"pendingEmail": null}),
        json!({"email": "CFO@example.org"}),
    ] {
        let answer = put_me(&service, &mallory, &body).await;
        assert_eq!(answer.expect(200), record, "{body}");
        assert_eq!(answer.header("etag"), read.header("etag"), "{body}");
    }
    let back = ask(&service, &mallory, "mallory@example.org").await;
    assert_eq!(
        (&back["email"], &back["pendingEmail"]),
        (&json!("cfo@example.org"), &json!("mallory@example.org"))
    );
    let import = service
        .import(promotion("cfo@example.org"), WAYS[0])
        .await
        .expect(200);
    assert_eq!(import["counts"]["failed"], 1);
    let withdrawn = put_me(&service, &mallory, &json!({"pendingEmail": null}))
        .await
        .expect(200);
    assert_eq!(withdrawn["pendingEmail"], "cfo@example.org");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_the_version_before_is_settled_by_address_and_withdrawal_together() {
    let service = Service::start().await;
    let ada = squatter(
        &service,
        "ada@example.org",
        &["other@example.org", "new@example.org"],
    )
    .await;
    let mut record = service.get(&path(&ada)).await.expect(200);

    record["lastName"] = json!("King");
    for unsettled in [
        record,
        json!({"email": "new@example.org"}),
        json!({"pendingEmail": null}),
        json!({"firstName": "Ada"}),
    ] {
        let answer = service.put(&path(&ada), &unsettled).await.expect(200);
        assert_eq!(answer["pendingEmail"], "new@example.org", "{unsettled}");
        let import = service
            .import(promotion("new@example.org"), WAYS[0])
            .await
            .expect(200);
        assert_eq!(import["counts"]["failed"], 1, "{unsettled}");
    }
    let settled = service
        .put(
            &path(&ada),
            &json!({"email": "new@example.org", "pendingEmail": null}),
        )
        .await
        .expect(200);

    assert_eq!(
        (&settled["email"], &settled["pendingEmail"], &settled["lastName"]),
        (&json!("new@example.org"), &Value::Null, &json!("King"))
    );
    let import = service
        .import(promotion("new@example.org"), WAYS[0])
        .await
        .expect(200);
    assert_eq!(import["counts"]["updated"], 1, "{import}");
    // The other address that she took is free again; the one that she was made with is where she is stored.
    assert!(stored(&service, "other@example.org").await.is_none());
    assert_eq!(take(&service, "other@example.org").await, 201);
    assert_eq!(take(&service, "ada@example.org").await, 409);
    assert!(
        !stored(&service, "ada@example.org")
            .await
            .unwrap()
            .contains_key("addressUnproven")
    );
    service.delete(&path(&ada)).await.expect(200);
    for free in ["ada@example.org", "new@example.org"] {
        assert_eq!(take(&service, free).await, 201, "{free}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_address_by_an_administrator_settles_one_of_the_version_before() {
    let service = Service::start().await;
    service
        .account("taken@example.org", &[shared::roster::Role::Originator])
        .await;
    for (number, right) in ["ada0@example.org", "right@example.org"].into_iter().enumerate() {
        let squatted = [
            format!("ceo{number}@example.org"),
            format!("cfo{number}@example.org"),
        ];
        let email = format!("ada{number}@example.org");
        let ada = squatter(&service, &email, &[&squatted[0], &squatted[1]]).await;

        let taken = service
            .put(&path(&ada), &json!({"email": "taken@example.org"}))
            .await;
        assert_eq!(taken.status, 409);
        let given = service
            .put(&path(&ada), &json!({ "email": right }))
            .await
            .expect(200);

        // What its owner wanted goes on waiting, like everything that owners ask for.
        assert_eq!(
            (&given["email"], &given["pendingEmail"]),
            (&json!(right), &json!(squatted[1]))
        );
        let import = service.import(promotion(right), WAYS[0]).await.expect(200);
        assert_eq!(import["counts"]["updated"], 1, "{import}");
        for squatted in squatted {
            assert_eq!(take(&service, &squatted).await, 201, "{squatted}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_as_many_addresses_as_the_version_before_kept_is_settled_and_deleted() {
    let service = Service::start().await;
    for (number, settle) in [true, false].into_iter().enumerate() {
        let squatted: Vec<_> = (0..50)
            .map(|taken| format!("s{number}-{taken}@example.org"))
            .collect();
        let squatted: Vec<_> = squatted.iter().map(String::as_str).collect();
        let email = format!("mallory{number}@example.org");
        let mallory = squatter(&service, &email, &squatted).await;

        if settle {
            let right = json!({"email": "right@example.org"});
            service.put(&path(&mallory), &right).await.expect(200);
        } else {
            service.delete(&path(&mallory)).await.expect(200);
        }

        for squatted in [squatted[0], squatted[49]] {
            assert_eq!(take(&service, squatted).await, 201, "{squatted}");
        }
    }
}
