//! The only way from the members of an account as they are given to a [`NewUser`].

use super::{Member, NewUser, Profile, User, UserDraft, UserPatch};
use crate::draft::{Faults, objection};
use crate::{AccountType, Given, Roles, Violation};

impl UserDraft<'_> {
    /// Reads a new account, to be given roles of `assignable` only.
    ///
    /// `ROLE_ADHOC_COLLABORATOR` is refused even if it is in `assignable`: no new account has it.
    ///
    /// # Errors
    ///
    /// Every fault of every member, in the order of the members.
    pub fn parse(self, assignable: Roles) -> Result<NewUser, Vec<Violation>> {
        let mut faults = Faults::default();

        let email = faults.required(Member::Email, &self.email);
        let none = Profile::default();
        let profile = none.patched(none.read_change(&self, &mut faults));
        let roles = faults.roles(Member::Roles, &self.roles, |role| objection(role, assignable));
        let enabled = faults.defaulted(&self.enabled, true, |faults, given| {
            faults.flag(Member::Enabled, given)
        });
        let account_type = faults.defaulted(&self.account_type, AccountType::default(), |faults, given| {
            faults.required(Member::AccountType, given)
        });

        let new = match (email, roles, enabled, account_type) {
            (Some(email), Some(roles), Some(enabled), Some(account_type)) => Some(NewUser {
                email,
                profile,
                roles,
                enabled,
                account_type,
            }),
            _ => None,
        };
        faults.sorted().finish(new)
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
        let mut faults = Faults::default();

        let patch = UserPatch {
            email: faults.replace(&self.email, |faults, given| faults.address(given, &present.email)),
            pending_email: faults.change("pendingEmail", pending_email, present.pending_email.as_ref()),
            profile: present.profile.read_change(&self, &mut faults),
            roles: faults.replace(&self.roles, |faults, given| {
                faults.roles(Member::Roles, given, |_| None)
            }),
            enabled: faults.replace(&self.enabled, |faults, given| faults.flag(Member::Enabled, given)),
            account_type: faults.replace(&self.account_type, |faults, given| {
                faults.required(Member::AccountType, given)
            }),
        };
        faults.sorted().finish(Some(patch))
    }
}
