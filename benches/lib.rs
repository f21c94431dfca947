//! What the benchmarks have in common: functions to measure, what processes have used, and figures.
//!
//! Absolute times mean nothing on a machine that is shared; ratios within one run do.

pub mod users;
pub mod world;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use local::Template;
use shared::BoxError;

/// The columns of the table that [`Row`]s make.
pub const HEADER: &str =
    "| what | figure | its floor | ratio | aim | how to read |\n|---|---|---|---|---|---|";

/// A figure beside the least that it could be.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// What it came to.
    pub figure: f64,
    /// What the floor is.
    pub beside: &'static str,
    /// What that came to in the same run.
    pub floor: f64,
    /// What both are counted in.
    pub unit: Unit,
    /// The ratio to reach, if there is one.
    pub aim: Option<f64>,
}

/// What figures are counted in.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// Rows a second: more are better.
    Rate,
    /// Milliseconds: fewer are better.
    Time,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            figure,
            beside,
            floor,
            unit,
            aim,
        } = self;
        let (sign, better) = match unit {
            Unit::Rate => ('≥', "higher"),
            Unit::Time => ('≤', "lower"),
        };
        let in_unit = |figure: &f64| match unit {
            Unit::Rate => format!("{figure:.0} rows/s"),
            Unit::Time => format!("{figure:.2} ms"),
        };
        let ratio = figure / floor;
        let digits = if ratio < 0.01 { 5 } else { 2 };
        let aim = aim.map(|aim| format!("{sign} {aim}")).unwrap_or_default();
        write!(
            f,
            "| {what} | {} | {}: {beside} | {ratio:.digits$} | {aim} | {better} is better |",
            in_unit(figure),
            in_unit(floor),
        )
    }
}

/// Builds every function, and the bare one beside them, by the profile of benchmarks; the folder they are in.
///
/// # Errors
///
/// If Cargo fails.
pub fn build() -> Result<PathBuf, BoxError> {
    let functions = Template::embedded("local", &BTreeMap::new())?.functions;
    // With this package, whose features are then the same as when it was built itself.
    let packages = functions.keys().map(String::as_str).chain(["bare", "benches"]);
    let built = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--profile", "bench", "--bins"])
        .args(packages.flat_map(|name| ["--package", name]))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .status()?;
    if !built.success() {
        return Err(format!("cargo build: {built}").into());
    }
    // Cargo puts binaries beside the folder of the running one.
    let own = std::env::current_exe()?;
    let folder = own.ancestors().nth(2).ok_or("the benchmark is in no folder")?;
    Ok(folder.to_owned())
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
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| {
            line.strip_prefix("VmHWM:")?
                .split_whitespace()
                .next()?
                .parse::<f64>()
                .ok()
        })
        .unwrap_or_default()
        / 1024.0
}

/// The middle one of `figures`.
#[must_use]
pub fn median(figures: &[f64]) -> f64 {
    percentile(figures, 50)
}

/// The figure that `percent` of `figures` lie below.
#[must_use]
pub fn percentile(figures: &[f64], percent: usize) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    let place = (figures.len() * percent / 100).min(figures.len().saturating_sub(1));
    figures.get(place).copied().unwrap_or_default()
}
