//! HTTP in the words of API Gateway: payload format 2.0, both ways.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64;
use http_body_util::Full;
use hyper::header::{
    CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE, USER_AGENT,
};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared::roster::Timestamp;
use time::UtcDateTime;
use time::macros::format_description;

use super::routes::Matched;
use crate::server;
use crate::template::ACCOUNT;

/// What the event says besides the request itself.
pub(super) struct Circumstances {
    pub(super) request_id: String,
    pub(super) now: Timestamp,
    pub(super) peer: SocketAddr,
}

/// The event that API Gateway makes of a request.
pub(super) fn of_request(
    parts: &Parts,
    body: &Bytes,
    matched: &Matched<'_>,
    circumstances: &Circumstances,
) -> Value {
    let Circumstances {
        request_id,
        now,
        peer,
    } = circumstances;
    let host = parts
        .headers
        .get(hyper::header::HOST)
        .map_or("localhost", |host| host.to_str().unwrap_or("localhost"));
    let domain = host.rsplit_once(':').map_or(host, |(domain, _)| domain);
    let query = parts.uri.query().unwrap_or_default();
    let path = parts.uri.path();
    let format = format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    let time = UtcDateTime::UNIX_EPOCH + Duration::from_millis(now.millis());

    let mut event = json!({
        "version": "2.0",
        "routeKey": matched.key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(parts, body, peer),
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": domain.split('.').next(),
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": peer.ip().to_string(),
                "userAgent": parts.headers.get(USER_AGENT).map_or(String::new(), text),
            },
            "requestId": request_id,
            "routeKey": matched.key,
            "stage": "$default",
            "time": time.format(format).unwrap_or_default(),
            "timeEpoch": now.millis(),
        },
        "isBase64Encoded": false,
    });
    let cookies = cookies(&parts.headers);
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if !query.is_empty() {
        event["queryStringParameters"] = parameters(query).into_iter().collect();
    }
    if !matched.parameters.is_empty() {
        event["pathParameters"] = json!(matched.parameters);
    }
    add_body(&mut event, body, &parts.headers);
    event
}

/// Returns the cookies of the request, which the event has apart from the other headers.
fn cookies(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|value| {
            text(value)
                .split(';')
                .map(|one| one.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .filter(|one| !one.is_empty())
        .collect()
}

/// Puts the body into the event: as text if it is some, else in base64.
fn add_body(event: &mut Value, body: &Bytes, headers: &HeaderMap) {
    if body.is_empty() {
        return;
    }
    match std::str::from_utf8(body) {
        Ok(text) if is_text(headers) => event["body"] = text.into(),
        _ => {
            event["body"] = BASE64.encode(body).into();
            event["isBase64Encoded"] = true.into();
        }
    }
}

/// Whether API Gateway passes a body of this type as text. Forms are not among them.
fn is_text(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        return false;
    };
    let content_type = text(content_type);
    let content_type = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    content_type.starts_with("text/")
        || matches!(
            content_type.as_str(),
            "application/json" | "application/javascript" | "application/xml"
        )
}

fn headers(parts: &Parts, body: &Bytes, peer: &SocketAddr) -> Map<String, Value> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in &parts.headers {
        // Cookies have a member of their own; the rest is about this one connection.
        if *name == COOKIE
            || matches!(
                name.as_str(),
                "connection" | "expect" | "keep-alive" | "te" | "transfer-encoding" | "upgrade"
            )
        {
            continue;
        }
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|all| {
                all.push(',');
                all.push_str(&text(value));
            })
            .or_insert_with(|| text(value));
    }
    // Clients that send a body in chunks do not know its length; API Gateway does.
    headers.insert(CONTENT_LENGTH.as_str().to_owned(), body.len().to_string());
    headers.insert("x-forwarded-proto".to_owned(), "http".to_owned());
    headers
        .entry("x-forwarded-for".to_owned())
        .and_modify(|all| *all = format!("{all}, {}", peer.ip()))
        .or_insert_with(|| peer.ip().to_string());
    headers
        .into_iter()
        .map(|(name, value)| (name, value.into()))
        .collect()
}

