//! Tokens that are wrong in one thing each, among them every one that the library alone would take.

use data_encoding::BASE64URL_NOPAD;
use local::Issuer;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    KeyPair,
};
use serde_json::{Value, json};
use shared::auth::issuer::{Issuer as Trusted, IssuerUrl, Profile};
use shared::auth::jwt::{Identity, Jwt, Refused};
use shared::auth::keys::Keys;
use shared::clock;
use shared::roster::Role;

use super::{RSA_KEY, base64, changed, rs256, rsa_jwk, with};

/// A token, what it is, and the rule that it breaks.
type Wrong = (String, String, Refused);

/// What is verified, as a function's process does it, but that the rule is told.
struct Verifier {
    issuer: Trusted,
    keys: Keys,
}

impl Verifier {
    fn new(issuer: &Issuer, profile: Profile, keys: &[Value]) -> Self {
        Self {
            issuer: Trusted {
                url: IssuerUrl::parse(&issuer.url()).unwrap(),
                audience: Issuer::AUDIENCE.to_owned(),
                profile,
                client: None,
            },
            keys: Keys::parse(&json!({ "keys": keys })).unwrap(),
        }
    }

    fn read(&self, token: &str) -> Result<Identity, Refused> {
        let jwt = Jwt::parse(token)?;
        let identity = jwt.claimed(&self.issuer, clock::now())?;
        jwt.signed_by(&self.keys)?;
        Ok(identity)
    }
}

/// A key that no issuer has published.
fn stranger(kind: &'static EcdsaSigningAlgorithm) -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(kind, key.as_ref(), &random).unwrap()
}

fn jwk(key: &EcdsaKeyPair, curve: &str, kid: &str) -> Value {
    let point = &key.public_key().as_ref()[1..];
    let (x, y) = point.split_at(point.len() / 2);
    json!({
        "kty": "EC", "crv": curve, "kid": kid,
        "x": BASE64URL_NOPAD.encode(x), "y": BASE64URL_NOPAD.encode(y),
    })
}

fn signed_by(key: &EcdsaKeyPair, header: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", base64(&header.to_string()), base64(&claims.to_string()));
    let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
}

fn header() -> Value {
    json!({ "alg": "ES256", "typ": "JWT", "kid": Issuer::KEY })
}

