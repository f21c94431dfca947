//! Every answer that is not a success, as a problem document (RFC 9457).

use lambda_http::http::header::{ALLOW, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Response};
use serde::Serialize;

use crate::error::{Error, chain};
use crate::http::BASE_PATH;
use crate::models::{Code, Violation};

/// Seconds after which a caller may try again what failed for a passing reason.
const RETRY_SECONDS: &str = "2";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    instance: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
    #[serde(skip_serializing_if = "Option::is_none")]
    import_id: Option<String>,
}

#[derive(Serialize)]
struct Fault {
    pointer: String,
    code: Code,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Self {
        let Violation {
            member,
            code,
            detail,
            value,
        } = violation;
        Self {
            pointer: if member.is_empty() {
                "#".to_owned()
            } else {
                format!("#/{member}")
            },
            code,
            detail,
            value,
        }
    }
}

/// The answer to a request that failed with `error`. Failures of ours are logged here, once.
pub(super) fn answer(error: Error, request_id: &str) -> Response<Body> {
    let (status, kind, title) = heading(&error);
    let mut response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/problem+json");
    match &error {
        Error::Unauthenticated { presented } => {
            // RFC 6750, 3.1: no error code for a request that carried no credentials.
            let challenge = if *presented {
                r#"Bearer error="invalid_token""#
            } else {
                "Bearer"
            };
            response = response.header(WWW_AUTHENTICATE, challenge);
        }
        Error::MethodNotAllowed(methods) => response = response.header(ALLOW, *methods),
        Error::Unavailable { .. } | Error::InProgress => {
            response = response.header(RETRY_AFTER, RETRY_SECONDS);
        }
        Error::FileRefused { import, .. } => {
            if let Ok(location) = HeaderValue::from_str(&format!("{BASE_PATH}/users/import/{import}")) {
                response = response.header(LOCATION, location);
            }
        }
        _ => {}
    }

    log(&error, request_id);
    let detail = detail(&error);
    let (violations, import_id) = match error {
        Error::Invalid(violations)
        | Error::Malformed { violations, .. }
        | Error::Conflict { violations, .. } => (violations, None),
        Error::FileRefused { import, .. } => (Vec::new(), Some(import)),
        _ => (Vec::new(), None),
    };

    let problem = Problem {
        kind,
        title,
        status: status.as_u16(),
        detail,
        instance: request_id,
        errors: violations.into_iter().map(Fault::from).collect(),
        import_id,
    };
    let body = serde_json::to_string(&problem).unwrap_or_default();
    response.body(Body::Text(body)).unwrap_or_default()
}

/// Status and detail alone, for an answer that tells of several outcomes. Failures of ours are logged.
pub(super) fn brief(error: &Error, request_id: &str) -> (StatusCode, String) {
    log(error, request_id);
    (heading(error).0, detail(error))
}

fn log(error: &Error, request_id: &str) {
    if let Error::Internal { .. } | Error::Unavailable { .. } = error {
        tracing::error!(request.id = request_id, error = chain(error), "request failed");
    }
}

/// What the caller is told, in a sentence.
fn detail(error: &Error) -> String {
    match error {
        Error::Internal { .. } => "The service failed. Quote the request id when you report this.".to_owned(),
        Error::Unavailable { .. } => {
            "A part of the service does not answer. The same request may succeed in a moment.".to_owned()
        }
        Error::Invalid(violations) => sentence(violations),
        told => told.to_string(),
    }
}

/// Status, type and title of the answer to `error`. The types are stable: clients may branch on them.
fn heading(error: &Error) -> (StatusCode, &'static str, &'static str) {
    match error {
        Error::Malformed { .. } => (
            StatusCode::BAD_REQUEST,
            "/problems/malformed",
            "Malformed request",
        ),
        Error::Unauthenticated { .. } => (
            StatusCode::UNAUTHORIZED,
            "/problems/unauthenticated",
            "Unauthenticated",
        ),
        Error::Forbidden(_) => (StatusCode::FORBIDDEN, "/problems/forbidden", "Forbidden"),
        Error::NotFound(_) => (StatusCode::NOT_FOUND, "/problems/not-found", "Not found"),
        Error::MethodNotAllowed(_) => (
            StatusCode::METHOD_NOT_ALLOWED,
            "/problems/method-not-allowed",
            "Method not allowed",
        ),
        Error::NotAcceptable(_) => (
            StatusCode::NOT_ACCEPTABLE,
            "/problems/not-acceptable",
            "Not acceptable",
        ),
        Error::UnsupportedMediaType(_) => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "/problems/unsupported-media-type",
            "Unsupported media type",
        ),
        Error::Conflict { .. } => (StatusCode::CONFLICT, "/problems/conflict", "Conflict"),
        Error::InProgress => (StatusCode::CONFLICT, "/problems/in-progress", "In progress"),
        Error::PreconditionFailed => (
            StatusCode::PRECONDITION_FAILED,
            "/problems/precondition-failed",
            "Precondition failed",
        ),
        Error::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "/problems/too-large", "Too large"),
        Error::Invalid(_) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "/problems/invalid",
            "Invalid request",
        ),
        Error::FileRefused { .. } => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "/problems/file-refused",
            "File refused",
        ),
        Error::Unavailable { .. } => (
            StatusCode::SERVICE_UNAVAILABLE,
            "/problems/unavailable",
            "Try again later",
        ),
        Error::Internal { .. } => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "/problems/internal",
            "Internal error",
        ),
    }
}

/// The first fault in full and how many more there are.
fn sentence(violations: &[Violation]) -> String {
    match violations {
        [] => "The request is not valid.".to_owned(),
        [only] => only.message(),
        [first, more @ ..] => format!("{}; and {} more, see errors", first.message(), more.len()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn body(response: &Response<Body>) -> Value {
        serde_json::from_slice(response.body()).unwrap()
    }

    #[test]
    fn the_inside_of_a_failure_stays_in_the_log() {
        let response = answer(Error::internal("read a user", "table arn:aws:secret"), "r-1");

        assert_eq!(response.status(), 500);
        assert_eq!(body(&response)["instance"], "r-1");
        assert!(!body(&response).to_string().contains("secret"));
        assert!(!body(&response).to_string().contains("read a user"));
    }

    #[test]
    fn a_request_without_credentials_gets_a_bare_challenge() {
        let bare = answer(Error::Unauthenticated { presented: false }, "r");
        let refused = answer(Error::Unauthenticated { presented: true }, "r");

        assert_eq!(bare.headers()[WWW_AUTHENTICATE], "Bearer");
        assert_eq!(
            refused.headers()[WWW_AUTHENTICATE],
            r#"Bearer error="invalid_token""#
        );
        assert_eq!(bare.body(), refused.body());
    }

    #[test]
    fn every_fault_is_told_with_a_pointer() {
        let email = Violation::new("email", Code::Required, "is required").below("contacts/3");
        let response = answer(
            Error::Invalid(vec![email, Violation::new("", Code::Required, "is required")]),
            "r",
        );

        assert_eq!(response.status(), 422);
        assert_eq!(body(&response)["errors"][0]["pointer"], "#/contacts/3/email");
        assert_eq!(body(&response)["errors"][0]["code"], "required");
        assert_eq!(body(&response)["errors"][1]["pointer"], "#");
    }
}
