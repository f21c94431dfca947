//! An OpenID Connect issuer for tests and demonstrations: it believes whatever it is told.
//!
//! Only the feature `dev-issuer` brings it, and nothing that is deployed depends on this package.

mod code;

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue, LOCATION};
use hyper::{Method, Request, Response, StatusCode};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use shared::{BoxError, clock};

use self::code::{Codes, Form, form};
use crate::server::{self, Server};
use crate::sync::lock;

/// How long a token is valid, in seconds: an hour, as issuers commonly have it.
const LIFETIME: u64 = 3600;
/// The longest request, in bytes: a code, a verifier and addresses of some hundred bytes each.
const MAX_REQUEST: usize = 4096;

/// A running issuer with a key of its own. It ends when dropped.
#[derive(Debug)]
pub struct Issuer {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    key: EcdsaKeyPair,
    random: SystemRandom,
    published: Mutex<Vec<Value>>,
    fetches: AtomicUsize,
    codes: Codes,
}

impl Issuer {
    /// Whom its tokens are for.
    pub const AUDIENCE: &str = "access-service";
    /// The public client as which the page signs people in.
    pub const CLIENT: &str = "access-page";
    /// The name of its key.
    pub const KEY: &str = "dev";

    /// Starts an issuer on loopback. `port` 0 takes any free one.
    ///
    /// # Errors
    ///
    /// When the port is taken.
    pub async fn start(port: u16) -> Result<Self, BoxError> {
        let random = SystemRandom::new();
        let kind = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let key = EcdsaKeyPair::generate_pkcs8(kind, &random).map_err(|error| error.to_string())?;
        let key = EcdsaKeyPair::from_pkcs8(kind, key.as_ref(), &random).map_err(|error| error.to_string())?;
        let shared = Arc::new(Shared {
            published: Mutex::new(vec![jwk(&key)]),
            key,
            random,
            fetches: AtomicUsize::new(0),
            codes: Codes::default(),
        });
        let listener = server::bind(port).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let server = Server::start(listener, {
            let shared = Arc::clone(&shared);
            move |_, request| {
                let (shared, url) = (Arc::clone(&shared), url.clone());
                async move { Ok(shared.answer(&url, request).await?) }
            }
        })?;
        Ok(Self { server, shared })
    }

    /// Its identifier.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The variables by which the functions take its tokens.
    #[must_use]
    pub fn environment(&self) -> [(String, String); 3] {
        [
            ("ISSUER_URL".to_owned(), self.url()),
            ("ISSUER_AUDIENCE".to_owned(), Self::AUDIENCE.to_owned()),
            ("ISSUER_CLIENT_ID".to_owned(), Self::CLIENT.to_owned()),
        ]
    }

    /// Its own public key.
    #[must_use]
    pub fn key(&self) -> Value {
        jwk(&self.shared.key)
    }

    /// Publishes `keys` instead of its own.
    pub fn publish(&self, keys: Vec<Value>) {
        *lock(&self.shared.published) = keys;
    }

    /// How often its keys were fetched.
    #[must_use]
    pub fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::Relaxed)
    }

    /// A token with a right header and these claims.
    #[must_use]
    pub fn token(&self, claims: &Value) -> String {
        self.shared.token(claims)
    }

    /// A token with this header and these claims, whatever they are.
    #[must_use]
    pub fn sign(&self, header: &str, claims: &str) -> String {
        self.shared.sign(header, claims)
    }

    /// The claims of a token for the owner of `email`, as [`Issuer::token`] takes them.
    #[must_use]
    pub fn claims(&self, subject: &str, email: &str) -> Value {
        claims(&self.url(), subject, email)
    }
}

impl Shared {
    async fn answer(
        &self,
        url: &str,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let query = form(request.uri().query().unwrap_or_default());
        let answer = match (request.method(), request.uri().path()) {
            (&Method::GET, "/.well-known/openid-configuration") => document(url),
            (&Method::GET, "/keys") => {
                self.fetches.fetch_add(1, Ordering::Relaxed);
                json_answer(StatusCode::OK, &json!({ "keys": *lock(&self.published) }))
            }
            (&Method::GET, "/authorize") => {
                let code = query.and_then(|query| self.codes.begin(Issuer::CLIENT, query));
                code.map_or_else(|| refused("invalid_request"), |code| question(&code))
            }
            (&Method::GET, "/allow") => {
                let location = query.and_then(|query| self.codes.allow(query));
                location.map_or_else(|| refused("invalid_request"), |location| found(&location))
            }
            (&Method::POST, "/token") => {
                let form = body(request.into_body()).await;
                form.map_or_else(|| refused("invalid_request"), |form| self.tokens(url, &form))
            }
            _ => json_answer(StatusCode::NOT_FOUND, &json!({ "error": "not_found" })),
        };
        Ok(answer)
    }

