//! Why a request could not be served, told without HTTP.

use std::borrow::Cow;

use roster::{ImportId, Violation};

/// Any error, kept only as a source for the log.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a request could not be served.
///
/// A variant exists only where a caller would act differently; the module `http::problem` of the crate `service` gives
/// each its status. Texts are for the caller. Sources are for the log and never part of a text.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request cannot be read: not JSON, a bad query parameter, no file part.
    #[error("{detail}")]
    Malformed {
        /// What to do about it.
        detail: Cow<'static, str>,
        /// The parameters or parts at fault, where there are such.
        violations: Vec<Violation>,
    },
    /// The request can be read, and some of its members break a rule.
    #[error("the request has {} invalid member(s)", .0.len())]
    Invalid(Vec<Violation>),
    /// No valid credentials. What exactly was wrong with them is never told.
    #[error("a valid access token is required")]
    Unauthenticated {
        /// Whether any credentials were sent (RFC 6750, 3.1).
        presented: bool,
    },
    /// The caller is known and may not do this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The thing does not exist, or is not the caller's to know of.
    #[error("{0} does not exist")]
    NotFound(&'static str),
    /// The path exists, and does not take the method.
    #[error("this resource supports {0} only")]
    MethodNotAllowed(String),
    /// The answer cannot be given in any form that `Accept` names.
    #[error("this resource is only available as {0}")]
    NotAcceptable(String),
    /// The body is not of the type that the request takes.
    #[error("send the body as {0}")]
    UnsupportedMediaType(&'static str),
    /// The request clashes with what is stored.
    #[error("{detail}")]
    Conflict {
        /// What it clashes with.
        detail: Cow<'static, str>,
        /// The members that clash, where there are such.
        violations: Vec<Violation>,
    },
    /// The same request, by its `Idempotency-Key`, is under way.
    #[error("the first request with this Idempotency-Key is under way; send it again in a moment")]
    InProgress,
    /// `If-Match` names another state than the stored one.
    #[error("the record was changed since it was read; read it again and repeat the change")]
    PreconditionFailed,
    /// The body or one of its parts is over a limit, which the text names.
    #[error("{0}")]
    TooLarge(Cow<'static, str>),
    /// The import's file was refused as a whole.
    #[error("{detail}")]
    FileRefused {
        /// The failed import.
        import: ImportId,
        /// What is wrong with the file, and what to do about it.
        detail: String,
    },
    /// A dependency does not answer or throttles; the same request may succeed later.
    #[error("could not {doing}")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// Why it failed, for the log.
        source: BoxError,
    },
    /// Our fault.
    #[error("could not {doing}")]
    Internal {
        /// What was being done.
        doing: &'static str,
        /// Why it failed, for the log.
        source: BoxError,
    },
}

impl Error {
    /// A request that cannot be read, with no member to point at.
    pub fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Malformed {
            detail: detail.into(),
            violations: Vec::new(),
        }
    }

    /// A clash with what is stored, with no member to point at.
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Conflict {
            detail: detail.into(),
            violations: Vec::new(),
        }
    }

    /// A fault of ours while `doing` something.
    pub fn internal(doing: &'static str, source: impl Into<BoxError>) -> Self {
        Self::Internal {
            doing,
            source: source.into(),
        }
    }
}

/// The error and its sources, joined by colons: what the log gets, once, where a failure ends.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
