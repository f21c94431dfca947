//! An import as callers see it.

use std::collections::BTreeMap;

use errors::Error;
use roster::{Country, FileName, ImportId, Recorded, Roles, Timestamp, UserId};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sheet::{Act, Columns, Dialect, HeaderRow, ImportOptions, Missing, RowError, Understood, UnknownColumns};
use utoipa::ToSchema;

use crate::record::{Counts, Import, Read, Status, Via};
use crate::store::{FaultFilter, FaultPlace, ImportStore, Severities};

/// How many row errors an import repeats; `/errors` has all.
pub const MAX_ROW_ERRORS: u64 = 1000;

/// The import resource.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Import, example = json!({
    "id": "019ab0f2c47d7e0c9d3b1f60a5e8d214",
    "status": "completed",
    "success": false,
    "message": "Completed; 2 rows read: 1 created, 0 skipped, 1 failed.",
    "errors": ["line 3: email \"tim@\" is not an email address"],
    "rowErrors": [{
        "line": 3,
        "lastLine": null,
        "row": 2,
        "member": "email",
        "column": "email",
        "code": "invalid_format",
        "severity": "error",
        "value": "tim@",
        "message": "email \"tim@\" is not an email address",
        "suggestion": null,
        "firstLine": null,
    }],
    "rowErrorsComplete": true,
    "warnings": [],
    "parent": null,
    "mode": "create",
    "dryRun": false,
    "ignoreDuplicates": false,
    "defaultRoles": ["ROLE_COLLABORATOR"],
    "unknownColumns": "refuse",
    "encoding": null,
    "delimiter": null,
    "header": "present",
    "columns": null,
    "country": null,
    "missing": "ignore",
    "missingLimit": 10,
    "fileName": "people.csv",
    "bytes": 71,
    "sha256": "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab",
    "via": "api",
    "key": "imports/019ab0f2c47d7e0c9d3b1f60a5e8d214.csv",
    "createdBy": "mfsgs3lbnnqxe2lpnz2gk4ramfxgiidu",
    "read": {
        "encoding": "UTF-8",
        "delimiter": ",",
        "bom": false,
        "columns": { "email": "email", "firstName": "Given Name" },
        "labels": { "email": "name", "firstName": "label" },
        "ignoredColumns": [],
        "skippedLines": [],
    },
    "counts": { "rows": 2, "created": 1, "updated": 0, "unchanged": 0, "deleted": 0, "skipped": 0, "failed": 1, "warnings": 0, "disabled": 0 },
    "progress": { "bytesRead": 71, "percent": 100, "rowsPerSecond": 40, "secondsLeft": null },
    "createdAt": "2026-11-23T08:37:46.000Z",
    "startedAt": "2026-11-23T08:37:46.012Z",
    "finishedAt": "2026-11-23T08:37:46.062Z",
    "expiresAt": "2026-12-23T08:37:46.000Z",
}))]
pub struct ImportView {
    /// The name.
    id: ImportId,
    /// Its state.
    #[schema(value_type = Status)]
    status: Recorded<Status>,
    /// Whether it completed and no row failed; nothing while it is not finished.
    success: Option<bool>,
    /// One sentence with the counts.
    message: String,
    /// One sentence for each row error, in line order, the first 1,000; nothing in a listing.
    errors: Option<Vec<String>>,
    /// One sentence for each warning, in line order, the first 1,000; nothing in a listing. A row with warnings only is
    /// imported.
    warnings: Option<Vec<String>>,
    /// The first 1,000 row errors and warnings; nothing in a listing.
    #[schema(value_type = Option<Vec<RowError>>)]
    row_errors: Option<Vec<Recorded<RowError>>>,
    /// Whether every row error is kept one by one. Beyond 100,000 they are not; the counts and the rejected rows are
    /// complete nevertheless.
    row_errors_complete: bool,
    /// What it does with a sound row.
    #[schema(value_type = ShownMode)]
    mode: Value,
    /// Whether it writes no user and only reports what an import would do.
    dry_run: bool,
    /// Whether the address of an existing account is skipped.
    #[schema(value_type = bool)]
    ignore_duplicates: Value,
    /// The roles of a row that names none.
    #[schema(value_type = Roles)]
    default_roles: Value,
    /// What it does with columns that mean nothing.
    #[schema(value_type = UnknownColumns)]
    unknown_columns: Value,
    /// The encoding that the sender named; see `read` for the one that the file is in.
    #[schema(value_type = Option<String>)]
    encoding: Value,
    /// The delimiter that the sender named.
    #[schema(value_type = Option<String>)]
    delimiter: Value,
    /// Whether the file has a header.
    #[schema(value_type = HeaderRow)]
    header: Value,
    /// What the sender says that columns mean.
    columns: Value,
    /// The country of phone numbers without a country code.
    #[schema(value_type = Option<Country>)]
    country: Value,
    /// What happens to accounts that are not in the file.
    #[schema(value_type = Missing)]
    missing: Value,
    /// How many of them may be disabled, in per cent.
    #[schema(value_type = u8)]
    missing_limit: Value,
    /// The client's name for the file.
    file_name: Option<FileName>,
    /// The file's size.
    bytes: Option<u64>,
    /// The SHA-256 of the file, where the service saw it whole.
    sha256: Option<String>,
    /// The way in which the file came in.
    #[schema(value_type = Via)]
    via: Recorded<Via>,
    /// The file in the staging bucket.
    key: String,
    /// The user who sent it; null for a dropped file.
    created_by: Option<UserId>,
    /// The import whose rejected rows this one continues, the dry run that it applies, or the import that it takes back.
    parent: Option<ImportId>,
    /// What the service understood of the file, once its header was read.
    read: Option<ReadView>,
    /// The outcomes of its rows, counted.
    counts: CountsView,
    /// Its progress.
    progress: Progress,
    /// The time when it was opened.
    created_at: Timestamp,
    /// The time when the first run began.
    started_at: Option<Timestamp>,
    /// The time when it ended.
    finished_at: Option<Timestamp>,
    /// The time when the file and its rows are deleted.
    expires_at: Timestamp,
}

