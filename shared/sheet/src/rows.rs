//! The rows of a file, read as its bytes arrive.

mod lexer;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::blank::is_blank;
use super::encoding::{Decoder, Encoding};
use super::{Delimiter, Dialect};
use lexer::{Ending, Lexer};

/// How long a row may be: 64 KiB of UTF-8, quotes and delimiters included, its line break not.
pub const MAX_ROW: usize = 64 * 1024;

/// What DOS ends a text with: ignored at the end of a file.
const END_OF_TEXT: u8 = 0x1A;

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
    /// The line of the file on which the row ends.
    pub last_line: u64,
    /// The first quoted cell of the row that runs over lines.
    pub quoted_lines: Option<QuotedLines>,
    /// Its cells, or why there are none.
    pub content: Content<'a>,
}

impl<'a> Row<'a> {
    /// A row on a line of its own that no file has.
    #[must_use]
    pub fn alone(line: u64, cells: Cells<'a>) -> Self {
        Self {
            line,
            row: line,
            last_line: line,
            quoted_lines: None,
            content: Content::Cells(cells),
        }
    }

    /// The lines on which the row is.
    #[must_use]
    pub fn lines(&self) -> RowLines {
        RowLines {
            last: (self.last_line > self.line).then_some(self.last_line),
            quoted: self.quoted_lines,
        }
    }
}

/// Where a row ends that begins on an earlier line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowLines {
    /// The line on which it ends, if that is a later one.
    pub last: Option<u64>,
    /// The first quoted cell that runs over lines.
    pub quoted: Option<QuotedLines>,
}

/// A quoted cell that runs over lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotedLines {
    /// The line on which its quote opens.
    pub opens: u64,
    /// The line on which its quote closes.
    pub closes: u64,
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
    malformed: &'a [usize],
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

    /// Whether the row has no cell at `index`, or one that is empty or has only white space.
    #[must_use]
    pub fn is_blank(&self, index: usize) -> bool {
        match self.get(index) {
            Some(Ok(cell)) => cell.chars().all(is_blank),
            Some(Err(NotUtf8)) => false,
            None => true,
        }
    }

    /// The indices of the cells in which text follows the closing quote. They are as the file has them, quotes
    /// included.
    #[must_use]
    pub fn malformed(&self) -> &'a [usize] {
        self.malformed
    }

    /// Returns whether every cell is valid in the encoding of the file. All of them are looked at in one go, because nearly
    /// every row is sound.
    #[must_use]
    pub(super) fn are_valid(&self) -> bool {
        let text = std::str::from_utf8(self.text);
        text.is_ok_and(|text| self.ends.iter().all(|end| text.is_char_boundary(*end)))
    }

    /// The text of all cells, one after another.
    #[must_use]
    pub(super) fn text(&self) -> &'a [u8] {
        self.text
    }
}

/// Returns where each cell of a row is in its text, with the quotes and blanks around it. The text ends with the row,
/// or with its line break.
///
/// ```
/// use sheet::{Delimiter, cell_spans};
///
/// let spans = cell_spans("ada@example.org, \"Ada, Countess\" ,\r\n", Delimiter::Comma);
/// assert_eq!(spans, [0..15, 16..33, 34..34]);
/// ```
#[must_use]
pub fn cell_spans(text: &str, delimiter: Delimiter) -> Vec<Range<usize>> {
    let mut lexer = Lexer::new(delimiter.byte());
    lexer.begin(1);
    let mut spans: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    let mut end = text.len();
    // A byte at a time, so that it is seen which byte ends a cell.
    for (at, byte) in text.bytes().enumerate() {
        if lexer.take(&[byte]).1 {
            end = at;
            break;
        }
        if lexer.cells().count() > spans.len() {
            spans.push(start..at);
            start = at + 1;
        }
    }
    spans.push(start..end);
    spans
}

/// Cells that outlive the row they were taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedCells {
    text: Box<[u8]>,
    ends: Box<[usize]>,
    malformed: Box<[usize]>,
}

impl OwnedCells {
    /// Returns a row of these cells, at least one.
    #[must_use]
    pub fn of(cells: &[String]) -> Self {
        let ends = cells.iter().scan(0, |end, cell| {
            *end += cell.len();
            Some(*end)
        });
        Self {
            text: cells.concat().into_bytes().into(),
            ends: ends.collect(),
            malformed: Box::default(),
        }
    }

