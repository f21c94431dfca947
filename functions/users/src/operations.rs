//! What `/users` takes and answers, for the OpenAPI document.

use serde_json::json;
use shared::http::Kind;
use shared::http::operation::{Answer, Operation, nullable};
use shared::http::page::{CURSOR, LIMIT, OFFSET, SEARCH_TEXT};
use shared::roster::{UserDraft, UserView};
use utoipa::openapi::HttpMethod;

use crate::{ENABLED, ORDER_BY, ROLE, SORT_BY};

/// Every operation of the route.
#[must_use]
pub fn operations() -> Vec<Operation> {
    let list = Operation::new(HttpMethod::Get, "/users", "listUsers", "Lists and searches users")
        .about("Whose only admin role is `ROLE_USER_ADMIN` sees no account with an admin role.")
        .query(&SEARCH_TEXT)
        .query(&ROLE)
        .query(&ENABLED)
        .query(&LIMIT)
        .query(&OFFSET)
        .query(&CURSOR)
        .query(&SORT_BY)
        .query(&ORDER_BY)
        .answers(200, Answer::page::<UserView>("One page of users"))
        .fails(&[&Kind::FORBIDDEN]);
    let create = Operation::new(HttpMethod::Post, "/users", "createUser", "Adds a user")
        .about("No new account can have `ROLE_ADHOC_COLLABORATOR`.")
        .json::<UserDraft>(
            "NewUser",
            |user| {
                user.required = vec!["email".to_owned(), "roles".to_owned()];
                nullable(user, &["enabled", "accountType"]);
            },
            json!({
                "email": "mary@example.org",
                "firstName": "Mary",
                "roles": ["ROLE_ORIGINATOR"],
            }),
        )
        .answers(
            201,
            Answer::json::<UserView>("The user")
                .header("Location", "The path of the user")
                .header("ETag", "The user's entity tag, for `If-Match`")
                .leads_to("readUser", "userId")
                .leads_to("changeUser", "userId")
                .leads_to("deleteUser", "userId")
                .leads_to("issueToken", "userId"),
        )
        .fails(&[&Kind::FORBIDDEN, &Kind::CONFLICT]);
    vec![list, create]
}
