//! Entries as columns: what is looked through and sorted by, close together.
//!
//! An entry is known by its index in the columns. `search` finds the entries that match a filter, `stored` makes bytes of
//! columns and reads them.

mod search;
mod stored;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::OnceLock;

use memchr::{memchr, memchr_iter};
use roster::{AccountType, ImportId, Role, Roles, Slot, Tally, Timestamp, User, UserId, fold};

use crate::query::{Order, Place, SortBy};
use crate::{Entry, State, collation};

/// Between the members that are searched. None of them has one.
const BETWEEN: u8 = b'\n';
/// Before the caller's own reference, which no search for a text looks through.
const REFERENCE: u8 = 1;
/// Ends the text of an entry.
const END: u8 = 0;

/// The bits of an entry's flags. The lowest five are the roles, in the order of [`Role::ALL`] in this version.
mod flag {
    pub(super) const ENABLED: u16 = 1 << 5;
    pub(super) const KIND: u16 = 3 << 6;
    pub(super) const COUNTED: u16 = 1 << 9;
    pub(super) const DELETED: u16 = 1 << 10;
    /// How many different flags there are.
    pub(super) const ALL: usize = 1 << 11;
}

/// Entries of different accounts, sorted by address, as columns.
#[derive(Debug, Default)]
pub struct Columns {
    /// For each entry `address \n address as written \n first name \n last name \x01 reference \0`, folded but for the
    /// reference. The second is empty where it is the first.
    text: Vec<u8>,
    /// Where the text of each ends.
    ends: Vec<u32>,
    flags: Vec<u16>,
    /// The bits of each id that are not its slot.
    suffixes: Vec<[u8; 5]>,
    /// The entries whose slot is not that of their address.
    elsewhere: Vec<(u32, Slot)>,
    /// The versions that are not 0.
    versions: Vec<(u32, u64)>,
    /// When the account was made, or deleted.
    times: Vec<u64>,
    /// The number of the import that made each in `dictionary`, from 1; 0 for none.
    imports: Vec<u32>,
    dictionary: Vec<ImportId>,
    /// The beginning of the collation key of the last name.
    prefixes: Vec<u64>,
    /// The entries in the order of `suffixes`; made when an id is first looked for.
    by_suffix: OnceLock<Vec<u32>>,
}

/// Returns a text of a member without what separates members.
pub(crate) fn pattern(text: &str) -> String {
    text.replace(['\n', '\u{1}', '\0'], "\r")
}

/// Appends the part of a user's text that a search for words looks through.
fn put_text(user: &User, out: &mut Vec<u8>) {
    let key = user.email.key();
    out.extend_from_slice(pattern(key).as_bytes());
    out.push(BETWEEN);
    let written = fold(user.email.as_str());
    if written != key {
        out.extend_from_slice(pattern(&written).as_bytes());
    }
    for name in [&user.profile.first_name, &user.profile.last_name] {
        out.push(BETWEEN);
        if let Some(name) = name {
            out.extend_from_slice(pattern(&fold(name.as_str())).as_bytes());
        }
    }
}

/// Returns what a search for `user` looks through.
pub(crate) fn searched(user: &User) -> Vec<u8> {
    let mut text = Vec::new();
    put_text(user, &mut text);
    text
}

fn flags_of(entry: &Entry) -> u16 {
    let counted = if entry.counted { flag::COUNTED } else { 0 };
    let State::Present(user) = &entry.state else {
        return counted | flag::DELETED;
    };
    let mut flags = counted;
    for (bit, role) in Role::ALL.into_iter().enumerate() {
        flags |= u16::from(user.roles.contains(role)) << bit;
    }
    if user.enabled {
        flags |= flag::ENABLED;
    }
    let known = user.account_type.known();
    let kind = AccountType::ALL.into_iter().position(|kind| Some(&kind) == known);
    flags | kind.map_or(flag::KIND, |kind| (u16::try_from(kind).unwrap_or(3) & 3) << 6)
}

fn roles_of(flags: u16) -> Roles {
    let held = Role::ALL.into_iter().enumerate();
    held.filter(|(bit, _)| flags & (1 << bit) != 0)
        .map(|(_, role)| role)
        .collect()
}