/// What an import does with a sound row.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ImportKind)]
#[expect(dead_code, reason = "describes the words, which come from what is stored")]
enum ShownMode {
    /// Makes a user; an address that has an account is an error.
    Create,
    /// Makes a user, or changes the one with the address.
    Upsert,
    /// A dry run of `create` that was asked for by this word.
    Validate,
    /// Takes back what its parent has done with the row.
    Undo,
}

/// What the service understood of a file.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FileReading)]
pub struct ReadView {
    /// The encoding.
    encoding: String,
    /// The delimiter.
    #[schema(value_type = char)]
    delimiter: String,
    /// Whether it begins with a byte order mark.
    bom: bool,
    /// The header cell of each member.
    columns: BTreeMap<String, String>,
    /// How the column of each member was understood: by the member's name, by a label, or as `columns` says.
    labels: BTreeMap<&'static str, Understood>,
    /// The columns that were left out.
    ignored_columns: Vec<String>,
    /// The lines above the header that were neither blank nor read.
    skipped_lines: Vec<u64>,
}

/// What became of the rows; `rows` is the sum of those that follow, without `warnings` and `disabled`.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = ImportCounts)]
pub(super) struct CountsView {
    rows: u64,
    created: u64,
    updated: u64,
    /// Rows whose account had every value already, so that nothing was written.
    unchanged: u64,
    /// Accounts that went, of rows that an undo has taken back.
    deleted: u64,
    skipped: u64,
    failed: u64,
    /// Rows that have a warning, whatever became of them; not part of the sum.
    warnings: u64,
    /// Accounts that are not in the file and were disabled, or would be; not part of the sum.
    disabled: u64,
}

impl From<Counts> for CountsView {
    fn from(counts: Counts) -> Self {
        let Counts {
            created,
            updated,
            unchanged,
            deleted,
            skipped,
            failed,
            warnings,
            disabled,
            ..
        } = counts;
        Self {
            rows: counts.rows(),
            created,
            updated,
            unchanged,
            deleted,
            skipped,
            failed,
            warnings,
            disabled,
        }
    }
}

/// The progress of an import.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ImportProgress)]
struct Progress {
    /// Bytes of the file that are done.
    bytes_read: u64,
    /// The same in hundredths of the file.
    percent: Option<u64>,
    /// Rows a second since the first run began.
    rows_per_second: Option<u64>,
    /// The seconds that are left at that rate.
    seconds_left: Option<u64>,
}

