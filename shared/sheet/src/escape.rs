//! Cells that a spreadsheet would run as formulas, kept harmless.
//!
//! A cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return is taken for a formula when a
//! file is opened in a spreadsheet. A `'` in front makes it text. So that nothing is lost, cells that
//! begin with `'` and would be taken for escaped ones get another: what [`escape`] adds,
//! [`unescape`] takes away, exactly.

use std::borrow::Cow;

/// The cell as it is written to a file.
///
/// ```
/// # use sheet::escape::{escape, unescape};
/// assert_eq!(escape("=1+1"), "'=1+1");
/// assert_eq!(unescape("'=1+1"), "=1+1");
/// ```
#[must_use]
pub fn escape(cell: &str) -> Cow<'_, str> {
    if is_run(cell.trim_start_matches('\'')) {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

/// The cell as it was before it was written to a file.
#[must_use]
pub fn unescape(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_run(rest.trim_start_matches('\'')) => rest,
        _ => cell,
    }
}

/// Returns whether a spreadsheet would run the cell.
#[must_use]
pub fn is_run(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formulas_get_an_apostrophe_on_the_way_out() {
        for (cell, escaped) in [
            ("=1+1", "'=1+1"),
            ("+491701234567", "'+491701234567"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("'=1+1", "''=1+1"),
        ] {
            assert_eq!(escape(cell), escaped);
        }
    }

    #[test]
    fn other_cells_stay_as_they_are() {
        for cell in ["", "ada@example.org", "O'Neil", "'t Hooft", "'", " =1", "''"] {
            assert_eq!(escape(cell), cell);
            assert_eq!(unescape(cell), cell);
        }
    }

    #[test]
    fn a_formula_that_was_never_escaped_is_taken_as_it_is() {
        assert_eq!(unescape("+491701234567"), "+491701234567");
    }

    proptest! {
        #[test]
        fn what_is_escaped_comes_back(cell in "'{0,3}[=+@\t\r\n a-]{0,3}.*") {
            let escaped = escape(&cell);

            prop_assert_eq!(unescape(&escaped), &cell);
        }

        #[test]
        fn what_is_written_is_never_a_formula(cell in "'{0,3}[=+@\t\r\n a-]{0,3}.*") {
            prop_assert!(!is_run(&escape(&cell)));
        }
    }
}
