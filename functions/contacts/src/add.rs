//! Adding contacts: all of a request or none, each address once.

use std::collections::HashMap;

use lambda_http::{Body, Request, Response};
use serde::Serialize;
use serde_json::json;
use shared::http::json::Object;
use shared::http::operation::{Access, Answer, Nothing, Operation, Route, Tag, Verb, add};
use shared::http::query::Query;
use shared::http::{self, Kind, respond};
use shared::roster::{Code, Contact, ContactDraft, ContactId, Given, NewContact, Right, UserId, Violation};
use shared::table::{Batch, ContactStore};
use shared::{App, Error, accounts, by_reference, clock};
use utoipa::ToSchema;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Ref, Type};

use crate::Listing;

/// A sound request.
struct Asked {
    contacts: Vec<NewContact>,
    ignore_duplicates: bool,
}

/// The contacts that were added, in the form of a page, and the outcome for each element.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedContacts)]
pub(super) struct Added<'a> {
    #[serde(flatten)]
    created: Listing<'a>,
    /// One for each element, in order.
    results: Vec<Outcome>,
}

/// The outcome for one element of the request.
#[derive(Serialize, ToSchema)]
#[schema(as = ContactOutcome)]
struct Outcome {
    /// Whether it was added.
    status: Status,
    /// The contact that was made of the element, or that has its address.
    id: ContactId,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ContactOutcomeStatus)]
enum Status {
    Created,
    Duplicate,
}

pub(super) const ADD: Operation<App> = Operation {
    route: Route::new(
        Verb::Post,
        "/users/me/contacts",
        Access::Right(Right::Contacts),
        by_reference!(add_contacts),
    ),
    tag: Tag::Contacts,
    id: "addContacts",
    summary: "Adds contacts, all of them or none",
    describe: |operation| {
        operation
            .about(
                "If one contact is invalid, none is added. With `ignoreDuplicates`, an address that is already among \
                 the caller's contacts, or appears twice in the request, is skipped instead of refused. An owner can \
                 have as many contacts as the deployment allows, 25,000 unless it says otherwise; more are answered \
                 with 409.",
            )
            .schema::<ContactDraft>("NewContact")
            .json::<Nothing>(
                "NewContacts",
                |request| {
                    let contacts = ArrayBuilder::new()
                        .items(Ref::from_schema_name("NewContact"))
                        .min_items(Some(1))
                        .max_items(Some(ContactStore::MAX_BATCH));
                    let ignore = ObjectBuilder::new().schema_type(Type::Boolean).description(Some(
                        "Whether to skip duplicates; otherwise one duplicate refuses the whole request",
                    ));
                    add(request, "contacts", contacts);
                    add(request, "ignoreDuplicates", ignore);
                    request.required = vec!["contacts".to_owned(), "ignoreDuplicates".to_owned()];
                },
                json!({ "contacts": [{ "email": "grace@example.org" }], "ignoreDuplicates": true }),
            )
            .answers(
                200,
                Answer::json::<Added>("The contacts that were made, and the outcome for each element"),
            )
            .fails(&[&Kind::CONFLICT])
    },
};

async fn add_contacts(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let caller = http::caller(app, request).await?;
    let owner = caller.user.id;
    Query::of(request).finish()?;
    let Asked {
        contacts,
        ignore_duplicates,
    } = read(http::json::object(request)?)?;
    if let Some(answer) = http::answered(request) {
        return Ok(answer);
    }

    if caller.user.import.is_some() {
        let account = app.users.find(owner).await?;
        accounts::use_account(app, account.ok_or(Error::NotFound("the user"))?).await?;
    }
    let (mark, now) = (http::mark(request), clock::now());
    let contacts: Vec<_> = contacts
        .into_iter()
        .enumerate()
        .map(|(place, new)| Contact::new(ContactId::made_by(mark, place), new, now))
        .collect();
    let firsts = firsts(&contacts);
    let held = store(app, owner, &contacts, &firsts, ignore_duplicates).await?;

    let mut created = Vec::new();
    let mut results = Vec::with_capacity(contacts.len());
    for (contact, first) in contacts.iter().zip(&firsts) {
        let stored = held.get(first).unwrap_or(&contacts[*first]);
        let status = if stored.id == contact.id {
            created.push(stored);
            Status::Created
        } else {
            Status::Duplicate
        };
        results.push(Outcome {
            status,
            id: stored.id,
        });
    }
    let count = created.len() as u64;
    respond::ok(&Added {
        created: Listing::new(created, count, 0),
        results,
    })
}

/// Reads the whole body, and tells every fault of every element.
fn read(mut body: Object) -> Result<Asked, Error> {
    let mut faults = Vec::new();
    let mut contacts = Vec::new();
    match body.take_objects("contacts") {
        Err(fault) => faults.push(fault),
        Ok(elements) if !(1..=ContactStore::MAX_BATCH).contains(&elements.len()) => {
            let detail = format!("must have 1 to {} elements", ContactStore::MAX_BATCH);
            faults.push(Violation::new("contacts", Code::OutOfRange, detail));
        }
        Ok(elements) => {
            for (place, element) in elements.into_iter().enumerate() {
                match element.map(read_contact) {
                    Err(fault) => faults.push(fault),
                    Ok(Err(of_element)) => {
                        let parent = format!("contacts/{place}");
                        faults.extend(of_element.into_iter().map(|fault| fault.below(&parent)));
                    }
                    Ok(Ok(contact)) => contacts.push(contact),
                }
            }
        }
    }
    let ignore_duplicates = match body.take("ignoreDuplicates") {
        Given::Flag(flag) => flag,
        given => {
            faults.push(if given.is_missing() {
                Violation::new("ignoreDuplicates", Code::Required, "is required")
            } else {
                Violation::new("ignoreDuplicates", Code::InvalidFormat, "must be true or false")
            });
            false
        }
    };
    faults.extend(body.unknown_members());
    if faults.is_empty() {
        Ok(Asked {
            contacts,
            ignore_duplicates,
        })
    } else {
        Err(Error::Invalid(faults))
    }
}

