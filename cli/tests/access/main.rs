//! The command `access` as it is used.

mod check;
mod support;
mod transcripts;
