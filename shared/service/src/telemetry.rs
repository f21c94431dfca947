//! Logs: one JSON object a line, as CloudWatch reads them.
//!
//! Lines carry ids, line numbers, codes and counts; never a token, an address, a name or a cell.
//!
//! Metrics are lines too, in CloudWatch's embedded metric format: no call, no right and no SDK.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::OnceLock;
use std::time::Duration;

use roster::Timestamp;
use serde_json::{Map, Value, json};
use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::audit;

/// Where the metrics are found.
const NAMESPACE: &str = "AccessService";

/// The crates that every function is made of, whose lines are wanted at the chosen level.
const OURS: [&str; 5] = ["service", "table", "files", "intake", "shared"];

/// What writes the lines of metrics, where somebody reads them.
static METRICS: OnceLock<fn(&str)> = OnceLock::new();

/// Starts logging to standard output. `function` is the path of the caller's crate; `LOG_LEVEL` chooses the
/// level, `info` without it.
///
/// A second call does nothing.
#[expect(
    clippy::disallowed_methods,
    reason = "logging begins before the configuration is read, and reports its faults"
)]
pub fn init(function: &str) {
    let level = std::env::var("LOG_LEVEL")
        .ok()
        .and_then(|level| level.parse().ok());
    let level = level.unwrap_or(LevelFilter::INFO);
    write_metrics_by(|line| {
        // A measurement that cannot be written must not end what was measured.
        let _ = writeln!(io::stdout(), "{line}");
    });
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
        .with_targets(OURS.map(|name| (name, level)))
        // Whatever is left out, who did what is not.
        .with_target(audit::TARGET, LevelFilter::INFO.max(level))
        .with_targets(crates.iter().map(|name| (*name, level)));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        // To report a line that cannot be written would panic where standard error cannot be written either.
        .log_internal_errors(false)
        .with_writer(writer)
        .with_filter(targets);
    tracing_subscriber::registry().with(lines)
}

/// One measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// What was measured.
    pub name: Cow<'static, str>,
    /// In which unit.
    pub unit: Unit,
    /// What came out.
    pub value: u64,
}

/// A unit that CloudWatch knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// A time.
    Milliseconds,
}

impl Metric {
    /// A time.
    pub fn millis(name: impl Into<Cow<'static, str>>, time: Duration) -> Self {
        Self {
            name: name.into(),
            unit: Unit::Milliseconds,
            value: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// A number of things.
    pub fn count(name: impl Into<Cow<'static, str>>, value: u64) -> Self {
        Self {
            name: name.into(),
            unit: Unit::Count,
            value,
        }
    }
}

/// Has the lines of metrics of this process written by `write`. Without it nobody reads them, and none are written.
///
/// A second call does nothing.
pub fn write_metrics_by(write: fn(&str)) {
    let _ = METRICS.set(write);
}

/// Writes measurements of the deployment whose table is `table`.
pub fn measure(table: &str, at: Timestamp, metrics: &[Metric]) {
    if let Some(write) = METRICS.get() {
        write(&line(table, at, metrics).to_string());
    }
}

fn line(table: &str, at: Timestamp, metrics: &[Metric]) -> Value {
    let defined: Vec<_> = metrics
        .iter()
        .map(|Metric { name, unit, .. }| {
            let unit = match unit {
                Unit::Count => "Count",
                Unit::Milliseconds => "Milliseconds",
            };
            json!({ "Name": name, "Unit": unit })
        })
        .collect();
    let mut members = Map::new();
    members.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": at.millis(),
            "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [["Table"]], "Metrics": defined }],
        }),
    );
    members.insert("Table".to_owned(), table.into());
    members.extend(
        metrics
            .iter()
            .map(|Metric { name, value, .. }| (name.clone().into_owned(), (*value).into())),
    );
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A log in memory.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn audit_lines_are_written_at_every_level() {
        let lines = Lines::default();
        let writer = lines.clone();
        let quiet = subscriber(&[], LevelFilter::ERROR, move || writer.clone());

        tracing::subscriber::with_default(quiet, || {
            tracing::warn!("something else");
            tracing::info!(target: audit::TARGET, "audit");
        });

        let written = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(written.lines().count(), 1, "{written}");
        assert!(written.contains(r#""message":"audit""#), "{written}");
    }

    #[test]
    fn a_line_defines_each_metric_and_has_its_value() {
        let metrics = [
            Metric::count("RowsCreated", 5),
            Metric {
                name: "ImportDuration".into(),
                unit: Unit::Milliseconds,
                value: 1200,
            },
        ];

        assert_eq!(
            line("the-table", Timestamp::from_millis(1_795_423_066_000), &metrics),
            json!({
                "_aws": {
                    "Timestamp": 1_795_423_066_000_u64,
                    "CloudWatchMetrics": [{
                        "Namespace": "AccessService",
                        "Dimensions": [["Table"]],
                        "Metrics": [
                            { "Name": "RowsCreated", "Unit": "Count" },
                            { "Name": "ImportDuration", "Unit": "Milliseconds" },
                        ],
                    }],
                },
                "Table": "the-table",
                "RowsCreated": 5,
                "ImportDuration": 1200,
            })
        );
    }
}
