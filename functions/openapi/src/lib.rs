//! The contract: `/api/v1/openapi.json`, a page of it at `/docs`, and the `$default` route, which is every
//! path that is no other function's.

mod operations;
mod page;

use std::future::{Ready, ready};

use data_encoding::BASE64;
use lambda_http::http::Method;
use lambda_http::http::header::CONTENT_SECURITY_POLICY;
use lambda_http::{Body, Request, Response};
use sha2::{Digest, Sha256};
use shared::http::query::Query;
use shared::http::{self, respond};
use shared::{App, Error};
use utoipa::ToSchema;

pub use operations::operations;

/// The document, which a test keeps up to date.
const DOCUMENT: &str = include_str!("../../../openapi.json");

/// Serves every method of the routes.
///
/// # Errors
///
/// [`Error::NotFound`] for every other path, as a problem document like all others.
#[expect(clippy::needless_pass_by_value, reason = "handlers take the request")]
pub fn handle(_app: &App, request: Request) -> Ready<Result<Response<Body>, Error>> {
    ready(match (http::resource(&request), request.method()) {
        ("/openapi.json", &Method::GET) => document(&request),
        ("/docs", &Method::GET) => shown(&request),
        ("/openapi.json" | "/docs", _) => Err(Error::MethodNotAllowed("GET")),
        _ => Err(Error::NotFound("the path")),
    })
}

/// An OpenAPI document.
#[derive(ToSchema)]
struct Document {
    /// The version of OpenAPI.
    #[schema(rename = "openapi")]
    _openapi: &'static str,
}

fn document(request: &Request) -> Result<Response<Body>, Error> {
    Query::of(request).finish()?;
    respond::bytes(Response::builder(), "application/json", DOCUMENT)
}

fn shown(request: &Request) -> Result<Response<Body>, Error> {
    Query::of(request).finish()?;
    let document =
        serde_json::from_str(DOCUMENT).map_err(|error| Error::internal("read the document", error))?;
    let style = BASE64.encode(&Sha256::digest(page::STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    let response = Response::builder().header(CONTENT_SECURITY_POLICY, policy);
    respond::bytes(response, "text/html; charset=utf-8", page::render(&document))
}
