//! Each user's own contacts, and their end.
//!
//! An owner's contacts lie in a partition of their own, each at the comparison form of its address:
//! no query can reach another's, and no address can be there twice.

mod deletion;

use std::ops::Deref;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use errors::{Error, failed};
use roster::{Code, Contact, ContactId, Email, Member, Name, Timestamp, UserId, Violation};
use serde::{Deserialize, Serialize};

use super::table::{Refused, When, from_item, from_item_and_rest, to_item};
use super::{Item, Key, Table, search};

pub use deletion::Finished;

/// What a contact is made of, without what only a search reads.
const MEMBERS: &str = "ID, email, firstName, lastName, createdAt, modifiedAt, version";

/// A contact as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredContact {
    contact: Contact,
    /// The attributes that a later version of the service has added. They stay whatever is changed.
    later: Item,
}

impl Deref for StoredContact {
    type Target = Contact;

    fn deref(&self) -> &Contact {
        &self.contact
    }
}

/// What became of a batch of new contacts: all of it, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch {
    /// All were stored.
    Stored,
    /// None was, because the contacts at these places have addresses that these stored ones hold.
    Held(Vec<(usize, Contact)>),
}

/// What became of a conditional change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// The change was stored.
    Done,
    /// The contact is not what it was when it was read: read it again.
    Stale,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContactItem {
    #[serde(rename = "ID")]
    id: ContactId,
    email: Email,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<Name>,
    created_at: u64,
    modified_at: u64,
    version: u64,
    /// See [`search::index`]. Not read with a page.
    #[serde(skip_deserializing)]
    search: String,
}

impl From<&Contact> for ContactItem {
    fn from(contact: &Contact) -> Self {
        let Contact {
            id,
            email,
            first_name,
            last_name,
            created_at,
            modified_at,
            version,
        } = contact.clone();
        Self {
            search: search::index(&email, [first_name.as_ref(), last_name.as_ref()]),
            id,
            email,
            first_name,
            last_name,
            created_at: created_at.millis(),
            modified_at: modified_at.millis(),
            version,
        }
    }
}

impl From<ContactItem> for Contact {
    fn from(item: ContactItem) -> Self {
        let ContactItem {
            id,
            email,
            first_name,
            last_name,
            created_at,
            modified_at,
            version,
            search: _,
        } = item;
        Self {
            id,
            email,
            first_name,
            last_name,
            created_at: Timestamp::from_millis(created_at),
            modified_at: Timestamp::from_millis(modified_at),
            version,
        }
    }
}

/// The partition of an owner's contacts.
fn partition(owner: UserId) -> String {
    format!("C#{owner}")
}

/// Where the owner's contact with an address is kept.
fn key(owner: UserId, email: &Email) -> Key {
    Key::new(partition(owner), email.key())
}

/// The contact as its item.
fn stored(owner: UserId, contact: &Contact, doing: &'static str) -> Result<Item, Error> {
    to_item(key(owner, &contact.email), ContactItem::from(contact), doing)
}

fn contact(item: Item, doing: &'static str) -> Result<Contact, Error> {
    from_item::<ContactItem>(item, doing).map(Contact::from)
}

/// The contacts of all users. Every method takes the owner and reaches nobody else's.
#[derive(Clone, Debug)]
pub struct ContactStore {
    table: Table,
}

impl ContactStore {
    /// The most contacts of one [`ContactStore::insert`], by the limit of a transaction.
    pub const MAX_BATCH: usize = 100;

