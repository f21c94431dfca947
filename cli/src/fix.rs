//! The file with its suggestions in place of the cells at fault.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use encoding_rs::{Decoder, Encoding, UTF_8};
use sheet::escape::{escape, unescape};
use sheet::{Delimiter, cell_spans};

use crate::failure::Failure;
use crate::pass::{Found, Pass};
use crate::rejected;
use crate::report::{decoded, index};
use crate::source::Source;

/// How many bytes are copied at once.
const PIECE: u64 = 256 * 1024;

/// Writes the corrected file, row by row, in UTF-8. Whatever has no suggestion stays as it is.
#[derive(Debug)]
pub(crate) struct Fixed {
    out: io::BufWriter<File>,
    /// Turns the encoding of the file into UTF-8; none for UTF-8, whose bytes are copied.
    decoder: Option<Decoder>,
    copied: u64,
    /// How many rows were changed.
    pub(crate) rows: u64,
}

/// A row before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) line: u64,
    pub(crate) before: String,
    pub(crate) after: String,
}

impl Fixed {
    /// Begins to write the file of `pass`.
    ///
    /// # Errors
    ///
    /// If there is no room for it.
    pub(crate) fn begin(pass: &Pass) -> Result<Self, Failure> {
        let name = pass.layout.dialect.encoding.name();
        let encoding = Encoding::for_label(name.as_bytes()).unwrap_or(UTF_8);
        let file = tempfile::tempfile().map_err(|error| of_temporary(&error))?;
        let mut out = io::BufWriter::new(file);
        if encoding != UTF_8 {
            // What spreadsheets read without being asked.
            out.write_all(sheet::Encoding::UTF_8.bom())
                .map_err(|error| of_temporary(&error))?;
        }
        Ok(Self {
            out,
            decoder: (encoding != UTF_8).then(|| encoding.new_decoder_with_bom_removal()),
            copied: 0,
            rows: 0,
        })
    }

    /// Writes everything up to a row, and the row with the suggestions for its cells. Returns what changes, if anything
    /// does.
    ///
    /// # Errors
    ///
    /// If the file cannot be read again, or there is no room.
    pub(crate) fn row(&mut self, pass: &Pass, found: &Found) -> Result<Option<Change>, Failure> {
        let Some(cells) = &found.cells else {
            return Ok(None);
        };
        let dialect = pass.layout.dialect;
        let bytes = pass.source().bytes(found.bytes.start, found.bytes.end)?;
        let text = decoded(&bytes, dialect);
        let spans = cell_spans(&text, dialect.delimiter);
        if spans.len() != cells.cells().count() {
            return Ok(None);
        }
        let mut suggestions = BTreeMap::new();
        for fault in &found.faults {
            if let (Some(index), Some(suggestion)) = (index(fault, pass), &fault.suggestion) {
                suggestions.insert(index, suggestion.as_str());
            }
        }
        let mut after = String::with_capacity(text.len());
        let mut at = 0;
        for (index, span) in spans.into_iter().enumerate() {
            let Some(suggestion) = suggestions.get(&index) else {
                continue;
            };
            after.push_str(&text[at..span.start]);
            after.push_str(&cell(suggestion, &text[span.clone()], dialect.delimiter));
            at = span.end;
        }
        after.push_str(&text[at..]);
        if after == text {
            return Ok(None);
        }
        self.copy(pass.source(), found.bytes.start, false)?;
        self.out
            .write_all(after.as_bytes())
            .map_err(|error| of_temporary(&error))?;
        self.copied = found.bytes.end;
        self.rows += 1;
        let whole = |text: &str| text.trim_end_matches(['\r', '\n']).to_owned();
        Ok(Some(Change {
            line: found.line,
            before: whole(&text),
            after: whole(&after),
        }))
    }

    /// Writes what is left of the file, and puts it beside it, or at `path`. Returns where it is.
    ///
    /// # Errors
    ///
    /// If it cannot be read again, or there is no room.
    pub(crate) fn finish(mut self, source: &Source, path: Option<&Path>) -> Result<PathBuf, Failure> {
        self.copy(source, u64::MAX, true)?;
        let mut file = self
            .out
            .into_inner()
            .map_err(|error| of_temporary(&error.into_error()))?;
        file.seek(SeekFrom::Start(0))
            .map_err(|error| of_temporary(&error))?;
        let write = |out: &mut dyn Write| io::copy(&mut file, out).map(|_| ());
        match (path, source.path()) {
            (Some(path), _) => rejected::write_as(path, write).map(|()| path.to_owned()),
            (None, Some(beside)) => rejected::beside(beside, "fixed", write),
            (None, None) => Err(Failure::Usage(
                "standard input has no name for the file with the suggestions; name one by --fixed FILE"
                    .to_owned(),
            )),
        }
    }

    /// Copies what lies before `end` and was not copied yet.
    fn copy(&mut self, source: &Source, end: u64, is_last: bool) -> Result<(), Failure> {
        while self.copied < end {
            let piece = source.bytes(self.copied, end.min(self.copied.saturating_add(PIECE)))?;
            if piece.is_empty() {
                break;
            }
            self.copied += piece.len() as u64;
            self.write(&piece, false).map_err(|error| of_temporary(&error))?;
        }
        self.write(&[], is_last).map_err(|error| of_temporary(&error))
    }

    fn write(&mut self, bytes: &[u8], is_last: bool) -> io::Result<()> {
        let Some(decoder) = &mut self.decoder else {
            return self.out.write_all(bytes);
        };
        let length = decoder
            .max_utf8_buffer_length(bytes.len())
            .unwrap_or(bytes.len() * 3 + 16);
        let mut text = String::with_capacity(length);
        let _ = decoder.decode_to_string(bytes, &mut text, is_last);
        self.out.write_all(text.as_bytes())
    }
}

/// A suggestion as a cell in place of `before`: escaped if that was, and quoted if it has to be.
fn cell(suggestion: &str, before: &str, delimiter: Delimiter) -> String {
    let is_escaped = unescape(before) != before;
    let text = if is_escaped {
        escape(suggestion)
    } else {
        suggestion.into()
    };
    let delimiter = char::from(delimiter.byte());
    if text.contains([delimiter, '"', '\r', '\n']) || *text != *text.trim() {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into_owned()
    }
}

fn of_temporary(error: &io::Error) -> Failure {
    Failure::writing(&std::env::temp_dir(), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggestion_is_written_as_the_cell_was() {
        for (suggestion, before, after) in [
            ("+442079460018", "020 7946 0018", "+442079460018"),
            ("+442079460018", "'+44 (0) 20 7946 0018", "'+442079460018"),
            ("a,b", "x", "\"a,b\""),
            ("say \"hi\"", "x", "\"say \"\"hi\"\"\""),
            ("", "NULL", ""),
        ] {
            assert_eq!(cell(suggestion, before, Delimiter::Comma), after);
        }
    }
}
