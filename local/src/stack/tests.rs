//! The gateway and the delivery of events, with small functions in place of the real ones.

use std::sync::{Arc, Mutex};

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use lambda_http::{Body, Request, RequestExt, Response, service_fn};
use lambda_runtime::LambdaEvent;
use reqwest::StatusCode;
use tokio::sync::mpsc;

use super::*;
use crate::invoke::Handlers;

/// What a test waits for has to come within this time.
const DEADLINE: Duration = Duration::from_secs(20);

async fn in_time<T>(awaited: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, awaited).await.expect("in time")
}

/// Answers with what it was sent.
async fn echo(request: Request) -> Result<Response<Body>, std::convert::Infallible> {
    let user = request.path_parameters().first("userId").map(str::to_owned);
    let seen = json!({
        "method": request.method().as_str(),
        "path": request.raw_http_path(),
        "user": user,
        "q": request.query_string_parameters().all("q"),
        "requestId": request.lambda_context().request_id,
    });
    let response = Response::builder()
        .header("x-seen", seen.to_string())
        .header("set-cookie", "a=1")
        .header("set-cookie", "b=2")
        .header("content-type", "application/octet-stream");
    Ok(response.body(request.into_body()).unwrap())
}

/// The functions that every start needs, and some that are easy to watch.
fn functions() -> Handlers {
    Handlers::new()
        .event("bootstrap", |event: LambdaEvent<Value>| async move {
            assert_eq!(event.payload, json!({ "email": ADMINISTRATOR, "add": true }));
            Ok::<_, String>(json!({ "accessToken": "the-token" }))
        })
        .http("user", service_fn(echo))
        .http(
            "openapi",
            service_fn(|_: Request| async {
                let problem = Body::from(r#"{"status":404}"#);
                Ok(Response::builder().status(404).body(problem).unwrap())
            }),
        )
        .http(
            "users",
            service_fn(|_: Request| async {
                let large = "x".repeat(crate::PAYLOAD_LIMIT + 1);
                Ok(Response::new(Body::from(large)))
            }),
        )
        .event("me", |_: LambdaEvent<Value>| async {
            Err::<(), _>("no luck".to_owned())
        })
        .event("contacts", |_: LambdaEvent<Value>| async {
            assert_eq!(1, 2, "a bug");
            Ok::<_, String>(())
        })
        .event("dashboard", |_: LambdaEvent<Value>| {
            std::future::pending::<Result<(), String>>()
        })
}

fn given(handlers: Handlers) -> Functions {
    Functions::Given(Arc::new(move |_| Ok(handlers.clone())))
}

async fn start(handlers: Handlers) -> Local {
    let options = Options {
        functions: given(handlers),
        delivery: Delivery {
            backoff: Duration::from_millis(1),
            ..Delivery::default()
        },
        ..Options::default()
    };
    Local::start(options).await.unwrap()
}

/// A client of loopback, whatever proxy the machine has for the rest.
fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap()
}

async fn get(local: &Local, path: &str) -> reqwest::Response {
    let url = format!("{}{path}", local.url());
    client().get(url).send().await.unwrap()
}

/// An `import-file` that tells the test of each call, and answers as the test says.
fn import_file(
    results: impl Fn(usize) -> Result<(), String> + Send + Sync + 'static,
) -> (Handlers, mpsc::UnboundedReceiver<(String, Value)>) {
    let (told, tell) = mpsc::unbounded_channel();
    let calls = Arc::new(Mutex::new(0));
    let results = Arc::new(results);
    let handlers = functions().event("import-file", move |event: LambdaEvent<Value>| {
        let mut calls = calls.lock().unwrap();
        let result = results(*calls);
        *calls += 1;
        told.send((event.context.request_id, event.payload)).unwrap();
        async move { result }
    });
    (handlers, tell)
}

async fn put(local: &Local, key: &str, body: &'static [u8]) {
    local
        .s3()
        .put_object()
        .bucket(local.bucket())
        .key(key)
        .body(ByteStream::from_static(body))
        .send()
        .await
        .unwrap();
}

