//! How many users there are, in all, by role and by account type.

use std::ops::{Add, AddAssign, Neg};

use super::{AccountType, Role, Roles, User};

/// A number of users and how many of them are disabled; as a difference, either may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Users.
    pub total: i64,
    /// Disabled users among them.
    pub disabled: i64,
}

/// The numbers of users that the dashboard shows, or a change of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All users.
    pub all: Share,
    /// Users with an admin role, or two.
    pub admins: Share,
    /// Users by role, in the order of [`Role::ALL`]; who holds two roles is in both.
    pub by_role: [Share; Role::ALL.len()],
    /// Users by account type, in the order of [`AccountType::ALL`].
    pub by_account_type: [Share; AccountType::ALL.len()],
}

impl Tally {
    /// Returns the numbers of one user. An account type that a later version wrote, `None` here, has no number.
    #[must_use]
    pub fn of(roles: Roles, account_type: Option<AccountType>, enabled: bool) -> Self {
        let one = Share {
            total: 1,
            disabled: i64::from(!enabled),
        };
        let mut tally = Self {
            all: one,
            ..Self::default()
        };
        if roles.intersects(Roles::ADMIN) {
            tally.admins = one;
        }
        for (share, role) in tally.by_role.iter_mut().zip(Role::ALL) {
            if roles.contains(role) {
                *share = one;
            }
        }
        for (share, kind) in tally.by_account_type.iter_mut().zip(AccountType::ALL) {
            if Some(kind) == account_type {
                *share = one;
            }
        }
        tally
    }

    /// Returns the numbers of so many users like these.
    #[must_use]
    pub fn times(mut self, count: i64) -> Self {
        for share in self.shares_mut() {
            share.total *= count;
            share.disabled *= count;
        }
        self
    }

    /// How many of the users may act as a system administrator: the enabled holders of that role.
    #[must_use]
    pub fn active_system_admins(&self) -> i64 {
        self.by_role
            .iter()
            .zip(Role::ALL)
            .filter(|(_, role)| *role == Role::SystemAdmin)
            .map(|(share, _)| share.total - share.disabled)
            .sum()
    }

    fn shares_mut(&mut self) -> impl Iterator<Item = &mut Share> {
        [&mut self.all, &mut self.admins]
            .into_iter()
            .chain(&mut self.by_role)
            .chain(&mut self.by_account_type)
    }

    fn shares(&self) -> impl Iterator<Item = &Share> {
        [&self.all, &self.admins]
            .into_iter()
            .chain(&self.by_role)
            .chain(&self.by_account_type)
    }
}

impl User {
    /// The user as one of the number of users.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally::of(self.roles, self.account_type.known().copied(), self.enabled)
    }
}

impl Add for Share {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self {
            total: self.total + more.total,
            disabled: self.disabled + more.disabled,
        }
    }
}

impl Neg for Share {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            total: -self.total,
            disabled: -self.disabled,
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        for (share, more) in self.shares_mut().zip(more.shares()) {
            *share = *share + *more;
        }
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(mut self, more: Self) -> Self {
        self += more;
        self
    }
}

impl Neg for Tally {
    type Output = Self;

    fn neg(mut self) -> Self {
        for share in self.shares_mut() {
            *share = -*share;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(total: i64, disabled: i64) -> Share {
        Share { total, disabled }
    }

    #[test]
    fn a_user_counts_once_in_all_once_as_an_admin_and_once_in_each_role() {
        let admin = [Role::SystemAdmin, Role::Originator].into_iter().collect();
        let tally = Tally::of(admin, Some(AccountType::Local), true)
            + Tally::of(admin, Some(AccountType::Ldap), false)
            + Tally::of(admin, Some(AccountType::Local), true)
            + Tally::of(Role::Collaborator.into(), Some(AccountType::Local), true);

        assert_eq!((tally.all, tally.admins), (share(4, 1), share(3, 1)));
        for (counted, role) in tally.by_role.into_iter().zip(Role::ALL) {
            let expected = match role {
                Role::SystemAdmin | Role::Originator => share(3, 1),
                Role::Collaborator => share(1, 0),
                Role::UserAdmin | Role::AdhocCollaborator => share(0, 0),
            };
            assert_eq!(counted, expected, "{role:?}");
        }
        for (counted, kind) in tally.by_account_type.into_iter().zip(AccountType::ALL) {
            let expected = match kind {
                AccountType::Local => share(3, 0),
                AccountType::Ldap => share(1, 1),
                AccountType::External => share(0, 0),
            };
            assert_eq!(counted, expected, "{kind:?}");
        }
        assert_eq!(tally.active_system_admins(), 2);
    }

    #[test]
    fn what_leaves_cancels_what_came() {
        let roles = [Role::Collaborator].into_iter().collect();
        let tally = Tally::of(roles, Some(AccountType::Local), false);

        assert_eq!(tally + -tally, Tally::default());
    }
}
