//! The contract: `/api/v1/openapi.json`, a page of it at `/docs`, and the `$default` route, which is every
//! path that is no other function's.

mod page;

use std::future::ready;

use data_encoding::BASE64;
use lambda_http::http::header::CONTENT_SECURITY_POLICY;
use lambda_http::{Body, Request, Response};
use sha2::{Digest, Sha256};
use shared::http::operation::{Access, Answer, Operation, Route, Tag, Verb};
use shared::http::query::Query;
use shared::http::respond;
use shared::{App, Error, operations};
use utoipa::ToSchema;

/// The document, which a test keeps up to date.
const TEXT: &str = include_str!("../../../openapi.json");

operations! { App; DOCUMENT, SHOWN }

/// An OpenAPI document.
#[derive(ToSchema)]
#[schema(as = OpenapiDocument)]
struct Document {
    /// The version of OpenAPI.
    #[schema(rename = "openapi")]
    _openapi: &'static str,
}

const DOCUMENT: Operation<App> = Operation {
    route: Route::new(Verb::Get, "/openapi.json", Access::Open, |_, request| {
        Box::pin(ready(document(&request)))
    }),
    tag: Tag::Contract,
    id: "readOpenapiDocument",
    summary: "Returns this document",
    describe: |operation| {
        operation
            .about("Returns the OpenAPI 3.1 document of this API, from which clients can be generated.")
            .answers(200, Answer::json::<Document>("This document"))
    },
};

fn document(request: &Request) -> Result<Response<Body>, Error> {
    Query::of(request).finish()?;
    respond::bytes(Response::builder(), "application/json", TEXT)
}

const SHOWN: Operation<App> = Operation::page(
    Route::new(Verb::Get, "/docs", Access::Open, |_, request| {
        Box::pin(ready(shown(&request)))
    })
    .produces(&["text/html"]),
);

fn shown(request: &Request) -> Result<Response<Body>, Error> {
    Query::of(request).finish()?;
    let document = serde_json::from_str(TEXT).map_err(|error| Error::internal("read the document", error))?;
    let style = BASE64.encode(&Sha256::digest(page::STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    let response = Response::builder().header(CONTENT_SECURITY_POLICY, policy);
    respond::bytes(response, "text/html; charset=utf-8", page::render(&document))
}
