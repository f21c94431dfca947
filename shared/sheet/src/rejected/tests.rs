use proptest::prelude::*;
use roster::Member;

use super::*;
use crate::{Content, Delimiter, OwnedCells, Position, Rows, UnknownColumns};

const FAULT: RejectedFault<'_> = RejectedFault {
    column: "E-Mail",
    code: "invalid_format",
    message: "email \"ada@\" is not an email address",
    suggestion: "",
};

/// The file of rejected rows that comes out when every row of a file is rejected for `faults`.
fn rejected(file: &[u8], faults: &[RejectedFault<'_>]) -> Vec<u8> {
    let dialect = Dialect::detect(file).unwrap();
    let mut rows = Rows::new(dialect, Position::START);
    rows.feed(file);
    rows.finish();
    let columns = Columns::read(rows.next_row(), UnknownColumns::Ignore, None).unwrap();
    let mut all = Vec::new();
    while let Some(row) = rows.next_row() {
        let cells = match row.content {
            Content::Cells(cells) => Some(cells),
            Content::TooLarge | Content::UnclosedQuote { .. } => None,
        };
        all.push((row.line, cells.map(OwnedCells::from)));
    }
    let cells = all.iter().filter_map(|(_, cells)| cells.as_ref());
    let extra = cells
        .map(|cells| Rejected::extra_of(&columns, cells.cells()))
        .max();
    let rejected = Rejected::new(&columns, dialect, extra.unwrap_or_default());
    let mut out = Vec::new();
    rejected.header(&mut out);
    for (line, cells) in &all {
        rejected.row(*line, cells.as_ref().map(OwnedCells::cells), faults, &mut out);
    }
    out
}

/// The columns of a file with this header.
fn columns(header: &str) -> Columns {
    let mut rows = Rows::new(Dialect::PLAIN, Position::START);
    rows.feed(header.as_bytes());
    rows.finish();
    Columns::read(rows.next_row(), UnknownColumns::Ignore, None).unwrap()
}

fn text(file: &[u8], faults: &[RejectedFault<'_>]) -> String {
    let text = String::from_utf8(rejected(file, faults)).unwrap();
    text.strip_prefix('\u{FEFF}').unwrap().to_owned()
}

#[test]
fn a_column_that_keeps_cells_without_one_has_its_name_and_a_number() {
    for (name, is_one) in [
        (format!("{SURPLUS}1"), true),
        (format!("{}12", SURPLUS.to_uppercase()), true),
        (SURPLUS.to_owned(), false),
        (format!("{SURPLUS}x"), false),
        ("email".to_owned(), false),
    ] {
        assert_eq!(is_surplus(&name), is_one, "{name}");
    }
}

#[test]
fn rows_come_back_in_their_own_columns_with_their_faults() {
    assert_eq!(
        text(b"Surname;E-Mail\nLovelace;ada@\n", &[FAULT]),
        "Surname;E-Mail;_line;_column;_code;_message;_suggestion\r\n\
         Lovelace;ada@;2;E-Mail;invalid_format;\"email \"\"ada@\"\" is not an email address\";\r\n"
    );
}

#[test]
fn several_faults_share_a_row() {
    let role = RejectedFault {
        column: "Role",
        code: "unknown_role",
        message: "roles \"x\" is not a role",
        suggestion: "Originator",
    };

    assert_eq!(
        text(b"E-Mail,Role\nada@,x\n", &[FAULT, role])
            .lines()
            .nth(1)
            .unwrap(),
        "ada@,x,2,E-Mail; Role,invalid_format; unknown_role,\
         \"email \"\"ada@\"\" is not an email address; roles \"\"x\"\" is not a role\",; Originator"
    );
}

#[test]
fn the_faults_of_an_earlier_round_are_replaced() {
    let first = rejected(b"E-Mail,Role\nada@,x\n", &[FAULT]);

    assert_eq!(rejected(&first, &[FAULT]), first);
}

#[test]
fn a_row_that_could_not_be_kept_is_empty_but_for_its_faults() {
    let file = format!("email,roles\n\"{}\"\nx,\"", "y".repeat(70_000));

    assert_eq!(
        text(file.as_bytes(), &[]).lines().skip(1).collect::<Vec<_>>(),
        [",,2,,,,", ",,3,,,,"]
    );
}

#[test]
fn rows_that_are_too_short_are_filled_and_cells_beyond_the_columns_kept() {
    let first = "email,roles,_extra1,_extra2,_line,_column,_code,_message,_suggestion\r\n\
                 a,,,,2,,,,\r\n\
                 a,b,c,d,3,,,,\r\n";
    assert_eq!(text(b"email,roles\na\na,b,c,d, ,\n", &[]), first);

    let again = "email,roles,_extra1,_extra2,_line,_column,_code,_message,_suggestion\r\n\
                 a,,,,2,,,,\r\n\
                 a,b,c,d,3,,,,\r\n";
    assert_eq!(text(first.as_bytes(), &[]), again);
}

#[test]
fn rows_of_another_width_or_an_earlier_version_are_made_as_wide() {
    let dialect = Dialect::detect(b"email\n").unwrap();
    let columns = Columns::by_position(&[Some(Member::Email), None]).unwrap();
    let rejected = Rejected::new(&columns, dialect, 2);
    let widened = |rows: &str, from| String::from_utf8(rejected.widened(rows.into(), from)).unwrap();

    assert_eq!(
        widened("a,\"b,\r\n\"\"c\",2,,,x;y,\r\nd,\"e\" f,3,,,,\r\n", Some(0)),
        "a,\"b,\r\n\"\"c\",,,2,,,x;y,\r\nd,\"e\" f,,,3,,,,\r\n"
    );
    assert_eq!(widened("a,b,c,2,,,x,\r\n", Some(1)), "a,b,c,,2,,,x,\r\n");
    assert_eq!(widened("a,b,c,d,2,,,x,y\r\n", Some(2)), "a,b,c,d,2,,,x,y\r\n");
    assert_eq!(
        widened("a,b,2,,,x\r\na,b,3,,,x,c,d\r\n", None),
        "a,b,,,2,,,x,\r\na,b,c,d,3,,,x,\r\n"
    );
}

#[test]
fn a_cell_with_text_after_its_closing_quote_is_at_fault_again() {
    let file = r#"email,name
a,"Will \"x\""
b,"Pat" Lee
c,"=1" x
"#;
    let rejected = text(file.as_bytes(), &[]);

    assert_eq!(
        rejected.lines().skip(1).collect::<Vec<_>>(),
        [
            r#"a,"""Will \""x\""""",2,,,,"#,
            r#"b,"Pat" Lee,3,,,,"#,
            // A spreadsheet would run it.
            r#"c,"""=1"" x",4,,,,"#,
        ]
    );
}

#[test]
fn cells_that_a_spreadsheet_would_run_are_escaped_once() {
    assert_eq!(
        text(b"email,_=x\n=1,'=1\n''=1,'t\n", &[])
            .lines()
            .collect::<Vec<_>>(),
        [
            "email,_=x,_line,_column,_code,_message,_suggestion",
            "'=1,'=1,2,,,,",
            "''=1,'t,3,,,,"
        ]
    );
}

#[test]
fn the_text_is_utf_8_that_people_can_read() {
    let utf16: Vec<u8> = "\u{FEFF}email\té\nß\t\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();

    assert_eq!(
        text(&utf16, &[]),
        "email\té\t_line\t_column\t_code\t_message\t_suggestion\r\nß\t\t2\t\t\t\t\r\n"
    );
    assert_eq!(
        text(b"email\nAndr\xE9\n", &[]).lines().nth(1).unwrap(),
        "André,2,,,,"
    );
}

#[test]
fn notes_are_told_apart_where_no_message_has_a_semicolon() {
    let columns = columns("email,role");
    let written = Rejected::new(&columns, Dialect::PLAIN, 1);
    let notes = |messages: [&'static str; 2]| {
        let faults = [
            ("email", "invalid_format", "b@c.example"),
            ("role", "unknown_role", ""),
        ];
        let faults: Vec<_> = std::iter::zip(faults, messages)
            .map(|((column, code, suggestion), message)| RejectedFault {
                column,
                code,
                message,
                suggestion,
            })
            .collect();
        let mut out = Vec::new();
        written.row(7, None, &faults, &mut out);
        let rows: Vec<_> = written.read(&out).collect();
        assert_eq!((rows[0].line, rows[0].cells.len(), rows.len()), (7, 3, 1));
        rows.into_iter().next().unwrap().notes
    };

    let plain = notes(["one", "=two"]);
    let with_semicolon = notes(["one; or so", "two"]);

    assert_eq!(
        plain
            .iter()
            .map(|note| (&*note.column, &*note.code, &*note.message, &*note.suggestion))
            .collect::<Vec<_>>(),
        [
            ("email", "invalid_format", "one", "b@c.example"),
            ("role", "unknown_role", "=two", ""),
        ]
    );
    for (note, code) in std::iter::zip(&with_semicolon, ["invalid_format", "unknown_role"]) {
        assert_eq!((&*note.code, &*note.message), (code, "one; or so; two"));
    }
}

proptest! {
    #[test]
    fn rows_are_read_as_they_were_written(
        table in prop::collection::vec(prop::collection::vec("'{0,2}[=+a,;\t\"\r\n é]{0,6}", 1..5), 1..6),
        delimiter in prop::sample::select(Delimiter::ALL.to_vec()),
    ) {
        let columns = columns("email,role");
        let dialect = Dialect { delimiter, ..Dialect::PLAIN };
        let written = Rejected::new(&columns, dialect, 2);
        let mut out = Vec::new();
        for (line, cells) in (2..).zip(&table) {
            written.row(line, Some(OwnedCells::of(cells).cells()), &[FAULT], &mut out);
        }

        let rows: Vec<_> = written.read(&out).collect();

        prop_assert_eq!(written.names().collect::<Vec<_>>(), ["email", "role", "_extra1", "_extra2"]);
        prop_assert_eq!(rows.len(), table.len());
        for ((line, cells), row) in (2..).zip(table).zip(rows) {
            let mut expected: Vec<_> = cells.iter().map(|cell| unescape(cell).to_owned()).collect();
            expected.resize(4, String::new());
            prop_assert_eq!((row.line, row.cells), (line, expected));
            prop_assert_eq!(&row.notes[0].message, FAULT.message);
        }
    }

    #[test]
    fn what_is_written_reads_back_the_same(
        table in prop::collection::vec(prop::collection::vec("'{0,2}[=+a,;\t\"\r\n é]{0,6}", 3), 1..6),
        delimiter in prop::sample::select(Delimiter::ALL.to_vec()),
        bom: bool,
    ) {
        let mut writer = csv::WriterBuilder::new().delimiter(delimiter.byte()).from_writer(Vec::new());
        writer.write_record(["email", "first name", "_note"]).unwrap();
        for row in &table {
            writer.write_record(row).unwrap();
        }
        let mut file = if bom { Encoding::UTF_8.bom().to_vec() } else { Vec::new() };
        file.extend(writer.into_inner().unwrap());

        let out = rejected(&file, &[FAULT]);

        let dialect = Dialect::detect(&out).unwrap();
        prop_assert_eq!(dialect.delimiter, Dialect::detect(&file).unwrap().delimiter);
        let mut rows = Rows::new(dialect, Position::START);
        rows.feed(&out);
        rows.finish();
        let columns = Columns::read(rows.next_row(), UnknownColumns::Refuse, None).unwrap();
        prop_assert_eq!(&columns.header()[..3], ["email", "first name", "_note"]);
        prop_assert_eq!(&columns.header()[3..], Rejected::COLUMNS);
        let blank = |cell: &String| cell.chars().all(char::is_whitespace);
        for cells in table.iter().filter(|cells| !cells.iter().all(blank)) {
            let Content::Cells(found) = rows.next_row().unwrap().content else { panic!("a row of cells") };
            let found: Vec<_> = found.iter().take(3).map(|cell| unescape(cell.unwrap()).to_owned()).collect();
            let expected: Vec<_> = cells.iter().map(|cell| unescape(cell).to_owned()).collect();
            prop_assert_eq!(found, expected);
        }
        prop_assert!(rows.next_row().is_none());
    }
}
