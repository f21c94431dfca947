use proptest::prelude::*;

use super::*;
use roster::{ProfilePatch, Role, Roles, UserDraft};

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn email(text: &str) -> Email {
    text.parse().unwrap()
}

fn slot(text: &str) -> Slot {
    Slot::of(&email(text))
}

/// A new account with the address `ada@example.org`.
fn ada() -> Account {
    let draft = UserDraft {
        email: "ada@example.org".into(),
        roles: Role::Originator.as_str().into(),
        ..UserDraft::default()
    };
    Account::new(User::new(draft.parse(Roles::ALL).unwrap(), at(0), None))
}

/// [`ada`] as the version before left her, after she had taken `other@` and then `mine@` without proof.
fn unproven() -> Account {
    let AccountRecord { user, .. } = ada().into_record();
    Account::stored(AccountRecord {
        user: User {
            email: email("mine@example.org"),
            ..user
        },
        addresses: vec![slot("other@example.org"), slot("mine@example.org")],
        address_unproven: true,
        ..ada().into_record()
    })
}

fn pending(account: &Account) -> Option<&str> {
    account.user.pending_email.as_ref().map(Email::as_str)
}

fn asks(text: &str) -> UserPatch {
    UserPatch {
        email: Some(email(text)),
        ..UserPatch::default()
    }
}

fn withdraws() -> UserPatch {
    UserPatch {
        pending_email: Change::Clear,
        ..UserPatch::default()
    }
}

#[test]
fn an_address_that_an_owner_asks_for_waits_and_is_not_kept() {
    let asked = ada().patched_by_owner(asks("new@example.org"), at(1)).unwrap();
    assert_eq!(asked.user.email.as_str(), "ada@example.org");
    assert_eq!(pending(&asked), Some("new@example.org"));
    assert_eq!((asked.user.version, asked.user.modified_at), (1, at(1)));
    assert!(asked.addresses.is_empty() && !asked.keeps(slot("new@example.org")));
    assert!(asked.is_found_by(slot("ada@example.org")) && !asked.is_found_by(slot("new@example.org")));

    // A client that sends back what it read asks for nothing, however the address is spelled.
    for same in ["ada@example.org", "ADA@Example.org"] {
        let again = asked.patched_by_owner(asks(same), at(2)).unwrap();
        assert_eq!(*again, *asked, "{same}");
    }
    let withdrawn = asked.patched_by_owner(withdraws(), at(2)).unwrap();
    assert_eq!((pending(&withdrawn), withdrawn.user.version), (None, 2));
    let present = UserPatch {
        pending_email: Change::Set(email("ADA@example.org")),
        ..UserPatch::default()
    };
    let present = withdrawn.patched_by_owner(present, at(3)).unwrap();
    assert_eq!(
        *present, *withdrawn,
        "the present address does not wait for itself"
    );
}

#[test]
fn an_administrator_gives_the_address_and_the_one_before_is_kept() {
    let asked = ada().patched_by_owner(asks("new@example.org"), at(1)).unwrap();

    let other = asked.patched(asks("third@example.org"), at(2)).unwrap();
    assert_eq!(
        pending(&other),
        Some("new@example.org"),
        "what is asked for goes on waiting"
    );
    let given = asked.patched(asks("NEW@example.org"), at(2)).unwrap();
    assert_eq!(
        (given.user.email.as_str(), pending(&given)),
        ("NEW@example.org", None)
    );
    assert!(given.is_found_by(slot("new@example.org")));
    assert!(given.keeps(slot("ada@example.org")) && !given.is_found_by(slot("ada@example.org")));

    let respelled = ada().patched(asks("ADA@example.org"), at(2)).unwrap();
    assert_eq!(
        (respelled.user.email.as_str(), respelled.user.version),
        ("ADA@example.org", 1)
    );
    assert!(respelled.addresses.is_empty());
}

#[test]
fn an_address_of_the_version_before_is_settled_by_an_explicit_word_only() {
    let account = unproven();
    assert_eq!(pending(&account), Some("mine@example.org"));
    for known in ["ada@example.org", "other@example.org", "mine@example.org"] {
        assert!(
            account.keeps(slot(known)) && !account.is_found_by(slot(known)),
            "{known}"
        );
    }

    let echo = UserPatch {
        pending_email: Change::Set(email("mine@example.org")),
        ..asks("mine@example.org")
    };
    for nothing in [echo.clone(), asks("mine@example.org"), withdraws()] {
        assert_eq!(*account.patched(nothing, at(1)).unwrap(), *account);
    }
    for owners in [echo, asks("MINE@example.org"), withdraws()] {
        assert_eq!(*account.patched_by_owner(owners, at(1)).unwrap(), *account);
    }
    let both = UserPatch {
        pending_email: Change::Clear,
        ..asks("mine@example.org")
    };
    assert_eq!(*account.patched_by_owner(both.clone(), at(1)).unwrap(), *account);

    let settled = account.patched(both, at(1)).unwrap();
    assert_eq!((pending(&settled), settled.user.version), (None, 1));
    assert!(settled.is_found_by(slot("mine@example.org")));
    assert_eq!(settled.addresses, [slot("mine@example.org")]);
    let replaced = account.patched(asks("right@example.org"), at(1)).unwrap();
    assert!(replaced.is_found_by(slot("right@example.org")));
    assert_eq!(replaced.addresses, [slot("right@example.org")]);
    let back = account.patched(asks("ada@example.org"), at(1)).unwrap();
    assert!(back.is_found_by(slot("ada@example.org")) && back.addresses.is_empty());
}

