//! Every answer that is not a success, as a problem document (RFC 9457).

use errors::{DiskFull, Error, chain};
use lambda_http::http::StatusCode;
use lambda_http::http::header::{ALLOW, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use lambda_http::{Body, Response};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use roster::{Code, ImportId, Violation};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::import_path;

/// What cannot stand in the fragment of a URI (RFC 3986, 3.5); beyond ASCII nothing can.
const NOT_IN_FRAGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Seconds after which a caller may try again what failed for a passing reason.
const RETRY_SECONDS: &str = "2";
/// Seconds after which a caller may try again what failed because the disk is full: somebody has to make room.
const RETRY_SECONDS_FULL: &str = "30";

/// A kind of problem. The types are stable: clients may branch on them.
#[derive(Debug)]
pub struct Kind {
    /// The URI reference that is its type.
    pub uri: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// The status of its answers.
    pub status: StatusCode,
}

impl Kind {
    const fn new(status: StatusCode, uri: &'static str, title: &'static str) -> Self {
        Self { uri, title, status }
    }

    /// The request cannot be read.
    pub const MALFORMED: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "/problems/malformed",
        "Malformed request",
    );
    /// No valid token came with the request.
    pub const UNAUTHENTICATED: Self = Self::new(
        StatusCode::UNAUTHORIZED,
        "/problems/unauthenticated",
        "Unauthenticated",
    );
    /// The caller's roles do not allow it.
    pub const FORBIDDEN: Self = Self::new(StatusCode::FORBIDDEN, "/problems/forbidden", "Forbidden");
    /// It does not exist, or is not the caller's to know of.
    pub const NOT_FOUND: Self = Self::new(StatusCode::NOT_FOUND, "/problems/not-found", "Not found");
    /// The path does not take the method.
    pub const METHOD_NOT_ALLOWED: Self = Self::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "/problems/method-not-allowed",
        "Method not allowed",
    );
    /// `Accept` admits no form of the answer.
    pub const NOT_ACCEPTABLE: Self = Self::new(
        StatusCode::NOT_ACCEPTABLE,
        "/problems/not-acceptable",
        "Not acceptable",
    );
    /// It clashes with what is stored.
    pub const CONFLICT: Self = Self::new(StatusCode::CONFLICT, "/problems/conflict", "Conflict");
    /// The first request with the same `Idempotency-Key` is under way.
    pub const IN_PROGRESS: Self = Self::new(StatusCode::CONFLICT, "/problems/in-progress", "In progress");
    /// `If-Match` names another state than the stored one.
    pub const PRECONDITION_FAILED: Self = Self::new(
        StatusCode::PRECONDITION_FAILED,
        "/problems/precondition-failed",
        "Precondition failed",
    );
    /// The body or a part of it is over a limit.
    pub const TOO_LARGE: Self = Self::new(StatusCode::PAYLOAD_TOO_LARGE, "/problems/too-large", "Too large");
    /// The body is of another media type.
    pub const UNSUPPORTED_MEDIA_TYPE: Self = Self::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "/problems/unsupported-media-type",
        "Unsupported media type",
    );
    /// The request can be read, and members of it break rules.
    pub const INVALID: Self = Self::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "/problems/invalid",
        "Invalid request",
    );
    /// The file of an import was refused as a whole.
    pub const FILE_REFUSED: Self = Self::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "/problems/file-refused",
        "File refused",
    );
    /// A fault of the service.
    pub const INTERNAL: Self = Self::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "/problems/internal",
        "Internal error",
    );
    /// A part of the service does not answer; the same request may succeed later.
    pub const UNAVAILABLE: Self = Self::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "/problems/unavailable",
        "Try again later",
    );
}

/// The body of every answer that is not a success.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem<'a> {
    /// What kind of problem it is. Stable: branch on this.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The title of that kind of problem.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What is wrong and what to do, in a sentence. It may be reworded.
    detail: String,
    /// The id of the request, as the log has it.
    instance: &'a str,
    /// Each member, parameter or part at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
    /// The import whose file was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    import_id: Option<ImportId>,
}

