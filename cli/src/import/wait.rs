//! An import that is followed to its end.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;

use super::progress::Progress;
use super::{asked, has_terminal};
use crate::events::{Event, FinishedEvent, ProgressEvent, StartedEvent};
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::output::{self, Output, shown};
use crate::rejected;
use crate::report::cause_table_of;
use crate::service::{Client, Patience};

/// How long one waits between two looks at an import: first a moment, because most files are small, and at last so long that
/// a terminal still seems alive.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// How an import is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Following<'a> {
    /// What messages call the file.
    pub(super) file: &'a str,
    /// The file, beside which the rejected rows are written.
    pub(super) beside: Option<&'a Path>,
    /// Whether events are written instead of text.
    pub(super) json: bool,
}

/// Returns the options with which rows that come back are sent, as they follow a command; those about how its file was
/// read are not among them, because rejected rows say that themselves.
pub(crate) fn options_of(import: &Value) -> String {
    let mut options = String::new();
    if import["mode"] == "upsert" {
        options.push_str(" --upsert");
    }
    if import["ignoreDuplicates"] == true {
        options.push_str(" --ignore-duplicates");
    }
    if let Some(country) = import["country"].as_str() {
        options.push_str(" --country ");
        options.push_str(country);
    }
    let roles = import["defaultRoles"].as_array().into_iter().flatten();
    let roles: Vec<_> = roles.filter_map(Value::as_str).collect();
    if !roles.is_empty() {
        options.push_str(" --default-roles ");
        options.push_str(&roles.join(","));
    }
    options
}

/// Returns the id of an import.
pub(crate) fn id_of(import: &Value) -> &str {
    import["id"].as_str().unwrap_or_default()
}

/// Returns what messages call an import: its file, or its id where the file has no name.
pub(crate) fn named(import: &Value) -> String {
    let name = import["fileName"].as_str();
    name.unwrap_or_else(|| id_of(import)).to_owned()
}

fn status_of(import: &Value) -> &str {
    import["status"].as_str().unwrap_or_default()
}

/// Follows an import to its end, and shows what became of it.
///
/// # Errors
///
/// If rows failed, if the import failed or was cancelled, if the service is out of reach for too long, and if the user
/// interrupts it.
pub(super) async fn follow(
    client: &Client,
    import: Value,
    following: &Following<'_>,
    interrupts: &mut Interrupts,
    out: &mut Output,
) -> Result<(), Failure> {
    let id = id_of(&import).to_owned();
    if following.json {
        let started = StartedEvent::new(following.file, &import);
        out.write(Event::Started(started).to_line().as_bytes())?;
        out.flush()?;
    } else {
        output::remark(&format!("import {id}"));
    }
    let ended = loop {
        tokio::select! {
            ended = until_end(client, import.clone(), following, out) => break ended,
            () = interrupts.next() => {
                if !interrupted(client, &id, interrupts).await? {
                    return Err(Failure::Interrupted);
                }
            }
        }
    };
    let ended = ended.map_err(|failure| match failure {
        Failure::Denied(why) => Failure::Denied(format!(
            "{why}. The import goes on; follow it by: access imports wait {id}"
        )),
        Failure::Unreached(why) => Failure::Unreached(format!(
            "{why}. The import may go on; follow it by: access imports wait {id}"
        )),
        failure => failure,
    })?;
    show(client, &ended, following, out).await
}

/// Follows an import whose file is not at hand to its end.
///
/// # Errors
///
/// As for [`follow`].
pub(crate) async fn wait(
    client: &Client,
    import: Value,
    json: bool,
    out: &mut Output,
) -> Result<(), Failure> {
    let following = Following {
        file: &named(&import),
        beside: None,
        json,
    };
    let followed = follow(client, import, &following, &mut Interrupts::listen()?, out).await;
    out.flush()?;
    followed
}

/// Asks what to do after Ctrl-C; `false` if the command is to end.
async fn interrupted(client: &Client, id: &str, interrupts: &mut Interrupts) -> Result<bool, Failure> {
    let later = format!(
        "The import goes on. Follow it by: access imports wait {id}\nCancel it by: access imports cancel {id}"
    );
    if interrupts.heard() > 1 || !has_terminal() {
        output::remark(&later);
        return Ok(false);
    }
    let question = "\nCancel the import, let it run without waiting, or wait on? [c/r/W] ";
    let answer = tokio::task::spawn_blocking(move || asked(question));
    let answer = tokio::select! {
        answer = answer => answer.map_err(|error| Failure::Usage(error.to_string()))??,
        // Again, so there is no more patience for questions.
        () = interrupts.next() => "r".to_owned(),
    };
    match answer.to_lowercase().as_str() {
        "c" => {
            let request = || client.request(Method::DELETE, &format!("/users/import/{id}"));
            client.send(Patience::Short, request).await?;
            output::remark("It is being cancelled; what it has done by now stays done.");
            Ok(true)
        }
        "r" => {
            output::remark(&later);
            Ok(false)
        }
        _ => Ok(true),
    }
}