/// Headers that ask for what must not be given.
fn headers(issuer: &Issuer, claims: &Value) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    for (changes, refused) in [
        (json!({"alg": "none"}), Refused::Algorithm),
        (json!({"alg": "None"}), Refused::Algorithm),
        (json!({"alg": "nOnE"}), Refused::Algorithm),
        (json!({"alg": null}), Refused::Algorithm),
        (json!({"alg": 256}), Refused::Algorithm),
        (json!({"alg": ["ES256"]}), Refused::Algorithm),
        (json!({"alg": "es256"}), Refused::Algorithm),
        (json!({"alg": "ES384"}), Refused::Algorithm),
        (json!({"alg": "ES256K"}), Refused::Algorithm),
        (json!({"alg": "EdDSA"}), Refused::Algorithm),
        (json!({"alg": "PS256"}), Refused::Algorithm),
        (json!({"alg": "RS512"}), Refused::Algorithm),
        (json!({"alg": "RS256"}), Refused::UnknownKey),
        (json!({"typ": "logout+jwt"}), Refused::Type),
        (json!({"typ": "secevent+jwt"}), Refused::Type),
        (json!({"typ": "dpop+jwt"}), Refused::Type),
        (json!({"typ": 7}), Refused::Type),
        (json!({"crit": ["exp"]}), Refused::Extension),
        (json!({"crit": []}), Refused::Extension),
        (json!({"crit": ["b64"], "b64": false}), Refused::Extension),
        (json!({"b64": false}), Refused::Extension),
        (json!({"b64": true}), Refused::Extension),
        (json!({"zip": "DEF"}), Refused::Extension),
        (json!({"enc": "A256GCM"}), Refused::Extension),
        (json!({"kid": null}), Refused::KeyName),
        (json!({"kid": ""}), Refused::KeyName),
        (json!({"kid": 0}), Refused::KeyName),
        (json!({"kid": [Issuer::KEY]}), Refused::KeyName),
        (json!({"kid": "k".repeat(256)}), Refused::KeyName),
        (json!({"kid": "Dev"}), Refused::UnknownKey),
        (json!({"kid": "dev "}), Refused::UnknownKey),
        (json!({"kid": "dev\u{0}"}), Refused::UnknownKey),
        (json!({"kid": "../../../dev/null"}), Refused::UnknownKey),
        (json!({"kid": "' OR ''='"}), Refused::UnknownKey),
        (json!({"kid": "http://127.0.0.1:1/keys"}), Refused::UnknownKey),
        (json!({"kid": RSA_KEY}), Refused::UnknownKey),
    ] {
        let name = format!("header {changes:.60}");
        let header = changed(header(), changes);
        wrong.push((
            name,
            issuer.sign(&header.to_string(), &claims.to_string()),
            refused,
        ));
    }
    for (name, text) in [
        ("alg twice", r#"{"alg":"none","alg":"ES256","kid":"dev"}"#),
        ("kid twice", r#"{"alg":"ES256","kid":"dev","kid":"dev"}"#),
        (
            "alg twice, once escaped",
            r#"{"alg":"ES256","kid":"dev","\u0061lg":"ES256"}"#,
        ),
        ("a header that is an array", r#"["ES256"]"#),
        ("a header that ends early", r#"{"alg":"ES256""#),
        ("a header and more", r#"{"alg":"ES256","kid":"dev"}{}"#),
        (
            "a header with a byte order mark",
            "\u{FEFF}{\"alg\":\"ES256\",\"kid\":\"dev\"}",
        ),
    ] {
        wrong.push((
            name.to_owned(),
            issuer.sign(text, &claims.to_string()),
            Refused::Json,
        ));
    }
    wrong
}

/// Tokens that are signed by something that the token brings along, or that everybody knows.
fn substitutes(issuer: &Issuer, claims: &Value) -> Vec<Wrong> {
    let stranger = stranger(&ECDSA_P256_SHA256_FIXED_SIGNING);
    let own = jwk(&stranger, "P-256", Issuer::KEY);
    let url = "http://127.0.0.1:1/keys";
    let mut wrong = Vec::new();
    for (name, changes, refused) in [
        (
            "a stranger's key under the issuer's name",
            json!({}),
            Refused::Signature,
        ),
        ("an embedded key", json!({ "jwk": own }), Refused::Signature),
        (
            "an embedded key of another name",
            json!({ "jwk": changed(own.clone(), json!({"kid": "own"})), "kid": "own" }),
            Refused::UnknownKey,
        ),
        ("a link to keys", json!({ "jku": url }), Refused::Signature),
        (
            "a link to a certificate",
            json!({ "x5u": url }),
            Refused::Signature,
        ),
        (
            "an embedded certificate",
            json!({ "x5c": ["AAAA"] }),
            Refused::Signature,
        ),
    ] {
        let token = signed_by(&stranger, &changed(header(), changes), claims);
        wrong.push((name.to_owned(), token, refused));
    }
    // The classic: what everybody can read taken for a shared secret.
    let public = issuer.key();
    for (name, secret) in [
        ("HS256 with the public key", public.to_string().into_bytes()),
        (
            "HS256 with the public coordinate",
            public["x"].as_str().unwrap().as_bytes().to_vec(),
        ),
        ("HS256 with nothing", Vec::new()),
    ] {
        let header = changed(header(), json!({"alg": "HS256"}));
        let signed = format!("{}.{}", base64(&header.to_string()), base64(&claims.to_string()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes());
        let token = format!("{signed}.{}", BASE64URL_NOPAD.encode(tag.as_ref()));
        wrong.push((name.to_owned(), token, Refused::Algorithm));
    }
    wrong
}

/// Claims that are not enough, each under a right header and a right signature.
fn claims(issuer: &Issuer, claims: &Value) -> Vec<Wrong> {
    let now = clock::now().seconds();
    let url = issuer.url();
    let mut wrong = Vec::new();
    for (changes, refused) in [
        (json!({"iss": null}), Refused::Issuer),
        (json!({"iss": "https://issuer.example"}), Refused::Issuer),
        (json!({"iss": format!("{url}/")}), Refused::Issuer),
        (json!({"iss": url.to_uppercase()}), Refused::Issuer),
        (json!({"iss": [url]}), Refused::Issuer),
        (json!({"iss": {"url": url}}), Refused::Issuer),
        (json!({"sub": null}), Refused::Subject),
        (json!({"sub": ""}), Refused::Subject),
        (json!({"sub": 7}), Refused::Subject),
        (json!({"sub": ["7"]}), Refused::Subject),
        (json!({"sub": "7".repeat(256)}), Refused::Subject),
        (json!({"aud": null}), Refused::Audience),
        (json!({"aud": "another-service"}), Refused::Audience),
        (json!({"aud": "access-service-2"}), Refused::Audience),
        (json!({"aud": "access"}), Refused::Audience),
        (json!({"aud": []}), Refused::Audience),
        (json!({"aud": ["another-service"]}), Refused::Audience),
        (json!({"aud": ["access-service", 7]}), Refused::Audience),
        (json!({"aud": [["access-service"]]}), Refused::Audience),
        (json!({"aud": {"access-service": true}}), Refused::Audience),
        (
            json!({"aud": null, "client_id": "access-service", "token_use": "access"}),
            Refused::Audience,
        ),
        (json!({"exp": null}), Refused::Expired),
        (json!({"exp": now - 31}), Refused::Expired),
        (json!({"exp": now - 60}), Refused::Expired),
        (json!({"exp": 0}), Refused::Expired),
        (json!({"exp": -1}), Refused::Expired),
        (json!({"exp": (now + 3600).to_string()}), Refused::Expired),
        (json!({"exp": 4.0e9}), Refused::Expired),
        (json!({"exp": [now + 3600]}), Refused::Expired),
        (json!({"nbf": now + 40}), Refused::NotYet),
        (json!({"nbf": now.to_string()}), Refused::NotYet),
        (json!({"nbf": -1}), Refused::NotYet),
        (json!({"iat": now + 40}), Refused::Future),
        (json!({"iat": now.to_string()}), Refused::Future),
        (json!({"iat": true}), Refused::Future),
    ] {
        let name = format!("claims {changes:.60}");
        wrong.push((name, issuer.token(&changed(claims.clone(), changes)), refused));
    }
    let text = claims.to_string();
    let open = &text[..text.len() - 1];
    for (name, text) in [
        ("exp twice", format!(r#"{open},"exp":{}}}"#, now + 9999)),
        ("iss twice", format!(r#"{open},"iss":"{url}"}}"#)),
        ("sub twice, once escaped", format!(r#"{open},"\u0073ub":"1"}}"#)),
        ("email twice", format!(r#"{open},"email":"root@example.org"}}"#)),
        (
            "a repeat deep within",
            format!(r#"{open},"x":[{{"a":1,"a":2}}]}}"#),
        ),
        (
            "exp as null",
            format!(r#"{open},"a":1}}"#).replace(r#""exp":"#, r#""exp":null,"b":"#),
        ),
        ("claims that are an array", format!("[{text}]")),
        ("claims that are a text", format!("{text:?}")),
        (
            "claims that are nested too deep",
            format!(r#"{open},"x":{}1{}}}"#, "[".repeat(200), "]".repeat(200)),
        ),
        ("claims and more", format!("{text} true")),
    ] {
        let refused = if name == "exp as null" {
            Refused::Expired
        } else {
            Refused::Json
        };
        wrong.push((
            name.to_owned(),
            issuer.sign(&header().to_string(), &text),
            refused,
        ));
    }
    let huge = changed(claims.clone(), json!({"x": "x".repeat(6100)}));
    wrong.push((
        "more than 8 KiB".to_owned(),
        issuer.token(&huge),
        Refused::TooLong,
    ));
    wrong
}

/// A number as ASN.1 has it.
fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let mut number = number[zeros..].to_vec();
    if number.first().is_none_or(|byte| byte & 0x80 != 0) {
        number.insert(0, 0);
    }
    [&[2, u8::try_from(number.len()).unwrap()], &number[..]].concat()
}

/// What is left of a good token when somebody has been at it.
fn forms(issuer: &Issuer, claims: &Value) -> Vec<Wrong> {
    let good = issuer.token(claims);
    let parts: Vec<&str> = good.split('.').collect();
    let [head, body, signature] = parts[..] else {
        panic!("{good}");
    };
    let bytes = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    let other = base64(&changed(claims.clone(), json!({"sub": "root"})).to_string());
    let none = base64(&json!({"alg": "none", "kid": Issuer::KEY}).to_string());
    let flipped: Vec<u8> = bytes.iter().map(|byte| byte ^ 1).collect();
    let (r, s) = bytes.split_at(32);
    let asn1 = [integer(r), integer(s)].concat();
    let asn1 = [&[0x30, u8::try_from(asn1.len()).unwrap()], &asn1[..]].concat();
    // The last of 86 characters has four bits that say nothing.
    let last = signature.as_bytes()[85];
    let spare = char::from(if last == b'A' { b'B' } else { last + 1 });
    [
        ("no signature", format!("{head}.{body}."), Refused::Form),
        ("no third part", format!("{head}.{body}"), Refused::Form),
        ("one part", head.to_owned(), Refused::Form),
        ("four parts", format!("{good}.x"), Refused::Form),
        (
            "five parts",
            format!("{head}.{body}.{signature}.{body}.{head}"),
            Refused::Form,
        ),
        ("no header", format!(".{body}.{signature}"), Refused::Form),
        ("no claims", format!("{head}..{signature}"), Refused::Form),
        ("only points", "..".to_owned(), Refused::Form),
        (
            "alg none without a signature",
            format!("{none}.{body}."),
            Refused::Form,
        ),
        (
            "alg none with a signature",
            format!("{none}.{body}.{signature}"),
            Refused::Algorithm,
        ),
        ("padding", format!("{good}=="), Refused::Form),
        (
            "a space within",
            format!("{head}. {body}.{signature}"),
            Refused::Form,
        ),
        (
            "another alphabet",
            format!("{head}.{body}.{}", "+/".repeat(43)),
            Refused::Form,
        ),
        (
            "spare bits",
            format!("{head}.{body}.{}{spare}", &signature[..85]),
            Refused::Form,
        ),
        (
            "another's claims",
            format!("{head}.{other}.{signature}"),
            Refused::Signature,
        ),
        (
            "half a signature",
            format!("{head}.{body}.{}", BASE64URL_NOPAD.encode(&bytes[..32])),
            Refused::Signature,
        ),
        (
            "a signature of zeros",
            format!("{head}.{body}.{}", BASE64URL_NOPAD.encode(&[0; 64])),
            Refused::Signature,
        ),
        (
            "a signature in the form of certificates",
            format!("{head}.{body}.{}", BASE64URL_NOPAD.encode(&asn1)),
            Refused::Signature,
        ),
        (
            "a flipped signature",
            format!("{head}.{body}.{}", BASE64URL_NOPAD.encode(&flipped)),
            Refused::Signature,
        ),
    ]
    .into_iter()
    .map(|(name, token, refused)| (name.to_owned(), token, refused))
    .collect()
}

/// Tokens rightly signed by keys that are none to sign tokens with, and those keys.
fn keys(claims: &Value) -> (Vec<Wrong>, Vec<Value>) {
    let (mut wrong, mut published) = (Vec::new(), Vec::new());
    for (kid, changes) in [
        ("for encryption", json!({"use": "enc"})),
        ("for nothing known", json!({"use": "other"})),
        ("for signing only", json!({"key_ops": ["sign"]})),
        ("for wrapping", json!({"key_ops": ["wrapKey", "unwrapKey"]})),
        ("of another algorithm", json!({"alg": "ES384"})),
        ("of another kind", json!({"kty": "RSA"})),
        ("of no kind", json!({"kty": null})),
        ("on another curve", json!({"crv": "P-384"})),
        ("on no curve", json!({"crv": null})),
        ("whose secret is published", json!({"d": "AAAA"})),
        ("without a point", json!({"y": null})),
    ] {
        let key = stranger(&ECDSA_P256_SHA256_FIXED_SIGNING);
        published.push(changed(jwk(&key, "P-256", kid), changes));
        let token = signed_by(&key, &changed(header(), json!({ "kid": kid })), claims);
        wrong.push((format!("a key {kid}"), token, Refused::UnknownKey));
    }
    let key = stranger(&ECDSA_P384_SHA384_FIXED_SIGNING);
    published.push(jwk(&key, "P-384", "p384"));
    let token = signed_by(&key, &changed(header(), json!({"kid": "p384"})), claims);
    wrong.push(("a P-384 key".to_owned(), token, Refused::UnknownKey));
    published.push(json!({"kty": "oct", "kid": "shared", "k": "AAAA", "alg": "HS256"}));
    (wrong, published)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_token_is_refused_and_told_nothing() {
    let (service, issuer) = with(&[]).await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let good = issuer.claims("7", "ada@example.org");
    let (by_keys, further) = keys(&good);
    let published = [vec![issuer.key(), rsa_jwk()], further].concat();
    issuer.publish(published.clone());
    let verifier = Verifier::new(&issuer, Profile::Generic, &published);
    let now = clock::now().seconds();

    // What they are all changed from is right, as are some changes that are nobody's business.
    let rsa_header = json!({ "alg": "RS256", "kid": RSA_KEY }).to_string();
    let mut right = vec![
        issuer.token(&good),
        rs256(&rsa_header, &good.to_string()),
        issuer.sign(
            &changed(
                header(),
                json!({"typ": "AT+JWT", "jku": "http://127.0.0.1:1", "jwk": {}, "x5c": [], "x5t": "x"}),
            )
            .to_string(),
            &good.to_string(),
        ),
    ];
    right.extend(
        [
            json!({"aud": ["another-service", "access-service"]}),
            json!({"exp": now - 20}),
            json!({"nbf": now + 20}),
            json!({"iat": now + 20}),
        ]
        .map(|changes| issuer.token(&changed(good.clone(), changes))),
    );
    for token in &right {
        verifier.read(token).unwrap();
        assert_eq!(service.me(token).await.expect(200)["id"], ada.id.to_string());
    }

    let mut wrong = [
        headers(&issuer, &good),
        substitutes(&issuer, &good),
        claims(&issuer, &good),
        forms(&issuer, &good),
        by_keys,
    ]
    .concat();
    for (name, header, refused) in [
        (
            "RSA with an EC header",
            json!({"alg": "ES256", "kid": RSA_KEY}),
            Refused::UnknownKey,
        ),
        (
            "RSA with padding PSS",
            json!({"alg": "PS256", "kid": RSA_KEY}),
            Refused::Algorithm,
        ),
        (
            "RSA with the EC key's name",
            json!({"alg": "RS256", "kid": Issuer::KEY}),
            Refused::UnknownKey,
        ),
    ] {
        wrong.push((
            name.to_owned(),
            rs256(&header.to_string(), &good.to_string()),
            refused,
        ));
    }
    assert!(wrong.len() >= 40);
    for (name, token, rule) in &wrong {
        assert_eq!(verifier.read(token), Err(*rule), "{name}");
        service.me(token).await.expect_refused_token(name);
    }
    println!("{} wrong tokens refused", wrong.len());
    assert_eq!(
        issuer.fetches(),
        1,
        "no wrong token made the keys be fetched again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_cognito_says_what_it_is_for() {
    let (service, issuer) = with(&[("ISSUER_PROFILE", "cognito")]).await;
    service.account("ada@example.org", &[Role::Originator]).await;
    let verifier = Verifier::new(&issuer, Profile::Cognito, &[issuer.key()]);
    let good = changed(
        issuer.claims("7", "ada@example.org"),
        json!({"token_use": "access", "aud": null, "client_id": Issuer::AUDIENCE}),
    );
    verifier.read(&issuer.token(&good)).unwrap();

    for (changes, rule) in [
        (json!({"token_use": null}), Refused::Use),
        (json!({"token_use": "refresh"}), Refused::Use),
        (json!({"token_use": ["access"]}), Refused::Use),
        (json!({"client_id": null}), Refused::Audience),
        (json!({"client_id": "another"}), Refused::Audience),
        (json!({"client_id": [Issuer::AUDIENCE]}), Refused::Audience),
        (
            json!({"client_id": null, "aud": Issuer::AUDIENCE}),
            Refused::Audience,
        ),
        (json!({"token_use": "id"}), Refused::Audience),
        (json!({"token_use": "id", "aud": "another"}), Refused::Audience),
    ] {
        let name = changes.to_string();
        let token = issuer.token(&changed(good.clone(), changes));
        assert_eq!(verifier.read(&token), Err(rule), "{name}");
        service.me(&token).await.expect_refused_token(&name);
    }
}

#[test]
fn an_rsa_key_under_2048_bits_signs_nothing() {
    let fixture: Value = serde_json::from_str(include_str!("../../fixtures/issuer-rsa-1024.json")).unwrap();
    let verifier = Verifier {
        issuer: Trusted {
            url: IssuerUrl::parse("https://issuer.example").unwrap(),
            audience: Issuer::AUDIENCE.to_owned(),
            profile: Profile::Generic,
            client: None,
        },
        keys: Keys::parse(&json!({ "keys": [fixture["key"]] })).unwrap(),
    };
    let token = fixture["token"].as_str().unwrap();

    assert_eq!(verifier.read(token), Err(Refused::UnknownKey));
    // Zeros before it make it no longer.
    let mut padded = vec![0; 128];
    padded.extend(
        BASE64URL_NOPAD
            .decode(fixture["key"]["n"].as_str().unwrap().as_bytes())
            .unwrap(),
    );
    let padded = changed(
        fixture["key"].clone(),
        json!({"n": BASE64URL_NOPAD.encode(&padded)}),
    );
    let keys = Keys::parse(&json!({ "keys": [padded] })).unwrap();
    assert_eq!(
        Verifier { keys, ..verifier }.read(token),
        Err(Refused::UnknownKey)
    );
}
