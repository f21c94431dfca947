//! A user's account.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::openapi::{Object, ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema, Type, schema::SchemaType};
use utoipa::{PartialSchema, ToSchema};

use super::{
    Change, Code, Email, ExternalUserId, Given, ImportId, Name, Phone, PlanId, Role, Roles, Timestamp,
    UserId, Violation,
    draft::{Faults, REQUIRED},
};

/// Who keeps an account's credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum AccountType {
    /// This service.
    #[default]
    Local,
    /// An identity provider outside.
    External,
    /// A directory.
    Ldap,
}

impl AccountType {
    /// Every account type.
    pub const ALL: [Self; 3] = [Self::Local, Self::External, Self::Ldap];

    /// The account type's name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "LOCAL",
            Self::External => "EXTERNAL",
            Self::Ldap => "LDAP",
        }
    }

    /// The account type that a person wrote into a file: without regard to case or white space around it.
    #[must_use]
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(label.trim()))
    }
}

impl FromStr for AccountType {
    type Err = UnknownAccountType;

    fn from_str(text: &str) -> Result<Self, UnknownAccountType> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownAccountType)
    }
}

impl fmt::Display for AccountType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no account type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not one of LOCAL, EXTERNAL and LDAP")]
pub struct UnknownAccountType;

impl From<UnknownAccountType> for Code {
    fn from(_: UnknownAccountType) -> Self {
        Self::InvalidFormat
    }
}

/// A member of an account that a body or a file may give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
        let roles = read_roles(&mut faults, &roles, |role| {
            if role == Role::AdhocCollaborator {
                Some((Code::NotAssignable, "cannot be given to a new account"))
            } else if assignable.contains(role) {
                None
            } else {
                Some((Code::ForbiddenRole, "is not yours to give"))
            }
        });
        let enabled = if enabled.is_missing() {
            Some(true)
        } else {
            read_flag(&mut faults, "enabled", &enabled)
        };
        let account_type = if account_type.is_missing() {
            Some(AccountType::default())
        } else {
            faults.required("accountType", &account_type)
        };
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
            roles: faults.replace(&roles, |faults, given| read_roles(faults, given, |_| None)),
            enabled: faults.replace(&enabled, |faults, given| read_flag(faults, "enabled", given)),
            account_type: faults.replace(&account_type, |faults, given| {
                faults.required("accountType", given)
            }),
            plan_id: faults.change("planId", &plan_id),
            external_user_id: faults.change("externalUserId", &external_user_id),
        };
        faults.finish(Some(patch))
    }
}

/// Reads `true` or `false`.
fn read_flag(faults: &mut Faults, member: &'static str, given: &Given<'_>) -> Option<bool> {
    match given {
        Given::Flag(flag) => return Some(*flag),
        Given::Absent | Given::Null => faults.add(member, REQUIRED, given),
        _ => faults.add(member, (Code::InvalidFormat, "must be true or false"), given),
    }
    None
}

/// Reads an array of roles, or a single one; `objection` says what speaks against a role that exists.
fn read_roles(
    faults: &mut Faults,
    given: &Given<'_>,
    objection: impl Fn(Role) -> Option<(Code, &'static str)>,
) -> Option<Roles> {
    let elements = match given {
        Given::Absent | Given::Null => {
            faults.add("roles", REQUIRED, given);
            return None;
        }
        Given::Text(_) => std::slice::from_ref(given),
        Given::List(elements) => elements.as_slice(),
        Given::Flag(_) | Given::Number(_) | Given::Other => {
            faults.add(
                "roles",
                (Code::InvalidFormat, "must be an array of strings"),
                given,
            );
            return None;
        }
    };
    if elements.is_empty() {
        faults.add("roles", (Code::Required, "must name at least one role"), given);
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
            _ => Some((Code::InvalidFormat, "must be an array of strings")),
        };
        if let Some(fault) = fault {
            faults.add("roles", fault, element);
            sound = false;
        }
    }
    sound.then_some(roles)
}

/// A sound account that does not exist yet. Only [`UserDraft::parse`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    email: Email,
    first_name: Option<Name>,
    last_name: Option<Name>,
    other_name: Option<Name>,
    mobile_number: Option<Phone>,
    roles: Roles,
    enabled: bool,
    account_type: AccountType,
    plan_id: Option<PlanId>,
    external_user_id: Option<ExternalUserId>,
}

impl NewUser {
    /// The address that the account is to hold.
    #[must_use]
    pub fn email(&self) -> &Email {
        &self.email
    }

    /// The roles that the account is to have.
    #[must_use]
    pub fn roles(&self) -> Roles {
        self.roles
    }
}

