//! Each user's own contacts, and their end.
//!
//! An owner's contacts lie in a partition of their own, each at the comparison form of its address:
//! no query can reach another's, and no address can be there twice.
//!
//! # When the owner is deleted
//!
//! Contacts may be more than a transaction holds and more than a request has time for, so they go
//! after their owner, in steps:
//!
//! 1. The transaction that deletes the owner also notes the deletion
//!    ([`ContactStore::pending_deletion`]). From then on nobody can see the contacts: a caller's record
//!    is read for every request, and an account made later with the same address has another id.
//! 2. The same request removes the contacts ([`ContactStore::delete_all`]) and may be cut off there.
//! 3. [`ContactStore::finish_deletions`] takes up every deletion once it is [`SETTLED`], removes what
//!    is left, and only then forgets it.
//!
//! The last step is needed even when the second ran to its end: a request of the owner's that read
//! the owner's record just before the deletion may store contacts just after it. To check the record
//! again in the transaction that stores them would take the place of one contact out of a hundred. Such
//! a request ends with its function's run, long before a deletion is settled, so the last step meets
//! everything that was ever stored.

use std::time::Duration;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, DeleteRequest, Put, ReturnValuesOnConditionCheckFailure, Select,
    TransactWriteItem, WriteRequest,
};
use futures::TryStreamExt;
use futures::stream;
use serde::{Deserialize, Serialize};

use super::search;
use super::table::{MAX_TRIES, Refused, failed, from_item, pause, throttled, to_item};
use super::{Item, Key, Table};
use crate::error::Error;
use crate::models::{Code, Contact, ContactId, Email, Name, Timestamp, UserId, Violation};

/// How long after an owner's deletion no request of theirs can still be under way. Functions that
/// store contacts end after seconds.
const SETTLED: Duration = Duration::from_mins(5);
/// The partition of the deletions that are not finished.
const DELETIONS: &str = "D";
/// Deletes of one `BatchWriteItem` call, by its own limit.
const MAX_DELETES: usize = 25;
/// `BatchWriteItem` calls under way at once.
const CALLS: usize = 8;
/// What a contact is made of, without what only a search reads.
const MEMBERS: &str = "ID, email, firstName, lastName, createdAt, modifiedAt, version";
/// The condition of a change: the contact stands as it was read.
const UNCHANGED: &str = "ID = :id AND version = :version";

/// What became of a batch of new contacts: all of it, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch {
    /// All were stored.
    Stored,
    /// None was, because the contacts at these places have addresses that these others hold.
    Held(Vec<(usize, ContactId)>),
}

/// What became of a conditional change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// The change was stored.
    Done,
    /// The contact is not what it was when it was read: read it again.
    Stale,
}

