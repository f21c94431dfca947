//! One row after another, cut into cells.

use super::{Cells, END_OF_TEXT, MAX_ROW, QuotedLines};
use crate::blank::is_blank;

/// What a row turned out to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    Cells,
    TooLarge,
    /// The line on which the quote opens.
    UnclosedQuote(u64),
}

/// Where in a cell the reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// At its first byte.
    Start,
    /// Behind blanks, or what may turn out to be blanks, with which it begins.
    Leading,
    /// In a cell that is not quoted: quotes in it are literal.
    Plain,
    /// Within quotes.
    Quoted,
    /// Behind a quote within quotes, which closes them unless another follows.
    Closing,
    /// Behind a closing quote and blanks.
    Closed,
    /// In text after a closing quote.
    Malformed,
}

/// The row under way.
#[derive(Debug)]
pub(super) struct Lexer {
    delimiter: u8,
    /// The line on which the row begins.
    first_line: u64,
    /// The line that was reached.
    line: u64,
    state: State,
    /// How many bytes of text were taken for the row.
    taken: usize,
    /// Its cells one after another, and where each of them ends. Too large a row has none.
    cells: Vec<u8>,
    ends: Vec<usize>,
    malformed: Vec<usize>,
    /// What may be blanks before the opening or behind the closing quote of the cell under way.
    blanks: Vec<u8>,
    /// The line on which the quote opens that was read last.
    opens: u64,
    quoted_lines: Option<QuotedLines>,
    /// The last byte read within quotes was a carriage return.
    after_cr: bool,
}

impl Lexer {
    pub(super) fn new(delimiter: u8) -> Self {
        Self {
            delimiter,
            first_line: 0,
            line: 0,
            state: State::Start,
            taken: 0,
            cells: Vec::with_capacity(MAX_ROW),
            ends: Vec::with_capacity(32),
            malformed: Vec::new(),
            blanks: Vec::new(),
            opens: 0,
            quoted_lines: None,
            after_cr: false,
        }
    }

    /// Begins a row on `line`.
    pub(super) fn begin(&mut self, line: u64) {
        self.first_line = line;
        self.line = line;
        self.state = State::Start;
        self.taken = 0;
        self.cells.clear();
        self.ends.clear();
        self.malformed.clear();
        self.blanks.clear();
        self.quoted_lines = None;
        self.after_cr = false;
    }

    pub(super) fn first_line(&self) -> u64 {
        self.first_line
    }

