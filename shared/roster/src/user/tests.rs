use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Code, Given, UnknownAccountType, Violation};

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

/// Every member, each another than the one of [`ada`] or what it is if left out.
fn whole() -> UserDraft<'static> {
    UserDraft {
        first_name: "Augusta".into(),
        last_name: "Lovelace".into(),
        other_name: "King".into(),
        mobile_number: "+49 (30) 901820".into(),
        roles: "ROLE_COLLABORATOR".into(),
        enabled: Given::Flag(false),
        account_type: "LDAP".into(),
        plan_id: "gold".into(),
        external_user_id: "42".into(),
        ..ada()
    }
}

fn stored(draft: UserDraft<'_>) -> User {
    let new = draft.parse(ORDINARY).unwrap();
    User::new(new, Timestamp::from_millis(1000), None)
}

fn later() -> Timestamp {
    Timestamp::from_millis(2000)
}

/// Member, code and message of each fault.
fn told(faults: &[Violation]) -> Vec<(&str, Code, String)> {
    faults
        .iter()
        .map(|fault| (fault.place.path(), fault.code, fault.message()))
        .collect()
}

#[test]
fn a_new_account_is_enabled_and_local_unless_it_says_otherwise() {
    let user = stored(ada());

    assert_eq!(user.profile.first_name.unwrap().as_str(), "Ada");
    assert!(user.enabled);
    assert_eq!(user.account_type, AccountType::Local);
    assert_eq!((user.version, user.created_at), (0, user.modified_at));
}

#[test]
fn every_member_of_a_new_account_is_read() {
    let mut user = stored(whole());
    user.import = Some((ImportId::of_object("b", "k", "v"), 7));

    assert_eq!(
        serde_json::to_value(UserView::from(&user)).unwrap(),
        json!({
            "id": user.id.to_string(),
            "email": "Ada@example.org",
            "pendingEmail": null,
            "firstName": "Augusta",
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
fn a_user_is_seen_with_every_member() {
    let view = serde_json::to_value(UserView::from(&stored(ada()))).unwrap();

    for member in Member::ALL {
        assert!(view.get(member.name()).is_some(), "{member}");
    }
}

#[test]
fn a_member_without_a_value_is_null_and_never_missing() {
    let user = stored(UserDraft {
        first_name: "  ".into(),
        ..ada()
    });

    let view = serde_json::to_value(UserView::from(&user)).unwrap();

    assert_eq!(view.as_object().unwrap().len(), 16);
    for member in [
        "pendingEmail",
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
        r#"roles "ROLE_SYSTEM_ADMIN" is a role that you are not allowed to assign"#
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
        assert_eq!(
            (faults[0].place.path(), faults[0].code),
            ("roles", code),
            "{roles:?}"
        );
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
fn members_that_an_account_may_be_without_are_stored_as_texts_and_read_back() {
    let profile = stored(whole()).profile;
    let mut read = Profile::default();
    for member in Member::ALL {
        if let Some(text) = profile.text(member) {
            read.set_stored(member, &text);
        }
    }

    assert_eq!(read, profile);
    let stored = serde_json::to_value(&profile).unwrap();
    for (name, value) in stored.as_object().unwrap() {
        assert_eq!(value.as_str(), profile.text(name.parse().unwrap()).as_deref());
    }
    assert_eq!(serde_json::from_value::<Profile>(stored).unwrap(), profile);
}

#[test]
fn an_empty_patch_changes_nothing() {
    let user = stored(ada());

    let patch = UserDraft::default()
        .parse_patch(&Given::Absent, &stored(ada()))
        .unwrap();

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
    .parse_patch(&Given::Absent, &stored(ada()))
    .unwrap();

    assert!(!patch.is_empty());
    assert_eq!(user.patched(patch, later()), user);
}

#[test]
fn a_patch_changes_what_it_gives_and_the_time() {
    let user = stored(ada());
    let draft = UserDraft {
        first_name: Given::Null,
        last_name: "Lovelace".into(),
        roles: "ROLE_ADHOC_COLLABORATOR".into(),
        enabled: Given::Flag(false),
        ..UserDraft::default()
    };

    let patched = user.patched(
        draft.parse_patch(&Given::Absent, &stored(ada())).unwrap(),
        later(),
    );

    assert_eq!(patched.profile.first_name, None);
    assert_eq!(patched.profile.last_name.as_ref().unwrap().as_str(), "Lovelace");
    assert_eq!(patched.roles, Roles::from(Role::AdhocCollaborator));
    assert!(!patched.enabled);
    assert_eq!(patched.email, user.email);
    assert_eq!(
        (patched.modified_at, patched.created_at),
        (later(), user.created_at)
    );
}

#[test]
fn a_patch_can_change_every_member_but_those_that_the_service_gives() {
    let user = stored(ada());

    let pending = "countess@example.org";
    let patched = user.patched(
        whole().parse_patch(&pending.into(), &stored(ada())).unwrap(),
        later(),
    );

    let expected = User {
        id: user.id,
        pending_email: pending.parse().ok(),
        modified_at: later(),
        ..stored(whole())
    };
    assert_eq!(patched, expected);
}

#[test]
fn another_spelling_of_the_address_is_a_change() {
    let user = stored(ada());
    let draft = UserDraft {
        email: "ADA@example.org".into(),
        ..UserDraft::default()
    };

    let patched = user.patched(
        draft.parse_patch(&Given::Absent, &stored(ada())).unwrap(),
        later(),
    );

    assert_eq!(patched.email.as_str(), "ADA@example.org");
    assert_eq!(
        patched,
        User {
            modified_at: later(),
            ..user.clone()
        }
    );
    assert!(!patched.is_spelled_like(&user));
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

    let faults = draft.parse_patch(&Given::Absent, &stored(ada())).unwrap_err();

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
    fn draft()(members in prop::collection::vec(given(), Member::ALL.len())) -> UserDraft<'static> {
        let mut members = members.into_iter();
        UserDraft::of(|_| members.next().unwrap_or_default())
    }
}

proptest! {
    #[test]
    fn any_draft_is_an_account_or_has_faults(draft in draft()) {
        match draft.parse(Roles::ALL) {
            Ok(new) => prop_assert!(!new.roles.is_empty()),
            Err(faults) => prop_assert!(!faults.is_empty()),
        }
    }

    #[test]
    fn a_patch_applied_twice_changes_once(draft in draft()) {
        if let Ok(patch) = draft.parse_patch(&Given::Absent, &stored(ada())) {
            let once = stored(ada()).patched(patch.clone(), later());
            prop_assert_eq!(once.patched(patch, Timestamp::MAX), once);
        }
    }
}
