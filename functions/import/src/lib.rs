//! One import: `/users/import/{importId}`, its `/resume`, `/errors`, `/causes`, `/changes`, `/apply`, `/undo` and `/rejected`.

mod changes;
mod cursor;
mod follow;
mod rejected;

use lambda_http::http::StatusCode;
use lambda_http::http::header::LOCATION;
use lambda_http::{Body, Request, Response};
use shared::audit::{self, ImportAct};
use shared::auth::Caller;
use shared::http::operation::{Access, Answer, Operation, Route, Tag, Verb};
use shared::http::page::{self, CURSOR, OFFSET, Page};
use shared::http::query::{Choice, Number, Parameter, Query};
use shared::http::{self, Kind, respond};
use shared::intake::record::{Import, Status};
use shared::intake::store::{FaultFilter, FaultPlace, Severities};
use shared::intake::{CausesView, ImportView, Intake, MAX_ROW_ERRORS};
use shared::roster::{Code, ImportId, Member, Right};
use shared::sheet::RowError;
use shared::{Error, by_reference, clock, operations};

use cursor::Cursor;
use rejected::REJECTED;

/// How many row errors a page has.
const LIMIT: Parameter<Number> = page::limit(MAX_ROW_ERRORS);

/// How much the row errors of a page weigh.
const SEVERITY: Parameter<Choice<Severities>> = Parameter {
    name: "severity",
    about: "Whether to list errors, warnings or both",
    kind: Choice {
        words: &[
            ("error", Severities::Errors),
            ("warning", Severities::Warnings),
            ("all", Severities::All),
        ],
        default: Some("error"),
    },
};

const MEMBER: Parameter<Choice<Member>> = Parameter {
    name: "member",
    about: "Only row errors about this member",
    kind: Choice {
        words: &Member::BY_NAME,
        default: None,
    },
};

const CODE: Parameter<Choice<Code>> = Parameter {
    name: "code",
    about: "Only row errors with this code",
    kind: Choice {
        words: &Code::OF_ROWS_BY_NAME,
        default: None,
    },
};

operations! { Intake; READ, CANCEL, RESUME, ERRORS, CAUSES, changes::CHANGES, follow::APPLY, follow::UNDO, REJECTED }

/// The caller and the import that the path names, if the caller may see it.
async fn named(app: &Intake, request: &Request) -> Result<(Caller, Import), Error> {
    let caller = http::caller(app, request).await?;
    let id: ImportId = http::path_id(request, "importId", "the import")?;
    let import = find(app, id).await?;
    if import.is_seen_by(&caller) {
        Ok((caller, import))
    } else {
        Err(Error::NotFound("the import"))
    }
}

async fn find(app: &Intake, id: ImportId) -> Result<Import, Error> {
    app.imports
        .find(id, clock::now())
        .await?
        .ok_or(Error::NotFound("the import"))
}

const READ: Operation<Intake> = Operation {
    route: Route::new(
        Verb::Get,
        "/users/import/{importId}",
        Access::Right(Right::Import),
        by_reference!(read),
    ),
    tag: Tag::Imports,
    id: "readImport",
    summary: "Reads an import",
    describe: |operation| {
        operation
            .about("Returns the import with its status, its counts and its progress.")
            .answers(200, Answer::json::<ImportView>("The import"))
    },
};

async fn read(app: &Intake, request: &Request) -> Result<Response<Body>, Error> {
    let (_, import) = named(app, request).await?;
    Query::of(request).finish()?;
    respond::ok(&ImportView::whole(&app.imports, import, clock::now()).await?)
}

const CANCEL: Operation<Intake> = Operation {
    route: Route::new(
        Verb::Delete,
        "/users/import/{importId}",
        Access::Right(Right::Import),
        by_reference!(cancel),
    ),
    tag: Tag::Imports,
    id: "cancelImport",
    summary: "Cancels an import",
    describe: |operation| {
        operation
            .about(
                "Users who were already created stay. The status becomes `cancelled` once the current run has \
                 counted them.",
            )
            .answers(200, Answer::json::<ImportView>("The import"))
            .fails(&[&Kind::CONFLICT])
    },
};

async fn cancel(app: &Intake, request: &Request) -> Result<Response<Body>, Error> {
    let (caller, import) = named(app, request).await?;
    Query::of(request).finish()?;
    app.imports.cancel(import.id, clock::now()).await?;
    audit::import(&caller.actor(), ImportAct::Cancelled, import.id);
    let import = find(app, import.id).await?;
    if import.status_at(clock::now()) == Status::Stalled {
        // Its run died and may have written users that nobody has counted. The next run does, and ends it.
        app.uploads.resume(import.id).await?;
    }
    respond::ok(&ImportView::whole(&app.imports, import, clock::now()).await?)
}

const RESUME: Operation<Intake> = Operation {
    route: Route::new(
        Verb::Post,
        "/users/import/{importId}/resume",
        Access::Right(Right::Import),
        by_reference!(resume),
    ),
    tag: Tag::Imports,
    id: "resumeImport",
    summary: "Continues a stalled import where it stopped",
    describe: |operation| {
        operation
            .about("An import that is not stalled is refused with 409. Rows that were already written are not written again.")
            .answers(
                202,
                Answer::json::<ImportView>("The import").header("Location", "The path of the import"),
            )
            .fails(&[&Kind::CONFLICT])
    },
};

