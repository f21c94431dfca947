//! Where an issuer signs people in, kept between requests.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use errors::{BoxError, Limits, chain};
use roster::Timestamp;
use serde_json::Value;

use super::fetch::Fetch;
use super::issuer::{self, Issuer, IssuerUrl};

/// How old endpoints get before they are fetched again. They hardly ever change; an issuer that moves is followed within
/// the hour.
const REFRESH: Duration = Duration::from_hours(1);
/// The least time between two fetches. Meanwhile a page that is asked for does not wait for an issuer that is silent.
const PAUSE: Duration = Duration::from_secs(10);

/// The endpoints of the authorization code flow (RFC 6749, 3), as the issuer's discovery document names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Where a person signs in.
    pub authorization: String,
    /// Where a code is exchanged for tokens: origin and path. It has no character that could end a directive of a
    /// `Content-Security-Policy`.
    pub token: String,
}

impl Endpoints {
    /// Reads the endpoints in a discovery document.
    ///
    /// # Errors
    ///
    /// If one of them is missing or is no address to be trusted with a person's sign-in.
    pub fn parse(document: &Value) -> Result<Self, BoxError> {
        let named = |name: &str| document[name].as_str().unwrap_or_default();
        let (authorization, token) = (named("authorization_endpoint"), named("token_endpoint"));
        if issuer::safe(authorization).is_none() {
            return Err("the issuer's document names no place to sign in that is safe".into());
        }
        let is_source = |token: &IssuerUrl| !token.as_str().contains([';', ',', '\'', '"']);
        let Some(token) = IssuerUrl::parse(token).filter(is_source) else {
            return Err("the issuer's document names no place of its tokens that is safe".into());
        };
        Ok(Self {
            authorization: authorization.to_owned(),
            token: token.as_str().to_owned(),
        })
    }
}

/// Finds the endpoints of an issuer. Cheap to clone; clones share what they know.
#[derive(Clone, Debug)]
pub struct EndpointCache {
    issuer: IssuerUrl,
    /// How long a fetch may take.
    time: Duration,
    fetch: Arc<Fetch>,
    state: Arc<Mutex<State>>,
    fetching: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone, Debug, Default)]
struct State {
    endpoints: Option<Endpoints>,
    fetched_at: Option<Timestamp>,
    tried_at: Option<Timestamp>,
}

impl State {
    fn wants(&self, now: Timestamp) -> bool {
        let is_over = |since: Option<Timestamp>, pause| since.is_none_or(|since| now.since(since) >= pause);
        is_over(self.fetched_at, REFRESH) && is_over(self.tried_at, PAUSE)
    }
}

impl EndpointCache {
    /// Returns a cache for `issuer`, which fetches within `limits` or not at all.
    #[must_use]
    pub fn new(issuer: &Issuer, limits: Limits) -> Self {
        Self {
            issuer: issuer.url.clone(),
            time: limits.issuer(),
            fetch: Arc::default(),
            state: Arc::default(),
            fetching: Arc::default(),
        }
    }

    /// Returns the endpoints, fetched before if need be; `None` if the issuer cannot be asked and never could.
    pub async fn at(&self, now: Timestamp) -> Option<Endpoints> {
        if self.state().wants(now) {
            let _fetching = self.fetching.lock().await;
            // Unless another request has asked meanwhile.
            if self.state().wants(now) {
                self.refresh(now).await;
            }
        }
        self.state().endpoints
    }

    fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn refresh(&self, now: Timestamp) {
        let change = |change: &dyn Fn(&mut State)| {
            change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        };
        change(&|state| state.tried_at = Some(now));
        let fetched = tokio::time::timeout(self.time, self.fetch.discovery(&self.issuer)).await;
        let late = |_| Err(format!("no answer within {} ms", self.time.as_millis()).into());
        let read = fetched
            .unwrap_or_else(late)
            .and_then(|document| Endpoints::parse(&document));
        match read {
            Ok(endpoints) => change(&|state| {
                state.endpoints = Some(endpoints.clone());
                state.fetched_at = Some(now);
            }),
            Err(error) => tracing::warn!(error = chain(&*error), "the issuer's endpoints cannot be fetched"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(authorization: &str, token: &str) -> Result<Endpoints, String> {
        let document = json!({ "authorization_endpoint": authorization, "token_endpoint": token });
        Endpoints::parse(&document).map_err(|error| error.to_string())
    }

    #[test]
    fn endpoints_are_safe_and_end_no_directive() {
        let sign_in = "https://issuer.example/authorize?policy=one";
        let token = "https://issuer.example/oauth2/v2.0/token";

        let endpoints = parsed(sign_in, token).unwrap();

        assert_eq!((&*endpoints.authorization, &*endpoints.token), (sign_in, token));
        for bad in [
            "",
            "http://issuer.example/a",
            "javascript:alert(1)",
            "/authorize",
            "https://me@issuer.example/a",
        ] {
            assert!(parsed(bad, token).unwrap_err().contains("sign in"), "{bad}");
            assert!(parsed(sign_in, bad).unwrap_err().contains("tokens"), "{bad}");
        }
        for bad in [
            "https://issuer.example/token;script-src",
            "https://issuer.example/token,a",
            "https://issuer.example/token?a=b",
            "https://issuer.example/'unsafe-inline'",
        ] {
            assert!(parsed(sign_in, bad).is_err(), "{bad}");
        }
        assert!(Endpoints::parse(&json!({})).is_err());
    }

    #[test]
    fn endpoints_are_asked_for_again_after_an_hour_or_a_pause() {
        let at = |seconds: u64| Timestamp::from_millis(1_000_000_000_000 + seconds * 1000);
        let mut state = State::default();
        assert!(state.wants(at(0)));

        state.tried_at = Some(at(0));
        assert!(!state.wants(at(9)) && state.wants(at(10)));

        state.fetched_at = Some(at(10));
        state.tried_at = Some(at(10));
        assert!(!state.wants(at(3609)) && state.wants(at(3610)));
    }
}
