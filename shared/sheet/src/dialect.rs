//! How a file is written.

use serde::{Deserialize, Serialize};

use super::encoding::{Encoding, Likely};
use super::{FileFault, FileLayout, Wishes};

/// What separates the cells of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Delimiter {
    /// `,`
    #[serde(rename = ",")]
    Comma,
    /// `;`
    #[serde(rename = ";")]
    Semicolon,
    /// U+0009
    #[serde(rename = "\t")]
    Tab,
    /// `|`
    #[serde(rename = "|")]
    Pipe,
}

impl Delimiter {
    /// All there are, the one that is taken when nothing speaks for another first.
    pub const ALL: [Self; 4] = [Self::Comma, Self::Semicolon, Self::Tab, Self::Pipe];

    /// The character as a byte.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
        }
    }

    /// The word for it among the options of an import.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Comma => "comma",
            Self::Semicolon => "semicolon",
            Self::Tab => "tab",
            Self::Pipe => "pipe",
        }
    }

    /// Returns the delimiter that is this character.
    #[must_use]
    pub fn of_char(char: char) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|delimiter| char::from(delimiter.byte()) == char)
    }
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialect {
    /// How characters are written as bytes.
    pub encoding: Encoding,
    /// Whether the file begins with a byte order mark.
    pub bom: bool,
    /// What separates cells.
    pub delimiter: Delimiter,
    /// What the bytes most likely are that are not valid, where the beginning of the file has some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likely: Option<Likely>,
}

impl Dialect {
    /// UTF-8 without a byte order mark, in cells between commas: that of rows that no file has.
    pub const PLAIN: Self = Self {
        encoding: Encoding::UTF_8,
        bom: false,
        delimiter: Delimiter::Comma,
        likely: None,
    };

    /// Finds out how a file is written whose sender says nothing of it, from its first bytes: see [`FileLayout::find`].
    ///
    /// # Errors
    ///
    /// When it is certainly no CSV, or its first row is no header.
    pub fn detect(head: &[u8]) -> Result<Self, FileFault> {
        FileLayout::find(head, Wishes::default()).map(|layout| layout.dialect)
    }

    /// What bytes most likely are that are not valid in the encoding of the file.
    #[must_use]
    pub fn likely(&self) -> Likely {
        self.likely.unwrap_or(Likely::UNSEEN)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_dialect_is_stored_by_the_names_that_the_api_shows() {
        let dialect = Dialect {
            encoding: Encoding::UTF_16LE,
            bom: true,
            delimiter: Delimiter::Semicolon,
            likely: None,
        };

        let json = serde_json::to_value(dialect).unwrap();

        assert_eq!(
            json,
            json!({ "encoding": "UTF-16LE", "bom": true, "delimiter": ";" })
        );
        assert_eq!(serde_json::from_value::<Dialect>(json).unwrap(), dialect);
    }

    #[test]
    fn every_encoding_that_is_read_is_stored_by_its_name() {
        for label in [
            "utf-8",
            "latin1",
            "shift_jis",
            "gb18030",
            "big5",
            "koi8-r",
            "macintosh",
            "utf-16be",
        ] {
            let encoding = Encoding::of_label(label).unwrap();

            let json = serde_json::to_value(encoding).unwrap();

            assert_eq!(json, encoding.name());
            assert_eq!(serde_json::from_value::<Encoding>(json).unwrap(), encoding);
        }
    }
}
