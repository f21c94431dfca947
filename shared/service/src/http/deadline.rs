//! An answer before the function's time is over.
//!
//! A function that is killed at its deadline gives no answer: the gateway says 500 in words of its own, and
//! the caller does not learn that the request may be sent again.

use std::time::Duration;

use errors::Error;
use lambda_http::{Request, RequestExt};
use tokio::time::Instant;

use crate::clock;

/// What is kept of the function's time. Most functions have 10 s and an answer is due after 8: so handlers
/// get 7, and the rest is for what follows a handler that was cut off.
const MARGIN: Duration = Duration::from_secs(3);

/// When the handler of `request` is cut off; `None` if nobody says when the function's time is over.
pub(super) fn of(request: &Request) -> Option<Instant> {
    let deadline = request.lambda_context_ref()?.deadline;
    let left = Duration::from_millis(deadline.checked_sub(clock::now().millis())?);
    Some(Instant::now() + left.saturating_sub(MARGIN))
}

/// What `work` gives, if it gives it by `until`. Work that is cut off may have been done in part, as after a kill.
///
/// # Errors
///
/// [`Error::Unavailable`] if the time is over, and what `work` fails with.
pub(super) async fn within<T>(
    until: Option<Instant>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some(until) = until else {
        return work.await;
    };
    let done = tokio::time::timeout_at(until, work).await;
    done.unwrap_or_else(|_| {
        Err(Error::Unavailable {
            doing: "answer in time",
            source: "the function's time is nearly over".into(),
        })
    })
}
