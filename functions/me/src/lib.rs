//! `/users/me`: the caller's own record.

mod operations;

use lambda_http::http::Method;
use lambda_http::{Body, Request, Response};
use shared::http::query::Query;
use shared::http::{etag, json, respond};
use shared::roster::Right;
use shared::{App, Error, accounts};

pub use operations::operations;

/// Serves every method of the route.
///
/// # Errors
///
/// What the contract says of each.
pub async fn handle(app: &App, request: Request) -> Result<Response<Body>, Error> {
    match *request.method() {
        Method::GET => read(app, &request).await,
        Method::PUT => change(app, &request).await,
        _ => Err(Error::MethodNotAllowed("GET, PUT")),
    }
}

async fn read(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let caller = app.auth.caller(request).await?;
    caller.require(Right::ReadSelf)?;
    Query::of(request).finish()?;
    respond::user(Response::builder(), &caller.user)
}

async fn change(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let caller = app.auth.caller(request).await?;
    caller.require(Right::ChangeSelf)?;
    Query::of(request).finish()?;
    let body = json::object(request)?;

    let account = app.users.find(caller.user.id).await?;
    let account = account.ok_or(Error::Unauthenticated { presented: true })?;
    let account = accounts::change(app, &caller.actor(), account, |account| {
        etag::check(request, account.user.version)?;
        accounts::patched(&caller, account, body.clone())
    })
    .await?;
    respond::user(Response::builder(), &account.user)
}
