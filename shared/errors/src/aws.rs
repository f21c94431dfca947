//! What a failed call of AWS means.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::{BoxError, Error};

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

/// The HTTP status by which a store says that its disk is full (RFC 4918, 11.5). Those of AWS never do.
const INSUFFICIENT_STORAGE: u16 = 507;

/// The cause of an [`Error::Unavailable`] that passes when somebody makes room: the disk of a store is full.
#[derive(Debug, thiserror::Error)]
#[error("the disk is full")]
pub struct DiskFull(#[source] BoxError);

/// What the failure of an AWS call means: [`Error::Unavailable`] for what may pass (time-outs, lost
/// connections, throttling, a full disk, failures of the service itself), [`Error::Internal`] for the rest.
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
    let full = error
        .raw_response()
        .is_some_and(|response| response.status().as_u16() == INSUFFICIENT_STORAGE);
    let mut source: BoxError = Box::new(error);
    if full {
        source = Box::new(DiskFull(source));
    }
    if passing {
        Error::Unavailable { doing, source }
    } else {
        Error::Internal { doing, source }
    }
}
