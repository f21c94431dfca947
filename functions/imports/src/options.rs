//! The options of an import as a form and a JSON body have them.

use shared::Error;
use shared::auth::Caller;
use shared::http::json::Object;
use shared::http::operation::{add, nullable};
use shared::roster::{Code, Given, Violation, flag_of_word};
use shared::sheet::{ImportOptions, ImportOptionsDraft};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{Object as Schema, ObjectBuilder, Type};

use crate::multipart::Form;

/// The options that are true or false. A form has only words for that.
const FLAGS: [&str; 2] = ["dryRun", "ignoreDuplicates"];

/// Takes the options out of a form, and whether a file that was imported already is imported again.
pub(crate) fn of_form(form: &mut Form) -> (ImportOptionsDraft<'static>, Result<bool, Violation>) {
    let force = match form.take("force").as_deref().map(flag_of_word) {
        None => Ok(false),
        Some(Some(force)) => Ok(force),
        Some(None) => Err(Violation::new(
            "force",
            Code::InvalidFormat,
            "must be true or false",
        )),
    };
    let draft = ImportOptionsDraft::of(|name| match form.take(name) {
        None => Given::Absent,
        Some(text) => match flag_of_word(&text) {
            Some(flag) if FLAGS.contains(&name) => Given::Flag(flag),
            _ => Given::Text(text.into()),
        },
    });
    (draft, force)
}

/// Takes the options out of a JSON body.
pub(crate) fn of_body(body: &mut Object) -> ImportOptionsDraft<'static> {
    ImportOptionsDraft::of(|name| match name {
        "columns" => body.take_json(name),
        name => body.take(name),
    })
}

/// Describes that each option of a JSON body may be `null`, which is as good as leaving it out. To be called before the body
/// gets other members.
pub(crate) fn describe_nulls(request: &mut Schema) {
    // What `columns` may be has `null` in it.
    let names: Vec<_> = request.properties.keys().cloned().collect();
    let others = names.iter().map(String::as_str);
    let others: Vec<_> = others
        .filter(|name| !["columns", "country"].contains(name))
        .collect();
    nullable(request, &others);
    let text_or_null = SchemaType::from_iter([Type::String, Type::Null]);
    add(request, "country", country_schema().schema_type(text_or_null));
}

/// Describes the option `country`. An empty one is as good as none.
pub(crate) fn country_schema() -> ObjectBuilder {
    let about = "The country of phone numbers that have no country code, as ISO 3166-1 has it";
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(about))
        .pattern(Some("^([A-Za-z]{2})?$"))
}

/// The options that `draft` asks for, or its faults and `more`.
pub(crate) fn parsed(
    draft: ImportOptionsDraft<'_>,
    caller: &Caller,
    more: Vec<Violation>,
) -> Result<ImportOptions, Error> {
    Violation::unless(more, draft.parse(caller.assignable())).map_err(Error::Invalid)
}