/// What [`ContactStore::finish_deletions`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// Owners whose deletion is finished.
    pub owners: u64,
    /// Contacts that were left of them.
    pub contacts: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContactItem {
    #[serde(rename = "ID")]
    id: ContactId,
    email: Email,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    first_name: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
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

#[derive(Deserialize)]
struct Identified {
    #[serde(rename = "ID")]
    id: ContactId,
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
    let mut item = to_item(ContactItem::from(contact), doing)?;
    item.extend(key(owner, &contact.email).item());
    Ok(item)
}

fn contact(item: Item, doing: &'static str) -> Result<Contact, Error> {
    from_item::<ContactItem>(item, doing).map(Contact::from)
}

fn id_of(item: Item, doing: &'static str) -> Result<ContactId, Error> {
    from_item::<Identified>(item, doing).map(|Identified { id }| id)
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
        for contact in contacts {
            actions.push(self.put_new(stored(owner, contact, doing)?, doing)?);
        }
        let conditions = match self.table.transact(actions, doing).await {
            Ok(()) => return Ok(Batch::Stored),
            Err(Refused::Failed(error)) => return Err(error),
            Err(Refused::Condition(conditions)) => conditions,
        };
        let mut held = Vec::new();
        for (place, (contact, held_by)) in contacts.iter().zip(conditions).enumerate() {
            if let Some(item) = held_by {
                let id = id_of(item, doing)?;
                if id == contact.id {
                    // An earlier try of the same transaction was carried out, and its answer lost.
                    return Ok(Batch::Stored);
                }
                held.push((place, id));
            }
        }
        Ok(Batch::Held(held))
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
    pub async fn find(&self, owner: UserId, id: ContactId) -> Result<Option<Contact>, Error> {
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
            .map(|item| contact(item, doing))
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
    pub async fn replace(&self, owner: UserId, old: &Contact, new: &Contact) -> Result<Changed, Error> {
        let doing = "change a contact";
        let item = stored(owner, new, doing)?;
        let moves = old.email != new.email;
        let actions = if moves {
            vec![
                self.put_new(item.clone(), doing)?,
                self.delete_if_unchanged(owner, old, doing)?,
            ]
        } else {
            let put = Put::builder()
                .table_name(self.table.name())
                .set_item(Some(item.clone()))
                .condition_expression(UNCHANGED)
                .expression_attribute_values(":id", AttributeValue::S(old.id.to_string()))
                .expression_attribute_values(":version", AttributeValue::N(old.version.to_string()))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .build()
                .map_err(|error| Error::internal(doing, error))?;
            vec![TransactWriteItem::builder().put(put).build()]
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
                    Violation::new("email", Code::AlreadyExists, "is already among your contacts")
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
        let actions = vec![self.delete_if_unchanged(owner, old, doing)?];
        match self.table.transact(actions, doing).await {
            Ok(()) => Ok(Changed::Done),
            Err(Refused::Failed(error)) => Err(error),
            Err(Refused::Condition(_)) => Ok(Changed::Stale),
        }
    }

    /// The action by which the transaction that deletes `owner` notes that the contacts have to go.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the action cannot be built.
    pub fn pending_deletion(&self, owner: UserId, now: Timestamp) -> Result<TransactWriteItem, Error> {
        let settled = now.plus(SETTLED);
        let put = Put::builder()
            .table_name(self.table.name())
            .set_item(Some(Key::new(DELETIONS, format!("{settled}#{owner}")).item()))
            .build()
            .map_err(|error| Error::internal("note a deletion", error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Deletes all contacts of an owner who was deleted, and tells how many there were.
    ///
    /// It can be repeated, whether it was cut off or not. The note of the deletion stays: see
    /// [`ContactStore::finish_deletions`].
    ///
    /// # Errors
    ///
    /// If storage fails; some contacts may then be deleted.
    pub async fn delete_all(&self, owner: UserId) -> Result<u64, Error> {
        let doing = "delete the contacts of a user";
        let mut deleted = 0;
        let mut start = None;
        loop {
            let read = self
                .of_owner(owner)
                .projection_expression("PK, SK")
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| failed(doing, error))?;
            let keys = read.items.unwrap_or_default();
            deleted += keys.len() as u64;
            let chunks: Vec<_> = keys.chunks(MAX_DELETES).map(<[Item]>::to_vec).collect();
            stream::iter(chunks.into_iter().map(Ok))
                .try_for_each_concurrent(CALLS, |keys| self.delete_chunk(keys, doing))
                .await?;
            start = read.last_evaluated_key;
            if start.is_none() {
                return Ok(deleted);
            }
        }
    }

    /// Finishes up to `limit` deletions of owners that are settled by `now`, the oldest first.
    ///
    /// # Errors
    ///
    /// If storage fails; the other deletions are finished nevertheless.
    pub async fn finish_deletions(&self, now: Timestamp, limit: u16) -> Result<Finished, Error> {
        let doing = "finish deletions";
        let notes = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            // Times sort as their texts do.
            .key_condition_expression("PK = :deletions AND SK < :now")
            .expression_attribute_values(":deletions", AttributeValue::S(DELETIONS.to_owned()))
            .expression_attribute_values(":now", AttributeValue::S(now.to_string()))
            .consistent_read(true)
            .limit(limit.into())
            .send()
            .await
            .map_err(|error| failed(doing, error))?;
        let mut finished = Finished::default();
        let mut failure = None;
        for note in notes.items.unwrap_or_default() {
            match self.finish_deletion(note, doing).await {
                Ok(contacts) => {
                    finished.owners += 1;
                    finished.contacts += contacts;
                }
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(finished), Err)
    }

    async fn finish_deletion(&self, note: Item, doing: &'static str) -> Result<u64, Error> {
        let owner = note
            .get("SK")
            .and_then(|place| place.as_s().ok()?.split_once('#')?.1.parse().ok())
            .ok_or_else(|| Error::internal(doing, "a deletion without an owner"))?;
        let contacts = self.delete_all(owner).await?;
        self.table
            .client()
            .delete_item()
            .table_name(self.table.name())
            .set_key(Some(note))
            .send()
            .await
            .map_err(|error| failed(doing, error))?;
        Ok(contacts)
    }

    /// Deletes the items at up to [`MAX_DELETES`] keys.
    async fn delete_chunk(&self, keys: Vec<Item>, doing: &'static str) -> Result<(), Error> {
        let mut open = Vec::with_capacity(keys.len());
        for key in keys {
            let delete = DeleteRequest::builder()
                .set_key(Some(key))
                .build()
                .map_err(|error| Error::internal(doing, error))?;
            open.push(WriteRequest::builder().delete_request(delete).build());
        }
        for attempt in 1..=MAX_TRIES {
            let written = self
                .table
                .client()
                .batch_write_item()
                .request_items(self.table.name(), open)
                .send()
                .await
                .map_err(|error| failed(doing, error))?;
            open = written
                .unprocessed_items
                .and_then(|mut tables| tables.remove(self.table.name()))
                .unwrap_or_default();
            if open.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(pause(attempt)).await;
        }
        Err(throttled(doing))
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

    /// Puts an item where none is.
    fn put_new(&self, item: Item, doing: &'static str) -> Result<TransactWriteItem, Error> {
        let put = Put::builder()
            .table_name(self.table.name())
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(PK)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|error| Error::internal(doing, error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn delete_if_unchanged(
        &self,
        owner: UserId,
        old: &Contact,
        doing: &'static str,
    ) -> Result<TransactWriteItem, Error> {
        let delete = Delete::builder()
            .table_name(self.table.name())
            .set_key(Some(key(owner, &old.email).item()))
            .condition_expression(UNCHANGED)
            .expression_attribute_values(":id", AttributeValue::S(old.id.to_string()))
            .expression_attribute_values(":version", AttributeValue::N(old.version.to_string()))
            .build()
            .map_err(|error| Error::internal(doing, error))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}
