//! The command `access` as it is used.

#![expect(
    clippy::too_many_lines,
    reason = "a test tells its story from beginning to end"
)]

mod accounts;
mod changes;
mod check;
mod equality;
mod import;
mod service;
mod sign_in;
mod support;
mod transcripts;
