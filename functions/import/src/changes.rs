//! `GET /users/import/{importId}/changes`: what an import has done to accounts, or a dry run would do.

use data_encoding::BASE64URL_NOPAD;
use lambda_http::{Body, Request, Response};
use shared::http::operation::{Access, Answer, Operation, Route, Tag, Verb};
use shared::http::page::{self, CURSOR, LIMIT, OFFSET, Page};
use shared::http::query::Query;
use shared::http::{Kind, respond};
use shared::intake::Intake;
use shared::intake::changes::{ChangeView, MAX_SHOWN, changes};
use shared::roster::Right;
use shared::{Error, by_reference};

use super::named;

pub(crate) const CHANGES: Operation<Intake> = Operation {
    route: Route::new(
        Verb::Get,
        "/users/import/{importId}/changes",
        Access::Right(Right::Import),
        by_reference!(list),
    ),
    tag: Tag::Imports,
    id: "listImportChanges",
    summary: "Lists the accounts that an import created, changed or deleted, in line order",
    describe: |operation| {
        operation
            .about(
                "Each with the values before and after. A dry run lists what it would do. Returns one page; `cursor` \
                 leads to the next one. The first 100,000 are listed; the list grows while the import is running. After \
                 the rows it has the accounts that are not in the file, if `missing` was given: these have no line.",
            )
            .query(&LIMIT)
            .query(&OFFSET)
            .query(&CURSOR)
            .answers(200, Answer::page::<ChangeView>("One page of changes"))
            .fails(&[&Kind::CONFLICT])
    },
};

async fn list(app: &Intake, request: &Request) -> Result<Response<Body>, Error> {
    let (_, import) = named(app, request).await?;
    let mut query = Query::of(request);
    let limit = query.number(&LIMIT).unwrap_or_default();
    let (skip, cursor) = page::beginning(&mut query);
    let cursor = cursor.map(|text| Place::read(&text));
    if matches!(cursor, Some(None)) {
        page::unknown_cursor(&mut query);
    }
    query.finish()?;
    if !import.is_recorded {
        return Err(Error::conflict(
            "an earlier version of the service took the import in and has not kept what it changed",
        ));
    }

    let counts = import.counts;
    let all = counts.created + counts.updated + counts.deleted + counts.missing;
    let first = Place {
        before: skip,
        count: all.min(MAX_SHOWN),
        line: 0,
    };
    // A cursor and an offset exclude each other.
    let begin = cursor.flatten().unwrap_or(first);
    let limit = limit.min(begin.count.saturating_sub(begin.before));
    let (items, line) = changes(app, import.id, begin.line, skip, limit).await?;
    let next = Place {
        before: begin.before + items.len() as u64,
        line,
        ..begin
    };
    respond::ok(&Page {
        next_cursor: (next.before < next.count && !items.is_empty()).then(|| next.text()),
        items,
        count: begin.count,
        offset: begin.before,
    })
}

/// Where a page begins.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// How many changes come before it.
    before: u64,
    /// How many changes there are in all.
    count: u64,
    /// The line from which on it is.
    line: u64,
}

impl Place {
    /// Returns the place as callers send it.
    fn text(self) -> String {
        let Self { before, count, line } = self;
        BASE64URL_NOPAD.encode(format!("{before}.{count}.{line}").as_bytes())
    }

    /// Reads what [`Place::text`] has written.
    fn read(text: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()?;
        // Larger numbers were not written by us.
        let number = |text: &str| text.parse::<u32>().ok().map(u64::from);
        let numbers: Vec<_> = text.split('.').map(number).collect::<Option<_>>()?;
        let [before, count, line] = numbers[..] else {
            return None;
        };
        Some(Self { before, count, line })
    }
}
