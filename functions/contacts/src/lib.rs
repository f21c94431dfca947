//! `/users/me/contacts`: lists, searches and adds the caller's contacts.

mod add;

use lambda_http::{Body, Request, Response};
use serde::Serialize;
use shared::http::operation::{Access, Answer, Operation, Route, Tag, Verb};
use shared::http::page::{LIMIT, OFFSET, SEARCH_TEXT};
use shared::http::query::Query;
use shared::http::respond;
use shared::roster::{Contact, ContactView, Right, UserId};
use shared::{App, Error, by_reference, http, operations};
use utoipa::ToSchema;

operations! { App; LIST, add::ADD }

/// The caller, who may have contacts.
async fn owner(app: &App, request: &Request) -> Result<UserId, Error> {
    let caller = http::caller(app, request).await?;
    Ok(caller.user.id)
}

/// Some of the caller's contacts, in the form of a page.
#[derive(Serialize, ToSchema)]
#[schema(as = ContactPage)]
struct Listing<'a> {
    /// The contacts of this page.
    items: Vec<ContactView<'a>>,
    /// The number of matches in all.
    count: u64,
    /// The number of matches before this page.
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

const LIST: Operation<App> = Operation {
    route: Route::new(
        Verb::Get,
        "/users/me/contacts",
        Access::Right(Right::Contacts),
        by_reference!(list),
    ),
    tag: Tag::Contacts,
    id: "listContacts",
    summary: "Lists and searches the caller's contacts",
    describe: |operation| {
        operation
            .about("Returns one page, in the order of the addresses.")
            .query(&SEARCH_TEXT)
            .query(&LIMIT)
            .query(&OFFSET)
            .answers(200, Answer::json::<Listing>("One page of contacts, by address"))
    },
};

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
