//! Quotes that are written in another way than CSV has it.

/// Returns whether a text has `\"`, as other programs write a quote inside quotes.
#[must_use]
pub(super) fn has_escaped_quote(text: &[u8]) -> bool {
    // Few rows have any quote at all.
    memchr::memchr_iter(b'"', text).any(|at| at > 0 && text[at - 1] == b'\\')
}

/// Returns what a cell most likely means that is kept with its quotes because text follows the closing one; none if that
/// is not certain enough.
#[must_use]
pub(super) fn mended(cell: &str) -> Option<String> {
    let inner = cell
        .strip_prefix('"')
        .and_then(|cell| cell.trim_end().strip_suffix('"'));
    let inner = match inner {
        // The quote at the end is not the one that closes: the cell goes on behind the next delimiter.
        Some(inner) if inner.ends_with('\\') => return None,
        Some(inner) => inner,
        None if cell.starts_with('"') => return None,
        None => cell,
    };
    let mended = inner.replace("\\\"", "\"").replace("\"\"", "\"");
    // What looks like it still is no better.
    Some(mended.trim().to_owned()).filter(|mended| !has_escaped_quote(mended.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_quote_is_found() {
        assert!(has_escaped_quote(br#"a\"b"#));
        assert!(!has_escaped_quote(br#""a\b""#));
        assert!(!has_escaped_quote(b""));
    }

    #[test]
    fn a_cell_is_mended_if_its_meaning_is_certain() {
        for (cell, meant) in [
            (r#""William \"Will\"""#, Some(r#"William "Will""#)),
            (r#"William \"Will\""#, Some(r#"William "Will""#)),
            (r#""William "Will" Hart" "#, Some(r#"William "Will" Hart"#)),
            (r#""Sam \"the man\""#, None),
            (r#""Sam \\""the man""#, None),
            (r#""Pat" Lee"#, None),
        ] {
            assert_eq!(mended(cell).as_deref(), meant, "{cell}");
        }
    }
}
