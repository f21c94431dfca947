//! Which account an issuer's subject is.

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use shared::roster::Role;

use super::{changed, start, with};
use crate::support::{Service, send};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_sign_in_binds_and_the_next_ones_find() {
    let (service, issuer) = start().await;
    let ada = service.account("Ada@Example.org", &[Role::Originator]).await;
    assert_eq!(issuer.fetches(), 0, "keys were fetched before a token came");

    let first = service
        .me(&issuer.token(&issuer.claims("7", "ada@EXAMPLE.org")))
        .await;

    assert_eq!(first.expect(200)["id"], ada.id.to_string());
    // From now on the subject counts, whatever becomes of the address, here or there.
    service
        .put(
            &format!("/users/{}", ada.id),
            &json!({"email": "countess@example.org"}),
        )
        .await
        .expect(200);
    for claims in [
        issuer.claims("7", "ada@example.org"),
        changed(
            issuer.claims("7", "x"),
            json!({"email": null, "email_verified": null}),
        ),
        changed(
            issuer.claims("7", "new@example.org"),
            json!({"email_verified": false}),
        ),
    ] {
        let again = service.me(&issuer.token(&claims)).await;
        assert_eq!(again.expect(200)["id"], ada.id.to_string());
    }
    assert_eq!(issuer.fetches(), 1);
    assert_eq!(service.me(&ada.token).await.status, 200, "her own token goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_route_takes_a_first_sign_in() {
    let (service, issuer) = start().await;
    for (number, path) in [
        "/users/me",
        "/users/me/contacts",
        "/users",
        "/dashboard/users",
        "/users/import",
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("user{number}@example.org");
        let user = service.account(&email, &[Role::Originator]).await;

        let token = issuer.token(&issuer.claims(&email, &email));
        let answer = send(service.request_as(&token, Method::GET, path)).await;

        assert!(
            [200, 403].contains(&answer.status.as_u16()),
            "{path}: {}",
            answer.text
        );
        let found = service.me(&token).await.expect(200);
        assert_eq!(found["id"], user.id.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_bound_only_if_everything_speaks_for_it() {
    let (service, issuer) = start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    service.account("root@example.org", &[Role::SystemAdmin]).await;
    service
        .account("clerk@example.org", &[Role::UserAdmin, Role::Originator])
        .await;
    let off = service.account("off@example.org", &[Role::Originator]).await;
    service
        .put(&format!("/users/{}/enable", off.id), &json!(null))
        .await
        .expect(200);
    let moved = service.account("old@example.org", &[Role::Originator]).await;
    service
        .put(
            &format!("/users/{}", moved.id),
            &json!({"email": "vouched@example.org"}),
        )
        .await
        .expect(200);

    let claims = || issuer.claims("1", "ada@example.org");
    for (what, claims) in [
        (
            "an address that is not verified",
            changed(claims(), json!({"email_verified": false})),
        ),
        (
            "nothing about verification",
            changed(claims(), json!({"email_verified": null})),
        ),
        (
            "verified, as a text",
            changed(claims(), json!({"email_verified": "true"})),
        ),
        ("no address", changed(claims(), json!({"email": null}))),
        (
            "an address that is none",
            changed(claims(), json!({"email": "ada"})),
        ),
        (
            "an array of addresses",
            changed(claims(), json!({"email": ["ada@example.org"]})),
        ),
        (
            "an address without an account",
            issuer.claims("1", "nobody@example.org"),
        ),
        ("a system administrator", issuer.claims("1", "root@example.org")),
        ("a user administrator", issuer.claims("1", "clerk@example.org")),
        ("a disabled account", issuer.claims("1", "off@example.org")),
        (
            "an address that the account only reserves",
            issuer.claims("1", "old@example.org"),
        ),
    ] {
        service
            .me(&issuer.token(&claims))
            .await
            .expect_refused_token(what);
    }

    let bound = service.me(&issuer.token(&claims())).await;
    assert_eq!(bound.expect(200)["id"], ada.id.to_string());
    let second = issuer.token(&issuer.claims("2", "ada@example.org"));
    service.me(&second).await.expect_refused_token("a second subject");
    let vouched = issuer.token(&issuer.claims("3", "vouched@example.org"));
    assert_eq!(service.me(&vouched).await.expect(200)["id"], moved.id.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_an_account_ends_its_sign_ins_at_once() {
    let (service, issuer) = start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let user = format!("/users/{}", ada.id);
    let token = issuer.token(&issuer.claims("7", "ada@example.org"));
    assert_eq!(service.me(&token).await.status, 200);

    let flip = async || {
        service
            .put(&format!("{user}/enable"), &json!(null))
            .await
            .expect(200)
    };
    flip().await;
    service.me(&token).await.expect_refused_token("disabled");
    flip().await;
    assert_eq!(service.me(&token).await.status, 200);

    service
        .put(&format!("{user}/expire"), &json!(null))
        .await
        .expect(200);
    service
        .me(&token)
        .await
        .expect_refused_token("expired by an administrator");
    let undated = changed(issuer.claims("7", "ada@example.org"), json!({"iat": null}));
    service
        .me(&issuer.token(&undated))
        .await
        .expect_refused_token("of an unknown time");
    let later = issuer.claims("7", "ada@example.org");
    let iat = later["iat"].as_u64().unwrap() + 5;
    let later = issuer.token(&changed(later, json!({ "iat": iat })));
    assert_eq!(service.me(&later).await.status, 200);

    service.delete(&user).await.expect(200);
    service.me(&later).await.expect_refused_token("deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_account_with_the_address_is_bound_anew() {
    let (service, issuer) = start().await;
    let token = issuer.token(&issuer.claims("7", "ada@example.org"));
    let mut ids = Vec::new();
    for _ in 0..3 {
        let ada = service.account("ada@example.org", &[Role::Originator]).await;
        let bound = service.me(&token).await.expect(200);
        assert_eq!(bound["id"], ada.id.to_string());
        service.delete(&format!("/users/{}", ada.id)).await.expect(200);
        service.me(&token).await.expect_refused_token("deleted");
        ids.push(ada.id);
    }

    ids.dedup();
    assert_eq!(ids.len(), 3);
    // Deleted in bulk, and bound to another subject.
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let other = issuer.token(&issuer.claims("8", "ada@example.org"));
    assert_eq!(service.me(&other).await.status, 200);
    service
        .me(&token)
        .await
        .expect_refused_token("bound to another subject");
    let deleted = service
        .post("/users/bulk?action=delete", &json!({"ids": [ada.id.to_string()]}))
        .await;
    assert_eq!(deleted.expect(200)["results"][0]["status"], 200);
    service.account("ada@example.org", &[Role::Originator]).await;
    assert_eq!(service.me(&token).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_dead_however_its_signature_is_written() {
    let (service, issuer) = start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let claims = issuer.claims("7", "ada@example.org");
    let token = issuer.token(&claims);
    let other = issuer.token(&changed(claims, json!({"jti": "other"})));
    let (signed, _) = token.rsplit_once('.').unwrap();

    let revoked = send(service.request_as(&token, Method::POST, "/auth/token/revoke")).await;

    assert_eq!(revoked.expect(200), json!({}));
    service.me(&token).await.expect_refused_token("revoked");
    // ECDSA is random: the same claims under another valid signature.
    let mut resigned = token.clone();
    while resigned == token {
        let text = |part: &str| {
            String::from_utf8(data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
        };
        let (header, claims) = signed.split_once('.').unwrap();
        resigned = issuer.sign(&text(header), &text(claims));
    }
    service
        .me(&resigned)
        .await
        .expect_refused_token("revoked, signed again");
    assert_eq!(service.me(&other).await.expect(200)["id"], ada.id.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_racing_first_sign_ins_each_subject_gets_one_account() {
    let (service, issuer) = start().await;
    for round in 0..10 {
        let email = format!("user{round}@example.org");
        let user = service.account(&email, &[Role::Originator]).await;
        let subjects: Vec<_> = (0..8).map(|number| format!("{round}-{}", number % 2)).collect();
        let tokens: Vec<_> = subjects
            .iter()
            .map(|subject| issuer.token(&issuer.claims(subject, &email)))
            .collect();

        let answers = join_all(tokens.iter().map(|token| service.me(token))).await;

        let winners: Vec<_> = subjects
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| answer.status == 200)
            .map(|(subject, answer)| {
                assert_eq!(answer.json()["id"], user.id.to_string());
                subject.as_str()
            })
            .collect();
        assert_eq!(
            winners.len(),
            4,
            "one of two subjects, in each of its four requests"
        );
        assert!(winners.iter().all(|winner| *winner == winners[0]), "{winners:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_races_a_first_sign_in_leaves_nothing_bound() {
    let (service, issuer) = start().await;
    for round in 0..20 {
        let email = format!("user{round}@example.org");
        let user = service.account(&email, &[Role::Originator]).await;
        let token = issuer.token(&issuer.claims(&email, &email));

        let path = format!("/users/{}", user.id);
        let (_, deleted) = tokio::join!(service.me(&token), service.delete(&path));

        deleted.expect(200);
        service.me(&token).await.expect_refused_token("deleted");
        let next = service.account(&email, &[Role::Originator]).await;
        let bound = service.me(&token).await.expect(200);
        assert_eq!(bound["id"], next.id.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_issuer_no_foreign_token_is_taken() {
    let (_, issuer) = start().await;
    let service = Service::start().await;
    service.account("ada@example.org", &[Role::Originator]).await;

    let answer = service
        .me(&issuer.token(&issuer.claims("7", "ada@example.org")))
        .await;

    answer.expect_refused_token("no issuer");
    assert_eq!(issuer.fetches(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_no_key_could_be_had_nobody_is_told_that_a_token_is_wrong() {
    let (service, issuer) = start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let token = issuer.token(&issuer.claims("7", "ada@example.org"));
    drop(issuer);

    let answer = service.me(&token).await;

    assert_eq!(answer.expect(503)["type"], "/problems/unavailable");
    assert_eq!(answer.header("retry-after"), "2");
    assert_eq!(service.me(&ada.token).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn known_keys_serve_while_the_issuer_is_down() {
    let (service, issuer) = start().await;
    service.account("ada@example.org", &[Role::Originator]).await;
    let first = issuer.token(&issuer.claims("7", "ada@example.org"));
    let second = issuer.token(&changed(
        issuer.claims("7", "ada@example.org"),
        json!({"jti": "2"}),
    ));
    assert_eq!(service.me(&first).await.status, 200);
    drop(issuer);

    assert_eq!(service.me(&second).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_token_of_cognito_binds_and_its_access_token_follows() {
    let (service, issuer) = with(&[("ISSUER_PROFILE", "cognito")]).await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let claims = issuer.claims("7", "ada@example.org");
    let identity = changed(claims.clone(), json!({"token_use": "id"}));
    let access = changed(
        claims,
        json!({
            "token_use": "access", "client_id": local::Issuer::AUDIENCE,
            "aud": null, "email": null, "email_verified": null,
        }),
    );

    let early = service.me(&issuer.token(&access)).await;
    early.expect_refused_token("an access token has no address");
    for claims in [&identity, &access] {
        let found = service.me(&issuer.token(claims)).await.expect(200);
        assert_eq!(found["id"], ada.id.to_string());
    }
}