/// Looks at an import again and again until it has ended. A lost connection is waited out, and an import that nobody
/// works on any more is resumed.
async fn until_end(
    client: &Client,
    mut import: Value,
    following: &Following<'_>,
    out: &mut Output,
) -> Result<Value, Failure> {
    let path = format!("/users/import/{}", id_of(&import));
    let mut progress = Progress::begin(following.json);
    let (mut pause, longest) = PAUSES;
    let mut rows = None;
    loop {
        if ["completed", "failed", "cancelled"].contains(&status_of(&import)) {
            progress.end();
            return Ok(import);
        }
        progress.import(&import);
        let now = import["counts"]["rows"].as_u64();
        if following.json && now != rows {
            let event = ProgressEvent::new(following.file, &import);
            out.write(Event::Progress(event).to_line().as_bytes())?;
            out.flush()?;
        }
        rows = now;
        if status_of(&import) == "stalled" {
            match client.post(&format!("{path}/resume"), Patience::Long).await {
                // Somebody else has resumed it.
                Ok(_) | Err(Failure::Usage(_)) => {}
                Err(failure) => return Err(failure),
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(longest);
        import = client.get(&path, Patience::Long).await?;
    }
}

/// Shows what became of an import.
async fn show(
    client: &Client,
    import: &Value,
    following: &Following<'_>,
    out: &mut Output,
) -> Result<(), Failure> {
    let id = id_of(import);
    let failed = import["counts"]["failed"].as_u64().unwrap_or_default();
    let rejected = match following.beside {
        Some(beside) if failed > 0 => Some(fetch_rejected(client, id, Target::Beside(beside)).await?),
        _ => None,
    };
    if following.json {
        let rejected = rejected.as_ref().map(|path| path.to_string_lossy());
        let finished = FinishedEvent::new(following.file, import, rejected.as_deref());
        out.write(Event::Finished(finished).to_line().as_bytes())?;
    } else {
        if failed > 0 || import["counts"]["warnings"].as_u64().unwrap_or_default() > 0 {
            let causes = client
                .get(&format!("/users/import/{id}/causes"), Patience::Long)
                .await?;
            out.line(&format!("By cause\n{}\n", cause_table_of(&causes["items"])))?;
        }
        out.line(&format!(
            "{}: {}",
            following.file,
            shown(import["message"].as_str().unwrap_or_default())
        ))?;
        if let Some(path) = &rejected {
            let path = path.display();
            out.line(&format!(
                "Written: {path}. Correct it and send it by: access import {path} --parent {id}{}",
                options_of(import)
            ))?;
        } else if failed > 0 {
            out.line(&format!(
                "Fetch the rows with errors by: access imports rejected {id}"
            ))?;
        }
        if is_applicable(import) {
            out.line(&format!("See each change by: access imports changes {id}"))?;
            out.line(&format!("Carry it out by: access import --apply {id}"))?;
        }
    }
    match status_of(import) {
        "failed" => Err(Failure::Refused(
            import["message"].as_str().unwrap_or_default().to_owned(),
        )),
        "completed" if failed == 0 => Ok(()),
        _ => Err(Failure::Rows),
    }
}

/// Returns whether it is a dry run that would change something.
fn is_applicable(import: &Value) -> bool {
    let changes =
        ["created", "updated", "disabled"].map(|name| import["counts"][name].as_u64().unwrap_or_default());
    import["dryRun"] == true && status_of(import) == "completed" && changes.iter().sum::<u64>() > 0
}

/// Where what the service gives is written.
pub(crate) enum Target<'a> {
    /// Beside a file.
    Beside(&'a Path),
    /// To this file.
    File(&'a Path),
    /// To standard output.
    Output,
}

impl<'a> Target<'a> {
    /// The target that an option names: a file, or `-` for standard output.
    pub(crate) fn named(path: &'a Path) -> Self {
        if path == Path::new("-") {
            Self::Output
        } else {
            Self::File(path)
        }
    }
}

/// Fetches the rejected rows of an import, and returns where they are.
///
/// # Errors
///
/// If they cannot be fetched or written.
pub(crate) async fn fetch_rejected(
    client: &Client,
    id: &str,
    target: Target<'_>,
) -> Result<PathBuf, Failure> {
    let request = || client.request(Method::GET, &format!("/users/import/{id}/rejected"));
    let response = client.response(Patience::Long, request).await?;
    save(response, target, "rejected rows").await
}

/// Writes the body of `response`, whole or not at all, and returns where it is. `what` names it in a failure.
///
/// # Errors
///
/// If it cannot be fetched or written.
pub(crate) async fn save(mut response: Response, target: Target<'_>, what: &str) -> Result<PathBuf, Failure> {
    let of_temporary = |error: io::Error| Failure::writing(&std::env::temp_dir(), &error);
    let mut kept = tempfile::tempfile().map_err(of_temporary)?;
    loop {
        let piece = response.chunk().await;
        let piece = piece
            .map_err(|error| Failure::Unreached(format!("the {what} broke off ({error}); try again")))?;
        let Some(piece) = piece else { break };
        kept.write_all(&piece).map_err(of_temporary)?;
    }
    io::Seek::rewind(&mut kept).map_err(of_temporary)?;
    let write = |out: &mut dyn Write| io::copy(&mut kept, out).map(|_| ());
    match target {
        Target::Beside(path) => rejected::beside(path, "rejected", write),
        Target::File(path) => rejected::write_as(path, write).map(|()| path.to_owned()),
        Target::Output => {
            let mut stdout = io::stdout();
            let written = io::copy(&mut kept, &mut stdout).and_then(|_| stdout.flush());
            written.map_err(|error| Failure::output(&error))?;
            Ok(PathBuf::from("standard output"))
        }
    }
}
