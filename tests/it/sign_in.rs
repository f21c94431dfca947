//! Signing in with a token of an OpenID Connect issuer.

mod first;
mod tokens;

use std::sync::LazyLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair as NewRsaKey, KeySize};
use data_encoding::BASE64URL_NOPAD;
use local::{Issuer, Options};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use crate::support::{Service, owned};

/// The name of [`RSA`] where an issuer publishes it.
const RSA_KEY: &str = "rsa";

/// A key to sign by RS256 with.
static RSA: LazyLock<RsaKeyPair> = LazyLock::new(|| {
    let key = NewRsaKey::generate(KeySize::Rsa2048).unwrap();
    RsaKeyPair::from_pkcs8(key.as_der().unwrap().as_ref()).unwrap()
});

/// A service that takes the tokens of an issuer.
pub(crate) async fn start() -> (Service, Issuer) {
    with(&[]).await
}

/// As [`start`], with further variables.
async fn with(variables: &[(&str, &str)]) -> (Service, Issuer) {
    let issuer = Issuer::start(0).await.unwrap();
    let service = Service::with(Options {
        environment: issuer.environment().into_iter().chain(owned(variables)).collect(),
        ..Options::default()
    })
    .await;
    (service, issuer)
}

/// The public half of [`RSA`], as issuers publish it.
fn rsa_jwk() -> Value {
    let public = PublicKeyComponents::<Vec<u8>>::from(RSA.public());
    json!({
        "kty": "RSA",
        "use": "sig",
        "kid": RSA_KEY,
        "n": BASE64URL_NOPAD.encode(&public.n),
        "e": BASE64URL_NOPAD.encode(&public.e),
    })
}

/// A token with this header and these claims, signed by [`RSA`].
fn rs256(header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", base64(header), base64(claims));
    let mut signature = vec![0; RSA.public().modulus_len()];
    RSA.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        signed.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
}

fn base64(text: &str) -> String {
    BASE64URL_NOPAD.encode(text.as_bytes())
}

/// `object` with `changes` in the place of its members; `null` removes one.
pub(crate) fn changed(mut object: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else {
        panic!("changes are an object");
    };
    let members = object.as_object_mut().unwrap();
    for (name, value) in changes {
        if value.is_null() {
            members.remove(&name);
        } else {
            members.insert(name, value);
        }
    }
    object
}
