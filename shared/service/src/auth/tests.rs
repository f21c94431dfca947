use lambda_http::Body;
use roster::{Profile, Role, SubjectId, Timestamp, UserDraft};

use super::*;

fn now() -> Timestamp {
    Timestamp::from_millis(1_000_000_000_000)
}

fn user(email: &'static str, roles: &[Role]) -> User {
    let draft = UserDraft {
        email: email.into(),
        roles: Role::Originator.as_str().into(),
        ..UserDraft::default()
    };
    let new = draft.parse(Roles::ALL).unwrap();
    User {
        roles: roles.iter().copied().collect(),
        ..User::new(new, now(), None)
    }
}

fn caller(roles: &[Role]) -> Caller {
    let user = user("caller@example.org", roles);
    let credential = Credential::Issued {
        user: user.id,
        hash: [0; 32],
        expires_at: now(),
    };
    Caller {
        user,
        credential,
        request_id: String::new(),
    }
}

fn is_forbidden(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::Forbidden(_)))
}

fn is_conflict(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::Conflict { .. }))
}

#[test]
fn only_system_administrators_touch_administrators() {
    let plain = user("plain@example.org", &[Role::Originator]);
    let admins = [Role::SystemAdmin, Role::UserAdmin].map(|role| user("admin@example.org", &[role]));

    let system = caller(&[Role::SystemAdmin]);
    system.may_delete(&plain).unwrap();
    let manager = caller(&[Role::UserAdmin]);
    manager.may_delete(&plain).unwrap();
    for admin in &admins {
        system.may_delete(admin).unwrap();
        assert!(is_forbidden(&manager.may_delete(admin)));
        // Nor makes anybody one.
        let made = User {
            roles: admin.roles,
            ..plain.clone()
        };
        system.may_change(&plain, &made).unwrap();
        assert!(is_forbidden(&manager.may_change(&plain, &made)));
    }
    for role in [Role::Originator, Role::Collaborator, Role::AdhocCollaborator] {
        assert!(is_forbidden(&caller(&[role]).may_delete(&plain)), "{role:?}");
    }
}

#[test]
fn nobody_ends_or_demotes_the_own_account() {
    let caller = caller(&[Role::SystemAdmin, Role::Originator]);
    let own = &caller.user;
    let disabled = User {
        enabled: false,
        ..own.clone()
    };
    let demoted = User {
        roles: Role::Originator.into(),
        ..own.clone()
    };
    let still_admin = User {
        roles: Role::SystemAdmin.into(),
        ..own.clone()
    };

    assert!(is_conflict(&caller.may_delete(own)));
    assert!(is_conflict(&caller.may_change(own, &disabled)));
    assert!(is_conflict(&caller.may_change(own, &demoted)));
    caller.may_change(own, &still_admin).unwrap();
    caller.may_change(own, own).unwrap();

    let other = user("other@example.org", &[Role::SystemAdmin]);
    for changed in [disabled, demoted] {
        let (roles, enabled) = (changed.roles, changed.enabled);
        caller
            .may_change(
                &other,
                &User {
                    roles,
                    enabled,
                    ..other.clone()
                },
            )
            .unwrap();
    }
}

#[test]
fn without_a_right_over_users_only_names_are_changed() {
    let caller = caller(&[Role::Collaborator]);
    let own = &caller.user;
    let renamed = User {
        profile: Profile {
            first_name: "Ada".parse().ok(),
            ..Profile::default()
        },
        ..own.clone()
    };
    let promoted = User {
        roles: Role::Originator.into(),
        ..own.clone()
    };

    caller.may_change(own, &renamed).unwrap();
    assert!(is_forbidden(&caller.may_change(own, &promoted)));
}

#[test]
fn a_new_account_gets_no_more_than_its_maker_may_manage() {
    let ordinary: Roles = [Role::Originator, Role::Collaborator].into_iter().collect();

    let system = caller(&[Role::SystemAdmin]).assignable();
    assert_eq!(system, ordinary.with(Role::SystemAdmin).with(Role::UserAdmin));
    assert_eq!(caller(&[Role::UserAdmin]).assignable(), ordinary);
    assert_eq!(
        caller(&[Role::Originator, Role::Collaborator]).assignable(),
        Roles::NONE
    );
}

#[test]
fn a_first_sign_in_binds_only_an_account_that_nobody_else_could_have_prepared() {
    let identity = Identity {
        subject: SubjectId::of("https://issuer.example", "ada"),
        email: None,
        issued_at: now(),
        expires_at: now(),
        hash: [0; 32],
    };
    let plain = Account::new(user("ada@example.org", &[Role::Originator]));
    let earlier = Timestamp::from_millis(now().millis() - 1);
    let signed_out = |after| plain.without_tokens(after);

    assert!(is_bindable(&plain, &identity));
    assert!(is_bindable(&signed_out(earlier), &identity));
    let disabled = User {
        enabled: false,
        ..plain.user.clone()
    };
    for refused in [
        signed_out(now()),
        plain.bound(SubjectId::of("https://issuer.example", "eve")),
        Account::new(disabled),
        Account::new(user("ada@example.org", &[Role::Originator, Role::UserAdmin])),
    ] {
        assert!(!is_bindable(&refused, &identity), "{refused:?}");
    }

    let bound = plain.bound(identity.subject);
    assert_eq!(
        (bound.subject, bound.user.version),
        (Some(identity.subject), plain.user.version + 1)
    );
}

#[test]
fn a_token_comes_in_one_bearer_header() {
    let request = |values: &[&str]| {
        let mut request = Request::new(Body::Empty);
        for value in values {
            request
                .headers_mut()
                .append(AUTHORIZATION, value.parse().unwrap());
        }
        request
    };

    for good in ["Bearer a.b", "bearer a.b", " BEARER  a.b "] {
        assert_eq!(presented(&request(&[good])).unwrap(), "a.b", "{good}");
    }
    for bad in [
        &["Basic a.b"][..],
        &["a.b"],
        &["Bearer"],
        &["Bearer a.b", "Bearer a.b"],
    ] {
        let request = request(bad);
        assert!(
            matches!(
                presented(&request),
                Err(Error::Unauthenticated { presented: true })
            ),
            "{bad:?}"
        );
    }
    let none = presented(&request(&[])).unwrap_err();
    assert!(matches!(none, Error::Unauthenticated { presented: false }));
}
