//! Logs: one JSON object a line, as `CloudWatch` reads them.
//!
//! Lines carry ids, line numbers, codes and counts; never a token, an address, a name or a cell.

use std::io;

use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging to standard output. `function` is the path of the caller's crate; `LOG_LEVEL` chooses the
/// level, `info` without it.
///
/// A second call does nothing.
#[expect(
    clippy::disallowed_methods,
    reason = "logging begins before the configuration is read, and tells of its faults"
)]
pub fn init(function: &str) {
    let level = std::env::var("LOG_LEVEL")
        .ok()
        .and_then(|level| level.parse().ok());
    let level = level.unwrap_or(LevelFilter::INFO);
    // Fails only if a subscriber is set already, which is what the caller wants.
    let _ = subscriber(&[function], level, io::stdout).try_init();
}

/// What [`init`] sets: writes what this crate and `crates` tell to `writer`.
///
/// Libraries are heard from `warn` on, whatever `level` is: below that some of them write down whole
/// requests.
pub fn subscriber<W>(crates: &[&str], level: LevelFilter, writer: W) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("shared", level)
        .with_targets(crates.iter().map(|name| (*name, level)));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_writer(writer)
        .with_filter(targets);
    tracing_subscriber::registry().with(lines)
}
