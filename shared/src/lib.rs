//! The map of everything the functions of the access service have in common.
//!
//! | crate | what it is for | knows, beside `roster` |
//! |---|---|---|
//! | [`roster`] | what a person is: values that carry their rules, roles, the table of rights | nothing |
//! | `sheet` | how a file of people is read: from bytes to rows, from a row to a person or its errors | nothing |
//! | `seen` | the addresses of a file with their first lines, in bounded memory | nothing |
//! | `index` | the index of users as a pure thing: entries, segments, searches | nothing |
//! | [`errors`] | why something could not be done; what a failed call of AWS means | nothing |
//! | [`table`] | the DynamoDB table: keys, conditions, one store for each resource | `errors`, `index` |
//! | `files` | the staging bucket in S3 | `errors` |
//! | [`service`] | authentication, accounts, HTTP at the edge | `errors`, `table` |
//! | `catalog` | the index of users at work: reads it, merges what is noted, builds it again | all but `seen` and `intake` |
//! | `intake` | imports: the record of each, and the engine that carries it out | all but `catalog` |
//!
//! `catalog` comes with the feature of that name, which the functions ask for that search users or keep their index, and
//! `intake` with the feature `intake`, which the functions of imports ask for. The others compile neither S3 nor the reader
//! of files.

#[cfg(feature = "catalog")]
pub use catalog;
#[cfg(any(feature = "catalog", feature = "intake"))]
pub use files;
#[cfg(feature = "catalog")]
pub use index;
#[cfg(feature = "intake")]
pub use intake;
#[cfg(feature = "intake")]
pub use sheet;

pub use errors::{self, BoxError, Error};
pub use roster;
pub use service::{
    App, Config, StartError, accounts, audit, auth, by_reference, clock, config, http, operations, telemetry,
};
pub use table;
