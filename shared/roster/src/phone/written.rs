//! Phone numbers as people and programs write them.

use std::borrow::Cow;

use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;

use super::country::is_international;
use super::{Country, InvalidPhone, Phone, is_invisible, sheet_error, trimmed};

/// Characters of a text beyond which no number is looked for in it.
const LONGEST: usize = 200;

impl Phone {
    /// Reads a number as files have it: also behind `tel:`, `00` for the `+`, within `="..."`, with hyphens, spaces
    /// and digits of any kind, and with a `country` without any country code.
    ///
    /// # Errors
    ///
    /// The first fault of the text.
    pub fn of_cell(cell: &str, country: Option<Country>) -> Result<Self, InvalidPhone> {
        let text = unwrapped(cell);
        match (text.parse(), country) {
            (Err(InvalidPhone::NoPlus), Some(country)) => match digits(&text) {
                Some(digits) => country.number(&digits),
                None => Err(refused_character(&text)),
            },
            (read, _) => read,
        }
    }

    /// Returns the number that was most likely meant where `text` is none, in international form.
    #[must_use]
    pub fn suggestion(text: &str, country: Option<Country>) -> Option<String> {
        if text.len() > LONGEST {
            return None;
        }
        let text = unwrapped(text);
        let seen: String = text.chars().filter(|char| !is_invisible(*char)).collect();
        // An extension is no part of the number; of two numbers, the first.
        let is_end = |char: char| matches!(char, ',' | ';' | '|' | '\n') || char.is_alphabetic();
        let first = seen.trim().split(is_end).next().unwrap_or_default().trim();
        let first = first.strip_suffix(".0").unwrap_or(first).replace("(0)", "");
        let has_plus = first.trim_start_matches(['(', ' ']).starts_with('+');
        if first.matches('+').count() > usize::from(has_plus) {
            let (one, _) = first.rsplit_once('+')?;
            return Self::suggestion(one.trim_end_matches(['/', ' ']), country);
        }
        let digits: String = first.chars().filter(char::is_ascii_digit).collect();
        let is_other = |char: char| !(char.is_ascii_digit() || "+ -.()/'_*\"".contains(char));
        if digits.is_empty() || first.contains(is_other) || is_scientific(&seen) {
            return None;
        }
        let number = if has_plus {
            format!("+{digits}").parse()
        } else if let Some(rest) = digits.strip_prefix("00") {
            format!("+{rest}").parse()
        } else if let Some(country) = country {
            country
                .international(&digits)
                .map_or_else(|| country.number(&digits), Ok)
        } else if !digits.starts_with('0') && is_international(&digits) {
            format!("+{digits}").parse()
        } else {
            return None;
        };
        number.ok().map(|number: Self| number.to_string())
    }
}

/// Returns what is wrong with a number that does not begin with `+`.
pub(super) fn without_plus(text: &str) -> InvalidPhone {
    if is_scientific(text) {
        InvalidPhone::Scientific
    } else if sheet_error::is_one(text) {
        InvalidPhone::NotComputed
    } else {
        match text.chars().find(|char| is_invisible(*char)) {
            Some(char) => InvalidPhone::Invisible(char),
            None => InvalidPhone::NoPlus,
        }
    }
}

/// Returns which character of what follows the `+` a number cannot have.
pub(super) fn refused_character(rest: &str) -> InvalidPhone {
    let is_refused = |char: &char| !(char.is_ascii_digit() || " -.()".contains(*char));
    match rest.chars().find(is_refused) {
        Some(char) if is_invisible(char) => InvalidPhone::Invisible(char),
        Some(char) => InvalidPhone::Character(char),
        None => InvalidPhone::NoPlus,
    }
}

