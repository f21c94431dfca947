//! What several sets of entries say together.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use roster::{Tally, Timestamp, UserId};

use crate::bits::Bits;
use crate::bytes::Invalid;
use crate::columns::{self, Columns};
use crate::query::{Filter, Order, Place, SortBy};
use crate::segment::{Segment, Writer};
use crate::{Entry, State};

/// Entries beyond which parts are not put together: copying them would take longer than looking into one more.
const LARGE: usize = if cfg!(test) { 40 } else { 500_000 };

/// One page that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Which users.
    pub filter: Filter,
    /// In which order.
    pub order: Order,
    /// Where the page before ended.
    pub after: Option<Place>,
    /// How many users to pass over from there.
    pub skip: u64,
    /// How many users to give.
    pub limit: u64,
}

impl Wanted {
    /// Returns whether it is the first page by address of all users.
    #[must_use]
    pub fn is_beginning(&self) -> bool {
        let beginning = Self {
            limit: self.limit,
            ..Self::default()
        };
        self.limit > 0 && *self == beginning
    }
}

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The users, in order.
    pub ids: Vec<UserId>,
    /// How many users match in all.
    pub count: u64,
    /// Where the page ends, if more follow.
    pub last: Option<Place>,
}

/// What several sets of entries say together. Cheap to extend: what was read is shared.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    parts: Vec<Part>,
}

/// One set of entries, and which of them count beside the others.
#[derive(Clone, Debug)]
struct Part {
    columns: Arc<Columns>,
    /// The entries that no other part knows better.
    best: Bits,
    /// Those of them that are counted and not deleted.
    listed: Bits,
}

/// An entry in a part.
type Spot = (u32, u32);

impl Snapshot {
    /// Returns the snapshot together with further entries. It is quickest if the largest set comes first.
    #[must_use]
    pub fn with(&self, columns: Arc<Columns>) -> Self {
        let mut parts = self.parts.clone();
        let mut added = Part::new(columns);
        if !parts.is_empty() {
            for index in 0..added.columns.len() {
                let id = added.columns.id(index);
                let known = parts.iter_mut().find_map(|part| {
                    let index = part.columns.find(id, |index| part.best.get(index))?;
                    Some((part, index))
                });
                if let Some((part, known)) = known {
                    added.meet(index, part, known);
                }
            }
        }
        parts.push(added);
        Self { parts }
    }

    /// Returns the same in fewer parts: small ones at the end are put together as long as the one before is not much
    /// larger.
    ///
    /// Each further set of entries is looked up in all parts, so without that a thousand of them take minutes.
    #[must_use]
    pub fn compacted(mut self) -> Self {
        while let [.., one, other] = self.parts.as_slice() {
            let (one_len, other_len) = (one.columns.len(), other.columns.len());
            if one_len > 2 * other_len || one_len + other_len > LARGE {
                break;
            }
            let joined = one.joined(other);
            self.parts.truncate(self.parts.len() - 2);
            self.parts.push(joined);
        }
        self
    }

