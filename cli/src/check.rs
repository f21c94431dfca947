//! `access check`: what an import would find, without the service.

use std::path::{Path, PathBuf};

use clap::Args;
use sheet::Causes;

use crate::failure::Failure;
use crate::fix::{Change, Fixed};
use crate::online::{Online, OnlineArguments};
use crate::output::{self, Color, Output, shown};
use crate::pass::{Counts, Found, Pass};
use crate::reading::{Reading, Sender};
use crate::rejected::RejectedRows;
use crate::report::{Findings, Format, Report, count};
use crate::source::Source;

/// Rows whose errors are grouped at once.
const GROUPED_AT_ONCE: usize = 500;

/// Arguments of `access check`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The file, CSV or a workbook (.xlsx); - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How many rows with errors or warnings are shown one by one: a number, or all [default: 10, or all unless human]
    #[arg(long, value_name = "N", value_parser = most)]
    max: Option<u64>,
    /// The form of the report
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Write the file with its suggestions in place of the cells at fault, and show the difference
    #[arg(long)]
    fix: bool,
    /// Where --fix writes to [default: FILE.fixed.csv beside the file]
    #[arg(long, value_name = "FILE", requires = "fix")]
    fixed: Option<PathBuf>,
    /// Write the rows with errors to FILE [default: FILE.rejected.csv beside the file]
    #[arg(long, value_name = "FILE", conflicts_with = "fix")]
    rejected: Option<PathBuf>,
    /// Write no file with the rows that have errors
    #[arg(long, conflicts_with = "rejected")]
    no_rejected: bool,
    /// Whose rights to assume
    #[arg(long = "as", value_enum, value_name = "WHO", default_value_t = Sender::SystemAdmin)]
    sender: Sender,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    online: OnlineArguments,
}

fn most(text: &str) -> Result<u64, String> {
    if text == "all" {
        return Ok(u64::MAX);
    }
    text.parse().map_err(|_| "expected a number, or all".to_owned())
}

/// Checks a file and reports what is wrong in it.
///
/// # Errors
///
/// If rows are at fault, if the file is refused as a whole, or cannot be read.
pub(crate) fn run(arguments: &Arguments, color: Color) -> Result<(), Failure> {
    let options = arguments.reading.options(arguments.sender.assignable())?;
    let mut out = Output::open();
    let mut report = arguments.format.report(color.on_stdout());
    let source = Source::open(&arguments.file, arguments.reading.sheet.as_deref())?;
    let name = source.name().to_owned();
    let checked = Pass::begin(source, &options, arguments.sender.assignable()).and_then(|pass| {
        let mut checking = Checking::begin(arguments, pass, &mut *report, &mut out)?;
        checking.rows()?;
        checking.end()
    });
    if let Err(Failure::Refused(why)) = &checked {
        report.refused(&name, why, &mut out)?;
    }
    out.flush()?;
    if checked? == 0 { Ok(()) } else { Err(Failure::Rows) }
}

/// A file that is being checked.
struct Checking<'a> {
    arguments: &'a Arguments,
    pass: Pass,
    report: &'a mut dyn Report,
    out: &'a mut Output,
    online: Option<Online>,
    counts: Counts,
    grouped: Grouped,
    rejected: Option<RejectedRows>,
    fixed: Option<Fixed>,
    /// How many rows may still be shown.
    left: u64,
    hidden: u64,
}

impl<'a> Checking<'a> {
    fn begin(
        arguments: &'a Arguments,
        mut pass: Pass,
        report: &'a mut dyn Report,
        out: &'a mut Output,
    ) -> Result<Self, Failure> {
        let online = arguments.online.begin(&arguments.reading, pass.columns())?;
        pass.every_row = online.is_some();
        report.begin(&pass, out)?;
        let is_named = arguments.rejected.is_some() || pass.source().path().is_some();
        let writes_rejected = !arguments.fix && !arguments.no_rejected && is_named;
        let rejected = writes_rejected.then(|| RejectedRows::of(pass.columns(), pass.layout.dialect));
        let fixed = arguments.fix.then(|| Fixed::begin(&pass));
        Ok(Self {
            arguments,
            report,
            out,
            online,
            counts: Counts::default(),
            grouped: Grouped::default(),
            rejected: rejected.transpose()?,
            fixed: fixed.transpose()?,
            left: arguments.max.unwrap_or(arguments.format.usual_most()),
            hidden: 0,
            pass,
        })
    }