#[test]
fn an_owner_whose_address_is_unproven_may_ask_for_another_and_go_back() {
    let asked = unproven()
        .patched_by_owner(asks("right@example.org"), at(1))
        .unwrap();
    assert_eq!(pending(&asked), Some("right@example.org"));
    assert!(asked.address_unproven);

    let withdrawn = asked.patched_by_owner(withdraws(), at(2)).unwrap();
    assert_eq!(pending(&withdrawn), Some("mine@example.org"));
    assert!(withdrawn.address_unproven);
}

#[test]
fn an_issuer_proves_the_pending_address_and_no_other() {
    let proven = |account: &Account, text: &str| account.proven(&email(text), at(3)).unwrap();
    assert!(proven(&ada(), "new@example.org").is_none(), "nothing is pending");
    let asked = ada().patched_by_owner(asks("kelvin@example.org"), at(1)).unwrap();
    for other in ["new@example.org", "\u{212A}elvin@example.org"] {
        assert!(proven(&asked, other).is_none(), "{other}");
    }

    let moved = proven(&asked, "Kelvin@example.org").unwrap();
    assert_eq!(
        (moved.user.email.as_str(), pending(&moved)),
        ("kelvin@example.org", None)
    );
    assert!(moved.is_found_by(slot("kelvin@example.org")));

    // Of an account of the version before, if its owner took no other address than this one.
    assert!(proven(&unproven(), "mine@example.org").is_none());
    let once = AccountRecord {
        addresses: vec![slot("mine@example.org")],
        ..unproven().into_record()
    };
    let settled = proven(&Account::stored(once), "mine@example.org").unwrap();
    assert!(settled.is_found_by(slot("mine@example.org")));
}

#[test]
fn an_account_keeps_so_many_former_addresses() {
    let mut account = ada();
    for number in 0..Account::MAX_ADDRESSES {
        account = account
            .patched(asks(&format!("u{number}@example.org")), at(1))
            .unwrap();
    }

    let one_more = account.patched(asks("new@example.org"), at(1));
    assert!(matches!(one_more, Err(Error::Conflict { .. })), "{one_more:?}");
    let former = account.patched(asks("u7@example.org"), at(1)).unwrap();
    assert!(former.is_found_by(slot("u7@example.org")));
    let asked = account.patched_by_owner(asks("new@example.org"), at(1)).unwrap();
    assert!(matches!(
        asked.proven(&email("new@example.org"), at(2)),
        Err(Error::Conflict { .. })
    ));
}

#[test]
fn an_import_never_changes_the_address() {
    let import = ImportId::of_object("bucket", "key", "");
    let asked = ada().patched_by_owner(asks("new@example.org"), at(1)).unwrap();
    let patch = UserPatch {
        pending_email: Change::Clear,
        enabled: Some(false),
        ..asks("new@example.org")
    };

    let changed = asked.patched_by_import(patch, at(2), (import, 7), 0);

    assert_eq!(
        (changed.user.email.as_str(), pending(&changed)),
        ("ada@example.org", Some("new@example.org"))
    );
    assert_eq!(
        (changed.user.enabled, changed.changed_by),
        (false, Some((import, 7)))
    );
    assert_eq!(changed.user.version, 2);
}

#[test]
fn an_end_of_tokens_is_later_than_any_token_before_also_when_clocks_differ() {
    let ended = ada().without_tokens(at(10));
    assert_eq!((ended.tokens_valid_after, ended.user.version), (Some(at(10)), 1));

    // A token that is issued now dates from 11, whatever the clock says.
    let again = ended.without_tokens(at(9));

    assert_eq!((again.tokens_valid_after, again.user.version), (Some(at(11)), 2));
}

/// Any change of an account, by everybody who may make one.
fn change() -> impl Strategy<Value = (u8, UserPatch)> {
    let address = prop::sample::select(vec!["ada", "ADA", "other", "mine", "new"])
        .prop_map(|name| email(&format!("{name}@example.org")));
    let pending = prop_oneof![
        Just(Change::Keep),
        Just(Change::Clear),
        address.clone().prop_map(Change::Set)
    ];
    (
        0..4_u8,
        prop::option::of(address),
        pending,
        prop::option::of(any::<bool>()),
    )
        .prop_map(|(by, email, pending_email, enabled)| {
            let patch = UserPatch {
                email,
                pending_email,
                enabled,
                ..UserPatch::default()
            };
            (by, patch)
        })
}

