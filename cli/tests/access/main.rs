//! The command `access` as it is used.

mod accounts;
mod changes;
mod check;
mod equality;
mod import;
mod service;
mod support;
mod transcripts;
