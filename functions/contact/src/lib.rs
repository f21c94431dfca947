//! `/users/me/contacts/{contactId}`: one of the caller's contacts.

use lambda_http::http::header::ETAG;
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use serde_json::json;
use shared::http::json::Object;
use shared::http::operation::{Access, Answer, Operation, Route, Tag, Verb, add_read_only};
use shared::http::query::Query;
use shared::http::{self, Kind, etag, respond};
use shared::roster::{Contact, ContactDraft, ContactId, ContactPatch, ContactView, Right, UserId, Violation};
use shared::table::{Changed, StoredContact};
use shared::{App, Error, by_reference, clock, operations};
use utoipa::ToSchema;

/// The members that the service gives.
const READ_ONLY: [&str; 3] = ["id", "createdAt", "modifiedAt"];

operations! { App; READ, CHANGE, DELETE }

const PATH: &str = "/users/me/contacts/{contactId}";

/// The caller, who may have contacts, and the contact that the path names.
async fn named(app: &App, request: &Request) -> Result<(UserId, StoredContact), Error> {
    let caller = http::caller(app, request).await?;
    let owner = caller.user.id;
    let id = http::path_id(request, "contactId", WHAT)?;
    let contact = find(app, owner, id).await?;
    Query::of(request).finish()?;
    Ok((owner, contact))
}

/// What a contact that is not there is called, whether it never was or is another's.
const WHAT: &str = "the contact";

async fn find(app: &App, owner: UserId, id: ContactId) -> Result<StoredContact, Error> {
    app.contacts.find(owner, id).await?.ok_or(Error::NotFound(WHAT))
}

fn answer(contact: &Contact) -> Result<Response<Body>, Error> {
    respond::json(
        Response::builder().header(ETAG, etag::of(contact.version)),
        &ContactView::from(contact),
    )
}

/// Describes a contact as an answer.
fn contact() -> Answer {
    Answer::json::<ContactView>("The contact").header("ETag", "The contact's entity tag, for `If-Match`")
}

const READ: Operation<App> = Operation {
    route: Route::new(
        Verb::Get,
        PATH,
        Access::Right(Right::Contacts),
        by_reference!(read),
    ),
    tag: Tag::Contacts,
    id: "readContact",
    summary: "Reads a contact",
    describe: |operation| {
        operation
            .about("Returns one contact of the caller. The contacts of others are not found.")
            .answers(200, contact())
    },
};

async fn read(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let (_, contact) = named(app, request).await?;
    answer(&contact)
}

const CHANGE: Operation<App> = Operation {
    route: Route::new(
        Verb::Put,
        PATH,
        Access::Right(Right::Contacts),
        by_reference!(change),
    ),
    tag: Tag::Contacts,
    id: "changeContact",
    summary: "Changes a contact",
    describe: |operation| {
        operation
            .about("Names that you leave out stay as they are, and `null` removes a name.")
            .if_match()
            .json::<ContactDraft>(
                "ContactChange",
                |contact| add_read_only::<ContactView>(contact, &READ_ONLY),
                json!({ "email": "grace@example.org", "lastName": null }),
            )
            .answers(200, contact())
            .fails(&[&Kind::CONFLICT])
    },
};

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
    Violation::unless(foreign, draft.parse_patch(contact)).map_err(Error::Invalid)
}

/// What was deleted.
#[derive(Serialize, ToSchema)]
#[schema(as = DeletedContact, example = json!({ "id": "8f3f0f2c5a2e4c1e9a531f0a0f2f4d6b" }))]
struct Deleted {
    /// The id of the deleted contact.
    id: ContactId,
}

const DELETE: Operation<App> = Operation {
    route: Route::new(
        Verb::Delete,
        PATH,
        Access::Right(Right::Contacts),
        by_reference!(delete),
    ),
    tag: Tag::Contacts,
    id: "deleteContact",
    summary: "Deletes a contact",
    describe: |operation| {
        operation
            .about("The contact is removed at once and permanently.")
            .if_match()
            .answers(200, Answer::json::<Deleted>("What was deleted"))
    },
};

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
