//! What an issuer says of an address, for a first sign-in and for a pending address.

use local::{Issuer, Options};
use serde_json::{Value, json};
use shared::roster::Role;

use super::before::{squat, squatter};
use super::{WAYS, ask, collaborator, path, promotion};
use crate::sign_in::{changed, start};
use crate::support::faults::{Faults, Schedule};
use crate::support::{Account, Service};

/// An account that the issuer's subject `subject` signs in as.
async fn signed_in(service: &Service, issuer: &Issuer, subject: &str, email: &str) -> Account {
    let account = collaborator(service, email).await;
    let token = issuer.token(&issuer.claims(subject, email));
    assert_eq!(service.me(&token).await.expect(200)["id"], account.id.to_string());
    account
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_signs_an_account_in_proves_its_pending_address() {
    let (service, issuer) = start().await;
    let ada = signed_in(&service, &issuer, "7", "ada@example.org").await;
    let other = collaborator(&service, "other@example.org").await;
    ask(&service, &ada, "New@example.org").await;
    let me = async |claims: &Value| service.me(&issuer.token(claims)).await.expect(200);

    for (what, claims) in [
        ("the present address", issuer.claims("7", "ada@example.org")),
        ("another address", issuer.claims("7", "third@example.org")),
        (
            "not verified",
            changed(
                issuer.claims("7", "new@example.org"),
                json!({"email_verified": false}),
            ),
        ),
        (
            "verified, as a text",
            changed(
                issuer.claims("7", "new@example.org"),
                json!({"email_verified": "true"}),
            ),
        ),
    ] {
        assert_eq!(me(&claims).await["email"], "ada@example.org", "{what}");
    }
    // Another's subject proves nothing for her, and her own token does not either.
    let stranger = issuer.token(&issuer.claims("8", "new@example.org"));
    service
        .me(&stranger)
        .await
        .expect_refused_token("an address that waits binds nobody");
    assert_eq!(
        service.me(&ada.token).await.expect(200)["email"],
        "ada@example.org"
    );

    let proven = me(&issuer.claims("7", "new@EXAMPLE.org")).await;
    assert_eq!(
        (&proven["id"], &proven["email"], &proven["pendingEmail"]),
        (
            &json!(ada.id.to_string()),
            &json!("New@example.org"),
            &Value::Null
        )
    );
    assert_eq!(service.get(&path(&ada)).await.expect(200), proven);
    let import = service
        .import(promotion("new@example.org"), WAYS[0])
        .await
        .expect(200);
    assert_eq!(import["counts"]["updated"], 1, "{import}");
    let import = service
        .import(promotion("ada@example.org"), WAYS[0])
        .await
        .expect(200);
    assert_eq!(import["rowErrors"][0]["code"], "already_exists");
    assert_eq!(
        service.me(&other.token).await.expect(200)["roles"],
        json!(["ROLE_COLLABORATOR"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proven_address_of_another_account_stays_the_others_and_nothing_says_so() {
    let issuer = Issuer::start(0).await.unwrap();
    let storage = Faults::new(Schedule::Clean);
    let service = Service::with(Options {
        environment: issuer.environment().into_iter().collect(),
        functions: local::Functions::Given(storage.wire()),
        ..Options::default()
    })
    .await;
    let ada = signed_in(&service, &issuer, "7", "ada@example.org").await;
    let bob = collaborator(&service, "bob@example.org").await;
    let asked = ask(&service, &ada, "bob@example.org").await;
    let token = issuer.token(&issuer.claims("7", "bob@example.org"));

    storage.begin(Schedule::Clean);
    let first = service.me(&token).await;
    let looked = storage.take();
    let second = service.me(&token).await;
    let passed = storage.take();

    for answer in [&first, &second] {
        assert_eq!(answer.expect(200), asked);
        assert_eq!(answer.header("etag"), "\"2\"");
    }
    assert_eq!(looked, passed + 1, "it is looked at once a minute");
    assert_eq!(
        service.me(&bob.token).await.expect(200)["email"],
        "bob@example.org"
    );
    let stranger = service
        .me(&issuer.token(&issuer.claims("8", "bob@example.org")))
        .await;
    assert_eq!(stranger.expect(200)["id"], bob.id.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_proves_an_address_of_the_version_before() {
    let (service, issuer) = start().await;
    let ada = signed_in(&service, &issuer, "7", "ada@example.org").await;
    squat(&service, &ada, &["new@example.org"]).await;
    let me = async |subject: &str, email: &str| {
        let token = issuer.token(&issuer.claims(subject, email));
        service.me(&token).await.expect(200)
    };

    assert_eq!(
        me("7", "ada@example.org").await["pendingEmail"],
        "new@example.org"
    );
    let proven = me("7", "NEW@example.org").await;

    assert_eq!(
        (&proven["email"], &proven["pendingEmail"]),
        (&json!("new@example.org"), &Value::Null)
    );
    let import = service
        .import(promotion("new@example.org"), WAYS[0])
        .await
        .expect(200);
    assert_eq!(import["counts"]["updated"], 1, "{import}");

    // Who took more than one address waits for an administrator, who gives the others back.
    let bob = signed_in(&service, &issuer, "8", "bob@example.org").await;
    squat(&service, &bob, &["ceo@example.org", "robert@example.org"]).await;
    assert_eq!(
        me("8", "robert@example.org").await["pendingEmail"],
        "robert@example.org"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_binds_only_as_it_is_written() {
    let (service, issuer) = start().await;
    for (subject, has, says) in [
        ("1", "kelvin@example.org", "\u{212A}elvin@example.org"),
        ("2", "first@example.org", "fir\u{17F}t@example.org"),
        ("3", "ada@kelvin.example", "ada@\u{212A}elvin.example"),
        ("4", "\u{212A}ate@example.org", "kate@example.org"),
        ("5", "émile@example.org", "ÉMILE@example.org"),
    ] {
        let account = collaborator(&service, has).await;
        let token = issuer.token(&issuer.claims(subject, says));
        service.me(&token).await.expect_refused_token(says);
        let pending = signed_in(
            &service,
            &issuer,
            &format!("p{subject}"),
            &format!("p{subject}@example.org"),
        )
        .await;
        service.delete(&path(&account)).await.expect(200);
        ask(&service, &pending, has).await;
        let token = issuer.token(&issuer.claims(&format!("p{subject}"), says));
        assert_eq!(
            service.me(&token).await.expect(200)["pendingEmail"],
            has,
            "{says}"
        );
        let token = issuer.token(&issuer.claims(&format!("p{subject}"), has));
        assert_eq!(service.me(&token).await.expect(200)["email"], has, "{has}");
    }
    let upper = service.account("Upper@Example.org", &[Role::Originator]).await;
    let token = issuer.token(&issuer.claims("9", "uPPER@eXAMPLE.ORG"));
    assert_eq!(service.me(&token).await.expect(200)["id"], upper.id.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_claim_to_an_address_receives_the_sign_in_of_its_person() {
    let (service, issuer) = start().await;
    squatter(&service, "mallory0@example.org", &["ada0@example.org"]).await;
    squatter(
        &service,
        "mallory1@example.org",
        &["ada1@example.org", "mallory1@example.org"],
    )
    .await;
    let asks = collaborator(&service, "mallory2@example.org").await;
    ask(&service, &asks, "ada2@example.org").await;
    let moved = collaborator(&service, "ada3@example.org").await;
    service
        .put(&path(&moved), &json!({"email": "mallory3@example.org"}))
        .await
        .expect(200);

    for number in 0..4 {
        let email = format!("ada{number}@example.org");
        let token = issuer.token(&issuer.claims(&email, &email));
        service.me(&token).await.expect_refused_token(&email);
    }
    let ada = collaborator(&service, "ada2@example.org").await;
    let token = issuer.token(&issuer.claims("ada2@example.org", "ada2@example.org"));
    assert_eq!(service.me(&token).await.expect(200)["id"], ada.id.to_string());
}
