//! `POST /users/import/preview`: how a file would be read.

use lambda_http::{Body, Request, Response};
use serde::Serialize;
use serde_json::json;
use shared::Error;
use shared::http::operation::{Access, Answer, Operation, Route, Tag, Verb};
use shared::http::query::Query;
use shared::http::{self, respond};
use shared::intake::{Intake, ReadView};
use shared::roster::{Code, Member, Right, Violation};
use shared::sheet::{self, ImportOptionsDraft, Preview, RowError, Understood};
use utoipa::ToSchema;

use crate::{form_parts, multipart, options};

/// How a file would be read, as far as its first bytes show it.
#[derive(Serialize, ToSchema)]
#[schema(as = Preview)]
pub(crate) struct PreviewView {
    /// How it is written; null if it is not CSV.
    read: Option<ReadView>,
    /// The encodings that it may be in, the likeliest first.
    encodings: Vec<EncodingView>,
    /// Its columns in order, at most 1,000.
    columns: Vec<ColumnView>,
    /// Its first 20 rows.
    rows: Vec<RowView>,
    /// Why an import would refuse it as a whole.
    problems: Vec<String>,
}

/// An encoding that a file may be in.
#[derive(Serialize, ToSchema)]
#[schema(as = PreviewEncoding)]
struct EncodingView {
    /// Its name, as the option `encoding` takes it.
    encoding: &'static str,
    /// Up to five lines that read differently in another of the encodings.
    lines: Vec<LineView>,
}

/// A line as it reads in an encoding.
#[derive(Serialize, ToSchema)]
#[schema(as = PreviewLine)]
struct LineView {
    /// The number of the line.
    line: u64,
    /// Its beginning.
    text: String,
}

/// A column of a file.
#[derive(Serialize, ToSchema)]
#[schema(as = PreviewColumn)]
struct ColumnView {
    /// Its place, from 1.
    position: usize,
    /// Its header cell; null in a file without a header.
    header: Option<String>,
    /// What it means; null if it is left out.
    member: Option<&'static str>,
    /// How that was found out.
    understood: Option<Understood>,
    /// What a column of an unknown name was perhaps meant to be.
    nearest: Option<&'static str>,
    /// Its first five values that are not empty.
    values: Vec<String>,
}

/// A row of a file.
#[derive(Serialize, ToSchema)]
#[schema(as = PreviewRow)]
struct RowView {
    /// The line on which it begins.
    line: u64,
    /// Its number, from 1.
    row: u64,
    /// Its cells.
    cells: Vec<String>,
    /// What is wrong or odd in it, at most 20.
    faults: Vec<RowError>,
}

pub(crate) const PREVIEW: Operation<Intake> = Operation {
    route: Route::new(
        Verb::Post,
        "/users/import/preview",
        Access::Right(Right::Import),
        |app, request| Box::pin(preview(app, request)),
    )
    .changing_nothing(),
    tag: Tag::Imports,
    id: "previewImport",
    summary: "Shows how a file would be read",
    describe: |operation| {
        operation
            .about(
                "Takes the first bytes of a file, up to 256 KiB, cut anywhere, and the options of an import. Stores \
                 nothing.",
            )
            .form::<ImportOptionsDraft<'_>>(
                "PreviewForm",
                |form| form_parts(form, "The first bytes of the file"),
                json!({ "file": "email,firstName\nada@example.org,Ada\n" }),
            )
            .answers(200, Answer::json::<PreviewView>("How the file would be read"))
    },
};

async fn preview(app: &Intake, request: Request) -> Result<Response<Body>, Error> {
    let caller = http::caller(app, &request).await?;
    Query::of(&request).finish()?;

    let mut form = multipart::form(request).await?;
    let (draft, force) = options::of_form(&mut form);
    // Which import the file continues makes no difference to how it is read.
    form.take("parent");
    let mut faults = form.unknown_fields();
    faults.extend(force.err());
    if form.file.len() > Preview::MAX {
        let detail = format!(
            "has more than {} bytes; send the first of them only",
            Preview::MAX
        );
        faults.push(Violation::new("file", Code::TooLong, detail));
    }
    let options = options::parsed(draft, &caller, faults)?;
    let Preview {
        layout,
        columns,
        encodings,
        shown,
        rows,
        problems,
    } = Preview::of(&form.file, &options, caller.assignable());
    respond::ok(&PreviewView {
        read: layout.map(|layout| ReadView::new(layout.dialect, columns.as_ref(), &layout.skipped_lines)),
        encodings: encodings.into_iter().map(EncodingView::from).collect(),
        columns: shown.into_iter().map(ColumnView::from).collect(),
        rows: rows.into_iter().map(RowView::from).collect(),
        problems,
    })
}

impl From<sheet::EncodingSample> for EncodingView {
    fn from(sample: sheet::EncodingSample) -> Self {
        let lines = sample.lines.into_iter();
        Self {
            encoding: sample.encoding.name(),
            lines: lines
                .map(|sheet::SampleLine { line, text }| LineView { line, text })
                .collect(),
        }
    }
}

impl From<sheet::ColumnPreview> for ColumnView {
    fn from(column: sheet::ColumnPreview) -> Self {
        let sheet::ColumnPreview {
            position,
            header,
            meaning,
            nearest,
            values,
        } = column;
        Self {
            position,
            header,
            member: meaning.map(|(member, _)| member.name()),
            understood: meaning.map(|(_, understood)| understood),
            nearest: nearest.map(Member::name),
            values,
        }
    }
}

impl From<sheet::RowPreview> for RowView {
    fn from(row: sheet::RowPreview) -> Self {
        let sheet::RowPreview {
            line,
            row,
            cells,
            faults,
        } = row;
        Self {
            line,
            row,
            cells,
            faults,
        }
    }
}
