//! What the index of users costs that no request shows.

use std::fs;
use std::time::{Duration, Instant};

use benches::median;
use local::Local;
use reqwest::StatusCode;
use reqwest::header::ACCEPT;
use shared::catalog::Catalog;
use shared::http::BASE_PATH;
use shared::index::{Filter, Wanted, words};
use shared::{BoxError, Config};

use super::{World, timed};

/// Searches of a process that has the index.
const WARM: usize = 20;

/// Searches by a catalog that knows nothing yet, and again, and says what memory it holds then.
pub(super) async fn held(local: &Local, config: Config) -> Result<String, BoxError> {
    let wanted = Wanted {
        filter: Filter {
            words: words("ser00042"),
            ..Filter::default()
        },
        limit: 10,
        ..Wanted::default()
    };
    let before = resident()?;
    let catalog = Catalog::new(config, local.dynamodb(), local.s3());
    let search = async || {
        catalog.page(&wanted, None).await?;
        Ok(())
    };
    let cold = timed(Box::pin(search())).await?;
    let mut warm = Vec::new();
    for _ in 0..WARM {
        warm.push(timed(Box::pin(search())).await?);
    }
    let held = resident()?.saturating_sub(before) >> 10;
    Ok(format!(
        "a search of the index without a request: the first of a process {cold:.1} ms, later ones {:.2} ms; it holds \
         {held} MiB more",
        median(&warm)
    ))
}

/// Exports all users.
pub(super) async fn exported(world: &World) -> Result<String, BoxError> {
    let url = format!("{}{BASE_PATH}/users/export", world.local.url());
    let started = Instant::now();
    let answer = loop {
        let request = world.client.get(&url).bearer_auth(&world.token);
        let answer = request.header(ACCEPT, "application/json").send().await?;
        let answer = answer.error_for_status()?;
        if answer.status() == StatusCode::OK {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let seconds = started.elapsed().as_secs_f64();
    let answer: serde_json::Value = serde_json::from_slice(&answer.bytes().await?)?;
    Ok(format!("an export of {} users: {seconds:.2} s", answer["rows"]))
}

/// The memory that this process holds, in KiB.
fn resident() -> Result<u64, BoxError> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("the process has no VmRSS")?.parse()?)
}
