//! Rejected rows as they were written, read back.

use super::{BETWEEN, Rejected, quoted_length, row_of, unescape};

/// A rejected row, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRow {
    /// The line of the file on which the row begins.
    pub line: u64,
    /// Its cells, as many as [`Rejected::names`].
    pub cells: Vec<String>,
    /// What is wrong with it, as it is noted beside the cells.
    pub notes: Vec<RejectedNote>,
}

/// One fault of a rejected row, as it is noted beside the cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedNote {
    /// The column at fault, as the file calls it; empty for the whole row, and where it cannot be told from others.
    pub column: String,
    /// The rule that was broken.
    pub code: String,
    /// What is wrong, in words. Where it is not known which message belongs to which fault, each has all of them.
    pub message: String,
    /// What the cell most likely means; empty if nobody knows, and where it cannot be told from others.
    pub suggestion: String,
}

impl Rejected<'_> {
    /// Reads rows that were written with these columns; see [`Rejected::widened`] for others.
    pub fn read<'r>(&'r self, rows: &'r [u8]) -> impl Iterator<Item = RejectedRow> + 'r {
        let mut rest = rows;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let fields;
            (fields, rest) = row_of(rest, self.dialect.delimiter.byte());
            let mut cells: Vec<_> = fields.into_iter().map(text).collect();
            let notes = cells.split_off((self.kept.len() + self.extra).min(cells.len()));
            let [line, columns, codes, messages, suggestions] = std::array::from_fn(|note| {
                let text: &str = notes.get(note).map_or("", String::as_str);
                text
            });
            Some(RejectedRow {
                line: line.parse().unwrap_or_default(),
                cells,
                notes: apart(columns, codes, messages, suggestions),
            })
        })
    }
}

/// The text of a field.
fn text(field: &[u8]) -> String {
    let quoted = quoted_length(field);
    let text = if quoted == field.len() && quoted > 1 {
        String::from_utf8_lossy(&field[1..quoted - 1]).replace("\"\"", "\"")
    } else {
        String::from_utf8_lossy(field).into_owned()
    };
    match unescape(&text) {
        same if same.len() == text.len() => text,
        cell => cell.to_owned(),
    }
}

/// The faults of a row. No code has a semicolon in it, so the codes say how many there are.
fn apart(columns: &str, codes: &str, messages: &str, suggestions: &str) -> Vec<RejectedNote> {
    let codes: Vec<_> = codes.split(BETWEEN).collect();
    let parts = |text: &str| {
        let parts: Vec<_> = text.split(BETWEEN).map(str::to_owned).collect();
        (parts.len() == codes.len()).then_some(parts)
    };
    let (columns, messages_apart, suggestions) = (parts(columns), parts(messages), parts(suggestions));
    let of = |parts: &Option<Vec<String>>, index: usize| parts.as_ref().map(|parts| parts[index].clone());
    let note = |(index, code): (usize, &&str)| RejectedNote {
        column: of(&columns, index).unwrap_or_default(),
        code: (*code).to_owned(),
        message: of(&messages_apart, index).unwrap_or_else(|| messages.to_owned()),
        suggestion: of(&suggestions, index).unwrap_or_default(),
    };
    codes.iter().enumerate().map(note).collect()
}
