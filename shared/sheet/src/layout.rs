//! Where the header or the first row of a file is, found from its first bytes.

use roster::invisible::trimmed;
use roster::{Email, Member};

use super::blank::is_blank;
use super::columns::{Mapped, mapped, meanings};
use super::encoding::{Decoder, Encoding, Likely, readable};
use super::escape::unescape;
use super::format::Format;
use super::rows::{Cells, Content, MAX_ROW, OwnedCells, Position, Rows};
use super::{ColumnMapping, Delimiter, Dialect, FileFault, labels};

/// How many lines a header may be down: a title, a blank line and a few of dates and notes.
const HEADER_LINES: usize = 10;

/// How a file is to be read, as far as its sender says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes<'a> {
    /// The encoding, unless a byte order mark says another.
    pub encoding: Option<Encoding>,
    /// What separates cells.
    pub delimiter: Option<Delimiter>,
    /// What the columns mean of a file that has no header; none for one that has.
    pub absent: Option<&'a [Option<Member>]>,
    /// What the sender says that columns mean.
    pub columns: Option<&'a ColumnMapping>,
}

/// How a file is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLayout {
    /// How it is written.
    pub dialect: Dialect,
    /// Where its header begins, or its first row if it has no header.
    pub start: Position,
    /// What names its columns.
    pub header: Header,
    /// The lines above that are neither blank nor read.
    pub skipped_lines: Vec<u64>,
}

/// What names the columns of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// Its first row.
    Present,
    /// The sender.
    Absent,
    /// Nothing: it has one column, of addresses.
    Addresses,
}

impl FileLayout {
    /// How many first bytes of a file decide its layout: the longest header in any encoding, and room for the lines
    /// above it.
    pub const HEAD: usize = 4 * MAX_ROW;

    /// Finds out how a file is laid out from its first [`FileLayout::HEAD`] bytes, or all when it has fewer.
    ///
    /// The encoding is what the byte order mark says, else what the sender says, else UTF-8. The header is the first row
    /// to begin on one of the first lines and have a column for the address. The delimiter is the one by which the
    /// header gets the most columns that the service knows, then the most columns, then a comma.
    ///
    /// # Errors
    ///
    /// When the file is certainly no CSV in an encoding that can be known, or its first row is no header.
    /// Everything else comes to light when the header is read.
    ///
    /// ```
    /// # use sheet::{Delimiter, FileLayout, Wishes};
    /// let layout = FileLayout::find(b"Members of 2026\n\nName;Email\n", Wishes::default())?;
    ///
    /// assert_eq!(layout.dialect.delimiter, Delimiter::Semicolon);
    /// assert_eq!((layout.start.line, layout.skipped_lines), (3, vec![1]));
    /// # Ok::<(), sheet::FileFault>(())
    /// ```
    pub fn find(head: &[u8], wishes: Wishes<'_>) -> Result<Self, FileFault> {
        match Self::look(head, wishes)? {
            (layout, None) => Ok(layout),
            (_, Some(fault)) => Err(fault),
        }
    }

    /// Finds out how a file is laid out, as [`FileLayout::find`] does, also of one that has rows and is refused
    /// because nothing says what its columns mean: then with the reason.
    ///
    /// # Errors
    ///
    /// When the file is certainly no CSV in an encoding that can be known.
    pub fn look(head: &[u8], wishes: Wishes<'_>) -> Result<(Self, Option<FileFault>), FileFault> {
        if let Some(format) = Format::of_bytes(head) {
            return Err(FileFault::Format(format));
        }
        let marked = Encoding::of_mark(head);
        let encoding = marked.or(wishes.encoding).unwrap_or(Encoding::UTF_8);
        refuse_nul(head, encoding)?;
        let mut start = Search {
            head,
            dialect: Dialect {
                encoding,
                bom: marked.is_some(),
                delimiter: Delimiter::Comma,
                likely: (encoding == Encoding::UTF_8)
                    .then(|| Likely::guess(head))
                    .flatten(),
            },
            delimiters: Delimiter::ALL.to_vec(),
            columns: wishes.columns,
        };
        if let Some(format) = Format::of_text(&start.text(0, 4096)) {
            return Err(FileFault::Format(format));
        }
        let mut lines = start.lines();
        let mut skipped = Vec::new();
        let separator = lines.first().and_then(|line| start.separator(*line));
        if let Some(delimiter) = separator {
            let named = lines.remove(0);
            skipped.push(named.line);
            // Nothing follows, and that line itself is no row.
            if lines.is_empty() {
                lines.push(Position {
                    offset: head.len() as u64,
                    line: named.line + 1,
                    row: 0,
                });
            }
            if let Some(delimiter) = Delimiter::of_char(delimiter) {
                start.delimiters = vec![delimiter];
            }
        }
        if let Some(delimiter) = wishes.delimiter {
            start.delimiters = vec![delimiter];
        }
        match wishes.absent {
            Some(members) => start.without_header(&lines, skipped, members),
            None => Ok(start.with_header(&lines, skipped)),
        }
    }

