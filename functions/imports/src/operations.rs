//! What `/users/import` and the routes beside it take and answer, for the OpenAPI document.

use serde_json::json;
use shared::http::operation::{Answer, Operation, add, nullable};
use shared::http::page::{CURSOR, LIMIT, OFFSET};
use shared::http::{CSV, Kind};
use shared::intake::ImportView;
use shared::intake::record::MAX_FILE;
use shared::roster::{FileName, Role};
use shared::sheet::ImportOptionsDraft;
use utoipa::openapi::{ArrayBuilder, HttpMethod, ObjectBuilder, OneOfBuilder, Ref, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::{KEY, LONGEST_WAIT, OpenUpload};

/// Every operation of the three routes.
#[must_use]
pub fn operations() -> Vec<Operation> {
    vec![list(), create(), open(), template()]
}

fn list() -> Operation {
    Operation::new(
        HttpMethod::Get,
        "/users/import",
        "listImports",
        "Lists imports, newest first",
    )
    .query(&KEY)
    .query(&LIMIT)
    .query(&OFFSET)
    .query(&CURSOR)
    .answers(200, Answer::page::<ImportView>("One page of imports"))
    .fails(&[&Kind::FORBIDDEN])
}

fn create() -> Operation {
    let prefer = ObjectBuilder::new()
        .schema_type(Type::String)
        .examples(["respond-async", "wait=5"]);
    Operation::new(
        HttpMethod::Post,
        "/users/import",
        "importUsers",
        "Adds users in bulk from a CSV file",
    )
    .about(&format!(
        "Waits up to {} seconds for the end of the import, or as long as `Prefer` says. A file that was \
         imported within 24 hours is answered with that import.",
        LONGEST_WAIT.as_secs()
    ))
    .header(
        "Prefer",
        "`respond-async`, or `wait=` and a number of seconds (RFC 7240)",
        prefer,
    )
    .form::<ImportOptionsDraft<'_>>(
        "ImportForm",
        |form| {
            let file = ObjectBuilder::new()
                .schema_type(Type::String)
                .description(Some("The CSV file"))
                .content_media_type("text/csv");
            let force = ObjectBuilder::new().schema_type(Type::Boolean).description(Some(
                "Whether to import a file again that was imported within 24 hours",
            ));
            add(form, "file", file);
            add(form, "force", force);
            form.required = vec!["file".to_owned()];
        },
        json!({ "file": "email,firstName\nada@example.org,Ada\n", "mode": "create" }),
    )
    .answers(
        200,
        import("The finished import").header("Preference-Applied", "What of `Prefer` was honoured"),
    )
    .answers(
        202,
        import("The import, which is not finished")
            .header("Location", "The path of the import")
            .header("Retry-After", "Seconds")
            .header("Preference-Applied", "What of `Prefer` was honoured"),
    )
    .fails(&[&Kind::FORBIDDEN, &Kind::FILE_REFUSED])
}

fn open() -> Operation {
    Operation::new(
        HttpMethod::Post,
        "/users/import/uploads",
        "openUpload",
        "Opens an import whose file is put straight into storage",
    )
    .about(
        "For files beyond what fits through the gateway. An import whose file has not come when its URL ends shows as \
         `cancelled`. Of your URLs, 20 may be valid at once unless the deployment says otherwise; one more is 409.",
    )
    .json::<ImportOptionsDraft<'_>>(
        "UploadRequest",
        |request| {
            let bytes = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .description(Some("The size of the file; storage takes no other"))
                .minimum(Some(1))
                .maximum(Some(MAX_FILE));
            let roles = ArrayBuilder::new()
                .items(Ref::from_schema_name(Role::name()))
                .min_items(Some(1));
            let several = ObjectBuilder::new().schema_type(Type::String);
            add(
                request,
                "defaultRoles",
                OneOfBuilder::new().item(roles).item(several),
            );
            add(request, "fileName", FileName::schema());
            nullable(
                request,
                &[
                    "mode",
                    "ignoreDuplicates",
                    "defaultRoles",
                    "unknownColumns",
                    "fileName",
                ],
            );
            add(request, "bytes", bytes);
            request.required = vec!["bytes".to_owned()];
        },
        json!({ "fileName": "people.csv", "bytes": 123_456 }),
    )
    .answers(
        201,
        Answer::json::<OpenUpload>("The import, and where to put its file")
            .header("Location", "The path of the import")
            .leads_to("readImport", "importId")
            .leads_to("cancelImport", "importId"),
    )
    .fails(&[&Kind::FORBIDDEN, &Kind::CONFLICT])
}

fn template() -> Operation {
    Operation::new(
        HttpMethod::Get,
        "/users/import/template",
        "readTemplate",
        "Gives a CSV file to begin with",
    )
    .answers(
        200,
        Answer::text("The header and two example rows", CSV)
            .header("Content-Disposition", "A name for the file"),
    )
    .fails(&[&Kind::FORBIDDEN])
}

fn import(about: &str) -> Answer {
    Answer::json::<ImportView>(about)
        .leads_to("readImport", "importId")
        .leads_to("listRowErrors", "importId")
        .leads_to("readRejectedRows", "importId")
}
