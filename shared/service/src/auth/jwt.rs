//! JSON Web Tokens (RFC 7519, 8725), read strictly.
//!
//! The library verifies signatures and nothing else here: by itself it takes tokens that say neither for
//! whom nor by whom they are, whose time has not come or has passed a minute ago, and whose header asks
//! for what it does not know. So every rule stands in this module, and each has its [`Refused`].

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use roster::{Email, SubjectId, Timestamp};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::issuer::{Issuer, Profile};
use super::keys::{Algorithm, Keys};
use crate::http::json;

/// The longest token that is looked at, in bytes: API Gateway takes 10 KB of headers in all.
pub const MAX_TOKEN: usize = 8 * 1024;
/// How far the clocks of the issuer and of this machine may be apart. Both are set by the network, so seconds would do
/// (RFC 7519, 4.1.4: no more than a few minutes).
pub const LEEWAY: Duration = Duration::from_secs(30);
/// The longest subject (OpenID Connect Core, 2) and key name, in bytes.
const MAX_NAME: usize = 255;

/// Why a token is not taken. For the log and for tests; a caller never learns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each says in its text what it is")]
pub enum Refused {
    #[error("longer than 8 KiB")]
    TooLong,
    #[error("not three parts of unpadded base64url")]
    Form,
    #[error("header or claims are not a JSON object, or have a member twice")]
    Json,
    #[error("neither RS256 nor ES256")]
    Algorithm,
    #[error("of another type than an identity or access token")]
    Type,
    #[error("asks for an extension")]
    Extension,
    #[error("names no key")]
    KeyName,
    #[error("another issuer")]
    Issuer,
    #[error("no subject")]
    Subject,
    #[error("for another audience")]
    Audience,
    #[error("of another use")]
    Use,
    #[error("expired, or no expiry")]
    Expired,
    #[error("not valid yet")]
    NotYet,
    #[error("issued in the future")]
    Future,
    #[error("the issuer has no such key")]
    UnknownKey,
    #[error("wrong signature")]
    Signature,
}

/// What an issuer says of a token's bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Whom the issuer means.
    pub subject: SubjectId,
    /// The bearer's address, if the issuer has verified it.
    pub email: Option<Email>,
    /// When the token was issued; the start of 1970 if it does not say, so that it is older than
    /// whatever ended the tokens of an account.
    pub issued_at: Timestamp,
    /// From when on the token is refused as expired.
    pub expires_at: Timestamp,
    /// The SHA-256 of what is signed. Not of the signature: some can be rewritten and stay valid.
    pub hash: [u8; 32],
}

/// A token whose form is right; nothing is known yet of its signature.
#[derive(Debug)]
pub struct Jwt<'a> {
    signed: &'a str,
    signature: &'a str,
    algorithm: Algorithm,
    kid: String,
    claims: Map<String, Value>,
}

