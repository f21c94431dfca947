//! Every line that the functions log in the whole run, at every level, searched as it is written.
//!
//! A line that gives away a secret or a person ends the run at once, whichever test it belongs to.

use std::io::{self, Write};
use std::sync::{Mutex, Once};

use local::Template;
use serde_json::Value;
use shared::telemetry;
use tracing_subscriber::filter::LevelFilter;

/// What stands in every value that [`canaries`](crate::canaries) plants.
pub(crate) const CANARY: &str = "canary";

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Begins to watch; a second call does nothing.
pub(crate) fn watch() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let template = Template::embedded("local", &[].into()).unwrap();
        let crates: Vec<_> = template
            .functions
            .keys()
            .map(|name| name.replace('-', "_"))
            .collect();
        let subscriber = telemetry::subscriber(
            &crates.iter().map(String::as_str).collect::<Vec<_>>(),
            LevelFilter::TRACE,
            || Watch,
        );
        tracing::subscriber::set_global_default(subscriber).unwrap();
        telemetry::write_metrics_by(|line| {
            let _ = Watch.write(line.as_bytes());
        });
    });
}

/// The lines with this message that functions of this process have written so far, for whichever test.
///
/// [`Service::logged`](super::Service::logged) has its functions here.
pub(crate) fn lines(message: &str) -> Vec<Value> {
    let lines = LINES.lock().unwrap();
    let lines = lines.iter().filter(|line| line.contains(message));
    let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["message"] == message).collect()
}

/// The values of `metric` that functions of this process have written for the deployment whose table is `table`.
pub(crate) fn measured(table: &str, metric: &str) -> Vec<u64> {
    let lines = LINES.lock().unwrap();
    let lines = lines.iter().filter(|line| line.contains(metric));
    let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let defined = |line: &Value| {
        let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
            .as_array()
            .cloned();
        metrics.is_some_and(|metrics| metrics.iter().any(|defined| defined["Name"] == metric))
    };
    let of_table = lines.filter(|line| line["Table"] == table && defined(line));
    of_table.map(|line| line[metric].as_u64().unwrap()).collect()
}

struct Watch;

impl Write for Watch {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        LINES.lock().unwrap().push(text.clone().into_owned());
        if let Some(what) = leak(&text) {
            // Not `eprintln`, which a test's output is captured from.
            let _ = writeln!(io::stderr(), "a log line has {what}: {text}");
            std::process::exit(101);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `line` gives away, if anything.
///
/// Addresses of the tests end in `@example.org` and the like, their people bear the names below, and
/// tokens have a form that nothing else has.
pub(crate) fn leak(line: &str) -> Option<&'static str> {
    let has = |what: &str| line.contains(what);
    if has(CANARY) {
        Some("a canary")
    } else if ["@example", "@EXAMPLE", "%40example"]
        .iter()
        .any(|what| has(what))
    {
        Some("an address")
    } else if ["Lovelace", "Hopper", "Dijkstra"].iter().any(|what| has(what)) {
        Some("a name")
    } else if has("+4420") || has("+4930") {
        Some("a phone number")
    } else if has("eyJ") || has("Bearer") || has("X-Amz-Signature") || has_token(line) {
        Some("a token")
    } else {
        None
    }
}

/// Whether there is an access token of ours: an id, a point and a secret.
fn has_token(line: &str) -> bool {
    let of_secret = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == '_';
    line.split(|char| !(of_secret(char) || char == '.'))
        .filter_map(|word| word.split_once('.'))
        .any(|(id, secret)| id.len() == 32 && secret.len() == 43)
}

#[test]
fn a_line_that_gives_something_away_is_found() {
    let token = format!("{}.{}", "a".repeat(32), "b".repeat(43));
    for line in [
        "x canary-name x",
        r#"{"error":"ada@example.org is taken"}"#,
        "key drop/ada%40example.org.csv",
        "Ada Lovelace",
        "+442079460958",
        "Bearer x",
        "eyJhbGciOiJFUzI1NiJ9.e30.x",
        &format!(r#"{{"token":"{token}"}}"#),
    ] {
        assert!(leak(line).is_some(), "{line}");
    }
    for line in [
        r#"{"timestamp":"2026-11-23T08:37:46.000Z","level":"INFO","message":"answered","http.route":"/users"}"#,
        r#"{"user.id":"abcdefghijklmnopqrstuvwxyz234567","target":"user"}"#,
    ] {
        assert_eq!(leak(line), None, "{line}");
    }
}
