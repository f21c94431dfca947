//! What a failed call of AWS means, and how long to wait before the next try.

use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::Error;

/// How long to wait after the failed try number `attempt`: up to 20 ms, doubled with each try, at most
/// 2 s, with full jitter so that callers that met do not meet again.
#[must_use]
pub fn pause(attempt: u32) -> Duration {
    let longest = 20_u64.saturating_mul(1 << attempt.min(10)).min(2000);
    let random = getrandom::u64().unwrap_or_default();
    Duration::from_millis(random % (longest + 1))
}

/// Whether `code` says that the same call may succeed later.
#[must_use]
pub fn is_throttling(code: Option<&str>) -> bool {
    matches!(
        code,
        Some(
            "ThrottlingError"
                | "ThrottlingException"
                | "ProvisionedThroughputExceeded"
                | "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
                | "LimitExceededException"
                | "InternalServerError"
                | "SlowDown"
                | "TransactionConflict"
        )
    )
}

/// The error of a call that was throttled at every try.
#[must_use]
pub fn throttled(doing: &'static str) -> Error {
    Error::Unavailable {
        doing,
        source: "throttled at every try".into(),
    }
}

/// What the failure of an AWS call means: [`Error::Unavailable`] for what may pass (time-outs, lost
/// connections, throttling, failures of the service itself), [`Error::Internal`] for the rest.
pub fn failed<E>(doing: &'static str, error: SdkError<E, HttpResponse>) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let passing = match &error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
        SdkError::ServiceError(told) => {
            is_throttling(told.err().code()) || told.raw().status().as_u16() >= 500
        }
        _ => false,
    };
    let source = Box::new(error);
    if passing {
        Error::Unavailable { doing, source }
    } else {
        Error::Internal { doing, source }
    }
}
