//! Whatever a request brings: it is read or refused, and a refusal is short enough to be an answer.
//!
//! `PROPTEST_CASES` says how many requests there are.

use errors::Error;
use lambda_http::Body;
use lambda_http::http::Request as HttpRequest;
use lambda_http::http::header::CONTENT_TYPE;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use roster::{ContactDraft, Roles};
use serde_json::json;

use super::page::{LIMIT, OFFSET, SEARCH_TEXT};
use super::problem;
use super::query::{Choice, Parameter, Query};
use crate::accounts;

/// As much as Lambda answers at most.
const MAX_ANSWER: usize = 6 * 1024 * 1024;

fn refused(error: Error) -> usize {
    let answer = problem::answer(error, "r");
    assert!(answer.status().is_client_error());
    answer.body().len()
}

fn body(pieces: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        10 => select(pieces).prop_map(<[u8]>::to_vec),
        2 => vec(any::<u8>(), 0..6),
        1 => (select(pieces), 1..2000_usize).prop_map(|(piece, times)| piece.repeat(times)),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

const JSON: &[&[u8]] = &[
    b"{",
    b"}",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\"email\":",
    b"\"roles\":",
    b"\"contacts\":",
    b"\"ada@b.org\"",
    b"\"ROLE_ORIGINATOR\"",
    b"\"enabled\":true",
    b"null",
    b"true",
    b"-1e999",
    b"18446744073709551616",
    b"\\u0000",
    b"\"\\ud800\"",
    b"\xFF",
    b" ",
    b"\n",
    b"{\"email\":\"a@b.org\",\"roles\":[\"ROLE_ORIGINATOR\"]}",
    b"{\"contacts\":[{\"email\":\"a@b.org\"}],\"ignoreDuplicates\":true}",
    b"\xEF\xBB\xBF",
];

proptest! {
    #[test]
    fn any_body_is_an_object_or_a_problem(body in body(JSON), text: bool) {
        let body = match String::from_utf8(body) {
            Ok(body) if text => Body::Text(body),
            Ok(body) => Body::Binary(body.into()),
            Err(body) => Body::Binary(body.into_bytes()),
        };
        let request = HttpRequest::builder().header(CONTENT_TYPE, "application/json").body(body).unwrap();
        match super::json::object(&request) {
            Err(error) => prop_assert!(refused(error) < 1000),
            Ok(mut object) => {
                let contacts = object.clone().take_objects("contacts");
                for mut contact in contacts.into_iter().flatten().flatten() {
                    let draft = ContactDraft {
                        email: contact.take("email"),
                        first_name: contact.take("firstName"),
                        last_name: contact.take("lastName"),
                    };
                    let _ = draft.parse();
                }
                let draft = accounts::draft(&mut object);
                let foreign = accounts::foreign_members(object, None).unwrap();
                let faults = draft.parse(Roles::ALL).err().unwrap_or_default();
                let answer = refused(Error::Invalid([foreign, faults].concat()));
                prop_assert!(answer < MAX_ANSWER);
            }
        }
    }

    #[test]
    fn any_query_is_read_or_refused(
        query in "((limit|offset|enabled|sortBy|searchText)=[!$'()*+,;:@/?A-Za-z0-9%._~-]{0,20}&|[!$&'()*+,;=:@/?A-Za-z0-9%._~-]{0,12}){0,6}",
    ) {
        let event = json!({
            "version": "2.0",
            "routeKey": "ANY /api/v1/users",
            "rawPath": "/api/v1/users",
            "rawQueryString": query,
            "headers": { "host": "localhost" },
            "requestContext": {
                "http": { "method": "GET", "path": "/api/v1/users", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1" },
                "requestId": "r",
                "stage": "$default",
                "timeEpoch": 0,
            },
            "isBase64Encoded": false,
        });
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        let mut query = Query::of(&request);
        let limit = query.number(&LIMIT);
        prop_assert!(limit.is_none_or(|limit| limit <= LIMIT.kind.max));
        query.number(&OFFSET);
        query.choice(&Parameter {
            name: "enabled",
            about: "",
            kind: Choice::FLAG,
        });
        query.text(&SEARCH_TEXT);
        if let Err(error) = query.finish() {
            prop_assert!(refused(error) < MAX_ANSWER);
        }
    }
}
