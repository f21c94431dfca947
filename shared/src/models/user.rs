//! A user's account.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    Change, Code, Email, ExternalUserId, Given, ImportId, Name, Phone, PlanId, Role, Roles, Timestamp,
    UserId, Violation,
    draft::{Faults, REQUIRED},
};

/// Who keeps an account's credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// The members of an account as they were given, by a JSON body or by a row of a file.
///
/// What a file writes in its own way must be put into the members' own terms first: roles by
/// [`Role::from_label`] into a list of names, account types by [`AccountType::from_label`], and the
/// words for yes and no into [`Given::Flag`]. An empty cell is [`Given::Absent`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of the account, unread")]
pub struct UserDraft<'a> {
    pub email: Given<'a>,
    pub first_name: Given<'a>,
    pub last_name: Given<'a>,
    pub other_name: Given<'a>,
    pub mobile_number: Given<'a>,
    pub roles: Given<'a>,
    pub enabled: Given<'a>,
    pub account_type: Given<'a>,
    pub plan_id: Given<'a>,
    pub external_user_id: Given<'a>,
}

impl UserDraft<'_> {
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
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
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
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{super::Slot, *};

    const ORDINARY: Roles = Roles::NONE.with(Role::Originator).with(Role::Collaborator);

    fn list(names: &[&'static str]) -> Given<'static> {
        Given::List(names.iter().map(|&name| name.into()).collect())
    }

    fn ada() -> UserDraft<'static> {
        UserDraft {
            email: "Ada@example.org".into(),
            first_name: " Ada ".into(),
            roles: list(&["ROLE_ORIGINATOR"]),
            ..UserDraft::default()
        }
    }

    fn stored(draft: UserDraft<'_>) -> User {
        let new = draft.parse(ORDINARY).unwrap();
        let id = UserId::new(Slot::of(new.email()), [0; 5]);
        User::new(id, new, Timestamp::from_millis(1000), None)
    }

    fn later() -> Timestamp {
        Timestamp::from_millis(2000)
    }

    /// Member, code and message of each fault.
    fn told(faults: &[Violation]) -> Vec<(&str, Code, String)> {
        faults
            .iter()
            .map(|fault| (&*fault.member, fault.code, fault.message()))
            .collect()
    }

    #[test]
    fn a_new_account_is_enabled_and_local_unless_it_says_otherwise() {
        let user = stored(ada());

        assert_eq!(user.first_name.unwrap().as_str(), "Ada");
        assert!(user.enabled);
        assert_eq!(user.account_type, AccountType::Local);
        assert_eq!((user.version, user.created_at), (0, user.modified_at));
    }

    #[test]
    fn every_member_of_a_new_account_is_read() {
        let draft = UserDraft {
            last_name: "Lovelace".into(),
            other_name: "King".into(),
            mobile_number: "+49 (30) 901820".into(),
            roles: "ROLE_COLLABORATOR".into(),
            enabled: Given::Flag(false),
            account_type: "LDAP".into(),
            plan_id: "gold".into(),
            external_user_id: "42".into(),
            ..ada()
        };

        let mut user = stored(draft);
        user.import = Some((ImportId::of_object("b", "k", "v"), 7));

        assert_eq!(
            serde_json::to_value(UserView::from(&user)).unwrap(),
            json!({
                "id": user.id.to_string(),
                "email": "Ada@example.org",
                "firstName": "Ada",
                "lastName": "Lovelace",
                "otherName": "King",
                "mobileNumber": "+4930901820",
                "roles": ["ROLE_COLLABORATOR"],
                "enabled": false,
                "accountType": "LDAP",
                "planId": "gold",
                "externalUserId": "42",
                "createdAt": "1970-01-01T00:00:01.000Z",
                "modifiedAt": "1970-01-01T00:00:01.000Z",
                "importId": user.import.unwrap().0.to_string(),
                "importLine": 7,
            })
        );
    }

    #[test]
    fn a_member_without_a_value_is_null_and_never_missing() {
        let user = stored(UserDraft {
            first_name: "  ".into(),
            ..ada()
        });

        let view = serde_json::to_value(UserView::from(&user)).unwrap();

        assert_eq!(view.as_object().unwrap().len(), 15);
        for member in [
            "firstName",
            "lastName",
            "otherName",
            "mobileNumber",
            "planId",
            "externalUserId",
            "importId",
            "importLine",
        ] {
            assert!(view[member].is_null(), "{member}");
        }
    }

    #[test]
    fn every_fault_is_told_in_the_order_of_the_members() {
        let draft = UserDraft {
            email: "ada@".into(),
            first_name: "A\nda".into(),
            last_name: Given::Number(7),
            other_name: Given::Text("x".repeat(101).into()),
            mobile_number: "030 1".into(),
            roles: list(&["ROLE_KING", "ROLE_SYSTEM_ADMIN", "ROLE_ADHOC_COLLABORATOR"]),
            enabled: "yes".into(),
            account_type: "local".into(),
            plan_id: Given::Other,
            external_user_id: Given::Flag(true),
        };

        let faults = draft.parse(ORDINARY).unwrap_err();

        let told: Vec<_> = told(&faults)
            .into_iter()
            .map(|(member, code, _)| (member, code))
            .collect();
        assert_eq!(
            told,
            [
                ("email", Code::InvalidFormat),
                ("firstName", Code::InvalidFormat),
                ("lastName", Code::InvalidFormat),
                ("otherName", Code::TooLong),
                ("mobileNumber", Code::InvalidFormat),
                ("roles", Code::UnknownRole),
                ("roles", Code::ForbiddenRole),
                ("roles", Code::NotAssignable),
                ("enabled", Code::InvalidFormat),
                ("accountType", Code::InvalidFormat),
                ("planId", Code::InvalidFormat),
                ("externalUserId", Code::InvalidFormat),
            ]
        );
        assert_eq!(faults[0].message(), r#"email "ada@" is not an email address"#);
        assert_eq!(faults[2].message(), r#"lastName "7" must be a string"#);
        assert_eq!(
            faults[6].message(),
            r#"roles "ROLE_SYSTEM_ADMIN" is not yours to give"#
        );
        assert_eq!(faults[10].message(), "planId must be a string");
    }

    #[test]
    fn an_account_needs_an_address_and_a_role() {
        for (email, roles) in [
            (Given::Absent, Given::Absent),
            (Given::Null, Given::Null),
            (" ".into(), Given::List(vec![])),
        ] {
            let faults = UserDraft {
                email,
                roles,
                ..UserDraft::default()
            }
            .parse(ORDINARY)
            .unwrap_err();

            assert_eq!(faults[0].message(), "email is required");
            assert_eq!(
                faults.iter().map(|fault| fault.code).collect::<Vec<_>>(),
                [Code::Required; 2]
            );
        }
    }

    #[test]
    fn a_role_is_named_once_and_by_its_name() {
        for (roles, code) in [
            (list(&["ROLE_ORIGINATOR", "ROLE_ORIGINATOR"]), Code::Repeated),
            (list(&["originator"]), Code::UnknownRole),
            ("".into(), Code::UnknownRole),
            (Given::List(vec![Given::Null]), Code::InvalidFormat),
            (Given::List(vec![list(&["ROLE_ORIGINATOR"])]), Code::InvalidFormat),
            (Given::Number(1), Code::InvalidFormat),
        ] {
            let faults = UserDraft {
                roles: roles.clone(),
                ..ada()
            }
            .parse(ORDINARY)
            .unwrap_err();

            assert_eq!(faults.len(), 1, "{roles:?}");
            assert_eq!((&*faults[0].member, faults[0].code), ("roles", code), "{roles:?}");
        }
    }

    #[test]
    fn only_assignable_roles_can_be_given() {
        let admin = || UserDraft {
            roles: "ROLE_USER_ADMIN".into(),
            ..ada()
        };
        let adhoc = UserDraft {
            roles: "ROLE_ADHOC_COLLABORATOR".into(),
            ..ada()
        };

        assert!(admin().parse(Roles::ALL).is_ok());
        assert_eq!(admin().parse(ORDINARY).unwrap_err()[0].code, Code::ForbiddenRole);
        assert_eq!(adhoc.parse(Roles::ALL).unwrap_err()[0].code, Code::NotAssignable);
    }

    #[test]
    fn an_empty_patch_changes_nothing() {
        let user = stored(ada());

        let patch = UserDraft::default().parse_patch().unwrap();

        assert!(patch.is_empty());
        assert_eq!(user.patched(patch, later()), user);
    }

    #[test]
    fn a_patch_that_repeats_what_is_stored_changes_nothing() {
        let user = stored(ada());

        let patch = UserDraft {
            last_name: Given::Null,
            ..ada()
        }
        .parse_patch()
        .unwrap();

        assert!(!patch.is_empty());
        assert_eq!(user.patched(patch, later()), user);
    }

    #[test]
    fn a_patch_moves_version_and_time_once() {
        let user = stored(ada());
        let draft = UserDraft {
            first_name: Given::Null,
            last_name: "Lovelace".into(),
            roles: "ROLE_ADHOC_COLLABORATOR".into(),
            enabled: Given::Flag(false),
            ..UserDraft::default()
        };

        let patched = user.patched(draft.parse_patch().unwrap(), later());

        assert_eq!(patched.first_name, None);
        assert_eq!(patched.last_name.as_ref().unwrap().as_str(), "Lovelace");
        assert_eq!(patched.roles, Roles::from(Role::AdhocCollaborator));
        assert!(!patched.enabled);
        assert_eq!(patched.email, user.email);
        assert_eq!(
            (patched.version, patched.modified_at, patched.created_at),
            (1, later(), user.created_at)
        );
    }

    #[test]
    fn another_spelling_of_the_address_is_a_change() {
        let user = stored(ada());
        let draft = UserDraft {
            email: "ADA@example.org".into(),
            ..UserDraft::default()
        };

        let patched = user.patched(draft.parse_patch().unwrap(), later());

        assert_eq!(patched.email.as_str(), "ADA@example.org");
        assert_eq!(patched.version, 1);
    }

    #[test]
    fn a_patch_cannot_clear_what_an_account_needs() {
        let draft = UserDraft {
            email: Given::Null,
            first_name: Given::Null,
            roles: Given::Null,
            enabled: Given::Null,
            account_type: Given::Null,
            plan_id: Given::Null,
            ..UserDraft::default()
        };

        let faults = draft.parse_patch().unwrap_err();

        let told: Vec<_> = told(&faults).into_iter().map(|(_, _, message)| message).collect();
        assert_eq!(
            told,
            [
                "email is required",
                "roles is required",
                "enabled is required",
                "accountType is required"
            ]
        );
    }

    #[test]
    fn a_disabled_administrator_administers_nothing() {
        let mut user = stored(ada());
        assert!(!user.is_active_system_admin());

        user.roles = user.roles.with(Role::SystemAdmin);
        assert!(user.is_active_system_admin());

        user.enabled = false;
        assert!(!user.is_active_system_admin());
    }

    #[test]
    fn an_account_type_is_exact_in_json_and_lenient_in_a_file() {
        assert_eq!("LDAP".parse(), Ok(AccountType::Ldap));
        assert_eq!("Ldap".parse::<AccountType>(), Err(UnknownAccountType));
        assert_eq!(AccountType::from_label(" Ldap "), Some(AccountType::Ldap));
        assert_eq!(AccountType::from_label("directory"), None);
        assert_eq!(serde_json::to_value(AccountType::External).unwrap(), "EXTERNAL");
    }

    /// Any member value at all.
    fn given() -> impl Strategy<Value = Given<'static>> {
        let leaf = prop_oneof![
            Just(Given::Absent),
            Just(Given::Null),
            Just(Given::Other),
            any::<bool>().prop_map(Given::Flag),
            any::<i64>().prop_map(Given::Number),
            any::<String>().prop_map(|text| Given::Text(text.into())),
            prop::sample::select(Role::ALL.to_vec()).prop_map(|role| role.as_str().into()),
            Just("ada@example.org".into()),
        ];
        leaf.prop_recursive(2, 8, 4, |inner| {
            prop::collection::vec(inner, 0..4).prop_map(Given::List)
        })
    }

    prop_compose! {
        fn draft()(members in prop::collection::vec(given(), 10)) -> UserDraft<'static> {
            let mut members = members.into_iter();
            let mut next = || members.next().unwrap_or_default();
            UserDraft {
                email: next(),
                first_name: next(),
                last_name: next(),
                other_name: next(),
                mobile_number: next(),
                roles: next(),
                enabled: next(),
                account_type: next(),
                plan_id: next(),
                external_user_id: next(),
            }
        }
    }

    proptest! {
        #[test]
        fn any_draft_is_an_account_or_has_faults(draft in draft()) {
            match draft.parse(Roles::ALL) {
                Ok(new) => prop_assert!(!new.roles().is_empty()),
                Err(faults) => prop_assert!(!faults.is_empty()),
            }
        }

        #[test]
        fn a_patch_applied_twice_changes_once(draft in draft()) {
            if let Ok(patch) = draft.parse_patch() {
                let once = stored(ada()).patched(patch.clone(), later());
                prop_assert_eq!(once.patched(patch, Timestamp::MAX), once);
            }
        }
    }
}