    /// Returns how many users are listed.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.parts.iter().map(|part| part.listed.count()).sum()
    }

    /// Returns how many users are listed in one of two snapshots only, or shown otherwise in the other.
    #[must_use]
    pub fn differences(&self, other: &Self) -> u64 {
        let mut alike = 0;
        let mut changed = 0;
        for part in &self.parts {
            for index in part.listed.iter() {
                let id = part.columns.id(index);
                let found = other.parts.iter().find_map(|part| {
                    let index = part.columns.find(id, |index| part.listed.get(index))?;
                    Some((part, index))
                });
                match found {
                    Some((found, at)) if part.columns.shows_the_same(index, &found.columns, at) => alike += 1,
                    Some(_) => changed += 1,
                    None => {}
                }
            }
        }
        changed + (self.count() - alike - changed) + (other.count() - alike - changed)
    }

    /// Returns the numbers of users who are listed; of those without an admin role, if that is asked for.
    #[must_use]
    pub fn tally(&self, without_admins: bool) -> Tally {
        self.parts.iter().fold(Tally::default(), |tally, part| {
            tally + part.columns.tally(part.listed.iter(), without_admins)
        })
    }

    /// Returns the page that is wanted.
    #[must_use]
    pub fn find(&self, wanted: &Wanted) -> Found {
        let order = wanted.order;
        let after = wanted.after.as_ref().map(|place| Columns::of_place(place, order));
        let limit = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
        let skip = usize::try_from(wanted.skip).unwrap_or(usize::MAX);
        // One more than the page, to see whether more follow.
        let most = if limit == 0 {
            0
        } else {
            skip.saturating_add(limit).saturating_add(1)
        };
        let mut count = 0;
        let mut first = First::new(self, order, most);
        for (part, number) in self.parts.iter().zip(0_u32..) {
            first.begin_part();
            part.columns.visit(
                &wanted.filter,
                |index| part.listed.get(index),
                |index| {
                    count += 1;
                    let follows = after.as_ref().is_none_or(|after| {
                        let compared = part.columns.compare(index, after, 0, order);
                        if order.descending {
                            compared.is_lt()
                        } else {
                            compared.is_gt()
                        }
                    });
                    if most > 0 && follows {
                        first.push((number, u32::try_from(index).unwrap_or(u32::MAX)));
                    }
                },
            );
        }
        let spots = first.finish();
        let page: Vec<_> = spots.iter().skip(skip).copied().collect();
        let more = page.len() > limit;
        let last = page.get(limit.wrapping_sub(1)).filter(|_| more);
        Found {
            ids: page.iter().take(limit).map(|spot| self.id(*spot)).collect(),
            count,
            last: last.map(|(part, index)| self.parts[*part as usize].columns.place(*index as usize, order)),
        }
    }

    fn id(&self, (part, index): Spot) -> UserId {
        self.parts[part as usize].columns.id(index as usize)
    }

    fn compare(&self, one: Spot, other: Spot, order: Order) -> Ordering {
        let columns = |(part, _): Spot| &self.parts[part as usize].columns;
        let compared = columns(one).compare(one.1 as usize, columns(other), other.1 as usize, order);
        if order.descending {
            compared.reverse()
        } else {
            compared
        }
    }
}

impl Part {
    /// Returns a set of entries as a part of its own.
    fn new(columns: Arc<Columns>) -> Self {
        let count = columns.len();
        Self {
            best: Bits::of(count, |_| true),
            listed: Bits::of(count, |index| {
                columns.is_counted(index) && !columns.is_deleted(index)
            }),
            columns,
        }
    }

    /// Returns what two parts of a snapshot say together. Entries that another part knows better are left out.
    fn joined(&self, other: &Self) -> Self {
        let mut columns = Columns::default();
        let mut known = HashMap::new();
        let mut push = |part: &Self, index: usize| {
            // What was counted by a worse entry is so by this one.
            let is_counted = part.columns.is_counted(index) || part.listed.get(index);
            columns.push_of(&part.columns, index, is_counted, &mut known);
        };
        let mut ones = self.best.iter().peekable();
        let mut others = other.best.iter().peekable();
        while let (Some(&one), Some(&its)) = (ones.peek(), others.peek()) {
            if self
                .columns
                .compare(one, &other.columns, its, Order::default())
                .is_lt()
            {
                push(self, one);
                ones.next();
            } else {
                push(other, its);
                others.next();
            }
        }
        ones.for_each(|index| push(self, index));
        others.for_each(|index| push(other, index));
        Self::new(Arc::new(columns))
    }

    /// Joins the entry `index` with that of the same account in `other`: one of them is the best from now on.
    fn meet(&mut self, index: usize, other: &mut Self, known: usize) {
        let rank = |part: &Self, index: usize| {
            if part.columns.is_deleted(index) {
                (true, part.columns.time(index))
            } else {
                (false, part.columns.version(index))
            }
        };
        // Two records with one version are alike.
        let wins = rank(self, index) > rank(other, known);
        let counted =
            self.columns.is_counted(index) || other.listed.get(known) || other.columns.is_counted(known);
        let (best, best_index, worse, worse_index) = if wins {
            (&mut *self, index, other, known)
        } else {
            (other, known, &mut *self, index)
        };
        worse.best.set(worse_index, false);
        worse.listed.set(worse_index, false);
        best.best.set(best_index, true);
        let listed = counted && !best.columns.is_deleted(best_index);
        best.listed.set(best_index, listed);
    }
}

