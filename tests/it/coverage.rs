//! Every route of the template refuses whoever has no token.

use reqwest::Method;

use crate::support::{Service, send};

/// Paths that need no token. The list may only shrink.
const OPEN: [&str; 2] = ["/api/v1/openapi.json", "/docs"];

#[tokio::test(flavor = "multi_thread")]
async fn every_route_asks_for_a_token() {
    let service = Service::start().await;
    let paths = service
        .local
        .template()
        .routes
        .iter()
        .filter_map(|route| route.path.clone());
    let mut checked = 0;

    for path in paths.filter(|path| !OPEN.contains(&path.as_str())) {
        let concrete: Vec<_> = path
            .trim_start_matches("/api/v1")
            .split('/')
            .map(|segment| if segment.starts_with('{') { "x" } else { segment })
            .collect();
        let mut refused = 0;
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
            let answer = send(service.anonymous(method.clone(), &concrete.join("/"))).await;
            match answer.status.as_u16() {
                401 => {
                    assert_eq!(answer.header("www-authenticate"), "Bearer");
                    refused += 1;
                }
                405 => assert!(!answer.header("allow").contains(method.as_str())),
                status => panic!("{method} {path} without a token: {status}"),
            }
        }
        assert!(refused > 0, "{path} takes no method");
        checked += 1;
    }

    assert!(checked >= 15, "the template lists only {checked} routes");
}
