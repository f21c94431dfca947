//! A store or an issuer that accepts connections and never answers, or stops in the middle of a body: every
//! route answers in time, and says that the request may be sent again.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use data_encoding::BASE64URL_NOPAD;
use futures::future::join_all;
use lambda_runtime::LambdaEvent;
use local::{Functions, Options};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shared::clock;
use shared::roster::Role;

use crate::support::faults::{Fault, Faults, Schedule};
use crate::support::hang::{Mode, Proxies, Proxy, wire};
use crate::support::operations::{self, Operations};
use crate::support::{Answer, Service, eventually, form, owned, send};

/// When an answer is due, whatever hangs.
const DUE: Duration = Duration::from_secs(8);
/// Limits a tenth of the real ones.
const SHORT: (&str, &str) = ("STORAGE_CALL_MILLIS", "500");
/// What needs no store.
const OPEN: [&str; 2] = ["/openapi.json", "/docs"];

/// A service whose functions reach their stores through listeners.
async fn start(variables: &[(&str, &str)]) -> (Service, Proxies) {
    let made = Arc::new(OnceLock::new());
    let service = Service::with(Options {
        functions: Functions::Given(wire(Arc::clone(&made))),
        environment: owned(variables).collect(),
        ..Options::default()
    })
    .await;
    let proxies = made.get().unwrap().clone();
    (service, proxies)
}

/// The answer, and how long it took.
async fn timed(request: RequestBuilder) -> (Answer, Duration) {
    let started = Instant::now();
    let answer = send(request).await;
    (answer, started.elapsed())
}

#[track_caller]
fn unavailable(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 503, "{what}: {}", answer.text);
    assert_eq!(answer.json()["type"], "/problems/unavailable", "{what}");
    assert_eq!(
        answer.header("content-type"),
        "application/problem+json",
        "{what}"
    );
    assert_eq!(answer.header("retry-after"), "2", "{what}");
    answer.expect_common_headers();
}

/// Sends a request of every operation, all at once, and checks that those for which `needs` is true say 503, that
/// those for which it is false do not fail, and that all answers come in time. Gives the time of the slowest.
async fn ask_all(
    service: &Service,
    operations: &Operations,
    what: &str,
    needs: impl Fn(&Method, &str) -> Option<bool>,
) -> Duration {
    let all = operations::all().into_iter();
    let all = all.filter(|(method, path)| needs(method, path).is_some());
    let asked = all.flat_map(|(method, path)| {
        let keys: &[bool] = if method == Method::POST {
            &[false, true]
        } else {
            &[false]
        };
        keys.iter()
            .map(move |keyed| (method.clone(), path.clone(), *keyed))
    });
    let answers = join_all(asked.map(async |(method, path, keyed)| {
        let mut request = operations.request(service, &method, &path);
        if keyed {
            request = request.header("Idempotency-Key", format!("{what} {path}"));
        }
        (timed(request).await, method, path)
    }))
    .await;
    assert!(answers.len() >= 10, "{} requests", answers.len());
    let mut slowest = Duration::ZERO;
    for ((answer, took), method, path) in answers {
        let what = format!("{what}: {method} {path} after {took:?}");
        if needs(&method, &path) == Some(true) {
            unavailable(&answer, &what);
        } else {
            assert!(answer.status.as_u16() < 500, "{what}: {}", answer.text);
        }
        assert!(took < DUE, "{what}");
        slowest = slowest.max(took);
    }
    slowest
}

