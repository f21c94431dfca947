//! The index of users at work.
//!
//! [`Catalog`] reads the index: the segments that the manifest names, the objects and entries that notes name, joined
//! in memory ([`index::Snapshot`]). [`tick`] is what the function of the index does when the clock or somebody who
//! met many notes calls it: it merges what is noted into the segments, builds the index from the table where it is
//! missing or not to be trusted, and compares it with the counters.
//!
//! A reader is exact without a clock: it reads the manifest and all notes by one consistent query, and when it has its
//! page, asks for the manifest once more. As long as the generation is the same, every note that was not in the
//! segments was still there.

mod app;
mod build;
mod cache;
mod drift;
mod export;
mod maintain;
mod metrics;

pub use app::{Catalog, Page};
pub use export::write_export;
pub use maintain::{Done, tick};
