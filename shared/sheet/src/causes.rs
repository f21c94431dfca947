//! Row errors grouped by their cause, so that a million of them can be looked at.

use std::collections::{BTreeMap, BTreeSet};

use roster::{Member, Severity};
use serde::{Deserialize, Serialize};

use crate::RowError;

/// Row errors and warnings grouped by member, code and the message without its value.
///
/// Merging is associative and exact. [`Causes::bounded`] then leaves out what came late, and goes on counting it, so
/// causes that are merged and bounded at each checkpoint are those that all errors at once would have given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Causes {
    /// By what all errors of a cause have in common.
    causes: BTreeMap<String, Cause>,
    /// Rows of the causes that were left out.
    #[serde(default)]
    rest: u64,
}

/// What the errors of one cause have in common, and where they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// What the column at fault means.
    #[serde(default)]
    pub member: Option<String>,
    /// The header cell of the column at fault.
    #[serde(default)]
    pub column: Option<String>,
    /// The rule that was broken.
    pub code: String,
    /// Whether the rows were refused for this.
    #[serde(default)]
    pub severity: Severity,
    /// The message of the first of the errors.
    pub message: String,
    /// How many rows have it.
    pub rows: u64,
    /// The line of the first of them.
    pub first_line: u64,
    /// The lines of the rows, as ranges that neither overlap nor touch.
    #[serde(default)]
    pub ranges: Vec<(u64, u64)>,
    /// The offending values.
    #[serde(default)]
    pub values: BTreeMap<String, OffendingValue>,
    /// Rows whose value is not among `values`, because it came late.
    #[serde(default)]
    pub others: u64,
}

/// One offending value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OffendingValue {
    /// How many rows have it.
    pub rows: u64,
    /// The line of the first of them.
    pub first_line: u64,
    /// The value that was most likely meant.
    #[serde(default)]
    pub suggestion: Option<String>,
}

impl Causes {
    /// The largest number of causes: as many as are shown.
    pub const MAX: usize = 100;
    /// How many different values of a cause are counted one by one.
    pub const MAX_VALUES: usize = 200;
    /// How many ranges of lines of a cause are kept: enough to find examples.
    pub const MAX_RANGES: usize = 20;
    /// Bytes of all values and suggestions together. With [`Causes::MAX`] causes of at most 1 KB and the JSON around
    /// both, the whole stays below the 400 KB of an item.
    const MAX_BYTES: usize = 128 * 1024;

    /// Groups the errors of whole rows.
    #[must_use]
    pub fn of(errors: &[RowError]) -> Self {
        let mut causes = Self::default();
        for row in errors.chunk_by(|one, next| one.line == next.line) {
            let mut seen = BTreeSet::new();
            for error in row {
                causes.add(error, &mut seen);
            }
        }
        causes
    }

    /// Counts one error. A row with two errors of one cause counts once, as does one that has a value twice; `seen`
    /// has what the row was counted for.
    fn add(&mut self, error: &RowError, seen: &mut BTreeSet<(String, Option<String>)>) {
        let key = key(error);
        let line = error.line;
        let cause = self.causes.entry(key.clone()).or_insert_with(|| Cause {
            member: error.member.map(|member| Member::name(member).to_owned()),
            column: error.column.clone(),
            code: error.code.name().to_owned(),
            severity: error.severity,
            message: error.message.clone(),
            rows: 0,
            first_line: line,
            ranges: Vec::new(),
            values: BTreeMap::new(),
            others: 0,
        });
        if seen.insert((key.clone(), None)) {
            cause.rows += 1;
            let end = error.last_line.unwrap_or(line);
            match cause.ranges.last_mut() {
                Some(last) if line <= last.1.saturating_add(1) => last.1 = last.1.max(end),
                _ => cause.ranges.push((line, end)),
            }
        }
        if let Some(value) = &error.value
            && seen.insert((key, Some(value.clone())))
        {
            let counted = cause
                .values
                .entry(value.clone())
                .or_insert_with(|| OffendingValue {
                    rows: 0,
                    first_line: line,
                    suggestion: error.suggestion.clone(),
                });
            counted.rows += 1;
        }
    }

    /// Returns the causes of these and of other rows.
    #[must_use]
    pub fn merged(mut self, more: Self) -> Self {
        self.rest += more.rest;
        for (key, cause) in more.causes {
            match self.causes.remove(&key) {
                Some(known) => self.causes.insert(key, known.merged(cause)),
                None => self.causes.insert(key, cause),
            };
        }
        self
    }

