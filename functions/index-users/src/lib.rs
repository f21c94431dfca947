//! Called by the clock, and by the arrival of an object under `index/wake/`: keeps the index of users.
//!
//! The event says hardly more than "look": what there is to do is stored, so a call that comes twice, late or never does
//! no harm. See [`shared::catalog::tick`].

use lambda_runtime::{Error as InvocationError, LambdaEvent};
use serde_json::Value;
use shared::catalog::{Catalog, tick};
use shared::clock;
use shared::errors::chain;
use shared::files::Wake;

/// Merges what is noted, builds the index where that is needed, and compares it with the counters.
///
/// # Errors
///
/// If storage fails. The next call does the rest.
pub async fn handle(app: &Catalog, event: LambdaEvent<Value>) -> Result<(), InvocationError> {
    let LambdaEvent { payload, context } = event;
    let run = context.request_id;
    match tick(app, &run, why(&payload), clock::now()).await {
        Ok(done) => {
            tracing::info!(run.id = run, index.done = ?done, "the index was looked after");
            Ok(())
        }
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

/// Returns what somebody calls for; `None` for the clock.
fn why(event: &Value) -> Option<Wake> {
    let records = event["Records"].as_array()?;
    let keys = records
        .iter()
        .filter_map(|record| record["s3"]["object"]["key"].as_str());
    let asked: Vec<_> = keys.filter_map(Wake::of_key).collect();
    let lost = asked.iter().find(|why| **why == Wake::Lost);
    lost.or(asked.first()).copied()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_says_why_it_comes() {
        let of = |keys: &[&str]| {
            let record = |key: &&str| json!({ "s3": { "object": { "key": key } } });
            why(&json!({ "Records": keys.iter().map(record).collect::<Vec<_>>() }))
        };

        assert_eq!(why(&json!({ "detail-type": "Scheduled Event" })), None);
        assert_eq!(of(&["index/wake/merge"]), Some(Wake::Merge));
        assert_eq!(of(&["index/wake/merge", "index/wake/lost"]), Some(Wake::Lost));
        assert_eq!(of(&["index/wake/other"]), None);
    }
}