    /// The line that was reached.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    pub(super) fn quoted_lines(&self) -> Option<QuotedLines> {
        self.quoted_lines
    }

    pub(super) fn cells(&self) -> Cells<'_> {
        Cells {
            text: &self.cells,
            ends: &self.ends,
            malformed: &self.malformed,
        }
    }

    /// Takes text up to the line break that ends the row. Returns how much it took, and whether the row ended.
    pub(super) fn take(&mut self, text: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            match self.state {
                State::Start | State::Leading => at += usize::from(self.begin_cell(byte)),
                State::Plain | State::Malformed => {
                    let rest = &text[at..];
                    let end = memchr::memchr3(self.delimiter, b'\r', b'\n', rest);
                    self.keep(&rest[..end.unwrap_or(rest.len())]);
                    let Some(end) = end else {
                        return (text.len(), false);
                    };
                    at += end;
                    if rest[end] != self.delimiter {
                        return (at, true);
                    }
                    self.end_cell();
                    self.count(1);
                    at += 1;
                }
                State::Quoted => {
                    let rest = &text[at..];
                    let end = memchr::memchr(b'"', rest);
                    let part = &rest[..end.unwrap_or(rest.len())];
                    self.line += line_breaks(part, &mut self.after_cr);
                    self.keep(part);
                    at += part.len();
                    if end.is_some() {
                        self.after_cr = false;
                        self.state = State::Closing;
                        self.count(1);
                        at += 1;
                    }
                }
                State::Closing if byte == b'"' => {
                    self.keep(b"\"");
                    self.state = State::Quoted;
                    at += 1;
                }
                State::Closing => self.state = State::Closed,
                State::Closed if byte == self.delimiter => {
                    self.end_cell();
                    self.count(1);
                    at += 1;
                }
                State::Closed if matches!(byte, b'\r' | b'\n') => return (at, true),
                State::Closed if self.may_be_blank(byte) => {
                    self.keep_blank(byte);
                    at += 1;
                }
                State::Closed => self.spoil(),
            }
        }
        (at, false)
    }

    /// Takes a byte with which a cell may begin, if it is a quote or may be a blank, and returns whether it did.
    fn begin_cell(&mut self, byte: u8) -> bool {
        if byte == b'"' && is_blank_text(&self.blanks) {
            self.blanks.clear();
            self.opens = self.line;
            self.after_cr = false;
            self.state = State::Quoted;
            self.count(1);
            true
        } else if self.may_be_blank(byte) {
            self.state = State::Leading;
            self.keep_blank(byte);
            true
        } else {
            self.end_leading();
            false
        }
    }

    /// What the row is, now that its line has ended; none for a blank one.
    pub(super) fn ending(&mut self) -> Option<Ending> {
        self.end_cell();
        if self.taken > MAX_ROW {
            Some(Ending::TooLarge)
        } else if self.is_blank_row() {
            None
        } else {
            Some(Ending::Cells)
        }
    }

    /// What the row is, if the file ends in it; none for a blank one.
    pub(super) fn end_of_file(&mut self) -> Option<Ending> {
        if self.state == State::Quoted {
            return Some(Ending::UnclosedQuote(self.opens));
        }
        self.ending()
    }

    /// Takes what may be blanks for the beginning of a cell that is not quoted.
    fn end_leading(&mut self) {
        self.state = State::Plain;
        if self.taken <= MAX_ROW {
            self.cells.append(&mut self.blanks);
        }
        self.blanks.clear();
    }

    /// Ends the cell under way, and begins the next.
    fn end_cell(&mut self) {
        if self.state == State::Leading {
            self.end_leading();
        }
        let closed = matches!(self.state, State::Closing | State::Closed);
        if closed && !self.blanks.is_empty() && !is_blank_text(&self.blanks) {
            self.spoil();
        }
        if matches!(self.state, State::Closing | State::Closed | State::Malformed)
            && self.opens < self.line
            && self.quoted_lines.is_none()
        {
            self.quoted_lines = Some(QuotedLines {
                opens: self.opens,
                closes: self.line,
            });
        }
        if self.taken <= MAX_ROW {
            self.ends.push(self.cells.len());
        }
        self.blanks.clear();
        self.state = State::Start;
    }

    /// Turns the cell, whose closing quote other text follows, back into what the file has.
    fn spoil(&mut self) {
        self.state = State::Malformed;
        if self.taken > MAX_ROW {
            return;
        }
        let content = self.cells.split_off(self.cell_start());
        self.cells.push(b'"');
        for byte in content {
            // Only a quote that is written twice is one within quotes.
            if byte == b'"' {
                self.cells.push(b'"');
            }
            self.cells.push(byte);
        }
        self.cells.push(b'"');
        self.cells.append(&mut self.blanks);
        self.malformed.push(self.ends.len());
    }

    /// Counts text of the row that is no part of a cell, or that is not kept.
    fn count(&mut self, bytes: usize) {
        self.taken += bytes;
        if self.taken > MAX_ROW {
            self.cells.clear();
            self.ends.clear();
            self.malformed.clear();
        }
    }

    /// Takes a byte of what may be blanks around quotes. They decide what the next quote means, also in a row that is
    /// too large, of which no more is kept than that takes.
    fn keep_blank(&mut self, byte: u8) {
        self.count(1);
        if self.blanks.len() == MAX_ROW {
            self.shorten_blanks();
        }
        self.blanks.push(byte);
    }

    /// Forgets the characters that turned out to be blanks, and keeps the beginning of the one under way. If there is
    /// something else among them, a byte that is never text stands for them all.
    fn shorten_blanks(&mut self) {
        let (whole, is_under_way) = match std::str::from_utf8(&self.blanks) {
            Ok(_) => (self.blanks.len(), true),
            Err(error) => (error.valid_up_to(), error.error_len().is_none()),
        };
        if is_under_way && is_blank_text(&self.blanks[..whole]) {
            self.blanks.drain(..whole);
        } else {
            self.blanks.clear();
            self.blanks.push(0xFF);
        }
    }

    /// Takes text of a cell, unless the row is too large.
    fn keep(&mut self, text: &[u8]) {
        if self.taken + text.len() <= MAX_ROW {
            self.taken += text.len();
            self.cells.extend_from_slice(text);
        } else {
            self.count(text.len());
        }
    }

    fn cell_start(&self) -> usize {
        self.ends.last().copied().unwrap_or_default()
    }

    /// Whether a byte may be of a blank: most of them are beyond ASCII.
    fn may_be_blank(&self, byte: u8) -> bool {
        byte != self.delimiter && (matches!(byte, b' ' | b'\t') || byte >= 0x80)
    }

    fn is_blank_row(&self) -> bool {
        let first_is_seen = self.cells.first().is_some_and(u8::is_ascii_graphic);
        // The bytes of two cells may make a blank together that neither of them has.
        let is_cut = |end: &usize| self.cells.get(*end).is_some_and(|byte| byte & 0xC0 == 0x80);
        !first_is_seen && is_blank_text(&self.cells) && !self.ends.iter().any(is_cut)
    }
}

/// Whether the text has only blanks.
fn is_blank_text(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| {
        text.chars()
            .all(|char| is_blank(char) || char == char::from(END_OF_TEXT))
    })
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
