//! How the service behaves, told through HTTP against the real embedded storage.
//!
//! Modules mirror the URLs. Each test starts a service of its own on a free port, with its table in
//! memory and its bucket in a folder that goes away with it.

#![expect(
    clippy::too_many_lines,
    reason = "a test tells its story from beginning to end"
)]

mod alarms;
mod audit;
mod bootstrap;
mod canaries;
mod contacts;
mod coverage;
mod dashboard;
mod events;
mod hangs;
mod idempotency;
mod identity;
mod imports;
mod index;
mod limits;
mod me;
mod openapi;
mod page;
mod policy;
mod rights;
mod session;
mod sign_in;
mod storage;
mod support;
mod users;
mod values;
mod versions;
