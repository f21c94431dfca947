//! Where the next page of a listing begins, as a text that callers pass back.
//!
//! The place is an address or a name, and URLs are kept in logs and histories. So the text is sealed with a secret of the
//! deployment, and holds nothing that anybody else can read.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use shared::Error;
use shared::index::{Place, Wanted};

/// Bytes of a nonce of AES-GCM.
const NONCE: usize = 12;

/// The end of a page.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// The last user of the page.
    pub(crate) last: Place,
    /// How many matches come before the next page.
    pub(crate) offset: u64,
    /// How many matched in all. Where the index is not built yet, a long walk does not count again.
    pub(crate) count: u64,
}

impl Cursor {
    /// The text of the cursor, which only `wanted` takes.
    pub(crate) fn written(&self, wanted: &Wanted, secret: &[u8; 32]) -> Result<String, Error> {
        let doing = "write a cursor";
        let mut sealed = serde_json::to_vec(self).map_err(|error| Error::internal(doing, error))?;
        let key =
            RandomizedNonceKey::new(&AES_256_GCM, secret).map_err(|error| Error::internal(doing, error))?;
        let nonce = key
            .seal_in_place_append_tag(Aad::from(mark(wanted)), &mut sealed)
            .map_err(|error| Error::internal(doing, error))?;
        sealed.extend_from_slice(nonce.as_ref());
        Ok(BASE64URL_NOPAD.encode(&sealed))
    }

    /// The cursor that `text` is, if it belongs to `wanted`.
    pub(crate) fn read(text: &str, wanted: &Wanted, secret: &[u8; 32]) -> Option<Self> {
        let mut sealed = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let cut = sealed.len().checked_sub(NONCE)?;
        let nonce = Nonce::try_assume_unique_for_key(&sealed.split_off(cut)).ok()?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, secret).ok()?;
        let opened = key
            .open_in_place(nonce, Aad::from(mark(wanted)), &mut sealed)
            .ok()?;
        let cursor: Self = serde_json::from_slice(opened).ok()?;
        cursor.last.is_possible().then_some(cursor)
    }
}

/// What tells a listing from others: its order and filters, not how long its pages are.
fn mark(wanted: &Wanted) -> Vec<u8> {
    serde_json::to_vec(&(wanted.order, &wanted.filter)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use shared::index::{Order, words};

    use super::*;

    #[test]
    fn a_cursor_is_read_by_its_listing_and_deployment_only_and_shows_nobody() {
        let cursor = Cursor {
            last: Place {
                key: "lovelace".to_owned(),
                email: "ada@example.org".to_owned(),
                id: "mfsgs3lbnnqxe2lpnz2gk4ramfxgiidu".parse().unwrap(),
            },
            offset: 7,
            count: 9,
        };
        let wanted = Wanted::default();
        let secret = [7; 32];

        let text = cursor.written(&wanted, &secret).unwrap();

        let read = Cursor::read(&text, &wanted, &secret).unwrap();
        assert_eq!((read.last, read.offset, read.count), (cursor.last.clone(), 7, 9));
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!shown.contains("ada") && !shown.contains("lovelace"), "{shown}");
        assert!(Cursor::read(&text, &wanted, &[8; 32]).is_none());
        let mut other = wanted.clone();
        other.order = Order {
            descending: true,
            ..Order::default()
        };
        assert!(Cursor::read(&text, &other, &secret).is_none());
        let mut other = wanted.clone();
        other.filter.words = words("ada");
        assert!(Cursor::read(&text, &other, &secret).is_none());
        for faulty in ["", "x", "AAAA", &text[1..]] {
            assert!(Cursor::read(faulty, &wanted, &secret).is_none(), "{faulty}");
        }
    }
}
