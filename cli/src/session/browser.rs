//! Signing in by the issuer in a browser: an authorization code (RFC 6749, 4.1) with PKCE (RFC 7636), which comes back to
//! this machine (RFC 8252). The service says where its issuer signs people in, as it does to the page.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use reqwest::redirect::Policy;
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::timeout;
use uuid::Uuid;

use super::loopback::{Answer, Loopback};
use crate::failure::Failure;
use crate::output::{self, shown};
use crate::service::{Client, Patience, Settings, http_client, is_loopback};

/// How long a person may take to sign in. Issuers give the pages of a sign-in about as long.
const LONGEST: Duration = Duration::from_mins(5);

/// A public client of the issuer, and where that signs people in.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Issuer {
    /// The identifier, as its answers have it.
    #[serde(rename = "issuer")]
    id: String,
    client_id: String,
    authorization_endpoint: String,
    token_endpoint: String,
    /// Whether the identity token is the likelier one to sign in.
    identity_token_first: bool,
}

impl Issuer {
    /// Asks the service for its issuer.
    async fn of(client: &Client) -> Result<Self, Failure> {
        let url = format!("{}page/config.json", client.settings.url);
        let request = || client.without_token(Method::GET, &url);
        let config = client.send(Patience::Short, request).await?;
        let issuer = config.get("issuer").cloned().unwrap_or_default();
        let issuer: Option<Self> = serde_json::from_value(issuer).map_err(|_| client.foreign())?;
        issuer.ok_or_else(|| {
            Failure::Usage(format!(
                "{} has no issuer that signs people in by a browser, or cannot reach it now; use an access token: access \
                 sign-in --token-stdin < token",
                client.settings.url
            ))
        })
    }
}

/// Reads an address of the issuer. A sign-in goes by https, or stays on this machine.
fn endpoint(text: &str) -> Result<Url, Failure> {
    let url = Url::parse(text).ok();
    let is_safe = |url: &Url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
    url.filter(is_safe).ok_or_else(|| {
        Failure::Usage(format!(
            "the service names {} as an address of its issuer, which is not https",
            shown(text)
        ))
    })
}

/// A sign-in that began: what has to come back, and what proves that it is the same client.
struct Begun {
    state: String,
    nonce: String,
    verifier: String,
    /// The address that the issuer sends the browser to.
    redirect: String,
}

impl Begun {
    fn new(redirect: String) -> Self {
        // Each has 244 random bits, and no character that an address would change.
        let random = || format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        Self {
            state: random(),
            nonce: random(),
            verifier: random(),
            redirect,
        }
    }

    /// Returns the address at which the person signs in.
    fn address(&self, issuer: &Issuer) -> Result<Url, Failure> {
        let mut address = endpoint(&issuer.authorization_endpoint)?;
        let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(&self.verifier));
        address.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", issuer.client_id.as_str()),
            ("redirect_uri", self.redirect.as_str()),
            ("scope", "openid email"),
            ("state", self.state.as_str()),
            ("nonce", self.nonce.as_str()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ]);
        Ok(address)
    }

    /// Exchanges the code of `answer` for tokens, those first that are likelier to sign in.
    async fn redeem(&self, issuer: &Issuer, answer: Answer) -> Result<Vec<String>, Failure> {
        let refused = |why: &str| {
            let why = shown(why);
            Failure::Denied(format!(
                "the issuer did not sign you in ({why}); sign in again by: access sign-in"
            ))
        };
        // An answer of another issuer must not reach this one's token endpoint (RFC 9207).
        if answer.issuer.is_some_and(|other| other != issuer.id) {
            return Err(refused("another issuer has answered"));
        }
        let Some(code) = answer.code else {
            return Err(refused(answer.error.as_deref().unwrap_or("no code")));
        };
        let endpoint = endpoint(&issuer.token_endpoint)?;
        // A redirect would hand the code to whom the service has not named.
        let http = http_client(&endpoint, Policy::none())?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", self.redirect.as_str()),
            ("client_id", issuer.client_id.as_str()),
            ("code_verifier", self.verifier.as_str()),
        ];
        let given = http.post(endpoint).form(&form).send().await;
        let given = given.map_err(|error| {
            let error = error.without_url();
            Failure::Unreached(format!("the issuer cannot be reached ({error}); try again later"))
        })?;
        let is_success = given.status().is_success();
        let tokens: Value = given.json().await.unwrap_or_default();
        let text = |name: &str| tokens.get(name).and_then(Value::as_str);
        if !is_success {
            return Err(refused(text("error").unwrap_or("it gave no tokens")));
        }
        let (Some(access), Some(identity)) = (text("access_token"), text("id_token")) else {
            return Err(refused("it gave no tokens"));
        };
        if nonce_of(identity).as_deref() != Some(self.nonce.as_str()) {
            return Err(refused("its tokens are for another sign-in"));
        }
        let (access, identity) = (access.to_owned(), identity.to_owned());
        Ok(if issuer.identity_token_first {
            vec![identity, access]
        } else {
            vec![access, identity]
        })
    }
}

