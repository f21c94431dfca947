//! What `/users/me/contacts` takes and answers, for the OpenAPI document.

use serde_json::json;
use shared::http::Kind;
use shared::http::operation::{Answer, Nothing, Operation, add};
use shared::http::page::{LIMIT, OFFSET, SEARCH_TEXT};
use shared::roster::ContactDraft;
use shared::table::ContactStore;
use utoipa::openapi::{ArrayBuilder, HttpMethod, ObjectBuilder, Ref, Type};

use crate::Listing;
use crate::add::Added;

/// Every operation of the route.
#[must_use]
pub fn operations() -> Vec<Operation> {
    let list = Operation::new(
        HttpMethod::Get,
        "/users/me/contacts",
        "listContacts",
        "Lists and searches the caller's contacts",
    )
    .query(&SEARCH_TEXT)
    .query(&LIMIT)
    .query(&OFFSET)
    .answers(200, Answer::json::<Listing>("One page of contacts, by address"))
    .fails(&[&Kind::FORBIDDEN]);
    let add = Operation::new(
        HttpMethod::Post,
        "/users/me/contacts",
        "addContacts",
        "Adds contacts, all of them or none",
    )
    .schema::<ContactDraft>("NewContact")
    .json::<Nothing>(
        "NewContacts",
        |request| {
            let contacts = ArrayBuilder::new()
                .items(Ref::from_schema_name("NewContact"))
                .min_items(Some(1))
                .max_items(Some(ContactStore::MAX_BATCH));
            let ignore = ObjectBuilder::new().schema_type(Type::Boolean).description(Some(
                "Whether duplicates are passed over; otherwise one of them refuses all",
            ));
            add(request, "contacts", contacts);
            add(request, "ignoreDuplicates", ignore);
            request.required = vec!["contacts".to_owned(), "ignoreDuplicates".to_owned()];
        },
        json!({ "contacts": [{ "email": "grace@example.org" }], "ignoreDuplicates": true }),
    )
    .answers(
        200,
        Answer::json::<Added>("The contacts that were made, and what became of each element"),
    )
    .fails(&[&Kind::FORBIDDEN, &Kind::CONFLICT]);
    vec![list, add]
}