    /// The cells.
    #[must_use]
    pub fn cells(&self) -> Cells<'_> {
        Cells {
            text: &self.text,
            ends: &self.ends,
            malformed: &self.malformed,
        }
    }

    /// How many bytes they take.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text.len() + size_of_val(&*self.ends) + size_of_val(&*self.malformed)
    }
}

impl From<Cells<'_>> for OwnedCells {
    fn from(cells: Cells<'_>) -> Self {
        Self {
            text: cells.text.into(),
            ends: cells.ends.into(),
            malformed: cells.malformed.into(),
        }
    }
}

/// Reads rows out of chunks of bytes of any size.
///
/// Feed a chunk, take rows until there are none, feed the next; [`finish`](Rows::finish) after the last
/// and take what is left. Rows, lines and positions do not depend on where the chunks were cut.
///
/// Lines end with CRLF, LF or CR, also in one file, also within quotes. A line whose cells are all empty or
/// have only white space is no row. Blanks before an opening and after a closing quote are dropped. Other text
/// after a closing quote makes the cell [malformed](Cells::malformed). Byte order marks at the beginning of the file
/// and U+001A at its end are ignored.
#[derive(Debug)]
pub struct Rows {
    /// None for UTF-8, whose bytes are the text.
    decoder: Option<Decoder>,
    lexer: Lexer,
    /// Where in the file the next chunk begins.
    fed: u64,
    /// Where in the file the text ends that a decoder has given.
    decoded: u64,
    finished: bool,
    /// Text to read rows from, read as far as `at`. Behind `end` there is only U+001A, which is text
    /// if more follows.
    text: Vec<u8>,
    at: usize,
    end: usize,
    /// The file begins here, so byte order marks are skipped.
    at_start: bool,
    /// Where `text[at..]` begins in the file.
    here: Position,
    /// How many bytes of the file lie before the row last begun.
    row_offset: u64,
    /// Where the row last taken ends.
    position: Position,
    /// How many rows the next one counts for: none if it is the header.
    counts: u64,
    step: Step,
    /// The last byte read was a carriage return that ended a line: a line feed that follows belongs to it.
    after_cr: bool,
}

/// Where the reading is.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Before a row.
    Between,
    /// Inside a row.
    Within,
    /// Behind a row, or behind a blank line, except for the second half of a CRLF.
    Behind(Option<Ending>),
}

impl Rows {
    /// Reads a file from `position` on: from [`Position::START`], where its header is, or where an earlier reading
    /// with the same dialect got to.
    #[must_use]
    pub fn new(dialect: Dialect, position: Position) -> Self {
        Self::from(dialect, position, position.offset == 0)
    }

    /// Reads a file from `position` on, where its header is, or its first row if it has none.
    #[must_use]
    pub fn from(dialect: Dialect, position: Position, header_is_next: bool) -> Self {
        Self {
            decoder: (dialect.encoding != Encoding::UTF_8).then(|| Decoder::new(dialect.encoding)),
            lexer: Lexer::new(dialect.delimiter.byte()),
            fed: position.offset,
            decoded: position.offset,
            finished: false,
            text: Vec::new(),
            at: 0,
            end: 0,
            at_start: position.offset == 0,
            here: position,
            row_offset: position.offset,
            position,
            counts: u64::from(!header_is_next),
            step: Step::Between,
            after_cr: false,
        }
    }

    /// Takes the next bytes of the file.
    ///
    /// They are kept until rows were taken from them, so take all there are before feeding more.
    pub fn feed(&mut self, chunk: &[u8]) {
        self.fed += chunk.len() as u64;
        if let Some(decoder) = &mut self.decoder {
            return decoder.feed(chunk);
        }
        self.text.drain(..self.at);
        self.at = 0;
        self.text.extend_from_slice(chunk);
        self.find_end();
    }

    /// Notes that the file has ended.
    pub fn finish(&mut self) {
        if let Some(decoder) = &mut self.decoder {
            decoder.finish();
        }
        self.finished = true;
    }