/// One fault of a request.
#[derive(Serialize, ToSchema)]
#[schema(as = ProblemError)]
pub(crate) struct Fault {
    /// The member at fault, as a JSON pointer in a URI fragment.
    pointer: String,
    /// The rule that was broken.
    code: Code,
    /// What is wrong with it.
    detail: String,
    /// The offending value, cut short.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// The value that was most likely meant, as it would have to be sent; empty if there should be none.
    #[serde(skip_serializing_if = "Option::is_none")]
    suggestion: Option<String>,
}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Self {
        let Violation {
            place,
            code,
            detail,
            value,
            suggestion,
        } = violation;
        let member = place.path();
        Self {
            pointer: if member.is_empty() {
                "#".to_owned()
            } else {
                format!("#/{}", utf8_percent_encode(member, NOT_IN_FRAGMENT))
            },
            code,
            detail,
            value,
            suggestion,
        }
    }
}

/// The answer to a request that failed with `error`. Failures of ours are logged here, once.
pub(super) fn answer(error: Error, request_id: &str) -> Response<Body> {
    let kind = kind(&error);
    let mut response = Response::builder()
        .status(kind.status)
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
        Error::MethodNotAllowed(methods) => response = response.header(ALLOW, methods),
        Error::Unavailable { source, .. } if source.is::<DiskFull>() => {
            response = response.header(RETRY_AFTER, RETRY_SECONDS_FULL);
        }
        Error::Unavailable { .. } | Error::InProgress => {
            response = response.header(RETRY_AFTER, RETRY_SECONDS);
        }
        Error::FileRefused { import, .. } => {
            response = response.header(LOCATION, import_path(*import));
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
        kind: kind.uri,
        title: kind.title,
        status: kind.status.as_u16(),
        detail,
        instance: request_id,
        errors: violations.into_iter().map(Fault::from).collect(),
        import_id,
    };
    let body = serde_json::to_string(&problem).unwrap_or_default();
    response.body(Body::Text(body)).unwrap_or_default()
}

/// Status and detail alone, for an answer that has several outcomes. Failures of ours are logged.
pub(super) fn brief(error: &Error, request_id: &str) -> (StatusCode, String) {
    log(error, request_id);
    (kind(error).status, detail(error))
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
        Error::Unavailable { source, .. } if source.is::<DiskFull>() => {
            "The disk of the storage is full. Free some space on it, then send the same request again."
                .to_owned()
        }
        Error::Unavailable { .. } => {
            "A part of the service does not answer. The same request may succeed in a moment.".to_owned()
        }
        Error::Invalid(violations) => sentence(violations),
        told => told.to_string(),
    }
}

/// What the answer to `error` is headed by.
const fn kind(error: &Error) -> &'static Kind {
    match error {
        Error::Malformed { .. } => &Kind::MALFORMED,
        Error::Unauthenticated { .. } => &Kind::UNAUTHENTICATED,
        Error::Forbidden(_) => &Kind::FORBIDDEN,
        Error::NotFound(_) => &Kind::NOT_FOUND,
        Error::MethodNotAllowed(_) => &Kind::METHOD_NOT_ALLOWED,
        Error::NotAcceptable(_) => &Kind::NOT_ACCEPTABLE,
        Error::Conflict { .. } => &Kind::CONFLICT,
        Error::InProgress => &Kind::IN_PROGRESS,
        Error::PreconditionFailed => &Kind::PRECONDITION_FAILED,
        Error::TooLarge(_) => &Kind::TOO_LARGE,
        Error::UnsupportedMediaType(_) => &Kind::UNSUPPORTED_MEDIA_TYPE,
        Error::Invalid(_) => &Kind::INVALID,
        Error::FileRefused { .. } => &Kind::FILE_REFUSED,
        Error::Internal { .. } => &Kind::INTERNAL,
        Error::Unavailable { .. } => &Kind::UNAVAILABLE,
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

    #[test]
    fn a_pointer_is_a_fragment_whatever_the_name() {
        let name = Violation::step("a/b é%");
        let response = answer(
            Error::Invalid(vec![Violation::new(name, Code::UnknownMember, "is unknown")]),
            "r",
        );

        assert_eq!(body(&response)["errors"][0]["pointer"], "#/a~1b%20%C3%A9%25");
    }
}
