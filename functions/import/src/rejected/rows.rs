//! Rejected rows one by one, as JSON.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::Error;
use shared::files::RejectedRows;
use shared::intake::Intake;
use shared::intake::record::{Import, Read};
use shared::intake::store::{FaultFilter, FaultPlace};
use shared::roster::{Code, ImportId, Member, Recorded};
use shared::sheet::{Rejected, RejectedNote, RejectedRow, RowError};
use utoipa::ToSchema;

use super::json_len;

/// The most rows of a page: what a person looks at before asking for more.
const MAX_ROWS: usize = 500;
/// The most bytes of a page, in the JSON that carries it. Lambda's answers end at 6 MB.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// How many pieces are looked through for a page: about 25 MB, which takes a second or two.
const MAX_PIECES: usize = 32;
/// How many row errors are read at once: those of a page, if its rows have few each.
const ERRORS_AT_ONCE: u64 = 1000;

/// Which rows a caller wants.
pub(super) struct Wanted {
    /// The first line.
    pub(super) line: u64,
    /// What they are rejected for.
    pub(super) filter: FaultFilter,
}

/// Some of the rejected rows, by line.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RejectedRowsPage {
    /// The names of the columns, which are those of the file.
    columns: Vec<String>,
    /// The rows.
    items: Vec<RejectedRowView>,
    /// What to send as `line` for the next page; null if there is none.
    next_line: Option<u64>,
}

/// A rejected row.
#[derive(Serialize, ToSchema)]
#[schema(as = RejectedRow)]
struct RejectedRowView {
    /// The line of the file on which it begins.
    line: u64,
    /// Its cells, one for each of the columns, as they are in the file; what was not valid in its encoding as it was most
    /// likely meant.
    cells: Vec<String>,
    /// What is wrong with it.
    faults: Vec<FaultView>,
}

/// One fault of a rejected row.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RejectedRowFault)]
struct FaultView {
    /// What the column at fault means; null if it means nothing, and for the row as a whole.
    #[schema(value_type = Option<Member>)]
    member: Option<&'static str>,
    /// The header cell of the column at fault; null for the row as a whole.
    column: Option<String>,
    /// The rule that was broken.
    #[schema(value_type = Code)]
    code: String,
    /// The offending value, at most 100 characters of it; null where single errors are not kept.
    value: Option<String>,
    /// One sentence. Where single errors are not kept, it may be that of all faults of the row.
    message: String,
    /// The value that the cell should most likely have; null if nobody knows.
    suggestion: Option<String>,
    /// For a repeated address: the line that has it first.
    first_line: Option<u64>,
}

/// Returns the page of the rows that are wanted.
pub(super) async fn page(
    app: &Intake,
    (import, read): (&Import, &Read),
    written: &Rejected<'_>,
    pieces: &[RejectedRows],
    wanted: &Wanted,
) -> Result<RejectedRowsPage, Error> {
    let mut page = RejectedRowsPage {
        columns: written.names().map(std::borrow::Cow::into_owned).collect(),
        items: Vec::new(),
        next_line: None,
    };
    let mut size = 0;
    // A piece has the rows up to the line at which the next one begins.
    let first = pieces.partition_point(|piece| piece.line <= wanted.line);
    let pieces = &pieces[first.saturating_sub(1)..];
    for (index, piece) in pieces.iter().enumerate() {
        if index == MAX_PIECES || page.items.len() == MAX_ROWS {
            page.next_line = Some(piece.line);
            return Ok(page);
        }
        let rows = app.uploads.rejected_piece(piece).await?;
        let rows = written.widened(rows.into(), piece.extra());
        let mut rows: Vec<_> = written
            .read(&rows)
            .filter(|row| row.line >= wanted.line)
            .collect();
        if !wanted.filter.narrows() {
            // One more than fits says where the next page begins.
            rows.truncate(MAX_ROWS - page.items.len() + 1);
        }
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            continue;
        };
        let mut faults = faults(app, import.id, (first.line, last.line)).await?;
        for row in rows {
            let line = row.line;
            let kept = faults.remove(&line).unwrap_or_default();
            let row = viewed(row, &kept, read);
            if !row.faults.iter().any(|fault| fault.is_of(&wanted.filter)) {
                continue;
            }
            let json = serde_json::to_vec(&row).map_err(|error| Error::internal("write a row", error))?;
            size += json_len(&json);
            let is_full = page.items.len() == MAX_ROWS || size > MAX_BYTES;
            if is_full && !page.items.is_empty() {
                page.next_line = Some(line);
                return Ok(page);
            }
            page.items.push(row);
        }
    }
    Ok(page)
}

/// The errors that are kept one by one of the rows from line to line, and perhaps of some more, by line.
async fn faults(
    app: &Intake,
    import: ImportId,
    (first, last): (u64, u64),
) -> Result<BTreeMap<u64, Vec<RowError>>, Error> {
    let mut by_line: BTreeMap<u64, Vec<RowError>> = BTreeMap::new();
    let filter = FaultFilter::default();
    let mut place = FaultPlace {
        errors: app.imports.place_of_line(import, first).await?,
        ..FaultPlace::default()
    };
    loop {
        let (faults, next) = app.imports.faults(import, &filter, place, ERRORS_AT_ONCE).await?;
        let is_last = (faults.len() as u64) < ERRORS_AT_ONCE
            || faults.last().is_some_and(|fault| RowError::line_of(fault) > last);
        for fault in faults {
            // Of what a later version wrote, the note beside the row is shown.
            if let Recorded::Known(fault) = fault {
                by_line.entry(fault.line).or_default().push(fault);
            }
        }
        if is_last {
            return Ok(by_line);
        }
        place = next;
    }
}

/// The row with its faults as they are kept, or else as they are noted beside it.
fn viewed(row: RejectedRow, kept: &[RowError], read: &Read) -> RejectedRowView {
    let faults = if kept.len() == row.notes.len() {
        kept.iter().map(FaultView::from).collect()
    } else {
        row.notes
            .into_iter()
            .map(|note| FaultView::of(note, read))
            .collect()
    };
    RejectedRowView {
        line: row.line,
        cells: row.cells,
        faults,
    }
}

impl FaultView {
    fn of(note: RejectedNote, read: &Read) -> Self {
        let RejectedNote {
            column,
            code,
            message,
            suggestion,
        } = note;
        let member = read.columns.members().find(|(_, name)| *name == column);
        Self {
            member: member.map(|(member, _)| member.name()),
            column: some(column),
            code,
            value: None,
            message,
            suggestion: some(suggestion),
            first_line: None,
        }
    }

    fn is_of(&self, filter: &FaultFilter) -> bool {
        filter
            .member
            .is_none_or(|member| self.member == Some(member.name()))
            && filter.code.is_none_or(|code| self.code == code.name())
    }
}

impl From<&RowError> for FaultView {
    fn from(error: &RowError) -> Self {
        Self {
            member: error.member.map(Member::name),
            column: error.column.clone(),
            code: error.code.name().to_owned(),
            value: error.value.clone(),
            message: error.message.clone(),
            suggestion: error.suggestion.clone(),
            first_line: error.first_line,
        }
    }
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