/// Returns `entries` as columns have them: those of one account joined, sorted by address and id.
pub(crate) fn sorted(entries: Vec<Entry>) -> Vec<Entry> {
    let mut by_id: HashMap<UserId, Entry> = HashMap::with_capacity(entries.len());
    for entry in entries {
        let joined = match by_id.remove(&entry.id) {
            Some(known) => known.join(entry),
            None => entry,
        };
        by_id.insert(joined.id, joined);
    }
    let mut entries: Vec<_> = by_id.into_values().collect();
    entries.sort_unstable_by(|one, other| place_of(one).cmp(&place_of(other)));
    entries
}

fn place_of(entry: &Entry) -> (&str, UserId) {
    match &entry.state {
        State::Present(user) => (user.email.key(), entry.id),
        State::Deleted(_) => ("", entry.id),
    }
}

/// Returns an index or an offset as it is kept.
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

impl Columns {
    /// Makes the columns of `entries`, in any order and number.
    #[must_use]
    pub fn of(entries: Vec<Entry>) -> Self {
        Self::of_sorted(&sorted(entries))
    }

    pub(crate) fn of_sorted(entries: &[Entry]) -> Self {
        let mut columns = Self::default();
        let mut known = HashMap::new();
        let mut scratch = Vec::new();
        for entry in entries {
            columns.push(entry, &mut known, &mut scratch);
        }
        columns
    }

    fn push(&mut self, entry: &Entry, known: &mut HashMap<ImportId, u32>, scratch: &mut Vec<u8>) {
        let index = number(self.len());
        let mut slot = None;
        let (mut import, mut prefix) = (0, 0);
        let time = match &entry.state {
            State::Present(user) => {
                put_text(user, &mut self.text);
                let last = user.profile.last_name.as_ref().map(|name| fold(name.as_str()));
                prefix = collation::prefix(&pattern(last.as_deref().unwrap_or_default()), scratch);
                self.text.push(REFERENCE);
                if let Some(reference) = &user.profile.external_user_id {
                    self.text
                        .extend_from_slice(pattern(reference.as_str()).as_bytes());
                }
                slot = Some(Slot::of_key(user.email.key()));
                if user.version != 0 {
                    self.versions.push((index, user.version));
                }
                if let Some((id, _)) = user.import {
                    import = self.import_number(id, known);
                }
                user.created_at
            }
            State::Deleted(at) => *at,
        };
        self.text.push(END);
        self.ends.push(number(self.text.len()));
        self.flags.push(flags_of(entry));
        self.suffixes.push(entry.id.suffix());
        if slot != Some(entry.id.slot()) {
            self.elsewhere.push((index, entry.id.slot()));
        }
        self.times.push(time.millis());
        self.imports.push(import);
        self.prefixes.push(prefix);
    }

    /// Appends the entry `index` of `other`, which sorts behind those that are here, as one that is counted or not.
    pub(crate) fn push_of(
        &mut self,
        other: &Self,
        index: usize,
        is_counted: bool,
        known: &mut HashMap<ImportId, u32>,
    ) {
        let (from, own) = (number(index), number(self.len()));
        self.text.extend_from_slice(other.text(index));
        self.ends.push(number(self.text.len()));
        let counted = if is_counted { flag::COUNTED } else { 0 };
        self.flags.push(other.flags[index] & !flag::COUNTED | counted);
        self.suffixes.push(other.suffixes[index]);
        if let Ok(place) = other.elsewhere.binary_search_by_key(&from, |(index, _)| *index) {
            self.elsewhere.push((own, other.elsewhere[place].1));
        }
        if let Ok(place) = other.versions.binary_search_by_key(&from, |(index, _)| *index) {
            self.versions.push((own, other.versions[place].1));
        }
        self.times.push(other.times[index]);
        let import = other.imports[index]
            .checked_sub(1)
            .map(|number| other.dictionary[number as usize]);
        let import = import.map_or(0, |id| self.import_number(id, known));
        self.imports.push(import);
        self.prefixes.push(other.prefixes[index]);
    }

    /// Returns the number of an import in `dictionary`, to which it is added if `known` does not have it.
    fn import_number(&mut self, id: ImportId, known: &mut HashMap<ImportId, u32>) -> u32 {
        *known.entry(id).or_insert_with(|| {
            self.dictionary.push(id);
            number(self.dictionary.len())
        })
    }

