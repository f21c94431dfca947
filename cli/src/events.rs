//! What `--json` and `--format json` write: one event a line. The schema of the events is `cli/events.schema.json`.

use std::collections::BTreeMap;

use roster::Severity;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sheet::{Cause, Columns, Dialect, RowError};
use utoipa::{PartialSchema, ToSchema};

use crate::pass::Counts;

/// How many values of a cause are shown: as many as the service shows.
const SHOWN_VALUES: usize = 20;

/// One event. Members are added; none changes its meaning, and none is taken away.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "event", rename_all = "camelCase")]
pub(crate) enum Event<'a> {
    /// A file was opened, and it is known how it is read.
    File(FileEvent<'a>),
    /// A row has an error or a warning.
    Fault(FaultEvent<'a>),
    /// Errors and warnings of many rows have one cause.
    Cause(CauseEvent<'a>),
    /// A file was checked to its end.
    Checked(CheckedEvent<'a>),
    /// A file is refused as a whole.
    Refused(RefusedEvent<'a>),
    /// An import exists.
    Started(StartedEvent<'a>),
    /// An import has come further.
    Progress(ProgressEvent<'a>),
    /// An import has ended.
    Finished(FinishedEvent<'a>),
}

/// How a file is read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FileEvent<'a> {
    /// The file as it was named.
    file: &'a str,
    /// Its encoding.
    encoding: &'a str,
    /// What separates its cells.
    delimiter: char,
    /// The header cell of each member that has a column.
    columns: BTreeMap<&'a str, &'a str>,
    /// The columns that are left out.
    ignored_columns: Vec<&'a str>,
    /// The lines above the header that are neither blank nor read.
    skipped_lines: &'a [u64],
}

impl<'a> FileEvent<'a> {
    pub(crate) fn new(
        file: &'a str,
        dialect: Dialect,
        columns: &'a Columns,
        skipped_lines: &'a [u64],
    ) -> Self {
        Self {
            file,
            encoding: dialect.encoding.name(),
            delimiter: char::from(dialect.delimiter.byte()),
            columns: columns
                .members()
                .map(|(member, name)| (member.name(), name))
                .collect(),
            ignored_columns: columns.ignored().collect(),
            skipped_lines,
        }
    }
}

/// An error or a warning of a row.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FaultEvent<'a> {
    /// The file as it was named.
    pub(crate) file: &'a str,
    #[serde(flatten)]
    pub(crate) fault: &'a RowError,
}

/// What errors of many rows have in common.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CauseEvent<'a> {
    /// The file as it was named.
    file: &'a str,
    /// What the column at fault means; null if it means nothing.
    member: Option<&'a str>,
    /// The header cell of the column at fault; null for the row as a whole.
    column: Option<&'a str>,
    /// The rule that was broken.
    code: &'a str,
    /// Whether the rows are refused for this.
    severity: Severity,
    /// How many rows have it.
    rows: u64,
    /// The line of the first of them.
    first_line: u64,
    /// The most frequent offending values, up to 20.
    values: Vec<ValueEvent<'a>>,
    /// How many rows have other values.
    others: u64,
    /// The message of the first of the errors.
    message: &'a str,
}

/// An offending value.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ValueEvent<'a> {
    /// The value, at most 100 characters of it.
    value: &'a str,
    /// How many rows have it.
    rows: u64,
    /// The value that was most likely meant.
    suggestion: Option<&'a str>,
}

impl<'a> CauseEvent<'a> {
    pub(crate) fn new(file: &'a str, cause: &'a Cause) -> Self {
        let values = cause.by_frequency();
        let (shown, hidden) = values.split_at(values.len().min(SHOWN_VALUES));
        let hidden: u64 = hidden.iter().map(|(_, counted)| counted.rows).sum();
        Self {
            file,
            member: cause.member.as_deref(),
            column: cause.column.as_deref(),
            code: &cause.code,
            severity: cause.severity,
            rows: cause.rows,
            first_line: cause.first_line,
            values: shown
                .iter()
                .map(|(value, counted)| ValueEvent {
                    value,
                    rows: counted.rows,
                    suggestion: counted.suggestion.as_deref(),
                })
                .collect(),
            others: cause.others + hidden,
            message: &cause.message,
        }
    }
}

/// What was found in a file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckedEvent<'a> {
    /// The file as it was named.
    file: &'a str,
    /// How many rows it has, without its header.
    rows: u64,
    /// How many rows have no error.
    good: u64,
    /// How many rows have an error.
    failed: u64,
    /// How many rows have a warning, whether or not they have an error.
    warnings: u64,
    /// Where the rows with errors were written; null if they were not.
    rejected: Option<&'a str>,
    /// Where the file with its suggestions was written; null if it was not.
    fixed: Option<&'a str>,
}

impl<'a> CheckedEvent<'a> {
    pub(crate) fn new(
        file: &'a str,
        counts: Counts,
        rejected: Option<&'a str>,
        fixed: Option<&'a str>,
    ) -> Self {
        Self {
            file,
            rows: counts.rows,
            good: counts.good(),
            failed: counts.failed,
            warnings: counts.warned,
            rejected,
            fixed,
        }
    }
}

/// Why a file is refused as a whole.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefusedEvent<'a> {
    /// The file as it was named.
    pub(crate) file: &'a str,
    /// The reason, and what to do.
    pub(crate) message: &'a str,
}

/// An import that exists.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StartedEvent<'a> {
    /// The file as it was named.
    file: &'a str,
    /// The import.
    id: &'a str,
}

