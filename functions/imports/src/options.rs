//! The options of an import as a form and a JSON body have them.

use shared::Error;
use shared::auth::Caller;
use shared::http::json::Object;
use shared::roster::{Code, Given, Violation, flag_of_word};
use shared::sheet::{ImportOptions, ImportOptionsDraft};

use crate::multipart::Form;

/// Their names in a JSON body.
pub(crate) const NAMES: [&str; 12] = [
    "mode",
    "dryRun",
    "ignoreDuplicates",
    "defaultRoles",
    "unknownColumns",
    "encoding",
    "delimiter",
    "header",
    "columns",
    "country",
    "missing",
    "missingLimit",
];

/// Takes the options out of a form, and whether a file that was imported already is imported again.
pub(crate) fn of_form(form: &mut Form) -> (ImportOptionsDraft<'static>, Result<bool, Violation>) {
    let mut flag = |name| match form.take(name) {
        None => Given::Absent,
        Some(text) => match flag_of_word(&text) {
            Some(flag) => Given::Flag(flag),
            None => Given::Text(text.into()),
        },
    };
    let dry_run = flag("dryRun");
    let ignore_duplicates = flag("ignoreDuplicates");
    let force = match flag("force") {
        Given::Absent => Ok(false),
        Given::Flag(force) => Ok(force),
        _ => Err(Violation::new(
            "force",
            Code::InvalidFormat,
            "must be true or false",
        )),
    };
    let mut text = |name| {
        form.take(name)
            .map_or(Given::Absent, |text| Given::Text(text.into()))
    };
    let draft = ImportOptionsDraft {
        mode: text("mode"),
        dry_run,
        ignore_duplicates,
        default_roles: text("defaultRoles"),
        unknown_columns: text("unknownColumns"),
        encoding: text("encoding"),
        delimiter: text("delimiter"),
        header: text("header"),
        columns: text("columns"),
        country: text("country"),
        missing: text("missing"),
        missing_limit: text("missingLimit"),
    };
    (draft, force)
}

/// Takes the options out of a JSON body.
pub(crate) fn of_body(body: &mut Object) -> ImportOptionsDraft<'static> {
    ImportOptionsDraft {
        mode: body.take("mode"),
        dry_run: body.take("dryRun"),
        ignore_duplicates: body.take("ignoreDuplicates"),
        default_roles: body.take("defaultRoles"),
        unknown_columns: body.take("unknownColumns"),
        encoding: body.take("encoding"),
        delimiter: body.take("delimiter"),
        header: body.take("header"),
        columns: body.take_json("columns"),
        country: body.take("country"),
        missing: body.take("missing"),
        missing_limit: body.take("missingLimit"),
    }
}

/// The options that `draft` asks for, or its faults and `more`.
pub(crate) fn parsed(
    draft: ImportOptionsDraft<'_>,
    caller: &Caller,
    more: Vec<Violation>,
) -> Result<ImportOptions, Error> {
    Violation::unless(more, draft.parse(caller.assignable())).map_err(Error::Invalid)
}
