//! Called by the clock: finishes what requests could not.
//!
//! The event says nothing but that it is time. What there is to do is stored, so a call that comes
//! twice, late or never does no harm: the next one does the rest.

use lambda_runtime::{Error as InvocationError, LambdaEvent};
use serde::de::IgnoredAny;
use shared::clock;
use shared::intake::{Intake, metrics};

/// Deletions that one call takes up at most.
const MAX_DELETIONS: u16 = 100;

/// Removes what is left of users who were deleted, and tells how many imports stand still.
///
/// # Errors
///
/// If storage fails. The next call takes up what is left.
pub async fn handle(app: &Intake, _event: LambdaEvent<IgnoredAny>) -> Result<(), InvocationError> {
    let now = clock::now();
    let stalled = app.imports.stalled(now).await?;
    for id in &stalled {
        tracing::warn!(import.id = %id, "an import stands still");
    }
    metrics::stalled(app, stalled.len() as u64, now);
    let finished = app.contacts.finish_deletions(now, MAX_DELETIONS).await?;
    if finished.owners > 0 {
        tracing::info!(
            deletion.owners = finished.owners,
            deletion.contacts = finished.contacts,
            "deletions finished"
        );
    }
    Ok(())
}
