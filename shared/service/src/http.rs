//! HTTP at the edge: what a request brings, what an answer takes.
//!
//! A function's `main` calls [`serve`], which hands each request to the handler of its [`operation`] and turns
//! what comes back, value or [`Error`], into an answer. A handler reads the request with [`json`],
//! [`query`] and [`prefer`], and answers with [`respond`].

mod deadline;
pub mod etag;
mod idempotency;
pub mod json;
pub mod operation;
pub mod page;
pub mod prefer;
mod problem;
pub mod query;
pub mod respond;

#[cfg(test)]
mod any_request;

use std::convert::Infallible;
use std::str::FromStr;
use std::time::Instant;

use errors::Error;
use lambda_http::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderName, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::{HeaderValue, Request as HttpRequest, StatusCode};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt, Response, Service, service_fn};
use roster::{ImportId, UserId};
use table::Account;

use crate::App;
use crate::auth::Caller;
use operation::{Access, Cache, Route};

pub use idempotency::{answered, mark};
pub use problem::Kind;

/// The path below which all routes of the interface lie.
pub const BASE_PATH: &str = "/api/v1";

/// The media type of CSV answers (RFC 4180, 3).
pub const CSV: &str = "text/csv; charset=utf-8; header=present";

/// The header that carries the id under which the log knows a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// `Strict-Transport-Security` of every answer. A year is the shortest time that browsers' preload lists take.
/// Without `includeSubDomains`, because what lies below the host is the operator's.
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Serves `routes` until Lambda stops the process.
///
/// # Errors
///
/// Only when the runtime API cannot be reached: a failed request is an answer, never an error.
pub async fn serve<A>(app: &A, routes: &'static [Route<A>]) -> Result<(), lambda_http::Error>
where
    A: AsRef<App> + Sync,
{
    lambda_http::run(service(app, routes)).await
}

/// Returns `routes` as the service that Lambda's runtime calls: it always answers. `app` is an [`App`] or what
/// holds one and more.
pub fn service<'a, A>(
    app: &'a A,
    routes: &'static [Route<A>],
) -> impl Service<Request, Response = Response<Body>, Error = Infallible, Future: Send + 'a>
+ Clone
+ Send
+ Sync
+ use<'a, A>
where
    A: AsRef<App> + Sync,
{
    service_fn(move |request: Request| {
        let received = Received::of(&request);
        async move {
            let started = Instant::now();
            let (cache, result) = match route(routes, &request) {
                Ok(route) => (route.cache, carry_out(app, route, request, &received.id).await),
                Err(error) => (Cache::Never, Err(error)),
            };
            Ok(received.answer(result, cache, started))
        }
    })
}

