//! Signing in with an authorization code and PKCE (RFC 6749, 4.1; RFC 7636), as the page does it.

use std::collections::HashMap;
use std::sync::Mutex;

use data_encoding::BASE64URL_NOPAD;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use ring::digest::{SHA256, digest};
use uuid::Uuid;

use crate::sync::lock;

/// The members of a form or a query.
pub(super) type Form = HashMap<String, String>;

/// Reads a form or a query; `None` if it has bytes that are no text.
pub(super) fn form(text: &str) -> Option<Form> {
    let pairs = text.split('&').filter_map(|member| member.split_once('='));
    pairs
        .map(|(name, value)| {
            let value = value.replace('+', " ");
            let value = percent_decode_str(&value).decode_utf8().ok()?;
            Some((name.to_owned(), value.into_owned()))
        })
        .collect()
}

/// The sign-ins that have begun, by code.
#[derive(Debug, Default)]
pub(super) struct Codes(Mutex<HashMap<String, Begun>>);

/// What a client asked for, and who allowed it.
#[derive(Debug)]
struct Begun {
    redirect_uri: String,
    state: String,
    challenge: String,
    nonce: Option<String>,
    email: Option<String>,
}

/// Whose tokens a code gives, and the nonce that the identity token has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Redeemed {
    pub(super) email: String,
    pub(super) nonce: Option<String>,
}

impl Codes {
    /// Begins the sign-in that `query` asks for and returns its code; `None` if it asks for another one than this
    /// issuer has.
    pub(super) fn begin(&self, client: &str, mut query: Form) -> Option<String> {
        let expected = [
            ("response_type", "code"),
            ("client_id", client),
            ("code_challenge_method", "S256"),
        ];
        let redirect_uri = query.remove("redirect_uri")?;
        let is_here = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"]
            .iter()
            .any(|origin| redirect_uri.starts_with(origin));
        if !is_here
            || expected
                .iter()
                .any(|(name, value)| query.get(*name).is_none_or(|given| given != value))
        {
            return None;
        }
        let begun = Begun {
            redirect_uri,
            state: query.remove("state")?,
            challenge: query.remove("code_challenge")?,
            nonce: query.remove("nonce"),
            email: None,
        };
        let code = Uuid::new_v4().to_string();
        lock(&self.0).insert(code.clone(), begun);
        Some(code)
    }

    /// Notes who signs in by a code, and returns where the browser goes on.
    pub(super) fn allow(&self, mut query: Form) -> Option<String> {
        let code = query.remove("code")?;
        let mut codes = lock(&self.0);
        let begun = codes.get_mut(&code)?;
        begun.email = Some(query.remove("email")?);
        let state = utf8_percent_encode(&begun.state, NON_ALPHANUMERIC);
        Some(format!("{}?code={code}&state={state}", begun.redirect_uri))
    }

    /// Ends a sign-in; `None` unless it is the one that began with the code, by the same client.
    pub(super) fn redeem(&self, form: &Form) -> Option<Redeemed> {
        let begun = lock(&self.0).remove(form.get("code")?)?;
        let verifier = digest(&SHA256, form.get("code_verifier")?.as_bytes());
        let is_same = begun.challenge == BASE64URL_NOPAD.encode(verifier.as_ref())
            && form.get("redirect_uri") == Some(&begun.redirect_uri);
        is_same.then_some(Redeemed {
            email: begun.email?,
            nonce: begun.nonce,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const ASKED: &str = "response_type=code&client_id=page&redirect_uri=http%3A%2F%2F127.0.0.1%3A80%2F&state=a%26b&\
                         nonce=n&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

    fn redeemed(codes: &Codes, code: &str, verifier: &str) -> Option<Redeemed> {
        let text = format!("code={code}&code_verifier={verifier}&redirect_uri=http://127.0.0.1:80/");
        codes.redeem(&form(&text).unwrap())
    }

    fn allowed(codes: &Codes) -> String {
        let code = codes.begin("page", form(ASKED).unwrap()).unwrap();
        let query = format!("code={code}&email=ada%40example.org");
        let location = codes.allow(form(&query).unwrap()).unwrap();
        assert_eq!(location, format!("http://127.0.0.1:80/?code={code}&state=a%26b"));
        code
    }

    #[test]
    fn a_code_gives_tokens_once_to_the_client_that_began() {
        let codes = Codes::default();
        let code = allowed(&codes);

        let first = redeemed(&codes, &code, VERIFIER).unwrap();

        assert_eq!(first.email, "ada@example.org");
        assert_eq!(first.nonce.as_deref(), Some("n"));
        assert_eq!(redeemed(&codes, &code, VERIFIER), None);
        assert_eq!(redeemed(&codes, &allowed(&codes), "another"), None);
        let unseen = codes.begin("page", form(ASKED).unwrap()).unwrap();
        assert_eq!(redeemed(&codes, &unseen, VERIFIER), None);
    }

    #[test]
    fn another_client_flow_or_place_begins_nothing() {
        let codes = Codes::default();
        for (from, to) in [
            ("client_id=page", "client_id=other"),
            ("response_type=code", "response_type=token"),
            ("S256", "plain"),
            ("127.0.0.1", "elsewhere.example"),
            ("state=", "other="),
            ("code_challenge=", "other="),
        ] {
            let query = form(&ASKED.replace(from, to)).unwrap();
            assert_eq!(codes.begin("page", query), None, "{to}");
        }
    }
}