impl ImportView {
    /// `import` as it stands at `now`, with the first of its row errors, which are read from `imports`.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn whole(imports: &ImportStore, import: Import, now: Timestamp) -> Result<Self, Error> {
        let import_id = import.id;
        let of = |severities, kept| async move {
            if kept == 0 {
                return Ok(Vec::new());
            }
            let filter = FaultFilter {
                severities,
                ..FaultFilter::default()
            };
            let first = FaultPlace::default();
            Ok(imports.faults(import_id, &filter, first, MAX_ROW_ERRORS).await?.0)
        };
        let first = FirstFaults {
            errors: of(Severities::Errors, import.errors).await?,
            warnings: of(Severities::Warnings, import.warnings).await?,
        };
        Ok(Self::new(import, Some(first), now))
    }

    /// `import` as it stands at `now`. A listing leaves out the first of its errors and warnings.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a complete list of members")]
    pub fn new(import: Import, first: Option<FirstFaults>, now: Timestamp) -> Self {
        let progress = progress(&import, now);
        let status = import.status_at(now);
        let success = import.success_at(now);
        let message = import.message_at(now);
        let Import {
            id,
            status: _,
            options,
            file_name,
            bytes,
            sha256,
            via,
            created_by,
            sender_roles: _,
            upload_until: _,
            object,
            read,
            counts,
            errors: _,
            warnings: _,
            errors_left_out,
            parent,
            is_recorded: _,
            applied_by: _,
            undone_by: _,
            notified: _,
            position: _,
            search: _,
            takeovers: _,
            lease: _,
            charted: _,
            cancel: _,
            fault: _,
            created_at,
            started_at,
            finished_at,
            expires_at,
        } = import;
        let (mode, dry_run) = shown_mode(&options);
        let mut options = shown(&options);
        let mut option = |name: &str| options.remove(name).unwrap_or_default();
        Self {
            id,
            status,
            success,
            message,
            errors: first.as_ref().map(|first| sentences(&first.errors)),
            warnings: first.as_ref().map(|first| sentences(&first.warnings)),
            row_errors: first.map(FirstFaults::merged),
            row_errors_complete: errors_left_out == 0,
            mode,
            dry_run,
            ignore_duplicates: option("ignoreDuplicates"),
            default_roles: option("defaultRoles"),
            unknown_columns: option("unknownColumns"),
            encoding: option("encoding"),
            delimiter: option("delimiter"),
            header: option("header"),
            columns: option("columns"),
            country: option("country"),
            missing: option("missing"),
            missing_limit: option("missingLimit"),
            file_name,
            bytes,
            sha256,
            via,
            key: object.key,
            created_by,
            parent,
            read: read.as_ref().map(ReadView::from),
            counts: counts.into(),
            progress,
            created_at,
            started_at,
            finished_at,
            expires_at,
        }
    }

    /// The same, for a caller who has sent the file of this import once more.
    #[must_use]
    pub fn sent_again(mut self) -> Self {
        let before = if self.success.is_some() {
            "This file was imported already, less than 24 hours ago, and was not imported again"
        } else {
            "This file is being imported already and is not imported once more"
        };
        self.message = format!("{before}; send force=true to do so. {}", self.message);
        self
    }
}

/// The first errors and warnings of an import, each by line.
#[derive(Clone, Debug, Default)]
pub struct FirstFaults {
    /// The errors.
    pub errors: Vec<Recorded<RowError>>,
    /// The warnings.
    pub warnings: Vec<Recorded<RowError>>,
}

impl FirstFaults {
    /// The first of both, by line.
    fn merged(self) -> Vec<Recorded<RowError>> {
        let mut all = self.errors;
        all.extend(self.warnings);
        all.sort_by_key(RowError::line_of);
        all.truncate(usize::try_from(MAX_ROW_ERRORS).unwrap_or(usize::MAX));
        all
    }
}

fn sentences(faults: &[Recorded<RowError>]) -> Vec<String> {
    faults.iter().map(RowError::sentence_of).collect()
}

impl From<&Recorded<Read>> for ReadView {
    fn from(read: &Recorded<Read>) -> Self {
        match read {
            Recorded::Known(Read {
                dialect,
                columns,
                skipped_lines,
            }) => Self::new(*dialect, Some(columns), skipped_lines),
            Recorded::Later(read) => Self::of_later(read),
        }
    }
}

impl ReadView {
    /// Shows how a file is written, and what its columns mean if they are sound.
    #[must_use]
    pub fn new(dialect: Dialect, columns: Option<&Columns>, skipped_lines: &[u64]) -> Self {
        let members = columns.into_iter().flat_map(Columns::members);
        Self {
            encoding: dialect.encoding.name().to_owned(),
            delimiter: char::from(dialect.delimiter.byte()).into(),
            bom: dialect.bom,
            columns: members
                .map(|(member, name)| (member.name().to_owned(), name.to_owned()))
                .collect(),
            labels: columns
                .into_iter()
                .flat_map(Columns::understood)
                .map(|(member, how)| (member.name(), how))
                .collect(),
            ignored_columns: columns
                .into_iter()
                .flat_map(Columns::ignored)
                .map(str::to_owned)
                .collect(),
            skipped_lines: skipped_lines.to_vec(),
        }
    }

