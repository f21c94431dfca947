//! How what was found in a file is shown.

mod csv;
mod github;
mod human;
mod json;

pub(crate) use human::{OPTIONS, cause_table, cause_table_of, decoded, index, names_an_option};

use std::path::Path;

use comfy_table::{Table, presets};
use sheet::Causes;

use crate::failure::Failure;
use crate::output::Output;
use crate::pass::{Counts, Found, Pass};

/// A form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Text with the lines at fault.
    Human,
    /// One event a line, as `cli/events.schema.json` describes them.
    Json,
    /// One error or warning a line.
    Csv,
    /// Annotations of a run of GitHub Actions.
    Github,
}

/// What was found in a whole file.
pub(crate) struct Findings<'a> {
    /// What messages call the file.
    pub(crate) file: &'a str,
    /// How many rows there are of each kind.
    pub(crate) counts: Counts,
    /// What errors and warnings have in common.
    pub(crate) causes: &'a Causes,
    /// How many rows at fault were not shown one by one.
    pub(crate) hidden: u64,
    /// Whether the service was asked.
    pub(crate) is_online: bool,
    /// Where the rows with errors were written.
    pub(crate) rejected: Option<&'a Path>,
    /// Where the file with its suggestions was written.
    pub(crate) fixed: Option<&'a Path>,
}

/// Writes a report in one form.
pub(crate) trait Report {
    /// Begins the report of a file.
    fn begin(&mut self, pass: &Pass, out: &mut Output) -> Result<(), Failure>;

    /// Shows one row.
    fn row(&mut self, pass: &Pass, found: &Found, out: &mut Output) -> Result<(), Failure>;

    /// Ends the report of a file.
    fn end(&mut self, findings: &Findings<'_>, out: &mut Output) -> Result<(), Failure>;

    /// Reports that a file is refused as a whole, if the form says so on standard output.
    fn refused(&mut self, _file: &str, _why: &str, _out: &mut Output) -> Result<(), Failure> {
        Ok(())
    }
}

impl Format {
    /// Returns what writes reports of this form.
    pub(crate) fn report(self, color: bool) -> Box<dyn Report> {
        match self {
            Self::Human => Box::new(human::Human::new(color)),
            Self::Json => Box::new(json::Json),
            Self::Csv => Box::new(csv::Csv::default()),
            Self::Github => Box::new(github::Github),
        }
    }

    /// Returns how many rows are shown one by one unless the caller says otherwise.
    pub(crate) fn usual_most(self) -> u64 {
        match self {
            // A screen or two.
            Self::Human => 10,
            Self::Json | Self::Csv | Self::Github => u64::MAX,
        }
    }
}

/// Returns a number as people write it: `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a number of things: `1 row`, `2 rows`.
pub(crate) fn count(number: u64, one: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {one}{s}", grouped(number))
}

/// Returns rows under their headings, as a table.
pub(crate) fn listing(headings: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(headings)
        .add_rows(rows);
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(
            (count(1, "row"), count(2, "row")),
            ("1 row".to_owned(), "2 rows".to_owned())
        );
    }
}
