//! Logs: one JSON object a line, as `CloudWatch` reads them.
//!
//! Lines carry ids, line numbers, codes and counts; never a token, an address, a name or a cell.

use tracing_subscriber::EnvFilter;

/// Starts logging to standard output. `LOG_LEVEL` chooses the level or filter; `info` without it.
///
/// A second call does nothing.
pub fn init() {
    let filter = EnvFilter::builder()
        .with_env_var("LOG_LEVEL")
        .with_default_directive(tracing::Level::INFO.into())
        .from_env_lossy();
    // Fails only if a subscriber is set already, which is what the caller wants.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter)
        .try_init();
}
