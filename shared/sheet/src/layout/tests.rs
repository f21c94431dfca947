use super::*;
use proptest::prelude::*;

fn find(head: impl AsRef<[u8]>) -> Result<FileLayout, FileFault> {
    FileLayout::find(head.as_ref(), Wishes::default())
}

fn delimiter(head: &str) -> Delimiter {
    find(head).unwrap().dialect.delimiter
}

/// Line and offset of the header, and the skipped lines.
fn place(head: impl AsRef<[u8]>) -> (u64, u64, Vec<u64>) {
    let layout = find(head).unwrap();
    assert_eq!(layout.header, Header::Present);
    (layout.start.line, layout.start.offset, layout.skipped_lines)
}

#[test]
fn the_header_decides_the_delimiter() {
    assert_eq!(delimiter("email,firstName\na;b;c;d,e\n"), Delimiter::Comma);
    assert_eq!(delimiter("email;firstName\na,b,c,d;e\n"), Delimiter::Semicolon);
    assert_eq!(delimiter("email\tfirstName\na,b,c,d\te\n"), Delimiter::Tab);
    assert_eq!(delimiter("email|firstName\na,b|c\n"), Delimiter::Pipe);
}

#[test]
fn a_file_of_one_column_is_taken_for_comma_separated() {
    assert_eq!(delimiter("email\na;b\n"), Delimiter::Comma);
    assert_eq!(delimiter("x\n"), Delimiter::Comma);
    assert_eq!(find(""), Ok(find("\n").unwrap()));
}

#[test]
fn delimiters_within_quotes_do_not_count() {
    assert_eq!(delimiter("\"a,b,c,d\";\"e,f\"\n"), Delimiter::Semicolon);
}

#[test]
fn known_columns_count_more_than_many() {
    assert_eq!(
        delimiter("email;lastName;name, title, of, the, person\n"),
        Delimiter::Semicolon
    );
}

#[test]
fn the_sender_may_name_the_delimiter() {
    let wishes = Wishes {
        delimiter: Some(Delimiter::Pipe),
        ..Wishes::default()
    };

    let layout = FileLayout::find(b"email,x|firstName\n", wishes).unwrap();

    assert_eq!(layout.dialect.delimiter, Delimiter::Pipe);
}

#[test]
fn a_byte_order_mark_decides_the_encoding() {
    let wishes = Wishes {
        encoding: Some(Encoding::WINDOWS_1252),
        ..Wishes::default()
    };
    for (head, encoding, bom, delimiter) in [
        (
            "\u{FEFF}email;roles\n".as_bytes(),
            Encoding::UTF_8,
            true,
            Delimiter::Semicolon,
        ),
        (
            "\u{FEFF}\u{FEFF}\"email\";roles\n".as_bytes(),
            Encoding::UTF_8,
            true,
            Delimiter::Semicolon,
        ),
        (
            b"\xFF\xFEe\0m\0a\0i\0l\0;\0b\0\n\0",
            Encoding::UTF_16LE,
            true,
            Delimiter::Semicolon,
        ),
        (
            b"\xFE\xFF\0e\0m\0a\0i\0l\0\t\0b\0\n",
            Encoding::UTF_16BE,
            true,
            Delimiter::Tab,
        ),
        (b"email,roles\n", Encoding::WINDOWS_1252, false, Delimiter::Comma),
    ] {
        let layout = FileLayout::find(head, wishes).unwrap();

        assert_eq!(
            (
                layout.dialect.encoding,
                layout.dialect.bom,
                layout.dialect.delimiter
            ),
            (encoding, bom, delimiter)
        );
        let mut rows = layout.rows();
        rows.feed(head);
        assert!(
            matches!(rows.next_row().unwrap().content, Content::Cells(cells) if cells.get(0) == Some(Ok("email")))
        );
    }
    assert_eq!(find("email\n").unwrap().dialect.encoding, Encoding::UTF_8);
}

#[test]
fn an_encoding_without_a_mark_is_never_guessed() {
    for (head, fault) in [
        (&b"e\0m\0a\0i\0l\0\n\0"[..], FileFault::Utf16("utf-16le")),
        (b"\0e\0m\0a\0i\0l\0\n", FileFault::Utf16("utf-16be")),
        (b"\r\0\n\0e\0m\0a\0i\0l\0", FileFault::Utf16("utf-16le")),
        (b"\xFF\xFE\0\0e\0\0\0", FileFault::Utf32),
        (b"\0\0\xFE\xFF\0\0\0e", FileFault::Utf32),
        (b"e\0\0\0m\0\0\0", FileFault::Utf32),
        (b"em\0ail\n", FileFault::Nul),
    ] {
        assert_eq!(find(head), Err(fault));
    }
    let wishes = Wishes {
        encoding: Some(Encoding::UTF_16LE),
        ..Wishes::default()
    };
    let named = FileLayout::find(b"e\0m\0a\0i\0l\0\n\0", wishes).unwrap();
    assert_eq!(
        (named.dialect.encoding, named.dialect.bom),
        (Encoding::UTF_16LE, false)
    );
}