fn read_contact(mut element: Object) -> Result<NewContact, Vec<Violation>> {
    let draft = ContactDraft {
        email: element.take("email"),
        first_name: element.take("firstName"),
        last_name: element.take("lastName"),
    };
    Violation::unless(element.unknown_members(), draft.parse())
}

/// For each contact, the place of the first one with its address.
fn firsts(contacts: &[Contact]) -> Vec<usize> {
    let mut places = HashMap::with_capacity(contacts.len());
    contacts
        .iter()
        .enumerate()
        .map(|(place, contact)| *places.entry(contact.email.key()).or_insert(place))
        .collect()
}

/// Stores the contacts whose addresses are free, all together. Gives the stored contacts that hold the addresses
/// of the others, by the places of these; an earlier try of this request may have made them.
///
/// The limit of contacts is looked at before the write, not with it: a transaction has no room for one more action
/// than a full batch. So requests that are under way at once may exceed the limit by what they carry.
///
/// # Errors
///
/// [`Error::Conflict`] with every duplicate, unless they are to be ignored, and for more contacts than an owner may
/// have. Nothing is stored then.
async fn store(
    app: &App,
    owner: UserId,
    contacts: &[Contact],
    firsts: &[usize],
    ignore_duplicates: bool,
) -> Result<HashMap<usize, Contact>, Error> {
    let repeats = firsts.iter().enumerate().any(|(place, first)| place != *first);
    if repeats && !ignore_duplicates {
        // Nothing will be stored, and yet every duplicate is to be named.
        let held = holders(app, owner, contacts, firsts).await?;
        return Err(duplicates(contacts, firsts, &held));
    }
    let limit = app.config.contacts_per_owner;
    let present = app.contacts.count(owner).await?;
    let room = usize::try_from(limit.saturating_sub(present)).unwrap_or(usize::MAX);
    let mut held: HashMap<usize, Contact> = HashMap::new();
    let mut looked = false;
    loop {
        let (places, open): (Vec<_>, Vec<_>) = distinct(contacts, firsts)
            .filter(|(place, _)| !held.contains_key(place))
            .unzip();
        if open.is_empty() {
            return Ok(held);
        }
        if open.len() <= room {
            match app.contacts.insert(owner, &open).await? {
                Batch::Stored => return Ok(held),
                // At least one, so there is an end to this.
                Batch::Held(by) => held.extend(by.into_iter().map(|(index, by)| (places[index], by))),
            }
        } else if looked {
            return Err(Error::conflict(format!(
                "you have {present} contacts, and at most {limit} are allowed; delete some of them first"
            )));
        } else {
            // Some addresses may be those of contacts that are counted already, so these need no room.
            held = holders(app, owner, contacts, firsts).await?;
            looked = true;
        }
        let foreign = held.iter().any(|(place, by)| by.id != contacts[*place].id);
        if foreign && !ignore_duplicates {
            return Err(duplicates(contacts, firsts, &held));
        }
    }
}

/// Reads the stored contacts that hold addresses of `contacts`, by the places of these.
async fn holders(
    app: &App,
    owner: UserId,
    contacts: &[Contact],
    firsts: &[usize],
) -> Result<HashMap<usize, Contact>, Error> {
    let emails: Vec<_> = distinct(contacts, firsts)
        .map(|(_, contact)| &contact.email)
        .collect();
    let holders = app.contacts.holders(owner, &emails).await?.into_iter();
    let place = |holder: &Contact| contacts.iter().position(|contact| contact.email == holder.email);
    Ok(holders
        .filter_map(|holder| Some((place(&holder)?, holder)))
        .collect())
}

/// The answer to a request in which some contacts have addresses that stored ones hold, or earlier ones of it.
fn duplicates(contacts: &[Contact], firsts: &[usize], held: &HashMap<usize, Contact>) -> Error {
    let violations = firsts.iter().enumerate().filter_map(|(place, first)| {
        let (code, detail) = if held.contains_key(first) {
            (Code::AlreadyExists, "is already among your contacts".to_owned())
        } else if place != *first {
            (Code::Repeated, format!("stands at contacts/{first} already"))
        } else {
            return None;
        };
        let fault = Violation::new(format!("contacts/{place}/email"), code, detail);
        Some(fault.of_value(contacts[place].email.as_str()))
    });
    Error::Conflict {
        detail: "some of the contacts are duplicates; nothing was stored".into(),
        violations: violations.collect(),
    }
}

/// The contacts whose addresses are not those of earlier ones, with their places.
fn distinct<'a>(contacts: &'a [Contact], firsts: &'a [usize]) -> impl Iterator<Item = (usize, &'a Contact)> {
    contacts
        .iter()
        .enumerate()
        .filter(|(place, _)| firsts[*place] == *place)
}
