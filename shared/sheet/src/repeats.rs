//! Which rows of a file repeat the address of an earlier one, and what becomes of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use roster::Slot;

/// What became of a sound row, as whoever has the accounts decides it.
pub trait Outcome: Copy {
    /// Returns whether the row was carried out: it created, updated or left its account.
    fn is_carried_out(&self) -> bool;
}

/// The sound rows of a file by their address, and what became of the first row with each.
///
/// Repeats are decided by the file alone. Where the first row was carried out, the others are faults of the file that
/// name its line; where the account refused it or it was skipped, the others fare as it did, because they say no more
/// than that row.
///
/// ```
/// use roster::{Email, Slot};
/// use sheet::{Outcome, Repeated, Repeats};
///
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// enum Written {
///     Created,
///     Taken,
/// }
///
/// impl Outcome for Written {
///     fn is_carried_out(&self) -> bool {
///         *self == Self::Created
///     }
/// }
///
/// let slot = |text: &str| text.parse::<Email>().map(|email| Slot::of(&email));
/// let (ada, bob) = (slot("ada@example.org")?, slot("bob@example.org")?);
/// let mut repeats = Repeats::default();
/// assert!(repeats.is_first(ada, 2) && repeats.is_first(bob, 3));
/// assert!(!repeats.is_first(slot("ADA@example.org")?, 4));
///
/// repeats.settle(ada, Written::Created);
/// repeats.settle(bob, Written::Taken);
/// assert_eq!(repeats.repeated(ada), Some(Repeated::InFile(2)));
/// assert_eq!(repeats.repeated(bob), Some(Repeated::AsFirst(Written::Taken)));
/// # Ok::<(), roster::InvalidEmail>(())
/// ```
#[derive(Clone, Debug)]
pub struct Repeats<O> {
    first: HashMap<Slot, (u64, Option<O>)>,
}

/// What becomes of a row whose address an earlier sound row has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeated<O> {
    /// It is a fault of the file; the earlier row is on that line.
    InFile(u64),
    /// It fares as the earlier row did.
    AsFirst(O),
}

impl<O> Default for Repeats<O> {
    fn default() -> Self {
        Self {
            first: HashMap::new(),
        }
    }
}

impl<O: Outcome> Repeats<O> {
    /// Notes a sound row, and returns whether it is the first with its address.
    pub fn is_first(&mut self, slot: Slot, line: u64) -> bool {
        match self.first.entry(slot) {
            Entry::Vacant(entry) => {
                entry.insert((line, None));
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// Records what became of the first row with an address.
    pub fn settle(&mut self, slot: Slot, outcome: O) {
        if let Some((_, known)) = self.first.get_mut(&slot) {
            *known = Some(outcome);
        }
    }

    /// Returns what becomes of a later row with an address; `None` while nobody knows what became of the first.
    #[must_use]
    pub fn repeated(&self, slot: Slot) -> Option<Repeated<O>> {
        let (line, outcome) = self.first.get(&slot)?;
        let outcome = (*outcome)?;
        Some(if outcome.is_carried_out() {
            Repeated::InFile(*line)
        } else {
            Repeated::AsFirst(outcome)
        })
    }
}
