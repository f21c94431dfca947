//! The domain of an e-mail address.

use std::borrow::Cow;

use icu_properties::CodePointMapData;
use icu_properties::props::{HangulSyllableType, Script};
use idna::{
    AsciiDenyList,
    uts46::{DnsLength, Hyphens, Uts46},
};

use super::invisible::is_letter_mark_or_digit;

/// Returns the ASCII form of a domain, or `None` if it is none or is not fit for mail.
///
/// It takes all that an earlier version took, symbols included, because addresses are compared by it;
/// [`fault`] says what is refused nowadays.
pub(super) fn ascii(domain: &str) -> Option<Cow<'_, str>> {
    let ascii = Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            // Hyphens in the third and fourth place are found in domains that exist.
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        )
        .ok()?;
    let (_, top) = ascii.rsplit_once('.')?;
    // No top-level domain is a number (RFC 3696, 2): this is an IPv4 address without its brackets.
    let is_number = top.bytes().all(|byte| byte.is_ascii_digit());
    (!is_number).then_some(ascii)
}

/// What IDNA 2008 does not allow in a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DomainFault {
    /// This character.
    Character(char),
    /// A label as a whole: two hyphens in the third and fourth place of one that is not ASCII.
    Label,
}

/// Returns what IDNA 2008 (RFC 5891, RFC 5892) does not allow in `domain`, whose ASCII form is `ascii`.
pub(super) fn fault(domain: &str, ascii: &str) -> Option<DomainFault> {
    if domain.is_ascii() && !ascii.contains("xn--") {
        return None;
    }
    // As written: mapping makes letters of symbols such as U+24D0.
    let dots = ['.', '。', '．', '｡'];
    if let Some(char) = domain
        .chars()
        .find(|char| !char.is_ascii() && !dots.contains(char) && !is_allowed(*char))
    {
        return Some(DomainFault::Character(char));
    }
    let (unicode, _) =
        Uts46::new().to_unicode(ascii.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
    unicode
        .split('.')
        .filter(|label| !label.is_ascii())
        .find_map(label_fault)
}

fn label_fault(label: &str) -> Option<DomainFault> {
    if label.chars().skip(2).take(2).eq("--".chars()) {
        return Some(DomainFault::Label);
    }
    let chars: Vec<char> = label.chars().collect();
    let refused = (0..chars.len()).find(|index| {
        let char = chars[*index];
        !(char.is_ascii() || is_allowed(char) && is_in_context(&chars, *index))
    });
    refused.map(|index| DomainFault::Character(chars[index]))
}

/// Returns whether a character beyond ASCII is allowed in a label, if need be in some contexts only (RFC 5892, 3).
fn is_allowed(char: char) -> bool {
    match char {
        // Exceptions and contextual rules (RFC 5892, 2.6 and appendix A).
        '\u{B7}' | '\u{375}' | '\u{5F3}' | '\u{5F4}' | '\u{30FB}' | '\u{6FD}' | '\u{6FE}' | '\u{F0B}'
        | '\u{3007}' | '\u{200C}' | '\u{200D}' => true,
        '\u{640}' | '\u{7FA}' | '\u{302E}' | '\u{302F}' | '\u{3031}'..='\u{3035}' | '\u{303B}' => false,
        _ => {
            let jamo = const { CodePointMapData::<HangulSyllableType>::new() }.get(char);
            let is_old_jamo = [
                HangulSyllableType::LeadingJamo,
                HangulSyllableType::VowelJamo,
                HangulSyllableType::TrailingJamo,
            ]
            .contains(&jamo);
            is_letter_mark_or_digit(char) && !is_old_jamo && !super::invisible::is_invisible(char)
        }
    }
}

/// Returns whether the characters around the one at `index` allow it (RFC 5892, appendix A). Joiners were looked at by
/// UTS 46 already.
fn is_in_context(label: &[char], index: usize) -> bool {
    let scripts = const { CodePointMapData::<Script>::new() };
    let is_of = |char: Option<&char>, wanted: &[Script]| {
        char.is_some_and(|char| wanted.contains(&scripts.get(*char)))
    };
    let before = index.checked_sub(1).and_then(|before| label.get(before));
    let after = label.get(index + 1);
    match label[index] {
        '\u{B7}' => before == Some(&'l') && after == Some(&'l'),
        '\u{375}' => is_of(after, &[Script::Greek]),
        '\u{5F3}' | '\u{5F4}' => is_of(before, &[Script::Hebrew]),
        '\u{30FB}' => label
            .iter()
            .any(|char| is_of(Some(char), &[Script::Hiragana, Script::Katakana, Script::Han])),
        '\u{660}'..='\u{669}' => !label.iter().any(|char| matches!(char, '\u{6F0}'..='\u{6F9}')),
        '\u{6F0}'..='\u{6F9}' => !label.iter().any(|char| matches!(char, '\u{660}'..='\u{669}')),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(domain: &str) -> Option<DomainFault> {
        fault(domain, &ascii(domain).unwrap_or_else(|| panic!("{domain}")))
    }

    #[test]
    fn letters_marks_and_digits_of_any_script_make_a_domain() {
        for domain in [
            "example.org",
            "r3---sn.example.org",
            "münchen.example",
            "xn--mnchen-3ya.example",
            "例子.广告",
            "例子。广告",
            "उदाहरण.भारत",
            "faß.example",
            "εχαμπλε.ψομ",
            "l·l.example",
            "ＥＸＡＭＰＬＥ．org",
            "コン・サル.example",
            "jose\u{301}.example",
            "क्\u{200D}ष.example",
        ] {
            assert_eq!(told(domain), None, "{domain}");
        }
    }

    #[test]
    fn symbols_and_punctuation_make_none() {
        for (domain, char) in [
            ("☃.example", '☃'),
            ("ex’ample.org", '’'),
            ("“example.org", '“'),
            ("example.org–", '–'),
            ("ⓔxample.org", 'ⓔ'),
            ("exa²mple.org", '²'),
            ("😀.example", '😀'),
            ("xn--n3h.example", '☃'),
            ("a·b.example", '·'),
            ("a·l.example", '·'),
            ("l·a.example", '·'),
            ("a・b.example", '・'),
            ("بـب.example", 'ـ'),
            ("exa\u{ad}mple.org", '\u{ad}'),
        ] {
            assert_eq!(told(domain), Some(DomainFault::Character(char)), "{domain}");
        }
    }

    #[test]
    fn a_decoded_label_does_not_look_like_an_encoded_one() {
        assert_eq!(told("ab--é.example"), Some(DomainFault::Label));
        assert_eq!(ascii("xn--é.example"), None);
        assert_eq!(ascii("xn--a.example"), None);
    }
}
