//! The address that somebody most likely meant.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizer;

use super::Email;
use crate::invisible::{is_blank, is_invisible};

/// Characters of a text beyond which no address is looked for in it: a list of addresses is no mistake in one.
const LONGEST: usize = 1000;

/// What separates the addresses of a list.
const SEPARATORS: [char; 7] = [',', ';', '|', '/', '<', '>', '，'];

/// Words that stand between two addresses.
const CONJUNCTIONS: [&str; 8] = ["and", "or", "und", "oder", "et", "ou", "y", "e"];

/// Returns the first address that `text` has, with its mistakes mended; `None` if it is certain that nothing in it
/// is one, or nobody can say what was meant.
pub(super) fn mended(text: &str) -> Option<String> {
    if text.len() > LONGEST || !text.contains(['@', '＠', '﹫']) {
        return None;
    }
    let text = plain(text);
    let in_brackets = text.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    let inner = in_brackets
        .map(|(inner, _)| inner)
        .filter(|inner| inner.contains('@'));
    let text = inner.unwrap_or(&text);
    let listed: Vec<_> = parts(text).collect();
    // Where a word is none and nothing separates it from the address, nobody knows what it is.
    let is_list = listed.iter().all(|part| {
        part.contains('@') || !part.contains(char::is_alphanumeric) || CONJUNCTIONS.contains(part)
    });
    let mut candidates = vec![text.to_owned()];
    if is_list {
        candidates.extend(listed.into_iter().map(str::to_owned));
    }
    candidates.extend(text.split(SEPARATORS).map(joined));
    candidates.push(joined(&text.replace(',', ".")));
    candidates
        .iter()
        .filter(|part| part.contains('@'))
        .find_map(|part| bare(part))
}

/// Returns what is between separators and white space.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| char.is_whitespace() || SEPARATORS.contains(&char))
        .filter(|part| !part.is_empty())
}

/// Returns whether the text has more than one address, as far as it is looked at.
pub(super) fn has_several(text: &str) -> bool {
    // A text of one part is not looked at again: this is asked of a text that is no address.
    text.len() <= LONGEST
        && parts(text).nth(1).is_some()
        && parts(text)
            .filter(|part| part.parse::<Email>().is_ok())
            .nth(1)
            .is_some()
}

/// Returns the text without what nobody sees, with the ASCII form of characters that only look otherwise.
fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let normalizer = const { ComposingNormalizer::new_nfkc() };
    let shown = text.chars().filter(|char| !is_invisible(*char));
    // Full-width letters and signs become those of ASCII, and letters with marks stay.
    normalizer
        .normalize_iter(shown)
        .map(|char| match char {
            '‘' | '’' | 'ʼ' | '′' | '´' => '\'',
            '‐'..='―' | '−' => '-',
            '。' => '.',
            char if char.is_whitespace() => ' ',
            char => char,
        })
        .collect::<String>()
        .into()
}

/// Returns the text without white space beside `@` and `.`.
fn joined(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !joined.is_empty() && !joined.ends_with(['@', '.']) && !word.starts_with(['@', '.']) {
            joined.push(' ');
        }
        joined.push_str(word);
    }
    joined
}

/// Returns the address in `text` without what people write around one.
fn bare(text: &str) -> Option<String> {
    let mut text = text.trim_matches(is_blank);
    for scheme in ["mailto:", "smtp:", "email:", "e-mail:"] {
        if let (Some(start), Some(rest)) = (text.get(..scheme.len()), text.get(scheme.len()..))
            && start.eq_ignore_ascii_case(scheme)
        {
            text = rest;
        }
    }
    // The subject of a link.
    let text = text
        .split_once('?')
        .filter(|(address, _)| address.contains('@'))
        .map_or(text, |(address, _)| address);
    let single = text.replace("@@", "@");
    let candidates = [
        text.to_owned(),
        single.clone(),
        single.trim_matches(is_around).to_owned(),
        single.trim_matches(is_around).replace("..", "."),
        single
            .chars()
            .filter(|char| !is_quote(*char))
            .collect::<String>()
            .trim_matches(is_around)
            .to_owned(),
        single
            .chars()
            .filter(|char| char.is_ascii() || char.is_alphanumeric())
            .filter(|char| !is_quote(*char))
            .collect::<String>()
            .trim_matches(is_around)
            .to_owned(),
    ];
    candidates
        .into_iter()
        .find(|candidate| candidate.parse::<Email>().is_ok())
}

/// Returns whether no mailbox and no domain begins or ends with the character, though people write it there.
fn is_around(char: char) -> bool {
    let is_part = char.is_alphanumeric()
        || matches!(
            char,
            '_' | '-' | '+' | '\'' | '#' | '!' | '$' | '%' | '&' | '*' | '=' | '^' | '`' | '{' | '}' | '~'
        );
    !is_part || matches!(char, '\'' | '`' | '!' | '-' | '*' | '{' | '}')
}

fn is_quote(char: char) -> bool {
    matches!(
        char,
        '"' | '“'..='‟' | '«' | '»' | '‹' | '›' | '(' | ')' | '[' | ']'
    )
}
