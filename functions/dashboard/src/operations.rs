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
        "Tells how many users there are",
    )
    .answers(
        200,
        Answer::json::<Numbers>("The numbers; who holds two roles is counted in both"),
    )
    .fails(&[&Kind::FORBIDDEN]);
    vec![count]
}
