//! A run that is suspended past its lease, and whose calls arrive after another has ended the import: what it
//! wrote is counted or taken back within two sweeps, by whichever way the import ended and whatever happened to the accounts
//! meanwhile.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use shared::clock;
use shared::intake::record::Status;
use shared::intake::{Intake, settle_late};
use shared::roster::{Role, SubjectId};
use shared::sheet::ImportOptions;
use shared::table::{Account, Replaced};

use super::crashes::{CALLS_AFTER_THE_END, Case, LONG, World, address, create, deliver, each, upsert};
use crate::support::faults::{Faults, Schedule};

/// The call that inserts the first users: the import, its claim, the sender and the file come before.
const FIRST_INSERT: u64 = 4;
/// Longer than a run that lost its import can still write.
const AGES: Duration = Duration::from_mins(20);

/// How another run ends the import of one that is suspended.
#[derive(Clone, Copy, Debug)]
enum End {
    /// A caller cancels it and another event comes.
    Cancelled,
    /// A caller cancels it and the same event comes once more, while the first run has its lease.
    CancelledByTheSameEvent,
    /// The sender is deleted.
    Refused,
    Completed,
}

impl End {
    const ALL: [Self; 4] = [
        Self::Cancelled,
        Self::CancelledByTheSameEvent,
        Self::Refused,
        Self::Completed,
    ];

    async fn bring_about(self, world: &World, case: &Case, sender: &str) {
        let path = format!("/users/import/{}", case.import);
        match self {
            Self::Cancelled => {
                world.lapse(case).await;
                world.service.delete(&path).await.expect(200);
                deliver(&world.app, &case.resumed(), "successor", LONG)
                    .await
                    .unwrap();
            }
            Self::CancelledByTheSameEvent => {
                world.service.delete(&path).await.expect(200);
                deliver(&world.app, &case.event, "sleeper", LONG).await.unwrap();
            }
            Self::Refused => {
                world.lapse(case).await;
                world
                    .service
                    .delete(&format!("/users/{sender}"))
                    .await
                    .expect(200);
                deliver(&world.app, &case.event, "successor", LONG).await.unwrap();
            }
            Self::Completed => {
                world.lapse(case).await;
                deliver(&world.app, &case.event, "successor", LONG).await.unwrap();
            }
        }
    }

    fn status(self) -> Status {
        match self {
            Self::Cancelled | Self::CancelledByTheSameEvent => Status::Cancelled,
            Self::Refused => Status::Failed,
            Self::Completed => Status::Completed,
        }
    }
}

/// How many calls an undisturbed import makes.
async fn calls(world: &World, options: ImportOptions, cases: &mut Vec<Case>) -> u64 {
    let clean = world.case(options).await;
    let (faults, app) = world.disturbed(Schedule::Clean);
    deliver(&app, &clean.event, "clean", LONG).await.unwrap();
    cases.push(clean);
    faults.calls() - CALLS_AFTER_THE_END
}

