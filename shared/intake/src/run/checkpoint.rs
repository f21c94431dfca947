//! The checkpoint of a run: what is put into the bucket before it, the transaction that makes it, and what follows.

use errors::{Error, chain};
use files::{RecordPiece, RejectedRows};
use roster::{Severity, Timestamp};
use service::clock;
use sheet::{Causes, Position, RowError};

use super::{Ended, LEASE, Session};
use crate::changes::Entry;
use crate::metrics::{self, Checkpoint};
use crate::missing::MissingSearch;
use crate::notice::notify;
use crate::record::{Import, MAX_KEPT_ERRORS, MAX_KEPT_WARNINGS, PATIENCE, Status};
use crate::segment::Segment;
use crate::stop::Stop;
use crate::store::{Commit, Left, Refusal};

/// How many more errors or warnings are kept one by one.
fn room(most: u64, kept_before: u64) -> usize {
    usize::try_from(most.saturating_sub(kept_before)).unwrap_or(usize::MAX)
}

/// What is to follow a checkpoint.
#[derive(Clone)]
pub(super) enum Next {
    GoOn,
    HandOver,
    End(Status, Option<String>),
}

impl Next {
    /// Returns what is kept of the search for missing accounts. Where its scan is says which items there are, so that is
    /// not kept longer than it is needed.
    fn kept(&self, search: Option<MissingSearch>) -> Option<MissingSearch> {
        match self {
            Self::End(..) => search.map(MissingSearch::ended),
            Self::GoOn | Self::HandOver => search,
        }
    }

    /// How the import is left by a checkpoint at `now`.
    fn left(&self, now: Timestamp) -> Left {
        match self {
            Self::GoOn => Left::Held(now.plus(LEASE)),
            Self::HandOver => Left::HandedOver(now.plus(PATIENCE)),
            Self::End(status, fault) => Left::Finished {
                status: *status,
                at: now,
                fault: fault.clone(),
            },
        }
    }
}

/// The errors and warnings of a segment that are kept one by one, and how many are kept or left out in all.
struct Kept {
    errors: Vec<RowError>,
    warnings: Vec<RowError>,
    errors_in_all: u64,
    warnings_in_all: u64,
    left_out_in_all: u64,
}

impl Kept {
    /// As many of `faults` as there is room for after those of `import`.
    fn of(faults: &[RowError], import: &Import) -> Self {
        let (mut warnings, mut errors): (Vec<_>, Vec<_>) = faults
            .iter()
            .cloned()
            .partition(|fault| fault.severity == Severity::Warning);
        errors.truncate(room(MAX_KEPT_ERRORS, import.errors));
        warnings.truncate(room(MAX_KEPT_WARNINGS, import.warnings));
        let left_out = faults.len() - errors.len() - warnings.len();
        Self {
            errors_in_all: import.errors + errors.len() as u64,
            warnings_in_all: import.warnings + warnings.len() as u64,
            left_out_in_all: import.errors_left_out + left_out as u64,
            errors,
            warnings,
        }
    }
}

