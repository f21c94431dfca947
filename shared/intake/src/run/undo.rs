//! Taking an import back, by the record of what it has done.
//!
//! What a checkpoint takes back is in the transaction of that checkpoint, counters included, so it is carried out once
//! or not at all, whatever happens to the run, and a run that lost the import changes nothing.
//!
//! - An account that the import made goes, if nothing has changed it since. It then has neither contacts nor tokens,
//!   because the first of them change it.
//! - An account that the import changed or disabled gets its former values back, if nothing has changed it since.
//! - Everything else stays, and its row fails with `changed_since`.

use std::collections::{HashMap, HashSet, VecDeque};

use errors::Error;
use roster::{AccountAction, Code, ImportId, Member, MemberChange, Right, Slot, UserId, Violation};
use service::audit::{AccountAct, Actor};
use service::clock;
use sheet::{Content, OwnedCells, Position, RowError, RowLines, Rows};
use table::Account;

use super::super::file::File;
use super::super::segment::Segment;
use super::super::stop::Stop;
use super::super::write::{LAST_ADMIN, Sender};
use super::{Ended, Next, Session};
use crate::changes::{Entry, EntryOutcome, RecordReader};
use crate::record::Status;

/// Accounts that one checkpoint takes back: with the lines of their histories, the import, the counters and the records
/// of the rows they are fewer than the 100 actions of a transaction.
const ACCOUNTS: usize = 40;

/// A row of the file and what the import has done with it, or an account that is in no row.
struct UndoneRow {
    line: u64,
    row: u64,
    lines: RowLines,
    cells: Option<OwnedCells>,
    entry: Entry,
    /// Where the file goes on after it.
    end: Position,
}

/// An import that is being taken back.
struct Undoing {
    parent: ImportId,
    sender: Sender,
    file: File,
    rows: Rows,
    record: RecordReader,
    /// The rows that are read and not taken back yet.
    queue: VecDeque<UndoneRow>,
    /// Whether no row comes after them.
    has_ended: bool,
    /// The lines of rows that would take away the last enabled system administrator.
    last_admins: HashSet<u64>,
}

/// What becomes of an account.
enum Verdict {
    /// There is nothing to take back.
    Nothing,
    /// It goes.
    Delete(Box<Account>),
    /// It becomes the second.
    GiveBack(Box<Account>, Box<Account>),
    /// It stays, for this reason.
    Stays(Code, &'static str),
}

impl Verdict {
    fn stays(account: &'static str) -> Self {
        Self::Stays(Code::ChangedSince, account)
    }
}

impl Undoing {
    /// Reads rows until there are enough for a checkpoint.
    async fn fill(&mut self, limit: usize) -> Result<(), Stop> {
        let mut more = true;
        while !self.has_ended && self.queue.len() < limit && self.touched().count() < ACCOUNTS {
            if let Some(row) = self.rows.next_row() {
                let line = row.line;
                let cells = match &row.content {
                    Content::Cells(cells) => Some(OwnedCells::from(*cells)),
                    Content::TooLarge | Content::UnclosedQuote { .. } => None,
                };
                let (number, lines) = (row.row, row.lines());
                match self.record.at(line).await? {
                    Some(entry) => self.queue.push_back(UndoneRow {
                        line,
                        row: number,
                        lines,
                        cells,
                        entry,
                        end: self.rows.position(),
                    }),
                    // The import has not come so far, or was ended before it had carried out this one.
                    None => self.has_ended = !self.record.has_more().await?,
                }
            } else if more {
                match self.file.feed(&mut self.rows).await.map_err(Stop::from) {
                    Ok(fed) => more = fed,
                    // The import could not read on here either, unless the file has gone since.
                    Err(Stop::Refused(fault)) => {
                        if self.record.has_more().await? {
                            return Err(Stop::Refused(fault));
                        }
                        self.has_ended = true;
                    }
                    Err(stop) => return Err(stop),
                }
            } else if let Some(entry) = self.record.next().await? {
                // There is nothing to take back of an account that was only reported.
                if entry.outcome.is_change() {
                    self.absent(entry);
                }
            } else {
                self.has_ended = true;
            }
        }
        Ok(())
    }

