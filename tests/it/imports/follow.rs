//! Applies and undos do not depend on what happens to their runs either.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use shared::intake::record::{Counts, Status};
use shared::roster::ImportId;
use shared::sheet::{Act, ImportOptions};

use super::crashes::{Case, Kind, LONG, ROWS, World, address, deliver, each, kind, upsert};
use crate::support::faults::Schedule;

/// The rows whose accounts are changed between an import and its undo: one that was made and one that was changed.
const CHANGED: [u64; 2] = [0, 21];

fn dry() -> ImportOptions {
    ImportOptions {
        act: Act::DryRun,
        ..upsert()
    }
}

/// An import that follows the one of a case.
async fn follower(world: &World, case: &Case, what: &str) -> Case {
    let path = format!("/users/import/{}{what}", case.import);
    let started = world.service.post(&path, &json!({})).await.expect(202);
    let import: ImportId = started["id"].as_str().unwrap().parse().unwrap();
    Case {
        domain: case.domain.clone(),
        import,
        options: upsert(),
        event: case.event.clone(),
        uncounted: case.uncounted,
    }
}

/// A case whose import has been carried out, and its undo, which has not.
async fn to_be_undone(world: &World) -> Case {
    let case = world.case(upsert()).await;
    deliver(&world.app, &case.event, "import", LONG).await.unwrap();
    world.check(&case, "imported").await;
    for row in CHANGED {
        let email = address(row, &case.domain).parse().unwrap();
        let account = world.app.users.find_by_email(&email).await.unwrap().unwrap();
        let path = format!("/users/{}", account.user.id);
        let change = json!({ "lastName": "Changed" });
        world.service.put(&path, &change).await.expect(200);
    }
    follower(world, &case, "/undo").await
}

