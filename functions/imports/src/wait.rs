//! Waiting for the end of an import.

use std::time::{Duration, Instant};

use lambda_http::{Request, RequestExt};
use shared::intake::Intake;
use shared::intake::record::Import;
use shared::roster::ImportId;
use shared::{Error, clock};

/// Pauses between two looks at the import: the first ones short, because most files are small.
const PAUSES: [u64; 6] = [10, 20, 40, 80, 160, 250];
/// What is kept of the function's time for the answer.
const MARGIN: Duration = Duration::from_secs(2);

/// Until when `request` may wait: `at_most`, and safely within the function's own time.
pub(crate) fn deadline(request: &Request, at_most: Duration) -> Instant {
    let left = request.lambda_context_ref().map_or(at_most, |context| {
        let deadline = context.deadline;
        Duration::from_millis(deadline.saturating_sub(clock::now().millis())).saturating_sub(MARGIN)
    });
    Instant::now() + at_most.min(left)
}

/// The import once it is final, or as it stands at `give_up`.
pub(crate) async fn for_end(app: &Intake, id: ImportId, give_up: Instant) -> Result<Import, Error> {
    let mut pauses = PAUSES.into_iter();
    let mut pause = Duration::ZERO;
    loop {
        let import = app
            .imports
            .find(id, clock::now())
            .await?
            .ok_or(Error::NotFound("the import"))?;
        if import.status.is_final() {
            return Ok(import);
        }
        pause = pauses.next().map_or(pause, Duration::from_millis);
        let left = give_up.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(import);
        }
        tokio::time::sleep(pause.min(left)).await;
    }
}
