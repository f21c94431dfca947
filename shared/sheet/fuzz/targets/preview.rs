//! Any beginning of a file has a bounded preview, which says why it has no layout if it has none.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use roster::Roles;
use sheet::{HeaderRow, ImportOptions, Preview, UnknownColumns};
use sheet_fuzz::Said;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    said: Said,
    is_lenient: bool,
    country: bool,
    file: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let Input {
        said,
        is_lenient,
        country,
        file,
    } = input;
    let options = ImportOptions {
        encoding: said.encoding(),
        delimiter: said.delimiter(),
        header: if said.absent().is_some() {
            HeaderRow::Absent
        } else {
            HeaderRow::Present
        },
        unknown_columns: if is_lenient {
            UnknownColumns::Ignore
        } else {
            UnknownColumns::Refuse
        },
        country: country.then(|| "GB".parse().expect("a country")),
        ..ImportOptions::default()
    };

    let preview = Preview::of(&file[..file.len().min(Preview::MAX)], &options, Roles::ALL);

    assert!(preview.rows.len() <= 20 && preview.shown.len() <= 1000 && preview.encodings.len() <= 5);
    assert!(preview.layout.is_some() || !preview.problems.is_empty());
    for row in &preview.rows {
        assert!(row.faults.len() <= 20 && row.cells.len() <= 1000);
    }
});