impl<'a> Jwt<'a> {
    /// Reads the form and the header of a token.
    ///
    /// Members of the header that bring or point to a key (`jwk`, `jku`, `x5c`, `x5u`) are as good as
    /// absent: the key is the one that the issuer publishes under the name `kid`.
    ///
    /// # Errors
    ///
    /// The first rule that the token breaks.
    pub fn parse(text: &'a str) -> Result<Self, Refused> {
        if text.len() > MAX_TOKEN {
            return Err(Refused::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Refused::Form)?;
        let (header, claims) = signed.split_once('.').ok_or(Refused::Form)?;
        let decoded = |part: &str| match part {
            "" => Err(Refused::Form),
            part => BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| Refused::Form),
        };
        decoded(signature)?;
        let object = |part| json::strict(&decoded(part)?).ok_or(Refused::Json);
        let header = object(header)?;
        let claims = object(claims)?;

        let algorithm = match header.get("alg").and_then(Value::as_str) {
            Some("RS256") => Algorithm::Rs256,
            Some("ES256") => Algorithm::Es256,
            _ => return Err(Refused::Algorithm),
        };
        let is_known_type = header.get("typ").is_none_or(|kind| {
            ["JWT", "at+jwt", "application/at+jwt"]
                .iter()
                .any(|known| kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case(known)))
        });
        if !is_known_type {
            return Err(Refused::Type);
        }
        // RFC 7515, 4.1.11: what is critical must be understood, and nothing is. RFC 7797: an unencoded
        // payload would make other bytes count than those that were read.
        if ["crit", "b64", "zip", "enc"]
            .iter()
            .any(|name| header.contains_key(*name))
        {
            return Err(Refused::Extension);
        }
        let kid = header
            .get("kid")
            .and_then(Value::as_str)
            .filter(|kid| (1..=MAX_NAME).contains(&kid.len()))
            .ok_or(Refused::KeyName)?
            .to_owned();
        Ok(Self {
            signed,
            signature,
            algorithm,
            kid,
            claims,
        })
    }

    /// The name of the key that the token says it is signed with.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// What the token claims, if it is of `issuer` and in force at `now`.
    ///
    /// # Errors
    ///
    /// The first rule that the claims break.
    pub fn claimed(&self, issuer: &Issuer, now: Timestamp) -> Result<Identity, Refused> {
        if self.text("iss") != Some(issuer.url.as_str()) {
            return Err(Refused::Issuer);
        }
        let subject = self
            .text("sub")
            .filter(|subject| (1..=MAX_NAME).contains(&subject.len()))
            .ok_or(Refused::Subject)?;
        match (issuer.profile, self.claims.get("token_use")) {
            (Profile::Generic, _) => self.is_for(&issuer.audience)?,
            (Profile::Cognito, Some(Value::String(what))) if what == "id" => {
                self.is_for(&issuer.audience)?;
            }
            (Profile::Cognito, Some(Value::String(what))) if what == "access" => {
                if self.text("client_id") != Some(issuer.audience.as_str()) {
                    return Err(Refused::Audience);
                }
            }
            (Profile::Cognito, _) => return Err(Refused::Use),
        }

        let leeway = LEEWAY.as_secs();
        let now = now.seconds();
        let expires_at = self.seconds("exp").map_err(|()| Refused::Expired)?;
        let expires_at = expires_at.ok_or(Refused::Expired)?.saturating_add(leeway);
        if expires_at <= now {
            return Err(Refused::Expired);
        }
        let not_before = self.seconds("nbf").map_err(|()| Refused::NotYet)?;
        if not_before.is_some_and(|not_before| not_before > now + leeway) {
            return Err(Refused::NotYet);
        }
        let issued_at = self.seconds("iat").map_err(|()| Refused::Future)?;
        if issued_at.is_some_and(|issued_at| issued_at > now + leeway) {
            return Err(Refused::Future);
        }

        let verified = self.claims.get("email_verified") == Some(&Value::Bool(true));
        let at = |seconds: u64| Timestamp::from_millis(seconds.saturating_mul(1000));
        Ok(Identity {
            subject: SubjectId::of(issuer.url.as_str(), subject),
            email: self
                .text("email")
                .filter(|_| verified)
                .and_then(|email| Email::stored(email).ok()),
            issued_at: at(issued_at.unwrap_or_default()),
            expires_at: at(expires_at),
            hash: Sha256::digest(self.signed).into(),
        })
    }

    /// Checks the signature by the key among `keys` that the token names.
    ///
    /// # Errors
    ///
    /// [`Refused::UnknownKey`] if there is none of that name for the token's algorithm,
    /// [`Refused::Signature`] if it did not sign this.
    pub fn signed_by(&self, keys: &Keys) -> Result<(), Refused> {
        let key = keys.find(&self.kid, self.algorithm).ok_or(Refused::UnknownKey)?;
        if key.verifies(self.signed, self.signature) {
            Ok(())
        } else {
            Err(Refused::Signature)
        }
    }

    /// Checks that `aud`, a text or an array of texts, has `audience`.
    fn is_for(&self, audience: &str) -> Result<(), Refused> {
        let named = match self.claims.get("aud") {
            Some(Value::String(only)) => only == audience,
            Some(Value::Array(all)) => {
                all.iter().all(Value::is_string) && all.iter().any(|one| one == audience)
            }
            _ => false,
        };
        if named { Ok(()) } else { Err(Refused::Audience) }
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    /// A time in whole seconds, if the claim is there.
    fn seconds(&self, claim: &str) -> Result<Option<u64>, ()> {
        match self.claims.get(claim) {
            None => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::json;
    use table::Token;

    use super::super::issuer::IssuerUrl;
    use super::*;

    fn issuer(profile: Profile) -> Issuer {
        Issuer {
            url: IssuerUrl::parse("https://issuer.example").unwrap(),
            audience: "access".to_owned(),
            profile,
            client: None,
        }
    }

    /// Values that a member should have, and others.
    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            select(vec![
                json!("RS256"),
                json!("ES256"),
                json!("none"),
                json!("JWT"),
                json!("https://issuer.example"),
                json!("access"),
                json!(["access"]),
                json!("id"),
                json!(true),
                json!(null),
                json!({}),
                json!(9_999_999_999_u64),
                json!(u64::MAX),
                json!(-1),
                json!(1.5),
                json!("ada@example.org"),
            ]),
            any::<String>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
        ]
    }

    fn object(names: &'static [&'static str]) -> impl Strategy<Value = String> {
        let name = prop_oneof![8 => select(names).prop_map(str::to_owned), 1 => any::<String>()];
        prop::collection::vec((name, value()), 0..9).prop_map(|members| {
            let members: Vec<_> = members
                .iter()
                .map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())))
                .collect();
            format!("{{{}}}", members.join(","))
        })
    }

    fn token(claims: &Value, signature: &str) -> String {
        let encoded = |part: &Value| BASE64URL_NOPAD.encode(part.to_string().as_bytes());
        let header = json!({ "alg": "ES256", "kid": "a" });
        format!("{}.{}.{signature}", encoded(&header), encoded(claims))
    }

    #[test]
    fn clocks_may_differ_by_half_a_minute() {
        let now = 1_000_000_000;
        let claimed = |name: &str, seconds: u64| {
            let mut claims = json!({
                "iss": "https://issuer.example", "aud": "access", "sub": "ada", "exp": now + 60,
            });
            claims[name] = seconds.into();
            let at = Timestamp::from_millis(now * 1000);
            let claimed = Jwt::parse(&token(&claims, "AAAA"))?.claimed(&issuer(Profile::Generic), at);
            claimed.map(|identity| identity.expires_at.seconds())
        };

        assert_eq!(claimed("exp", now - 29), Ok(now + 1));
        assert_eq!(claimed("exp", now - 30), Err(Refused::Expired));
        for (name, refused) in [("nbf", Refused::NotYet), ("iat", Refused::Future)] {
            assert_eq!(claimed(name, now + 30), Ok(now + 90), "{name}");
            assert_eq!(claimed(name, now + 31), Err(refused), "{name}");
        }
    }

    #[test]
    fn a_token_of_8_kib_is_read() {
        // Whole bytes of base64url.
        let (claims, rest) = (0..4)
            .map(|length| json!({ "x": "x".repeat(length) }))
            .map(|claims| (MAX_TOKEN - token(&claims, "").len(), claims))
            .find_map(|(rest, claims)| (rest % 4 == 0).then_some((claims, rest)))
            .unwrap();
        let longest = token(&claims, &"A".repeat(rest));

        assert_eq!(Jwt::parse(&longest).unwrap().kid(), "a");
        assert_eq!(Jwt::parse(&format!("{longest}A")).unwrap_err(), Refused::TooLong);
    }

    proptest! {
        #[test]
        fn any_text_is_a_token_or_none(text in "[ -~é]{0,80}|[a-z2-7]{30,34}[.][A-Za-z0-9_-]{40,46}|[A-Za-z0-9_=-]{0,60}([.][A-Za-z0-9_=-]{0,60}){1,3}") {
            if let Ok(token) = text.parse::<Token>() {
                prop_assert_eq!(token.reveal(), &text);
            }
            if let Ok(jwt) = Jwt::parse(&text) {
                let _ = jwt.claimed(&issuer(Profile::Generic), Timestamp::MAX);
            }
        }

        #[test]
        fn any_claims_are_those_of_the_issuer_or_refused(
            header in object(&["alg", "kid", "typ", "crit", "jwk"]),
            claims in object(&["iss", "sub", "aud", "exp", "nbf", "iat", "email", "email_verified", "token_use", "client_id"]),
            now: u64,
        ) {
            let encoded = |part: &str| BASE64URL_NOPAD.encode(part.as_bytes());
            let text = format!("{}.{}.AAAA", encoded(&header), encoded(&claims));
            if let Ok(jwt) = Jwt::parse(&text) {
                prop_assert!(header.contains(r#""kid""#) && !header.contains(r#""crit""#));
                for profile in [Profile::Generic, Profile::Cognito] {
                    if let Ok(identity) = jwt.claimed(&issuer(profile), Timestamp::from_millis(now)) {
                        prop_assert!(claims.contains(r#""iss":"https://issuer.example""#) && claims.contains(r#""sub""#));
                        prop_assert!(identity.expires_at > Timestamp::from_millis(now / 1000 * 1000) || now > Timestamp::MAX.millis());
                    }
                }
                prop_assert!(jwt.signed_by(&Keys::default()).is_err());
            }
        }
    }
}
