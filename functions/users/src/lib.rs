//! `/users`: lists, searches and adds accounts.

mod cursor;

use lambda_http::http::StatusCode;
use lambda_http::http::header::LOCATION;
use lambda_http::{Body, Request, Response};
use serde_json::json;
use shared::auth::Caller;
use shared::http::operation::{Access, Answer, Operation, Route, Tag, Verb, nullable};
use shared::http::page::{self, CURSOR, LIMIT, OFFSET, Page, SEARCH_TEXT};
use shared::http::query::{Choice, Parameter, Query};
use shared::http::{self, BASE_PATH, Kind, respond};
use shared::roster::{Code, Right, Role, UserDraft, UserView, Violation};
use shared::table::{Filter, Listing, Order, SortBy};
use shared::{App, Error, accounts, by_reference, operations};

use crate::cursor::Cursor;

const ROLE: Parameter<Choice<Role>> = Parameter {
    name: "role",
    about: "Only users with this role",
    kind: Choice {
        words: &Role::BY_NAME,
        default: None,
    },
};

const ENABLED: Parameter<Choice<bool>> = Parameter {
    name: "enabled",
    about: "Only users who are enabled, or only those who are not",
    kind: Choice::FLAG,
};

const SORT_BY: Parameter<Choice<SortBy>> = Parameter {
    name: "sortBy",
    about: "The member to sort by",
    kind: Choice {
        words: &[
            ("email", SortBy::Email),
            ("lastName", SortBy::LastName),
            ("createdAt", SortBy::CreatedAt),
        ],
        default: Some("email"),
    },
};

/// The highest offset in an order other than that of the index. Eight parts are read side by side, and each keeps the
/// first `offset + limit` places: 8 x 10,101 of them take about 20 MB of the function's 256.
const MAX_SORTED_OFFSET: u64 = 10_000;

/// Whether the order is turned round.
const ORDER_BY: Parameter<Choice<bool>> = Parameter {
    name: "orderBy",
    about: "Ascending or descending order",
    kind: Choice {
        words: &[("ASC", false), ("DESC", true)],
        default: Some("ASC"),
    },
};

operations! { App; LIST, CREATE }

const LIST: Operation<App> = Operation {
    route: Route::new(
        Verb::Get,
        "/users",
        Access::Right(Right::ManageUsers),
        by_reference!(list),
    ),
    tag: Tag::Users,
    id: "listUsers",
    summary: "Lists and searches users",
    describe: |operation| {
        operation
            .about(
                "Returns one page; `cursor` leads to the next one. Callers whose only admin role is `ROLE_USER_ADMIN` \
                 do not see accounts that have an admin role. Unless `sortBy` is `email`, `offset` is at most 10,000; \
                 `cursor` has no limit in any order.",
            )
            .query(&SEARCH_TEXT)
            .query(&ROLE)
            .query(&ENABLED)
            .query(&LIMIT)
            .query(&OFFSET)
            .query(&CURSOR)
            .query(&SORT_BY)
            .query(&ORDER_BY)
            .answers(200, Answer::page::<UserView>("One page of users"))
    },
};

async fn list(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let caller = http::caller(app, request).await?;
    let (listing, offset) = listing(request, &caller)?;

    let found = app.users.page(&listing).await?;
    let next_cursor = found.last.map(|last| {
        Cursor {
            last,
            offset: offset.saturating_add(listing.limit),
            count: found.count,
        }
        .written(&listing)
    });
    respond::ok(&Page {
        items: found.users.iter().map(UserView::from).collect(),
        count: found.count,
        offset,
        next_cursor: next_cursor.transpose()?,
    })
}

/// The page that the query asks for, and how many matches come before it.
fn listing(request: &Request, caller: &Caller) -> Result<(Listing, u64), Error> {
    let mut query = Query::of(request);
    let limit = query.number(&LIMIT).unwrap_or_default();
    let mut listing = Listing {
        filter: Filter {
            text: query.text(&SEARCH_TEXT).filter(|text| !text.is_empty()),
            role: query.choice(&ROLE),
            enabled: query.choice(&ENABLED),
            without_admins: caller.require(Right::ManageAdmins).is_err(),
        },
        order: Order {
            by: query.choice(&SORT_BY).unwrap_or_default(),
            descending: query.choice(&ORDER_BY).unwrap_or_default(),
        },
        limit,
        ..Listing::default()
    };
    let (mut offset, cursor) = page::beginning(&mut query);
    if listing.order.by != SortBy::Email && offset > MAX_SORTED_OFFSET {
        let detail = format!(
            "must be at most {MAX_SORTED_OFFSET} unless sortBy is email; to go further, send nextCursor of each page as \
             cursor"
        );
        query.fault(OFFSET.name, Code::OutOfRange, &detail);
    }
    listing.skip = offset;
    if let Some(text) = cursor {
        if let Some(cursor) = Cursor::read(&text, &listing) {
            offset = cursor.offset;
            listing.count = listing.filter.narrows().then_some(cursor.count);
            listing.after = Some(cursor.last);
        } else {
            page::unknown_cursor(&mut query);
        }
    }
    query.finish()?;
    Ok((listing, offset))
}

const CREATE: Operation<App> = Operation {
    route: Route::new(
        Verb::Post,
        "/users",
        Access::Right(Right::ManageUsers),
        by_reference!(create),
    ),
    tag: Tag::Users,
    id: "createUser",
    summary: "Adds a user",
    describe: |operation| {
        operation
            .about(
                "Each address belongs to one user at most. `ROLE_ADHOC_COLLABORATOR` cannot be assigned to a new \
                 user.",
            )
            .json::<UserDraft>(
                "NewUser",
                |user| {
                    user.required = vec!["email".to_owned(), "roles".to_owned()];
                    nullable(user, &["enabled", "accountType"]);
                },
                json!({
                    "email": "mary@example.org",
                    "firstName": "Mary",
                    "roles": ["ROLE_ORIGINATOR"],
                }),
            )
            .answers(
                201,
                Answer::json::<UserView>("The user")
                    .header("Location", "The path of the user")
                    .header("ETag", "The user's entity tag, for `If-Match`")
                    .leads_to("readUser", "userId")
                    .leads_to("changeUser", "userId")
                    .leads_to("deleteUser", "userId")
                    .leads_to("issueToken", "userId"),
            )
            .fails(&[&Kind::CONFLICT])
    },
};

async fn create(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let caller = http::caller(app, request).await?;
    Query::of(request).finish()?;

    let mut body = http::json::object(request)?;
    let draft = accounts::draft(&mut body);
    let foreign = accounts::foreign_members(body, None)?;
    let new = Violation::unless(foreign, draft.parse(caller.assignable())).map_err(|faults| {
        if faults.iter().any(|fault| fault.code == Code::ForbiddenRole) {
            Error::Forbidden("your roles do not allow you to give this role")
        } else {
            Error::Invalid(faults)
        }
    })?;

    if let Some(answer) = http::answered(request) {
        return Ok(answer);
    }
    let user = accounts::create(app, &caller.actor(), new, http::mark(request)).await?;
    let response = Response::builder()
        .status(StatusCode::CREATED)
        .header(LOCATION, format!("{BASE_PATH}/users/{}", user.id));
    respond::user(response, &user)
}
