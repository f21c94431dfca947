//! The row errors of an import, in chunks, and where its rejected rows are.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use errors::{Error, failed};
use files::RejectedRows;
use roster::{ImportId, Timestamp};
use serde::{Deserialize, Serialize};
use sheet::RowError;
use table::{Key, When, from_item, to_item};

use super::ImportStore;
use super::item::partition;

/// How long one chunk of row errors gets, in bytes of JSON: far below an item's 400 KB, so that one
/// read brings a page and not a megabyte.
const CHUNK: usize = 48 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChunkItem {
    /// Where the rejected rows of the checkpoint are, in the first chunk of each.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_bytes: Option<u64>,
    count: usize,
    /// The errors as a JSON array: a third of the size that a list of maps has.
    errors: String,
    expires_at: u64,
}

impl ImportStore {
    /// The actions that record `row_errors`, which are in the order of their lines, and the rows that they
    /// are of.
    pub(super) fn recording(
        &self,
        id: ImportId,
        row_errors: &[RowError],
        mut rejected: Option<RejectedRows>,
        expires_at: Timestamp,
        doing: &'static str,
    ) -> Result<Vec<TransactWriteItem>, Error> {
        let chunks = chunks(row_errors, doing)?.into_iter().map(|chunk| {
            let (rejected_key, rejected_bytes) = rejected.take().map(|rows| (rows.key, rows.bytes)).unzip();
            let item = ChunkItem {
                rejected_key,
                rejected_bytes,
                count: chunk.count,
                errors: chunk.json,
                expires_at: expires_at.seconds(),
            };
            let key = Key::new(partition(id), format!("E#{:010}", chunk.line));
            self.table.put(to_item(key, item, doing)?, When::Always, doing)
        });
        chunks.collect()
    }

    /// The row errors of an import by line: those after `skip`, at most `limit`.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn errors(&self, id: ImportId, skip: u64, limit: u64) -> Result<Vec<RowError>, Error> {
        let doing = "read row errors";
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let mut errors: Vec<RowError> = Vec::new();
        let mut chunks = self.chunks(id).into_paginator().items().send();
        while errors.len() < wanted
            && let Some(item) = chunks.next().await
        {
            let chunk: ChunkItem = from_item(item.map_err(|error| failed(doing, error))?, doing)?;
            if skip >= chunk.count {
                skip -= chunk.count;
                continue;
            }
            let told: Vec<RowError> =
                serde_json::from_str(&chunk.errors).map_err(|error| Error::internal(doing, error))?;
            errors.extend(told.into_iter().skip(skip).take(wanted - errors.len()));
            skip = 0;
        }
        Ok(errors)
    }

    /// Where the rejected rows of an import are, in the order of their lines.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn rejected(&self, id: ImportId) -> Result<Vec<RejectedRows>, Error> {
        let doing = "read row errors";
        let mut rejected = Vec::new();
        let mut chunks = self
            .chunks(id)
            .projection_expression("rejectedKey, rejectedBytes")
            .into_paginator()
            .items()
            .send();
        while let Some(item) = chunks.next().await {
            let item = item.map_err(|error| failed(doing, error))?;
            let Some(AttributeValue::S(key)) = item.get("rejectedKey") else {
                continue;
            };
            let bytes = item
                .get("rejectedBytes")
                .and_then(|value| value.as_n().ok()?.parse().ok())
                .unwrap_or_default();
            rejected.push(RejectedRows {
                key: key.clone(),
                bytes,
            });
        }
        Ok(rejected)
    }

    fn chunks(&self, id: ImportId) -> QueryFluentBuilder {
        self.table
            .client()
            .query()
            .table_name(self.table.name())
            .key_condition_expression("PK = :import AND begins_with(SK, :chunk)")
            .expression_attribute_values(":import", AttributeValue::S(partition(id)))
            .expression_attribute_values(":chunk", AttributeValue::S("E#".to_owned()))
            .consistent_read(true)
    }
}

struct Chunk {
    line: u64,
    count: usize,
    json: String,
}

/// The errors in chunks of about [`CHUNK`] bytes. All errors of a row share a chunk, because the
/// row's line is the chunk's key.
fn chunks(errors: &[RowError], doing: &'static str) -> Result<Vec<Chunk>, Error> {
    let mut chunks: Vec<Chunk> = Vec::new();
    for row in errors.chunk_by(|one, next| one.line == next.line) {
        let json = serde_json::to_string(row).map_err(|error| Error::internal(doing, error))?;
        let elements = &json[1..json.len() - 1];
        match chunks.last_mut() {
            Some(chunk) if chunk.json.len() + elements.len() < CHUNK => {
                chunk.json.push(',');
                chunk.json.push_str(elements);
                chunk.count += row.len();
            }
            _ => chunks.push(Chunk {
                line: row[0].line,
                count: row.len(),
                json: format!("[{elements}"),
            }),
        }
    }
    for chunk in &mut chunks {
        chunk.json.push(']');
    }
    Ok(chunks)
}
