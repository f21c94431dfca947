//! Why a file is refused as a whole.

use std::fmt::{Display, Formatter, Result, Write};

use roster::Member;

use super::{Dialect, Encoding, Format, Likely, MAX_ROW, labels};

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
        "the columns {} and {} both mean {:?}; remove one of them, or leave one out with columns={{{key:?}: null}}",
        Name(.first), Name(.second), .member.name()
    )]
    RepeatedColumn {
        /// What they mean.
        member: Member,
        /// The name of one.
        first: String,
        /// The name of the other.
        second: String,
        /// What `columns` may call one of them.
        key: String,
    },
    /// The header has no column for the email.
    #[error("{}", no_email(.headers, *.more, .nearest.as_deref()))]
    NoEmail {
        /// The first of its columns.
        headers: Vec<String>,
        /// How many more there are.
        more: usize,
        /// The name of a column that is perhaps meant to be it.
        nearest: Option<String>,
    },
    /// The option `columns` names columns that the file has not.
    #[error("{}", unknown_keys(.keys, .headers, *.more))]
    UnknownKeys {
        /// What it names.
        keys: Vec<String>,
        /// The first of the columns that there are.
        headers: Vec<String>,
        /// How many more there are.
        more: usize,
    },
}

impl FileFault {
    /// How many columns a message lists.
    const LISTED: usize = 20;

    /// Returns the fault of two columns that mean one member.
    pub(super) fn repeated(member: Member, header: &[String], first: usize, second: usize) -> Self {
        let is_named_once = header.iter().filter(|name| **name == header[first]).count() == 1;
        let key = if is_named_once && header[first].chars().count() <= Name::MAX {
            header[first].clone()
        } else {
            format!("#{}", first + 1)
        };
        Self::RepeatedColumn {
            member,
            first: header[first].clone(),
            second: header[second].clone(),
            key,
        }
    }

    /// Returns the fault of a header without a column for the email.
    pub(super) fn no_email(header: &[String]) -> Self {
        let nearest = header
            .iter()
            .find(|name| labels::nearest(name) == Some(Member::Email));
        let (headers, more) = listed(header);
        Self::NoEmail {
            headers,
            more,
            nearest: nearest.cloned(),
        }
    }

    /// Returns the fault of keys that no column has.
    pub(super) fn unknown_keys(mut keys: Vec<String>, header: &[String]) -> Self {
        keys.truncate(Self::LISTED);
        let (headers, more) = listed(header);
        Self::UnknownKeys { keys, headers, more }
    }
}

/// Returns the first names of a header, and how many more there are.
fn listed(header: &[String]) -> (Vec<String>, usize) {
    let mut names = header.iter().filter(|name| !name.is_empty());
    let listed = names.by_ref().take(FileFault::LISTED).cloned().collect();
    (listed, names.count())
}

fn no_email(headers: &[String], more: usize, nearest: Option<&str>) -> String {
    const CURE: &str = "rename the column that holds the addresses, or say with columns which one it is";

    let question = nearest.map_or(String::new(), |name| format!(" (is it {}?)", Name(name)));
    let names = joined(headers.iter().map(|name| Name(name).to_string()), more);
    match (headers, more) {
        ([], 0) => format!("no column is named \"email\", and none has a name; {CURE}"),
        ([_], 0) => format!("no column is named \"email\"; {CURE}. The only column is {names}{question}"),
        _ => format!("no column is named \"email\"; {CURE}. The columns are {names}{question}"),
    }
}

fn unknown_keys(keys: &[String], headers: &[String], more: usize) -> String {
    let called = joined(keys.iter().map(|key| Name(key).to_string()), 0);
    let names = joined(headers.iter().map(|name| Name(name).to_string()), more);
    format!("columns names {called}, and no column is called so; the file has the columns {names}")
}

/// Returns names as a list in words, with the number of those that are left out.
fn joined(names: impl Iterator<Item = String>, more: usize) -> String {
    let mut names: Vec<_> = names.collect();
    if more > 0 {
        names.push(format!("{more} more"));
    }
    match names.pop() {
        None => String::new(),
        Some(only) if names.is_empty() => only,
        Some(last) => format!("{} and {last}", names.join(", ")),
    }
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
    /// Its name.
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

fn unknown(columns: &[UnknownColumn], more: usize) -> String {
    const CURE: &str = "Rename {it}, begin {its name} with \"_\", say with columns what {it means}, or send \
                        unknownColumns=ignore";

    let whole_names = columns
        .iter()
        .filter(|column| labels::is_whole_name(&column.name));
    let whole = whole_names.map(|column| Name(&column.name).to_string()).next();
    let split = whole.map_or(String::new(), |name| {
        format!(
            " {name} looks like a whole name: split it into \"firstName\" and \"lastName\", or say with columns which \
             of them it is."
        )
    });
    if let ([column], 0) = (columns, more) {
        let question = column.nearest.map_or(".".to_owned(), |member| {
            format!("; did you mean {:?}?", member.name())
        });
        let cure = CURE
            .replace("{its name}", "its name")
            .replace("{it means}", "it means")
            .replace("{it}", "it");
        return format!(
            "the column {} is not known{question}{split} {cure}",
            Name(&column.name)
        );
    }
    let names = columns.iter().map(|column| match column.nearest {
        Some(member) => format!("{} (did you mean {:?}?)", Name(&column.name), member.name()),
        None => Name(&column.name).to_string(),
    });
    let cure = CURE
        .replace("{its name}", "their names")
        .replace("{it means}", "they mean")
        .replace("{it}", "them");
    format!("the columns {} are not known.{split} {cure}", joined(names, more))
}
