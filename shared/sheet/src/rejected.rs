//! The rows that failed, as a file to be corrected and sent again.

mod read;

use std::borrow::Cow;

use super::encoding::readable;
use super::escape::{escape, is_run, unescape};
use super::quote::has_escaped_quote;
use super::{Cells, Columns, Dialect, Encoding};

pub use read::{RejectedNote, RejectedRow};

/// What is between the accounts of several faults of a row.
const BETWEEN: &str = "; ";
/// What the names of columns begin with that keep cells without a column; a number follows.
const SURPLUS: &str = "_extra";

/// Writes rejected rows as CSV in the columns, order and delimiter of the file they came from, each with
/// what is wrong with it in further columns. Cells that have no column are kept in columns before these.
///
/// The text is UTF-8 with a byte order mark, whatever the file was in, because that is what spreadsheets read without being
/// asked; bytes that are not valid become what they most likely mean. Cells that a spreadsheet would run are
/// [escaped](super::escape). All rows are of one length.
#[derive(Debug)]
pub struct Rejected<'a> {
    columns: &'a Columns,
    dialect: Dialect,
    /// The columns that are not an earlier round's account of what was wrong.
    kept: Vec<usize>,
    /// How many columns there are for cells that have none.
    extra: usize,
}

/// One fault of a rejected row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejectedFault<'a> {
    /// The column at fault, as the file calls it; empty for the whole row.
    pub column: &'a str,
    /// The rule that was broken.
    pub code: &'a str,
    /// What is wrong, in words.
    pub message: &'a str,
    /// What the cell most likely means; empty if nobody knows.
    pub suggestion: &'a str,
}

impl<'a> Rejected<'a> {
    /// The columns that say what is wrong. Their names begin with `_`, so they do no harm when the file
    /// is sent again.
    pub const COLUMNS: [&'static str; 5] = ["_line", "_column", "_code", "_message", "_suggestion"];

    /// Writes rows of the file that has these columns and is written like that, with `extra` columns for cells that have
    /// none.
    #[must_use]
    pub fn new(columns: &'a Columns, dialect: Dialect, extra: usize) -> Self {
        let is_ours = |name: &String| {
            is_surplus(name) || Self::COLUMNS.iter().any(|ours| name.eq_ignore_ascii_case(ours))
        };
        let kept = (0..columns.header().len())
            .filter(|&index| !is_ours(&columns.header()[index]))
            .collect();
        Self {
            columns,
            dialect,
            kept,
            extra,
        }
    }

    /// Returns how many columns the cells of a row need that have none.
    #[must_use]
    pub fn extra_of(columns: &Columns, cells: Cells<'_>) -> usize {
        let surplus: Vec<_> = surplus(columns, cells).collect();
        surplus
            .iter()
            .rposition(|index| !cells.is_blank(*index))
            .map_or(0, |last| last + 1)
    }

    /// Appends the header, with which the file begins, to `out`.
    pub fn header(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(Encoding::UTF_8.bom());
        let names = self.names().map(|name| Cow::Owned(escape(&name).into_owned()));
        let names = names.chain(Self::COLUMNS.map(Cow::Borrowed));
        self.write(names.map(|name| (name, false)), out);
    }

    /// Returns the names of the columns of the rows, without those that say what is wrong.
    pub fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let kept = self.kept.iter();
        let kept = kept.map(|&index| Cow::Borrowed(self.columns.header()[index].as_str()));
        kept.chain((1..=self.extra).map(|number| Cow::Owned(format!("{SURPLUS}{number}"))))
    }

