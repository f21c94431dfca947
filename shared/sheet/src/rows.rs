//! The rows of a file, read as its bytes arrive.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use serde::{Deserialize, Serialize};

use super::Dialect;
use super::encoding::Decoder;

/// How long a row may be: 64 KiB of UTF-8, quotes and delimiters included, its line break not.
pub const MAX_ROW: usize = 64 * 1024;

/// A point between two rows of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// How many bytes of the file lie before it, in the file's own encoding.
    pub offset: u64,
    /// The line of the file that begins here; the first is 1.
    pub line: u64,
    /// How many rows lie before it. The header and blank lines are none.
    pub row: u64,
}

impl Position {
    /// Where a file begins, before any byte order mark.
    pub const START: Self = Self {
        offset: 0,
        line: 1,
        row: 0,
    };
}

/// One row of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The line of the file on which the row begins.
    pub line: u64,
    /// The number of the row, the first below the header being 1. The header itself is 0.
    pub row: u64,
    /// Its cells, or why there are none.
    pub content: Content<'a>,
}

/// What a row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// Its cells.
    Cells(Cells<'a>),
    /// The row is longer than [`MAX_ROW`]; its cells were skipped.
    TooLarge,
    /// A quote is still open where the file ends, so nobody knows where the row does.
    UnclosedQuote {
        /// The line on which the cell with that quote begins.
        line: u64,
    },
}

/// The cells of a row, unquoted. There is always at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cells<'a> {
    text: &'a [u8],
    ends: &'a [usize],
}

/// A cell has bytes that are not valid in the encoding of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not valid in the encoding of the file")]
pub struct NotUtf8;

impl<'a> Cells<'a> {
    /// How many cells the row has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// The cell at `index`, counted from 0, if the row has that many.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Result<&'a str, NotUtf8>> {
        self.bytes(index)
            .map(|cell| std::str::from_utf8(cell).map_err(|_| NotUtf8))
    }

    /// The cell at `index` as bytes, which are UTF-8 as far as the file is valid.
    #[must_use]
    pub fn bytes(&self, index: usize) -> Option<&'a [u8]> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.text[start..end])
    }

    /// All cells in order.
    pub fn iter(&self) -> impl Iterator<Item = Result<&'a str, NotUtf8>> + use<'a> {
        let cells = *self;
        (0..cells.count()).map_while(move |index| cells.get(index))
    }
}

/// Cells that outlive the row they were taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedCells {
    text: Box<[u8]>,
    ends: Box<[usize]>,
}

impl OwnedCells {
    /// The cells.
    #[must_use]
    pub fn cells(&self) -> Cells<'_> {
        Cells {
            text: &self.text,
            ends: &self.ends,
        }
    }

    /// How many bytes they take.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text.len() + size_of_val(&*self.ends)
    }
}

impl From<Cells<'_>> for OwnedCells {
    fn from(cells: Cells<'_>) -> Self {
        Self {
            text: cells.text.into(),
            ends: cells.ends.into(),
        }
    }
}

/// Reads rows out of chunks of bytes of any size.
///
/// Feed a chunk, take rows until there are none, feed the next; [`finish`](Rows::finish) after the last
/// and take what is left. Rows, lines and positions do not depend on where the chunks were cut.
///
/// Lines end with CRLF, LF or CR, also in one file, also within quotes. A line that is empty or has only
/// spaces (or tabs, where they do not separate cells) is no row. Text after a closing quote belongs to
/// the cell: `"a"b` is `ab`.
#[derive(Debug)]
pub struct Rows {
    csv: Reader,
    decoder: Decoder,
    delimiter: u8,
    /// How many bytes of the byte order mark are still to come.
    mark: usize,
    /// Where in the file the next chunk begins.
    fed: u64,
    finished: bool,
    /// Text to read rows from, and how much of it was read.
    text: Vec<u8>,
    at: usize,
    /// Where `text[at..]` begins in the file.
    here: Position,
    /// Where the row last taken ends.
    position: Position,
    header_is_next: bool,
    step: Step,
    /// The last byte read was a carriage return: a line feed that follows belongs to it.
    after_cr: bool,
    row: Current,
}

/// Where the reading stands.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Before a row.
    Between,
    /// Inside a row.
    Within,
    /// Behind a row, or behind a blank line, save for the second half of a CRLF.
    Behind(Option<Ending>),
}

/// What a row turned out to be.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Cells,
    TooLarge,
    UnclosedQuote,
}

