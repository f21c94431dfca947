//! What can be asked of the index.

use std::cmp::Ordering;

use memchr::memmem;
use roster::{Email, ImportId, Role, Roles, Timestamp, User, UserId, fold};
use serde::{Deserialize, Serialize};

use crate::collation;
use crate::columns;

/// Which users to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Each is contained in the address, the first or the last name, without regard to case: see [`words`].
    pub words: Vec<String>,
    /// Held by the user.
    pub role: Option<Role>,
    /// The user's state.
    pub enabled: Option<bool>,
    /// The caller's own reference for the user.
    pub external_user_id: Option<String>,
    /// The import that made the user.
    pub import: Option<ImportId>,
    /// The user was made later.
    pub created_after: Option<Timestamp>,
    /// The user was made earlier.
    pub created_before: Option<Timestamp>,
    /// Whether users with an admin role are left out.
    pub without_admins: bool,
}

impl Filter {
    /// Returns whether the filter asks for what no counter counts.
    #[must_use]
    pub fn narrows(&self) -> bool {
        !self.parameters().is_empty()
    }

    /// Returns the names of the query parameters by which the filter was asked for.
    #[must_use]
    pub fn parameters(&self) -> Vec<&'static str> {
        let Self {
            words,
            role,
            enabled,
            external_user_id,
            import,
            created_after,
            created_before,
            // Follows from the caller's rights.
            without_admins: _,
        } = self;
        let given = [
            ("searchText", !words.is_empty()),
            ("role", role.is_some()),
            ("enabled", enabled.is_some()),
            ("externalUserId", external_user_id.is_some()),
            ("importId", import.is_some()),
            ("createdAfter", created_after.is_some()),
            ("createdBefore", created_before.is_some()),
        ];
        let given = given.into_iter().filter(|(_, is_given)| *is_given);
        given.map(|(name, _)| name).collect()
    }

    /// Returns whether `user` matches.
    #[must_use]
    pub fn admits(&self, user: &User) -> bool {
        let Self {
            words,
            role,
            enabled,
            external_user_id,
            import,
            created_after,
            created_before,
            without_admins,
        } = self;
        role.is_none_or(|role| user.roles.contains(role))
            && enabled.is_none_or(|enabled| user.enabled == enabled)
            && external_user_id.as_ref().is_none_or(|external| {
                let held = user.profile.external_user_id.as_ref();
                held.is_some_and(|held| held.as_str() == external)
            })
            && import.is_none_or(|import| user.import.is_some_and(|(made, _)| made == import))
            && created_after.is_none_or(|after| user.created_at > after)
            && created_before.is_none_or(|before| user.created_at < before)
            && !(*without_admins && user.roles.intersects(Roles::ADMIN))
            && (words.is_empty() || {
                let text = columns::searched(user);
                words
                    .iter()
                    .all(|word| memmem::find(&text, word.as_bytes()).is_some())
            })
    }
}

/// Returns what a search for `text` looks for: its words, separated by blanks, or what is between double quotes as one
/// text; folded.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(is_blank);
        if rest.is_empty() {
            return words;
        }
        let (word, after) =
            quoted(rest).unwrap_or_else(|| rest.split_at(rest.find(is_blank).unwrap_or(rest.len())));
        rest = after;
        if !word.is_empty() {
            words.push(columns::pattern(&fold(word)));
        }
    }
}

/// Returns the text between the quote that `text` begins with and the one that ends it, if a blank or nothing follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let (inner, after) = text.strip_prefix('"')?.split_once('"')?;
    (after.is_empty() || after.starts_with(is_blank)).then_some((inner, after))
}

/// Returns whether the character separates words. A line break is in no member and never was a blank.
fn is_blank(char: char) -> bool {
    char == '\t' || (char.is_whitespace() && !char.is_control() && !matches!(char, '\u{2028}' | '\u{2029}'))
}

/// What users are sorted by. Equal ones are sorted by address and id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum SortBy {
    /// The comparison form of the address.
    #[default]
    Email,
    /// The last name by Unicode collation, none first.
    LastName,
    /// The time of creation.
    CreatedAt,
}

/// In which order users are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Order {
    /// What they are sorted by.
    pub by: SortBy,
    /// Whether the last come first.
    pub descending: bool,
}

impl Order {
    /// Compares two places.
    #[must_use]
    pub fn compare(self, one: &Place, other: &Place) -> Ordering {
        let by_key = match self.by {
            SortBy::Email => Ordering::Equal,
            SortBy::LastName => collation::compare(&one.key, &other.key),
            SortBy::CreatedAt => one.key.cmp(&other.key),
        };
        let order = by_key
            .then_with(|| one.email.cmp(&other.email))
            .then_with(|| one.id.cmp(&other.id));
        if self.descending { order.reverse() } else { order }
    }
}

/// A user's place in an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// What users are sorted by before the address, as a text: the folded last name, or the time of creation. Empty if
    /// that is all.
    pub key: String,
    /// The comparison form of the address.
    pub email: String,
    /// The user.
    pub id: UserId,
}

impl Place {
    /// Returns whether a user can be there, which a place that came from outside does not prove.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.email.parse::<Email>().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_separated_by_blanks_and_held_together_by_quotes() {
        for (text, expected) in [
            ("", vec![]),
            ("  ", vec![]),
            ("Ada LOVE", vec!["ada", "love"]),
            ("\u{3000}ada\tlove\u{a0}", vec!["ada", "love"]),
            ("\"ada love\"", vec!["ada love"]),
            ("\"Ada love\" x \" y\"", vec!["ada love", "x", " y"]),
            ("\"\"", vec![]),
            ("\"ada", vec!["\"ada"]),
            ("o\"neil x", vec!["o\"neil", "x"]),
            ("\"a\"b c", vec!["\"a\"b", "c"]),
            ("a\nb", vec!["a\rb"]),
            ("É\u{301}", vec!["é\u{301}"]),
        ] {
            assert_eq!(words(text), expected, "{text:?}");
        }
    }
}
