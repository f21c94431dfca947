//! `/users`: lists, searches and adds accounts.

mod cursor;

use lambda_http::http::header::LOCATION;
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, Response};
use shared::auth::{Caller, Right};
use shared::http::page::{DEFAULT_LIMIT, MAX_LIMIT, Page};
use shared::http::query::Query;
use shared::http::{self, BASE_PATH, json, respond};
use shared::models::{Code, Role, Slot, User, UserId, UserView};
use shared::store::{Filter, Listing, Order, SortBy};
use shared::{App, Error, accounts, clock};

use crate::cursor::Cursor;

/// The longest text to search for, in characters: as long as an address.
const MAX_SEARCH: usize = 254;

/// Serves every method of the route.
///
/// # Errors
///
/// What the contract says of each.
pub async fn handle(app: &App, request: Request) -> Result<Response<Body>, Error> {
    match (http::resource(&request), request.method()) {
        ("/users", &Method::GET) => list(app, &request).await,
        ("/users", &Method::POST) => create(app, &request).await,
        ("/users", _) => Err(Error::MethodNotAllowed("GET, POST")),
        _ => Err(Error::NotFound("the path")),
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
            offset: offset + listing.limit,
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
    let limit = query.number("limit", 0..=MAX_LIMIT).unwrap_or(DEFAULT_LIMIT);
    let text = query.text("searchText");
    if let Some(text) = &text
        && (text.is_empty() || text.chars().nth(MAX_SEARCH).is_some())
    {
        let detail = format!("must have 1 to {MAX_SEARCH} characters");
        query.fault("searchText", Code::OutOfRange, detail);
    }
    let role = query.choice("role", &Role::ALL.map(|role| (role.as_str(), role)));
    let enabled = query.flag("enabled");
    let by = query.choice(
        "sortBy",
        &[
            ("email", SortBy::Email),
            ("lastName", SortBy::LastName),
            ("createdAt", SortBy::CreatedAt),
        ],
    );
    let descending = query.choice("orderBy", &[("ASC", false), ("DESC", true)]);
    let mut listing = Listing {
        filter: Filter {
            text,
            role,
            enabled,
            without_admins: caller.require(Right::ManageAdmins).is_err(),
        },
        order: Order {
            by: by.unwrap_or_default(),
            descending: descending.unwrap_or_default(),
        },
        limit,
        ..Listing::default()
    };
    let with_offset = query.has("offset");
    let mut offset = query.number("offset", 0..=u64::from(u32::MAX)).unwrap_or(0);
    listing.skip = offset;
    if let Some(text) = query.text("cursor") {
        match Cursor::read(&text, &listing) {
            Some(_) if with_offset => {
                query.fault("cursor", Code::InvalidFormat, "cannot be given with an offset");
            }
            Some(cursor) => {
                offset = cursor.offset;
                listing.count = listing.filter.narrows().then_some(cursor.count);
                listing.after = Some(cursor.last);
            }
            None => query.fault(
                "cursor",
                Code::InvalidFormat,
                "is none that this listing, with this order and these filters, has given",
            ),
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
    let new = match draft.parse(caller.assignable()) {
        Ok(new) if foreign.is_empty() => new,
        Ok(_) => return Err(Error::Invalid(foreign)),
        Err(faults) if faults.iter().any(|fault| fault.code == Code::ForbiddenRole) => {
            return Err(Error::Forbidden("your roles do not allow you to give this role"));
        }
        Err(faults) => return Err(Error::Invalid([faults, foreign].concat())),
    };

    let mut suffix = [0; 5];
    getrandom::fill(&mut suffix).map_err(|error| Error::internal("make an id", error.to_string()))?;
    let id = UserId::new(Slot::of(new.email()), suffix);
    let user = User::new(id, new, clock::now(), None);
    app.users.insert(&user).await?;
    let response = Response::builder()
        .status(StatusCode::CREATED)
        .header(LOCATION, format!("{BASE_PATH}/users/{id}"));
    respond::user(response, &user)
}