impl<'a> StartedEvent<'a> {
    pub(crate) fn new(file: &'a str, import: &'a Value) -> Self {
        let id = import["id"].as_str().unwrap_or_default();
        Self { file, id }
    }
}

/// How far an import has come.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProgressEvent<'a> {
    /// The file as it was named.
    file: &'a str,
    /// The import.
    id: &'a str,
    /// Its state, as the service says it.
    status: &'a str,
    /// How much of the file is done, in hundredths.
    percent: Option<u64>,
    /// What became of its rows until now.
    counts: CountsEvent,
}

impl<'a> ProgressEvent<'a> {
    pub(crate) fn new(file: &'a str, import: &'a Value) -> Self {
        Self {
            file,
            id: import["id"].as_str().unwrap_or_default(),
            status: import["status"].as_str().unwrap_or_default(),
            percent: import["progress"]["percent"].as_u64(),
            counts: CountsEvent::of(import),
        }
    }
}

/// What became of an import.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FinishedEvent<'a> {
    /// The file as it was named.
    file: &'a str,
    /// The import.
    id: &'a str,
    /// `completed`, `failed` or `cancelled`.
    status: &'a str,
    /// Whether it completed and no row failed.
    success: Option<bool>,
    /// Whether it wrote no user, and the counts say what an import would do.
    dry_run: bool,
    /// One sentence with the counts.
    message: &'a str,
    /// What became of its rows.
    counts: CountsEvent,
    /// Where its rejected rows were written; null if they were not.
    rejected: Option<&'a str>,
}

impl<'a> FinishedEvent<'a> {
    pub(crate) fn new(file: &'a str, import: &'a Value, rejected: Option<&'a str>) -> Self {
        Self {
            file,
            id: import["id"].as_str().unwrap_or_default(),
            status: import["status"].as_str().unwrap_or_default(),
            success: import["success"].as_bool(),
            dry_run: import["dryRun"].as_bool().unwrap_or_default(),
            message: import["message"].as_str().unwrap_or_default(),
            counts: CountsEvent::of(import),
            rejected,
        }
    }
}

/// What became of the rows of an import, or would, if it is a dry run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CountsEvent {
    /// All that were read.
    rows: u64,
    /// Those that made an account.
    created: u64,
    /// Those that changed one.
    updated: u64,
    /// Those whose account had every value already.
    unchanged: u64,
    /// Those whose account was deleted, because their import was taken back.
    deleted: u64,
    /// Those whose address had an account and was skipped.
    skipped: u64,
    /// Those that have an error.
    failed: u64,
    /// Those that have a warning, whatever became of them.
    warnings: u64,
    /// Accounts that are in no row and were disabled.
    disabled: u64,
}

impl CountsEvent {
    fn of(import: &Value) -> Self {
        let count = |name: &str| import["counts"][name].as_u64().unwrap_or_default();
        Self {
            rows: count("rows"),
            created: count("created"),
            updated: count("updated"),
            unchanged: count("unchanged"),
            deleted: count("deleted"),
            skipped: count("skipped"),
            failed: count("failed"),
            warnings: count("warnings"),
            disabled: count("disabled"),
        }
    }
}

impl Event<'_> {
    /// Returns the event as a line.
    pub(crate) fn to_line(&self) -> String {
        // Only maps with keys that are not text, and numbers that are none, could fail.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }
}

/// Returns the JSON Schema of an event.
pub(crate) fn schema() -> Value {
    let mut named = Vec::new();
    <Event<'_> as ToSchema>::schemas(&mut named);
    let named: Map<_, _> = named
        .into_iter()
        .map(|(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default()))
        .collect();
    let mut schema = serde_json::to_value(<Event<'_> as PartialSchema>::schema()).unwrap_or_default();
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["components"] = json!({ "schemas": named });
    schema
}
