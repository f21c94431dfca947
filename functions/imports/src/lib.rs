//! `/users/import`: takes in files and lists imports; `/preview`, `/check`, `/uploads` and `/template` beside it.

mod check;
mod cursor;
mod multipart;
mod options;
mod preview;
mod wait;

use std::time::Duration;

use data_encoding::HEXLOWER;
use lambda_http::http::StatusCode;
use lambda_http::http::header::{CONTENT_DISPOSITION, LOCATION, RETRY_AFTER};
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use shared::audit::{self, ImportAct};
use shared::auth::Caller;
use shared::files::UploadStore;
use shared::http::operation::{Access, Answer, Operation, Route, Tag, Verb, add, nullable};
use shared::http::page::{self, CURSOR, LIMIT, OFFSET, Page};
use shared::http::query::{Parameter, Query, Text};
use shared::http::{self, CSV, Kind, prefer, respond};
use shared::intake::record::{Import, MAX_FILE, Status, Via};
use shared::intake::store::{ImportListing, OpenedUpload};
use shared::intake::{FirstFaults, ImportStore, ImportView, Intake};
use shared::roster::{Code, FileName, Given, ImportId, InvalidText, Right, Role, Timestamp, Violation};
use shared::sheet::{ImportOptions, ImportOptionsDraft, Missing, TEMPLATE};
use shared::{Error, by_reference, clock, operations};
use utoipa::openapi::{
    ArrayBuilder, KnownFormat, Object, ObjectBuilder, OneOfBuilder, Ref, SchemaFormat, Type,
};
use utoipa::{PartialSchema, ToSchema};

use wait::Waited;

/// How long a request waits for the end of its import, unless it prefers less. API Gateway gives up after 30 s and the
/// function lives for 29; [`wait::deadline`] keeps 4 of them.
const LONGEST_WAIT: Duration = Duration::from_secs(25);
/// How long a signed upload URL is valid. The upload has to begin by then; one that has begun is carried out.
const UPLOAD_TIME: Duration = Duration::from_mins(15);
/// The media type that a signed upload has to be sent with.
const UPLOAD_TYPE: &str = "text/csv";

/// The object that an import reads, by which that of a dropped file is found.
const KEY: Parameter<Text> = Parameter {
    name: "key",
    about: "Only the import of this file in the staging bucket: `drop/people.csv`",
    // As long as S3 lets a key be.
    kind: Text { max: 1024 },
};

/// The import that others continue, apply or take back, by which those are found.
const PARENT: Parameter<Text> = Parameter {
    name: "parent",
    about: "Only imports with this `parent`: those of its rejected rows, its apply, and its undos",
    kind: Text { max: 32 },
};

operations! { Intake; LIST, CREATE, preview::PREVIEW, check::CHECK, OPEN_UPLOAD, READ_TEMPLATE }

const LIST: Operation<Intake> = Operation {
    route: Route::new(
        Verb::Get,
        "/users/import",
        Access::Right(Right::Import),
        by_reference!(list),
    ),
    tag: Tag::Imports,
    id: "listImports",
    summary: "Lists imports, newest first",
    describe: |operation| {
        operation
            .about(
                "Returns one page; `cursor` leads to the next one. Callers whose only admin role is \
                 `ROLE_USER_ADMIN` do not see imports of system administrators.",
            )
            .query(&KEY)
            .query(&PARENT)
            .query(&LIMIT)
            .query(&OFFSET)
            .query(&CURSOR)
            .answers(200, Answer::page::<ImportView>("One page of imports"))
    },
};

async fn list(app: &Intake, request: &Request) -> Result<Response<Body>, Error> {
    let caller = http::caller(app, request).await?;
    let mut query = Query::of(request);
    let limit = query.number(&LIMIT).unwrap_or_default();
    let key = query.text(&KEY);
    let parent = query.import_id(&PARENT);
    let (skip, cursor) = page::beginning(&mut query);
    let cursor = cursor.map(|text| {
        cursor::read(&text).unwrap_or_else(|| {
            page::unknown_cursor(&mut query);
            (0, String::new())
        })
    });
    query.finish()?;
    let (before, after) = cursor.unzip();
    let offset = before.unwrap_or(skip);

    let now = clock::now();
    let listing = ImportListing {
        object_key: key.as_deref(),
        parent,
        without_system_admins: !caller.sees_every_import(),
        after: after.as_deref(),
        skip,
        limit,
    };
    let (imports, count) = app.imports.page(listing, now).await?;
    let next = offset + imports.len() as u64;
    respond::ok(&Page {
        next_cursor: imports
            .last()
            .filter(|_| next < count)
            .map(|last| cursor::text(next, &ImportStore::place(last))),
        items: imports
            .into_iter()
            .map(|import| ImportView::new(import, None, now))
            .collect(),
        count,
        offset,
    })
}

