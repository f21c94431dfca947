//! A telephone number.

mod country;
mod written;

use std::{fmt, str::FromStr, sync::LazyLock};

use super::{
    Code,
    by_text::{schema_of_text, serde_by_text},
    invisible::{is_invisible, shown, trimmed},
    sheet_error,
};

pub use country::{Country, UnknownCountry};

/// A telephone number in international form (E.164): `+`, a country code that exists, 7 to 15 digits
/// in all.
///
/// Spaces, `-`, `.`, `(` and `)` between the digits are dropped. Whether the number is assigned, or of a
/// length its country uses, is not asked: numbering plans change, and an address book must not lag.
/// `(0)` is refused, because it is not dialled from abroad and would make another number.
///
/// ```
/// # use roster::Phone;
/// let phone: Phone = "+44 20 7946-0018".parse()?;
///
/// assert_eq!(phone.to_string(), "+442079460018");
/// # Ok::<(), roster::InvalidPhone>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
// A country code never begins with 0, so the digits are a number and nothing is lost.
pub struct Phone(u64);

impl Phone {
    /// How many digits a number has, country code included.
    const DIGITS: std::ops::RangeInclusive<u32> = 7..=15;
}

impl FromStr for Phone {
    type Err = InvalidPhone;

    fn from_str(text: &str) -> Result<Self, InvalidPhone> {
        let text = trimmed(text);
        if text.is_empty() {
            return Err(InvalidPhone::Missing);
        }
        let Some(rest) = text.strip_prefix('+') else {
            return Err(written::without_plus(text));
        };
        if rest.contains("(0)") {
            return Err(InvalidPhone::TrunkZero);
        }

        let (mut number, mut digits) = (0_u64, 0);
        let mut known = false;
        for byte in rest.bytes() {
            match byte {
                b'0'..=b'9' => {
                    digits += 1;
                    if digits > *Self::DIGITS.end() {
                        return Err(InvalidPhone::Length);
                    }
                    number = number * 10 + u64::from(byte - b'0');
                    if number == 0 {
                        return Err(InvalidPhone::CountryCode);
                    }
                    known = known || digits <= CallingCodes::MAX_DIGITS && CALLING_CODES.contain(number);
                }
                b' ' | b'-' | b'.' | b'(' | b')' => {}
                _ => return Err(written::refused_character(rest)),
            }
        }
        if rest.ends_with(".0") {
            // What programs make of a column that they take for numbers; the 0 is no digit of the number.
            return Err(InvalidPhone::Decimal);
        }
        if digits < *Self::DIGITS.start() {
            Err(InvalidPhone::Length)
        } else if known {
            Ok(Self(number))
        } else {
            Err(InvalidPhone::CountryCode)
        }
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

serde_by_text!(Phone);
schema_of_text!(Phone, "A telephone number as E.164 has it", |text| text
    .pattern(Some(format!(
        r"^\+[1-9][0-9]{{{},{}}}$",
        Phone::DIGITS.start() - 1,
        Phone::DIGITS.end() - 1
    )))
    .examples(["+4930901820"]));

/// The country codes that exist, one bit each.
struct CallingCodes([u64; 16]);

static CALLING_CODES: LazyLock<CallingCodes> = LazyLock::new(|| {
    let mut codes = CallingCodes([0; 16]);
    for country in phonelib::countries() {
        // The library gives North American areas as code 1 and the area's three digits.
        let code = if country.prefix > 999 { 1 } else { country.prefix };
        codes.0[code as usize / 64] |= 1 << (code % 64);
    }
    codes
});

impl CallingCodes {
    /// How many digits a country code has at most.
    const MAX_DIGITS: u32 = 3;

    fn contain(&self, code: u64) -> bool {
        let word = usize::try_from(code / 64)
            .ok()
            .and_then(|index| self.0.get(index));
        word.is_some_and(|word| word >> (code % 64) & 1 == 1)
    }
}

/// Why a text is not a [`Phone`]. The texts continue the member's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPhone {
    /// Nothing but white space.
    #[error("is required")]
    Missing,
    /// Not in international form.
    #[error("does not begin with + and a country code")]
    NoPlus,
    /// A national number that is one of the country's in two ways.
    #[error("may be a number with or without its country code; write it with + and the country code")]
    Ambiguous,
    /// No number of the country that the numbers are of.
    #[error("is no number of the given country, nor does it begin with + and a country code")]
    NotOfCountry,
    /// A number that a spreadsheet has shortened.
    #[error(
        "was cut by the spreadsheet, which took it for a quantity; format the column as text and take the number from \
         its source"
    )]
    Scientific,
    /// A number that a program has given a decimal place.
    #[error("ends with .0, which a program has added to it; remove it")]
    Decimal,
    /// What a spreadsheet shows where it cannot compute a cell.
    #[error("{}", sheet_error::DETAIL)]
    NotComputed,
    /// A character that nobody sees.
    #[error("has {} in it; remove it", shown(*.0))]
    Invisible(char),
    /// Something other than digits, spaces, `-`, `.`, `(` and `)` after the `+`.
    #[error("has {} in it, which a phone number cannot have", shown(*.0))]
    Character(char),
    /// Fewer than 7 digits or more than 15.
    #[error("does not have 7 to 15 digits")]
    Length,
    /// The first digits are no country code.
    #[error("begins with a country code that does not exist")]
    CountryCode,
    /// The zero that is dialled within the country only.
    #[error("has a (0) in it, which is not dialled after a country code; remove it")]
    TrunkZero,
}

impl From<InvalidPhone> for Code {
    fn from(fault: InvalidPhone) -> Self {
        match fault {
            InvalidPhone::Missing => Self::Required,
            _ => Self::InvalidFormat,
        }
    }
}

#[cfg(test)]
mod tests;
