//! The search for accounts that are not in the file, after its last row: see [`crate::missing`].

use std::time::Instant;

use errors::{Error, Tries};
use roster::{Roles, Slot, UserId, UserPatch};
use seen::{Memory, Seen};
use service::clock;
use sheet::{Act, Missing, Position};
use table::Account;

use super::super::segment::Segment;
use super::super::stop::Stop;
use super::{Ended, LONGEST_SEGMENT, Next, Session};
use crate::changes::{Entry, EntryOutcome, RecordReader};
use crate::missing::{MissingSearch, Pass, Roster, UnreadableRows};
use crate::record::{Read, Status};

/// Accounts that one checkpoint disables: with the import, the counters and the record they are fewer than the 100 actions
/// of a transaction.
const ACCOUNTS: usize = 80;

impl Session<'_> {
    /// Returns the search that follows the last row; `None` if nobody is looked for.
    ///
    /// That of an apply goes by what the dry run has found, so it goes through no accounts.
    pub(super) async fn first_search(&self) -> Result<Option<MissingSearch>, Error> {
        let options = &self.plan.options;
        if options.missing == Missing::Ignore {
            return Ok(None);
        }
        let Some(dry_run) = self.import.parent.filter(|_| options.act == Act::Apply) else {
            return Ok(Some(MissingSearch::beginning(options.missing)));
        };
        let dry_run = self.app.imports.find(dry_run, clock::now()).await?;
        let search = dry_run.and_then(|dry_run| dry_run.search?.known().cloned());
        Ok(search.map(MissingSearch::ended))
    }

    /// Looks for accounts that are not in the file and ends the import, as far as the time allows. A run that `has_rows`
    /// has spent some of its time on rows.
    pub(super) async fn find_missing(
        &mut self,
        search: MissingSearch,
        has_rows: bool,
    ) -> Result<Ended, Stop> {
        if self.plan.options.act == Act::Apply {
            return self.apply_missing().await;
        }
        let (roster, unreadable) = match self.roster().await {
            // The next run has all of its time.
            Err(Stop::Refused(_)) if has_rows => {
                let (segment, position) = (self.segment(), self.plan.position);
                let ended = self.commit(segment, position, Next::HandOver).await?;
                return Ok(ended.unwrap_or(Ended::HandedOver));
            }
            roster => roster?,
        };
        let mut search = search.after_reading(unreadable);
        let mut since = Instant::now();
        loop {
            let (accounts, scan) = self.app.users.scan_imported(&search.scan).await?;
            let found = look_through(accounts, &roster, &mut search)?;
            let has_ended = scan.has_ended();
            let is_last = has_ended && search.pass != Pass::Counting;
            let after = MissingSearch {
                scan,
                ..search.clone()
            };
            let after = if has_ended && !is_last {
                after.after_counting(&self.plan.options)
            } else {
                after
            };
            let is_due = has_ended
                || !found.is_empty()
                || since.elapsed() > LONGEST_SEGMENT
                || self.left() <= self.margin;
            if is_due {
                let ended = if self.disables(&search) {
                    self.disable_all(&roster, found, (&search, &after), is_last)
                        .await?
                } else {
                    self.list_all(&found, after.clone(), is_last).await?
                };
                if let Some(ended) = ended {
                    return Ok(ended);
                }
                since = Instant::now();
            }
            search = after;
        }
    }

    /// Reads the addresses of the file.
    async fn roster(&self) -> Result<(Roster, UnreadableRows), Stop> {
        let Some(read) = &self.plan.read else {
            return Err(Error::internal("read who is in a file", "its columns are not known").into());
        };
        let check = self.check(read, Roles::ALL);
        let mut addresses = Seen::within(Memory::LARGE);
        let mut unreadable = UnreadableRows::default();
        for line in lines_above(read) {
            unreadable.add(line);
        }
        // To the end of the file: where a quote is never closed, the last row begins at the checkpoint.
        self.reread(u64::MAX, |row| {
            match check.address(row) {
                Some(email) => {
                    addresses.first_line(Slot::of(&email), row.line)?;
                }
                None => unreadable.add(row.line),
            }
            Ok(())
        })
        .await?;
        let roster = Roster {
            import: self.import.id,
            began: self.import.started_at.unwrap_or(self.import.created_at),
            sender: self.import.created_by,
            addresses,
        };
        Ok((roster, unreadable))
    }

    /// Returns whether the accounts that `search` finds are disabled, not only listed.
    fn disables(&self, search: &MissingSearch) -> bool {
        search.pass == Pass::Disabling && !self.plan.options.is_dry()
    }

    /// Makes a checkpoint that lists `found`, after which the search stands at `after`.
    async fn list_all(
        &mut self,
        found: &[Account],
        after: MissingSearch,
        is_last: bool,
    ) -> Result<Option<Ended>, Stop> {
        let mut segment = self.segment();
        let mut to = self.plan.position;
        for account in found {
            let entry = if after.pass == Pass::Disabling {
                self.disabled(account, to.line).1
            } else {
                missing(account, to.line)
            };
            segment.absent(entry);
            to.line += 1;
        }
        segment.search = Some(after);
        self.commit(segment, to, self.next(is_last)).await
    }

    /// Disables `found`, some in each checkpoint. The search goes from the first of the two states to the second with the
    /// last of them: a run that begins in between does not find those again who are disabled.
    async fn disable_all(
        &mut self,
        roster: &Roster,
        found: Vec<Account>,
        (before, after): (&MissingSearch, &MissingSearch),
        is_last: bool,
    ) -> Result<Option<Ended>, Stop> {
        let mut found = found;
        loop {
            let rest = found.split_off(found.len().min(ACCOUNTS));
            let has_more = !rest.is_empty();
            let mut tries = self.app.users.tries("disable missing users");
            let ended = loop {
                let mut segment = self.segment();
                segment.search = Some(if has_more { before } else { after }.clone());
                let to = self.disable(&mut segment, &found).await?;
                match self.commit(segment, to, self.next(is_last && !has_more)).await {
                    Err(Stop::Stale(_)) => found = self.again(roster, found, &mut tries).await?,
                    ended => break ended?,
                }
            };
            if ended.is_some() || !has_more {
                return Ok(ended);
            }
            found = rest;
        }
    }

    /// Reads accounts again, one of which has just been changed, and returns those that are missing still.
    async fn again(
        &self,
        roster: &Roster,
        accounts: Vec<Account>,
        tries: &mut Tries,
    ) -> Result<Vec<Account>, Stop> {
        tries.again().await?;
        let slots: Vec<_> = accounts.iter().map(|account| account.user.id.slot()).collect();
        let mut now = self.app.users.holders(slots).await?;
        let mut still = Vec::new();
        for account in accounts {
            let found = now.remove(&account.user.id.slot());
            if let Some(found) = found.filter(|found| found.user.id == account.user.id)
                && is_missing(roster, &found)?
            {
                still.push(found);
            }
        }
        Ok(still)
    }

    /// Adds to `segment` that `accounts` are disabled, and returns where it ends.
    async fn disable(&self, segment: &mut Segment, accounts: &[Account]) -> Result<Position, Error> {
        let users = &self.app.users;
        let counted = users.are_counted(&accounts.iter().collect::<Vec<_>>()).await?;
        let mut to = self.plan.position;
        for (account, is_counted) in accounts.iter().zip(counted) {
            // It was made by a run that had lost its import, and the sweep deletes it.
            if !is_counted {
                continue;
            }
            let (new, entry) = self.disabled(account, to.line);
            segment.replace(users, account, new)?;
            segment.absent(entry);
            to.line += 1;
        }
        Ok(to)
    }

    /// Returns `account` as it is once it is disabled, and the entry of that at `line`.
    fn disabled(&self, account: &Account, line: u64) -> (Account, Entry) {
        let patch = UserPatch {
            enabled: Some(false),
            ..UserPatch::default()
        };
        let mark = self.mark();
        let new = account.patched_by_import(patch, clock::now(), (mark.import, line), mark.takeovers);
        let entry = Entry {
            outcome: EntryOutcome::Disabled,
            version: Some(account.user.version),
            mark: Some(account.former_mark()),
            changes: account.user.differences(&new.user),
            ..missing(account, line)
        };
        (new, entry)
    }

    /// Disables the accounts that the dry run has listed for it, if they are what they were then, and ends the import.
    async fn apply_missing(&mut self) -> Result<Ended, Stop> {
        let Some(dry_run) = self.import.parent else {
            return Err(Stop::Refused(
                "no dry run is named that is to be applied".to_owned(),
            ));
        };
        let mut record = RecordReader::new(self.app, dry_run, self.plan.position.line);
        loop {
            let mut listed = Vec::new();
            while listed.len() < ACCOUNTS
                && let Some(entry) = record.next().await?
            {
                // The reader may begin with entries before the checkpoint.
                if entry.line >= self.plan.position.line {
                    listed.push(entry);
                }
            }
            let is_last = !record.has_more().await?;
            let mut tries = self.app.users.tries("disable missing users");
            let ended = loop {
                let (segment, to) = self.as_listed(&listed).await?;
                match self.commit(segment, to, self.next(is_last)).await {
                    Err(Stop::Stale(_)) => tries.again().await?,
                    ended => break ended?,
                }
            };
            if let Some(ended) = ended {
                return Ok(ended);
            }
        }
    }

    /// Returns the segment that does with the accounts of a dry run's entries what it has shown, and where it ends.
    async fn as_listed(&self, listed: &[Entry]) -> Result<(Segment, Position), Error> {
        let ids = listed.iter().filter_map(|entry| entry.user_id);
        let slots: Vec<_> = ids.map(UserId::slot).collect();
        let accounts = self.app.users.holders(slots).await?;
        let mut segment = self.segment();
        let mut to = self.plan.position;
        for shown in listed {
            let account = shown
                .user_id
                .and_then(|id| accounts.get(&id.slot()).filter(|found| found.user.id == id));
            let Some(account) = account else {
                continue;
            };
            let is_own = self.import.created_by == Some(account.user.id);
            let is_same = shown.version == Some(account.user.version) && !is_own;
            if shown.outcome == EntryOutcome::Disabled && is_same {
                let (new, entry) = self.disabled(account, shown.line);
                segment.replace(&self.app.users, account, new)?;
                segment.absent(entry);
            } else {
                segment.absent(missing(account, shown.line));
            }
        }
        to.line = listed.last().map_or(to.line, |last| last.line + 1);
        Ok((segment, to))
    }

    /// What follows a checkpoint of the search.
    fn next(&self, is_last: bool) -> Next {
        if is_last {
            Next::End(Status::Completed, None)
        } else if self.left() <= self.margin {
            Next::HandOver
        } else {
            Next::GoOn
        }
    }
}

