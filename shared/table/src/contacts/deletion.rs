//! What becomes of contacts when their owner is deleted.
//!
//! Contacts may be more than a transaction holds and more than a request has time for, so they go
//! after their owner, in steps:
//!
//! 1. The transaction that deletes the owner also notes the deletion
//!    ([`ContactStore::pending_deletion`]). From then on nobody can see the contacts: a caller's record
//!    is read for every request, and an account made later with the same address has another id.
//! 2. The same request removes the contacts ([`ContactStore::delete_all`]) and may be cut off there.
//! 3. [`ContactStore::finish_deletions`] takes up every deletion once it is [`SETTLED`], removes what
//!    is left, and only then forgets it.
//!
//! The last step is needed even when the second ran to its end: a request of the owner's that read
//! the owner's record just before the deletion may store contacts just after it. To check the record
//! again in the transaction that stores them would take the place of one contact out of a hundred. Such
//! a request ends with its function's run, long before a deletion is settled, so the last step meets
//! everything that was ever stored.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, TransactWriteItem, WriteRequest};
use errors::{Error, failed};
use futures::{TryStreamExt, stream};
use roster::{Timestamp, UserId};

use super::ContactStore;
use crate::table::When;
use crate::{Item, Key};

/// How long after an owner's deletion no request of theirs can still be under way. Functions that
/// store contacts end after seconds.
const SETTLED: Duration = Duration::from_mins(5);
/// The partition of the deletions that are not finished.
const DELETIONS: &str = "D";
/// Deletes of one `BatchWriteItem` call, by its own limit.
const MAX_DELETES: usize = 25;
/// `BatchWriteItem` calls under way at once: 200 contacts. All are in the owner's partition, which takes 1,000 writes a second.
const CALLS: usize = 8;

/// What [`ContactStore::finish_deletions`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// Owners whose deletion is finished.
    pub owners: u64,
    /// Contacts that were left of them.
    pub contacts: u64,
}

impl ContactStore {
    /// The action by which the transaction that deletes `owner` notes that the contacts have to go.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the action cannot be built.
    pub fn pending_deletion(&self, owner: UserId, now: Timestamp) -> Result<TransactWriteItem, Error> {
        let settled = now.plus(SETTLED);
        let note = Key::new(DELETIONS, format!("{settled}#{owner}")).item();
        self.table.put(note, When::Always, "note a deletion")
    }

    /// Deletes all contacts of an owner who was deleted, and tells how many there were.
    ///
    /// It can be repeated, whether it was cut off or not. The note of the deletion stays: see
    /// [`ContactStore::finish_deletions`].
    ///
    /// # Errors
    ///
    /// If storage fails; some contacts may then be deleted.
    pub async fn delete_all(&self, owner: UserId) -> Result<u64, Error> {
        let doing = "delete the contacts of a user";
        let mut deleted = 0;
        let mut start = None;
        loop {
            let read = self
                .of_owner(owner)
                .projection_expression("PK, SK")
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| failed(doing, error))?;
            let keys = read.items.unwrap_or_default();
            deleted += keys.len() as u64;
            let chunks: Vec<_> = keys.chunks(MAX_DELETES).map(<[Item]>::to_vec).collect();
            stream::iter(chunks.into_iter().map(Ok))
                .try_for_each_concurrent(CALLS, |keys| self.delete_chunk(keys, doing))
                .await?;
            start = read.last_evaluated_key;
            if start.is_none() {
                return Ok(deleted);
            }
        }
    }

    /// Finishes deletions of owners that are settled by `now`, the oldest first, until `limit` of them are finished. One
    /// that cannot be finished does not keep the others waiting.
    ///
    /// # Errors
    ///
    /// If storage does not answer; or else, after the other deletions, if one of them cannot be finished.
    pub async fn finish_deletions(&self, now: Timestamp, limit: u64) -> Result<Finished, Error> {
        let doing = "finish deletions";
        let mut notes = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            // Times sort as their texts do.
            .key_condition_expression("PK = :deletions AND SK < :now")
            .expression_attribute_values(":deletions", AttributeValue::S(DELETIONS.to_owned()))
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut finished = Finished::default();
        let mut failure = None;
        while finished.owners < limit
            && let Some(note) = notes.next().await
        {
            let note = note.map_err(|error| failed(doing, error))?;
            match self.finish_deletion(note, doing).await {
                Ok(contacts) => {
                    finished.owners += 1;
                    finished.contacts += contacts;
                }
                // The next one would wait as long.
                Err(error @ Error::Unavailable { .. }) => return Err(error),
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(finished), Err)
    }

    async fn finish_deletion(&self, note: Item, doing: &'static str) -> Result<u64, Error> {
        let owner = note
            .get("SK")
            .and_then(|place| place.as_s().ok()?.split_once('#')?.1.parse().ok())
            .ok_or_else(|| Error::internal(doing, "a deletion without an owner"))?;
        let contacts = self.delete_all(owner).await?;
        self.table
            .client()
            .delete_item()
            .table_name(self.table.name())
            .set_key(Some(note))
            .send()
            .await
            .map_err(|error| failed(doing, error))?;
        Ok(contacts)
    }

    /// Deletes the items at up to [`MAX_DELETES`] keys.
    async fn delete_chunk(&self, keys: Vec<Item>, doing: &'static str) -> Result<(), Error> {
        let mut open = Vec::with_capacity(keys.len());
        for key in keys {
            let delete = DeleteRequest::builder()
                .set_key(Some(key))
                .build()
                .map_err(|error| Error::internal(doing, error))?;
            open.push(WriteRequest::builder().delete_request(delete).build());
        }
        let mut tries = self.table.tries(doing);
        loop {
            let written = self
                .table
                .client()
                .batch_write_item()
                .request_items(self.table.name(), open)
                .send()
                .await
                .map_err(|error| failed(doing, error))?;
            open = written
                .unprocessed_items
                .and_then(|mut tables| tables.remove(self.table.name()))
                .unwrap_or_default();
            if open.is_empty() {
                return Ok(());
            }
            tries.again().await?;
        }
    }
}
