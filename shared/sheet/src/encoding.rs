//! The encodings of files: their names, and the way from bytes to text as the bytes arrive.

mod guess;
mod samples;

use std::fmt::{Debug, Formatter};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use guess::Likely;
pub(super) use guess::{readable, whole};
pub use samples::{EncodingSample, SampleLine, samples};

/// How a file writes characters as bytes: an encoding of the WHATWG Encoding Standard.
///
/// Stored and shown by the name that the standard gives it: `UTF-8`, `windows-1252`, `Shift_JIS`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encoding(&'static encoding_rs::Encoding);

/// A text that names no encoding which can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownEncoding {
    /// No encoding has that label.
    #[error(
        "must be a label of the WHATWG Encoding Standard, such as utf-8, utf-16le, windows-1252, iso-8859-2, \
         shift_jis or gb18030"
    )]
    Label,
    /// The encoding switches between character sets, so a file in it cannot be read from its middle, or it
    /// is not one of text.
    #[error(
        "names an encoding that cannot be read; save the file as \"CSV UTF-8\" and leave out the encoding"
    )]
    Excluded,
}

impl Encoding {
    /// UTF-8.
    pub const UTF_8: Self = Self(encoding_rs::UTF_8);
    /// UTF-16, the low byte first.
    pub const UTF_16LE: Self = Self(encoding_rs::UTF_16LE);
    /// UTF-16, the high byte first.
    pub const UTF_16BE: Self = Self(encoding_rs::UTF_16BE);
    /// What most Western files are in that are not UTF-8. It gives every byte a character.
    pub const WINDOWS_1252: Self = Self(encoding_rs::WINDOWS_1252);

    /// Returns the encoding that has this label in the standard, in any case.
    ///
    /// # Errors
    ///
    /// If there is none, or it is one that is not read.
    ///
    /// ```
    /// # use sheet::Encoding;
    /// assert_eq!(Encoding::of_label("Latin1")?, Encoding::WINDOWS_1252);
    /// # Ok::<(), sheet::UnknownEncoding>(())
    /// ```
    pub fn of_label(label: &str) -> Result<Self, UnknownEncoding> {
        let excluded = [
            encoding_rs::REPLACEMENT,
            encoding_rs::X_USER_DEFINED,
            encoding_rs::ISO_2022_JP,
        ];
        match encoding_rs::Encoding::for_label(label.as_bytes()) {
            None => Err(UnknownEncoding::Label),
            Some(encoding) if excluded.contains(&encoding) => Err(UnknownEncoding::Excluded),
            Some(encoding) => Ok(Self(encoding)),
        }
    }

    /// Returns the encoding that the byte order mark at the beginning of a file says.
    #[must_use]
    pub fn of_mark(head: &[u8]) -> Option<Self> {
        [Self::UTF_8, Self::UTF_16LE, Self::UTF_16BE]
            .into_iter()
            .find(|encoding| head.starts_with(encoding.bom()))
    }

    /// The name that the standard gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The byte order mark: U+FEFF in this encoding, or nothing where it has none.
    #[must_use]
    pub fn bom(self) -> &'static [u8] {
        if self == Self::UTF_8 {
            b"\xEF\xBB\xBF"
        } else if self == Self::UTF_16LE {
            b"\xFF\xFE"
        } else if self == Self::UTF_16BE {
            b"\xFE\xFF"
        } else {
            b""
        }
    }

    /// Returns the text of `bytes`, if they are valid in this encoding.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> Option<String> {
        let text = self
            .0
            .decode_without_bom_handling_and_without_replacement(bytes)?;
        Some(text.into_owned())
    }

    /// Whether it writes characters in units of two bytes.
    pub(super) fn is_utf16(self) -> bool {
        self == Self::UTF_16LE || self == Self::UTF_16BE
    }

    /// Returns how many of `bytes` are a line with its line break; none if no line ends in them. A carriage
    /// return and a line feed after it count as two.
    ///
    /// In all encodings but UTF-16 the two bytes are line breaks wherever they are: no character has them as a
    /// second byte. `bytes` must begin with a character.
    pub(super) fn line_length(self, bytes: &[u8]) -> Option<usize> {
        let is_break: fn([u8; 2]) -> bool = if self == Self::UTF_16LE {
            |unit| matches!(unit, [b'\r' | b'\n', 0])
        } else if self == Self::UTF_16BE {
            |unit| matches!(unit, [0, b'\r' | b'\n'])
        } else {
            return memchr::memchr2(b'\r', b'\n', bytes).map(|at| at + 1);
        };
        let (units, _) = bytes.as_chunks::<2>();
        let at = units.iter().position(|unit| is_break(*unit))?;
        Some(2 * (at + 1))
    }

    /// How many bytes at the end of `bytes` are part of a unit that is not complete.
    fn cut_unit(self, bytes: &[u8]) -> usize {
        if self.is_utf16() { bytes.len() % 2 } else { 0 }
    }
}

