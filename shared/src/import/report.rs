//! An import as callers see it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::import::UnknownColumns;
use crate::models::import::{Counts, Import, ImportOptions, Mode, Read, RowError, Status, Via};
use crate::models::{ImportId, Roles, Timestamp, UserId};

/// How many row errors an import repeats; `/errors` has all.
pub const MAX_ROW_ERRORS: u64 = 1000;

/// The import resource.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportView {
    id: ImportId,
    status: Status,
    success: Option<bool>,
    message: String,
    errors: Option<Vec<String>>,
    row_errors: Option<Vec<RowError>>,
    mode: Mode,
    ignore_duplicates: bool,
    default_roles: Roles,
    unknown_columns: UnknownColumns,
    file_name: Option<String>,
    bytes: Option<u64>,
    sha256: Option<String>,
    via: Via,
    key: String,
    created_by: Option<UserId>,
    read: Option<ReadView>,
    counts: CountsView,
    progress: Progress,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    expires_at: Timestamp,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ReadView {
    encoding: &'static str,
    delimiter: char,
    bom: bool,
    columns: BTreeMap<&'static str, String>,
    ignored_columns: Vec<String>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct CountsView {
    rows: u64,
    created: u64,
    updated: u64,
    skipped: u64,
    failed: u64,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    bytes_read: u64,
    percent: Option<u64>,
    rows_per_second: Option<u64>,
    seconds_left: Option<u64>,
}

impl ImportView {
    /// `import` as it stands at `now`. `row_errors` are the first of them; a listing leaves them out.
    #[must_use]
    pub fn new(import: Import, row_errors: Option<Vec<RowError>>, now: Timestamp) -> Self {
        let progress = progress(&import, now);
        let status = import.status_at(now);
        let success = import.success();
        let message = import.message_at(now);
        let Import {
            id,
            status: _,
            options:
                ImportOptions {
                    mode,
                    ignore_duplicates,
                    default_roles,
                    unknown_columns,
                },
            file_name,
            bytes,
            sha256,
            via,
            created_by,
            object,
            read,
            counts,
            errors: _,
            position: _,
            lease: _,
            cancel: _,
            fault: _,
            created_at,
            started_at,
            finished_at,
            expires_at,
        } = import;
        let Counts {
            created,
            updated,
            skipped,
            failed,
        } = counts;
        Self {
            id,
            status,
            success,
            message,
            errors: row_errors
                .as_ref()
                .map(|errors| errors.iter().map(RowError::sentence).collect()),
            row_errors,
            mode,
            ignore_duplicates,
            default_roles,
            unknown_columns,
            file_name,
            bytes,
            sha256,
            via,
            key: object.key,
            created_by,
            read: read.as_ref().map(ReadView::from),
            counts: CountsView {
                rows: counts.rows(),
                created,
                updated,
                skipped,
                failed,
            },
            progress,
            created_at,
            started_at,
            finished_at,
            expires_at,
        }
    }
}

impl ImportView {
    /// The same, for a caller who has sent the file of this finished import once more.
    #[must_use]
    pub fn sent_again(mut self) -> Self {
        self.message = format!(
            "This file was imported already, less than 24 hours ago, and was not imported again; send \
             force=true to do so. {}",
            self.message
        );
        self
    }
}

impl From<&Read> for ReadView {
    fn from(read: &Read) -> Self {
        let Read { dialect, columns } = read;
        Self {
            encoding: dialect.encoding.name(),
            delimiter: dialect.delimiter.byte().into(),
            bom: dialect.bom,
            columns: columns
                .members()
                .map(|(member, name)| (member.name(), name.to_owned()))
                .collect(),
            ignored_columns: columns.ignored().map(str::to_owned).collect(),
        }
    }
}

/// How far it is and how fast, from the rows done since the first run began.
fn progress(import: &Import, now: Timestamp) -> Progress {
    let bytes_read = import.position.offset;
    let percent = import.bytes.map(|bytes| match bytes {
        0 => 100,
        bytes => (bytes_read * 100 / bytes).min(100),
    });
    let millis = import.started_at.map(|started| {
        let until = import.finished_at.unwrap_or(now);
        u64::try_from(until.since(started).as_millis())
            .unwrap_or(u64::MAX)
            .max(1)
    });
    let running = import.status_at(now) == Status::Running;
    Progress {
        bytes_read,
        percent,
        rows_per_second: millis.map(|millis| import.counts.rows() * 1000 / millis),
        seconds_left: match (import.bytes, millis) {
            (Some(bytes), Some(millis)) if running && bytes_read > 0 => {
                let left = u128::from(bytes.saturating_sub(bytes_read));
                u64::try_from(left * u128::from(millis) / u128::from(bytes_read) / 1000).ok()
            }
            _ => None,
        },
    }
}
