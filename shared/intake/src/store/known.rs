//! By what a file is known that is sent again.

use std::time::Duration;

use aws_sdk_dynamodb::types::TransactWriteItem;
use data_encoding::HEXLOWER;
use errors::Error;
use roster::{ImportId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sheet::ImportOptions;
use table::{Key, Refused, When, from_item, to_item};

use super::ImportStore;
use super::item::stored;
use crate::record::{Import, Status};

/// How long a finished import answers for a file that is sent again: as long as an `Idempotency-Key` does. Later, the same
/// roster may well be sent on purpose.
const KNOWN_AGAIN: Duration = Duration::from_hours(24);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KnownFile {
    import_id: ImportId,
    expires_at: u64,
}

/// A file that was sent before.
#[derive(Debug)]
pub struct SentBefore {
    /// What is kept under the file, its options and its sender.
    import_id: ImportId,
    /// Its import, if that answers for the file: it is under way, or was completed within 24 hours.
    pub answers: Option<Import>,
}

impl ImportStore {
    /// The action that lets a completed import answer for its file, options and sender for 24 hours; none for one whose
    /// file the service never saw whole.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the action cannot be built.
    pub fn knowing(&self, import: &Import, now: Timestamp) -> Result<Option<TransactWriteItem>, Error> {
        let expires_at = now.plus(KNOWN_AGAIN);
        self.known_until(import, expires_at, When::Always, "remember a file")
    }

    fn known_until(
        &self,
        import: &Import,
        expires_at: Timestamp,
        when: When,
        doing: &'static str,
    ) -> Result<Option<TransactWriteItem>, Error> {
        let (Some(sender), Some(sha256)) = (import.created_by, &import.sha256) else {
            return Ok(None);
        };
        let Some(options) = import.options.known() else {
            return Ok(None);
        };
        let key = file_key(sender, sha256, options, doing)?;
        let known = KnownFile {
            import_id: import.id,
            expires_at: expires_at.seconds(),
        };
        let item = to_item(key, known, doing)?;
        self.table.put(item, when, doing).map(Some)
    }

    /// Records a new import, and that it is under way for its file, options and sender. `false` if an import with its id
    /// is recorded already, or another request has sent the file since `before` was found; look again.
    ///
    /// With `anyway`, the file is imported whether another import of it is under way or not.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn insert_known(
        &self,
        import: &Import,
        before: Option<&SentBefore>,
        anyway: bool,
    ) -> Result<bool, Error> {
        let doing = "record an import";
        let when = match before {
            _ if anyway => When::Always,
            None => When::Free,
            Some(before) => When::Has("importId", before.import_id.to_string()),
        };
        let mut actions = vec![self.table.put(stored(import, doing)?, When::Free, doing)?];
        // Until it is completed; then for 24 hours.
        actions.extend(self.known_until(import, import.expires_at, when, doing)?);
        match self.table.transact(actions, doing).await {
            Ok(()) => Ok(true),
            Err(Refused::Condition(_)) => Ok(false),
            Err(Refused::Failed(error)) => Err(error),
        }
    }

    /// Returns what is known of the file, options and sender of `import`; `None` if nothing was kept.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn sent_before(&self, import: &Import, now: Timestamp) -> Result<Option<SentBefore>, Error> {
        let doing = "look for the same file";
        let (Some(sender), Some(sha256), Some(options)) =
            (import.created_by, &import.sha256, import.options.known())
        else {
            return Ok(None);
        };
        let key = file_key(sender, sha256, options, doing)?;
        let Some(item) = self.table.get(key, doing).await? else {
            return Ok(None);
        };
        let KnownFile {
            import_id,
            expires_at,
        } = from_item(item, doing)?;
        // Storage deletes late.
        let answers = if expires_at <= now.seconds() {
            None
        } else {
            self.find(import_id, now).await?
        };
        // A file that was refused, or whose import was cancelled or taken back, may be sent again.
        let answers = answers
            .filter(|import| !import.is_final() || import.status == Status::Completed)
            .filter(|import| import.undone_by.is_none());
        Ok(Some(SentBefore { import_id, answers }))
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
