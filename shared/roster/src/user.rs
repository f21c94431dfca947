//! A user's account.

mod difference;
mod draft;
mod member;

use serde::{Serialize, Serializer};
#[cfg(feature = "schema")]
use utoipa::ToSchema;

use super::{
    AccountType, Change, Email, ExternalUserId, ImportId, Name, Phone, PlanId, Recorded, Role, Roles, Slot,
    Timestamp, UserId,
};

pub use difference::MemberChange;
pub use member::{Member, Members, Profile, ProfilePatch, UnknownMember, UserDraft};

/// A sound account that does not exist yet. Only [`UserDraft::parse`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    email: Email,
    profile: Profile,
    roles: Roles,
    enabled: bool,
    account_type: AccountType,
}

impl NewUser {
    /// The address that the account is to hold.
    #[must_use]
    pub fn email(&self) -> &Email {
        &self.email
    }
}

/// A user's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's id. It never changes and is never reused.
    pub id: UserId,
    /// Its address, which no other account holds. See [`User::patched`] for a change of spelling.
    pub email: Email,
    /// The address that its owner asks for. It reserves nothing and proves nothing.
    pub pending_email: Option<Email>,
    /// The members that it may be without.
    pub profile: Profile,
    /// What the account may do; at least one role.
    pub roles: Roles,
    /// The roles that a later version of the service has given. They allow nothing here, and whoever manages the account
    /// must be allowed to manage administrators, because they may be roles of one.
    pub later_roles: Vec<String>,
    /// Whether the account may do anything at all.
    pub enabled: bool,
    /// Who keeps its credentials.
    pub account_type: Recorded<AccountType>,
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
    /// The account that `new` describes, made `now`, with an id that no other has.
    #[must_use]
    pub fn new(new: NewUser, now: Timestamp, import: Option<(ImportId, u64)>) -> Self {
        let NewUser {
            email,
            profile,
            roles,
            enabled,
            account_type,
        } = new;
        Self {
            id: UserId::random(Slot::of(&email)),
            email,
            pending_email: None,
            profile,
            roles,
            later_roles: Vec::new(),
            enabled,
            account_type: account_type.into(),
            created_at: now,
            modified_at: now,
            version: 0,
            import,
        }
    }

    /// The account after a change made `now`.
    ///
    /// An address that is only spelled in another way is a change, though the two are equal as addresses. The
    /// version stays: the account that the user belongs to counts its changes.
    #[must_use]
    pub fn patched(&self, patch: UserPatch, now: Timestamp) -> Self {
        let UserPatch {
            email,
            pending_email,
            profile,
            roles,
            enabled,
            account_type,
        } = patch;
        let mut user = Self {
            email: email.unwrap_or_else(|| self.email.clone()),
            pending_email: pending_email.applied_to(self.pending_email.as_ref()),
            profile: self.profile.patched(profile),
            later_roles: match roles {
                Some(_) => Vec::new(),
                None => self.later_roles.clone(),
            },
            roles: roles.unwrap_or(self.roles),
            enabled: enabled.unwrap_or(self.enabled),
            account_type: account_type.map_or_else(|| self.account_type.clone(), Recorded::Known),
            ..self.clone()
        };
        if !user.is_spelled_like(self) {
            user.modified_at = now;
        }
        user
    }

    /// Returns the change that gives another account those of `members` that this one has a value for.
    #[must_use]
    pub fn patch(&self, members: Members) -> UserPatch {
        let has = |member| members.contains(member);
        UserPatch {
            email: has(Member::Email).then(|| self.email.clone()),
            pending_email: Change::Keep,
            profile: self.profile.patch(members),
            roles: has(Member::Roles).then_some(self.roles),
            enabled: has(Member::Enabled).then_some(self.enabled),
            account_type: self
                .account_type
                .known()
                .copied()
                .filter(|_| has(Member::AccountType)),
        }
    }

    /// Returns whether `other` is the same to the letter. Equality takes two spellings of an address for one.
    #[must_use]
    pub fn is_spelled_like(&self, other: &Self) -> bool {
        fn spelled(user: &User) -> (&str, Option<&str>) {
            (
                user.email.as_str(),
                user.pending_email.as_ref().map(Email::as_str),
            )
        }
        self == other && spelled(self) == spelled(other)
    }

    /// Returns whether only those who manage administrators may manage the account: it holds an admin role, or one of
    /// a later version, which may be an admin role there.
    #[must_use]
    pub fn is_reserved_to_admins(&self) -> bool {
        self.roles.intersects(Roles::ADMIN) || !self.later_roles.is_empty()
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
    pub pending_email: Change<Email>,
    pub profile: ProfilePatch,
    pub roles: Option<Roles>,
    pub enabled: Option<bool>,
    pub account_type: Option<AccountType>,
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
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", schema(as = User, example = json!({
    "id": "mfsgs3lbnnqxe2lpnz2gk4ramfxgiidu",
    "email": "ada@example.org",
    "pendingEmail": null,
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
})))]
pub struct UserView<'a> {
    id: UserId,
    email: &'a Email,
    /// The address that the owner asks for. It becomes the address when an administrator sets it as `email` or
    /// when the issuer that the owner signs in by proves it.
    pending_email: Option<&'a Email>,
    first_name: Option<&'a Name>,
    last_name: Option<&'a Name>,
    other_name: Option<&'a Name>,
    mobile_number: Option<Phone>,
    #[cfg_attr(feature = "schema", schema(value_type = Roles))]
    roles: RoleWords<'a>,
    enabled: bool,
    #[cfg_attr(feature = "schema", schema(value_type = AccountType))]
    account_type: &'a Recorded<AccountType>,
    plan_id: Option<&'a PlanId>,
    external_user_id: Option<&'a ExternalUserId>,
    created_at: Timestamp,
    modified_at: Timestamp,
    import_id: Option<ImportId>,
    import_line: Option<u64>,
}

/// The roles of an account as a caller sees them: an array, with those of a later version at its end.
#[derive(Clone, Copy, Debug)]
struct RoleWords<'a> {
    known: Roles,
    later: &'a [String],
}

impl Serialize for RoleWords<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let known = self.known.iter().map(|role| role.as_str().to_owned());
        serializer.collect_seq(known.chain(self.later.iter().cloned()))
    }
}

impl<'a> From<&'a User> for UserView<'a> {
    fn from(user: &'a User) -> Self {
        let User {
            id,
            email,
            pending_email,
            profile,
            roles,
            later_roles,
            enabled,
            account_type,
            created_at,
            modified_at,
            version: _,
            import,
        } = user;
        Self {
            id: *id,
            email,
            pending_email: pending_email.as_ref(),
            first_name: profile.first_name.as_ref(),
            last_name: profile.last_name.as_ref(),
            other_name: profile.other_name.as_ref(),
            mobile_number: profile.mobile_number,
            roles: RoleWords {
                known: *roles,
                later: later_roles,
            },
            enabled: *enabled,
            account_type,
            plan_id: profile.plan_id.as_ref(),
            external_user_id: profile.external_user_id.as_ref(),
            created_at: *created_at,
            modified_at: *modified_at,
            import_id: import.map(|(import, _)| import),
            import_line: import.map(|(_, line)| line),
        }
    }
}

#[cfg(test)]
mod tests;
