//! One page of a listing.

use serde::Serialize;

/// The answer to every listing.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The elements of this page.
    pub items: Vec<T>,
    /// How many elements match in all.
    pub count: u64,
    /// How many matches come before this page.
    pub offset: u64,
    /// What to send as `cursor` for the next page; `None` on the last.
    pub next_cursor: Option<String>,
}

/// The most elements of a page.
pub const MAX_LIMIT: u64 = 100;
/// The elements of a page when the request does not say.
pub const DEFAULT_LIMIT: u64 = 10;
