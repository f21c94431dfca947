//! Entity tags and `If-Match` (RFC 9110, 8.8.3 and 13.1.1).

use errors::Error;
use lambda_http::Request;
use lambda_http::http::header::IF_MATCH;

use crate::http::header;

/// The strong entity tag of a record's version.
#[must_use]
pub fn of(version: u64) -> String {
    format!("\"{version}\"")
}

/// Checks `If-Match`, if it was sent, against the version that is stored.
///
/// # Errors
///
/// [`Error::PreconditionFailed`] if none of its tags is that of `version`. A weak tag never is.
pub fn check(request: &Request, version: u64) -> Result<(), Error> {
    if !request.headers().contains_key(IF_MATCH) {
        return Ok(());
    }
    let tags = header(request, &IF_MATCH).unwrap_or_default();
    let current = of(version);
    if tags
        .split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag == current)
    {
        Ok(())
    } else {
        Err(Error::PreconditionFailed)
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::Body;
    use lambda_http::http::Request as HttpRequest;

    use super::*;

    #[test]
    fn a_tag_of_the_stored_version_passes() {
        let with = |tags: &str| {
            let request = HttpRequest::builder()
                .header(IF_MATCH, tags)
                .body(Body::Empty)
                .unwrap();
            check(&request, 7).is_ok()
        };

        assert!(with("\"7\""));
        assert!(with("\"6\", \"7\""));
        assert!(with("*"));
        assert!(!with("\"6\""));
        assert!(!with("W/\"7\""));
        assert!(!with("7"));
        assert!(!with(""));
    }
}
