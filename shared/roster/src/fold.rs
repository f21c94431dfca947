//! Comparing text without regard to case.

use std::borrow::Cow;

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};

/// The form in which texts are compared and searched: NFC, with Unicode simple case folding.
///
/// Folding is the same for every language: `I` and `i` are one letter, `ı` is another, and `ß` is not
/// `ss`. The result does not change when it is folded again.
///
/// ```
/// # use roster::fold;
/// assert_eq!(fold("ÉMILE"), "émile");
/// ```
#[must_use]
pub fn fold(text: &str) -> String {
    folded(text).into_owned()
}

/// [`fold`], which borrows a text that is its own folded form if that can be told without tables.
pub(super) fn folded(text: &str) -> Cow<'_, str> {
    if !text.is_ascii() {
        return Cow::Owned(fold_unicode(text));
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// Folds letter by letter, with marks apart, so that every spelling of a letter meets the others (the
/// canonical caseless matching of the Unicode Standard, D145).
fn fold_unicode(text: &str) -> String {
    let decompose = const { DecomposingNormalizer::new_nfd() };
    let compose = const { ComposingNormalizer::new_nfc() };
    let cases = const { CaseMapper::new() };

    let folded = decompose
        .normalize_iter(text.chars())
        .map(|c| cases.simple_fold(c));
    compose.normalize_iter(folded).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn upper_and_lower_case_fold_alike() {
        for (one, other) in [
            ("ADA", "ada"),
            ("ÉMILE", "émile"),
            ("STRAẞE", "straße"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
            ("Ḱ\u{1E9B}", "ḱ\u{1E61}"),
            ("\u{212A}elvin", "kelvin"),
            ("ᲒᲘᲝᲠᲒᲘ", "გიორგი"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} and {other}");
        }
    }

    #[test]
    fn letters_that_only_look_alike_stay_apart() {
        for (one, other) in [("ı", "i"), ("İ", "i"), ("ß", "ss"), ("а", "a"), ("é", "e")] {
            assert_ne!(fold(one), fold(other), "{one} and {other}");
        }
    }

    #[test]
    fn composed_and_decomposed_letters_fold_alike() {
        assert_eq!(fold("E\u{301}mile"), fold("émile"));
        assert_eq!(fold("A\u{30A}"), fold("\u{212B}"));
        assert_eq!(fold("\u{391}\u{301}\u{345}"), fold("\u{1FB4}"));
    }

    #[test]
    fn a_final_sigma_is_a_sigma() {
        assert_eq!(fold("ς"), fold("Σ"));
    }

    #[test]
    fn letters_with_a_case_are_stable_once_folded() {
        let cased = ('\0'..='\u{2FFF}').chain('\u{A640}'..='\u{ABFF}');
        for c in cased.chain('\u{FB00}'..='\u{FFFF}') {
            for text in [format!("{c}\u{345}\u{301}"), format!("α{c}\u{308}")] {
                let once = fold(&text);
                assert_eq!(fold(&once), once, "U+{:04X}", u32::from(c));
            }
        }
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in any::<String>()) {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn the_quick_way_agrees_with_the_tables(text in "[ -~]{0,40}") {
            prop_assert_eq!(fold(&text), fold_unicode(&text));
        }
    }
}
