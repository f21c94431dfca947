//! Started by the arrival of an object in the staging bucket: turns the rows of a file into users.
//!
//! The event says hardly more than "look": S3 delivers it at least once, in any order, and Lambda
//! repeats an invocation that failed. So everything is decided by what is stored; see
//! [`shared::import::arrived`].

use std::time::{Duration, UNIX_EPOCH};

use aws_lambda_events::s3::{S3Event, S3EventRecord};
use lambda_runtime::{Context, Error as InvocationError, LambdaEvent};
use percent_encoding::percent_decode_str;
use shared::error::chain;
use shared::import::{Arrival, Run, arrived};
use shared::models::Timestamp;
use shared::models::import::StagedObject;
use shared::{App, clock};

/// Imports what has arrived, one record after the other.
///
/// # Errors
///
/// Only if another try may cure it, so that Lambda makes one. What a file is to blame for is recorded
/// with its import, and is no error here.
pub async fn handle(app: &App, event: LambdaEvent<S3Event>) -> Result<(), InvocationError> {
    let LambdaEvent { payload, context } = event;
    let run = Run {
        deadline: deadline(&context),
        id: context.request_id,
    };
    let mut failure = None;
    for record in payload.records {
        let Some(arrival) = arrival(record) else {
            tracing::warn!(run.id, "an event without a key");
            continue;
        };
        match Box::pin(arrived(app, arrival, &run)).await {
            Ok(ended) => tracing::info!(run.id, run.ended = ?ended, "run ended"),
            Err(error) => {
                tracing::error!(run.id, error = chain(&error), "run failed");
                failure = Some(error);
            }
        }
    }
    failure.map_or(Ok(()), |error| Err(error.into()))
}

fn deadline(context: &Context) -> Timestamp {
    let since_epoch = context.deadline().duration_since(UNIX_EPOCH).unwrap_or_default();
    // A caller that says nothing of a deadline, as some emulators do, gets Lambda's longest.
    if since_epoch.is_zero() {
        return clock::now().plus(Duration::from_mins(15));
    }
    Timestamp::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}

fn arrival(record: S3EventRecord) -> Option<Arrival> {
    let object = record.s3.object;
    Some(Arrival {
        bucket: record.s3.bucket.name?,
        object: StagedObject {
            key: decoded(&object.key?)?,
            version: object
                .version_id
                .filter(|version| !version.is_empty() && version != "null"),
            etag: object.e_tag.map(|etag| etag.trim_matches('"').to_owned()),
        },
        bytes: object.size.and_then(|size| u64::try_from(size).ok()),
        sequencer: object.sequencer,
    })
}

/// A key as it was before S3 put it into the event, form-URL-encoded. The event's own `urlDecodedKey` is
/// a field of SDKs, which S3 does not send.
fn decoded(key: &str) -> Option<String> {
    let key = key.replace('+', " ");
    let key = percent_decode_str(&key).decode_utf8().ok()?;
    Some(key.into_owned())
}
