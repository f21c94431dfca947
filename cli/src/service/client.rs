//! Requests to the service, and what their answers mean for the command.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;

use super::Settings;
use crate::failure::Failure;
use crate::output;

/// How long a connection may take: on the slowest networks some seconds.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the service may be silent. It waits 25 s for an import at most.
const SILENCE: Duration = Duration::from_mins(1);
/// How long one waits between two tries at most: a service that is back is noticed before a person gives up.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long the service may be out of reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Moments, for somebody who waits for an answer.
    Short,
    /// As long as a deployment or a train in a tunnel may take, for work that goes on meanwhile.
    Long,
}

impl Patience {
    fn time(self) -> Duration {
        match self {
            Self::Short => Duration::from_secs(5),
            Self::Long => Duration::from_mins(15),
        }
    }
}

/// The service, with an access token.
pub(crate) struct Client {
    pub(crate) settings: Settings,
    http: reqwest::Client,
    token: Mutex<String>,
}

/// Encodes what is one segment of a path.
pub(crate) fn path_segment(text: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');
    utf8_percent_encode(text, KEPT).to_string()
}

/// Makes a client of HTTP for `url`, which follows redirects as `redirects` says.
///
/// # Errors
///
/// If the certificates of the system cannot be read.
pub(crate) fn http_client(url: &Url, redirects: Policy) -> Result<reqwest::Client, Failure> {
    let mut http = reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .redirect(redirects)
        .user_agent(concat!("access/", env!("CARGO_PKG_VERSION")));
    if url.scheme() == "http" {
        // Without the certificates of the system, which take time to read and may be missing.
        http = http.tls_certs_only([]);
    }
    http.build().map_err(|error| {
        Failure::Usage(format!(
            "https cannot be used ({}); install the certificates of the system",
            chain(&error)
        ))
    })
}

impl Client {
    /// How many items one page of a listing has at most.
    pub(crate) const PAGE: u64 = 100;

    /// Makes a client with the access token that the settings lead to.
    ///
    /// # Errors
    ///
    /// If there is no token.
    pub(crate) fn new(settings: Settings) -> Result<Self, Failure> {
        let token = settings.token()?;
        Self::with_token(settings, token)
    }

    /// Makes a client with this access token.
    ///
    /// # Errors
    ///
    /// If the certificates of the system cannot be read.
    pub(crate) fn with_token(settings: Settings, token: String) -> Result<Self, Failure> {
        let http = http_client(&settings.url, Policy::default())?;
        Ok(Self {
            settings,
            http,
            token: Mutex::new(token),
        })
    }

