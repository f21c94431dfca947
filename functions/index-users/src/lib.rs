//! Called by the clock, and by the arrival of an object under `index/wake/`: keeps the index of users.
//!
//! The event says hardly more than "look": what there is to do is stored, so a call that comes twice, late or never does
//! no harm. See [`shared::catalog::tick`].

use lambda_runtime::{Error as InvocationError, LambdaEvent};
use serde_json::Value;
use shared::Error;
use shared::catalog::{Catalog, tick, write_export};
use shared::clock;
use shared::errors::chain;
use shared::files::{Wake, export_of_key};

/// Merges what is noted, builds the index where that is needed, and compares it with the counters; or writes the exports
/// that the event names.
///
/// # Errors
///
/// If storage fails. The next call does the rest.
pub async fn handle(app: &Catalog, event: LambdaEvent<Value>) -> Result<(), InvocationError> {
    let LambdaEvent { payload, context } = event;
    let run = context.request_id;
    match work(app, &run, &payload).await {
        Ok(()) => Ok(()),
        Err(error) => {
            tracing::error!(
                run.id = run,
                error = chain(&error),
                "the index was not looked after"
            );
            Err(error.into())
        }
    }
}

async fn work(app: &Catalog, run: &str, event: &Value) -> Result<(), Error> {
    let keys = keys(event);
    let exports: Vec<_> = keys.iter().filter_map(|key| export_of_key(key)).collect();
    for id in &exports {
        write_export(app, id, run).await?;
        tracing::info!(run.id = run, export.id = id, "an export is written");
    }
    let why = why(&keys);
    if exports.is_empty() || why.is_some() {
        let done = tick(app, run, why, clock::now()).await?;
        tracing::info!(run.id = run, index.done = ?done, "the index was looked after");
    }
    Ok(())
}

/// Returns the keys of the objects that have arrived; none if the clock calls.
fn keys(event: &Value) -> Vec<&str> {
    let records = event["Records"].as_array().into_iter().flatten();
    records
        .filter_map(|record| record["s3"]["object"]["key"].as_str())
        .collect()
}

/// Returns what somebody calls for; `None` for the clock.
fn why(keys: &[&str]) -> Option<Wake> {
    let asked: Vec<_> = keys.iter().filter_map(|key| Wake::of_key(key)).collect();
    let lost = asked.iter().find(|why| **why == Wake::Lost);
    lost.or(asked.first()).copied()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_says_why_it_comes() {
        let event = |named: &[&str]| {
            let record = |key: &&str| json!({ "s3": { "object": { "key": key } } });
            json!({ "Records": named.iter().map(record).collect::<Vec<_>>() })
        };
        let of = |named: &[&str]| why(&keys(&event(named)));

        assert_eq!(keys(&json!({ "detail-type": "Scheduled Event" })), [""; 0]);
        assert_eq!(why(&[]), None);
        assert_eq!(of(&["index/wake/merge"]), Some(Wake::Merge));
        assert_eq!(of(&["index/wake/merge", "index/wake/lost"]), Some(Wake::Lost));
        assert_eq!(of(&["index/wake/other"]), None);
    }
}