    /// A reader of the file's rows, the first of which is the header if there is one. It is to be fed the file
    /// from [`FileLayout::start`] on.
    #[must_use]
    pub fn rows(&self) -> Rows {
        Rows::from(self.dialect, self.start, self.header == Header::Present)
    }
}

/// Refuses a file that has NUL bytes where text should be.
fn refuse_nul(head: &[u8], encoding: Encoding) -> Result<(), FileFault> {
    const UTF_32_LE: &[u8] = b"\xFF\xFE\0\0";
    const UTF_32_BE: &[u8] = b"\0\0\xFE\xFF";

    if head.starts_with(UTF_32_LE) || head.starts_with(UTF_32_BE) {
        return Err(FileFault::Utf32);
    }
    let line = head
        .split(|byte| matches!(byte, b'\r' | b'\n'))
        .find(|line| line.iter().any(|byte| *byte != 0))
        .unwrap_or_default();
    if encoding.is_utf16() || !line.contains(&0) {
        return Ok(());
    }
    // The text is mostly ASCII, so the zeros say where the high bytes are.
    let first = head.get(..4).unwrap_or_default();
    let zeros: Vec<bool> = first.iter().map(|byte| *byte == 0).collect();
    Err(match zeros[..] {
        [false, true, true, true] | [true, true, true, false] => FileFault::Utf32,
        [false, true, false, true] => FileFault::Utf16("utf-16le"),
        [true, false, true, false] => FileFault::Utf16("utf-16be"),
        _ => FileFault::Nul,
    })
}

/// The search for the first row.
struct Search<'a> {
    head: &'a [u8],
    dialect: Dialect,
    delimiters: Vec<Delimiter>,
    columns: Option<&'a ColumnMapping>,
}

/// A row that may be the header.
struct Candidate {
    dialect: Dialect,
    has_email: bool,
    /// How many of its names are known, and how many there are.
    names: (usize, usize),
    cells: Option<OwnedCells>,
}

