//! What operators watch of the index, as lines that CloudWatch turns into metrics.
//!
//! | metric | when | unit |
//! |---|---|---|
//! | `IndexOldestNote` | each time that the function of the index begins: the age of the oldest note | milliseconds |
//! | `IndexDiffers` | each time that it ends: 1 if the index and the counters differ and no import is under way | count |
//! | `IndexRebuilt` | the index was built from the table | count |
//! | `IndexDifferences` | at the same time, if the index was thought to be right: users who were shown otherwise | count |
//! | `CountersCorrected` | the counters were wrong, and were set right | count |

use roster::Timestamp;
use service::App;
use service::telemetry::{Metric, measure};

pub(crate) fn begun(app: &App, oldest: Option<Timestamp>, now: Timestamp) {
    let metric = Metric::millis("IndexOldestNote", now.since(oldest.unwrap_or(now)));
    measure(&app.config.table, now, &[metric]);
}

pub(crate) fn ended(app: &App, differs: bool, now: Timestamp) {
    measure(
        &app.config.table,
        now,
        &[Metric::count("IndexDiffers", u64::from(differs))],
    );
}

pub(crate) fn rebuilt(app: &App, differences: Option<u64>, now: Timestamp) {
    let mut metrics = vec![Metric::count("IndexRebuilt", 1)];
    metrics.extend(differences.map(|count| Metric::count("IndexDifferences", count)));
    measure(&app.config.table, now, &metrics);
}

pub(crate) fn corrected(app: &App, now: Timestamp) {
    measure(&app.config.table, now, &[Metric::count("CountersCorrected", 1)]);
}
