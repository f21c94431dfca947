//! The uploads that a user has opened and whose URLs are still valid.

use std::collections::BTreeMap;

use errors::Error;
use roster::{ImportId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use table::{Key, Refused, When, from_item, to_item};

use super::ImportStore;
use super::item::stored;
use crate::record::Import;

/// What became of the request to open an upload.
#[derive(Debug)]
pub enum OpenedUpload {
    /// It is open now.
    Opened,
    /// An import with its id was recorded before: this one.
    Before(Box<Import>),
    /// As many URLs of the user are valid as may be, the next of them until this time.
    TooMany(Timestamp),
}

/// The upload URLs of one user.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OpenUploadsItem {
    user_id: String,
    /// Until when each is valid, in milliseconds.
    uploads: BTreeMap<String, u64>,
    version: u64,
    expires_at: u64,
}

impl ImportStore {
    /// Records `import`, an upload, unless as many as `at_most` URLs of its sender are valid `now`.
    ///
    /// The user's record decides, in one transaction with the import, so requests at once cannot exceed the limit.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn open_upload(
        &self,
        import: &Import,
        at_most: usize,
        now: Timestamp,
    ) -> Result<OpenedUpload, Error> {
        let doing = "open an upload";
        let (Some(sender), Some(until)) = (import.created_by, import.upload_until) else {
            return Err(Error::internal(doing, "an upload without a sender or an end"));
        };
        let mut tries = self.table.tries(doing);
        loop {
            if let Some(before) = self.find(import.id, now).await? {
                return Ok(OpenedUpload::Before(Box::new(before)));
            }
            let found = self.table.get(key(sender), doing).await?;
            let mut record: OpenUploadsItem = match found {
                Some(item) => from_item(item, doing)?,
                None => OpenUploadsItem::default(),
            };
            let when = match record.version {
                0 => When::Free,
                version => When::Unchanged("userId", sender.to_string(), version),
            };
            record.uploads.retain(|_, until| *until > now.millis());
            if record.uploads.len() >= at_most {
                let next = record.uploads.values().min().copied().unwrap_or_default();
                return Ok(OpenedUpload::TooMany(Timestamp::from_millis(next)));
            }
            record.add(import.id, sender, until);
            let actions = vec![
                self.table.put(stored(import, doing)?, When::Free, doing)?,
                self.table
                    .put(to_item(key(sender), record, doing)?, when, doing)?,
            ];
            match self.table.transact(actions, doing).await {
                Ok(()) => return Ok(OpenedUpload::Opened),
                Err(Refused::Failed(error)) => return Err(error),
                // Another request of the user opened an upload meanwhile, or storage deleted the record.
                Err(Refused::Condition(_)) => tries.again().await?,
            }
        }
    }
}

impl OpenUploadsItem {
    fn add(&mut self, import: ImportId, sender: UserId, until: Timestamp) {
        self.user_id = sender.to_string();
        self.uploads.insert(import.to_string(), until.millis());
        self.version += 1;
        self.expires_at = until.seconds() + 1;
    }
}

/// Where the open uploads of a user are kept.
fn key(user: UserId) -> Key {
    Key::new(format!("O#{user}"), "O")
}
