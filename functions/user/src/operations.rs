//! What `/users/{userId}` and the routes below it take and answer, for the OpenAPI document.

use serde_json::json;
use shared::accounts::{self, TOKEN_LIFETIME};
use shared::http::Kind;
use shared::http::operation::{Answer, Nothing, Operation, add};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{HttpMethod, ObjectBuilder, Type};

use crate::{Deleted, MAX_TOKEN_LIFETIME, NewToken};

/// Every operation of the four routes.
#[must_use]
pub fn operations() -> Vec<Operation> {
    let read = Operation::new(HttpMethod::Get, "/users/{userId}", "readUser", "Reads a user")
        .about("Anybody may read their own record.");
    let change = Operation::new(HttpMethod::Put, "/users/{userId}", "changeUser", "Changes a user");
    let delete = Operation::new(
        HttpMethod::Delete,
        "/users/{userId}",
        "deleteUser",
        "Deletes a user",
    )
    .about("The user's contacts and tokens go too, and the address is free again.")
    .if_match()
    .answers(200, Answer::json::<Deleted>("What was deleted"))
    .fails(&[&Kind::FORBIDDEN, &Kind::CONFLICT]);
    let flip = Operation::new(
        HttpMethod::Put,
        "/users/{userId}/enable",
        "flipUser",
        "Enables a disabled user, disables an enabled one",
    )
    .if_match()
    .fails(&[&Kind::CONFLICT]);
    let expire = Operation::new(
        HttpMethod::Put,
        "/users/{userId}/expire",
        "expireTokens",
        "Ends every access token of a user",
    )
    .if_match();
    let issue = Operation::new(
        HttpMethod::Post,
        "/users/{userId}/tokens",
        "issueToken",
        "Issues an access token for a user",
    )
    .about(
        "Only for a `ROLE_SYSTEM_ADMIN`; a deployment can switch it off. A token is never given twice: the same \
         request with the same `Idempotency-Key` is answered with 409.",
    )
    .json::<Nothing>(
        "TokenRequest",
        |request| {
            let seconds = ObjectBuilder::new()
                .schema_type(SchemaType::from_iter([Type::Integer, Type::Null]))
                .description(Some("How long the token is to be valid, in seconds"))
                .minimum(Some(1))
                .maximum(Some(MAX_TOKEN_LIFETIME))
                .default(Some(TOKEN_LIFETIME.as_secs().into()));
            add(request, "expiresIn", seconds);
        },
        json!({ "expiresIn": 3600 }),
    )
    .body_is_optional()
    .answers(201, Answer::json::<NewToken>("The token, shown this once"))
    .fails(&[&Kind::FORBIDDEN, &Kind::CONFLICT]);
    vec![
        accounts::answers(read, "The user"),
        accounts::takes_change(change, "The user"),
        delete,
        accounts::answers(flip, "The user"),
        accounts::answers(expire, "The user"),
        issue,
    ]
}