#[test]
fn the_header_is_the_first_line_with_a_column_for_the_address() {
    assert_eq!(place("email,roles\n"), (1, 0, vec![]));
    assert_eq!(place("\r\n  \n\nemail;roles"), (4, 6, vec![]));
    assert_eq!(place("version:v1.0\nName,email\n"), (2, 13, vec![1]));
    assert_eq!(place("#TYPE Selected.User\r\n\"email\"\r\n"), (2, 21, vec![1]));
    assert_eq!(
        place("Staff \"list, autumn\n\n----\n,,\nE-Mail,First Name\nx\n"),
        (5, 29, vec![1, 3])
    );
    let title: Vec<u8> = "\u{FEFF}Titel ä\r\nemail\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(place(title), (2, 20, vec![1]));
}

#[test]
fn a_header_is_looked_for_on_ten_lines() {
    let below = |lines: usize| format!("{}email\n", "x\n".repeat(lines));

    assert_eq!(place(below(9)).0, 10);
    assert_eq!(
        place(below(10)).0,
        1,
        "none is found, so the first line is taken for it"
    );
}

#[test]
fn a_separator_line_names_the_delimiter() {
    for (head, delimiter) in [
        ("sep=;\r\nemail;a,b,c\r\n", Delimiter::Semicolon),
        ("SEP=|\nemail|a\n", Delimiter::Pipe),
        ("\u{FEFF}sep=\t\nemail\ta\n", Delimiter::Tab),
        ("sep=\\t\nemail\ta\n", Delimiter::Tab),
        ("\"sep=;\"\nemail;a\n", Delimiter::Semicolon),
        ("sep=:\nemail;a\n", Delimiter::Semicolon),
    ] {
        let layout = find(head).unwrap();

        assert_eq!(layout.dialect.delimiter, delimiter, "{head}");
        assert_eq!((layout.start.line, layout.skipped_lines), (2, vec![1]), "{head}");
    }
}

#[test]
fn a_first_line_that_is_data_is_no_header() {
    assert_eq!(find("lea@example.org,Lea,Wolf\n"), Err(FileFault::LooksLikeData));
    assert_eq!(find("Lea;<lea@example.org>\n"), Err(FileFault::LooksLikeData));
    assert_eq!(
        find("a@example.org\nb@example.org,Bo\n"),
        Err(FileFault::LooksLikeData)
    );

    let layout = find("lea@example.org\ntom@example.org\n").unwrap();
    assert_eq!((layout.header, layout.start.line), (Header::Addresses, 1));
}

#[test]
fn a_file_without_a_header_is_read_by_position() {
    let members = [Some(Member::Email), None, Some(Member::FirstName)];
    let wishes = |absent| Wishes {
        absent: Some(absent),
        ..Wishes::default()
    };

    let layout = FileLayout::find(b"a@example.org;x,y,z;Ann\n", wishes(&members)).unwrap();
    assert_eq!(
        (layout.header, layout.dialect.delimiter),
        (Header::Absent, Delimiter::Semicolon)
    );

    let named = FileLayout::find(b"email,_2,firstName,_line\n", wishes(&members)).unwrap();
    assert_eq!(named.header, Header::Present);

    let one = FileLayout::find(b"sep=;\na@example.org\n", wishes(&[])).unwrap();
    assert_eq!((one.header, one.start.line), (Header::Addresses, 2));
    let none = FileLayout::find(b"sep=;\n", wishes(&members)).unwrap();
    assert_eq!(
        (none.start.offset, none.start.line, none.skipped_lines),
        (6, 2, vec![1])
    );
    let one_again = FileLayout::find(b"email,_line,_message\n", wishes(&[])).unwrap();
    assert_eq!(one_again.header, Header::Present);
    let two = FileLayout::find(b"a@example.org,Ann\n", wishes(&[]));
    assert_eq!(two, Err(FileFault::ColumnsMissing { columns: 2 }));
}

proptest! {
    #[test]
    fn any_file_has_a_layout_or_a_fault(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "email", "firstName", ",", ";", "\t", "|", "\"", "\n", "\r\n", "\r", " ", "\u{FEFF}", "sep=", "a@example.org",
            "\u{1A}", "é", "\0", "{", "[", "version: 1", "dn: ", "x",
        ]), 0..30),
        bytes: Vec<u8>, after: bool, label in prop::sample::select(vec!["utf-8", "utf-16le", "shift_jis", "gb18030"]),
        absent: bool, encoded: bool,
    ) {
        let encoding = Encoding::of_label(label).unwrap();
        let text = pieces.concat();
        let text: Vec<u8> = if encoded && label == "utf-16le" {
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        } else {
            text.into_bytes()
        };
        let head = if after { [text, bytes].concat() } else { [bytes, text].concat() };
        let members = [Some(Member::Email), None];
        let wishes = Wishes { encoding: Some(encoding), delimiter: None, absent: absent.then_some(&members[..]), columns: None };

        if let Ok(layout) = FileLayout::find(&head, wishes) {
            prop_assert!(layout.start.line <= 10);
            prop_assert!(layout.skipped_lines.iter().all(|line| *line < layout.start.line));
            let mut rows = layout.rows();
            rows.feed(&head[usize::try_from(layout.start.offset).unwrap()..]);
            rows.finish();
            let mut line = layout.start.line;
            while let Some(row) = rows.next_row() {
                prop_assert!(row.line >= line && row.last_line >= row.line);
                line = row.last_line + 1;
            }
            prop_assert_eq!(rows.position().offset, head.len() as u64);
        }
    }
}
