//! Where a page of row errors ends: how many come before the next, and where it goes on.

use data_encoding::BASE64URL_NOPAD;
use shared::intake::store::ErrorPlace;

/// Returns the cursor of the page that follows `before` errors and goes on at `place`.
pub(crate) fn text(before: u64, place: ErrorPlace) -> String {
    let ErrorPlace { line, skip } = place;
    BASE64URL_NOPAD.encode(format!("{before}@{line}.{skip}").as_bytes())
}

/// Reads what [`text`] has written.
pub(crate) fn read(text: &str) -> Option<(u64, ErrorPlace)> {
    let text = String::from_utf8(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()?;
    let (before, place) = text.split_once('@')?;
    let (line, skip) = place.split_once('.')?;
    let place = ErrorPlace {
        line: number(line)?,
        skip: number(skip)?,
    };
    Some((number(before)?, place))
}

/// A number that no listing goes beyond: larger ones were not written by us.
fn number(text: &str) -> Option<u64> {
    text.parse::<u32>().ok().map(u64::from)
}
