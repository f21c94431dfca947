//! An import: a file, how it is to be read, and what became of its rows.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Code, Given, ImportId, Role, Roles, Timestamp, UserId, Violation};
use crate::import::{Columns, Dialect, Position, UnknownColumns};

/// What an import does with a good row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Makes a user; an address that has an account is an error.
    #[default]
    Create,
    /// Makes a user, or changes the one with the address.
    Upsert,
    /// Writes no user, and reports what `Create` would.
    Validate,
}

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

/// How a file is to be imported, as whoever sent it decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportOptions {
    /// What to do with a good row.
    pub mode: Mode,
    /// Whether the address of an existing account is skipped instead of an error.
    pub ignore_duplicates: bool,
    /// The roles of a row that names none.
    pub default_roles: Roles,
    /// What to do with columns that are not known.
    pub unknown_columns: UnknownColumns,
}

/// The options of an import as they were given.
#[derive(Clone, Debug, Default, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImportOptionsDraft<'a> {
    /// `create`, `upsert` or `validate`.
    #[schema(value_type = Mode)]
    pub mode: Given<'a>,
    /// `true` or `false`.
    #[schema(value_type = bool)]
    pub ignore_duplicates: Given<'a>,
    /// An array of roles, or several in one string by `;`, `|` or `,`.
    #[schema(value_type = String)]
    pub default_roles: Given<'a>,
    /// `refuse` or `ignore`.
    #[schema(value_type = UnknownColumns)]
    pub unknown_columns: Given<'a>,
}

impl ImportOptionsDraft<'_> {
    /// The options, with the contract's defaults for what was left out.
    ///
    /// # Errors
    ///
    /// Every fault, among them default roles that are not in `assignable`.
    pub fn parse(self, assignable: Roles) -> Result<ImportOptions, Vec<Violation>> {
        let Self {
            mode,
            ignore_duplicates,
            default_roles,
            unknown_columns,
        } = self;
        let mut faults = Vec::new();
        let modes = [
            ("create", Mode::Create),
            ("upsert", Mode::Upsert),
            ("validate", Mode::Validate),
        ];
        let treatments = [
            ("refuse", UnknownColumns::Refuse),
            ("ignore", UnknownColumns::Ignore),
        ];
        let options = ImportOptions {
            mode: choice("mode", &mode, &modes, &mut faults),
            ignore_duplicates: flag("ignoreDuplicates", &ignore_duplicates, &mut faults),
            default_roles: roles("defaultRoles", default_roles, assignable, &mut faults),
            unknown_columns: choice("unknownColumns", &unknown_columns, &treatments, &mut faults),
        };
        if faults.is_empty() {
            Ok(options)
        } else {
            Err(faults)
        }
    }
}

fn choice<T: Copy + Default>(
    member: &str,
    given: &Given<'_>,
    choices: &[(&str, T)],
    faults: &mut Vec<Violation>,
) -> T {
    let chosen = match given {
        Given::Absent | Given::Null => return T::default(),
        Given::Text(text) => choices.iter().find(|(word, _)| word == text),
        _ => None,
    };
    let Some((_, value)) = chosen else {
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        let violation = Violation::new(
            member,
            Code::InvalidFormat,
            format!("must be one of {}", words.join(", ")),
        );
        faults.push(match given.shown() {
            Some(shown) => violation.of_value(&shown),
            None => violation,
        });
        return T::default();
    };
    *value
}

fn flag(member: &str, given: &Given<'_>, faults: &mut Vec<Violation>) -> bool {
    match given {
        Given::Absent | Given::Null => false,
        Given::Flag(flag) => *flag,
        _ => {
            faults.push(Violation::new(
                member,
                Code::InvalidFormat,
                "must be true or false",
            ));
            false
        }
    }
}

fn roles(member: &str, given: Given<'_>, assignable: Roles, faults: &mut Vec<Violation>) -> Roles {
    let default = Roles::NONE.with(Role::Collaborator);
    let labels = match given {
        Given::Absent | Given::Null => return default,
        Given::Text(text) => text
            .split([';', '|', ','])
            .map(str::trim)
            .filter(|label| !label.is_empty())
            .map(str::to_owned)
            .collect(),
        Given::List(elements) => elements
            .iter()
            .map(|element| element.shown().unwrap_or_default())
            .collect(),
        _ => Vec::new(),
    };
    if labels.is_empty() {
        faults.push(Violation::new(
            member,
            Code::InvalidFormat,
            "must name at least one role",
        ));
    }
    let mut roles = Roles::NONE;
    for label in labels {
        let fault = match Role::from_label(&label) {
            None => (Code::UnknownRole, "is not a role"),
            Some(role) if assignable.contains(role) => {
                roles = roles.with(role);
                continue;
            }
            Some(role) if role.is_admin() => (Code::ForbiddenRole, "may not be given by you"),
            Some(_) => (Code::NotAssignable, "cannot be given to a new account"),
        };
        faults.push(Violation::new(member, fault.0, fault.1).of_value(&label));
    }
    roles
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
}

impl Counts {
    /// All rows: the sum of the others.
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
    }
}

/// One fault of one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowError {
    /// The line of the file on which the row begins; the header's is 1.
    pub line: u64,
    /// The number of the data row, from 1.
    pub row: u64,
    /// The header cell of the column at fault; nothing for the row as a whole.
    pub column: Option<String>,
    /// The rule that was broken.
    pub code: Code,
    /// The offending value, at most 100 characters of it.
    pub value: Option<String>,
    /// One sentence: `email "ada@" is not an email address`.
    pub message: String,
    /// For a repeated address: the line that has it first.
    pub first_line: Option<u64>,
}

impl RowError {
    /// `violation` as the fault of a row. Its member is the header cell of the column.
    #[must_use]
    pub fn new(line: u64, row: u64, violation: Violation) -> Self {
        let message = violation.message();
        let Violation {
            member, code, value, ..
        } = violation;
        Self {
            line,
            row,
            column: (!member.is_empty()).then_some(member),
            code,
            value,
            message,
            first_line: None,
        }
    }

    /// The documented one-line form: `line 7: email "ada@" is not an email address`.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!("line {}: {}", self.line, self.message)
    }
}

/// The staged object that an import reads, pinned at the first claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedObject {
    /// Its key in the staging bucket.
    pub key: String,
    /// Its version, in a bucket that keeps versions.
    pub version: Option<String>,
    /// Its entity tag, so that an overwritten object is noticed.
    pub etag: Option<String>,
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
    pub file_name: Option<String>,
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
