//! What holds for every route: the token, the query, and the headers of the answer.

use reqwest::Method;
use serde_json::{Value, json};
use shared::roster::Role;

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
    let roles = [Role::SystemAdmin, Role::Originator];
    let caller = service.account("caller@example.org", &roles).await;
    let other = service.account("other@example.org", &[Role::Originator]).await;
    let import = service.import("email\n", &[]).await.expect(200);
    let contacts = json!({ "contacts": [{ "email": "ada@example.org" }], "ignoreDuplicates": false });
    let added = service.request_as(&caller.token, Method::POST, "/users/me/contacts");
    let added = send(added.json(&contacts)).await.expect(200);
    let real = |path: &str| {
        [
            ("{userId}", &json!(other.id.to_string())),
            ("{contactId}", &added["items"][0]["id"]),
            ("{importId}", &import["id"]),
        ]
        .iter()
        .fold(path.to_owned(), |path, (name, id)| {
            path.replace(name, id.as_str().unwrap())
        })
    };
    let document = serde_json::to_value(contract::document()).unwrap();
    let operations = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            methods.map(move |method| (path, method.to_uppercase().parse::<Method>().unwrap()))
        });
    let mut asked = 0;

    for (path, method) in operations {
        let what = format!("{method} {path}");
        let request = service.request_as(&caller.token, method.clone(), &real(path));
        let request = request.query(&[("nonsense", "1")]);
        let body = match (&method, path.as_str()) {
            (&Method::POST, "/users") => json!({ "email": "ada@example.org", "roles": "ROLE_ORIGINATOR" }),
            (&Method::POST, "/users/me/contacts") => contacts.clone(),
            (&Method::POST, "/users/import/uploads") => json!({ "bytes": 5 }),
            (&Method::PUT, "/users/me/contacts/{contactId}") => json!({ "email": "bob@example.org" }),
            (&Method::POST | &Method::PUT, _) => json!({}),
            _ => Value::Null,
        };
        let answer = send(match body {
            _ if what == "POST /users/import" => request.multipart(form("email\n", &[])),
            Value::Null => request,
            body => request.json(&body),
        })
        .await;

        assert_eq!(answer.status, 400, "{what}: {}", answer.text);
        let faults = answer.faults();
        assert!(
            faults.iter().any(|fault| fault.starts_with("#/nonsense ")),
            "{what}: {faults:?}"
        );
        asked += 1;
    }

    assert!(asked >= 25, "the document lists only {asked} operations");
    let left = service.me(&caller.token).await;
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