    /// The contacts kept in `table`.
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Stores 1 to [`ContactStore::MAX_BATCH`] new contacts with different addresses, all or none, in
    /// one call.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn insert(&self, owner: UserId, contacts: &[&Contact]) -> Result<Batch, Error> {
        let doing = "store contacts";
        let mut actions = Vec::with_capacity(contacts.len());
        for new in contacts {
            let item = stored(owner, new, doing)?;
            actions.push(self.table.put(item, When::Free, doing)?);
        }
        let conditions = match self.table.transact(actions, doing).await {
            Ok(()) => return Ok(Batch::Stored),
            Err(Refused::Failed(error)) => return Err(error),
            Err(Refused::Condition(conditions)) => conditions,
        };
        let mut held = Vec::new();
        for (place, held_by) in conditions.into_iter().enumerate() {
            if let Some(item) = held_by {
                held.push((place, contact(item, doing)?));
            }
        }
        Ok(Batch::Held(held))
    }

    /// Returns how many contacts the owner has.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn count(&self, owner: UserId) -> Result<u64, Error> {
        let doing = "count contacts";
        let mut pages = self.of_owner(owner).select(Select::Count).into_paginator().send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed(doing, error))?;
            count += u64::try_from(page.count).unwrap_or_default();
        }
        Ok(count)
    }

    /// The contacts that hold some of `emails`, at most 100, in no particular order.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn holders(&self, owner: UserId, emails: &[&Email]) -> Result<Vec<Contact>, Error> {
        let doing = "read who holds an address";
        let keys: Vec<_> = emails.iter().map(|email| key(owner, email)).collect();
        let items = self.table.batch_get(keys, doing).await?;
        items.into_iter().map(|item| contact(item, doing)).collect()
    }

    /// The owner's contact with the id `id`, read consistently.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn find(&self, owner: UserId, id: ContactId) -> Result<Option<StoredContact>, Error> {
        let doing = "read a contact";
        let read = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .index_name("by-id")
            .key_condition_expression("PK = :owner AND ID = :id")
            .expression_attribute_values(":owner", AttributeValue::S(partition(owner)))
            .expression_attribute_values(":id", AttributeValue::S(id.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| failed(doing, error))?;
        read.items
            .and_then(|mut items| items.pop())
            .map(|item| {
                let (known, later) = from_item_and_rest::<ContactItem>(item, doing)?;
                let contact = known.into();
                Ok(StoredContact { contact, later })
            })
            .transpose()
    }

    /// The matches of a search, or all of the owner's contacts without one, from number `offset` on, at
    /// most `limit`, by address; and how many match in all.
    ///
    /// One pass over the owner's contacts in which only the page's travel; the rest is counted in
    /// place. A search needs those before the page as well, because only storage knows which match.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn page(
        &self,
        owner: UserId,
        search: Option<&str>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<Contact>, u64), Error> {
        let doing = "list contacts";
        let pattern = search.filter(|text| !text.is_empty()).map(search::pattern);
        let mut page = Vec::new();
        let mut matches = 0_u64;
        let mut start = None;
        loop {
            let skip = offset.saturating_sub(matches);
            let open = limit - page.len() as u64;
            let mut query = self.of_owner(owner).set_exclusive_start_key(start);
            // Storage counts what it reads towards a limit, not what matches.
            let (wanted, most) = match &pattern {
                Some(pattern) => {
                    query = query
                        .filter_expression("contains(#search, :pattern)")
                        .expression_attribute_names("#search", "search")
                        .expression_attribute_values(":pattern", AttributeValue::S(pattern.clone()));
                    (open > 0, None)
                }
                None if open > 0 && skip > 0 => (false, Some(skip)),
                None => (open > 0, Some(open).filter(|open| *open > 0)),
            };
            query = if wanted {
                query.projection_expression(MEMBERS)
            } else {
                query.select(Select::Count)
            };
            let read = query
                .set_limit(most.map(|most| i32::try_from(most).unwrap_or(i32::MAX)))
                .send()
                .await
                .map_err(|error| failed(doing, error))?;

            matches += u64::try_from(read.count).unwrap_or_default();
            let found = read.items.unwrap_or_default().into_iter();
            let of_page = found
                .skip(usize::try_from(skip).unwrap_or(usize::MAX))
                .take(usize::try_from(open).unwrap_or(usize::MAX));
            for item in of_page {
                page.push(contact(item, doing)?);
            }
            start = read.last_evaluated_key;
            if start.is_none() {
                return Ok((page, matches));
            }
        }
    }

    /// Stores `new` in the place of `old`, which must still be what is stored. If the address changes,
    /// the contact moves in one transaction.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] if another of the owner's contacts holds the new address.
    pub async fn replace(&self, owner: UserId, old: &StoredContact, new: &Contact) -> Result<Changed, Error> {
        let doing = "change a contact";
        let mut item = old.later.clone();
        item.extend(stored(owner, new, doing)?);
        let moves = old.email != new.email;
        let actions = if moves {
            let old_key = key(owner, &old.email);
            vec![
                self.table.put(item.clone(), When::Free, doing)?,
                self.table.delete(old_key, unchanged(old), doing)?,
            ]
        } else {
            vec![self.table.put(item.clone(), unchanged(old), doing)?]
        };
        let conditions = match self.table.transact(actions, doing).await {
            Ok(()) => return Ok(Changed::Done),
            Err(Refused::Failed(error)) => return Err(error),
            Err(Refused::Condition(conditions)) => conditions,
        };
        let refused = |action: usize| conditions.get(action).and_then(Option::as_ref);
        if refused(0) == Some(&item) {
            // An earlier try of the same transaction was carried out, and its answer lost.
            return Ok(Changed::Done);
        }
        if moves && refused(1).is_none() {
            return Err(Error::Conflict {
                detail: "another of your contacts has the address".into(),
                violations: vec![
                    Violation::new(
                        Member::Email,
                        Code::AlreadyExists,
                        "is already among your contacts",
                    )
                    .of_value(new.email.as_str()),
                ],
            });
        }
        Ok(Changed::Stale)
    }

    /// Deletes `old`, which must still be what is stored.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn delete(&self, owner: UserId, old: &Contact) -> Result<Changed, Error> {
        let doing = "delete a contact";
        let actions = vec![self.table.delete(key(owner, &old.email), unchanged(old), doing)?];
        match self.table.transact(actions, doing).await {
            Ok(()) => Ok(Changed::Done),
            Err(Refused::Failed(error)) => Err(error),
            Err(Refused::Condition(_)) => Ok(Changed::Stale),
        }
    }

    /// A consistent query of an owner's contacts, by address.
    fn of_owner(&self, owner: UserId) -> QueryFluentBuilder {
        self.table
            .client()
            .query()
            .table_name(self.table.name())
            .key_condition_expression("PK = :owner")
            .expression_attribute_values(":owner", AttributeValue::S(partition(owner)))
            .consistent_read(true)
    }
}

/// When the stored contact is still `contact`.
fn unchanged(contact: &Contact) -> When {
    When::Unchanged("ID", contact.id.to_string(), contact.version)
}
