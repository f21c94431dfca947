//! Every payload in `events/` goes to its function, and the answer is what stands beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use local::FunctionError;
use serde_json::{Value, json};
use shared::models::{Given, Role, Roles, User, UserDraft};
use shared::store::Token;
use shared::{App, clock};

use crate::support::Service;

/// The administrator's token that the HTTP events carry.
fn token() -> Token {
    let event = fs::read_to_string(folder().join("imports/get-list.json")).unwrap();
    let event: Value = serde_json::from_str(&event).unwrap();
    let header = event["headers"]["authorization"].as_str().unwrap();
    header.strip_prefix("Bearer ").unwrap().parse().unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../events")
}

/// Makes `token` that of an administrator.
async fn admit(app: &App, token: &Token) {
    let draft = UserDraft {
        email: Given::from("events@example.org"),
        roles: Given::from(Role::SystemAdmin.as_str()),
        ..UserDraft::default()
    };
    let now = clock::now();
    let user = User::new(token.user(), draft.parse(Roles::ALL).unwrap(), now, None);
    app.users.insert(&user).await.unwrap();
    let later = now.plus(Duration::from_hours(1));
    app.tokens.insert(token, now, later).await.unwrap();
}

/// Every event as function, file and payload.
fn events() -> Vec<(String, PathBuf, Value)> {
    let mut events = Vec::new();
    for function in fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()) {
        if !function.is_dir() {
            continue;
        }
        let name = function.file_name().unwrap().to_str().unwrap().to_owned();
        for file in fs::read_dir(&function)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if !file.to_str().unwrap().ends_with(".expected.json") {
                let payload = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
                events.push((name.clone(), file, payload));
            }
        }
    }
    events.sort_by(|one, other| one.1.cmp(&other.1));
    events
}

/// Whether `answer` has everything that `expected` names.
fn contains(answer: &Value, expected: &Value) -> bool {
    match (answer, expected) {
        (Value::Object(answer), Value::Object(expected)) => expected
            .iter()
            .all(|(name, value)| answer.get(name).is_some_and(|answer| contains(answer, value))),
        (answer, expected) => answer == expected,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_answered_as_expected() {
    let events = events();
    assert!(events.len() >= 15);
    for (function, file, payload) in events {
        let service = Service::start().await;
        admit(&service.app(), &token()).await;

        let mut answer = match service.local.invoke(&function, &payload).await {
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
        let beside = file.with_extension("expected.json");
        let expected: Value = serde_json::from_str(&fs::read_to_string(beside).unwrap()).unwrap();
        assert!(contains(&answer, &expected), "{}: {answer:#}", file.display());
    }
}
