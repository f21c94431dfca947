//! A checked row on its way to storage.

use roster::{Members, Slot, User, UserId};
use sheet::{Content, OwnedCells, Row, RowError, RowLines, SoundRow};

use super::Outcome;
use crate::changes::{Entry, EntryOutcome};

/// A checked row on its way to storage.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) line: u64,
    pub(crate) row: u64,
    /// Where the row ends.
    pub(crate) lines: RowLines,
    pub(crate) user: User,
    /// The members that the row gives.
    pub(crate) given: Members,
    /// What looks odd in the row.
    pub(crate) warnings: Vec<RowError>,
    /// The cells as the file has them, for the case that the row is rejected.
    pub(crate) cells: OwnedCells,
    /// The line of an earlier segment with the same address, where somebody keeps track of it.
    pub(crate) earlier: Option<u64>,
    /// What the dry run that is applied has found; none without one.
    pub(crate) expected: Option<Expected>,
    /// Whether it has waited for the other rows of its segment: see [`Outcome::Waits`].
    pub(crate) waited: bool,
}

impl Pending {
    /// Returns `row` and the user it describes; `None` if the row has no cells, and so cannot be sound.
    pub(crate) fn new(row: &Row<'_>, sound: SoundRow, earlier: Option<u64>) -> Option<Self> {
        let Content::Cells(cells) = &row.content else {
            return None;
        };
        Some(Self {
            line: row.line,
            row: row.row,
            lines: row.lines(),
            user: sound.user,
            given: sound.given,
            warnings: sound.warnings,
            cells: OwnedCells::from(*cells),
            earlier,
            expected: None,
            waited: false,
        })
    }

    pub(crate) fn slot(&self) -> Slot {
        self.user.id.slot()
    }

    /// Returns what becomes of the row where no account has its address; `None` if one is to be made.
    pub(super) fn without_account(&self) -> Option<Outcome> {
        match (self.earlier, &self.expected) {
            // Decided by the file, whatever has become of the account since.
            (Some(line), _) => Some(Outcome::Repeats(line)),
            (None, Some(expected)) if expected.outcome != EntryOutcome::Created => {
                Some(Outcome::ChangedSince)
            }
            _ => None,
        }
    }
}

/// What a dry run has found for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// What would become of it.
    pub(crate) outcome: EntryOutcome,
    /// The account that it met and its version.
    pub(crate) met: Option<(UserId, u64)>,
}

impl Expected {
    /// What the record of the dry run says of a row. One that it does not have is like one that failed there.
    pub(crate) fn of(entry: Option<Entry>) -> Self {
        entry.map_or(
            Self {
                outcome: EntryOutcome::Failed,
                met: None,
            },
            |entry| Self {
                outcome: entry.outcome,
                met: entry.user_id.zip(entry.version),
            },
        )
    }
}