/// Checks that the import was taken back, but for the accounts that were changed since.
async fn check_undone(world: &World, undo: &Case, what: &str) {
    let import = world.import(undo).await;
    assert_eq!(import.status, Status::Completed, "{what}: {:?}", import.fault);
    let of = |wanted: fn(&Kind) -> bool| (0..ROWS).filter(|row| wanted(&kind(*row))).count() as u64;
    let expected = Counts {
        deleted: of(|kind| matches!(kind, Kind::Good)) - 1,
        updated: of(|kind| matches!(kind, Kind::Existing)) - 1,
        failed: 2,
        unchanged: ROWS - of(|kind| matches!(kind, Kind::Good | Kind::Existing)),
        ..Counts::default()
    };
    assert_eq!(import.counts, expected, "{what}");
    for row in 0..ROWS {
        let email = address(row, &undo.domain).parse().unwrap();
        let account = world.app.users.find_by_email(&email).await.unwrap();
        let is_there = match kind(row) {
            Kind::Good => CHANGED.contains(&row),
            Kind::Existing | Kind::Same => true,
            _ => continue,
        };
        assert_eq!(account.is_some(), is_there, "{what}: row {row}");
        let Some(account) = account else { continue };
        if matches!(kind(row), Kind::Existing) && !CHANGED.contains(&row) {
            assert!(
                account.user.profile.first_name.is_none() && account.user.enabled,
                "{what}: row {row}"
            );
            assert_eq!(account.changed_by, None, "{what}: row {row}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_is_killed_at_any_call_takes_back_everything_once() {
    let world = World::start().await;
    let clean = to_be_undone(&world).await;
    let (faults, app) = world.disturbed(Schedule::Clean);
    deliver(&app, &clean.resumed(), "clean", LONG).await.unwrap();
    check_undone(&world, &clean, "undisturbed").await;
    assert!(faults.calls() > 15, "{} calls", faults.calls());

    let crashed = AtomicU64::new(0);
    let points = (0..faults.calls()).flat_map(|call| [(call, false), (call, true)]);
    let mut cases = each(points, async |(call, after)| {
        let undo = to_be_undone(&world).await;
        let (faults, app) = world.disturbed(Schedule::Crash { call, after });
        let ended = faults
            .until_stopped(deliver(&app, &undo.resumed(), "killed", LONG))
            .await;
        crashed.fetch_add(u64::from(ended.is_none()), Ordering::SeqCst);
        for run in ["killed", "killed-again"] {
            deliver(&world.app, &undo.resumed(), run, LONG).await.unwrap();
        }
        let what = format!("killed {} call {call}", if after { "after" } else { "before" });
        check_undone(&world, &undo, &what).await;
        undo
    })
    .await;
    let crashed = crashed.into_inner();
    println!("{crashed} crash points");
    assert!(crashed * 10 >= cases.len() as u64 * 9, "of {}", cases.len());
    cases.push(clean);
    world.check_counters(&cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_whose_run_wakes_after_another_has_taken_over_changes_nothing_twice() {
    let world = World::start().await;
    let clean = to_be_undone(&world).await;
    let (faults, app) = world.disturbed(Schedule::Clean);
    deliver(&app, &clean.resumed(), "clean", LONG).await.unwrap();
    let mut cases = each((0..faults.calls()).step_by(2), async |call| {
        let undo = to_be_undone(&world).await;
        let event = undo.resumed();
        let (sleep, sleeper) = world.disturbed(Schedule::Freeze { call });
        let mut sleeping = Box::pin(deliver(&sleeper, &event, "sleeper", LONG));
        let slept = sleep.until_stopped(sleeping.as_mut()).await;
        assert!(slept.is_none(), "call {call} was not reached");
        world.lapse(&undo).await;
        deliver(&world.app, &event, "successor", LONG).await.unwrap();
        sleep.thaw();
        sleeping.await.unwrap();
        check_undone(&world, &undo, &format!("asleep at call {call}")).await;
        undo
    })
    .await;
    cases.push(clean);
    world.check_counters(&cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_that_is_killed_at_any_call_does_what_was_shown_once() {
    let world = World::start().await;
    let to_be_applied = async || {
        let case = world.case(dry()).await;
        deliver(&world.app, &case.event, "dry", LONG).await.unwrap();
        assert_eq!(world.import(&case).await.status, Status::Completed);
        follower(&world, &case, "/apply").await
    };
    let clean = to_be_applied().await;
    let (faults, app) = world.disturbed(Schedule::Clean);
    deliver(&app, &clean.resumed(), "clean", LONG).await.unwrap();
    world.check(&clean, "undisturbed").await;

    let points = (0..faults.calls()).flat_map(|call| [(call, false), (call, true)]);
    let mut cases = each(points, async |(call, after)| {
        let apply = to_be_applied().await;
        let (faults, app) = world.disturbed(Schedule::Crash { call, after });
        faults
            .until_stopped(deliver(&app, &apply.resumed(), "killed", LONG))
            .await;
        for run in ["killed", "killed-again"] {
            deliver(&world.app, &apply.resumed(), run, LONG).await.unwrap();
        }
        let what = format!("killed {} call {call}", if after { "after" } else { "before" });
        world.check(&apply, &what).await;
        apply
    })
    .await;
    println!("{} crash points", cases.len());
    cases.push(clean);
    world.check_counters(&cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn applies_and_undos_without_time_hand_over_until_they_are_done() {
    let world = World::start().await;
    let dry_run = world.case(dry()).await;
    deliver(&world.app, &dry_run.event, "dry", LONG).await.unwrap();
    let apply = follower(&world, &dry_run, "/apply").await;
    let undo = to_be_undone(&world).await;
    for case in [&apply, &undo] {
        let mut runs = 0;
        while !world.import(case).await.is_final() {
            let run = format!("run {runs}");
            deliver(&world.app, &case.resumed(), &run, std::time::Duration::ZERO)
                .await
                .unwrap();
            runs += 1;
            assert!(runs <= ROWS + 2, "it never ends");
        }
        assert!(runs >= 2, "{runs} runs");
    }
    world.check(&apply, "applied").await;
    check_undone(&world, &undo, "undone").await;
    world.check_counters(&[apply, undo]).await;
}
