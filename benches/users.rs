//! What benchmarks of requests about users have in common.

use std::fs;
use std::time::{Duration, Instant};

use local::Local;
use reqwest::header::ACCEPT;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use shared::http::BASE_PATH;
use shared::roster::{Given, Roles, User, UserDraft};
use shared::{BoxError, clock};

/// How long a request may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Returns how long `work` takes, in milliseconds.
///
/// # Errors
///
/// If it fails, or takes minutes.
pub async fn timed(work: impl Future<Output = Result<(), BoxError>>) -> Result<f64, BoxError> {
    let started = Instant::now();
    tokio::time::timeout(PATIENCE, work).await??;
    Ok(started.elapsed().as_secs_f64() * 1000.0)
}

/// Exports all users, and says how long that takes.
///
/// # Errors
///
/// If a request fails.
pub async fn exported(client: &Client, local: &Local) -> Result<String, BoxError> {
    let url = format!("{}{BASE_PATH}/users/export", local.url());
    let started = Instant::now();
    let answer = loop {
        let request = client.get(&url).bearer_auth(local.admin_token());
        let answer = request.header(ACCEPT, "application/json").send().await?;
        let answer = answer.error_for_status()?;
        if answer.status() == StatusCode::OK {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let seconds = started.elapsed().as_secs_f64();
    let answer: Value = serde_json::from_slice(&answer.bytes().await?)?;
    Ok(format!("an export of {} users: {seconds:.2} s", answer["rows"]))
}

/// Returns the memory that this process holds, in KiB.
///
/// # Errors
///
/// On anything but Linux.
pub fn resident() -> Result<u64, BoxError> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("the process has no VmRSS")?.parse()?)
}

/// Returns a new user.
///
/// # Errors
///
/// If there can be none with these members.
pub fn user(email: &str, first: &str, last: &str, roles: Roles) -> Result<User, BoxError> {
    let draft = UserDraft {
        email: Given::from(email),
        first_name: Given::from(first),
        last_name: Given::from(last),
        roles: Given::List(roles.iter().map(|role| role.as_str().into()).collect()),
        ..UserDraft::default()
    };
    let new = draft.parse(Roles::ALL).map_err(|faults| faults[0].message())?;
    Ok(User::new(new, clock::now(), None))
}
