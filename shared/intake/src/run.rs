//! One run of an import: from its claim to its end, or to the next run.
//!
//! A run may be killed at any point, and the same event may come again at any time. What makes that
//! harmless: a user bears the import and the line that made it, so a repeat recognises what was written;
//! everything else moves in one transaction, on the condition that the import stands where this run
//! left it.

mod checkpoint;
mod missing;
mod stalled;
mod undo;

pub use stalled::chart_stalled;

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use errors::{Error, chain};
use files::{Staged, StagedObject};
use roster::{FileName, ImportId, Right, Role, Roles, Timestamp};
use seen::{Memory, Seen};
use service::audit::{Actor, ImportAct};
use service::{audit, clock};
use sheet::{Act, Causes, CellRules, Check, ImportOptions, Position, Row, Rows};

use super::file::File;
use super::metrics;
use super::reading::{Filled, Reading};
use super::segment::Segment;
use super::stop::Stop;
use super::write::{BATCH, Mark, Pending, Sender, Writer, written_before};
use crate::Intake;
use crate::changes::RecordReader;
use crate::record::{Import, MAX_FILE, Plan, Read, Status, Via};
use crate::store::{Claim, Claimant, Refusal};
use checkpoint::Next;

/// How long an import is believed to be alive after a checkpoint: a segment (10 s) and two writes that are tried for 20 s each
/// fit into it, and somebody who waits learns of a dead run within a minute.
const LEASE: Duration = Duration::from_mins(1);
/// A checkpoint is made at least this often, well within the lease.
const LONGEST_SEGMENT: Duration = Duration::from_secs(10);
/// Segments that are read again before it renews its lease: two seconds of work, or less where a segment
/// is short.
const RENEWED_AFTER: usize = 20;
/// What is kept of the function's time for handing over: the last batches, a checkpoint and one small object. Each may take
/// a call's 5 s.
const MARGIN: Duration = Duration::from_secs(10);

/// One invocation of the import function.
#[derive(Clone, Debug)]
pub struct Run {
    /// The invocation's request id.
    pub id: String,
    /// When the function is killed.
    pub deadline: Timestamp,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The import is finished, or another run has it: see [`Claim::Nothing`].
    NothingToDo,
    /// Nobody knows the import.
    Unknown,
    /// The import is finished now.
    Finished(Status),
    /// The deadline was near, and another run was started.
    HandedOver,
    /// Another run has taken the import from this one.
    Superseded,
    /// A later version of the service wrote what the run would have to go by.
    LaterVersion,
}

/// An object that arrived in the staging bucket.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The bucket.
    pub bucket: String,
    /// The object, its key decoded.
    pub object: StagedObject,
    /// Its size.
    pub bytes: Option<u64>,
    /// What orders the events of one key.
    pub sequencer: Option<String>,
}

/// Imports what arrived, or goes on with the import that an object under `resume/` names.
///
/// A dropped file gets an import of its own here, whose id is made from the object's key and version,
/// so that a repeated event finds the same one.
///
/// # Errors
///
/// Only for what another try may cure. What the file is to blame for is recorded, and is no error.
pub async fn arrived(app: &Intake, arrival: Arrival, by: &Run) -> Result<Ended, Error> {
    let Arrival {
        bucket,
        object,
        bytes,
        sequencer,
    } = arrival;
    // No caller waits for a run, and a run that gives up costs minutes until the next.
    let app = &app.patient();
    match Staged::of_key(&object.key) {
        Some(Staged::Import(id)) => Box::pin(run(app, id, Some(&object), bytes, by)).await,
        Some(Staged::Resume(id)) => Box::pin(run(app, id, None, None, by)).await,
        Some(Staged::Drop(name)) => {
            let version = object
                .version
                .as_ref()
                .or(sequencer.as_ref())
                .or(object.etag.as_ref());
            let id = ImportId::of_object(&bucket, &object.key, version.map_or("", String::as_str));
            let options = ImportOptions::default();
            let now = clock::now();
            let expires_at = now.plus(app.config.import_retention);
            let mut import = Import::open(id, object.key.clone(), Via::Drop, options, now..expires_at);
            import.file_name = FileName::clipped(name);
            import.sender_roles = Some(drop_roles(app));
            if app.imports.insert(&import).await? {
                audit::import(&Actor::bucket(&by.id), ImportAct::Started, id);
            }
            Box::pin(run(app, id, Some(&object), bytes, by)).await
        }
        None => Ok(Ended::Unknown),
    }
}

