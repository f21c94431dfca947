//! What the template's `CorsConfiguration` allows of a browser: the page's own origin may use signed URLs.

use std::net::SocketAddr;

use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue,
    ORIGIN, VARY,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};

/// The headers that a signed upload is sent with.
const HEADERS: [&str; 2] = ["content-length", "content-type"];

/// Origins whose pages may use signed URLs.
#[derive(Debug)]
pub(super) struct Cors(Vec<String>);

impl Cors {
    /// Allows the page that the gateway at `gateway` serves, under both names of loopback.
    pub(super) fn of(gateway: SocketAddr) -> Self {
        let port = gateway.port();
        Self(vec![
            format!("http://{gateway}"),
            format!("http://localhost:{port}"),
        ])
    }

    /// Returns the origin of `request`, if it is allowed.
    pub(super) fn origin<B>(&self, request: &Request<B>) -> Option<HeaderValue> {
        let origin = request.headers().get(ORIGIN)?;
        let known = self.0.iter().any(|known| known.as_bytes() == origin.as_bytes());
        known.then(|| origin.clone())
    }

    /// Returns the answer to a preflight, as S3 gives it. None for any other request.
    pub(super) fn preflight<B>(&self, request: &Request<B>) -> Option<Response<s3s::Body>> {
        if request.method() != Method::OPTIONS {
            return None;
        }
        let asked = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let method = asked(ACCESS_CONTROL_REQUEST_METHOD).filter(|method| ["GET", "PUT"].contains(method));
        let headers = asked(ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default();
        let allowed = headers
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase())
            .all(|name| name.is_empty() || HEADERS.contains(&name.as_str()));
        let mut response = Response::new(s3s::Body::empty());
        match self.origin(request).zip(method) {
            Some((origin, _)) if allowed => {
                let answer = response.headers_mut();
                allow(answer, origin);
                answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, PUT"));
                answer.insert(
                    ACCESS_CONTROL_ALLOW_HEADERS,
                    HeaderValue::from_static("content-length, content-type"),
                );
                answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
            }
            _ => *response.status_mut() = StatusCode::FORBIDDEN,
        }
        Some(response)
    }
}

/// Lets the page of `origin` read the answer that has these `headers`.
pub(super) fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(VARY, HeaderValue::from_static("origin"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preflight(origin: &str, method: &str, headers: &str) -> StatusCode {
        let cors = Cors::of(([127, 0, 0, 1], 8080).into());
        let request = Request::options("/b/k")
            .header(ORIGIN, origin)
            .header(ACCESS_CONTROL_REQUEST_METHOD, method)
            .header(ACCESS_CONTROL_REQUEST_HEADERS, headers);
        cors.preflight(&request.body(()).unwrap()).unwrap().status()
    }

    #[test]
    fn only_the_page_may_upload_and_only_with_the_headers_of_an_upload() {
        for (origin, method, headers, status) in [
            ("http://127.0.0.1:8080", "PUT", "content-type", 200),
            ("http://localhost:8080", "GET", "", 200),
            ("http://127.0.0.1:8081", "PUT", "content-type", 403),
            ("https://elsewhere.example", "GET", "", 403),
            ("http://127.0.0.1:8080", "DELETE", "", 403),
            ("http://127.0.0.1:8080", "PUT", "content-type, authorization", 403),
        ] {
            assert_eq!(
                preflight(origin, method, headers),
                status,
                "{origin} {method} {headers}"
            );
        }
    }
}
