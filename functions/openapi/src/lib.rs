//! The `$default` route: every path that is no other function's.

use std::future::{Ready, ready};

use lambda_http::{Body, Request, Response};
use shared::{App, Error};

/// Answers that there is nothing, as a problem document like all others.
///
/// # Errors
///
/// Always [`Error::NotFound`].
pub fn handle(_app: &App, _request: Request) -> Ready<Result<Response<Body>, Error>> {
    ready(Err(Error::NotFound("the path")))
}
