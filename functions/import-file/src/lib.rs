//! Started by the arrival of an object in the staging bucket: turns the rows of a file into users.
//!
//! The event says hardly more than "look": S3 delivers it at least once, in any order, and Lambda
//! repeats an invocation that failed. So everything is decided by what is stored; see
//! [`shared::intake::arrived`].

use std::time::{Duration, UNIX_EPOCH};

use aws_lambda_events::s3::{S3Event, S3EventRecord};
use lambda_runtime::{Context, Error as InvocationError, LambdaEvent};
use percent_encoding::percent_decode_str;
use shared::clock;
use shared::errors::chain;
use shared::files::StagedObject;
use shared::intake::{Arrival, Intake, Run, arrived};
use shared::roster::Timestamp;

/// Imports what has arrived, one record after the other.
///
/// # Errors
///
/// Only if another try may cure it, so that Lambda makes one. What a file is to blame for is recorded
/// with its import, and is no error here.
pub async fn handle(app: &Intake, event: LambdaEvent<S3Event>) -> Result<(), InvocationError> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use shared::files::Staged;

    use super::*;

    fn record(key: &Value, version: &Value, size: &Value) -> Value {
        json!({ "Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "eu-central-1",
            "eventTime": "2026-11-23T08:37:46.000Z",
            "eventName": "ObjectCreated:Put",
            "userIdentity": { "principalId": "AWS:x" },
            "requestParameters": { "sourceIPAddress": "127.0.0.1" },
            "responseElements": { "x-amz-request-id": "r" },
            "s3": {
                "s3SchemaVersion": "1.0",
                "bucket": { "name": "b", "arn": "arn:aws:s3:::b" },
                "object": { "key": key, "versionId": version, "size": size, "eTag": "\"x\"", "sequencer": "1" },
            },
        }] })
    }

    #[test]
    fn a_key_is_as_it_was_before_the_event() {
        let event: S3Event = serde_json::from_value(record(
            &json!("drop/new+staff%2B1+%C3%A9%2520.csv"),
            &json!("null"),
            &json!(3),
        ))
        .unwrap();

        let arrival = arrival(event.records.into_iter().next().unwrap()).unwrap();

        assert_eq!(arrival.object.key, "drop/new staff+1 é%20.csv");
        assert_eq!((arrival.object.version, arrival.bytes), (None, Some(3)));
    }

    proptest! {
        #[test]
        fn any_key_is_an_arrival_or_none(
            key in "(imports/|drop/|resume/|rejected/|)([a-f0-9]{32}|[ -~é\u{0}]{0,40}|(%[0-9A-Fa-f]{0,2}|[+/.]){0,20})(.csv|/|)",
            version in proptest::option::of(any::<String>()),
            size: i64,
        ) {
            let event = record(&json!(key), &json!(version), &json!(size));
            let event: S3Event = serde_json::from_value(event).unwrap();
            for record in event.records {
                if let Some(arrival) = arrival(record) {
                    let _ = Staged::of_key(&arrival.object.key);
                    prop_assert!(arrival.bytes.is_none_or(|bytes| i64::try_from(bytes) == Ok(size)));
                }
            }
        }
    }
}
