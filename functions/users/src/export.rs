//! GET /users/export: every matching user as a file, written by the function of the index.

use std::time::Duration;

use data_encoding::HEXLOWER;
use lambda_http::http::StatusCode;
use lambda_http::http::header::{LOCATION, RETRY_AFTER};
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};
use shared::catalog::Catalog;
use shared::http::operation::{Access, Answer, Operation, Route, Tag, Verb};
use shared::http::query::{Choice, Parameter, Query};
use shared::http::{self, CSV, respond};
use shared::index::Filter;
use shared::roster::{Recorded, Right, Timestamp, UserId};
use shared::table::{Export, ExportFormat, ExportedFile};
use shared::{Error, audit, by_reference, clock};
use utoipa::ToSchema;

use super::{filter, with_filter};

/// How long a file is given to the caller who asks for the same again: a connection that breaks off starts no second export,
/// and nobody waits long for newer data.
const FRESH: Duration = Duration::from_hours(1);
/// How long the URL of a file is valid: the download has to begin by then. Who finds the URL later gets nothing.
const DOWNLOAD_TIME: Duration = Duration::from_mins(15);
/// When a caller who asks again starts another try. A million users take some seconds, and the function of the index lives
/// for 15 minutes.
const PATIENCE: Duration = Duration::from_mins(2);
/// Seconds after which a caller should ask again: about as long as the file of a few hundred thousand users takes.
const RETRY_SECONDS: &str = "2";

const FORMAT: Parameter<Choice<ExportFormat>> = Parameter {
    name: "format",
    about: "`csv` has the columns of the import template, then `id`, `createdAt`, `modifiedAt` and `importId`; \
            `ndjson` has a user as JSON on each line",
    kind: Choice {
        words: &[("csv", ExportFormat::Csv), ("ndjson", ExportFormat::Ndjson)],
        default: Some("csv"),
    },
};

pub(super) const EXPORT: Operation<Catalog> = Operation {
    route: Route::new(
        Verb::Get,
        "/users/export",
        Access::Right(Right::ManageUsers),
        by_reference!(export),
    )
    .produces(&["text/csv", "application/x-ndjson", "application/json"]),
    tag: Tag::Users,
    id: "exportUsers",
    summary: "Returns every matching user as a file",
    describe: |operation| {
        with_filter(operation)
            .about(
                "The file shows one moment, in the order of addresses, and has as many rows as the list had users then. \
                 It is written in the background: ask again after `Retry-After` seconds until the answer is not 202. For \
                 an hour, the same caller with the same query gets the same file. Follow the redirect without your access \
                 token. A caller who prefers JSON gets the URL in the body instead. Sent as an import with `mode=upsert`, \
                 the CSV changes nothing, unless somebody has changed users since.",
            )
            .query(&FORMAT)
            .answers(200, Answer::json::<ExportView>("Where the file is, for a caller who prefers JSON"))
            .answers(
                202,
                Answer::empty("The file is being written")
                    .header("Retry-After", "After how many seconds to ask again"),
            )
            .answers(
                303,
                Answer::empty("The file is written").header("Location", "A signed URL of the file"),
            )
    },
};

/// Where the file of an export is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExportView {
    /// A signed URL of the file.
    url: String,
    /// The time until which the URL is valid.
    expires_at: Timestamp,
    /// How many users the file has.
    rows: u64,
    /// The moment that the file shows.
    taken_at: Timestamp,
}

async fn export(app: &Catalog, request: &Request) -> Result<Response<Body>, Error> {
    let caller = http::caller(app, request).await?;
    let mut query = Query::of(request);
    let filter = filter(&mut query, &caller);
    let format = query.choice(&FORMAT).unwrap_or(ExportFormat::Csv);
    query.finish()?;

    let now = clock::now();
    let id = id(caller.user.id, format, &filter)?;
    let known = app.exports.find(&id, now).await?;
    if let Some(file) = known.as_ref().and_then(|export| export.file.as_ref())
        && now.since(Timestamp::from_millis(file.taken_at)) < FRESH
    {
        let answer = answer(app, request, file).await?;
        audit::users_exported(&caller.actor(), &id, &filter.parameters(), file.rows);
        return Ok(answer);
    }
    let is_asked = known.is_some_and(|export| export.file.is_none() && now.since(export.asked_at) < PATIENCE);
    if !is_asked {
        let export = Export {
            id,
            format: Recorded::Known(format),
            filter: Recorded::Known(filter),
            asked_at: now,
            file: None,
        };
        app.exports.ask(&export).await?;
        app.objects.wake_export(&export.id).await?;
    }
    let response = Response::builder().status(StatusCode::ACCEPTED);
    respond::bytes(response.header(RETRY_AFTER, RETRY_SECONDS), CSV, Body::Empty)
}

/// Returns the id of what this caller asks for.
fn id(caller: UserId, format: ExportFormat, filter: &Filter) -> Result<String, Error> {
    let asked = serde_json::to_vec(&(caller, format, filter));
    let asked = asked.map_err(|error| Error::internal("name an export", error))?;
    Ok(HEXLOWER.encode(&Sha256::digest(asked)[..16]))
}

async fn answer(app: &Catalog, request: &Request, file: &ExportedFile) -> Result<Response<Body>, Error> {
    let expires_at = clock::now().plus(DOWNLOAD_TIME);
    let url = app.objects.sign_download(&file.key, DOWNLOAD_TIME).await?;
    if http::prefers(request, "application/json", "text/csv") {
        return respond::ok(&ExportView {
            url,
            expires_at,
            rows: file.rows,
            taken_at: Timestamp::from_millis(file.taken_at),
        });
    }
    let response = Response::builder().status(StatusCode::SEE_OTHER);
    respond::bytes(response.header(LOCATION, url), CSV, Body::Empty)
}
