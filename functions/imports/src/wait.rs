//! Waiting for the end of an import.

use std::time::{Duration, Instant};

use lambda_http::{Request, RequestExt};
use shared::intake::Intake;
use shared::intake::record::Import;
use shared::{Error, clock};

/// The pause between two looks at the import is this part of the wait so far, so that nobody waits much longer than the
/// import takes.
const PART: u32 = 16;
/// The shortest and the longest pause. The longest makes a wait of 25 s cost about 140 reads.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));
/// What is kept of the function's time for the answer. The edge cuts a handler off 3 s before the end, and the
/// answer takes reads of its own.
const MARGIN: Duration = Duration::from_secs(4);

/// Until when `request` may wait: `at_most`, and safely within the function's own time.
pub(crate) fn deadline(request: &Request, at_most: Duration) -> Instant {
    let left = request.lambda_context_ref().map_or(at_most, |context| {
        let deadline = context.deadline;
        Duration::from_millis(deadline.saturating_sub(clock::now().millis())).saturating_sub(MARGIN)
    });
    Instant::now() + at_most.min(left)
}

/// An import that was waited for.
pub(crate) struct Waited {
    /// The import as it was seen last.
    pub(crate) import: Import,
    /// Whether storage can be read. A wait also ends when it cannot: the import itself is under way.
    pub(crate) readable: bool,
}

/// Waits until `opened` is final, at most until `give_up`.
pub(crate) async fn for_end(app: &Intake, opened: Import, give_up: Instant) -> Result<Waited, Error> {
    let mut seen = opened;
    let begun = Instant::now();
    loop {
        seen = match app.imports.find(seen.id, clock::now()).await {
            Ok(found) => found.ok_or(Error::NotFound("the import"))?,
            Err(Error::Unavailable { .. }) => {
                return Ok(Waited {
                    import: seen,
                    readable: false,
                });
            }
            Err(error) => return Err(error),
        };
        let left = give_up.saturating_duration_since(Instant::now());
        if seen.is_final() || left.is_zero() {
            return Ok(Waited {
                import: seen,
                readable: true,
            });
        }
        let pause = (begun.elapsed() / PART).clamp(PAUSES.0, PAUSES.1);
        tokio::time::sleep(pause.min(left)).await;
    }
}
