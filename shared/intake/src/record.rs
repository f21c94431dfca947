//! An import: a file, how it is to be read, and what became of its rows.

use std::ops::Range;
use std::time::Duration;

use files::StagedObject;
use roster::{FileName, ImportId, Recorded, Role, Roles, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use service::auth::Caller;
use sheet::{Act, Columns, Dialect, ImportOptions, Missing, Position};
use table::Takeovers;
use utoipa::ToSchema;

use crate::missing::MissingSearch;

/// The way in which a file came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ImportVia)]
pub enum Via {
    /// In the body of a request.
    #[default]
    Api,
    /// Straight to storage, by a signed URL.
    Upload,
    /// Dropped into the bucket by an operator.
    Drop,
}

/// The state of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ImportStatus)]
pub enum Status {
    /// Opened; its file has not arrived.
    Waiting,
    /// Its file is staged and no run has begun.
    Queued,
    /// A run is reading it.
    Running,
    /// Every row was read.
    Completed,
    /// The file as a whole could not be read.
    Failed,
    /// Ended by a caller.
    Cancelled,
    /// No sign of life past the lease. Never stored: it is what a reader sees of a dead run.
    Stalled,
}

impl Status {
    /// Whether nothing will change any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Cancelled => true,
            Self::Waiting | Self::Queued | Self::Running | Self::Stalled => false,
        }
    }
}

/// The outcomes of the rows that were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counts {
    /// Users made.
    pub created: u64,
    /// Users changed.
    pub updated: u64,
    /// Rows whose account had every value already.
    pub unchanged: u64,
    /// Accounts that went, of rows that an undo has taken back.
    pub deleted: u64,
    /// Rows passed over because their account exists.
    pub skipped: u64,
    /// Rows with at least one error.
    pub failed: u64,
    /// Rows with at least one warning, whatever became of them.
    #[serde(default)]
    pub warnings: u64,
    /// Rows that would give an admin role, in a dry run.
    pub gives_admin: u64,
    /// Rows that would take an admin role away, in a dry run.
    pub takes_admin: u64,
    /// How a dry run would change the number of enabled system administrators.
    pub admins: i64,
    /// Accounts that are not in the file, of those that are listed.
    #[serde(rename = "absent")]
    pub missing: u64,
    /// Accounts of those that were disabled.
    pub disabled: u64,
}

impl Counts {
    /// All rows: the sum of their outcomes.
    #[must_use]
    pub fn rows(self) -> u64 {
        self.created + self.updated + self.unchanged + self.deleted + self.skipped + self.failed
    }
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self {
            created: self.created + more.created,
            updated: self.updated + more.updated,
            unchanged: self.unchanged + more.unchanged,
            deleted: self.deleted + more.deleted,
            skipped: self.skipped + more.skipped,
            failed: self.failed + more.failed,
            warnings: self.warnings + more.warnings,
            gives_admin: self.gives_admin + more.gives_admin,
            takes_admin: self.takes_admin + more.takes_admin,
            admins: self.admins + more.admins,
            missing: self.missing + more.missing,
            disabled: self.disabled + more.disabled,
        }
    }
}

/// What the service understood of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// Its encoding and delimiter.
    pub dialect: Dialect,
    /// Its header.
    pub columns: Columns,
    /// The lines above the header that were neither blank nor read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped_lines: Vec<u64>,
}

/// Until when an unfinished import is believed to be alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The request id of the invocation that holds the import; a repeated invocation has the same.
    /// `None` while the import waits for one.
    pub run: Option<String>,
    /// When it is given up for dead unless there was a checkpoint meanwhile.
    pub until: Timestamp,
}

/// One import.
#[derive(Clone, Debug)]
pub struct Import {
    /// Its id.
    pub id: ImportId,
    /// Its status as stored; see [`Import::status_at`].
    pub status: Recorded<Status>,
    /// How the file is to be imported.
    pub options: Recorded<ImportOptions>,
    /// The client's name for the file.
    pub file_name: Option<FileName>,
    /// The file's size.
    pub bytes: Option<u64>,
    /// The SHA-256 of the file in lower-case hexadecimal, where the service saw it whole.
    pub sha256: Option<String>,
    /// The way in which the file came in.
    pub via: Recorded<Via>,
    /// The user who sent it; `None` for a dropped file.
    pub created_by: Option<UserId>,
    /// The roles with which it was sent: the sender's at that time, or those that the deployment gives to dropped files.
    /// `None` if they are not known, as of imports that an earlier version took in.
    pub sender_roles: Option<Roles>,
    /// When the URL for the upload of its file ends; `None` if there was none.
    pub upload_until: Option<Timestamp>,
    /// The staged object.
    pub object: StagedObject,
    /// How the file was understood; `None` until its header was read.
    pub read: Option<Recorded<Read>>,
    /// What became of the rows before the checkpoint.
    pub counts: Counts,
    /// The number of row errors that are kept one by one, at most [`MAX_KEPT_ERRORS`].
    pub errors: u64,
    /// The number of warnings that are kept one by one, at most [`MAX_KEPT_WARNINGS`].
    pub warnings: u64,
    /// The number of row errors and warnings beyond those.
    pub errors_left_out: u64,
    /// The import whose rejected rows this one continues, the dry run that it applies, or the import that it takes back.
    pub parent: Option<ImportId>,
    /// Whether the record of its rows is complete. Those of earlier versions have none.
    pub is_recorded: bool,
    /// The import that applies this dry run.
    pub applied_by: Option<ImportId>,
    /// The last import that takes this one back.
    pub undone_by: Option<ImportId>,
    /// The status of which everybody who waits for it has been told last.
    pub notified: Option<Recorded<Status>>,
    /// The checkpoint: everything before it is done and counted.
    pub position: Recorded<Position>,
    /// The search for accounts that are not in the file, once every row is done.
    pub search: Option<Recorded<MissingSearch>>,
    /// The runs that were given up for dead and may still write.
    pub takeovers: Takeovers,
    /// The run that holds the import.
    pub lease: Option<Lease>,
    /// Until when the dead run was believed to live whose changes the index of users has.
    pub charted: Option<Timestamp>,
    /// Whether a caller asked for its end.
    pub cancel: bool,
    /// Why it failed, and what to do.
    pub fault: Option<String>,
    /// The time when it was opened.
    pub created_at: Timestamp,
    /// The time when the first run began.
    pub started_at: Option<Timestamp>,
    /// The time when it ended.
    pub finished_at: Option<Timestamp>,
    /// When the file and the record are deleted.
    pub expires_at: Timestamp,
}

