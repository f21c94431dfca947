//! What is too large, too deep or in the wrong place, and what becomes of it.

use aws_sdk_s3::primitives::ByteStream;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderName};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use shared::roster::Role;

use crate::imports::{faults, users};
use crate::support::{Answer, Service, send};

/// The answer to a JSON body.
async fn json_body(service: &Service, path: &str, body: String) -> Answer {
    let request = service.request(Method::POST, path);
    let answer = send(request.header(CONTENT_TYPE, "application/json").body(body)).await;
    assert!(answer.text.len() < 6 * 1024 * 1024, "more than Lambda can answer");
    answer
}

/// A body that is too much in one way, its route, and the status and first code of the answer.
type TooMuch = (&'static str, &'static str, String, u16, Option<&'static str>);

fn bodies() -> Vec<TooMuch> {
    let user = |member: &str, value: &Value| {
        let mut user = json!({"email": "ada@example.org", "roles": ["ROLE_ORIGINATOR"]});
        user[member] = value.clone();
        user.to_string()
    };
    let nested = |depth: usize| format!(r#"{{"x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let wide = |values: usize| format!(r#"{{"roles":["{}"]}}"#, vec![""; values].join("\",\""));

    let ids = "/users/bulk?action=enable";
    let long = |member: &str, length: usize| user(member, &json!("x".repeat(length)));
    let uploads = "/users/import/uploads";
    vec![
        (
            "1 MiB and more",
            "/users",
            format!("{{\"x\":\"{}\"}}", "x".repeat(1 << 20)),
            413,
            None,
        ),
        ("128 levels", "/users", nested(126), 422, Some("required")),
        ("more levels", "/users", nested(128), 400, None),
        ("a hundred thousand levels", "/users", nested(100_000), 400, None),
        ("10,001 values", "/users", wide(9_999), 400, None),
        ("300,000 values", "/users", wide(300_000), 400, None),
        (
            "a member twice",
            "/users",
            r#"{"email":"a@example.org","email":"b@example.org"}"#.to_owned(),
            400,
            None,
        ),
        (
            "a member twice within",
            ids,
            r#"{"ids":[{"a":1,"a":1}]}"#.to_owned(),
            400,
            None,
        ),
        (
            "a long first name",
            "/users",
            long("firstName", 101),
            422,
            Some("too_long"),
        ),
        (
            "a long address",
            "/users",
            user("email", &json!(format!("a@{}.org", "x.".repeat(130)))),
            422,
            Some("too_long"),
        ),
        (
            "a long local part",
            "/users",
            user("email", &json!(format!("{}@example.org", "x".repeat(65)))),
            422,
            Some("too_long"),
        ),
        ("a long plan", "/users", long("planId", 65), 422, Some("too_long")),
        (
            "a long reference",
            "/users",
            long("externalUserId", 256),
            422,
            Some("too_long"),
        ),
        (
            "a control character",
            "/users",
            user("lastName", &json!("a\u{7}b")),
            422,
            Some("invalid_format"),
        ),
        (
            "101 ids",
            ids,
            json!({"ids": vec!["x"; 101]}).to_string(),
            422,
            Some("out_of_range"),
        ),
        (
            "a long file name",
            uploads,
            json!({"fileName": "x".repeat(256), "bytes": 1}).to_string(),
            422,
            Some("too_long"),
        ),
        (
            "a file over 1 GiB",
            uploads,
            json!({"bytes": (1_u64 << 30) + 1}).to_string(),
            422,
            Some("out_of_range"),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_json_body_has_its_limits() {
    let service = Service::start().await;

    for (what, path, body, status, code) in bodies() {
        let answer = json_body(&service, path, body).await;
        assert_eq!(answer.status, status, "{what}");
        let faults = answer.faults();
        let first = faults.first().and_then(|fault| fault.split(' ').nth(1));
        assert_eq!(first, code, "{what}: {faults:.3?}");
        if status == 413 {
            let detail = answer.json()["detail"].to_string();
            assert!(detail.contains("1048576"), "{detail}");
        }
    }
    assert_eq!(users(&service).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_answer_to_faults_still_fits() {
    let service = Service::start().await;
    let members: Vec<_> = (0..9_999).map(|number| format!("\"{number:0>90}\":0")).collect();

    let refused = json_body(&service, "/users", format!("{{{}}}", members.join(","))).await;

    assert_eq!(
        (refused.status.as_u16(), refused.faults().len()),
        (422, 9_999 + 2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_queries_have_their_limits() {
    let service = Service::start().await;
    let with = async |name: &'static str, value: String| {
        let request = service.request(Method::POST, "/users").json(&json!({}));
        send(request.header(HeaderName::from_static(name), value))
            .await
            .status
            .as_u16()
    };

    assert_eq!(with("x-long", "x".repeat(10_240)).await, 431);
    assert_eq!(with("idempotency-key", "x".repeat(255)).await, 422);
    assert_eq!(with("idempotency-key", "x".repeat(256)).await, 400);
    for query in [
        format!("searchText={}", "x".repeat(255)),
        format!("cursor={}", "x".repeat(5_000)),
        "limit=1&limit=1".to_owned(),
        "limit=18446744073709551616".to_owned(),
        "x=&".repeat(2_000),
    ] {
        let answer = service.get(&format!("/users?{query}")).await;
        assert_eq!(answer.status, 400, "{query:.40}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_has_its_limits() {
    let service = Service::start().await;
    let file = || {
        Form::new().part(
            "file",
            Part::bytes(&b"email\na@example.org\n"[..]).file_name("a.csv"),
        )
    };
    let columns = |bytes: usize| format!("{:bytes$}", r#"{"email": "email"}"#);
    let many = |parts: usize| (0..parts).fold(file(), |form, number| form.text(format!("x{number}"), "x"));

    for (what, form, status) in [
        ("32 parts", many(31), 422),
        ("33 parts", many(32), 400),
        ("a long field", file().text("mode", "x".repeat(1025)), 400),
        (
            "columns of 16 KB",
            file().text("columns", columns(16 * 1024)),
            200,
        ),
        (
            "longer columns",
            file().text("columns", columns(16 * 1024 + 1)),
            400,
        ),
        (
            "a field twice",
            file().text("mode", "create").text("mode", "create"),
            400,
        ),
        ("a part without a name", file().text("", "x"), 400),
        (
            "a field that is not UTF-8",
            file().part("mode", Part::bytes(&b"\xFF"[..])),
            400,
        ),
    ] {
        let answer = send(service.request(Method::POST, "/users/import").multipart(form)).await;
        assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.text);
    }
    let long = Part::bytes(&b"email\na@example.org\n"[..]).file_name("é".repeat(300));
    let kept = send(
        service
            .request(Method::POST, "/users/import")
            .multipart(Form::new().part("file", long)),
    )
    .await
    .expect(200);
    assert_eq!(kept["fileName"].as_str().unwrap().chars().count(), 255);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_has_its_limits() {
    let service = Service::start().await;
    let columns: Vec<_> = (0..20_000).map(|number| format!("_{number}")).collect();
    let columns = columns.join(",");

    let wide = service
        .import(format!("email,{columns}\na@example.org\n"), &[])
        .await;
    assert_eq!(wide.status, 422, "a header over 64 KiB");
    assert!(wide.text.len() < 2_000, "{:.200}", wide.text);
    let repeated = service
        .import(format!("email{}\n", ",x".repeat(30_000)), &[])
        .await;
    assert_eq!(repeated.status, 422);
    assert!(repeated.text.len() < 4_000, "{:.200}", repeated.text);

    let row = format!(
        "email,firstName\n{}@example.org,{}\n",
        "x".repeat(65),
        "é".repeat(101)
    );
    let row = service
        .import(row + &"x,".repeat(30_000) + "\n", &[])
        .await
        .expect(200);
    assert_eq!(
        faults(&row),
        [
            (2, "email", "too_long"),
            (2, "firstName", "too_long"),
            (3, "", "column_count"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_gains_no_rights_by_its_name_or_its_metadata() {
    let service = Service::start().await;
    let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;
    let file = "email,roles\nroot@example.org,ROLE_SYSTEM_ADMIN\n";
    let put = async |key: &str| {
        service
            .local
            .s3()
            .put_object()
            .bucket(service.local.bucket())
            .key(key)
            .content_type("application/x-httpd-php")
            .metadata("created-by", "root")
            .metadata("createdby", "admin@example.org")
            .metadata("mode", "upsert")
            .metadata("default-roles", "ROLE_SYSTEM_ADMIN")
            .body(ByteStream::from_static(file.as_bytes()))
            .send()
            .await
            .unwrap();
    };
    let open = async || {
        send(
            service
                .request_as(&clerk.token, Method::POST, "/users/import/uploads")
                .json(&json!({"bytes": file.len()})),
        )
        .await
        .expect(201)
    };
    let mine = open().await;
    let dropped_later = open().await;

    // Its opener's rights count, not those of whoever may write to the bucket.
    put(&format!("imports/{}.csv", mine["id"].as_str().unwrap())).await;
    put("drop/root.csv").await;
    put("imports/0198c0de000070008000000000000000.csv").await;
    put("rejected/root.csv").await;
    service.local.settled().await;

    let imports = service.get("/users/import").await.expect(200);
    for import in imports["items"].as_array().unwrap() {
        let import = service
            .get(&format!("/users/import/{}", import["id"].as_str().unwrap()))
            .await
            .expect(200);
        if import["id"] == dropped_later["id"] {
            assert_eq!(import["status"], "waiting");
        } else {
            assert_eq!(faults(&import), [(2, "roles", "forbidden_role")], "{import}");
            assert_eq!(import["mode"], "create");
        }
    }
    assert_eq!(imports["count"], 3);

    // Rights that are gone by the time the file comes are gone.
    service
        .put(
            &format!("/users/{}", clerk.id),
            &json!({"roles": ["ROLE_ORIGINATOR"]}),
        )
        .await
        .expect(200);
    put(&format!("imports/{}.csv", dropped_later["id"].as_str().unwrap())).await;
    service.local.settled().await;
    assert_eq!(users(&service).await, 2);
}
