//! The rows that failed, as a file to be corrected and sent again.

use std::borrow::Cow;

use super::escape::{escape, unescape};
use super::{Cells, Columns, Dialect, Encoding};

/// Writes rejected rows as CSV in the columns, order and delimiter of the file they came from, each with
/// what is wrong with it in four more columns.
///
/// The text is UTF-8, whatever the file was in, with a byte order mark if that had one; bytes that are
/// not valid become U+FFFD. Cells that a spreadsheet would run are [escaped](super::escape).
#[derive(Debug)]
pub struct Rejected<'a> {
    columns: &'a Columns,
    dialect: Dialect,
    /// The columns that are not an earlier round's account of what was wrong.
    kept: Vec<usize>,
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
}

impl<'a> Rejected<'a> {
    /// The columns that say what is wrong. Their names begin with `_`, so they do no harm when the file
    /// is sent again.
    pub const COLUMNS: [&'static str; 4] = ["_line", "_column", "_code", "_message"];

    /// Writes rows of the file that has these columns and is written like that.
    #[must_use]
    pub fn new(columns: &'a Columns, dialect: Dialect) -> Self {
        let is_ours = |name: &String| Self::COLUMNS.iter().any(|ours| name.eq_ignore_ascii_case(ours));
        let kept = (0..columns.header().len())
            .filter(|&index| !is_ours(&columns.header()[index]))
            .collect();
        Self {
            columns,
            dialect,
            kept,
        }
    }

    /// Appends the header, with which the file begins, to `out`.
    pub fn header(&self, out: &mut Vec<u8>) {
        if self.dialect.bom {
            out.extend_from_slice(Encoding::Utf8.bom());
        }
        let names = self
            .kept
            .iter()
            .map(|&index| self.columns.header()[index].as_str());
        self.write(names.chain(Self::COLUMNS).map(escape), out);
    }

    /// Appends the row that begins on `line` of the file to `out`, with all its faults.
    ///
    /// Without `cells`, when they could not be read, the row is empty but for the faults. Cells beyond
    /// the last column come after the faults, so that nothing is lost.
    pub fn row(&self, line: u64, cells: Option<Cells<'_>>, faults: &[RejectedFault<'_>], out: &mut Vec<u8>) {
        let cell = |index| {
            let bytes = cells.and_then(|cells| cells.bytes(index)).unwrap_or_default();
            match String::from_utf8_lossy(bytes) {
                Cow::Borrowed(text) => escape(unescape(text)),
                Cow::Owned(text) => Cow::Owned(escape(unescape(&text)).into_owned()),
            }
        };
        let joined = |part: for<'f> fn(&RejectedFault<'f>) -> &'f str| {
            let parts: Vec<_> = faults.iter().map(part).collect();
            Cow::Owned(escape(&parts.join("; ")).into_owned())
        };
        let account = [
            Cow::Owned(line.to_string()),
            joined(|fault| fault.column),
            joined(|fault| fault.code),
            joined(|fault| fault.message),
        ];
        let surplus = self.columns.header().len()..cells.map_or(0, |cells| cells.count());
        let row = self.kept.iter().copied().map(cell).chain(account);
        self.write(row.chain(surplus.map(cell)), out);
    }

    fn write<'c>(&self, cells: impl Iterator<Item = Cow<'c, str>>, out: &mut Vec<u8>) {
        const VEC: &str = "a Vec takes all that is written to it";

        let mut writer = csv::WriterBuilder::new()
            .delimiter(self.dialect.delimiter.byte())
            .terminator(csv::Terminator::CRLF)
            .from_writer(out);
        for cell in cells {
            writer.write_field(cell.as_bytes()).expect(VEC);
        }
        writer.write_record(None::<&[u8]>).expect(VEC);
        writer.flush().expect(VEC);
    }
}

#[cfg(test)]
mod tests;
