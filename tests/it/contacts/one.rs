//! `/users/me/contacts/{contactId}`.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shared::roster::Role;

use super::{PATH, ada, add, count, get, list, post};
use crate::support::{Account, Answer, Service, send};

fn path(id: &Value) -> String {
    format!("{PATH}/{}", id.as_str().unwrap())
}

async fn bob(service: &Service, ada: &Account) -> Value {
    let bob = json!({ "email": "Bob@example.org", "firstName": "Bob", "lastName": "Builder" });
    add(service, ada, &[bob]).await.remove(0)
}

fn request(service: &Service, account: &Account, method: Method, contact: &Value) -> RequestBuilder {
    service.request_as(&account.token, method, &path(&contact["id"]))
}

async fn put(service: &Service, account: &Account, contact: &Value, body: &Value) -> Answer {
    send(request(service, account, Method::PUT, contact).json(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_is_read_by_its_id() {
    let service = Service::start().await;
    let ada = ada(&service).await;
    let bob = bob(&service, &ada).await;

    let read = get(&service, &ada, &path(&bob["id"])).await;

    assert_eq!(read.expect(200), bob);
    assert_eq!(read.header("etag"), "\"0\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_keeps_names_left_out_and_clears_null() {
    let service = Service::start().await;
    let ada = ada(&service).await;
    let bob = bob(&service, &ada).await;

    let same = put(&service, &ada, &bob, &bob).await;
    let kept = put(
        &service,
        &ada,
        &bob,
        &json!({ "email": "BOB@example.org", "firstName": "Robert" }),
    )
    .await;
    let cleared = put(
        &service,
        &ada,
        &bob,
        &json!({ "email": "BOB@example.org", "lastName": null }),
    )
    .await;

    assert_eq!((same.expect(200), same.header("etag")), (bob.clone(), "\"0\""));
    let changed = kept.expect(200);
    assert_eq!(changed["email"], "BOB@example.org");
    assert_eq!(
        (&changed["firstName"], &changed["lastName"]),
        (&json!("Robert"), &json!("Builder"))
    );
    assert_eq!(
        (&changed["id"], &changed["createdAt"]),
        (&bob["id"], &bob["createdAt"])
    );
    assert_eq!(kept.header("etag"), "\"1\"");
    let changed = cleared.expect(200);
    assert_eq!(
        (&changed["firstName"], &changed["lastName"]),
        (&json!("Robert"), &json!(null))
    );
    assert_eq!(get(&service, &ada, &path(&bob["id"])).await.expect(200), changed);
    let found = list(&service, &ada, &[("searchText", "builder")])
        .await
        .expect(200);
    assert_eq!(found["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_address_moves_the_contact() {
    let service = Service::start().await;
    let ada = ada(&service).await;
    let bob = bob(&service, &ada).await;
    let carol = add(&service, &ada, &[json!({ "email": "carol@example.org" })]).await;

    let moved = put(&service, &ada, &bob, &json!({ "email": "zed@example.org" })).await;
    let taken = put(&service, &ada, &bob, &json!({ "email": "CAROL@example.org" })).await;

    let moved = moved.expect(200);
    assert_eq!(
        (&moved["id"], &moved["firstName"]),
        (&bob["id"], &bob["firstName"])
    );
    assert_eq!(taken.status, 409);
    assert_eq!(taken.faults(), ["#/email already_exists"]);
    let listed = list(&service, &ada, &[]).await.expect(200);
    assert_eq!(listed["items"], json!([carol[0], moved]));
    // The old address is free again.
    add(&service, &ada, &[json!({ "email": "bob@example.org" })]).await;
    assert_eq!(count(&service, &ada).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_a_change_are_all_named() {
    let service = Service::start().await;
    let ada = ada(&service).await;
    let bob = bob(&service, &ada).await;
    let mut other = bob.clone();
    other["id"] = json!("x");
    other["createdAt"] = json!("2000-01-01T00:00:00.000Z");
    other["modifiedAt"] = json!(null);
    other["email"] = json!("bob");
    other["ownerId"] = json!("x");

    let invalid = put(&service, &ada, &bob, &other).await;
    let empty = put(&service, &ada, &bob, &json!({})).await;
    let unreadable = request(&service, &ada, Method::PUT, &bob).body("{");
    let unreadable = send(unreadable.header("content-type", "application/json")).await;
    let unasked = format!("{}?force=true", path(&bob["id"]));
    let unasked = send(service.request_as(&ada.token, Method::DELETE, &unasked)).await;

    assert_eq!([invalid.status, empty.status], [422; 2]);
    assert_eq!(
        invalid.faults(),
        [
            "#/email invalid_format",
            "#/id read_only",
            "#/createdAt read_only",
            "#/modifiedAt read_only",
            "#/ownerId unknown_member",
        ]
    );
    assert_eq!(empty.faults(), ["#/email required"]);
    assert_eq!(unreadable.status, 400);
    assert_eq!(unasked.status, 400);
    let post = send(request(&service, &ada, Method::POST, &bob)).await;
    assert_eq!(
        (post.status.as_u16(), post.header("allow")),
        (405, "GET, PUT, DELETE")
    );
    assert_eq!(get(&service, &ada, &path(&bob["id"])).await.expect(200), bob);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_contact_is_gone_and_its_address_free() {
    let service = Service::start().await;
    let ada = ada(&service).await;
    let bob = bob(&service, &ada).await;

    let deleted = send(request(&service, &ada, Method::DELETE, &bob)).await;

    assert_eq!(deleted.expect(200), json!({ "id": bob["id"] }));
    assert_eq!(
        send(request(&service, &ada, Method::DELETE, &bob)).await.status,
        404
    );
    assert_eq!(get(&service, &ada, &path(&bob["id"])).await.status, 404);
    assert_eq!(count(&service, &ada).await, 0);
    add(&service, &ada, &[json!({ "email": "bob@example.org" })]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_or_deletion_of_another_version_is_refused() {
    let service = Service::start().await;
    let ada = ada(&service).await;
    let bob = bob(&service, &ada).await;
    let body = json!({ "email": "bob@example.org" });
    let with = |method, tag: &str| request(&service, &ada, method, &bob).header("if-match", tag);

    assert_eq!(send(with(Method::PUT, "\"7\"").json(&body)).await.status, 412);
    assert_eq!(send(with(Method::DELETE, "\"7\"")).await.status, 412);
    assert_eq!(send(with(Method::PUT, "\"0\"").json(&body)).await.status, 200);
    assert_eq!(send(with(Method::PUT, "\"0\"").json(&body)).await.status, 412);
    assert_eq!(send(with(Method::DELETE, "\"1\"")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_changes_at_once_lose_nothing() {
    let service = Service::start().await;
    let ada = ada(&service).await;
    let bob = bob(&service, &ada).await;

    for round in 0..20 {
        // One of the two sometimes moves the contact.
        let email = format!("bob{}@example.org", round / 2);
        let first = json!({ "email": email, "firstName": format!("first {round}") });
        let last = json!({ "email": email, "lastName": format!("last {round}") });
        let (one, other) = tokio::join!(
            put(&service, &ada, &bob, &first),
            put(&service, &ada, &bob, &last)
        );

        one.expect(200);
        other.expect(200);
        let read = get(&service, &ada, &path(&bob["id"])).await.expect(200);
        assert_eq!(
            (&read["firstName"], &read["lastName"]),
            (&first["firstName"], &last["lastName"])
        );
        assert_eq!(count(&service, &ada).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_accounts_contact_answers_like_one_that_never_was() {
    let service = Service::start().await;
    let ada = ada(&service).await;
    let eve = service
        .account("eve@example.org", &[Role::Originator, Role::SystemAdmin])
        .await;
    let bob = bob(&service, &ada).await;
    add(&service, &eve, &[json!({ "email": "bob@example.org" })]).await;
    let body = json!({ "email": "stolen@example.org" });

    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let ask = async |id: &str| {
            let request = service.request_as(&eve.token, method.clone(), &format!("{PATH}/{id}"));
            let request = if method == Method::PUT {
                request.json(&body)
            } else {
                request
            };
            send(request.header("if-match", "\"0\"")).await
        };
        let never = ask("67e5504410b1426f9247bb680e5fe0c8").await;
        never.expect(404);
        let ada = ada.id.to_string();
        for guess in [bob["id"].as_str().unwrap(), "bob@example.org", "x", "C%23", &ada] {
            let answer = ask(guess).await;
            assert_eq!(answer.status, never.status, "{method} {guess}");
            assert_eq!(answer.timeless(), never.timeless(), "{method} {guess}");
        }
    }

    assert_eq!(get(&service, &ada, &path(&bob["id"])).await.expect(200), bob);
    let listed = list(&service, &eve, &[("searchText", "builder")])
        .await
        .expect(200);
    assert_eq!(listed["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_goes_to_one_of_two_contacts_that_want_it_at_once() {
    let service = Service::start().await;
    let ada = ada(&service).await;
    let bob = bob(&service, &ada).await;
    let carol = add(&service, &ada, &[json!({ "email": "carol@example.org" })])
        .await
        .remove(0);
    let mut made = 0;

    for round in 0..20 {
        let email = format!("wanted{round}@example.org");
        let moved = json!({ "email": email });
        let statuses = if round % 2 == 0 {
            let (one, other) = tokio::join!(
                put(&service, &ada, &bob, &moved),
                put(&service, &ada, &carol, &moved)
            );
            [one.status.as_u16(), other.status.as_u16()]
        } else {
            let new = json!({ "contacts": [moved], "ignoreDuplicates": false });
            let (one, new) = tokio::join!(put(&service, &ada, &bob, &moved), post(&service, &ada, &new));
            made += u64::from(new.status == 200);
            [one.status.as_u16(), new.status.as_u16()]
        };

        assert!(statuses == [200, 409] || statuses == [409, 200], "{statuses:?}");
        let found = list(&service, &ada, &[("searchText", &email)]).await.expect(200);
        assert_eq!(found["count"], 1);
    }
    assert_eq!(count(&service, &ada).await, 2 + made);
}
