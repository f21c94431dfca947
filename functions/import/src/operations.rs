//! What `/users/import/{importId}` and the routes below it take and answer, for the OpenAPI document.

use shared::http::operation::{Answer, Operation};
use shared::http::page::{CURSOR, OFFSET};
use shared::http::{CSV, Kind};
use shared::intake::ImportView;
use shared::sheet::RowError;
use utoipa::openapi::HttpMethod;

use crate::LIMIT;

/// Every operation of the four routes.
#[must_use]
pub fn operations() -> Vec<Operation> {
    let read = Operation::new(
        HttpMethod::Get,
        "/users/import/{importId}",
        "readImport",
        "Reads an import",
    )
    .answers(200, Answer::json::<ImportView>("The import"))
    .fails(&[&Kind::FORBIDDEN]);
    let cancel = Operation::new(
        HttpMethod::Delete,
        "/users/import/{importId}",
        "cancelImport",
        "Cancels an import",
    )
    .about("What is written stays. It is cancelled when its run has counted that.")
    .answers(200, Answer::json::<ImportView>("The import"))
    .fails(&[&Kind::FORBIDDEN, &Kind::CONFLICT]);
    let resume = Operation::new(
        HttpMethod::Post,
        "/users/import/{importId}/resume",
        "resumeImport",
        "Takes up a stalled import where it stopped",
    )
    .answers(
        202,
        Answer::json::<ImportView>("The import").header("Location", "The path of the import"),
    )
    .fails(&[&Kind::FORBIDDEN, &Kind::CONFLICT]);
    let errors = Operation::new(
        HttpMethod::Get,
        "/users/import/{importId}/errors",
        "listRowErrors",
        "Lists the row errors of an import, in line order",
    )
    .query(&LIMIT)
    .query(&OFFSET)
    .query(&CURSOR)
    .answers(200, Answer::page::<RowError>("One page of row errors"))
    .fails(&[&Kind::FORBIDDEN]);
    let rejected = Operation::new(
        HttpMethod::Get,
        "/users/import/{importId}/rejected",
        "readRejectedRows",
        "Gives the rejected rows, to be corrected and sent again",
    )
    .about(
        "The file's own columns, order and delimiter, and `_line`, `_column`, `_code` and `_message` at the \
         end.",
    )
    .answers(
        200,
        Answer::text("The rows", CSV).header("Content-Disposition", "A name for the file"),
    )
    .answers(
        303,
        Answer::empty("There are many rows").header("Location", "A signed URL of the file"),
    )
    .fails(&[&Kind::FORBIDDEN, &Kind::CONFLICT]);
    vec![read, cancel, resume, errors, rejected]
}
