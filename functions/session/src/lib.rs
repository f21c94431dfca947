//! `/auth/token/revoke`: ends the presented access token.

mod operations;

use lambda_http::http::Method;
use lambda_http::{Body, Request, Response};
use shared::http::operation::Nothing;
use shared::http::query::Query;
use shared::http::{self, respond};
use shared::{App, Error, clock};

pub use operations::operations;

/// Serves every method of the route.
///
/// # Errors
///
/// What the contract says.
pub async fn handle(app: &App, request: Request) -> Result<Response<Body>, Error> {
    match *request.method() {
        Method::POST => revoke(app, &request).await,
        _ => Err(Error::MethodNotAllowed("POST")),
    }
}

async fn revoke(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let caller = app.auth.caller(request).await?;
    Query::of(request).finish()?;
    if let Some(answer) = http::answered(request) {
        return Ok(answer);
    }
    app.tokens.revoke(&caller.credential, clock::now()).await?;
    respond::ok(&Nothing {})
}
