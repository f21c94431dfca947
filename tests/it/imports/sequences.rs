//! Random sequences of imports, rosters, dry runs, applies, undos and single changes against a model in memory.

use std::collections::BTreeMap;
use std::fmt::Write;

use futures::stream::{self, StreamExt};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use reqwest::Method;
use serde_json::{Value, json};

use super::user;
use crate::support::{Service, form, send};

/// As many sequences as the project promises.
const SEQUENCES: u32 = 2000;
/// Sequences with rosters, each in a service of its own, because a roster is about everybody.
const ROSTERS: u32 = 500;
const ADDRESSES: usize = 3;
const NAMES: [&str; 3] = ["Ada", "Grace", "Tim"];

/// The rows of a file: the addresses, each with a first name.
type Rows = Vec<(usize, usize)>;

/// One request. Imports are counted in the order of their requests.
#[derive(Clone, Debug)]
enum Step {
    Import {
        rows: Rows,
        upserts: bool,
        is_dry: bool,
    },
    /// An upsert that disables who is not in it, unless they are more than so many per cent.
    Roster {
        rows: Rows,
        limit: usize,
        is_dry: bool,
    },
    Apply {
        import: usize,
    },
    Undo {
        import: usize,
    },
    Rename {
        address: usize,
        name: usize,
    },
    Flip {
        address: usize,
    },
    Delete {
        address: usize,
    },
}

fn rows() -> impl Strategy<Value = Rows> {
    prop::collection::vec((0..ADDRESSES, 0..NAMES.len()), 1..4)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (rows(), any::<bool>(), any::<bool>())
            .prop_map(|(rows, upserts, is_dry)| Step::Import { rows, upserts, is_dry }),
        3 => (rows(),).prop_map(|(rows,)| Step::Import { rows, upserts: true, is_dry: false }),
        2 => (0..6_usize).prop_map(|import| Step::Apply { import }),
        5 => (0..6_usize).prop_map(|import| Step::Undo { import }),
        2 => (0..ADDRESSES, 0..NAMES.len()).prop_map(|(address, name)| Step::Rename { address, name }),
        1 => (0..ADDRESSES).prop_map(|address| Step::Flip { address }),
        1 => (0..ADDRESSES).prop_map(|address| Step::Delete { address }),
    ]
}

fn step_with_rosters() -> impl Strategy<Value = Step> {
    let limit = prop::sample::select(vec![0, 34, 50, 100]);
    prop_oneof![
        2 => step(),
        1 => (rows(), limit, any::<bool>())
            .prop_map(|(rows, limit, is_dry)| Step::Roster { rows, limit, is_dry }),
    ]
}

/// An account.
#[derive(Clone, Debug, PartialEq)]
struct Account {
    number: usize,
    name: usize,
    enabled: bool,
    /// How often it was changed.
    version: usize,
    /// What tells one state from another; an undo brings an earlier one back.
    state: usize,
}

/// What an import did with an account.
#[derive(Clone, Debug)]
struct Effect {
    address: usize,
    number: usize,
    /// The account before; nothing for one that was made.
    before: Option<Account>,
    /// The state afterwards.
    after: usize,
    is_undone: bool,
}

/// What a dry run found for a row.
#[derive(Clone, Debug, PartialEq)]
enum Shown {
    Creates,
    /// The account and its version.
    Finds(usize, usize),
    Fails,
}

#[derive(Clone, Debug)]
enum Import {
    Dry {
        rows: Rows,
        upserts: bool,
        shown: Vec<Shown>,
        /// The addresses of accounts that would be disabled, with the accounts and their versions.
        absent: Vec<(usize, usize, usize)>,
        applied: Option<Counted>,
    },
    Real(Vec<Effect>, usize),
    Undo,
}

/// Created, updated, unchanged, deleted, failed, disabled.
type Counted = [u64; 6];

/// What the service should hold, in the plainest terms.
#[derive(Default)]
struct Model {
    accounts: BTreeMap<usize, Account>,
    numbers: usize,
    states: usize,
    imports: Vec<Import>,
}

impl Model {
    fn next(number: &mut usize) -> usize {
        *number += 1;
        *number
    }

    /// What becomes of the rows of an import, which is recorded.
    fn import(&mut self, rows: &Rows, upserts: bool, is_dry: bool, shown: Option<&[Shown]>) -> Counted {
        let (counts, effects, found) = self.carry_out(rows, upserts, is_dry, shown);
        self.imports.push(if is_dry {
            Import::Dry {
                rows: rows.clone(),
                upserts,
                shown: found,
                absent: Vec::new(),
                applied: None,
            }
        } else {
            Import::Real(effects, rows.len())
        });
        counts
    }

