//! `Prefer: respond-async` and `Prefer: wait=N` (RFC 7240).

use std::time::Duration;

use lambda_http::Request;
use lambda_http::http::HeaderName;

/// The request header.
pub const PREFER: HeaderName = HeaderName::from_static("prefer");
/// The answer header that repeats what was honoured.
pub const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// How long a request is willing to wait for the end of what it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// At most this long.
    pub at_most: Duration,
    /// The preference that was honoured, for the answer; `None` if there was none.
    pub applied: Option<String>,
}

/// What `request` prefers, at most `longest`; `longest` if it does not say.
///
/// A preference that cannot be read is ignored, as RFC 7240 asks.
#[must_use]
pub fn wait(request: &Request, longest: Duration) -> Wait {
    let mut wait = Wait {
        at_most: longest,
        applied: None,
    };
    let preferences = request
        .headers()
        .get_all(PREFER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    for preference in preferences {
        let preference = preference.split(';').next().unwrap_or_default().trim();
        if preference.eq_ignore_ascii_case("respond-async") {
            return Wait {
                at_most: Duration::ZERO,
                applied: Some("respond-async".to_owned()),
            };
        }
        let seconds = preference
            .split_once('=')
            .filter(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))
            .and_then(|(_, value)| value.trim().trim_matches('"').parse().ok());
        if let (Some(seconds), None) = (seconds, &wait.applied) {
            let seconds = longest.as_secs().min(seconds);
            wait = Wait {
                at_most: Duration::from_secs(seconds),
                applied: Some(format!("wait={seconds}")),
            };
        }
    }
    wait
}

#[cfg(test)]
mod tests {
    use lambda_http::Body;
    use lambda_http::http::Request as HttpRequest;

    use super::*;

    const LONGEST: Duration = Duration::from_secs(25);

    fn of(preference: &str) -> (u64, Option<String>) {
        let request = HttpRequest::builder()
            .header(PREFER, preference)
            .body(Body::Empty)
            .unwrap();
        let wait = wait(&request, LONGEST);
        (wait.at_most.as_secs(), wait.applied)
    }

    #[test]
    fn a_preference_is_honoured_within_the_limit() {
        assert_eq!(of("respond-async"), (0, Some("respond-async".into())));
        assert_eq!(of("wait=3, respond-async"), (0, Some("respond-async".into())));
        assert_eq!(of("WAIT = 3"), (3, Some("wait=3".into())));
        assert_eq!(of("wait=600"), (25, Some("wait=25".into())));
    }

    #[test]
    fn what_cannot_be_read_is_ignored() {
        assert_eq!(of("wait=soon"), (25, None));
        assert_eq!(of("return=minimal"), (25, None));
        assert_eq!(of(""), (25, None));
    }
}
