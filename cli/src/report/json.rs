//! One event a line.

use super::{Findings, Report};
use crate::events::{CauseEvent, CheckedEvent, Event, FaultEvent, FileEvent, RefusedEvent};
use crate::failure::Failure;
use crate::output::Output;
use crate::pass::{Found, Pass};

pub(super) struct Json;

impl Report for Json {
    fn begin(&mut self, pass: &Pass, out: &mut Output) -> Result<(), Failure> {
        let layout = &pass.layout;
        let file = FileEvent::new(
            pass.source().name(),
            layout.dialect,
            pass.columns(),
            &layout.skipped_lines,
        );
        out.write(Event::File(file).to_line().as_bytes())
    }

    fn row(&mut self, pass: &Pass, found: &Found, out: &mut Output) -> Result<(), Failure> {
        for fault in &found.faults {
            let file = pass.source().name();
            out.write(Event::Fault(FaultEvent { file, fault }).to_line().as_bytes())?;
        }
        Ok(())
    }

    fn end(&mut self, findings: &Findings<'_>, out: &mut Output) -> Result<(), Failure> {
        for cause in findings.causes.by_size() {
            let cause = CauseEvent::new(findings.file, cause);
            out.write(Event::Cause(cause).to_line().as_bytes())?;
        }
        let [rejected, fixed] =
            [findings.rejected, findings.fixed].map(|path| path.map(|path| path.to_string_lossy()));
        let checked = CheckedEvent::new(
            findings.file,
            findings.counts,
            rejected.as_deref(),
            fixed.as_deref(),
        );
        out.write(Event::Checked(checked).to_line().as_bytes())
    }

    fn refused(&mut self, file: &str, why: &str, out: &mut Output) -> Result<(), Failure> {
        let refused = RefusedEvent { file, message: why };
        out.write(Event::Refused(refused).to_line().as_bytes())
    }
}
