//! The rows between two checkpoints, and what became of them.

use aws_sdk_dynamodb::types::TransactWriteItem;
use errors::Error;
use roster::{Code, Member, Severity, Tally, Violation};
use sheet::{
    Content, ImportOptions, OwnedCells, Position, Rejected, RejectedFault, Repeated, Repeats, Row, RowError,
    SoundRow,
};
use table::{Account, UserStore};

use super::chart::Charted;
use super::write::{BATCH, Done, Effect, Expected, Outcome, Pending};
use crate::changes::{Entry, EntryOutcome};
use crate::missing::MissingSearch;
use crate::record::{Counts, Read};

/// Bytes of rejected rows and their errors after which a segment is full, so that a file of bad rows
/// takes no more memory than one of good ones, and a checkpoint stays within the 4 MB of a transaction.
const MAX_REJECTED: usize = 768 * 1024;

/// A row that was not imported.
#[derive(Debug)]
struct Reject {
    line: u64,
    cells: Option<OwnedCells>,
    errors: Vec<RowError>,
}

/// The rows between two checkpoints.
#[derive(Debug)]
pub(super) struct Segment {
    /// Where it begins.
    pub(super) from: Position,
    /// The outcomes of its rows, counted.
    pub(super) counts: Counts,
    /// The users it made, to be counted.
    pub(super) tally: Tally,
    /// What the checkpoint itself does to accounts. `tally` has their change.
    pub(super) actions: Vec<TransactWriteItem>,
    /// How far the search for missing accounts has come once the checkpoint is made; none before the last row.
    pub(super) search: Option<MissingSearch>,
    /// What became of its rows, for the record.
    entries: Vec<Entry>,
    /// The change of the number of enabled system administrators by rows that change accounts, in a dry run.
    pub(super) admins: i64,
    /// What the index has to learn of.
    pub(super) charted: Charted,
    options: ImportOptions,
    /// What the file calls the column of the email.
    email: String,
    rows: usize,
    rejects: Vec<Reject>,
    /// The warnings of rows that were not rejected, and the errors of accounts that are in no row.
    others: Vec<RowError>,
    rejected_bytes: usize,
    /// The first row with each address, and what became of it.
    first: Repeats<Outcome>,
    /// Rows whose address stands on an earlier row of the segment: what becomes of them follows from
    /// what becomes of that one, so they wait for it and cost no call.
    repeats: Vec<Pending>,
    /// Rows that wait until all others but the repeats are written: see [`Outcome::Waits`].
    waiting: Vec<Pending>,
    batch: Vec<Pending>,
}

impl Segment {
    /// An empty segment that begins at `from`.
    pub(super) fn new(from: Position, options: &ImportOptions, read: Option<&Read>) -> Self {
        let email = read.and_then(|read| read.columns.name(Member::Email));
        Self {
            from,
            counts: Counts::default(),
            tally: Tally::default(),
            actions: Vec::new(),
            search: None,
            entries: Vec::new(),
            admins: 0,
            charted: Charted::default(),
            options: options.clone(),
            email: Violation::shown(email.unwrap_or_default()).to_owned(),
            rows: 0,
            rejects: Vec::new(),
            others: Vec::new(),
            rejected_bytes: 0,
            first: Repeats::default(),
            repeats: Vec::new(),
            waiting: Vec::new(),
            batch: Vec::with_capacity(BATCH),
        }
    }

    /// Lets the checkpoint itself turn the account `old` into `new`; the counters and the index follow.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the action cannot be built.
    pub(super) fn replace(&mut self, users: &UserStore, old: &Account, new: Account) -> Result<(), Error> {
        self.actions.push(users.replacing(old, &new)?);
        self.tally += new.user.tally() + -old.user.tally();
        self.charted.replaced.push(new.into_user());
        Ok(())
    }

    /// Lets the checkpoint itself delete `account`; the counters and the index follow.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the actions cannot be built.
    pub(super) fn delete(&mut self, users: &UserStore, account: &Account) -> Result<(), Error> {
        self.actions.extend(users.deleting(account)?);
        self.tally += -account.user.tally();
        self.charted.gone.push(account.user.id);
        Ok(())
    }

