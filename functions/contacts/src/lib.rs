//! `/users/me/contacts`: lists, searches and adds the caller's contacts.

mod add;
mod operations;

use lambda_http::http::Method;
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use shared::http::page::{LIMIT, OFFSET, SEARCH_TEXT};
use shared::http::query::Query;
use shared::http::respond;
use shared::roster::{Contact, ContactView, Right, UserId};
use shared::{App, Error};
use utoipa::ToSchema;

pub use operations::operations;

/// Serves every method of the route.
///
/// # Errors
///
/// What the contract says of each.
pub async fn handle(app: &App, request: Request) -> Result<Response<Body>, Error> {
    match *request.method() {
        Method::GET => list(app, &request).await,
        Method::POST => add::add(app, &request).await,
        _ => Err(Error::MethodNotAllowed("GET, POST")),
    }
}

/// The caller, who may have contacts.
async fn owner(app: &App, request: &Request) -> Result<UserId, Error> {
    let caller = app.auth.caller(request).await?;
    caller.require(Right::Contacts)?;
    Ok(caller.user.id)
}

/// Some of the caller's contacts, in the form of a page.
#[derive(Serialize, ToSchema)]
#[schema(as = Contacts)]
struct Listing<'a> {
    /// The contacts of this page.
    items: Vec<ContactView<'a>>,
    /// How many match in all.
    count: u64,
    /// How many matches come before this page.
    offset: u64,
}

impl<'a> Listing<'a> {
    fn new(contacts: impl IntoIterator<Item = &'a Contact>, count: u64, offset: u64) -> Self {
        Self {
            items: contacts.into_iter().map(ContactView::from).collect(),
            count,
            offset,
        }
    }
}

async fn list(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let owner = owner(app, request).await?;
    let mut query = Query::of(request);
    let limit = query.number(&LIMIT).unwrap_or_default();
    let offset = query.number(&OFFSET).unwrap_or_default();
    let search = query.text(&SEARCH_TEXT);
    query.finish()?;

    let (contacts, count) = app.contacts.page(owner, search.as_deref(), offset, limit).await?;
    respond::ok(&Listing::new(&contacts, count, offset))
}
