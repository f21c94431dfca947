//! The causes of an import's row errors as callers see them.

use roster::{Code, Member, Severity};
use serde::Serialize;
use sheet::{Cause, Causes};
use utoipa::ToSchema;

/// Values of a cause that are shown.
const SHOWN_VALUES: usize = 20;

/// The row errors and warnings of an import, grouped by cause.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Causes)]
pub struct CausesView {
    /// The causes, the largest first: at most 100, and one more with `code` null for the rest together.
    items: Vec<CauseView>,
}

/// What the row errors of one cause have in common, and where they are.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Cause)]
struct CauseView {
    /// What the column at fault means; null if it means nothing.
    #[schema(value_type = Option<Member>)]
    member: Option<String>,
    /// The header cell of the column at fault; null for the row as a whole.
    column: Option<String>,
    /// The rule that was broken; null for the rest of the causes together.
    #[schema(value_type = Option<Code>)]
    code: Option<String>,
    /// Whether the rows were refused for this; null for the rest of the causes together.
    severity: Option<Severity>,
    /// How many rows have it.
    rows: u64,
    /// The line of the first of them.
    first_line: Option<u64>,
    /// The lines of the rows, up to 20 ranges: `4-17`.
    lines: Vec<String>,
    /// The most frequent offending values, up to 20.
    values: Vec<ValueView>,
    /// How many rows have other values.
    others: u64,
    /// The message of the first of the errors.
    message: String,
}

/// One offending value of a cause.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = CauseValue)]
struct ValueView {
    /// The value, at most 100 characters of it.
    value: String,
    /// How many rows have it.
    rows: u64,
    /// The value that was most likely meant.
    suggestion: Option<String>,
}

impl From<&Causes> for CausesView {
    fn from(causes: &Causes) -> Self {
        let mut items: Vec<_> = causes.by_size().into_iter().map(CauseView::from).collect();
        if causes.rest() > 0 {
            items.push(CauseView {
                rows: causes.rest(),
                message: "further causes, each with few rows or late in the file".to_owned(),
                ..CauseView::default()
            });
        }
        Self { items }
    }
}

impl From<&Cause> for CauseView {
    fn from(cause: &Cause) -> Self {
        let values = cause.by_frequency();
        let (shown, hidden) = values.split_at(values.len().min(SHOWN_VALUES));
        let hidden: u64 = hidden.iter().map(|(_, counted)| counted.rows).sum();
        Self {
            member: cause.member.clone(),
            column: cause.column.clone(),
            code: Some(cause.code.clone()),
            severity: Some(cause.severity),
            rows: cause.rows,
            first_line: Some(cause.first_line),
            lines: cause.ranges.iter().map(|range| lines(*range)).collect(),
            values: shown
                .iter()
                .map(|(value, counted)| ValueView {
                    value: (*value).to_owned(),
                    rows: counted.rows,
                    suggestion: counted.suggestion.clone(),
                })
                .collect(),
            others: cause.others + hidden,
            message: cause.message.clone(),
        }
    }
}

fn lines((first, last): (u64, u64)) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first}-{last}")
    }
}