    fn rows(&mut self) -> Result<(), Failure> {
        while let Some(found) = self.pass.next()? {
            match &mut self.online {
                None => self.row(found)?,
                Some(online) => {
                    let asked = online.take(found)?;
                    asked.into_iter().try_for_each(|found| self.row(found))?;
                }
            }
        }
        if let Some(online) = &mut self.online {
            let asked = online.rest()?;
            asked.into_iter().try_for_each(|found| self.row(found))?;
        }
        Ok(())
    }

    /// Takes a row with what was found in it.
    fn row(&mut self, found: Found) -> Result<(), Failure> {
        if found.faults.is_empty() {
            return Ok(());
        }
        self.counts.add(&found);
        let change = match &mut self.fixed {
            Some(fixed) => fixed.row(&self.pass, &found)?,
            None => None,
        };
        if self.left == 0 {
            self.hidden += 1;
        } else {
            self.left -= 1;
            self.report.row(&self.pass, &found, self.out)?;
            if let (Some(change), Format::Human) = (&change, self.arguments.format) {
                self.out.line(&difference(change))?;
            }
        }
        self.grouped.add(&found);
        match &mut self.rejected {
            Some(rejected) if found.is_rejected() => rejected.add(found),
            _ => Ok(()),
        }
    }

    /// Writes what is to be written, and returns how many rows have errors: of the fixed file, if there is one.
    fn end(self) -> Result<u64, Failure> {
        let Self {
            arguments,
            pass,
            report,
            out,
            grouped,
            rejected,
            fixed,
            hidden,
            mut counts,
            ..
        } = self;
        counts.rows = pass.rows_read;
        let changed = fixed.as_ref().map_or(0, |fixed| fixed.rows);
        let target = arguments.fixed.as_deref();
        let fixed = match fixed {
            Some(fixed) if fixed.rows > 0 => Some(fixed.finish(pass.source(), target)?),
            _ => None,
        };
        let rejected = match (rejected, &arguments.rejected, pass.source().path()) {
            (Some(rows), Some(path), _) => Some(rows.write_as(path).map(|()| path.clone())?),
            (Some(rows), None, Some(path)) if counts.failed > 0 => Some(rows.write_beside(path)?),
            _ => None,
        };
        let causes = grouped.finish();
        report.end(
            &Findings {
                file: pass.source().name(),
                counts,
                causes: &causes,
                hidden,
                is_online: pass.every_row,
                rejected: rejected.as_deref(),
                fixed: fixed.as_deref(),
            },
            out,
        )?;
        let Some(fixed) = fixed else {
            if arguments.fix {
                output::remark("No row has a suggestion, so no file was written.");
            }
            return Ok(counts.failed);
        };
        let left = recheck(arguments, &fixed)?;
        output::remark(&format!(
            "{} changed; {} of them or of others still have errors. Check the changes before you send {}.",
            count(changed, "row"),
            left.failed,
            fixed.display()
        ));
        Ok(left.failed)
    }
}

/// What is found in the file with the suggestions, which is in UTF-8.
fn recheck(arguments: &Arguments, fixed: &Path) -> Result<Counts, Failure> {
    let reading = arguments.reading.in_utf8();
    let assignable = arguments.sender.assignable();
    let source = Source::open(fixed, None)?;
    let mut pass = Pass::begin(source, &reading.options(assignable)?, assignable)?;
    let mut counts = Counts::default();
    while let Some(found) = pass.next()? {
        counts.add(&found);
    }
    counts.rows = pass.rows_read;
    Ok(counts)
}

/// A row before and after.
fn difference(change: &Change) -> String {
    let marked = |mark: &str, text: &str| {
        let lines: Vec<_> = text
            .split('\n')
            .map(|line| format!("{mark} {}", shown(line.trim_end_matches('\r'))))
            .collect();
        lines.join("\n")
    };
    format!(
        "@@ line {} @@\n{}\n{}\n",
        change.line,
        marked("-", &change.before),
        marked("+", &change.after)
    )
}

/// What errors and warnings have in common, in bounded memory.
#[derive(Default)]
pub(crate) struct Grouped {
    causes: Causes,
    faults: Vec<sheet::RowError>,
    rows: usize,
}

impl Grouped {
    /// Adds the errors and warnings of a row.
    pub(crate) fn add(&mut self, found: &Found) {
        self.faults.extend(found.faults.iter().cloned());
        self.rows += 1;
        if self.rows >= GROUPED_AT_ONCE {
            self.group();
        }
    }

    fn group(&mut self) {
        let more = Causes::of(&self.faults);
        self.faults.clear();
        self.rows = 0;
        self.causes = std::mem::take(&mut self.causes).merged(more).bounded();
    }

    /// Returns the causes of all that was added.
    pub(crate) fn finish(mut self) -> Causes {
        self.group();
        self.causes
    }
}
