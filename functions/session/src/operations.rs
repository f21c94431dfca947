//! What `/auth/token/revoke` answers, for the OpenAPI document.

use shared::http::operation::{Answer, Nothing, Operation};
use utoipa::openapi::HttpMethod;

/// Every operation of the route.
#[must_use]
pub fn operations() -> Vec<Operation> {
    let revoke = Operation::new(
        HttpMethod::Post,
        "/auth/token/revoke",
        "revokeToken",
        "Ends the access token that is presented",
    )
    .answers(200, Answer::json::<Nothing>("An object without members"));
    vec![revoke]
}
