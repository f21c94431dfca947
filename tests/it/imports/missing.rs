//! Accounts that are not in the file of a whole roster.

use std::fmt::Write;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::stream::{self, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use shared::roster::Role;

use super::crashes::{LONG, deliver};
use super::dry_run::{followed, post};
use super::{counts, faults, import_as, path, user};
use crate::support::faults::{Faults, Schedule};
use crate::support::{Service, form, send};

/// People whom an import has made before.
const PEOPLE: usize = 10;
const REPORT: [(&str, &str); 2] = [("mode", "upsert"), ("missing", "report")];
const DISABLE: [(&str, &str); 2] = [("mode", "upsert"), ("missing", "disable")];

/// The address of one of them.
fn address(number: usize) -> String {
    format!("p{number}@example.org")
}

/// A file of those people.
fn file(numbers: impl IntoIterator<Item = usize>) -> String {
    let mut file = "email,firstName,roles,enabled\n".to_owned();
    for number in numbers {
        writeln!(file, "{},Person,,", address(number)).unwrap();
    }
    file
}

/// A service in which an import has made the people.
async fn service() -> Service {
    let service = Service::start().await;
    service.import(file(0..PEOPLE), &[]).await.expect(200);
    index(&service).await;
    service
}

/// Makes the index of users, by which searches go from then on.
async fn index(service: &Service) {
    let event: Value = serde_json::from_str(include_str!("../../../events/index-users/clock.json")).unwrap();
    service.local.invoke("index-users", &event).await.unwrap();
}

/// The numbers of the people who are disabled, whom a search finds too.
async fn disabled(service: &Service) -> Vec<usize> {
    let mut disabled = Vec::new();
    for number in 0..PEOPLE {
        if user(service, &address(number))
            .await
            .is_some_and(|user| !user.enabled)
        {
            disabled.push(number);
        }
    }
    let found = service.get("/users?enabled=false&limit=100").await.expect(200);
    let found = found["items"].as_array().unwrap();
    let is_found = |number: &usize| found.iter().any(|user| user["email"] == address(*number));
    assert_eq!((0..PEOPLE).filter(is_found).collect::<Vec<_>>(), disabled);
    disabled
}

/// Outcome, address and changes of the accounts that are in no row, by address.
async fn absent(service: &Service, import: &Value) -> Vec<(String, String, Value)> {
    let walked = service.walk(&(path(import) + "/changes"), &[], 2).await;
    let first = walked.iter().position(|change| change["line"].is_null());
    let absent = walked.split_at(first.unwrap_or(walked.len())).1;
    let mut found: Vec<_> = absent
        .iter()
        .map(|change| {
            assert!(
                change["line"].is_null() && change["userId"].is_string(),
                "{change}"
            );
            let text = |name: &str| change[name].as_str().unwrap().to_owned();
            (text("outcome"), text("email"), change["changes"].clone())
        })
        .collect();
    found.sort_by(|one, other| one.1.cmp(&other.1));
    found
}

/// Outcome and address only.
async fn outcomes(service: &Service, import: &Value) -> Vec<(String, String)> {
    let absent = absent(service, import).await.into_iter();
    absent.map(|(outcome, email, _)| (outcome, email)).collect()
}

fn of(outcome: &str, numbers: impl IntoIterator<Item = usize>) -> Vec<(String, String)> {
    let numbers = numbers.into_iter();
    numbers
        .map(|number| (outcome.to_owned(), address(number)))
        .collect()
}

async fn change(service: &Service, number: usize, body: &Value) {
    let id = user(service, &address(number)).await.unwrap().id;
    service.put(&format!("/users/{id}"), body).await.expect(200);
}

async fn flip(service: &Service, number: usize) {
    let id = user(service, &address(number)).await.unwrap().id;
    let flip = service.request(Method::PUT, &format!("/users/{id}/enable"));
    send(flip).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_lists_who_is_not_in_the_file_and_changes_nobody() {
    let service = service().await;
    let before = service.get("/dashboard/users").await.expect(200);

    let import = service.import(file(2..PEOPLE), &REPORT).await.expect(200);

    assert_eq!(
        (&import["missing"], &import["missingLimit"]),
        (&json!("report"), &json!(10))
    );
    assert_eq!(
        import["message"],
        "Completed; 8 rows read: 0 created, 0 updated, 8 unchanged, 0 skipped, 0 failed; 2 accounts are not in the file."
    );
    assert_eq!(import["counts"]["disabled"], 0);
    assert_eq!(outcomes(&service, &import).await, of("missing", 0..2));
    assert_eq!(disabled(&service).await, [0; 0]);
    assert_eq!(service.get("/dashboard/users").await.expect(200), before);
    let undone = followed(&service, &import, "/undo").await;
    assert_eq!(counts(&undone), [8, 0, 0, 0, 0]);
    let again = service.import(file(0..PEOPLE), &REPORT).await.expect(200);
    assert_eq!(outcomes(&service, &again).await, []);
    let ignored = service
        .import(file(2..PEOPLE), &[("mode", "upsert")])
        .await
        .expect(200);
    assert_eq!(
        (&ignored["missing"], &ignored["missingLimit"]),
        (&json!("ignore"), &json!(10))
    );
    assert_eq!(outcomes(&service, &ignored).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_missing_is_disabled_and_an_undo_enables_them_again() {
    let service = service().await;
    let before = user(&service, &address(0)).await.unwrap();
    let tally = service.get("/dashboard/users").await.expect(200);

    let import = service.import(file(1..=PEOPLE), &DISABLE).await.expect(200);
    let after = user(&service, &address(0)).await.unwrap();
    let disabled_tally = service.get("/dashboard/users").await.expect(200);

    assert_eq!(
        import["message"],
        "Completed; 10 rows read: 1 created, 0 updated, 9 unchanged, 0 skipped, 0 failed; 1 account that is not in the \
         file was disabled."
    );
    assert_eq!(
        (counts(&import), &import["counts"]["disabled"]),
        ([10, 1, 0, 0, 0], &json!(1))
    );
    assert_eq!(import["success"], true);
    let change = json!([{ "member": "enabled", "before": true, "after": false }]);
    assert_eq!(
        absent(&service, &import).await,
        [("disabled".to_owned(), address(0), change)]
    );
    assert_eq!(disabled(&service).await, [0]);
    assert!(after.version == before.version + 1 && after.modified_at > before.modified_at);
    assert_eq!(
        (&tally["disabledUsers"], &disabled_tally["disabledUsers"]),
        (&json!(0), &json!(1))
    );

    let undone = followed(&service, &import, "/undo").await;
    let back = user(&service, &address(0)).await.unwrap();

    assert_eq!(counts(&undone), [11, 0, 1, 0, 0]);
    assert_eq!(undone["counts"]["deleted"], 1);
    assert_eq!((&undone["missing"], back.enabled), (&json!("ignore"), true));
    let change = json!([{ "member": "enabled", "before": false, "after": true }]);
    assert_eq!(
        absent(&service, &undone).await,
        [("updated".to_owned(), address(0), change)]
    );
    assert_eq!(service.get("/dashboard/users").await.expect(200), tally);
    let again = followed(&service, &import, "/undo").await;
    assert_eq!(again["counts"]["unchanged"], 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_was_changed_since_stays_disabled_when_the_import_is_undone() {
    let service = service().await;
    let fields = [&DISABLE[..], &[("missingLimit", "20")]].concat();
    let import = service.import(file(2..PEOPLE), &fields).await.expect(200);
    change(&service, 0, &json!({ "firstName": "Other" })).await;

    let undone = followed(&service, &import, "/undo").await;

    assert_eq!(disabled(&service).await, [0]);
    assert_eq!(counts(&undone), [10, 0, 1, 0, 1]);
    let fault = &undone["rowErrors"][0];
    assert_eq!(
        (&fault["code"], &fault["value"]),
        (&json!("changed_since"), &json!(address(0)))
    );
    let sentence = undone["errors"][0].as_str().unwrap();
    assert!(
        sentence.starts_with("email \"p0@example.org\" was changed since"),
        "{sentence}"
    );
    let rejected = service.get(&(path(&undone) + "/rejected")).await.text;
    assert_eq!(rejected.lines().count(), 1, "it was in no row: {rejected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_disabled_if_more_are_missing_than_the_limit_allows() {
    let service = service().await;

    let refused = service.import(file(2..PEOPLE), &DISABLE).await.expect(200);
    let none = disabled(&service).await;
    let limit = [&DISABLE[..], &[("missingLimit", "20")]].concat();
    let allowed = service.import(file(2..PEOPLE), &limit).await.expect(200);

    assert_eq!(none, [0; 0]);
    assert_eq!(
        refused["message"],
        "Completed; 8 rows read: 0 created, 0 updated, 8 unchanged, 0 skipped, 0 failed; 2 accounts are not in the file \
         and were not disabled, because that is more than 10 per cent of 10 \
         (if its changes are right, send it again with a higher missingLimit)."
    );
    assert_eq!(
        (&refused["counts"]["disabled"], &refused["success"]),
        (&json!(0), &json!(true))
    );
    assert_eq!(outcomes(&service, &refused).await, of("missing", 0..2));
    assert_eq!(allowed["counts"]["disabled"], 2);
    assert_eq!(disabled(&service).await, [0, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_enabled_accounts_of_imports_without_an_admin_role_are_missing() {
    let service = service().await;
    let head = service.account("head@example.org", &[Role::SystemAdmin]).await;
    let others = "email,roles,enabled\nboss@example.org,ROLE_USER_ADMIN,\nroot@example.org,ROLE_SYSTEM_ADMIN,\n\
                  away@example.org,Originator,no\n";
    service.import(others, &[]).await.expect(200);
    service.account("added@example.org", &[Role::Originator]).await;
    // Also if it was made by an import, whoever sends the file is left alone.
    let sender = user(&service, &address(9)).await.unwrap();
    let admin = json!({ "roles": ["ROLE_SYSTEM_ADMIN"] });
    service
        .put(&format!("/users/{}", sender.id), &admin)
        .await
        .expect(200);
    let token = service.token(sender.id).await;
    let fields = [&DISABLE[..], &[("missingLimit", "100")]].concat();

    let import = import_as(&service, &token, file(1..9), &fields).await.expect(200);

    assert_eq!(outcomes(&service, &import).await, of("disabled", [0]));
    for email in ["boss", "root", "added", "head"] {
        let user = user(&service, &format!("{email}@example.org")).await.unwrap();
        assert!(user.enabled, "{email}");
    }
    assert!(user(&service, &address(9)).await.unwrap().enabled);
    service.me(&head.token).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_share_is_one_of_the_accounts_that_were_enabled_before_also_of_those_that_the_file_disables() {
    let service = service().await;
    let mut roster = file(2..PEOPLE);
    write!(roster, "{},Person,,no\nnew@example.org,New,,\n", address(1)).unwrap();
    let dry = [&DISABLE[..], &[("dryRun", "true")]].concat();

    let shown = service.import(roster.clone(), &dry).await.expect(200);
    let done = service.import(roster, &DISABLE).await.expect(200);

    for import in [&shown, &done] {
        assert_eq!(import["counts"]["disabled"], 1, "1 of 10: {import}");
        assert_eq!(outcomes(&service, import).await, of("disabled", [0]));
    }
    assert_eq!(disabled(&service).await, [0, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_address_in_the_file_is_the_person() {
    let service = service().await;
    change(&service, 0, &json!({ "email": "renamed@example.org" })).await;

    let import = service.import(file(0..PEOPLE), &DISABLE).await.expect(200);

    assert_eq!(faults(&import), [(2, "email", "already_exists")]);
    assert_eq!(outcomes(&service, &import).await, []);
    assert!(user(&service, "renamed@example.org").await.unwrap().enabled);
}

/// Rows that have the address of the first person and an error or a warning, with its code, and whether the address can be
/// read.
fn odd_rows() -> Vec<(&'static str, Vec<u8>, bool)> {
    let row = |text: &str| text.as_bytes().to_vec();
    vec![
        ("required", row(",Ada,,\n"), false),
        ("invalid_format", row("p0@example.org,Ada,,perhaps\n"), true),
        ("invalid_format", row("p0(at)example.org,Ada,,\n"), false),
        (
            "too_long",
            format!("p0@example.org,{},,\n", "x".repeat(300)).into(),
            true,
        ),
        ("unknown_role", row("p0@example.org,Ada,Wizard,\n"), true),
        (
            "not_assignable",
            row("p0@example.org,Ada,ROLE_ADHOC_COLLABORATOR,\n"),
            true,
        ),
        (
            "forbidden_role",
            row("p0@example.org,Ada,ROLE_SYSTEM_ADMIN,\n"),
            true,
        ),
        (
            "duplicate_in_file",
            row("p0@example.org,Ada,,\nP0@example.org,Ada,,\n"),
            true,
        ),
        ("column_count", row("p0@example.org,Ada\n"), false),
        ("column_count", row("p0@example.org,Ada,,,more,cells\n"), false),
        ("not_utf8", b"p0@example.org,\xFFda,,\n".to_vec(), true),
        ("not_utf8", b"p0\xFF@example.org,Ada,,\n".to_vec(), false),
        (
            "row_too_large",
            format!("p0@example.org,{},,\n", "x".repeat(70_000)).into(),
            false,
        ),
        ("malformed_quote", row("p0@example.org,\"Ada\" x,,\n"), false),
        ("unnamed_column", row("p0@example.org,Ada,,,x\n"), true),
        ("looks_garbled", "p0@example.org,JosÃ©,,\n".into(), true),
        ("looks_empty", row("p0@example.org,NULL,,\n"), true),
        ("looks_escaped", row("p0@example.org,Ada &amp; Co,,\n"), true),
        // Quotes that are closed by chance make one row of two people.
        (
            "invalid_format",
            row("x@example.org,\"Ada\np0@example.org,Ada\",,\n"),
            false,
        ),
        ("unclosed_quote", row("p0@example.org,\"Ada,,\n"), false),
        // The last row has no line break.
        ("invalid_format", row("p0@example.org,Ada,,perhaps"), true),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_on_a_row_with_an_error_is_not_disabled() {
    let service = service().await;
    let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;
    let fields = [
        &DISABLE[..],
        &[
            ("missingLimit", "100"),
            ("force", "true"),
            ("unknownColumns", "ignore"),
        ],
    ]
    .concat();
    let mut seen = Vec::new();
    for (code, row, is_readable) in odd_rows() {
        let mut file = if code == "unnamed_column" {
            file(2..PEOPLE)
                .replace("enabled\n", "enabled,\n")
                .replace(",,\n", ",,,\n")
        } else {
            file(2..PEOPLE)
        }
        .into_bytes();
        file.extend(row);

        let import = import_as(&service, &clerk.token, file, &fields).await.expect(200);

        let told = import["rowErrors"].as_array().unwrap();
        assert!(told.iter().any(|fault| fault["code"] == code), "{code}: {import}");
        let expected: &[usize] = if is_readable { &[1] } else { &[] };
        assert_eq!(
            disabled(&service).await,
            expected,
            "{code}: {}",
            import["message"]
        );
        if is_readable {
            flip(&service, 1).await;
        } else {
            let message = import["message"].as_str().unwrap();
            let blame = "because line 10 may have people whose address could not be read";
            assert!(message.contains(blame), "{message}");
            let listed = outcomes(&service, &import).await;
            assert!(listed.contains(&("missing".to_owned(), address(1))), "{listed:?}");
        }
        seen.push(code);
    }
    println!("{} rows", seen.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_to_its_end_disables_nobody() {
    let service = Service::without_runs(&[]).await;
    let app = service.app();
    let queued = super::import_later(&service, file(1..2), &DISABLE)
        .await
        .expect(202);
    let id = queued["id"].as_str().unwrap();
    let delete = service.local.s3().delete_object().bucket(service.local.bucket());
    delete.key(queued["key"].as_str().unwrap()).send().await.unwrap();

    deliver(&app, &event(&service, id), "run", LONG).await.unwrap();
    let failed = service.get(&path(&queued)).await.expect(200);

    assert_eq!(failed["status"], "failed");
    let message = failed["message"].as_str().unwrap();
    assert!(
        message.ends_with("; accounts that are not in the file were not looked for"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_disables_those_of_the_dry_run_whom_nothing_has_changed_since() {
    let service = service().await;
    let fields = [&DISABLE[..], &[("dryRun", "true"), ("missingLimit", "50")]].concat();

    let dry = service.import(file(4..PEOPLE), &fields).await.expect(200);
    let shown = outcomes(&service, &dry).await;
    let none = disabled(&service).await;
    change(&service, 1, &json!({ "lastName": "King" })).await;
    let gone = user(&service, &address(2)).await.unwrap();
    service.delete(&format!("/users/{}", gone.id)).await.expect(200);
    // Who is missing since then was not shown.
    service
        .import("email\nlater@example.org\n", &[])
        .await
        .expect(200);
    let applied = followed(&service, &dry, "/apply").await;

    assert_eq!(
        dry["message"],
        "Completed; 6 rows read: 0 would be created, 0 would be updated, 6 unchanged, 0 skipped, 0 failed; 4 accounts \
         that are not in the file would be disabled."
    );
    assert_eq!(
        (shown, &dry["counts"]["disabled"]),
        (of("disabled", 0..4), &json!(4))
    );
    assert_eq!(none, [0; 0]);
    assert_eq!(applied["counts"]["disabled"], 2);
    assert_eq!(
        applied["message"],
        "Completed; 6 rows read: 0 created, 0 updated, 6 unchanged, 0 skipped, 0 failed; 2 accounts that are not in the \
         file were disabled, and 1 was kept that changed since the dry run."
    );
    let [mut done, kept] = [of("disabled", [0, 3]), of("missing", [1])];
    done.splice(1..1, kept);
    assert_eq!(outcomes(&service, &applied).await, done);
    assert_eq!(disabled(&service).await, [0, 3]);
    assert!(user(&service, "later@example.org").await.unwrap().enabled);
    let undone = followed(&service, &applied, "/undo").await;
    assert_eq!(undone["counts"]["updated"], 2);
    assert_eq!(disabled(&service).await, [0; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dry_run_would_not_do_an_apply_does_not_do_either() {
    let service = service().await;
    let dry = [&DISABLE[..], &[("dryRun", "true")]].concat();
    let too_many = service.import(file(4..PEOPLE), &dry).await.expect(200);
    let unreadable = service
        .import(file(1..PEOPLE) + "nobody,,,\n", &dry)
        .await
        .expect(200);

    for (import, missing) in [(&too_many, 0..4), (&unreadable, 0..1)] {
        let applied = followed(&service, import, "/apply").await;
        let message = applied["message"].as_str().unwrap();
        assert!(message.contains("not disabled"), "{message}");
        assert_eq!(outcomes(&service, &applied).await, of("missing", missing));
        assert_eq!(applied["counts"]["disabled"], 0);
    }
    assert_eq!(disabled(&service).await, [0; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_options_are_for_upserts_and_a_share_has_at_most_a_hundred_per_cent() {
    let service = Service::start().await;
    let refused = service
        .import(file(0..1), &[("missing", "report"), ("missingLimit", "101")])
        .await;
    refused.expect(422);
    assert_eq!(
        refused.faults(),
        ["#/missing invalid_format", "#/missingLimit out_of_range"]
    );
    let upload = json!({ "bytes": 5, "mode": "upsert", "missing": "disable", "missingLimit": 25 });
    let opened = service.post("/users/import/uploads", &upload).await.expect(201);
    assert_eq!(
        (&opened["missing"], &opened["missingLimit"]),
        (&json!("disable"), &json!(25))
    );
    let upload = json!({ "bytes": 5, "mode": "create", "missing": "disable", "missingLimit": "many" });
    let refused = service.post("/users/import/uploads", &upload).await;
    refused.expect(422);
    assert_eq!(
        refused.faults(),
        ["#/missing invalid_format", "#/missingLimit out_of_range"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_come_back_are_never_taken_for_the_whole_roster() {
    let service = service().await;
    let parent = service
        .import(file(0..1), &[("mode", "upsert")])
        .await
        .expect(200);
    let parent = parent["id"].as_str().unwrap();

    let sent = service
        .import(file(1..2), &[&DISABLE[..], &[("parent", parent)]].concat())
        .await;
    let upload = json!({ "bytes": 5, "mode": "upsert", "missing": "report", "parent": parent });
    let opened = service.post("/users/import/uploads", &upload).await;

    for refused in [sent, opened] {
        refused.expect(422);
        assert_eq!(refused.faults(), ["#/missing invalid_format"]);
    }
    assert_eq!(disabled(&service).await, [0; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_above_the_rows_is_not_disabled() {
    let service = service().await;
    let rows = file(2..PEOPLE);
    // Sorted by a spreadsheet, header and all; and without a header, which nobody has said.
    let sorted = format!("{},Person,,\n{},Person,,\n{rows}", address(0), address(1));
    let bare: String = (0..PEOPLE).map(|number| address(number) + "\n").collect();
    let columns = [&DISABLE[..], &[("columns", r##"{"#1": "email"}"##)]].concat();
    let limit = [&DISABLE[..], &[("missingLimit", "100")]].concat();

    for (file, options, lines) in [(sorted, limit, "lines 1 and 2"), (bare, columns, "line 1")] {
        let import = service.import(file, &options).await.expect(200);

        let message = import["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("because {lines} may have people")),
            "{message}"
        );
        assert_eq!(disabled(&service).await, [0; 0]);
    }
}

/// The event of the object that starts a run of an import.
fn event(service: &Service, id: &str) -> Value {
    json!({
        "Records": [{
            "eventTime": "2026-11-23T08:37:46.500Z",
            "eventName": "ObjectCreated:Put",
            "s3": {
                "bucket": { "name": service.local.bucket() },
                "object": { "key": format!("resume/{id}"), "size": 0, "eTag": "0", "sequencer": "01" },
            },
            "userIdentity": {},
            "requestParameters": {},
            "responseElements": {},
        }],
    })
}

/// A service of its own with a roster that no run has taken up. Nine people are in the file, one of them on a row with an
/// error, and two are not. Two more have other states.
struct RosterWorld {
    service: Service,
    import: Value,
}

impl RosterWorld {
    const SETTINGS: &[(&str, &str)] = &[("IMPORT_SEGMENT_ROWS", "3")];

    async fn start() -> Self {
        Self::with(&DISABLE).await
    }

    async fn with(fields: &[(&str, &str)]) -> Self {
        let service = Service::without_runs(&[]).await;
        let app = Faults::new(Schedule::Clean).app(&service.local, Self::SETTINGS);
        let made = super::import_later(&service, file(0..PEOPLE) + "away@example.org,Away,,no\n", &[]);
        let made = made.await.expect(202);
        deliver(&app, &event(&service, made["id"].as_str().unwrap()), "made", LONG)
            .await
            .unwrap();
        index(&service).await;
        let mut roster = file(3..PEOPLE);
        // Changed, made and refused.
        write!(
            roster,
            "{},Changed,,\nnew@example.org,New,,\n{},Person,Wizard,\n",
            address(2),
            address(1)
        )
        .unwrap();
        let import = super::import_later(&service, roster, fields).await.expect(202);
        Self { service, import }
    }

    /// A dry run of the roster that was completed, and its apply, which no run has taken up.
    async fn to_be_applied() -> Self {
        let world = Self::with(&[&DISABLE[..], &[("dryRun", "true")]].concat()).await;
        world.followed_by("/apply").await
    }

    /// A roster that was completed, and its undo, which no run has taken up.
    async fn to_be_undone() -> Self {
        let world = Self::start().await;
        world.followed_by("/undo").await
    }

    async fn followed_by(self, what: &str) -> Self {
        let (_, app) = self.disturbed(Schedule::Clean);
        deliver(&app, &self.event(), "before", LONG).await.unwrap();
        let import = post(&self.service, &self.import, what).await.expect(202);
        Self { import, ..self }
    }

    fn event(&self) -> Value {
        event(&self.service, self.import["id"].as_str().unwrap())
    }

    fn disturbed(&self, schedule: Schedule) -> (Faults, shared::intake::Intake) {
        let faults = Faults::new(schedule);
        let app = faults.app(&self.service.local, Self::SETTINGS);
        (faults, app)
    }

    /// Checks that the roster has become what it must.
    async fn check(&self, what: &str) {
        let import = self.service.get(&path(&self.import)).await.expect(200);
        assert_eq!(import["status"], "completed", "{what}: {import}");
        assert_eq!(counts(&import), [10, 1, 1, 0, 1], "{what}: {import}");
        assert_eq!(import["counts"]["disabled"], 1, "{what}: {import}");
        assert_eq!(
            outcomes(&self.service, &import).await,
            of("disabled", [0]),
            "{what}"
        );
        assert_eq!(disabled(&self.service).await, [0], "{what}");
        let account = self
            .service
            .app()
            .users
            .find_by_email(&address(0).parse().unwrap())
            .await;
        assert_eq!(account.unwrap().unwrap().user.version, 1, "{what}");
        self.check_counters(what).await;
    }

    /// Checks that the roster was taken back.
    async fn check_undone(&self, what: &str) {
        let import = self.service.get(&path(&self.import)).await.expect(200);
        assert_eq!(import["status"], "completed", "{what}: {import}");
        assert_eq!(counts(&import), [11, 0, 2, 0, 0], "{what}: {import}");
        assert_eq!(import["counts"]["deleted"], 1, "{what}: {import}");
        assert_eq!(disabled(&self.service).await, [0; 0], "{what}");
        let two = user(&self.service, &address(2)).await.unwrap();
        assert_eq!(two.profile.first_name.unwrap().as_str(), "Person", "{what}");
        self.check_counters(what).await;
    }

    /// Checks the counters of users against the table.
    async fn check_counters(&self, what: &str) {
        let tally = self.service.get("/dashboard/users").await.expect(200);
        let listed = self.service.walk("/users", &[], 100).await;
        let off = listed.iter().filter(|user| user["enabled"] == false).count();
        assert_eq!(tally["totalUsers"], listed.len(), "{what}");
        assert_eq!(tally["disabledUsers"], off, "{what}");
    }
}

/// Does `work` for each of `points`, a few at a time.
async fn each<P, F: Future<Output = ()>>(points: impl IntoIterator<Item = P>, work: impl Fn(P) -> F) {
    stream::iter(points)
        .map(work)
        .buffer_unordered(4)
        .collect::<()>()
        .await;
}

/// Kills a run of what `start` has prepared at each of its calls, before or after it, and delivers the event twice more.
async fn crash_everywhere(start: impl AsyncFn() -> RosterWorld, check: impl AsyncFn(&RosterWorld, &str)) {
    let world = start().await;
    let (faults, app) = world.disturbed(Schedule::Clean);
    deliver(&app, &world.event(), "clean", LONG).await.unwrap();
    check(&world, "undisturbed").await;
    assert!(faults.calls() > 10, "{} calls", faults.calls());

    let (crashed, points) = (AtomicU64::new(0), faults.calls() * 2);
    let points_of = (0..points).map(|point| (point / 2, point % 2 == 1));
    each(points_of, async |(call, after)| {
        let world = start().await;
        let (faults, app) = world.disturbed(Schedule::Crash { call, after });
        let event = world.event();
        let ended = faults.until_stopped(deliver(&app, &event, "killed", LONG)).await;
        crashed.fetch_add(u64::from(ended.is_none()), Ordering::SeqCst);
        let (_, app) = world.disturbed(Schedule::Clean);
        for run in ["killed", "killed-again"] {
            deliver(&app, &event, run, LONG).await.unwrap();
        }
        let what = format!("killed {} call {call}", if after { "after" } else { "before" });
        check(&world, &what).await;
    })
    .await;
    let crashed = crashed.into_inner();
    println!("{crashed} crash points");
    assert!(crashed * 10 >= points * 9, "of {points}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_whose_run_is_killed_at_any_call_disables_and_counts_everybody_once() {
    crash_everywhere(RosterWorld::start, RosterWorld::check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_of_a_roster_that_is_killed_at_any_call_disables_and_counts_everybody_once() {
    crash_everywhere(RosterWorld::to_be_applied, RosterWorld::check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_of_a_roster_that_is_killed_at_any_call_enables_everybody_once() {
    crash_everywhere(RosterWorld::to_be_undone, RosterWorld::check_undone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_whose_run_wakes_after_another_has_taken_over_disables_nobody_twice() {
    let world = RosterWorld::start().await;
    let (faults, app) = world.disturbed(Schedule::Clean);
    deliver(&app, &world.event(), "clean", LONG).await.unwrap();

    each((0..faults.calls()).step_by(2), async |call| {
        let world = RosterWorld::start().await;
        let event = world.event();
        let (sleep, sleeper) = world.disturbed(Schedule::Freeze { call });
        let mut sleeping = pin!(deliver(&sleeper, &event, "sleeper", LONG));
        let slept = sleep.until_stopped(sleeping.as_mut()).await;
        assert!(slept.is_none(), "call {call} was not reached");
        let partition = format!("I#{}", world.import["id"].as_str().unwrap());
        world.service.set(&partition, "I", "leaseUntil", 1).await;
        let (_, successor) = world.disturbed(Schedule::Clean);
        deliver(&successor, &event, "successor", LONG).await.unwrap();
        sleep.thaw();
        sleeping.await.unwrap();
        world.check(&format!("asleep at call {call}")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_without_time_is_handed_over_until_it_is_done() {
    let world = RosterWorld::start().await;
    let (_, app) = world.disturbed(Schedule::Clean);
    let mut runs = 0;
    while world.service.get(&path(&world.import)).await.expect(200)["success"].is_null() {
        let run = format!("run {runs}");
        deliver(&app, &world.event(), &run, Duration::ZERO).await.unwrap();
        runs += 1;
        assert!(runs < 30, "it never ends");
    }
    assert!(runs >= 6, "{runs} runs");
    world.check(&format!("in {runs} runs")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_are_made_enabled_or_changed_while_a_roster_runs_are_left_alone() {
    let world = RosterWorld::start().await;
    let (faults, app) = world.disturbed(Schedule::Clean);
    deliver(&app, &world.event(), "clean", LONG).await.unwrap();

    // From the first call after its claim on.
    each(2..faults.calls(), async |call| {
        let world = RosterWorld::start().await;
        let service = &world.service;
        let event = world.event();
        let (pause, paused) = world.disturbed(Schedule::Freeze { call });
        let mut running = pin!(deliver(&paused, &event, "run", LONG));
        let ended = pause.until_stopped(running.as_mut()).await;
        assert!(ended.is_none(), "call {call} was not reached");
        let is_late = disabled(service).await == [0];
        if !is_late {
            change(service, 0, &json!({ "lastName": "Busy" })).await;
        }
        let away = user(service, "away@example.org").await.unwrap();
        send(service.request(Method::PUT, &format!("/users/{}/enable", away.id)))
            .await
            .expect(200);
        let made = super::import_later(service, "email\nmade@example.org\n", &[])
            .await
            .expect(202);
        let (_, app) = world.disturbed(Schedule::Clean);
        let made = self::event(service, made["id"].as_str().unwrap());
        deliver(&app, &made, "made", LONG).await.unwrap();
        pause.thaw();
        running.await.unwrap();

        let off = disabled(service).await;
        assert_eq!(off, if is_late { vec![0] } else { Vec::new() }, "at call {call}");
        for email in ["away@example.org", "made@example.org"] {
            assert!(
                user(service, email).await.unwrap().enabled,
                "{email} at call {call}"
            );
        }
        world.check_counters(&format!("at call {call}")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_while_a_roster_runs_ends_it_and_counts_whom_it_has_disabled() {
    let world = RosterWorld::start().await;
    let (faults, app) = world.disturbed(Schedule::Clean);
    deliver(&app, &world.event(), "clean", LONG).await.unwrap();

    each(
        (0..faults.calls() - super::crashes::CALLS_AFTER_THE_END).step_by(2),
        async |call| {
            let world = RosterWorld::start().await;
            let event = world.event();
            let (pause, paused) = world.disturbed(Schedule::Freeze { call });
            let mut running = pin!(deliver(&paused, &event, "run", LONG));
            assert!(pause.until_stopped(running.as_mut()).await.is_none());
            world.service.delete(&path(&world.import)).await.expect(200);
            pause.thaw();
            running.await.unwrap();

            let ended = world.service.get(&path(&world.import)).await.expect(200);
            assert_eq!(ended["status"], "cancelled", "call {call}");
            let off = disabled(&world.service).await;
            assert_eq!(ended["counts"]["disabled"], off.len(), "call {call}");
            world.check_counters(&format!("call {call}")).await;
            let item = &world
                .service
                .partition(&format!("I#{}", ended["id"].as_str().unwrap()))
                .await;
            let item = item
                .iter()
                .find(|item| item["SK"].as_s().unwrap() == "I")
                .unwrap();
            assert!(
                !format!("{:?}", item.get("missingSearch")).contains("after"),
                "{item:?}"
            );
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_accounts_than_a_checkpoint_takes_are_disabled_and_enabled_again() {
    const MANY: usize = 200;
    let service = Service::start().await;
    service.import(file(0..MANY), &[]).await.expect(200);
    let fields = [&DISABLE[..], &[("missingLimit", "100")]].concat();

    let import = service.import(file(0..1), &fields).await.expect(200);
    let shown = outcomes(&service, &import).await;
    let off = service.get("/users?enabled=false&limit=1").await.expect(200)["count"].clone();
    let undone = followed(&service, &import, "/undo").await;

    assert_eq!(import["counts"]["disabled"], MANY - 1);
    assert_eq!((shown.len(), off), (MANY - 1, json!(MANY - 1)));
    assert_eq!(undone["counts"]["updated"], MANY - 1);
    let off = service.get("/users?enabled=false&limit=1").await.expect(200);
    assert_eq!(off["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_without_time_disable_everybody_of_a_page_once() {
    const MANY: usize = 200;
    let service = Service::without_runs(&[]).await;
    let app = service.app();
    let made = super::import_later(&service, file(0..MANY), &[])
        .await
        .expect(202);
    deliver(&app, &event(&service, made["id"].as_str().unwrap()), "made", LONG)
        .await
        .unwrap();
    let fields = [&DISABLE[..], &[("missingLimit", "100")]].concat();
    let roster = super::import_later(&service, file(0..1), &fields)
        .await
        .expect(202);
    let event = event(&service, roster["id"].as_str().unwrap());

    let mut runs = 0;
    while service.get(&path(&roster)).await.expect(200)["success"].is_null() {
        let run = format!("run {runs}");
        deliver(&app, &event, &run, Duration::ZERO).await.unwrap();
        runs += 1;
        assert!(runs < 20, "it never ends");
    }
    let import = service.get(&path(&roster)).await.expect(200);
    let mut listed = outcomes(&service, &import).await;
    listed.dedup();

    assert!(runs >= 5, "{runs} runs");
    assert_eq!(import["counts"]["disabled"], MANY - 1);
    assert_eq!(listed.len(), MANY - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_file_for_another_treatment_of_missing_accounts_is_another_import() {
    let service = service().await;
    let first = service.import(file(0..PEOPLE), &REPORT).await.expect(200);
    let other = send(
        service
            .request(Method::POST, "/users/import")
            .multipart(form(file(0..PEOPLE), &DISABLE)),
    );
    let other = other.await.expect(200);
    let again = service.import(file(0..PEOPLE), &REPORT).await.expect(200);

    assert_ne!(first["id"], other["id"]);
    assert_eq!(first["id"], again["id"]);
    post(&service, &other, "/apply").await.expect(409);
}
