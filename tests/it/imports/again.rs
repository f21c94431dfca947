//! The same file, and the same request, once more.

use std::collections::HashSet;
use std::sync::Arc;

use futures::future::join_all;
use lambda_http::http::StatusCode as Status;
use lambda_http::{Body, Request, Response};
use lambda_runtime::LambdaEvent;
use local::{Functions, Options, Wire, Wiring};
use reqwest::Method;
use serde_json::{Value, json};
use shared::http::operation::{Access, Route, Verb};
use shared::intake::Intake;
use shared::roster::{Right, Role};
use shared::{Config, Error, by_reference, clock};

use crate::support::faults::{Fault, Faults, Schedule};
use crate::support::{Answer, Service, form, send};

const FILE: &str = "email,firstName\nada@example.org,Ada\ngrace@example.org,Grace\nbad,Bad\n";

async fn keyed(service: &Service, token: &str, key: &str, file: &str) -> Answer {
    let request = service.request_as(token, Method::POST, "/users/import");
    send(request.header("Idempotency-Key", key).multipart(form(file, &[]))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_imported_answers_with_its_import() {
    let service = Service::start().await;
    let first = service.import(FILE, &[]).await.expect(200);

    let again = service.import(FILE, &[]).await.expect(200);

    assert_eq!(again["id"], first["id"]);
    assert_eq!(again["errors"], first["errors"]);
    let message = again["message"].as_str().unwrap();
    assert!(message.starts_with("This file was imported already"), "{message}");
    assert!(message.ends_with(first["message"].as_str().unwrap()), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_file_or_option_or_sender_or_force_is_another_import() {
    let service = Service::start().await;
    let first = service.import(FILE, &[]).await.expect(200);
    let other = service.account("other@example.org", &[Role::UserAdmin]).await;
    let of_other = service.request_as(&other.token, Method::POST, "/users/import");

    let others = [
        service.import(format!("{FILE}\n"), &[]).await,
        service.import(FILE, &[("ignoreDuplicates", "true")]).await,
        service.import(FILE, &[("mode", "validate")]).await,
        send(of_other.multipart(form(FILE, &[]))).await,
        service.import(FILE, &[("force", "true")]).await,
    ];

    for other in others {
        assert_ne!(other.expect(200)["id"], first["id"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_import_is_under_way_answers_with_that_import() {
    let service = Service::without_runs(&[]).await;
    let post = |fields: &[(&str, &str)]| {
        let request = service.request(Method::POST, "/users/import");
        send(
            request
                .header("Prefer", "respond-async")
                .multipart(form(FILE, fields)),
        )
    };

    let first = post(&[]).await.expect(202);
    let at_once = join_all((0..4).map(|_| post(&[("ignoreDuplicates", "true")]))).await;
    let again = post(&[]).await.expect(202);
    let forced = post(&[("force", "true")]).await.expect(202);
    service
        .delete(&format!("/users/import/{}", forced["id"].as_str().unwrap()))
        .await
        .expect(200);
    let after_cancel = post(&[]).await.expect(202);

    assert_eq!(again["id"], first["id"]);
    let message = again["message"].as_str().unwrap();
    assert!(
        message.starts_with("This file is being imported already"),
        "{message}"
    );
    assert!(message.ends_with(first["message"].as_str().unwrap()), "{message}");
    let ids: HashSet<_> = at_once
        .iter()
        .map(|answer| answer.expect(202)["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 1, "of several at once there is one import");
    assert_ne!(forced["id"], first["id"]);
    assert_ne!(
        after_cancel["id"], forced["id"],
        "what was cancelled answers for nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_names_the_one_whose_rejected_rows_it_continues() {
    let service = Service::start().await;
    let first = service.import(FILE, &[]).await.expect(200);
    let id = first["id"].as_str().unwrap();
    let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;
    let file = "email\nbetter@example.org\n";

    let next = service.import(file, &[("parent", id)]).await.expect(200);
    let upload = service
        .post("/users/import/uploads", &json!({ "bytes": 5, "parent": id }))
        .await
        .expect(201);
    let unknown = service
        .import(file, &[("parent", "0198c0de000070008000000000000000")])
        .await;
    let none = service
        .post("/users/import/uploads", &json!({ "bytes": 5, "parent": 7 }))
        .await;
    let of_admin = service.request_as(&clerk.token, Method::POST, "/users/import");
    let hidden = send(of_admin.multipart(form(file, &[("parent", id)]))).await;

    assert_eq!((&next["parent"], &upload["parent"]), (&first["id"], &first["id"]));
    assert_eq!(first["parent"], Value::Null);
    for answer in [unknown, none, hidden] {
        answer.expect(422);
        assert_eq!(answer.faults(), ["#/parent invalid_format"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_with_its_key_has_the_same_answer() {
    let service = Service::start().await;
    let admin = service.local.admin_token();

    let first = keyed(&service, admin, "key 1", FILE).await;
    let again = keyed(&service, admin, "key 1", FILE).await;
    let counted = service.get("/users/import").await.expect(200);

    assert_eq!(first.expect(200), again.expect(200));
    assert_eq!(first.header("content-type"), again.header("content-type"));
    assert_ne!(first.header("x-request-id"), again.header("x-request-id"));
    assert_eq!(counted["count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_stays_refused_under_its_key() {
    let service = Service::start().await;
    let admin = service.local.admin_token();

    let first = keyed(&service, admin, "k", "email,emial\na@example.org,b\n").await;
    let again = keyed(&service, admin, "k", "email,emial\na@example.org,b\n").await;

    assert_eq!(first.expect(422), again.expect(422));
    assert_eq!(first.header("location"), again.header("location"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_of_one_request_and_of_one_caller() {
    let service = Service::start().await;
    let admin = service.local.admin_token();
    let other = service.account("other@example.org", &[Role::SystemAdmin]).await;
    keyed(&service, admin, "k", FILE).await.expect(200);

    let another_file = keyed(&service, admin, "k", "email\nx@example.org\n").await;
    let another_caller = keyed(&service, &other.token, "k", "email\nx@example.org\n").await;
    let another_token = keyed(
        &service,
        &service.token(other.id).await,
        "k",
        "email\nx@example.org\n",
    )
    .await;

    assert_eq!(
        another_file.expect(422)["errors"][0]["pointer"],
        "#/Idempotency-Key"
    );
    another_caller.expect(200);
    another_token.expect(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_none_is_refused_and_nothing_done() {
    let service = Service::start().await;
    let admin = service.local.admin_token();

    for key in ["", &"k".repeat(256), "tab\there"] {
        keyed(&service, admin, key, FILE).await.expect(400);
    }
    keyed(&service, "nobody", "k", FILE).await.expect(401);

    assert_eq!(service.get("/users/import").await.expect(200)["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_requests_at_once_one_is_carried_out() {
    let service = Service::start().await;
    let admin = service.local.admin_token();

    let answers = join_all((0..5).map(|_| keyed(&service, admin, "k", FILE))).await;

    for answer in &answers {
        if answer.status.as_u16() == 409 {
            assert_eq!(answer.header("retry-after"), "2");
        } else {
            answer.expect(200);
        }
    }
    assert_eq!(service.get("/users/import").await.expect(200)["count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyed_request_that_was_cut_off_anywhere_makes_one_import_when_it_is_sent_again() {
    let storage = Faults::new(Schedule::Clean);
    let all = storage.wire();
    let without_runs: Wire = Arc::new(move |wiring: &Wiring| {
        Ok(all(wiring)?.event("import-file", |_: LambdaEvent<Value>| async {
            Ok::<_, lambda_runtime::Error>(())
        }))
    });
    let service = Service::with(Options {
        functions: Functions::Given(without_runs),
        ..Options::default()
    })
    .await;
    let post = async |path: &str, number: u64| {
        let request = service
            .request(Method::POST, path)
            .header("Idempotency-Key", format!("{path} {number}"))
            .header("Prefer", "respond-async");
        let request = match path {
            "/users/import" => {
                let file = format!("email\nperson{number}@example.org\n");
                request.multipart(form(file, &[]))
            }
            _ => request.json(&json!({ "bytes": 100 + number })),
        };
        send(request).await
    };
    let mut imports = 0;
    for (path, status) in [("/users/import", 202), ("/users/import/uploads", 201)] {
        storage.begin(Schedule::Clean);
        post(path, 0).await.expect(status);
        imports += 1;
        let calls = storage.take();
        assert!(calls >= 4, "{path}: {calls} calls");
        for call in 0..calls {
            let number = call + 1;
            storage.begin(Schedule::From {
                call,
                fault: Fault::FailedAfter,
            });
            post(path, number).await;
            storage.begin(Schedule::Clean);

            let made = post(path, number).await;
            let again = post(path, number).await;

            imports += 1;
            let what = format!("{path}, from call {call} on");
            let made = made.expect(status);
            assert_eq!(again.expect(status)["id"], made["id"], "{what}");
            let listed = service.get("/users/import").await.expect(200);
            assert_eq!(listed["count"], imports, "{what}");
            if path == "/users/import" {
                let key = made["key"].as_str().unwrap();
                service
                    .object(key)
                    .await
                    .unwrap_or_else(|| panic!("{what}: no file"));
            }
        }
    }
}
static LARGE: &[Route<Intake>] = &[Route::new(
    Verb::Post,
    "/users/import/uploads",
    Access::Right(Right::Import),
    by_reference!(large),
)];

/// Fails at first, then answers with more than an item of storage takes.
async fn large(app: &Intake, request: &Request) -> Result<Response<Body>, Error> {
    let caller = shared::http::caller(app, request).await?;
    if let Some(answer) = shared::http::answered(request) {
        return Ok(answer);
    }
    let tally = app.users.tally().await?;
    if tally.all.total < 2 {
        return Err(Error::internal("answer", "not yet"));
    }
    let text = format!("{}{}", caller.user.id, "0123456789".repeat(100_000));
    Ok(Response::builder()
        .status(Status::CREATED)
        .body(text.into())
        .unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_not_kept_and_a_large_answer_is() {
    let wire = Arc::new(|wiring: &Wiring| {
        let config = Config::from_lookup(|name| wiring.environment.get(name).cloned())?;
        let (dynamodb, s3) = wiring.clients("imports");
        let app: &'static Intake = Box::leak(Box::new(Intake::new(config, &dynamodb, &s3)));
        Ok(local::functions::handlers(wiring)?.http("imports", shared::http::service(app, LARGE)))
    });
    let service = Service::with(Options {
        functions: Functions::Given(wire),
        ..Options::default()
    })
    .await;
    let post = async || {
        let request = service.request(Method::POST, "/users/import/uploads");
        send(request.header("Idempotency-Key", "k").json(&json!({}))).await
    };

    post().await.expect(500);
    service.account("second@example.org", &[Role::Collaborator]).await;
    let first = post().await;
    let again = post().await;

    assert_eq!(first.status.as_u16(), 201, "{}", first.text);
    assert_eq!(again.status.as_u16(), 201);
    assert!(first.text.len() > 1_000_000);
    assert_eq!(first.text, again.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_known_for_a_day_and_one_that_was_refused_never() {
    let service = Service::start().await;
    let first = service.import(FILE, &[]).await.expect(200);
    let items = service.items().await;
    let keys = items.iter().map(|item| item["PK"].as_s().unwrap());
    let known: Vec<_> = keys.filter(|key| key.starts_with("F#")).collect();
    let [known] = known[..] else {
        panic!("{known:?}");
    };

    let now = clock::now().seconds();
    let again = service.import(FILE, &[]).await.expect(200);
    service.set(known, "F", "expiresAt", now - 1).await;
    let later = service.import(FILE, &[]).await.expect(200);
    let [refused, refused_again] = [
        service.import("name\n", &[]).await.expect(422),
        service.import("name\n", &[]).await.expect(422),
    ];

    assert_eq!(again["id"], first["id"]);
    assert_ne!(later["id"], first["id"]);
    let until: u64 = items
        .iter()
        .find(|item| item["PK"].as_s().unwrap() == known)
        .map(|item| item["expiresAt"].as_n().unwrap().parse().unwrap())
        .unwrap();
    let day = 24 * 60 * 60;
    assert!((now + day - 60..=now + day).contains(&until), "{until}");
    assert_ne!(refused["importId"], refused_again["importId"]);
}
