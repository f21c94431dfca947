//! What `/users/me/contacts/{contactId}` takes and answers, for the OpenAPI document.

use serde_json::json;
use shared::http::Kind;
use shared::http::operation::{Answer, Operation, add_read_only};
use shared::roster::{ContactDraft, ContactView};
use utoipa::openapi::HttpMethod;

use crate::{Deleted, READ_ONLY};

const PATH: &str = "/users/me/contacts/{contactId}";

/// Every operation of the route.
#[must_use]
pub fn operations() -> Vec<Operation> {
    let contact = || {
        Answer::json::<ContactView>("The contact").header("ETag", "The contact's entity tag, for `If-Match`")
    };
    let read = Operation::new(HttpMethod::Get, PATH, "readContact", "Reads a contact")
        .answers(200, contact())
        .fails(&[&Kind::FORBIDDEN]);
    let change = Operation::new(HttpMethod::Put, PATH, "changeContact", "Changes a contact")
        .about("A name that is left out stays, `null` takes it away.")
        .if_match()
        .json::<ContactDraft>(
            "ContactChange",
            |contact| add_read_only::<ContactView>(contact, &READ_ONLY),
            json!({ "email": "grace@example.org", "lastName": null }),
        )
        .answers(200, contact())
        .fails(&[&Kind::FORBIDDEN, &Kind::CONFLICT]);
    let delete = Operation::new(HttpMethod::Delete, PATH, "deleteContact", "Deletes a contact")
        .if_match()
        .answers(200, Answer::json::<Deleted>("What was deleted"))
        .fails(&[&Kind::FORBIDDEN]);
    vec![read, change, delete]
}
