//! What the drafts have in common: reading members one by one and gathering every fault.

use std::{fmt::Display, str::FromStr};

use super::{Code, Given, Place, Role, Roles, Violation};

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
    /// Whether the member is left as it is.
    #[must_use]
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The member's value after the change.
    pub(super) fn applied_to(self, old: Option<&T>) -> Option<T>
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
        let fault = Violation::new(member, code, detail);
        self.0.push(match given {
            Given::Text(text) if text.trim().is_empty() => fault,
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
        T: FromStr<Err: Display + Into<Code> + Copy>,
    {
        match given {
            Given::Absent | Given::Null => {
                self.add(member, REQUIRED, given);
                None
            }
            Given::Text(text) => match text.parse() {
                Ok(value) => Some(value),
                Err(fault) => {
                    self.add(member, (fault.into(), fault.to_string()), given);
                    None
                }
            },
            Given::Flag(_) | Given::Number(_) | Given::List(_) | Given::Other => {
                self.add(member, (Code::InvalidFormat, "must be a string"), given);
                None
            }
        }
    }

    /// A member that may be without a value; white space alone is none.
    pub fn optional<T>(&mut self, member: impl Into<Place>, given: &Given<'_>) -> Option<T>
    where
        T: FromStr<Err: Display + Into<Code> + Copy>,
    {
        match given {
            Given::Absent | Given::Null => None,
            Given::Text(text) if text.trim().is_empty() => None,
            given => self.required(member, given),
        }
    }

    /// `true` or `false`.
    pub fn flag(&mut self, member: impl Into<Place>, given: &Given<'_>) -> Option<bool> {
        match given {
            Given::Flag(flag) => return Some(*flag),
            Given::Absent | Given::Null => self.add(member, REQUIRED, given),
            _ => self.add(member, (Code::InvalidFormat, "must be true or false"), given),
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
            let fault = match element {
                Given::Text(text) => match text.parse() {
                    Err(_) => Some((Code::UnknownRole, "is not a role")),
                    Ok(role) if roles.contains(role) => Some((Code::Repeated, "is named twice")),
                    Ok(role) => {
                        roles = roles.with(role);
                        objection(role)
                    }
                },
                _ => Some(NO_ARRAY),
            };
            if let Some(fault) = fault {
                self.add(member, fault, element);
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

    /// What a patch does to a member that may be without a value.
    pub fn change<T>(&mut self, member: impl Into<Place>, given: &Given<'_>) -> Change<T>
    where
        T: FromStr<Err: Display + Into<Code> + Copy>,
    {
        match given {
            Given::Absent => Change::Keep,
            given => self.optional(member, given).map_or(Change::Clear, Change::Set),
        }
    }

    /// The member that a patch replaces, if it is given; then it must have a value.
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
