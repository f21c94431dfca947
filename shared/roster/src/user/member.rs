//! The members of an account that a body or a file may give.

use std::{fmt, str::FromStr};

use crate::by_text::{schema_of_text, serde_by_text};

/// Declares the members of an account once: the variants, their names and the list of all.
macro_rules! members {
    ($($variant:ident => $name:literal,)+) => {
        /// A member of an account that a body or a file may give.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "they are those of the user")]
        pub enum Member {
            $($variant,)+
        }

        impl Member {
            /// All there are, in the order in which the API lists them.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// All there are, each after its name.
            pub const BY_NAME: [(&'static str, Self); [$($name),+].len()] = [$(($name, Self::$variant)),+];

            /// Returns its name in JSON, which is also the best name for a column.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

members! {
    Email => "email",
    FirstName => "firstName",
    LastName => "lastName",
    OtherName => "otherName",
    MobileNumber => "mobileNumber",
    Roles => "roles",
    Enabled => "enabled",
    AccountType => "accountType",
    PlanId => "planId",
    ExternalUserId => "externalUserId",
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Member {
    type Err = UnknownMember;

    fn from_str(text: &str) -> Result<Self, UnknownMember> {
        Self::ALL
            .into_iter()
            .find(|member| member.name() == text)
            .ok_or(UnknownMember)
    }
}

/// The text names no member of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a member of a user")]
pub struct UnknownMember;

serde_by_text!(Member);
schema_of_text!(Member, "A member of a user", |text| text
    .enum_values(Some(Member::ALL.map(Member::name))));

/// A set of members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Members(u16);

impl Members {
    /// No member.
    pub const NONE: Self = Self(0);

    /// Returns the set with one more member.
    #[must_use]
    pub const fn with(self, member: Member) -> Self {
        Self(self.0 | 1 << member as u16)
    }

    /// Returns the set without one member.
    #[must_use]
    pub const fn without(self, member: Member) -> Self {
        Self(self.0 & !(1 << member as u16))
    }

    /// Returns whether the member is in the set.
    #[must_use]
    pub const fn contains(self, member: Member) -> bool {
        self.0 >> member as u16 & 1 == 1
    }

    /// Returns the members in the order of [`Member::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Member> {
        Member::ALL
            .into_iter()
            .filter(move |member| self.contains(*member))
    }
}
