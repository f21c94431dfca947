//! What the drafts have in common: reading members one by one and gathering every fault.

use std::{borrow::Cow, fmt::Display, str::FromStr};

use super::{
    AccountType, Code, Country, Email, Given, Member, Phone, Place, Role, Roles, Text, Violation,
    flag_of_word, invisible, sheet_error,
};

/// A value that is written as a text.
pub trait Written: FromStr<Err: Display + Into<Code> + Copy> {
    /// Returns what was most likely meant where `text` is no such value.
    fn suggestion(text: &str) -> Option<String>;
}

impl Written for Email {
    fn suggestion(text: &str) -> Option<String> {
        Self::suggestion(text)
    }
}

impl<const MAX: usize> Written for Text<MAX> {
    fn suggestion(text: &str) -> Option<String> {
        Self::suggestion(text)
    }
}

impl Written for Phone {
    fn suggestion(text: &str) -> Option<String> {
        Self::suggestion(text, None)
    }
}

impl Written for Country {
    fn suggestion(_: &str) -> Option<String> {
        None
    }
}

impl Written for AccountType {
    fn suggestion(text: &str) -> Option<String> {
        Self::suggestion(text)
    }
}

/// A value that is stored as a text.
pub(crate) trait Stored: Sized {
    /// Returns the text.
    fn text(&self) -> Cow<'_, str>;

    /// Reads a text that is stored already.
    fn stored(text: &str) -> Option<Self>;
}

impl<const MAX: usize> Stored for Text<MAX> {
    fn text(&self) -> Cow<'_, str> {
        self.as_str().into()
    }

    fn stored(text: &str) -> Option<Self> {
        Self::stored(text).ok()
    }
}

impl Stored for Phone {
    fn text(&self) -> Cow<'_, str> {
        self.to_string().into()
    }

    fn stored(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// What a patch does to a member that may be without a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// Leaves it as it is.
    #[default]
    Keep,
    /// Gives it a value.
    Set(T),
    /// Takes its value away.
    Clear,
}

impl<T> Change<T> {
    /// Returns the member's value after the change.
    #[must_use]
    pub fn applied_to(self, old: Option<&T>) -> Option<T>
    where
        T: Clone,
    {
        match self {
            Self::Keep => old.cloned(),
            Self::Set(new) => Some(new),
            Self::Clear => None,
        }
    }
}

/// The fault of a member that must have a value and was given none.
const REQUIRED: (Code, &str) = (Code::Required, "is required");

/// What speaks against giving a new account `role`, if roles of `assignable` may be given. No new account
/// has `ROLE_ADHOC_COLLABORATOR`, whatever is assignable.
#[must_use]
pub fn objection(role: Role, assignable: Roles) -> Option<(Code, &'static str)> {
    if role == Role::AdhocCollaborator {
        Some((Code::NotAssignable, "cannot be given to a new account"))
    } else if assignable.contains(role) {
        None
    } else {
        Some((
            Code::ForbiddenRole,
            "is a role that you are not allowed to assign",
        ))
    }
}

/// Returns whether the text is that of the value which is stored, though it could not be stored nowadays.
fn is_as_stored<T: Written + Display>(given: &Given<'_>, present: Option<&T>) -> bool {
    match (given, present) {
        (Given::Text(text), Some(present)) => text.parse::<T>().is_err() && **text == *present.to_string(),
        _ => false,
    }
}

