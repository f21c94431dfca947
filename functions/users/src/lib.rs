//! `/users`: lists, searches and adds accounts.

mod cursor;
mod operations;

use lambda_http::http::header::LOCATION;
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, Response};
use shared::auth::Caller;
use shared::http::page::{self, LIMIT, Page, SEARCH_TEXT};
use shared::http::query::{Choice, Parameter, Query};
use shared::http::{self, BASE_PATH, json, respond};
use shared::roster::{Code, Right, Role, UserView, Violation};
use shared::table::{Filter, Listing, Order, SortBy};
use shared::{App, Error, accounts};

pub use operations::operations;

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
    about: "In which order",
    kind: Choice {
        words: &[
            ("email", SortBy::Email),
            ("lastName", SortBy::LastName),
            ("createdAt", SortBy::CreatedAt),
        ],
        default: Some("email"),
    },
};

/// Whether the order is turned round.
const ORDER_BY: Parameter<Choice<bool>> = Parameter {
    name: "orderBy",
    about: "Which end comes first",
    kind: Choice {
        words: &[("ASC", false), ("DESC", true)],
        default: Some("ASC"),
    },
};

/// Serves every method of the route.
///
/// # Errors
///
/// What the contract says of each.
pub async fn handle(app: &App, request: Request) -> Result<Response<Body>, Error> {
    match *request.method() {
        Method::GET => list(app, &request).await,
        Method::POST => create(app, &request).await,
        _ => Err(Error::MethodNotAllowed("GET, POST")),
    }
}

async fn list(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let caller = app.auth.caller(request).await?;
    caller.require(Right::ManageUsers)?;
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

async fn create(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let caller = app.auth.caller(request).await?;
    caller.require(Right::ManageUsers)?;
    Query::of(request).finish()?;

    let mut body = json::object(request)?;
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