    /// Takes in what the import has done with an account that is in no row.
    fn absent(&mut self, entry: Entry) {
        self.queue.push_back(UndoneRow {
            line: entry.line,
            row: 0,
            lines: RowLines::default(),
            cells: None,
            // The lines of such accounts follow that of the last row.
            end: Position {
                line: entry.line + 1,
                ..self.rows.position()
            },
            entry,
        });
    }

    /// The rows that have made or changed an account.
    fn touched(&self) -> impl Iterator<Item = &UndoneRow> {
        self.queue.iter().filter(|row| row.entry.outcome.is_change())
    }

    /// Returns what becomes of the account of a row.
    fn judge(&self, row: &UndoneRow, account: Option<&Account>) -> Result<Verdict, Error> {
        let mark = Some((self.parent, row.line));
        let account = account.filter(|account| Some(account.user.id) == row.entry.user_id);
        let verdict = match (row.entry.outcome, account) {
            (EntryOutcome::Created, Some(account)) => {
                if account.user.import == mark && account.changed_by.is_none() && account.is_untouched() {
                    Verdict::Delete(Box::new(account.clone()))
                } else {
                    Verdict::stays("was changed since the import made its account, which is kept")
                }
            }
            (EntryOutcome::Updated | EntryOutcome::Disabled, Some(account)) => {
                if account.changed_by == mark && account.is_untouched() {
                    let former = row.entry.mark.unwrap_or_default();
                    let changes = &row.entry.changes;
                    let new = account.given_back(self.parent, changes, former, clock::now())?;
                    Verdict::GiveBack(Box::new(account.clone()), Box::new(new))
                } else if account.undone.contains(&self.parent) {
                    Verdict::Nothing
                } else {
                    Verdict::stays("was changed since the import changed its account, which is left as it is")
                }
            }
            (EntryOutcome::Updated | EntryOutcome::Disabled, None) => {
                Verdict::stays("was changed by the import; the account is gone")
            }
            _ => Verdict::Nothing,
        };
        Ok(self.allowed(row, verdict))
    }

    /// Returns `verdict`, if the sender may bring it about.
    fn allowed(&self, row: &UndoneRow, verdict: Verdict) -> Verdict {
        let (old, new) = match &verdict {
            Verdict::Delete(old) => (old, None),
            Verdict::GiveBack(old, new) => (old, Some(new)),
            Verdict::Nothing | Verdict::Stays(..) => return verdict,
        };
        let states = std::iter::once(old).chain(new);
        let is_reserved = states.into_iter().any(|state| state.user.is_reserved_to_admins());
        let refused = |reason| Verdict::Stays(Code::ForbiddenRole, reason);
        let is_own = self.sender.id == Some(old.user.id);
        let keeps_rights =
            new.is_some_and(|new| new.user.roles == old.user.roles && new.user.enabled == old.user.enabled);
        if is_reserved && !self.sender.rights.contains(&Right::ManageAdmins) {
            refused("belongs to an administrator, whom you may not change")
        } else if is_own && !keeps_rights {
            refused("is your own account, whose roles and state you cannot change")
        } else if self.last_admins.contains(&row.line) {
            refused(LAST_ADMIN)
        } else {
            verdict
        }
    }
}

impl Session<'_> {
    /// Takes the parent of the import back, as far as the time allows.
    pub(super) async fn undo(&mut self) -> Result<Ended, Stop> {
        let mut undoing = self.undoing().await?;
        let mut tries = self.app.users.tries("take an import back");
        loop {
            undoing.fill(self.app.config.import_segment_rows).await?;
            let (segment, to, taken) = self.taken_back(&undoing).await?;
            let next = if undoing.has_ended && taken == undoing.queue.len() {
                Next::End(Status::Completed, None)
            } else if self.left() <= self.margin {
                Next::HandOver
            } else {
                Next::GoOn
            };
            let accounts = segment.actions.len();
            let causes = self.causes.clone();
            match self.commit(segment, to, next).await {
                Ok(Some(ended)) => return Ok(ended),
                Ok(None) => {
                    undoing.queue.drain(..taken);
                    tries = self.app.users.tries("take an import back");
                }
                Err(Stop::Stale(action)) => {
                    self.causes = causes;
                    if action < accounts {
                        // An account has just been changed, so it is judged again.
                        tries.again().await?;
                    } else {
                        // Of the accounts of the checkpoint, only the last one takes an administrator away.
                        let last = undoing.queue.get(taken - 1).map(|row| row.line);
                        undoing.last_admins.extend(last);
                    }
                }
                Err(stop) => return Err(stop),
            }
        }
    }

