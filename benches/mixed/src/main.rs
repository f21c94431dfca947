//! `cargo run -p mixed`: reads, searches, changes, imports and exports over eight connections for some minutes, against
//! `local` in a process of its own. Reports errors, the memory of that process at the thirds of the time, and how far the
//! users differ at the end from a model that was kept beside them.
//!
//! It ends by itself. Of a shared machine the times mean nothing; errors, differences and memory do.

mod connection;
mod service;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::task::JoinSet;

use connection::{Connection, Totals};
use service::Service;

/// Any error.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Connections at work.
const CONNECTIONS: usize = 8;

/// A long mixed load on the service on one machine
#[derive(Parser)]
struct Arguments {
    /// How long the load lasts, in minutes
    #[arg(long, default_value_t = 5)]
    minutes: u64,
    /// Pause of each connection after a request, in milliseconds
    #[arg(long, default_value_t = 10)]
    pause: u64,
    /// A built `local`, instead of building one
    #[arg(long, value_name = "PATH")]
    local: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Failure> {
    let Arguments {
        minutes,
        pause,
        local,
    } = Arguments::parse();
    let local = local.map_or_else(service::build, Ok)?;
    let service = Service::start(&local).await?;
    let time = Duration::from_secs(minutes * 60);
    println!("memory at the start: {:.1} MiB", service.memory()?);
    let mut connections = load(&service, time, Duration::from_millis(pause)).await?;

    let mut totals = Totals::default();
    for connection in &mut connections {
        totals.add(&connection.totals);
    }
    let differences = compare(&service, &connections).await?;
    println!("{totals}");
    for difference in differences.iter().take(20) {
        println!("{difference}");
    }
    println!("memory at the end: {:.1} MiB", service.memory()?);
    println!(
        "errors: {}, differences: {}",
        totals.errors.len(),
        differences.len()
    );
    let good = totals.errors.is_empty() && differences.is_empty();
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Has all connections work for `time`, and prints the memory at its thirds.
async fn load(service: &Service, time: Duration, pause: Duration) -> Result<Vec<Connection>, Failure> {
    let started = Instant::now();
    let end = started + time;
    let mut tasks = JoinSet::new();
    for number in 0..CONNECTIONS {
        let mut connection = Connection::new(number, service.client());
        tasks.spawn(async move {
            while Instant::now() < end {
                connection.act().await;
                tokio::time::sleep(pause).await;
            }
            connection
        });
    }
    for third in 1..=3 {
        tokio::time::sleep_until((started + time / 3 * third).into()).await;
        let minutes = (time / 3 * third).as_secs_f64() / 60.0;
        println!("memory after {minutes:.1} minutes: {:.1} MiB", service.memory()?);
    }
    Ok(tasks.join_all().await)
}

/// Reads all users page by page, and says how they differ from what the connections know.
async fn compare(service: &Service, connections: &[Connection]) -> Result<Vec<String>, Failure> {
    let client = service.client();
    let mut differences = Vec::new();
    let mut all = 0;
    for connection in connections {
        let stored = client.everybody(&connection.name()).await?;
        all += stored.len();
        differences.extend(connection.differences(&stored));
    }
    let listed = client.get("/users?limit=1").await?;
    // The administrator is none of the connections'.
    if listed["count"].as_u64() != Some(all as u64 + 1) {
        differences.push(format!(
            "{all} users and the administrator, but a count of {}",
            listed["count"]
        ));
    }
    Ok(differences)
}
