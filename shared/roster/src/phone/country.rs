//! The country that phone numbers without a country code are of.

use std::{fmt, str::FromStr};

use super::{InvalidPhone, Phone};
use crate::Code;
use crate::by_text::{schema_of_text, serde_by_text};

/// A country that has phone numbers, by its code in ISO 3166-1 (alpha-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Country(&'static str);

impl Country {
    /// Returns the number that `digits`, which do not begin with an international prefix, are in this country.
    ///
    /// Digits that begin with the country's calling code and then have a length that it uses are international
    /// already; all others are completed, without the trunk prefix where the country drops it. What could be both is
    /// ambiguous.
    pub(super) fn number(self, digits: &str) -> Result<Phone, InvalidPhone> {
        let international = self.international(digits);
        let national = phonelib::PhoneNumber::parse_with_country(digits, self.0);
        let national = national.and_then(|number| number.e164().parse().ok());
        match (international, national) {
            (Some(one), Some(other)) if one != other => Err(InvalidPhone::Ambiguous),
            (Some(number), _) | (None, Some(number)) => Ok(number),
            (None, None) => Err(InvalidPhone::NotOfCountry),
        }
    }

    /// Returns the number that begins with the country's calling code, if it has a length that the country uses.
    pub(super) fn international(self, digits: &str) -> Option<Phone> {
        let is_one = phonelib::countries_by_code(self.0)
            .into_iter()
            .any(|country| has_length(country, digits));
        is_one.then(|| format!("+{digits}").parse().ok()).flatten()
    }
}

/// Returns whether the digits begin with the calling code of a country, any of them, and then have a length that
/// the country uses.
pub(super) fn is_international(digits: &str) -> bool {
    phonelib::countries()
        .iter()
        .any(|country| has_length(country, digits))
}

fn has_length(country: &phonelib::Country, digits: &str) -> bool {
    let code = country.prefix.to_string();
    // The library gives North American areas as code 1 and the area's three digits; its lengths are without the 1.
    let code_len = if code.len() > 3 { 1 } else { code.len() };
    let Some(national) = digits.strip_prefix(&code).and(digits.get(code_len..)) else {
        return false;
    };
    country
        .phone_lengths
        .iter()
        .any(|len| usize::from(*len) == national.len())
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl FromStr for Country {
    type Err = UnknownCountry;

    fn from_str(text: &str) -> Result<Self, UnknownCountry> {
        // The library also has "001", for numbers of no country.
        let known = phonelib::country_by_code(text).filter(|country| country.code.len() == 2);
        known.map(|country| Self(country.code)).ok_or(UnknownCountry)
    }
}

serde_by_text!(Country);
schema_of_text!(Country, "A country by its two letters in ISO 3166-1", |text| text
    .pattern(Some("^[A-Za-z]{2}$"))
    .examples(["GB"]));

/// The text names no country.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the two letters of a country in ISO 3166-1, such as GB or DE")]
pub struct UnknownCountry;

impl From<UnknownCountry> for Code {
    fn from(_: UnknownCountry) -> Self {
        Self::InvalidFormat
    }
}