/// Returns the one of `routes` that `request` is for.
fn route<A>(routes: &'static [Route<A>], request: &Request) -> Result<&'static Route<A>, Error> {
    let path = resource(request);
    let on_path = || routes.iter().filter(|route| route.path == path);
    if on_path().next().is_none() {
        return Err(Error::NotFound("the path"));
    }
    on_path()
        .find(|route| route.verb.is(request.method()))
        .ok_or_else(|| {
            let allowed: Vec<_> = on_path().map(|route| route.verb.as_str()).collect();
            Error::MethodNotAllowed(allowed.join(", "))
        })
}

/// Carries out `request` by the handler of `route`, with what the route asks of every request.
async fn carry_out<A: AsRef<App>>(
    app: &A,
    route: &'static Route<A>,
    mut request: Request,
    request_id: &str,
) -> Result<Response<Body>, Error> {
    acceptable(&request, route.produces)?;
    request.extensions_mut().insert(route.access);
    let key = if route.is_keyed() {
        idempotency::key(&request)?
    } else {
        None
    };
    match key {
        None => deadline::within(deadline::of(&request), (route.handler)(app, request)).await,
        Some(key) => {
            let once = idempotency::once(app, request, request_id, &key, route.handler);
            Box::pin(once).await
        }
    }
}

/// Returns the caller of `request`, who has the right that its route asks for.
///
/// # Errors
///
/// As [`caller_and`].
pub async fn caller(app: &App, request: &Request) -> Result<Caller, Error> {
    Ok(caller_and(app, request, None).await?.0)
}

/// Returns the caller of `request`, who has the right that its route asks for, and the account `about`, read in one
/// call.
///
/// # Errors
///
/// [`Error::Unauthenticated`], [`Error::Forbidden`], and [`Error::Unavailable`] if it cannot be found out.
pub async fn caller_and(
    app: &App,
    request: &Request,
    about: Option<UserId>,
) -> Result<(Caller, Option<Account>), Error> {
    let (caller, account) = app.auth.caller_and(request, about).await?;
    match request.extensions().get() {
        Some(Access::Right(right)) => caller.require(*right)?,
        Some(Access::SignedIn) => {}
        // Only a route that nobody signs in for, or no route at all, comes here: nobody has a right to that.
        Some(Access::Open) | None => return Err(Error::Forbidden("your roles do not allow this")),
    }
    Ok((caller, account))
}

/// The route that the gateway matched, without the base path: `/users/{userId}`. Empty for none.
#[must_use]
pub fn resource(request: &Request) -> &str {
    let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else {
        return "";
    };
    let route = context.route_key.as_deref().unwrap_or_default();
    let path = route.split_once(' ').map_or("", |(_, path)| path);
    path.strip_prefix(BASE_PATH).unwrap_or(path)
}

/// Returns the id under which the log knows `request`.
#[must_use]
pub fn request_id(request: &Request) -> &str {
    request
        .lambda_context_ref()
        .map_or("", |context| context.request_id.as_str())
}

/// The path of an import, for `Location`.
#[must_use]
pub fn import_path(id: ImportId) -> String {
    format!("{BASE_PATH}/users/import/{id}")
}

/// The path parameter `name`, or [`Error::NotFound`] of `what` when it is not of the form it has to be.
///
/// An id of another form cannot be that of anything stored, so the answer is that of a missing one.
///
/// # Errors
///
/// [`Error::NotFound`].
pub fn path_id<T: FromStr>(request: &Request, name: &str, what: &'static str) -> Result<T, Error> {
    request
        .path_parameters_ref()
        .and_then(|parameters| parameters.first(name))
        .and_then(|text| text.parse().ok())
        .ok_or(Error::NotFound(what))
}

/// Returns the boundary that a `Content-Type` of `multipart/form-data` names (RFC 7578, 4.1), if it is one and
/// names one.
#[must_use]
pub fn form_boundary(content_type: &str) -> Option<String> {
    let media_type: mime::Mime = content_type.parse().ok()?;
    if media_type.type_() != mime::MULTIPART || media_type.subtype() != mime::FORM_DATA {
        return None;
    }
    let boundary = media_type.get_param(mime::BOUNDARY)?.as_str();
    (!boundary.is_empty()).then(|| boundary.to_owned())
}

/// The value of the header `name`, if it was sent as text.
#[must_use]
pub fn header<'a, B>(request: &'a HttpRequest<B>, name: &HeaderName) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

/// Status and detail of `error`, for an answer that has several outcomes.
///
/// Failures of ours are logged here, once.
#[must_use]
pub fn outcome(request: &Request, error: &Error) -> (StatusCode, String) {
    problem::brief(error, request_id(request))
}

/// What is left of a request when its handler has taken it: who asked for what.
struct Received {
    id: String,
    method: String,
    route: String,
}

impl Received {
    fn of(request: &Request) -> Self {
        Self {
            id: request_id(request).to_owned(),
            method: request.method().to_string(),
            route: resource(request).to_owned(),
        }
    }

