//! Short texts: names and references.

use std::{fmt, str::FromStr};

#[cfg(feature = "schema")]
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
#[cfg(feature = "schema")]
use utoipa::{PartialSchema, ToSchema};

use super::invisible::{is_dropped_from_names, shown, trimmed_name};
use super::{Code, by_text::serde_stored_text, email::longer_than, sheet_error};

/// A text of 1 to `MAX` characters, without white space around it, without control characters and without
/// invisible ones that mean nothing.
///
/// A text that is empty once trimmed is no `Text`: the drafts take it for a value that was not given.
///
/// ```
/// # use roster::Name;
/// assert_eq!(" Ada ".parse::<Name>()?.as_str(), "Ada");
/// assert!("A\u{200B}da".parse::<Name>().is_err(), "an invisible character");
/// assert_eq!(Name::suggestion("A\u{200B}da").as_deref(), Some("Ada"));
/// # Ok::<(), roster::InvalidText>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const MAX: usize>(Box<str>);

/// A person's first, last or other name.
pub type Name = Text<100>;

/// The name of the plan that an account is on.
pub type PlanId = Text<64>;

/// The caller's own reference for an account; never used to sign in.
pub type ExternalUserId = Text<255>;

/// What a client calls a file; for display only.
pub type FileName = Text<255>;

impl<const MAX: usize> Text<MAX> {
    /// How many characters it has at most.
    pub const MAX: usize = MAX;

    /// As much of `text` as can be one: without its control characters, and cut; `None` if nothing can.
    #[must_use]
    pub fn clipped(text: &str) -> Option<Self> {
        let plain: String = text.chars().filter(|c| !c.is_control()).collect();
        let clipped: String = plain.trim().chars().take(MAX).collect();
        clipped.parse().ok()
    }

    /// Reads a text that is stored already: whatever an earlier version took.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn stored(text: &str) -> Result<Self, InvalidText> {
        if text.is_empty() {
            return Err(InvalidText::Missing);
        }
        Ok(Self(text.into()))
    }

    /// Returns the text that was most likely meant where `text` is none: without what nobody sees, and with a space
    /// for each line break and tab.
    #[must_use]
    pub fn suggestion(text: &str) -> Option<String> {
        let seen: String = text
            .chars()
            .filter(|char| !is_dropped_from_names(*char))
            .map(|char| if char.is_whitespace() { ' ' } else { char })
            .filter(|char| !char.is_control())
            .collect();
        // One space for the two characters of a line break; those that were written stay.
        let seen = if text.contains("\r\n") {
            seen.replace("  ", " ")
        } else {
            seen
        };
        let text: Self = seen.parse().ok()?;
        Some(text.to_string())
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> FromStr for Text<MAX> {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let text = trimmed_name(text);
        if text.is_empty() {
            return Err(InvalidText::Missing);
        }
        if longer_than(text, MAX) {
            return Err(InvalidText::TooLong { limit: MAX });
        }
        let is_refused =
            |char: &char| char.is_control() || is_line_break(*char) || is_dropped_from_names(*char);
        match text.chars().find(is_refused) {
            None if sheet_error::is_one(text) => Err(InvalidText::NotComputed),
            None => Ok(Self(text.into())),
            Some(char) if is_line_break(char) => Err(InvalidText::LineBreak),
            Some(char) if char.is_control() => Err(InvalidText::Control),
            Some(char) => Err(InvalidText::Invisible(char)),
        }
    }
}

/// Returns whether the character ends a line.
fn is_line_break(char: char) -> bool {
    matches!(char, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_stored_text!(Text<MAX>, const MAX);

#[cfg(feature = "schema")]
impl<const MAX: usize> PartialSchema for Text<MAX> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "A text without control characters; white space around it is dropped",
            ))
            .max_length(Some(MAX))
            .into()
    }
}

#[cfg(feature = "schema")]
impl<const MAX: usize> ToSchema for Text<MAX> {
    fn name() -> std::borrow::Cow<'static, str> {
        format!("Text{MAX}").into()
    }
}

