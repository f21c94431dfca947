//! An import: a file, how it is to be read, and what became of its rows.

use std::time::Duration;

use files::StagedObject;
use roster::{FileName, ImportId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use sheet::{Columns, Dialect, ImportOptions, Mode, Position};
use utoipa::ToSchema;

/// How a file came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Via {
    /// In the body of a request.
    Api,
    /// Straight to storage, by a signed URL.
    Upload,
    /// Dropped into the bucket by an operator.
    Drop,
}

/// Where an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
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

/// What became of the rows that were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Users made.
    pub created: u64,
    /// Users changed.
    pub updated: u64,
    /// Rows passed over because their account exists.
    pub skipped: u64,
    /// Rows with at least one error.
    pub failed: u64,
    /// Rows with at least one warning, whatever became of them.
    #[serde(default)]
    pub warnings: u64,
}

impl Counts {
    /// All rows: the sum of the others, without `warnings`.
    #[must_use]
    pub fn rows(self) -> u64 {
        self.created + self.updated + self.skipped + self.failed
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.created += more.created;
        self.updated += more.updated;
        self.skipped += more.skipped;
        self.failed += more.failed;
        self.warnings += more.warnings;
    }
}

/// How a file was understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// Its encoding and delimiter.
    pub dialect: Dialect,
    /// Its header.
    pub columns: Columns,
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
    /// Where it stands, as stored; see [`Import::status_at`].
    pub status: Status,
    /// How the file is to be imported.
    pub options: ImportOptions,
    /// The client's name for the file.
    pub file_name: Option<FileName>,
    /// The file's size.
    pub bytes: Option<u64>,
    /// The SHA-256 of the file in lower-case hexadecimal, where the service saw it whole.
    pub sha256: Option<String>,
    /// How the file came in.
    pub via: Via,
    /// The user who sent it; `None` for a dropped file.
    pub created_by: Option<UserId>,
    /// The staged object.
    pub object: StagedObject,
    /// How the file was understood; `None` until its header was read.
    pub read: Option<Read>,
    /// What became of the rows before the checkpoint.
    pub counts: Counts,
    /// How many row errors are recorded.
    pub errors: u64,
    /// The checkpoint: everything before it is done and counted.
    pub position: Position,
    /// The run that holds the import.
    pub lease: Option<Lease>,
    /// Whether a caller asked for its end.
    pub cancel: bool,
    /// Why it failed, and what to do.
    pub fault: Option<String>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When the first run began.
    pub started_at: Option<Timestamp>,
    /// When it became final.
    pub finished_at: Option<Timestamp>,
    /// When the file and the record are deleted.
    pub expires_at: Timestamp,
}

/// How long an import may wait for a run to take it before it shows as stalled.
pub const PATIENCE: Duration = Duration::from_mins(5);

/// Bytes the longest imported file may have: 1 GiB.
pub const MAX_FILE: u64 = 1024 * 1024 * 1024;

impl Import {
    /// A new import of the object `key`. An upload waits for its file; any other has it.
    #[must_use]
    pub fn open(
        id: ImportId,
        key: String,
        via: Via,
        options: ImportOptions,
        created_by: Option<UserId>,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        let (status, lease) = match via {
            Via::Upload => (Status::Waiting, None),
            Via::Api | Via::Drop => {
                let until = now.plus(PATIENCE);
                (Status::Queued, Some(Lease { run: None, until }))
            }
        };
        Self {
            id,
            status,
            options,
            file_name: None,
            bytes: None,
            sha256: None,
            via,
            created_by,
            object: StagedObject {
                key,
                version: None,
                etag: None,
            },
            read: None,
            counts: Counts::default(),
            errors: 0,
            position: Position::START,
            lease,
            cancel: false,
            fault: None,
            created_at: now,
            started_at: None,
            finished_at: None,
            // Storage counts it in seconds.
            expires_at: Timestamp::from_millis(expires_at.seconds() * 1000),
        }
    }

    /// Where it stands for a reader at `now`: a dead run shows as stalled. An import that was asked to end
    /// is cancelled once its last run has counted what it wrote.
    #[must_use]
    pub fn status_at(&self, now: Timestamp) -> Status {
        match self.status {
            Status::Queued | Status::Running if self.lease.as_ref().is_none_or(|lease| lease.until < now) => {
                Status::Stalled
            }
            status => status,
        }
    }

