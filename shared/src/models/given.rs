//! A member's value before any rule was applied to it.

use std::borrow::Cow;

/// What a caller or a file gave for one member.
///
/// A JSON body distinguishes a member that is left out from one that is `null`; a CSV cell that is
/// empty is [`Absent`](Given::Absent).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Given<'a> {
    /// The member was left out.
    #[default]
    Absent,
    /// The member was `null`.
    Null,
    /// A string, or the text of a cell.
    Text(Cow<'a, str>),
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// An array.
    List(Vec<Given<'a>>),
    /// Something no member takes: an object, or a number that is not a whole one.
    Other,
}

impl Given<'_> {
    /// Whether there is no value: left out or `null`.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Given::Absent | Given::Null)
    }

    /// The text to repeat to the caller when the value is at fault.
    #[must_use]
    pub fn shown(&self) -> Option<String> {
        match self {
            Given::Text(text) => Some(text.to_string()),
            Given::Flag(flag) => Some(flag.to_string()),
            Given::Number(number) => Some(number.to_string()),
            Given::Absent | Given::Null | Given::List(_) | Given::Other => None,
        }
    }
}

impl<'a> From<&'a str> for Given<'a> {
    fn from(text: &'a str) -> Self {
        Given::Text(Cow::Borrowed(text))
    }
}
