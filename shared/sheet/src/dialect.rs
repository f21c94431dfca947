//! How a file is written, found out from its first bytes.

use serde::{Deserialize, Serialize};

use super::columns::member_of;
use super::rows::{Content, MAX_ROW, Position, Rows};
use super::{Encoding, FileFault};

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
}

impl Delimiter {
    /// All there are, the one that is taken when nothing speaks for another first.
    pub const ALL: [Self; 3] = [Self::Comma, Self::Semicolon, Self::Tab];

    /// The character as a byte.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
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
}

impl Dialect {
    /// How many first bytes of a file tell its dialect: the longest header in any encoding, and room
    /// for blank lines above it.
    pub const HEAD: usize = 4 * MAX_ROW;

    /// Finds out how a file is written from its first [`Dialect::HEAD`] bytes, or all when it has fewer.
    ///
    /// The encoding is what the byte order mark says, else UTF-8. The delimiter is the one by which the
    /// header gets the most columns that the service knows, then the most columns, then a comma.
    ///
    /// # Errors
    ///
    /// [`FileFault::Workbook`] and [`FileFault::Nul`], when the file is certainly no CSV in an encoding
    /// that can be known. Everything else comes to light when the header is read.
    pub fn detect(head: &[u8]) -> Result<Self, FileFault> {
        const ZIP: &[u8] = b"PK\x03\x04";
        const COMPOUND: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";
        const UTF_32_LE: &[u8] = b"\xFF\xFE\0\0";

        if head.starts_with(ZIP) || head.starts_with(COMPOUND) {
            return Err(FileFault::Workbook);
        }
        let marked = [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be]
            .into_iter()
            .find(|encoding| head.starts_with(encoding.bom()));
        let encoding = marked.unwrap_or(Encoding::Utf8);
        if head.starts_with(UTF_32_LE) || (encoding == Encoding::Utf8 && first_line(head).contains(&0)) {
            return Err(FileFault::Nul);
        }

        let mut best = Self {
            encoding,
            bom: marked.is_some(),
            delimiter: Delimiter::Comma,
        };
        // A delimiter must separate something, or at least leave a name that is known.
        let mut most = (0, 1);
        for delimiter in Delimiter::ALL {
            let dialect = Self { delimiter, ..best };
            let columns = dialect.columns(head);
            if columns > most {
                most = columns;
                best = dialect;
            }
        }
        Ok(best)
    }

    /// How many columns of the header are known in this dialect, and how many there are. A name with a
    /// quote in it does not count: the cell was cut in the wrong place.
    fn columns(self, head: &[u8]) -> (usize, usize) {
        let mut rows = Rows::new(self, Position::START);
        rows.feed(head);
        rows.finish();
        match rows.next_row().map(|header| header.content) {
            Some(Content::Cells(cells)) => {
                let names = || cells.iter().flatten().filter(|name| !name.contains('"'));
                let known = names().filter(|name| member_of(name).is_some());
                (known.count(), names().count())
            }
            _ => (0, 0),
        }
    }
}

/// The first line that is not empty.
fn first_line(head: &[u8]) -> &[u8] {
    head.split(|byte| matches!(byte, b'\r' | b'\n'))
        .find(|line| !line.is_empty())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delimiter(head: &str) -> Delimiter {
        Dialect::detect(head.as_bytes()).unwrap().delimiter
    }

    #[test]
    fn the_header_decides_the_delimiter() {
        assert_eq!(delimiter("email,firstName\na;b;c;d,e\n"), Delimiter::Comma);
        assert_eq!(delimiter("email;firstName\na,b,c,d;e\n"), Delimiter::Semicolon);
        assert_eq!(delimiter("email\tfirstName\na,b,c,d\te\n"), Delimiter::Tab);
    }

    #[test]
    fn a_file_of_one_column_is_taken_for_comma_separated() {
        assert_eq!(delimiter("email\na;b\n"), Delimiter::Comma);
        assert_eq!(delimiter(""), Delimiter::Comma);
    }

    #[test]
    fn delimiters_within_quotes_do_not_count() {
        assert_eq!(delimiter("\"a,b,c,d\";\"e,f\"\n"), Delimiter::Semicolon);
    }

    #[test]
    fn known_columns_count_more_than_many() {
        assert_eq!(
            delimiter("email;lastName;name, title, of, the, person\n"),
            Delimiter::Semicolon
        );
    }

    #[test]
    fn the_header_may_come_after_blank_lines_and_may_not_end() {
        assert_eq!(delimiter("\r\n  \n\nemail;roles"), Delimiter::Semicolon);
    }

    #[test]
    fn a_byte_order_mark_decides_the_encoding() {
        let utf8 = Dialect::detect("\u{FEFF}email;roles\n".as_bytes()).unwrap();
        let little = Dialect::detect(b"\xFF\xFEa\0;\0b\0\n\0").unwrap();
        let big = Dialect::detect(b"\xFE\xFF\0a\0\t\0b\0\n").unwrap();
        let none = Dialect::detect(b"email,roles\n").unwrap();

        assert_eq!(
            (utf8.encoding, utf8.bom, utf8.delimiter),
            (Encoding::Utf8, true, Delimiter::Semicolon)
        );
        assert_eq!(
            (little.encoding, little.bom, little.delimiter),
            (Encoding::Utf16Le, true, Delimiter::Semicolon)
        );
        assert_eq!(
            (big.encoding, big.bom, big.delimiter),
            (Encoding::Utf16Be, true, Delimiter::Tab)
        );
        assert_eq!((none.encoding, none.bom), (Encoding::Utf8, false));
    }

    #[test]
    fn an_encoding_without_a_mark_is_never_guessed() {
        for head in [
            &b"e\0m\0a\0i\0l\0\n\0"[..],
            b"\0e\0m\0a\0i\0l\0\n",
            b"\r\0\n\0e\0m\0a\0i\0l\0",
            b"\xFF\xFE\0\0e\0\0\0",
            b"\0\0\xFE\xFF\0\0\0e",
        ] {
            assert_eq!(Dialect::detect(head), Err(FileFault::Nul));
        }
    }

    #[test]
    fn a_workbook_is_told_from_a_text() {
        assert_eq!(
            Dialect::detect(b"PK\x03\x04\x14\0\x06\0"),
            Err(FileFault::Workbook)
        );
    }

    #[test]
    fn a_dialect_is_stored_by_the_names_the_api_shows() {
        let dialect = Dialect {
            encoding: Encoding::Utf16Le,
            bom: true,
            delimiter: Delimiter::Semicolon,
        };

        let json = serde_json::to_value(dialect).unwrap();

        assert_eq!(
            json,
            serde_json::json!({ "encoding": "UTF-16LE", "bom": true, "delimiter": ";" })
        );
        assert_eq!(serde_json::from_value::<Dialect>(json).unwrap(), dialect);
    }
}
