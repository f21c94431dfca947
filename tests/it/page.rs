//! The operator's page, as a browser gets it. What it does there is checked by `scripts/page-check`.

use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::{ACCEPT, ORIGIN};
use serde_json::json;

use crate::sign_in;
use crate::support::hang::Proxy;
use crate::support::{Answer, Service, send};

async fn get(service: &Service, path: &str) -> Answer {
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();
    let request = client.get(format!("{}{path}", service.local.url()));
    send(request.header(ACCEPT, "text/html,image/avif,*/*;q=0.8")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shell_is_asked_for_each_time_and_its_files_are_kept() {
    let service = Service::start().await;

    let shell = get(&service, "/").await;
    let script = shell
        .text
        .split("src=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let file = get(&service, script).await;
    let folder = script.trim_end_matches("/main.js");
    let missing = get(&service, &format!("{folder}/nothing.js")).await;

    assert_eq!(shell.status, 200);
    assert_eq!(shell.header("cache-control"), "no-cache");
    assert_eq!(shell.header("referrer-policy"), "no-referrer");
    assert_eq!(file.status, 200);
    assert_eq!(file.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(
        file.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(missing.header("cache-control"), "no-store");
    assert_eq!(missing.expect(404)["type"], "/problems/not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_may_reach_the_host_of_signed_urls_and_no_other() {
    let service = Service::start().await;
    let upload = json!({ "fileName": "people.csv", "bytes": 6 });
    let opened = service.post("/users/import/uploads", &upload).await.expect(201);
    let signed = opened["upload"]["url"].as_str().unwrap();
    let url = reqwest::Url::parse(signed).unwrap();
    let origin = url.origin().ascii_serialization();

    let shell = get(&service, "/").await;

    let policy = shell.header("content-security-policy");
    assert!(
        policy.contains(&format!("connect-src 'self' {origin};")),
        "{policy}"
    );
    for (from, allowed) in [
        (service.local.url(), true),
        ("https://elsewhere.example".to_owned(), false),
    ] {
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .build()
            .unwrap();
        let preflight = client
            .request(Method::OPTIONS, signed)
            .header(ORIGIN, &from)
            .header("access-control-request-method", "PUT")
            .header("access-control-request-headers", "content-type");
        let answer = preflight.send().await.unwrap();
        assert_eq!(answer.status().is_success(), allowed, "{from}");
        assert_eq!(
            answer.headers().contains_key("access-control-allow-origin"),
            allowed,
            "{from}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_knows_where_the_issuer_signs_people_in() {
    let (service, issuer) = sign_in::start().await;
    let url = issuer.url();

    let settings = get(&service, "/page/config.json").await.expect(200);
    let shell = get(&service, "/").await;

    let expected = json!({
        "issuer": url, "clientId": "access-page", "authorizationEndpoint": format!("{url}/authorize"),
        "tokenEndpoint": format!("{url}/token"), "identityTokenFirst": false,
    });
    assert_eq!(settings["issuer"], expected);
    let policy = shell.header("content-security-policy");
    assert!(policy.contains(&format!(" {url}/token;")), "{policy}");
    assert_eq!(issuer.fetches(), 0, "keys were fetched before a token came");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_client_or_an_answer_of_the_issuer_the_page_takes_tokens_only() {
    let silent = Proxy::silent();
    let (gone, audience) = ("http://127.0.0.1:1", ("ISSUER_AUDIENCE", "access"));
    let client = ("ISSUER_CLIENT_ID", "access-page");
    for variables in [
        &[("ISSUER_URL", gone), audience, client][..],
        &[("ISSUER_URL", silent.url()), audience, client],
        &[("ISSUER_URL", silent.url()), audience],
    ] {
        let service = Service::with_variables(variables).await;

        let began = Instant::now();
        let shell = get(&service, "/").await;
        let settings = get(&service, "/page/config.json").await.expect(200);

        assert_eq!(shell.status, 200);
        assert!(!shell.header("content-security-policy").contains("/token"));
        assert_eq!(settings["issuer"], json!(null));
        // One try, of which the second request knows.
        assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    }
}
