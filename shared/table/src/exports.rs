//! Files of users: who asked for them, and where they are.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use errors::{Error, failed};
use index::Filter;
use roster::{Recorded, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Key, Table, from_item, is_refused, to_item, to_value};

const SK: &str = "X";
/// How long it is known that somebody asked, and where the file is: as long as the bucket keeps it.
const KEPT: Duration = Duration::from_hours(24);

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// As an import takes it.
    Csv,
    /// A user as JSON on each line.
    Ndjson,
}

/// An export that somebody has asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Its id, which is made of who asked and what for.
    pub id: String,
    /// How it is written.
    pub format: Recorded<ExportFormat>,
    /// Which users it has.
    pub filter: Recorded<Filter>,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// The file, once it is written.
    pub file: Option<ExportedFile>,
}

/// The file of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportedFile {
    /// The key of the object.
    pub key: String,
    /// How many users it has.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// The moment that it shows, in milliseconds.
    pub taken_at: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExportItem {
    id: String,
    format: Recorded<ExportFormat>,
    filter: Recorded<Filter>,
    asked_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<ExportedFile>,
    /// In seconds: the attribute by which DynamoDB deletes.
    expires_at: u64,
}

/// The exports.
#[derive(Clone, Debug)]
pub struct ExportStore {
    table: Table,
}

fn key(id: &str) -> Key {
    Key::new(format!("E#{id}"), SK)
}

impl ExportStore {
    /// Returns the exports that are kept in `table`.
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Returns the export `id`, read consistently, unless it is not kept at `now` any more.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn find(&self, id: &str, now: Timestamp) -> Result<Option<Export>, Error> {
        let doing = "read an export";
        let Some(item) = self.table.get(key(id), doing).await? else {
            return Ok(None);
        };
        let ExportItem {
            id,
            format,
            filter,
            asked_at,
            file,
            expires_at,
        } = from_item(item, doing)?;
        let export = Export {
            id,
            format,
            filter,
            asked_at: Timestamp::from_millis(asked_at),
            file,
        };
        Ok((expires_at > now.seconds()).then_some(export))
    }

    /// Records that `export` is asked for, in the place of what was asked for before.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn ask(&self, export: &Export) -> Result<(), Error> {
        let doing = "record an export";
        let item = ExportItem {
            id: export.id.clone(),
            format: export.format.clone(),
            filter: export.filter.clone(),
            asked_at: export.asked_at.millis(),
            file: export.file.clone(),
            expires_at: export.asked_at.plus(KEPT).seconds(),
        };
        let put = self.table.client().put_item().table_name(self.table.name());
        let put = put.set_item(Some(to_item(key(&export.id), item, doing)?));
        put.send().await.map(drop).map_err(|error| failed(doing, error))
    }

    /// Records the file of `export`, unless it has another by now, or was asked for again.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn finish(&self, export: &Export, file: &ExportedFile) -> Result<(), Error> {
        let doing = "record the file of an export";
        let update = self.table.client().update_item().table_name(self.table.name());
        let updated = update
            .set_key(Some(key(&export.id).item()))
            .update_expression("SET #file = :file")
            .condition_expression("askedAt = :asked AND attribute_not_exists(#file)")
            .expression_attribute_names("#file", "file")
            .expression_attribute_values(":file", to_value(file, doing)?)
            .expression_attribute_values(":asked", AttributeValue::N(export.asked_at.millis().to_string()))
            .send()
            .await;
        match updated {
            // The file that is recorded is as good. This one is deleted with all others, after a day.
            Err(error) if !is_refused(&error) => Err(failed(doing, error)),
            _ => Ok(()),
        }
    }
}