/// How long an import may wait for a run to take it before it shows as stalled. Events arrive within seconds, and Lambda
/// repeats one that failed after a minute and after two more.
pub const PATIENCE: Duration = Duration::from_mins(5);

/// Row errors of an import that are kept one by one. The counts and the rejected rows are complete whatever their
/// number. 100,000 errors take about 25 MB of the table; nobody reads more of them, and a file of a hundred million
/// faulty rows must not fill a partition, which ends at 10 GB.
pub const MAX_KEPT_ERRORS: u64 = 100_000;

/// Warnings of an import that are kept one by one, a tenth of the errors: their rows are imported, so fewer of them are
/// looked at.
pub const MAX_KEPT_WARNINGS: u64 = 10_000;

/// Bytes the longest imported file may have: 1 GiB.
pub const MAX_FILE: u64 = 1024 * 1024 * 1024;

impl Import {
    /// Returns a new import of the object `key` by nobody, from when it begins to when its record is deleted. An upload
    /// waits for its file; any other has it.
    #[must_use]
    pub fn open(
        id: ImportId,
        key: String,
        via: Via,
        options: ImportOptions,
        lifetime: Range<Timestamp>,
    ) -> Self {
        let Range {
            start: now,
            end: expires_at,
        } = lifetime;
        let (status, lease) = match via {
            Via::Upload => (Status::Waiting, None),
            Via::Api | Via::Drop => {
                let until = now.plus(PATIENCE);
                (Status::Queued, Some(Lease { run: None, until }))
            }
        };
        Self {
            id,
            status: status.into(),
            options: options.into(),
            file_name: None,
            bytes: None,
            sha256: None,
            via: via.into(),
            created_by: None,
            sender_roles: None,
            upload_until: None,
            object: StagedObject {
                key,
                version: None,
                etag: None,
            },
            read: None,
            counts: Counts::default(),
            errors: 0,
            warnings: 0,
            errors_left_out: 0,
            parent: None,
            is_recorded: true,
            applied_by: None,
            undone_by: None,
            notified: None,
            position: Position::START.into(),
            search: None,
            takeovers: Takeovers::default(),
            lease,
            charted: None,
            cancel: false,
            fault: None,
            created_at: now,
            started_at: None,
            finished_at: None,
            // Storage counts it in seconds.
            expires_at: Timestamp::from_millis(expires_at.seconds() * 1000),
        }
    }

    /// Returns whether `run`, which knows of `takeovers`, may still make checkpoints.
    #[must_use]
    pub fn is_held_by(&self, run: &str, takeovers: &Takeovers) -> bool {
        let holder = self.lease.as_ref().and_then(|lease| lease.run.as_deref());
        !self.is_final() && holder == Some(run) && self.takeovers == *takeovers
    }

    /// Returns the status that a reader sees at `now`: a dead run shows as stalled, and an upload whose URL has ended as
    /// cancelled. An import that was asked to end is cancelled once its last run has counted what it wrote.
    #[must_use]
    pub fn status_at(&self, now: Timestamp) -> Recorded<Status> {
        let lapsed = || self.lease.as_ref().is_none_or(|lease| lease.until < now);
        match self.status {
            Recorded::Known(Status::Queued | Status::Running) if lapsed() => Status::Stalled.into(),
            Recorded::Known(Status::Waiting) if self.upload_has_ended(now) => Status::Cancelled.into(),
            _ => self.status.clone(),
        }
    }

    /// Returns whether the URL for its upload is void at `now`.
    fn upload_has_ended(&self, now: Timestamp) -> bool {
        self.upload_until.is_some_and(|until| until < now)
    }

