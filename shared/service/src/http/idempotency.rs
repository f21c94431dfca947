//! `Idempotency-Key`: a request with one is carried out once, and answered the same each time.
//!
//! The answer is kept for a day, under a hash of the caller and the key, and sealed: the secret is made
//! from the caller's access token and the key, neither of which is stored, so what is stored gives away
//! neither a token nor personal data. So it takes the same token to get the same answer; a request that had
//! none, because its try failed, can be sent again with a newer token.
//!
//! A request is the same if method, path, query, caller and body are. A form is compared without its
//! boundary, which clients choose for each try.
//!
//! A kept answer is given by the route's own handler, which finds it by [`answered`] after it has checked that the
//! caller could still make the request. So a caller who has lost the right gets what the route answers to others.
//!
//! A try may die, or lose its connection to storage, after it has done its work and before its answer is kept. So
//! the users and contacts that a request makes have its [`mark`], so that the next try finds them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hkdf, hmac};
use data_encoding::HEXLOWER;
use errors::{Error, chain};
use lambda_http::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Request, RequestExt, Response};
use memchr::memmem;
use roster::{Code, RequestMark, Timestamp, Violation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use table::{Attempt, Begun};
use tokio::time::Instant;
use uuid::Uuid;

use super::operation::Handler;
use super::{deadline, form_boundary, header, problem};
use crate::{App, clock};

pub(super) const NAME: &str = "Idempotency-Key";
const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest key, in characters: what a client may reasonably make one of, several UUIDs together.
pub(super) const MAX_KEY: usize = 255;
/// How long an answer is kept: longer than any client goes on trying, and short because answers have personal data.
const KEPT: Duration = Duration::from_hours(24);
/// How long a request is believed to be under way when nobody says when it ends: twice what API Gateway waits for a function.
const LONGEST: Duration = Duration::from_mins(1);
/// Bytes of a nonce of AES-GCM.
const NONCE: usize = 12;

/// What tells `request` from others: for one with a key the same at each try, for any other a new one at each call.
#[must_use]
pub fn mark(request: &Request) -> RequestMark {
    let of_key = request.extensions().get::<RequestMark>();
    of_key.copied().unwrap_or_else(RequestMark::random)
}

/// The kept answer to an earlier try of a request, until the handler takes it.
#[derive(Clone)]
struct Answered(Arc<Mutex<Option<Response<Body>>>>);

/// Takes the answer that `request` had before, if it was carried out under its `Idempotency-Key`.
///
/// The handler of a POST calls this once, after the last check that can refuse the caller and before the first
/// write, and returns what it gets. Without that, a request that is sent again would be carried out again.
#[must_use]
pub fn answered(request: &Request) -> Option<Response<Body>> {
    let Answered(answer) = request.extensions().get()?;
    answer.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Returns the key of `request`, if it has one.
///
/// # Errors
///
/// [`Error::Malformed`] for a key that is not one.
pub(super) fn key(request: &Request) -> Result<Option<String>, Error> {
    let mut keys = request.headers().get_all(HEADER).iter();
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    let printable = |byte: &u8| (b' '..=b'~').contains(byte);
    let key = key.as_bytes();
    if keys.next().is_some() || !(1..=MAX_KEY).contains(&key.len()) || !key.iter().all(printable) {
        let violation = Violation::new(
            NAME,
            Code::InvalidFormat,
            format!("must be given once, with 1 to {MAX_KEY} printable ASCII characters"),
        );
        return Err(Error::Malformed {
            detail: format!("the header {}", violation.message()).into(),
            violations: vec![violation],
        });
    }
    Ok(Some(String::from_utf8_lossy(key).into_owned()))
}

/// Carries `request` out by `handler`, or lets it give the answer that the request had before.
///
/// What the handler refuses is an answer too and is kept; a failure of the service is not, so that the
/// request can be sent again.
///
/// # Errors
///
/// [`Error::Invalid`] if another request came with the key, [`Error::InProgress`] if this one is under
/// way, and what the handler fails with.
pub(super) async fn once<A: AsRef<App>>(
    state: &A,
    mut request: Request,
    request_id: &str,
    key: &str,
    handler: Handler<A>,
) -> Result<Response<Body>, Error> {
    let until = deadline::of(&request);
    let handler = |state, request| deadline::within(until, handler(state, request));
    let app = state.as_ref();
    let caller = match deadline::within(until, app.auth.caller(&request)).await {
        Ok(caller) => caller,
        // Nobody whose requests could be told from those of others: the handler refuses it.
        Err(Error::Unauthenticated { .. }) => return handler(state, request).await,
        Err(error) => return Err(error),
    };
    let seal = Seal::new(header(&request, &AUTHORIZATION).unwrap_or_default(), key)?;
    let now = clock::now();
    let of_caller = format!("{}\n{key}", caller.user.id);
    let attempt = Attempt {
        key: HEXLOWER.encode(&Sha256::digest(&of_caller)),
        request: mark_of(&request, &of_caller),
        id: Uuid::new_v4().to_string(),
        expires_at: now.plus(KEPT),
    };
    let deadline = request.lambda_context_ref().map_or(0, |context| context.deadline);
    let given_up = Timestamp::from_millis(deadline.max(now.plus(LONGEST).millis()));
    match deadline::within(until, app.replays.begin(&attempt, now, given_up)).await {
        Ok(Begun::First) => {}
        Ok(Begun::Answered(answer)) => {
            let answer = seal.open(&attempt.key, answer)?;
            let answer = Answered(Arc::new(Mutex::new(Some(answer))));
            request.extensions_mut().insert(answer);
            return handler(state, request).await;
        }
        Ok(Begun::InProgress) => return Err(Error::InProgress),
        Ok(Begun::Another) => return Err(repeated("was sent before with another request")),
        Err(error) => {
            // It may be noted all the same, and would stand in the way of the next try.
            let _ = soon(app, Box::pin(app.replays.release(&attempt))).await;
            return Err(error);
        }
    }
    request.extensions_mut().insert(attempt.request);

    let answer = match handler(state, request).await {
        Err(error @ (Error::Internal { .. } | Error::Unavailable { .. })) => Err(error),
        Err(error) => Ok(problem::answer(error, request_id)),
        answer => answer,
    };
    let kept = match &answer {
        Ok(answer) if !answer.status().is_server_error() => match seal.close(&attempt.key, answer) {
            Ok(sealed) => soon(app, Box::pin(app.replays.keep(&attempt, &sealed))).await,
            Err(error) => Err(error),
        },
        _ => soon(app, Box::pin(app.replays.release(&attempt))).await,
    };
    if let Err(error) = kept {
        // What was done is done: its answer must not be lost because it cannot be kept as well.
        tracing::error!(
            request.id = request_id,
            error = chain(&error),
            "an answer is not kept"
        );
    }
    answer
}

/// `work` on the note of a request whose answer is ready, if it does not take long: the caller waits for the answer,
/// and the note is given up by itself.
async fn soon(app: &App, work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let time = app.config.limits.cleanup();
    deadline::within(Some(Instant::now() + time), work).await
}

fn repeated(detail: &'static str) -> Error {
    Error::Invalid(vec![Violation::new(NAME, Code::Repeated, detail)])
}

/// What tells `request` from others of the same caller and key, without telling those who do not know the key what
/// is in it.
fn mark_of(request: &Request, of_caller: &str) -> RequestMark {
    let mut mark = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, of_caller.as_bytes()));
    let mut part = |part: &[u8]| {
        mark.update(&(part.len() as u64).to_le_bytes());
        mark.update(part);
    };
    part(request.method().as_str().as_bytes());
    part(request.raw_http_path().as_bytes());
    part(request.uri().query().unwrap_or_default().as_bytes());
    let content_type = header(request, &CONTENT_TYPE).unwrap_or_default();
    let body: &[u8] = request.body();
    if let Some(boundary) = form_boundary(content_type) {
        let mut rest = 0;
        for at in memmem::find_iter(body, boundary.as_bytes()) {
            part(&body[rest..at]);
            rest = at + boundary.len();
        }
        part(&body[rest..]);
    } else {
        part(content_type.as_bytes());
        part(body);
    }
    let mark = mark.sign();
    let half = std::array::from_fn(|index| mark.as_ref()[index]);
    RequestMark::from_uuid(uuid::Builder::from_custom_bytes(half).into_uuid())
}

