//! One pass over a file: the rules of the service, without the service.

use std::ops::Range;
use std::sync::Arc;

use roster::{ImportId, Member, Roles, Severity, Timestamp};
use seen::{Memory, Seen};
use sheet::{
    CellRules, Check, Columns, Content, FileFault, FileLayout, Header, ImportOptions, OwnedCells, RowError,
    Rows,
};

use crate::failure::Failure;
use crate::source::Source;

/// How many bytes are read at once.
const PIECE: usize = 256 * 1024;

/// A file whose rows are being checked.
pub(crate) struct Pass {
    source: Source,
    rows: Rows,
    /// How the file is laid out.
    pub(crate) layout: FileLayout,
    check: Check,
    seen: Seen,
    piece: Vec<u8>,
    more: bool,
    /// How many rows were read.
    pub(crate) rows_read: u64,
    /// Whether sound rows are returned as well.
    pub(crate) every_row: bool,
}

/// What was found in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Rows of the file, without its header.
    pub(crate) rows: u64,
    /// Rows that have an error.
    pub(crate) failed: u64,
    /// Rows that have a warning, whether or not they have an error.
    pub(crate) warned: u64,
}

impl Counts {
    /// Counts the errors and warnings of a row.
    pub(crate) fn add(&mut self, found: &Found) {
        let warned = found
            .faults
            .iter()
            .any(|fault| fault.severity == Severity::Warning);
        self.warned += u64::from(warned);
        self.failed += u64::from(found.is_rejected());
    }

    /// Returns the rows that have no error.
    pub(crate) fn good(self) -> u64 {
        self.rows - self.failed
    }
}

/// A row and what is wrong or odd in it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The line on which it begins.
    pub(crate) line: u64,
    /// Its number, from 1.
    pub(crate) row: u64,
    /// Where it is in the file, with its line break.
    pub(crate) bytes: Range<u64>,
    /// Its cells, if they could be read.
    pub(crate) cells: Option<OwnedCells>,
    /// Its errors and warnings.
    pub(crate) faults: Vec<RowError>,
}

impl Found {
    /// Returns whether the row has an error, and not warnings only.
    pub(crate) fn is_rejected(&self) -> bool {
        self.faults.iter().any(|fault| fault.severity == Severity::Error)
    }
}

impl Pass {
    /// Reads the beginning of the file and what its columns mean.
    ///
    /// # Errors
    ///
    /// If the file is refused as a whole or cannot be read.
    pub(crate) fn begin(
        mut source: Source,
        options: &ImportOptions,
        assignable: Roles,
    ) -> Result<Self, Failure> {
        let mut head = vec![0; FileLayout::HEAD];
        let mut length = 0;
        while length < head.len() {
            match source.read(&mut head[length..])? {
                0 => break,
                more => length += more,
            }
        }
        let mut more = length == head.len();
        head.truncate(length);
        let layout = FileLayout::find(&head, options.wishes()).map_err(|fault| refused(&fault))?;
        let mut rows = layout.rows();
        let start = usize::try_from(layout.start.offset).unwrap_or(usize::MAX);
        rows.feed(head.get(start..).unwrap_or_default());
        drop(head);
        if !more {
            rows.finish();
        }
        let mut piece = vec![0; PIECE];
        let columns = loop {
            match columns(&mut rows, &layout, options, more) {
                Some(columns) => {
                    break columns.map_err(|fault| refused(&fault.in_dialect(layout.dialect)))?;
                }
                None => more = feed(&mut source, &mut rows, &mut piece)?,
            }
        };
        Ok(Self {
            source,
            rows,
            check: Check {
                surplus: columns.surplus(),
                columns: Arc::new(columns),
                dialect: layout.dialect,
                rules: CellRules {
                    assignable,
                    country: options.country,
                },
                default_roles: options.default_roles,
                // Nobody is made of what is checked here.
                import: ImportId::of_object("", "", ""),
                now: Timestamp::MAX,
            },
            layout,
            seen: Seen::within(Memory::SMALL),
            piece,
            more,
            rows_read: 0,
            every_row: false,
        })
    }

    /// Returns what the columns of the file mean.
    pub(crate) fn columns(&self) -> &Columns {
        &self.check.columns
    }

    /// Returns the file, without the rest of its rows.
    pub(crate) fn into_source(self) -> Source {
        self.source
    }

    /// Returns the file.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// Goes on to the next row that has an error or a warning; `None` at the end of the file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or has changed since its beginning was read.
    pub(crate) fn next(&mut self) -> Result<Option<Found>, Failure> {
        loop {
            while let Some(row) = self.rows.next_row() {
                let (line, number) = (row.line, row.row);
                let faults = match self.check.check(&row) {
                    Err(faults) => faults,
                    Ok(sound) => {
                        let mut faults = sound.warnings;
                        let first = self.seen.first_line(sound.user.id.slot(), line);
                        let first = first.map_err(|error| Failure::writing(&std::env::temp_dir(), &error))?;
                        if let Some(first) = first {
                            let column = self.check.columns.name(Member::Email);
                            let email = &sound.user.email;
                            let fault = RowError::repeated(line, number, column, email, first);
                            faults.push(fault.ending(row.lines()));
                        }
                        faults
                    }
                };
                self.rows_read += 1;
                if faults.is_empty() && !self.every_row {
                    continue;
                }
                let cells = match row.content {
                    Content::Cells(cells) => Some(OwnedCells::from(cells)),
                    Content::TooLarge | Content::UnclosedQuote { .. } => None,
                };
                return Ok(Some(Found {
                    line,
                    row: number,
                    bytes: self.rows.row_offset()..self.rows.position().offset,
                    cells,
                    faults,
                }));
            }
            if !self.more {
                self.source.expect_unchanged()?;
                return Ok(None);
            }
            self.more = feed(&mut self.source, &mut self.rows, &mut self.piece)?;
        }
    }
}

fn refused(fault: &FileFault) -> Failure {
    Failure::Refused(fault.to_string())
}

/// Feeds the next piece of the file; `false` once it has ended.
fn feed(source: &mut Source, rows: &mut Rows, piece: &mut [u8]) -> Result<bool, Failure> {
    let length = source.read(piece)?;
    if length == 0 {
        rows.finish();
    } else {
        rows.feed(&piece[..length]);
    }
    Ok(length > 0)
}

/// Reads what the columns mean; `None` if the header has not arrived whole.
fn columns(
    rows: &mut Rows,
    layout: &FileLayout,
    options: &ImportOptions,
    more: bool,
) -> Option<Result<Columns, FileFault>> {
    match layout.header {
        Header::Absent => return Some(Columns::by_position(options.members())),
        Header::Addresses => return Some(Columns::by_position(&[Some(Member::Email)])),
        Header::Present => {}
    }
    let header = rows.next_row();
    if header.is_none() && more {
        return None;
    }
    Some(Columns::read(
        header,
        options.unknown_columns,
        options.columns.as_ref(),
    ))
}
