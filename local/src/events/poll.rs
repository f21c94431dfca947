//! Arrivals in a store that is not ours and tells nobody of them: found by looking.
//!
//! Each look lists the triggers' prefixes and takes for an arrival whatever object was not there, or
//! was another, at the look before. Two arrivals of one key between two looks are seen as one, and
//! how an object arrived is not known; everything else is as if the store had told.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectError;
use shared::BoxError;

use super::{Arrival, Events, journal};

/// What was there at the last look, by key: entity tag, time in milliseconds and size. Not every store
/// lists entity tags, and the time of some is in seconds.
type Seen = BTreeMap<String, (String, i64, i64)>;

/// Where to look for arrivals, and where to keep what was seen.
pub(super) struct Watched {
    /// A client of the objects' store.
    pub(super) client: Client,
    /// The bucket.
    pub(super) bucket: String,
    /// The beginnings of the keys that start a function.
    pub(super) prefixes: Vec<String>,
    /// The folder in which the last look is kept.
    pub(super) data: PathBuf,
}

/// Looks every `interval`, for as long as it is polled.
pub(super) async fn run(events: Events, watched: Watched, interval: Duration) {
    loop {
        if let Err(err) = look(&events, &watched).await {
            tracing::warn!(error = %shared::errors::chain(&*err), "the bucket could not be listed");
        }
        tokio::time::sleep(interval).await;
    }
}

async fn look(events: &Events, watched: &Watched) -> Result<(), BoxError> {
    let Watched {
        client,
        bucket,
        prefixes,
        data,
    } = watched;
    let path = data.join("seen.json");
    let before: Seen = match std::fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text)?,
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => Seen::new(),
        Err(err) => return Err(err.into()),
    };
    let mut now = Seen::new();
    for prefix in prefixes {
        let mut pages = client
            .list_objects_v2()
            .bucket(bucket)
            .prefix(prefix)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            for object in page?.contents() {
                let key = object.key().unwrap_or_default().to_owned();
                let modified = object
                    .last_modified()
                    .and_then(|time| time.to_millis().ok())
                    .unwrap_or_default();
                let size = object.size().unwrap_or_default();
                let state = (object.e_tag().unwrap_or_default().to_owned(), modified, size);
                if before.get(&key) != Some(&state) {
                    note(events, client, bucket, &key).await?;
                }
                now.insert(key, state);
            }
        }
    }
    // After the events are kept: a process that dies in between tells of an arrival twice, not never.
    if now != before {
        journal::write(&path, &now)?;
    }
    Ok(())
}

async fn note(events: &Events, client: &Client, bucket: &str, key: &str) -> Result<(), BoxError> {
    let found = match client.head_object().bucket(bucket).key(key).send().await {
        Ok(found) => found,
        // It is gone again.
        Err(err) if err.as_service_error().is_some_and(HeadObjectError::is_not_found) => {
            return Ok(());
        }
        Err(err) => return Err(err.into()),
    };
    events.note(&Arrival {
        event: "ObjectCreated:Put",
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        size: found.content_length().unwrap_or_default(),
        e_tag: found.e_tag().unwrap_or_default().trim_matches('"').to_owned(),
    })?;
    Ok(())
}