    /// The answer to the request, and the one line that the log gets of it.
    fn answer(self, result: Result<Response<Body>, Error>, cache: Cache, started: Instant) -> Response<Body> {
        let mut response = result.unwrap_or_else(|error| problem::answer(error, &self.id));
        let response_is_kept = response.status().is_success();
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&self.id) {
            headers.insert(REQUEST_ID, id);
        }
        let cache = if response_is_kept { cache } else { Cache::Never };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache.header()));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(STRICT_TRANSPORT_SECURITY, HTTPS_ONLY);
        let is_page = headers
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
        if is_page {
            // Only a page has links that a browser follows.
            headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        }
        tracing::info!(
            request.id = self.id,
            http.method = self.method,
            http.route = self.route,
            http.status = response.status().as_u16(),
            duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "answered"
        );
        response
    }
}

/// Refuses a request whose `Accept` admits none of the media types in `produces`.
///
/// Checked before the handler runs, so that a refused request changes nothing.
fn acceptable(request: &Request, produces: &'static [&'static str]) -> Result<(), Error> {
    let Some(accept) = header(request, &ACCEPT) else {
        return Ok(());
    };
    if produces.iter().any(|produced| admits(accept, produced)) {
        Ok(())
    } else {
        Err(Error::NotAcceptable(produces.join(" or ")))
    }
}

/// Whether the caller would rather have `one` media type than the `other`. One who does not say would not.
#[must_use]
pub fn prefers(request: &Request, one: &str, other: &str) -> bool {
    header(request, &ACCEPT).is_some_and(|accept| quality(accept, one) > quality(accept, other))
}

/// Whether `accept` admits the media type `produced`.
fn admits(accept: &str, produced: &str) -> bool {
    quality(accept, produced) > 0.0
}

/// How welcome the media type `produced` is to `accept`, from 0 to 1. Of the ranges that name it, the most specific ones
/// count (RFC 9110, 12.5.1).
fn quality(accept: &str, produced: &str) -> f32 {
    let (kind, _) = produced.split_once('/').unwrap_or((produced, ""));
    let ranges = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let precision = if name.eq_ignore_ascii_case(produced) {
            2
        } else if name
            .strip_suffix("/*")
            .is_some_and(|range| range.eq_ignore_ascii_case(kind))
        {
            1
        } else if name.is_empty() || name == "*/*" {
            0
        } else {
            return None;
        };
        let weight: Option<f32> = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.eq_ignore_ascii_case("q").then(|| value.parse().ok())?
        });
        Some((precision, weight.unwrap_or(1.0_f32)))
    });
    ranges
        .max_by(|(one, weight), (other, than)| one.cmp(other).then(weight.total_cmp(than)))
        .map_or(0.0, |(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use super::{admits, quality};

    #[test]
    fn a_media_type_is_as_welcome_as_its_most_specific_range_says() {
        for (accept, more_than_csv) in [
            ("application/json", true),
            ("application/json, text/csv;q=0.9", true),
            ("application/json, */*;q=0.5", true),
            ("text/csv;q=0.2, application/json;q=0.3", true),
            ("*/*", false),
            ("text/csv", false),
            ("application/json;q=0.1, text/*", false),
            ("application/json, text/plain, */*", false),
        ] {
            let quality = |produced| quality(accept, produced);
            assert_eq!(
                quality("application/json") > quality("text/csv"),
                more_than_csv,
                "{accept}"
            );
        }
    }

    #[test]
    fn the_most_specific_range_says_whether_a_media_type_is_accepted() {
        for (accept, admitted) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/*", true),
            ("*/*", true),
            ("", true),
            ("text/html, */*;q=0.1", true),
            ("*/*;q=0, application/json", true),
            ("application/json, application/json;q=0", true),
            ("application/json;q=0", false),
            ("application/json; Q=0.000", false),
            ("*/*;q=0", false),
            ("application/*;q=0, */*", false),
            ("application/json;q=0, */*", false),
            ("*/*, application/json;q=0", false),
            ("text/*", false),
            ("application/problem+json", false),
        ] {
            assert_eq!(admits(accept, "application/json"), admitted, "{accept}");
        }
    }
}
