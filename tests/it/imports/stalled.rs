//! Searches while an import stands still.

use serde_json::json;

use super::crashes::{LONG, World, deliver, upsert};
use crate::support::faults::Schedule;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_run_has_changed_is_found_before_its_import_goes_on() {
    let world = World::start().await;
    let clean = world.case(upsert()).await;
    let (faults, app) = world.disturbed(Schedule::Clean);
    deliver(&app, &clean.event, "clean", LONG).await.unwrap();
    let calls = faults.calls();
    let mut cases = vec![clean];
    for call in (0..calls).step_by(3) {
        let case = world.case(upsert()).await;
        let (faults, app) = world.disturbed(Schedule::Crash { call, after: true });
        faults
            .until_stopped(deliver(&app, &case.event, "killed", LONG))
            .await;
        world.lapse(&case).await;

        let swept = world.service.local.invoke("sweep", &json!({})).await;
        swept.unwrap();

        world.check_searches(&format!("killed at call {call}")).await;
        world.redeliver(&case, "successor").await;
        world.check(&case, &format!("resumed after call {call}")).await;
        cases.push(case);
    }
    world.check_counters(&cases).await;
    // Once for each run that died.
    let notes = world.service.partition("Q#0").await.len();
    let swept = world.service.local.invoke("sweep", &json!({})).await;
    swept.unwrap();
    assert_eq!(world.service.partition("Q#0").await.len(), notes);
}
