//! Annotations of a run of GitHub Actions.

use roster::Severity;

use super::{Findings, Report};
use crate::failure::Failure;
use crate::output::Output;
use crate::pass::{Found, Pass};

pub(super) struct Github;

impl Report for Github {
    fn begin(&mut self, _pass: &Pass, _out: &mut Output) -> Result<(), Failure> {
        Ok(())
    }

    fn row(&mut self, pass: &Pass, found: &Found, out: &mut Output) -> Result<(), Failure> {
        for fault in &found.faults {
            let kind = match fault.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let file = property(pass.source().name());
            let end = fault
                .last_line
                .map_or(String::new(), |line| format!(",endLine={line}"));
            let title = fault.code.name();
            let message = data(&fault.message);
            out.line(&format!(
                "::{kind} file={file},line={}{end},title={title}::{message}",
                fault.line
            ))?;
        }
        Ok(())
    }

    fn end(&mut self, _findings: &Findings<'_>, _out: &mut Output) -> Result<(), Failure> {
        Ok(())
    }

    fn refused(&mut self, file: &str, why: &str, out: &mut Output) -> Result<(), Failure> {
        out.line(&format!(
            "::error file={},title=refused::{}",
            property(file),
            data(why)
        ))
    }
}

/// Writes a message so that a line break in it does not begin another command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Writes a value before the message, where `:` and `,` mean something as well.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
