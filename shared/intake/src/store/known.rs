//! By what a file is known that is sent again.

use std::time::Duration;

use aws_sdk_dynamodb::types::TransactWriteItem;
use data_encoding::HEXLOWER;
use errors::Error;
use roster::{ImportId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sheet::ImportOptions;
use table::{Key, When, from_item, to_item};

use super::ImportStore;
use crate::record::Import;

/// How long a finished import answers for a file that is sent again.
const KNOWN_AGAIN: Duration = Duration::from_hours(24);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KnownFile {
    import_id: ImportId,
    expires_at: u64,
}

impl ImportStore {
    /// The action that makes a finished import known by its file, options and sender; none for one whose
    /// file the service never saw whole.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the action cannot be built.
    pub fn knowing(&self, import: &Import, now: Timestamp) -> Result<Option<TransactWriteItem>, Error> {
        let doing = "remember a file";
        let (Some(sender), Some(sha256)) = (import.created_by, &import.sha256) else {
            return Ok(None);
        };
        let Some(options) = import.options.known() else {
            return Ok(None);
        };
        let key = file_key(sender, sha256, options, doing)?;
        let known = KnownFile {
            import_id: import.id,
            expires_at: now.plus(KNOWN_AGAIN).seconds(),
        };
        let item = to_item(key, known, doing)?;
        self.table.put(item, When::Always, doing).map(Some)
    }

    /// The import of the same file with the same options from the same sender that was finished within
    /// the last 24 hours, if there is one.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn known(
        &self,
        sender: UserId,
        sha256: &str,
        options: &ImportOptions,
        now: Timestamp,
    ) -> Result<Option<Import>, Error> {
        let doing = "look for the same file";
        let key = file_key(sender, sha256, options, doing)?;
        let Some(item) = self.table.get(key, doing).await? else {
            return Ok(None);
        };
        let KnownFile {
            import_id,
            expires_at,
        } = from_item(item, doing)?;
        // Storage deletes late.
        if expires_at <= now.seconds() {
            return Ok(None);
        }
        self.find(import_id, now).await
    }
}

fn file_key(
    sender: UserId,
    sha256: &str,
    options: &ImportOptions,
    doing: &'static str,
) -> Result<Key, Error> {
    let options = serde_json::to_string(options).map_err(|error| Error::internal(doing, error))?;
    let hash = Sha256::digest(format!("{sender}\n{sha256}\n{options}"));
    Ok(Key::new(format!("F#{}", HEXLOWER.encode(&hash)), "F"))
}