    /// The next row; none when more bytes are needed or, after [`finish`](Rows::finish), at the end.
    pub fn next_row(&mut self) -> Option<Row<'_>> {
        let content = match self.advance()? {
            Ending::Cells => Content::Cells(self.lexer.cells()),
            Ending::TooLarge => Content::TooLarge,
            Ending::UnclosedQuote(line) => Content::UnclosedQuote { line },
        };
        Some(Row {
            line: self.lexer.first_line(),
            row: self.position.row,
            last_line: self.lexer.line(),
            quoted_lines: self.lexer.quoted_lines(),
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

    /// Returns how many bytes of the file lie before the row last taken, in the file's own encoding. The bytes up to
    /// [`Rows::position`] are the row with its line break.
    #[must_use]
    pub fn row_offset(&self) -> u64 {
        self.row_offset
    }

    /// Reads up to the end of the next row.
    fn advance(&mut self) -> Option<Ending> {
        loop {
            match self.step {
                Step::Between => {
                    if !self.has_text() {
                        if self.finished {
                            self.here.offset = self.fed;
                            self.position = self.here;
                        }
                        return None;
                    }
                    if self.at_start && !self.skip_marks()? {
                        continue;
                    }
                    if let b'\r' | b'\n' = self.text[self.at] {
                        self.pass_break();
                    } else {
                        self.after_cr = false;
                        self.lexer.begin(self.here.line);
                        self.row_offset = self.here.offset;
                        self.step = Step::Within;
                    }
                }
                Step::Within => self.step = self.read()?,
                Step::Behind(ending) => {
                    // The position must not be between CR and LF: it would count them as two lines.
                    if self.after_cr {
                        if self.has_text() {
                            if self.text[self.at] == b'\n' {
                                self.pass_break();
                            }
                        } else if !self.finished {
                            return None;
                        }
                    }
                    self.step = Step::Between;
                    if let Some(ending) = ending {
                        self.here.row += self.counts;
                        self.counts = 1;
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
            if !self.has_text() {
                if !self.finished {
                    return None;
                }
                self.here.offset = self.fed;
                self.here.line = self.lexer.line();
                return Some(Step::Behind(self.lexer.end_of_file()));
            }
            let (taken, ended) = self.lexer.take(&self.text[self.at..self.end]);
            self.pass(taken);
            if ended {
                self.here.line = self.lexer.line();
                self.pass_break();
                return Some(Step::Behind(self.lexer.ending()));
            }
        }
    }

    /// Makes sure that there is text to read, if any has arrived.
    fn has_text(&mut self) -> bool {
        while self.at == self.end {
            let Some(decoder) = &mut self.decoder else {
                return false;
            };
            self.text.drain(..self.at);
            self.at = 0;
            let line = decoder.line(&mut self.text);
            self.find_end();
            match line {
                Some(length) => self.decoded += length,
                None => return false,
            }
        }
        true
    }

    /// Leaves U+001A at the end of the text until it is known whether more follows.
    fn find_end(&mut self) {
        let kept = self.text[self.at..]
            .iter()
            .rev()
            .take_while(|&&byte| byte == END_OF_TEXT);
        self.end = self.text.len() - kept.count();
    }

    /// Skips byte order marks where the file begins; `false` if there was one. None when the next bytes, which have
    /// not arrived, decide.
    fn skip_marks(&mut self) -> Option<bool> {
        const MARK: &[u8] = b"\xEF\xBB\xBF";

        let text = &self.text[self.at..self.end];
        if text.starts_with(MARK) {
            self.pass(MARK.len());
            return Some(false);
        }
        if MARK.starts_with(text) && !self.finished {
            return None;
        }
        self.at_start = false;
        Some(true)
    }

    /// Goes past the line break of which the next byte is, as a line of its own unless it is the second half of one.
    fn pass_break(&mut self) {
        let byte = self.text[self.at];
        self.here.line += u64::from(byte == b'\r' || !self.after_cr);
        self.after_cr = byte == b'\r';
        self.pass(1);
    }

    /// Goes past the next `count` bytes of text.
    fn pass(&mut self, count: usize) {
        self.at += count;
        if self.decoder.is_none() {
            self.here.offset += count as u64;
        } else if self.at == self.text.len() {
            // Only the ends of lines are known, and no position is asked for anywhere else.
            self.here.offset = self.decoded;
        }
    }
}

#[cfg(test)]
mod tests;
