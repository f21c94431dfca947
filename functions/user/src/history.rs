//! `GET /users/{userId}/history`: who did what to an account.

use data_encoding::BASE64URL_NOPAD;
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use serde_json::Value;
use shared::auth::Caller;
use shared::http::operation::{Access, Answer, Operation, Route, Tag, Verb};
use shared::http::page::{self, CURSOR, LIMIT, OFFSET, Page};
use shared::http::query::Query;
use shared::http::{self, respond};
use shared::roster::{AccountAction, Code, Recorded, Right, Timestamp, UserId};
use shared::table::{Account, HistoryChange, HistoryLine, HistorySlice};
use shared::{App, Error, by_reference, clock};
use utoipa::ToSchema;

/// The highest offset: the lines before it are read into memory, at about half a KB each.
const MAX_OFFSET: u64 = 10_000;

/// One act on an account.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HistoryLine, example = json!({
    "at": "2026-11-23T08:37:46.000Z",
    "by": "bjv5fb3kopj7szqzggqckwcgaaaaaaaa",
    "requestId": "Bz0PvjkqoAMEJpA=",
    "action": "changed",
    "changes": [
        { "member": "lastName", "before": null, "after": null },
        { "member": "roles", "before": ["ROLE_COLLABORATOR"], "after": ["ROLE_ORIGINATOR"] },
    ],
}))]
struct LineView {
    /// When it was done.
    at: Timestamp,
    /// Who did it: the id of a user, `import:` and the id of an import, `bootstrap` for an operator, or `issuer` for a
    /// sign-in by an issuer.
    by: String,
    /// The id of the request, as in its `X-Request-Id`; null for what an import has created or changed.
    request_id: Option<String>,
    /// What was done. What an import has created or changed in the account is listed by the import.
    #[schema(value_type = AccountAction)]
    action: Recorded<AccountAction>,
    /// The members that it changed; of an account that was created, the roles.
    changes: Vec<ChangeView>,
}

/// A member that was changed.
#[derive(Serialize, ToSchema)]
#[schema(as = HistoryChange)]
struct ChangeView {
    /// The name of the member.
    member: String,
    /// The value before, of `roles`, `enabled` and `accountType` only. Other values are not kept.
    before: Value,
    /// The value afterwards, of the same members only.
    after: Value,
}

impl From<HistoryLine> for LineView {
    fn from(line: HistoryLine) -> Self {
        let HistoryLine {
            at,
            by,
            request_id,
            action,
            changes,
        } = line;
        let view = |change: HistoryChange| ChangeView {
            member: change.member,
            before: change.before,
            after: change.after,
        };
        Self {
            at,
            by,
            request_id,
            action,
            changes: changes.into_iter().map(view).collect(),
        }
    }
}

pub(crate) const HISTORY: Operation<App> = Operation {
    route: Route::new(
        Verb::Get,
        "/users/{userId}/history",
        Access::Right(Right::ManageUsers),
        by_reference!(list),
    ),
    tag: Tag::Users,
    id: "listUserHistory",
    summary: "Lists the acts on a user, newest first",
    describe: |operation| {
        operation
            .about(
                "Returns one page; `cursor` leads to the next one. Lines are kept for a year unless the deployment says \
                 otherwise, also after the user is deleted: then `ROLE_SYSTEM_ADMIN` finds them by the id. The lines \
                 have ids and no personal data. `offset` is at most 10,000; `cursor` has no limit.",
            )
            .query(&LIMIT)
            .query(&OFFSET)
            .query(&CURSOR)
            .answers(200, Answer::page::<LineView>("One page of the history"))
    },
};

