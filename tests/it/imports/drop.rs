//! Files that an operator drops under `drop/`.

use std::fmt::Write;

use local::{Delivery, Options};
use serde_json::{Value, json};

use super::{MEMBERS, counts, faults, members, people, users};
use crate::support::{Service, eventually};

/// The finished imports of the object `key`.
async fn of_key(service: &Service, key: &str) -> Vec<Value> {
    eventually("the dropped file is imported", async || {
        let mut query = String::new();
        for byte in key.bytes() {
            write!(query, "%{byte:02X}").unwrap();
        }
        let list = service
            .get(&format!("/users/import?key={query}"))
            .await
            .expect(200);
        let items = list["items"].as_array().unwrap().clone();
        let all_finished = items.iter().all(|import| import["finishedAt"].is_string());
        (!items.is_empty() && all_finished).then(|| {
            assert_eq!(list["count"], items.len());
            items
        })
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_file_is_imported_and_found_by_its_key() {
    let service = Service::start().await;

    for (number, key) in (1..).zip(["drop/new staff+1 é%20.csv", "drop/2026/11/a&b=c.csv"]) {
        service.put_object(key, people(number..=number)).await;

        let found = of_key(&service, key).await;
        assert_eq!(found.len(), 1);
        let import = service.get(&super::path(&found[0])).await.expect(200);
        assert_eq!(members(&import), MEMBERS);
        assert_eq!(import["key"], key);
        assert_eq!(import["via"], "drop");
        assert_eq!(import["fileName"], key.rsplit('/').next().unwrap());
        assert_eq!(import["createdBy"], json!(null));
        assert_eq!(counts(&import), [1, 1, 0, 0, 0]);
    }
    let nothing = service.get("/users/import?key=drop/other.csv").await.expect(200);
    assert_eq!((&nothing["items"], &nothing["count"]), (&json!([]), &json!(0)));
    assert_eq!(users(&service).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_file_gives_an_admin_role_only_if_the_deployment_allows_it() {
    let file = "email,roles\na@example.org,ROLE_USER_ADMIN\nb@example.org,Originator\n";
    for allowed in [false, true] {
        let service = Service::with_variables(&[("DROP_MAY_GIVE_ADMIN_ROLES", &allowed.to_string())]).await;

        service.put_object("drop/a.csv", file).await;
        let found = of_key(&service, "drop/a.csv").await;

        let import = service.get(&super::path(&found[0])).await.expect(200);
        let expected: &[_] = if allowed {
            &[]
        } else {
            &[(2, "roles", "forbidden_role")]
        };
        assert_eq!(faults(&import), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_arrival_told_three_times_at_once_is_one_import() {
    let service = Service::with(Options {
        delivery: Delivery {
            times: 3,
            at_once: true,
            ..Delivery::default()
        },
        ..Options::default()
    })
    .await;

    service.put_object("drop/a.csv", people(1..=200)).await;
    service.local.settled().await;

    let found = of_key(&service, "drop/a.csv").await;
    assert_eq!(found.len(), 1);
    assert_eq!(counts(&found[0]), [200, 200, 0, 0, 0]);
    assert_eq!(users(&service).await, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_dropped_again_under_its_name_is_another_import() {
    let service = Service::start().await;

    service.put_object("drop/a.csv", people(1..=1)).await;
    service.local.settled().await;
    service.put_object("drop/a.csv", people(1..=2)).await;
    service.local.settled().await;

    let found = of_key(&service, "drop/a.csv").await;
    assert_eq!(found.len(), 2);
    assert_eq!(counts(&found[0]), [2, 1, 0, 0, 1]);
    assert_eq!(counts(&found[1]), [1, 1, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_elsewhere_in_the_bucket_is_no_import() {
    let service = Service::start().await;

    service.put_object("drop/folder/", "").await;
    for key in ["imports/nothing.csv", "other/a.csv", "resume/nothing"] {
        service.put_object(key, people(1..=1)).await;
    }
    service.local.settled().await;

    assert_eq!(service.get("/users/import").await.expect(200)["count"], 0);
    assert_eq!(users(&service).await, 1);
}
