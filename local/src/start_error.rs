//! Why the service does not start, in one sentence for the person who started it.

use std::error::Error;
use std::io;
use std::path::Path;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::invoke::FunctionError;

/// Why the service does not start: what is wrong with which path, port or endpoint, and what to do about it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(String);

impl StartError {
    /// Returns the error that `sentence` describes.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// Returns the error of a port that cannot be opened.
    pub(crate) fn port(port: u16, error: &io::Error) -> Self {
        let way_out = "choose another port by --port (0 takes any free one)";
        if error.kind() == io::ErrorKind::AddrInUse {
            return Self(format!(
                "port {port} is already in use; stop the program that uses it, or {way_out}"
            ));
        }
        Self(format!(
            "port {port} cannot be opened ({}); {way_out}",
            reason(error)
        ))
    }

    /// Returns the error of a data folder that cannot be used.
    pub(crate) fn folder(path: &Path, error: &io::Error) -> Self {
        let reason = if path.exists() && !path.is_dir() {
            "it is not a folder".to_owned()
        } else {
            reason(error)
        };
        Self(format!(
            "the data folder {} cannot be used ({reason}); choose a folder that you can write to by --data",
            path.display()
        ))
    }

    /// Returns the error of a table that cannot be read from `file`, or held in memory.
    pub(crate) fn table(file: Option<&Path>, error: &(dyn Error + 'static)) -> Self {
        let reason = innermost(error);
        // What follows is advice for those who program against the embedded database.
        let reason = reason.split(". ").next().unwrap_or_default();
        let Some(file) = file else {
            return Self(format!("the table in memory cannot be made ({reason})"));
        };
        Self(format!(
            "the table in {} cannot be opened ({reason}); restore the file, or delete it to begin with an empty table",
            file.display()
        ))
    }

    /// Returns the error of objects that cannot be kept below `folder`.
    pub(crate) fn objects(folder: &Path, error: &(dyn Error + 'static)) -> Self {
        Self(format!(
            "the objects in {} cannot be kept ({}); choose another folder by --data",
            folder.display(),
            innermost(error)
        ))
    }

    /// Returns the error of a store at `url`, which the argument `argument` names and which cannot be used.
    pub(crate) fn endpoint(store: &str, url: &str, argument: &str, reason: &str) -> Self {
        Self(format!(
            "the {store} at {url} cannot be used ({reason}); start it, or correct {argument}"
        ))
    }

    /// Returns the error of a first administrator who gets no token.
    pub(crate) fn administrator(address: &str, error: &FunctionError) -> Self {
        let reason = match error {
            // The type of the error is of no use to the reader.
            FunctionError::Failed(diagnostic) => diagnostic.error_message.clone(),
            error => error.to_string(),
        };
        Self(format!(
            "the administrator {address} cannot be given an access token ({reason}); correct that, or begin with \
             another folder by --data"
        ))
    }
}

/// Returns the system's words for `error`, without their number.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    without_number(&error.to_string())
}

/// Returns why a call of a store failed, in the words of the innermost cause.
pub(crate) fn of_call<E>(error: &SdkError<E>) -> String
where
    E: Error + ProvideErrorMetadata + 'static,
    SdkError<E>: 'static,
{
    match error {
        SdkError::ServiceError(refused) => {
            let refused = refused.err();
            let code = refused.code().unwrap_or("an error without a code");
            match refused.message() {
                Some(message) => format!("it answers {code}: {message}"),
                None => format!("it answers {code}"),
            }
        }
        error => innermost(error),
    }
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    without_number(&cause.to_string())
}

/// Returns `text` without the number that Rust puts behind the system's words, beginning in lower case as it stands in
/// the middle of a sentence.
fn without_number(text: &str) -> String {
    let text = text.split_once(" (os error").map_or(text, |(words, _)| words);
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_lowercase);
    first.chain(chars).collect()
}