/// What several sets of entries say together of the first users by address, where only the beginning of some is known.
#[derive(Clone, Debug, Default)]
pub struct Beginning {
    snapshot: Snapshot,
    /// All entries with a lower address are known.
    bound: Option<String>,
}

impl Beginning {
    /// Returns the same together with further entries. If more follow that `is_all` says are not there, those have no
    /// lower addresses than the last.
    #[must_use]
    pub fn with(mut self, columns: Arc<Columns>, is_all: bool) -> Self {
        if !is_all {
            let last = columns.len().checked_sub(1);
            let last = last.map_or("", |last| columns.key(last));
            if self.bound.as_deref().is_none_or(|bound| last < bound) {
                self.bound = Some(last.to_owned());
            }
        }
        self.snapshot = self.snapshot.with(columns);
        self
    }

    /// Returns the places of the first `limit` users by address; `None` if what is known does not say.
    ///
    /// No listed user is missing between them. One who is there may be elsewhere by now, because the record with another
    /// address is not known: then the account has another address than its place.
    #[must_use]
    pub fn first(&self, limit: u64) -> Option<Vec<Place>> {
        let order = Order::default();
        let found = self.snapshot.find(&Wanted {
            limit,
            ..Wanted::default()
        });
        let last = found.last?;
        if self.bound.as_ref().is_some_and(|bound| last.email >= *bound) {
            return None;
        }
        let mut places = Vec::with_capacity(found.ids.len());
        for part in &self.snapshot.parts {
            let columns = &part.columns;
            let indexes = (0..columns.len()).take_while(|index| columns.key(*index) <= last.email.as_str());
            for index in indexes.filter(|index| part.best.get(*index) && !columns.is_deleted(*index)) {
                // It may be counted by an entry that is not known.
                if !part.listed.get(index) {
                    return None;
                }
                places.push(columns.place(index, order));
            }
        }
        places.sort_by(|one, other| order.compare(one, other));
        places.truncate(found.ids.len());
        Some(places)
    }
}

/// The first so many spots in an order.
struct First<'a> {
    snapshot: &'a Snapshot,
    order: Order,
    most: usize,
    spots: Vec<Spot>,
    /// The last spot that is among the first as far as is known.
    bound: Option<Spot>,
    /// Where the spots of the present part begin.
    part: usize,
}

impl<'a> First<'a> {
    fn new(snapshot: &'a Snapshot, order: Order, most: usize) -> Self {
        Self {
            snapshot,
            order,
            most,
            spots: Vec::new(),
            bound: None,
            part: 0,
        }
    }

    /// Says that the spots of another part follow.
    fn begin_part(&mut self) {
        if self.order.by == SortBy::Email && self.order.descending {
            self.keep_last();
        }
        self.part = self.spots.len();
    }

    /// Keeps the last spots of the present part, which are in ascending order.
    fn keep_last(&mut self) {
        let count = self.spots.len() - self.part;
        self.spots
            .drain(self.part..self.part + count.saturating_sub(self.most));
    }

    fn push(&mut self, spot: Spot) {
        if self.order.by == SortBy::Email {
            // Each part has them in order already, so only its first or its last ones matter.
            let count = self.spots.len() - self.part;
            if self.order.descending {
                if count >= self.most.saturating_mul(2).max(1024) {
                    self.keep_last();
                }
                self.spots.push(spot);
            } else if count < self.most {
                self.spots.push(spot);
            }
            return;
        }
        let order = self.order;
        let compare = |one: &Spot, other: &Spot| self.snapshot.compare(*one, *other, order);
        if self.bound.is_some_and(|bound| compare(&spot, &bound).is_gt()) {
            return;
        }
        self.spots.push(spot);
        if self.spots.len() >= self.most.saturating_mul(2).max(1024) {
            let (_, bound, _) = self.spots.select_nth_unstable_by(self.most - 1, compare);
            self.bound = Some(*bound);
            self.spots.truncate(self.most);
        }
    }

