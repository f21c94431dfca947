//! Values that must never reach a log, planted wherever a caller or an operator can put one.
//!
//! [`logs`](crate::support::logs) looks for them in all that is logged; here they are only planted.

use std::collections::HashSet;

use local::{Issuer, Options};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderName, IF_MATCH, ORIGIN, REFERER, USER_AGENT,
};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shared::roster::Role;

use crate::support::{Service, form, logs, send};

/// A file with canaries in each cell of good and bad rows.
const FILE: &str = "email,firstName,lastName,otherName,mobileNumber,roles,planId,externalUserId\n\
    canary-row@example.org,canary-a,canary-b,canary-c,+442079460001,Originator,canary-d,canary-e\n\
    canary-row@example.org,canary-again,,,,,,\n\
    canary-no-address,canary-x,,,canary-phone,canary-role,,\n\
    too,few,canary\n\
    \"canary-unclosed,,,,,,,\n";

/// Asks for a file of users, and is given it once it is written.
const EXPORT: &str = "/users/export?format=ndjson&searchText=canary&externalUserId=canary";

/// Requests with canaries in their headers.
fn headers(service: &Service) -> Vec<RequestBuilder> {
    let mut requests = Vec::new();
    for name in [
        ACCEPT,
        CONTENT_TYPE,
        COOKIE,
        IF_MATCH,
        ORIGIN,
        REFERER,
        USER_AGENT,
        HeaderName::from_static("prefer"),
        HeaderName::from_static("idempotency-key"),
        HeaderName::from_static("x-request-id"),
        HeaderName::from_static("x-amzn-trace-id"),
        HeaderName::from_static("x-forwarded-for"),
        HeaderName::from_static("x-canary"),
    ] {
        for (method, path) in [
            (Method::GET, "/users/me"),
            (Method::POST, "/users"),
            (Method::POST, "/users/import"),
        ] {
            requests.push(service.request(method, path).header(&name, "canary-header"));
        }
    }
    requests
}

