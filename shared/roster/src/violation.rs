//! One fault of one member, in words for whoever gave it.

use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use utoipa::ToSchema;

use super::Member;

/// What kind of rule a value broke. The wire names are stable: clients may branch on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", schema(as = ErrorCode))]
pub enum Code {
    /// A value is missing.
    Required,
    /// The value is not of the form it must have.
    InvalidFormat,
    /// The value is longer than allowed.
    TooLong,
    /// There is no such role.
    UnknownRole,
    /// The role exists, and a new account cannot have it.
    NotAssignable,
    /// The caller may not give the role.
    ForbiddenRole,
    /// An earlier row of the file made an account with the address.
    DuplicateInFile,
    /// An account or contact with the address exists.
    AlreadyExists,
    /// The account was changed, made or deleted since the dry run that is applied or the import that is taken back.
    ChangedSince,
    /// The row has more or fewer cells than the header.
    ColumnCount,
    /// A column that has no name has a value in the row.
    UnnamedColumn,
    /// Text follows the closing quote of a cell.
    MalformedQuote,
    /// Bytes that are not valid in the file's encoding.
    NotUtf8,
    /// A quoted cell that the file never closes.
    UnclosedQuote,
    /// The row is longer than the service reads.
    RowTooLarge,
    /// The body has a member that the request does not take.
    UnknownMember,
    /// The member cannot be changed, or not by this caller.
    ReadOnly,
    /// A number or a count beyond its limits.
    OutOfRange,
    /// The same member, parameter or element twice.
    Repeated,
    /// The row has more errors than are listed.
    TooManyFaults,
    /// A warning: text that was probably decoded in the wrong encoding.
    LooksGarbled,
    /// A warning: a word that programs write where there is no value.
    LooksEmpty,
    /// A warning: HTML entities, which were probably not meant literally.
    LooksEscaped,
}

/// Whether a fault refuses a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// The row is not imported.
    #[default]
    Error,
    /// The row is imported as it is, unless it has errors as well.
    Warning,
}

impl Code {
    /// Returns whether a row with that fault is imported nonetheless.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::LooksGarbled | Self::LooksEmpty | Self::LooksEscaped => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// The codes that errors and warnings of rows have.
    pub const OF_ROWS: [Self; 19] = [
        Self::Required,
        Self::InvalidFormat,
        Self::TooLong,
        Self::UnknownRole,
        Self::NotAssignable,
        Self::ForbiddenRole,
        Self::DuplicateInFile,
        Self::AlreadyExists,
        Self::ChangedSince,
        Self::ColumnCount,
        Self::UnnamedColumn,
        Self::MalformedQuote,
        Self::NotUtf8,
        Self::UnclosedQuote,
        Self::RowTooLarge,
        Self::TooManyFaults,
        Self::LooksGarbled,
        Self::LooksEmpty,
        Self::LooksEscaped,
    ];

    /// [`Code::OF_ROWS`], each after its name.
    pub const OF_ROWS_BY_NAME: [(&'static str, Self); Self::OF_ROWS.len()] = {
        let mut named = [("", Self::Required); Self::OF_ROWS.len()];
        let mut index = 0;
        while index < named.len() {
            named[index] = (Self::OF_ROWS[index].name(), Self::OF_ROWS[index]);
            index += 1;
        }
        named
    };

    /// The code's name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::InvalidFormat => "invalid_format",
            Self::TooLong => "too_long",
            Self::UnknownRole => "unknown_role",
            Self::NotAssignable => "not_assignable",
            Self::ForbiddenRole => "forbidden_role",
            Self::DuplicateInFile => "duplicate_in_file",
            Self::AlreadyExists => "already_exists",
            Self::ChangedSince => "changed_since",
            Self::ColumnCount => "column_count",
            Self::UnnamedColumn => "unnamed_column",
            Self::MalformedQuote => "malformed_quote",
            Self::NotUtf8 => "not_utf8",
            Self::UnclosedQuote => "unclosed_quote",
            Self::RowTooLarge => "row_too_large",
            Self::UnknownMember => "unknown_member",
            Self::ReadOnly => "read_only",
            Self::OutOfRange => "out_of_range",
            Self::Repeated => "repeated",
            Self::TooManyFaults => "too_many_faults",
            Self::LooksGarbled => "looks_garbled",
            Self::LooksEmpty => "looks_empty",
            Self::LooksEscaped => "looks_escaped",
        }
    }
}

/// The part of a body, a request or a row that has a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The whole of it.
    Whole,
    /// A member of an account or a contact.
    Member(Member),
    /// Anything else: a path below the body such as `contacts/3/email`, a parameter or a part.
    Path(String),
}

impl Place {
    /// Returns the place as a path below the body, which is empty for the whole.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Whole => "",
            Self::Member(member) => member.name(),
            Self::Path(path) => path,
        }
    }

    /// Returns the member of an account or a contact that the place is.
    #[must_use]
    pub fn member(&self) -> Option<Member> {
        match self {
            Self::Member(member) => Some(*member),
            Self::Whole | Self::Path(_) => None,
        }
    }
}

impl From<Member> for Place {
    fn from(member: Member) -> Self {
        Self::Member(member)
    }
}

