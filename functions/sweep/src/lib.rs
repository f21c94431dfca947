//! Called by the clock: finishes what requests could not.
//!
//! The event says nothing but that it is time. What there is to do is stored, so a call that comes
//! twice, late or never does no harm: the next one does the rest.

use lambda_runtime::{Error as InvocationError, LambdaEvent};
use serde::de::IgnoredAny;
use shared::clock;
use shared::intake::record::Status;
use shared::intake::{Intake, Late, chart_stalled, metrics, notify_all, settle_late};

/// Deletions that one call finishes at most, so that it ends well within its 300 s where owners have some hundreds of
/// contacts. The next call, in five minutes, takes up the rest.
const MAX_DELETIONS: u64 = 100;

/// Removes what is left of users who were deleted, hands what imports have changed that stand still to the index of users,
/// settles what runs of imports wrote late, and reports the imports that
/// have ended without a run that could do so or that stand still.
///
/// # Errors
///
/// If storage fails. The next call takes up what is left.
pub async fn handle(app: &Intake, _event: LambdaEvent<IgnoredAny>) -> Result<(), InvocationError> {
    let now = clock::now();
    let unsettled = app.imports.unsettled().await?;
    let stalled = unsettled
        .iter()
        .filter(|import| import.status_at(now) == Status::Stalled);
    let mut charted = Ok(0);
    for import in stalled {
        tracing::warn!(import.id = %import.id, "an import stands still");
        // Those that are left when one fails come with the next call.
        if charted.is_ok() {
            charted = Box::pin(chart_stalled(app, import.id, now)).await;
        }
    }
    let told = notify_all(app, &unsettled, now).await;
    metrics::unsettled(app, &unsettled, now);
    let late = settle_late(app, now).await;
    if let Ok(late) = &late
        && *late != Late::default()
    {
        tracing::info!(
            late.taken_back = late.taken_back,
            late.counted = late.counted,
            "late writes settled"
        );
    }
    let finished = app.contacts.finish_deletions(now, MAX_DELETIONS).await?;
    if finished.owners > 0 {
        tracing::info!(
            deletion.owners = finished.owners,
            deletion.contacts = finished.contacts,
            "deletions finished"
        );
    }
    charted?;
    late?;
    told?;
    Ok(())
}
