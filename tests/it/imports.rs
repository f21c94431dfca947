//! `/users/import` and what lies below it.

mod again;
mod arrival;
mod causes;
mod check;
mod crashes;
mod create;
mod drop;
mod dry_run;
mod errors;
mod expiry;
mod files;
mod follow;
mod format;
mod kills;
mod late;
mod list;
mod missing;
mod notice;
mod one;
mod preview;
mod progress;
mod rejected;
mod restart;
mod resume;
mod seen;
mod sequences;
mod stalled;
mod template;
mod undo;
mod uploads;

use std::fmt::Write;
use std::ops::RangeInclusive;

use reqwest::Method;
use serde_json::Value;
use shared::roster::Timestamp;

use crate::support::{Answer, Service, form, send};

/// The members of an import.
const MEMBERS: [&str; 34] = [
    "bytes",
    "columns",
    "country",
    "counts",
    "createdAt",
    "createdBy",
    "defaultRoles",
    "delimiter",
    "dryRun",
    "encoding",
    "errors",
    "expiresAt",
    "fileName",
    "finishedAt",
    "header",
    "id",
    "ignoreDuplicates",
    "key",
    "message",
    "missing",
    "missingLimit",
    "mode",
    "parent",
    "progress",
    "read",
    "rowErrors",
    "rowErrorsComplete",
    "sha256",
    "startedAt",
    "status",
    "success",
    "unknownColumns",
    "via",
    "warnings",
];

/// A file with a header and one sound row for each of `numbers`.
fn people(numbers: RangeInclusive<u32>) -> String {
    let mut file = "email,firstName,lastName\n".to_owned();
    for number in numbers {
        writeln!(file, "person{number}@example.org,Person,Number {number}").unwrap();
    }
    file
}

/// A time that was told, in seconds.
#[track_caller]
fn time(told: &Value) -> u64 {
    told.as_str().unwrap().parse::<Timestamp>().unwrap().seconds()
}

/// The names of an object's members, sorted.
#[track_caller]
pub(crate) fn members(object: &Value) -> Vec<&str> {
    let mut names: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// What an import counted: rows, created, updated, skipped, failed.
#[track_caller]
pub(crate) fn counts(import: &Value) -> [u64; 5] {
    ["rows", "created", "updated", "skipped", "failed"].map(|name| {
        import["counts"][name]
            .as_u64()
            .unwrap_or_else(|| panic!("{import}"))
    })
}

/// The error strings of an import.
#[track_caller]
fn errors(import: &Value) -> Vec<&str> {
    let errors = import["errors"].as_array().unwrap_or_else(|| panic!("{import}"));
    errors.iter().map(|error| error.as_str().unwrap()).collect()
}

/// Line, column and code of each row error of an import.
#[track_caller]
pub(crate) fn faults(import: &Value) -> Vec<(u64, &str, &str)> {
    let faults = import["rowErrors"]
        .as_array()
        .unwrap_or_else(|| panic!("{import}"));
    faults
        .iter()
        .map(|fault| {
            (
                fault["line"].as_u64().unwrap(),
                fault["column"].as_str().unwrap_or_default(),
                fault["code"].as_str().unwrap(),
            )
        })
        .collect()
}

/// How many users there are: their items in the table, not what the counters say.
pub(crate) async fn users(service: &Service) -> i64 {
    let items = service.items().await;
    let users = items
        .iter()
        .filter(|item| item["SK"].as_s().is_ok_and(|place| place == "U"));
    i64::try_from(users.count()).unwrap()
}

/// The user with an address, if there is one.
pub(crate) async fn user(service: &Service, email: &str) -> Option<shared::roster::User> {
    let account = service.app().users.find_by_email(&email.parse().unwrap()).await;
    account.unwrap().map(shared::table::Account::into_user)
}

/// Imports `file` and does not wait for the end.
async fn import_later(service: &Service, file: impl Into<Vec<u8>>, fields: &[(&str, &str)]) -> Answer {
    send(
        service
            .request(Method::POST, "/users/import")
            .header("prefer", "respond-async")
            .multipart(form(file, fields)),
    )
    .await
}

/// Imports `file` with another's token.
async fn import_as(
    service: &Service,
    token: &str,
    file: impl Into<Vec<u8>>,
    fields: &[(&str, &str)],
) -> Answer {
    send(
        service
            .request_as(token, Method::POST, "/users/import")
            .multipart(form(file, fields)),
    )
    .await
}

/// The path of an import.
#[track_caller]
fn path(import: &Value) -> String {
    format!("/users/import/{}", import["id"].as_str().unwrap())
}