    /// Returns what a run goes by, or `None` if a later version wrote some of it: this version then cannot know what the
    /// sender wants, or how to go on, so it must not touch a row.
    #[must_use]
    pub fn plan(&self) -> Option<Plan> {
        Some(Plan {
            options: self.options.known()?.clone(),
            position: *self.position.known()?,
            read: match &self.read {
                None => None,
                Some(read) => Some(read.known()?.clone()),
            },
            search: match &self.search {
                None => None,
                Some(search) => Some(search.known()?.clone()),
            },
        })
    }

    /// Returns whether nothing will change any more. Of a status that a later version wrote nobody can say so.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.status.is_known_and(|status| status.is_final())
    }

    /// Returns whether `caller`, who may import users, may know of it.
    #[must_use]
    pub fn is_seen_by(&self, caller: &Caller) -> bool {
        caller.sees_every_import() || !self.is_for_system_admins()
    }

    /// Returns whether only system administrators may see it, because it was sent by the rights of one or nobody knows
    /// by which.
    #[must_use]
    pub fn is_for_system_admins(&self) -> bool {
        self.sender_roles
            .is_none_or(|roles| roles.contains(Role::SystemAdmin))
    }

    /// One sentence that tells a person how it went.
    #[must_use]
    pub fn message_at(&self, now: Timestamp) -> String {
        let Counts {
            created,
            updated,
            unchanged,
            deleted,
            skipped,
            failed,
            warnings: _,
            gives_admin,
            takes_admin,
            admins: _,
            missing: _,
            disabled: _,
        } = self.counts;
        let known = self.options.known();
        let would = if known.is_some_and(ImportOptions::is_dry) {
            "would be "
        } else {
            ""
        };
        let is_undo = known.is_some_and(|options| options.act == Act::Undo);
        let made = if is_undo {
            format!("{deleted} deleted, {updated} given back, {unchanged} left as they are")
        } else if known.is_some_and(|options| !options.upserts()) {
            format!("{created} {would}created")
        } else if unchanged == 0 {
            format!("{created} {would}created, {updated} {would}updated")
        } else {
            format!("{created} {would}created, {updated} {would}updated, {unchanged} unchanged")
        };
        let rows = number_of_rows(self.counts.rows());
        let tally = [
            format!("{rows} read: {made}, {skipped} skipped, {failed} failed"),
            rows_that(gives_admin, "give an admin role"),
            rows_that(takes_admin, "take away an admin role"),
            self.of_missing(),
        ];
        let tally = tally.concat();
        let Recorded::Known(status) = self.status_at(now) else {
            return format!("A later version of the service has this import; {tally}.");
        };
        match status {
            Status::Waiting => "Waiting for the file.".to_owned(),
            Status::Queued => "Queued; no row read yet.".to_owned(),
            Status::Running | Status::Stalled if self.cancel => format!("Being cancelled; {tally}."),
            Status::Running => format!("Running; {tally}."),
            Status::Completed => format!("Completed; {tally}."),
            Status::Failed => [self.fault.clone().unwrap_or_default(), self.of_missing()].concat(),
            Status::Cancelled if self.status == Status::Waiting => {
                "Cancelled; no file arrived while its upload URL was valid. Open another upload.".to_owned()
            }
            Status::Cancelled => format!("Cancelled; {tally}."),
            Status::Stalled if self.plan().is_none() => format!(
                "Stalled; {tally}. It has options of a later version of the service, which can resume it."
            ),
            Status::Stalled => format!("Stalled; {tally}. Resume it to go on from there."),
        }
    }

    /// What came of the search for accounts that are not in the file, as a part of a sentence; empty if there is none.
    fn of_missing(&self) -> String {
        let options = self.options.known();
        let Some(options) = options.filter(|options| options.missing != Missing::Ignore) else {
            return String::new();
        };
        match self.search.as_ref().and_then(Recorded::known) {
            Some(search) if !self.is_final() || search.has_come_far() => {
                format!("; {}", search.told(options, self.counts))
            }
            _ if self.is_final() => "; accounts that are not in the file were not looked for".to_owned(),
            _ => String::new(),
        }
    }

    /// Returns `true` when it has completed and no row failed, `false` when it has ended otherwise, `None` before.
    #[must_use]
    pub fn success_at(&self, now: Timestamp) -> Option<bool> {
        let status = self.status_at(now);
        status
            .is_known_and(|status| status.is_final())
            .then(|| status == Status::Completed && self.counts.failed == 0)
    }
}

/// So many rows and what they would do, as a part of a sentence; empty for no row.
fn rows_that(rows: u64, would: &str) -> String {
    match rows {
        0 => String::new(),
        rows => format!("; {} would {would}", number_of_rows(rows)),
    }
}

fn number_of_rows(rows: u64) -> String {
    match rows {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    }
}

/// What a run of an import goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How the file is to be imported.
    pub options: ImportOptions,
    /// Where it goes on.
    pub position: Position,
    /// How the file was understood; `None` until its header was read.
    pub read: Option<Read>,
    /// How far the search for missing accounts has come; `None` until every row is done.
    pub search: Option<MissingSearch>,
}

#[cfg(test)]
mod tests;
