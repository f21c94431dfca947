//! However a file arrives, its rows are the same; and so are those after any row, read from there.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use sheet::{Content, FileLayout, Position, Rows};
use sheet_fuzz::Said;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    said: Said,
    /// Bytes that arrive at once, less one.
    piece: u16,
    /// The row after which reading begins again.
    stop: u8,
    file: &'a [u8],
}

/// A row by itself: where it is, and its cells or why there are none.
type Told = (u64, u64, u64, Result<Vec<Vec<u8>>, String>);

fn read(mut rows: Rows, pieces: std::slice::Chunks<'_, u8>) -> Vec<(Told, Position)> {
    let mut all = Vec::new();
    let mut take = |rows: &mut Rows| {
        while let Some(row) = rows.next_row() {
            let content = match row.content {
                Content::Cells(cells) => Ok((0..cells.count())
                    .map(|index| cells.bytes(index).expect("counted").to_vec())
                    .collect()),
                other => Err(format!("{other:?}")),
            };
            let told = (row.line, row.row, row.last_line, content);
            all.push((told, rows.position()));
        }
    };
    for piece in pieces {
        rows.feed(piece);
        take(&mut rows);
    }
    rows.finish();
    take(&mut rows);
    all
}

fuzz_target!(|input: Input<'_>| {
    let Input {
        said,
        piece,
        stop,
        file,
    } = input;
    let Ok(layout) = FileLayout::find(&file[..file.len().min(FileLayout::HEAD)], said.wishes()) else {
        return;
    };
    let body = &file[usize::try_from(layout.start.offset).unwrap()..];

    let whole = read(layout.rows(), body.chunks(usize::MAX));

    let lines = whole.iter().map(|((line, ..), _)| *line);
    assert!(lines.is_sorted_by(|one, next| one < next));
    assert_eq!(read(layout.rows(), body.chunks(usize::from(piece) + 1)), whole);

    // An import goes on after a row of people, never before the first.
    let stop = usize::from(stop) + 1;
    if let Some((_, position)) = whole.get(stop - 1) {
        let rest = &file[usize::try_from(position.offset).unwrap()..];
        assert_eq!(
            read(Rows::new(layout.dialect, *position), rest.chunks(usize::MAX)),
            whole[stop..]
        );
    }
});
