//! Every route of the template refuses whoever has no token.

use reqwest::Method;

use crate::support::{Service, send};

/// What anybody may read. This list may only get shorter.
const OPEN: [&str; 2] = ["/api/v1/openapi.json", "/docs"];

#[tokio::test(flavor = "multi_thread")]
async fn every_route_asks_for_a_token() {
    let service = Service::start().await;
    let paths = service
        .local
        .template()
        .routes
        .iter()
        .filter_map(|route| route.path.clone())
        .filter(|path| !OPEN.contains(&path.as_str()));
    let mut checked = 0;

    for path in paths {
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

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_path_is_a_problem_like_all_others() {
    let service = Service::start().await;

    for path in ["/nothing", "/users/", "/users/x/y/z"] {
        let problem = send(service.anonymous(Method::GET, path)).await.expect(404);

        assert_eq!(problem["type"], "/problems/not-found");
    }
}
