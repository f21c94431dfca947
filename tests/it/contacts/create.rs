//! `POST /users/me/contacts`.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use serde_json::{Value, json};

use super::{ada, add, count, list, post};
use crate::support::faults::{Faults, Schedule};
use crate::support::{Account, Service};

fn numbered(count: usize) -> Vec<Value> {
    (0..count)
        .map(|number| json!({ "email": format!("c{number}@example.org") }))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn new_contacts_are_answered_in_order_with_an_outcome_each() {
    let service = Service::start().await;
    let ada = ada(&service).await;
    let body = json!({
        "contacts": [
            { "email": " Zoe@Example.org ", "firstName": "Zoe", "lastName": null },
            { "email": "bob@example.org" },
        ],
        "ignoreDuplicates": false,
    });

    let added = post(&service, &ada, &body).await.expect(200);

    let [zoe, bob] = added["items"].as_array().unwrap().as_slice() else {
        panic!("{added}");
    };
    assert_eq!(
        added,
        json!({
            "items": [zoe, bob],
            "count": 2,
            "offset": 0,
            "results": [
                { "status": "created", "id": zoe["id"] },
                { "status": "created", "id": bob["id"] },
            ],
        })
    );
    assert_eq!(
        *zoe,
        json!({
            "id": zoe["id"],
            "email": "Zoe@Example.org",
            "firstName": "Zoe",
            "lastName": null,
            "createdAt": zoe["createdAt"],
            "modifiedAt": zoe["createdAt"],
        })
    );
    let listed = list(&service, &ada, &[]).await.expect(200);
    assert_eq!(listed, json!({ "items": [bob, zoe], "count": 2, "offset": 0 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_every_element_is_told_and_nothing_is_stored() {
    let service = Service::start().await;
    let ada = ada(&service).await;
    let body = json!({
        "contacts": [
            { "email": "good@example.org" },
            { "email": "bob@", "firstName": 7 },
            "carol@example.org",
            { "firstName": "Dora", "nickname": "D", "id": "x" },
        ],
        "ignoreDuplicates": "no",
        "dryRun": true,
    });

    let refused = post(&service, &ada, &body).await;

    assert_eq!(refused.status, 422);
    assert_eq!(
        refused.faults(),
        [
            "#/contacts/1/email invalid_format",
            "#/contacts/1/firstName invalid_format",
            "#/contacts/2 invalid_format",
            "#/contacts/3/email required",
            "#/contacts/3/id unknown_member",
            "#/contacts/3/nickname unknown_member",
            "#/ignoreDuplicates invalid_format",
            "#/dryRun unknown_member",
        ]
    );
    assert_eq!(count(&service, &ada).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_has_one_to_a_hundred_contacts_and_says_what_to_do_with_duplicates() {
    let service = Service::start().await;
    let ada = ada(&service).await;

    for (body, told) in [
        (
            json!({}),
            vec!["#/contacts required", "#/ignoreDuplicates required"],
        ),
        (
            json!({ "contacts": [], "ignoreDuplicates": true }),
            vec!["#/contacts out_of_range"],
        ),
        (
            json!({ "contacts": numbered(101), "ignoreDuplicates": true }),
            vec!["#/contacts out_of_range"],
        ),
        (
            json!({ "contacts": { "email": "bob@example.org" }, "ignoreDuplicates": true }),
            vec!["#/contacts invalid_format"],
        ),
    ] {
        let refused = post(&service, &ada, &body).await;
        assert_eq!(refused.status, 422);
        assert_eq!(refused.faults(), told);
    }

    assert_eq!(add(&service, &ada, &numbered(100)).await.len(), 100);
    assert_eq!(count(&service, &ada).await, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn ignored_duplicates_are_skipped_and_named_by_the_contact_that_is_there() {
    let service = Service::start().await;
    let ada = ada(&service).await;
    let bob = add(
        &service,
        &ada,
        &[json!({ "email": "Bob@example.org", "firstName": "Bob" })],
    )
    .await
    .remove(0);
    let body = json!({
        "contacts": [
            { "email": "carol@example.org", "firstName": "first" },
            { "email": "BOB@example.org", "firstName": "Robert" },
            { "email": "Carol@Example.org", "firstName": "second" },
            { "email": "bob@EXAMPLE.org" },
            { "email": "dora@example.org" },
        ],
        "ignoreDuplicates": true,
    });

    let added = post(&service, &ada, &body).await.expect(200);
    let again = post(&service, &ada, &body).await.expect(200);

    let [carol, dora] = added["items"].as_array().unwrap().as_slice() else {
        panic!("{added}");
    };
    assert_eq!(
        (&carol["firstName"], &added["count"]),
        (&json!("first"), &json!(2))
    );
    assert_eq!(
        added["results"],
        json!([
            { "status": "created", "id": carol["id"] },
            { "status": "duplicate", "id": bob["id"] },
            { "status": "duplicate", "id": carol["id"] },
            { "status": "duplicate", "id": bob["id"] },
            { "status": "created", "id": dora["id"] },
        ])
    );
    assert_eq!((&again["items"], &again["count"]), (&json!([]), &json!(0)));
    let listed = list(&service, &ada, &[]).await.expect(200);
    assert_eq!(listed["items"], json!([bob, carol, dora]));
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_that_are_not_ignored_are_all_named_and_nothing_is_stored() {
    let service = Service::start().await;
    let ada = ada(&service).await;
    add(&service, &ada, &[json!({ "email": "bob@example.org" })]).await;
    add(&service, &ada, &[json!({ "email": "dora@example.org" })]).await;
    let mut contacts = vec![
        json!({ "email": "carol@example.org" }),
        json!({ "email": "BOB@example.org" }),
        json!({ "email": "emil@example.org" }),
        json!({ "email": "dora@example.org" }),
    ];

    let body = json!({ "contacts": contacts, "ignoreDuplicates": false });
    let stored = post(&service, &ada, &body).await;
    contacts.push(json!({ "email": "Carol@example.org" }));
    contacts.push(json!({ "email": "bob@example.org" }));
    let body = json!({ "contacts": contacts, "ignoreDuplicates": false });
    let repeated = post(&service, &ada, &body).await;

    let known = [
        "#/contacts/1/email already_exists",
        "#/contacts/3/email already_exists",
    ];
    assert_eq!(stored.expect(409)["errors"][0]["value"], "BOB@example.org");
    assert_eq!(stored.faults(), known);
    assert_eq!(repeated.status, 409);
    assert_eq!(
        repeated.faults(),
        [
            known[0],
            known[1],
            "#/contacts/4/email repeated",
            "#/contacts/5/email already_exists",
        ]
    );
    assert_eq!(count(&service, &ada).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_a_count_and_one_write_besides_the_callers_read_and_a_page_is_one_call() {
    let calls = Faults::new(Schedule::Clean);
    let service = Service::above(&calls).await;
    let ada = ada(&service).await;
    calls.take();

    add(&service, &ada, &numbered(100)).await;
    assert_eq!(calls.take(), 3, "100 new contacts");
    list(&service, &ada, &[("limit", "100"), ("searchText", "C7")]).await;
    assert_eq!(calls.take(), 2, "a search");
    list(&service, &ada, &[("limit", "0")]).await;
    assert_eq!(calls.take(), 2, "the count");
    list(&service, &ada, &[]).await;
    assert_eq!(calls.take(), 3, "the first page, and the count of the rest");
}

/// The addresses of the account's contacts, as they are kept, by what stands before the first dash.
async fn kept(service: &Service, account: &Account) -> BTreeMap<String, BTreeSet<usize>> {
    let mut kept: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for item in service.partition(&format!("C#{}", account.id)).await {
        let email = item["email"].as_s().unwrap().to_lowercase();
        let (race, rest) = email.split_once('-').unwrap();
        let number = rest.split_once('@').unwrap().0.parse().unwrap();
        assert!(
            kept.entry(race.to_owned()).or_default().insert(number),
            "{email} twice"
        );
    }
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_overlapping_batches_at_once_none_is_stored_by_half_and_no_address_twice() {
    race(40).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half a minute without optimisation"]
async fn of_two_overlapping_batches_at_once_the_same_holds_200_times() {
    race(200).await;
}

/// Lets two batches of 50 that share 25 addresses meet, and looks at what they leave behind.
async fn race(races: usize) {
    let service = Service::start().await;
    let ada = ada(&service).await;
    let batch = |race: usize, upper: bool| {
        let numbers = if upper { 25..75 } else { 0..50 };
        let contacts: Vec<_> = numbers
            .map(|number| {
                let email = format!("race{race}-{number}@example.org");
                json!({ "email": if upper { email.to_uppercase() } else { email } })
            })
            .collect();
        json!({ "contacts": contacts, "ignoreDuplicates": race.is_multiple_of(2) })
    };

    let meetings = (0..races).map(async |race| {
        let (lower, upper) = (batch(race, false), batch(race, true));
        let (lower, upper) = tokio::join!(post(&service, &ada, &lower), post(&service, &ada, &upper));
        (race, lower, upper)
    });
    let answers: Vec<_> = futures::stream::iter(meetings)
        .buffer_unordered(4)
        .collect()
        .await;

    let kept = kept(&service, &ada).await;
    assert_eq!(kept.len(), races);
    for (race, lower, upper) in answers {
        let kept: Vec<_> = kept[&format!("race{race}")].iter().copied().collect();
        if race.is_multiple_of(2) {
            let created =
                [lower.expect(200), upper.expect(200)].map(|added| added["count"].as_u64().unwrap());
            assert!(created == [50, 25] || created == [25, 50], "{created:?}");
            assert_eq!(kept, (0..75).collect::<Vec<_>>());
        } else if lower.status == 200 {
            assert_eq!((upper.status.as_u16(), upper.faults().len()), (409, 25));
            assert_eq!(kept, (0..50).collect::<Vec<_>>());
        } else {
            assert_eq!((lower.status.as_u16(), lower.faults().len()), (409, 25));
            upper.expect(200);
            assert_eq!(kept, (25..75).collect::<Vec<_>>());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_has_at_most_so_many_contacts() {
    let service = Service::with_variables(&[("CONTACTS_PER_OWNER", "3")]).await;
    let ada = ada(&service).await;
    let body = |contacts: &[Value], ignore: bool| json!({ "contacts": contacts, "ignoreDuplicates": ignore });
    let four = numbered(4);

    let refused = post(&service, &ada, &body(&four, false)).await.expect(409);
    assert_eq!(
        refused["detail"],
        "you have 0 contacts, and at most 3 are allowed; delete some of them first"
    );
    assert_eq!(count(&service, &ada).await, 0);

    let added = add(&service, &ada, &four[..3]).await;
    post(&service, &ada, &body(&four, true)).await.expect(409);
    // What is there already needs no room.
    let again = post(&service, &ada, &body(&four[..3], true)).await.expect(200);
    assert_eq!(again["count"], 0);
    let duplicate = post(&service, &ada, &body(&four[..1], false)).await;
    assert_eq!(duplicate.faults(), ["#/contacts/0/email already_exists"]);

    let path = format!("/users/me/contacts/{}", added[0]["id"].as_str().unwrap());
    crate::support::send(service.request_as(&ada.token, reqwest::Method::DELETE, &path))
        .await
        .expect(200);
    post(&service, &ada, &body(&four[3..], false)).await.expect(200);
    assert_eq!(count(&service, &ada).await, 3);
}
