//! Formats that people send in place of CSV, known by their first bytes.

use std::fmt::{Display, Formatter, Result};

use super::blank::is_blank;

/// A format that is not CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are the names of formats")]
pub enum Format {
    Gzip,
    Archive,
    Zip,
    Xlsx,
    Xls,
    Ods,
    Document,
    Pdf,
    Image,
    Database,
    Html,
    Xml,
    Json,
    VCard,
    Calendar,
    Ldif,
}

/// Formats by the bytes with which they begin.
const SIGNATURES: [(&[u8], Format); 23] = [
    (b"\x1F\x8B", Format::Gzip),
    (b"BZh", Format::Archive),
    (b"\xFD7zXZ\0", Format::Archive),
    (b"\x28\xB5\x2F\xFD", Format::Archive),
    (b"7z\xBC\xAF\x27\x1C", Format::Archive),
    (b"Rar!\x1A\x07", Format::Archive),
    (b"PK\x03\x04", Format::Zip),
    // A zip archive that is empty, or in parts.
    (b"PK\x05\x06", Format::Zip),
    (b"PK\x07\x08", Format::Zip),
    // Compound files of Microsoft Office before 2007, and workbooks of Excel before 5.
    (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", Format::Xls),
    (b"\x09\x08\x10\x00\x00\x06", Format::Xls),
    (b"\x09\x04\x06\x00", Format::Xls),
    (b"%PDF-", Format::Pdf),
    (b"{\\rtf", Format::Document),
    (b"%!PS", Format::Document),
    (b"\x89PNG\r\n", Format::Image),
    (b"\xFF\xD8\xFF", Format::Image),
    (b"GIF8", Format::Image),
    (b"II*\0", Format::Image),
    (b"MM\0*", Format::Image),
    (b"SQLite format 3\0", Format::Database),
    (b"\0\x01\0\0Standard ", Format::Database),
    (b"PAR1", Format::Database),
];

impl Format {
    /// Returns the format of a file that begins with `head`, if its bytes say that it is not text.
    #[must_use]
    pub fn of_bytes(head: &[u8]) -> Option<Self> {
        let (_, format) = SIGNATURES.iter().find(|(bytes, _)| head.starts_with(bytes))?;
        Some(match format {
            Self::Zip => in_zip(head),
            format => *format,
        })
    }

    /// Returns the format of a file whose text begins with `head`, if that is not CSV.
    #[must_use]
    pub fn of_text(head: &str) -> Option<Self> {
        let head = head.trim_start_matches(is_blank);
        let begins = |with: &str| {
            head.get(..with.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(with))
        };
        if head.starts_with(['{', '[']) && is_json(head) {
            Some(Self::Json)
        } else if [
            "<!doctype html",
            "<html",
            "<head",
            "<body",
            "<table",
            "<meta",
            "<script",
            "<div",
        ]
        .into_iter()
        .any(begins)
        {
            Some(Self::Html)
        } else if begins("<?xml") || begins("<!--") {
            let is_page = head.to_ascii_lowercase().contains("<html");
            Some(if is_page { Self::Html } else { Self::Xml })
        } else if begins("begin:vcard") {
            Some(Self::VCard)
        } else if begins("begin:vcalendar") {
            Some(Self::Calendar)
        } else {
            is_ldif(head).then_some(Self::Ldif)
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "compressed with gzip",
            Self::Archive => "a compressed archive",
            Self::Zip => "a zip archive",
            Self::Xlsx => "an Excel workbook (XLSX), not CSV",
            Self::Xls => "an Excel workbook (XLS), not CSV",
            Self::Ods => "an OpenDocument spreadsheet (ODS), not CSV",
            Self::Document => "a text document, not CSV",
            Self::Pdf => "a PDF document, not CSV",
            Self::Image => "an image, not CSV",
            Self::Database => "a database, not CSV",
            Self::Html => "a web page (HTML), not CSV",
            Self::Xml => "XML, not CSV",
            Self::Json => "JSON, not CSV",
            Self::VCard => "a vCard file, not CSV",
            Self::Calendar => "a calendar (iCalendar), not CSV",
            Self::Ldif => "an LDIF file, not CSV",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Gzip | Self::Archive | Self::Zip => "unpack it and send the CSV file that is inside",
            Self::Xlsx | Self::Xls => "open it in a spreadsheet, save it as \"CSV UTF-8\" and send that",
            Self::Ods => {
                "open it in a spreadsheet, save it as \"Text CSV\" with the character set UTF-8 and send that"
            }
            Self::Document | Self::Pdf | Self::Image | Self::Calendar => {
                "export the list of people as CSV from the program that it comes from and send that"
            }
            Self::Database | Self::Xml => "export its table of people as CSV and send that",
            Self::Html => {
                "it may be a sign-in or error page in place of the file: download the file again, or open the page \
                 in a spreadsheet, save it as \"CSV UTF-8\" and send that"
            }
            Self::Json => "convert it to CSV with one line for each person, or add the users by POST /users",
            Self::VCard => "open it in an address book, export that as CSV and send the export",
            Self::Ldif => "export the directory as CSV and send that",
        }
    }
}

impl Display for Format {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}; {}", self.name(), self.advice())
    }
}

