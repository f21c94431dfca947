//! What holds for every route: the token, the query, and the headers of the answer.

use reqwest::Method;
use serde_json::json;

use crate::support::operations::{self, Operations};
use crate::support::{Service, form, send};

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
            answer.expect_common_headers();
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
        let answer = send(service.anonymous(Method::GET, path)).await;

        assert_eq!(answer.expect(404)["type"], "/problems/not-found");
        answer.expect_common_headers();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_a_route_does_not_know_is_named() {
    let service = Service::start().await;
    let operations = Operations::prepare(&service).await;
    let mut asked = 0;

    for (method, path) in operations::all() {
        let what = format!("{method} {path}");
        let request = operations.request(&service, &method, &path);
        let answer = send(request.query(&[("nonsense", "1")])).await;

        assert_eq!(answer.status, 400, "{what}: {}", answer.text);
        let faults = answer.faults();
        assert!(
            faults.iter().any(|fault| fault.starts_with("#/nonsense ")),
            "{what}: {faults:?}"
        );
        asked += 1;
    }

    assert!(asked >= 25, "the document lists only {asked} operations");
    let left = service.me(&operations.caller.token).await;
    assert_eq!((left.status.as_u16(), left.header("etag")), (200, "\"0\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_every_kind_have_the_headers_of_all() {
    let service = Service::start().await;
    let user = json!({ "email": "ada@example.org", "roles": "ROLE_ORIGINATOR" });
    let later = service
        .request(Method::POST, "/users/import")
        .header("prefer", "respond-async");

    for (answer, status) in [
        (service.get("/users/me").await, 200),
        (service.post("/users", &user).await, 201),
        (send(later.multipart(form("email\n", &[]))).await, 202),
        (service.get("/users/import/template").await, 200),
        (service.post("/users", &user).await, 409),
        (service.import("name\n", &[]).await, 422),
    ] {
        assert_eq!(answer.status, status, "{}", answer.text);
        answer.expect_common_headers();
    }
}