/// Why a text is not a [`Text`]. The texts continue the member's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Nothing but white space.
    #[error("is required")]
    Missing,
    /// More characters than the limit.
    #[error("is longer than {limit} characters")]
    TooLong {
        /// How many characters are allowed.
        limit: usize,
    },
    /// A line break within.
    #[error("has a line break in it; write it on one line")]
    LineBreak,
    /// A tab or another control character within.
    #[error("has a control character in it; remove it")]
    Control,
    /// A character within that nobody sees.
    #[error("has {} in it; remove it", shown(*.0))]
    Invisible(char),
    /// What a spreadsheet shows where it cannot compute a cell.
    #[error("{}", sheet_error::DETAIL)]
    NotComputed,
}

impl From<InvalidText> for Code {
    fn from(fault: InvalidText) -> Self {
        match fault {
            InvalidText::Missing => Self::Required,
            InvalidText::TooLong { .. } => Self::TooLong,
            InvalidText::LineBreak
            | InvalidText::Control
            | InvalidText::Invisible(_)
            | InvalidText::NotComputed => Self::InvalidFormat,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_trimmed_and_otherwise_kept() {
        let name: Name = "\u{a0} Ada  King-Noël \t".parse().unwrap();

        assert_eq!(name.as_str(), "Ada  King-Noël");
    }

    #[test]
    fn a_name_is_measured_in_characters() {
        assert!("é".repeat(100).parse::<Name>().is_ok());
        assert_eq!(
            "é".repeat(101).parse::<Name>(),
            Err(InvalidText::TooLong { limit: 100 })
        );
    }

    #[test]
    fn a_control_character_is_refused_wherever_it_stands() {
        for text in ["A\tda", "A\0da", "A\u{7f}da", "A\u{9b}da"] {
            assert_eq!(text.parse::<Name>(), Err(InvalidText::Control), "{text:?}");
        }
    }

    #[test]
    fn a_line_break_is_called_so() {
        for text in ["A\nda", "A\r\nda", "A\u{2028}da", "A\u{85}da"] {
            assert_eq!(text.parse::<Name>(), Err(InvalidText::LineBreak), "{text:?}");
            assert_eq!(Name::suggestion(text).as_deref(), Some("A da"), "{text:?}");
        }
    }

    #[test]
    fn what_nobody_sees_is_refused_unless_it_joins_letters() {
        for char in [
            '\u{200B}', '\u{FEFF}', '\u{2060}', '\u{AD}', '\u{200F}', '\u{202E}', '\u{2066}',
        ] {
            let text = format!("A{char}da");
            assert_eq!(
                text.parse::<Name>(),
                Err(InvalidText::Invisible(char)),
                "{text:?}"
            );
            assert_eq!(Name::suggestion(&text).as_deref(), Some("Ada"), "{text:?}");
        }
        for text in ["نا\u{200C}مه", "क्\u{200D}ष", "葛\u{E0100}城"] {
            assert_eq!(text.parse::<Name>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_was_stored_is_read_as_it_is() {
        let name = Name::stored("Mi\u{200B}a").unwrap();

        assert_eq!(serde_json::to_string(&name).unwrap(), "\"Mi\u{200B}a\"");
        assert_eq!(serde_json::from_str::<Name>("\"Mi\u{200B}a\"").unwrap(), name);
        assert!(serde_json::from_str::<Name>("\"\"").is_err());
    }

    #[test]
    fn white_space_alone_is_no_name() {
        for text in ["", "  ", "\r\n"] {
            assert_eq!(text.parse::<Name>(), Err(InvalidText::Missing), "{text:?}");
        }
    }

    #[test]
    fn of_any_text_what_can_be_a_name_is_left() {
        assert_eq!(Name::clipped(" A\tda\r\n").unwrap().as_str(), "Ada");
        assert_eq!(Name::clipped(&"é".repeat(101)), "é".repeat(100).parse().ok());
        assert_eq!(Name::clipped("\n \u{7f}"), None);
    }

    proptest! {
        #[test]
        fn a_text_is_what_is_left_of_it(text in any::<String>()) {
            if let Ok(name) = text.parse::<Name>() {
                prop_assert_eq!(Name::clipped(&text), Some(name));
            }
        }

        #[test]
        fn a_name_reads_back_as_itself(text in any::<String>()) {
            if let Ok(name) = text.parse::<Name>() {
                prop_assert_eq!(name.to_string().parse::<Name>(), Ok(name));
            }
        }
    }
}
