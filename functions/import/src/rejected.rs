//! The rejected rows of an import: as a file, as the URL of one, or as JSON.

mod rows;

use std::pin::pin;
use std::time::Duration;

use futures::{Stream, StreamExt, TryStreamExt, future, stream};
use lambda_http::http::StatusCode;
use lambda_http::http::header::{CONTENT_DISPOSITION, LOCATION};
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use shared::audit::{self, ImportAct};
use shared::files::RejectedRows;
use shared::http::operation::{Access, Answer, Operation, Route, Tag, Verb};
use shared::http::query::{Choice, Number, Parameter, Query};
use shared::http::{self, CSV, Kind, respond};
use shared::intake::Intake;
use shared::intake::record::{Import, Read};
use shared::intake::store::FaultFilter;
use shared::roster::{Recorded, Right, Timestamp};
use shared::sheet::Rejected;
use shared::{Error, by_reference, clock};
use utoipa::ToSchema;

use super::{CODE, MEMBER, named};
use rows::{RejectedRowsPage, Wanted};

/// Bytes of an answer with rejected rows, in the JSON that carries it. Lambda's answers end at 6 MB; the rest is for the
/// headers.
const MAX_INLINE: usize = 5 * 1024 * 1024;
/// How long the URL of a file of rejected rows is valid: the download has to begin by then. Who finds the URL later gets
/// nothing.
const DOWNLOAD_TIME: Duration = Duration::from_mins(15);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Json,
}

const FORMAT: Parameter<Choice<Format>> = Parameter {
    name: "format",
    about: "`json` gives the rows one by one, some at a time, whatever `Accept` says; `csv` the file",
    kind: Choice {
        words: &[("csv", Format::Csv), ("json", Format::Json)],
        default: Some("csv"),
    },
};

const LINE: Parameter<Number> = Parameter {
    name: "line",
    about: "With `format=json`: only rows that begin on this line or a later one",
    kind: Number {
        min: 0,
        max: u32::MAX as u64,
        default: None,
    },
};

pub(super) const REJECTED: Operation<Intake> = Operation {
    route: Route::new(
        Verb::Get,
        "/users/import/{importId}/rejected",
        Access::Right(Right::Import),
        by_reference!(rejected),
    )
    .produces(&["text/csv", "application/json"]),
    tag: Tag::Imports,
    id: "downloadRejectedRows",
    summary: "Returns the rejected rows, to be corrected and sent again",
    describe: |operation| {
        operation
            .about(
                "The file has the columns, the order and the delimiter of the file that was imported, and `_line`, \
                 `_column`, `_code`, `_message` and `_suggestion` at the end. More than about 5 MB are fetched from \
                 storage: follow the redirect. A caller who prefers JSON gets the URL of the file in the body instead; \
                 `format=json` gives up to 500 rows or 4 MB of them one by one. With `member` or `code` such a page \
                 may have few rows, or none, before the last: go on while there is a `nextLine`.",
            )
            .query(&FORMAT)
            .query(&LINE)
            .query(&MEMBER)
            .query(&CODE)
            .answers(
                200,
                Answer::text("The rows", CSV)
                    .or_json::<RejectedJson>()
                    .header("Content-Disposition", "A name for the file"),
            )
            .answers(
                303,
                Answer::empty("There are many rows").header("Location", "A signed URL of the file"),
            )
            .fails(&[&Kind::CONFLICT])
    },
};

/// Rejected rows as JSON.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum RejectedJson {
    /// Where the file is.
    File(RejectedFile),
    /// Some of the rows.
    Rows(RejectedRowsPage),
}

/// Where the file of the rejected rows is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RejectedFile {
    /// A signed URL of the file.
    url: String,
    /// The time until which the URL is valid.
    expires_at: Timestamp,
    /// The size of the file.
    bytes: u64,
    /// How many rows the file has.
    rows: u64,
}

