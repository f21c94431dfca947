#![expect(
    clippy::too_many_lines,
    reason = "a test tells its story from beginning to end"
)]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value};

use super::*;
use crate::{Delimiter, Encoding};

const COMMA: Dialect = Dialect {
    encoding: Encoding::UTF_8,
    bom: false,
    delimiter: Delimiter::Comma,
    likely: None,
};

/// A row that can be kept, and the position after it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    line: u64,
    row: u64,
    what: What,
    position: Position,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Cells(Vec<Vec<u8>>),
    /// The cells, and which of them are malformed.
    Malformed(Vec<Vec<u8>>, Vec<usize>),
    TooLarge,
    UnclosedQuote(u64),
}

fn read_from<'a>(
    dialect: Dialect,
    position: Position,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Seen>, Position) {
    let mut rows = Rows::new(dialect, position);
    let mut seen = Vec::new();
    for chunk in chunks {
        rows.feed(chunk);
        take(&mut rows, &mut seen);
    }
    rows.finish();
    take(&mut rows, &mut seen);
    (seen, rows.position())
}

fn take(rows: &mut Rows, seen: &mut Vec<Seen>) {
    while let Some(row) = rows.next_row() {
        let (line, number) = (row.line, row.row);
        let what = match row.content {
            Content::Cells(cells) => {
                let bytes = (0..cells.count())
                    .map(|index| cells.bytes(index).unwrap().to_vec())
                    .collect();
                match cells.malformed() {
                    [] => What::Cells(bytes),
                    malformed => What::Malformed(bytes, malformed.to_vec()),
                }
            }
            Content::TooLarge => What::TooLarge,
            Content::UnclosedQuote { line } => What::UnclosedQuote(line),
        };
        seen.push(Seen {
            line,
            row: number,
            what,
            position: rows.position(),
        });
    }
}

fn read(dialect: Dialect, file: &[u8]) -> Vec<Seen> {
    read_from(dialect, Position::START, [file]).0
}

fn cells(cells: &[&str]) -> What {
    What::Cells(cells.iter().map(|cell| cell.as_bytes().to_vec()).collect())
}

/// Line and content of each row of a comma-separated UTF-8 file.
fn lines(file: impl AsRef<[u8]>) -> Vec<(u64, What)> {
    let seen = read(COMMA, file.as_ref());
    seen.into_iter().map(|row| (row.line, row.what)).collect()
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

#[test]
fn rows_are_numbered_below_the_header_and_know_their_line() {
    let seen = read(COMMA, b"email,roles\na@b.c,x\n\nd@e.f,\"y\nz\"\ng@h.i,\n");

    let numbers: Vec<_> = seen.iter().map(|row| (row.line, row.row)).collect();
    assert_eq!(numbers, [(1, 0), (2, 1), (4, 2), (6, 3)]);
    assert_eq!(seen[2].what, cells(&["d@e.f", "y\nz"]));
    assert_eq!(seen[3].what, cells(&["g@h.i", ""]));
}

#[test]
fn line_breaks_of_all_kinds_count_once_each() {
    assert_eq!(
        lines("a\r\nb\nc\rd\r\r\n\n\re\n\r\nf"),
        [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (8, "e"), (10, "f")]
            .map(|(line, cell)| (line, cells(&[cell])))
    );
}

#[test]
fn a_crlf_cut_between_two_chunks_counts_once() {
    let (seen, _) = read_from(
        COMMA,
        Position::START,
        [&b"a,\"x\r"[..], b"\ny\"\r", b"\nb\r", b"\n", b"c"],
    );

    let at: Vec<_> = seen.iter().map(|row| (row.line, row.position.offset)).collect();
    assert_eq!(at, [(1, 10), (3, 13), (4, 14)]);
}

#[test]
fn lines_whose_cells_are_all_empty_are_no_rows() {
    assert_eq!(
        lines("\n  \na,b\n \t \n\t\n,\n\"\"\n\" \" , \"\"\n,,,\nb\r\n   "),
        [(3, cells(&["a", "b"])), (10, cells(&["b"]))]
    );
    assert_eq!(
        lines("a\n\u{A0},\u{200B}\n\u{3000}\nb"),
        [(1, cells(&["a"])), (4, cells(&["b"]))]
    );
}

#[test]
fn bytes_of_two_cells_make_no_blank_together() {
    let read = lines(b"a,b\n\xC2,\xA0\n");

    assert_eq!(read[1], (2, What::Cells(vec![vec![0xC2], vec![0xA0]])));
}

#[test]
fn a_tab_is_no_blank_where_it_separates_cells() {
    let tab = Dialect {
        delimiter: Delimiter::Tab,
        ..COMMA
    };

    let seen = read(tab, b"a\tb\n\t\n  \n\t\"x\"\t\"y\"\n");

    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].what, cells(&["", "x", "y"]));
}

