//! The service, as the command reaches it.

mod client;
mod settings;

pub(crate) use client::{Client, Patience, path_segment};
pub(crate) use settings::{ServiceArguments, Settings, Tokens, keep_private};
