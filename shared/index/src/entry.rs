//! What is known of one account.

use roster::{Timestamp, User, UserId};

use crate::codec;

/// What is known of one account.
///
/// An id is never given twice, the version of a record always rises, and a deletion is final. So entries of one
/// account join by "the higher version wins, a deletion wins over all", and need no order: what comes twice, late or
/// from several sides does no harm.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The account.
    pub id: UserId,
    /// Whether the counters of users have the account. That of an import is counted by the import's next checkpoint.
    pub counted: bool,
    /// Its record, or that it is gone.
    pub state: State,
}

/// The record of an account, or that it is gone.
#[derive(Clone, Debug)]
pub enum State {
    /// The account as it was stored with its version.
    Present(Box<User>),
    /// It was deleted, at this time.
    Deleted(Timestamp),
}

impl Entry {
    /// Returns the entry of an account that is stored as `user`.
    #[must_use]
    pub fn present(user: User, counted: bool) -> Self {
        Self {
            id: user.id,
            counted,
            state: State::Present(Box::new(user)),
        }
    }

    /// Returns the entry of an account that was deleted.
    #[must_use]
    pub fn deleted(id: UserId, at: Timestamp) -> Self {
        Self {
            id,
            counted: false,
            state: State::Deleted(at),
        }
    }

    /// Returns whether the account is in lists: it is counted and there.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.counted && matches!(self.state, State::Present(_))
    }

    /// Returns what this entry and `other`, of the same account, say together.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        let counted = self.counted || other.counted;
        let id = self.id;
        let state = match (self.state, other.state) {
            (State::Deleted(one), State::Deleted(other)) => State::Deleted(one.max(other)),
            (State::Deleted(at), State::Present(_)) | (State::Present(_), State::Deleted(at)) => {
                State::Deleted(at)
            }
            (State::Present(one), State::Present(other)) => State::Present(later(one, other)),
        };
        Self { id, counted, state }
    }
}

/// Returns the record with the higher version. Two with one version are alike; if they were not, everybody would have
/// to choose the same.
fn later(one: Box<User>, other: Box<User>) -> Box<User> {
    let rank = |user: &User| (user.version, codec::record(user));
    if one.version == other.version && one.is_spelled_like(&other) || rank(&one) >= rank(&other) {
        one
    } else {
        other
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use roster::{AccountType, ImportId, Profile, Recorded, Role, Slot};
    use serde_json::json;

    use super::*;

    /// Entries of few accounts with few addresses, so that they meet.
    pub(crate) fn entries(most: usize) -> impl Strategy<Value = Vec<Entry>> {
        proptest::collection::vec(entry(), 0..most)
    }

    pub(crate) fn entry() -> impl Strategy<Value = Entry> {
        let state = prop_oneof![
            1 => (0..5_u64).prop_map(|at| State::Deleted(Timestamp::from_millis(at))),
            6 => user().prop_map(|user| State::Present(Box::new(user))),
        ];
        (0..9_u8, any::<bool>(), state).prop_map(|(number, counted, state)| {
            let id = id(number);
            let state = match state {
                State::Present(user) => State::Present(Box::new(User { id, ..*user })),
                deleted @ State::Deleted(_) => deleted,
            };
            Entry { id, counted, state }
        })
    }

    /// The id number `number`: some share the bits by which they are looked up.
    pub(crate) fn id(number: u8) -> UserId {
        let slot = Slot::of_key(&format!("user{number}@example.org"));
        UserId::of_parts(slot, [number / 2, 0, 0, 0, 7])
    }

    pub(crate) fn user() -> impl Strategy<Value = User> {
        let name = || proptest::option::of("[AaÉéß ZzöÖ\u{1}']{1,3}");
        let people = ("[aA][bB]?[0-2]@(bücher|b)\\.example", name(), name());
        let words = (
            0..32_u8,
            any::<bool>(),
            0..4_usize,
            proptest::option::of("[xX]{1,2}"),
        );
        let numbers = (0..4_u64, 0..4_u64, proptest::option::of((0..2_u128, 0..9_u64)));
        (people, words, numbers).prop_map(|((email, first, last), (roles, enabled, kind, external), more)| {
            let text = |text: Option<String>| text.and_then(|text| roster::Name::stored(&text).ok());
            let (version, created, import) = more;
            let email: roster::Email = email.parse().unwrap();
            User {
                id: UserId::of_parts(Slot::of(&email), [0; 5]),
                pending_email: (version == 3).then(|| email.clone()),
                email,
                profile: Profile {
                    first_name: text(first),
                    last_name: text(last),
                    other_name: (version == 2).then(|| "Other".parse().unwrap()),
                    mobile_number: (version == 1).then(|| "+4930901820".parse().unwrap()),
                    plan_id: (created == 1).then(|| "gold".parse().unwrap()),
                    external_user_id: external.and_then(|text| text.parse().ok()),
                },
                roles: Role::ALL
                    .into_iter()
                    .enumerate()
                    .filter(|(bit, _)| roles & (1 << bit) != 0)
                    .map(|(_, role)| role)
                    .collect(),
                later_roles: (created == 3)
                    .then(|| "ROLE_KING".to_owned())
                    .into_iter()
                    .collect(),
                enabled,
                account_type: AccountType::ALL
                    .get(kind)
                    .copied()
                    .map_or(Recorded::Later(json!({ "kind": [kind] })), Recorded::Known),
                created_at: Timestamp::from_millis(created),
                modified_at: Timestamp::from_millis(created + version),
                version,
                import: import.map(|(id, line)| (ImportId::of_bytes(id.to_le_bytes()), line)),
            }
        })
    }

    pub(crate) fn bytes(entry: &Entry) -> Vec<u8> {
        codec::encode([entry])
    }

    proptest! {
        #[test]
        fn entries_join_in_any_order_and_any_number(a in entry(), b in entry(), c in entry()) {
            let [a, b, c] = [a, b, c].map(|entry| {
                let state = match entry.state {
                    State::Present(user) => State::Present(Box::new(User { id: id(0), ..*user })),
                    deleted @ State::Deleted(_) => deleted,
                };
                Entry { id: id(0), state, ..entry }
            });
            let of = |one: &Entry, other: &Entry| one.clone().join(other.clone());
            prop_assert_eq!(bytes(&of(&a, &b)), bytes(&of(&b, &a)));
            prop_assert_eq!(bytes(&of(&of(&a, &b), &c)), bytes(&of(&a, &of(&b, &c))));
            prop_assert_eq!(bytes(&of(&a, &a)), bytes(&a));
            let all = of(&of(&a, &b), &c);
            prop_assert_eq!(all.counted, a.counted || b.counted || c.counted);
            let gone = [&a, &b, &c].iter().any(|entry| matches!(entry.state, State::Deleted(_)));
            prop_assert_eq!(matches!(all.state, State::Deleted(_)), gone);
            if let State::Present(user) = &all.state {
                for entry in [&a, &b, &c] {
                    if let State::Present(other) = &entry.state {
                        prop_assert!(user.version >= other.version);
                    }
                }
            }
        }
    }
}
