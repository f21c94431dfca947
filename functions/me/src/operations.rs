//! What `/users/me` takes and answers, for the OpenAPI document.

use shared::accounts;
use shared::http::operation::Operation;
use utoipa::openapi::HttpMethod;

/// Every operation of the route.
#[must_use]
pub fn operations() -> Vec<Operation> {
    let read = Operation::new(
        HttpMethod::Get,
        "/users/me",
        "readMe",
        "Reads the caller's own record",
    );
    let change = Operation::new(
        HttpMethod::Put,
        "/users/me",
        "changeMe",
        "Changes the caller's own record",
    );
    vec![
        accounts::answers(read, "The caller"),
        accounts::takes_change(change, "The caller"),
    ]
}
