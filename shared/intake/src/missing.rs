//! Accounts that are not in the file of a whole roster: who they are, and how far the search for them has come.
//!
//! The search follows the last row (`run/missing.rs`). It reads the addresses of the file again, whatever became of their
//! rows, and goes through all accounts. Where accounts are to be disabled it does so twice, because nobody is disabled
//! before it is known that they are not too many. Only the table is read, consistently, and an account is changed in the
//! transaction of a checkpoint, so a run that is killed or has lost the import leaves nothing half done.

use std::io;

use roster::{ImportId, Member, Roles, Timestamp, UserId};
use seen::Seen;
use serde::{Deserialize, Serialize};
use sheet::{Act, ImportOptions, Missing};
use table::{Account, AccountScan};

use crate::record::Counts;

/// Lines that are named of those whose address could not be read.
const NAMED_LINES: usize = 10;

/// What a search does while it goes through the accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Pass {
    /// It counts who is missing.
    Counting,
    /// It lists who is missing.
    Reporting,
    /// It disables who is missing; in a dry run it lists whom it would disable.
    Disabling,
}

/// How far the search for accounts that are not in the file has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MissingSearch {
    /// What it does now.
    pub pass: Pass,
    /// The accounts that it has gone through for that.
    pub scan: AccountScan,
    /// The rows whose address could not be read.
    pub unreadable: UnreadableRows,
    /// The enabled accounts that imports had made before this one began, without those that are never disabled.
    pub accounts: u64,
    /// How many of them are missing.
    pub missing: u64,
}

/// The rows of a file whose address could not be read: anybody may be on one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnreadableRows {
    /// How many there are.
    pub rows: u64,
    /// The lines of the first of them.
    pub lines: Vec<u64>,
}

impl UnreadableRows {
    /// Adds the row on `line`.
    pub(super) fn add(&mut self, line: u64) {
        self.rows += 1;
        if self.lines.len() < NAMED_LINES {
            self.lines.push(line);
        }
    }

    /// Names the lines as a part of a sentence: `lines 3, 7 and 9`.
    fn named(&self) -> String {
        let lines: Vec<_> = self.lines.iter().map(u64::to_string).collect();
        let more = self.rows - lines.len() as u64;
        match lines.split_last() {
            Some((only, [])) => format!("line {only}"),
            Some(_) if more > 0 => format!("lines {} and {more} more", lines.join(", ")),
            Some((last, others)) => format!("lines {} and {last}", others.join(", ")),
            None => String::new(),
        }
    }
}

impl MissingSearch {
    /// Returns a search that has not begun.
    pub(super) fn beginning(missing: Missing) -> Self {
        Self {
            pass: match missing {
                Missing::Disable => Pass::Counting,
                Missing::Ignore | Missing::Report => Pass::Reporting,
            },
            scan: AccountScan::beginning(),
            unreadable: UnreadableRows::default(),
            accounts: 0,
            missing: 0,
        }
    }

    /// Returns the search after the file was read, in which these rows have no address. If there are any, nobody is
    /// disabled.
    pub(super) fn after_reading(self, unreadable: UnreadableRows) -> Self {
        let pass = match self.pass {
            Pass::Counting if unreadable.rows > 0 => Pass::Reporting,
            pass => pass,
        };
        Self {
            pass,
            unreadable,
            ..self
        }
    }

    /// Returns the search after everybody was counted: it disables those who are missing unless they are too many.
    pub(super) fn after_counting(self, options: &ImportOptions) -> Self {
        let is_exceeded = options.missing_limit.is_exceeded(self.missing, self.accounts);
        Self {
            pass: if is_exceeded {
                Pass::Reporting
            } else {
                Pass::Disabling
            },
            scan: AccountScan::beginning(),
            ..self
        }
    }

    /// Returns the search as it is kept when it goes no further.
    pub(super) fn ended(self) -> Self {
        Self {
            scan: AccountScan::end(),
            ..self
        }
    }

    /// Returns whether it has found out who is missing, or is about to list them.
    pub(super) fn has_come_far(&self) -> bool {
        self.pass != Pass::Counting
    }

    /// Says what came of the search, as a part of a sentence.
    pub(super) fn told(&self, options: &ImportOptions, counts: Counts) -> String {
        let (missing, accounts) = (counts.missing, self.accounts);
        let (are, were) = if missing == 1 {
            ("account is", "was")
        } else {
            ("accounts are", "were")
        };
        let kept = if options.is_dry() {
            "would not be disabled".to_owned()
        } else {
            format!("{were} not disabled")
        };
        match self.pass {
            Pass::Counting => "looking for accounts that are not in the file".to_owned(),
            Pass::Reporting if options.missing == Missing::Disable && self.unreadable.rows > 0 => format!(
                "{missing} {are} not in the file and {kept}, because {} may have people whose address could not be read",
                self.unreadable.named()
            ),
            Pass::Reporting if options.missing == Missing::Disable => format!(
                "{missing} {are} not in the file and {kept}, because that is more than {} per cent of {accounts} \
                 (if its changes are right, send it again with a higher missingLimit)",
                options.missing_limit.per_cent()
            ),
            Pass::Reporting => format!("{missing} {are} not in the file"),
            Pass::Disabling if missing == 0 && self.missing == 0 => {
                "no account is missing from the file".to_owned()
            }
            Pass::Disabling => disabled(options, counts),
        }
    }
}