#[test]
fn blanks_around_quotes_are_dropped() {
    assert_eq!(
        lines("a, \"b, c\" ,\u{A0}\"d\"\u{200B}\n\u{FEFF}\"e\" \r\n"),
        [(1, cells(&["a", "b, c", "d"])), (2, cells(&["e"]))]
    );
    assert_eq!(
        lines("a b, c \"d\",é\"e\"\n"),
        [(1, cells(&["a b", " c \"d\"", "é\"e\""]))]
    );
}

#[test]
fn a_cell_with_text_after_its_closing_quote_is_kept_as_it_is() {
    let malformed = |cells: &[&str], at: &[usize]| {
        What::Malformed(
            cells.iter().map(|cell| cell.as_bytes().to_vec()).collect(),
            at.to_vec(),
        )
    };
    for (file, what) in [
        (
            r#""Will \"Hart\"",x"#,
            malformed(&[r#""Will \"Hart\"""#, "x"], &[0]),
        ),
        (
            r#"x, "Sam \"the man\", Jr.",y"#,
            malformed(&["x", r#""Sam \"the man\""#, " Jr.\"", "y"], &[1]),
        ),
        (
            r#""Pat" Lee,"x""y" z"#,
            malformed(&[r#""Pat" Lee"#, r#""x""y" z"#], &[0, 1]),
        ),
        (r#""a"é,b"#, malformed(&[r#""a"é"#, "b"], &[0])),
        (r#""a"é"#, malformed(&[r#""a"é"#], &[0])),
        (r#"a"b"c"#, cells(&[r#"a"b"c"#])),
    ] {
        assert_eq!(lines(file), [(1, what)], "{file}");
    }
}

#[test]
fn the_lines_of_a_quoted_cell_are_known() {
    let file = "a\n\"b\",\"c\r\nd\n\",\"e\nf\"\nx\n\"y\nz\" z\n";
    let mut rows = Rows::new(COMMA, Position::START);
    rows.feed(file.as_bytes());
    rows.finish();

    let mut found = Vec::new();
    while let Some(row) = rows.next_row() {
        found.push((
            row.line,
            row.last_line,
            row.quoted_lines.map(|lines| (lines.opens, lines.closes)),
        ));
    }

    assert_eq!(
        found,
        [
            (1, 1, None),
            (2, 5, Some((2, 4))),
            (6, 6, None),
            (7, 8, Some((7, 8)))
        ]
    );
}

#[test]
fn the_end_of_a_dos_text_is_ignored() {
    for file in [
        "a,b\x1A",
        "a,b\r\n\x1A",
        "a,\"b\"\x1A\x1A",
        "a,b\n\x1A\r\n",
        "a,b\n\x1A\x1A",
    ] {
        assert_eq!(lines(file), [(1, cells(&["a", "b"]))], "{file:?}");
    }
    assert_eq!(lines("a\x1Ab\n"), [(1, cells(&["a\x1Ab"]))]);
    assert_eq!(lines("\"a\x1A"), [(1, What::UnclosedQuote(1))]);
}

#[test]
fn ragged_rows_keep_the_cells_they_have() {
    assert_eq!(
        lines("a,b,c\n1\n1,2,3,4,5\n"),
        [
            (1, cells(&["a", "b", "c"])),
            (2, cells(&["1"])),
            (3, cells(&["1", "2", "3", "4", "5"]))
        ]
    );
}

#[test]
fn bytes_that_are_not_valid_are_the_fault_of_their_cell() {
    let mut rows = Rows::new(COMMA, Position::START);
    rows.feed(b"Andr\xE9,a\0b,\xC3,\xA9\n");

    let Content::Cells(cells) = rows.next_row().unwrap().content else {
        panic!("a row of cells")
    };

    assert_eq!(cells.count(), 4);
    assert_eq!(cells.get(0), Some(Err(NotUtf8)));
    assert_eq!(cells.get(1), Some(Ok("a\0b")));
    assert_eq!(cells.get(2), Some(Err(NotUtf8)));
    assert_eq!(cells.get(3), Some(Err(NotUtf8)));
    assert_eq!(cells.get(4), None);
    assert_eq!(cells.bytes(0), Some(&b"Andr\xE9"[..]));
}

#[test]
fn a_byte_order_mark_is_skipped_only_where_the_file_begins() {
    let marked = Dialect { bom: true, ..COMMA };

    let seen = read(marked, "\u{FEFF}\"a\"\n\u{FEFF}b\n".as_bytes());
    let (resumed, _) = read_from(marked, seen[0].position, ["\u{FEFF}b\n".as_bytes()]);

    assert_eq!(seen[0].what, cells(&["a"]));
    assert_eq!(seen[0].position.offset, 7);
    assert_eq!(seen[1].what, cells(&["\u{FEFF}b"]));
    assert_eq!(resumed, seen[1..]);
}

#[test]
fn a_row_of_64_kib_is_read_and_one_byte_more_is_too_large() {
    let fits = format!("x,{}", "y".repeat(MAX_ROW - 2));
    let quoted = format!("\"{}\"", "y".repeat(MAX_ROW - 2));
    let commas = format!("x{}", ",".repeat(MAX_ROW - 1));

    for ending in ["\n", "\r\n", "\r", ""] {
        assert!(
            matches!(&lines(format!("{fits}{ending}"))[..], [(1, What::Cells(cells))] if cells.len() == 2)
        );
        assert!(matches!(
            &lines(format!("{quoted}{ending}"))[..],
            [(1, What::Cells(_))]
        ));
        assert!(
            matches!(&lines(format!("{commas}{ending}"))[..], [(1, What::Cells(cells))] if cells.len() == MAX_ROW)
        );
        for row in [&fits, &commas] {
            assert_eq!(lines(format!("{row},{ending}")), [(1, What::TooLarge)]);
        }
        assert_eq!(lines(format!("{quoted}z{ending}")), [(1, What::TooLarge)]);
    }
}

#[test]
fn a_cell_of_5_mb_costs_its_row_only_and_is_not_stored() {
    let file = format!("a,b\n1,\"{}\"\n2,ok\n", "lorem\nipsum".repeat(500_000));

    let mut rows = Rows::new(COMMA, Position::START);
    let mut seen = Vec::new();
    for chunk in file.as_bytes().chunks(8192) {
        rows.feed(chunk);
        take(&mut rows, &mut seen);
        assert!(rows.text.capacity() <= 64 * 1024);
    }
    rows.finish();
    take(&mut rows, &mut seen);

    assert_eq!(seen[1].what, What::TooLarge);
    assert_eq!(
        (seen[2].line, seen[2].row, &seen[2].what),
        (500_003, 2, &cells(&["2", "ok"]))
    );
}

#[test]
fn a_quote_that_is_never_closed_is_told_with_both_lines() {
    use std::fmt::Write;

    let mut file = String::from("a,b\n1,2\n3,4\n5,6\n\"x\ny\",\"7\n");
    for line in 8..=1000 {
        writeln!(file, "{line},8").unwrap();
    }

    let seen = read(COMMA, file.as_bytes());

    assert_eq!(seen.len(), 5);
    assert_eq!(
        (seen[4].line, seen[4].row, &seen[4].what),
        (5, 4, &What::UnclosedQuote(6))
    );
    assert_eq!(seen[4].position.offset, file.len() as u64);
}

#[test]
fn a_quote_that_is_never_closed_is_told_from_a_row_that_is_too_large() {
    let lines_of = "lorem,ipsum\n".repeat(10_000);

    assert_eq!(lines(format!("x,\"{lines_of}\"\n")), [(1, What::TooLarge)]);
    assert_eq!(
        lines(format!("x,\"y\nz\",\"{lines_of}")),
        [(1, What::UnclosedQuote(2))]
    );
    assert_eq!(
        lines(format!("\"{lines_of}\",\"{lines_of}")),
        [(1, What::UnclosedQuote(10_001))]
    );
}

#[test]
fn blanks_without_end_hide_nothing_that_decides_what_a_quote_means() {
    let no_break = "\u{A0}";
    for (before, opens) in [
        (" ".repeat(MAX_ROW).into_bytes(), true),
        ([" ".repeat(MAX_ROW).as_bytes(), b"\xC2"].concat(), false),
        ((" ".repeat(MAX_ROW - 1) + &no_break.repeat(9)).into_bytes(), true),
        ([no_break.repeat(MAX_ROW).as_bytes(), b"\xC2"].concat(), false),
        (("é".to_owned() + &" ".repeat(3 * MAX_ROW)).into_bytes(), false),
    ] {
        let file = [&before[..], b"\"a\nb"].concat();
        let read: Vec<_> = read(COMMA, &file).into_iter().map(|seen| seen.what).collect();
        assert_eq!(
            read[0] == What::UnclosedQuote(1),
            opens,
            "{} bytes before the quote",
            before.len()
        );
        assert_eq!(read.len(), if opens { 1 } else { 2 });
    }
}

#[test]
fn ten_thousand_columns_are_a_row() {
    let header = (0..10_000).map(|n| format!("c{n}")).collect::<Vec<_>>().join(",");

    assert!(matches!(&lines(header)[..], [(1, What::Cells(cells))] if cells.len() == 10_000));
}

#[test]
fn an_empty_file_has_no_rows() {
    assert_eq!(lines(""), []);
    assert_eq!(read(Dialect { bom: true, ..COMMA }, "\u{FEFF}".as_bytes()), []);
}

#[test]
fn utf_16_is_read_with_positions_in_its_own_bytes() {
    let text = "\u{FEFF}email,name\r\nada@example.org,Ada 😀\r\n";
    let dialect = Dialect {
        encoding: Encoding::UTF_16BE,
        bom: true,
        ..COMMA
    };

    let seen = read(dialect, &utf16(text, u16::to_be_bytes));

    assert_eq!(seen[0].what, cells(&["email", "name"]));
    assert_eq!(seen[0].position.offset, 26);
    assert_eq!(seen[1].what, cells(&["ada@example.org", "Ada 😀"]));
    assert_eq!(seen[1].position.offset, 2 * text.encode_utf16().count() as u64);
}

/// How a byte that is not valid comes out of a decoder.
fn invalid(byte: u8) -> [u8; 3] {
    [0xED, 0xB0 | byte >> 6, 0x80 | byte & 0x3F]
}

#[test]
fn half_a_unit_and_half_a_pair_are_the_fault_of_their_row() {
    let dialect = Dialect {
        encoding: Encoding::UTF_16LE,
        ..COMMA
    };

    let seen = read(dialect, b"a\0\n\0\x3D\xD8\n\0b\0,\0c");

    assert_eq!(
        seen[1].what,
        What::Cells(vec![[invalid(0x3D), invalid(0xD8)].concat()])
    );
    assert_eq!(
        seen[2].what,
        What::Cells(vec![b"b".to_vec(), invalid(b'c').to_vec()])
    );
    assert_eq!(seen[2].position.offset, 13);
}

#[test]
fn the_files_of_csv_spectrum_mean_what_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/csv-spectrum");
    let mut read_files = 0;
    for entry in fs::read_dir(folder.join("csvs")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let json = fs::read(folder.join("json").join(format!("{name}.json"))).unwrap();
        let mut expected: Vec<Map<String, Value>> = match serde_json::from_slice(&json).unwrap() {
            Value::Object(row) => vec![row],
            rows => serde_json::from_value(rows).unwrap(),
        };
        if name == "location_coordinates" {
            // Its two files do not agree in this one cell.
            let telephone = expected[0].insert("Contact Phone Number".to_owned(), "2095257564".into());
            assert_eq!(telephone, Some("1234567890".into()));
        }

        let mut rows = read(COMMA, &fs::read(&path).unwrap())
            .into_iter()
            .map(|row| match row.what {
                What::Cells(cells) => cells.into_iter().map(|cell| String::from_utf8(cell).unwrap()),
                other => panic!("{name}: {other:?}"),
            });
        let header: Vec<String> = rows.next().unwrap().collect();
        let found: Vec<Map<String, Value>> = rows
            .map(|cells| header.iter().cloned().zip(cells.map(Value::from)).collect())
            .collect();

        assert_eq!(found, expected, "{name}");
        read_files += 1;
    }
    assert_eq!(read_files, 12);
}

/// What the rows of a UTF-8 file are, found out byte by byte.
fn model(file: &[u8], delimiter: u8) -> Vec<(u64, What)> {
    let ends = file.iter().rev().take_while(|&&byte| byte == 0x1A).count();
    let file = &file[..file.len() - ends];
    let is_break = |at: usize| matches!(file[at], b'\r' | b'\n');
    let is_end = |at: usize| at == file.len() || is_break(at) || file[at] == delimiter;
    let blanks = |from: usize| {
        let may_be = |byte: u8| byte != delimiter && (matches!(byte, b' ' | b'\t') || byte >= 0x80);
        let run = file[from..].iter().take_while(|&&byte| may_be(byte)).count();
        (from + run, is_blank(&file[from..from + run]))
    };
    let mut line_of = vec![1];
    for at in 0..file.len() {
        let ends_line = is_break(at) && !(file[at] == b'\n' && at > 0 && file[at - 1] == b'\r');
        line_of.push(line_of[at] + u64::from(ends_line));
    }

    let mut rows = Vec::new();
    let mut at = 0;
    while file[at..].starts_with(b"\xEF\xBB\xBF") {
        at += 3;
    }
    while at < file.len() {
        if is_break(at) {
            at += 1;
            continue;
        }
        let start = at;
        let mut cells = Vec::new();
        let mut malformed = Vec::new();
        let mut unclosed = None;
        loop {
            let cell_start = at;
            let (quote, blank) = blanks(at);
            if blank && file.get(quote) == Some(&b'"') {
                let mut cell = Vec::new();
                at = quote + 1;
                while at < file.len() && (file[at] != b'"' || file.get(at + 1) == Some(&b'"')) {
                    cell.push(file[at]);
                    at += 1 + usize::from(file[at] == b'"');
                }
                if at == file.len() {
                    unclosed = Some(line_of[quote]);
                    break;
                }
                let (end, blank) = blanks(at + 1);
                at = end;
                if !(blank && is_end(at)) {
                    while !is_end(at) {
                        at += 1;
                    }
                    cell = file[quote..at].to_vec();
                    malformed.push(cells.len());
                }
                cells.push(cell);
            } else {
                while !is_end(at) {
                    at += 1;
                }
                cells.push(file[cell_start..at].to_vec());
            }
            if at == file.len() || is_break(at) {
                break;
            }
            at += 1;
        }
        let what = if let Some(line) = unclosed {
            What::UnclosedQuote(line)
        } else if at - start > MAX_ROW {
            What::TooLarge
        } else if cells.iter().all(|cell| is_blank(cell)) {
            continue;
        } else if malformed.is_empty() {
            What::Cells(cells)
        } else {
            What::Malformed(cells, malformed)
        };
        rows.push((line_of[start], what));
    }
    rows
}

fn is_blank(text: &[u8]) -> bool {
    let blank = |char: char| char.is_whitespace() || "\u{AD}\u{200B}\u{FEFF}\u{1A}".contains(char);
    std::str::from_utf8(text).is_ok_and(|text| text.chars().all(blank))
}

/// Bytes that mean something to a reader, and now and then a great many of them.
fn file() -> impl Strategy<Value = Vec<u8>> {
    let byte = || {
        prop::sample::select(
            b"ab ,;\t|\"\"\"\r\n\n'=\0\x1A\x81\x30\xC2\xA0\xC3\xA9\xFF\xEF\xBB\xBF\xD8\xDC".to_vec(),
        )
    };
    // Of all but line breaks: so many lines are read slowly and show nothing more.
    let repeated = prop::sample::select(b"ab ,;\t\"\0\x81\xC3".to_vec());
    let part = prop_oneof![
        120 => byte().prop_map(|byte| vec![byte]),
        1 => (repeated, 30_000..80_000_usize).prop_map(|(byte, count)| vec![byte; count]),
    ];
    prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

fn dialect() -> impl Strategy<Value = Dialect> {
    let labels = [
        "utf-8",
        "utf-8",
        "utf-16le",
        "utf-16be",
        "windows-1252",
        "shift_jis",
        "gb18030",
        "big5",
        "euc-kr",
    ];
    let encoding = prop::sample::select(labels.map(|label| Encoding::of_label(label).unwrap()).to_vec());
    let delimiter = prop::sample::select(Delimiter::ALL.to_vec());
    (encoding, any::<bool>(), delimiter).prop_map(|(encoding, bom, delimiter)| Dialect {
        encoding,
        bom,
        delimiter,
        likely: None,
    })
}

fn chunks<'a>(file: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(file.len() + 1)).collect();
    cuts.extend([0, file.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|cut| &file[cut[0]..cut[1]]).collect()
}

proptest! {
    #[test]
    fn rows_are_those_of_a_naive_reader(file in file(), delimiter in prop::sample::select(Delimiter::ALL.to_vec())) {
        let found: Vec<_> = read(Dialect { delimiter, ..COMMA }, &file)
            .into_iter()
            .map(|row| (row.line, row.what))
            .collect();

        prop_assert_eq!(found, model(&file, delimiter.byte()));
    }

    #[test]
    fn rows_do_not_depend_on_the_chunks(
        file in file(), dialect in dialect(), cuts: [Index; 12],
    ) {
        let whole = read_from(dialect, Position::START, [&file[..]]);

        let cut = read_from(dialect, Position::START, chunks(&file, &cuts));
        prop_assert_eq!(&whole, &cut);

        if file.len() < 1000 {
            let bytes = read_from(dialect, Position::START, file.chunks(1));
            prop_assert_eq!(&whole, &bytes);
        }
        prop_assert_eq!(whole.1.offset, file.len() as u64);
    }

    #[test]
    fn reading_goes_on_from_any_position(file in file(), dialect in dialect(), after: Index) {
        let (seen, end) = read_from(dialect, Position::START, [&file[..]]);
        prop_assume!(!seen.is_empty());
        let after = after.index(seen.len());
        let position = seen[after].position;

        let offset = usize::try_from(position.offset).unwrap();
        let (rest, same_end) = read_from(dialect, position, [&file[offset..]]);

        prop_assert_eq!(rest, &seen[after + 1..]);
        prop_assert_eq!(same_end, end);
    }

    #[test]
    fn the_text_of_a_row_and_of_its_cells_is_found_in_the_file(text in "\u{FEFF}?[ab,\"\r\n é€]{0,60}", wide: bool) {
        let (dialect, file) = if wide {
            let dialect = Dialect { encoding: Encoding::UTF_16LE, ..COMMA };
            (dialect, utf16(&text, u16::to_le_bytes))
        } else {
            (COMMA, text.clone().into_bytes())
        };
        let mut rows = Rows::new(dialect, Position::START);
        rows.feed(&file);
        rows.finish();
        while let Some(row) = rows.next_row() {
            let Content::Cells(cells) = row.content else { break };
            let cells = OwnedCells::from(cells);
            let [from, to] = [rows.row_offset(), rows.position().offset].map(|at| usize::try_from(at).unwrap());
            let bytes = &file[from..to];
            let text = if wide {
                let units = bytes.as_chunks().0.iter().map(|unit| u16::from_le_bytes(*unit));
                String::from_utf16(&units.collect::<Vec<_>>()).unwrap()
            } else {
                String::from_utf8(bytes.to_vec()).unwrap()
            };

            let spans = cell_spans(&text, Delimiter::Comma);

            let whole: Vec<_> = spans.iter().map(|span| &text[span.clone()]).collect();
            prop_assert_eq!(whole.join(","), text.trim_end_matches(['\r', '\n']));
            prop_assert_eq!(spans.len(), cells.cells().count());
            for (span, cell) in whole.iter().zip(cells.cells().iter()) {
                // By itself a cell reads as in its row, unless it is blank.
                let alone = lines(span).into_iter().map(|(_, what)| what).next();
                let cell = cell.unwrap();
                let is_blank = is_blank(cell.as_bytes());
                prop_assert!(is_blank || alone.is_some_and(|what| match what {
                    What::Cells(cells) | What::Malformed(cells, _) => cells == [cell.as_bytes()],
                    _ => false,
                }), "{span:?} {cell:?}");
            }
        }
    }

    #[test]
    fn utf_16_gives_the_rows_of_utf_8(text in "\u{FEFF}[ab,\"\r\n é€😀]{0,60}") {
        let without_position = |encoding, file: &[u8]| -> Vec<_> {
            read(Dialect { encoding, bom: true, ..COMMA }, file)
                .into_iter()
                .map(|row| (row.line, row.row, row.what))
                .collect()
        };

        let utf8 = without_position(Encoding::UTF_8, text.as_bytes());
        let little = without_position(Encoding::UTF_16LE, &utf16(&text, u16::to_le_bytes));
        let big = without_position(Encoding::UTF_16BE, &utf16(&text, u16::to_be_bytes));

        prop_assert_eq!(&utf8, &little);
        prop_assert_eq!(&utf8, &big);
    }

    #[test]
    fn cells_are_those_that_the_csv_crate_reads(
        table in prop::collection::vec(prop::collection::vec("a[ab,;\t\"\r\n é'=]{0,6}", 2..5), 0..8),
        crlf: bool,
    ) {
        let mut writer = csv::WriterBuilder::new()
            .flexible(true)
            .terminator(if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') })
            .from_writer(Vec::new());
        for row in &table {
            writer.write_record(row).unwrap();
        }
        let file = writer.into_inner().unwrap();

        let theirs: Vec<_> = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(&file[..])
            .into_byte_records()
            .map(|record| What::Cells(record.unwrap().iter().map(<[u8]>::to_vec).collect()))
            .collect();
        let ours: Vec<_> = read(COMMA, &file).into_iter().map(|row| row.what).collect();

        prop_assert_eq!(&ours, &theirs);
        prop_assert_eq!(ours.len(), table.len());
    }
}
