//! Who an account is: what owners ask for, what administrators and issuers say, and what finds an account.

mod attacks;
mod before;
mod proof;
mod sequences;

use reqwest::Method;
use serde_json::{Value, json};
use shared::roster::{Email, Role, Slot};

use crate::support::{Account, Answer, Service, send};

/// The modes of an import and its further option, in each of which an address finds an account or does not.
const WAYS: [&[(&str, &str)]; 4] = [
    &[("mode", "upsert"), ("force", "true")],
    &[("mode", "create"), ("force", "true")],
    &[("ignoreDuplicates", "true"), ("force", "true")],
    &[("mode", "validate"), ("force", "true")],
];

/// An account that has no more than it needs.
async fn collaborator(service: &Service, email: &str) -> Account {
    service.account(email, &[Role::Collaborator]).await
}

/// `PUT /users/me`.
async fn put_me(service: &Service, owner: &Account, body: &Value) -> Answer {
    let request = service.request_as(&owner.token, Method::PUT, "/users/me");
    send(request.json(body)).await
}

/// Lets the owner ask for an address.
async fn ask(service: &Service, owner: &Account, email: &str) -> Value {
    put_me(service, owner, &json!({ "email": email }))
        .await
        .expect(200)
}

fn path(account: &Account) -> String {
    format!("/users/{}", account.id)
}

/// A file whose one row gives an admin role to a person.
fn promotion(email: &str) -> String {
    format!("email,firstName,roles\n{email},Ann,ROLE_USER_ADMIN\n")
}

