//! The keys that an issuer publishes (RFC 7517), kept between requests.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use errors::{BoxError, Error, chain};
use jsonwebtoken::{DecodingKey, crypto};
use roster::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::fetch::Fetch;
use super::issuer::IssuerUrl;

/// How old keys get before they are fetched again: so long a key that the issuer has withdrawn is still believed. An
/// unknown key is fetched at once.
const REFRESH: Duration = Duration::from_hours(1);
/// The least time between two fetches while there are keys: tokens that name invented keys cause no more than one a minute.
const PAUSE: Duration = Duration::from_mins(1);
/// The least time between two fetches while there are none: nobody can sign in, so the issuer is asked again soon.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// How long a fetch takes that goes well: two small documents over a new connection.
const USUAL_FETCH: Duration = Duration::from_millis(250);
/// The shortest RSA modulus, in bits (RFC 7518, 3.3).
const MIN_RSA_BITS: usize = 2048;
/// The longest RSA modulus, in bits: what the library verifies.
const MAX_RSA_BITS: usize = 8192;

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA with PKCS #1 v1.5 padding, and SHA-256.
    Rs256,
    /// ECDSA on the curve P-256, and SHA-256.
    Es256,
}

/// One published key.
#[derive(Clone)]
pub struct Key {
    kid: String,
    algorithm: Algorithm,
    public: DecodingKey,
}

/// An issuer's keys, as it published them at one time.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<Key>);

/// A key as it is published. What else it says is of no interest.
#[derive(Deserialize)]
struct Jwk {
    kid: String,
    kty: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    /// Only a private key has it.
    d: Option<Value>,
}

impl Key {
    /// The key that `published` describes, if it is one to verify tokens with.
    fn of(published: &Value) -> Option<Self> {
        let jwk = Jwk::deserialize(published).ok()?;
        let signs = jwk.purpose.as_deref().is_none_or(|purpose| purpose == "sig");
        let verifies = jwk
            .key_ops
            .is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
        // A private key that the whole world can read proves nothing.
        if !signs || !verifies || jwk.d.is_some() {
            return None;
        }
        let (algorithm, name, key) = match jwk.kty.as_str() {
            "RSA" => {
                let (n, e) = (jwk.n?, jwk.e?);
                let modulus = BASE64URL_NOPAD.decode(n.as_bytes()).ok()?;
                if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits(&modulus)) {
                    return None;
                }
                let key = DecodingKey::from_rsa_components(&n, &e).ok()?;
                (Algorithm::Rs256, "RS256", key)
            }
            "EC" if jwk.crv.as_deref() == Some("P-256") => {
                let key = DecodingKey::from_ec_components(&jwk.x?, &jwk.y?).ok()?;
                (Algorithm::Es256, "ES256", key)
            }
            _ => return None,
        };
        let fits = jwk.alg.is_none_or(|alg| alg == name);
        fits.then_some(Self {
            kid: jwk.kid,
            algorithm,
            public: key,
        })
    }

    /// Whether this key made `signature`, in base64url, of `signed`.
    pub(super) fn verifies(&self, signed: &str, signature: &str) -> bool {
        let algorithm = match self.algorithm {
            Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
            Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        };
        crypto::verify(signature, signed.as_bytes(), &self.public, algorithm).unwrap_or(false)
    }
}

/// The length of a number, in bits.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let rest = &number[zeros..];
    rest.len() * 8 - rest.first().map_or(0, |byte| byte.leading_zeros() as usize)
}

/// Shows the name only.
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

impl Keys {
    /// The keys in a published set that tokens can be verified with; issuers publish others as well.
    ///
    /// # Errors
    ///
    /// If it is no set of keys.
    pub fn parse(published: &Value) -> Result<Self, BoxError> {
        let keys = published["keys"]
            .as_array()
            .ok_or("the issuer's key set has no array of keys")?;
        Ok(Self(keys.iter().filter_map(Key::of).collect()))
    }

    /// The key that the issuer calls `kid`, if it is one for `algorithm`.
    #[must_use]
    pub fn find(&self, kid: &str, algorithm: Algorithm) -> Option<&Key> {
        self.0
            .iter()
            .find(|key| key.kid == kid && key.algorithm == algorithm)
    }

    fn has(&self, kid: &str) -> bool {
        self.0.iter().any(|key| key.kid == kid)
    }
}