    /// Returns the causes without what came late: causes, values and ranges beyond their limits. Rows of what is left
    /// out stay counted.
    #[must_use]
    pub fn bounded(self) -> Self {
        let mut order: Vec<_> = self
            .causes
            .iter()
            .map(|(key, cause)| (cause.first_line, key.clone()))
            .collect();
        order.sort_unstable();
        let late: BTreeSet<_> = order.into_iter().skip(Self::MAX).map(|(_, key)| key).collect();
        let (late, mut causes): (BTreeMap<_, _>, BTreeMap<_, _>) =
            self.causes.into_iter().partition(|(key, _)| late.contains(key));
        let rest = self.rest + late.values().map(|cause| cause.rows).sum::<u64>();

        let mut values: Vec<_> = causes
            .iter()
            .flat_map(|(key, cause)| {
                let values = cause.values.iter();
                values.map(move |(value, counted)| (counted.first_line, key.clone(), value.clone()))
            })
            .collect();
        values.sort_unstable();
        let mut bytes = 0;
        let mut kept: BTreeMap<String, usize> = BTreeMap::new();
        for (_, key, value) in values {
            let Some(cause) = causes.get_mut(&key) else {
                continue;
            };
            let size = cause.values.get(&value).map_or(0, |counted| counted.size(&value));
            let kept = kept.entry(key).or_default();
            if *kept < Self::MAX_VALUES && bytes + size <= Self::MAX_BYTES {
                *kept += 1;
                bytes += size;
            } else {
                cause.others += cause.values.remove(&value).map_or(0, |counted| counted.rows);
            }
        }
        for cause in causes.values_mut() {
            cause.ranges.truncate(Self::MAX_RANGES);
        }
        Self { causes, rest }
    }

    /// Returns the causes, the largest first.
    #[must_use]
    pub fn by_size(&self) -> Vec<&Cause> {
        let mut causes: Vec<_> = self.causes.values().collect();
        causes.sort_by_key(|cause| (std::cmp::Reverse(cause.rows), cause.first_line));
        causes
    }

    /// Returns how many rows the causes have that were left out; one counts for each of them.
    #[must_use]
    pub fn rest(&self) -> u64 {
        self.rest
    }
}

impl Cause {
    /// Returns the values, the most frequent first.
    #[must_use]
    pub fn by_frequency(&self) -> Vec<(&str, &OffendingValue)> {
        let mut values: Vec<_> = self
            .values
            .iter()
            .map(|(value, counted)| (value.as_str(), counted))
            .collect();
        values.sort_by_key(|(_, counted)| (std::cmp::Reverse(counted.rows), counted.first_line));
        values
    }

    fn merged(self, other: Self) -> Self {
        // The example is that of the first line, whichever side it is on.
        let is_first = (self.first_line, &self.message) <= (other.first_line, &other.message);
        let (mut first, second) = if is_first { (self, other) } else { (other, self) };
        first.rows += second.rows;
        first.others += second.others;
        first.ranges.extend(second.ranges);
        join(&mut first.ranges);
        for (value, counted) in second.values {
            match first.values.remove(&value) {
                Some(known) => first.values.insert(value, known.merged(counted)),
                None => first.values.insert(value, counted),
            };
        }
        first
    }
}

impl OffendingValue {
    fn merged(self, other: Self) -> Self {
        let is_first = (self.first_line, &self.suggestion) <= (other.first_line, &other.suggestion);
        let (first, second) = if is_first { (self, other) } else { (other, self) };
        Self {
            rows: first.rows + second.rows,
            ..first
        }
    }

    fn size(&self, value: &str) -> usize {
        value.len() + self.suggestion.as_ref().map_or(0, String::len)
    }
}

/// What the errors of one cause have in common: member, column, code, and the message without its value. Numbers in a
/// message, such as the line that has an address already, do not make another cause.
fn key(error: &RowError) -> String {
    let message = match &error.value {
        Some(value) => error.message.replacen(&format!("\"{value}\""), "", 1),
        None => error.message.clone(),
    };
    let mut key = format!(
        "{}\n{}\n{}\n",
        error.member.map_or("", Member::name),
        error.column.as_deref().unwrap_or_default(),
        error.code.name()
    );
    for char in message.chars() {
        if !char.is_ascii_digit() {
            key.push(char);
        } else if !key.ends_with('#') {
            key.push('#');
        }
    }
    key
}

