//! From the bytes of a file to UTF-8, as they arrive.

use serde::{Deserialize, Serialize};

/// How a file writes characters as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[serde(rename = "UTF-8")]
    Utf8,
    /// UTF-16, the low byte first. Only known by its byte order mark.
    #[serde(rename = "UTF-16LE")]
    Utf16Le,
    /// UTF-16, the high byte first. Only known by its byte order mark.
    #[serde(rename = "UTF-16BE")]
    Utf16Be,
}

impl Encoding {
    /// The name in the registry of character sets: `UTF-8`, `UTF-16LE`, `UTF-16BE`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
        }
    }

    /// The byte order mark: U+FEFF in this encoding.
    #[must_use]
    pub fn bom(self) -> &'static [u8] {
        match self {
            Self::Utf8 => b"\xEF\xBB\xBF",
            Self::Utf16Le => b"\xFF\xFE",
            Self::Utf16Be => b"\xFE\xFF",
        }
    }

    /// How many bytes of the file `text` stands for, when `text` came out of a [`Decoder`] and does not
    /// reach the end of the file.
    pub(super) fn source_len(self, text: &[u8]) -> u64 {
        match self {
            Self::Utf8 => text.len() as u64,
            // One unit for each character, two for those that take four bytes in UTF-8.
            Self::Utf16Le | Self::Utf16Be => text
                .iter()
                .map(|&byte| 2 * (u64::from(byte & 0xC0 != 0x80) + u64::from(byte >= 0xF0)))
                .sum(),
        }
    }
}

/// Turns the bytes of a file into UTF-8, whatever the chunks they arrive in.
///
/// What is not valid in the encoding comes out as bytes that are not valid UTF-8, so that it is found
/// where the text is read and only the row that holds it is at fault: bytes of a UTF-8 file unchanged,
/// a surrogate without its partner in the three bytes that UTF-8 would give it, the first half of a
/// unit at the end of the file as `FF`.
#[derive(Debug)]
pub(super) struct Decoder {
    encoding: Encoding,
    /// The first byte of a unit whose second has not arrived.
    half: Option<u8>,
    /// A high surrogate whose partner has not arrived.
    high: Option<u16>,
}

impl Decoder {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            half: None,
            high: None,
        }
    }

    pub(super) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Appends the text of the next `bytes` to `text`.
    pub(super) fn decode(&mut self, mut bytes: &[u8], text: &mut Vec<u8>) {
        let unit = match self.encoding {
            Encoding::Utf8 => return text.extend_from_slice(bytes),
            Encoding::Utf16Le => u16::from_le_bytes,
            Encoding::Utf16Be => u16::from_be_bytes,
        };
        if let (Some(first), [second, rest @ ..]) = (self.half, bytes) {
            self.half = None;
            self.unit(unit([first, *second]), text);
            bytes = rest;
        }
        let (pairs, half) = bytes.as_chunks::<2>();
        for &pair in pairs {
            self.unit(unit(pair), text);
        }
        if let [byte] = half {
            self.half = Some(*byte);
        }
    }

    /// Appends what is left when the file has ended.
    pub(super) fn finish(&mut self, text: &mut Vec<u8>) {
        if let Some(high) = self.high.take() {
            text.extend_from_slice(utf8(high.into(), &mut [0; 4]));
        }
        if self.half.take().is_some() {
            text.push(0xFF);
        }
    }

    fn unit(&mut self, unit: u16, text: &mut Vec<u8>) {
        let high = self.high.take();
        if let (Some(high), 0xDC00..=0xDFFF) = (high, unit) {
            let code = 0x1_0000 + ((u32::from(high) & 0x3FF) << 10 | u32::from(unit) & 0x3FF);
            return text.extend_from_slice(utf8(code, &mut [0; 4]));
        }
        if let Some(high) = high {
            text.extend_from_slice(utf8(high.into(), &mut [0; 4]));
        }
        match unit {
            0xD800..=0xDBFF => self.high = Some(unit),
            0x0000..0x0080 => text.push(unit.to_le_bytes()[0]),
            _ => text.extend_from_slice(utf8(unit.into(), &mut [0; 4])),
        }
    }
}

/// The bytes of a code point; for a surrogate, which is none, the three bytes that it would have.
fn utf8(code: u32, bytes: &mut [u8; 4]) -> &[u8] {
    if let Some(char) = char::from_u32(code) {
        return char.encode_utf8(bytes).as_bytes();
    }
    let [_, _, high, low] = code.to_be_bytes();
    *bytes = [
        0xE0 | high >> 4,
        0x80 | (high & 0x0F) << 2 | low >> 6,
        0x80 | low & 0x3F,
        0,
    ];
    &bytes[..3]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(encoding: Encoding, chunks: &[&[u8]]) -> Vec<u8> {
        let mut decoder = Decoder::new(encoding);
        let mut text = Vec::new();
        for chunk in chunks {
            decoder.decode(chunk, &mut text);
        }
        decoder.finish(&mut text);
        text
    }

    #[test]
    fn a_pair_of_surrogates_is_one_character_wherever_it_is_split() {
        let bytes = [0x3D, 0xD8, 0x00, 0xDE];

        for split in 0..=4 {
            let (first, second) = bytes.split_at(split);
            assert_eq!(decoded(Encoding::Utf16Le, &[first, second]), "😀".as_bytes());
        }
    }

    #[test]
    fn a_surrogate_without_its_partner_is_not_valid() {
        let lone_high = decoded(Encoding::Utf16Be, &[&[0xD8, 0x3D, 0x00, 0x41]]);
        let lone_low = decoded(Encoding::Utf16Be, &[&[0xDE, 0x00, 0x00, 0x41]]);
        let two_high = decoded(Encoding::Utf16Be, &[&[0xD8, 0x3D, 0xD8, 0x3D, 0xDE, 0x00]]);
        let last = decoded(Encoding::Utf16Be, &[&[0xD8, 0x3D]]);

        assert_eq!(lone_high, b"\xED\xA0\xBDA");
        assert_eq!(lone_low, b"\xED\xB8\x80A");
        assert_eq!(two_high, b"\xED\xA0\xBD\xF0\x9F\x98\x80");
        assert_eq!(last, b"\xED\xA0\xBD");
        assert!(std::str::from_utf8(&last).is_err());
    }

    #[test]
    fn half_a_unit_at_the_end_is_not_valid() {
        assert_eq!(decoded(Encoding::Utf16Le, &[b"a\0b"]), b"a\xFF");
    }

    proptest! {
        #[test]
        fn text_comes_out_as_it_went_in(text in ".*") {
            let units: Vec<u16> = text.encode_utf16().collect();
            let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();

            prop_assert_eq!(decoded(Encoding::Utf16Le, &[&little]), text.as_bytes());
            prop_assert_eq!(decoded(Encoding::Utf16Be, &[&big]), text.as_bytes());
        }

        #[test]
        fn the_length_in_the_file_is_known_from_the_text(units: Vec<u16>) {
            let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();

            let text = decoded(Encoding::Utf16Le, &[&bytes]);

            prop_assert_eq!(Encoding::Utf16Le.source_len(&text), bytes.len() as u64);
        }
    }
}
