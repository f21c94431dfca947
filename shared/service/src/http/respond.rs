//! Answers of success.

use errors::Error;
use lambda_http::http::StatusCode;
use lambda_http::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use lambda_http::http::response::Builder;
use lambda_http::{Body, Response};
use roster::{User, UserView};
use serde::Serialize;

use crate::http::etag;

/// 200 with `body` as JSON.
///
/// # Errors
///
/// [`Error::Internal`] if the body cannot be written as JSON.
pub fn ok(body: &impl Serialize) -> Result<Response<Body>, Error> {
    json(Response::builder(), body)
}

/// 201 with `body` as JSON and the path of what was made.
///
/// # Errors
///
/// As [`ok`].
pub fn created(location: &str, body: &impl Serialize) -> Result<Response<Body>, Error> {
    json(
        Response::builder()
            .status(StatusCode::CREATED)
            .header(LOCATION, location),
        body,
    )
}

/// `user` with its entity tag, under the status and headers that `response` has.
///
/// # Errors
///
/// As [`ok`].
pub fn user(response: Builder, user: &User) -> Result<Response<Body>, Error> {
    json(
        response.header(ETAG, etag::of(user.version)),
        &UserView::from(user),
    )
}

/// `body` as JSON under the status and headers that `response` has.
///
/// # Errors
///
/// As [`ok`].
pub fn json(response: Builder, body: &impl Serialize) -> Result<Response<Body>, Error> {
    let text = serde_json::to_string(body).map_err(|error| Error::internal("write an answer", error))?;
    bytes(response, "application/json", text)
}

/// `body` of the media type `content_type` under the status and headers that `response` has.
///
/// # Errors
///
/// [`Error::Internal`] if a header's value is not one.
pub fn bytes(response: Builder, content_type: &str, body: impl Into<Body>) -> Result<Response<Body>, Error> {
    const MARK: &[u8] = "\u{FEFF}".as_bytes();

    let mut body = body.into();
    if content_type.starts_with("text/") && body.starts_with(MARK) {
        // The runtime takes one byte order mark away from text.
        body = [MARK, &body].concat().into();
    }
    response
        .header(CONTENT_TYPE, content_type)
        .body(body)
        .map_err(|error| Error::internal("write an answer", error))
}
