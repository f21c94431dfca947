//! The same file, and the same request, once more.

use std::sync::Arc;

use futures::future::join_all;
use lambda_http::http::StatusCode as Status;
use lambda_http::{Body, Request, Response};
use local::{Functions, Handlers, Options, Wiring};
use reqwest::Method;
use serde_json::{Value, json};
use shared::http::service;
use shared::models::Role;
use shared::{App, Config, Error};

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

/// Fails at first, then answers with more than an item of storage takes.
async fn large(app: &App, request: Request) -> Result<Response<Body>, Error> {
    let caller = app.auth.caller(&request).await?;
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
        let app: &'static App = Box::leak(Box::new(App::new(
            config,
            wiring.dynamodb.clone(),
            wiring.s3.clone(),
        )));
        Ok(Handlers::new()
            .event("bootstrap", |event| bootstrap::handle(app, event))
            .http("imports", service(app, large)))
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
async fn many_rejected_rows_are_fetched_from_the_bucket() {
    let service = Service::start().await;
    let filler = "x".repeat(200);
    let rows = (0..12_000).map(|row| format!("bad{row},{filler},{row}\n"));
    let file: String = std::iter::once("email,firstName,lastName\n".to_owned())
        .chain(rows)
        .collect();
    let import = service.import(file, &[("mode", "validate")]).await.json();
    let id = import["id"].as_str().unwrap();
    let finished = service.finished(id).await;

    let rejected = send(service.request(Method::GET, &format!("/users/import/{id}/rejected"))).await;

    assert_eq!(finished["counts"]["failed"], 12_000);
    // The client follows the redirection by itself.
    assert_eq!(rejected.status.as_u16(), 200, "{}", rejected.text);
    assert_eq!(rejected.text.lines().count(), 12_001);
    assert!(rejected.text.starts_with("email,firstName,lastName,_line"));
    assert!(rejected.header("content-disposition").contains(id));
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_are_walked_by_cursor() {
    let service = Service::start().await;
    let mut sent = Vec::new();
    for row in 0..5 {
        let import = service.import(format!("email\nu{row}@example.org\n"), &[]).await;
        sent.insert(0, import.expect(200)["id"].clone());
    }

    let mut walked = Vec::new();
    let mut path = "/users/import?limit=2".to_owned();
    loop {
        let page = service.get(&path).await.expect(200);
        assert_eq!(page["count"], 5);
        assert_eq!(page["offset"], walked.len());
        walked.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].clone()),
        );
        let Value::String(cursor) = &page["nextCursor"] else {
            break;
        };
        path = format!("/users/import?limit=2&cursor={cursor}");
    }

    assert_eq!(walked, sent);
    service.get("/users/import?cursor=nonsense").await.expect(400);
}
