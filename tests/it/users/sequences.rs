//! Random sequences of requests against a model in memory.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Service, send};

/// As many sequences as the project promises.
const SEQUENCES: u32 = 3000;
const ADDRESSES: usize = 3;

/// One request; users are counted in the order of their creation.
#[derive(Clone, Copy, Debug)]
enum Step {
    Create { address: usize },
    Rename { user: usize, address: usize },
    Delete { user: usize },
    Read { user: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let user = 0..3_usize;
    let address = 0..ADDRESSES;
    prop_oneof![
        3 => address.clone().prop_map(|address| Step::Create { address }),
        4 => (user.clone(), address).prop_map(|(user, address)| Step::Rename { user, address }),
        2 => user.clone().prop_map(|user| Step::Delete { user }),
        1 => user.prop_map(|user| Step::Read { user }),
    ]
}

/// What the service should hold, in the plainest terms.
#[derive(Default)]
struct Model {
    /// Who holds or reserves an address.
    owners: BTreeMap<usize, usize>,
    /// The address of each user, or none when deleted.
    users: Vec<Option<usize>>,
}

impl Model {
    /// The status of the answer to `step`.
    fn take(&mut self, step: Step) -> u16 {
        match step {
            Step::Create { address } => {
                if self.owners.contains_key(&address) {
                    return 409;
                }
                self.owners.insert(address, self.users.len());
                self.users.push(Some(address));
                201
            }
            Step::Rename { user, address } => match self.users[user] {
                None => 404,
                Some(_) if self.owners.get(&address).is_some_and(|owner| *owner != user) => 409,
                Some(_) => {
                    self.owners.insert(address, user);
                    self.users[user] = Some(address);
                    200
                }
            },
            Step::Delete { user } => self.users[user].take().map_or(404, |_| {
                self.owners.retain(|_, owner| *owner != user);
                200
            }),
            Step::Read { user } => self.users[user].map_or(404, |_| 200),
        }
    }
}

/// Plays `steps` among the addresses of sequence `number`; answers how the service differed.
async fn play(service: &Service, number: usize, steps: &[Step]) -> Result<usize, String> {
    let email = |address: usize| format!("s{number}-{address}@example.org");
    let mut model = Model::default();
    let mut ids: Vec<String> = Vec::new();
    let mut requests = 0;
    for &step in steps {
        let path = |user: usize| ids.get(user).map(|id| format!("/users/{id}"));
        let request = match step {
            Step::Create { address } => {
                let body = json!({"email": email(address), "roles": "ROLE_ORIGINATOR"});
                Some(service.request(Method::POST, "/users").json(&body))
            }
            Step::Rename { user, address } => path(user).map(|path| {
                let body = json!({"email": email(address)});
                service.request(Method::PUT, &path).json(&body)
            }),
            Step::Delete { user } => path(user).map(|path| service.request(Method::DELETE, &path)),
            Step::Read { user } => path(user).map(|path| service.request(Method::GET, &path)),
        };
        // There are not so many users yet.
        let Some(request) = request else { continue };
        requests += 1;
        let answer = send(request).await;
        let expected = model.take(step);
        if answer.status.as_u16() != expected {
            return Err(format!(
                "{steps:?}: {step:?} gave {} for {expected}",
                answer.status
            ));
        }
        if !answer.status.is_success() {
            continue;
        }
        let address = match step {
            Step::Create { address } => {
                ids.push(answer.json()["id"].as_str().unwrap().to_owned());
                Some(address)
            }
            Step::Rename { user, .. } | Step::Read { user } => model.users[user],
            Step::Delete { .. } => None,
        };
        if address.is_some_and(|address| answer.json()["email"] != email(address)) {
            return Err(format!("{steps:?}: {step:?} gave {}", answer.text));
        }
    }
    Ok(requests)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_does_what_a_plain_model_does() {
    // 256, or what `PROPTEST_CASES` says.
    compare(Config::default().cases).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes more than a minute without optimisation"]
async fn the_service_does_what_a_plain_model_does_3000_times() {
    compare(SEQUENCES).await;
}

/// Plays so many sequences, none of which may find a difference.
async fn compare(sequences: u32) {
    let service = Service::start().await;
    let mut runner = TestRunner::new(Config::default());
    let sequences: Vec<Vec<Step>> = (0..sequences)
        .map(|_| {
            prop::collection::vec(step(), 4..9)
                .new_tree(&mut runner)
                .unwrap()
                .current()
        })
        .collect();

    let outcomes: Vec<_> = stream::iter(sequences.iter().enumerate())
        .map(|(number, steps)| play(&service, number, steps))
        .buffer_unordered(8)
        .collect()
        .await;

    let requests: usize = outcomes.iter().flatten().sum();
    let differences: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    println!(
        "{} sequences, {requests} requests, {} differences",
        sequences.len(),
        differences.len()
    );
    assert_eq!(differences, Vec::<String>::new());
    let listed: Value = service
        .get("/users?limit=0&searchText=%40example.org")
        .await
        .json();
    assert_eq!(
        listed["count"],
        service.get("/dashboard/users").await.json()["totalUsers"]
    );
}