const CREATE: Operation<Intake> = Operation {
    route: Route::new(
        Verb::Post,
        "/users/import",
        Access::Right(Right::Import),
        |app, request| Box::pin(create(app, request)),
    ),
    tag: Tag::Imports,
    id: "importUsers",
    summary: "Adds users in bulk from a CSV file",
    describe: |operation| {
        let prefer = ObjectBuilder::new()
            .schema_type(Type::String)
            .examples(["respond-async", "wait=5"]);
        operation
            .about(&format!(
                "Waits up to {} seconds for the end of the import, or as long as `Prefer` says. If an import of the same \
                 file is running or was completed within 24 hours, the answer is that import; `force` imports the \
                 file again.",
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
                    form_parts(form, "The CSV file");
                },
                json!({ "file": "email,firstName\nada@example.org,Ada\n", "mode": "create" }),
            )
            .answers(
                200,
                import("The finished import")
                    .header("Preference-Applied", "The part of `Prefer` that was honoured"),
            )
            .answers(
                202,
                import("The import, which is not finished")
                    .header("Location", "The path of the import")
                    .header("Retry-After", "Seconds")
                    .header("Preference-Applied", "The part of `Prefer` that was honoured"),
            )
            .fails(&[&Kind::FILE_REFUSED])
    },
};

/// Describes the parts of a form that are not options.
fn form_parts(form: &mut Object, about: &str) {
    let file = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
        .description(Some(about))
        .content_media_type("text/csv");
    let force = ObjectBuilder::new().schema_type(Type::Boolean).description(Some(
        "Whether to import a file whose import is under way or was completed within 24 hours",
    ));
    // Generators repeat a part whose schema admits an array, once for each element.
    let columns = ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(
            "What columns mean, in JSON: an object of header cells (or `#` and a position), each with a member or \
             null, which leaves the column out; without a header an array by position. At most 16 KB of JSON and 1,000 \
             entries.",
        ))
        .content_media_type("application/json");
    add(form, "columns", columns);
    // A form has no null: an empty part is left out.
    add(form, "country", options::country_schema());
    add(form, "file", file);
    add(form, "force", force);
    add(form, "parent", parent_schema());
    form.required = vec!["file".to_owned()];
}

/// Describes an import as an answer.
fn import(about: &str) -> Answer {
    Answer::json::<ImportView>(about)
        .leads_to("readImport", "importId")
        .leads_to("listImportErrors", "importId")
        .leads_to("downloadRejectedRows", "importId")
}

async fn create(app: &Intake, request: Request) -> Result<Response<Body>, Error> {
    let caller = http::caller(app, &request).await?;
    Query::of(&request).finish()?;
    let wait = prefer::wait(&request, LONGEST_WAIT);
    let give_up = wait::deadline(&request, wait.at_most);
    let id = ImportId::made_by(http::mark(&request));

    let answered = http::answered(&request);
    let mut form = multipart::form(request).await?;
    let (draft, force) = options::of_form(&mut form);
    let parent = form
        .take("parent")
        .map_or(Given::Absent, |text| Given::Text(text.into()));
    let mut faults = form.unknown_fields();
    let force = force.unwrap_or_else(|fault| {
        faults.push(fault);
        false
    });
    let parent = find_parent(app, &caller, &parent, &mut faults).await?;
    let options = options::parsed(draft, &caller, faults)?;
    refuse_roster_of_part(&options, parent)?;
    if let Some(answer) = answered {
        return Ok(answer);
    }

    let mut import = open(app, &caller, options, (id, Via::Api));
    import.parent = parent;
    import.file_name = form.file_name;
    import.bytes = Some(form.file.len() as u64);
    import.sha256 = Some(HEXLOWER.encode(&Sha256::digest(&form.file)));
    let (import, sent_again) = record(app, &caller, import, force).await?;
    if import.status == Status::Queued {
        // After the record, because the file starts a run, which looks for it. Again, if an earlier try was cut off before it
        // had done so: a run takes one version of the file only.
        app.uploads.stage(import.id, form.file).await?;
    }

    let waited = if wait.at_most.is_zero() {
        Waited {
            import,
            readable: true,
        }
    } else {
        wait::for_end(app, import, give_up).await?
    };
    answer(app, waited, wait.applied, sent_again).await
}

