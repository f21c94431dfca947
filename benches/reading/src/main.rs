//! `cargo run --profile bench -p reading`: what it costs to read and check a million clean rows, beside the `csv` crate
//! reading the same bytes, and what a preview costs, in user time of one process. `-- 1000` takes another number of rows.
//!
//! Two versions are compared by running them by turns: times of a shared machine mean little by themselves.

use std::fmt::Write;
use std::fs;
use std::hint::black_box;
use std::sync::Arc;

use roster::{ImportId, Role, Roles, Timestamp};
use sheet::{CellRules, Check, Columns, FileLayout, ImportOptions, Preview, Rows, UnknownColumns, Wishes};

/// Bytes that are fed at once: what the service reads of an object at a time.
const PIECE: usize = 8 * 1024 * 1024;
/// How many previews are timed: user time is known to a hundredth of a second.
const PREVIEWS: u32 = 200;

fn main() {
    let rows = std::env::args().nth(1).and_then(|rows| rows.parse().ok());
    let file = file(rows.unwrap_or(1_000_000));
    let before = peak_memory();
    let (sound, checking) = timed(|| checked(&file));
    let memory = peak_memory() - before;
    let (read, reading) = timed(|| read(&file));
    let (records, alone) = timed(|| csv_alone(&file));
    assert_eq!((sound, read), (records, records));
    println!("{records} rows of {} MB", file.len() / 1_000_000);
    println!("read and checked: {checking:.2} s");
    println!(
        "read: {reading:.2} s, {:.2} of the csv crate alone ({alone:.2} s)",
        reading / alone
    );
    println!("memory beside the file: {memory:.1} MiB");
    let head = &file[..Preview::MAX.min(file.len())];
    let (shown, previewing) = timed(|| (0..PREVIEWS).map(|_| preview(head)).sum::<usize>());
    let (_, checking) = timed(|| (0..PREVIEWS).map(|_| checked(black_box(head))).sum::<usize>());
    assert!(shown > 0);
    println!(
        "preview of {} KiB: {:.2} of reading and checking them ({:.1} ms)",
        head.len() / 1024,
        previewing / checking,
        previewing * 1000.0 / f64::from(PREVIEWS)
    );
}

fn preview(head: &[u8]) -> usize {
    let preview = Preview::of(black_box(head), &ImportOptions::default(), Roles::ALL);
    preview.rows.len()
}

/// A file of sound rows, as operators send them.
fn file(rows: u32) -> Vec<u8> {
    let mut file = String::from("email,firstName,lastName,mobileNumber,roles\n");
    for row in 0..rows {
        // Writing to a string cannot fail.
        let _ = writeln!(
            file,
            "person{row:08}@example.org,First{row},Last{row},+442079460018,ROLE_COLLABORATOR"
        );
    }
    file.into_bytes()
}

/// Goes through the rows of a file below its header.
fn each(rows: &mut Rows, file: &[u8], mut take: impl FnMut(&sheet::Row<'_>)) {
    let mut pieces = file.chunks(PIECE);
    loop {
        while let Some(row) = rows.next_row() {
            take(&row);
        }
        match pieces.next() {
            Some(piece) => rows.feed(piece),
            None => break,
        }
    }
    rows.finish();
    while let Some(row) = rows.next_row() {
        take(&row);
    }
}

fn read(file: &[u8]) -> usize {
    let layout = FileLayout::find(&file[..FileLayout::HEAD.min(file.len())], Wishes::default());
    let mut count = 0;
    each(&mut layout.expect("the file has a header").rows(), file, |_| {
        count += 1;
    });
    count - 1
}

fn checked(file: &[u8]) -> usize {
    let layout = FileLayout::find(&file[..FileLayout::HEAD.min(file.len())], Wishes::default());
    let layout = layout.expect("the file has a header");
    let mut check: Option<Check> = None;
    let mut sound = 0;
    each(&mut layout.rows(), file, |row| {
        if let Some(check) = &check {
            sound += usize::from(check.check(row).is_ok());
            return;
        }
        let columns = Columns::read(Some(*row), UnknownColumns::Refuse, None).expect("the columns are known");
        check = Some(Check {
            surplus: columns.surplus(),
            columns: Arc::new(columns),
            dialect: layout.dialect,
            rules: CellRules {
                assignable: Roles::ALL,
                country: None,
            },
            default_roles: Role::Collaborator.into(),
            import: ImportId::of_object("bucket", "key", ""),
            now: Timestamp::MAX,
        });
    });
    sound
}

fn csv_alone(file: &[u8]) -> usize {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    let mut record = csv::ByteRecord::new();
    let mut count = 0;
    while reader
        .read_byte_record(&mut record)
        .expect("the file is in memory")
    {
        count += 1;
    }
    count
}

/// What `work` gives, and the user time that it takes in seconds (Linux; 0 elsewhere).
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let before = user_seconds();
    let result = work();
    (result, user_seconds() - before)
}

fn user_seconds() -> f64 {
    // Field 14 of proc_pid_stat(5), in hundredths of a second. The name in field 2 may have spaces.
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields
        .split_whitespace()
        .nth(11)
        .and_then(|ticks| ticks.parse::<f64>().ok());
    ticks.unwrap_or_default() / 100.0
}

/// The most memory that the process ever had in use, in MiB (Linux; 0 elsewhere).
fn peak_memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| {
        line.strip_prefix("VmHWM:")?
            .split_whitespace()
            .next()?
            .parse::<f64>()
            .ok()
    });
    kib.unwrap_or_default() / 1024.0
}
