//! The members of an account that a body or a file may give.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use utoipa::openapi::{Object, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema, Type, schema::SchemaType};
#[cfg(feature = "schema")]
use utoipa::{PartialSchema, ToSchema};

use crate::by_text::{schema_of_text, serde_by_text};
use crate::draft::{Faults, Stored, Written};
#[cfg(feature = "schema")]
use crate::{AccountType, Email, Role, Roles};
use crate::{Change, ExternalUserId, Given, Name, Phone, PlanId};

/// Declares the members of an account once, each in a row: its variant of [`Member`], its name in JSON, its field, its
/// type if the account may be without it, and how the OpenAPI document describes it where it is given.
///
/// All rows are a [`Member`] and a field of [`UserDraft`]; those with a type are also a field of [`Profile`] and of
/// [`ProfilePatch`]. The order of the rows is the one in which the API lists the members.
macro_rules! members {
    ($(
        #[doc = $about:literal]
        $variant:ident = $name:literal, $field:ident $(: $type:ty)?, schema($($schema:tt)+);
    )+) => {
        /// A member of an account that a body or a file may give.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Member {
            $(#[doc = $about] $variant,)+
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

        /// The members of an account as they were given, by a JSON body or by a row of a file.
        ///
        /// What a file writes in its own way must be put into the members' own terms first: roles by
        /// [`Role::from_label`](crate::Role::from_label) into a list of names, account types by
        /// [`AccountType::from_label`](crate::AccountType::from_label), and the words for
        /// yes and no into [`Given::Flag`]. An empty cell is [`Given::Absent`].
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[cfg_attr(feature = "schema", derive(ToSchema))]
        #[cfg_attr(feature = "schema", schema(rename_all = "camelCase"))]
        #[expect(missing_docs, reason = "the members of the account, unread")]
        pub struct UserDraft<'a> {
            $(#[cfg_attr(feature = "schema", schema($($schema)+))] pub $field: Given<'a>,)+
        }

        impl<'a> UserDraft<'a> {
            /// The members as `given` has them.
            pub fn of(mut given: impl FnMut(Member) -> Given<'a>) -> Self {
                Self {
                    $($field: given(Member::$variant),)+
                }
            }
        }

        /// The members that an account may be without, named as in JSON.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Profile {
            $($(
                #[doc = $about]
                #[serde(rename = $name, skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )?)+
        }

        /// A sound change of these members.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct ProfilePatch {
            $($(#[doc = $about] pub $field: Change<$type>,)?)+
        }

        impl Profile {
            /// Reads a change of the members of `draft`, which are `self` now.
            pub(super) fn read_change(&self, draft: &UserDraft<'_>, faults: &mut Faults) -> ProfilePatch {
                ProfilePatch {
                    $($($field: faults.change::<$type>(Member::$variant, &draft.$field, self.$field.as_ref()),)?)+
                }
            }

            /// Returns the change that gives another account those of `members` that this one has a value for.
            pub(super) fn patch(&self, members: Members) -> ProfilePatch {
                ProfilePatch {
                    $($($field: match &self.$field {
                        Some(value) if members.contains(Member::$variant) => Change::<$type>::Set(value.clone()),
                        _ => Change::Keep,
                    },)?)+
                }
            }

            /// Returns the members after a change.
            #[must_use]
            pub fn patched(&self, patch: ProfilePatch) -> Self {
                Self {
                    $($($field: Change::<$type>::applied_to(patch.$field, self.$field.as_ref()),)?)+
                }
            }

            /// Returns the value of a member as it is stored; none if the account is without it, or may not be.
            #[must_use]
            pub fn text(&self, member: Member) -> Option<Cow<'_, str>> {
                match member {
                    $($(Member::$variant => self.$field.as_ref().map(<$type as Stored>::text),)?)+
                    _ => None,
                }
            }

            /// Sets a member to a value that is stored; to none if it is not one. A member that the account cannot be
            /// without stays as it is.
            pub fn set_stored(&mut self, member: Member, text: &str) {
                match member {
                    $($(Member::$variant => self.$field = <$type as Stored>::stored(text),)?)+
                    _ => {}
                }
            }

            /// Returns the value of a member that was most likely meant where `text` is no such value.
            #[must_use]
            pub fn suggestion(member: Member, text: &str) -> Option<String> {
                match member {
                    $($(Member::$variant => <$type as Written>::suggestion(text),)?)+
                    _ => None,
                }
            }
        }
    };
}

members! {
    /// The address, which no other account holds.
    Email = "email", email, schema(value_type = Email);
    /// The person's first name.
    FirstName = "firstName", first_name: Name, schema(value_type = Option<Name>);
    /// The person's last name.
    LastName = "lastName", last_name: Name, schema(value_type = Option<Name>);
    /// Any other name of the person's.
    OtherName = "otherName", other_name: Name, schema(value_type = Option<Name>);
    /// The person's telephone.
    MobileNumber = "mobileNumber", mobile_number: Phone, schema(schema_with = written_phone);
    /// What the account may do.
    Roles = "roles", roles, schema(schema_with = written_roles);
    /// Whether the account may do anything at all.
    Enabled = "enabled", enabled, schema(value_type = bool);
    /// Who keeps the account's credentials.
    AccountType = "accountType", account_type, schema(value_type = AccountType);
    /// The plan that the account is on.
    PlanId = "planId", plan_id: PlanId, schema(value_type = Option<PlanId>);
    /// The caller's own reference for the account.
    ExternalUserId = "externalUserId", external_user_id: ExternalUserId, schema(value_type = Option<ExternalUserId>);
}

impl Member {
    /// Returns whether any text is a value, so that damage to it is no fault.
    #[must_use]
    pub const fn takes_any_text(self) -> bool {
        !matches!(
            self,
            Self::Email | Self::MobileNumber | Self::Roles | Self::Enabled | Self::AccountType
        )
    }
}

/// A telephone number as it may be written; blank is none.
#[cfg(feature = "schema")]
fn written_phone() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .description(Some(
            "`+`, a country code, 7 to 15 digits in all; spaces, `-`, `.`, `(` and `)` are dropped",
        ))
        .pattern(Some(r"^(\+[0-9 .()-]{7,40})?$"))
        .examples(["+49 30 901820"])
        .build()
}

/// Roles as they may be written: an array, or one by itself.
#[cfg(feature = "schema")]
fn written_roles() -> RefOr<Schema> {
    OneOfBuilder::new()
        .item(Roles::schema())
        .item(Ref::from_schema_name(Role::name()))
        .into()
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
    ///
    /// ```
    /// # use roster::{Member, Members};
    /// let both = Members::default().with(Member::Email).with(Member::Roles);
    /// assert!(!both.without(Member::Email).contains(Member::Email));
    /// assert!(both.without(Member::Email).contains(Member::Roles));
    /// ```
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
