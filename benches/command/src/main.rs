//! `cargo run --profile bench -p command`: what it costs to check a million clean rows by `access check`, beside a bare
//! loop around the same rules, in user time of one run; and how soon the first error of a file of 1 GiB is seen.
//! `-- 1000` takes another number of rows.
//!
//! Only the ratio counts: times of a shared machine mean little by themselves.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use roster::{ImportId, Role, Roles, Timestamp};
use sheet::{CellRules, Check, Columns, FileLayout, UnknownColumns, Wishes};

/// Bytes that are read at once: as many as the command reads.
const PIECE: usize = 256 * 1024;
/// How often each is run, by turns.
const RUNS: usize = 5;

const HEADER: &str = "email,firstName,lastName,mobileNumber,roles\n";

fn main() -> Result<(), Box<dyn Error>> {
    let rows = std::env::args().nth(1).and_then(|rows| rows.parse().ok());
    let rows: u32 = rows.unwrap_or(1_000_000);
    let access = build()?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("people.csv");
    write_rows(&file, "", |row| row < rows)?;
    let (mut bare, mut command, mut memory) = (Vec::new(), Vec::new(), 0.0_f64);
    for _ in 0..RUNS {
        let before = user_seconds(OWN);
        let sound = checked(&file)?;
        bare.push(user_seconds(OWN) - before);
        assert_eq!(sound, rows);
        let before = user_seconds(CHILDREN);
        memory = memory.max(check(&access, &file)?);
        command.push(user_seconds(CHILDREN) - before);
    }
    let (bare, command) = (median(bare), median(command));
    println!(
        "{rows} rows: {:.0} rows/s by the command, {:.0} rows/s by the bare loop, ratio {:.2}",
        f64::from(rows) / command,
        f64::from(rows) / bare,
        bare / command
    );
    println!("peak memory of the command: {memory:.1} MiB");

    let large = folder.path().join("large.csv");
    write_rows(&large, "tim@,Tim,,,\n", |row| {
        u64::from(row) * 80 < (1 << 30) - 100
    })?;
    let size = fs::metadata(&large)?.len();
    println!(
        "first error of {} MiB: {:.0} ms",
        size >> 20,
        first_error(&access, &large)?.as_secs_f64() * 1000.0
    );
    Ok(())
}

/// Builds the command with the profile of this program.
fn build() -> Result<PathBuf, Box<dyn Error>> {
    let built = Command::new("cargo")
        .args(["build", "--profile", "bench", "-p", "cli"])
        .status()?;
    if !built.success() {
        return Err("the command cannot be built".into());
    }
    let own = std::env::current_exe()?;
    Ok(own.with_file_name("access"))
}

/// Writes a file of sound rows, as operators send them, as long as `more` says so.
fn write_rows(path: &Path, first: &str, more: impl Fn(u32) -> bool) -> Result<(), Box<dyn Error>> {
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(HEADER.as_bytes())?;
    file.write_all(first.as_bytes())?;
    for row in (0..).take_while(|row| more(*row)) {
        writeln!(
            file,
            "person{row:08}@example.org,First{row:08},Last{row:08},+442079460018,ROLE_COLLABORATOR"
        )?;
    }
    Ok(file.flush()?)
}

/// Goes through a file by the rules alone.
fn checked(path: &Path) -> Result<u32, Box<dyn Error>> {
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    Read::by_ref(&mut file)
        .take(FileLayout::HEAD as u64)
        .read_to_end(&mut head)?;
    let layout = FileLayout::find(&head, Wishes::default())?;
    let mut rows = layout.rows();
    rows.feed(&head);
    let columns = Columns::read(rows.next_row(), UnknownColumns::Refuse, None)?;
    let check = Check {
        surplus: columns.surplus(),
        columns: Arc::new(columns),
        dialect: layout.dialect,
        rules: CellRules {
            assignable: Roles::ALL,
            country: None,
        },
        default_roles: Role::Collaborator.into(),
        import: ImportId::of_object("", "", ""),
        now: Timestamp::MAX,
    };
    let mut piece = vec![0; PIECE];
    let mut sound = 0;
    loop {
        while let Some(row) = rows.next_row() {
            sound += u32::from(check.check(&row).is_ok());
        }
        match file.read(&mut piece)? {
            0 => break,
            length => rows.feed(&piece[..length]),
        }
    }
    rows.finish();
    while let Some(row) = rows.next_row() {
        sound += u32::from(check.check(&row).is_ok());
    }
    Ok(sound)
}

/// Checks a file by the command, and returns the most memory that it had in use, in MiB.
fn check(access: &Path, file: &Path) -> Result<f64, Box<dyn Error>> {
    let mut child = Command::new(access)
        .arg("check")
        .arg(file)
        .stdout(Stdio::null())
        .spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0.0_f64;
    while child.try_wait()?.is_none() {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let peak = status.lines().find_map(|line| {
            line.strip_prefix("VmHWM:")?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        });
        most = most.max(peak.unwrap_or(0.0) / 1024.0);
        thread::sleep(Duration::from_millis(5));
    }
    Ok(most)
}

/// How long it takes until the first line of the report is there.
fn first_error(access: &Path, file: &Path) -> Result<Duration, Box<dyn Error>> {
    let started = Instant::now();
    let mut child = Command::new(access)
        .arg("check")
        .arg(file)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    let stdout = child.stdout.take().ok_or("there is no standard output")?;
    BufReader::new(stdout).read_line(&mut line)?;
    let elapsed = started.elapsed();
    child.kill()?;
    child.wait()?;
    assert!(line.contains("tim@") || line.contains("error"), "{line}");
    Ok(elapsed)
}

/// Which field of `proc_pid_stat(5)`, counted behind the name, has the user time: of the process itself, and of the
/// processes that it has waited for.
const OWN: usize = 11;
const CHILDREN: usize = 13;

/// User time in seconds (Linux; 0 elsewhere).
fn user_seconds(field: usize) -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields
        .split_whitespace()
        .nth(field)
        .and_then(|ticks| ticks.parse::<f64>().ok());
    ticks.unwrap_or_default() / 100.0
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
