//! One page of a listing.

use roster::{Code, Email};
use serde::Serialize;
use utoipa::ToSchema;

use super::query::{Number, Parameter, Query, Text};

/// The answer to every listing.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The elements of this page.
    pub items: Vec<T>,
    /// The number of matches in all.
    pub count: u64,
    /// The number of matches before this page.
    pub offset: u64,
    /// What to send as `cursor` for the next page; nothing on the last.
    pub next_cursor: Option<String>,
}

/// The elements of a page when the request does not say.
const DEFAULT_LIMIT: u64 = 10;

/// How many elements a page has.
pub const LIMIT: Parameter<Number> = limit(100);

/// How many elements a page has: at most `max`.
#[must_use]
pub const fn limit(max: u64) -> Parameter<Number> {
    Parameter {
        name: "limit",
        about: "The number of elements on a page",
        kind: Number {
            min: 0,
            max,
            default: Some(DEFAULT_LIMIT),
        },
    }
}

/// How many matches to pass over.
pub const OFFSET: Parameter<Number> = Parameter {
    name: "offset",
    about: "The number of matches to skip",
    kind: Number {
        min: 0,
        max: u32::MAX as u64,
        default: None,
    },
};

/// Where a page goes on.
pub const CURSOR: Parameter<Text> = Parameter {
    name: "cursor",
    about: "The `nextCursor` of the page before; replaces `offset`",
    kind: Text { max: 2048 },
};

/// What is searched for; no longer than an address.
pub const SEARCH_TEXT: Parameter<Text> = Parameter {
    name: "searchText",
    about: "Contained in address, first or last name; taken literally and without regard to case",
    kind: Text {
        max: Email::MAX_OCTETS,
    },
};

/// Where a page begins: after so many matches, or where the cursor says, but not both.
pub fn beginning(query: &mut Query) -> (u64, Option<String>) {
    let offset = query.number(&OFFSET);
    let cursor = query.text(&CURSOR);
    if offset.is_some() && cursor.is_some() {
        query.fault(CURSOR.name, Code::InvalidFormat, "cannot be given with an offset");
    }
    (offset.unwrap_or(0), cursor)
}

/// Records that `cursor` is none that this listing has given.
pub fn unknown_cursor(query: &mut Query) {
    let detail = "does not belong to this listing; use a cursor that was returned with the same sort order and filters";
    query.fault(CURSOR.name, Code::InvalidFormat, detail);
}
