//! Where a page of row errors ends: how many come before the next, how many there are, and where it goes on.

use data_encoding::BASE64URL_NOPAD;
use shared::intake::store::{ErrorPlace, FaultPlace};

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// How many row errors come before it.
    pub(crate) before: u64,
    /// How many row errors there are in all.
    pub(crate) count: u64,
    /// Its place among them.
    pub(crate) place: FaultPlace,
}

impl Cursor {
    /// Returns the cursor as callers send it.
    pub(crate) fn text(self) -> String {
        let FaultPlace { errors, warnings } = self.place;
        let numbers = [
            self.before,
            self.count,
            errors.line,
            errors.skip,
            warnings.line,
            warnings.skip,
        ];
        BASE64URL_NOPAD.encode(numbers.map(|number| number.to_string()).join(".").as_bytes())
    }

    /// Reads what [`Cursor::text`] has written.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()?;
        let numbers: Vec<_> = text.split('.').map(number).collect::<Option<_>>()?;
        let [before, count, line, skip, warning_line, warning_skip] = numbers[..] else {
            return None;
        };
        Some(Self {
            before,
            count,
            place: FaultPlace {
                errors: ErrorPlace { line, skip },
                warnings: ErrorPlace {
                    line: warning_line,
                    skip: warning_skip,
                },
            },
        })
    }
}

/// A number that no listing goes beyond: larger ones were not written by us.
fn number(text: &str) -> Option<u64> {
    text.parse::<u32>().ok().map(u64::from)
}
