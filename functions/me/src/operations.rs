//! What `/users/me` takes and answers, for the OpenAPI document.

use serde_json::json;
use shared::accounts;
use shared::http::Kind;
use shared::http::operation::{Answer, Operation};
use shared::models::{UserDraft, UserView};
use utoipa::openapi::HttpMethod;

/// Every operation of the route.
#[must_use]
pub fn operations() -> Vec<Operation> {
    let user =
        || Answer::json::<UserView>("The caller").header("ETag", "The caller's entity tag, for `If-Match`");
    let read = Operation::new(
        HttpMethod::Get,
        "/users/me",
        "readMe",
        "Reads the caller's own record",
    )
    .answers(200, user())
    .fails(&[&Kind::FORBIDDEN]);
    let change = Operation::new(
        HttpMethod::Put,
        "/users/me",
        "changeMe",
        "Changes the caller's own record",
    )
    .about(accounts::ABOUT_CHANGES)
    .if_match()
    .json::<UserDraft>(
        "UserChange",
        accounts::changeable,
        json!({ "lastName": "King", "planId": null }),
    )
    .answers(200, user())
    .fails(&[&Kind::FORBIDDEN, &Kind::CONFLICT]);
    vec![read, change]
}
