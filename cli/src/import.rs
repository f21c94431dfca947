//! `access import`: checks a file, sends it, and follows the import to its end.

mod pending;
mod progress;
mod send;
mod wait;

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum, value_parser};
use roster::{Role, Roles};
use serde_json::Value;
use sheet::Causes;

pub(crate) use wait::{Target, fetch_rejected, named, options_of, save, wait};

use crate::check::Grouped;
use crate::events::{CheckedEvent, Event, RefusedEvent};
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::output::{self, Output, shown};
use crate::pass::{Counts, Pass};
use crate::reading::Reading;
use crate::report::{cause_table, count, grouped};
use crate::service::{Client, Patience, ServiceArguments, Settings, path_segment};
use crate::source::Source;
use wait::{Following, follow};

/// Arguments of `access import`.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Arguments {
    /// The files, CSV or workbooks (.xlsx); - is standard input
    #[arg(value_name = "FILE", required_unless_present = "apply")]
    files: Vec<PathBuf>,
    /// Ask nothing; needed where there is no terminal
    #[arg(long, short)]
    yes: bool,
    /// Show what would become of the accounts, and write none
    #[arg(long)]
    dry_run: bool,
    /// Carry out a dry run, just as it was shown
    #[arg(
        long,
        value_name = "ID",
        conflicts_with_all = ["files", "dry_run", "upsert", "missing", "ignore_duplicates", "force", "parent", "Reading"]
    )]
    apply: Option<String>,
    /// Change the accounts that exist, instead of taking them for errors
    #[arg(long)]
    upsert: bool,
    /// What happens to accounts that imports created and that are not in the file, which has to be the whole roster
    #[arg(long, value_name = "WHAT", requires = "upsert", conflicts_with = "parent")]
    missing: Option<Missing>,
    /// How many of those accounts may be disabled, in per cent; if more are missing, none is
    #[arg(long, value_name = "PER CENT", requires = "missing", value_parser = value_parser!(u8).range(0..=100))]
    missing_limit: Option<u8>,
    /// Skip the addresses of accounts that exist, instead of taking them for errors
    #[arg(long, conflicts_with = "upsert")]
    ignore_duplicates: bool,
    /// Import a file again that was imported within 24 hours
    #[arg(long)]
    force: bool,
    /// The import whose rejected rows are sent
    #[arg(long, value_name = "ID")]
    parent: Option<String>,
    /// Write one event a line, as `access schema` describes them
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    service: ServiceArguments,
}

/// What happens to accounts that are not in a roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Missing {
    /// They are listed
    Report,
    /// They are listed and disabled
    Disable,
}

impl Missing {
    /// Returns the word that the service knows.
    fn word(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Disable => "disable",
        }
    }
}

impl Arguments {
    /// Returns the options of the import as the service takes them.
    fn fields(&self) -> Vec<(&'static str, String)> {
        let given = self.reading.fields().into_iter();
        let mut fields: Vec<_> = given.map(|(name, value)| (name, value.to_owned())).collect();
        let flags = [
            (self.upsert, "mode", "upsert"),
            (self.ignore_duplicates, "ignoreDuplicates", "true"),
            (self.force, "force", "true"),
            (self.dry_run, "dryRun", "true"),
        ];
        for (_, name, value) in flags.into_iter().filter(|(is_set, ..)| *is_set) {
            fields.push((name, value.to_owned()));
        }
        fields.extend(self.missing.map(|missing| ("missing", missing.word().to_owned())));
        fields.extend(
            self.missing_limit
                .map(|limit| ("missingLimit", limit.to_string())),
        );
        fields.extend(self.parent.iter().map(|id| ("parent", id.clone())));
        fields
    }
}

/// Imports files, one after another, or carries out a dry run.
///
/// # Errors
///
/// If rows are at fault, or something prevents one of the imports. The files after that one are not sent.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    if !(arguments.yes || arguments.dry_run || has_terminal()) {
        return Err(Failure::Usage(
            "there is no terminal to ask on whether to go on; say so by --yes".to_owned(),
        ));
    }
    if arguments.missing.is_some() && arguments.files.len() > 1 {
        return Err(Failure::Usage(
            "--missing takes one file, which has to be the whole roster; put the rows of all files into one"
                .to_owned(),
        ));
    }
    let client = Client::new(Settings::find(&arguments.service)?)?;
    if let Some(id) = &arguments.apply {
        return apply(&client, id, arguments).await;
    }
    let me = client.get("/users/me", Patience::Short).await?;
    let mut out = Output::open();
    let mut has_faults = false;
    for file in &arguments.files {
        let importing = Importing {
            arguments,
            client: &client,
            me: &me,
        };
        match importing.file(file, &mut out).await {
            Ok(()) => {}
            Err(Failure::Rows) => has_faults = true,
            Err(failure) => {
                out.flush()?;
                return Err(failure);
            }
        }
    }
    out.flush()?;
    if has_faults { Err(Failure::Rows) } else { Ok(()) }
}

/// Carries out a dry run.
async fn apply(client: &Client, id: &str, arguments: &Arguments) -> Result<(), Failure> {
    let path = format!("/users/import/{}", path_segment(id));
    let dry_run = client.get(&path, Patience::Short).await?;
    let file = named(&dry_run);
    if !arguments.json {
        let message = dry_run["message"].as_str().unwrap_or_default();
        output::remark(&format!("{}: {}", shown(&file), shown(message)));
    }
    if !arguments.yes && !confirmed("Carry it out?")? {
        output::remark("Nothing was changed.");
        return Ok(());
    }
    let import = client.post(&format!("{path}/apply"), Patience::Long).await?;
    wait(client, import, arguments.json, &mut Output::open()).await
}

