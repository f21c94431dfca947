//! Bytes that are not valid in the encoding of their file: how they are kept, shown, and what they most likely
//! mean.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use serde::{Deserialize, Serialize};

use super::Encoding;

/// What the bytes of a file most likely are that are not valid UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Likely {
    /// Their encoding.
    pub encoding: Encoding,
    /// Other lines of the file have characters beyond ASCII in sound UTF-8, so it is not a file of that encoding
    /// throughout.
    #[serde(default)]
    pub mixed: bool,
}

impl Likely {
    /// What is assumed of bytes that come after the part of the file from which to guess.
    pub const UNSEEN: Self = Self {
        encoding: Encoding::WINDOWS_1252,
        mixed: false,
    };

    /// Guesses from the first bytes of a file; none if they are valid UTF-8, as far as they are whole lines.
    #[must_use]
    pub fn guess(head: &[u8]) -> Option<Self> {
        // Most files are valid, and that is found out quickly.
        if let Err(error) = std::str::from_utf8(head) {
            error.error_len()?;
        } else {
            return None;
        }
        // Only lines that are not valid: those that are say nothing of the encoding of the others.
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        let mut mixed = false;
        let mut lines = Vec::new();
        for line in head.split_inclusive(|byte| matches!(byte, b'\r' | b'\n')) {
            match std::str::from_utf8(line) {
                Ok(line) => mixed |= !line.is_ascii(),
                Err(error) if error.error_len().is_none() => {}
                Err(_) => lines.push(line),
            }
        }
        for line in &lines {
            detector.feed(line, false);
        }
        detector.feed(b"", true);
        let guess = Encoding(detector.guess(None, Utf8Detection::Deny));
        // Few bytes are often the same characters in several encodings. Then the one that most files have is right
        // for the others as well.
        let is_western = lines
            .iter()
            .all(|line| guess.decode(line) == Self::UNSEEN.encoding.decode(line));
        let encoding = if is_western {
            Self::UNSEEN.encoding
        } else {
            // What a sender is advised to name must be what is taken.
            Encoding::of_label(guess.name()).unwrap_or(Self::UNSEEN.encoding)
        };
        Some(Self { encoding, mixed })
    }
}

/// Returns the form in which the text of a [`Decoder`](super::Decoder) has a byte that is not valid: what UTF-8 would
/// make of the surrogate U+DC00 and the byte, which no valid text has.
pub(super) fn invalid(byte: u8) -> [u8; 3] {
    [0xED, 0xB0 | byte >> 6, 0x80 | byte & 0x3F]
}

/// Returns the text of a cell that has bytes which are not valid, for people to read.
///
/// In a UTF-8 file the whole cell is taken for text in the `likely` encoding if it can be. Otherwise each of the bytes
/// becomes the character that it has in windows-1252, so that none is lost.
#[must_use]
pub(crate) fn readable(cell: &[u8], likely: Encoding) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(cell) {
        return Cow::Borrowed(text);
    }
    if let Some(text) = whole(cell, likely) {
        return Cow::Owned(text);
    }
    let mut text = String::with_capacity(cell.len());
    let mut rest = cell;
    while let Err(error) = std::str::from_utf8(rest) {
        let (valid, from) = rest.split_at(error.valid_up_to());
        text.push_str(&String::from_utf8_lossy(valid));
        let (byte, after) = match from {
            [0xED, high @ 0xB0..=0xB3, low @ 0x80..=0xBF, after @ ..] => (high << 6 | low & 0x3F, after),
            [byte, after @ ..] => (*byte, after),
            [] => break,
        };
        text.push(windows_1252(byte));
        rest = after;
    }
    text.push_str(&String::from_utf8_lossy(rest));
    Cow::Owned(text)
}

/// Returns the text of a cell of a UTF-8 file in its `likely` encoding, if all of its bytes are valid in that.
#[must_use]
pub(crate) fn whole(cell: &[u8], likely: Encoding) -> Option<String> {
    let decoded = cell
        .windows(3)
        .any(|bytes| matches!(bytes, [0xED, 0xB0..=0xB3, _]));
    if decoded {
        return None;
    }
    likely.decode(cell)
}

fn windows_1252(byte: u8) -> char {
    Encoding::WINDOWS_1252
        .decode(&[byte])
        .and_then(|text| text.chars().next())
        .unwrap_or(char::from(byte))
}
