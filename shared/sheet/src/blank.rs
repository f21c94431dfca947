//! White space and characters that nobody sees.

/// Returns whether nobody sees the character where it is at either end of a cell: white space of any kind, or one
/// that only controls how others are shown.
#[must_use]
pub(super) fn is_blank(char: char) -> bool {
    char.is_whitespace()
        || matches!(
            char,
            // Soft hyphen, zero-width space, word joiner, byte order mark.
            '\u{AD}' | '\u{200B}' | '\u{2060}' | '\u{FEFF}'
            // Joiners and direction marks.
            | '\u{200C}'..='\u{200F}' | '\u{61C}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
        )
}
