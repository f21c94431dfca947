//! Whatever a file is: it is read to its end, and all that is told of it is bounded.
//!
//! `PROPTEST_CASES` says how many files there are.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use roster::{ImportId, Member, Roles, Timestamp};

use super::cell::CellRules;
use super::check::{Check, SoundRow};
use super::{
    Columns, Content, Dialect, Encoding, FileLayout, Header, HeaderRow, ImportOptions, Position, Preview,
    Rejected, RejectedFault, Row, RowError, Rows, UnknownColumns, Wishes,
};

/// What files are made of, and what they should not be made of.
const PIECES: [&[u8]; 44] = [
    b"email",
    b"firstName",
    b"E-mail Address",
    b"roles",
    b"Mobile",
    b"enabled",
    b"_line",
    b"planId",
    b",",
    b",",
    b";",
    b"\t",
    b"|",
    b"\"",
    b"\"",
    b"\"\"",
    b"\r\n",
    b"\n",
    b"\n",
    b"\r",
    b"ada@example.org",
    b"ada@b\xC3\xBCcher.example",
    b"Originator; Collaborator",
    b"+49 30 901820",
    b"'=1+1",
    b"=cmd()",
    b"yes",
    b" ",
    b"\0",
    b"\xFF",
    b"\xC3",
    b"\xEF\xBB\xBF",
    b"\xFF\xFE",
    b"\xFE\xFF",
    b"\xE2\x80\x8B",
    b"\xF0\x9F\x98\x80",
    b"e\0m\0a\0i\0l\0\n\0",
    b"\xD8\x00",
    b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    b"sep=;\n",
    b"\\\"",
    b"_extra1",
    b"\x1A",
    b"\x89\xD4\x8Eq",
];

fn file() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        12 => select(PIECES.to_vec()).prop_map(<[u8]>::to_vec),
        2 => vec(any::<u8>(), 0..8),
        1 => (select(PIECES.to_vec()), 1..3000_usize).prop_map(|(piece, times)| piece.repeat(times)),
    ];
    let begin = select(vec![
        &b""[..],
        b"email,firstName,lastName,mobileNumber,roles\n",
        b"\xEF\xBB\xBFemail;roles\r\n",
        b"\xFF\xFEe\0m\0a\0i\0l\0\n\0",
    ]);
    (begin, vec(piece, 0..40)).prop_map(|(begin, pieces)| [begin.to_vec(), pieces.concat()].concat())
}

