//! Every payload in `events/` goes to its function, and the answer is what stands beside it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use local::FunctionError;
use reqwest::Method;
use serde_json::{Value, json};
use shared::http::BASE_PATH;
use shared::roster::Role;

use crate::support::{Service, send};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../events")
}

/// Every event as its function's name and its file.
fn events() -> Vec<(String, PathBuf)> {
    let mut events = Vec::new();
    let folders = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    for folder in folders.filter(|path| path.is_dir()) {
        let function = folder.file_name().unwrap().to_str().unwrap();
        let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        events.extend(
            files
                .filter(|file| !file.to_str().unwrap().ends_with(".expected.json"))
                .map(|file| (function.to_owned(), file)),
        );
    }
    events.sort();
    events
}

/// What the payloads call by names of their own, and what each name stands for in `service`: accounts
/// and a contact that are made for one event, and the import that all of them share.
async fn stand_ins(service: &Service, mark: &str, import: &str) -> Vec<(String, String)> {
    let roles = [Role::SystemAdmin, Role::Originator];
    let caller = service
        .account(&format!("caller-{mark}@example.org"), &roles)
        .await;
    let other = format!("other-{mark}@example.org");
    let other = service.account(&other, &[Role::Collaborator]).await;
    let named = json!({ "lastName": "Caller" });
    service
        .put(&format!("/users/{}", caller.id), &named)
        .await
        .expect(200);
    let contact = json!({
        "contacts": [{ "email": format!("contact-{mark}@example.org") }],
        "ignoreDuplicates": false,
    });
    let added = service.request_as(&caller.token, Method::POST, "/users/me/contacts");
    let added = send(added.json(&contact)).await.expect(200);
    let real = json!({
        "token": caller.token,
        "user": caller.id,
        "other": other.id,
        "contact": added["items"][0]["id"],
        "import": import,
        "mark": mark,
    });

    let stand_ins = fs::read_to_string(folder().join("stand-ins.json")).unwrap();
    let stand_ins: Value = serde_json::from_str(&stand_ins).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    stand_ins
        .as_object()
        .unwrap()
        .iter()
        .map(|(what, name)| (text(name), text(&real[what])))
        .collect()
}

/// The file, with what `stand_ins` stand for.
fn read(file: &Path, stand_ins: &[(String, String)]) -> Value {
    let text = fs::read_to_string(file).unwrap();
    let text = stand_ins
        .iter()
        .fold(text, |text, (name, real)| text.replace(name, real));
    serde_json::from_str(&text).unwrap()
}

/// Whether `answer` has everything that `expected` names.
fn contains(answer: &Value, expected: &Value) -> bool {
    match (answer, expected) {
        (Value::Object(answer), Value::Object(expected)) => expected
            .iter()
            .all(|(name, value)| answer.get(name).is_some_and(|answer| contains(answer, value))),
        (Value::Array(answer), Value::Array(expected)) => {
            answer.len() == expected.len()
                && answer
                    .iter()
                    .zip(expected)
                    .all(|(answer, expected)| contains(answer, expected))
        }
        (answer, expected) => answer == expected,
    }
}

/// The operation that a payload asks for; none if the gateway does not send it, or knows no such path.
fn operation(event: &Value) -> Option<String> {
    let method = event["requestContext"]["http"]["method"].as_str()?;
    let path = event["routeKey"].as_str()?.strip_prefix("ANY ")?;
    Some(format!("{method} {path}"))
}

#[test]
fn every_operation_has_an_event() {
    let asked: BTreeSet<_> = events()
        .iter()
        .filter_map(|(_, file)| operation(&read(file, &[])))
        .collect();
    let without: Vec<_> = contract::operations()
        .into_iter()
        .filter(|operation| operation.documented)
        .map(|operation| format!("{} {BASE_PATH}{}", operation.verb.as_str(), operation.path))
        .filter(|operation| !asked.contains(operation))
        .collect();

    assert_eq!(without, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_answered_as_expected() {
    let service = Service::start().await;
    let file = "email\nimported@example.org\ntim@\n";
    let import = service.import(file, &[]).await.expect(200);
    let import = import["id"].as_str().unwrap();
    let events = events();
    let mut wrong = Vec::new();

    for (number, (function, file)) in events.iter().enumerate() {
        let stand_ins = stand_ins(&service, &number.to_string(), import).await;
        let mut answer = match service.local.invoke(function, &read(file, &stand_ins)).await {
            Ok(answer) => answer,
            Err(FunctionError::Failed(told)) => json!({ "errorMessage": told.error_message }),
            Err(error) => panic!("{}: {error}", file.display()),
        };
        if let Some(body) = answer["body"]
            .as_str()
            .and_then(|body| serde_json::from_str(body).ok())
        {
            answer["body"] = body;
        }
        if !contains(&answer, &read(&file.with_extension("expected.json"), &stand_ins)) {
            wrong.push(format!("{}: {answer:#}", file.display()));
        }
    }

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for key in ["drop/first.csv", "drop/second.csv"] {
        let of_record = service.get(&format!("/users/import?key={key}")).await;
        assert_eq!(of_record.expect(200)["count"], 1, "{key}");
    }
    let functions = &service.local.template().functions;
    for name in functions.keys() {
        assert!(
            events.iter().any(|(function, _)| function == name),
            "{name} has no event"
        );
    }
}
