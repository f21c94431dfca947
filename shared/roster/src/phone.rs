//! A telephone number.

use std::{fmt, str::FromStr, sync::LazyLock};

use super::{
    Code,
    by_text::{schema_of_text, serde_by_text},
};

/// A telephone number in international form (E.164): `+`, a country code that exists, 7 to 15 digits
/// in all.
///
/// Spaces, `-`, `.`, `(` and `)` between the digits are dropped. Whether the number is assigned, or of a
/// length its country uses, is not asked: numbering plans change, and an address book must not lag.
/// `(0)` is refused, because it is not dialled from abroad and would make another number.
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
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidPhone::Missing);
        }
        let rest = text.strip_prefix('+').ok_or(InvalidPhone::NoPlus)?;
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
                _ => return Err(InvalidPhone::Character),
            }
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
    /// Something other than digits, spaces, `-`, `.`, `(` and `)` after the `+`.
    #[error("has a character that a phone number cannot have")]
    Character,
    /// Fewer than 7 digits or more than 15.
    #[error("does not have 7 to 15 digits")]
    Length,
    /// The first digits are no country code.
    #[error("begins with a country code that does not exist")]
    CountryCode,
    /// The zero that is dialled within the country only.
    #[error("has a (0) in it, which is not dialled after a country code")]
    TrunkZero,
}

impl From<InvalidPhone> for Code {
    fn from(fault: InvalidPhone) -> Self {
        match fault {
            InvalidPhone::Missing => Self::Required,
            InvalidPhone::NoPlus
            | InvalidPhone::Character
            | InvalidPhone::Length
            | InvalidPhone::CountryCode
            | InvalidPhone::TrunkZero => Self::InvalidFormat,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_kept_as_plus_and_digits() {
        for (text, e164) in [
            ("+4930901820", "+4930901820"),
            (" +49 (30) 90-18.20 ", "+4930901820"),
            ("+1 (202) 555-0173", "+12025550173"),
            ("+1-268-555-0173", "+12685550173"),
            ("+39 06 698 12345", "+390669812345"),
            ("+7 495 123-45-67", "+74951234567"),
            ("+800 1234 5678", "+80012345678"),
            ("+290 1234", "+2901234"),
            ("+491234567890123", "+491234567890123"),
        ] {
            assert_eq!(text.parse::<Phone>().unwrap().to_string(), e164, "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_number_says_why() {
        for (text, fault) in [
            ("", InvalidPhone::Missing),
            ("  ", InvalidPhone::Missing),
            ("030 901820", InvalidPhone::NoPlus),
            ("0049 30 901820", InvalidPhone::NoPlus),
            ("(+49) 30 901820", InvalidPhone::NoPlus),
            ("tel:+4930901820", InvalidPhone::NoPlus),
            ("＋4930901820", InvalidPhone::NoPlus),
            ("+", InvalidPhone::Length),
            ("++4930901820", InvalidPhone::Character),
            ("+49 30/901820", InvalidPhone::Character),
            ("+49 30 901820 ext. 7", InvalidPhone::Character),
            ("+1 800 FLOWERS", InvalidPhone::Character),
            ("+49\u{a0}30901820", InvalidPhone::Character),
            ("+٤٩٣٠٩٠١٨٢٠", InvalidPhone::Character),
            ("+49\n30901820", InvalidPhone::Character),
            ("+49 123", InvalidPhone::Length),
            ("+491234", InvalidPhone::Length),
            ("+4912345678901234", InvalidPhone::Length),
            ("+99999999999999999999999999", InvalidPhone::Length),
            ("+0 30 901820", InvalidPhone::CountryCode),
            ("+999 1234567", InvalidPhone::CountryCode),
            ("+210 1234567", InvalidPhone::CountryCode),
            ("+44 (0)20 7946 0958", InvalidPhone::TrunkZero),
        ] {
            assert_eq!(text.parse::<Phone>(), Err(fault), "{text}");
        }
    }

    #[test]
    fn every_country_code_of_the_plan_is_known() {
        for code in [
            1, 7, 20, 27, 30, 49, 86, 98, 211, 290, 383, 420, 599, 692, 800, 870, 881, 979, 998,
        ] {
            assert!(format!("+{code}1234567").parse::<Phone>().is_ok(), "{code}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_number_or_a_fault(text in any::<String>()) {
            let _ = text.parse::<Phone>();
        }

        #[test]
        fn a_number_reads_back_as_itself(text in "\\+[1-9][0-9 .()-]{5,18}") {
            if let Ok(phone) = text.parse::<Phone>() {
                prop_assert_eq!(phone.to_string().parse::<Phone>(), Ok(phone));
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                prop_assert_eq!(phone.to_string(), format!("+{digits}"));
            }
        }
    }
}
