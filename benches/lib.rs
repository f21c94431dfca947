//! What the benchmarks have in common: a service to measure, what processes have used, and figures.
//!
//! Absolute times mean nothing on a machine that is shared; ratios within one run do.

use std::fs;

use local::{Local, Options};
use shared::{App, BoxError, Config};

/// Starts a service; the stores behind it come with it.
///
/// # Errors
///
/// If it cannot start.
pub async fn start(options: Options) -> Result<(Local, App), BoxError> {
    let local = Box::pin(Local::start(options)).await?;
    let config = Config::from_lookup(|name| match name {
        "TABLE_NAME" => Some(local.table().to_owned()),
        "BUCKET_NAME" => Some(local.bucket().to_owned()),
        _ => None,
    })?;
    let app = App::new(config, local.dynamodb().clone(), local.s3().clone());
    Ok((local, app))
}

/// The whole numbers among the arguments of the program.
#[must_use]
pub fn numbers() -> Vec<u32> {
    std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect()
}

/// Processor time that a process has used, in seconds (Linux; 0 elsewhere). `process` is its id or
/// `self`.
#[must_use]
pub fn cpu_seconds(process: &str) -> f64 {
    // Fields 14 and 15 of proc_pid_stat(5), in clock ticks of a hundredth of a second. The name in
    // field 2 may have spaces, so count from behind it.
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: f64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}

/// The most memory that a process ever had in use, in MiB (Linux; 0 elsewhere). `process` is its id or
/// `self`.
#[must_use]
pub fn peak_memory(process: &str) -> f64 {
    status(process, "VmHWM:")
        .and_then(|peak| peak.split_whitespace().next()?.parse::<f64>().ok())
        .unwrap_or_default()
        / 1024.0
}

/// The ids of this process's children that run `name` (Linux; none elsewhere).
#[must_use]
pub fn children(name: &str) -> Vec<String> {
    let own = std::process::id().to_string();
    let processes = fs::read_dir("/proc").into_iter().flatten();
    processes
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|process| {
            status(process, "PPid:").is_some_and(|parent| parent == own)
                && status(process, "Name:").is_some_and(|known| known == name)
        })
        .collect()
}

/// One field of `/proc/<process>/status`.
fn status(process: &str, field: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(value.trim().to_owned())
}

/// The middle one of `figures`.
#[must_use]
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