    fn finish(mut self) -> Vec<Spot> {
        self.begin_part();
        let (snapshot, order) = (self.snapshot, self.order);
        // Stable: it makes use of what is in order already.
        self.spots
            .sort_by(|one, other| snapshot.compare(*one, *other, order));
        self.spots.truncate(self.most);
        self.spots
    }
}

/// What is still to come of one set of entries.
#[derive(Debug)]
enum Rest<'a, B> {
    Segment {
        segment: &'a Segment<B>,
        block: usize,
        entries: std::vec::IntoIter<Entry>,
    },
    Entries(std::vec::IntoIter<Entry>),
}

impl<B: AsRef<[u8]>> Rest<'_, B> {
    fn next(&mut self) -> Result<Entry, Invalid> {
        match self {
            Self::Entries(entries) => entries.next().ok_or(Invalid),
            Self::Segment {
                segment,
                block,
                entries,
            } => loop {
                if let Some(entry) = entries.next() {
                    return Ok(entry);
                }
                *entries = segment.entries(*block)?.into_iter();
                *block += 1;
            },
        }
    }
}

/// The entries of segments and others, joined, in the order of addresses. It holds one block of each segment at a time.
#[derive(Debug)]
pub struct Merged<'a, B> {
    snapshot: Snapshot,
    rests: Vec<Rest<'a, B>>,
    /// The next entry of each part of the snapshot.
    next: Vec<usize>,
}

impl<'a, B: AsRef<[u8]>> Merged<'a, B> {
    /// Returns the entries of `segments` together with `entries`, which may be in any order.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if a segment is damaged.
    pub fn new(segments: &'a [Segment<B>], entries: Vec<Entry>) -> Result<Self, Invalid> {
        let mut snapshot = Snapshot::default();
        let mut rests = Vec::new();
        for segment in segments {
            snapshot = snapshot.with(Arc::new(segment.columns()?));
            rests.push(Rest::Segment {
                segment,
                block: 0,
                entries: Vec::new().into_iter(),
            });
        }
        let entries = columns::sorted(entries);
        snapshot = snapshot.with(Arc::new(Columns::of_sorted(&entries)));
        rests.push(Rest::Entries(entries.into_iter()));
        Ok(Self {
            next: vec![0; rests.len()],
            snapshot,
            rests,
        })
    }
}

impl<B: AsRef<[u8]>> Iterator for Merged<'_, B> {
    type Item = Result<Entry, Invalid>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // The next entry by address of all parts. There are a few parts at most.
            let heads = self.snapshot.parts.iter().zip(&self.next).enumerate();
            let heads = heads.filter(|(_, (part, next))| **next < part.columns.len());
            let first = heads.min_by(|(_, (one, at)), (_, (other, other_at))| {
                one.columns
                    .compare(**at, &other.columns, **other_at, Order::default())
            });
            let (number, (part, &index)) = first?;
            let entry = match self.rests[number].next() {
                Ok(entry) => entry,
                Err(invalid) => return Some(Err(invalid)),
            };
            let (is_best, is_listed) = (part.best.get(index), part.listed.get(index));
            self.next[number] += 1;
            if is_best {
                let counted = entry.counted || is_listed;
                return Some(Ok(Entry { counted, ..entry }));
            }
        }
    }
}

/// Puts `segments` and `entries` together into one segment.
///
/// Deletions before `forget` are left out: that is for a merge of everything there is, when no writer can know the
/// account any more.
///
/// # Errors
///
/// [`Invalid`] if a segment is damaged.
pub fn merge<B: AsRef<[u8]>>(
    segments: &[Segment<B>],
    entries: Vec<Entry>,
    forget: Option<Timestamp>,
) -> Result<Writer, Invalid> {
    let mut writer = Writer::default();
    for entry in Merged::new(segments, entries)? {
        let entry = entry?;
        let is_forgotten = match entry.state {
            State::Deleted(at) => forget.is_some_and(|forget| at < forget),
            State::Present(_) => false,
        };
        if !is_forgotten {
            writer.push(entry);
        }
    }
    Ok(writer)
}

#[cfg(test)]
mod tests;
