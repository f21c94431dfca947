//! What `/openapi.json` answers, for the OpenAPI document.

use shared::http::operation::{Answer, Operation};
use utoipa::openapi::HttpMethod;

use crate::Document;

/// Every operation of the route.
#[must_use]
pub fn operations() -> Vec<Operation> {
    let document = Operation::new(
        HttpMethod::Get,
        "/openapi.json",
        "readDocument",
        "Gives this document",
    )
    .open()
    .answers(200, Answer::json::<Document>("This document"));
    vec![document]
}