impl Debug for Encoding {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Encoding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Encoding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::of_label(&name).map_err(serde::de::Error::custom)
    }
}

/// Turns the bytes of a file that is not in UTF-8 into UTF-8, a line at a time, so that it is known after every
/// line how many bytes of the file it took.
///
/// Bytes that are not valid come out in a form that is not valid UTF-8 either (see [`readable`]), so that they
/// are found where the text is read and only the row that has them is at fault.
#[derive(Debug)]
pub(super) struct Decoder {
    encoding: Encoding,
    state: encoding_rs::Decoder,
    /// Bytes of the file, decoded as far as `at`.
    bytes: Vec<u8>,
    at: usize,
    /// The last bytes that were decoded before `bytes`. The longest sequence that turns out not to be valid late is
    /// four bytes, of GB 18030.
    before: Vec<u8>,
    finished: bool,
}

impl Decoder {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            state: encoding.0.new_decoder_without_bom_handling(),
            bytes: Vec::new(),
            at: 0,
            before: Vec::new(),
            finished: false,
        }
    }

    /// Takes the next bytes of the file.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        /// No sequence of any encoding is longer than its decoder looks back.
        const LOOK_BACK: usize = 8;

        let decoded = &self.bytes[self.at.saturating_sub(LOOK_BACK)..self.at];
        self.before.extend_from_slice(decoded);
        self.before.drain(..self.before.len().saturating_sub(LOOK_BACK));
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Notes that the file has ended.
    pub(super) fn finish(&mut self) {
        self.finished = true;
    }

    /// Appends the next line to `text`, or what has arrived of it. Returns how many bytes of the file that took;
    /// none when there is no more.
    pub(super) fn line(&mut self, text: &mut Vec<u8>) -> Option<u64> {
        /// A line is decoded in parts of this length, so that one without end takes no memory.
        const PART: usize = 64 * 1024;

        let rest = &self.bytes[self.at..];
        let part = &rest[..rest.len().min(PART)];
        let length = self.encoding.line_length(part).unwrap_or_else(|| {
            let cut = if self.finished && part.len() == rest.len() {
                0
            } else {
                self.encoding.cut_unit(part)
            };
            part.len() - cut
        });
        let last = self.finished && length == rest.len();
        if length == 0 && !last {
            return None;
        }
        if last {
            // The decoder takes no more after its end.
            self.finished = false;
        }
        let end = self.at + length;
        self.decode(end, last, text);
        self.at = end;
        Some(length as u64)
    }

    fn decode(&mut self, end: usize, last: bool, text: &mut Vec<u8>) {
        let mut from = self.at;
        loop {
            let source = &self.bytes[from..end];
            let start = text.len();
            let room = self
                .state
                .max_utf8_buffer_length_without_replacement(source.len())
                .unwrap_or(4 * source.len() + 16);
            text.resize(start + room, 0);
            let (result, read, written) =
                self.state
                    .decode_to_utf8_without_replacement(source, &mut text[start..], last);
            text.truncate(start + written);
            from += read;
            match result {
                encoding_rs::DecoderResult::InputEmpty => return,
                encoding_rs::DecoderResult::OutputFull => {}
                encoding_rs::DecoderResult::Malformed(length, after) => {
                    self.mark_invalid(from, usize::from(length), usize::from(after), text);
                }
            }
        }
    }

    /// Appends the `length` bytes that end `after` bytes before `to`, which are not valid.
    fn mark_invalid(&self, to: usize, length: usize, after: usize, text: &mut Vec<u8>) {
        let end = self.before.len() + to - after;
        for at in end.saturating_sub(length)..end {
            let byte = match at.checked_sub(self.before.len()) {
                None => self.before[at],
                Some(at) => self.bytes[at],
            };
            text.extend_from_slice(&guess::invalid(byte));
        }
    }
}

#[cfg(test)]
mod tests;
