//! Where the record of what an import has done is: see [`crate::changes`].

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use errors::{Error, failed};
use files::RecordPiece;
use roster::{ImportId, Timestamp};
use serde::{Deserialize, Serialize};
use table::{Key, When, from_item, to_item};

use super::ImportStore;
use super::item::partition;

/// The keys of the pieces of a record.
const RECORD: &str = "H#";

/// Where the record of the rows of one checkpoint is, at the line of the first of them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordItem {
    line: u64,
    object_key: String,
    changes: u64,
    expires_at: u64,
}

impl From<RecordItem> for RecordPiece {
    fn from(item: RecordItem) -> Self {
        Self {
            line: item.line,
            key: item.object_key,
            changes: item.changes,
        }
    }
}

impl ImportStore {
    /// Returns the action that records where the record of the rows of a checkpoint is.
    pub(super) fn recording_piece(
        &self,
        id: ImportId,
        piece: RecordPiece,
        expires_at: Timestamp,
        doing: &'static str,
    ) -> Result<TransactWriteItem, Error> {
        let key = Key::new(partition(id), format!("{RECORD}{:010}", piece.line));
        let item = RecordItem {
            line: piece.line,
            object_key: piece.key,
            changes: piece.changes,
            expires_at: expires_at.seconds(),
        };
        self.table.put(to_item(key, item, doing)?, When::Always, doing)
    }

    /// Returns up to `limit` pieces of the record of an import, by line, beginning with the one that has `line`.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn record_pieces(
        &self,
        id: ImportId,
        line: u64,
        limit: i32,
    ) -> Result<Vec<RecordPiece>, Error> {
        let doing = "find what became of rows";
        let text = |text: String| AttributeValue::S(text);
        let before = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .key_condition_expression("PK = :import AND SK BETWEEN :first AND :last")
            .expression_attribute_values(":import", text(partition(id)))
            .expression_attribute_values(":first", text(RECORD.to_owned()))
            .expression_attribute_values(":last", text(format!("{RECORD}{line:010}")))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(1)
            .send()
            .await
            .map_err(|error| failed(doing, error))?;
        let begin = match before.items.unwrap_or_default().pop() {
            Some(item) => RecordPiece::from(from_item::<RecordItem>(item, doing)?).line,
            None => line,
        };
        let found = self
            .of_import(id, RECORD, begin)
            .limit(limit)
            .send()
            .await
            .map_err(|error| failed(doing, error))?;
        let items = found.items.unwrap_or_default().into_iter();
        items
            .map(|item| from_item::<RecordItem>(item, doing).map(RecordPiece::from))
            .collect()
    }
}
