//! The members of an account as they are given, and the only way from there to a [`NewUser`].

use serde::{Deserialize, Serialize};
use utoipa::openapi::{Object, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema, Type, schema::SchemaType};
use utoipa::{PartialSchema, ToSchema};

use super::{NewUser, UserPatch};
use crate::models::draft::{Faults, objection};
use crate::models::{AccountType, Email, ExternalUserId, Given, Name, PlanId, Role, Roles, Violation};

/// A member of an account that a body or a file may give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "they are those of the user")]
pub enum Member {
    Email,
    FirstName,
    LastName,
    OtherName,
    MobileNumber,
    Roles,
    Enabled,
    AccountType,
    PlanId,
    ExternalUserId,
}

impl Member {
    /// All there are, in the order in which the API lists them.
    pub const ALL: [Self; 10] = [
        Self::Email,
        Self::FirstName,
        Self::LastName,
        Self::OtherName,
        Self::MobileNumber,
        Self::Roles,
        Self::Enabled,
        Self::AccountType,
        Self::PlanId,
        Self::ExternalUserId,
    ];

    /// Its name in JSON, and the best name for a column.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::FirstName => "firstName",
            Self::LastName => "lastName",
            Self::OtherName => "otherName",
            Self::MobileNumber => "mobileNumber",
            Self::Roles => "roles",
            Self::Enabled => "enabled",
            Self::AccountType => "accountType",
            Self::PlanId => "planId",
            Self::ExternalUserId => "externalUserId",
        }
    }

    /// What people call a column of a file that has it, without spaces, `_`, `-`, `.` and capitals. The first is
    /// its own name.
    #[must_use]
    pub const fn column_names(self) -> &'static [&'static str] {
        match self {
            Self::Email => &[
                "email",
                "emailaddress",
                "emailid",
                "mail",
                "mailaddress",
                "primaryemail",
                "useremail",
                "workemail",
            ],
            Self::FirstName => &[
                "firstname",
                "first",
                "fname",
                "forename",
                "given",
                "givenname",
                "userfirstname",
            ],
            Self::LastName => &[
                "lastname",
                "last",
                "lname",
                "surname",
                "family",
                "familyname",
                "userlastname",
            ],
            Self::OtherName => &[
                "othername",
                "othernames",
                "additionalname",
                "additionalnames",
                "middle",
                "middleinitial",
                "middlename",
                "middlenames",
            ],
            Self::MobileNumber => &[
                "mobilenumber",
                "cell",
                "cellnumber",
                "cellphone",
                "cellphonenumber",
                "mobile",
                "mobileno",
                "mobilephone",
                "mobilephonenumber",
                "phone",
                "phoneno",
                "phonenumber",
                "tel",
                "telephone",
                "telephonenumber",
            ],
            Self::Roles => &["roles", "role", "userrole", "userroles"],
            Self::Enabled => &[
                "enabled",
                "accountstatus",
                "active",
                "isactive",
                "isenabled",
                "status",
                "userstatus",
            ],
            Self::AccountType => &["accounttype"],
            Self::PlanId => &["planid", "plan"],
            Self::ExternalUserId => &[
                "externaluserid",
                "extid",
                "externalid",
                "externalreference",
                "externaluser",
            ],
        }
    }
}

/// The members of an account as they were given, by a JSON body or by a row of a file.
///
/// What a file writes in its own way must be put into the members' own terms first: roles by
/// [`Role::from_label`] into a list of names, account types by [`AccountType::from_label`], and the
/// words for yes and no into [`Given::Flag`]. An empty cell is [`Given::Absent`].
#[derive(Clone, Debug, Default, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the members of the account, unread")]
pub struct UserDraft<'a> {
    #[schema(value_type = Email)]
    pub email: Given<'a>,
    #[schema(value_type = Option<Name>)]
    pub first_name: Given<'a>,
    #[schema(value_type = Option<Name>)]
    pub last_name: Given<'a>,
    #[schema(value_type = Option<Name>)]
    pub other_name: Given<'a>,
    #[schema(schema_with = written_phone)]
    pub mobile_number: Given<'a>,
    #[schema(schema_with = written_roles)]
    pub roles: Given<'a>,
    #[schema(value_type = bool)]
    pub enabled: Given<'a>,
    #[schema(value_type = AccountType)]
    pub account_type: Given<'a>,
    #[schema(value_type = Option<PlanId>)]
    pub plan_id: Given<'a>,
    #[schema(value_type = Option<ExternalUserId>)]
    pub external_user_id: Given<'a>,
}

/// A telephone number as it may be written; blank is none.
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

        let email = faults.required("email", &email);
        let first_name = faults.optional("firstName", &first_name);
        let last_name = faults.optional("lastName", &last_name);
        let other_name = faults.optional("otherName", &other_name);
        let mobile_number = faults.optional("mobileNumber", &mobile_number);
        let roles = faults.roles("roles", &roles, |role| objection(role, assignable));
        let enabled = faults.defaulted(&enabled, true, |faults, given| faults.flag("enabled", given));
        let account_type = faults.defaulted(&account_type, AccountType::default(), |faults, given| {
            faults.required("accountType", given)
        });
        let plan_id = faults.optional("planId", &plan_id);
        let external_user_id = faults.optional("externalUserId", &external_user_id);

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

    /// Reads a change of an account: what is absent stays as it is, `null` takes a value away.
    ///
    /// Which roles the caller may give or take is not asked here, because it depends on those that the
    /// account has.
    ///
    /// # Errors
    ///
    /// Every fault of every member, in the order of the members. `null` is a fault of a member that
    /// cannot be without a value.
    pub fn parse_patch(self) -> Result<UserPatch, Vec<Violation>> {
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
            email: faults.replace(&email, |faults, given| faults.required("email", given)),
            first_name: faults.change("firstName", &first_name),
            last_name: faults.change("lastName", &last_name),
            other_name: faults.change("otherName", &other_name),
            mobile_number: faults.change("mobileNumber", &mobile_number),
            roles: faults.replace(&roles, |faults, given| faults.roles("roles", given, |_| None)),
            enabled: faults.replace(&enabled, |faults, given| faults.flag("enabled", given)),
            account_type: faults.replace(&account_type, |faults, given| {
                faults.required("accountType", given)
            }),
            plan_id: faults.change("planId", &plan_id),
            external_user_id: faults.change("externalUserId", &external_user_id),
        };
        faults.finish(Some(patch))
    }
}
