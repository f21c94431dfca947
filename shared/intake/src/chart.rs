//! What the index of users learns of an import: each checkpoint names the accounts that its rows have made or changed.
//!
//! The entries are an object of their own beside the checkpoint, because one note for each row would cost as much as
//! the row. They are put there before the checkpoint that names them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::TransactWriteItem;
use errors::{Error, chain};
use files::Wake;
use futures::{StreamExt, TryStreamExt, stream};
use index::Entry;
use roster::{Slot, User, UserId};
use service::clock;
use table::Account;

use super::run::Session;
use super::segment::Segment;
use super::write::{BATCH, Effect, Pending};

/// Bytes of entries that a note takes itself: up to here it costs no more than an object.
const MAX_NOTE: usize = 2048;
/// Checkpoints after which the index is called: 100,000 rows, so that searches have few objects to read.
const WAKE_AFTER: u64 = 20;
/// Calls that read accounts at the same time, 100 each: as many as batches are under way.
const READS: usize = 4;

/// The accounts that the rows of a segment have made and changed.
#[derive(Debug, Default)]
pub(super) struct Charted {
    /// The users that this run has made.
    made: Vec<User>,
    /// The slots of the rows whose account has to be read: an earlier run has made or changed it, or this run by a
    /// transaction of its own.
    changed: Vec<Slot>,
    /// The users that rows have changed, as they are stored, and that the checkpoint itself changes, as they will be.
    pub(super) replaced: Vec<User>,
    /// The users that the checkpoint itself deletes.
    pub(super) gone: Vec<UserId>,
}

impl Charted {
    /// Takes in that the row `pending` has made an account, as its `effect` says.
    pub(super) fn made(&mut self, pending: &Pending, effect: Option<&Effect>) {
        if effect.and_then(|effect| effect.user) == Some(pending.user.id) {
            self.made.push(pending.user.clone());
        } else {
            // An earlier run has made it, under another id.
            self.changed.push(pending.slot());
        }
    }

    /// Takes in that the row `pending` has changed an account, which is `stored` if that is known. Whoever changes it
    /// before the checkpoint notes a later version.
    pub(super) fn changed(&mut self, pending: &Pending, stored: Option<Box<User>>) {
        match stored {
            Some(user) => self.replaced.push(*user),
            None => self.changed.push(pending.slot()),
        }
    }
}

impl Session<'_> {
    /// Keeps the entries of the accounts that the rows of `segment` have made or changed, which gives them up, and returns
    /// the action by which the checkpoint notes them; none if there are none.
    pub(super) async fn chart(&self, segment: &mut Segment) -> Result<Option<TransactWriteItem>, Error> {
        let Charted {
            made,
            changed,
            replaced,
            gone,
        } = std::mem::take(&mut segment.charted);
        let mut entries = Vec::with_capacity(made.len() + changed.len() + replaced.len());
        entries.extend(replaced.into_iter().map(|user| self.entry(user)));
        entries.extend(gone.into_iter().map(|id| Entry::deleted(id, clock::now())));
        entries.extend(made.into_iter().map(|user| Entry::present(user, true)));
        let stored = self.accounts(&changed).await?.into_iter();
        entries.extend(stored.map(|account| self.entry(account.into_user())));
        self.noting(entries, segment.from.line).await
    }

    /// Keeps `entries` of accounts whose rows begin on `line`, and returns the action that notes them; none if there are
    /// none.
    pub(super) async fn noting(
        &self,
        entries: Vec<Entry>,
        line: u64,
    ) -> Result<Option<TransactWriteItem>, Error> {
        let doing = "note the users of an import";
        if entries.is_empty() {
            return Ok(None);
        }
        let packed = index::pack(&entries);
        let users = &self.app.users;
        if packed.len() <= MAX_NOTE {
            return users.noting(&entries, doing).map(Some);
        }
        // They are many, and storage may take its time.
        drop(entries);
        let key = self.app.uploads.put_delta(self.import.id, line, packed).await?;
        users.noting_object(&key, doing).map(Some)
    }

    /// Reads the accounts at `slots` as they are stored. One that is gone was noted when it was deleted.
    pub(super) async fn accounts(&self, slots: &[Slot]) -> Result<Vec<Account>, Error> {
        let users = &self.app.users;
        let reads: Vec<_> = slots
            .chunks(BATCH)
            .map(|slots| users.holders(slots.to_vec()))
            .collect();
        let accounts: Vec<_> = stream::iter(reads).buffered(READS).try_collect().await?;
        Ok(accounts.into_iter().flat_map(HashMap::into_values).collect())
    }

    /// Returns the entry of a user whom the import has made or changed.
    ///
    /// The checkpoint counts those that it has made. One that another import has made may not be counted yet; if it is,
    /// the index knows.
    fn entry(&self, user: User) -> Entry {
        let counted = user.import.is_none_or(|(import, _)| import == self.import.id);
        Entry::present(user, counted)
    }

    /// Calls the function of the index after a checkpoint, if it is time or the import ends. Without that it comes by
    /// the clock.
    pub(super) async fn wake_index(&mut self, is_end: bool) {
        self.uncharted += 1;
        let is_due = self.uncharted >= WAKE_AFTER || (is_end && self.import.counts.rows() > BATCH as u64);
        if !is_due {
            return;
        }
        self.uncharted = 0;
        if let Err(error) = self.app.uploads.wake_index(Wake::Merge).await {
            tracing::warn!(
                run.id = self.run.id,
                error = chain(&error),
                "the index is not called"
            );
        }
    }
}