proptest! {
    #[test]
    fn whatever_is_done_the_version_moves_with_the_record_and_the_address_is_kept(
        old in any::<bool>(),
        changes in prop::collection::vec(change(), 1..12),
    ) {
        let mut account = if old { unproven() } else { ada() };
        for (by, patch) in changes {
            let before = account.clone();
            account = match by {
                0 => account.patched(patch, at(1)).unwrap(),
                1 => account.patched_by_owner(patch, at(1)).unwrap(),
                2 => account.proven(&patch.email.unwrap_or_else(|| email("new@example.org")), at(1))
                    .unwrap()
                    .unwrap_or(account),
                _ => account.patched_by_import(patch, at(1), (ImportId::of_object("b", "k", ""), 2), 0),
            };
            let same = *account == *before && account.user.is_spelled_like(&before.user);
            prop_assert_eq!(account.user.version, before.user.version + u64::from(!same));
            prop_assert!(account.keeps(Slot::of(&account.user.email)));
            let waits_for_itself = account.user.pending_email.as_ref() == Some(&account.user.email);
            prop_assert!(account.address_unproven || !waits_for_itself);
            prop_assert!(!account.address_unproven || account.user.pending_email.is_some());
            if by == 1 {
                prop_assert_eq!(account.user.email.as_str(), before.user.email.as_str());
                prop_assert_eq!(&account.addresses, &before.addresses);
                prop_assert_eq!(account.address_unproven, before.address_unproven);
            }
        }
    }
}

fn import(key: &str) -> ImportId {
    ImportId::of_object("bucket", key, "")
}

fn named(name: &str) -> UserPatch {
    UserPatch {
        profile: ProfilePatch {
            first_name: Change::Set(name.parse().unwrap()),
            ..ProfilePatch::default()
        },
        ..UserPatch::default()
    }
}

fn first_name(account: &Account) -> Option<&str> {
    account.user.profile.first_name.as_ref().map(roster::Name::as_str)
}

#[test]
fn what_an_import_has_changed_is_given_back_with_the_mark_before() {
    let made = ada();
    let first = made.patched_by_import(named("Ada"), at(1), (import("one"), 2), 0);
    let second = first.patched_by_import(named("Augusta"), at(2), (import("two"), 3), 1);
    let back = |from: &Account, to: &Account, by: &str| {
        let changes = from.user.differences(&to.user);
        let changes: Vec<_> = changes
            .into_iter()
            .map(|change| MemberChange {
                before: change.after,
                after: change.before,
                ..change
            })
            .collect();
        from.given_back(import(by), &changes, to.former_mark(), at(9))
            .unwrap()
    };

    let undone = back(&second, &first, "two");
    let undone_twice = back(&undone, &made, "one");

    assert!(first.is_untouched() && second.is_untouched());
    assert_eq!(second.former.as_ref().unwrap().members["firstName"], "Ada");
    assert_eq!(
        (undone.changed_by, undone.is_untouched()),
        (first.changed_by, true)
    );
    assert_eq!((first_name(&undone), undone.user.version), (Some("Ada"), 3));
    assert_eq!(
        (undone_twice.changed_by, undone_twice.is_untouched()),
        (None, true)
    );
    assert_eq!(first_name(&undone_twice), None);
    assert_eq!(undone_twice.undone, [import("two"), import("one")]);
}

#[test]
fn a_change_between_two_imports_is_not_forgotten_by_an_undo() {
    let first = ada().patched_by_import(named("Ada"), at(1), (import("one"), 2), 0);
    let touched = first.patched(named("Countess"), at(2)).unwrap();
    let second = touched.patched_by_import(named("Augusta"), at(3), (import("two"), 3), 0);

    let changes = touched.user.differences(&second.user);
    let undone = second
        .given_back(import("two"), &changes, touched.former_mark(), at(9))
        .unwrap();

    assert!(!touched.is_untouched());
    assert_eq!(first_name(&undone), Some("Countess"));
    assert!(!undone.is_untouched(), "it was changed since the first import");
}

#[test]
fn only_what_an_import_made_and_nobody_has_touched_becomes_in_use() {
    let of_import = |import| {
        let AccountRecord { user, .. } = ada().into_record();
        Account::new(User { import, ..user })
    };
    let made = of_import(Some((import("one"), 2)));

    let used = made.in_use().unwrap();

    assert_eq!(used.user.version, 1);
    assert!(!used.is_untouched() && used.in_use().is_none());
    assert!(of_import(None).in_use().is_none());
    assert!(
        made.adopted(import("one"), 3).is_untouched(),
        "an adoption is no change"
    );
}
