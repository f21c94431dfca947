//! The document tells what the service does, no more and no less.

use std::collections::BTreeSet;

use reqwest::Method;
use reqwest::header::{ACCEPT, HeaderName};
use serde_json::{Value, json};
use shared::http::BASE_PATH;

use crate::support::{Service, send};

const METHODS: [Method; 4] = [Method::GET, Method::POST, Method::PUT, Method::DELETE];

#[test]
fn the_committed_document_is_that_of_the_code() {
    let committed = include_str!("../../openapi.json");

    assert!(
        committed == contract::text().unwrap(),
        "openapi.json is stale; renew it by `cargo run -p contract`"
    );
}

#[test]
fn what_the_document_refers_to_is_in_it() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(name, value)| match value {
                Value::String(place) if name == "$ref" => {
                    found.insert(place.clone());
                }
                Value::String(id) if name == "operationId" => {
                    found.insert(id.clone());
                }
                value => references(value, found),
            }),
            Value::Array(elements) => elements.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = serde_json::to_value(contract::document()).unwrap();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    let operations: BTreeSet<_> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();

    for place in found {
        match place.strip_prefix('#') {
            Some(pointer) => assert!(document.pointer(pointer).is_some(), "{place}"),
            None => assert!(operations.contains(&*place), "{place}"),
        }
    }
}

#[test]
fn every_operation_and_parameter_says_what_it_is() {
    let document = serde_json::to_value(contract::document()).unwrap();
    let tags = document["tags"].as_array().unwrap().iter();
    let tags: BTreeSet<_> = tags.map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut used = BTreeSet::new();
    let mut silent = Vec::new();

    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let says =
                |value: &Value, member: &str| value[member].as_str().is_some_and(|text| !text.is_empty());
            for member in ["summary", "description", "operationId"] {
                if !says(operation, member) {
                    silent.push(format!("{member} of {method} {path}"));
                }
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if !says(parameter, "description") {
                    silent.push(format!("parameter {} of {method} {path}", parameter["name"]));
                }
            }
            let own: Vec<_> = operation["tags"].as_array().into_iter().flatten().collect();
            assert_eq!(own.len(), 1, "tags of {method} {path}");
            used.insert(own[0].as_str().unwrap());
        }
    }

    assert_eq!(silent, Vec::<String>::new());
    assert_eq!(used, tags);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_has_every_path_and_method_of_the_service() {
    let service = Service::start().await;
    let document = serde_json::to_value(contract::document()).unwrap();
    let told: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            methods.map(move |method| (format!("{BASE_PATH}{path}"), method.to_uppercase()))
        })
        .collect();

    let mut served = BTreeSet::new();
    for path in service
        .local
        .template()
        .routes
        .iter()
        .filter_map(|route| route.path.clone())
    {
        let Some(below) = path.strip_prefix(BASE_PATH) else {
            assert!(
                path == "/docs" || path == "/" || path.starts_with("/page/"),
                "{path}"
            );
            continue;
        };
        for method in METHODS {
            let answer = send(service.anonymous(method.clone(), &below.replace(['{', '}'], ""))).await;
            if answer.status != 405 {
                served.insert((path.clone(), method.to_string()));
            }
        }
    }

    assert_eq!(told, served);
}

#[tokio::test(flavor = "multi_thread")]
async fn anybody_may_read_the_document() {
    let service = Service::start().await;

    let answer = send(service.anonymous(Method::GET, "/openapi.json")).await;

    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.expect(200)["openapi"], "3.1.0");
    assert_eq!(
        send(service.anonymous(Method::POST, "/openapi.json"))
            .await
            .header("allow"),
        "GET"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_every_operation_and_loads_nothing() {
    let service = Service::start().await;
    let url = format!("{}/docs", service.local.url());
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();

    let answer = send(client.get(&url).header(ACCEPT, "text/html,*/*;q=0.8")).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    answer.expect_common_headers();
    let policy = HeaderName::from_static("content-security-policy");
    let policy = answer.headers[policy].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    for forbidden in ["<script", "<link", "<img", "src=", "style="] {
        assert!(!answer.text.contains(forbidden), "{forbidden}");
    }
    let document = serde_json::to_value(contract::document()).unwrap();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(answer.text.contains(&format!("<section id='{id}'>")), "{id}");
        }
    }
    let refused = send(client.get(&url).header(ACCEPT, "application/json")).await;
    assert_eq!(refused.expect(406)["type"], "/problems/not-acceptable");
}

#[test]
fn every_problem_of_the_document_stands_in_the_readme_with_its_status() {
    let readme = include_str!("../../README.md");
    let listed: BTreeSet<_> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `/problems/")?.split_once("` | "))
        .map(|(kind, rest)| (format!("/problems/{kind}"), rest[..3].to_owned()))
        .collect();
    let document = serde_json::to_value(contract::document()).unwrap();
    // No operation is answered so: its method is what the path takes.
    let mut told = BTreeSet::from([("/problems/method-not-allowed".to_owned(), "405".to_owned())]);
    for response in document["components"]["responses"].as_object().unwrap().values() {
        let Some(problem) = response["content"].get("application/problem+json") else {
            // The gateway's own words.
            continue;
        };
        assert_eq!(
            problem["schema"],
            json!({ "$ref": "#/components/schemas/Problem" })
        );
        for example in problem["examples"].as_object().unwrap().values() {
            let problem = &example["value"];
            told.insert((
                problem["type"].as_str().unwrap().to_owned(),
                problem["status"].to_string(),
            ));
        }
    }

    assert_eq!(told, listed);
}

#[test]
fn every_example_has_the_members_of_its_schema() {
    let document = serde_json::to_value(contract::document()).unwrap();
    let mut examples = 0;
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let Some(example) = schema["example"].as_object() else {
            continue;
        };
        examples += 1;
        for member in schema["required"].as_array().into_iter().flatten() {
            assert!(example.contains_key(member.as_str().unwrap()), "{name}: {member}");
        }
        for member in example.keys() {
            assert!(schema["properties"].get(member).is_some(), "{name}: {member}");
        }
    }
    assert!(examples > 5, "{examples}");
}