/// The nonce in an identity token. Its signature is checked by the service, which takes or refuses it.
fn nonce_of(token: &str) -> Option<String> {
    let claims = BASE64URL_NOPAD.decode(token.split('.').nth(1)?.as_bytes()).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims.get("nonce")?.as_str().map(str::to_owned)
}

/// Has a person sign in at the issuer, which comes back to `port` or any free one for 0, and returns the issuer's tokens.
/// The address is printed in any case; `opens_browser` opens it as well.
///
/// # Errors
///
/// If the service has no issuer, nobody signs in, or the issuer refuses it.
pub(super) async fn tokens(
    settings: &Settings,
    port: u16,
    opens_browser: bool,
) -> Result<Vec<String>, Failure> {
    let client = Client::with_token(settings.clone(), String::new())?;
    let issuer = Issuer::of(&client).await?;
    let loopback = Loopback::open(port).await?;
    let begun = Begun::new(loopback.address());
    let address = begun.address(&issuer)?;
    output::remark(&format!(
        "Sign in at this address, in a browser on this machine:\n{address}"
    ));
    if opens_browser && let Err(error) = open::that_detached(address.as_str()) {
        output::remark(&format!(
            "No browser can be opened ({error}); open the address yourself."
        ));
    }
    let answer = timeout(LONGEST, loopback.answer(&begun.state)).await;
    let answer = answer.map_err(|_| {
        let minutes = LONGEST.as_secs() / 60;
        Failure::Denied(format!(
            "nobody signed in within {minutes} minutes; sign in again by: access sign-in"
        ))
    })??;
    begun.redeem(&issuer, answer).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_has_the_challenge_and_not_the_verifier() {
        let issuer = Issuer {
            id: "https://issuer.example".to_owned(),
            client_id: "a&b".to_owned(),
            authorization_endpoint: "https://issuer.example/authorize?policy=one".to_owned(),
            token_endpoint: "https://issuer.example/token".to_owned(),
            identity_token_first: false,
        };
        // RFC 7636, appendix B.
        let begun = Begun {
            verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned(),
            ..Begun::new("http://127.0.0.1:4711/".to_owned())
        };

        let address = begun.address(&issuer).unwrap();

        let pairs: Vec<_> = address.query_pairs().into_owned().collect();
        for (name, value) in [
            ("policy", "one"),
            ("client_id", "a&b"),
            ("redirect_uri", "http://127.0.0.1:4711/"),
            ("state", &begun.state),
            ("nonce", &begun.nonce),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ] {
            assert!(pairs.contains(&(name.to_owned(), value.to_owned())), "{pairs:?}");
        }
        assert!(!address.as_str().contains(&begun.verifier));
    }

    #[test]
    fn an_issuer_is_reached_by_https_or_on_this_machine() {
        for good in [
            "https://issuer.example/a",
            "http://127.0.0.1:1/a",
            "http://[::1]/",
        ] {
            assert!(endpoint(good).is_ok(), "{good}");
        }
        for bad in [
            "http://issuer.example/a",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "/a",
            "",
        ] {
            assert!(endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_nonce_is_that_of_the_identity_token() {
        let token = |claims: &str| format!("e30.{}.x", BASE64URL_NOPAD.encode(claims.as_bytes()));

        assert_eq!(nonce_of(&token(r#"{"nonce":"n"}"#)).as_deref(), Some("n"));
        for other in [
            token("{}"),
            token("[]"),
            token("x"),
            "e30".to_owned(),
            "a.%.b".to_owned(),
        ] {
            assert_eq!(nonce_of(&other), None, "{other}");
        }
    }
}
