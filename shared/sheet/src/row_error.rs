//! One error or warning about one row.

use std::fmt::Write;

use roster::{Code, Email, Member, Recorded, Severity, Violation};
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use utoipa::ToSchema;

use super::{QuotedLines, RowLines};

/// An error or a warning about one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RowError {
    /// The line of the file on which the row begins; the header's is 1. Accounts that are in no row, of an import that is
    /// taken back, have numbers from that of the last row on.
    pub line: u64,
    /// The line of the file on which the row ends, if that is a later one.
    #[serde(default)]
    pub last_line: Option<u64>,
    /// The number of the data row, from 1; 0 for an account that is in no row.
    pub row: u64,
    /// What the column at fault means; null if it means nothing, and for the row as a whole.
    #[serde(default)]
    pub member: Option<Member>,
    /// The header cell of the column at fault; nothing for the row as a whole.
    pub column: Option<String>,
    /// The rule that was broken.
    pub code: Code,
    /// Whether the row was refused for this; one with warnings only is imported.
    #[serde(default)]
    pub severity: Severity,
    /// The offending value, at most 100 characters of it.
    pub value: Option<String>,
    /// One sentence: `email "ada@" is not an email address`.
    pub message: String,
    /// The value that the cell should most likely have, with all its mistakes mended; empty if it should
    /// have none, null if nobody knows.
    #[serde(default)]
    pub suggestion: Option<String>,
    /// For a repeated address: the line that has it first.
    pub first_line: Option<u64>,
}

impl RowError {
    /// Returns `violation` as the fault of a row. `column` is the header cell of the column at fault, by
    /// which the message names it.
    #[must_use]
    pub fn new(line: u64, row: u64, column: Option<&str>, violation: Violation) -> Self {
        let column = column.map(Violation::shown);
        let message = violation.message_about(column.unwrap_or_default());
        let Violation {
            place,
            code,
            value,
            suggestion,
            ..
        } = violation;
        Self {
            line,
            last_line: None,
            row,
            member: place.member(),
            column: column.filter(|column| !column.is_empty()).map(str::to_owned),
            code,
            severity: code.severity(),
            value,
            message,
            suggestion,
            first_line: None,
        }
    }

    /// Returns the fault of a row whose address already appears on line `first` of the file. `column` is the header cell of
    /// the addresses.
    #[must_use]
    pub fn repeated(line: u64, row: u64, column: Option<&str>, email: &Email, first: u64) -> Self {
        let detail = format!("already appears on line {first}");
        let violation = Violation::new(Member::Email, Code::DuplicateInFile, detail).of_value(email.as_str());
        Self {
            first_line: Some(first),
            ..Self::new(line, row, column, violation)
        }
    }

    /// Returns the same fault of a row that ends like that. If a quoted cell makes it run over lines, the message says
    /// so, because a quote that is closed by chance makes one row of several.
    #[must_use]
    pub fn ending(mut self, lines: RowLines) -> Self {
        self.last_line = lines.last;
        if let Some(QuotedLines { opens, closes }) = lines.quoted {
            let (first, last) = (self.line, lines.last.unwrap_or(self.line));
            // Writing to a string cannot fail.
            let _ = write!(
                self.message,
                "; the quote that opens on line {opens} closes on line {closes}; lines {first} to {last} were read as one \
                 row"
            );
        }
        self
    }

    /// Returns the sentence of a stored error, also of one that a later version wrote.
    #[must_use]
    pub fn sentence_of(stored: &Recorded<Self>) -> String {
        match stored {
            Recorded::Known(error) => error.sentence(),
            Recorded::Later(error) => {
                let message = error["message"].as_str().unwrap_or_default();
                format!("line {}: {message}", error["line"])
            }
        }
    }

    /// Returns the line of a stored error, also of one that a later version wrote.
    #[must_use]
    pub fn line_of(stored: &Recorded<Self>) -> u64 {
        match stored {
            Recorded::Known(error) => error.line,
            Recorded::Later(error) => error["line"].as_u64().unwrap_or_default(),
        }
    }

    /// The documented one-line form: `line 7: email "ada@" is not an email address`. That of an account that is in no row
    /// has no line.
    #[must_use]
    pub fn sentence(&self) -> String {
        if self.row == 0 {
            return self.message.clone();
        }
        format!("line {}: {}", self.line, self.message)
    }
}
