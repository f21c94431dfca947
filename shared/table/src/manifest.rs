//! The manifest: of which segments the index of users is made, and who works on them.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, Select, WriteRequest};
use errors::{Error, failed};
use roster::{ImportId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::notes::{Note, PARTITION, note};
use super::users::{Account, Holder, holder, key as slot_key, scan_accounts};
use super::{Item, Key, Table, Takeovers, from_item, import_key, is_refused, to_item, to_value};

/// The place of the manifest in the partition of the notes: behind all of them.
pub(crate) const MANIFEST: &str = "M";
/// The place of the secret by which cursors are sealed.
const SECRET: &str = "K";
/// Keys of one `BatchGetItem` call, by its own limit.
const MAX_KEYS: usize = 100;
/// Items of one `BatchWriteItem` call, by its own limit.
const MAX_WRITES: usize = 25;

/// Of which segments the index is made, and who works on them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Manifest {
    /// How often the segments were exchanged. 0 if the index was never built.
    pub generation: u64,
    /// The table that it belongs to: a restored table has the manifest of another.
    pub table: String,
    /// The bucket that has the segments.
    pub bucket: String,
    /// The epoch that it belongs to: in another one, a version without notes may have changed users since.
    pub epoch: String,
    /// The segments, largest first.
    pub segments: Vec<SegmentFile>,
    /// Objects that no reader of this generation needs.
    pub garbage: Vec<Garbage>,
    /// Who works on the index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// When the function of the index last looked at it, in milliseconds.
    pub seen_at: u64,
    /// When it was last built from the table, in milliseconds.
    pub rebuilt_at: u64,
    /// When objects that nothing names were last looked for, in milliseconds.
    pub swept_at: u64,
    /// When it is to be built again, because functions of the version before may still have written, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebuild_at: Option<u64>,
    /// Whether users may have been left out of the table's index `listing`.
    pub is_listing_partial: bool,
    /// How often in a row the index and the counters were found to differ while no import was under way.
    pub differs: u64,
    /// Whether the index was built again for that. If it still differs, the counters are wrong.
    pub is_rebuilt_for_that: bool,
}

impl Manifest {
    /// Returns whether the object at `key` is a segment, or garbage.
    #[must_use]
    pub fn names(&self, key: &str) -> bool {
        let mut segments = self.segments.iter();
        let mut garbage = self.garbage.iter();
        segments.any(|segment| segment.key == key) || garbage.any(|garbage| garbage.key == key)
    }
}

/// A segment in the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentFile {
    /// The object's key.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// How many bytes of it a search needs.
    pub search: u64,
    /// How many entries it has.
    pub entries: u64,
    /// How many of them are deletions.
    #[serde(default)]
    pub deleted: u64,
    /// The version of the collation by which it is sorted.
    pub collation: u16,
}

/// An object that no reader of the present generation needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Garbage {
    /// The object's key.
    pub key: String,
    /// Since when, in milliseconds.
    pub since: u64,
}

/// Who works on the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The invocation.
    pub run: String,
    /// Until when it is believed to be alive, in milliseconds.
    pub until: u64,
}

/// What the index of users is made of at one moment, but for a secret everything in its partition.
#[derive(Clone, Debug, Default)]
pub struct IndexState {
    /// The manifest, if there is one.
    pub manifest: Option<Manifest>,
    /// The notes, oldest first.
    pub notes: Vec<Note>,
}

impl IndexState {
    /// Returns the generation of the manifest; 0 if there is none.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.manifest.as_ref().map_or(0, |manifest| manifest.generation)
    }
}

/// The manifest and the notes.
#[derive(Clone, Debug)]
pub struct IndexStore {
    table: Table,
}

/// How far an import is, as its item says. The crate `intake` writes it.
#[derive(Clone, Debug)]
pub struct Progress {
    is_final: bool,
    line: u64,
    takeovers: Takeovers,
}

impl Progress {
    /// Returns whether the counters have `account`, which the import has made: its checkpoint has passed the row, or
    /// somebody has counted the account by changing it.
    #[must_use]
    pub fn counts(&self, account: &Account) -> bool {
        account.user.import.is_none_or(|(_, line)| {
            let is_passed = self.is_final || line < self.line;
            is_passed && !(account.user.version == 0 && self.takeovers.lost(line, account.import_run))
        })
    }
}