/// Takes the import `id` as far as the time allows.
///
/// `object` and `bytes` are what the event says of the file; a resumed import knows them already.
///
/// # Errors
///
/// Only for what another try may cure. What the file is to blame for is recorded, and is no error.
async fn run(
    app: &Intake,
    id: ImportId,
    object: Option<&StagedObject>,
    bytes: Option<u64>,
    run: &Run,
) -> Result<Ended, Error> {
    let now = clock::now();
    let Some(import) = app.imports.find(id, now).await? else {
        return Ok(Ended::Unknown);
    };
    // Before the claim, so that an import of a later version is left as it is for that version.
    let Some(plan) = import.plan() else {
        tracing::warn!(import.id = %id, run.id = run.id, "an import of a later version");
        return Ok(Ended::LaterVersion);
    };
    let claimant = Claimant {
        id,
        run: &run.id,
        object,
        bytes,
        now,
        until: now.plus(LEASE),
    };
    let (import, taken_over) = match app.imports.claim(&claimant).await? {
        Claim::Taken(import, taken_over) => (*import, taken_over),
        Claim::Nothing => return Ok(Ended::NothingToDo),
        Claim::Unknown => return Ok(Ended::Unknown),
    };
    let mut session = Session {
        app,
        run,
        // A function that lives for seconds only would have no time for rows.
        margin: MARGIN.min(run.deadline.since(now) / 4),
        // A repeat of the same call may begin in the same millisecond.
        resumed: taken_over || import.started_at != Some(now),
        // A run may have made a checkpoint since the import was read.
        plan: import.plan().unwrap_or(plan),
        causes: None,
        uncharted: 0,
        import,
    };
    if !session.resumed {
        metrics::started(app, now);
    }
    if taken_over {
        // Before anything else: the other run may write at any time, and this one may be killed.
        session.note_late().await?;
    }
    let ended = match session.work().await {
        Err(Stop::Refused(fault)) => session.settle(Status::Failed, Some(fault)).await,
        Err(Stop::Cancelled) => session.settle(Status::Cancelled, None).await,
        ended => ended,
    };
    match ended {
        Ok(ended) => Ok(ended),
        Err(stop) => {
            // Whoever took the import over has noted this too, but long ago if this process stood still since.
            if let Err(error) = Box::pin(session.note_if_lost()).await {
                tracing::warn!(run.id, error = chain(&error), "late writes are not noted");
            }
            match stop {
                Stop::Failed(error) => Err(error),
                Stop::Stale(_) => Err(Error::internal("make a checkpoint", "an account has changed")),
                Stop::Superseded | Stop::Cancelled | Stop::Refused(_) => Ok(Ended::Superseded),
            }
        }
    }
}

/// The roles with which dropped files are imported.
fn drop_roles(app: &Intake) -> Roles {
    if app.config.drop_may_give_admin_roles {
        Role::SystemAdmin.into()
    } else {
        Role::UserAdmin.into()
    }
}

/// An import in the hands of a run.
pub(super) struct Session<'a> {
    pub(super) app: &'a Intake,
    pub(super) run: &'a Run,
    /// What is kept of the function's time for handing over.
    margin: Duration,
    /// Whether an earlier run may have written rows after the checkpoint.
    resumed: bool,
    /// How the file is imported, and the checkpoint.
    plan: Plan,
    /// The causes of all row errors until now; `None` before the first of this run, and if a later version wrote them.
    causes: Option<Causes>,
    /// How many checkpoints of this run the index has not been called for.
    pub(super) uncharted: u64,
    pub(super) import: Import,
}