    /// What becomes of the rows of a roster and of those who are not in it, which is recorded.
    fn roster(&mut self, rows: &Rows, limit: usize, is_dry: bool) -> Counted {
        let enabled = |(_, account): &(&usize, &Account)| account.enabled;
        let before = self.accounts.iter().filter(enabled).count();
        let is_absent = |address: &usize| rows.iter().all(|(other, _)| other != address);
        let absent: Vec<_> = self
            .accounts
            .iter()
            .filter(enabled)
            .filter(|(address, _)| is_absent(address))
            .map(|(address, account)| (*address, account.number, account.version))
            .collect();
        let absent = if absent.len() * 100 > limit * before {
            Vec::new()
        } else {
            absent
        };
        let mut counts = self.import(rows, true, is_dry, None);
        if is_dry {
            counts[5] = absent.len() as u64;
            if let Some(Import::Dry { absent: listed, .. }) = self.imports.last_mut() {
                *listed = absent;
            }
        } else {
            counts[5] = self.disable(&absent);
        }
        counts
    }

    /// Disables those accounts that still are what they were, for the last import.
    fn disable(&mut self, absent: &[(usize, usize, usize)]) -> u64 {
        let mut disabled = Vec::new();
        for (address, number, version) in absent {
            let Some(account) = self.accounts.get_mut(address) else {
                continue;
            };
            if (account.number, account.version) != (*number, *version) {
                continue;
            }
            let before = account.clone();
            account.enabled = false;
            account.version += 1;
            account.state = Self::next(&mut self.states);
            disabled.push(Effect {
                address: *address,
                number: *number,
                before: Some(before),
                after: account.state,
                is_undone: false,
            });
        }
        let count = disabled.len();
        if let Some(Import::Real(effects, rows)) = self.imports.last_mut() {
            effects.extend(disabled);
            *rows += count;
        }
        count as u64
    }

    /// What becomes of rows, what they do, and what they meet.
    fn carry_out(
        &mut self,
        rows: &Rows,
        upserts: bool,
        is_dry: bool,
        shown: Option<&[Shown]>,
    ) -> (Counted, Vec<Effect>, Vec<Shown>) {
        let mut counts = [0; 6];
        let mut effects = Vec::new();
        let mut found = Vec::new();
        let mut seen: BTreeMap<usize, bool> = BTreeMap::new();
        for (place, (address, name)) in rows.iter().enumerate() {
            let account = self.accounts.get(address).cloned();
            let is_repeat = seen.contains_key(address);
            let mut outcome = match &account {
                _ if is_repeat => Shown::Fails,
                None => Shown::Creates,
                Some(account) if upserts => Shown::Finds(account.number, account.version),
                Some(_) => Shown::Fails,
            };
            seen.entry(*address).or_insert(true);
            if shown.is_some_and(|shown| shown[place] != outcome) {
                outcome = Shown::Fails;
            }
            match (&outcome, account) {
                (Shown::Fails, _) => counts[4] += 1,
                (Shown::Creates, _) => {
                    counts[0] += 1;
                    if !is_dry {
                        let account = Account {
                            number: Self::next(&mut self.numbers),
                            name: *name,
                            enabled: true,
                            version: 0,
                            state: Self::next(&mut self.states),
                        };
                        effects.push(Effect {
                            address: *address,
                            number: account.number,
                            before: None,
                            after: account.state,
                            is_undone: false,
                        });
                        self.accounts.insert(*address, account);
                    }
                }
                (Shown::Finds(..), Some(account)) if account.name == *name => counts[2] += 1,
                (Shown::Finds(..), Some(account)) => {
                    counts[1] += 1;
                    if !is_dry {
                        let state = Self::next(&mut self.states);
                        effects.push(Effect {
                            address: *address,
                            number: account.number,
                            before: Some(account.clone()),
                            after: state,
                            is_undone: false,
                        });
                        let version = account.version + 1;
                        let changed = Account {
                            name: *name,
                            version,
                            state,
                            ..account
                        };
                        self.accounts.insert(*address, changed);
                    }
                }
                (Shown::Finds(..), None) => unreachable!("an account is found where there is one"),
            }
            found.push(outcome);
        }
        (counts, effects, found)
    }

