//! The map of everything the functions of the access service have in common.
//!
//! | crate | what it is for | knows |
//! |---|---|---|
//! | [`roster`] | what a person is: values that carry their rules, roles, the table of rights | nothing |
//! | `sheet` | how a file of people is read: from bytes to rows, from a row to a person or its errors | `roster` |
//! | [`errors`] | why something could not be done; what a failed call of AWS means | `roster` |
//! | [`table`] | the DynamoDB table: keys, conditions, one store for each resource | `roster`, `errors` |
//! | `files` | the staging bucket in S3 | `roster`, `errors` |
//! | [`service`] | authentication, accounts, HTTP at the edge | `roster`, `errors`, `table` |
//! | `index` | the index of users as a pure thing: entries, segments, searches | `roster` |
//! | `catalog` | the index of users at work: reads it, merges what is noted, builds it again | all but `sheet` and `intake` |
//! | `intake` | imports: the record of each, and the engine that carries it out | all of them |
//!
//! `index` and `catalog` come with the feature `catalog`, which the functions ask for that search users.
//! `sheet`, `files` and `intake` come with the feature `intake`, which only the functions of imports ask for, so
//! that the others compile neither S3 nor the reader of files.

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