impl Rows {
    /// Reads a file from `position` on: from [`Position::START`], or where an earlier reading with the
    /// same dialect got to.
    #[must_use]
    pub fn new(dialect: Dialect, position: Position) -> Self {
        let delimiter = dialect.delimiter.byte();
        let mut csv = ReaderBuilder::new().delimiter(delimiter).build();
        // The reader would skip a byte order mark before the first row it sees, also in mid-file; past
        // an empty line it does not.
        csv.read_record(b"\n", &mut [0], &mut [0]);
        let at_start = position.offset == 0;
        Self {
            csv,
            decoder: Decoder::new(dialect.encoding),
            delimiter,
            mark: if at_start && dialect.bom {
                dialect.encoding.bom().len()
            } else {
                0
            },
            fed: position.offset,
            finished: false,
            text: Vec::new(),
            at: 0,
            here: position,
            position,
            header_is_next: at_start,
            step: Step::Between,
            after_cr: false,
            row: Current::new(),
        }
    }

    /// Takes the next bytes of the file.
    ///
    /// They are kept until rows were taken from them, so take all there are before feeding more.
    pub fn feed(&mut self, chunk: &[u8]) {
        self.fed += chunk.len() as u64;
        let mark = self.mark.min(chunk.len());
        self.mark -= mark;
        self.here.offset += mark as u64;
        self.text.drain(..self.at);
        self.at = 0;
        self.decoder.decode(&chunk[mark..], &mut self.text);
    }

    /// Says that the file has ended.
    pub fn finish(&mut self) {
        self.decoder.finish(&mut self.text);
        self.finished = true;
    }

    /// The next row; none when more bytes are needed or, after [`finish`](Rows::finish), at the end.
    pub fn next_row(&mut self) -> Option<Row<'_>> {
        let content = match self.advance()? {
            Ending::Cells => Content::Cells(self.row.cells()),
            Ending::TooLarge => Content::TooLarge,
            Ending::UnclosedQuote => Content::UnclosedQuote {
                line: self.row.last_cell_line,
            },
        };
        Some(Row {
            line: self.row.line,
            row: self.position.row,
            content,
        })
    }

    /// Where the row last taken ends, line break included; after the last row the end of the file.
    ///
    /// A new `Rows` from here, fed with the file from [`Position::offset`] on, gives the rows that this
    /// one would have given next.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Reads up to the end of the next row.
    fn advance(&mut self) -> Option<Ending> {
        loop {
            match self.step {
                Step::Between => {
                    while let Some(b'\r' | b'\n') = self.text.get(self.at) {
                        self.pass(1);
                    }
                    if self.at == self.text.len() {
                        if self.finished {
                            self.position = self.here;
                        }
                        return None;
                    }
                    self.row.begin(self.here.line);
                    self.step = Step::Within;
                }
                Step::Within => self.step = self.read()?,
                Step::Behind(ending) => {
                    // The position must not lie between CR and LF: it would count them as two lines.
                    if self.after_cr {
                        match self.text.get(self.at) {
                            Some(b'\n') => self.pass(1),
                            None if !self.finished => return None,
                            _ => {}
                        }
                    }
                    self.step = Step::Between;
                    if let Some(ending) = ending {
                        self.here.row += u64::from(!self.header_is_next);
                        self.header_is_next = false;
                        self.position = self.here;
                        return Some(ending);
                    }
                }
            }
        }
    }

    /// Reads to the end of the row under way, if that has arrived; returns what follows.
    fn read(&mut self) -> Option<Step> {
        loop {
            let rest = &self.text[self.at..];
            if rest.is_empty() {
                return self.finished.then(|| Step::Behind(self.read_last()));
            }
            let part = &rest[..rest.len().min(self.row.room())];
            let (taken, ended) = self.row.take(&mut self.csv, part);
            self.pass(taken);
            if ended {
                return Some(Step::Behind(self.row.ending(self.row.taken - 1, self.delimiter)));
            }
            if self.row.taken > MAX_ROW {
                self.row.find_last_cell(self.here.line);
                self.row.too_large = true;
            }
        }
    }

    /// Ends the row that the end of the file cuts off.
    fn read_last(&mut self) -> Option<Ending> {
        self.here.offset = self.fed;
        if !self.row.too_large {
            self.row.find_last_cell(self.here.line);
        }
        let length = self.row.taken;
        // A line feed ends the row, except within quotes.
        let (_, ended) = self.row.take(&mut self.csv, b"\n");
        if ended {
            self.row.ending(length, self.delimiter)
        } else {
            Some(Ending::UnclosedQuote)
        }
    }

    /// Goes past the next `count` bytes of text.
    fn pass(&mut self, count: usize) {
        let passed = &self.text[self.at..self.at + count];
        self.here.offset += self.decoder.encoding().source_len(passed);
        self.here.line += line_breaks(passed, &mut self.after_cr);
        self.at += count;
    }
}