fn slot(email: &str) -> Slot {
    Slot::of(&email.parse::<Email>().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_asks_for_an_address_and_keeps_the_own() {
    let service = Service::start().await;
    let ada = collaborator(&service, "ada@example.org").await;
    let before = service.me(&ada.token).await;
    assert_eq!(before.expect(200)["pendingEmail"], Value::Null);

    let asked = put_me(
        &service,
        &ada,
        &json!({"email": "new@example.org", "lastName": "King"}),
    )
    .await;

    let record = asked.expect(200);
    assert_eq!(
        (&record["email"], &record["pendingEmail"], &record["lastName"]),
        (
            &json!("ada@example.org"),
            &json!("new@example.org"),
            &json!("King")
        )
    );
    assert_eq!(asked.header("etag"), "\"1\"");
    // The owner and administrators see it; a search by it finds nothing.
    assert_eq!(service.me(&ada.token).await.json(), record);
    assert_eq!(service.get(&path(&ada)).await.json(), record);
    assert_eq!(
        service.get("/users?searchText=ada%40").await.json()["items"],
        json!([record])
    );
    assert_eq!(service.get("/users?searchText=new%40").await.json()["count"], 0);

    // What asks for nothing changes nothing.
    for same in [
        record.clone(),
        json!({}),
        json!({"email": "ada@example.org"}),
        json!({"email": "ADA@Example.org"}),
        json!({"pendingEmail": "new@example.org"}),
    ] {
        let answer = put_me(&service, &ada, &same).await;
        assert_eq!(answer.expect(200), record, "{same}");
        assert_eq!(answer.header("etag"), "\"1\"", "{same}");
    }
    // Another address takes its place, also in a record that was read before.
    let mut other = record.clone();
    other["email"] = json!("third@example.org");
    assert_eq!(
        put_me(&service, &ada, &other).await.expect(200)["pendingEmail"],
        "third@example.org"
    );
    for withdrawal in [
        json!({"pendingEmail": null}),
        json!({"pendingEmail": "ada@example.org"}),
    ] {
        ask(&service, &ada, "new@example.org").await;
        let withdrawn = put_me(&service, &ada, &withdrawal).await.expect(200);
        assert_eq!(
            (&withdrawn["email"], &withdrawn["pendingEmail"]),
            (&json!("ada@example.org"), &Value::Null)
        );
    }
    let malformed = put_me(&service, &ada, &json!({"email": "ada@", "pendingEmail": 7})).await;
    assert_eq!(malformed.status, 422);
    assert_eq!(
        malformed.faults(),
        ["#/email invalid_format", "#/pendingEmail invalid_format"]
    );
    let body =
        json!({"email": "x@example.org", "roles": "ROLE_COLLABORATOR", "pendingEmail": "y@example.org"});
    assert_eq!(
        service.post("/users", &body).await.faults(),
        ["#/pendingEmail unknown_member"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_is_nobodys_and_everybodys() {
    let service = Service::start().await;
    let mallory = collaborator(&service, "mallory@example.org").await;
    let eve = collaborator(&service, "eve@example.org").await;
    collaborator(&service, "taken@example.org").await;

    // The answer is the same whether or not an account has the address.
    let answer = async |email: &str| {
        let answer = put_me(&service, &mallory, &json!({ "email": email })).await;
        assert_eq!(
            put_me(&service, &eve, &json!({ "email": email })).await.status,
            200
        );
        let mut record = answer.expect(200);
        assert_eq!(record["pendingEmail"], email);
        record["pendingEmail"].take();
        record["modifiedAt"].take();
        record
    };
    assert_eq!(
        answer("taken@example.org").await,
        answer("free@example.org").await
    );

    // So many that the version before would have kept them all.
    for number in 0..60 {
        ask(&service, &mallory, &format!("u{number}@example.org")).await;
    }
    for number in 0..60 {
        let user = json!({"email": format!("u{number}@example.org"), "roles": "ROLE_COLLABORATOR"});
        assert_eq!(service.post("/users", &user).await.status, 201);
    }
    let refused = service
        .put(&path(&mallory), &json!({"email": "u59@example.org"}))
        .await;
    assert_eq!(refused.expect(409)["errors"][0]["code"], "already_exists");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_makes_the_pending_address_the_address() {
    let service = Service::start().await;
    let ada = collaborator(&service, "ada@example.org").await;
    ask(&service, &ada, "new@example.org").await;

    // Not by sending the record back, nor by changing something else.
    let mut record = service.get(&path(&ada)).await.expect(200);
    record["lastName"] = json!("King");
    let renamed = service.put(&path(&ada), &record).await.expect(200);
    assert_eq!(renamed["email"], "ada@example.org");
    assert_eq!(renamed["pendingEmail"], "new@example.org");

    let given = service
        .put(&path(&ada), &json!({"email": "new@example.org"}))
        .await
        .expect(200);
    assert_eq!(
        (&given["email"], &given["pendingEmail"]),
        (&json!("new@example.org"), &Value::Null)
    );

    // Of another address, what was asked for goes on waiting; an administrator may refuse it, too.
    ask(&service, &ada, "third@example.org").await;
    let other = service
        .put(&path(&ada), &json!({"email": "fourth@example.org"}))
        .await
        .expect(200);
    assert_eq!(other["pendingEmail"], "third@example.org");
    let refused = service
        .put(&path(&ada), &json!({"pendingEmail": null}))
        .await
        .expect(200);
    assert_eq!(
        (&refused["email"], &refused["pendingEmail"]),
        (&json!("fourth@example.org"), &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_ask_for_their_own_address_and_give_it_as_any_other() {
    let service = Service::start().await;
    let root = service.account("root@example.org", &[Role::SystemAdmin]).await;
    let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;

    for account in [&root, &clerk] {
        let asked = ask(&service, account, "chief@example.org").await;
        assert_eq!(asked["email"], account.email);
        assert_eq!(asked["pendingEmail"], "chief@example.org");
    }
    let give = async |account: &Account| {
        let request = service.request_as(&account.token, Method::PUT, &path(account));
        send(request.json(&json!({"email": "chief@example.org"})))
            .await
            .status
    };
    assert_eq!(give(&clerk).await, 403);
    assert_eq!(give(&root).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_present_address_finds_an_account_that_was_given_others() {
    let service = Service::start().await;
    let ada = collaborator(&service, "old@example.org").await;
    for address in ["between@example.org", "new@example.org"] {
        service
            .put(&path(&ada), &json!({ "email": address }))
            .await
            .expect(200);
    }
    let fault = |address: &str| {
        format!(
            "line 2: email \"{address}\" is a former address of the account {} and kept for it; delete that account or \
             use another address",
            ada.id
        )
    };

    for former in ["OLD@example.org", "between@example.org"] {
        let before = service.get(&path(&ada)).await.expect(200);
        for way in WAYS {
            let import = service.import(promotion(former), way).await.expect(200);
            assert_eq!(import["counts"]["failed"], 1, "{way:?}: {import}");
            assert_eq!(import["rowErrors"][0]["code"], "already_exists");
            assert_eq!(import["errors"], json!([fault(former)]), "{way:?}");
        }
        assert_eq!(service.get(&path(&ada)).await.expect(200), before);
    }
    for (way, count) in WAYS.into_iter().zip(["updated", "failed", "skipped", "failed"]) {
        let file = "email,lastName\nNEW@example.org,Lovelace\n";
        let import = service.import(file, way).await.expect(200);
        assert_eq!(import["counts"][count], 1, "{way:?}: {import}");
    }
    let ada = service.get(&path(&ada)).await.expect(200);
    assert_eq!(
        (&ada["email"], &ada["lastName"]),
        (&json!("new@example.org"), &json!("Lovelace"))
    );
}
