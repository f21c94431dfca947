//! `access imports`: what became of imports, and what is to become of them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::Value;

use crate::failure::Failure;
use crate::import::{Following, Target, fetch_rejected, follow};
use crate::output::{self, Output, shown};
use crate::report::{cause_table_of, grouped, listing};
use crate::service::{Client, Patience, ServiceArguments, Settings, path_segment};

/// Arguments of `access imports`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Write JSON: the import as the service answers it, one a line; of `wait` one event a line
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
        /// Where to write them
        #[arg(long, short, value_name = "FILE", default_value = "rejected.csv")]
        output: PathBuf,
    },
}

/// Does what is asked for.
///
/// # Errors
///
/// If the service refuses it or is out of reach; for `wait` also if rows failed.
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
            let file = import["fileName"].as_str().unwrap_or(id).to_owned();
            let following = Following {
                file: &file,
                beside: None,
                json: arguments.json,
            };
            let followed = follow(&client, import, &following, &mut out).await;
            out.flush()?;
            return followed;
        }
        Command::Cancel { id } => {
            let request = || client.request(Method::DELETE, &path(id));
            let answer = client.send(Patience::Short, request).await?;
            said(&answer, arguments.json, &mut out)?;
        }
        Command::Resume { id } => {
            let key = uuid::Uuid::new_v4().to_string();
            let request = || {
                let request = client.request(Method::POST, &format!("{}/resume", path(id)));
                request.header("idempotency-key", &key)
            };
            let answer = client.send(Patience::Short, request).await?;
            said(&answer, arguments.json, &mut out)?;
        }
        Command::Rejected { id, output } => {
            let written = fetch_rejected(&client, &path_segment(id), Target::File(output)).await?;
            let file = written.display();
            output::remark(&format!(
                "Written: {file}. Correct it and send it by: access import {file} --parent {id}"
            ));
        }
    }
    out.flush()
}

async fn list(client: &Client, limit: u64, json: bool, out: &mut Output) -> Result<(), Failure> {
    const PAGE: u64 = 100;
    let mut rows = Vec::new();
    let mut left = limit;
    let mut cursor: Option<String> = None;
    while left > 0 {
        let page = client.send(Patience::Short, || {
            let request = client.request(Method::GET, "/users/import");
            let request = request.query(&[("limit", left.min(PAGE))]);
            request.query(&cursor.iter().map(|cursor| ("cursor", cursor)).collect::<Vec<_>>())
        });
        let page = page.await?;
        let items = page["items"].as_array().cloned().unwrap_or_default();
        left = left.saturating_sub(items.len() as u64);
        for import in items {
            if json {
                out.line(&import.to_string())?;
                continue;
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
        }
        cursor = page["nextCursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    if json {
        return Ok(());
    }
    out.line(&listing(
        &["id", "created", "status", "rows", "failed", "file"],
        rows,
    ))
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