    /// Appends the row that begins on `line` of the file to `out`, with all its faults.
    ///
    /// Without `cells`, when they could not be read, the row is empty but for the faults.
    pub fn row(&self, line: u64, cells: Option<Cells<'_>>, faults: &[RejectedFault<'_>], out: &mut Vec<u8>) {
        let cell = |index| cells.map_or((Cow::Borrowed(""), false), |cells| self.cell(cells, index));
        let joined = |part: for<'f> fn(&RejectedFault<'f>) -> &'f str| {
            let parts: Vec<_> = faults.iter().map(part).collect();
            let is_empty = parts.iter().all(|part| part.is_empty());
            let text = if is_empty {
                String::new()
            } else {
                parts.join(BETWEEN)
            };
            (Cow::Owned(escape(&text).into_owned()), false)
        };
        let notes = [
            (Cow::Owned(line.to_string()), false),
            joined(|fault| fault.column),
            joined(|fault| fault.code),
            joined(|fault| fault.message),
            joined(|fault| fault.suggestion),
        ];
        let surplus: Vec<_> = cells
            .into_iter()
            .flat_map(|cells| surplus(self.columns, cells))
            .collect();
        let extra = (0..self.extra).map(|number| match surplus.get(number) {
            Some(index) => cell(*index),
            None => (Cow::Borrowed(""), false),
        });
        self.write(self.kept.iter().copied().map(cell).chain(extra).chain(notes), out);
    }

    /// Returns rows that were written with `from` columns for cells that have none with as many as this has.
    ///
    /// Rows of an earlier version (`None`) have cells without a column behind all others, and no suggestion.
    #[must_use]
    pub fn widened(&self, rows: Vec<u8>, from: Option<usize>) -> Vec<u8> {
        if from == Some(self.extra) {
            return rows;
        }
        let delimiter = self.dialect.delimiter.byte();
        let notes = Self::COLUMNS.len();
        let mut out = Vec::with_capacity(rows.len());
        let mut rest = &rows[..];
        while !rest.is_empty() {
            let mut fields;
            (fields, rest) = row_of(rest, delimiter);
            let mut behind = fields.split_off(self.kept.len().min(fields.len()));
            let (mut extra, mut account) = if let Some(from) = from {
                let account = behind.split_off(from.min(behind.len()));
                (behind, account)
            } else {
                let extra = behind.split_off((notes - 1).min(behind.len()));
                (extra, behind)
            };
            extra.resize(self.extra.max(extra.len()), b"");
            account.resize(notes.max(account.len()), b"");
            fields.append(&mut extra);
            fields.append(&mut account);
            out.extend_from_slice(&fields.join(&delimiter));
            out.extend_from_slice(b"\r\n");
        }
        out
    }

    /// The text of a cell, and whether it is written without quotes of its own.
    ///
    /// A cell in which text follows the closing quote has to be at fault again unless it is corrected. It is if `\"` shows what
    /// happened; otherwise only as it was, which must be harmless in a spreadsheet.
    fn cell<'c>(&self, cells: Cells<'c>, index: usize) -> (Cow<'c, str>, bool) {
        let bytes = cells.bytes(index).unwrap_or_default();
        let text = readable(bytes, self.dialect.likely().encoding);
        let as_it_was = matches!(text, Cow::Borrowed(_))
            && cells.malformed().contains(&index)
            && !has_escaped_quote(bytes)
            && !is_run(text.trim_start_matches(|char: char| char == '"' || char.is_whitespace()));
        if as_it_was {
            return (text, true);
        }
        let text = match text {
            Cow::Borrowed(text) => escape(unescape(text)),
            Cow::Owned(text) => Cow::Owned(escape(unescape(&text)).into_owned()),
        };
        (text, false)
    }

    fn write<'c>(&self, cells: impl Iterator<Item = (Cow<'c, str>, bool)>, out: &mut Vec<u8>) {
        write_cells(cells, self.dialect.delimiter.byte(), out);
    }
}

/// Appends a row of CSV to `out`. Each cell comes with whether it is written without quotes of its own.
pub(super) fn write_cells<'c>(
    cells: impl Iterator<Item = (Cow<'c, str>, bool)>,
    delimiter: u8,
    out: &mut Vec<u8>,
) {
    for (index, (cell, as_it_is)) in cells.enumerate() {
        if index > 0 {
            out.push(delimiter);
        }
        let is_special = |byte: u8| byte == delimiter || matches!(byte, b'"' | b'\r' | b'\n');
        if as_it_is || !cell.bytes().any(is_special) {
            out.extend_from_slice(cell.as_bytes());
        } else {
            out.push(b'"');
            out.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
            out.push(b'"');
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Whether a column of that name keeps cells that have no column.
pub(super) fn is_surplus(name: &str) -> bool {
    let number = name
        .get(..SURPLUS.len())
        .filter(|begin| begin.eq_ignore_ascii_case(SURPLUS))
        .map(|_| &name[SURPLUS.len()..]);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The indices of the cells that have no column: those that an earlier round has kept, and those beyond the last column.
fn surplus(columns: &Columns, cells: Cells<'_>) -> impl Iterator<Item = usize> {
    let kept = columns.surplus().into_iter();
    kept.chain(columns.header().len()..cells.count())
}

/// The fields of the first of `rows`, as [`Rejected`] has written them, and the rows behind it.
fn row_of(rows: &[u8], delimiter: u8) -> (Vec<&[u8]>, &[u8]) {
    let mut fields = Vec::new();
    let mut rest = rows;
    loop {
        let end = field_length(rest, delimiter);
        fields.push(&rest[..end]);
        let ended = rest.get(end) != Some(&delimiter);
        rest = &rest[(end + 1).min(rest.len())..];
        if ended {
            return (fields, rest.strip_prefix(b"\n").unwrap_or(rest));
        }
    }
}

/// How long the field is with which `rows` begins, as [`Rejected`] has written them.
fn field_length(rows: &[u8], delimiter: u8) -> usize {
    let at = quoted_length(rows);
    let rest = &rows[at..];
    at + memchr::memchr3(delimiter, b'\r', b'\n', rest).unwrap_or(rest.len())
}

/// How long the quotes are, with what is within them, with which `field` begins; 0 if it begins with something else.
fn quoted_length(field: &[u8]) -> usize {
    let mut at = 0;
    if field.first() == Some(&b'"') {
        at = 1;
        while let Some(quote) = memchr::memchr(b'"', &field[at..]) {
            at += quote + 1;
            if field.get(at) != Some(&b'"') {
                break;
            }
            at += 1;
        }
    }
    at
}

#[cfg(test)]
mod tests;
