//! `access imports`: what became of imports, and what is to become of them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::Value;

use crate::failure::Failure;
use crate::import::{Target, asked, fetch_rejected, named, options_of, wait};
use crate::output::{self, Output, shown, shown_lines};
use crate::report::{cause_table_of, count, grouped, listing};
use crate::service::{Client, Patience, ServiceArguments, Settings, path_segment};

/// Arguments of `access imports`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Write JSON: imports or changes as the service answers them, one a line; of `wait` and `undo` one event a line
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    service: ServiceArguments,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// List imports, newest first
    List {
        /// How many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
        limit: u64,
    },
    /// Show one, with the causes of its errors
    Show { id: String },
    /// Follow one to its end
    Wait { id: String },
    /// Cancel one; accounts that exist by then stay
    Cancel { id: String },
    /// Continue a stalled one
    Resume { id: String },
    /// Fetch its rows that failed, to be corrected and sent again
    Rejected {
        id: String,
        /// Where to write them; - for standard output
        #[arg(long, short, value_name = "FILE", default_value = "rejected.csv")]
        output: PathBuf,
    },
    /// List the accounts that one has created, changed, deleted or missed, or would if it is a dry run
    Changes {
        id: String,
        /// How many
        #[arg(long, default_value_t = Client::PAGE, value_parser = clap::value_parser!(u64).range(1..))]
        limit: u64,
    },
    /// Take one back: delete the accounts that it created, give the others their former values
    Undo {
        id: String,
        /// Ask nothing
        #[arg(long, short)]
        yes: bool,
    },
}

/// Does what is asked for.
///
/// # Errors
///
/// If the service refuses it or is out of reach; for `wait` and `undo` also if rows failed.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = Client::new(Settings::find(&arguments.service)?)?;
    let mut out = Output::open();
    let command = arguments.command.clone().unwrap_or(Command::List { limit: 20 });
    let path = |id: &str| format!("/users/import/{}", path_segment(id));
    match &command {
        Command::List { limit } => list(&client, *limit, arguments.json, &mut out).await?,
        Command::Show { id } => show(&client, &path(id), arguments.json, &mut out).await?,
        Command::Wait { id } => {
            let import = client.get(&path(id), Patience::Long).await?;
            return wait(&client, import, arguments.json, &mut out).await;
        }
        Command::Cancel { id } => {
            let request = || client.request(Method::DELETE, &path(id));
            let answer = client.send(Patience::Short, request).await?;
            said(&answer, arguments.json, &mut out)?;
        }
        Command::Resume { id } => {
            let answer = client
                .post(&format!("{}/resume", path(id)), Patience::Short)
                .await?;
            said(&answer, arguments.json, &mut out)?;
        }
        Command::Rejected { id, output } => {
            let import = client.get(&path(id), Patience::Short).await?;
            let target = Target::named(output);
            let is_file = matches!(target, Target::File(_));
            let written = fetch_rejected(&client, &path_segment(id), target).await?;
            // Whoever takes them from a pipe knows what to do with them.
            if !is_file {
                return Ok(());
            }
            let file = written.display();
            output::remark(&format!(
                "Written: {file}. Correct it and send it by: access import {file} --parent {id}{}",
                options_of(&import)
            ));
        }
        Command::Changes { id, limit } => {
            let path = format!("{}/changes", path(id));
            changes(&client, &path, *limit, arguments.json, &mut out).await?;
        }
        Command::Undo { id, yes } => {
            if !yes {
                let import = client.get(&path(id), Patience::Short).await?;
                expect_typed(&import)?;
            }
            let import = client.post(&format!("{}/undo", path(id)), Patience::Long).await?;
            return wait(&client, import, arguments.json, &mut out).await;
        }
    }
    out.flush()
}

/// Asks for the name of an import that is to be taken back.
fn expect_typed(import: &Value) -> Result<(), Failure> {
    let name = named(import);
    let number = |name: &str| import["counts"][name].as_u64().unwrap_or_default();
    let question = format!(
        "This takes {name} back: it deletes {} and gives {} the former values, except where they were changed since. Type \
         {name} to go on: ",
        count(number("created"), "account"),
        count(number("updated") + number("disabled"), "account"),
        name = shown(&name),
    );
    if asked(&question)? == name.trim() {
        return Ok(());
    }
    Err(Failure::Usage(
        "the name was not typed, so nothing was taken back; or say --yes".to_owned(),
    ))
}

async fn list(client: &Client, limit: u64, json: bool, out: &mut Output) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let each = |import: &Value| {
        if json {
            return out.line(&import.to_string());
        }
        let text = |name: &str| shown(import[name].as_str().unwrap_or_default());
        let count = |name: &str| grouped(import["counts"][name].as_u64().unwrap_or_default());
        rows.push(vec![
            text("id"),
            text("createdAt"),
            text("status"),
            count("rows"),
            count("failed"),
            text("fileName"),
        ]);
        Ok(())
    };
    client.walk("/users/import", &[], limit, each).await?;
    if json {
        return Ok(());
    }
    out.line(&listing(
        &["id", "created", "status", "rows", "failed", "file"],
        rows,
    ))
}

async fn changes(
    client: &Client,
    path: &str,
    limit: u64,
    json: bool,
    out: &mut Output,
) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let mut listed = 0;
    let each = |change: &Value| {
        listed += 1;
        if json {
            return out.line(&change.to_string());
        }
        let text = |name: &str| shown(change[name].as_str().unwrap_or_default());
        let line = change["line"].as_u64().map(grouped).unwrap_or_default();
        rows.push(vec![line, text("outcome"), text("email"), members(change)]);
        Ok(())
    };
    let all = client.walk(path, &[], limit, each).await?;
    if !json {
        out.line(&listing(&["line", "outcome", "email", "changes"], rows))?;
    }
    if listed < all {
        output::remark(&format!(
            "{} more; see them by --limit",
            count(all - listed, "change")
        ));
    }
    Ok(())
}

/// Returns the values that a change gives the members of an account, one a line.
fn members(change: &Value) -> String {
    let members = change["changes"].as_array().into_iter().flatten();
    let lines = members.map(|changed| {
        let member = changed["member"].as_str().unwrap_or_default();
        let (before, after) = (&changed["before"], &changed["after"]);
        // Before an account was created, no member had a value.
        if change["outcome"] == "created" {
            format!("{member}: {after}")
        } else {
            format!("{member}: {before} -> {after}")
        }
    });
    shown_lines(&lines.collect::<Vec<_>>())
}

async fn show(client: &Client, path: &str, json: bool, out: &mut Output) -> Result<(), Failure> {
    let import = client.get(path, Patience::Short).await?;
    if json {
        return out.line(&import.to_string());
    }
    for name in [
        "id",
        "fileName",
        "status",
        "mode",
        "createdAt",
        "finishedAt",
        "parent",
        "message",
    ] {
        if let Some(value) = import[name].as_str() {
            out.line(&format!("{name:<11} {}", shown(value)))?;
        }
    }
    if import["dryRun"] == true {
        out.line("dryRun      true")?;
    }
    let count = |name: &str| import["counts"][name].as_u64().unwrap_or_default();
    if count("failed") + count("warnings") > 0 {
        let causes = client.get(&format!("{path}/causes"), Patience::Short).await?;
        out.line(&format!("\nBy cause\n{}", cause_table_of(&causes["items"])))?;
    }
    Ok(())
}

fn said(import: &Value, json: bool, out: &mut Output) -> Result<(), Failure> {
    if json {
        return out.line(&import.to_string());
    }
    out.line(&shown(import["message"].as_str().unwrap_or_default()))
}
