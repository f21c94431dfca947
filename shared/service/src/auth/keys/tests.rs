use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use futures::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// An issuer that answers as a test wants it to.
///
/// It has its document, the keys that this names, and right ones where nothing but a redirect leads.
struct Fake {
    cache: Arc<KeyCache>,
    asked: Arc<AtomicUsize>,
    answers: Arc<Mutex<Answers>>,
}

/// The raw answers to a request for the document and for the keys. `None` never comes.
struct Answers {
    document: Option<String>,
    keys: Option<String>,
}

#[expect(clippy::unnecessary_wraps, reason = "what `Answers` holds")]
fn answer(status: &str, body: &str) -> Option<String> {
    Some(format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    ))
}

fn key(kid: &str) -> Value {
    let coordinate = BASE64URL_NOPAD.encode(&[7; 32]);
    json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": coordinate, "y": coordinate })
}

fn published(kids: &[&str]) -> Option<String> {
    let keys: Vec<_> = kids.iter().map(|kid| key(kid)).collect();
    answer("200 OK", &json!({ "keys": keys }).to_string())
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000_000_000 + seconds * 1000)
}

impl Fake {
    /// An issuer with the key `a`.
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let document = json!({ "issuer": url, "jwks_uri": format!("{url}/keys") });
        let answers = Arc::new(Mutex::new(Answers {
            document: answer("200 OK", &document.to_string()),
            keys: published(&["a"]),
        }));
        let asked = Arc::new(AtomicUsize::new(0));
        let fake = Self {
            cache: Arc::new(KeyCache::new(
                IssuerUrl::parse(&url).unwrap(),
                Duration::from_secs(1),
            )),
            asked: Arc::clone(&asked),
            answers: Arc::clone(&answers),
        };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (asked, answers) = (Arc::clone(&asked), Arc::clone(&answers));
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        request.push(stream.read_u8().await?);
                    }
                    let for_keys = request.starts_with(b"GET /keys");
                    if !for_keys {
                        asked.fetch_add(1, Ordering::SeqCst);
                    }
                    let answer = {
                        let answers = answers.lock().unwrap();
                        let answer = if for_keys {
                            &answers.keys
                        } else {
                            &answers.document
                        };
                        answer.clone()
                    };
                    match answer {
                        Some(answer) => stream.write_all(answer.as_bytes()).await,
                        None => std::future::pending().await,
                    }
                });
            }
        });
        fake
    }

    fn publish(&self, keys: Option<String>) {
        self.answers.lock().unwrap().keys = keys;
    }

    /// Whether the key `kid` is known at `time`, and how often the issuer was asked so far.
    async fn has(&self, kid: &str, time: u64) -> (bool, usize) {
        let keys = self.cache.with(kid, at(time)).await.unwrap();
        (keys.has(kid), self.asked.load(Ordering::SeqCst))
    }
}

/// The key `a`, or `rsa`, with `changes`, if it is one to verify tokens with.
fn kept(mut jwk: Value, changes: &Value) -> Option<Key> {
    for (name, value) in changes.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    Keys::parse(&json!({ "keys": [jwk] })).unwrap().0.pop()
}

/// An RSA key whose modulus has so many bits, behind a byte of zeros.
fn rsa(bits: usize) -> Value {
    let mut modulus = vec![0xFF; bits.div_ceil(8) + 1];
    modulus[0] = 0;
    modulus[1] = 0xFF >> (8 * bits.div_ceil(8) - bits);
    json!({ "kty": "RSA", "kid": "rsa", "n": BASE64URL_NOPAD.encode(&modulus), "e": "AQAB" })
}

#[test]
fn only_keys_that_tokens_are_verified_with_are_kept() {
    for good in [
        json!({}),
        json!({ "use": "sig", "alg": "ES256" }),
        json!({ "key_ops": ["sign", "verify"] }),
    ] {
        assert!(kept(key("a"), &good).is_some(), "{good}");
    }
    for bad in [
        json!({ "use": "enc" }),
        json!({ "key_ops": ["sign"] }),
        json!({ "d": "AQAB" }),
        json!({ "alg": "RS256" }),
        json!({ "crv": "P-384" }),
        json!({ "kty": "oct" }),
        json!({ "x": null }),
    ] {
        assert!(kept(key("a"), &bad).is_none(), "{bad}");
    }
}

#[test]
fn an_rsa_key_is_neither_too_short_nor_longer_than_can_be_verified() {
    for (bits, fits) in [
        (2047, false),
        (2048, true),
        (3072, true),
        (8192, true),
        (8193, false),
    ] {
        assert_eq!(kept(rsa(bits), &json!({})).is_some(), fits, "{bits}");
    }
    assert!(kept(rsa(2048), &json!({ "alg": "RS256" })).is_some());
    assert!(kept(rsa(2048), &json!({ "alg": "ES256" })).is_none());
    assert!(kept(rsa(2048), &json!({ "n": "" })).is_none());
}

#[test]
fn a_key_is_found_by_its_name_and_for_its_algorithm() {
    let keys = Keys::parse(&json!({ "keys": [key("a"), rsa(2048)] })).unwrap();
    let found = |kid, algorithm| keys.find(kid, algorithm).map(|key| key.kid.as_str());

    assert_eq!(found("a", Algorithm::Es256), Some("a"));
    assert_eq!(found("rsa", Algorithm::Rs256), Some("rsa"));
    for (kid, algorithm) in [
        ("a", Algorithm::Rs256),
        ("rsa", Algorithm::Es256),
        ("b", Algorithm::Es256),
    ] {
        assert_eq!(found(kid, algorithm), None, "{kid}");
    }
}

