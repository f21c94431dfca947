//! Storage that fails in one call, or for a while: what a caller is told, and what a request that is sent again
//! finds.

use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shared::roster::Role;

use crate::support::faults::{Fault, Faults, Schedule};
use crate::support::{Answer, Service, send};

/// A request that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Write {
    AddUser,
    AddContact,
    AddUnknownContact,
    IssueToken,
    ChangeUser,
    MoveUser,
    DisableUser,
    DeleteUser,
    CancelImport,
}

impl Write {
    const ALL: [Self; 9] = [
        Self::AddUser,
        Self::AddContact,
        Self::AddUnknownContact,
        Self::IssueToken,
        Self::ChangeUser,
        Self::MoveUser,
        Self::DisableUser,
        Self::DeleteUser,
        Self::CancelImport,
    ];

    /// The status of the answer when nothing fails.
    fn status(self) -> u16 {
        match self {
            Self::AddUser | Self::IssueToken => 201,
            _ => 200,
        }
    }

    fn is_post(self) -> bool {
        matches!(
            self,
            Self::AddUser | Self::AddContact | Self::AddUnknownContact | Self::IssueToken
        )
    }

    /// The request number `number`, about things of its own. A POST has a key.
    async fn request(self, service: &Service, number: usize) -> RequestBuilder {
        let email = format!("u{number}@example.org");
        if self == Self::AddUser {
            let user = json!({ "email": email, "roles": "ROLE_ORIGINATOR" });
            return keyed(service.request(Method::POST, "/users"), number).json(&user);
        }
        if self == Self::CancelImport {
            let opened = service
                .post("/users/import/uploads", &json!({ "bytes": 5 }))
                .await
                .expect(201);
            // There are more requests here than URLs may be valid at once.
            service.end_uploads(opened["createdBy"].as_str().unwrap()).await;
            let path = format!("/users/import/{}", opened["id"].as_str().unwrap());
            return service.request(Method::DELETE, &path);
        }
        let account = service.account(&email, &[Role::Originator]).await;
        let path = format!("/users/{}", account.id);
        match self {
            Self::AddContact | Self::AddUnknownContact => {
                let ignore = self == Self::AddUnknownContact;
                let body = json!({ "contacts": [{ "email": "c@example.org" }], "ignoreDuplicates": ignore });
                let request = service.request_as(&account.token, Method::POST, "/users/me/contacts");
                keyed(request, number).json(&body)
            }
            Self::IssueToken => {
                keyed(service.request(Method::POST, &(path + "/tokens")), number).json(&json!({}))
            }
            Self::ChangeUser => {
                let body = json!({ "firstName": "Ada", "enabled": false });
                service.request(Method::PUT, &path).json(&body)
            }
            Self::MoveUser => {
                let body = json!({ "email": format!("moved{number}@example.org") });
                service.request(Method::PUT, &path).json(&body)
            }
            Self::DisableUser => service.request(Method::PUT, &(path + "/enable")),
            _ => service.request(Method::DELETE, &path),
        }
    }

    /// By how many accounts there are more when [`Write::request`] was called and carried out.
    fn accounts(self) -> u64 {
        u64::from(!matches!(self, Self::DeleteUser | Self::CancelImport))
    }
}

fn keyed(request: RequestBuilder, number: usize) -> RequestBuilder {
    request.header("Idempotency-Key", format!("key {number}"))
}

