//! What the benchmarks have in common: the process's own accounting, and tables to print.
//!
//! Absolute times mean nothing on a machine that is shared; ratios within one run do.

use std::fs;

/// Processor time that this process has used, in seconds (Linux; 0 elsewhere).
#[must_use]
pub fn cpu_seconds() -> f64 {
    // Fields 14 and 15 of proc_pid_stat(5), in clock ticks of a hundredth of a second. The name in
    // field 2 may have spaces, so count from behind it.
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: f64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}

/// The most memory that this process ever had in use, in MiB (Linux; 0 elsewhere).
#[must_use]
pub fn peak_memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok())
        .unwrap_or_default()
        / 1024.0
}

/// The middle one of `figures`.
#[must_use]
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
