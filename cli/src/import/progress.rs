//! How far an upload or an import has come, on standard error.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use crate::output;
use crate::report::grouped;

/// How often a line is written where there is no terminal: a log of an hour has 720 of them.
const LINES: Duration = Duration::from_secs(5);

/// How far something has come.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    said: Instant,
}

impl Progress {
    /// Begins to show progress; nothing of it if `is_silent`.
    pub(crate) fn begin(is_silent: bool) -> Self {
        let bar = (!is_silent && io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(Some(100), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self {
            bar,
            said: Instant::now(),
        }
    }

    /// Shows how many bytes were sent.
    pub(crate) fn sent(&mut self, bytes: u64, of: u64) {
        const MIB: f64 = 1024.0 * 1024.0;
        #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
        let [sent, all] = [bytes as f64 / MIB, of as f64 / MIB];
        self.show(
            bytes * 100 / of.max(1),
            &format!("{sent:.1} of {all:.1} MiB sent"),
        );
    }

    /// Shows how far an import has come.
    pub(crate) fn import(&mut self, import: &Value) {
        let (progress, counts) = (&import["progress"], &import["counts"]);
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        let parts = [
            Some(format!("{} rows", grouped(number(&counts["rows"])))),
            progress["rowsPerSecond"]
                .as_u64()
                .map(|rate| format!("{} a second", grouped(rate))),
            progress["secondsLeft"]
                .as_u64()
                .map(|left| format!("{} left", duration(left))),
            counts["failed"]
                .as_u64()
                .filter(|failed| *failed > 0)
                .map(|failed| format!("{} failed", grouped(failed))),
            import["status"]
                .as_str()
                .filter(|status| *status != "running")
                .map(str::to_owned),
        ];
        let text = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        self.show(number(&progress["percent"]), &text);
    }

    fn show(&mut self, percent: u64, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_position(percent.min(100));
            bar.set_message(text.to_owned());
        } else if self.said.elapsed() >= LINES {
            output::remark(&format!("{percent} %, {text}"));
            self.said = Instant::now();
        }
    }

    /// Takes the progress away.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A time as people say it.
fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_as_people_say_it() {
        assert_eq!([59, 61, 3660].map(duration), ["59 s", "2 min", "1 h 1 min"]);
    }
}