    /// Gives tokens for a code, or for any address that is named.
    fn tokens(&self, url: &str, form: &Form) -> Response<Full<Bytes>> {
        let redeemed = match form.get("grant_type").map(String::as_str) {
            Some("authorization_code") => self.codes.redeem(form).map(|code| (code.email, code.nonce)),
            _ => form.get("email").map(|email| (email.clone(), None)),
        };
        let Some((email, nonce)) = redeemed else {
            return refused("invalid_grant");
        };
        let claims = claims(url, &email, &email);
        let mut identity = claims.clone();
        identity["aud"] = Issuer::CLIENT.into();
        identity["nonce"] = nonce.into();
        let mut answer = json_answer(
            StatusCode::OK,
            &json!({
                "access_token": self.token(&claims),
                "id_token": self.token(&identity),
                "token_type": "Bearer",
                "expires_in": LIFETIME,
            }),
        );
        // The page of another origin asks for them.
        let any = HeaderValue::from_static("*");
        answer.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, any);
        answer
    }

    fn token(&self, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": Issuer::KEY });
        self.sign(&header.to_string(), &claims.to_string())
    }

    fn sign(&self, header: &str, claims: &str) -> String {
        let encoded = |part: &str| BASE64URL_NOPAD.encode(part.as_bytes());
        let signed = format!("{}.{}", encoded(header), encoded(claims));
        let signature = self
            .key
            .sign(&self.random, signed.as_bytes())
            .expect("the operating system has random numbers");
        format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }
}

fn claims(issuer: &str, subject: &str, email: &str) -> Value {
    let now = clock::now().seconds();
    json!({
        "iss": issuer,
        "sub": subject,
        "aud": Issuer::AUDIENCE,
        "iat": now,
        "exp": now + LIFETIME,
        "email": email,
        "email_verified": true,
    })
}

/// What the issuer says of itself (OpenID Connect Discovery).
fn document(url: &str) -> Response<Full<Bytes>> {
    json_answer(
        StatusCode::OK,
        &json!({
            "issuer": url,
            "jwks_uri": format!("{url}/keys"),
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
        }),
    )
}

/// The page that asks who signs in, and believes it. `code` has letters, digits and hyphens only.
fn question(code: &str) -> Response<Full<Bytes>> {
    let page = format!(
        "<!doctype html><html lang=en><title>Development issuer</title><h1>Development issuer</h1>\
         <form action=/allow><input type=hidden name=code value={code}>\
         <label>Sign in as <input name=email autofocus required></label> <button>Sign in</button></form>"
    );
    server::answer(StatusCode::OK, "text/html; charset=utf-8", page)
}

fn found(location: &str) -> Response<Full<Bytes>> {
    let mut answer = server::answer(StatusCode::FOUND, "text/plain", "");
    if let Ok(location) = HeaderValue::from_str(location) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}

fn refused(error: &str) -> Response<Full<Bytes>> {
    json_answer(StatusCode::BAD_REQUEST, &json!({ "error": error }))
}

fn json_answer(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    server::answer(status, "application/json", body.to_string())
}

/// The members of a form that was sent.
async fn body(body: Incoming) -> Option<Form> {
    let body = Limited::new(body, MAX_REQUEST).collect().await.ok()?.to_bytes();
    form(str::from_utf8(&body).ok()?)
}

/// The public half of `key`, as issuers publish it.
fn jwk(key: &EcdsaKeyPair) -> Value {
    // An uncompressed point: a mark, and two coordinates.
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    json!({
        "kty": "EC",
        "crv": "P-256",
        "alg": "ES256",
        "use": "sig",
        "kid": Issuer::KEY,
        "x": BASE64URL_NOPAD.encode(x),
        "y": BASE64URL_NOPAD.encode(y),
    })
}
