//! Text for people, with the lines at fault as a compiler shows them.

use std::borrow::Cow;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use roster::{Member, Severity};
use serde_json::Value;
use sheet::{Causes, Dialect, RowError, cell_spans};

use super::{Findings, Report, count, grouped};
use crate::failure::Failure;
use crate::output::{self, Output, shown};
use crate::pass::{Found, Pass};

/// How many values of a cause are shown.
const SHOWN_VALUES: usize = 3;
/// How many errors of a row are shown.
const SHOWN_FAULTS: usize = 20;
/// How many bytes of a row are shown.
const SHOWN_BYTES: u64 = 64 * 1024;

pub(super) struct Human {
    renderer: Renderer,
}

impl Human {
    pub(super) fn new(color: bool) -> Self {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        Self {
            renderer: renderer
                .decor_style(DecorStyle::Ascii)
                .term_width(output::width()),
        }
    }
}

impl Report for Human {
    fn begin(&mut self, pass: &Pass, out: &mut Output) -> Result<(), Failure> {
        let skipped = &pass.layout.skipped_lines;
        if !skipped.is_empty() {
            let lines: Vec<_> = skipped.iter().map(u64::to_string).collect();
            out.line(&format!(
                "note: lines above the header that are not read: {}",
                lines.join(", ")
            ))?;
        }
        let ignored: Vec<_> = pass
            .columns()
            .ignored()
            .map(|name| format!("\"{}\"", shown(name)))
            .collect();
        if !ignored.is_empty() {
            out.line(&format!(
                "note: columns that are left out: {}",
                ignored.join(", ")
            ))?;
        }
        Ok(())
    }

    fn row(&mut self, pass: &Pass, found: &Found, out: &mut Output) -> Result<(), Failure> {
        let level = if found.is_rejected() {
            Level::ERROR
        } else {
            Level::WARNING
        };
        let title = title(found);
        let Some(cells) = &found.cells else {
            let title = level.primary_title(format!("line {}: {title}", found.line));
            let text = self.renderer.render(&[Group::with_title(title)]);
            return out.line(&format!("{text}\n"));
        };
        let end = found.bytes.end.min(found.bytes.start + SHOWN_BYTES);
        let bytes = pass.source().bytes(found.bytes.start, end)?;
        let text = decoded(&bytes, pass.layout.dialect);
        let text = text.trim_end_matches(['\r', '\n']);
        let spans = cell_spans(text, pass.layout.dialect.delimiter);
        let name = pass.source().name();
        let mut snippet = Snippet::source(text)
            .path(name)
            .line_start(usize::try_from(found.line).unwrap_or(usize::MAX))
            .fold(false);
        for fault in found.faults.iter().take(SHOWN_FAULTS) {
            let span = index(fault, pass).and_then(|index| spans.get(index)).cloned();
            // Cells that are cut in another way than the row was read are not pointed at.
            let span = span.filter(|_| spans.len() == cells.cells().count());
            let label = label(fault, found.faults.len() == 1);
            snippet = snippet.annotation(
                AnnotationKind::Primary
                    .span(span.unwrap_or(0..text.len()))
                    .label(Some(label).filter(|label| !label.is_empty())),
            );
        }
        let text = self
            .renderer
            .render(&[level.primary_title(title).element(snippet)]);
        out.line(&format!("{text}\n"))
    }

    fn end(&mut self, findings: &Findings<'_>, out: &mut Output) -> Result<(), Failure> {
        if findings.hidden > 0 {
            let rows = count(findings.hidden, "further row");
            out.line(&format!(
                "{rows} with errors or warnings; see all of them by --max all\n"
            ))?;
        }
        if !findings.causes.by_size().is_empty() {
            out.line("By cause")?;
            out.line(&format!("{}\n", cause_table(findings.causes)))?;
        }
        if findings
            .causes
            .by_size()
            .iter()
            .any(|cause| names_an_option(&cause.message))
        {
            out.line(OPTIONS)?;
        }
        let counts = findings.counts;
        let warned = match counts.warned {
            0 => String::new(),
            warned => format!(", {} with warnings", grouped(warned)),
        };
        let written = [findings.rejected, findings.fixed].into_iter().flatten();
        let written: Vec<_> = written
            .map(|path| format!(" Written: {}", path.display()))
            .collect();
        let line = format!(
            "{}: {} good, {} with errors{warned}.{}",
            count(counts.rows, "row"),
            grouped(counts.good()),
            grouped(counts.failed),
            written.concat()
        );
        out.line(&line)?;
        if findings.is_online {
            return Ok(());
        }
        out.line("Not checked offline: whether an address has an account; --online asks the service.")
    }
}

/// How an option that a message names is written here.
pub(crate) const OPTIONS: &str =
    "note: where a message says to send an option, such as country=GB, write --country=GB";

/// Returns whether a message speaks of an option by its name in the API.
pub(crate) fn names_an_option(message: &str) -> bool {
    let options = [
        "country=",
        "encoding=",
        "header=absent",
        "columns=",
        "unknownColumns=",
        "send columns",
    ];
    options.iter().any(|option| message.contains(option))
}

/// A line of the table of causes.
struct CauseRow<'a> {
    rows: u64,
    column: &'a str,
    code: &'a str,
    /// The most frequent values with their rows.
    values: Vec<(&'a str, u64)>,
    /// How many values there are besides.
    more: u64,
    message: &'a str,
}

