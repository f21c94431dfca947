//! `POST /users/import/check`: what an import would make of a few rows.

use lambda_http::{Body, Request, Response};
use serde::Serialize;
use serde_json::json;
use shared::Error;
use shared::http::operation::{Access, Answer, Operation, Route, Tag, Verb, add};
use shared::http::query::Query;
use shared::http::{self, respond};
use shared::intake::{self, CheckedRow, Intake, RowOutcome};
use shared::roster::{Code, Given, Member, MemberChange, Right, Violation};
use shared::sheet::{Columns, ImportOptionsDraft, OwnedCells, RowError};
use utoipa::ToSchema;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Type};

use crate::options;

/// How many rows are checked at once: what five calls look up.
const MAX_ROWS: usize = 500;

/// How many columns a row may have: as many as `columns` of an import may name.
const MAX_COLUMNS: usize = 1000;

/// How many values a body may have: the cells of as many rows of a hundred columns, and their arrays.
const MAX_VALUES: usize = 60_000;

/// How many faults of a row are answered.
const FAULTS: usize = 20;

/// What an import would make of rows.
#[derive(Serialize, ToSchema)]
#[schema(as = Check)]
pub(crate) struct CheckView {
    /// One for each row, in order.
    rows: Vec<RowView>,
}

/// What an import would make of a row.
#[derive(Serialize, ToSchema)]
#[schema(as = CheckedRow)]
struct RowView {
    /// What is wrong or odd in it, at most 20. `line` and `row` are its place among the rows, from 1.
    faults: Vec<RowError>,
    /// What would become of it.
    outcome: RowOutcome,
    /// What it would change of an existing account.
    changes: Vec<MemberChange>,
}

pub(crate) const CHECK: Operation<Intake> = Operation {
    route: Route::new(
        Verb::Post,
        "/users/import/check",
        Access::Right(Right::Import),
        |app, request| Box::pin(check(app, request)),
    )
    .changing_nothing(),
    tag: Tag::Imports,
    id: "checkRows",
    summary: "Checks up to 500 rows as an import would",
    describe: |operation| {
        operation
            .about("Takes the rows as JSON and the options of an import. Stores nothing.")
            .json::<ImportOptionsDraft<'_>>(
                "CheckRequest",
                |request| {
                    let text = || {
                        ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null]))
                    };
                    let columns = ArrayBuilder::new()
                        .items(text())
                        .description(Some("What each column means: the name of a member, or null"))
                        .min_items(Some(1))
                        .max_items(Some(MAX_COLUMNS));
                    let cells = ArrayBuilder::new().items(text());
                    let rows = ArrayBuilder::new()
                        .items(cells)
                        .description(Some("The cells of each row; null is an empty one"))
                        .min_items(Some(1))
                        .max_items(Some(MAX_ROWS));
                    options::describe_nulls(request);
                    add(request, "columns", columns);
                    add(request, "rows", rows);
                    request.required = vec!["columns".to_owned(), "rows".to_owned()];
                },
                json!({ "columns": ["email", "firstName"], "rows": [["ada@example.org", "Ada"]] }),
            )
            .answers(200, Answer::json::<CheckView>("What would become of each row"))
    },
};

async fn check(app: &Intake, request: Request) -> Result<Response<Body>, Error> {
    let caller = http::caller(app, &request).await?;
    Query::of(&request).finish()?;
    let mut body = http::json::object_of(&request, MAX_VALUES)?;
    let given = (body.take("columns"), body.take("rows"));
    let draft = options::of_body(&mut body);
    let mut faults = body.unknown_members();
    let columns = columns(given.0).map_err(|fault| faults.push(fault)).ok();
    let rows = rows(given.1).map_err(|fault| faults.push(fault)).ok();
    let options = options::parsed(draft, &caller, faults)?;
    let (Some(columns), Some(rows)) = (columns, rows) else {
        // Each of them has its fault, with which the options are refused.
        return Err(Error::Invalid(Vec::new()));
    };
    let checked = intake::check_rows(app, &caller, &options, columns, &rows).await?;
    respond::ok(&CheckView {
        rows: checked.into_iter().map(RowView::from).collect(),
    })
}

impl From<CheckedRow> for RowView {
    fn from(row: CheckedRow) -> Self {
        let CheckedRow {
            faults,
            outcome,
            changes,
        } = row;
        Self {
            faults: faults.into_iter().take(FAULTS).collect(),
            outcome,
            changes,
        }
    }
}

/// What the columns mean.
fn columns(given: Given<'_>) -> Result<Columns, Violation> {
    let fault = |code, detail: &str| Violation::new("columns", code, detail);
    let names = match given {
        Given::List(names) if (1..=MAX_COLUMNS).contains(&names.len()) => names,
        _ => {
            let detail = format!("must be an array of 1 to {MAX_COLUMNS} members or nulls");
            return Err(fault(Code::InvalidFormat, &detail));
        }
    };
    let mut members = Vec::with_capacity(names.len());
    for name in names {
        let member = match &name {
            Given::Text(name) => Member::ALL
                .into_iter()
                .find(|member| member.name() == name.as_ref()),
            _ => None,
        };
        if member.is_none() && name != Given::Null {
            let all: Vec<_> = Member::ALL.iter().map(|member| member.name()).collect();
            let detail = format!("must have members or nulls; the members are {}", all.join(", "));
            let fault = fault(Code::InvalidFormat, &detail);
            return Err(match name.shown() {
                Some(name) => fault.of_value(&name),
                None => fault,
            });
        }
        if member.is_some() && members.contains(&member) {
            return Err(fault(Code::Repeated, "must name each member once")
                .of_value(&name.shown().unwrap_or_default()));
        }
        members.push(member);
    }
    Columns::by_position(&members).map_err(|_| fault(Code::Required, "must have \"email\" among its members"))
}

/// The cells of the rows.
fn rows(given: Given<'_>) -> Result<Vec<OwnedCells>, Violation> {
    let fault = |code, detail: String| Violation::new("rows", code, detail);
    let rows = match given {
        Given::List(rows) if (1..=MAX_ROWS).contains(&rows.len()) => rows,
        Given::List(rows) => {
            let detail = format!("must have 1 to {MAX_ROWS} rows, and has {}", rows.len());
            return Err(fault(Code::OutOfRange, detail));
        }
        _ => {
            return Err(fault(
                Code::InvalidFormat,
                format!("must be an array of 1 to {MAX_ROWS} rows"),
            ));
        }
    };
    let rows = rows.into_iter().zip(1..).map(|(row, number)| {
        let texts = match row {
            Given::List(cells) if !cells.is_empty() => {
                cells.into_iter().map(text).collect::<Option<Vec<_>>>()
            }
            _ => None,
        };
        let detail = || format!("must be arrays of strings or nulls; row {number} is not");
        texts
            .map(|texts| OwnedCells::of(&texts))
            .ok_or_else(|| fault(Code::InvalidFormat, detail()))
    });
    rows.collect()
}

fn text(cell: Given<'_>) -> Option<String> {
    match cell {
        Given::Null => Some(String::new()),
        Given::Text(text) => Some(text.into_owned()),
        _ => None,
    }
}
