//! The report that an import has ended or stands still: an object `results/<import id>.json`.
//!
//! The bucket makes an event of it (`EventBridgeEnabled` in the template). A run writes the object after its last
//! checkpoint. The function `sweep` writes it for imports that end or stand still without a run, and for runs that were
//! killed before. So each is reported at least once. The object has no personal data.

use errors::Error;
use roster::{ImportId, Recorded, Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::Intake;
use crate::record::{Import, Status};
use crate::report::{CountsView, shown_mode};

/// What is reported of an import.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Notice {
    import_id: ImportId,
    /// `completed`, `failed`, `cancelled` or `stalled`.
    status: Status,
    mode: Value,
    dry_run: bool,
    parent: Option<ImportId>,
    counts: CountsView,
    /// Nothing for an import that stands still.
    finished_at: Option<Timestamp>,
}

/// Reports that `import` has ended as `status` says, or stands still.
pub(super) async fn notify(app: &Intake, import: &Import, status: Status) -> Result<(), Error> {
    let doing = "report how an import has ended";
    let (mode, dry_run) = shown_mode(&import.options);
    let notice = Notice {
        import_id: import.id,
        status,
        mode,
        dry_run,
        parent: import.parent,
        counts: import.counts.into(),
        finished_at: import.finished_at,
    };
    let json = serde_json::to_vec(&notice).map_err(|error| Error::internal(doing, error))?;
    app.uploads.put_result(import.id, json).await?;
    app.imports.set_notified(import.id, status).await
}

/// Reports those of `imports` that have ended or stand still at `now` and are not reported yet.
///
/// # Errors
///
/// If storage fails. The next call does the rest.
pub async fn notify_all(app: &Intake, imports: &[Import], now: Timestamp) -> Result<(), Error> {
    for import in imports.iter().filter(|import| import.is_recorded) {
        let Recorded::Known(status) = import.status_at(now) else {
            continue;
        };
        let is_news = status.is_final() || status == Status::Stalled;
        if is_news && import.notified != Some(status.into()) {
            notify(app, import, status).await?;
        }
    }
    Ok(())
}