/// Seals answers for those who know a token and a key.
struct Seal(RandomizedNonceKey);

/// What precedes the body of a kept answer.
#[derive(Serialize, Deserialize)]
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    text: bool,
}

impl Seal {
    fn new(token: &str, key: &str) -> Result<Self, Error> {
        let secret = format!("{token}\n{key}");
        hkdf::Salt::new(hkdf::HKDF_SHA256, b"access-service idempotency")
            .extract(secret.as_bytes())
            .expand(&[b"answers"], hkdf::HKDF_SHA256)
            .and_then(|answers| {
                let mut key = [0; 32];
                answers.fill(&mut key)?;
                RandomizedNonceKey::new(&AES_256_GCM, &key)
            })
            .map(Self)
            .map_err(|error| Error::internal("derive a key", error))
    }

    fn close(&self, key: &str, answer: &Response<Body>) -> Result<Vec<u8>, Error> {
        let doing = "seal an answer";
        let head = Head {
            status: answer.status().as_u16(),
            headers: answer
                .headers()
                .iter()
                .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
                .collect(),
            text: matches!(answer.body(), Body::Text(_)),
        };
        let mut sealed = serde_json::to_vec(&head).map_err(|error| Error::internal(doing, error))?;
        sealed.push(b'\n');
        sealed.extend_from_slice(answer.body());
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(key.as_bytes()), &mut sealed)
            .map_err(|error| Error::internal(doing, error))?;
        sealed.extend_from_slice(nonce.as_ref());
        Ok(sealed)
    }

    fn open(&self, key: &str, mut sealed: Vec<u8>) -> Result<Response<Body>, Error> {
        let doing = "open a kept answer";
        let cut = sealed.len().saturating_sub(NONCE);
        let nonce = Nonce::try_assume_unique_for_key(&sealed.split_off(cut))
            .map_err(|error| Error::internal(doing, error))?;
        let opened = self
            .0
            .open_in_place(nonce, Aad::from(key.as_bytes()), &mut sealed)
            .map_err(|_| repeated("was answered before, to another access token; send a new key"))?;
        // JSON has no line break unless it is asked to.
        let end = memchr::memchr(b'\n', opened).unwrap_or(opened.len());
        let (head, body) = opened.split_at(end);
        let head: Head = serde_json::from_slice(head).map_err(|error| Error::internal(doing, error))?;
        let body = body.get(1..).unwrap_or_default();
        let body = if head.text {
            Body::Text(String::from_utf8_lossy(body).into_owned())
        } else if body.is_empty() {
            Body::Empty
        } else {
            Body::Binary(body.to_vec())
        };
        let mut answer = Response::new(body);
        *answer.status_mut() =
            StatusCode::from_u16(head.status).map_err(|error| Error::internal(doing, error))?;
        for (name, value) in head.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
                answer.headers_mut().append(name, value);
            }
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::http;

    use super::*;

    fn seal() -> Seal {
        Seal::new("Bearer token", "key").unwrap()
    }

    fn form(boundary: &str, cell: &str) -> Request {
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n{cell}\r\n--{boundary}--"
        );
        http::Request::post("/api/v1/users/import")
            .header(CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}"))
            .body(Body::Text(body))
            .unwrap()
    }

    #[test]
    fn a_kept_answer_opens_for_its_token_and_key_only() {
        let answer = Response::builder()
            .status(201)
            .header("location", "/somewhere")
            .body(Body::Text("secret".to_owned()))
            .unwrap();

        let sealed = seal().close("place", &answer).unwrap();

        assert!(memmem::find(&sealed, b"secret").is_none());
        let opened = seal().open("place", sealed.clone()).unwrap();
        assert_eq!(opened.status(), 201);
        assert_eq!(opened.headers()["location"], "/somewhere");
        assert_eq!(opened.body(), answer.body());
        assert!(seal().open("another place", sealed.clone()).is_err());
        let others = Seal::new("Bearer another", "key").unwrap();
        assert!(others.open("place", sealed).is_err());
    }

    #[test]
    fn a_form_is_the_same_under_another_boundary() {
        let mark = |boundary, cell| mark_of(&form(boundary, cell), "caller and key");

        assert_eq!(mark("one", "a"), mark("two", "a"));
        assert_ne!(mark("one", "a"), mark("one", "b"));
    }
}
