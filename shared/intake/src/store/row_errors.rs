//! The row errors of an import, in chunks, and where its rejected rows are.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use errors::{Error, failed};
use files::RejectedRows;
use futures::future::try_join;
use roster::{Code, ImportId, Member, Recorded, Timestamp};
use serde::{Deserialize, Serialize};
use sheet::{Causes, RowError};
use table::{Item, Key, When, from_item, to_item};

use super::ImportStore;
use super::item::partition;
use crate::record::{Import, MAX_KEPT_ERRORS};

/// How long one chunk of row errors gets, in bytes of JSON: far below an item's 400 KB, so that one
/// read brings a page and not a megabyte.
const CHUNK: usize = 48 * 1024;
/// How many errors a chunk has, about: one error takes 250 bytes. A page is read in one call if its chunks have so many.
const ERRORS_OF_CHUNK: u64 = 150;

/// The keys of chunks of errors.
const ERRORS: &str = "E#";
/// The keys of chunks of warnings.
const WARNINGS: &str = "W#";
/// Errors that are read at once where all of them are looked at: about 2.5 MB.
const ERRORS_AT_ONCE: u64 = 10_000;

/// Whether errors or warnings or both are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Severities {
    /// Errors.
    #[default]
    Errors,
    /// Warnings.
    Warnings,
    /// Both.
    All,
}

impl Severities {
    const fn errors(self) -> bool {
        matches!(self, Self::Errors | Self::All)
    }

    const fn warnings(self) -> bool {
        matches!(self, Self::Warnings | Self::All)
    }
}

/// Which row errors and warnings are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultFilter {
    /// How much they weigh.
    pub severities: Severities,
    /// Only those about this member.
    pub member: Option<Member>,
    /// Only those with this code.
    pub code: Option<Code>,
}

impl FaultFilter {
    /// Returns whether the filter asks for a member or a code, which nothing counts.
    #[must_use]
    pub fn narrows(&self) -> bool {
        self.member.is_some() || self.code.is_some()
    }

    /// Returns whether a fault has the member and the code. What a later version wrote has none that are known here.
    fn admits(&self, fault: &Recorded<RowError>) -> bool {
        match fault {
            Recorded::Known(fault) => {
                self.member.is_none_or(|member| fault.member == Some(member))
                    && self.code.is_none_or(|code| fault.code == code)
            }
            Recorded::Later(_) => !self.narrows(),
        }
    }
}

/// A place among the row errors and warnings of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultPlace {
    /// The place among the errors.
    pub errors: ErrorPlace,
    /// The place among the warnings.
    pub warnings: ErrorPlace,
}

/// A place among the row errors of an import: the chunk that begins with the errors of a line, and how many errors to
/// pass over from there. A chunk never changes, so a place stays where it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrorPlace {
    /// The line.
    pub line: u64,
    /// How many errors to pass over.
    pub skip: u64,
}

/// What a checkpoint records of the rows that failed.
pub(super) struct Recording<'a> {
    /// How many errors earlier checkpoints have kept.
    pub(super) before: u64,
    /// The errors that are kept, by line.
    pub(super) row_errors: &'a [RowError],
    /// The warnings that are kept, by line.
    pub(super) row_warnings: &'a [RowError],
    pub(super) causes: Option<&'a Causes>,
    pub(super) rejected: Option<RejectedRows>,
    pub(super) expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChunkItem {
    /// Where the rejected rows of the checkpoint are, in the first chunk of each. The version before looks for them
    /// here and does not know [`RejectedItem`].
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_bytes: Option<u64>,
    count: u64,
    /// The errors as a JSON array: a third of the size that a list of maps has.
    errors: String,
    expires_at: u64,
}

/// The causes of all errors and warnings, as JSON for the same reason.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CausesItem {
    causes: String,
    expires_at: u64,
}

/// The rejected rows of one checkpoint, at the line of the first of them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RejectedItem {
    line: u64,
    object_key: String,
    bytes: u64,
    rows: u64,
    /// How many errors are kept of the rows before.
    errors_before: u64,
    expires_at: u64,
}