/// Says how many accounts were disabled.
fn disabled(options: &ImportOptions, counts: Counts) -> String {
    let number = counts.disabled;
    let would = options.is_dry();
    let done = match (number, would) {
        (1, false) => "account that is not in the file was disabled",
        (1, true) => "account that is not in the file would be disabled",
        (_, false) => "accounts that are not in the file were disabled",
        (_, true) => "accounts that are not in the file would be disabled",
    };
    let kept = counts.missing - number;
    if options.act == Act::Apply && kept > 0 {
        let were = if kept == 1 { "was" } else { "were" };
        format!("{number} {done}, and {kept} {were} kept that changed since the dry run")
    } else {
        format!("{number} {done}")
    }
}

/// Who is in the file, and whom the import may find missing.
pub(super) struct Roster {
    /// The import.
    pub(super) import: ImportId,
    /// When it began.
    pub(super) began: Timestamp,
    /// Who sent the file.
    pub(super) sender: Option<UserId>,
    /// The addresses of all rows.
    pub(super) addresses: Seen,
}

impl Roster {
    /// Returns whether `account` is one of those of which not too many may be missing: when the import began it was
    /// enabled, had no admin role, and some import had made it. The sender is none of them.
    pub(super) fn counts(&self, account: &Account) -> bool {
        let user = &account.user;
        let made = user.import.is_some_and(|(import, _)| import != self.import);
        // What the import itself has changed does not matter, so that a dry run counts alike.
        let own = account.former.as_ref().filter(|_| {
            let changed_by = account.changed_by.map(|(import, _)| import);
            changed_by == Some(self.import)
        });
        let before = |member: Member| own.and_then(|former| former.members.get(member.name()));
        let enabled = before(Member::Enabled).map_or(user.enabled, |enabled| *enabled == true);
        let is_admin = match before(Member::Roles) {
            // Roles that are not understood may be those of an administrator.
            Some(roles) => serde_json::from_value::<Roles>(roles.clone())
                .map_or(true, |roles| roles.intersects(Roles::ADMIN)),
            None => user.is_reserved_to_admins(),
        };
        made && user.created_at < self.began && enabled && !is_admin && self.sender != Some(user.id)
    }

    /// Returns whether `account` is one of those, is not in the file, and was not changed since the import began.
    ///
    /// Every address counts that is kept for the account, because a row with a former one fails but names the person.
    ///
    /// # Errors
    ///
    /// If the addresses cannot be read.
    pub(super) fn misses(&self, account: &Account) -> io::Result<bool> {
        let user = &account.user;
        let is_changed = user.modified_at >= self.began
            || account
                .tokens_valid_after
                .is_some_and(|after| after >= self.began);
        if !self.counts(account) || is_changed || !user.enabled || user.is_reserved_to_admins() {
            return Ok(false);
        }
        for slot in std::iter::once(user.id.slot()).chain(account.addresses.iter().copied()) {
            if self.addresses.line_of(slot)?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use sheet::Mode;

    use super::*;

    #[test]
    fn the_first_lines_that_are_to_blame_are_named() {
        let named = |lines: std::ops::Range<u64>| {
            let mut unreadable = UnreadableRows::default();
            lines.for_each(|line| unreadable.add(line));
            unreadable.named()
        };

        assert_eq!(named(3..4), "line 3");
        assert_eq!(named(3..5), "lines 3 and 4");
        assert_eq!(named(3..6), "lines 3, 4 and 5");
        assert_eq!(named(2..14), "lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 2 more");
    }

    fn of(pass: Pass) -> MissingSearch {
        MissingSearch {
            pass,
            accounts: 20,
            ..MissingSearch::beginning(Missing::Disable)
        }
    }

    /// What is said of a search of that act that has found and disabled so many.
    fn told(search: &MissingSearch, act: Act, missing: Missing, [absent, disabled]: [u64; 2]) -> String {
        let options = ImportOptions {
            mode: Mode::Upsert,
            act,
            missing,
            ..ImportOptions::default()
        };
        let counts = Counts {
            missing: absent,
            disabled,
            ..Counts::default()
        };
        search.told(&options, counts)
    }

    #[test]
    fn one_sentence_says_who_was_only_listed_and_why() {
        let (disable, report) = (Missing::Disable, Missing::Report);
        let listed = of(Pass::Reporting);
        let mut unreadable = of(Pass::Reporting);
        unreadable.unreadable.add(7);

        assert_eq!(
            told(&of(Pass::Counting), Act::Import, disable, [0, 0]),
            "looking for accounts that are not in the file"
        );
        assert_eq!(
            told(&listed, Act::Import, report, [1, 0]),
            "1 account is not in the file"
        );
        assert_eq!(
            told(&listed, Act::Import, disable, [3, 0]),
            "3 accounts are not in the file and were not disabled, because that is more than 10 per cent of 20 \
             (if its changes are right, send it again with a higher missingLimit)"
        );
        assert_eq!(
            told(&listed, Act::DryRun, disable, [3, 0]),
            "3 accounts are not in the file and would not be disabled, because that is more than 10 per cent of 20 \
             (if its changes are right, send it again with a higher missingLimit)"
        );
        assert_eq!(
            told(&unreadable, Act::Import, disable, [1, 0]),
            "1 account is not in the file and was not disabled, because line 7 may have people whose address could not be read"
        );
    }

    #[test]
    fn one_sentence_says_how_many_were_disabled() {
        let (search, disable) = (of(Pass::Disabling), Missing::Disable);

        assert_eq!(
            told(&search, Act::Import, disable, [2, 2]),
            "2 accounts that are not in the file were disabled"
        );
        assert_eq!(
            told(&search, Act::DryRun, disable, [1, 1]),
            "1 account that is not in the file would be disabled"
        );
        assert_eq!(
            told(&search, Act::Apply, disable, [3, 2]),
            "2 accounts that are not in the file were disabled, and 1 was kept that changed since the dry run"
        );
        assert_eq!(
            told(&search, Act::Import, disable, [0, 0]),
            "no account is missing from the file"
        );
    }
}