    /// Begins a request to `path` below the base path.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let token = self.token.lock().map(|token| token.clone()).unwrap_or_default();
        let url = format!("{}api/v1{path}", self.settings.url);
        self.http
            .request(method, url)
            .header(AUTHORIZATION, format!("Bearer {token}"))
    }

    /// Begins a request to a URL that needs no access token, such as a signed one.
    pub(crate) fn without_token(&self, method: Method, url: &str) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// `GET path`.
    ///
    /// # Errors
    ///
    /// As for [`Client::send`].
    pub(crate) async fn get(&self, path: &str, patience: Patience) -> Result<Value, Failure> {
        self.send(patience, || self.request(Method::GET, path)).await
    }

    /// Gives the first `limit` items of the listing at `path` to `each`, and returns how many items it has.
    ///
    /// # Errors
    ///
    /// As for [`Client::send`], and what `each` fails with.
    pub(crate) async fn walk(
        &self,
        path: &str,
        filters: &[(&str, &str)],
        limit: u64,
        mut each: impl FnMut(&Value) -> Result<(), Failure>,
    ) -> Result<u64, Failure> {
        let mut left = limit;
        let mut cursor: Option<String> = None;
        loop {
            let page = self.send(Patience::Short, || {
                let request = self.request(Method::GET, path).query(filters);
                let request = request.query(&[("limit", left.min(Self::PAGE))]);
                request.query(&cursor.iter().map(|cursor| ("cursor", cursor)).collect::<Vec<_>>())
            });
            let page = page.await?;
            for item in page["items"].as_array().into_iter().flatten() {
                each(item)?;
                left = left.saturating_sub(1);
            }
            cursor = page["nextCursor"].as_str().map(str::to_owned);
            if cursor.is_none() || left == 0 {
                return Ok(page["count"].as_u64().unwrap_or_default());
            }
        }
    }

    /// `POST path` without a body.
    ///
    /// # Errors
    ///
    /// As for [`Client::send`].
    pub(crate) async fn post(&self, path: &str, patience: Patience) -> Result<Value, Failure> {
        let key = uuid::Uuid::new_v4().to_string();
        let request = || {
            let request = self.request(Method::POST, path);
            request.header("idempotency-key", &key)
        };
        self.send(patience, request).await
    }

    /// Sends a request, and again while the service is out of reach. The request has to be one that may be sent twice: a
    /// POST needs an `Idempotency-Key`.
    ///
    /// # Errors
    ///
    /// If the answer is no success, or there is none for too long.
    pub(crate) async fn send(
        &self,
        patience: Patience,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Value, Failure> {
        let response = self.response(patience, request).await?;
        let text = response.bytes().await.map_err(|error| self.unreached(&error))?;
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&text).map_err(|_| self.foreign())
    }

    /// As [`Client::send`], without reading the body of a success.
    ///
    /// # Errors
    ///
    /// As for [`Client::send`].
    pub(crate) async fn response(
        &self,
        patience: Patience,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Response, Failure> {
        let started = Instant::now();
        // What fails by chance is over in a moment; a service that is down is asked less and less often.
        let mut pause = Duration::from_millis(200);
        let mut is_told = false;
        let mut renewed = false;
        loop {
            let (failure, wait) = match request().send().await {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response)
                    if response.status() == StatusCode::UNAUTHORIZED && !renewed && self.renew()? =>
                {
                    renewed = true;
                    continue;
                }
                Ok(response) => {
                    let wait = retry_after(response.headers());
                    let is_passing = is_passing(response.status());
                    let failure = self.failure(response).await;
                    if !is_passing {
                        return Err(failure);
                    }
                    (failure, wait)
                }
                Err(error) if error.is_builder() => return Err(self.unreached(&error)),
                Err(error) => (self.unreached(&error), None),
            };
            let wait = wait.unwrap_or(pause).min(LONGEST_PAUSE);
            if started.elapsed() + wait > patience.time() {
                return Err(failure);
            }
            if patience == Patience::Long && !is_told {
                output::remark(&format!("{failure}; waiting for it"));
                is_told = true;
            }
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Gets another access token, where one is to be had.
    fn renew(&self) -> Result<bool, Failure> {
        if !self.settings.can_renew() {
            return Ok(false);
        }
        let new = self.settings.token()?;
        let Ok(mut token) = self.token.lock() else {
            return Ok(false);
        };
        Ok(std::mem::replace(&mut *token, new.clone()) != new)
    }

    /// What an answer that is no success means.
    async fn failure(&self, response: Response) -> Failure {
        let status = response.status();
        let is_problem = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|kind| kind.starts_with("application/problem+json"));
        let text = response.bytes().await.unwrap_or_default();
        let problem: Value = serde_json::from_slice(&text).unwrap_or_default();
        if !is_problem && !is_passing(status) && status != StatusCode::UNAUTHORIZED {
            return self.foreign();
        }
        let said = said(&problem);
        match status {
            StatusCode::UNAUTHORIZED => Failure::Denied(format!(
                "{} does not accept the access token; it may have ended. Sign in again by: access sign-in",
                self.settings.url
            )),
            StatusCode::FORBIDDEN => Failure::Denied(said),
            StatusCode::PAYLOAD_TOO_LARGE => Failure::Refused(said),
            StatusCode::UNPROCESSABLE_ENTITY if problem["type"] == "/problems/file-refused" => {
                Failure::Refused(said)
            }
            status if is_passing(status) => Failure::Unreached(format!(
                "{} cannot answer now ({}); try again later",
                self.settings.url,
                if said.is_empty() { status.to_string() } else { said }
            )),
            _ => Failure::Usage(said),
        }
    }

    /// The failure of what is not this service.
    pub(crate) fn foreign(&self) -> Failure {
        Failure::Usage(format!(
            "{} does not answer like an Access Service; check the URL",
            self.settings.url
        ))
    }

    fn unreached(&self, error: &reqwest::Error) -> Failure {
        Failure::Unreached(format!(
            "{} cannot be reached ({})",
            self.settings.url,
            chain(error)
        ))
    }
}

/// Whether the same request may succeed later.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// What a problem document says, with each member at fault on a line of its own.
fn said(problem: &Value) -> String {
    let detail = problem["detail"]
        .as_str()
        .or(problem["title"].as_str())
        .unwrap_or_default();
    let errors = problem["errors"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let suggested = |error: &Value| {
        let suggestion = error["suggestion"].as_str();
        suggestion.map_or(String::new(), |value| format!(" (did you mean {value:?}?)"))
    };
    // Of a single one the detail says everything.
    if let [error] = errors {
        return output::shown(&format!("{detail}{}", suggested(error)));
    }
    let mut lines = vec![detail.to_owned()];
    lines.extend(errors.iter().map(|error| {
        let place = error["pointer"].as_str().or(error["parameter"].as_str());
        let detail = error["detail"].as_str().unwrap_or_default();
        let place = place.unwrap_or_default().trim_start_matches("#/");
        format!("  {place}: {detail}{}", suggested(error))
    }));
    output::shown_lines(&lines)
}

/// The innermost reason of an error, which says most.
fn chain(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
