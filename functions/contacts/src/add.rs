//! Adding contacts: all of a request or none, each address once.

use std::collections::{HashMap, HashSet};

use lambda_http::{Body, Request, Response};
use serde::Serialize;
use shared::http::json::{self, Object};
use shared::http::query::Query;
use shared::http::respond;
use shared::models::{Code, Contact, ContactDraft, ContactId, Given, NewContact, UserId, Violation};
use shared::store::{Batch, ContactStore};
use shared::{App, Error, clock};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Listing, owner};

/// A sound request.
struct Asked {
    contacts: Vec<NewContact>,
    ignore_duplicates: bool,
}

/// What was made, in the form of a page, and what became of each element.
#[derive(Serialize, ToSchema)]
pub(super) struct Added<'a> {
    #[serde(flatten)]
    created: Listing<'a>,
    /// One for each element, in order.
    results: Vec<Outcome>,
}

/// What became of one element of the request.
#[derive(Serialize, ToSchema)]
#[schema(as = OutcomeOfContact)]
struct Outcome {
    /// Whether it was made.
    status: Status,
    /// The contact that was made of the element, or that has its address.
    id: ContactId,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OutcomeStatus)]
enum Status {
    Created,
    Duplicate,
}

pub(super) async fn add(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let owner = owner(app, request).await?;
    Query::of(request).finish()?;
    let Asked {
        contacts,
        ignore_duplicates,
    } = read(json::object(request)?)?;

    let now = clock::now();
    let contacts: Vec<_> = contacts
        .into_iter()
        .map(|new| Contact::new(ContactId::from_uuid(Uuid::new_v4()), new, now))
        .collect();
    let firsts = firsts(&contacts);
    let known = if ignore_duplicates {
        store_unknown(app, owner, &contacts, &firsts).await?
    } else {
        store_all(app, owner, &contacts, &firsts).await?;
        HashMap::new()
    };

    let created = || {
        let places = firsts.iter().enumerate();
        places
            .filter(|(place, first)| place == *first && !known.contains_key(first))
            .map(|(place, _)| &contacts[place])
    };
    let results = firsts
        .iter()
        .enumerate()
        .map(|(place, first)| match known.get(first) {
            Some(id) => Outcome {
                status: Status::Duplicate,
                id: *id,
            },
            None => Outcome {
                status: if place == *first {
                    Status::Created
                } else {
                    Status::Duplicate
                },
                id: contacts[*first].id,
            },
        })
        .collect();
    respond::ok(&Added {
        created: Listing::new(created(), created().count() as u64, 0),
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

/// Stores all contacts, or none and says which of them are duplicates.
async fn store_all(app: &App, owner: UserId, contacts: &[Contact], firsts: &[usize]) -> Result<(), Error> {
    let repeats = firsts.iter().enumerate().any(|(place, first)| place != *first);
    let held: HashSet<usize> = if repeats {
        // Nothing will be stored, and yet every duplicate is to be named.
        let emails: Vec<_> = distinct(contacts, firsts)
            .map(|(_, contact)| &contact.email)
            .collect();
        let holders = app.contacts.holders(owner, &emails).await?;
        distinct(contacts, firsts)
            .filter(|(_, contact)| holders.iter().any(|holder| holder.email == contact.email))
            .map(|(place, _)| place)
            .collect()
    } else {
        let all: Vec<_> = contacts.iter().collect();
        match app.contacts.insert(owner, &all).await? {
            Batch::Stored => return Ok(()),
            Batch::Held(held) => held.into_iter().map(|(place, _)| place).collect(),
        }
    };
    let violations = firsts.iter().enumerate().filter_map(|(place, first)| {
        let (code, detail) = if held.contains(first) {
            (Code::AlreadyExists, "is already among your contacts".to_owned())
        } else if place != *first {
            (Code::Repeated, format!("stands at contacts/{first} already"))
        } else {
            return None;
        };
        let fault = Violation::new(format!("contacts/{place}/email"), code, detail);
        Some(fault.of_value(contacts[place].email.as_str()))
    });
    Err(Error::Conflict {
        detail: "some of the contacts are duplicates; nothing was stored".into(),
        violations: violations.collect(),
    })
}

/// Stores the contacts whose addresses are not known yet, all together. Gives the places of the others
/// with the ids of the contacts that have their addresses.
async fn store_unknown(
    app: &App,
    owner: UserId,
    contacts: &[Contact],
    firsts: &[usize],
) -> Result<HashMap<usize, ContactId>, Error> {
    let mut known = HashMap::new();
    loop {
        let (places, unknown): (Vec<_>, Vec<_>) = distinct(contacts, firsts)
            .filter(|(place, _)| !known.contains_key(place))
            .unzip();
        if unknown.is_empty() {
            return Ok(known);
        }
        match app.contacts.insert(owner, &unknown).await? {
            Batch::Stored => return Ok(known),
            // At least one, so there is an end to this.
            Batch::Held(held) => known.extend(held.into_iter().map(|(index, id)| (places[index], id))),
        }
    }
}

/// The contacts whose addresses are not those of earlier ones, with their places.
fn distinct<'a>(contacts: &'a [Contact], firsts: &'a [usize]) -> impl Iterator<Item = (usize, &'a Contact)> {
    contacts
        .iter()
        .enumerate()
        .filter(|(place, _)| firsts[*place] == *place)
}
