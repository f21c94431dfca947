//! A stored value that a later version of the service may have written.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A stored value: one that this version knows, or what another version wrote in its place.
///
/// What is not known is kept and shown as it is, and nothing is decided by it, so that a deployment can be rolled
/// back while its stored data has words and members of the later version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Recorded<T> {
    /// A value of this version.
    Known(T),
    /// Anything else.
    Later(Value),
}

impl<T> Recorded<T> {
    /// Returns the value, if this version knows it.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Later(_) => None,
        }
    }

    /// Returns whether this version knows the value and `holds` is true of it.
    pub fn is_known_and(&self, holds: impl FnOnce(&T) -> bool) -> bool {
        self.known().is_some_and(holds)
    }
}

impl<T> From<T> for Recorded<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl<T: Default> Default for Recorded<T> {
    fn default() -> Self {
        Self::Known(T::default())
    }
}

impl<T: PartialEq> PartialEq<T> for Recorded<T> {
    fn eq(&self, other: &T) -> bool {
        self.known() == Some(other)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Code;

    #[test]
    fn a_known_word_is_itself_and_any_other_value_stays_as_it_is() {
        for (stored, known) in [
            (json!("too_long"), Some(Code::TooLong)),
            (json!("word_of_tomorrow"), None),
            (json!({ "code": 7, "more": [null, "x"] }), None),
        ] {
            let read: Recorded<Code> = serde_json::from_value(stored.clone()).unwrap();

            assert_eq!(read.known().copied(), known);
            assert_eq!(serde_json::to_value(&read).unwrap(), stored);
            assert_eq!(read == Code::TooLong, known.is_some());
        }
    }
}
