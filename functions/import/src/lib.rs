//! One import: `/users/import/{importId}`, its `/resume`, `/errors`, `/causes` and `/rejected`.

mod cursor;

use std::pin::pin;
use std::time::Duration;

use futures::TryStreamExt;
use lambda_http::http::StatusCode;
use lambda_http::http::header::{CONTENT_DISPOSITION, LOCATION};
use lambda_http::{Body, Request, Response};
use shared::audit::{self, ImportAct};
use shared::auth::Caller;
use shared::files::RejectedRows;
use shared::http::operation::{Access, Answer, Operation, Route, Tag, Verb};
use shared::http::page::{self, CURSOR, OFFSET, Page};
use shared::http::query::{Choice, Number, Parameter, Query};
use shared::http::{self, CSV, Kind, respond};
use shared::intake::record::{Import, Status};
use shared::intake::store::{FaultFilter, FaultPlace, Severities};
use shared::intake::{CausesView, ImportView, Intake, MAX_ROW_ERRORS};
use shared::roster::{Code, ImportId, Member, Recorded, Right};
use shared::sheet::{Rejected, RowError};
use shared::{Error, by_reference, clock, operations};

use cursor::Cursor;

/// Bytes of an answer with rejected rows, in the JSON that carries it. Lambda's answers end at 6 MB; the rest is for the
/// headers.
const MAX_INLINE: usize = 5 * 1024 * 1024;
/// How long the URL of a file of rejected rows is valid.
const DOWNLOAD_TIME: Duration = Duration::from_mins(15);

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

operations! { Intake; READ, CANCEL, RESUME, ERRORS, CAUSES, REJECTED }

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

/// How many bytes `text` takes within a string of JSON. Quotes, backslashes and five control characters take two, any
/// other control character six.
fn json_len(text: &[u8]) -> usize {
    let len = |byte: &u8| match byte {
        b'"' | b'\\' | 0x08 | b'\t' | b'\n' | 0x0C | b'\r' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.iter().map(len).sum()
}
const REJECTED: Operation<Intake> = Operation {
    route: Route::new(
        Verb::Get,
        "/users/import/{importId}/rejected",
        Access::Right(Right::Import),
        by_reference!(rejected),
    )
    .produces(&["text/csv"]),
    tag: Tag::Imports,
    id: "downloadRejectedRows",
    summary: "Returns the rejected rows, to be corrected and sent again",
    describe: |operation| {
        operation
            .about(
                "The file has the columns, the order and the delimiter of the file that was imported, and `_line`, \
                 `_column`, `_code` and `_message` at the end. More than about 5 MB are fetched from storage: follow \
                 the redirect.",
            )
            .answers(
                200,
                Answer::text("The rows", CSV).header("Content-Disposition", "A name for the file"),
            )
            .answers(
                303,
                Answer::empty("There are many rows").header("Location", "A signed URL of the file"),
            )
            .fails(&[&Kind::CONFLICT])
    },
};

/// The rejected rows, inline if they are few. Lambda's answers end at 6 MB, so many are put together in the
/// bucket, and the answer says where: 303 with a signed URL.
async fn rejected(app: &Intake, request: &Request) -> Result<Response<Body>, Error> {
    let (caller, import) = named(app, request).await?;
    Query::of(request).finish()?;
    let read = match &import.read {
        Some(Recorded::Known(read)) => read,
        Some(Recorded::Later(_)) => {
            return Err(Error::conflict(
                "a later version of the service has read the file; ask it for the rejected rows",
            ));
        }
        None => {
            return Err(Error::conflict(
                "no row of the file was read, so none was rejected",
            ));
        }
    };
    audit::import(&caller.actor(), ImportAct::RejectedRowsRead, import.id);
    let pieces = app.imports.rejected(&import).await?;
    let extra = pieces.iter().filter_map(RejectedRows::extra).max();
    let written = Rejected::new(&read.columns, read.dialect, extra.unwrap_or_default());
    let widened = |piece: &RejectedRows, rows| written.widened(rows, piece.extra());
    let mut header = Vec::new();
    written.header(&mut header);
    if let Some(file) = inline(app, &header, &pieces, widened).await? {
        let disposition = format!("attachment; filename=\"rejected-{}.csv\"", import.id);
        return respond::bytes(
            Response::builder().header(CONTENT_DISPOSITION, disposition),
            CSV,
            file,
        );
    }
    let url = app
        .uploads
        .put_together(import.id, header, &pieces, widened, (CSV, DOWNLOAD_TIME))
        .await?;
    let response = Response::builder().status(StatusCode::SEE_OTHER);
    respond::bytes(response.header(LOCATION, url), CSV, Body::Empty)
}

/// The pieces of rejected rows behind `header`, each after `change`, if they fit into an answer. Only then all of them
/// are read.
async fn inline(
    app: &Intake,
    header: &[u8],
    pieces: &[RejectedRows],
    change: impl Fn(&RejectedRows, Vec<u8>) -> Vec<u8>,
) -> Result<Option<Vec<u8>>, Error> {
    if pieces.iter().map(|piece| piece.bytes).sum::<u64>() > MAX_INLINE as u64 {
        return Ok(None);
    }
    let mut file = header.to_vec();
    let mut size = json_len(header);
    let mut reading = pin!(app.uploads.rejected(pieces));
    let mut read = pieces.iter();
    while let (Some(piece), Some(rows)) = (read.next(), reading.try_next().await?) {
        let rows = change(piece, rows.into());
        size += json_len(&rows);
        if size > MAX_INLINE {
            return Ok(None);
        }
        file.extend_from_slice(&rows);
    }
    Ok(Some(file))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_takes_as_many_bytes_in_json_as_are_counted(text in any::<String>(), control in "[\\x00-\\x1F\"\\\\]*") {
            let text = text + &control;
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(json_len(text.as_bytes()), json.len() - 2);
        }
    }
}
