//! The index of users: everything that a search, an order, a count or an export needs, small enough to be held in
//! memory and looked through from one end to the other.
//!
//! An [`Entry`] says what is known of one account. Entries of one account join in any order and any number to the same
//! one, so nobody has to order writers: a change is an entry in a note, a checkpoint of an import is an object full of
//! them ([`encode`]), and a [`Segment`] is a file of sorted ones. A [`Snapshot`] is what all of them say together; it
//! answers a [`Wanted`] page, and [`merge`] makes one segment of it.
//!
//! Nothing here does input or output or reads a clock.

mod bits;
mod bytes;
mod codec;
mod collation;
mod columns;
mod entry;
mod query;
mod segment;
mod snapshot;

pub use bytes::Invalid;
pub use codec::{decode, encode, pack, unpack};
pub use collation::VERSION as COLLATION_VERSION;
pub use columns::Columns;
pub use entry::{Entry, State};
pub use query::{Filter, Order, Place, SortBy, words};
pub use segment::{Head, Segment, Writer, Written, beginning};
pub use snapshot::{Beginning, Found, Merged, Snapshot, Wanted, merge};