impl Session<'_> {
    /// Adds the causes of a segment's errors and warnings to those of the import.
    async fn add_causes(&mut self, faults: &[RowError]) -> Result<(), Stop> {
        if faults.is_empty() {
            return Ok(());
        }
        let Import {
            errors,
            warnings,
            errors_left_out,
            ..
        } = self.import;
        let known = match self.causes.take() {
            Some(causes) => Some(causes),
            None if errors + warnings + errors_left_out == 0 => Some(Causes::default()),
            None => self.app.imports.causes(&self.import).await?,
        };
        self.causes = known.map(|known| known.merged(Causes::of(faults)).bounded());
        Ok(())
    }

    /// Keeps what became of the rows of `segment`, which gives that up, before the checkpoint that names it.
    async fn keep_record(&self, segment: &mut Segment) -> Result<Option<RecordPiece>, Stop> {
        let entries = segment.take_entries();
        let Some(first) = entries.first() else {
            return Ok(None);
        };
        let doing = "keep what became of rows";
        let changes = entries.iter().filter(|entry| entry.outcome.is_shown()).count() as u64;
        let from = first.line;
        let piece = Entry::write_all(entries).map_err(|error| Error::internal(doing, error))?;
        let put = self
            .app
            .uploads
            .put_record(self.import.id, (from, changes), piece);
        Ok(Some(put.await?))
    }

    /// Keeps the rejected rows of `segment`, before the checkpoint that names them.
    async fn keep_rejected(&self, segment: &Segment) -> Result<Option<RejectedRows>, Stop> {
        let (Some(read), Some(lines)) = (&self.plan.read, segment.rejected_lines()) else {
            return Ok(None);
        };
        let Some((rows, extra)) = segment.rejected(read) else {
            return Ok(None);
        };
        let put = self.app.uploads.put_rejected(self.import.id, lines, rows, extra);
        Ok(Some(put.await?))
    }

    /// Makes the checkpoint that ends `segment` at `to`, and hands over if that is what follows.
    /// `None` if the run is to go on.
    pub(super) async fn commit(
        &mut self,
        mut segment: Segment,
        to: Position,
        next: Next,
    ) -> Result<Option<Ended>, Stop> {
        let counts = self.import.counts + segment.counts;
        let faults = segment.faults();
        self.add_causes(&faults).await?;
        let kept = Kept::of(&faults, &self.import);
        // Before the checkpoint names them: of a run that is killed in between, only objects are left that nothing names.
        let rejected = self.keep_rejected(&segment).await?;
        let record = self.keep_record(&mut segment).await?;
        let noted = Box::pin(self.chart(&mut segment)).await?;
        let mut next = next;
        let now = loop {
            let now = clock::now();
            let mut more = segment.actions.clone();
            more.extend(self.app.users.counting(segment.tally, "count users")?);
            more.extend(noted.clone());
            if let Next::End(Status::Completed, _) = &next {
                more.extend(self.app.imports.knowing(&self.import, now)?);
            }
            let read = self.plan.read.as_ref();
            let committed = self
                .app
                .imports
                .commit(Commit {
                    id: self.import.id,
                    run: &self.run.id,
                    takeovers: &self.import.takeovers,
                    from: segment.from,
                    to,
                    counts,
                    errors: kept.errors_in_all,
                    warnings: kept.warnings_in_all,
                    errors_left_out: kept.left_out_in_all,
                    // Stored once, with the first checkpoint.
                    read: read.filter(|_| segment.from == Position::START),
                    row_errors: &kept.errors,
                    row_warnings: &kept.warnings,
                    causes: self.causes.as_ref().filter(|_| !faults.is_empty()),
                    rejected: rejected.clone(),
                    record: record.clone(),
                    search: next.kept(segment.search.clone()),
                    left: next.left(now),
                    expires_at: self.import.expires_at,
                    more,
                })
                .await;
            match committed {
                Ok(()) => break now,
                Err(Refusal::Cancelled) => next = Next::End(Status::Cancelled, None),
                Err(Refusal::Lost) => return Err(Stop::Superseded),
                Err(Refusal::Stale(action)) => return Err(Stop::Stale(action)),
                Err(Refusal::Failed(error)) => return Err(Stop::Failed(error)),
            }
        };
        self.plan.position = to;
        self.plan.search.clone_from(&segment.search);
        self.import.counts = counts;
        self.import.errors = kept.errors_in_all;
        self.import.warnings = kept.warnings_in_all;
        self.import.errors_left_out = kept.left_out_in_all;
        self.report(&segment, &faults, &next);
        self.after_commit(next, now).await
    }

    /// Hands over, or reports the end, if that is what follows a checkpoint made at `now`. `None` if the run is to go on.
    async fn after_commit(&mut self, next: Next, now: Timestamp) -> Result<Option<Ended>, Stop> {
        Box::pin(self.wake_index(matches!(next, Next::End(..)))).await;
        match next {
            Next::GoOn => Ok(None),
            // After the checkpoint has given up the lease: the next run, which this starts, would else find it held.
            Next::HandOver => {
                self.app.uploads.resume(self.import.id).await?;
                Ok(Some(Ended::HandedOver))
            }
            Next::End(status, _) => {
                self.import.finished_at = Some(now);
                if let Err(error) = notify(self.app, &self.import, status).await {
                    // The import has ended all the same, and the next sweep reports it.
                    tracing::warn!(
                        run.id = self.run.id,
                        error = chain(&error),
                        "nobody is told of the end"
                    );
                }
                Ok(Some(Ended::Finished(status)))
            }
        }
    }

    /// Logs and measures the checkpoint that has ended `segment`.
    fn report(&self, segment: &Segment, faults: &[RowError], next: &Next) {
        tracing::info!(
            import.id = %self.import.id,
            run.id = self.run.id,
            import.line = self.plan.position.line,
            import.rows = self.import.counts.rows(),
            import.failed = self.import.counts.failed,
            "checkpoint"
        );
        let end = match next {
            Next::End(status, _) => Some(*status),
            Next::GoOn | Next::HandOver => None,
        };
        let checkpoint = Checkpoint {
            counts: segment.counts,
            faults,
            end,
        };
        metrics::checkpoint(self.app, &self.import, &checkpoint, clock::now());
    }
}