impl From<RejectedItem> for RejectedRows {
    fn from(item: RejectedItem) -> Self {
        Self {
            line: item.line,
            key: item.object_key,
            bytes: item.bytes,
            rows: item.rows,
        }
    }
}

impl ImportStore {
    /// Returns the actions that record the rows that failed since the last checkpoint.
    pub(super) fn recording(
        &self,
        id: ImportId,
        recording: Recording<'_>,
        doing: &'static str,
    ) -> Result<Vec<TransactWriteItem>, Error> {
        let Recording {
            before,
            row_errors,
            row_warnings,
            causes,
            rejected,
            expires_at,
        } = recording;
        let expires_at = expires_at.seconds();
        let mut actions = Vec::new();
        let mut chunks = chunks(row_errors, doing)?;
        if let Some(rejected) = rejected.clone() {
            if chunks.is_empty() {
                // The version before finds rejected rows by a chunk only.
                chunks.push(Chunk {
                    line: rejected.line,
                    count: 0,
                    json: "[]".to_owned(),
                });
            }
            let key = Key::new(partition(id), format!("R#{:010}", rejected.line));
            let item = RejectedItem {
                line: rejected.line,
                object_key: rejected.key,
                bytes: rejected.bytes,
                rows: rejected.rows,
                errors_before: before,
                expires_at,
            };
            actions.push(self.table.put(to_item(key, item, doing)?, When::Always, doing)?);
        }
        let mut rejected = rejected;
        let warnings = self::chunks(row_warnings, doing)?.into_iter();
        let chunks = chunks.into_iter().map(|chunk| (ERRORS, chunk));
        for (prefix, chunk) in chunks.chain(warnings.map(|chunk| (WARNINGS, chunk))) {
            // With the first chunk, which is one of errors wherever rows were rejected.
            let (rejected_key, rejected_bytes) = rejected.take().map(|rows| (rows.key, rows.bytes)).unzip();
            let item = ChunkItem {
                rejected_key,
                rejected_bytes,
                count: chunk.count,
                errors: chunk.json,
                expires_at,
            };
            let key = Key::new(partition(id), format!("{prefix}{:010}", chunk.line));
            actions.push(self.table.put(to_item(key, item, doing)?, When::Always, doing)?);
        }
        if let Some(causes) = causes {
            let json = serde_json::to_string(causes).map_err(|error| Error::internal(doing, error))?;
            let item = CausesItem {
                causes: json,
                expires_at,
            };
            actions.push(
                self.table
                    .put(to_item(causes_key(id), item, doing)?, When::Always, doing)?,
            );
        }
        Ok(actions)
    }