/// How many accounts there are, as they are counted.
async fn accounts(service: &Service) -> u64 {
    let numbers = service.get("/dashboard/users").await.expect(200);
    numbers["totalUsers"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_fault_at_any_call_is_overcome_and_the_caller_sees_nothing_of_it() {
    let storage = Faults::new(Schedule::Clean);
    let service = Service::above(&storage).await;
    let (mut number, mut expected) = (0, 1);
    for write in Write::ALL {
        let clean = write.request(&service, number).await;
        storage.begin(Schedule::Clean);
        send(clean).await.expect(write.status());
        let calls = storage.take();
        expected += write.accounts();
        assert!(calls >= 2, "{write:?}: {calls} calls");

        for (call, fault) in (0..calls).flat_map(|call| Fault::ALL.map(|fault| (call, fault))) {
            number += 1;
            let request = write.request(&service, number).await;
            let again = request.try_clone().unwrap();
            storage.begin(Schedule::Once { call, fault });
            let answer = send(request).await;
            storage.begin(Schedule::Clean);

            let what = format!("{write:?}, {fault:?} at call {call}: {}", answer.text);
            assert_eq!(answer.status, write.status(), "{what}");
            if write.is_post() {
                let again = send(again).await;
                if write == Write::IssueToken {
                    // An access token is never given twice.
                    again.expect(409);
                    expected += write.accounts();
                    continue;
                }
                assert_eq!(
                    (again.status, again.text),
                    (answer.status, answer.text.clone()),
                    "{what}"
                );
            }
            expected += write.accounts();
        }
        number += 1;
    }
    println!("{number} requests");

    assert_eq!(accounts(&service).await, expected);
}

#[track_caller]
fn unavailable(answer: &Answer, what: &str) {
    assert_eq!(answer.expect(503)["type"], "/problems/unavailable", "{what}");
    assert_eq!(answer.header("retry-after"), "2", "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_storage_throttles_callers_are_told_when_to_try_again_and_the_same_request_is_then_carried_out()
{
    let storage = Faults::new(Schedule::Clean);
    let service = Service::above(&storage).await;
    let mut expected = 1;
    let mut requests = Vec::new();
    for (number, write) in Write::ALL.into_iter().enumerate() {
        requests.push(write.request(&service, number).await);
    }
    storage.begin(Schedule::Writes {
        fault: Fault::Throttled,
    });
    let refused = requests.iter().map(async |request| {
        let started = Instant::now();
        let refused = send(request.try_clone().unwrap()).await;
        (refused, started.elapsed())
    });
    let refused = futures::future::join_all(refused).await;
    storage.begin(Schedule::Clean);

    for ((write, request), (refused, took)) in Write::ALL.into_iter().zip(requests).zip(refused) {
        unavailable(&refused, &format!("{write:?}"));
        assert!(took < Duration::from_secs(8), "{write:?}: {took:?}");
        send(request).await.expect(write.status());
        expected += write.accounts();
    }
    assert_eq!(accounts(&service).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_failed_is_sent_again_with_a_newer_token() {
    let storage = Faults::new(Schedule::Clean);
    let service = Service::above(&storage).await;
    let ada = service.account("ada@example.org", &[Role::SystemAdmin]).await;
    let newer = service.token(ada.id).await;
    let post = async |token: &str| {
        let request = keyed(service.request_as(token, Method::POST, "/users"), 0);
        let body = json!({ "email": "bob@example.org", "roles": "ROLE_ORIGINATOR" });
        send(request.json(&body)).await
    };
    // After the caller was read and the request noted.
    storage.begin(Schedule::From {
        call: 2,
        fault: Fault::FailedAfter,
    });
    unavailable(&post(&ada.token).await, "with the first token");
    storage.begin(Schedule::Clean);

    let made = post(&newer).await.expect(201);
    let again = post(&newer).await.expect(201);
    let with_first = post(&ada.token).await;

    assert_eq!(made, again);
    assert_eq!(accounts(&service).await, 3);
    assert_eq!(
        with_first.expect(422)["errors"][0]["detail"],
        "was answered before, to another access token; send a new key"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_of_which_every_answer_was_lost_finds_its_own_work_when_it_is_sent_again() {
    let storage = Faults::new(Schedule::Clean);
    let service = Service::above(&storage).await;
    let (mut number, mut expected) = (0, 1);
    for write in [Write::AddUser, Write::AddContact, Write::AddUnknownContact] {
        let clean = write.request(&service, number).await;
        storage.begin(Schedule::Clean);
        let clean = send(clean).await.expect(write.status());
        expected += 1;
        for call in 0..storage.take() {
            number += 1;
            let request = write.request(&service, number).await;
            let again = request.try_clone().unwrap();
            storage.begin(Schedule::From {
                call,
                fault: Fault::FailedAfter,
            });
            send(request).await;
            storage.begin(Schedule::Clean);

            let made = send(again.try_clone().unwrap()).await;
            let repeated = send(again).await;

            let what = format!("{write:?}, from call {call} on: {}", made.text);
            assert_eq!(made.status, write.status(), "{what}");
            let made_of = |answer: &Value| answer["results"][0]["status"].clone();
            assert_eq!(made_of(&made.json()), made_of(&clean), "{what}");
            assert_eq!(
                (repeated.status, &repeated.text),
                (made.status, &made.text),
                "{what}"
            );
            expected += 1;
            assert_eq!(accounts(&service).await, expected, "{what}");
        }
        number += 1;
    }
}