fn object(payload: &Value) -> &Value {
    &payload["Records"][0]["s3"]["object"]
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[tokio::test]
async fn a_request_reaches_its_function_and_the_answer_the_client() {
    let local = start(functions()).await;

    let response = client()
        .put(format!("{}/api/v1/users/a%20b?q=1&q=2%2C3", local.url()))
        .header("content-type", "application/octet-stream")
        .body(vec![0, 159, 146, 150])
        .send()
        .await
        .unwrap();

    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    let seen: Value = serde_json::from_slice(response.headers()["x-seen"].as_bytes()).unwrap();
    assert_eq!(seen["method"], "PUT");
    assert_eq!(seen["path"], "/api/v1/users/a%20b");
    assert_eq!(seen["user"], "a b");
    assert_eq!(seen["q"], json!(["1", "2,3"]));
    assert_eq!(seen["requestId"].as_str().unwrap().len(), 36);
    assert_eq!(response.bytes().await.unwrap().as_ref(), [0, 159, 146, 150]);
    assert_eq!(local.admin_token(), "the-token");
    local.stop().await;
}

#[tokio::test]
async fn an_unknown_path_is_the_default_routes() {
    let local = start(functions()).await;

    let response = get(&local, "/nothing/here").await;

    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(response.text().await.unwrap(), r#"{"status":404}"#);
}

#[tokio::test]
async fn a_body_over_a_limit_is_answered_with_the_limit_and_the_way_around() {
    let local = start(functions()).await;
    let client = client();

    // Too large for Lambda once it is base64, too large for Lambda, too large for the gateway.
    for (mebibytes, limit) in [(5, "6291456"), (7, "6291456"), (11, "10485760")] {
        let response = client
            .put(format!("{}/api/v1/users/u", local.url()))
            .body(vec![b'x'; mebibytes * 1024 * 1024])
            .send()
            .await
            .unwrap();

        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE, "{mebibytes}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let id = response.headers()["apigw-requestid"].to_str().unwrap().to_owned();
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["type"], "/problems/too-large");
        assert_eq!(problem["title"], "Too large");
        assert_eq!(problem["status"], 413);
        assert_eq!(problem["instance"], id);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(limit), "{detail}");
        assert!(detail.contains("POST /api/v1/users/import/uploads"), "{detail}");
    }
}

