//! Going through a file: rows are read, checked and written at the same time, a segment of them after another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use errors::Error;
use seen::Seen;
use sheet::{Check, Rows};
use tokio::task::JoinSet;

use super::file::File;
use super::segment::Segment;
use super::stop::Stop;
use super::write::{Done, Expected, LAST_ADMIN, Outcome, Pending, Writer};
use crate::changes::RecordReader;

/// Batches under way at the same time: 400 rows, so that rows are read and checked while storage answers, and requests
/// still get their share of the table.
const BATCHES: usize = 4;

/// A file that is being read, and its rows written.
pub(super) struct Reading {
    pub(super) file: File,
    pub(super) rows: Rows,
    pub(super) check: Check,
    pub(super) writer: Arc<Writer>,
    /// Whether most addresses of the last batch were taken.
    pub(super) look_first: bool,
    /// The addresses of the file with their first lines, where the accounts cannot say which row came first.
    pub(super) seen: Option<Seen>,
    /// What the dry run that is applied has found, row by row.
    pub(super) shown: Option<RecordReader>,
    /// How a dry run would have changed the number of enabled system administrators before the segment.
    pub(super) admins: i64,
}

/// A batch that was written, and what became of its rows.
type Batch = Result<(Vec<Pending>, Vec<Done>), Error>;

/// Why a segment ends.
pub(super) enum Filled {
    /// It is full.
    More,
    /// The file ends.
    End,
    /// The rest of the file cannot be read, for this reason.
    Broken(String),
}

impl Reading {
    /// Reads and writes the rows of one segment: at most `limit`, for about `time`, and at least one.
    pub(super) async fn fill(
        &mut self,
        segment: &mut Segment,
        limit: usize,
        time: Duration,
    ) -> Result<Filled, Stop> {
        let started = Instant::now();
        let mut writing = JoinSet::new();
        let mut more = true;
        let mut filled = Filled::More;
        let mut full = false;
        while !full {
            if let Some(row) = self.rows.next_row() {
                let checked = self.check.check(&row);
                let earlier = match (&checked, &mut self.seen) {
                    (Ok(sound), Some(seen)) => {
                        let first = seen.first_line(sound.user.id.slot(), row.line);
                        first.map_err(|error| Error::internal("remember an address", error))?
                    }
                    _ => None,
                };
                let expected = match &mut self.shown {
                    Some(shown) => Some(Expected::of(shown.at(row.line).await?)),
                    None => None,
                };
                segment.take(&row, checked, earlier, expected);
                full = segment.is_full(limit) || started.elapsed() > time;
            } else if more {
                match self.file.feed(&mut self.rows).await.map_err(Stop::from) {
                    Ok(fed) => more = fed,
                    // What was read until here is written, and has to be counted.
                    Err(Stop::Refused(fault)) => {
                        filled = Filled::Broken(fault);
                        full = true;
                    }
                    Err(stop) => return Err(stop),
                }
            } else {
                filled = Filled::End;
                full = true;
            }
            if let Some(batch) = segment.next_batch(full) {
                if writing.len() == BATCHES {
                    self.settle(segment, &mut writing).await?;
                }
                let writer = Arc::clone(&self.writer);
                let look_first = self.look_first;
                writing.spawn(async move {
                    let done = writer.write(&batch, look_first).await?;
                    Ok((batch, done))
                });
            }
        }
        while !writing.is_empty() {
            self.settle(segment, &mut writing).await?;
        }
        self.carry_out_waiting(segment).await?;
        segment.close();
        Ok(filled)
    }

    /// Waits for one batch.
    async fn settle(&mut self, segment: &mut Segment, writing: &mut JoinSet<Batch>) -> Result<(), Stop> {
        let Some(written) = writing.join_next().await else {
            return Ok(());
        };
        let (batch, done) = written.map_err(|error| Error::internal("write a batch", error))??;
        let made = done
            .iter()
            .filter(|done| done.outcome == Outcome::Created)
            .count();
        self.look_first = made * 2 < done.len();
        segment.settle(batch, done);
        Ok(())
    }

    /// Carries out the rows that take away an enabled system administrator, one by one in the order of their lines. A
    /// dry run keeps count of how many administrators would be left.
    async fn carry_out_waiting(&mut self, segment: &mut Segment) -> Result<(), Stop> {
        let waited = segment.waited();
        if waited.is_empty() {
            return Ok(());
        }
        let is_dry = self.writer.options.is_dry();
        let stored = self.writer.users.active_system_admins().await?;
        let stored = i64::try_from(stored).unwrap_or(i64::MAX);
        for pending in waited {
            let mut done = self.writer.write(std::slice::from_ref(&pending), true).await?;
            // The administrators that the segment would make do not count yet, as in an import.
            let left = stored.saturating_add(self.admins + segment.admins);
            if is_dry && left <= 1 && done.iter().any(|done| done.outcome == Outcome::Updated) {
                done = vec![Outcome::Refused(LAST_ADMIN).into()];
            }
            segment.settle(vec![pending], done);
        }
        Ok(())
    }
}
