//! Any row is a person or has errors; what is proposed for a cell is no error; and a rejected row comes back as it was.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use roster::{Code, Country, ImportId, Member, Role, Roles, Timestamp};
use sheet::escape::unescape;
use sheet::{
    CellRules, Cells, Check, Columns, Content, Dialect, OwnedCells, Position, Rejected, RejectedFault, Row,
    RowError, Rows,
};

const COUNTRIES: [&str; 6] = ["DE", "GB", "US", "IT", "RU", "HU"];

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    country: u8,
    file: &'a [u8],
}

fn check(country: Option<Country>) -> Check {
    let columns: Vec<_> = Member::ALL.into_iter().map(Some).collect();
    let columns = Columns::by_position(&columns).expect("each member once");
    Check {
        surplus: columns.surplus(),
        columns: Arc::new(columns),
        dialect: Dialect::PLAIN,
        rules: CellRules {
            assignable: Roles::ALL,
            country,
        },
        default_roles: Role::Collaborator.into(),
        import: ImportId::of_object("bucket", "key", ""),
        now: Timestamp::from_millis(0),
    }
}

fn text(cells: Cells<'_>) -> Option<Vec<String>> {
    (0..cells.count())
        .map(|index| cells.get(index)?.ok().map(str::to_owned))
        .collect()
}

fuzz_target!(|input: Input<'_>| {
    let country = COUNTRIES
        .get(usize::from(input.country) % 12)
        .map(|code| code.parse().expect("a country"));
    let check = check(country);
    let mut rows = Rows::new(Dialect::PLAIN, Position::START);
    rows.feed(input.file);
    rows.finish();
    while let Some(row) = rows.next_row() {
        let (errors, is_sound) = match check.check(&row) {
            Ok(sound) => (sound.warnings, true),
            Err(errors) => (errors, false),
        };
        assert!(is_sound || !errors.is_empty());
        assert!(errors.len() <= 101);
        let Content::Cells(cells) = row.content else {
            continue;
        };
        let Some(cells) = text(cells) else { continue };
        for error in &errors {
            let index = error
                .column
                .as_deref()
                .and_then(|name| check.columns.header().iter().position(|at| at == name));
            let (Some(suggestion), Some(index)) = (&error.suggestion, index) else {
                continue;
            };
            let mut corrected = cells.clone();
            corrected[index].clone_from(suggestion);
            let corrected = OwnedCells::of(&corrected);
            let left = match check.check(&Row::alone(row.line, corrected.cells())) {
                Ok(sound) => sound.warnings,
                Err(errors) => errors,
            };
            let again = left.iter().find(|left| left.column == error.column);
            assert!(again.is_none(), "{suggestion:?} has {again:?}");
            // These errors are reported alone; the errors of cells follow when the row is mended.
            let hides = |error: &RowError| matches!(error.code, Code::MalformedQuote | Code::ColumnCount);
            assert!(
                left.len() < errors.len() || errors.iter().any(hides),
                "{suggestion:?} leaves {left:?} of {errors:?}"
            );
        }
        comes_back(&check, &cells);
    }
});

/// What is written as a rejected row is read as the same cells, but for the mark of what a spreadsheet would run.
fn comes_back(check: &Check, cells: &[String]) {
    let owned = OwnedCells::of(cells);
    let extra = Rejected::extra_of(&check.columns, owned.cells());
    let rejected = Rejected::new(&check.columns, check.dialect, extra);
    let fault = RejectedFault {
        column: "",
        code: "missing",
        message: "is missing",
        suggestion: "",
    };
    let mut file = Vec::new();
    rejected.row(2, Some(owned.cells()), &[fault], &mut file);
    let back: Vec<_> = rejected.read(&file).collect();
    assert_eq!(back.len(), 1);
    assert_eq!(back[0].line, 2);
    for (was, is) in cells.iter().zip(&back[0].cells) {
        assert_eq!(unescape(was), is);
    }
    assert!(
        back[0].cells[cells.len().min(back[0].cells.len())..]
            .iter()
            .all(String::is_empty)
    );
}
