//! The way of a file into the service: a form, or a signed upload for a large one.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method, StatusCode};
use serde_json::{Map, Value, json};

use super::pending::PendingKey;
use super::progress::Progress;
use super::wait::id_of;
use crate::failure::Failure;
use crate::output;
use crate::service::{Client, Patience};
use crate::source::Source;

/// The largest file that is sent as a form. The gateway takes 4.5 MB, parts and boundaries included.
const LARGEST_FORM: u64 = 4_000_000;
/// How many bytes of an upload are read at once.
const PIECE: u64 = 256 * 1024;
/// How often an upload is begun. An upload that breaks off five times would break off again; the pauses in between (1 to 4 s)
/// let a network come back.
const TRIES: u32 = 5;

/// The options that are true or false in a JSON body, where a form has words.
const FLAGS: [&str; 2] = ["ignoreDuplicates", "dryRun"];

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Sends a file that was read to its end, and returns its import.
///
/// # Errors
///
/// If the file has changed since it was checked, or the service refuses or does not take it.
pub(super) async fn send(
    client: &Client,
    source: &Arc<Source>,
    fields: &[(&str, String)],
) -> Result<Value, Failure> {
    let mut pending = PendingKey::of(&client.settings, source, fields)?;
    source.expect_unchanged()?;
    let import = if source.size() <= LARGEST_FORM {
        by_form(client, source, fields, &pending).await
    } else {
        by_upload(client, source, fields, &mut pending).await
    };
    match import {
        // The answer tells what became of it; the same request again would get the same answer.
        Ok(_) | Err(Failure::Refused(_) | Failure::Usage(_)) => pending.forget(),
        Err(_) => {}
    }
    import
}

async fn by_form(
    client: &Client,
    source: &Source,
    fields: &[(&str, String)],
    pending: &PendingKey,
) -> Result<Value, Failure> {
    let bytes = Bytes::from(source.bytes(0, source.size())?);
    let name = file_name(source);
    let answer = client.send(Patience::Long, || {
        let part = Part::stream(bytes.clone()).file_name(name.clone());
        let form = fields.iter().fold(Form::new(), |form, (name, value)| {
            form.text((*name).to_owned(), value.clone())
        });
        client
            .request(Method::POST, "/users/import")
            .header(IDEMPOTENCY_KEY, &pending.key)
            .header("prefer", "respond-async")
            .multipart(form.part("file", part))
    });
    answer.await
}

async fn by_upload(
    client: &Client,
    source: &Arc<Source>,
    fields: &[(&str, String)],
    pending: &mut PendingKey,
) -> Result<Value, Failure> {
    let mut body = Map::new();
    for (name, value) in fields.iter().filter(|(name, _)| *name != "force") {
        let value = if FLAGS.contains(name) {
            json!(value == "true")
        } else {
            json!(value)
        };
        body.insert((*name).to_owned(), value);
    }
    body.insert("fileName".to_owned(), json!(file_name(source)));
    body.insert("bytes".to_owned(), json!(source.size()));
    for number in 1..=TRIES {
        let opened = client.send(Patience::Long, || {
            let request = client.request(Method::POST, "/users/import/uploads");
            request.header(IDEMPOTENCY_KEY, &pending.key).json(&body)
        });
        let import = match opened.await {
            Ok(answer) => answer,
            // What an earlier try opened has ended without a file.
            Err(Failure::Usage(why)) if number < TRIES && why.contains("Idempotency-Key") => {
                pending.renew()?;
                continue;
            }
            Err(failure) => return Err(failure),
        };
        let put = put(client, source, &import["upload"]).await;
        if let Err(changed) = source.expect_unchanged() {
            let id = id_of(&import);
            let request = || client.request(Method::DELETE, &format!("/users/import/{id}"));
            // Rows may have been imported already, and the import says which.
            client.send(Patience::Short, request).await?;
            return Err(Failure::Refused(format!(
                "{changed}. The import {id} was cancelled"
            )));
        }
        match put {
            Ok(true) => return Ok(import),
            Ok(false) if number < TRIES => pending.renew()?,
            Err(failure) if number < TRIES => {
                output::remark(&format!("the upload broke off ({failure}); it begins once more"));
                tokio::time::sleep(std::time::Duration::from_secs(u64::from(number))).await;
            }
            Err(failure) => return Err(failure),
            Ok(false) => {}
        }
    }
    Err(Failure::Unreached(
        "the upload took longer than its URL is valid; try again with a faster connection, or split the file"
            .to_owned(),
    ))
}

/// Puts the file to its signed URL; `false` if the URL has ended.
async fn put(client: &Client, source: &Arc<Source>, upload: &Value) -> Result<bool, Failure> {
    let text = |name: &str| upload[name].as_str().unwrap_or_default().to_owned();
    let (url, kind) = (text("url"), text("contentType"));
    let size = source.size();
    let state = (Arc::clone(source), 0, Progress::begin(false));
    let pieces = stream::unfold(state, move |(source, at, mut progress)| async move {
        if at >= size {
            progress.end();
            return None;
        }
        let piece = source.bytes(at, size.min(at + PIECE));
        let piece = piece.map_err(|failure| std::io::Error::other(failure.to_string()));
        // A file that has become shorter ends the upload instead of going on for ever.
        let piece = piece.and_then(|piece| {
            if piece.is_empty() {
                Err(std::io::ErrorKind::UnexpectedEof.into())
            } else {
                Ok(piece)
            }
        });
        let at = at + piece.as_ref().map_or(size, |piece| piece.len() as u64);
        progress.sent(at.min(size), size);
        Some((piece.map(Bytes::from), (source, at, progress)))
    });
    let request = client
        .without_token(Method::PUT, &url)
        .header(CONTENT_TYPE, kind)
        .header(CONTENT_LENGTH, size)
        .body(Body::wrap_stream(pieces));
    let unreached = |why: String| Failure::Unreached(format!("storage cannot be reached ({why})"));
    let response = request
        .send()
        .await
        .map_err(|error| unreached(error.without_url().to_string()))?;
    match response.status() {
        status if status.is_success() => Ok(true),
        StatusCode::FORBIDDEN => Ok(false),
        status => Err(unreached(status.to_string())),
    }
}

/// What the service calls the file. A workbook is sent as the CSV of a sheet.
fn file_name(source: &Source) -> String {
    let Some(path) = source.path() else {
        return "stdin.csv".to_owned();
    };
    let path = if source.is_workbook() {
        path.with_extension("csv")
    } else {
        path.to_owned()
    };
    let name = path.file_name().unwrap_or(Path::new("users.csv").as_os_str());
    name.to_string_lossy().into_owned()
}