    /// What becomes of the rows of an import that is taken back.
    fn undo(&mut self, import: usize) -> Counted {
        let Import::Real(mut effects, rows) = self.imports[import].clone() else {
            unreachable!("only real imports are taken back");
        };
        let mut counts = [0; 6];
        counts[2] = (rows - effects.len()) as u64;
        for effect in &mut effects {
            let account = self.accounts.get_mut(&effect.address);
            match (
                account.filter(|account| account.number == effect.number),
                &effect.before,
            ) {
                (None, None) => counts[2] += 1,
                (Some(_), Some(_)) if effect.is_undone => counts[2] += 1,
                (Some(account), None) if account.state == effect.after => {
                    self.accounts.remove(&effect.address);
                    counts[3] += 1;
                }
                (Some(account), Some(before)) if account.state == effect.after => {
                    let version = account.version + 1;
                    *account = Account {
                        version,
                        ..before.clone()
                    };
                    effect.is_undone = true;
                    counts[1] += 1;
                }
                _ => counts[4] += 1,
            }
        }
        self.imports[import] = Import::Real(effects, rows);
        self.imports.push(Import::Undo);
        counts
    }
}

/// What an import counted.
fn counted(import: &Value) -> Counted {
    ["created", "updated", "unchanged", "deleted", "failed", "disabled"]
        .map(|name| import["counts"][name].as_u64().unwrap())
}

/// One sequence among its own addresses.
struct Play<'a> {
    service: &'a Service,
    number: usize,
    model: Model,
    /// The imports of the model.
    imports: Vec<Value>,
}

impl Play<'_> {
    fn email(&self, address: usize) -> String {
        format!("q{}-{address}@example.org", self.number)
    }

    /// Takes a step; what the service counted and what it should have.
    async fn take(&mut self, step: &Step) -> Option<(Counted, Counted)> {
        match step {
            Step::Import {
                rows,
                upserts,
                is_dry,
            } => {
                let mode = if *upserts { "upsert" } else { "create" };
                let done = self.send(rows, &[("mode", mode)], *is_dry).await;
                Some((done, self.model.import(rows, *upserts, *is_dry, None)))
            }
            Step::Roster { rows, limit, is_dry } => {
                let limit_word = limit.to_string();
                let fields = [
                    ("mode", "upsert"),
                    ("missing", "disable"),
                    ("missingLimit", &limit_word),
                ];
                let done = self.send(rows, &fields, *is_dry).await;
                Some((done, self.model.roster(rows, *limit, *is_dry)))
            }
            Step::Apply { import } => {
                let Some(Import::Dry {
                    rows,
                    upserts,
                    shown,
                    absent,
                    applied,
                }) = self.model.imports.get(*import).cloned()
                else {
                    return None;
                };
                let followed = self.follow(*import, "apply").await;
                let done = counted(&followed);
                if let Some(applied) = applied {
                    return Some((done, applied));
                }
                let mut expected = self.model.import(&rows, upserts, false, Some(&shown));
                expected[5] = self.model.disable(&absent);
                if let Import::Dry { applied, .. } = &mut self.model.imports[*import] {
                    *applied = Some(expected);
                }
                self.imports.push(followed);
                Some((done, expected))
            }
            Step::Undo { import } => {
                if !matches!(self.model.imports.get(*import), Some(Import::Real(..))) {
                    return None;
                }
                let followed = self.follow(*import, "undo").await;
                let expected = self.model.undo(*import);
                let done = counted(&followed);
                self.imports.push(followed);
                Some((done, expected))
            }
            Step::Rename { address, name } => {
                let found = user(self.service, &self.email(*address)).await?;
                let body = json!({ "firstName": NAMES[*name] });
                self.service
                    .put(&format!("/users/{}", found.id), &body)
                    .await
                    .expect(200);
                let account = self.model.accounts.get_mut(address)?;
                if account.name != *name {
                    account.name = *name;
                    account.version += 1;
                    account.state = Model::next(&mut self.model.states);
                }
                None
            }
            Step::Flip { address } => {
                let found = user(self.service, &self.email(*address)).await?;
                let path = format!("/users/{}/enable", found.id);
                send(self.service.request(Method::PUT, &path)).await.expect(200);
                let account = self.model.accounts.get_mut(address)?;
                account.enabled = !account.enabled;
                account.version += 1;
                account.state = Model::next(&mut self.model.states);
                None
            }
            Step::Delete { address } => {
                let found = user(self.service, &self.email(*address)).await?;
                self.service
                    .delete(&format!("/users/{}", found.id))
                    .await
                    .expect(200);
                self.model.accounts.remove(address);
                None
            }
        }
    }

    /// Imports rows and returns what was counted.
    async fn send(&mut self, rows: &Rows, fields: &[(&str, &str)], is_dry: bool) -> Counted {
        let mut file = "email,firstName\n".to_owned();
        for (address, name) in rows {
            writeln!(file, "{},{}", self.email(*address), NAMES[*name]).unwrap();
        }
        let more = [("dryRun", if is_dry { "yes" } else { "no" }), ("force", "true")];
        let request = self.service.request(Method::POST, "/users/import");
        let request = request.multipart(form(file, &[fields, &more].concat()));
        let import = send(request).await.expect(200);
        let done = counted(&import);
        self.imports.push(import);
        done
    }

    async fn follow(&self, import: usize, what: &str) -> Value {
        let id = self.imports[import]["id"].as_str().unwrap();
        let path = format!("/users/import/{id}/{what}");
        let started = self.service.post(&path, &json!({})).await.expect(202);
        self.service.finished(started["id"].as_str().unwrap()).await
    }

    /// The first names that the service has, by address, and who is enabled.
    async fn names(&self) -> BTreeMap<usize, (String, bool)> {
        let mut names = BTreeMap::new();
        for address in 0..ADDRESSES {
            if let Some(user) = user(self.service, &self.email(address)).await {
                let name = user.profile.first_name.unwrap().as_str().to_owned();
                names.insert(address, (name, user.enabled));
            }
        }
        names
    }
}

