//! `/users/me/contacts/{contactId}`: one of the caller's contacts.

mod operations;

use lambda_http::http::Method;
use lambda_http::http::header::ETAG;
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use shared::http::json::Object;
use shared::http::query::Query;
use shared::http::{self, etag, respond};
use shared::roster::{Contact, ContactDraft, ContactId, ContactPatch, ContactView, Right, UserId, Violation};
use shared::table::Changed;
use shared::{App, Error, clock};
use utoipa::ToSchema;

pub use operations::operations;

/// The members that the service gives.
const READ_ONLY: [&str; 3] = ["id", "createdAt", "modifiedAt"];

/// Serves every method of the route.
///
/// # Errors
///
/// What the contract says of each.
pub async fn handle(app: &App, request: Request) -> Result<Response<Body>, Error> {
    match *request.method() {
        Method::GET => read(app, &request).await,
        Method::PUT => change(app, &request).await,
        Method::DELETE => delete(app, &request).await,
        _ => Err(Error::MethodNotAllowed("GET, PUT, DELETE")),
    }
}

/// The caller, who may have contacts, and the contact that the path names.
async fn named(app: &App, request: &Request) -> Result<(UserId, Contact), Error> {
    let caller = app.auth.caller(request).await?;
    caller.require(Right::Contacts)?;
    let owner = caller.user.id;
    let id = http::path_id(request, "contactId", WHAT)?;
    let contact = find(app, owner, id).await?;
    Query::of(request).finish()?;
    Ok((owner, contact))
}

/// What a contact that is not there is called, whether it never was or is another's.
const WHAT: &str = "the contact";

async fn find(app: &App, owner: UserId, id: ContactId) -> Result<Contact, Error> {
    app.contacts.find(owner, id).await?.ok_or(Error::NotFound(WHAT))
}

fn answer(contact: &Contact) -> Result<Response<Body>, Error> {
    respond::json(
        Response::builder().header(ETAG, etag::of(contact.version)),
        &ContactView::from(contact),
    )
}

async fn read(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let (_, contact) = named(app, request).await?;
    answer(&contact)
}

async fn change(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let (owner, mut contact) = named(app, request).await?;
    let body = http::json::object(request)?;
    let mut tries = app.config.limits.tries("change a contact");
    loop {
        let patch = patch(body.clone(), &contact)?;
        etag::check(request, contact.version)?;
        let changed = contact.patched(patch, clock::now());
        if changed.version == contact.version {
            return answer(&contact);
        }
        match app.contacts.replace(owner, &contact, &changed).await? {
            Changed::Done => return answer(&changed),
            Changed::Stale => {
                tries.again().await?;
                contact = find(app, owner, contact.id).await?;
            }
        }
    }
}

/// The change that `body` asks for. Members that only the service gives may be there with the value
/// that they have.
fn patch(mut body: Object, contact: &Contact) -> Result<ContactPatch, Error> {
    let draft = ContactDraft {
        email: body.take("email"),
        first_name: body.take("firstName"),
        last_name: body.take("lastName"),
    };
    let foreign = body.foreign_members(&READ_ONLY, &ContactView::from(contact))?;
    Violation::unless(foreign, draft.parse_patch()).map_err(Error::Invalid)
}

/// What a deletion took away.
#[derive(Serialize, ToSchema)]
#[schema(as = DeletedContact, example = json!({ "id": "8f3f0f2c5a2e4c1e9a531f0a0f2f4d6b" }))]
struct Deleted {
    /// The contact that is gone.
    id: ContactId,
}

async fn delete(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let (owner, mut contact) = named(app, request).await?;
    let mut tries = app.config.limits.tries("delete a contact");
    loop {
        etag::check(request, contact.version)?;
        match app.contacts.delete(owner, &contact).await? {
            Changed::Done => return respond::ok(&Deleted { id: contact.id }),
            Changed::Stale => {
                tries.again().await?;
                contact = find(app, owner, contact.id).await?;
            }
        }
    }
}
