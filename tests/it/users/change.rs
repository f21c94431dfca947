//! `PUT /users/{userId}`.

use reqwest::Method;
use reqwest::header::IF_MATCH;
use serde_json::{Value, json};
use shared::roster::Role;

use crate::support::{Answer, Service, send};

/// A new user's path.
async fn user(service: &Service, email: &str) -> String {
    let id = service.account(email, &[Role::Originator]).await.id;
    format!("/users/{id}")
}

async fn rename(service: &Service, user: &str, email: &str) -> u16 {
    service.put(user, &json!({"email": email})).await.status.as_u16()
}

async fn take(service: &Service, email: &str) -> u16 {
    let body = json!({"email": email, "roles": "ROLE_ORIGINATOR"});
    service.post("/users", &body).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn left_out_stays_and_null_clears() {
    let service = Service::start().await;
    let ada = user(&service, "ada@example.org").await;

    let named = service
        .put(
            &ada,
            &json!({"firstName": "Ada", "lastName": "Byron", "planId": "p"}),
        )
        .await;
    assert_eq!(named.header("etag"), "\"1\"");
    let married = service
        .put(&ada, &json!({"lastName": "Lovelace", "planId": null}))
        .await
        .expect(200);
    assert_eq!(married["firstName"], "Ada");
    assert_eq!(married["lastName"], "Lovelace");
    assert_eq!(married["planId"], Value::Null);
    let same = service.put(&ada, &json!({})).await;
    assert_eq!(same.expect(200), married);
    assert_eq!(same.header("etag"), "\"2\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_read_is_taken_back_and_other_read_only_values_are_not() {
    let service = Service::start().await;
    let ada = user(&service, "ada@example.org").await;
    let mut read = service.get(&ada).await.json();

    assert_eq!(service.put(&ada, &read).await.expect(200), read);
    read["createdAt"] = json!("2001-01-01T00:00:00.000Z");
    read["importLine"] = json!(7);
    read["name"] = json!("Ada");
    read["mobileNumber"] = json!("12");
    let refused = service.put(&ada, &read).await;

    assert_eq!(refused.status, 422);
    assert_eq!(
        refused.faults(),
        [
            "#/mobileNumber invalid_format",
            "#/createdAt read_only",
            "#/importLine read_only",
            "#/name unknown_member"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_etag_changes_nothing() {
    let service = Service::start().await;
    let ada = user(&service, "ada@example.org").await;
    let put = async |etag: &str, name: &str| -> Answer {
        let request = service.request(Method::PUT, &ada).header(IF_MATCH, etag);
        send(request.json(&json!({"firstName": name}))).await
    };

    let first = put("\"0\"", "Ada").await;
    assert_eq!(first.status, 200);
    assert_eq!(put("\"0\"", "Eve").await.status, 412);
    assert_eq!(put("*", "Ida").await.status, 200);
    let delete = service
        .request(Method::DELETE, &ada)
        .header(IF_MATCH, first.header("etag"));
    assert_eq!(send(delete).await.status, 412);
    assert_eq!(service.get(&ada).await.json()["firstName"], "Ida");
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_once_held_stay_reserved_until_the_account_goes() {
    let service = Service::start().await;
    let ada = user(&service, "ada@example.org").await;
    let bob = user(&service, "bob@example.org").await;

    assert_eq!(rename(&service, &ada, "ada@example.net").await, 200);
    assert_eq!(rename(&service, &ada, "ada@example.com").await, 200);
    for held in ["ada@example.org", "ADA@example.net", "ada@example.com"] {
        assert_eq!(take(&service, held).await, 409, "{held}");
        assert_eq!(rename(&service, &bob, held).await, 409, "{held}");
    }
    assert_eq!(rename(&service, &ada, "ada@example.net").await, 200);
    assert_eq!(rename(&service, &ada, "Ada@Example.org").await, 200);
    let read = service.get(&ada).await.json();
    assert_eq!(read["email"], "Ada@Example.org");
    assert_eq!(
        service.get("/users?searchText=ada%40").await.json()["items"],
        json!([read])
    );

    service.delete(&ada).await.expect(200);
    for free in ["ada@example.org", "ada@example.net", "ada@example.com"] {
        assert_eq!(take(&service, free).await, 201, "{free}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_keeps_so_many_addresses_and_no_more() {
    let service = Service::start().await;
    let ada = user(&service, "ada@example.org").await;

    for number in 1..=50 {
        assert_eq!(
            rename(&service, &ada, &format!("ada{number}@example.org")).await,
            200
        );
    }
    assert_eq!(rename(&service, &ada, "ada51@example.org").await, 409);
    assert_eq!(rename(&service, &ada, "ada7@example.org").await, 200);
    assert_eq!(take(&service, "ada51@example.org").await, 201);
    service.delete(&ada).await.expect(200);
    assert_eq!(take(&service, "ada50@example.org").await, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_an_account_is_for_the_version_that_it_names() {
    let service = Service::start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let user = format!("/users/{}", ada.id);

    for (token, path, body) in [
        (&*ada.token, "/users/me".to_owned(), json!({ "firstName": "Ada" })),
        (service.admin(), format!("{user}/enable"), json!({})),
        (service.admin(), format!("{user}/expire"), json!({})),
    ] {
        let before = service.get(&user).await;
        let put = async |etag: &str| {
            let request = service
                .request_as(token, Method::PUT, &path)
                .header(IF_MATCH, etag);
            send(request.json(&body)).await
        };

        let refused = put("\"7\"").await;
        let after = service.get(&user).await;

        assert_eq!(
            refused.expect(412)["type"],
            "/problems/precondition-failed",
            "{path}"
        );
        assert_eq!(after.header("etag"), before.header("etag"), "{path}");
        assert_eq!(after.json(), before.json(), "{path}");
        let changed = put(before.header("etag")).await;
        assert_eq!(changed.status, 200, "{path}: {}", changed.text);
        let renewed = service.get(&user).await;
        assert_ne!(renewed.header("etag"), before.header("etag"), "{path}");
    }
}