#[derive(Deserialize)]
struct ProgressItem {
    id: ImportId,
    status: String,
    #[serde(default)]
    position: PositionItem,
    #[serde(default)]
    takeovers: Takeovers,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PositionItem {
    line: u64,
}

fn manifest_key() -> Key {
    Key::new(PARTITION, MANIFEST)
}

impl IndexStore {
    /// Returns the index that is kept in `table`.
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Reads the manifest and all notes, consistently.
    ///
    /// The manifest sorts behind the notes, so notes that a merge deletes meanwhile are in the segments that it names.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn read(&self) -> Result<IndexState, Error> {
        let doing = "read the index's notes";
        let mut state = IndexState::default();
        for item in self.table.partition(PARTITION, doing).await? {
            let place = item.get("SK").and_then(|place| place.as_s().ok());
            match place.map(String::as_str) {
                Some(MANIFEST) => state.manifest = Some(from_item(item, doing)?),
                Some(SECRET) | None => {}
                Some(_) => state.notes.extend(note(item)),
            }
        }
        Ok(state)
    }

    /// Returns the secret by which cursors are sealed. It is made by the first who needs it and never changes.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn secret(&self) -> Result<[u8; 32], Error> {
        let doing = "read the secret of cursors";
        let key = Key::new(PARTITION, SECRET);
        if let Some(item) = self.table.get(key.clone(), doing).await? {
            return secret(item, doing);
        }
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| Error::internal(doing, error.to_string()))?;
        let mut item = key.clone().item();
        item.insert("secret".to_owned(), AttributeValue::B(Blob::new(bytes)));
        let put = self.table.client().put_item().table_name(self.table.name());
        let put = put
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(PK)")
            .send()
            .await;
        match put {
            Ok(_) => Ok(bytes),
            Err(error) if is_refused(&error) => {
                secret(self.table.get(key, doing).await?.unwrap_or_default(), doing)
            }
            Err(error) => Err(failed(doing, error)),
        }
    }

    /// Reads the accounts with these ids, and afterwards or at the same time the index's generation, consistently.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn accounts(&self, ids: &[UserId]) -> Result<(Vec<Account>, u64), Error> {
        let doing = "read users";
        let mut keys: Vec<_> = ids.iter().map(|id| slot_key(id.slot())).collect();
        keys.push(manifest_key());
        let mut found = Vec::new();
        let mut generation = 0;
        for keys in keys.chunks(MAX_KEYS) {
            for item in self.table.batch_get(keys.iter().cloned(), doing).await? {
                if item
                    .get("PK")
                    .and_then(|pk| pk.as_s().ok())
                    .is_some_and(|pk| pk == PARTITION)
                {
                    generation = from_item::<Manifest>(item, doing)?.generation;
                } else if let Holder::Account(account) = holder(item)? {
                    found.push(*account);
                }
            }
        }
        Ok((found, generation))
    }

    /// Begins the index of a table that has no users yet, unless it has a manifest: what follows is all in notes.
    /// `deployed` has what the deployment decides.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn begin(&self, deployed: Manifest, now: Timestamp) -> Result<(), Error> {
        let doing = "begin the index";
        let manifest = Manifest {
            generation: 1,
            table: self.table.name().to_owned(),
            seen_at: now.millis(),
            rebuilt_at: now.millis(),
            swept_at: now.millis(),
            ..deployed
        };
        let begun = self
            .table
            .client()
            .put_item()
            .table_name(self.table.name())
            .set_item(Some(to_item(manifest_key(), &manifest, doing)?))
            .condition_expression("attribute_not_exists(PK)")
            .send()
            .await;
        match begun {
            Err(error) if !is_refused(&error) => Err(failed(doing, error)),
            _ => Ok(()),
        }
    }

    /// Takes the index for `lease.run` and gives the manifest; `None` if another run has it.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn claim(&self, lease: &Lease, now: Timestamp) -> Result<Option<Manifest>, Error> {
        let doing = "claim the index";
        let claimed = self
            .table
            .client()
            .update_item()
            .table_name(self.table.name())
            .set_key(Some(manifest_key().item()))
            .update_expression("SET lease = :lease")
            .condition_expression("attribute_not_exists(lease) OR lease.#until < :now OR lease.run = :run")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":lease", to_value(lease, doing)?)
            .expression_attribute_values(":now", AttributeValue::N(now.millis().to_string()))
            .expression_attribute_values(":run", AttributeValue::S(lease.run.clone()))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew)
            .send()
            .await;
        match claimed {
            Ok(claimed) => from_item(claimed.attributes.unwrap_or_default(), doing).map(Some),
            Err(error) if is_refused(&error) => Ok(None),
            Err(error) => Err(failed(doing, error)),
        }
    }

    /// Stores `manifest` in place of the one with the generation `before`, which `run` must still hold. `false` if it
    /// does not.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn store(&self, manifest: &Manifest, before: u64, run: &str) -> Result<bool, Error> {
        let doing = "store the index's manifest";
        let same = if before == 0 {
            "(attribute_not_exists(generation) OR generation = :before)"
        } else {
            "generation = :before"
        };
        let stored = self
            .table
            .client()
            .put_item()
            .table_name(self.table.name())
            .set_item(Some(to_item(manifest_key(), manifest, doing)?))
            .condition_expression(format!("lease.run = :run AND {same}"))
            .expression_attribute_values(":run", AttributeValue::S(run.to_owned()))
            .expression_attribute_values(":before", AttributeValue::N(before.to_string()))
            .send()
            .await;
        match stored {
            Ok(_) => Ok(true),
            Err(error) if is_refused(&error) => {
                // The SDK has repeated a call whose answer was lost.
                let item = self.table.get(manifest_key(), doing).await?;
                let stored = item.map(|item| from_item::<Manifest>(item, doing)).transpose()?;
                // Another run may have claimed it since.
                let stored = stored.map(|stored| Manifest {
                    lease: None,
                    ..stored
                });
                Ok(stored.as_ref() == Some(manifest))
            }
            Err(error) => Err(failed(doing, error)),
        }
    }

    /// Deletes notes that are in the segments.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn forget(&self, notes: &[Note]) -> Result<(), Error> {
        let doing = "delete notes of the index";
        for notes in notes.chunks(MAX_WRITES) {
            let mut requests = Vec::with_capacity(notes.len());
            for note in notes {
                let delete = DeleteRequest::builder().set_key(Some(note.key.clone().item()));
                let delete = delete.build().map_err(|error| Error::internal(doing, error))?;
                requests.push(WriteRequest::builder().delete_request(delete).build());
            }
            let mut tries = self.table.tries(doing);
            while !requests.is_empty() {
                let call = self.table.client().batch_write_item();
                let call = call.request_items(self.table.name(), std::mem::take(&mut requests));
                let written = call.send().await.map_err(|error| failed(doing, error))?;
                let left = written.unprocessed_items.unwrap_or_default();
                requests = left.into_values().flatten().collect();
                if !requests.is_empty() {
                    tries.again().await?;
                }
            }
        }
        Ok(())
    }

    /// Reads the next users of the part `part` of `parts` of the whole table, and where to go on; consistently.
    ///
    /// # Errors
    ///
    /// If storage fails or an account cannot be read.
    pub async fn scan(
        &self,
        part: (usize, usize),
        from: Option<Item>,
    ) -> Result<(Vec<Account>, Option<Item>), Error> {
        scan_accounts(&self.table, part, from, "email").await
    }

    /// Returns how far imports are that have made accounts. One that is not there has expired long after its end.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn progress(&self, ids: &[ImportId]) -> Result<HashMap<ImportId, Progress>, Error> {
        let doing = "read how far imports are";
        let mut found = HashMap::new();
        for ids in ids.chunks(MAX_KEYS) {
            for item in self
                .table
                .batch_get(ids.iter().copied().map(import_key), doing)
                .await?
            {
                let ProgressItem {
                    id,
                    status,
                    position,
                    takeovers,
                } = from_item(item, doing)?;
                let progress = Progress {
                    is_final: matches!(status.as_str(), "completed" | "failed" | "cancelled"),
                    line: position.line,
                    takeovers,
                };
                found.insert(id, progress);
            }
        }
        Ok(found)
    }

    /// Returns whether an import is under way or stands still, by the index `listing`, which lags behind on AWS.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn has_unfinished_imports(&self) -> Result<bool, Error> {
        let doing = "look for unfinished imports";
        let mut pages = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .index_name("listing")
            .key_condition_expression("LPK = :imports")
            .filter_expression("#status IN (:queued, :running)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":imports", AttributeValue::S("I".to_owned()))
            .expression_attribute_values(":queued", AttributeValue::S("queued".to_owned()))
            .expression_attribute_values(":running", AttributeValue::S("running".to_owned()))
            .select(Select::Count)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            if page.map_err(|error| failed(doing, error))?.count > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn secret(mut item: Item, doing: &'static str) -> Result<[u8; 32], Error> {
    let stored = item.remove("secret");
    let bytes = stored.as_ref().and_then(|secret| secret.as_b().ok());
    bytes
        .and_then(|bytes| bytes.as_ref().try_into().ok())
        .ok_or_else(|| Error::internal(doing, "an item without a secret"))
}
