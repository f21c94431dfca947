//! Change notes: what the index of users has to learn of, written in the transaction of the change.
//!
//! A note stays until a merge has put it into a segment. Readers take it along, so a change is found as soon as it is
//! answered.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use errors::Error;
use index::Entry;
use roster::{Timestamp, User, UserId};
use uuid::Uuid;

use super::table::When;
use super::{Item, Key, UserStore};

/// The partition of the notes and of the manifest.
pub(crate) const PARTITION: &str = "Q#0";
const ENTRIES: &str = "entries";
const OBJECT: &str = "object";

/// A change that the index has to learn of.
#[derive(Clone, Debug)]
pub struct Note {
    /// Where the note is.
    pub key: Key,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub content: Noted,
}

/// What a note says.
#[derive(Clone, Debug)]
pub enum Noted {
    /// Entries of users, as [`index::pack`] writes them.
    Entries(Vec<u8>),
    /// The key of an object in the bucket that has them.
    Object(String),
}

impl UserStore {
    /// Returns the action that notes `entries`: a few, because a transaction takes twice its size in write units.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the action cannot be built.
    pub fn noting(&self, entries: &[Entry], doing: &'static str) -> Result<TransactWriteItem, Error> {
        let packed = Blob::new(index::pack(entries));
        self.note(Uuid::now_v7(), ENTRIES, AttributeValue::B(packed), doing)
    }

    /// Returns the action that notes the entries in the object at `key`.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the action cannot be built.
    pub fn noting_object(&self, key: &str, doing: &'static str) -> Result<TransactWriteItem, Error> {
        self.note(Uuid::now_v7(), OBJECT, AttributeValue::S(key.to_owned()), doing)
    }

    /// Returns the action that notes that a user has changed to `user`.
    pub(crate) fn noting_change(&self, user: &User, doing: &'static str) -> Result<TransactWriteItem, Error> {
        // An account of an import may not be counted yet; what the index knows of that stays.
        let is_counted = user.import.is_none();
        self.noting(&[Entry::present(user.clone(), is_counted)], doing)
    }

    /// Returns the action that notes that a user is deleted.
    pub(crate) fn noting_deletion(
        &self,
        id: UserId,
        doing: &'static str,
    ) -> Result<TransactWriteItem, Error> {
        let note = Uuid::now_v7();
        let entry = Entry::deleted(id, written_at(note));
        let packed = Blob::new(index::pack([&entry]));
        self.note(note, ENTRIES, AttributeValue::B(packed), doing)
    }

    fn note(
        &self,
        id: Uuid,
        attribute: &str,
        value: AttributeValue,
        doing: &'static str,
    ) -> Result<TransactWriteItem, Error> {
        let mut item = Key::new(PARTITION, id.simple().to_string()).item();
        item.insert(attribute.to_owned(), value);
        self.table.put(item, When::Always, doing)
    }
}

/// Returns the time in a UUID of version 7.
fn written_at(id: Uuid) -> Timestamp {
    let (seconds, nanos) = id.get_timestamp().map_or((0, 0), |time| time.to_unix());
    let millis = seconds
        .saturating_mul(1000)
        .saturating_add(u64::from(nanos / 1_000_000));
    Timestamp::from_millis(millis)
}

/// Returns the note that `item` is; `None` if it is another item of the partition, or a note of a later version.
pub(crate) fn note(mut item: Item) -> Option<Note> {
    let place = item.get("SK")?.as_s().ok()?.clone();
    let at = written_at(Uuid::try_parse(&place).ok()?);
    let content = match (item.remove(ENTRIES), item.remove(OBJECT)) {
        (Some(AttributeValue::B(entries)), _) => Noted::Entries(entries.into_inner()),
        (_, Some(AttributeValue::S(key))) => Noted::Object(key),
        _ => return None,
    };
    let key = Key::new(PARTITION, place);
    Some(Note { key, at, content })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_when_it_was_written_and_sorts_before_the_manifest() {
        let at = 1_795_423_066_123;
        let time = uuid::Timestamp::from_unix(uuid::NoContext, at / 1000, 123_000_000);
        let id = Uuid::new_v7(time).simple().to_string();

        let mut item = Key::new(PARTITION, id.clone()).item();
        item.insert(OBJECT.to_owned(), AttributeValue::S("key".to_owned()));
        let note = note(item).unwrap();

        assert_eq!(note.at.millis(), at);
        assert!(matches!(note.content, Noted::Object(key) if key == "key"));
        assert!(id.as_str() < super::super::manifest::MANIFEST);
        assert!(super::note(Key::new(PARTITION, "M").item()).is_none());
    }
}
