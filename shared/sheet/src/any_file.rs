//! Whatever a file is: it is read to its end, and all that is told of it is bounded.
//!
//! `PROPTEST_CASES` says how many files there are.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use roster::{ImportId, Roles, Timestamp};

use super::check::{Check, SoundRow};
use super::{Columns, Content, Dialect, Position, Rows};
use crate::UnknownColumns;

/// What files are made of, and what they should not be made of.
const PIECES: [&[u8]; 40] = [
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
    fn any_file_is_read_to_its_end(file in file(), chunk in 1..5000_usize, lenient: bool) {
        let Ok(dialect) = Dialect::detect(&file[..file.len().min(Dialect::HEAD)]) else {
            return Ok(());
        };
        let mut rows = Rows::new(dialect, Position::START);
        let mut chunks = file.chunks(chunk);
        let mut ended = false;
        let mut check: Option<Check> = None;
        let unknown = if lenient { UnknownColumns::Ignore } else { UnknownColumns::Refuse };
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
                let Ok(columns) = Columns::read(Some(row), unknown) else {
                    return Ok(());
                };
                check = Some(Check {
                    columns: Arc::new(columns),
                    assignable: Roles::ALL,
                    default_roles: Roles::NONE,
                    import: ImportId::of_object("b", "k", "v"),
                    now: Timestamp::MAX,
                });
                continue;
            };
            match check.check(&row) {
                Ok(SoundRow { user, .. }) => {
                    prop_assert_eq!(user.import.unwrap().1, line);
                    prop_assert!(matches!(row.content, Content::Cells(_)));
                }
                Err(faults) => {
                    prop_assert!((1..=101).contains(&faults.len()));
                }
            }
        }
    }
}