/// What a zip archive is by the names of the first files in it.
fn in_zip(head: &[u8]) -> Format {
    /// The names that decide are among the first files of an archive.
    const LOOKED_THROUGH: usize = 64 * 1024;

    let head = &head[..head.len().min(LOOKED_THROUGH)];
    let has = |name: &[u8]| memchr::memmem::find(head, name).is_some();
    if has(b"opendocument.spreadsheet") {
        Format::Ods
    } else if has(b"opendocument.") || has(b"word/") || has(b"ppt/") {
        Format::Document
    } else if has(b"[Content_Types].xml") || has(b"xl/") || has(b"Index/Tables/") {
        Format::Xlsx
    } else {
        Format::Zip
    }
}

/// Whether a text that begins with a brace or bracket is JSON, and not a column name in brackets.
fn is_json(head: &str) -> bool {
    let mut chars = head.chars();
    let opens = chars.next();
    let next = chars.find(|char| !char.is_whitespace());
    matches!(
        (opens, next),
        (Some('{'), Some('"' | '}')) | (Some('['), Some('{' | '[' | '"' | ']') | None)
    )
}

/// Whether a text is LDIF: perhaps comments and a version, then a distinguished name.
fn is_ldif(head: &str) -> bool {
    let mut lines = head
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let begins = |line: &str, with: &str| line.to_ascii_lowercase().starts_with(with);
    match lines.next() {
        Some(line) if begins(line, "version: ") || line.eq_ignore_ascii_case("version:1") => {
            lines.next().is_none_or(|line| begins(line, "dn:"))
        }
        Some(line) => begins(line, "dn: ") || begins(line, "dn:: "),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_formats_are_known_by_their_first_bytes() {
        for (head, format) in [
            (&b"\x1F\x8B\x08\0"[..], Format::Gzip),
            (b"PK\x03\x04\x14\0\0\0people.csv", Format::Zip),
            (b"PK\x03\x04\x14\0\x06\0\x08\0[Content_Types].xml", Format::Xlsx),
            (
                b"PK\x03\x04\x14\0\0\0mimetypeapplication/vnd.oasis.opendocument.spreadsheetPK",
                Format::Ods,
            ),
            (
                b"PK\x03\x04\x14\0\0\0mimetypeapplication/vnd.oasis.opendocument.textPK",
                Format::Document,
            ),
            (b"PK\x03\x04\x14\0\x06\0\x08\0xl/workbook.xml", Format::Xlsx),
            (b"PK\x03\x04\x14\0\0\0Index/Tables/Tile.iwa", Format::Xlsx),
            (
                b"PK\x03\x04\x14\0\x06\0\x08\0[Content_Types].xml\0word/a.xml",
                Format::Document,
            ),
            (
                b"PK\x03\x04\x14\0\x06\0\x08\0[Content_Types].xml\0ppt/a.xml",
                Format::Document,
            ),
            (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0", Format::Xls),
            (b"%PDF-1.7\n", Format::Pdf),
            (b"7z\xBC\xAF\x27\x1C\0", Format::Archive),
        ] {
            assert_eq!(Format::of_bytes(head), Some(format));
        }
        assert_eq!(Format::of_bytes(b"email,firstName\n"), None);
        assert_eq!(Format::of_bytes(b"PKey,email\n"), None);
    }

    #[test]
    fn text_formats_are_known_by_their_first_words() {
        for (head, format) in [
            ("<!DOCTYPE html><html>", Format::Html),
            ("\n  <HTML>", Format::Html),
            ("<?xml version=\"1.0\"?><html>", Format::Html),
            ("<?xml version=\"1.0\"?><users/>", Format::Xml),
            ("[{\"email\": 1}]", Format::Json),
            ("{\n \"users\": []}", Format::Json),
            ("[]", Format::Json),
            ("begin:vcard\r\nversion:3.0", Format::VCard),
            ("BEGIN:VCALENDAR\r\n", Format::Calendar),
            ("dn: cn=a,dc=b\nmail: a@b.c\n", Format::Ldif),
            ("version: 1\n\ndn: cn=a\n", Format::Ldif),
            ("# extended LDIF\n#\ndn: cn=a\n", Format::Ldif),
        ] {
            assert_eq!(Format::of_text(head), Some(format), "{head}");
        }
        for csv in [
            "email,firstName\n",
            "[email],[firstName]\n",
            "{email},name\n",
            "version:v1.0\nemail\n",
            "#TYPE Selected.User\nemail\n",
            "dn,mail\n",
            "<none>,email\n",
            "",
        ] {
            assert_eq!(Format::of_text(csv), None, "{csv}");
        }
    }
}
