//! What `/users/bulk` takes and answers, for the OpenAPI document.

use serde_json::json;
use shared::http::Kind;
use shared::http::operation::{Answer, Nothing, Operation, add};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{ArrayBuilder, HttpMethod, ObjectBuilder, Type};

use crate::{ACTION, MAX_IDS, Results};

/// Every operation of the route.
#[must_use]
pub fn operations() -> Vec<Operation> {
    let bulk = Operation::new(
        HttpMethod::Post,
        "/users/bulk",
        "actOnUsers",
        "Does one thing to up to a hundred users",
    )
    .about("Each id stands alone, and is answered as its own route would answer.")
    .required_query(&ACTION)
    .json::<Nothing>(
        "Ids",
        |request| {
            let id = ObjectBuilder::new().schema_type(Type::String);
            let ids = ArrayBuilder::new()
                .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
                .items(id)
                .max_items(Some(MAX_IDS));
            add(request, "ids", ids);
        },
        json!({ "ids": ["mfsgs3lbnnqxe2lpnz2gk4ramfxgiidu"] }),
    )
    .answers(200, Answer::json::<Results>("What became of each id, in order"))
    .fails(&[&Kind::FORBIDDEN]);
    vec![bulk]
}
