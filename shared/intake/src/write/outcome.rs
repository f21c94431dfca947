//! What became of a checked row, and of the account that it has found.

use roster::{Member, MemberChange, Role, Roles, User, UserId};
use serde_json::Value;
use table::{Account, FormerMark};

use super::Pending;

/// What became of a checked row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its user was made, now or by an earlier run of the import.
    Created,
    /// Its user was changed, now or by an earlier run of the import.
    Updated,
    /// Its user has every value that it gives. Nothing was written.
    Unchanged,
    /// An account has its address.
    Exists,
    /// Its address is kept for that account, which has another one now.
    Kept(UserId),
    /// Its address is that of this account on nothing but the owner's word.
    Unproven(UserId),
    /// Its address is on that earlier line of the file, whose user was made or changed.
    Repeats(u64),
    /// Its account may not be changed, for this reason.
    Refused(&'static str),
    /// Its account was changed, made or deleted since the dry run that is applied, or it failed there.
    ChangedSince,
    /// It takes away an enabled system administrator, so it has to wait until the others of its segment are written.
    /// Such rows are carried out one by one in the order of their lines, because the last of them may be refused.
    Waits,
}

impl sheet::Outcome for Outcome {
    fn is_carried_out(&self) -> bool {
        matches!(self, Self::Created | Self::Updated | Self::Unchanged)
    }
}

impl Outcome {
    /// Returns why no row can have the address, if it is kept for an account that it does not find.
    pub(crate) fn kept(self) -> Option<String> {
        match self {
            Self::Kept(id) => Some(format!(
                "is a former address of the account {id} and kept for it; delete that account or use another address"
            )),
            Self::Unproven(id) => Some(format!(
                "was set by the owner of the account {id} and never confirmed; confirm or replace the address of that \
                 account first"
            )),
            _ => None,
        }
    }
}

/// What a row has done to an account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Effect {
    /// The account; none if a dry run would make it.
    pub(crate) user: Option<UserId>,
    /// The version of the account that the row met, and its mark; none if the row made it.
    pub(crate) met: Option<(u64, FormerMark)>,
    /// What was changed.
    pub(crate) changes: Vec<MemberChange>,
    /// The change of the number of enabled system administrators.
    pub(crate) admins: i64,
    /// The account as the row has stored it; none if that is not known.
    pub(crate) stored: Option<Box<User>>,
}

impl Effect {
    /// The effect of a row that makes the account `id`.
    pub(crate) fn of_making(pending: &Pending, id: Option<UserId>) -> Self {
        Self {
            user: id,
            met: None,
            changes: pending.user.from_nothing(),
            admins: pending.user.tally().active_system_admins(),
            stored: None,
        }
    }

    /// The effect of a row that changes `account` to `new`, which may be the same.
    pub(crate) fn of_changing(account: &Account, new: &Account) -> Self {
        let counted = new.user.tally() + -account.user.tally();
        Self {
            user: Some(account.user.id),
            met: Some((account.user.version, account.former_mark())),
            changes: account.user.differences(&new.user),
            admins: counted.active_system_admins(),
            stored: None,
        }
    }

    /// The effect of a row that an earlier run of the import has carried out on `account`, by what that run has left
    /// beside its mark.
    fn of_changed(pending: &Pending, account: &Account) -> Self {
        let Some(former) = &account.former else {
            // The version before keeps none.
            return Self {
                user: Some(account.user.id),
                ..Self::default()
            };
        };
        let change = |(member, before): (&String, &Value)| {
            let member: Member = member.parse().ok()?;
            Some(MemberChange {
                member,
                before: before.clone(),
                after: pending.user.value(member),
            })
        };
        let mut changes: Vec<_> = former.members.iter().filter_map(change).collect();
        changes.sort_by_key(|change| change.member);
        Self {
            user: Some(account.user.id),
            met: Some((former.version, former.mark)),
            changes,
            admins: 0,
            stored: None,
        }
    }

    /// Returns whether the row gives an admin role to its account, and whether it takes one from it.
    pub(crate) fn admin_roles(&self) -> (bool, bool) {
        let mut roles = self
            .changes
            .iter()
            .filter(|change| change.member == Member::Roles);
        let Some(MemberChange { before, after, .. }) = roles.next() else {
            return (false, false);
        };
        let held = |roles: &Value, role: Role| {
            let roles = roles.as_array().into_iter().flatten();
            roles.into_iter().any(|held| held == role.as_str())
        };
        let gains = |from: &Value, to: &Value| {
            let mut admin = Roles::ADMIN.iter();
            admin.any(|role| held(to, role) && !held(from, role))
        };
        (gains(before, after), gains(after, before))
    }
}

/// A row's outcome and effect.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) outcome: Outcome,
    /// What it has done to an account; none if the row found none that it may touch.
    pub(crate) effect: Option<Effect>,
}

impl From<Outcome> for Done {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            effect: None,
        }
    }
}

impl Done {
    /// The outcome of a row and its effect, as the account at its address shows them.
    pub(super) fn of_account(outcome: Outcome, pending: &Pending, account: &Account) -> Self {
        let effect = match outcome {
            Outcome::Created => Some(Effect::of_making(pending, Some(account.user.id))),
            Outcome::Updated => Some(Effect::of_changed(pending, account)),
            _ => None,
        };
        Self { outcome, effect }
    }

    /// What a row does that changes `account` to `new`, which may be the same.
    pub(super) fn of_change(account: &Account, new: &Account) -> Self {
        let effect = Effect::of_changing(account, new);
        let outcome = if effect.changes.is_empty() {
            Outcome::Unchanged
        } else {
            Outcome::Updated
        };
        Self {
            outcome,
            effect: Some(effect),
        }
    }

    /// The same change, of which is known that `account` is what is stored.
    pub(super) fn stored(mut self, account: Account) -> Self {
        if let Some(effect) = &mut self.effect {
            effect.stored = Some(Box::new(account.into_user()));
        }
        self
    }
}
