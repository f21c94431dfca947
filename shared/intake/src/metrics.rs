//! What operators watch of imports, as lines that CloudWatch turns into metrics.
//!
//! | metric | when | unit |
//! |---|---|---|
//! | `ImportsStarted` | the first run took the import | count |
//! | `ImportsCompleted`, `ImportsFailed`, `ImportsCancelled` | it ended so | count |
//! | `ImportDuration` | it ended: the time since its start | milliseconds |
//! | `RowsCreated`, `RowsUpdated`, `RowsUnchanged`, `RowsDeleted`, `RowsSkipped`, `RowsFailed` | at each checkpoint | count |
//! | `RowErrors.<code>` | at each checkpoint, for each code that occurred | count |
//! | `ImportsStalled` | each time that the clock calls `sweep`: how many stand still now | count |
//! | `OldestImport` | the same: since when the oldest import that has its file and has not ended is there; 0 for none | milliseconds |

use std::collections::BTreeMap;

use roster::{Severity, Timestamp};
use service::App;
use service::telemetry::{Metric, measure};
use sheet::RowError;

use crate::record::{Counts, Import, Status};

/// The first run of an import began.
pub(super) fn started(app: &App, now: Timestamp) {
    measure(&app.config.table, now, &[Metric::count("ImportsStarted", 1)]);
}

/// What came of the rows since the last checkpoint, and how the import ended, if it did.
pub(super) struct Checkpoint<'a> {
    pub(super) counts: Counts,
    pub(super) faults: &'a [RowError],
    pub(super) end: Option<Status>,
}

/// A checkpoint was made.
pub(super) fn checkpoint(app: &App, import: &Import, checkpoint: &Checkpoint<'_>, now: Timestamp) {
    measure(&app.config.table, now, &of_checkpoint(import, checkpoint, now));
}

/// These of all imports have not ended, or have and are not reported yet.
pub fn unsettled(app: &App, imports: &[Import], now: Timestamp) {
    measure(&app.config.table, now, &of_unsettled(imports, now));
}

fn of_unsettled(imports: &[Import], now: Timestamp) -> [Metric; 2] {
    let statuses = imports.iter().map(|import| (import.status_at(now), import));
    let stalled = statuses.clone().filter(|(status, _)| *status == Status::Stalled);
    let open = statuses.filter(|(status, _)| {
        [Status::Queued, Status::Running, Status::Stalled]
            .iter()
            .any(|open| status == open)
    });
    let oldest = open.map(|(_, import)| import.created_at).min();
    [
        Metric::count("ImportsStalled", stalled.count() as u64),
        Metric::millis("OldestImport", now.since(oldest.unwrap_or(now))),
    ]
}

fn of_checkpoint(import: &Import, checkpoint: &Checkpoint<'_>, now: Timestamp) -> Vec<Metric> {
    let Counts {
        created,
        updated,
        unchanged,
        deleted,
        skipped,
        failed,
        ..
    } = checkpoint.counts;
    let mut metrics = vec![
        Metric::count("RowsCreated", created),
        Metric::count("RowsUpdated", updated),
        Metric::count("RowsUnchanged", unchanged),
        Metric::count("RowsDeleted", deleted),
        Metric::count("RowsSkipped", skipped),
        Metric::count("RowsFailed", failed),
    ];
    let mut codes = BTreeMap::new();
    let errors = checkpoint.faults.iter();
    for error in errors.filter(|error| error.severity == Severity::Error) {
        *codes.entry(error.code.name()).or_default() += 1;
    }
    metrics.extend(
        codes
            .into_iter()
            .map(|(code, count)| Metric::count(format!("RowErrors.{code}"), count)),
    );
    let ended = checkpoint.end.and_then(|status| match status {
        Status::Completed => Some("ImportsCompleted"),
        Status::Failed => Some("ImportsFailed"),
        Status::Cancelled => Some("ImportsCancelled"),
        Status::Waiting | Status::Queued | Status::Running | Status::Stalled => None,
    });
    if let Some(name) = ended {
        metrics.push(Metric::count(name, 1));
        let duration = now.since(import.started_at.unwrap_or(now));
        metrics.push(Metric::millis("ImportDuration", duration));
    }
    metrics
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use roster::{Code, ImportId, Violation};
    use sheet::ImportOptions;

    use super::*;
    use crate::record::Via;

    #[test]
    fn an_import_that_has_its_file_and_no_end_gets_old() {
        let now = Timestamp::from_millis(10_000_000);
        let opened = |via, age: u64| {
            let begin = Timestamp::from_millis(now.millis() - age);
            let id = ImportId::of_object("bucket", "key", &age.to_string());
            Import::open(id, "key".to_owned(), via, ImportOptions::default(), begin..now)
        };
        let mut ended = opened(Via::Api, 4_000_000);
        ended.status = Status::Completed.into();
        let imports = [
            opened(Via::Upload, 5_000_000),
            ended,
            opened(Via::Drop, 3_000_000),
            opened(Via::Api, 1_000),
        ];

        let told = |imports: &[Import]| of_unsettled(imports, now).map(|metric| metric.value);

        assert_eq!(told(&imports), [1, 3_000_000]);
        assert_eq!(told(&imports[..2]), [0, 0]);
    }

    #[test]
    fn the_last_checkpoint_tells_of_its_rows_and_of_the_end() {
        let start = Timestamp::from_millis(1_000);
        let id = ImportId::of_object("bucket", "key", "");
        let (via, options) = (Via::Api, ImportOptions::default());
        let mut import = Import::open(id, "key".to_owned(), via, options, start..start);
        import.started_at = Some(start);
        let counts = Counts {
            created: 3,
            failed: 2,
            ..Counts::default()
        };
        let error = |code| RowError::new(2, 1, None, Violation::new("", code, "is at fault"));
        let faults = [Code::Required, Code::UnknownRole, Code::Required].map(error);
        let last = Checkpoint {
            counts,
            faults: &faults,
            end: Some(Status::Completed),
        };
        let now = start.plus(Duration::from_secs(2));

        let metrics = of_checkpoint(&import, &last, now);

        let told: Vec<_> = metrics
            .iter()
            .filter(|metric| metric.value > 0)
            .map(|Metric { name, value, .. }| (&**name, *value))
            .collect();
        assert_eq!(
            told,
            [
                ("RowsCreated", 3),
                ("RowsFailed", 2),
                ("RowErrors.required", 2),
                ("RowErrors.unknown_role", 1),
                ("ImportsCompleted", 1),
                ("ImportDuration", 2000),
            ]
        );
        let between = Checkpoint {
            faults: &[],
            end: None,
            ..last
        };
        let on_the_way = of_checkpoint(&import, &between, now);
        assert_eq!(on_the_way.len(), 6);
    }
}
