//! Texts that a program has damaged on their way into a file: read in a wrong encoding, escaped for HTML, or written in
//! the place of nothing.

use std::borrow::Cow;

use encoding_rs::{Encoding, MACINTOSH, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252};

use roster::Code;
use roster::invisible::{is_dropped_from_names, trimmed};

/// What programs write where there is no value. `None` may be a name, so it is a warning only.
const EMPTY: [&str; 17] = [
    "null",
    "\\n",
    "(null)",
    "<null>",
    "[null]",
    "none",
    "(none)",
    "<none>",
    "undefined",
    "n/a",
    "n.a.",
    "nan",
    "<na>",
    "nil",
    "(empty)",
    "(blank)",
    "(leer)",
];

/// The encodings that UTF-8 is most often taken for.
const TAKEN_FOR: [&Encoding; 4] = [WINDOWS_1252, WINDOWS_1250, MACINTOSH, WINDOWS_1251];

/// The entities of HTML that have names and are found in names, beyond those of Latin-1.
const ENTITIES: [(&str, char); 15] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("rsquo", '’'),
    ("lsquo", '‘'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("hellip", '…'),
    ("Scaron", 'Š'),
    ("scaron", 'š'),
    ("OElig", 'Œ'),
    ("oelig", 'œ'),
];

/// The names of the entities for U+00C0 to U+00FF, in order.
const LATIN_1: [&str; 64] = [
    "Agrave", "Aacute", "Acirc", "Atilde", "Auml", "Aring", "AElig", "Ccedil", "Egrave", "Eacute", "Ecirc",
    "Euml", "Igrave", "Iacute", "Icirc", "Iuml", "ETH", "Ntilde", "Ograve", "Oacute", "Ocirc", "Otilde",
    "Ouml", "times", "Oslash", "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute", "THORN", "szlig", "agrave",
    "aacute", "acirc", "atilde", "auml", "aring", "aelig", "ccedil", "egrave", "eacute", "ecirc", "euml",
    "igrave", "iacute", "icirc", "iuml", "eth", "ntilde", "ograve", "oacute", "ocirc", "otilde", "ouml",
    "divide", "oslash", "ugrave", "uacute", "ucirc", "uuml", "yacute", "thorn", "yuml",
];

/// How often a text is mended over again: some were damaged more than once.
const TIMES: usize = 4;

/// Returns whether the text is what programs write where there is no value.
#[must_use]
pub(super) fn is_empty_word(text: &str) -> bool {
    let may_be_one = matches!(
        text.as_bytes(),
        [b'n' | b'N' | b'u' | b'U' | b'\\' | b'(' | b'<' | b'[', ..]
    );
    may_be_one && EMPTY.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Returns whether a text may be damaged, as far as that can be said without a closer look.
#[must_use]
pub(super) fn is_suspicious(text: &str) -> bool {
    text.bytes().any(|byte| !byte.is_ascii() || byte == b'&') || is_empty_word(text)
}

/// Returns what looks odd in a text, and the text without it.
#[must_use]
pub(super) fn odd(text: &str) -> (Vec<Code>, String) {
    if is_empty_word(text) {
        return (vec![Code::LooksEmpty], String::new());
    }
    let mut codes = Vec::new();
    let mut mended = Cow::Borrowed(text);
    for _ in 0..TIMES {
        let mut changed = false;
        if let Some(decoded) = unescaped(&mended) {
            codes.push(Code::LooksEscaped);
            mended = decoded.into();
            changed = true;
        }
        if let Some(decoded) = decoded(&mended) {
            codes.push(Code::LooksGarbled);
            mended = decoded.into();
            changed = true;
        }
        if !changed {
            break;
        }
    }
    codes.sort_unstable_by_key(|code| code.name());
    codes.dedup();
    let seen: String = mended
        .chars()
        .filter(|char| !is_dropped_from_names(*char))
        .collect();
    let seen = trimmed(&seen);
    let seen = if is_empty_word(seen) { "" } else { seen };
    (codes, seen.to_owned())
}

/// Returns the text with its HTML entities replaced, if it has any.
fn unescaped(text: &str) -> Option<String> {
    // The longest name, and the longest number.
    const LONGEST: usize = 10;

    let mut rest = text;
    let mut out = String::new();
    let mut found = false;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let entity = after
            .char_indices()
            .take(LONGEST)
            .find(|(_, char)| *char == ';')
            .and_then(|(end, _)| Some((entity(&after[..end])?, &after[end + 1..])));
        if let Some((char, after)) = entity {
            out.push(char);
            rest = after;
            found = true;
        } else {
            out.push('&');
            rest = after;
        }
    }
    out.push_str(rest);
    found.then_some(out)
}