fn parameters(query: &str) -> Map<String, Value> {
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name), decoded(value));
        parameters
            .entry(name)
            .and_modify(|all| {
                all.push(',');
                all.push_str(&value);
            })
            .or_insert(value);
    }
    parameters
        .into_iter()
        .map(|(name, value)| (name, value.into()))
        .collect()
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// What a function answers. Format 2.0 has no `multiValueHeaders`: repeated headers come joined, and
/// cookies have a member of their own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: Option<Map<String, Value>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The response that API Gateway makes of a function's result, or `None` when it cannot.
pub(super) fn to_response(result: &[u8]) -> Option<Response<Full<Bytes>>> {
    let value: Value = serde_json::from_slice(result).ok()?;
    if value.get("statusCode").is_none() {
        // Format 2.0 takes anything else for the body of a success.
        let body = Bytes::copy_from_slice(result);
        return Some(server::answer(StatusCode::OK, "application/json", body));
    }
    let Answer {
        status_code,
        headers,
        cookies,
        body,
        is_base64_encoded,
    } = serde_json::from_value(value).ok()?;

    let body = body.unwrap_or_default();
    let body = if is_base64_encoded {
        BASE64.decode(body.as_bytes()).ok()?
    } else {
        body.into_bytes()
    };
    let has_body = !body.is_empty();
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status_code).ok()?;
    let map = response.headers_mut();
    for (name, value) in headers.into_iter().flatten() {
        let value = match value {
            Value::String(text) => text,
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => return None,
        };
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        // The length is that of the decoded body, which the server writes.
        if name != CONTENT_LENGTH {
            map.append(name, HeaderValue::from_str(&value).ok()?);
        }
    }
    for cookie in cookies.into_iter().flatten() {
        map.append(SET_COOKIE, HeaderValue::from_str(&cookie).ok()?);
    }
    if has_body && !map.contains_key(CONTENT_TYPE) {
        map.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use hyper::Request;

    use super::*;

    fn circumstances() -> Circumstances {
        Circumstances {
            request_id: "the-request".to_owned(),
            now: Timestamp::from_millis(1_795_423_066_123),
            peer: "127.0.0.1:40000".parse().unwrap(),
        }
    }

    fn event(request: hyper::http::request::Builder, body: &'static [u8]) -> Value {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let matched = Matched {
            key: "ANY /api/v1/users/{userId}".to_owned(),
            function: "user",
            parameters: BTreeMap::from([("userId".to_owned(), "a b".to_owned())]),
        };
        of_request(&parts, &Bytes::from_static(body), &matched, &circumstances())
    }

    #[test]
    fn a_request_becomes_the_event_that_api_gateway_sends() {
        let request = Request::put("/api/v1/users/a%20b?role=x&role=y%2Cz&q=a+b&empty")
            .header("Host", "localhost:8080")
            .header("User-Agent", "curl/8")
            .header("Content-Type", "application/json")
            .header("X-Two", "1")
            .header("X-Two", "2")
            .header("Cookie", "a=1; b=2")
            .header("Connection", "keep-alive");

        assert_eq!(
            event(request, b"{\"a\":1}"),
            json!({
                "version": "2.0",
                "routeKey": "ANY /api/v1/users/{userId}",
                "rawPath": "/api/v1/users/a%20b",
                "rawQueryString": "role=x&role=y%2Cz&q=a+b&empty",
                "cookies": ["a=1", "b=2"],
                "headers": {
                    "content-length": "7",
                    "content-type": "application/json",
                    "host": "localhost:8080",
                    "user-agent": "curl/8",
                    "x-forwarded-for": "127.0.0.1",
                    "x-forwarded-proto": "http",
                    "x-two": "1,2",
                },
                "queryStringParameters": {"empty": "", "q": "a b", "role": "x,y,z"},
                "pathParameters": {"userId": "a b"},
                "requestContext": {
                    "accountId": "000000000000",
                    "apiId": "local",
                    "domainName": "localhost",
                    "domainPrefix": "localhost",
                    "http": {
                        "method": "PUT",
                        "path": "/api/v1/users/a%20b",
                        "protocol": "HTTP/1.1",
                        "sourceIp": "127.0.0.1",
                        "userAgent": "curl/8",
                    },
                    "requestId": "the-request",
                    "routeKey": "ANY /api/v1/users/{userId}",
                    "stage": "$default",
                    "time": "23/Nov/2026:08:37:46 +0000",
                    "timeEpoch": 1_795_423_066_123_u64,
                },
                "body": "{\"a\":1}",
                "isBase64Encoded": false,
            })
        );
    }

    #[test]
    fn a_request_without_query_cookies_and_body_has_no_such_members() {
        let event = event(Request::get("/api/v1/users/x"), b"");

        for member in ["body", "cookies", "queryStringParameters"] {
            assert!(event.get(member).is_none(), "{member}");
        }
        assert_eq!(event["rawQueryString"], "");
    }

    #[test]
    fn a_body_that_is_not_text_is_base64() {
        let multipart = Request::post("/").header("content-type", "multipart/form-data; boundary=x");
        let form = Request::post("/").header("content-type", "application/x-www-form-urlencoded");
        let broken = Request::post("/").header("content-type", "text/csv");
        let untyped = Request::post("/");

        for (request, body, encoded) in [
            (multipart, b"abc".as_slice(), "YWJj"),
            (form, b"a=b".as_slice(), "YT1i"),
            (broken, b"\xff".as_slice(), "/w=="),
            (untyped, b"abc".as_slice(), "YWJj"),
        ] {
            let event = event(request, body);
            assert_eq!(event["body"], encoded);
            assert_eq!(event["isBase64Encoded"], true);
        }
    }

    #[tokio::test]
    async fn an_answer_becomes_a_response() {
        let answer = json!({
            "statusCode": 201,
            "headers": {"content-type": "text/csv", "location": "/x", "content-length": "999"},
            "cookies": ["a=1", "b=2"],
            "body": "YWJj",
            "isBase64Encoded": true,
        });

        let response = to_response(answer.to_string().as_bytes()).unwrap();

        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()["location"], "/x");
        assert_eq!(response.headers()["content-type"], "text/csv");
        assert!(!response.headers().contains_key("content-length"));
        let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "abc");
    }

    #[test]
    fn an_answer_that_is_none_is_refused() {
        for answer in [
            "",
            "{",
            r#"{"statusCode": "x"}"#,
            r#"{"statusCode": 200, "body": 1}"#,
        ] {
            assert!(to_response(answer.as_bytes()).is_none(), "{answer}");
        }
    }

    #[test]
    fn anything_without_a_status_is_the_body_of_a_success() {
        let response = to_response(b"{\"a\":1}").unwrap();

        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "application/json");
    }
}
