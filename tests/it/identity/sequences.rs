//! Random sequences of what owners ask for and what others do: no account of an owner changes by it.

use futures::stream::{self, StreamExt};
use local::Issuer;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::before::squatter;
use super::{WAYS, collaborator, path, promotion, put_me};
use crate::sign_in::start;
use crate::support::{Account, Service};

/// Addresses that owners want and do not have.
const WANTED: usize = 4;
const OWNERS: usize = 3;

/// One step; addresses are those that owners want.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// An owner asks for an address, by the address itself or by the pending one.
    Ask {
        owner: usize,
        address: usize,
        pending: bool,
    },
    /// An owner goes back: sends the own address, and `null` as the pending one.
    GoBack { owner: usize },
    /// An administrator sends an owner's record back with another name.
    SendBack { owner: usize },
    /// An administrator imports the address with an admin role, in one of the ways.
    Import { address: usize, way: usize },
    /// An administrator adds a user with the address.
    Add { address: usize },
    /// Somebody signs in by an issuer that has verified the address.
    SignIn { address: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let owner = 0..OWNERS;
    let address = 0..WANTED;
    prop_oneof![
        4 => (owner.clone(), address.clone(), any::<bool>())
            .prop_map(|(owner, address, pending)| Step::Ask { owner, address, pending }),
        2 => owner.clone().prop_map(|owner| Step::GoBack { owner }),
        1 => owner.prop_map(|owner| Step::SendBack { owner }),
        4 => (address.clone(), 0..WAYS.len()).prop_map(|(address, way)| Step::Import { address, way }),
        1 => address.clone().prop_map(|address| Step::Add { address }),
        2 => address.prop_map(|address| Step::SignIn { address }),
    ]
}

/// A service with its issuer, and the names of one sequence.
struct World<'a> {
    service: &'a Service,
    issuer: &'a Issuer,
    number: usize,
}

impl World<'_> {
    fn wanted(&self, address: usize) -> String {
        format!("wanted{}-{address}@example.org", self.number)
    }

    /// A new account and two that took addresses under the version before, of which one went back.
    async fn owners(&self) -> [Account; OWNERS] {
        let own = |owner: usize| format!("owner{}-{owner}@example.org", self.number);
        [
            collaborator(self.service, &own(0)).await,
            squatter(self.service, &own(1), &[&self.wanted(0)]).await,
            squatter(self.service, &own(2), &[&self.wanted(1), &own(2)]).await,
        ]
    }

    async fn take(&self, step: Step, owners: &[Account]) -> Result<(), String> {
        let service = self.service;
        match step {
            Step::Ask {
                owner,
                address,
                pending,
            } => {
                let member = if pending { "pendingEmail" } else { "email" };
                let body = Value::from_iter([(member, self.wanted(address))]);
                put_me(service, &owners[owner], &body).await.expect(200);
            }
            Step::GoBack { owner } => {
                let body = json!({"email": owners[owner].email, "pendingEmail": null});
                put_me(service, &owners[owner], &body).await.expect(200);
            }
            Step::SendBack { owner } => {
                let path = path(&owners[owner]);
                let mut record = service.get(&path).await.expect(200);
                let name = record["lastName"].as_str().unwrap_or_default().len() + 1;
                record["lastName"] = json!("x".repeat(name));
                service.put(&path, &record).await.expect(200);
            }
            Step::Import { address, way } => {
                let file = promotion(&self.wanted(address));
                service.import(file, WAYS[way]).await.expect(200);
            }
            Step::Add { address } => {
                let user = json!({"email": self.wanted(address), "roles": "ROLE_USER_ADMIN"});
                let status = service.post("/users", &user).await.status;
                assert!([201, 409].contains(&status.as_u16()), "{status}");
            }
            Step::SignIn { address } => {
                let email = self.wanted(address);
                let answer = service
                    .me(&self.issuer.token(&self.issuer.claims(&email, &email)))
                    .await;
                if answer.status == 200
                    && owners
                        .iter()
                        .any(|owner| answer.json()["id"] == owner.id.to_string())
                {
                    return Err(format!("{step:?} signed in as {}", answer.text));
                }
            }
        }
        Ok(())
    }
}

/// Plays `steps` in `world`; returns how an owner's account differed from what it was.
async fn play(world: World<'_>, steps: &[Step]) -> Result<(), String> {
    let owners = world.owners().await;
    let mut emails = Vec::new();
    for owner in &owners {
        emails.push(world.service.me(&owner.token).await.expect(200)["email"].clone());
    }
    for step in steps {
        world
            .take(*step, &owners)
            .await
            .map_err(|fault| format!("{steps:?}: {fault}"))?;
        for (owner, email) in owners.iter().zip(&emails) {
            let me = world.service.me(&owner.token).await.expect(200);
            if me["roles"] != json!(["ROLE_COLLABORATOR"])
                || me["email"] != *email
                || me["firstName"] != Value::Null
            {
                return Err(format!("{steps:?}: {step:?} left {me}"));
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_owners_do_nobody_else_changes_who_they_are() {
    compare(40).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes without optimisation"]
async fn whatever_owners_do_nobody_else_changes_who_they_are_1000_times() {
    compare(1000).await;
}

/// Plays so many sequences, none of which may change an owner's account.
async fn compare(sequences: usize) {
    let (service, issuer) = start().await;
    let mut runner = TestRunner::new(Config::default());
    let sequences: Vec<Vec<Step>> = (0..sequences)
        .map(|_| {
            prop::collection::vec(step(), 4..12)
                .new_tree(&mut runner)
                .unwrap()
                .current()
        })
        .collect();

    let outcomes: Vec<_> = stream::iter(sequences.iter().enumerate())
        .map(|(number, steps)| {
            let world = World {
                service: &service,
                issuer: &issuer,
                number,
            };
            play(world, steps)
        })
        .buffer_unordered(4)
        .collect()
        .await;

    let differences: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    println!("{} sequences, {} differences", sequences.len(), differences.len());
    assert_eq!(differences, Vec::<String>::new());
}