/// Plays `steps`; answers how the service differed.
async fn play(service: &Service, number: usize, steps: &[Step]) -> Result<(), String> {
    let mut play = Play {
        service,
        number,
        model: Model::default(),
        imports: Vec::new(),
    };
    for step in steps {
        if let Some((done, expected)) = play.take(step).await
            && done != expected
        {
            return Err(format!("{steps:#?}: {step:?} counted {done:?} for {expected:?}"));
        }
        let expected: BTreeMap<_, _> = play
            .model
            .accounts
            .iter()
            .map(|(address, account)| (*address, (NAMES[account.name].to_owned(), account.enabled)))
            .collect();
        let names = play.names().await;
        if names != expected {
            return Err(format!(
                "{steps:#?}: after {step:?} there is {names:?} for {expected:?}"
            ));
        }
    }
    Ok(())
}

fn random(count: u32, step: impl Strategy<Value = Step>) -> Vec<Vec<Step>> {
    let mut runner = TestRunner::new(Config::default());
    let strategy = prop::collection::vec(step, 2..12);
    (0..count)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect()
}

async fn rosters(count: u32) {
    let sequences = random(count, step_with_rosters());
    let differences: Vec<_> = stream::iter(&sequences)
        .map(async |steps| {
            let service = Service::start().await;
            let played = play(&service, 0, steps).await;
            let tally = service.app().users.tally().await.unwrap();
            assert_eq!(tally.all.total, super::users(&service).await, "{steps:#?}");
            played
        })
        .buffer_unordered(4)
        .filter_map(|played| async move { played.err() })
        .collect()
        .await;
    println!("{count} sequences with rosters");
    assert!(differences.is_empty(), "{}", differences[0]);
}

async fn sequences(count: u32) {
    let service = Service::start().await;
    let sequences = random(count, step());
    let service = &service;
    let differences: Vec<_> = stream::iter(sequences.iter().enumerate())
        .map(|(number, steps)| async move { play(service, number, steps).await })
        .buffer_unordered(4)
        .filter_map(|played| async move { played.err() })
        .collect()
        .await;
    println!("{count} sequences");
    assert!(differences.is_empty(), "{}", differences[0]);
    let tally = service.app().users.tally().await.unwrap();
    assert_eq!(tally.all.total, super::users(service).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_and_what_follows_them_are_as_in_a_plain_model() {
    sequences(40).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn thousands_of_imports_and_what_follows_them_are_as_in_a_plain_model() {
    sequences(SEQUENCES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rosters_and_what_follows_them_are_as_in_a_plain_model() {
    rosters(15).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn hundreds_of_rosters_and_what_follows_them_are_as_in_a_plain_model() {
    rosters(ROSTERS).await;
}