    /// Takes in one row and what checking it gave. `earlier` is the line of an earlier segment that has
    /// the same address, where somebody keeps track of it.
    ///
    /// `expected` is what the dry run has found for the row that the import applies.
    pub(super) fn take(
        &mut self,
        row: &Row<'_>,
        checked: Result<SoundRow, Vec<RowError>>,
        earlier: Option<u64>,
        expected: Option<Expected>,
    ) {
        self.rows += 1;
        let sound = match checked {
            Ok(sound) => sound,
            Err(errors) => {
                let cells = match &row.content {
                    Content::Cells(cells) => Some(OwnedCells::from(*cells)),
                    Content::TooLarge | Content::UnclosedQuote { .. } => None,
                };
                return self.reject(row.line, cells, errors);
            }
        };
        let Some(mut pending) = Pending::new(row, sound, earlier) else {
            return;
        };
        pending.expected = expected;
        if self.first.is_first(pending.slot(), pending.line) {
            self.batch.push(pending);
        } else {
            self.rejected_bytes += pending.cells.size();
            self.repeats.push(pending);
        }
    }

    /// The rows to be written next: once there are enough for a batch, or all with `rest`.
    pub(super) fn next_batch(&mut self, rest: bool) -> Option<Vec<Pending>> {
        let due = self.batch.len() >= BATCH || (rest && !self.batch.is_empty());
        due.then(|| std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH)))
    }

    /// Whether it is time for a checkpoint.
    pub(super) fn is_full(&self, rows: usize) -> bool {
        self.rows >= rows || self.rejected_bytes >= MAX_REJECTED
    }

    /// Records what became of written rows.
    pub(super) fn settle(&mut self, batch: Vec<Pending>, done: Vec<Done>) {
        for (pending, done) in batch.into_iter().zip(done) {
            if done.outcome == Outcome::Waits {
                self.waiting.push(pending);
            } else {
                self.first.settle(pending.slot(), done.outcome);
                self.count(pending, done);
            }
        }
    }

    /// Returns the rows that have waited until all others were written, by line.
    pub(super) fn waited(&mut self) -> Vec<Pending> {
        let mut waited = std::mem::take(&mut self.waiting);
        waited.sort_by_key(|pending| pending.line);
        for pending in &mut waited {
            pending.waited = true;
        }
        waited
    }

    /// Decides the rows that repeat an address of the segment, once all others are settled, and puts
    /// the rejected rows in order.
    pub(super) fn close(&mut self) {
        for pending in std::mem::take(&mut self.repeats) {
            let outcome = match self.first.repeated(pending.slot()) {
                Some(Repeated::InFile(line)) => Outcome::Repeats(line),
                Some(Repeated::AsFirst(outcome)) => outcome,
                None => continue,
            };
            self.count(pending, outcome.into());
        }
        self.entries.sort_by_key(|entry| entry.line);
        self.rejects.sort_by_key(|reject| reject.line);
    }

    /// Returns the errors and warnings of all rows, by line.
    pub(super) fn faults(&self) -> Vec<RowError> {
        let rejected = self.rejects.iter().flat_map(|reject| &reject.errors);
        let mut errors: Vec<_> = rejected.chain(&self.others).cloned().collect();
        errors.sort_by_key(|error| error.line);
        errors
    }

    /// Returns what the file calls the column of the email.
    pub(super) fn email(&self) -> &str {
        &self.email
    }

    /// Records what an undo has made of a row.
    pub(super) fn undone(&mut self, entry: Entry) {
        match entry.outcome {
            EntryOutcome::Deleted => self.counts.deleted += 1,
            EntryOutcome::Updated => self.counts.updated += 1,
            _ => self.counts.unchanged += 1,
        }
        self.entries.push(entry);
    }

    /// Records an account that is in no row.
    pub(super) fn absent(&mut self, entry: Entry) {
        self.counts.missing += 1;
        self.counts.disabled += u64::from(entry.outcome == EntryOutcome::Disabled);
        self.entries.push(entry);
    }

    /// Records that an undo has left an account as it is that is in no row.
    pub(super) fn refuse(&mut self, entry: Entry, error: RowError) {
        self.counts.failed += 1;
        self.rejected_bytes += recorded(std::slice::from_ref(&error));
        self.entries.push(entry);
        self.others.push(error);
    }

    /// Gives up what became of its rows, by line.
    pub(super) fn take_entries(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }

    /// The line of the first rejected row and how many there are; `None` if there is none.
    pub(super) fn rejected_lines(&self) -> Option<(u64, u64)> {
        let first = self.rejects.first()?;
        Some((first.line, self.rejects.len() as u64))
    }

    /// The rejected rows as they go back to the sender; `None` if there are none.
    /// The second is how many columns they have for cells without one.
    pub(super) fn rejected(&self, read: &Read) -> Option<(Vec<u8>, usize)> {
        if self.rejects.is_empty() {
            return None;
        }
        let cells = self.rejects.iter().filter_map(|reject| reject.cells.as_ref());
        let extra = cells.map(|cells| Rejected::extra_of(&read.columns, cells.cells()));
        let extra = extra.max().unwrap_or_default();
        let rejected = Rejected::new(&read.columns, read.dialect, extra);
        let mut out = Vec::with_capacity(self.rejected_bytes);
        for Reject { line, cells, errors } in &self.rejects {
            let faults: Vec<_> = errors
                .iter()
                .map(|error| RejectedFault {
                    column: error.column.as_deref().unwrap_or_default(),
                    code: error.code.name(),
                    message: &error.message,
                    suggestion: error.suggestion.as_deref().unwrap_or_default(),
                })
                .collect();
            rejected.row(*line, cells.as_ref().map(OwnedCells::cells), &faults, &mut out);
        }
        Some((out, extra))
    }

    fn count(&mut self, pending: Pending, done: Done) {
        let Done { outcome, mut effect } = done;
        let violation = match outcome {
            Outcome::Created => {
                self.counts.created += 1;
                if !self.options.is_dry() {
                    self.tally += pending.user.tally();
                    self.charted.made(&pending, effect.as_ref());
                }
                return self.carried_out(pending, EntryOutcome::Created, effect);
            }
            Outcome::Updated => {
                self.counts.updated += 1;
                if !self.options.is_dry() {
                    let stored = effect.as_mut().and_then(|effect| effect.stored.take());
                    self.charted.changed(&pending, stored);
                }
                return self.carried_out(pending, EntryOutcome::Updated, effect);
            }
            Outcome::Unchanged => {
                self.counts.unchanged += 1;
                return self.carried_out(pending, EntryOutcome::Unchanged, effect);
            }
            Outcome::Exists if self.options.ignore_duplicates => {
                self.counts.skipped += 1;
                return self.carried_out(pending, EntryOutcome::Skipped, effect);
            }
            Outcome::Repeats(first) => {
                let email = &pending.user.email;
                let error = RowError::repeated(pending.line, pending.row, Some(&self.email), email, first);
                return self.reject_sound(pending, error);
            }
            _ => fault(outcome).of_value(pending.user.email.as_str()),
        };
        let error = RowError::new(pending.line, pending.row, Some(&self.email), violation);
        self.reject_sound(pending, error);
    }

    /// Rejects a row that has no error by itself.
    fn reject_sound(&mut self, pending: Pending, error: RowError) {
        let mut errors = pending.warnings;
        errors.push(error.ending(pending.lines));
        self.reject(pending.line, Some(pending.cells), errors);
    }

    /// Records a row that was not rejected.
    fn carried_out(&mut self, pending: Pending, outcome: EntryOutcome, effect: Option<Effect>) {
        let effect = effect.unwrap_or_default();
        if self.options.is_dry() {
            let (gives, takes) = effect.admin_roles();
            self.counts.gives_admin += u64::from(gives);
            self.counts.takes_admin += u64::from(takes);
            self.counts.admins += effect.admins;
            if outcome == EntryOutcome::Updated {
                self.admins += effect.admins;
            }
        }
        let (version, mark) = effect.met.unzip();
        self.entries.push(Entry {
            user_id: effect.user,
            email: outcome.is_change().then_some(pending.user.email),
            version,
            mark: mark.filter(|_| outcome.is_change()),
            changes: effect.changes,
            ..Entry::of(pending.line, outcome)
        });
        self.warn(pending.warnings);
    }

    /// Records the warnings of a row that was not rejected.
    fn warn(&mut self, warnings: Vec<RowError>) {
        self.counts.warnings += u64::from(!warnings.is_empty());
        self.rejected_bytes += recorded(&warnings);
        self.others.extend(warnings);
    }

    /// Records a row that was rejected.
    pub(super) fn reject(&mut self, line: u64, cells: Option<OwnedCells>, errors: Vec<RowError>) {
        self.counts.failed += 1;
        self.entries.push(Entry::of(line, EntryOutcome::Failed));
        let warned = errors.iter().any(|error| error.severity == Severity::Warning);
        self.counts.warnings += u64::from(warned);
        self.rejected_bytes += recorded(&errors) + cells.as_ref().map_or(0, OwnedCells::size);
        self.rejects.push(Reject { line, cells, errors });
    }
}

