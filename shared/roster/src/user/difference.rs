//! What two states of an account differ in.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
#[cfg(feature = "schema")]
use utoipa::ToSchema;

use super::{Member, User, UserView};

/// A member of an account with its values before and after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
pub struct MemberChange {
    /// Which.
    pub member: Member,
    /// Its value before, as in the user; null if it had none.
    pub before: Value,
    /// Its value afterwards.
    pub after: Value,
}

impl User {
    /// Returns the members in which `after` differs, of those that a body or a file can give.
    #[must_use]
    pub fn differences(&self, after: &Self) -> Vec<MemberChange> {
        let (mut before, mut after) = (members(self), members(after));
        let change = |member: Member| MemberChange {
            member,
            before: before.remove(member.name()).unwrap_or_default(),
            after: after.remove(member.name()).unwrap_or_default(),
        };
        let changes = Member::ALL.into_iter().map(change);
        changes.filter(|change| change.before != change.after).collect()
    }

    /// Returns the members that have a value, but for the address, as the changes that make the account.
    #[must_use]
    pub fn from_nothing(&self) -> Vec<MemberChange> {
        let mut after = members(self);
        let change = |member: Member| MemberChange {
            member,
            before: Value::Null,
            after: after.remove(member.name()).unwrap_or_default(),
        };
        let changes = Member::ALL.into_iter().map(change);
        changes
            .filter(|change| change.member != Member::Email && !change.after.is_null())
            .collect()
    }

    /// Returns the value of a member, as in the user; null if it has none.
    #[must_use]
    pub fn value(&self, member: Member) -> Value {
        members(self).remove(member.name()).unwrap_or_default()
    }
}

fn members(user: &User) -> Map<String, Value> {
    match serde_json::to_value(UserView::from(user)) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Roles, Timestamp, UserDraft};

    fn user(first_name: &'static str, roles: &'static str) -> User {
        let draft = UserDraft {
            email: "ada@example.org".into(),
            first_name: first_name.into(),
            roles: roles.into(),
            ..UserDraft::default()
        };
        User::new(draft.parse(Roles::ALL).unwrap(), Timestamp::from_millis(0), None)
    }

    #[test]
    fn only_members_that_differ_are_a_change() {
        let before = user("Ada", "ROLE_ORIGINATOR");
        let after = user("", "ROLE_COLLABORATOR");

        let change = |member, before, after| MemberChange {
            member,
            before,
            after,
        };
        assert_eq!(
            before.differences(&after),
            [
                change(Member::FirstName, json!("Ada"), json!(null)),
                change(
                    Member::Roles,
                    json!(["ROLE_ORIGINATOR"]),
                    json!(["ROLE_COLLABORATOR"])
                ),
            ]
        );
        assert_eq!(before.differences(&before), []);
        assert_eq!(after.value(Member::Roles), json!(["ROLE_COLLABORATOR"]));
    }

    #[test]
    fn an_account_comes_from_nothing_by_the_members_that_have_a_value() {
        let made = user("Ada", "ROLE_ORIGINATOR").from_nothing();

        let made: Vec<_> = made
            .iter()
            .map(|change| (change.member, &change.before, change.after.to_string()))
            .collect();
        let null = Value::Null;
        assert_eq!(
            made,
            [
                (Member::FirstName, &null, "\"Ada\"".to_owned()),
                (Member::Roles, &null, "[\"ROLE_ORIGINATOR\"]".to_owned()),
                (Member::Enabled, &null, "true".to_owned()),
                (Member::AccountType, &null, "\"LOCAL\"".to_owned()),
            ]
        );
    }
}
