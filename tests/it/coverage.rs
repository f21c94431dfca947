//! What holds for every route: the token, the query, and the headers of the answer.

use std::collections::{BTreeMap, BTreeSet};

use local::Template;
use reqwest::Method;
use serde_json::json;
use shared::http::BASE_PATH;
use shared::http::operation::Access;
use shared::roster::Role;

use crate::support::operations::{self, Operations};
use crate::support::{Service, form, send};

#[tokio::test(flavor = "multi_thread")]
async fn every_route_asks_for_a_token() {
    let service = Service::start().await;
    let paths: BTreeSet<_> = contract::operations()
        .into_iter()
        .filter(|operation| operation.access != Access::Open)
        .map(|operation| operation.path)
        .collect();
    let mut checked = 0;

    for path in paths {
        let concrete: Vec<_> = path
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
async fn nobody_without_the_right_of_an_operation_can_call_it() {
    let service = Service::start().await;
    let mut tokens = Vec::new();
    for role in Role::ALL {
        let caller = service.account(&format!("{role:?}@example.org"), &[role]).await;
        tokens.push((role, caller.token));
    }
    let mut refused = 0;

    for operation in contract::operations() {
        let Access::Right(right) = operation.access else {
            continue;
        };
        let path = operation.path.replace(['{', '}'], "");
        for (role, token) in &tokens {
            let method = operation.verb.as_str().parse().unwrap();
            let answer = send(service.request_as(token, method, &path)).await;
            let may = shared::roster::rights((*role).into()).contains(&right);
            assert_eq!(answer.status != 403, may, "{role:?} {:?} {path}", operation.verb);
            refused += u32::from(!may);
        }
    }

    assert!(refused >= 40, "only {refused} calls were refused");
}

#[test]
fn the_template_has_the_paths_of_the_operations() {
    let template = Template::embedded("access-service", &BTreeMap::new()).unwrap();
    let declared: BTreeSet<_> = contract::operations()
        .into_iter()
        .map(|operation| {
            let base = if operation.documented { BASE_PATH } else { "" };
            format!("{base}{}", operation.path)
        })
        .collect();
    let routed: BTreeSet<_> = template
        .routes
        .into_iter()
        .filter_map(|route| route.path)
        .collect();

    assert_eq!(routed, declared);
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