async fn rejected(app: &Intake, request: &Request) -> Result<Response<Body>, Error> {
    let (caller, import) = named(app, request).await?;
    let mut query = Query::of(request);
    let format = query.choice(&FORMAT);
    // What only JSON can leave out, no file may seem to.
    let wanted = (format == Some(Format::Json)).then(|| Wanted {
        line: query.number(&LINE).unwrap_or_default(),
        filter: FaultFilter {
            member: query.choice(&MEMBER),
            code: query.choice(&CODE),
            ..FaultFilter::default()
        },
    });
    query.finish()?;
    let read = read_of(&import)?;
    audit::import(&caller.actor(), ImportAct::RejectedRowsRead, import.id);
    let pieces = app.imports.rejected(&import).await?;
    let extra = pieces.iter().filter_map(RejectedRows::extra).max();
    let written = Rejected::new(&read.columns, read.dialect, extra.unwrap_or_default());
    if let Some(wanted) = wanted {
        let page = rows::page(app, (&import, read), &written, &pieces, &wanted).await?;
        return respond::ok(&RejectedJson::Rows(page));
    }
    if http::prefers(request, "application/json", "text/csv") {
        let bytes = app
            .uploads
            .put_together(import.id, CSV, content(app, &written, &pieces))
            .await?;
        return respond::ok(&RejectedJson::File(RejectedFile {
            url: app.uploads.sign_rejected(import.id, DOWNLOAD_TIME).await?,
            expires_at: clock::now().plus(DOWNLOAD_TIME),
            bytes,
            rows: count(&import, &pieces),
        }));
    }
    if let Some(file) = inline(&pieces, content(app, &written, &pieces)).await? {
        let disposition = format!("attachment; filename=\"rejected-{}.csv\"", import.id);
        let response = Response::builder().header(CONTENT_DISPOSITION, disposition);
        return respond::bytes(response, CSV, file);
    }
    app.uploads
        .put_together(import.id, CSV, content(app, &written, &pieces))
        .await?;
    let url = app.uploads.sign_rejected(import.id, DOWNLOAD_TIME).await?;
    let response = Response::builder().status(StatusCode::SEE_OTHER);
    respond::bytes(response.header(LOCATION, url), CSV, Body::Empty)
}

/// How the file of the import was read.
fn read_of(import: &Import) -> Result<&Read, Error> {
    match &import.read {
        Some(Recorded::Known(read)) => Ok(read),
        Some(Recorded::Later(_)) => Err(Error::conflict(
            "a later version of the service has read the file; ask it for the rejected rows",
        )),
        None => Err(Error::conflict(
            "no row of the file was read, so none was rejected",
        )),
    }
}

/// How many rows the pieces have. Those of the version before do not say.
fn count(import: &Import, pieces: &[RejectedRows]) -> u64 {
    if pieces.iter().any(|piece| piece.rows == 0) {
        import.counts.failed
    } else {
        pieces.iter().map(|piece| piece.rows).sum()
    }
}

/// The file: its header, and each piece with as many columns as the header has.
fn content(
    app: &Intake,
    written: &Rejected<'_>,
    pieces: &[RejectedRows],
) -> impl Stream<Item = Result<Vec<u8>, Error>> {
    let mut header = Vec::new();
    written.header(&mut header);
    let rows = app.uploads.rejected(pieces).zip(stream::iter(pieces));
    let rows = rows.map(|(rows, piece)| Ok(written.widened(rows?.into(), piece.extra())));
    stream::once(future::ok(header)).chain(rows)
}

/// The whole file if it fits into an answer. Only then all of it is read.
async fn inline(
    pieces: &[RejectedRows],
    content: impl Stream<Item = Result<Vec<u8>, Error>>,
) -> Result<Option<Vec<u8>>, Error> {
    if pieces.iter().map(|piece| piece.bytes).sum::<u64>() > MAX_INLINE as u64 {
        return Ok(None);
    }
    let mut content = pin!(content);
    let (mut file, mut size) = (Vec::new(), 0);
    while let Some(piece) = content.try_next().await? {
        size += json_len(&piece);
        if size > MAX_INLINE {
            return Ok(None);
        }
        file.extend_from_slice(&piece);
    }
    Ok(Some(file))
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