/// A user's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name, for good.
    pub id: UserId,
    /// Its address, which no other account holds. See [`User::patched`] for a change of spelling.
    pub email: Email,
    /// The person's first name.
    pub first_name: Option<Name>,
    /// The person's last name.
    pub last_name: Option<Name>,
    /// Any other name of the person's.
    pub other_name: Option<Name>,
    /// The person's telephone.
    pub mobile_number: Option<Phone>,
    /// What the account may do; at least one role.
    pub roles: Roles,
    /// Whether the account may do anything at all.
    pub enabled: bool,
    /// Who keeps its credentials.
    pub account_type: AccountType,
    /// The plan it is on.
    pub plan_id: Option<PlanId>,
    /// The caller's own reference for it.
    pub external_user_id: Option<ExternalUserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
    /// How often it was changed; 0 when new. Two records of an account with one version are alike.
    pub version: u64,
    /// The import that made it and the line of the file on which its row begins.
    pub import: Option<(ImportId, u64)>,
}

impl User {
    /// The account that `new` describes, made `now`.
    #[must_use]
    pub fn new(id: UserId, new: NewUser, now: Timestamp, import: Option<(ImportId, u64)>) -> Self {
        let NewUser {
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
        } = new;
        Self {
            id,
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
            created_at: now,
            modified_at: now,
            version: 0,
            import,
        }
    }

    /// The account after a change made `now`.
    ///
    /// If the patch changes nothing, neither does the version. An address that is only spelled in another
    /// way is a change, though the two are equal as addresses.
    #[must_use]
    pub fn patched(&self, patch: UserPatch, now: Timestamp) -> Self {
        let UserPatch {
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
        } = patch;
        let mut user = Self {
            email: email.unwrap_or_else(|| self.email.clone()),
            first_name: first_name.applied_to(self.first_name.as_ref()),
            last_name: last_name.applied_to(self.last_name.as_ref()),
            other_name: other_name.applied_to(self.other_name.as_ref()),
            mobile_number: mobile_number.applied_to(self.mobile_number.as_ref()),
            roles: roles.unwrap_or(self.roles),
            enabled: enabled.unwrap_or(self.enabled),
            account_type: account_type.unwrap_or(self.account_type),
            plan_id: plan_id.applied_to(self.plan_id.as_ref()),
            external_user_id: external_user_id.applied_to(self.external_user_id.as_ref()),
            ..self.clone()
        };
        if user != *self || user.email.as_str() != self.email.as_str() {
            user.modified_at = now;
            user.version += 1;
        }
        user
    }

    /// Whether the account is one of those that administer the system; the last of them must stay.
    #[must_use]
    pub fn is_active_system_admin(&self) -> bool {
        self.enabled && self.roles.contains(Role::SystemAdmin)
    }
}

/// A sound change of an account.
///
/// Members that cannot be without a value are `None` when they stay; the others tell that from being
/// cleared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of the account, each with its change")]
pub struct UserPatch {
    pub email: Option<Email>,
    pub first_name: Change<Name>,
    pub last_name: Change<Name>,
    pub other_name: Change<Name>,
    pub mobile_number: Change<Phone>,
    pub roles: Option<Roles>,
    pub enabled: Option<bool>,
    pub account_type: Option<AccountType>,
    pub plan_id: Change<PlanId>,
    pub external_user_id: Change<ExternalUserId>,
}

impl UserPatch {
    /// Whether every member stays as it is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An account as a caller sees it.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User, example = json!({
    "id": "mfsgs3lbnnqxe2lpnz2gk4ramfxgiidu",
    "email": "ada@example.org",
    "firstName": "Ada",
    "lastName": "Lovelace",
    "otherName": null,
    "mobileNumber": "+4930901820",
    "roles": ["ROLE_ORIGINATOR"],
    "enabled": true,
    "accountType": "LOCAL",
    "planId": null,
    "externalUserId": null,
    "createdAt": "2026-11-23T08:37:46.000Z",
    "modifiedAt": "2026-11-23T08:37:46.000Z",
    "importId": "019ab0f2c47d7e0c9d3b1f60a5e8d214",
    "importLine": 2,
}))]
pub struct UserView<'a> {
    id: UserId,
    email: &'a Email,
    first_name: Option<&'a Name>,
    last_name: Option<&'a Name>,
    other_name: Option<&'a Name>,
    mobile_number: Option<Phone>,
    roles: Roles,
    enabled: bool,
    account_type: AccountType,
    plan_id: Option<&'a PlanId>,
    external_user_id: Option<&'a ExternalUserId>,
    created_at: Timestamp,
    modified_at: Timestamp,
    import_id: Option<ImportId>,
    import_line: Option<u64>,
}

impl<'a> From<&'a User> for UserView<'a> {
    fn from(user: &'a User) -> Self {
        let User {
            id,
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
            created_at,
            modified_at,
            version: _,
            import,
        } = user;
        Self {
            id: *id,
            email,
            first_name: first_name.as_ref(),
            last_name: last_name.as_ref(),
            other_name: other_name.as_ref(),
            mobile_number: *mobile_number,
            roles: *roles,
            enabled: *enabled,
            account_type: *account_type,
            plan_id: plan_id.as_ref(),
            external_user_id: external_user_id.as_ref(),
            created_at: *created_at,
            modified_at: *modified_at,
            import_id: import.map(|(import, _)| import),
            import_line: import.map(|(_, line)| line),
        }
    }
}

#[cfg(test)]
mod tests;