/// Returns whether the text is a number as spreadsheets shorten it: `4.47912E+11`.
fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else {
        return false;
    };
    let is_number = |text: &str| text.starts_with(|char: char| char.is_ascii_digit());
    is_number(mantissa.trim_start_matches(['+', '-']))
        && is_number(exponent.trim_start_matches(['+', '-']))
        && mantissa
            .chars()
            .chain(exponent.chars())
            .all(|char| char.is_ascii_digit() || "+-.,".contains(char))
}

/// Returns the digits of a number that has nothing else but what may be between them.
fn digits(text: &str) -> Option<String> {
    let is_plain = |char: char| char.is_ascii_digit() || " -.()".contains(char);
    text.chars()
        .all(is_plain)
        .then(|| text.chars().filter(char::is_ascii_digit).collect())
}

/// Returns the number without what programs write around one, with the signs of ASCII and with `+` for `00`.
fn unwrapped(cell: &str) -> Cow<'_, str> {
    let mut text = trimmed(cell);
    // ="+44..." and =+44... are formulas that keep a spreadsheet from changing the number; so is '.
    if let Some(formula) = text.strip_prefix('=') {
        let quoted = formula.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        text = trimmed(quoted.unwrap_or(formula));
    }
    text = text.strip_prefix('\'').unwrap_or(text);
    if text
        .get(..4)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("tel:"))
    {
        text = trimmed(&text[4..]);
    }
    let mut text = if text.is_ascii() {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().map(plain).collect())
    };
    if let Some(rest) = text.strip_prefix("00")
        && rest
            .trim_start()
            .starts_with(|char: char| matches!(char, '1'..='9' | '-' | '.' | '(' | '0'))
    {
        text = format!("+{}", rest.trim_start()).into();
    }
    text
}

/// Returns the digit, hyphen, space or plus sign of ASCII that the character is in another form.
fn plain(char: char) -> char {
    if char.is_ascii() {
        return char;
    }
    let category = const { CodePointMapData::<GeneralCategory>::new() }.get(char);
    match char {
        '＋' | '﹢' => '+',
        '−' => '-',
        '．' => '.',
        '（' => '(',
        '）' => ')',
        _ if category == GeneralCategory::DashPunctuation => '-',
        _ if category == GeneralCategory::SpaceSeparator => ' ',
        _ if category == GeneralCategory::DecimalNumber => digit(char),
        _ => char,
    }
}

