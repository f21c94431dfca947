//! What the targets have in common: settings of a reading, out of arbitrary bytes.

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use roster::Member;
use sheet::{Delimiter, Encoding, Wishes};

/// Encodings of each kind: one byte a character, several, and two in either order.
const LABELS: [&str; 8] = [
    "utf-8",
    "utf-16le",
    "utf-16be",
    "windows-1252",
    "iso-8859-2",
    "shift_jis",
    "gb18030",
    "big5",
];

/// Columns of a file without a header.
const MEMBERS: [Option<Member>; 3] = [Some(Member::Email), None, Some(Member::Roles)];

/// What a sender may say of a file.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Said {
    encoding: u8,
    delimiter: u8,
    is_absent: bool,
}

impl Said {
    /// The encoding; none of half of all inputs.
    pub fn encoding(self) -> Option<Encoding> {
        LABELS
            .get(usize::from(self.encoding) % (2 * LABELS.len()))
            .map(|label| Encoding::of_label(label).expect("a label of the standard"))
    }

    /// What separates cells; nothing of half of all inputs.
    pub fn delimiter(self) -> Option<Delimiter> {
        let all = Delimiter::ALL;
        all.get(usize::from(self.delimiter) % (2 * all.len())).copied()
    }

    /// The columns, if the file has no header.
    pub fn absent(self) -> Option<&'static [Option<Member>]> {
        self.is_absent.then_some(&MEMBERS[..])
    }

    /// All of it.
    pub fn wishes(self) -> Wishes<'static> {
        Wishes {
            encoding: self.encoding(),
            delimiter: self.delimiter(),
            absent: self.absent(),
            columns: None,
        }
    }
}
