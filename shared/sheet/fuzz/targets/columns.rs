//! Any header is understood or refused, by itself and with any mapping.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use roster::Member;
use sheet::{ColumnMapping, Columns, Delimiter, Dialect, Position, Rows, UnknownColumns};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    is_lenient: bool,
    delimiter: u8,
    mapping: Option<&'a str>,
    header: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let Input {
        is_lenient,
        delimiter,
        mapping,
        header,
    } = input;
    let mapping = mapping.map(ColumnMapping::of_json);
    if let Some(Err(fault)) = &mapping {
        assert!(!fault.to_string().is_empty());
    }
    let mapping = mapping.and_then(Result::ok);
    if let Some(mapping) = &mapping {
        let json = serde_json::to_string(mapping).expect("a mapping is JSON");
        // What is stored may be longer than what was sent, which had its letters unescaped.
        if json.len() <= ColumnMapping::MAX_BYTES {
            assert_eq!(ColumnMapping::of_json(&json).as_ref(), Ok(mapping));
        }
    }
    let delimiter = Delimiter::ALL[usize::from(delimiter) % Delimiter::ALL.len()];
    let mut rows = Rows::new(
        Dialect {
            delimiter,
            ..Dialect::PLAIN
        },
        Position::START,
    );
    rows.feed(header);
    rows.finish();
    let unknown = if is_lenient {
        UnknownColumns::Ignore
    } else {
        UnknownColumns::Refuse
    };

    match Columns::read(rows.next_row(), unknown, mapping.as_ref()) {
        Ok(columns) => {
            assert!(columns.name(Member::Email).is_some());
            let known = (0..columns.header().len()).filter_map(|index| columns.meaning(index));
            assert_eq!(known.filter(|member| *member == Member::Email).count(), 1);
        }
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
});
