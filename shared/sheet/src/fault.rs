//! Why a file is refused as a whole.

use std::fmt::{Display, Formatter, Result, Write};

use roster::Member;

use super::MAX_ROW;

/// Why a file is refused as a whole. The texts are for whoever made the file and say what to do; they
/// are short, however long the header is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// There is no header, nor anything else.
    #[error("the file is empty; its first line must name the columns")]
    Empty,
    /// It is a spreadsheet's own format.
    #[error("the file is a workbook, not CSV; save it as \"CSV UTF-8\" and send that")]
    Workbook,
    /// It is not text, or in an encoding that cannot be known.
    #[error(
        "the header has NUL bytes, as UTF-16 without a byte order mark has; save the file as UTF-8 and send \
         it again"
    )]
    Nul,
    /// The header is longer than a row may be.
    #[error("the header is longer than {} KiB; leave out the columns that are not needed", MAX_ROW / 1024)]
    HeaderTooLarge,
    /// The header has a quote that the file never closes.
    #[error("a quote on line {line} is never closed; close it or remove it")]
    HeaderUnclosedQuote {
        /// The line on which the cell with that quote begins.
        line: u64,
    },
    /// A cell of the header is not valid in the encoding of the file.
    #[error("the name of column {column} is not valid UTF-8; save the file as UTF-8 and send it again")]
    HeaderNotUtf8 {
        /// Which, counted from 1.
        column: usize,
    },
    /// The header has columns that mean nothing to the service.
    #[error("{}", unknown(.columns, *.more))]
    UnknownColumns {
        /// The first of them.
        columns: Vec<UnknownColumn>,
        /// How many more there are.
        more: usize,
    },
    /// The header has columns that mean the same member.
    #[error(
        "the columns {} and {} both mean {:?}; remove one of them or begin its name with \"_\"",
        Name(.first), Name(.second), .member.name()
    )]
    RepeatedColumn {
        /// What they mean.
        member: Member,
        /// The name of one.
        first: String,
        /// The name of the other.
        second: String,
    },
    /// The header has no column for the email.
    #[error("no column is named \"email\"; name the column that has the addresses so")]
    NoEmail,
}

/// A column that means nothing to the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownColumn {
    /// Which one, counted from 1.
    pub column: usize,
    /// Its name; may be empty.
    pub name: String,
    /// What it was perhaps meant to be.
    pub nearest: Option<Member>,
}

/// The name of a column as messages show it: quoted, at most [`Name::MAX`] characters of it.
struct Name<'a>(&'a str);

impl Name<'_> {
    const MAX: usize = 40;
}

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_char('"')?;
        let mut chars = self.0.chars();
        for char in chars.by_ref().take(Self::MAX) {
            f.write_char(if char.is_control() { ' ' } else { char })?;
        }
        f.write_str(if chars.next().is_some() { "…\"" } else { "\"" })
    }
}

impl Display for UnknownColumn {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.name.is_empty() {
            write!(f, "number {}, which has no name", self.column)
        } else {
            Name(&self.name).fmt(f)
        }
    }
}

fn unknown(columns: &[UnknownColumn], more: usize) -> String {
    if let ([column], 0) = (columns, more) {
        let question = column.nearest.map_or(String::new(), |member| {
            format!("; did you mean {:?}?", member.name())
        });
        let stop = if question.is_empty() { "." } else { "" };
        return format!(
            "the column {column} is not known{question}{stop} Rename it, begin its name with \"_\" or send \
             unknownColumns=ignore"
        );
    }
    let mut names: Vec<String> = columns
        .iter()
        .map(|column| match column.nearest {
            Some(member) => format!("{column} (did you mean {:?}?)", member.name()),
            None => column.to_string(),
        })
        .collect();
    if more > 0 {
        names.push(format!("{more} more"));
    }
    let last = names.pop().unwrap_or_default();
    format!(
        "the columns {} and {last} are not known. Rename them, begin their names with \"_\" or send \
         unknownColumns=ignore",
        names.join(", ")
    )
}
