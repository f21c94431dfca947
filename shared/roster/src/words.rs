//! Words for true and false, in the languages that files are written in.

use std::collections::HashMap;
use std::sync::LazyLock;

use icu_normalizer::DecomposingNormalizer;
use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};

use super::invisible::trimmed;

/// The words of one language.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// The language, by its name in English.
    pub language: &'static str,
    /// The words for true.
    pub yes: &'static [&'static str],
    /// The words for false.
    pub no: &'static [&'static str],
}

/// Every word for true and for false. No word is both, in any two of the languages.
pub const WORDS: [Words; 8] = [
    Words {
        language: "English",
        yes: &[
            "true", "yes", "y", "t", "on", "1", "x", "active", "enabled", "✓", "✔", "☑",
        ],
        no: &[
            "false", "no", "n", "f", "off", "0", "inactive", "disabled", "✗", "✘", "☐",
        ],
    },
    Words {
        language: "German",
        yes: &["wahr", "ja", "j", "ein", "an", "aktiv", "aktiviert"],
        no: &["falsch", "nein", "aus", "inaktiv", "deaktiviert", "nicht aktiv"],
    },
    Words {
        language: "French",
        yes: &["vrai", "oui", "o", "actif", "active", "activé"],
        no: &["faux", "non", "inactif", "inactive", "désactivé"],
    },
    Words {
        language: "Spanish",
        yes: &["verdadero", "sí", "s", "activo", "activado", "habilitado"],
        no: &["falso", "no", "inactivo", "desactivado", "deshabilitado"],
    },
    Words {
        language: "Italian",
        yes: &["vero", "sì", "s", "attivo", "attivato", "abilitato"],
        no: &[
            "falso",
            "no",
            "inattivo",
            "non attivo",
            "disattivato",
            "disabilitato",
        ],
    },
    Words {
        language: "Portuguese",
        yes: &[
            "verdadeiro",
            "sim",
            "s",
            "ativo",
            "ativado",
            "activo",
            "habilitado",
        ],
        no: &[
            "falso",
            "não",
            "inativo",
            "inactivo",
            "desativado",
            "desabilitado",
        ],
    },
    Words {
        language: "Dutch",
        yes: &["waar", "ja", "j", "aan", "actief", "ingeschakeld", "geactiveerd"],
        no: &[
            "onwaar",
            "nee",
            "neen",
            "uit",
            "inactief",
            "niet actief",
            "uitgeschakeld",
            "gedeactiveerd",
        ],
    },
    Words {
        language: "Polish",
        yes: &[
            "prawda",
            "tak",
            "aktywny",
            "aktywne",
            "aktywna",
            "włączony",
            "włączone",
        ],
        no: &[
            "fałsz",
            "nie",
            "nieaktywny",
            "nieaktywne",
            "nieaktywna",
            "wyłączony",
            "wyłączone",
        ],
    },
];

/// Returns what a word means, in any case and with or without its accents; `None` if it is none of [`WORDS`].
///
/// ```
/// # use roster::flag_of_word;
/// assert_eq!(flag_of_word("WAHR"), Some(true));
/// assert_eq!(flag_of_word("não"), Some(false));
/// assert_eq!(flag_of_word("maybe"), None);
/// ```
#[must_use]
pub fn flag_of_word(word: &str) -> Option<bool> {
    static FLAGS: LazyLock<HashMap<String, bool>> = LazyLock::new(|| {
        let yes = WORDS
            .iter()
            .flat_map(|words| words.yes)
            .map(|word| (bare(word), true));
        let no = WORDS
            .iter()
            .flat_map(|words| words.no)
            .map(|word| (bare(word), false));
        yes.chain(no).collect()
    });
    /// Bytes of a text beyond which no word is looked up.
    const LONGEST: usize = 64;

    match word {
        "true" | "TRUE" | "1" => Some(true),
        "false" | "FALSE" | "0" => Some(false),
        word if word.len() > LONGEST => None,
        word => FLAGS.get(&bare(word)).copied(),
    }
}

/// Returns a label or a word as such are compared: in lower case, without accents and without white space, `_`, `-`
/// and `.`.
#[must_use]
pub fn bare(text: &str) -> String {
    let decompose = const { DecomposingNormalizer::new_nfkd() };
    let categories = const { CodePointMapData::<GeneralCategory>::new() };
    let is_dropped = |char: &char| {
        char.is_whitespace()
            || matches!(char, '_' | '-' | '.')
            || !char.is_ascii()
                && (super::invisible::is_invisible(*char)
                    || GeneralCategoryGroup::Mark.contains(categories.get(*char))
                    || categories.get(*char) == GeneralCategory::DashPunctuation)
    };
    decompose
        .normalize_iter(trimmed(text).chars().flat_map(char::to_lowercase))
        .filter(|char| !is_dropped(char))
        .map(|char| if char == 'ł' { 'l' } else { char })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_one_meaning() {
        let mut meanings = HashMap::new();
        for words in WORDS {
            assert!(
                !words.yes.is_empty() && !words.no.is_empty(),
                "{}",
                words.language
            );
            for (words, meaning) in [(words.yes, true), (words.no, false)] {
                for word in words {
                    assert_eq!(flag_of_word(word), Some(meaning), "{word}");
                    assert_eq!(flag_of_word(&word.to_uppercase()), Some(meaning), "{word}");
                    assert_eq!(*meanings.entry(bare(word)).or_insert(meaning), meaning, "{word}");
                }
            }
        }
    }

    #[test]
    fn other_words_mean_nothing() {
        for word in ["", "maybe", "2", "truefalse", "yes or no", &"x".repeat(100)] {
            assert_eq!(flag_of_word(word), None, "{word}");
        }
    }
}
