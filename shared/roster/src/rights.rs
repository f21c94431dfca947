//! What each role may do, in one table.

use crate::{Role, Roles};

/// Something that only some callers may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// Everything on accounts that hold no admin role.
    ManageUsers,
    /// Everything on accounts that hold an admin role, and giving one.
    ManageAdmins,
    /// Issuing an access token for another user, which is a way to act as that user.
    IssueTokens,
    /// Everything on imports.
    Import,
    /// The numbers of users.
    Dashboard,
    /// Reading one's own record.
    ReadSelf,
    /// Changing one's own record.
    ChangeSelf,
    /// One's own contacts.
    Contacts,
}

/// The rights of each role. Roles add up.
const POLICY: [(Role, &[Right]); Role::ALL.len()] = [
    (
        Role::SystemAdmin,
        &[
            Right::ManageUsers,
            Right::ManageAdmins,
            Right::IssueTokens,
            Right::Import,
            Right::Dashboard,
            Right::ReadSelf,
            Right::ChangeSelf,
        ],
    ),
    (
        Role::UserAdmin,
        &[
            Right::ManageUsers,
            Right::Import,
            Right::Dashboard,
            Right::ReadSelf,
            Right::ChangeSelf,
        ],
    ),
    (
        Role::Originator,
        &[Right::ReadSelf, Right::ChangeSelf, Right::Contacts],
    ),
    (
        Role::Collaborator,
        &[Right::ReadSelf, Right::ChangeSelf, Right::Contacts],
    ),
    (Role::AdhocCollaborator, &[Right::ReadSelf]),
];

/// The rights of a holder of `roles`, some perhaps more than once.
///
/// ```
/// # use roster::{Right, Role, rights};
/// assert!(rights(Role::UserAdmin.into()).contains(&Right::Import));
/// assert!(!rights(Role::Collaborator.into()).contains(&Right::Import));
/// ```
#[must_use]
pub fn rights(roles: Roles) -> Vec<Right> {
    POLICY
        .iter()
        .filter(|(role, _)| roles.contains(*role))
        .flat_map(|(_, rights)| rights.iter().copied())
        .collect()
}

/// The roles that a holder of `roles` may give to a new account. `ROLE_ADHOC_COLLABORATOR` never is
/// among them.
#[must_use]
pub fn assignable(roles: Roles) -> Roles {
    let rights = rights(roles);
    Role::ALL
        .into_iter()
        .filter(|role| match role {
            Role::SystemAdmin | Role::UserAdmin => rights.contains(&Right::ManageAdmins),
            Role::Originator | Role::Collaborator => rights.contains(&Right::ManageUsers),
            Role::AdhocCollaborator => false,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_its_line() {
        for role in Role::ALL {
            assert_eq!(
                POLICY.iter().filter(|(known, _)| *known == role).count(),
                1,
                "{role:?}"
            );
        }
    }

    #[test]
    fn roles_add_up() {
        let both = rights([Role::UserAdmin, Role::Originator].into_iter().collect());

        assert!(both.contains(&Right::Import) && both.contains(&Right::Contacts));
        assert!(!both.contains(&Right::ManageAdmins));
    }
}