/// Returns what errors and warnings have in common, as a table.
pub(crate) fn cause_table(causes: &Causes) -> String {
    let rows = causes.by_size().into_iter().map(|cause| {
        let values = cause.by_frequency();
        CauseRow {
            rows: cause.rows,
            column: cause.column.as_deref().unwrap_or_default(),
            code: &cause.code,
            more: values.len().saturating_sub(SHOWN_VALUES) as u64,
            values: values
                .into_iter()
                .map(|(value, counted)| (value, counted.rows))
                .collect(),
            message: &cause.message,
        }
    });
    let rest = (causes.rest() > 0).then(|| CauseRow {
        rows: causes.rest(),
        column: "",
        code: "others",
        values: Vec::new(),
        more: 0,
        message: "",
    });
    table_of(rows.chain(rest))
}

/// Returns the causes that the service answered, as a table.
pub(crate) fn cause_table_of(items: &Value) -> String {
    let items = items.as_array().into_iter().flatten();
    table_of(items.map(|cause| {
        let text = |name: &str| cause[name].as_str().unwrap_or_default();
        let values = cause["values"].as_array().into_iter().flatten();
        let values: Vec<_> = values
            .map(|value| {
                (
                    value["value"].as_str().unwrap_or_default(),
                    value["rows"].as_u64().unwrap_or_default(),
                )
            })
            .collect();
        CauseRow {
            rows: cause["rows"].as_u64().unwrap_or_default(),
            column: text("column"),
            code: cause["code"].as_str().unwrap_or("others"),
            more: values.len().saturating_sub(SHOWN_VALUES) as u64,
            values,
            message: text("message"),
        }
    }))
}

fn table_of<'a>(rows: impl Iterator<Item = CauseRow<'a>>) -> String {
    let mut table = Table::new();
    let width = u16::try_from(output::width()).unwrap_or(u16::MAX);
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width);
    for row in rows {
        let mut listed: Vec<_> = row
            .values
            .iter()
            .take(SHOWN_VALUES)
            .map(|(value, rows)| format!("\"{}\" ({})", shown(value), grouped(*rows)))
            .collect();
        if row.more > 0 {
            listed.push(format!("{} more", grouped(row.more)));
        }
        let detail = detail(
            row.message,
            Some(row.column),
            row.values.iter().map(|(value, _)| *value),
        );
        table.add_row([
            grouped(row.rows),
            shown(row.column),
            row.code.to_owned(),
            listed.join(", "),
            shown(detail),
        ]);
    }
    if let Some(column) = table.column_mut(0) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

/// One sentence about a row.
fn title(found: &Found) -> String {
    if let [fault] = &found.faults[..] {
        return shown(&fault.message);
    }
    let is_error = |fault: &&RowError| fault.severity == Severity::Error;
    let errors = found.faults.iter().filter(is_error).count() as u64;
    let warnings = found.faults.len() as u64 - errors;
    match (errors, warnings) {
        (0, warnings) => format!("{} in one row", count(warnings, "warning")),
        (errors, 0) => format!("{} in one row", count(errors, "error")),
        (errors, warnings) => {
            format!(
                "{} and {} in one row",
                count(errors, "error"),
                count(warnings, "warning")
            )
        }
    }
}

/// What is said under a cell. Of a single error the title says it already.
fn label(fault: &RowError, is_single: bool) -> String {
    let suggestion = match fault.suggestion.as_deref() {
        None => None,
        Some("") => Some("empty the cell".to_owned()),
        Some(suggestion) => Some(format!("did you mean \"{}\"?", shown(suggestion))),
    };
    if is_single {
        return suggestion.unwrap_or_default();
    }
    let detail = shown(detail(
        &fault.message,
        fault.column.as_deref(),
        fault.value.as_deref(),
    ));
    let text = match &fault.column {
        Some(column) => format!("{}: {detail}", shown(column)),
        None => detail,
    };
    match suggestion {
        Some(suggestion) => format!("{text}; {suggestion}"),
        None => text,
    }
}

/// A message without the column and the value that it begins with: one of `values`.
fn detail<'a, 'v>(
    message: &'a str,
    column: Option<&str>,
    values: impl IntoIterator<Item = &'v str>,
) -> &'a str {
    let Some(rest) = message.strip_prefix(column.unwrap_or_default()) else {
        return message;
    };
    let rest = rest.trim_start();
    let without = values
        .into_iter()
        .find_map(|value| rest.strip_prefix(&format!("\"{value}\"")));
    without.unwrap_or(rest).trim_start()
}

/// The index of the column at fault.
pub(crate) fn index(fault: &RowError, pass: &Pass) -> Option<usize> {
    let columns = pass.columns();
    if let Some(index) = fault.member.and_then(|member: Member| columns.index(member)) {
        return Some(index);
    }
    let name = fault.column.as_deref()?;
    let mut named = columns
        .header()
        .iter()
        .enumerate()
        .filter(|(_, header)| header.as_str() == name);
    // Of two columns with one name nobody knows which it is.
    named
        .next()
        .filter(|_| named.next().is_none())
        .map(|(index, _)| index)
}

/// The text of bytes in the encoding of the file.
pub(crate) fn decoded(bytes: &[u8], dialect: Dialect) -> Cow<'_, str> {
    let encoding = encoding_rs::Encoding::for_label(dialect.encoding.name().as_bytes());
    encoding
        .unwrap_or(encoding_rs::UTF_8)
        .decode_without_bom_handling(bytes)
        .0
}