proptest! {
    #[test]
    fn any_beginning_of_a_file_has_a_bounded_preview(
        file in file(), cut in 0..400_000_usize, lenient: bool, absent: bool,
        label in select(vec!["utf-8", "utf-16le", "windows-1252", "shift_jis", "gb18030"]),
    ) {
        let options = ImportOptions {
            encoding: Encoding::of_label(label).ok(),
            header: if absent { HeaderRow::Absent } else { HeaderRow::Present },
            unknown_columns: if lenient { UnknownColumns::Ignore } else { UnknownColumns::Refuse },
            ..ImportOptions::default()
        };
        let head = &file[..file.len().min(cut).min(Preview::MAX)];

        let preview = Preview::of(head, &options, Roles::ALL);

        prop_assert!(preview.rows.len() <= 20 && preview.shown.len() <= 1000 && preview.encodings.len() <= 5);
        prop_assert!(preview.layout.is_some() || !preview.problems.is_empty());
        for row in &preview.rows {
            prop_assert!(row.faults.len() <= 20 && row.cells.len() <= 1000);
        }
    }

    #[test]
    fn any_file_is_read_to_its_end(
        file in file(), chunk in 1..5000_usize, lenient: bool, absent: bool,
        label in select(vec!["utf-8", "utf-16le", "utf-16be", "windows-1252", "shift_jis", "gb18030", "big5"]),
    ) {
        let members = [Some(Member::Email), None, Some(Member::Roles)];
        let wishes = Wishes {
            encoding: Encoding::of_label(label).ok(),
            delimiter: None,
            absent: absent.then_some(&members[..]),
            columns: None,
        };
        let head = &file[..file.len().min(FileLayout::HEAD)];
        let Ok(layout) = FileLayout::find(head, wishes) else {
            return Ok(());
        };
        let unknown = if lenient { UnknownColumns::Ignore } else { UnknownColumns::Refuse };
        let mut rows = layout.rows();
        let start = usize::try_from(layout.start.offset).unwrap();
        let mut chunks = file[start..].chunks(chunk);
        let mut ended = false;
        let mut check = match layout.header {
            Header::Present => None,
            Header::Absent => Columns::by_position(&members).ok(),
            Header::Addresses => Columns::by_position(&members[..1]).ok(),
        }
        .map(|columns| check(columns, layout.dialect));
        let mut line = 0;
        loop {
            let Some(row) = rows.next_row() else {
                match chunks.next() {
                    Some(chunk) => rows.feed(chunk),
                    None if ended => break,
                    None => {
                        ended = true;
                        rows.finish();
                    }
                }
                continue;
            };
            prop_assert!(row.line > line, "lines go up");
            line = row.line;
            let Some(check) = &check else {
                let Ok(columns) = Columns::read(Some(row), unknown, None) else {
                    return Ok(());
                };
                check = Some(self::check(columns, layout.dialect));
                continue;
            };
            match check.check(&row) {
                Ok(SoundRow { user, .. }) => {
                    prop_assert_eq!(user.import.unwrap().1, line);
                    prop_assert!(matches!(row.content, Content::Cells(_)));
                }
                Err(faults) => {
                    prop_assert!((1..=101).contains(&faults.len()));
                    come_back(check, &row, &faults)?;
                }
            }
        }
    }
}

fn check(columns: Columns, dialect: Dialect) -> Check {
    Check {
        surplus: columns.surplus(),
        columns: Arc::new(columns),
        dialect,
        rules: CellRules {
            assignable: Roles::ALL,
            country: None,
        },
        default_roles: Roles::NONE,
        import: ImportId::of_object("b", "k", "v"),
        now: Timestamp::MAX,
    }
}

/// A rejected row is one row again, as long as all others, and at fault again unless only its bytes were not valid.
fn come_back(check: &Check, row: &Row<'_>, faults: &[RowError]) -> Result<(), TestCaseError> {
    let Content::Cells(cells) = row.content else {
        return Ok(());
    };
    let extra = Rejected::extra_of(&check.columns, cells);
    let rejected = Rejected::new(&check.columns, check.dialect, extra);
    let faults: Vec<_> = faults
        .iter()
        .map(|fault| RejectedFault {
            column: fault.column.as_deref().unwrap_or_default(),
            code: fault.code.name(),
            message: &fault.message,
            suggestion: fault.suggestion.as_deref().unwrap_or_default(),
        })
        .collect();
    let mut file = Vec::new();
    rejected.header(&mut file);
    rejected.row(row.line, Some(cells), &faults, &mut file);
    let dialect = Dialect {
        encoding: Encoding::UTF_8,
        ..check.dialect
    };
    let mut rows = Rows::new(dialect, Position::START);
    rows.feed(&file);
    rows.finish();

    let Content::Cells(header) = rows.next_row().unwrap().content else {
        return Ok(());
    };
    let width = header.count();
    let again = rows.next_row().unwrap();
    if let Content::Cells(cells) = again.content {
        prop_assert_eq!(cells.count(), width);
        let line = row.line.to_string();
        prop_assert_eq!(
            cells.get(width - Rejected::COLUMNS.len()),
            Some(Ok(line.as_str()))
        );
    } else {
        prop_assert_eq!(again.content, Content::TooLarge);
    }
    prop_assert!(rows.next_row().is_none());
    Ok(())
}
