//! Where a page of imports ends: how many come before the next, and after which place it goes on.

use data_encoding::BASE64URL_NOPAD;

/// The cursor of the page that follows `before` imports, the last of them at `place`.
pub(crate) fn text(before: u64, place: &str) -> String {
    BASE64URL_NOPAD.encode(format!("{before}@{place}").as_bytes())
}

/// What [`text`] has written.
pub(crate) fn read(text: &str) -> Option<(u64, String)> {
    let text = String::from_utf8(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()?;
    let (before, place) = text.split_once('@')?;
    Some((before.parse().ok()?, place.to_owned()))
}
