//! Where the next page of a listing begins, as a text that callers pass back.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shared::Error;
use shared::table::{Listing, Place};

/// The end of a page.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// The last user of the page.
    pub(crate) last: Place,
    /// How many matches come before the next page.
    pub(crate) offset: u64,
    /// How many match in all: counted for the first page, so that a long walk does not count again.
    pub(crate) count: u64,
}

/// A cursor and what it is a cursor of.
#[derive(Serialize, Deserialize)]
struct Written {
    of: String,
    #[serde(flatten)]
    cursor: Cursor,
}

impl Cursor {
    /// The text of the cursor, which only `listing` takes.
    pub(crate) fn written(self, listing: &Listing) -> Result<String, Error> {
        let written = Written {
            of: mark(listing),
            cursor: self,
        };
        let json = serde_json::to_vec(&written).map_err(|error| Error::internal("write a cursor", error))?;
        Ok(BASE64URL_NOPAD.encode(&json))
    }

    /// The cursor that `text` is, if it belongs to `listing`.
    pub(crate) fn read(text: &str, listing: &Listing) -> Option<Self> {
        let json = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let written: Written = serde_json::from_slice(&json).ok()?;
        let cursor = written.cursor;
        (written.of == mark(listing) && cursor.last.is_possible()).then_some(cursor)
    }
}

/// What tells a listing from others: its order and filters, not how long its pages are.
fn mark(listing: &Listing) -> String {
    let told = serde_json::to_vec(&(listing.order, &listing.filter)).unwrap_or_default();
    BASE64URL_NOPAD.encode(&Sha256::digest(told)[..9])
}
