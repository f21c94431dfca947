//! What `/dashboard/users` answers, for the OpenAPI document.

use shared::http::Kind;
use shared::http::operation::{Answer, Operation};
use utoipa::openapi::HttpMethod;

use crate::Numbers;

/// Every operation of the route.
#[must_use]
pub fn operations() -> Vec<Operation> {
    let count = Operation::new(
        HttpMethod::Get,
        "/dashboard/users",
        "countUsers",
        "Counts users",
    )
    .about("Callers whose only admin role is `ROLE_USER_ADMIN` count the accounts that they see: those without an admin role.")
    .answers(
        200,
        Answer::json::<Numbers>("The numbers; an account with two roles is counted in both"),
    )
    .fails(&[&Kind::FORBIDDEN]);
    vec![count]
}