#[tokio::test]
async fn keys_are_fetched_with_the_first_token_and_then_each_hour() {
    let issuer = Fake::start().await;
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 0);

    assert_eq!(issuer.has("a", 0).await, (true, 1));
    assert_eq!(issuer.has("a", 3599).await, (true, 1));
    issuer.publish(published(&["b"]));
    assert_eq!(issuer.has("a", 3600).await, (false, 2));
    assert_eq!(issuer.has("b", 3600).await, (true, 2));
}

#[tokio::test]
async fn an_unknown_name_makes_the_keys_be_fetched_once_a_minute_at_most() {
    let issuer = Fake::start().await;
    issuer.has("a", 0).await;
    issuer.publish(published(&["a", "b"]));

    assert_eq!(issuer.has("b", 59).await, (false, 1));
    assert_eq!(issuer.has("b", 60).await, (true, 2));
    for time in 61..120 {
        assert_eq!(issuer.has("c", time).await, (false, 2));
    }
    assert_eq!(issuer.has("c", 120).await, (false, 3));
}

#[tokio::test]
async fn known_keys_serve_while_the_issuer_is_down() {
    let issuer = Fake::start().await;
    issuer.has("a", 0).await;
    issuer.publish(answer("500 Internal Server Error", "{}"));

    assert_eq!(issuer.has("a", 3600).await, (true, 2));
    assert_eq!(issuer.has("a", 3659).await, (true, 2));
    assert_eq!(issuer.has("a", 3660).await, (true, 3));
    assert_eq!(issuer.has("a", 1_000_000).await, (true, 4));
}

#[tokio::test]
async fn a_token_whose_key_is_known_does_not_wait_for_a_slow_issuer() {
    let issuer = Fake::start().await;
    issuer.has("a", 0).await;
    issuer.publish(None);

    let started = Instant::now();
    assert_eq!(issuer.has("a", 3600).await, (true, 2));
    let one = started.elapsed();
    for _ in 0..10 {
        assert_eq!(issuer.has("a", 3600).await, (true, 2));
    }
    let eleven = started.elapsed();
    // While that fetch is under way, one with a new key waits for it.
    issuer.has("b", 3601).await;

    assert!(
        one >= USUAL_FETCH && eleven < Duration::from_millis(900),
        "{one:?}, {eleven:?}"
    );
    assert!(started.elapsed() >= Duration::from_millis(900));
}

#[tokio::test]
async fn without_any_keys_the_issuer_is_asked_every_five_seconds() {
    let issuer = Fake::start().await;
    issuer.publish(answer("503 Service Unavailable", ""));

    for (time, asked) in [(0, 1), (4, 1), (5, 2)] {
        let unavailable = issuer.cache.with("a", at(time)).await;
        assert!(matches!(unavailable, Err(Error::Unavailable { .. })));
        assert_eq!(issuer.asked.load(Ordering::SeqCst), asked);
    }
    issuer.publish(published(&["a"]));
    assert_eq!(issuer.has("a", 10).await, (true, 3));
}

#[tokio::test]
async fn tokens_that_come_together_make_one_fetch() {
    let issuer = Fake::start().await;

    let found = join_all((0..20).map(|_| issuer.has("a", 0))).await;

    assert!(found.iter().all(|(has, _)| *has));
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_is_not_right_in_every_point_is_no_key_set() {
    let issuer = Fake::start().await;
    let right = published(&["a"]);
    let large = json!({ "keys": [key("a")], "x": "x".repeat(64 * 1024) }).to_string();
    let elsewhere = "302 Found\r\nlocation: /right";
    for (time, keys) in (0..).step_by(5).zip([
        answer(elsewhere, &json!({ "keys": [key("a")] }).to_string()),
        answer("404 Not Found", &json!({ "keys": [key("a")] }).to_string()),
        answer("201 Created", &json!({ "keys": [key("a")] }).to_string()),
        answer("200 OK", &large),
        answer("200 OK", "keys"),
        answer("200 OK", "[]"),
        answer("200 OK", r#"{"keys":{}}"#),
        answer("200 OK", ""),
        None,
    ]) {
        issuer.publish(keys.clone());
        assert!(issuer.cache.with("a", at(time)).await.is_err(), "{keys:.80?}");
    }
    // As large as a document may be, and right.
    let whole = json!({ "keys": [key("a")] }).to_string();
    let whole = whole.clone() + &" ".repeat(64 * 1024 - whole.len());
    let full = Fake::start().await;
    full.publish(answer("200 OK", &whole));
    assert!(full.has("a", 0).await.0);

    issuer.publish(right);
    let url = issuer.cache.issuer.as_str();
    for (time, document) in (1000..).step_by(5).zip([
        json!({ "issuer": format!("{url}/"), "jwks_uri": format!("{url}/keys") }),
        json!({ "jwks_uri": format!("{url}/keys") }),
        json!({ "issuer": url }),
        json!({ "issuer": url, "jwks_uri": "/keys" }),
        json!({ "issuer": url, "jwks_uri": "http://issuer.example/keys" }),
        json!({ "issuer": url, "jwks_uri": "file:///keys" }),
        json!({ "issuer": url, "jwks_uri": ["https://issuer.example/keys"] }),
    ]) {
        issuer.answers.lock().unwrap().document = answer("200 OK", &document.to_string());
        assert!(issuer.cache.with("a", at(time)).await.is_err(), "{document}");
    }
}