/// Returns the lines that were not taken for rows and may have people on them all the same: those above the header, and
/// the header if it looks like a row.
fn lines_above(read: &Read) -> Vec<u64> {
    let mut lines = read.skipped_lines.clone();
    if read.columns.header().iter().any(|name| name.contains('@')) {
        lines.push(lines.last().map_or(1, |line| line + 1));
    }
    lines
}

/// Returns those of `accounts` that are not in the file, or counts them, whatever `search` is about.
fn look_through(
    accounts: Vec<Account>,
    roster: &Roster,
    search: &mut MissingSearch,
) -> Result<Vec<Account>, Error> {
    let mut found = Vec::new();
    for account in accounts {
        let misses = is_missing(roster, &account)?;
        if search.pass == Pass::Counting {
            search.accounts += u64::from(roster.counts(&account));
            search.missing += u64::from(misses);
        } else if misses {
            found.push(account);
        }
    }
    Ok(found)
}

fn is_missing(roster: &Roster, account: &Account) -> Result<bool, Error> {
    let misses = roster.misses(account);
    misses.map_err(|error| Error::internal("look up an address", error))
}

/// The entry of an account that is not in the file.
fn missing(account: &Account, line: u64) -> Entry {
    Entry {
        user_id: Some(account.user.id),
        email: Some(account.user.email.clone()),
        is_absent: true,
        ..Entry::of(line, EntryOutcome::Missing)
    }
}
