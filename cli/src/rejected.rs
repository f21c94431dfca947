//! The rows that failed, beside the file they came from.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sheet::{Columns, Dialect, OwnedCells, Rejected, RejectedFault};

use crate::failure::Failure;
use crate::pass::Found;

/// Bytes of rows that are held in memory until they are written.
const PIECE: usize = 256 * 1024;

/// Gathers rows that failed, and writes them as a file to be corrected and sent again.
///
/// Only at the end is it known how many columns the cells need that have none, so rows are written to a file without a
/// name first, in pieces that each have as many as their rows need.
#[derive(Debug)]
pub(crate) struct RejectedRows {
    columns: Columns,
    dialect: Dialect,
    kept: BufWriter<File>,
    /// Bytes of each piece, and how many columns for cells without one it has.
    pieces: Vec<(usize, usize)>,
    held: Vec<Found>,
    held_bytes: usize,
}

impl RejectedRows {
    /// Gathers rows of a file with these columns.
    ///
    /// # Errors
    ///
    /// If there is no room for them.
    pub(crate) fn of(columns: &Columns, dialect: Dialect) -> Result<Self, Failure> {
        let kept = tempfile::tempfile().map_err(|error| of_temporary(&error))?;
        Ok(Self {
            columns: columns.clone(),
            dialect,
            kept: BufWriter::with_capacity(64 * 1024, kept),
            pieces: Vec::new(),
            held: Vec::new(),
            held_bytes: 0,
        })
    }

    /// Adds a row.
    ///
    /// # Errors
    ///
    /// If there is no room for it.
    pub(crate) fn add(&mut self, found: Found) -> Result<(), Failure> {
        self.held_bytes += found.cells.as_ref().map_or(0, OwnedCells::size);
        self.held_bytes += found
            .faults
            .iter()
            .map(|fault| fault.message.len() + 250)
            .sum::<usize>();
        self.held.push(found);
        if self.held_bytes >= PIECE {
            self.write_piece().map_err(|error| of_temporary(&error))?;
        }
        Ok(())
    }

    fn write_piece(&mut self) -> io::Result<()> {
        let cells = self.held.iter().filter_map(|found| found.cells.as_ref());
        let extra = cells.map(|cells| Rejected::extra_of(&self.columns, cells.cells()));
        let extra = extra.max().unwrap_or_default();
        let rejected = Rejected::new(&self.columns, self.dialect, extra);
        let mut out = Vec::with_capacity(self.held_bytes);
        for found in self.held.drain(..) {
            let faults: Vec<_> = found
                .faults
                .iter()
                .map(|fault| RejectedFault {
                    column: fault.column.as_deref().unwrap_or_default(),
                    code: fault.code.name(),
                    message: &fault.message,
                    suggestion: fault.suggestion.as_deref().unwrap_or_default(),
                })
                .collect();
            let cells = found.cells.as_ref().map(OwnedCells::cells);
            rejected.row(found.line, cells, &faults, &mut out);
        }
        self.held_bytes = 0;
        self.pieces.push((out.len(), extra));
        self.kept.write_all(&out)
    }

    /// Writes all rows to `out`, with a header.
    fn write_to(mut self, out: &mut dyn Write) -> io::Result<()> {
        self.write_piece()?;
        let extra = self
            .pieces
            .iter()
            .map(|(_, extra)| *extra)
            .max()
            .unwrap_or_default();
        let rejected = Rejected::new(&self.columns, self.dialect, extra);
        let mut header = Vec::new();
        rejected.header(&mut header);
        out.write_all(&header)?;
        let mut kept = self.kept.into_inner().map_err(io::IntoInnerError::into_error)?;
        kept.seek(SeekFrom::Start(0))?;
        for (length, extra) in self.pieces {
            let mut rows = vec![0; length];
            kept.read_exact(&mut rows)?;
            out.write_all(&rejected.widened(rows, Some(extra)))?;
        }
        Ok(())
    }

    /// Writes the rows to a file beside `source` that no other file is lost for, and returns its path.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(crate) fn write_beside(self, source: &Path) -> Result<PathBuf, Failure> {
        beside(source, "rejected", |out| self.write_to(out))
    }

    /// Writes the rows to `path`, which may exist.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(crate) fn write_as(self, path: &Path) -> Result<(), Failure> {
        write_as(path, |out| self.write_to(out))
    }
}

fn of_temporary(error: &io::Error) -> Failure {
    Failure::writing(&std::env::temp_dir(), error)
}

/// Writes to a file beside `source`, such as `people.rejected.csv`. If there is one with other contents, the name gets a
/// number, because somebody may have worked on it.
///
/// # Errors
///
/// If it cannot be written.
pub(crate) fn beside(
    source: &Path,
    kind: &str,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<PathBuf, Failure> {
    let folder = match source.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let first = named(source, kind, 1);
    let of_first = |error: &io::Error| Failure::writing(&first, error);
    let mut new = tempfile::Builder::new();
    // With the rights of any other file.
    #[cfg(unix)]
    new.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut new = new.tempfile_in(folder).map_err(|error| of_first(&error))?;
    let mut out = BufWriter::with_capacity(64 * 1024, new.as_file_mut());
    let written = write(&mut out).and_then(|()| out.flush());
    drop(out);
    written.map_err(|error| of_first(&error))?;
    for number in 1.. {
        let path = named(source, kind, number);
        if is_same(new.path(), &path) {
            return Ok(path);
        }
        match new.persist_noclobber(&path) {
            Ok(_) => return Ok(path),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => new = error.file,
            Err(error) => return Err(Failure::writing(&path, &error.error)),
        }
    }
    Ok(first)
}

/// Writes to `path`, which may be a file that is replaced, or a device.
///
/// # Errors
///
/// If it cannot be written.
pub(crate) fn write_as(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path);
    let mut out = BufWriter::new(file.map_err(|error| Failure::writing(path, &error))?);
    let written = write(&mut out).and_then(|()| out.flush());
    written.map_err(|error| Failure::writing(path, &error))
}

/// The name of the file number `number` of a kind beside `source`.
fn named(source: &Path, kind: &str, number: u32) -> PathBuf {
    let stem = source.file_stem().unwrap_or_default().to_string_lossy();
    // Rejected rows of rejected rows are those of the same file.
    let stem = match stem.split_once(&format!(".{kind}")) {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => &stem,
    };
    let number = if number == 1 {
        String::new()
    } else {
        format!("-{number}")
    };
    source.with_file_name(format!("{stem}.{kind}{number}.csv"))
}

fn is_same(one: &Path, other: &Path) -> bool {
    let length = |path: &Path| path.metadata().map(|metadata| metadata.len()).ok();
    // A large file is read only if it may be the same.
    length(one).is_some_and(|bytes| length(other) == Some(bytes))
        && fs::read(one).ok() == fs::read(other).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_somebody_may_have_worked_on_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("people.csv");
        let written = |from: &Path, text: &str| {
            let path = beside(from, "rejected", |out| out.write_all(text.as_bytes())).unwrap();
            path.file_name().unwrap().to_string_lossy().into_owned()
        };

        assert_eq!(written(&source, "one"), "people.rejected.csv");
        assert_eq!(written(&source, "one"), "people.rejected.csv");
        assert_eq!(written(&source, "two"), "people.rejected-2.csv");
        assert_eq!(
            written(&folder.path().join("people.rejected-2.csv"), "three"),
            "people.rejected-3.csv"
        );
        assert_eq!(
            fs::read_to_string(folder.path().join("people.rejected.csv")).unwrap(),
            "one"
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