/// The routes of imports only: others may end the access of this caller.
fn needs_the_bucket(method: &Method, path: &str, mode: Mode) -> Option<bool> {
    let import = path.starts_with("/users/import");
    match (method, path) {
        (_, "/users/import/{importId}/rejected") => Some(true),
        // The answer to a put, or to a question whether a file is there, has no body that could stop.
        (&Method::POST, "/users/import" | "/users/import/{importId}/undo") => {
            (mode == Mode::Silent).then_some(true)
        }
        // An import that is finished is not resumed, so nothing is put.
        _ => import.then_some(false),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_in_time_while_the_table_never_does() {
    let (service, stores) = start(&[]).await;
    let operations = Operations::prepare(&service).await;

    stores.table.set(Mode::Silent);
    let needs = |_: &Method, path: &str| Some(!OPEN.contains(&path));
    let slowest = ask_all(&service, &operations, "silent", needs).await;
    println!("slowest answer: {slowest:?}");

    stores.set(Mode::Open);
    service.me(&operations.caller.token).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_in_time_while_the_table_gives_half_of_each_answer() {
    let (service, stores) = start(&[SHORT]).await;
    let operations = Operations::prepare(&service).await;

    stores.table.set(Mode::Half);
    let needs = |_: &Method, path: &str| Some(!OPEN.contains(&path));
    let slowest = ask_all(&service, &operations, "half", needs).await;

    assert!(slowest < DUE / 2, "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_that_need_the_bucket_answer_in_time_while_it_does_not() {
    // Long enough for the table, which answers all of these requests at once.
    let (service, stores) = start(&[("STORAGE_CALL_MILLIS", "2000")]).await;
    let operations = Operations::prepare(&service).await;
    for mode in [Mode::Silent, Mode::Half] {
        stores.bucket.set(mode);
        let needs = |method: &Method, path: &str| needs_the_bucket(method, path, mode);
        ask_all(&service, &operations, &format!("{mode:?}"), needs).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyed_request_answers_in_time_at_whichever_call_storage_begins_to_hang() {
    let storage = Faults::new(Schedule::Clean);
    let service = Service::above_with(&storage, &[SHORT]).await;
    let user = |number: u64| {
        let request = service.request(Method::POST, "/users");
        let request = request.header("Idempotency-Key", format!("key {number}"));
        request.json(&json!({ "email": format!("u{number}@example.org"), "roles": "ROLE_ORIGINATOR" }))
    };
    storage.begin(Schedule::Clean);
    send(user(0)).await.expect(201);
    let calls = storage.take();
    assert!(calls >= 4, "{calls} calls");

    for call in 0..calls {
        let fault = Fault::Late(Duration::from_hours(1));
        storage.begin(Schedule::From { call, fault });
        let (answer, took) = timed(user(call + 1)).await;
        storage.begin(Schedule::Clean);

        // The last call keeps the answer, which is given whether it is kept or not.
        if call + 1 < calls {
            unavailable(&answer, &format!("from call {call} on"));
        } else {
            answer.expect(201);
        }
        assert!(took < DUE / 4, "from call {call} on: {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_request_waits_for_storage_once_and_not_for_each_account() {
    let storage = Faults::new(Schedule::Clean);
    let service = Service::above_with(&storage, &[SHORT]).await;
    let mut ids = Vec::new();
    for number in 0..20 {
        let email = format!("u{number}@example.org");
        ids.push(service.account(&email, &[Role::Originator]).await.id.to_string());
    }

    // After the caller and the accounts were read.
    let fault = Fault::Late(Duration::from_hours(1));
    storage.begin(Schedule::From { call: 2, fault });
    let request = service.request(Method::POST, "/users/bulk?action=disable");
    let (answer, took) = timed(request.json(&json!({ "ids": ids }))).await;

    let results = answer.expect(200)["results"].as_array().unwrap().clone();
    assert_eq!(results.len(), 20);
    assert!(
        results.iter().all(|result| result["status"] == 503),
        "{results:?}"
    );
    assert!(took < DUE / 4, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_for_an_import_ends_with_202_when_storage_hangs() {
    let made = Arc::new(OnceLock::new());
    let wired = wire(Arc::clone(&made));
    // The file is staged and nothing reads it.
    let idle: local::Wire = Arc::new(move |wiring| {
        let all = wired(wiring)?;
        Ok(all.event("import-file", |_: LambdaEvent<Value>| async {
            Ok::<_, lambda_runtime::Error>(())
        }))
    });
    let service = Service::with(Options {
        functions: Functions::Given(idle),
        environment: owned(&[SHORT]).collect(),
        ..Options::default()
    })
    .await;
    let stores = made.get().unwrap().clone();

    let request = service.request(Method::POST, "/users/import");
    let waiting = timed(request.multipart(form("email\nada@example.org\n", &[])));
    let hang = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stores.set(Mode::Silent);
    };
    let ((answer, took), ()) = futures::join!(waiting, hang);

    let import = answer.expect(202);
    assert_eq!(import["status"], "queued");
    assert!(
        answer
            .header("location")
            .ends_with(import["id"].as_str().unwrap())
    );
    assert!(took < DUE, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_goes_on_when_the_stores_come_back() {
    let (service, stores) = start(&[SHORT, ("IMPORT_SEGMENT_ROWS", "50")]).await;
    let rows: Vec<_> = (0..5000).map(|row| format!("u{row}@example.org\n")).collect();
    let file = "email\n".to_owned() + &rows.concat();
    let request = service.request(Method::POST, "/users/import");
    let later = request.header("Prefer", "respond-async");
    let form = form(file, &[("defaultRoles", "ROLE_ORIGINATOR")]);
    let import = send(later.multipart(form)).await.expect(202);

    // In the middle of its run.
    let path = format!("/users/import/{}", import["id"].as_str().unwrap());
    eventually("a row was read", async || {
        let import = service.get(&path).await.json();
        (import["counts"]["created"].as_u64()? > 0).then_some(())
    })
    .await;
    stores.set(Mode::Silent);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    stores.set(Mode::Open);

    let finished = service.finished(import["id"].as_str().unwrap()).await;
    assert_eq!(finished["status"], "completed");
    assert_eq!(finished["counts"]["created"], 5000, "{finished}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_an_issuer_that_never_answers_is_answered_in_time() {
    let issuer = Proxy::silent();
    let url = ("ISSUER_URL", issuer.url());
    let service = Service::with_variables(&[url, ("ISSUER_AUDIENCE", "access")]).await;
    let now = clock::now().seconds();
    let part = |part: Value| BASE64URL_NOPAD.encode(part.to_string().as_bytes());
    let header = part(json!({ "alg": "ES256", "kid": "a", "typ": "JWT" }));
    let claims = part(json!({
        "iss": issuer.url(), "aud": "access", "sub": "ada", "iat": now, "exp": now + 600,
    }));
    let token = format!("{header}.{claims}.{}", BASE64URL_NOPAD.encode(&[1; 64]));

    let asked = (0..10).map(|_| timed(service.request_as(&token, Method::GET, "/users/me")));
    for (answer, took) in join_all(asked).await {
        unavailable(&answer, "without keys");
        assert!(took < DUE / 2, "{took:?}");
    }
}
