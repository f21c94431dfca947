//! Events that wait for their delivery, one small file each, so that they outlive the process.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::clock;

/// An event that waits for its delivery.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    /// The function to call.
    pub(super) function: String,
    /// Lambda's id of the call. A repeat after a failure or a restart has the same one.
    pub(super) request_id: String,
    /// The event.
    pub(super) payload: Value,
    /// Why the event was given up; only in `dead-letters`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

/// The folder that holds them.
///
/// Every change is one rename or one removal, so a process that dies leaves an entry whole or not at
/// all. Nothing is synced: what is promised is that a killed process loses nothing, not that a power
/// cut does.
#[derive(Debug)]
pub(super) struct Journal {
    waiting: PathBuf,
    dead: PathBuf,
    last: AtomicU64,
}

impl Journal {
    /// Opens the journal in `data/events` and its `data/dead-letters`.
    pub(super) fn open(data: &Path) -> io::Result<Self> {
        let journal = Self {
            waiting: data.join("events"),
            dead: data.join("dead-letters"),
            last: AtomicU64::new(0),
        };
        fs::create_dir_all(&journal.waiting)?;
        fs::create_dir_all(&journal.dead)?;
        Ok(journal)
    }

    /// A number greater than any before, also than those of earlier processes.
    pub(super) fn next(&self) -> u64 {
        // In nanoseconds, so that the numbers of one moment do not run ahead of the next.
        let now = clock::now().millis() * 1_000_000;
        let next = |last: u64| now.max(last + 1);
        let last = self.last.update(Ordering::Relaxed, Ordering::Relaxed, next);
        next(last)
    }

    /// Keeps `entry` under a name of its own.
    pub(super) fn add(&self, entry: &Entry) -> io::Result<String> {
        let name = format!("{:018x}.json", self.next());
        write(&self.waiting.join(&name), entry)?;
        Ok(name)
    }

    /// What was delivered need not be kept.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.waiting.join(name))
    }

    /// Moves an entry to the dead letters, with the reason.
    pub(super) fn bury(&self, name: &str, mut entry: Entry, error: String) -> io::Result<()> {
        entry.error = Some(error);
        write(&self.dead.join(name), &entry)?;
        self.remove(name)
    }

    /// What waits, oldest first.
    pub(super) fn waiting(&self) -> io::Result<Vec<(String, Entry)>> {
        let mut entries = Vec::new();
        for file in fs::read_dir(&self.waiting)? {
            let file = file?;
            let name = file.file_name().to_string_lossy().into_owned();
            // A write that was cut short was never told to anyone.
            if Path::new(&name)
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                let entry = fs::read(file.path()).and_then(|text| Ok(serde_json::from_slice(&text)?));
                let entry = entry.map_err(|error| {
                    let path = file.path();
                    io::Error::other(format!(
                        "the event in {} cannot be read ({error}); repair the file, or delete it to give the event up",
                        path.display()
                    ))
                })?;
                entries.push((name, entry));
            }
        }
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(entries)
    }
}

/// Writes `value` so that the file is there whole or not at all.
pub(super) fn write(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let part = path.with_extension("part");
    fs::write(&part, serde_json::to_vec(value)?)?;
    fs::rename(&part, path)
}