impl Session<'_> {
    async fn work(&mut self) -> Result<Ended, Stop> {
        if self.import.cancel {
            return self.settle(Status::Cancelled, None).await;
        }
        if self.import.bytes.is_some_and(|bytes| bytes > MAX_FILE) {
            return Err(Stop::Refused(format!(
                "the file is larger than {} GiB; split it and send the parts one by one",
                MAX_FILE >> 30
            )));
        }
        if self.plan.options.act == Act::Undo {
            return Box::pin(self.undo()).await;
        }
        // A run that looks for missing accounts already has no rows left.
        let has_rows = self.plan.search.is_none();
        if has_rows && let Some(ended) = Box::pin(self.carry_out_rows()).await? {
            return Ok(ended);
        }
        match self.plan.search.clone() {
            Some(search) => Box::pin(self.find_missing(search, has_rows)).await,
            None => self.settle(Status::Completed, None).await,
        }
    }

    /// Carries out the rows from the checkpoint on, as far as the time allows. `None` if the search for missing accounts
    /// follows.
    async fn carry_out_rows(&mut self) -> Result<Option<Ended>, Stop> {
        let mut reading = self.reading().await?;
        loop {
            let mut segment = self.segment();
            reading.admins = self.import.counts.admins;
            // The time for handing over is not to be spent on rows.
            let time = self.left().saturating_sub(self.margin).min(LONGEST_SEGMENT);
            let filled = reading
                .fill(&mut segment, self.app.config.import_segment_rows, time)
                .await?;
            if matches!(filled, Filled::End) {
                segment.search = self.first_search().await?;
            }
            let next = match filled {
                Filled::End if segment.search.is_none() => Next::End(Status::Completed, None),
                Filled::Broken(fault) => Next::End(Status::Failed, Some(fault)),
                Filled::End | Filled::More if self.left() <= self.margin => Next::HandOver,
                Filled::End | Filled::More => Next::GoOn,
            };
            let ended = self.commit(segment, reading.rows.position(), next).await?;
            if ended.is_some() || self.plan.search.is_some() {
                return Ok(ended);
            }
        }
    }

    /// An empty segment that begins at the checkpoint.
    fn segment(&self) -> Segment {
        let Plan {
            position,
            options,
            read,
            search,
        } = &self.plan;
        let mut segment = Segment::new(*position, options, read.as_ref());
        segment.search.clone_from(search);
        segment
    }

    /// How much of the function's time is left.
    fn left(&self) -> Duration {
        self.run.deadline.since(clock::now())
    }

    /// Opens the file at the checkpoint.
    async fn reading(&mut self) -> Result<Reading, Stop> {
        let sender = self.sender().await?;
        let (file, rows, read) = self.open(self.plan.position).await?;
        let check = self.check(&read, sender.assignable);
        let writer = Writer {
            users: self.app.users.clone(),
            mark: self.mark(),
            options: self.plan.options.clone(),
            sender,
        };
        self.plan.read = Some(read);
        let options = &self.plan.options;
        // An account says which row made it, but not which one left it as it was.
        let seen = if options.upserts() || options.is_dry() {
            Some(self.seen(&check).await?)
        } else {
            None
        };
        Ok(Reading {
            file,
            rows,
            check,
            writer: Arc::new(writer),
            look_first: false,
            seen,
            shown: self.shown(),
            admins: 0,
        })
    }

    /// Returns the record of the dry run that the import applies, from the checkpoint on.
    fn shown(&self) -> Option<RecordReader> {
        let parent = self
            .import
            .parent
            .filter(|_| self.plan.options.act == Act::Apply)?;
        Some(RecordReader::new(self.app, parent, self.plan.position.line))
    }

    /// What the one who sent the file may do now. The rights are read again for every run, because
    /// they may have been taken since the file was sent.
    async fn sender(&self) -> Result<Sender, Stop> {
        let roles = match &self.import.created_by {
            Some(id) => match self.app.users.find(*id).await? {
                Some(account) if account.user.enabled => account.user.roles,
                _ => Roles::NONE,
            },
            None => drop_roles(self.app),
        };
        let rights = roster::rights(roles);
        if !rights.contains(&Right::Import) {
            return Err(Stop::Refused(
                "the sender is no longer allowed to import users; ask an administrator to send the file"
                    .to_owned(),
            ));
        }
        Ok(Sender {
            id: self.import.created_by,
            rights,
            assignable: roster::assignable(roles),
        })
    }

    /// Opens the file at `position`. At its start, the dialect and the header are read first.
    async fn open(&self, position: Position) -> Result<(File, Rows, Read), Stop> {
        let mut file = File::open(
            self.app
                .uploads
                .reader(self.import.object.clone(), position.offset),
        );
        if let Some(read) = &self.plan.read
            && position != Position::START
        {
            return Ok((file, Rows::new(read.dialect, position), read.clone()));
        }
        let options = &self.plan.options;
        let (layout, mut rows) = file.layout(options.wishes()).await??;
        let columns = file.columns(&mut rows, &layout, options).await??;
        let read = Read {
            dialect: layout.dialect,
            columns,
            skipped_lines: layout.skipped_lines,
        };
        Ok((file, rows, read))
    }

    /// The addresses before the checkpoint with their lines. A run that goes on where another has stopped has to read
    /// them again, unless every row leaves its line in storage. Meanwhile it keeps its lease, and gives up when it has no
    /// time left for new rows: no later run would have more.
    async fn seen(&self, check: &Check) -> Result<Seen, Stop> {
        let mut seen = Seen::within(Memory::LARGE);
        self.reread(self.plan.position.offset, |row| {
            if let Ok(sound) = check.check(row) {
                seen.first_line(sound.user.id.slot(), row.line)?;
            }
            Ok(())
        })
        .await?;
        Ok(seen)
    }

    /// Reads the rows before the offset `end` of the file again and hands each to `each`, which keeps its address.
    async fn reread(&self, end: u64, mut each: impl FnMut(&Row<'_>) -> io::Result<()>) -> Result<(), Stop> {
        if end == 0 {
            return Ok(());
        }
        let (mut file, mut rows, _) = self.open(Position::START).await?;
        let mut renewed = Instant::now();
        let mut since = 0;
        let mut more = true;
        while rows.position().offset < end {
            let Some(row) = rows.next_row() else {
                if !more {
                    break;
                }
                // The last row may be known only once the file has ended.
                more = file.feed(&mut rows).await?;
                continue;
            };
            each(&row).map_err(|error| Error::internal("remember an address", error))?;
            since += 1;
            if since == RENEWED_AFTER * self.app.config.import_segment_rows
                || renewed.elapsed() > LONGEST_SEGMENT
            {
                self.renew().await?;
                renewed = Instant::now();
                since = 0;
            }
        }
        Ok(())
    }

    /// Keeps the lease without a checkpoint.
    async fn renew(&self) -> Result<(), Stop> {
        if self.left() <= self.margin {
            return Err(Stop::Refused(
                "the file has more rows than one run can read again; split it and send the parts one by one"
                    .to_owned(),
            ));
        }
        let Import { id, takeovers, .. } = &self.import;
        let until = clock::now().plus(LEASE);
        match self.app.imports.renew(*id, &self.run.id, takeovers, until).await {
            Ok(()) => Ok(()),
            Err(Refusal::Cancelled) => Err(Stop::Cancelled),
            Err(Refusal::Lost | Refusal::Stale(_)) => Err(Stop::Superseded),
            Err(Refusal::Failed(error)) => Err(Stop::Failed(error)),
        }
    }

    /// Finishes the import where it stands. What a dead run has written after the checkpoint is found and
    /// counted, so that the counts are those of the table.
    async fn settle(&mut self, status: Status, fault: Option<String>) -> Result<Ended, Stop> {
        let position = self.plan.position;
        let mut segment = self.segment();
        if self.resumed && self.plan.options.writes_rows() {
            match self.find_written(&mut segment).await {
                // A file that cannot be read could not be read by the dead run either.
                Ok(()) | Err(Stop::Refused(_)) => {}
                Err(stop) => return Err(stop),
            }
        }
        let ended = self.commit(segment, position, Next::End(status, fault)).await?;
        Ok(ended.unwrap_or(Ended::Finished(status)))
    }

    /// Looks up which rows after the checkpoint a dead run has written: not more than a segment of them.
    async fn find_written(&self, segment: &mut Segment) -> Result<(), Stop> {
        let mut rows = self.rows_in_hand().await?;
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(BATCH));
            let batch = std::mem::replace(&mut rows, rest);
            let (done, outcomes) = written_before(&self.app.users, self.mark(), batch).await?;
            segment.settle(done, outcomes);
        }
        Ok(())
    }

    /// The rows that a run which began at the checkpoint may have written without a checkpoint of its own: those
    /// of one segment.
    async fn rows_in_hand(&self) -> Result<Vec<Pending>, Stop> {
        let (mut file, mut rows, read) = self.open(self.plan.position).await?;
        // A row that the sender may not send was not written, so it is not found.
        let check = self.check(&read, Roles::ALL);
        let mut in_hand = Vec::new();
        let mut left = self.app.config.import_segment_rows;
        let mut more = true;
        while left > 0 {
            if let Some(row) = rows.next_row() {
                left -= 1;
                let sound = check.check(&row).ok();
                in_hand.extend(sound.and_then(|sound| Pending::new(&row, sound, None)));
            } else if more {
                more = file.feed(&mut rows).await?;
            } else {
                break;
            }
        }
        Ok(in_hand)
    }

    /// Notes where a run that began at the checkpoint may still write, although it has lost the import.
    async fn note_late(&self) -> Result<(), Error> {
        if !self.plan.options.writes_rows() {
            return Ok(());
        }
        let rows = match self.rows_in_hand().await {
            Ok(rows) => rows,
            Err(Stop::Failed(error)) => return Err(error),
            // A file that cannot be read could not be read by the other run either.
            Err(Stop::Refused(_) | Stop::Cancelled | Stop::Superseded | Stop::Stale(_)) => return Ok(()),
        };
        let slots: HashSet<_> = rows.iter().map(Pending::slot).collect();
        let slots: Vec<_> = slots.into_iter().collect();
        self.app
            .imports
            .note_late(self.import.id, &slots, clock::now())
            .await
    }

    /// Notes where this run may have written late, if it has lost the import.
    async fn note_if_lost(&self) -> Result<(), Error> {
        let stored = self.app.imports.find(self.import.id, clock::now()).await?;
        let held = stored.is_some_and(|import| import.is_held_by(&self.run.id, &self.import.takeovers));
        if held { Ok(()) } else { self.note_late().await }
    }

    /// What this run marks its work with.
    fn mark(&self) -> Mark {
        Mark {
            import: self.import.id,
            takeovers: self.import.takeovers.number(),
        }
    }

    fn check(&self, read: &Read, assignable: Roles) -> Check {
        Check {
            surplus: read.columns.surplus(),
            columns: Arc::new(read.columns.clone()),
            dialect: read.dialect,
            rules: CellRules {
                assignable,
                country: self.plan.options.country,
            },
            default_roles: self.plan.options.default_roles,
            import: self.import.id,
            now: clock::now(),
        }
    }
}