async fn list(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let id = http::path_id(request, "userId", "the user").ok();
    let (caller, account) = http::caller_and(app, request, id).await?;
    let id = id.ok_or(Error::NotFound("the user"))?;
    let now = clock::now();
    let imports = imports(app, &caller, id, account, now).await?;
    let mut query = Query::of(request);
    let limit = query.number(&LIMIT).unwrap_or_default();
    let (skip, cursor) = page::beginning(&mut query);
    if skip > MAX_OFFSET {
        let detail =
            format!("must be at most {MAX_OFFSET}; to go further, send nextCursor of each page as cursor");
        query.fault(OFFSET.name, Code::OutOfRange, &detail);
    }
    let cursor = cursor.map(|text| Cursor::read(&text, id));
    if matches!(cursor, Some(None)) {
        page::unknown_cursor(&mut query);
    }
    query.finish()?;

    // A cursor and an offset exclude each other.
    let (before, count, after) = match cursor.flatten() {
        Some(cursor) => (cursor.before, cursor.count, Some(cursor.place)),
        None => (
            skip,
            app.history.count(id, now).await? + imports.len() as u64,
            None,
        ),
    };
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let slice = HistorySlice {
        after,
        skip: size(skip),
        limit: size(limit),
    };
    let page = app.history.page(id, imports, &slice, now).await?;
    let next = page.last.map(|place| Cursor {
        user: id,
        before: before + page.lines.len() as u64,
        count,
        place,
    });
    respond::ok(&Page {
        items: page.lines.into_iter().map(LineView::from).collect(),
        count,
        offset: before,
        next_cursor: next.map(|next| next.text()),
    })
}

/// Returns what the account of the user `id` says of imports, if the caller may read its history.
async fn imports(
    app: &App,
    caller: &Caller,
    id: UserId,
    account: Option<Account>,
    now: Timestamp,
) -> Result<Vec<HistoryLine>, Error> {
    if let Some(account) = account {
        caller.may_manage(&account.user)?;
        return Ok(account.import_lines());
    }
    // What roles a deleted user had is not known, so only those who may manage every user read on.
    let unknown = Error::NotFound("the user");
    if caller.require(Right::ManageAdmins).is_err() {
        return Err(unknown);
    }
    app.history.ended(id, now).await?.ok_or(unknown)
}

/// Where a page begins.
#[derive(Debug, PartialEq, Eq)]
struct Cursor {
    /// Whose history it is.
    user: UserId,
    /// How many lines come before it.
    before: u64,
    /// How many lines there were in all when the first page was read.
    count: u64,
    /// The place of the last line before it.
    place: String,
}

impl Cursor {
    /// Returns the cursor as callers send it.
    fn text(&self) -> String {
        let Self {
            user,
            before,
            count,
            place,
        } = self;
        BASE64URL_NOPAD.encode(format!("{user}.{before}.{count}.{place}").as_bytes())
    }

    /// Reads what [`Cursor::text`] has written for the history of `user`.
    fn read(text: &str, user: UserId) -> Option<Self> {
        let text = String::from_utf8(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()?;
        // Larger numbers were not written by us.
        let number = |text: &str| text.parse::<u32>().ok().map(u64::from);
        let mut parts = text.splitn(4, '.');
        parts.next().filter(|id| *id == user.to_string())?;
        let (before, count) = (number(parts.next()?)?, number(parts.next()?)?);
        let place = parts.next().filter(|place| !place.is_empty())?;
        Some(Self {
            user,
            before,
            count,
            place: place.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use shared::roster::Slot;

    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is() {
        let id = || UserId::random(Slot::of(&"ada@example.org".parse().unwrap()));
        let (user, other) = (id(), id());
        let cursor = Cursor {
            user,
            before: 10,
            count: 12,
            place: "1795423066000#0000000003#0badcafe".to_owned(),
        };

        assert_eq!(Cursor::read(&cursor.text(), other), None);
        assert_eq!(Cursor::read(&cursor.text(), user), Some(cursor));
        for foreign in ["", "10.12", "10.12.", "x.12.end", "10.4294967296.end"] {
            let encoded = BASE64URL_NOPAD.encode(format!("{user}.{foreign}").as_bytes());
            assert_eq!(Cursor::read(&encoded, user), None, "{foreign}");
        }
        assert_eq!(Cursor::read("10.12.end", user), None);
    }
}