/// Puts ranges in order and joins those that overlap or touch.
fn join(ranges: &mut Vec<(u64, u64)>) {
    ranges.sort_unstable();
    ranges.dedup_by(|next, last| {
        let joins = next.0 <= last.1.saturating_add(1);
        if joins {
            last.1 = last.1.max(next.1);
        }
        joins
    });
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use roster::{Code, Violation};

    use super::*;

    fn error(line: u64, kind: usize, value: &str) -> RowError {
        let (member, code, detail) = [
            (Member::Email, Code::InvalidFormat, "is not an email address"),
            (Member::Roles, Code::UnknownRole, "is not a role"),
            (Member::Roles, Code::ForbiddenRole, "may not be given"),
        ][kind % 3];
        let violation = Violation::new(member, code, format!("{detail} {}", "!".repeat(kind / 3)));
        RowError::new(line, line - 1, Some("Column"), violation.of_value(value))
    }

    /// The errors of rows in line order, with many causes and values.
    fn errors() -> impl Strategy<Value = Vec<RowError>> {
        let row = vec((0..400_usize, 0..600_u32), 0..4);
        vec(row, 0..120).prop_map(|rows| {
            let rows = (2..).zip(rows);
            rows.flat_map(|(line, faults)| {
                let fault = move |(kind, value): (usize, u32)| error(line, kind, &format!("v{value}"));
                faults.into_iter().map(fault)
            })
            .collect()
        })
    }

    /// The errors cut at row boundaries.
    fn pieces(errors: &[RowError], size: usize) -> Vec<Vec<RowError>> {
        let rows: Vec<_> = errors.chunk_by(|one, next| one.line == next.line).collect();
        rows.chunks(size).map(<[_]>::concat).collect()
    }

    proptest! {
        #[test]
        fn merging_is_associative_and_exact(errors in errors(), size in 1..40_usize) {
            let parts: Vec<_> = pieces(&errors, size).iter().map(|part| Causes::of(part)).collect();
            let from_left = parts.iter().cloned().fold(Causes::default(), Causes::merged);
            let from_right = parts.iter().rev().cloned().fold(Causes::default(), |right, part| part.merged(right));

            prop_assert_eq!(&from_left, &from_right);
            prop_assert_eq!(&from_left, &Causes::of(&errors));
            let counted: BTreeSet<_> = errors.iter().map(|error| (error.line, key(error))).collect();
            let rows: u64 = from_left.by_size().iter().map(|cause| cause.rows).sum();
            prop_assert_eq!(rows, counted.len() as u64);
        }

        #[test]
        fn bounding_at_every_checkpoint_gives_what_bounding_at_the_end_gives(
            errors in errors(), size in 1..40_usize,
        ) {
            let step = |causes: Causes, part: &Vec<RowError>| causes.merged(Causes::of(part)).bounded();
            let stepwise = pieces(&errors, size).iter().fold(Causes::default(), step);
            let at_once = Causes::of(&errors).bounded();

            prop_assert_eq!(&stepwise, &at_once);
            let all = Causes::of(&errors);
            let rows = |causes: &Causes| causes.by_size().iter().map(|cause| cause.rows).sum::<u64>() + causes.rest();
            prop_assert_eq!(rows(&stepwise), rows(&all));
        }
    }

    #[test]
    fn a_cause_has_its_rows_lines_and_values() {
        let mut errors: Vec<_> = (2..10).map(|line| error(line, 0, "ada@")).collect();
        errors.extend((20..23).map(|line| error(line, 0, "bob@")));
        errors.push(error(23, 1, "Wizard"));
        errors.push(error(23, 1, "King"));

        let causes = Causes::of(&errors).bounded();

        let [email, roles] = causes.by_size()[..] else {
            panic!("{causes:?}");
        };
        assert_eq!((email.rows, email.first_line), (11, 2));
        assert_eq!(email.ranges, [(2, 9), (20, 22)]);
        let values: Vec<_> = email
            .by_frequency()
            .iter()
            .map(|(value, counted)| (*value, counted.rows))
            .collect();
        assert_eq!(values, [("ada@", 8), ("bob@", 3)]);
        assert_eq!((roles.rows, roles.values.len()), (1, 2), "a row counts once");
    }

    #[test]
    fn numbers_in_a_message_do_not_make_another_cause() {
        let repeat = |line: u64, first: u64| {
            let detail = format!("already appears on line {first}");
            let violation = Violation::new(Member::Email, Code::DuplicateInFile, detail);
            RowError::new(
                line,
                line,
                Some("email"),
                violation.of_value(&format!("a{line}@example.org")),
            )
        };

        let causes = Causes::of(&[repeat(5, 2), repeat(6, 13), repeat(7, 4)]);

        assert_eq!(causes.by_size().len(), 1);
    }

    #[test]
    fn however_many_values_there_are_it_fits_into_an_item() {
        let wide = |index: u64| format!("{index}{}", "é".repeat(90));
        let errors: Vec<_> = (2..30_000)
            .map(|line| error(line, usize::try_from(line).unwrap() % 400, &wide(line)))
            .collect();

        let causes = Causes::of(&errors).bounded();

        let size = serde_json::to_string(&causes).unwrap().len();
        assert!(size < 380 * 1024, "{size}");
        assert_eq!(causes.by_size().len(), Causes::MAX);
        assert!(causes.rest() > 0);
    }
}
