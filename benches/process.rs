//! The import function in a process of its own, as deployed: the memory and the processor time that it
//! takes for files of different sizes, and how often it hands a long import over.
//!
//! `cargo bench -p benches --bench process [-- ROWS...] [--timeout SECONDS]`. A row takes about 100 bytes, so
//! 2,000,000 rows are 200 MB.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use benches::{cpu_seconds, peak_memory};
use clap::Parser;
use local::{Functions, Local, Options};
use reqwest::Client;
use serde_json::{Value, json};
use shared::http::BASE_PATH;
use shared::roster::ImportId;
use shared::{BoxError, clock};

/// One row in so many has no address, and one in so many an address of an earlier row.
const FAULTY: u64 = 1000;
/// How far before it the row stands whose address a row repeats: in another segment.
const BACK: u64 = 6000;

/// How long an import may stand still.
const PATIENCE: Duration = Duration::from_mins(5);

/// Memory and processor time of the import function in a process of its own
#[derive(Parser)]
struct Arguments {
    /// Rows of each file
    #[arg(default_values_t = [10_000, 1_000_000])]
    rows: Vec<u64>,
    /// Run the functions in this folder, as `scripts/build` leaves them, instead of building them
    #[arg(long, value_name = "DIR")]
    functions: Option<PathBuf>,
    /// Seconds after which a run of the function is ended
    #[arg(long, default_value_t = 900)]
    timeout: u64,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let Arguments {
        rows,
        functions,
        timeout,
        bench: _,
    } = Arguments::parse();
    let functions = functions.map_or_else(benches::build, Ok)?;
    println!(
        "| rows | MB | rows/s | runs | function's processor seconds for 10,000 rows | its peak memory, MiB |"
    );
    println!("|---|---|---|---|---|---|");
    for rows in rows {
        Box::pin(measure(&functions, timeout, rows)).await?;
    }
    Ok(())
}

/// Sends a file of `rows` rows by a signed URL, checks what became of it, and prints a line.
async fn measure(functions: &Path, timeout: u64, rows: u64) -> Result<(), BoxError> {
    let local = Local::start(Options {
        functions: Functions::Processes(functions.to_owned()),
        parameters: [("ImportTimeout".to_owned(), timeout.to_string())].into(),
        environment: [("LOG_LEVEL".to_owned(), "warn".to_owned())].into(),
        ..Options::default()
    })
    .await?;
    let app = local.app();
    let client = Client::builder().no_proxy().tls_certs_only([]).build()?;
    let file = file(rows);
    let bytes = file.len();
    let opened: Value = client
        .post(format!("{}{BASE_PATH}/users/import/uploads", local.url()))
        .bearer_auth(local.admin_token())
        .json(&json!({ "bytes": bytes }))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    let id: ImportId = opened["id"].as_str().unwrap_or_default().parse()?;
    let url = opened["upload"]["url"].as_str().unwrap_or_default();
    let started = Instant::now();
    client
        .put(url)
        .header("content-type", "text/csv")
        .body(file)
        .send()
        .await?
        .error_for_status()?;

    let mut runs = HashSet::new();
    // Of each process, because one that is over its time is replaced.
    let mut used = BTreeMap::new();
    let mut moved = (0, started);
    let import = loop {
        let import = app
            .imports
            .find(id, clock::now())
            .await?
            .ok_or("the import is gone")?;
        runs.extend(import.lease.as_ref().and_then(|lease| lease.run.clone()));
        for process in local::processes("import-file") {
            let figures = (cpu_seconds(&process), peak_memory(&process));
            used.insert(process, figures);
        }
        if import.is_final() {
            break import;
        }
        if import.counts.rows() > moved.0 {
            moved = (import.counts.rows(), Instant::now());
        }
        if moved.1.elapsed() > PATIENCE {
            return Err(format!("the import stands still after {} rows", moved.0).into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let took = started.elapsed();

    let failed = (0..rows).filter(|row| !is_good(*row)).count() as u64;
    let created = rows - failed;
    assert_eq!(
        (import.counts.created, import.counts.failed),
        (created, failed),
        "{:?}",
        import.fault
    );
    assert_eq!(import.errors, failed);
    let counted = app.users.tally().await?.all.total;
    assert_eq!(counted, 1 + i64::try_from(created)?);
    assert_eq!(stored(&local).await?, counted);

    let cpu: f64 = used.values().map(|(cpu, _)| cpu).sum();
    let peak = used.values().map(|(_, peak)| *peak).fold(0.0, f64::max);
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let (count, bytes) = (rows as f64, bytes as f64);
    println!(
        "| {rows} | {:.1} | {:.0} | {} | {:.2} | {peak:.1} |",
        bytes / 1e6,
        count / took.as_secs_f64(),
        runs.len(),
        cpu * 10_000.0 / count,
    );
    local.stop().await;
    Ok(())
}

/// How many users the table has.
async fn stored(local: &Local) -> Result<i64, BoxError> {
    let mut users = 0;
    for part in 0..8 {
        let mut pages = local
            .dynamodb()
            .query()
            .table_name(local.table())
            .index_name("listing")
            .key_condition_expression("LPK = :part")
            .expression_attribute_values(":part", AttributeValue::S(format!("U#{part}")))
            .select(Select::Count)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            users += i64::from(page?.count());
        }
    }
    Ok(users)
}

fn repeats(row: u64) -> bool {
    row % FAULTY == 7 && row >= BACK
}

fn is_good(row: u64) -> bool {
    row % FAULTY != 3 && !repeats(row)
}

fn file(rows: u64) -> String {
    let mut file = "email,firstName,lastName,mobileNumber,roles,externalUserId\n".to_owned();
    for row in 0..rows {
        let address = match row {
            row if row % FAULTY == 3 => String::new(),
            row if repeats(row) => format!("person{:08}@example.org", row - BACK + 1),
            row => format!("person{row:08}@example.org"),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            file,
            "{address},First{row},Last{row},+442079460018,ROLE_COLLABORATOR,staff-register-{row:010}"
        );
    }
    file
}