/// Returns the digit of ASCII for a decimal digit of any script. The ten of a script follow each other from 0 to 9.
fn digit(char: char) -> char {
    let categories = const { CodePointMapData::<GeneralCategory>::new() };
    let is_digit = |point: u32| {
        char::from_u32(point).is_some_and(|char| categories.get(char) == GeneralCategory::DecimalNumber)
    };
    let point = u32::from(char);
    // Sets of mathematical digits follow each other without a gap, from a known start.
    if matches!(char, '\u{1D7CE}'..='\u{1D7FF}') {
        return char::from_digit((point - 0x1D7CE) % 10, 10).unwrap_or(char);
    }
    let value = (0..10).find(|before| !is_digit(point - before - 1));
    value
        .and_then(|value| char::from_digit(value, 10))
        .unwrap_or(char)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cell: &str, country: Option<&str>) -> Result<String, InvalidPhone> {
        Phone::of_cell(cell, country.map(|code| code.parse().unwrap())).map(|number| number.to_string())
    }

    fn suggestion(cell: &str, country: Option<&str>) -> Option<String> {
        Phone::suggestion(cell, country.map(|code| code.parse().unwrap()))
    }

    #[test]
    fn a_number_with_one_meaning_is_read() {
        for cell in [
            "+447912345678",
            "0044 7912 345678",
            "00-44-7912-345678",
            "tel:+447912345678",
            "TEL: +44-7912-345678",
            "=\"+447912345678\"",
            "=\"00447912345678\"",
            "'+447912345678",
            "'00447912345678",
            "=+447912345678",
            "+44\u{A0}7912\u{2011}345678",
            "\u{202A}+447912345678\u{202C}",
            "＋４４７９１２３４５６７８",
            "+٤٤٧٩١٢٣٤٥٦٧٨",
            "+44 7912–345678",
            "+44（7912）345678",
            "+44\u{2009}7912\u{202F}345678",
        ] {
            assert_eq!(read(cell, None).as_deref(), Ok("+447912345678"), "{cell}");
        }
    }

    #[test]
    fn a_country_completes_a_national_number() {
        for (cell, country, number) in [
            ("07912 345678", "GB", "+447912345678"),
            ("447912345678", "GB", "+447912345678"),
            ("(020) 7946 0958", "GB", "+442079460958"),
            ("0151 23456780", "DE", "+4915123456780"),
            ("15123456780", "DE", "+4915123456780"),
            ("06 12 34 56 78", "FR", "+33612345678"),
            ("33612345678", "FR", "+33612345678"),
            ("06 698 12345", "IT", "+390669812345"),
            ("8 916 123-45-67", "RU", "+79161234567"),
            ("79161234567", "RU", "+79161234567"),
            ("(202) 555-0173", "US", "+12025550173"),
            ("1 202 555 0173", "US", "+12025550173"),
            ("06 1 234 5678", "HU", "+3612345678"),
            ("612 345 678", "ES", "+34612345678"),
            ("+44 7912 345678", "DE", "+447912345678"),
            ("0044 7912 345678", "DE", "+447912345678"),
        ] {
            assert_eq!(
                read(cell, Some(country)).as_deref(),
                Ok(number),
                "{cell} in {country}"
            );
        }
    }

    #[test]
    fn a_number_that_fits_twice_is_refused_with_the_international_one() {
        assert_eq!(read("4915123456780", Some("DE")), Err(InvalidPhone::Ambiguous));
        assert_eq!(
            suggestion("4915123456780", Some("DE")).as_deref(),
            Some("+4915123456780")
        );
    }

    #[test]
    fn a_number_that_is_refused_comes_with_the_one_that_was_meant() {
        for (cell, number) in [
            ("447912345678", Some("+447912345678")),
            ("447912345678.0", Some("+447912345678")),
            ("+44 (0)7912 345678", Some("+447912345678")),
            ("+44 7912\u{200B}345678", Some("+447912345678")),
            ("(+44) 7912 345678", Some("+447912345678")),
            ("+44 7912/345678", Some("+447912345678")),
            ("+44 7912 345678 ext. 7", Some("+447912345678")),
            ("+44 7912 345678, +44 7912 345679", Some("+447912345678")),
            ("+44 7912 345678 / +44 7912 345679", Some("+447912345678")),
            ("07912 345678", None),
            ("4.47912E+11", None),
            ("4,47912E+11", None),
            ("no phone", None),
            ("", None),
        ] {
            assert_eq!(suggestion(cell, None).as_deref(), number, "{cell}");
            assert!(read(cell, None).is_err(), "{cell}");
        }
    }

    #[test]
    fn a_number_that_a_spreadsheet_cut_is_called_so() {
        for cell in ["4.47912E+11", "4,47912E+11", "4.47912e11", "447E9"] {
            assert_eq!(read(cell, None), Err(InvalidPhone::Scientific), "{cell}");
            assert_eq!(read(cell, Some("GB")), Err(InvalidPhone::Scientific), "{cell}");
        }
        assert_eq!(read("#REF!", Some("GB")), Err(InvalidPhone::NotComputed));
        assert_eq!(read("+44791234567.0", None), Err(InvalidPhone::Decimal));
    }

    #[test]
    fn a_digit_of_any_script_is_one() {
        for (char, digit) in [
            ('٣', '3'),
            ('９', '9'),
            ('०', '0'),
            ('\u{1D7E4}', '2'),
            ('᠙', '9'),
        ] {
            assert_eq!(plain(char), digit);
        }
    }
}