    /// Shows as much as can be known of what a later version wrote.
    fn of_later(read: &Value) -> Self {
        let word = |name: &str| read["dialect"][name].as_str().unwrap_or_default().to_owned();
        let names = read["columns"]["header"].as_array().cloned().unwrap_or_default();
        let mut names: Vec<_> = names
            .iter()
            .map(|name| name.as_str().map(str::to_owned))
            .collect();
        let mut columns = BTreeMap::new();
        for (member, index) in read["columns"]["members"].as_object().into_iter().flatten() {
            let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
            let name = index.and_then(|index| names.get_mut(index)?.take());
            columns.extend(name.map(|name| (member.clone(), name)));
        }
        Self {
            encoding: word("encoding"),
            delimiter: word("delimiter"),
            bom: read["dialect"]["bom"].as_bool().unwrap_or_default(),
            columns,
            labels: BTreeMap::new(),
            ignored_columns: names.into_iter().flatten().collect(),
            skipped_lines: Vec::new(),
        }
    }
}

/// The mode as callers see it, and whether it is a dry run. Of options of a later version, the word that is stored.
pub(super) fn shown_mode(options: &Recorded<ImportOptions>) -> (Value, bool) {
    match options {
        Recorded::Known(options) if options.act == Act::Undo => ("undo".into(), false),
        Recorded::Known(options) => {
            let mode = serde_json::to_value(options.mode).unwrap_or_default();
            (mode, options.is_dry())
        }
        Recorded::Later(stored) => {
            let mode = stored.get("mode").cloned().unwrap_or_else(|| "create".into());
            let is_dry = mode == "validate";
            (mode, is_dry)
        }
    }
}