/// An issuer's keys, fetched when the first token comes and again when they get old.
///
/// While the issuer does not answer, the keys that are known serve on.
#[derive(Debug)]
pub(super) struct KeyCache {
    issuer: IssuerUrl,
    fetch: Fetch,
    /// How long a fetch may take.
    time: Duration,
    state: Mutex<State>,
    fetching: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone, Debug, Default)]
struct State {
    keys: Option<Arc<Keys>>,
    fetched_at: Option<Timestamp>,
    tried_at: Option<Timestamp>,
}

impl State {
    /// Whether a fetch is wanted and allowed, for a token that is signed by `kid`.
    fn wants(&self, kid: &str, now: Timestamp) -> bool {
        let is_over = |since: Option<Timestamp>, pause| since.is_none_or(|since| now.since(since) >= pause);
        let (wanted, pause) = match &self.keys {
            None => (true, FIRST_PAUSE),
            Some(keys) => (!keys.has(kid) || is_over(self.fetched_at, REFRESH), PAUSE),
        };
        wanted && is_over(self.tried_at, pause)
    }
}

impl KeyCache {
    /// The keys of `issuer`, which are fetched within `time` or not at all.
    pub(super) fn new(issuer: IssuerUrl, time: Duration) -> Self {
        Self {
            issuer,
            time,
            fetch: Fetch::default(),
            state: Mutex::default(),
            fetching: Arc::default(),
        }
    }

    /// The keys as they are known, fetched before if need be, for a token that is signed by `kid`.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if the issuer cannot be asked and never could.
    pub(super) async fn with(self: &Arc<Self>, kid: &str, now: Timestamp) -> Result<Arc<Keys>, Error> {
        let state = self.state();
        if state.keys.as_ref().is_some_and(|keys| keys.has(kid)) {
            if state.wants(kid, now)
                && let Ok(fetching) = Arc::clone(&self.fetching).try_lock_owned()
            {
                self.refresh_aside(fetching, kid.to_owned(), now).await;
            }
        } else {
            let _fetching = self.fetching.lock().await;
            self.refresh(kid, now).await;
        }
        self.state().keys.ok_or_else(|| Error::Unavailable {
            doing: "fetch the issuer's keys",
            source: "no try has succeeded yet".into(),
        })
    }

    fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches the keys in a task of its own. A request whose key is known waits for it only as long as a fetch
    /// takes that goes well: a process that stands still between requests may finish none otherwise.
    async fn refresh_aside(
        self: &Arc<Self>,
        fetching: tokio::sync::OwnedMutexGuard<()>,
        kid: String,
        now: Timestamp,
    ) {
        let cache = Arc::clone(self);
        let refreshed = tokio::spawn(async move {
            cache.refresh(&kid, now).await;
            drop(fetching);
        });
        // Late or failed, the known keys serve on.
        let _ = tokio::time::timeout(USUAL_FETCH, refreshed).await;
    }

    /// Fetches the keys, unless another has done so meanwhile.
    async fn refresh(&self, kid: &str, now: Timestamp) {
        let change = |change: &dyn Fn(&mut State)| {
            change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        };
        if !self.state().wants(kid, now) {
            return;
        }
        change(&|state| state.tried_at = Some(now));
        let fetched = tokio::time::timeout(self.time, self.fetch_keys()).await;
        let late = |_| Err(format!("no answer within {} ms", self.time.as_millis()).into());
        match fetched.unwrap_or_else(late) {
            Ok(keys) => {
                let keys = Arc::new(keys);
                change(&|state| {
                    state.keys = Some(Arc::clone(&keys));
                    state.fetched_at = Some(now);
                });
            }
            Err(error) => tracing::warn!(error = chain(&*error), "the issuer's keys cannot be fetched"),
        }
    }

    /// Asks the issuer where its keys are, and there for the keys.
    async fn fetch_keys(&self) -> Result<Keys, BoxError> {
        let document = self.fetch.discovery(&self.issuer).await?;
        let keys = document["jwks_uri"].as_str().and_then(IssuerUrl::parse);
        let keys = keys.ok_or("the issuer's document names no place of its keys that is safe")?;
        Keys::parse(&self.fetch.json(keys.as_str()).await?)
    }
}

#[cfg(test)]
mod tests;
