//! Searching by a part of an address or a name, literally and without regard to case.

use roster::{Email, Name, fold};

/// Between two members. None of them holds a line break, so no match can span two.
const BETWEEN: char = '\n';

/// What a search for a person looks through, kept in the attribute `search`: the address in its
/// comparison form and, where that differs, as it is written, then the names, all folded.
pub(super) fn index(email: &Email, names: [Option<&Name>; 2]) -> String {
    let mut index = email.key().to_owned();
    let written = fold(email.as_str());
    if written != index {
        index.push(BETWEEN);
        index.push_str(&written);
    }
    for name in names.into_iter().flatten() {
        index.push(BETWEEN);
        index.push_str(&fold(name.as_str()));
    }
    index
}

/// What [`index`] has to contain to match `text`.
pub(super) fn pattern(text: &str) -> String {
    // A line break that is asked for is in no member; it must not find the one between two.
    fold(text).replace(BETWEEN, "\r")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(text: &str) -> bool {
        let index = index(
            &"Ada@Bücher.example".parse().unwrap(),
            [Some(&"Émile".parse().unwrap()), Some(&"Zola".parse().unwrap())],
        );
        index.contains(&pattern(text))
    }

    #[test]
    fn every_member_is_found_as_it_is_written_and_as_it_is_compared() {
        for text in ["", "ADA@", "bücher", "XN--bcher", "e\u{301}mile", "ÉM", "zola"] {
            assert!(matches(text), "{text}");
        }
    }

    #[test]
    fn no_match_spans_two_members() {
        for text in [
            "example\nada",
            "émile\nzola",
            "\n",
            "émilezola",
            "émile zola",
            "emile",
        ] {
            assert!(!matches(text), "{text}");
        }
    }
}