    /// One sentence that tells a person how it went.
    #[must_use]
    pub fn message_at(&self, now: Timestamp) -> String {
        let Counts {
            created,
            updated,
            skipped,
            failed,
            warnings: _,
        } = self.counts;
        let made = match self.options.mode {
            Mode::Create => format!("{created} created"),
            Mode::Upsert => format!("{created} created, {updated} updated"),
            Mode::Validate => format!("{created} would be created"),
        };
        let tally = format!(
            "{} rows read: {made}, {skipped} skipped, {failed} failed",
            self.counts.rows()
        );
        match self.status_at(now) {
            Status::Waiting => "Waiting for the file.".to_owned(),
            Status::Queued => "Queued; no row read yet.".to_owned(),
            Status::Running | Status::Stalled if self.cancel => format!("Being cancelled; {tally}."),
            Status::Running => format!("Running; {tally}."),
            Status::Completed => format!("Completed; {tally}."),
            Status::Failed => self.fault.clone().unwrap_or_default(),
            Status::Cancelled => format!("Cancelled; {tally}."),
            Status::Stalled => format!("Stalled; {tally}. Resume it to go on from there."),
        }
    }

    /// `true` when it completed and no row failed, `false` when it ended otherwise, `None` before.
    #[must_use]
    pub fn success(&self) -> Option<bool> {
        self.status
            .is_final()
            .then(|| self.status == Status::Completed && self.counts.failed == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000_000_000 + millis)
    }

    fn opened(via: Via) -> Import {
        let id = ImportId::of_object("bucket", "key", "");
        let options = ImportOptions::default();
        Import::open(id, "key".to_owned(), via, options, None, at(0), at(1_999))
    }

    const COUNTS: Counts = Counts {
        created: 1,
        updated: 20,
        skipped: 300,
        failed: 4_000,
        warnings: 50_000,
    };

    #[test]
    fn every_row_is_counted_once() {
        let mut counts = COUNTS;
        counts += COUNTS;

        assert_eq!(counts.rows(), 2 * COUNTS.rows());
        assert_eq!(COUNTS.rows(), 4_321);
        let Counts {
            created,
            updated,
            skipped,
            failed,
            warnings,
        } = counts;
        assert_eq!((created, updated, skipped, failed), (2, 40, 600, 8_000));
        assert_eq!(warnings, 100_000);
    }

    #[test]
    fn only_an_upload_waits_for_its_file() {
        let upload = opened(Via::Upload);
        assert_eq!((upload.status, upload.lease), (Status::Waiting, None));

        for via in [Via::Api, Via::Drop] {
            let import = opened(via);
            let lease = import.lease.unwrap();
            assert_eq!((import.status, lease.run), (Status::Queued, None));
            assert_eq!(lease.until.since(at(0)), PATIENCE);
            assert_eq!(import.expires_at, at(1_000), "storage counts it in seconds");
        }
    }

    #[test]
    fn an_unfinished_import_stalls_when_its_lease_is_over() {
        for status in [Status::Queued, Status::Running] {
            let mut import = Import {
                status,
                ..opened(Via::Api)
            };
            import.lease = Some(Lease {
                run: None,
                until: at(10),
            });
            assert_eq!(import.status_at(at(10)), status);
            assert_eq!(import.status_at(at(11)), Status::Stalled);
            import.lease = None;
            assert_eq!(import.status_at(at(0)), Status::Stalled);
        }
        for status in [
            Status::Waiting,
            Status::Completed,
            Status::Failed,
            Status::Cancelled,
        ] {
            let import = Import {
                status,
                lease: None,
                ..opened(Via::Api)
            };
            assert_eq!(import.status_at(at(11)), status);
        }
    }

    #[test]
    fn one_sentence_tells_how_it_goes() {
        let told = |status, cancel| {
            let import = Import {
                status,
                cancel,
                counts: COUNTS,
                fault: Some("The file is empty.".to_owned()),
                ..opened(Via::Api)
            };
            import.message_at(at(0))
        };
        let tally = "4321 rows read: 1 created, 300 skipped, 4000 failed";

        assert_eq!(told(Status::Waiting, false), "Waiting for the file.");
        assert_eq!(told(Status::Queued, false), "Queued; no row read yet.");
        assert_eq!(told(Status::Running, false), format!("Running; {tally}."));
        assert_eq!(told(Status::Running, true), format!("Being cancelled; {tally}."));
        assert_eq!(told(Status::Completed, false), format!("Completed; {tally}."));
        assert_eq!(told(Status::Cancelled, true), format!("Cancelled; {tally}."));
        assert_eq!(told(Status::Failed, false), "The file is empty.");
        assert_eq!(
            told(Status::Stalled, false),
            format!("Stalled; {tally}. Resume it to go on from there.")
        );
    }

    #[test]
    fn only_an_import_without_a_failed_row_succeeds() {
        let success = |status, failed| {
            let counts = Counts { failed, ..COUNTS };
            Import {
                status,
                counts,
                ..opened(Via::Api)
            }
            .success()
        };

        assert_eq!(success(Status::Completed, 0), Some(true));
        assert_eq!(success(Status::Completed, 1), Some(false));
        assert_eq!(success(Status::Failed, 0), Some(false));
        assert_eq!(success(Status::Cancelled, 0), Some(false));
        for status in [Status::Waiting, Status::Queued, Status::Running, Status::Stalled] {
            assert_eq!(success(status, 0), None, "{status:?} is not the end");
        }
    }
}
