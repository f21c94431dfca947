//! Why a file is refused as a whole.

use std::fmt::{Display, Formatter, Result, Write};

use roster::Member;

use super::{Dialect, Encoding, Format, Likely, MAX_ROW};

/// Why a file is refused as a whole. The texts are for whoever made the file and say what to do; they
/// are short, however long the header is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// There is no header, nor anything else.
    #[error("the file is empty; its first line must name the columns")]
    Empty,
    /// It is in another format.
    #[error("the file is {0}")]
    Format(Format),
    /// It is UTF-16, and nothing says so.
    #[error(
        "the file looks like UTF-16 without a byte order mark; save it as \"CSV UTF-8\" and send that, or send \
         encoding={0}"
    )]
    Utf16(&'static str),
    /// It is UTF-32.
    #[error("the file is UTF-32, which is not read; save it as \"CSV UTF-8\" and send that")]
    Utf32,
    /// It is not text.
    #[error("the first line has NUL bytes, so the file is not text; save it as \"CSV UTF-8\" and send that")]
    Nul,
    /// It has no header, and more than one column.
    #[error(
        "the first line looks like data: it has an address in place of the names of the columns. Put a line with the \
         names above it, such as \"email,firstName,lastName\", or send header=absent and columns, such as \
         [\"email\",\"firstName\",\"lastName\"]"
    )]
    LooksLikeData,
    /// It is sent as a file without a header, and nothing says what its columns mean.
    #[error(
        "the file has {columns} columns and no header; send columns as well, with what each of them means, such as \
         [\"email\",\"firstName\",null]"
    )]
    ColumnsMissing {
        /// How many columns it has.
        columns: usize,
    },
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
    #[error(
        "the name of column {column} is not valid in the encoding of the file; save the file as \"CSV UTF-8\" and send that"
    )]
    HeaderNotUtf8 {
        /// Which, counted from 1.
        column: usize,
    },
    /// A cell of the header is not valid UTF-8, and it is known what it most likely is.
    #[error(
        "the name of column {column} is not valid UTF-8; the file looks like {0}: save it as \"CSV UTF-8\" and send \
         that, or send encoding={0}", .likely.encoding.name()
    )]
    HeaderEncoding {
        /// Which, counted from 1.
        column: usize,
        /// What it most likely is.
        likely: Likely,
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

impl FileFault {
    /// Returns the fault of a header that is written in `dialect`.
    #[must_use]
    pub fn in_dialect(self, dialect: Dialect) -> Self {
        match self {
            Self::HeaderNotUtf8 { column } if dialect.encoding == Encoding::UTF_8 => Self::HeaderEncoding {
                column,
                likely: dialect.likely(),
            },
            fault => fault,
        }
    }
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