async fn every_end(options: ImportOptions, step: usize) {
    let world = World::start().await;
    let mut cases = Vec::new();
    let calls = calls(&world, options.clone(), &mut cases).await;
    let points = (0..calls)
        .step_by(step)
        .flat_map(|call| End::ALL.map(|end| (call, end)));
    let settled = AtomicU64::new(0);
    let ended = each(points, async |(call, end)| {
        let email = format!("sender{call}{end:?}@example.org");
        let sender = world.service.account(&email, &[Role::SystemAdmin]).await;
        let case = world.case_of(options.clone(), sender.id).await;
        let event = case.event.clone();
        let (sleep, sleeper) = world.disturbed(Schedule::Freeze { call });
        let mut sleeping = Box::pin(deliver(&sleeper, &event, "sleeper", LONG));
        let slept = sleep.until_stopped(sleeping.as_mut()).await;
        assert!(slept.is_none(), "call {call} was not reached");
        end.bring_about(&world, &case, &sender.id.to_string()).await;
        let status = world.import(&case).await.status;
        assert_eq!(status, end.status(), "{end:?} at call {call}");

        // Either the process goes on, or it is killed and only what it has sent arrives.
        let killed = call % 2 == 1;
        if killed {
            drop(sleeping);
            sleep.thaw();
        } else {
            sleep.thaw();
            sleeping.await.unwrap();
        }
        sleep.arrived().await;
        let late = settle_late(&world.app, clock::now()).await.unwrap();
        settled.fetch_add(late.taken_back + late.counted, Ordering::SeqCst);

        let what = format!("asleep at call {call}, {end:?}, killed: {killed}");
        world.check_counts(&case, &what).await;
        if status == Status::Completed {
            world.check(&case, &what).await;
        }
        if !matches!(end, End::Refused) {
            world
                .service
                .delete(&format!("/users/{}", sender.id))
                .await
                .expect(200);
        }
        case
    })
    .await;
    println!(
        "{:?}: {} points, {} late writes settled",
        options.mode,
        ended.len(),
        settled.load(Ordering::SeqCst)
    );
    assert!(settled.into_inner() > 10, "hardly a write came late");
    cases.extend(ended);
    world.check_counters(&cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_makes_after_another_has_ended_its_import_is_taken_back_or_counted() {
    Box::pin(every_end(create(), 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_changes_after_another_has_ended_its_import_is_counted() {
    Box::pin(every_end(upsert(), 2)).await;
}

/// An import that was cancelled while a run stood at its first insert, and that run.
async fn cancelled_at_first_insert<'a>(
    world: &World,
    event: &'a mut Value,
) -> (
    Case,
    Faults,
    impl Future<Output = Result<(), lambda_runtime::Error>> + use<'a>,
) {
    let case = world.case(create()).await;
    event.clone_from(&case.event);
    let (sleep, sleeper) = world.disturbed(Schedule::Freeze { call: FIRST_INSERT });
    let sleeper: &'static Intake = Box::leak(Box::new(sleeper));
    let mut sleeping = Box::pin(deliver(sleeper, event, "sleeper", LONG));
    assert!(sleep.until_stopped(sleeping.as_mut()).await.is_none());
    End::Cancelled.bring_about(world, &case, "").await;
    (case, sleep, sleeping)
}

/// The accounts that the import made and has not counted.
async fn late_accounts(world: &World, case: &Case) -> Vec<Account> {
    let takeovers = world.import(case).await.takeovers;
    let accounts = world.accounts(case).await.into_iter();
    let is_late = |account: &Account| {
        let mark = account.user.import;
        mark.is_some_and(|(_, line)| takeovers.lost(line, account.import_run))
    };
    accounts.filter(is_late).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_account_that_somebody_touched_first_stays_and_is_counted_once() {
    let world = World::start().await;
    let mut event = Value::Null;
    let (case, sleep, sleeping) = cancelled_at_first_insert(&world, &mut event).await;
    drop(sleeping);
    sleep.thaw();
    sleep.arrived().await;
    let late = late_accounts(&world, &case).await;
    assert!(late.len() >= 5, "{} late accounts", late.len());

    // Changed, expired in bulk, deleted, signed in to, and the rest untouched.
    let path = |account: &Account| format!("/users/{}", account.user.id);
    world
        .service
        .put(&path(&late[0]), &json!({ "firstName": "Grace" }))
        .await
        .expect(200);
    let ids = json!({ "ids": [late[1].user.id.to_string()] });
    world
        .service
        .post("/users/bulk?action=expire", &ids)
        .await
        .expect(200);
    world.service.delete(&path(&late[2])).await.expect(200);
    let signed_in = late[3].bound(SubjectId::of("https://issuer.example", "ada"));
    let replaced = world
        .app
        .users
        .replace(&late[3], &signed_in, Vec::new())
        .await
        .unwrap();
    assert_eq!(replaced, Replaced::Done);
    let settled = settle_late(&world.app, clock::now()).await.unwrap();

    assert_eq!(settled.taken_back, late.len() as u64 - 4);
    for (index, account) in late.iter().enumerate() {
        let read = world.service.get(&path(account)).await;
        let stays = [0, 1, 3].contains(&index);
        assert_eq!(
            read.status,
            if stays { 200 } else { 404 },
            "{index}: {}",
            read.text
        );
        assert!(
            !stays || read.json()["importId"].is_null(),
            "{index}: {}",
            read.text
        );
    }
    world.check_counts(&case, "after the sweep").await;
    world.check_counters(&[case]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_that_a_late_call_makes_again_is_taken_back() {
    let world = World::start().await;
    let case = world.case(create()).await;
    let event = case.event.clone();
    let (sleep, sleeper) = world.disturbed(Schedule::Freeze { call: FIRST_INSERT });
    let mut sleeping = Box::pin(deliver(&sleeper, &event, "sleeper", LONG));
    assert!(sleep.until_stopped(sleeping.as_mut()).await.is_none());
    End::Completed.bring_about(&world, &case, "").await;
    let email = address(0, &case.domain).parse().unwrap();
    let found = async || world.app.users.find_by_email(&email).await.unwrap();
    let deleted = found().await.unwrap().user.id;
    world
        .service
        .delete(&format!("/users/{deleted}"))
        .await
        .expect(200);
    sleep.thaw();
    sleeping.await.unwrap();
    let again = found().await.unwrap().user.id;
    assert_ne!(again, deleted);

    assert_eq!(settle_late(&world.app, clock::now()).await.unwrap().taken_back, 1);

    assert!(found().await.is_none());
    world.check_counters(&[case]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_wakes_after_ages_says_itself_where_it_wrote() {
    let world = World::start().await;
    let mut event = Value::Null;
    let (case, sleep, sleeping) = cancelled_at_first_insert(&world, &mut event).await;
    assert_eq!(world.service.partition("L").await.len(), 1);
    settle_late(&world.app, clock::now().plus(AGES)).await.unwrap();
    assert_eq!(world.service.partition("L").await.len(), 0, "forgotten");

    sleep.thaw();
    sleeping.await.unwrap();
    assert!(!late_accounts(&world, &case).await.is_empty());
    // By the function that the clock calls, with the rights that it has.
    let swept = world.service.local.invoke("sweep", &json!({})).await;
    swept.unwrap();

    world.check_counts(&case, "after the sweep").await;
    world.check_counters(&[case]).await;
}
