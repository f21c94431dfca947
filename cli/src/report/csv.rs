//! One error or warning a line, as CSV.

use roster::{Member, Severity};
use sheet::escape::escape;

use super::{Findings, Report};
use crate::failure::Failure;
use crate::output::Output;
use crate::pass::{Found, Pass};

const HEADER: [&str; 11] = [
    "file",
    "line",
    "lastLine",
    "row",
    "column",
    "member",
    "severity",
    "code",
    "value",
    "message",
    "suggestion",
];

#[derive(Default)]
pub(super) struct Csv {
    has_header: bool,
}

impl Report for Csv {
    fn begin(&mut self, _pass: &Pass, out: &mut Output) -> Result<(), Failure> {
        if std::mem::replace(&mut self.has_header, true) {
            return Ok(());
        }
        write(&HEADER.map(str::to_owned), out)
    }

    fn row(&mut self, pass: &Pass, found: &Found, out: &mut Output) -> Result<(), Failure> {
        for fault in &found.faults {
            let text = |text: Option<&str>| escape(text.unwrap_or_default()).into_owned();
            write(
                &[
                    text(Some(pass.source().name())),
                    fault.line.to_string(),
                    fault.last_line.map(|line| line.to_string()).unwrap_or_default(),
                    fault.row.to_string(),
                    text(fault.column.as_deref()),
                    text(fault.member.map(Member::name)),
                    severity(fault.severity).to_owned(),
                    fault.code.name().to_owned(),
                    text(fault.value.as_deref()),
                    text(Some(&fault.message)),
                    text(fault.suggestion.as_deref()),
                ],
                out,
            )?;
        }
        Ok(())
    }

    fn end(&mut self, _findings: &Findings<'_>, _out: &mut Output) -> Result<(), Failure> {
        Ok(())
    }
}

fn write(cells: &[String], out: &mut Output) -> Result<(), Failure> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    let written = writer.write_record(cells).ok();
    // Memory takes any record.
    let record = written
        .and_then(|()| writer.into_inner().ok())
        .unwrap_or_default();
    out.write(&record)
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}
