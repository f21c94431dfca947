//! Characters that nobody sees: white space, and those that only control how others are shown.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Returns whether nobody sees the character, though it takes no space: it is ignored where text is shown, or
/// shown as nothing.
#[must_use]
pub fn is_invisible(char: char) -> bool {
    let ignorable = const { CodePointSetData::new::<DefaultIgnorableCodePoint>() };
    !char.is_ascii()
        && (ignorable.contains(char)
            // Marks of interlinear annotations, and a pattern of braille without a dot.
            || matches!(char, '\u{FFF9}'..='\u{FFFB}' | '\u{2800}'))
}

/// Returns whether nobody sees the character at either end of a text: white space of any kind included.
#[must_use]
pub fn is_blank(char: char) -> bool {
    char.is_whitespace() || is_invisible(char)
}

/// Returns whether an invisible character has a meaning within a name: it joins letters or chooses
/// between their forms, as Persian, Indic, Mongolian, Korean and Japanese names need.
#[must_use]
pub(super) fn means_something(char: char) -> bool {
    matches!(char,
        '\u{200C}' | '\u{200D}' | '\u{34F}'
        | '\u{180B}'..='\u{180D}' | '\u{180F}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}'
        | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}')
}

/// Returns whether an invisible character is dropped from names, wherever it is.
#[must_use]
pub fn is_dropped_from_names(char: char) -> bool {
    is_invisible(char) && !means_something(char)
}

/// Returns the text without white space and invisible characters at either end.
#[must_use]
pub fn trimmed(text: &str) -> &str {
    // Most texts begin and end with a letter or a digit: then there is nothing to look up.
    match text.as_bytes() {
        [byte] if byte.is_ascii_graphic() => text,
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim_matches(is_blank),
    }
}

/// Returns the name without white space at either end, nor invisible characters that have no meaning there;
/// nothing if no character is left that is seen.
pub(super) fn trimmed_name(text: &str) -> &str {
    match text.as_bytes() {
        [byte] if byte.is_ascii_graphic() => text,
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ if text.chars().all(is_blank) => "",
        _ => text.trim_matches(|char: char| char.is_whitespace() || is_dropped_from_names(char)),
    }
}

/// Returns the character as a message shows it: by its code point and what it is where nobody sees it, else
/// as it is.
#[must_use]
pub fn shown(char: char) -> String {
    let point = u32::from(char);
    let what = match char {
        '\u{AD}' => "a soft hyphen, which is invisible",
        '\u{200B}' => "an invisible space",
        '\u{FEFF}' => "a byte order mark, which is invisible",
        '\u{2060}' => "a word joiner, which is invisible",
        '\u{200C}' | '\u{200D}' => "an invisible joiner",
        '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
            "an invisible direction mark"
        }
        '\n' | '\r' | '\u{2028}' | '\u{2029}' => "a line break",
        '\t' => "a tab",
        ' ' => "a space",
        _ if is_invisible(char) => "an invisible character",
        _ if char.is_control() => "a control character",
        _ if char.is_whitespace() => "a space of another kind",
        _ => return format!("the character {char} (U+{point:04X})"),
    };
    format!("U+{point:04X}, {what}")
}

/// Returns whether the character is a letter, a mark that belongs to one, or a decimal digit, of any script.
#[must_use]
pub(super) fn is_letter_mark_or_digit(char: char) -> bool {
    let category = const { CodePointMapData::<GeneralCategory>::new() }.get(char);
    GeneralCategoryGroup::Letter.contains(category)
        || GeneralCategoryGroup::Mark.contains(category)
        || category == GeneralCategory::DecimalNumber
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_dropped_at_either_end() {
        for char in [
            ' ',
            '\t',
            '\n',
            '\u{85}',
            '\u{A0}',
            '\u{1680}',
            '\u{2003}',
            '\u{2028}',
            '\u{202F}',
            '\u{3000}',
            '\u{200B}',
            '\u{FEFF}',
            '\u{2060}',
            '\u{AD}',
            '\u{200E}',
            '\u{202A}',
            '\u{2069}',
            '\u{61C}',
            '\u{180E}',
            '\u{2063}',
            '\u{3164}',
            '\u{FFA0}',
            '\u{2800}',
            '\u{E0020}',
            '\u{FFF9}',
        ] {
            for text in [
                format!("{char}a b{char}"),
                format!("{char}{char}a b"),
                format!("a b{char} "),
            ] {
                assert_eq!(trimmed(&text), "a b", "{:04X}", u32::from(char));
                assert_eq!(trimmed_name(&text), "a b", "{:04X}", u32::from(char));
            }
            assert_eq!(trimmed(&char.to_string()), "");
        }
        assert_eq!(trimmed(""), "");
        assert_eq!(trimmed("é"), "é");
    }

    #[test]
    fn joiners_and_forms_stay_in_a_name_that_has_letters() {
        assert_eq!(trimmed_name("\u{d28}\u{d4d}\u{200d}"), "\u{d28}\u{d4d}\u{200d}");
        assert_eq!(trimmed_name("\u{200d}\u{200b} "), "");
        assert_eq!(trimmed_name(" 葛\u{E0100} "), "葛\u{E0100}");
    }

    #[test]
    fn a_character_is_shown_by_what_it_is() {
        assert_eq!(shown('\u{200B}'), "U+200B, an invisible space");
        assert_eq!(shown('\u{AD}'), "U+00AD, a soft hyphen, which is invisible");
        assert_eq!(shown('\u{3000}'), "U+3000, a space of another kind");
        assert_eq!(shown('\u{2064}'), "U+2064, an invisible character");
        assert_eq!(shown('“'), "the character “ (U+201C)");
    }
}
