//! One import: `/users/import/{importId}`, its `/resume`, `/errors` and `/rejected`.

mod operations;

use std::time::Duration;

use lambda_http::http::header::{CONTENT_DISPOSITION, LOCATION};
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, Response};
use shared::audit::{self, ImportAct};
use shared::auth::Caller;
use shared::http::page::{self, Page};
use shared::http::query::{Number, Parameter, Query};
use shared::http::{self, CSV, respond};
use shared::intake::record::{Import, Status};
use shared::intake::{ImportView, Intake, MAX_ROW_ERRORS};
use shared::roster::{ImportId, Right};
use shared::sheet::Rejected;
use shared::{Error, clock};

pub use operations::operations;

/// Bytes of rejected rows that go into an answer. In the JSON that carries it, a quote takes two.
const MAX_INLINE: u64 = 5 * 1024 * 1024 / 2;
/// How long the URL of a file of rejected rows is valid.
const DOWNLOAD_TIME: Duration = Duration::from_mins(15);

/// How many row errors a page has.
const LIMIT: Parameter<Number> = page::limit(MAX_ROW_ERRORS);

/// Serves every method of the four routes.
///
/// # Errors
///
/// What the contract says of each.
pub async fn handle(app: &Intake, request: Request) -> Result<Response<Body>, Error> {
    match (http::resource(&request), request.method()) {
        ("/users/import/{importId}", &Method::GET) => read(app, &request).await,
        ("/users/import/{importId}", &Method::DELETE) => cancel(app, &request).await,
        ("/users/import/{importId}", _) => Err(Error::MethodNotAllowed("GET, DELETE")),
        ("/users/import/{importId}/resume", &Method::POST) => resume(app, &request).await,
        ("/users/import/{importId}/resume", _) => Err(Error::MethodNotAllowed("POST")),
        ("/users/import/{importId}/errors", &Method::GET) => errors(app, &request).await,
        ("/users/import/{importId}/rejected", &Method::GET) => rejected(app, &request).await,
        ("/users/import/{importId}/errors" | "/users/import/{importId}/rejected", _) => {
            Err(Error::MethodNotAllowed("GET"))
        }
        _ => Err(Error::NotFound("the path")),
    }
}

/// The caller and the import that the path names, if the caller may see it.
async fn named(app: &Intake, request: &Request) -> Result<(Caller, Import), Error> {
    let caller = app.auth.caller(request).await?;
    caller.require(Right::Import)?;
    let id: ImportId = http::path_id(request, "importId", "the import")?;
    Ok((caller, find(app, id).await?))
}

async fn find(app: &Intake, id: ImportId) -> Result<Import, Error> {
    app.imports
        .find(id, clock::now())
        .await?
        .ok_or(Error::NotFound("the import"))
}

async fn read(app: &Intake, request: &Request) -> Result<Response<Body>, Error> {
    let (_, import) = named(app, request).await?;
    Query::of(request).finish()?;
    respond::ok(&ImportView::whole(&app.imports, import, clock::now()).await?)
}

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

async fn resume(app: &Intake, request: &Request) -> Result<Response<Body>, Error> {
    let (caller, import) = named(app, request).await?;
    Query::of(request).finish()?;
    if let Some(answer) = http::answered(request) {
        return Ok(answer);
    }
    match import.status_at(clock::now()) {
        Status::Stalled => {}
        Status::Waiting => return Err(Error::conflict("the import waits for its file")),
        Status::Queued | Status::Running => return Err(Error::conflict("the import is under way")),
        Status::Completed | Status::Failed | Status::Cancelled => {
            return Err(Error::conflict("the import is already finished"));
        }
    }
    app.uploads.resume(import.id).await?;
    audit::import(&caller.actor(), ImportAct::Resumed, import.id);
    let response = Response::builder()
        .status(StatusCode::ACCEPTED)
        .header(LOCATION, http::import_path(import.id));
    let view = ImportView::whole(&app.imports, import, clock::now()).await?;
    respond::json(response, &view)
}

async fn errors(app: &Intake, request: &Request) -> Result<Response<Body>, Error> {
    let (_, import) = named(app, request).await?;
    let mut query = Query::of(request);
    let limit = query.number(&LIMIT).unwrap_or_default();
    let (skip, cursor) = page::beginning(&mut query);
    let offset = cursor.map_or(Some(skip), |text| text.parse::<u32>().ok().map(u64::from));
    if offset.is_none() {
        page::unknown_cursor(&mut query);
    }
    query.finish()?;
    let offset = offset.unwrap_or_default();

    let items = app.imports.errors(import.id, offset, limit).await?;
    let next = offset + items.len() as u64;
    respond::ok(&Page {
        next_cursor: (next < import.errors && !items.is_empty()).then(|| next.to_string()),
        items,
        count: import.errors,
        offset,
    })
}

/// The rejected rows, inline if they are few. Lambda's answers end at 6 MB, so many are put together in the
/// bucket, and the answer says where: 303 with a signed URL.
async fn rejected(app: &Intake, request: &Request) -> Result<Response<Body>, Error> {
    let (caller, import) = named(app, request).await?;
    Query::of(request).finish()?;
    let Some(read) = &import.read else {
        return Err(Error::conflict(
            "no row of the file was read, so none was rejected",
        ));
    };
    audit::import(&caller.actor(), ImportAct::RejectedRowsRead, import.id);
    let mut file = Vec::new();
    Rejected::new(&read.columns, read.dialect).header(&mut file);
    let pieces = app.imports.rejected(import.id).await?;
    if pieces.iter().map(|piece| piece.bytes).sum::<u64>() > MAX_INLINE {
        let url = app
            .uploads
            .put_together(import.id, file, &pieces, CSV, DOWNLOAD_TIME)
            .await?;
        let response = Response::builder().status(StatusCode::SEE_OTHER);
        return respond::bytes(response.header(LOCATION, url), CSV, Body::Empty);
    }
    for piece in &pieces {
        file.extend_from_slice(&app.uploads.rejected(piece).await?);
    }
    let disposition = format!("attachment; filename=\"rejected-{}.csv\"", import.id);
    respond::bytes(
        Response::builder().header(CONTENT_DISPOSITION, disposition),
        CSV,
        file,
    )
}