/// The row being read.
#[derive(Debug)]
struct Current {
    /// The line on which it begins.
    line: u64,
    /// How many bytes of text were taken for it, its line break included.
    taken: usize,
    /// It is too large, and only the part last taken is kept.
    too_large: bool,
    /// Its cells one after another, as far as `written`.
    cells: Vec<u8>,
    written: usize,
    /// Where each cell ends, as far as `ended`.
    ends: Vec<usize>,
    ended: usize,
    /// How many bytes of cells were dropped because the row is too large.
    dropped: usize,
    /// The line on which the cell begins that was not read to its end.
    last_cell_line: u64,
}

impl Current {
    fn new() -> Self {
        Self {
            line: 0,
            taken: 0,
            too_large: false,
            // There is always room for one byte more, since the reader asks for it.
            cells: vec![0; MAX_ROW + 2],
            written: 0,
            ends: vec![0; 32],
            ended: 0,
            dropped: 0,
            last_cell_line: 0,
        }
    }

    fn begin(&mut self, line: u64) {
        self.line = line;
        self.taken = 0;
        self.too_large = false;
        self.written = 0;
        self.ended = 0;
        self.dropped = 0;
        self.last_cell_line = line;
    }

    /// How much text may be taken at once.
    fn room(&self) -> usize {
        if self.too_large {
            MAX_ROW
        } else {
            // The last one may be the line break.
            MAX_ROW + 1 - self.taken
        }
    }

    /// Takes text, at most to the end of the row; returns how much it took and whether the row ended.
    fn take(&mut self, csv: &mut Reader, text: &[u8]) -> (usize, bool) {
        if self.too_large {
            self.dropped += self.written;
            self.written = 0;
            self.ended = 0;
        }
        let mut taken = 0;
        let ended = loop {
            if self.ended == self.ends.len() {
                self.ends.resize(2 * self.ended, 0);
            }
            let (result, read, written, ended) = csv.read_record(
                &text[taken..],
                &mut self.cells[self.written..],
                &mut self.ends[self.ended..],
            );
            taken += read;
            self.written += written;
            self.ended += ended;
            match result {
                ReadRecordResult::Record => break true,
                ReadRecordResult::OutputEndsFull => {}
                // All was read; the others cannot be, for `text` is never empty and `cells` never full.
                ReadRecordResult::InputEmpty | ReadRecordResult::OutputFull | ReadRecordResult::End => {
                    break false;
                }
            }
        };
        self.taken += taken;
        (taken, ended)
    }

    /// Notes on which line the last cell begins, in case its quote is never closed; `here` is the line
    /// that was reached without an end of the row.
    fn find_last_cell(&mut self, here: u64) {
        let begins_here = self.ended > 0 || !self.too_large;
        if begins_here {
            let start = self
                .ended
                .checked_sub(1)
                .map_or(0, |last| self.ends[last] - self.dropped);
            let cell = &self.cells[start..self.written];
            self.last_cell_line = here - line_breaks(cell, &mut false);
        }
    }

    /// What the row is, now that it has ended and is `length` bytes long; none for a blank line.
    fn ending(&self, length: usize, delimiter: u8) -> Option<Ending> {
        let is_blank = || {
            // Unquoted, hence as long as its text.
            self.written == length
                && self.cells[..length]
                    .iter()
                    .all(|&byte| byte == b' ' || (byte == b'\t' && byte != delimiter))
        };
        if self.too_large {
            Some(Ending::TooLarge)
        } else if self.ended == 1 && is_blank() {
            None
        } else {
            Some(Ending::Cells)
        }
    }

    fn cells(&self) -> Cells<'_> {
        Cells {
            text: &self.cells[..self.written],
            ends: &self.ends[..self.ended],
        }
    }
}

/// How many lines end in `text`. A line feed right after a carriage return counts with it, also when
/// the carriage return came before `text`.
fn line_breaks(text: &[u8], after_cr: &mut bool) -> u64 {
    let Some(&last) = text.last() else { return 0 };
    let mut lines = 0;
    let mut after_last_cr = after_cr.then_some(0);
    for at in memchr::memchr2_iter(b'\r', b'\n', text) {
        if text[at] == b'\r' {
            after_last_cr = Some(at + 1);
            lines += 1;
        } else {
            lines += u64::from(after_last_cr != Some(at));
        }
    }
    *after_cr = last == b'\r';
    lines
}

#[cfg(test)]
mod tests;
