//! Room on the disk: the store below answers 500 to every write that fails, whatever the reason.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use hyper::header::CONTENT_LENGTH;
use hyper::{Method, Request, Response, StatusCode};

/// What the store writes beside an object, and its event: some small files.
const BESIDE: u64 = 64 * 1024;
/// Bytes that are written at once to find out.
const PIECE: usize = 64 * 1024;

/// Returns how many bytes `request` wants to write; none if it writes nothing.
pub(super) fn needed<B>(request: &Request<B>) -> Option<u64> {
    if !matches!(*request.method(), Method::PUT | Method::POST) {
        return None;
    }
    let length = request.headers().get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    Some(length.unwrap_or_default() + BESIDE)
}

/// Returns true if `bytes` do not fit on the disk of `folder`, by writing as many.
pub(super) async fn is_short(folder: &Path, bytes: u64) -> bool {
    let folder = folder.to_owned();
    let written = tokio::task::spawn_blocking(move || fill(&folder, bytes)).await;
    let full = |error: &io::Error| {
        matches!(
            error.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
        )
    };
    matches!(written, Ok(Err(error)) if full(&error))
}

fn fill(folder: &Path, bytes: u64) -> io::Result<()> {
    let mut file = tempfile::tempfile_in(folder)?;
    let piece = vec![1; PIECE];
    let mut written = 0;
    while written < bytes {
        file.write_all(&piece)?;
        written += PIECE as u64;
    }
    Ok(())
}

/// Returns the answer to a write that has no room, which S3 never gives.
pub(super) fn refusal() -> Response<s3s::Body> {
    let error = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InsufficientStorage</Code><Message>The disk is \
                 full.</Message></Error>";
    super::refusal(StatusCode::INSUFFICIENT_STORAGE, error.to_owned())
}