async fn resume(app: &Intake, request: &Request) -> Result<Response<Body>, Error> {
    let (caller, import) = named(app, request).await?;
    Query::of(request).finish()?;
    if let Some(answer) = http::answered(request) {
        return Ok(answer);
    }
    let refusal = match import.status_at(clock::now()).known() {
        Some(Status::Stalled) if import.plan().is_some() => None,
        Some(Status::Stalled) | None => {
            Some("a later version of the service has the import; resume it there")
        }
        Some(Status::Waiting) => Some("the import waits for its file"),
        Some(Status::Queued | Status::Running) => Some("the import is under way"),
        Some(Status::Completed | Status::Failed | Status::Cancelled) => {
            Some("the import is already finished")
        }
    };
    if let Some(refusal) = refusal {
        return Err(Error::conflict(refusal));
    }
    app.uploads.resume(import.id).await?;
    audit::import(&caller.actor(), ImportAct::Resumed, import.id);
    let response = Response::builder()
        .status(StatusCode::ACCEPTED)
        .header(LOCATION, http::import_path(import.id));
    let view = ImportView::whole(&app.imports, import, clock::now()).await?;
    respond::json(response, &view)
}

const ERRORS: Operation<Intake> = Operation {
    route: Route::new(
        Verb::Get,
        "/users/import/{importId}/errors",
        Access::Right(Right::Import),
        by_reference!(errors),
    ),
    tag: Tag::Imports,
    id: "listImportErrors",
    summary: "Lists the row errors and warnings of an import, in line order",
    describe: |operation| {
        operation
            .about(
                "Returns one page of errors and warnings; `cursor` leads to the next one. The list grows while the \
                 import is running.",
            )
            .query(&SEVERITY)
            .query(&MEMBER)
            .query(&CODE)
            .query(&LIMIT)
            .query(&OFFSET)
            .query(&CURSOR)
            .answers(200, Answer::page::<RowError>("One page of row errors"))
    },
};

async fn errors(app: &Intake, request: &Request) -> Result<Response<Body>, Error> {
    let (_, import) = named(app, request).await?;
    let mut query = Query::of(request);
    let limit = query.number(&LIMIT).unwrap_or_default();
    let filter = FaultFilter {
        severities: query.choice(&SEVERITY).unwrap_or_default(),
        member: query.choice(&MEMBER),
        code: query.choice(&CODE),
    };
    let (skip, cursor) = page::beginning(&mut query);
    let cursor = cursor.map(|text| Cursor::read(&text));
    if matches!(cursor, Some(None)) {
        page::unknown_cursor(&mut query);
    }
    query.finish()?;

    let begin = match cursor.flatten() {
        Some(cursor) => cursor,
        None => beginning(app, &import, &filter, skip).await?,
    };
    let (items, place) = app.imports.faults(import.id, &filter, begin.place, limit).await?;
    let next = Cursor {
        before: begin.before + items.len() as u64,
        place,
        ..begin
    };
    respond::ok(&Page {
        next_cursor: (next.before < next.count && !items.is_empty()).then(|| next.text()),
        items,
        count: begin.count,
        offset: begin.before,
    })
}

/// Where the page begins that comes after `skip` row errors, and how many there are in all.
async fn beginning(app: &Intake, import: &Import, filter: &FaultFilter, skip: u64) -> Result<Cursor, Error> {
    let count = app.imports.count_faults(import, filter).await?;
    let place = if *filter == FaultFilter::default() {
        FaultPlace {
            errors: app.imports.error_place(import.id, skip).await?,
            ..FaultPlace::default()
        }
    } else if skip == 0 {
        FaultPlace::default()
    } else {
        let first = FaultPlace::default();
        app.imports
            .faults(import.id, filter, first, skip.min(count))
            .await?
            .1
    };
    Ok(Cursor {
        before: skip,
        count,
        place,
    })
}

const CAUSES: Operation<Intake> = Operation {
    route: Route::new(
        Verb::Get,
        "/users/import/{importId}/causes",
        Access::Right(Right::Import),
        by_reference!(causes),
    ),
    tag: Tag::Imports,
    id: "listImportCauses",
    summary: "Groups the row errors and warnings of an import by cause",
    describe: |operation| {
        operation
            .about(
                "By member, code and the message without its value. The numbers of rows are exact, however many \
                 errors there are.",
            )
            .answers(200, Answer::json::<CausesView>("The causes, the largest first"))
            .fails(&[&Kind::CONFLICT])
    },
};

async fn causes(app: &Intake, request: &Request) -> Result<Response<Body>, Error> {
    let (_, import) = named(app, request).await?;
    Query::of(request).finish()?;
    let causes = app.imports.causes(&import).await?.ok_or(Error::conflict(
        "a later version of the service has grouped the row errors; ask it for their causes",
    ))?;
    respond::ok(&CausesView::from(&causes))
}
