//! The bytes of a file of people, wherever they come from.

use std::fs::{File, Metadata};
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sheet::Format;

use crate::failure::Failure;
use crate::workbook;

/// The largest file that the service takes.
pub(crate) const MAX_FILE: u64 = 1 << 30;

/// A file of people that is read once from its beginning, and whose rows can be read again.
#[derive(Debug)]
pub(crate) struct Source {
    /// What messages call it.
    name: String,
    /// Where it is, unless it is standard input.
    path: Option<PathBuf>,
    /// Where it is read from.
    input: Input,
    /// Where its bytes are found again: the file itself, or what was read from a pipe or made of a workbook.
    kept: File,
    /// How many bytes were read.
    read: u64,
    is_workbook: bool,
    /// Its state when it was opened, if it is a file that may change.
    before: Option<(u64, Option<SystemTime>)>,
}

/// Where a file is read from.
#[derive(Debug)]
enum Input {
    /// From what is kept.
    Kept,
    /// From a pipe; what is read has to be kept.
    Pipe(Pipe),
}

/// What can be read only once.
#[derive(Debug)]
enum Pipe {
    Stdin,
    Named(File),
}

impl Pipe {
    /// Reads what there is, and waits for it if there is nothing yet.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match self {
                Self::Stdin => io::stdin().read(buffer),
                Self::Named(file) => file.read(buffer),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

impl Source {
    /// Opens the file at `path`, or standard input if that is `-`. A workbook is read as the CSV of its `sheet`.
    ///
    /// # Errors
    ///
    /// If there is no such file, if it cannot be read, and if standard input is a terminal.
    pub(crate) fn open(path: &Path, sheet: Option<&str>) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Self::stdin();
        }
        let of_path = |error| Failure::reading(path, &error);
        let file = File::open(path).map_err(of_path)?;
        let metadata = file.metadata().map_err(of_path)?;
        if metadata.is_dir() {
            return Err(of_path(io::ErrorKind::IsADirectory.into()));
        }
        let name = path.display().to_string();
        if !metadata.is_file() {
            return Self::pipe(name, Some(path.to_owned()), Pipe::Named(file));
        }
        let before = Some(state(&metadata));
        let mut head = vec![0; 64 * 1024];
        let length = read_at(&file, &mut head, 0).map_err(of_path)?;
        let is_workbook = Format::of_bytes(&head[..length]) == Some(Format::Xlsx);
        if !is_workbook && let Some(sheet) = sheet {
            let detail =
                format!("{name} is no workbook (.xlsx), so it has no sheet {sheet:?}; leave out --sheet");
            return Err(Failure::Usage(detail));
        }
        let kept = if is_workbook {
            workbook::to_csv(path, file, sheet)?
        } else {
            file
        };
        Ok(Self {
            name,
            path: Some(path.to_owned()),
            input: Input::Kept,
            kept,
            read: 0,
            is_workbook,
            before,
        })
    }

    fn stdin() -> Result<Self, Failure> {
        if io::stdin().is_terminal() {
            return Err(Failure::Usage(
                "standard input is a terminal; name a file, or send one through a pipe: `access check - < people.csv`"
                    .to_owned(),
            ));
        }
        Self::pipe("<stdin>".to_owned(), None, Pipe::Stdin)
    }

    fn pipe(name: String, path: Option<PathBuf>, input: Pipe) -> Result<Self, Failure> {
        let kept = tempfile::tempfile().map_err(|error| Failure::writing(&std::env::temp_dir(), &error))?;
        Ok(Self {
            name,
            path,
            input: Input::Pipe(input),
            kept,
            read: 0,
            is_workbook: false,
            before: None,
        })
    }

    /// Returns what messages call the file.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns how many bytes were read: all there are, once the end was read.
    pub(crate) fn size(&self) -> u64 {
        self.read
    }

    /// Returns whether the bytes are those of a sheet of a workbook, and not the file's own.
    pub(crate) fn is_workbook(&self) -> bool {
        self.is_workbook
    }

    /// Returns where the file is, unless it came through standard input.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Reads the next bytes into `buffer`; 0 at the end.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is larger than the service takes.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        let failed = |error| Failure::reading(Path::new(&self.name), &error);
        let length = match &mut self.input {
            Input::Kept => read_at(&self.kept, buffer, self.read).map_err(failed)?,
            Input::Pipe(input) => {
                let length = input.read(buffer).map_err(failed)?;
                let kept = (&self.kept).write_all(&buffer[..length]);
                kept.map_err(|error| Failure::writing(&std::env::temp_dir(), &error))?;
                length
            }
        };
        self.read += length as u64;
        if self.read > MAX_FILE {
            return Err(Failure::Refused(format!(
                "the file is larger than {} GiB; split it and send the parts one by one",
                MAX_FILE >> 30
            )));
        }
        Ok(length)
    }

    /// Returns the bytes between two places that were read already.
    ///
    /// # Errors
    ///
    /// If they cannot be read again.
    pub(crate) fn bytes(&self, from: u64, to: u64) -> Result<Vec<u8>, Failure> {
        let mut bytes = vec![0; usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX)];
        let read = read_at(&self.kept, &mut bytes, from);
        let length = read.map_err(|error| Failure::reading(Path::new(&self.name), &error))?;
        bytes.truncate(length);
        Ok(bytes)
    }

    /// Makes sure that the file is as it was when it was opened.
    ///
    /// # Errors
    ///
    /// If it has changed.
    pub(crate) fn expect_unchanged(&self) -> Result<(), Failure> {
        let (Some(path), Some(before)) = (&self.path, self.before) else {
            return Ok(());
        };
        let now = path.metadata().map_err(|error| Failure::reading(path, &error))?;
        if state(&now) == before {
            return Ok(());
        }
        Err(Failure::Refused(format!(
            "{} changed while it was read; wait until whatever writes it has finished, and try again",
            self.name
        )))
    }
}

fn state(metadata: &Metadata) -> (u64, Option<SystemTime>) {
    (metadata.len(), metadata.modified().ok())
}

/// Reads as many bytes as there are, up to the length of `buffer`.
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read_at(&mut buffer[length..], at + length as u64) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