/// The options as callers see them: those that were stored, whatever version did so, else the defaults.
fn shown(options: &Recorded<ImportOptions>) -> Map<String, Value> {
    let object = |options: serde_json::Result<Value>| match options {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    let default = ImportOptions::default();
    // Of these the usual ones are not stored.
    let mut members = Map::from_iter([
        ("header".to_owned(), json!(default.header)),
        ("missing".to_owned(), json!(default.missing)),
        ("missingLimit".to_owned(), json!(default.missing_limit)),
    ]);
    members.extend(object(serde_json::to_value(default)));
    members.extend(object(serde_json::to_value(options)));
    members
}

/// How far it is and how fast, from the rows done since the first run began.
fn progress(import: &Import, now: Timestamp) -> Progress {
    let bytes_read = match &import.position {
        Recorded::Known(position) => position.offset,
        Recorded::Later(position) => position["offset"].as_u64().unwrap_or_default(),
    };
    let percent = import.bytes.map(|bytes| match bytes {
        0 => 100,
        bytes => (bytes_read * 100 / bytes).min(100),
    });
    let millis = import.started_at.map(|started| {
        let until = import.finished_at.unwrap_or(now);
        u64::try_from(until.since(started).as_millis())
            .unwrap_or(u64::MAX)
            .max(1)
    });
    let running = import.status_at(now) == Status::Running;
    Progress {
        bytes_read,
        percent,
        rows_per_second: millis.map(|millis| import.counts.rows() * 1000 / millis),
        seconds_left: match (import.bytes, millis) {
            (Some(bytes), Some(millis)) if running && bytes_read > 0 => {
                let left = u128::from(bytes.saturating_sub(bytes_read));
                u64::try_from(left * u128::from(millis) / u128::from(bytes_read) / 1000).ok()
            }
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use roster::Role;
    use sheet::{ColumnMapping, Delimiter, Encoding, Mode, Position};

    use super::*;

    fn after(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000_000_000).plus(Duration::from_secs(seconds))
    }

    /// An import of 1,000 bytes that is running since `after(0)`.
    fn running(offset: u64, counts: Counts) -> Import {
        let id = ImportId::of_object("bucket", "key", "");
        let options = ImportOptions::default();
        let mut import = Import::open(id, "key".to_owned(), Via::Api, options, after(0)..after(9));
        import.status = Status::Running.into();
        import.bytes = Some(1_000);
        let position = Position {
            offset,
            ..Position::START
        };
        import.position = position.into();
        import.started_at = Some(after(0));
        import.counts = counts;
        import
    }

    const COUNTS: Counts = Counts {
        created: 30,
        updated: 10,
        unchanged: 0,
        skipped: 15,
        failed: 5,
        deleted: 0,
        warnings: 0,
        gives_admin: 0,
        takes_admin: 0,
        admins: 0,
        missing: 0,
        disabled: 0,
    };

    #[test]
    fn progress_is_measured_since_the_first_run_began() {
        let progress = progress(&running(300, COUNTS), after(2));

        assert_eq!((progress.bytes_read, progress.percent), (300, Some(30)));
        assert_eq!(progress.rows_per_second, Some(30));
        // 700 bytes, at 150 a second.
        assert_eq!(progress.seconds_left, Some(4));
    }

    #[test]
    fn an_import_that_has_ended_keeps_its_rate_and_has_nothing_left() {
        let mut import = running(1_000, COUNTS);
        import.status = Status::Completed.into();
        import.finished_at = Some(after(2));

        let progress = progress(&import, after(600));

        assert_eq!(progress.percent, Some(100));
        assert_eq!(progress.rows_per_second, Some(30));
        assert_eq!(progress.seconds_left, None);
    }

    #[test]
    fn nothing_is_foretold_before_the_first_byte_is_done() {
        let mut import = running(0, Counts::default());
        assert_eq!(progress(&import, after(2)).seconds_left, None);
        assert_eq!(progress(&import, after(0)).rows_per_second, Some(0), "in no time");

        import.started_at = None;
        assert_eq!(progress(&import, after(2)).rows_per_second, None);
        import.bytes = None;
        assert_eq!(progress(&import, after(2)).percent, None);
        import.bytes = Some(0);
        assert_eq!(progress(&import, after(2)).percent, Some(100), "an empty file");
    }

    #[test]
    fn every_option_that_is_stored_is_shown() {
        // All of them, none by default: the compiler asks for a new one.
        let options = ImportOptions {
            mode: Mode::Upsert,
            act: Act::Import,
            ignore_duplicates: true,
            default_roles: Role::Originator.into(),
            unknown_columns: UnknownColumns::Ignore,
            encoding: Some(Encoding::UTF_16LE),
            delimiter: Some(Delimiter::Tab),
            header: HeaderRow::Absent,
            columns: ColumnMapping::of_json(r#"["email"]"#).ok(),
            country: "GB".parse().ok(),
            missing: Missing::Report,
            missing_limit: 7.try_into().unwrap(),
        };
        let mut import = running(300, COUNTS);
        import.options = options.clone().into();
        let stored = serde_json::to_value(options).unwrap();

        let view = serde_json::to_value(ImportView::new(import, None, after(2))).unwrap();

        // Both are shown as `mode` and `dryRun`.
        let others = stored.as_object().unwrap().iter();
        for (name, value) in others.filter(|(name, _)| !["mode", "act"].contains(&name.as_str())) {
            assert_eq!(&view[name], value, "{name}");
        }
        assert_eq!(
            (&view["mode"], &view["dryRun"]),
            (&json!("upsert"), &json!(false))
        );
    }

    #[test]
    fn what_a_later_version_wrote_is_shown_as_it_is() {
        let mut import = running(300, COUNTS);
        import.options = Recorded::Later(json!({ "mode": "undo", "colour": "blue" }));
        import.via = Recorded::Later(json!("mail"));
        import.position = Recorded::Later(json!({ "offset": 300, "sheet": 2 }));
        import.read = Some(Recorded::Later(json!({
            "dialect": { "encoding": "EBCDIC", "delimiter": "!", "bom": true },
            "columns": { "header": ["Mail", "Shoe", "x"], "members": { "email": 0, "shoeSize": 1 } },
        })));

        let view = serde_json::to_value(ImportView::new(import, None, after(2))).unwrap();

        assert_eq!(
            (&view["mode"], &view["unknownColumns"], &view["via"]),
            (&json!("undo"), &json!("refuse"), &json!("mail"))
        );
        assert_eq!(view["progress"]["bytesRead"], 300);
        assert_eq!(
            view["read"],
            json!({
                "encoding": "EBCDIC",
                "delimiter": "!",
                "bom": true,
                "columns": { "email": "Mail", "shoeSize": "Shoe" },
                "ignoredColumns": ["x"],
                "labels": {},
                "skippedLines": [],
            })
        );
    }
}