    /// Returns how many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flags.len()
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flags.is_empty()
    }

    pub(crate) fn id(&self, index: usize) -> UserId {
        let elsewhere = self
            .elsewhere
            .binary_search_by_key(&number(index), |(index, _)| *index);
        let slot = match elsewhere {
            Ok(place) => self.elsewhere[place].1,
            Err(_) => Slot::of_key(self.key(index)),
        };
        UserId::of_parts(slot, self.suffixes[index])
    }

    pub(crate) fn version(&self, index: usize) -> u64 {
        let stored = self
            .versions
            .binary_search_by_key(&number(index), |(index, _)| *index);
        stored.map_or(0, |place| self.versions[place].1)
    }

    pub(crate) fn is_counted(&self, index: usize) -> bool {
        self.flags[index] & flag::COUNTED != 0
    }

    pub(crate) fn is_deleted(&self, index: usize) -> bool {
        self.flags[index] & flag::DELETED != 0
    }

    /// Returns when the account was made, or deleted, in milliseconds.
    pub(crate) fn time(&self, index: usize) -> u64 {
        self.times[index]
    }

    /// Returns where the text of an entry begins.
    fn begin(&self, index: usize) -> usize {
        index
            .checked_sub(1)
            .map_or(0, |before| self.ends[before] as usize)
    }

    fn text(&self, index: usize) -> &[u8] {
        &self.text[self.begin(index)..self.ends[index] as usize]
    }

    /// Returns the comparison form of the address.
    pub(crate) fn key(&self, index: usize) -> &str {
        let text = self.text(index);
        let end = memchr(BETWEEN, text).unwrap_or(0);
        str::from_utf8(&text[..end]).unwrap_or_default()
    }

    fn last_name(&self, index: usize) -> &str {
        let text = self.text(index);
        let begin = memchr_iter(BETWEEN, text).nth(2).map_or(0, |last| last + 1);
        let end = memchr(REFERENCE, text).unwrap_or(begin);
        str::from_utf8(text.get(begin..end).unwrap_or_default()).unwrap_or_default()
    }

    /// Returns the index of the entry of `id` that is wanted.
    pub(crate) fn find(&self, id: UserId, is_wanted: impl Fn(usize) -> bool) -> Option<usize> {
        let by_suffix = self.by_suffix.get_or_init(|| {
            let mut pairs: Vec<_> = self.suffixes.iter().zip(0_u32..).collect();
            pairs.sort_unstable();
            pairs.into_iter().map(|(_, index)| index).collect()
        });
        let suffix = id.suffix();
        let from = by_suffix.partition_point(|index| self.suffixes[*index as usize] < suffix);
        by_suffix[from..]
            .iter()
            .map(|index| *index as usize)
            .take_while(|index| self.suffixes[*index] == suffix)
            .find(|index| is_wanted(*index) && self.id(*index) == id)
    }

    /// Returns the deletions since `since`.
    pub fn deletions(&self, since: Timestamp) -> impl Iterator<Item = Entry> {
        (0..self.len())
            .filter(move |index| self.is_deleted(*index) && self.times[*index] >= since.millis())
            .map(|index| Entry::deleted(self.id(index), Timestamp::from_millis(self.times[index])))
    }

    /// Returns whether the entry `index` shows the same as `other` of `columns`.
    pub(crate) fn shows_the_same(&self, index: usize, columns: &Self, other: usize) -> bool {
        self.text(index) == columns.text(other)
            && (self.flags[index] ^ columns.flags[other]) & !flag::COUNTED == 0
            && self.times[index] == columns.times[other]
    }

    /// Returns the place of an entry in `order`.
    pub(crate) fn place(&self, index: usize, order: Order) -> Place {
        let key = match order.by {
            SortBy::Email => String::new(),
            SortBy::LastName => self.last_name(index).to_owned(),
            SortBy::CreatedAt => Timestamp::from_millis(self.times[index]).to_string(),
        };
        Place {
            key,
            email: self.key(index).to_owned(),
            id: self.id(index),
        }
    }

    /// Compares the entry `index` with `other` of `columns` in `order`, which is taken as ascending.
    pub(crate) fn compare(&self, index: usize, columns: &Self, other: usize, order: Order) -> Ordering {
        let first = match order.by {
            SortBy::Email => Ordering::Equal,
            SortBy::LastName => self.prefixes[index]
                .cmp(&columns.prefixes[other])
                .then_with(|| collation::compare(self.last_name(index), columns.last_name(other))),
            SortBy::CreatedAt => self.times[index].cmp(&columns.times[other]),
        };
        first
            .then_with(|| self.key(index).cmp(columns.key(other)))
            .then_with(|| self.id(index).cmp(&columns.id(other)))
    }

    /// Returns columns with one entry, which has the place `place` in `order`.
    pub(crate) fn of_place(place: &Place, order: Order) -> Self {
        let mut columns = Self::default();
        let Place { key, email, id } = place;
        let last = if order.by == SortBy::LastName {
            key.as_str()
        } else {
            ""
        };
        let text = format!("{}\n\n\n{}\u{1}\0", pattern(email), pattern(last));
        columns.prefixes = vec![collation::prefix(&pattern(last), &mut Vec::new())];
        columns.times = vec![key.parse::<Timestamp>().map_or(0, Timestamp::millis)];
        columns.ends = vec![number(text.len())];
        columns.text = text.into_bytes();
        columns.suffixes = vec![id.suffix()];
        columns.elsewhere = vec![(0, id.slot())];
        columns.flags = vec![0];
        columns
    }

    /// Returns the numbers of users among the entries for which `is_listed` holds.
    pub(crate) fn tally(&self, listed: impl Iterator<Item = usize>, without_admins: bool) -> Tally {
        let mut counts = vec![0_i64; flag::ALL];
        for index in listed {
            counts[usize::from(self.flags[index]) % flag::ALL] += 1;
        }
        let mut tally = Tally::default();
        for (flags, count) in (0_u16..).zip(counts) {
            let roles = roles_of(flags);
            if count == 0 || (without_admins && roles.intersects(Roles::ADMIN)) {
                continue;
            }
            let kind = AccountType::ALL.get(usize::from((flags & flag::KIND) >> 6));
            let one = Tally::of(roles, kind.copied(), flags & flag::ENABLED != 0);
            tally += one.times(count);
        }
        tally
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entry::tests::{bytes, entries};

    proptest! {
        #[test]
        fn columns_know_their_entries_also_when_they_were_stored(one in entries(20), other in entries(20)) {
            // As the blocks of a segment: all of one sort before the other.
            let mut all = sorted(one.into_iter().chain(other).collect());
            let whole = Columns::of_sorted(&all);
            let rest = all.split_off(all.len() / 2);
            let mut stored = Columns::default();
            let mut known = HashMap::new();
            for block in [&all, &rest] {
                stored.extend(&Columns::of_sorted(block).encoded(), &mut known).unwrap();
            }
            let all: Vec<_> = all.into_iter().chain(rest).collect();
            for columns in [&whole, &stored] {
                prop_assert_eq!(columns.len(), all.len());
                for (index, entry) in all.iter().enumerate() {
                    prop_assert_eq!(columns.id(index), entry.id);
                    prop_assert_eq!(columns.find(entry.id, |_| true), Some(index));
                    prop_assert_eq!(columns.is_counted(index), entry.counted);
                    prop_assert_eq!(columns.is_deleted(index), matches!(entry.state, State::Deleted(_)));
                    if let State::Present(user) = &entry.state {
                        prop_assert_eq!(columns.version(index), user.version);
                        prop_assert_eq!(columns.key(index), user.email.key());
                        prop_assert_eq!(columns.time(index), user.created_at.millis());
                    }
                }
            }
            prop_assert_eq!(whole.encoded(), stored.encoded());
        }

        #[test]
        fn entries_are_joined_and_sorted(entries in entries(30)) {
            let sorted = sorted(entries.clone());
            prop_assert!(sorted.is_sorted_by(|one, other| place_of(one) < place_of(other)));
            for entry in &sorted {
                let joined = entries.iter().filter(|other| other.id == entry.id).cloned().reduce(Entry::join);
                prop_assert_eq!(bytes(entry), bytes(&joined.unwrap()));
            }
        }

        #[test]
        fn damaged_columns_are_columns_or_invalid(
            entries in entries(6), at: proptest::sample::Index, byte: u8
        ) {
            let mut bytes = Columns::of(entries).encoded();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let mut columns = Columns::default();
            if columns.extend(&bytes, &mut HashMap::new()).is_ok() {
                for index in 0..columns.len() {
                    let _ = (columns.id(index), columns.last_name(index));
                }
            }
        }
    }
}
