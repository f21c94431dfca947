//! `POST /users/import/preview`.

use reqwest::Method;
use serde_json::{Value, json};
use shared::roster::Role;

use super::{members, users};
use crate::support::{Answer, Service, form, send};

async fn preview(service: &Service, file: impl Into<Vec<u8>>, fields: &[(&str, &str)]) -> Answer {
    let request = service.request(Method::POST, "/users/import/preview");
    send(request.multipart(form(file, fields))).await
}

fn texts<'a>(values: &'a Value, name: &str) -> Vec<&'a str> {
    let values = values.as_array().unwrap().iter();
    values.map(|value| value[name].as_str().unwrap_or("-")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_shows_how_a_file_is_read_and_stores_nothing() {
    let service = Service::start().await;
    let before = service.items().await.len();
    let file = "Staff\n\nE-Mail;firstName;_note\nada@example.org;Ada;\nada@;\"Bo\nb\";x\n";

    let shown = preview(&service, file, &[]).await.expect(200);

    assert_eq!(
        members(&shown),
        ["columns", "encodings", "problems", "read", "rows"]
    );
    assert_eq!(shown["problems"], json!([]));
    assert_eq!(shown["read"]["delimiter"], ";");
    assert_eq!(shown["read"]["skippedLines"], json!([1]));
    assert_eq!(
        shown["read"]["columns"],
        json!({"email": "E-Mail", "firstName": "firstName"})
    );
    assert_eq!(shown["encodings"], json!([{"encoding": "UTF-8", "lines": []}]));
    assert_eq!(
        texts(&shown["columns"], "header"),
        ["E-Mail", "firstName", "_note"]
    );
    assert_eq!(texts(&shown["columns"], "member"), ["email", "firstName", "-"]);
    assert_eq!(shown["columns"][0]["position"], 1);
    assert_eq!(shown["columns"][0]["values"], json!(["ada@example.org", "ada@"]));
    assert_eq!(shown["columns"][2]["values"], json!(["x"]));
    assert_eq!(
        shown["rows"][0],
        json!({"line": 4, "row": 1, "cells": ["ada@example.org", "Ada", ""], "faults": []})
    );
    assert_eq!(shown["rows"][1]["line"], 5);
    let codes = texts(&shown["rows"][1]["faults"], "code");
    assert_eq!(codes, ["invalid_format", "invalid_format"]);
    assert_eq!(shown["rows"][1]["faults"][0]["lastLine"], 6);
    assert_eq!(users(&service).await, 1);
    assert_eq!(service.items().await.len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_refuses_a_file_is_said_in_the_same_words_and_its_columns_are_shown() {
    let service = Service::start().await;
    for file in [
        &b"email,fristName\na@example.org,Ada\n"[..],
        b"a@example.org,Ada\nb@example.org,Bo\n",
        b"name,first\nx,y\n",
        b"PK\x03\x04\x14\0",
        b"e\0m\0",
        b"",
        b"email,\"x\na,b\n",
    ] {
        let refused = service.import(file, &[("force", "true")]).await.expect(422);
        let shown = preview(&service, file, &[]).await.expect(200);

        assert_eq!(shown["problems"], json!([refused["detail"]]));
    }
    let shown = preview(&service, "email,fristName\na@example.org,Ada\n", &[])
        .await
        .expect(200);
    assert_eq!(texts(&shown["columns"], "nearest")[1], "firstName");
    assert_eq!(shown["columns"][1]["values"], json!(["Ada"]));
    assert_eq!(shown["rows"][0]["cells"], json!(["a@example.org", "Ada"]));

    let headless = preview(&service, "a@example.org,Ada\n", &[]).await.expect(200);
    assert_eq!(texts(&headless["columns"], "header"), ["-", "-"]);
    assert_eq!(headless["columns"][1]["values"], json!(["Ada"]));

    let archive = preview(&service, b"\x1F\x8B\x08", &[]).await.expect(200);
    assert_eq!(archive["columns"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn candidates_of_the_encoding_come_with_lines_that_differ() {
    let service = Service::start().await;
    let file = b"email,firstName\na@example.org,Ji\xF8\xED\nb@example.org,\x8Akoda\n";

    let guessed = preview(&service, &file[..], &[]).await.expect(200);
    let named = preview(&service, &file[..], &[("encoding", "windows-1250")])
        .await
        .expect(200);

    assert_eq!(guessed["encodings"][0]["encoding"], "windows-1250");
    let line = |number: usize| guessed["encodings"][number]["lines"][0].clone();
    assert_eq!(line(0), json!({"line": 2, "text": "a@example.org,Jiří"}));
    assert_eq!(guessed["encodings"][1]["encoding"], "windows-1252");
    assert_eq!(line(1), json!({"line": 2, "text": "a@example.org,Jiøí"}));
    assert_eq!(texts(&guessed["rows"][0]["faults"], "suggestion"), ["Jiří"]);
    assert_eq!(named["rows"][0]["faults"], json!([]));
    assert_eq!(named["read"]["encoding"], "windows-1250");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_cut_anywhere_is_shown_up_to_there() {
    const LENGTH: usize = 256 * 1024;

    let service = Service::start().await;
    let mut file = b"email,firstName\n".to_vec();
    while file.len() < LENGTH - 40 {
        file.extend(b"ada@example.org,Ad\xC3\xA4\n");
    }
    for end in [
        &b"b@example.org,\xC3"[..],
        b"b@example.org,\"x\ny",
        b"b@example.org",
    ] {
        let mut cut = file.clone();
        cut.resize(LENGTH - end.len(), b'\n');
        cut.extend(end);

        let shown = preview(&service, cut, &[]).await.expect(200);

        assert_eq!(shown["problems"], json!([]));
        assert_eq!(shown["read"]["encoding"], "UTF-8");
        assert_eq!(shown["encodings"].as_array().unwrap().len(), 1);
        let rows = shown["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 20);
        assert!(rows.iter().all(|row| row["faults"] == json!([])));
    }
    let whole = preview(&service, "email\nada@", &[]).await.expect(200);
    assert_eq!(texts(&whole["rows"][0]["faults"], "code"), ["invalid_format"]);

    let long = preview(&service, vec![b'x'; LENGTH + 1], &[]).await;
    assert_eq!(long.status, 422);
    assert_eq!(long.faults(), ["#/file too_long"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wide_file_makes_a_bounded_preview() {
    let service = Service::start().await;
    let wide = format!("email{}\n{}\n", ",x".repeat(30_000), ",y".repeat(30_000));

    let answer = preview(&service, wide, &[("unknownColumns", "ignore")]).await;

    let shown = answer.expect(200);
    assert_eq!(shown["columns"].as_array().unwrap().len(), 1_000);
    assert_eq!(shown["rows"][0]["cells"].as_array().unwrap().len(), 1_000);
    assert!(answer.text.len() < 1_000_000, "{}", answer.text.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn options_of_a_preview_are_those_of_an_import() {
    let service = Service::start().await;
    let other = service.account("o@example.org", &[Role::Originator]).await;

    let wrong = preview(
        &service,
        "email\n",
        &[("mode", "x"), ("encoding", "x"), ("y", "1")],
    )
    .await;
    let request = service.request_as(&other.token, Method::POST, "/users/import/preview");
    let forbidden = send(request.multipart(form("email\n", &[]))).await;
    let json = service.post("/users/import/preview", &json!({})).await;

    assert_eq!(
        wrong.faults(),
        [
            "#/mode invalid_format",
            "#/encoding invalid_format",
            "#/y unknown_member"
        ]
    );
    forbidden.expect(403);
    json.expect(415);
}