/// Returns the fault of a text that names no role: the roles that could be given instead.
fn unknown_role(objection: impl Fn(Role) -> Option<(Code, &'static str)>) -> String {
    let roles: Vec<_> = Role::ALL
        .into_iter()
        .filter(|role| objection(*role).is_none())
        .map(Role::as_str)
        .collect();
    format!("is not a role; use {}", roles.join(", "))
}

/// Returns the role that was most likely meant by a text that names none, if nothing speaks against it. Never an
/// admin role.
fn meant_role(text: &str, objection: impl Fn(Role) -> Option<(Code, &'static str)>) -> Option<Role> {
    Role::from_label(text)
        .or_else(|| Role::nearest(text))
        .filter(|role| !role.is_admin() && objection(*role).is_none())
}

/// Gathers the faults of one record, in the order in which its members are read.
#[derive(Default)]
pub struct Faults(Vec<Violation>);

impl Faults {
    /// Adds a fault, and shows the value at fault if it can be shown.
    pub fn add(
        &mut self,
        member: impl Into<Place>,
        (code, detail): (Code, impl Into<String>),
        given: &Given<'_>,
    ) {
        self.add_suggesting(member, (code, detail), given, None);
    }

    /// Adds a fault with the value that was most likely meant.
    pub fn add_suggesting(
        &mut self,
        member: impl Into<Place>,
        (code, detail): (Code, impl Into<String>),
        given: &Given<'_>,
        suggestion: Option<String>,
    ) {
        let fault = match given {
            Given::Text(text) if sheet_error::is_one(text) => {
                Violation::new(member, Code::InvalidFormat, sheet_error::DETAIL)
            }
            _ => Violation::new(member, code, detail).suggesting(suggestion),
        };
        self.0.push(match given {
            Given::Text(text) if text.chars().all(invisible::is_blank) => fault,
            Given::Text(text) => fault.of_value(text),
            given => match given.shown() {
                Some(value) => fault.of_value(&value),
                None => fault,
            },
        });
    }

    /// A member that must have a value.
    pub fn required<T>(&mut self, member: impl Into<Place>, given: &Given<'_>) -> Option<T>
    where
        T: Written,
    {
        match given {
            Given::Absent | Given::Null => {
                self.add(member, REQUIRED, given);
                None
            }
            Given::Text(text) => match text.parse() {
                Ok(value) => Some(value),
                Err(fault) => {
                    self.add_suggesting(
                        member,
                        (fault.into(), fault.to_string()),
                        given,
                        T::suggestion(text),
                    );
                    None
                }
            },
            Given::Flag(_) | Given::Number(_) | Given::List(_) | Given::Other => {
                self.add(member, (Code::InvalidFormat, "must be a string"), given);
                None
            }
        }
    }

    /// A member that may be without a value; what nobody sees is none.
    pub fn optional<T>(&mut self, member: impl Into<Place>, given: &Given<'_>) -> Option<T>
    where
        T: Written,
    {
        match given {
            Given::Absent | Given::Null => None,
            Given::Text(text) if text.chars().all(invisible::is_blank) => None,
            given => self.required(member, given),
        }
    }

    /// `true` or `false`.
    pub fn flag(&mut self, member: impl Into<Place>, given: &Given<'_>) -> Option<bool> {
        match given {
            Given::Flag(flag) => return Some(*flag),
            Given::Absent | Given::Null => self.add(member, REQUIRED, given),
            _ => {
                let meant = match given {
                    Given::Text(word) => flag_of_word(word),
                    _ => None,
                };
                let fault = (Code::InvalidFormat, "must be true or false");
                self.add_suggesting(member, fault, given, meant.map(|flag| flag.to_string()));
            }
        }
        None
    }

    /// What one of some words stands for.
    pub fn choice<T: Copy>(
        &mut self,
        member: impl Into<Place>,
        given: &Given<'_>,
        words: &[(&str, T)],
    ) -> Option<T> {
        let chosen = words
            .iter()
            .find(|(word, _)| matches!(given, Given::Text(text) if text == word));
        if chosen.is_none() {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            let detail = format!("must be one of {}", words.join(", "));
            self.add(member, (Code::InvalidFormat, detail), given);
        }
        chosen.map(|(_, value)| *value)
    }

    /// An array of roles, or a single one; `objection` says what speaks against a role that exists.
    pub fn roles(
        &mut self,
        member: impl Into<Place> + Copy,
        given: &Given<'_>,
        objection: impl Fn(Role) -> Option<(Code, &'static str)>,
    ) -> Option<Roles> {
        const NO_ARRAY: (Code, &str) = (Code::InvalidFormat, "must be an array of strings");

        let elements = match given {
            Given::Absent | Given::Null => {
                self.add(member, REQUIRED, given);
                return None;
            }
            Given::Text(_) => std::slice::from_ref(given),
            Given::List(elements) => elements.as_slice(),
            Given::Flag(_) | Given::Number(_) | Given::Other => {
                self.add(member, NO_ARRAY, given);
                return None;
            }
        };
        if elements.is_empty() {
            self.add(member, (Code::Required, "must name at least one role"), given);
            return None;
        }

        let mut roles = Roles::NONE;
        let mut sound = true;
        for element in elements {
            let Given::Text(text) = element else {
                self.add(member, NO_ARRAY, element);
                sound = false;
                continue;
            };
            let fault = match text.parse() {
                Err(_) => Some((Code::UnknownRole, unknown_role(&objection).into())),
                Ok(role) if roles.contains(role) => Some((Code::Repeated, Cow::Borrowed("is named twice"))),
                Ok(role) => {
                    roles = roles.with(role);
                    objection(role).map(|(code, detail)| (code, detail.into()))
                }
            };
            if let Some((code, detail)) = fault {
                let meant = (code == Code::UnknownRole)
                    .then(|| meant_role(text, &objection))
                    .flatten();
                let meant = meant.map(|role| role.as_str().to_owned());
                self.add_suggesting(member, (code, detail), element, meant);
                sound = false;
            }
        }
        sound.then_some(roles)
    }

    /// A member that is `default` when it is given no value, and read when it is given one.
    pub fn defaulted<'g, T>(
        &mut self,
        given: &Given<'g>,
        default: T,
        read: impl FnOnce(&mut Self, &Given<'g>) -> Option<T>,
    ) -> Option<T> {
        if given.is_missing() {
            Some(default)
        } else {
            read(self, given)
        }
    }

    /// Reads what a patch does to a member that may be without a value, and has `present` now.
    ///
    /// A value that an earlier version took and that is refused nowadays is no fault where it is there already.
    pub fn change<T>(&mut self, member: impl Into<Place>, given: &Given<'_>, present: Option<&T>) -> Change<T>
    where
        T: Written + Display,
    {
        match given {
            Given::Absent => Change::Keep,
            given if is_as_stored(given, present) => Change::Keep,
            given => self.optional(member, given).map_or(Change::Clear, Change::Set),
        }
    }

    /// Reads a member that a patch replaces, if it is given; then it must have a value.
    pub fn replace<'g, T>(
        &mut self,
        given: &Given<'g>,
        read: impl FnOnce(&mut Self, &Given<'g>) -> Option<T>,
    ) -> Option<T> {
        match given {
            Given::Absent => None,
            given => read(self, given),
        }
    }

    /// Reads an address that is `present` now, as [`Faults::change`] reads other members.
    pub fn address(&mut self, given: &Given<'_>, present: &Email) -> Option<Email> {
        if is_as_stored(given, Some(present)) {
            return Some(present.clone());
        }
        self.required(Member::Email, given)
    }

    /// Returns the faults in the order of the members, whatever they were read in. Those of one member keep theirs, and
    /// those of the pending address come after the address.
    pub(crate) fn sorted(mut self) -> Self {
        self.0
            .sort_by_key(|fault| fault.place.member().unwrap_or(Member::Email));
        self
    }

    /// `value`, if there was no fault.
    ///
    /// # Errors
    ///
    /// All faults, if there are any.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Vec<Violation>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }
}