    /// Returns the causes of the row errors and warnings of an import, as far as it is; `None` if a later version wrote
    /// them.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn causes(&self, import: &Import) -> Result<Option<Causes>, Error> {
        let doing = "read the causes of row errors";
        if let Some(item) = self.table.get(causes_key(import.id), doing).await? {
            let item: CausesItem = from_item(item, doing)?;
            return Ok(serde_json::from_str(&item.causes).ok());
        }
        // The version before kept none. Of its errors as many are read as this version keeps.
        let mut causes = Causes::default();
        let filter = FaultFilter::default();
        let mut place = FaultPlace::default();
        for _ in 0..import.errors.min(MAX_KEPT_ERRORS).div_ceil(ERRORS_AT_ONCE) {
            let (errors, next) = self.faults(import.id, &filter, place, ERRORS_AT_ONCE).await?;
            let known: Vec<_> = errors.iter().filter_map(|error| error.known().cloned()).collect();
            causes = causes.merged(Causes::of(&known)).bounded();
            place = next;
        }
        Ok(Some(causes))
    }

    /// Returns the row errors and warnings of an import that `filter` admits, by line, from `place` on, at most `limit`,
    /// and the place after the last of them. What comes before `place` is not read.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn faults(
        &self,
        id: ImportId,
        filter: &FaultFilter,
        place: FaultPlace,
        limit: u64,
    ) -> Result<(Vec<Recorded<RowError>>, FaultPlace), Error> {
        let of = |kind, place, wanted: bool| async move {
            if wanted {
                self.matching(id, (kind, place), filter, limit).await
            } else {
                Ok(Vec::new())
            }
        };
        let (errors, warnings) = try_join(
            of(ERRORS, place.errors, filter.severities.errors()),
            of(WARNINGS, place.warnings, filter.severities.warnings()),
        )
        .await?;
        let mut errors = errors.into_iter().peekable();
        let mut warnings = warnings.into_iter().peekable();
        let mut place = place;
        let mut faults = Vec::new();
        while (faults.len() as u64) < limit {
            let warning_is_next = match (errors.peek(), warnings.peek()) {
                (Some((error, _)), Some((warning, _))) => {
                    RowError::line_of(warning) < RowError::line_of(error)
                }
                (None, Some(_)) => true,
                (Some(_), None) => false,
                (None, None) => break,
            };
            let (next, after) = if warning_is_next {
                (warnings.next(), &mut place.warnings)
            } else {
                (errors.next(), &mut place.errors)
            };
            if let Some((fault, place)) = next {
                faults.push(fault);
                *after = place;
            }
        }
        Ok((faults, place))
    }

    /// Returns what of one kind matches, each with the place after it.
    async fn matching(
        &self,
        id: ImportId,
        (kind, place): (&str, ErrorPlace),
        filter: &FaultFilter,
        limit: u64,
    ) -> Result<Vec<(Recorded<RowError>, ErrorPlace)>, Error> {
        let doing = "read row errors";
        let ErrorPlace {
            line: begin,
            mut skip,
        } = place;
        let mut found = Vec::new();
        let at_once = i32::try_from(limit / ERRORS_OF_CHUNK + 2).unwrap_or(i32::MAX);
        let mut chunks = self
            .of_import(id, kind, begin)
            .limit(at_once)
            .into_paginator()
            .items()
            .send();
        while (found.len() as u64) < limit
            && let Some(item) = chunks.next().await
        {
            let item = item.map_err(|error| failed(doing, error))?;
            let line = line_of(&item).unwrap_or_default();
            let chunk: ChunkItem = from_item(item, doing)?;
            if skip >= chunk.count {
                skip -= chunk.count;
                continue;
            }
            let stored: Vec<Recorded<RowError>> =
                serde_json::from_str(&chunk.errors).map_err(|error| Error::internal(doing, error))?;
            let faults = (1..)
                .zip(stored)
                .skip(usize::try_from(skip).unwrap_or(usize::MAX));
            for (number, fault) in faults.filter(|(_, fault)| filter.admits(fault)) {
                if (found.len() as u64) < limit {
                    found.push((fault, ErrorPlace { line, skip: number }));
                }
            }
            skip = 0;
        }
        Ok(found)
    }

    /// Returns how many of the kept row errors and warnings of `import` a filter admits. Only for a member or a code are
    /// they read.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn count_faults(&self, import: &Import, filter: &FaultFilter) -> Result<u64, Error> {
        if !filter.narrows() {
            let counts = [
                (filter.severities.errors(), import.errors),
                (filter.severities.warnings(), import.warnings),
            ];
            return Ok(counts
                .iter()
                .filter(|(wanted, _)| *wanted)
                .map(|(_, count)| count)
                .sum());
        }
        let mut count = 0;
        let mut place = FaultPlace::default();
        loop {
            let (faults, next) = self.faults(import.id, filter, place, ERRORS_AT_ONCE).await?;
            count += faults.len() as u64;
            if (faults.len() as u64) < ERRORS_AT_ONCE {
                return Ok(count);
            }
            place = next;
        }
    }

    /// Returns the place of the error, not a warning, number `offset` of an import, counted from 0. Of what comes before, nothing is
    /// read but how many errors each checkpoint has.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn error_place(&self, id: ImportId, offset: u64) -> Result<ErrorPlace, Error> {
        let doing = "find a row error";
        let mut place = ErrorPlace {
            line: 0,
            skip: offset,
        };
        if offset == 0 {
            return Ok(place);
        }
        let mut read = self.of_import(id, "R#", 0).into_paginator().items().send();
        while let Some(item) = read.next().await {
            let item: RejectedItem = from_item(item.map_err(|error| failed(doing, error))?, doing)?;
            if item.errors_before > offset {
                break;
            }
            place = ErrorPlace {
                line: item.line,
                skip: offset - item.errors_before,
            };
        }
        Ok(place)
    }

    /// Returns a place from which on the errors of `line` and later lines are, and few others.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn place_of_line(&self, id: ImportId, line: u64) -> Result<ErrorPlace, Error> {
        let doing = "find row errors";
        // The last chunk that begins there or before.
        let read = self
            .of_import(id, ERRORS, 0)
            .expression_attribute_values(":last", AttributeValue::S(format!("{ERRORS}{line:010}")))
            .projection_expression("SK")
            .scan_index_forward(false)
            .limit(1)
            .send()
            .await
            .map_err(|error| failed(doing, error))?;
        Ok(ErrorPlace {
            line: read.items().first().and_then(line_of).unwrap_or_default(),
            skip: 0,
        })
    }

    /// Returns where the rejected rows of an import are, in the order of their lines.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn rejected(&self, import: &Import) -> Result<Vec<RejectedRows>, Error> {
        let doing = "read row errors";
        let mut rejected = Vec::new();
        let mut read = self.of_import(import.id, "R#", 0).into_paginator().items().send();
        while let Some(item) = read.next().await {
            let item: RejectedItem = from_item(item.map_err(|error| failed(doing, error))?, doing)?;
            rejected.push(RejectedRows::from(item));
        }
        if rejected.iter().map(|rows| rows.rows).sum::<u64>() >= import.counts.failed {
            return Ok(rejected);
        }
        // Some checkpoints were made by the version before.
        // The keys are in the order of the lines.
        let known = rejected.into_iter().map(|rows| (rows.key.clone(), rows));
        let mut rejected: BTreeMap<String, RejectedRows> = known.collect();
        let mut read = self
            .of_import(import.id, ERRORS, 0)
            .projection_expression("SK, rejectedKey, rejectedBytes")
            .into_paginator()
            .items()
            .send();
        while let Some(item) = read.next().await {
            let item = item.map_err(|error| failed(doing, error))?;
            let (Some(line), Some(AttributeValue::S(key))) = (line_of(&item), item.get("rejectedKey")) else {
                continue;
            };
            let bytes = item
                .get("rejectedBytes")
                .and_then(|value| value.as_n().ok()?.parse().ok());
            rejected.entry(key.clone()).or_insert_with(|| RejectedRows {
                line,
                key: key.clone(),
                bytes: bytes.unwrap_or_default(),
                rows: 0,
            });
        }
        Ok(rejected.into_values().collect())
    }

    /// A consistent query of what the import has under `kind`, from `line` on.
    pub(super) fn of_import(&self, id: ImportId, kind: &str, line: u64) -> QueryFluentBuilder {
        self.table
            .client()
            .query()
            .table_name(self.table.name())
            .key_condition_expression("PK = :import AND SK BETWEEN :first AND :last")
            .expression_attribute_values(":import", AttributeValue::S(partition(id)))
            .expression_attribute_values(":first", AttributeValue::S(format!("{kind}{line:010}")))
            // Sorts after every digit.
            .expression_attribute_values(":last", AttributeValue::S(format!("{kind}~")))
            .consistent_read(true)
    }
}

/// Where the causes of an import are kept.
fn causes_key(id: ImportId) -> Key {
    Key::new(partition(id), "C")
}

/// The line at which an item of row errors begins.
fn line_of(item: &Item) -> Option<u64> {
    item.get("SK")?.as_s().ok()?.split_once('#')?.1.parse().ok()
}

struct Chunk {
    line: u64,
    count: u64,
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
                chunk.count += row.len() as u64;
            }
            _ => chunks.push(Chunk {
                line: row[0].line,
                count: row.len() as u64,
                json: format!("[{elements}"),
            }),
        }
    }
    for chunk in &mut chunks {
        chunk.json.push(']');
    }
    Ok(chunks)
}