    /// Opens the file and the record of the import to be taken back at the checkpoint.
    async fn undoing(&mut self) -> Result<Undoing, Stop> {
        let Some(parent) = self.import.parent else {
            return Err(Stop::Refused(
                "no import is named that is to be taken back".to_owned(),
            ));
        };
        let sender = self.sender().await?;
        let position = self.plan.position;
        let (file, rows, read) = self.open(position).await?;
        self.plan.read = Some(read);
        Ok(Undoing {
            parent,
            sender,
            file,
            rows,
            record: RecordReader::new(self.app, parent, position.line),
            queue: VecDeque::new(),
            has_ended: false,
            last_admins: HashSet::new(),
        })
    }

    /// Returns the segment that takes back the first rows of the queue, where it ends, and how many rows it has. A row
    /// that takes away an enabled system administrator has a segment of its own, because it may be refused.
    async fn taken_back(&self, undoing: &Undoing) -> Result<(Segment, Position, usize), Stop> {
        let ids = undoing.touched().filter_map(|row| row.entry.user_id);
        let slots: Vec<Slot> = ids.map(UserId::slot).collect();
        let accounts: HashMap<Slot, Account> = self.app.users.holders(slots).await?;
        let mut segment = self.segment();
        let mut to = segment.from;
        let mut taken = 0;
        for row in &undoing.queue {
            let account = row.entry.user_id.and_then(|id| accounts.get(&id.slot()));
            let verdict = undoing.judge(row, account)?;
            let counted = match &verdict {
                Verdict::Delete(old) => -old.user.tally(),
                Verdict::GiveBack(old, new) => new.user.tally() + -old.user.tally(),
                Verdict::Nothing | Verdict::Stays(..) => roster::Tally::default(),
            };
            let is_alone = counted.active_system_admins() < 0;
            if is_alone && !segment.actions.is_empty() {
                // Its condition is to fail for nobody else.
                break;
            }
            self.take_back(&mut segment, row, verdict)?;
            to = row.end;
            taken += 1;
            if is_alone {
                break;
            }
        }
        segment.close();
        Ok((segment, to, taken))
    }

    /// Adds to `segment` what becomes of a row.
    fn take_back(&self, segment: &mut Segment, row: &UndoneRow, verdict: Verdict) -> Result<(), Error> {
        let actor = Actor::import(self.import.id, &self.run.id);
        let history = &self.app.history;
        let entry = |outcome, changes| Entry {
            user_id: row.entry.user_id,
            email: row.entry.email.clone(),
            changes,
            is_absent: row.entry.is_absent,
            ..Entry::of(row.line, outcome)
        };
        match verdict {
            Verdict::Nothing => segment.undone(entry(EntryOutcome::Unchanged, Vec::new())),
            Verdict::Delete(account) => {
                let act = AccountAct::new(&actor, AccountAction::Undone, &account.user);
                segment.delete(&self.app.users, &account)?;
                segment.actions.push(history.ending(&account, &act.line())?);
                segment.undone(entry(EntryOutcome::Deleted, Vec::new()));
            }
            Verdict::GiveBack(old, new) => {
                let act = AccountAct::new(&actor, AccountAction::Undone, &new.user);
                let line = act.noted_in(history)?;
                segment.replace(&self.app.users, &old, *new)?;
                segment.actions.push(line);
                let back = row.entry.changes.iter().cloned().map(|change| MemberChange {
                    before: change.after,
                    after: change.before,
                    ..change
                });
                segment.undone(entry(EntryOutcome::Updated, back.collect()));
            }
            Verdict::Stays(code, detail) => {
                let mut violation = Violation::new(Member::Email, code, detail);
                if let Some(email) = &row.entry.email {
                    violation = violation.of_value(email.as_str());
                }
                let error =
                    RowError::new(row.line, row.row, Some(segment.email()), violation).ending(row.lines);
                if row.entry.is_absent {
                    segment.refuse(entry(EntryOutcome::Failed, Vec::new()), error);
                } else {
                    segment.reject(row.line, row.cells.clone(), vec![error]);
                }
            }
        }
        Ok(())
    }
}