/// Requests with canaries in the place of a token. What they send is told to nobody.
fn credentials(service: &Service, issuer: &Issuer) -> Vec<RequestBuilder> {
    let claims = issuer.claims("canary-subject", "canary-claim@example.org");
    let good = issuer.token(&claims);
    let tokens = [
        issuer.sign(r#"{"alg":"canary","kid":"canary"}"#, &claims.to_string()),
        issuer.sign(r#"{"alg":"ES256","kid":"canary"}"#, &claims.to_string()),
        issuer.sign(r#"{"alg":"ES256","kid":"dev"}"#, r#"{"iss":"canary"}"#),
        good.replacen('.', ".canary", 1),
        good,
    ];
    let credentials = [
        "Bearer canary-token",
        "Bearer canary.canary.canary",
        "Basic canary",
        "canary",
    ];
    credentials
        .map(str::to_owned)
        .into_iter()
        .chain(tokens.map(|token| format!("Bearer {token}")))
        .map(|credentials| {
            service
                .anonymous(Method::GET, "/users/me")
                .header(AUTHORIZATION, credentials)
        })
        .collect()
}

/// Requests with canaries in path and query.
fn urls(service: &Service) -> Vec<RequestBuilder> {
    [
        "/canary",
        "/users/canary",
        "/users/canary/enable",
        "/users/canary/tokens",
        "/users/me/contacts/canary",
        "/users/import/canary",
        "/users/import/canary/errors",
        "/users/import/canary/causes",
        "/users/import/canary/changes",
        "/users?searchText=canary",
        "/users?searchText=canary@example.org&canary=canary",
        "/users?cursor=canary",
        EXPORT,
        "/users?role=canary&sortBy=canary&enabled=canary&limit=canary",
        "/users/me/contacts?searchText=canary",
        "/users/import?key=drop/canary.csv",
        "/users/import?cursor=canary",
        "/users/bulk?action=canary",
        "/users/%63anary%00",
    ]
    .into_iter()
    .flat_map(|path| {
        [Method::GET, Method::POST, Method::PUT, Method::DELETE].map(|method| service.request(method, path))
    })
    .collect()
}

/// Bodies with canaries in each member, right and wrong, for every route that takes one.
fn bodies() -> Vec<(Method, &'static str, Value)> {
    let user = json!({
        "email": "canary-user@example.org", "firstName": "canary-first", "lastName": "canary-last",
        "otherName": "canary-other", "mobileNumber": "+442079460002", "roles": ["ROLE_ORIGINATOR"],
        "planId": "canary-plan", "externalUserId": "canary-external",
    });
    let wrong = json!({
        "email": "canary", "firstName": "canary\u{0}", "lastName": ["canary"], "otherName": {"canary": 1},
        "mobileNumber": "canary", "roles": ["canary"], "enabled": "canary", "accountType": "canary",
        "planId": "canary".repeat(20), "externalUserId": "canary".repeat(60), "id": "canary",
        "canary": "canary",
    });
    let contact = json!({"email": "canary-contact@example.org", "firstName": "canary", "lastName": "canary"});
    vec![
        (Method::POST, "/users", user.clone()),
        (Method::POST, "/users", user),
        (Method::POST, "/users", wrong.clone()),
        (Method::PUT, "/users/me", wrong.clone()),
        (
            Method::PUT,
            "/users/me",
            json!({"firstName": "canary", "email": "canary-me@example.org"}),
        ),
        (
            Method::POST,
            "/users/me/contacts",
            json!({"contacts": [contact, contact, wrong], "ignoreDuplicates": false}),
        ),
        (
            Method::POST,
            "/users/me/contacts",
            json!({"contacts": [contact], "ignoreDuplicates": true}),
        ),
        (
            Method::POST,
            "/users/bulk?action=delete",
            json!({"ids": ["canary", "canary@example.org"]}),
        ),
        (
            Method::POST,
            "/users/bulk?action=expire",
            json!({"ids": [{"canary": 1}], "canary": 1}),
        ),
        (
            Method::POST,
            "/users/import/check",
            json!({"columns": ["email", "canary"], "rows": [["canary@example.org", "canary"]]}),
        ),
        (
            Method::POST,
            "/users/import/check",
            json!({"columns": ["email", null], "rows": [["canary", "canary"]], "mode": "upsert"}),
        ),
        (
            Method::POST,
            "/users/import/uploads",
            json!({"fileName": "canary.csv", "bytes": 9, "mode": "create"}),
        ),
        (
            Method::POST,
            "/users/import/uploads",
            json!({"fileName": ["canary"], "bytes": "canary", "mode": "canary", "canary": 1}),
        ),
        (
            Method::POST,
            "/users/me/tokens",
            json!({"expiresIn": "canary", "canary": 1}),
        ),
    ]
}

/// Forms with canaries in their names, their fields and their file.
fn forms() -> Vec<Form> {
    let named = |name: &'static str| Part::bytes(FILE.as_bytes()).file_name(name);
    let mut forms = vec![
        Form::new().part("file", named("canary.csv")),
        Form::new().part("canary", named("canary.csv")),
        Form::new()
            .part("file", named("canary.csv"))
            .part("file", named("canary.csv")),
        form(
            FILE,
            &[
                ("mode", "canary"),
                ("canary", "canary"),
                ("defaultRoles", "canary"),
            ],
        ),
        form(FILE, &[("mode", "validate")]),
        form(FILE, &[("mode", "upsert")]),
    ];
    for file in [
        "canary-email,canary\nx,y\n".to_owned(),
        "email,email\ncanary,canary\n".to_owned(),
        format!(
            "email,firstName\ncanary@example.org,{}\n",
            "canary".repeat(20_000)
        ),
        format!(
            "email,firstName\n{}\n",
            "canary@example.org,\"canary\n\"\n".repeat(300)
        ),
        "canary".to_owned(),
    ] {
        forms.push(form(file, &[]));
    }
    forms.push(form(*b"email,firstName\ncanary@example.org,canary\xFF\n", &[]));
    forms
}

#[tokio::test(flavor = "multi_thread")]
async fn what_callers_and_operators_send_reaches_no_log() {
    let issuer = Issuer::start(0).await.unwrap();
    let service = Service::logged(Options {
        environment: issuer.environment().into(),
        ..Options::default()
    })
    .await;
    let ada = service
        .account("canary-ada@example.org", &[Role::Originator, Role::SystemAdmin])
        .await;
    let mut requests = headers(&service);
    requests.extend(urls(&service));
    for (method, path, body) in bodies() {
        requests.push(service.request_as(&ada.token, method.clone(), path).json(&body));
        // Cut off in the middle, and with a member twice.
        let text = body.to_string();
        for broken in [
            text[..text.len() / 2].to_owned(),
            text.replacen('{', r#"{"canary":1,"canary":2,"#, 1),
        ] {
            requests.push(
                service
                    .request_as(&ada.token, method.clone(), path)
                    .header(CONTENT_TYPE, "application/json")
                    .body(broken),
            );
        }
    }
    requests.extend(
        forms()
            .into_iter()
            .map(|form| service.request(Method::POST, "/users/import").multipart(form)),
    );
    // As long as an error may repeat a value, and a little more.
    let run = logs::CANARY.repeat(17);

    let mut answered = Vec::new();
    for request in requests {
        let answer = send(request).await;
        assert!(answer.status.as_u16() < 500, "{}", answer.text);
        assert!(!answer.text.contains(&run), "{}", answer.text);
        answered.push(answer.header("x-request-id").to_owned());
    }
    for request in credentials(&service, &issuer) {
        let answer = send(request).await;
        answer.expect_refused_token("a canary in the place of a token");
        assert!(!answer.text.contains(logs::CANARY), "{}", answer.text);
        answered.push(answer.header("x-request-id").to_owned());
    }
    for key in [
        "drop/canary+é.csv",
        "drop/canary/canary.csv",
        "imports/canary.csv",
        "resume/canary",
    ] {
        service.put_object(key, FILE).await;
    }
    service.local.settled().await;
    let request = service.request(Method::GET, EXPORT);
    let given = send(request.header(ACCEPT, "application/json")).await;
    given.expect(200);
    answered.push(given.header("x-request-id").to_owned());

    println!("{} requests and 4 objects with canaries", answered.len());
    let logged: HashSet<_> = logs::lines("answered")
        .into_iter()
        .map(|line| line["request.id"].as_str().unwrap().to_owned())
        .collect();
    for id in answered {
        assert!(logged.contains(&id), "the log knows no request {id}");
    }
}
