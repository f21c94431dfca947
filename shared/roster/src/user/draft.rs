//! The members of an account as they are given, and the only way from there to a [`NewUser`].

#[cfg(feature = "schema")]
use utoipa::openapi::{Object, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema, Type, schema::SchemaType};
#[cfg(feature = "schema")]
use utoipa::{PartialSchema, ToSchema};

use super::{Member, NewUser, User, UserPatch};
use crate::draft::{Faults, objection};
use crate::{AccountType, Given, Roles, Violation};
#[cfg(feature = "schema")]
use crate::{Email, ExternalUserId, Name, PlanId, Role};

/// The members of an account as they were given, by a JSON body or by a row of a file.
///
/// What a file writes in its own way must be put into the members' own terms first: roles by
/// [`Role::from_label`](crate::Role::from_label) into a list of names, account types by [`AccountType::from_label`], and the
/// words for yes and no into [`Given::Flag`]. An empty cell is [`Given::Absent`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[cfg_attr(feature = "schema", schema(rename_all = "camelCase"))]
#[expect(missing_docs, reason = "the members of the account, unread")]
pub struct UserDraft<'a> {
    #[cfg_attr(feature = "schema", schema(value_type = Email))]
    pub email: Given<'a>,
    #[cfg_attr(feature = "schema", schema(value_type = Option<Name>))]
    pub first_name: Given<'a>,
    #[cfg_attr(feature = "schema", schema(value_type = Option<Name>))]
    pub last_name: Given<'a>,
    #[cfg_attr(feature = "schema", schema(value_type = Option<Name>))]
    pub other_name: Given<'a>,
    #[cfg_attr(feature = "schema", schema(schema_with = written_phone))]
    pub mobile_number: Given<'a>,
    #[cfg_attr(feature = "schema", schema(schema_with = written_roles))]
    pub roles: Given<'a>,
    #[cfg_attr(feature = "schema", schema(value_type = bool))]
    pub enabled: Given<'a>,
    #[cfg_attr(feature = "schema", schema(value_type = AccountType))]
    pub account_type: Given<'a>,
    #[cfg_attr(feature = "schema", schema(value_type = Option<PlanId>))]
    pub plan_id: Given<'a>,
    #[cfg_attr(feature = "schema", schema(value_type = Option<ExternalUserId>))]
    pub external_user_id: Given<'a>,
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

impl<'a> UserDraft<'a> {
    /// The members as `given` has them.
    pub fn of(mut given: impl FnMut(Member) -> Given<'a>) -> Self {
        Self {
            email: given(Member::Email),
            first_name: given(Member::FirstName),
            last_name: given(Member::LastName),
            other_name: given(Member::OtherName),
            mobile_number: given(Member::MobileNumber),
            roles: given(Member::Roles),
            enabled: given(Member::Enabled),
            account_type: given(Member::AccountType),
            plan_id: given(Member::PlanId),
            external_user_id: given(Member::ExternalUserId),
        }
    }

    /// Reads a new account, to be given roles of `assignable` only.
    ///
    /// `ROLE_ADHOC_COLLABORATOR` is refused even if it is in `assignable`: no new account has it.
    ///
    /// # Errors
    ///
    /// Every fault of every member, in the order of the members.
    pub fn parse(self, assignable: Roles) -> Result<NewUser, Vec<Violation>> {
        let Self {
            email,
            first_name,
            last_name,
            other_name,
            mobile_number,
            roles,
            enabled,
            account_type,
            plan_id,
            external_user_id,
        } = self;
        let mut faults = Faults::default();

        let email = faults.required(Member::Email, &email);
        let first_name = faults.optional(Member::FirstName, &first_name);
        let last_name = faults.optional(Member::LastName, &last_name);
        let other_name = faults.optional(Member::OtherName, &other_name);
        let mobile_number = faults.optional(Member::MobileNumber, &mobile_number);
        let roles = faults.roles(Member::Roles, &roles, |role| objection(role, assignable));
        let enabled = faults.defaulted(&enabled, true, |faults, given| {
            faults.flag(Member::Enabled, given)
        });
        let account_type = faults.defaulted(&account_type, AccountType::default(), |faults, given| {
            faults.required(Member::AccountType, given)
        });
        let plan_id = faults.optional(Member::PlanId, &plan_id);
        let external_user_id = faults.optional(Member::ExternalUserId, &external_user_id);

        let new = match (email, roles, enabled, account_type) {
            (Some(email), Some(roles), Some(enabled), Some(account_type)) => Some(NewUser {
                email,
                first_name,
                last_name,
                other_name,
                mobile_number,
                roles,
                enabled,
                account_type,
                plan_id,
                external_user_id,
            }),
            _ => None,
        };
        faults.finish(new)
    }

    /// Reads a change of the account that is `present`: what is absent stays as it is, `null` takes a value away. A
    /// value that the account has already is sound, even if it could not be given nowadays. `pending_email` is
    /// the one member that only a change has.
    ///
    /// Which roles the caller may give or take is not asked here, because it depends on those that the
    /// account has.
    ///
    /// # Errors
    ///
    /// Every fault of every member, in the order of the members. `null` is a fault of a member that
    /// cannot be without a value.
    pub fn parse_patch(self, pending_email: &Given<'_>, present: &User) -> Result<UserPatch, Vec<Violation>> {
        let Self {
            email,
            first_name,
            last_name,
            other_name,
            mobile_number,
            roles,
            enabled,
            account_type,
            plan_id,
            external_user_id,
        } = self;
        let mut faults = Faults::default();

        let patch = UserPatch {
            email: faults.replace(&email, |faults, given| faults.address(given, &present.email)),
            pending_email: faults.change("pendingEmail", pending_email, present.pending_email.as_ref()),
            first_name: faults.change(Member::FirstName, &first_name, present.first_name.as_ref()),
            last_name: faults.change(Member::LastName, &last_name, present.last_name.as_ref()),
            other_name: faults.change(Member::OtherName, &other_name, present.other_name.as_ref()),
            mobile_number: faults.change(
                Member::MobileNumber,
                &mobile_number,
                present.mobile_number.as_ref(),
            ),
            roles: faults.replace(&roles, |faults, given| {
                faults.roles(Member::Roles, given, |_| None)
            }),
            enabled: faults.replace(&enabled, |faults, given| faults.flag(Member::Enabled, given)),
            account_type: faults.replace(&account_type, |faults, given| {
                faults.required(Member::AccountType, given)
            }),
            plan_id: faults.change(Member::PlanId, &plan_id, present.plan_id.as_ref()),
            external_user_id: faults.change(
                Member::ExternalUserId,
                &external_user_id,
                present.external_user_id.as_ref(),
            ),
        };
        faults.finish(Some(patch))
    }
}