/// Records `import`, unless an earlier try of its request has done so, or another import answers for its file. Returns
/// the import to be answered with, and whether it is one that answers for the file.
async fn record(app: &Intake, caller: &Caller, import: Import, force: bool) -> Result<(Import, bool), Error> {
    let mut tries = app.table.tries("record an import");
    loop {
        let now = clock::now();
        // An earlier try may even have brought it to its end.
        if let Some(own) = app.imports.find(import.id, now).await? {
            return Ok((own, false));
        }
        let before = app.imports.sent_before(&import, now).await?;
        let answers = before.as_ref().and_then(|before| before.answers.as_ref());
        if let Some(known) = answers.filter(|known| !force && known.is_seen_by(caller)) {
            return Ok((known.clone(), true));
        }
        // What the caller may not see any more does not stand in the way.
        let anyway = force || answers.is_some();
        if app.imports.insert_known(&import, before.as_ref(), anyway).await? {
            audit::import(&caller.actor(), ImportAct::Started, import.id);
            return Ok((import, false));
        }
        tries.again().await?;
    }
}

/// The answer to a request that waited: 200 with the finished import, 202 with an unfinished one.
async fn answer(
    app: &Intake,
    waited: Waited,
    preference: Option<String>,
    sent_again: bool,
) -> Result<Response<Body>, Error> {
    let Waited { import, readable } = waited;
    let now = clock::now();
    let status = import.status_at(now);
    if status == Status::Failed {
        return Err(Error::FileRefused {
            import: import.id,
            detail: import.message_at(now),
        });
    }
    let mut response = Response::builder();
    if !import.is_final() {
        response = response
            .status(StatusCode::ACCEPTED)
            .header(LOCATION, http::import_path(import.id))
            .header(RETRY_AFTER, "1");
    }
    if let Some(preference) = preference {
        response = response.header(prefer::PREFERENCE_APPLIED, preference);
    }
    let view = if readable {
        let view = ImportView::whole(&app.imports, import, now).await?;
        if sent_again { view.sent_again() } else { view }
    } else {
        // The file is taken in all the same. A later request reads the row errors.
        ImportView::new(import, None, now)
    };
    respond::json(response, &view)
}

/// An import and the place for its file.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ImportUpload)]
struct OpenUpload {
    #[serde(flatten)]
    import: ImportView,
    /// The request that uploads the file.
    upload: Upload,
}

/// A signed request that puts a file.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UploadTarget)]
struct Upload {
    /// The HTTP method.
    method: &'static str,
    /// The URL.
    url: String,
    /// The `Content-Type` to send; storage accepts no other.
    content_type: &'static str,
    /// The time until which it is accepted.
    expires_at: Timestamp,
}

const OPEN_UPLOAD: Operation<Intake> = Operation {
    route: Route::new(
        Verb::Post,
        "/users/import/uploads",
        Access::Right(Right::Import),
        by_reference!(open_upload),
    ),
    tag: Tag::Imports,
    id: "createImportUpload",
    summary: "Opens an import whose file is put straight into storage",
    describe: |operation| {
        operation
            .about(
                "For files that are too large for the gateway. Send the file to `upload.url` with `upload.method` and \
                 `upload.contentType`; then the import begins. If the URL expires before the file was sent, the \
                 import becomes `cancelled`. You can have 20 valid URLs at once, unless the deployment says \
                 otherwise; one more is answered with 409.",
            )
            .json::<ImportOptionsDraft<'_>>(
                "UploadRequest",
                |request| {
                    let bytes = ObjectBuilder::new()
                        .schema_type(Type::Integer)
                        .description(Some("The size of the file in bytes; storage accepts no other"))
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
                    options::describe_nulls(request);
                    add(request, "fileName", FileName::schema());
                    add(request, "parent", parent_schema());
                    nullable(request, &["fileName", "parent"]);
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
            .fails(&[&Kind::CONFLICT])
    },
};

async fn open_upload(app: &Intake, request: &Request) -> Result<Response<Body>, Error> {
    let caller = http::caller(app, request).await?;
    Query::of(request).finish()?;

    let mut body = http::json::object(request)?;
    let file_name = body.take("fileName");
    let bytes = body.take("bytes");
    let draft = options::of_body(&mut body);
    let parent = body.take("parent");
    let mut faults = body.unknown_members();
    let file_name: Option<FileName> = match file_name {
        Given::Absent | Given::Null => None,
        Given::Text(name) => name
            .parse()
            .inspect_err(|fault: &InvalidText| {
                faults.push(Violation::new("fileName", (*fault).into(), fault.to_string()));
            })
            .ok(),
        _ => {
            let detail = "must be a string";
            faults.push(Violation::new("fileName", Code::InvalidFormat, detail));
            None
        }
    };
    let bytes = bytes.number_in(1..=MAX_FILE);
    if bytes.is_none() {
        let detail = format!("must be the size of the file in bytes, from 1 to {MAX_FILE}");
        faults.push(Violation::new("bytes", Code::OutOfRange, detail));
    }
    let parent = find_parent(app, &caller, &parent, &mut faults).await?;
    let options = options::parsed(draft, &caller, faults)?;
    refuse_roster_of_part(&options, parent)?;
    if let Some(answer) = http::answered(request) {
        return Ok(answer);
    }

    let id = ImportId::made_by(http::mark(request));
    let mut import = open(app, &caller, options, (id, Via::Upload));
    let now = import.created_at;
    import.parent = parent;
    import.file_name = file_name;
    import.bytes = bytes;
    import.upload_until = Some(now.plus(UPLOAD_TIME));
    match app
        .imports
        .open_upload(&import, app.config.max_open_uploads, now)
        .await?
    {
        OpenedUpload::Opened => audit::import(&caller.actor(), ImportAct::Started, id),
        // An earlier try of this request opened it; its URL ends when that one's does.
        OpenedUpload::Before(opened) => import = *opened,
        OpenedUpload::TooMany(next_end) => {
            return Err(Error::conflict(format!(
                "{} of your upload URLs are still valid, and no more may be; the next of them ends at {next_end}. \
                 Open another upload then",
                app.config.max_open_uploads
            )));
        }
    }
    signed(app, import, now).await
}

fn parent_schema() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(
        "The id of the import whose rejected rows this file continues",
    ))
}