/// Returns the character of an entity, which is written without `&` and `;`.
fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let point = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(point).filter(|char| !char.is_control());
    }
    let named = ENTITIES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, char)| *char);
    named.or_else(|| {
        let place = LATIN_1.iter().position(|known| *known == name)?;
        char::from_u32(0xC0 + u32::try_from(place).ok()?)
    })
}

/// Returns the text as it was before UTF-8 was read in another encoding, if that is what happened to it.
fn decoded(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    TAKEN_FOR.into_iter().find_map(|encoding| {
        let (bytes, _, unmappable) = encoding.encode(text);
        let decoded = std::str::from_utf8(&bytes).ok().filter(|_| !unmappable)?;
        // What comes out is shorter, and beyond ASCII has letters and the signs that are found in names.
        let is_likely = |char: char| {
            char.is_ascii() || char.is_alphabetic() || "’‘“”–—…´\u{A0}".contains(char) || is_mark(char)
        };
        let is_text = decoded.chars().all(is_likely) || self::decoded(decoded).is_some();
        (decoded.len() < text.len() && is_text).then(|| decoded.to_owned())
    })
}

fn is_mark(char: char) -> bool {
    matches!(char, '\u{300}'..='\u{36F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_text_is_mended() {
        for (text, codes, mended) in [
            ("JosÃ©", &[Code::LooksGarbled][..], "José"),
            ("MÃ¼ller", &[Code::LooksGarbled], "Müller"),
            ("Oâ€™Neil", &[Code::LooksGarbled], "O’Neil"),
            ("JosĂ©", &[Code::LooksGarbled], "José"),
            ("Jos√©", &[Code::LooksGarbled], "José"),
            ("JosÃƒÂ©", &[Code::LooksGarbled], "José"),
            ("ÐŸÐµÑ‚Ñ€", &[Code::LooksGarbled], "Петр"),
            ("O&#39;Neil", &[Code::LooksEscaped], "O'Neil"),
            ("O&#x27;Neil", &[Code::LooksEscaped], "O'Neil"),
            ("Ren&eacute; &amp; Co", &[Code::LooksEscaped], "René & Co"),
            ("Ren&amp;eacute;", &[Code::LooksEscaped], "René"),
            (
                "O&#39;NeilÃ©",
                &[Code::LooksEscaped, Code::LooksGarbled],
                "O'Neilé",
            ),
            ("NULL", &[Code::LooksEmpty], ""),
            ("\\N", &[Code::LooksEmpty], ""),
            ("(null)", &[Code::LooksEmpty], ""),
            ("N/A", &[Code::LooksEmpty], ""),
            ("&nbsp;", &[Code::LooksEscaped], ""),
        ] {
            let mut expected = codes.to_vec();
            expected.sort_unstable_by_key(|code| code.name());
            assert_eq!(odd(text), (expected, mended.to_owned()), "{text}");
            assert!(is_suspicious(text), "{text}");
        }
    }

    #[test]
    fn a_word_for_nothing_is_found_by_its_beginning() {
        for word in EMPTY {
            assert!(
                is_empty_word(word) && is_empty_word(&word.to_uppercase()),
                "{word}"
            );
        }
    }

    #[test]
    fn a_sound_text_is_not_odd() {
        for text in [
            "Ada",
            "José",
            "Zoë",
            "Ærø",
            "Пётр",
            "Сімона",
            "花子",
            "Nonesuch",
            "Null-Meyer",
            "AT&T",
            "R&D; Co",
            "a & b",
            "&;",
            "&#;",
            "Ána",
            "Ñandú",
            "Ó",
            "Ã",
            "نا\u{200C}مه",
        ] {
            assert_eq!(odd(text), (vec![], text.to_owned()), "{text}");
        }
    }
}