#[tokio::test]
async fn headers_over_the_limit_are_refused() {
    let local = start(functions()).await;

    let response = client()
        .get(format!("{}/api/v1/users/u", local.url()))
        .header("x-large", "x".repeat(10_240))
        .send()
        .await
        .unwrap();

    assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

#[tokio::test]
async fn a_function_that_fails_panics_or_answers_too_much_is_an_internal_error() {
    let local = start(functions()).await;

    for path in ["users/me", "users/me/contacts", "users"] {
        let response = get(&local, &format!("/api/v1/{path}")).await;

        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert_eq!(
            response.text().await.unwrap(),
            r#"{"message":"Internal Server Error"}"#
        );
    }
}

#[tokio::test]
async fn a_function_that_takes_too_long_for_the_gateway_is_unavailable() {
    let options = Options {
        functions: given(functions()),
        integration_timeout: Duration::from_millis(500),
        ..Options::default()
    };
    let local = Local::start(options).await.unwrap();

    let response = get(&local, "/api/v1/dashboard/users").await;

    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_function_can_be_called_without_the_gateway() {
    let local = start(functions()).await;

    let error = local.invoke("me", &json!({})).await.unwrap_err();
    let unknown = local.invoke("nobody", &json!({})).await.unwrap_err();

    assert!(error.to_string().ends_with("no luck"), "{error}");
    assert!(matches!(unknown, FunctionError::Unknown(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_conditional_puts_one_wins() {
    let local = Arc::new(start(functions()).await);

    let racers: Vec<_> = (0..16)
        .map(|_| {
            let local = local.clone();
            tokio::spawn(async move {
                local
                    .s3()
                    .put_object()
                    .bucket(local.bucket())
                    .key("other/contested")
                    .if_none_match("*")
                    .body(ByteStream::from_static(b"mine"))
                    .send()
                    .await
                    .is_ok()
            })
        })
        .collect();
    let mut winners = 0;
    for racer in racers {
        winners += usize::from(racer.await.unwrap());
    }

    assert_eq!(winners, 1);
}

#[tokio::test]
async fn an_arrival_is_told_with_its_key_encoded() {
    let (handlers, mut told) = import_file(|_| Ok(()));
    let local = start(handlers).await;

    put(&local, "other/x.csv", b"not told").await;
    put(&local, "drop/a b+é.csv", b"email\n").await;

    let (_, payload) = in_time(told.recv()).await.unwrap();
    assert_eq!(payload["Records"][0]["eventName"], "ObjectCreated:Put");
    assert_eq!(payload["Records"][0]["s3"]["bucket"]["name"], local.bucket());
    assert_eq!(object(&payload)["key"], "drop/a+b%2B%C3%A9.csv");
    assert_eq!(object(&payload)["size"], 6);
    assert_eq!(object(&payload)["eTag"], "4f84013a8b5e4c2b7529058c8fafcaa8");
    in_time(local.settled()).await;
    assert!(told.try_recv().is_err());
    assert_eq!(files(&local.data().join("events")), 0);
}

#[tokio::test]
async fn copies_and_uploads_in_parts_are_arrivals_too() {
    let (handlers, mut told) = import_file(|_| Ok(()));
    let local = start(handlers).await;
    put(&local, "other/x.csv", b"email\n").await;
    let s3 = local.s3();

    s3.copy_object()
        .bucket(local.bucket())
        .key("resume/copy")
        .copy_source(format!("{}/other/x.csv", local.bucket()))
        .send()
        .await
        .unwrap();
    let (_, copied) = in_time(told.recv()).await.unwrap();
    let upload = s3
        .create_multipart_upload()
        .bucket(local.bucket())
        .key("imports/parts")
        .send()
        .await
        .unwrap();
    let part = s3
        .upload_part()
        .bucket(local.bucket())
        .key("imports/parts")
        .upload_id(upload.upload_id().unwrap())
        .part_number(1)
        .body(ByteStream::from_static(b"email\n"))
        .send()
        .await
        .unwrap();
    let part = CompletedPart::builder()
        .part_number(1)
        .set_e_tag(part.e_tag().map(str::to_owned))
        .build();
    s3.complete_multipart_upload()
        .bucket(local.bucket())
        .key("imports/parts")
        .upload_id(upload.upload_id().unwrap())
        .multipart_upload(CompletedMultipartUpload::builder().parts(part).build())
        .send()
        .await
        .unwrap();
    let (_, completed) = in_time(told.recv()).await.unwrap();

    assert_eq!(copied["Records"][0]["eventName"], "ObjectCreated:Copy");
    assert_eq!(object(&copied)["size"], 6);
    assert_eq!(
        completed["Records"][0]["eventName"],
        "ObjectCreated:CompleteMultipartUpload"
    );
    assert_eq!(object(&completed)["key"], "imports/parts");
    assert!(object(&copied)["sequencer"].as_str() < object(&completed)["sequencer"].as_str());
}

#[tokio::test]
async fn signed_urls_work_and_others_do_not() {
    let (handlers, mut told) = import_file(|_| Ok(()));
    let local = start(handlers).await;
    let signed = local
        .s3()
        .put_object()
        .bucket(local.bucket())
        .key("imports/signed.csv")
        .presigned(PresigningConfig::expires_in(Duration::from_mins(1)).unwrap())
        .await
        .unwrap();
    let client = client();

    let taken = client.put(signed.uri()).body("email\n").send().await.unwrap();
    let forged = signed.uri().replace("signed.csv", "forged.csv");
    let refused = client.put(forged).body("email\n").send().await.unwrap();

    assert_eq!(taken.status(), StatusCode::OK);
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let (_, payload) = in_time(told.recv()).await.unwrap();
    assert_eq!(object(&payload)["key"], "imports/signed.csv");
}

#[tokio::test]
async fn an_event_that_fails_is_tried_again_with_the_same_request_id() {
    let (handlers, mut told) = import_file(|call| if call < 2 { Err("later".to_owned()) } else { Ok(()) });
    let local = start(handlers).await;

    put(&local, "drop/x.csv", b"email\n").await;
    in_time(local.settled()).await;

    let (first, _) = told.try_recv().unwrap();
    assert_eq!(told.try_recv().unwrap().0, first);
    assert_eq!(told.try_recv().unwrap().0, first);
    assert!(told.try_recv().is_err());
    assert_eq!(files(&local.data().join("events")), 0);
    assert_eq!(files(&local.data().join("dead-letters")), 0);
}

#[tokio::test]
async fn an_event_that_fails_three_times_becomes_a_dead_letter() {
    let (handlers, mut told) = import_file(|_| Err("never".to_owned()));
    let local = start(handlers).await;

    put(&local, "drop/x.csv", b"email\n").await;
    in_time(local.settled()).await;

    let calls: Vec<_> = std::iter::from_fn(|| told.try_recv().ok()).collect();
    assert_eq!(calls.len(), 3);
    assert_eq!(files(&local.data().join("events")), 0);
    assert_eq!(files(&local.data().join("dead-letters")), 1);
}

#[tokio::test]
async fn an_event_can_be_delivered_more_than_once() {
    let (handlers, mut told) = import_file(|_| Ok(()));
    let options = Options {
        functions: given(handlers),
        delivery: Delivery {
            times: 3,
            at_once: true,
            ..Delivery::default()
        },
        ..Options::default()
    };
    let local = Local::start(options).await.unwrap();

    put(&local, "drop/x.csv", b"email\n").await;
    in_time(local.settled()).await;

    let mut ids: Vec<_> = std::iter::from_fn(|| told.try_recv().ok())
        .map(|(id, _)| id)
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn what_was_not_delivered_is_delivered_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let options = |handlers| Options {
        data: Data::Dir(folder.path().to_owned()),
        functions: given(handlers),
        ..Options::default()
    };
    let (told, mut tell) = mpsc::unbounded_channel();
    let stuck = functions().event("import-file", move |event: LambdaEvent<Value>| {
        told.send(event.context.request_id).unwrap();
        std::future::pending::<Result<(), String>>()
    });

    let local = Local::start(options(stuck)).await.unwrap();
    put(&local, "drop/x.csv", b"email\n").await;
    let first = in_time(tell.recv()).await.unwrap();
    drop(local);
    let (handlers, mut told) = import_file(|_| Ok(()));
    let local = Local::start(options(handlers)).await.unwrap();

    let (second, payload) = in_time(told.recv()).await.unwrap();
    assert_eq!(second, first);
    assert_eq!(object(&payload)["key"], "drop/x.csv");
    in_time(local.settled()).await;
    local.stop().await;
    let (handlers, mut told) = import_file(|_| Ok(()));
    let local = Local::start(options(handlers)).await.unwrap();
    in_time(local.settled()).await;
    assert!(told.try_recv().is_err());
}

#[tokio::test]
async fn items_and_objects_are_kept_from_one_start_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options {
        data: Data::Dir(folder.path().to_owned()),
        functions: given(functions()),
        ..Options::default()
    };
    let key = || [("PK", "U#1"), ("SK", "U")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let attribute = aws_sdk_dynamodb::types::AttributeValue::S;

    let local = Local::start(options()).await.unwrap();
    put(&local, "other/x.csv", b"kept").await;
    let item = key().into_iter().map(|(name, value)| (name, attribute(value)));
    let put_item = local.dynamodb().put_item().table_name(local.table());
    put_item.set_item(Some(item.collect())).send().await.unwrap();
    local.stop().await;
    let local = Local::start(options()).await.unwrap();

    let item = key().into_iter().map(|(name, value)| (name, attribute(value)));
    let get_item = local.dynamodb().get_item().table_name(local.table());
    let found = get_item.set_key(Some(item.collect())).send().await.unwrap();
    assert!(found.item().is_some());
    let get_object = local.s3().get_object().bucket(local.bucket()).key("other/x.csv");
    let found = get_object.send().await.unwrap().body.collect().await.unwrap();
    assert_eq!(found.into_bytes(), "kept");
}

#[tokio::test]
async fn a_folder_is_used_by_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options {
        data: Data::Dir(folder.path().to_owned()),
        functions: given(functions()),
        ..Options::default()
    };

    let _local = Local::start(options()).await.unwrap();

    let refused = Local::start(options()).await.err().unwrap().to_string();
    let path = folder.path().canonicalize().unwrap();
    assert_eq!(
        refused,
        format!(
            "another process uses the data in {}; stop it, or choose another folder by --data",
            path.display()
        )
    );
}

#[tokio::test]
async fn a_key_that_is_too_long_for_the_embedded_store_is_refused_with_its_limit() {
    let (handlers, mut told) = import_file(|_| Ok(()));
    let local = start(handlers).await;
    // What the name of the bucket leaves of a file's name.
    let key = |bytes: usize| format!("drop/{}.csv", "x".repeat(bytes - 9));

    put(&local, &key(130), b"email\n").await;
    let (_, payload) = in_time(told.recv()).await.unwrap();
    let put_object = local.s3().put_object().bucket(local.bucket()).key(key(132));
    let refused = put_object.send().await.unwrap_err();
    let get_object = local.s3().get_object().bucket(local.bucket()).key(key(1000));
    let missing = get_object.send().await.unwrap_err();

    assert_eq!(object(&payload)["key"], key(130));
    for (code, message) in [
        (refused.code(), refused.message()),
        (missing.code(), missing.message()),
    ] {
        assert_eq!(code, Some("KeyTooLongError"));
        assert!(message.unwrap().contains("takes 131 at most"), "{message:?}");
    }
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 400);
}

#[tokio::test]
async fn arrivals_in_a_store_that_does_not_tell_are_found_by_looking() {
    let (handlers, _told) = import_file(|_| Ok(()));
    let foreign = start(handlers).await;
    let (handlers, mut told) = import_file(|_| Ok(()));
    let options = Options {
        functions: given(handlers),
        s3_endpoint: Some(foreign.endpoints().1.to_owned()),
        dynamodb_endpoint: Some(foreign.endpoints().0.to_owned()),
        delivery: Delivery {
            poll: Duration::from_millis(5),
            ..Delivery::default()
        },
        ..Options::default()
    };
    let local = Local::start(options).await.unwrap();

    put(&local, "drop/x y.csv", b"email\n").await;
    let (_, first) = in_time(told.recv()).await.unwrap();
    put(&local, "drop/x y.csv", b"email,roles\n").await;
    let (_, second) = in_time(told.recv()).await.unwrap();

    assert_eq!(object(&first)["key"], "drop/x+y.csv");
    assert_ne!(object(&first)["eTag"], object(&second)["eTag"]);
}

#[tokio::test]
async fn the_ready_file_says_how_to_reach_everything() {
    let local = start(functions()).await;
    let path = local.data().join("ready.json");

    local.write_ready_file(&path).unwrap();

    let ready: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(
        ready,
        json!({
            "url": local.url(),
            "adminToken": "the-token",
            "dynamodbEndpoint": local.endpoints().0,
            "s3Endpoint": local.endpoints().1,
            "table": "local-Table",
            "bucket": "access-service-000000000000-us-east-1",
        })
    );
}