/// An import by somebody.
struct Importing<'a> {
    arguments: &'a Arguments,
    client: &'a Client,
    /// The record of the caller.
    me: &'a Value,
}

impl Importing<'_> {
    async fn file(&self, path: &Path, out: &mut Output) -> Result<(), Failure> {
        let (source, counts, causes) = match self.check(path) {
            Err(Failure::Refused(why)) if self.arguments.json => {
                let file = path.to_string_lossy();
                let refused = RefusedEvent {
                    file: &file,
                    message: &why,
                };
                out.write(Event::Refused(refused).to_line().as_bytes())?;
                return Err(Failure::Refused(why));
            }
            checked => checked?,
        };
        self.say(source.name(), counts, &causes, out)?;
        if counts.good() == 0 {
            output::remark("No row can be imported, so nothing is sent.");
            return if counts.failed > 0 {
                Err(Failure::Rows)
            } else {
                Ok(())
            };
        }
        let is_agreed = self.arguments.yes || self.arguments.dry_run;
        if !is_agreed && !confirmed("Import them?")? {
            output::remark("Nothing was sent.");
            return Ok(());
        }
        let source = Arc::new(source);
        // Before the request, so that no press after it ends the command without a word.
        let mut interrupts = Interrupts::listen()?;
        let fields = self.arguments.fields();
        let import = tokio::select! {
            import = send::send(self.client, &source, &fields) => import?,
            () = interrupts.next() => {
                output::remark(
                    "The file may have been sent, in part or whole: access imports lists what there is. \
                     The same command goes on with it, and makes no second import.",
                );
                return Err(Failure::Interrupted);
            }
        };
        let following = Following {
            file: source.name(),
            // What is corrected is the file itself, because none of its rows is imported.
            beside: source.path().filter(|_| !self.arguments.dry_run),
            json: self.arguments.json,
        };
        follow(self.client, import, &following, &mut interrupts, out).await
    }

    /// Checks the file with the rights of the caller.
    fn check(&self, path: &Path) -> Result<(Source, Counts, Causes), Failure> {
        let roles = self.me["roles"].as_array().into_iter().flatten();
        let roles: Roles = roles
            .filter_map(|role| Role::from_label(role.as_str()?))
            .collect();
        let assignable = roster::assignable(roles);
        let options = self.arguments.reading.options(assignable)?;
        let sheet = self.arguments.reading.sheet.as_deref();
        let source = Source::open(path, sheet)?;
        if self.arguments.missing.is_some() && source.is_workbook() && sheet.is_none() {
            return Err(Failure::Usage(
                "--missing needs --sheet with a workbook, to name the sheet that has the whole roster"
                    .to_owned(),
            ));
        }
        let mut pass = Pass::begin(source, &options, assignable)?;
        let mut causes = Grouped::default();
        let mut counts = Counts::default();
        while let Some(found) = pass.next()? {
            counts.add(&found);
            causes.add(&found);
        }
        counts.rows = pass.rows_read;
        Ok((pass.into_source(), counts, causes.finish()))
    }

    /// Says what was found and what will happen.
    fn say(&self, file: &str, counts: Counts, causes: &Causes, out: &mut Output) -> Result<(), Failure> {
        if self.arguments.json {
            let checked = CheckedEvent::new(file, counts, None, None);
            out.write(Event::Checked(checked).to_line().as_bytes())?;
            return out.flush();
        }
        if !causes.by_size().is_empty() {
            output::remark(&format!("By cause\n{}\n", cause_table(causes)));
        }
        let (rows, url) = (count(counts.good(), "row"), &self.client.settings.url);
        if self.arguments.dry_run {
            output::remark(&format!(
                "{file}: dry run of {rows} at {url}; no account is written."
            ));
            return Ok(());
        }
        let email = self.me["email"].as_str().unwrap_or_default();
        let verb = if self.arguments.upsert {
            "create or change the accounts of"
        } else {
            "create accounts for"
        };
        let failed = match counts.failed {
            0 => String::new(),
            failed => format!("; {} with errors come back to be corrected", grouped(failed)),
        };
        let disabled = match self.arguments.missing {
            Some(Missing::Disable) => ", and to disable accounts that are not in the file",
            Some(Missing::Report) | None => "",
        };
        output::remark(&format!(
            "{file}: {email} is going to {verb} {rows} at {url}{disabled}{failed}."
        ));
        Ok(())
    }
}

/// Returns whether there is somebody who can be asked.
pub(crate) fn has_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks on the terminal whether to go on.
///
/// # Errors
///
/// If the terminal cannot be read.
pub(crate) fn confirmed(question: &str) -> Result<bool, Failure> {
    let answer = asked(&format!("{question} [y/N] "))?;
    Ok(["y", "yes"].contains(&answer.to_lowercase().as_str()))
}

/// Asks on the terminal, and returns the line that is typed.
///
/// # Errors
///
/// If the terminal cannot be read.
pub(crate) fn asked(question: &str) -> Result<String, Failure> {
    let _ = write!(io::stderr(), "{question}").and_then(|()| io::stderr().flush());
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Failure::Usage(format!("the terminal cannot be read ({error})")))?;
    Ok(answer.trim().to_owned())
}
