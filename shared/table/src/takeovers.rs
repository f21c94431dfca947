//! Runs of an import that were taken over, and what of their work counts.
//!
//! A run that is suspended past its lease may still have calls under way when another has taken its import over.
//! An account that such a run makes after its successor passed the row is in the table and in no count. Each
//! account says how many takeovers its run knew of, so that everybody can see whether it counts.

use roster::ImportId;
use serde::{Deserialize, Serialize};

use crate::Key;

/// The takeovers of one import, in order: for each, the first line that was not counted when it happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Takeovers(Vec<u64>);

impl Takeovers {
    /// Returns how many takeovers there were: what the present run marks its work with.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0.len() as u64
    }

    /// Whether nobody took the import over.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the takeovers with one more, at which `line` is the first that is not counted.
    #[must_use]
    pub fn and(&self, line: u64) -> Self {
        let mut takeovers = self.0.clone();
        takeovers.push(line);
        Self(takeovers)
    }

    /// Whether the work on `line` of a run that knew of `number` takeovers was lost to a later one: it counts only
    /// once that run or a successor has made it its own.
    #[must_use]
    pub fn lost(&self, line: u64, number: u64) -> bool {
        let known = usize::try_from(number).unwrap_or(usize::MAX);
        self.0.iter().skip(known).any(|first| *first <= line)
    }
}

/// Where an import is kept. Its attribute `takeovers` is read here, all others by the crate `intake`.
#[must_use]
pub fn import_key(id: ImportId) -> Key {
    Key::new(format!("I#{id}"), "I")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_lost_to_later_takeovers_that_began_before_its_line() {
        let takeovers = Takeovers::default().and(10).and(20);

        assert_eq!(takeovers.number(), 2);
        for (line, number, lost) in [
            (9, 0, false),
            (10, 0, true),
            (19, 1, false),
            (20, 1, true),
            (99, 2, false),
            (99, 3, false),
        ] {
            assert_eq!(takeovers.lost(line, number), lost, "line {line}, {number}");
        }
        assert!(!Takeovers::default().lost(5, 0));
    }
}