/// The error of a row that was not carried out, for that reason; not that of a repeat.
fn fault(outcome: Outcome) -> Violation {
    let fault = |code, detail: String| Violation::new(Member::Email, code, detail);
    match outcome {
        Outcome::Refused(reason) => fault(Code::ForbiddenRole, reason.to_owned()),
        Outcome::ChangedSince => fault(
            Code::ChangedSince,
            "is not what the dry run has shown any more; start another dry run".to_owned(),
        ),
        _ => match outcome.kept() {
            Some(detail) => fault(Code::AlreadyExists, detail),
            None => fault(Code::AlreadyExists, "belongs to an existing account".to_owned()),
        },
    }
}

/// Returns about how many bytes the errors take where they are recorded.
fn recorded(errors: &[RowError]) -> usize {
    // The names of the members in JSON, and the values that are always short.
    const REST: usize = 250;

    errors.iter().map(|error| error.message.len() + REST).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use roster::{ImportId, Members, Role, Roles, Timestamp};
    use sheet::{CellRules, Check, Columns, Dialect, Mode, Rows, UnknownColumns};

    use super::*;

    /// A segment that has taken the rows of a file, whose first column is the address.
    fn taken(file: &str, options: &ImportOptions) -> (Segment, Read) {
        let dialect = Dialect::detect(file.as_bytes()).unwrap();
        let mut rows = Rows::new(dialect, Position::START);
        rows.feed(file.as_bytes());
        rows.finish();
        let columns = Columns::read(rows.next_row(), UnknownColumns::Ignore, None).unwrap();
        let check = Check {
            surplus: columns.surplus(),
            columns: Arc::new(columns.clone()),
            dialect,
            rules: CellRules {
                assignable: Roles::ALL,
                country: None,
            },
            default_roles: Role::Originator.into(),
            import: ImportId::of_object("bucket", "key", ""),
            now: Timestamp::MAX,
        };
        let read = Read {
            dialect,
            columns,
            skipped_lines: Vec::new(),
        };
        let mut segment = Segment::new(Position::START, options, Some(&read));
        while let Some(row) = rows.next_row() {
            segment.take(&row, check.check(&row), None, None);
        }
        (segment, read)
    }

    /// The file with a header and `rows`.
    fn file(rows: impl IntoIterator<Item = String>) -> String {
        let rows: String = rows.into_iter().collect();
        format!("E-Mail,Note\n{rows}")
    }

    /// Line, code and first line of each error.
    fn told(segment: &Segment) -> Vec<(u64, Code, Option<u64>)> {
        let errors = segment.faults();
        errors
            .iter()
            .map(|error| (error.line, error.code, error.first_line))
            .collect()
    }

    #[test]
    fn a_batch_is_due_when_it_is_full_or_the_rest_is_asked_for() {
        let rows = |count: usize| file((0..count).map(|row| format!("user{row}@example.org,\n")));
        let options = ImportOptions::default();

        let (mut segment, _) = taken(&rows(BATCH - 1), &options);
        assert!(segment.next_batch(false).is_none());
        assert_eq!(segment.next_batch(true).unwrap().len(), BATCH - 1);
        assert!(segment.next_batch(true).is_none());

        let (mut segment, _) = taken(&rows(BATCH), &options);
        assert_eq!(segment.next_batch(false).unwrap().len(), BATCH);
        assert!(segment.next_batch(false).is_none());
    }

    #[test]
    fn a_repeat_follows_from_what_became_of_the_first_row() {
        let made_taken_refused = [
            Outcome::Created,
            Outcome::Exists,
            Outcome::Refused("is not yours"),
        ];
        let rows = ["a@", "b@", "c@", "A@", "b@", "c@", "bad"].map(|name| match name {
            "bad" => "bad,\n".to_owned(),
            name => format!("{name}example.org,\n"),
        });
        let closed = |options: &ImportOptions| {
            let (mut segment, read) = taken(&file(rows.clone()), options);
            let batch = segment.next_batch(true).unwrap();
            segment.settle(batch, made_taken_refused.map(Done::from).to_vec());
            segment.close();
            (segment, read)
        };

        let (segment, read) = closed(&ImportOptions::default());
        assert_eq!(
            told(&segment),
            [
                (3, Code::AlreadyExists, None),
                (4, Code::ForbiddenRole, None),
                (5, Code::DuplicateInFile, Some(2)),
                (6, Code::AlreadyExists, None),
                (7, Code::ForbiddenRole, None),
                (8, Code::InvalidFormat, None),
            ]
        );
        assert_eq!(
            segment.faults()[2].sentence(),
            "line 5: E-Mail \"A@example.org\" already appears on line 2"
        );
        assert_eq!((segment.counts.created, segment.counts.failed), (1, 6));
        let lines = String::from_utf8(segment.rejected(&read).unwrap().0).unwrap();
        assert_eq!(lines.lines().count(), 6);
        assert!(
            lines.starts_with("b@example.org,,3,E-Mail,already_exists,"),
            "{lines}"
        );

        let (segment, _) = closed(&ImportOptions {
            ignore_duplicates: true,
            ..ImportOptions::default()
        });
        assert_eq!(
            (
                segment.counts.created,
                segment.counts.skipped,
                segment.counts.failed
            ),
            (1, 2, 4)
        );
    }

    #[test]
    fn only_users_that_were_made_are_added_to_the_tally() {
        let rows = ["a@example.org,\n", "b@example.org,\n", "c@example.org,\n"].map(str::to_owned);
        for (mode, made) in [(Mode::Create, 2), (Mode::Upsert, 2), (Mode::Validate, 0)] {
            let options = ImportOptions {
                mode,
                ..ImportOptions::default()
            };
            let (mut segment, read) = taken(&file(rows.clone()), &options);
            let batch = segment.next_batch(true).unwrap();
            let outcomes = [Outcome::Created, Outcome::Updated, Outcome::Created];
            segment.settle(batch, outcomes.map(Done::from).to_vec());
            segment.close();

            assert_eq!(segment.tally.all.total, made, "{mode:?}");
            assert_eq!((segment.counts.created, segment.counts.updated), (2, 1));
            assert!(segment.rejected(&read).is_none());
        }
    }

    #[test]
    fn a_row_knows_the_earlier_line_with_its_address() {
        let (mut segment, _) = taken(&file([]), &ImportOptions::default());
        let mut rows = Rows::new(Dialect::detect(b"email\n").unwrap(), Position::START);
        rows.feed(b"ada@example.org\n");
        let (pending, _) = taken(
            &file(["ada@example.org,\n".to_owned()]),
            &ImportOptions::default(),
        );
        let sound = SoundRow {
            user: pending.batch[0].user.clone(),
            given: Members::NONE,
            warnings: Vec::new(),
        };

        segment.take(&rows.next_row().unwrap(), Ok(sound), Some(3), None);

        assert_eq!(segment.next_batch(true).unwrap()[0].earlier, Some(3));
    }

    #[test]
    fn a_segment_is_full_by_its_rows_or_by_the_size_of_those_that_go_back() {
        let options = ImportOptions::default();
        let note = "x".repeat(1024);
        let fits = MAX_REJECTED / 1024 / 2;
        let full = MAX_REJECTED / 1024;

        let good = |count: usize| file((0..count).map(|row| format!("user{row}@example.org,{note}\n")));
        let (segment, _) = taken(&good(full + 1), &options);
        assert!(segment.is_full(full + 1), "by its rows");
        assert!(!segment.is_full(full + 2), "good rows do not go back");

        let faulty = |count: usize| file((0..count).map(|_| format!("nobody,{note}\n")));
        assert!(!taken(&faulty(fits), &options).0.is_full(usize::MAX));
        assert!(taken(&faulty(full), &options).0.is_full(usize::MAX));

        let repeated = |count: usize| file((0..count).map(|_| format!("a@example.org,{note}\n")));
        assert!(!taken(&repeated(fits), &options).0.is_full(usize::MAX));
        assert!(taken(&repeated(full + 1), &options).0.is_full(usize::MAX));
    }
}