impl From<String> for Place {
    fn from(path: String) -> Self {
        if path.is_empty() {
            Self::Whole
        } else {
            Self::Path(path)
        }
    }
}

impl From<&str> for Place {
    fn from(path: &str) -> Self {
        path.to_owned().into()
    }
}

/// A fault of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The part at fault.
    pub place: Place,
    /// The rule it broke.
    pub code: Code,
    /// A predicate that continues the member's name: "is not an email address".
    pub detail: String,
    /// The offending value, at most [`Violation::MAX_VALUE`] characters of it.
    pub value: Option<String>,
    /// The value that the sender most likely meant, as it would have to be written; empty if there
    /// should be none. `None` if nobody knows.
    pub suggestion: Option<String>,
}

impl Violation {
    /// How many characters of an offending value are repeated to the caller.
    pub const MAX_VALUE: usize = 100;

    /// A fault of `place`, with no value to show.
    pub fn new(place: impl Into<Place>, code: Code, detail: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            code,
            detail: detail.into(),
            value: None,
            suggestion: None,
        }
    }

    /// The same fault, showing at most [`Violation::MAX_VALUE`] characters of `value`.
    #[must_use]
    pub fn of_value(mut self, value: &str) -> Self {
        self.value = Some(Self::shown(value).to_owned());
        self
    }

    /// The same fault, with the value that the sender most likely meant.
    #[must_use]
    pub fn suggesting(mut self, suggestion: Option<String>) -> Self {
        self.suggestion = suggestion;
        self
    }

    /// `name`, which a caller has chosen, as one step of a path: cut, and with `~` and `/` escaped as a JSON
    /// pointer has them (RFC 6901, 3).
    #[must_use]
    pub fn step(name: &str) -> String {
        Self::shown(name).replace('~', "~0").replace('/', "~1")
    }

    /// `parsed`, or its faults and `more`: a record is sound only if there are none of either.
    ///
    /// # Errors
    ///
    /// All the faults, those of `parsed` first.
    pub fn unless<T>(more: Vec<Self>, parsed: Result<T, Vec<Self>>) -> Result<T, Vec<Self>> {
        match parsed {
            Ok(value) if more.is_empty() => Ok(value),
            Ok(_) => Err(more),
            Err(mut faults) => {
                faults.extend(more);
                Err(faults)
            }
        }
    }

    /// As much of `text` as is repeated to the caller: [`Violation::MAX_VALUE`] characters.
    #[must_use]
    pub fn shown(text: &str) -> &str {
        text.char_indices()
            .nth(Self::MAX_VALUE)
            .map_or(text, |(end, _)| &text[..end])
    }

    /// The same fault, told from one level further out: `email` becomes `contacts/3/email`.
    #[must_use]
    pub fn below(mut self, parent: &str) -> Self {
        self.place = match self.place.path() {
            "" => parent.into(),
            path => format!("{parent}/{path}").into(),
        };
        self
    }

    /// One sentence: `email "ada@" is not an email address`.
    #[must_use]
    pub fn message(&self) -> String {
        self.message_about(self.place.path())
    }

    /// Returns the sentence of [`Violation::message`] with another name for the part at fault.
    #[must_use]
    pub fn message_about(&self, name: &str) -> String {
        let mut message = name.to_owned();
        if let Some(value) = &self.value {
            message.push_str(if message.is_empty() { "\"" } else { " \"" });
            message.push_str(value);
            message.push('"');
        }
        if !message.is_empty() {
            message.push(' ');
        }
        message.push_str(&self.detail);
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_member_value_and_fault() {
        let violation =
            Violation::new("email", Code::InvalidFormat, "is not an email address").of_value("ada@");

        assert_eq!(violation.message(), r#"email "ada@" is not an email address"#);
    }

    #[test]
    fn a_message_about_the_whole_begins_with_the_fault() {
        let violation = Violation::new("", Code::ColumnCount, "has 3 cells, the header has 5");

        assert_eq!(violation.message(), "has 3 cells, the header has 5");
    }

    #[test]
    fn a_step_does_not_look_like_two() {
        assert_eq!(Violation::step("a/b~c"), "a~1b~0c");
        assert_eq!(
            Violation::step(&"é".repeat(200)).chars().count(),
            Violation::MAX_VALUE
        );
    }

    #[test]
    fn a_value_is_cut_by_characters() {
        let violation = Violation::new("email", Code::TooLong, "is too long").of_value(&"é".repeat(200));

        assert_eq!(violation.value.unwrap().chars().count(), Violation::MAX_VALUE);
    }

    #[test]
    fn nothing_is_parsed_with_a_fault_and_all_faults_are_told() {
        let fault = |member: &str| Violation::new(member, Code::Required, "is missing");
        let (a, b) = (fault("a"), fault("b"));

        assert_eq!(Violation::unless(vec![], Ok(1)), Ok(1));
        assert_eq!(Violation::unless(vec![a.clone()], Ok(1)), Err(vec![a.clone()]));
        let both: Result<u8, _> = Violation::unless(vec![b.clone()], Err(vec![a.clone()]));
        assert_eq!(both, Err(vec![a, b]));
    }
}
