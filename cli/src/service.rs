//! The service, as the command reaches it.

mod client;
mod settings;

pub(crate) use client::{Client, Patience, http_client, path_segment};
pub(crate) use settings::{ServiceArguments, Settings, Tokens, is_loopback, keep_private};
