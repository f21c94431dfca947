//! The `$default` route: every path that is no other function's.

use lambda_http::{Body, Request, Response};
use shared::{App, Error};

/// Answers that there is nothing, as a problem document like all others.
///
/// # Errors
///
/// Always [`Error::NotFound`].
pub async fn handle(_app: &App, _request: Request) -> Result<Response<Body>, Error> {
    Err(Error::NotFound("the path"))
}
