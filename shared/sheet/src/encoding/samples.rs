//! Encodings that a file may be in, with lines of it that show people which one is right.

use super::{Encoding, Likely, readable};

/// How many lines are shown.
const LINES: usize = 5;

/// How many characters of a line are shown: enough for a few cells, on one line of a screen.
const LENGTH: usize = 120;

/// Encodings that people meet, the most frequent first, beside the one that is guessed.
const USUAL: [&str; 10] = [
    "windows-1252",
    "windows-1250",
    "macintosh",
    "windows-1251",
    "windows-1254",
    "shift_jis",
    "gb18030",
    "big5",
    "euc-kr",
    "euc-jp",
];

/// How many encodings are offered: more are not compared by eye.
const OFFERED: usize = 5;

/// An encoding that a file may be in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodingSample {
    /// The encoding.
    pub encoding: Encoding,
    /// Lines that read differently in another of the encodings, as they read in this one.
    pub lines: Vec<SampleLine>,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleLine {
    /// Its number.
    pub line: u64,
    /// Its beginning, without white space around it.
    pub text: String,
}

/// Returns the encodings that a file with this beginning may be in, the likeliest first.
///
/// There is one where nothing is to be decided: a byte order mark decides, and so do bytes that are valid UTF-8, unless the
/// sender names another encoding.
#[must_use]
pub fn samples(head: &[u8], named: Option<Encoding>) -> Vec<EncodingSample> {
    let one = |encoding| {
        vec![EncodingSample {
            encoding,
            lines: Vec::new(),
        }]
    };
    if let Some(marked) = Encoding::of_mark(head) {
        return one(marked);
    }
    if let Some(named) = named.filter(|named| named.is_utf16()) {
        return one(named);
    }
    let mut encodings = match Likely::guess(head) {
        None if head.is_ascii() => return one(named.unwrap_or(Encoding::UTF_8)),
        None => vec![Encoding::UTF_8],
        Some(likely) => vec![likely.encoding],
    };
    encodings.extend(named);
    let lines: Vec<_> = (1..)
        .zip(lines(head))
        .filter(|(_, line)| !line.is_ascii())
        .collect();
    if encodings[0] != Encoding::UTF_8 {
        encodings.extend(USUAL.iter().filter_map(|label| Encoding::of_label(label).ok()));
    }
    let mut offered: Vec<Encoding> = Vec::new();
    for encoding in encodings {
        let fits = || lines.iter().all(|(_, line)| encoding.decode(line).is_some());
        if offered.len() < OFFERED && !offered.contains(&encoding) && (offered.is_empty() || fits()) {
            offered.push(encoding);
        }
    }
    let differs = |line: &[u8]| {
        let mut texts = offered.iter().map(|encoding| readable_in(line, *encoding));
        let first = texts.next();
        texts.any(|text| Some(text) != first)
    };
    let shown: Vec<_> = lines
        .iter()
        .filter(|(_, line)| differs(line))
        .take(LINES)
        .collect();
    let sample = |encoding: Encoding| EncodingSample {
        encoding,
        lines: shown
            .iter()
            .map(|(number, line)| SampleLine {
                line: *number,
                text: readable_in(line, encoding).trim().chars().take(LENGTH).collect(),
            })
            .collect(),
    };
    offered.into_iter().map(sample).collect()
}

fn readable_in(line: &[u8], encoding: Encoding) -> String {
    match encoding.decode(line) {
        Some(text) => text,
        None => readable(line, encoding).into_owned(),
    }
}

/// The lines of a file, in encodings that write line breaks as ASCII does; the last is left out, because it may be cut, unless
/// it is the only one.
fn lines(head: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = head;
    while let Some(end) = memchr::memchr2(b'\r', b'\n', rest) {
        lines.push(&rest[..end]);
        let after = &rest[end..];
        rest = after.strip_prefix(b"\r\n").unwrap_or(&after[1..]);
    }
    if lines.is_empty() {
        lines.push(rest);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(head: &[u8], named: Option<Encoding>) -> Vec<&'static str> {
        let samples = samples(head, named);
        samples.iter().map(|sample| sample.encoding.name()).collect()
    }

    #[test]
    fn one_encoding_is_offered_where_nothing_is_to_be_decided() {
        assert_eq!(names(b"email\nada@example.org\n", None), ["UTF-8"]);
        assert_eq!(names("email\nZoë\n".as_bytes(), None), ["UTF-8"]);
        assert_eq!(names(b"\xFF\xFEe\0", None), ["UTF-16LE"]);
        assert_eq!(names(b"email\n", Some(Encoding::WINDOWS_1252)), ["windows-1252"]);
    }

    #[test]
    fn candidates_come_with_lines_by_which_they_differ() {
        let head = b"email,firstName\r\na,Ada\r\nb,Ji\xF8\xED \x8Akoda\r\nc,Zo\xEB\r\n";

        let samples = samples(head, None);

        assert_eq!(samples[0].encoding.name(), "windows-1250");
        assert_eq!(samples[1].encoding.name(), "windows-1252");
        let line = |text: &str| SampleLine {
            line: 3,
            text: text.to_owned(),
        };
        assert_eq!(samples[0].lines[0], line("b,Jiří Škoda"));
        assert_eq!(samples[1].lines[0], line("b,Jiøí Škoda"));
        assert!(samples.len() <= OFFERED);
    }

    #[test]
    fn a_named_encoding_is_compared_with_the_one_that_fits() {
        assert_eq!(
            names("email\nZoë\n".as_bytes(), Some(Encoding::WINDOWS_1252)),
            ["UTF-8", "windows-1252"]
        );
    }
}