/// The import that `given` names as the one whose rejected rows are sent, if the caller may know of it.
async fn find_parent(
    app: &Intake,
    caller: &Caller,
    given: &Given<'_>,
    faults: &mut Vec<Violation>,
) -> Result<Option<ImportId>, Error> {
    let text = match given {
        Given::Absent | Given::Null => return Ok(None),
        Given::Text(text) => text.parse::<ImportId>().ok(),
        _ => None,
    };
    if let Some(id) = text
        && let Some(parent) = app.imports.find(id, clock::now()).await?
        && parent.is_seen_by(caller)
    {
        return Ok(Some(id));
    }
    let fault = Violation::new(
        "parent",
        Code::InvalidFormat,
        "must be the id of an import that you can see",
    );
    faults.push(match given {
        Given::Text(text) => fault.of_value(text),
        _ => fault,
    });
    Ok(None)
}

/// The answer with a URL for the file of `import`, an upload.
async fn signed(app: &Intake, import: Import, now: Timestamp) -> Result<Response<Body>, Error> {
    let expires_at = import.upload_until.unwrap_or(now);
    let valid = expires_at.since(now);
    if valid.is_zero() {
        return Err(Error::conflict(
            "the upload that this request opened has ended; open another one by a request with another \
             Idempotency-Key",
        ));
    }
    let bytes = import.bytes.unwrap_or_default();
    let url = app
        .uploads
        .sign_upload(import.id, bytes, UPLOAD_TYPE, valid)
        .await?;
    respond::created(
        &http::import_path(import.id),
        &OpenUpload {
            import: ImportView::new(import, Some(FirstFaults::default()), now),
            upload: Upload {
                method: "PUT",
                url,
                content_type: UPLOAD_TYPE,
                expires_at,
            },
        },
    )
}

const READ_TEMPLATE: Operation<Intake> = Operation {
    route: Route::new(
        Verb::Get,
        "/users/import/template",
        Access::Right(Right::Import),
        by_reference!(template),
    )
    .produces(&["text/csv"]),
    tag: Tag::Imports,
    id: "downloadImportTemplate",
    summary: "Returns a CSV file to begin with",
    describe: |operation| {
        operation
            .about("The file has every column that an import understands, and two example rows.")
            .answers(
                200,
                Answer::text("The header and two example rows", CSV)
                    .header("Content-Disposition", "A name for the file"),
            )
    },
};

async fn template(app: &Intake, request: &Request) -> Result<Response<Body>, Error> {
    http::caller(app, request).await?;
    Query::of(request).finish()?;
    let response = Response::builder().header(CONTENT_DISPOSITION, "attachment; filename=\"users.csv\"");
    respond::bytes(response, CSV, TEMPLATE)
}

/// Refuses to take rows that come back for the whole roster: people who are only in the file of `parent` would be missing.
fn refuse_roster_of_part(options: &ImportOptions, parent: Option<ImportId>) -> Result<(), Error> {
    if parent.is_none() || options.missing == Missing::Ignore {
        return Ok(());
    }
    let detail = "must be left out where parent is given: rows that come back are not the whole roster";
    Err(Error::Invalid(vec![Violation::new(
        "missing",
        Code::InvalidFormat,
        detail,
    )]))
}

fn open(app: &Intake, caller: &Caller, options: ImportOptions, (id, via): (ImportId, Via)) -> Import {
    let now = clock::now();
    let expires_at = now.plus(app.config.import_retention);
    let import = Import::open(id, UploadStore::staged_key(id), via, options, now..expires_at);
    Import {
        created_by: Some(caller.user.id),
        sender_roles: Some(caller.user.roles),
        ..import
    }
}