impl Search<'_> {
    fn with_header(&self, lines: &[Position], mut skipped: Vec<u64>) -> (FileLayout, Option<FileFault>) {
        let above = skipped.clone();
        for line in lines {
            let candidate = self.best(*line);
            if candidate.has_email {
                return (layout(candidate.dialect, *line, Header::Present, skipped), None);
            }
            if !self.is_blank(*line) {
                skipped.push(line.line);
            }
        }
        let first = self.first(lines);
        let candidate = self.best(first);
        let cells = candidate.cells.as_ref().map(OwnedCells::cells);
        if !cells.is_some_and(|cells| has_address(&cells)) {
            // Reading it will say what it lacks.
            return (layout(candidate.dialect, first, Header::Present, above), None);
        }
        if lines.iter().all(|line| self.has_one_cell(*line)) {
            return (layout(self.dialect, first, Header::Addresses, above), None);
        }
        let layout = layout(candidate.dialect, first, Header::Absent, above);
        (layout, Some(FileFault::LooksLikeData))
    }

    /// The first line that is not blank; the first of all if they are.
    fn first(&self, lines: &[Position]) -> Position {
        let first = lines.iter().find(|line| !self.is_blank(**line));
        first.or(lines.first()).copied().unwrap_or(Position::START)
    }

    fn without_header(
        &self,
        lines: &[Position],
        skipped: Vec<u64>,
        members: &[Option<Member>],
    ) -> Result<(FileLayout, Option<FileFault>), FileFault> {
        let first = self.first(lines);
        let width = members.len();
        let email = members.iter().position(|member| *member == Some(Member::Email));
        // The first of those that cut the row best.
        let best = self.delimiters.iter().rev().map(|delimiter| {
            let dialect = Dialect {
                delimiter: *delimiter,
                ..self.dialect
            };
            let cells = self.row(first, dialect);
            let count = cells.as_ref().map_or(0, |cells| cells.cells().count());
            let address = email.and_then(|email| cells.as_ref()?.cells().get(email)?.ok());
            let fits = (count == width, address.is_some_and(is_address), count);
            (fits, dialect, cells)
        });
        let Some(((_, _, count), dialect, cells)) = best.max_by_key(|(fits, ..)| *fits) else {
            return Err(FileFault::Empty);
        };
        let meant = if members.is_empty() {
            &[Some(Member::Email)]
        } else {
            members
        };
        let named = cells
            .as_ref()
            .is_some_and(|cells| is_named(&cells.cells(), meant));
        let (header, fault) = match count {
            // Rejected rows of a file that had no header have one.
            _ if named => (Header::Present, None),
            0 | 1 if members.is_empty() => (Header::Addresses, None),
            columns if members.is_empty() => (Header::Absent, Some(FileFault::ColumnsMissing { columns })),
            _ => (Header::Absent, None),
        };
        Ok((layout(dialect, first, header, skipped), fault))
    }

    /// The beginnings of the first lines.
    fn lines(&self) -> Vec<Position> {
        let encoding = self.dialect.encoding;
        let mut lines = vec![Position::START];
        let (mut at, mut line) = (0, 1);
        while lines.len() < HEADER_LINES
            && let Some(length) = encoding.line_length(&self.head[at..])
        {
            let ends_with_cr = self.text(at, length).ends_with('\r');
            at += length;
            if ends_with_cr
                && let Some(feed) = encoding.line_length(&self.head[at..])
                && self.text(at, feed) == "\n"
            {
                at += feed;
            }
            if at == self.head.len() {
                break;
            }
            line += 1;
            lines.push(Position {
                offset: at as u64,
                line,
                row: 0,
            });
        }
        lines
    }

    /// At most `length` bytes of the file as text.
    fn text(&self, at: usize, length: usize) -> String {
        let end = self.head.len().min(at + length);
        let bytes = &self.head[at..end];
        if self.dialect.encoding == Encoding::UTF_8 {
            return String::from_utf8_lossy(bytes).into_owned();
        }
        let mut decoder = Decoder::new(self.dialect.encoding);
        let mut text = Vec::new();
        decoder.feed(bytes);
        while decoder.line(&mut text).is_some() {}
        readable(&text, self.dialect.likely().encoding).into_owned()
    }

    /// The line that begins there, without byte order marks and blanks around it.
    fn line(&self, at: Position) -> String {
        let at = usize::try_from(at.offset)
            .unwrap_or(usize::MAX)
            .min(self.head.len());
        let rest = &self.head[at..];
        let length = self.dialect.encoding.line_length(rest).unwrap_or(rest.len());
        self.text(at, length.min(MAX_ROW))
            .trim_matches(is_blank)
            .to_owned()
    }

    fn is_blank(&self, at: Position) -> bool {
        // The same line as the reader of rows sees it, with any delimiter: empty cells are blank as well.
        self.line(at)
            .chars()
            .all(|char| is_blank(char) || Delimiter::of_char(char).is_some())
    }

    /// The character that a line of Excel names for a delimiter (`sep=;`).
    fn separator(&self, at: Position) -> Option<char> {
        // Only its beginning, for a tab at its end is no blank.
        let line = self.text(0, 64);
        let line = line.trim_start_matches(is_blank).trim_start_matches('"');
        let is_named = at.offset == 0
            && line
                .get(..4)
                .is_some_and(|begin| begin.eq_ignore_ascii_case("sep="));
        let name = is_named.then(|| &line[4..])?;
        if name.starts_with("\\t") {
            return Some('\t');
        }
        // A line that names nothing is skipped as well.
        Some(name.chars().next().unwrap_or('\n'))
    }

    /// The row that begins there, by the delimiter that makes the most of it.
    fn best(&self, at: Position) -> Candidate {
        let mut best: Option<Candidate> = None;
        for delimiter in &self.delimiters {
            let dialect = Dialect {
                delimiter: *delimiter,
                ..self.dialect
            };
            let candidate = self.candidate(at, dialect);
            let is_better = best
                .as_ref()
                .is_none_or(|best| (candidate.has_email, candidate.names) > (best.has_email, best.names));
            if is_better {
                best = Some(candidate);
            }
        }
        best.unwrap_or_else(|| self.candidate(at, self.dialect))
    }

    fn candidate(&self, at: Position, dialect: Dialect) -> Candidate {
        let cells = self.row(at, dialect);
        let mut candidate = Candidate {
            dialect,
            has_email: false,
            names: (0, 0),
            cells: None,
        };
        if let Some(cells) = &cells {
            // A name with a quote in it does not count: the cell was cut in the wrong place.
            let names = cells.cells();
            let names = names.iter().flatten().filter(|name| !name.contains('"'));
            let header: Vec<_> = names.map(|name| trimmed(unescape(name)).to_owned()).collect();
            // A row that lacks a column of the mapping may be the header nevertheless; reading it says so.
            let mapped = mapped(&header, self.columns).unwrap_or_else(|_| Mapped::new());
            let meanings = meanings(&header, &mapped);
            let members = meanings.iter().flatten().map(|(member, _)| *member);
            candidate.has_email = members.clone().any(|member| member == Member::Email);
            candidate.names = (members.count(), header.len());
        }
        candidate.cells = cells;
        candidate
    }

    fn row(&self, at: Position, dialect: Dialect) -> Option<OwnedCells> {
        let mut rows = Rows::from(dialect, at, true);
        let offset = usize::try_from(at.offset)
            .unwrap_or(usize::MAX)
            .min(self.head.len());
        rows.feed(&self.head[offset..]);
        rows.finish();
        let row = rows.next_row()?;
        match row.content {
            // A blank line is not where a row begins.
            Content::Cells(cells) if row.line == at.line => Some(cells.into()),
            _ => None,
        }
    }

    fn has_one_cell(&self, at: Position) -> bool {
        Delimiter::ALL.into_iter().all(|delimiter| {
            let row = self.row(
                at,
                Dialect {
                    delimiter,
                    ..self.dialect
                },
            );
            row.is_none_or(|row| row.cells().count() == 1)
        })
    }
}

fn layout(dialect: Dialect, start: Position, header: Header, skipped_lines: Vec<u64>) -> FileLayout {
    FileLayout {
        dialect,
        start,
        header,
        skipped_lines,
    }
}

/// Whether one of the cells is an address.
fn has_address(cells: &Cells<'_>) -> bool {
    cells.iter().flatten().any(is_address)
}

/// Whether a cell is an address, as people write it.
fn is_address(cell: &str) -> bool {
    let cell = cell.trim_matches(is_blank);
    let cell = cell.strip_prefix("mailto:").unwrap_or(cell);
    let inner = cell
        .strip_suffix('>')
        .and_then(|cell| cell.split_once('<'))
        .map_or(cell, |(_, inner)| inner);
    inner.parse::<Email>().is_ok()
}

/// Whether a row has the names of these members, each in its place.
fn is_named(cells: &Cells<'_>, members: &[Option<Member>]) -> bool {
    cells.count() >= members.len()
        && members.iter().enumerate().all(|(index, member)| {
            let Some(member) = member else { return true };
            matches!(cells.get(index), Some(Ok(name)) if labels::meaning(name).map(|meaning| meaning.member) == Some(*member))
        })
        && members.iter().any(Option::is_some)
}

#[cfg(test)]
mod tests;
