//! Dry runs: what they report is what happens, and they are carried out by `/apply`.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use reqwest::Method;
use serde_json::{Value, json};
use shared::roster::Role;

use super::{counts, faults, path, user, users};
use crate::support::{Answer, Service, send};

/// Changes Ada, leaves Grace and makes Tim.
const FILE: &str = "email,firstName,lastName\nada@example.org,Ada,King\ngrace@example.org,Grace,\n\
                    tim@example.org,Tim,\nnobody,,\nADA@example.org,Augusta,\n";
const UPSERT: [(&str, &str); 1] = [("mode", "upsert")];
const DRY: [(&str, &str); 2] = [("mode", "upsert"), ("dryRun", "true")];

async fn before(service: &Service) {
    let file = "email,firstName\nada@example.org,Ada\ngrace@example.org,Grace\n";
    service.import(file, &[]).await.expect(200);
}

pub(super) async fn post(service: &Service, import: &Value, what: &str) -> Answer {
    send(service.request(Method::POST, &(path(import) + what))).await
}

/// The import that `/apply` or `/undo` has started, once it has ended.
pub(super) async fn followed(service: &Service, import: &Value, what: &str) -> Value {
    let started = post(service, import, what).await;
    let follower = started.expect(202);
    assert_eq!(started.header("location"), format!("/api/v1{}", path(&follower)));
    assert_eq!(follower["parent"], import["id"]);
    service.finished(follower["id"].as_str().unwrap()).await
}

/// Line, outcome, address and changed members of each change of an import.
pub(super) async fn changes(service: &Service, import: &Value) -> Vec<(u64, String, String, Value)> {
    let walked = service.walk(&(path(import) + "/changes"), &[], 2).await;
    walked
        .iter()
        .map(|change| {
            let text = |name: &str| change[name].as_str().unwrap_or_default().to_owned();
            let changed = change["changes"].as_array().unwrap().iter();
            let changed = changed.map(|one| json!([one["member"], one["before"], one["after"]]));
            (
                change["line"].as_u64().unwrap(),
                text("outcome"),
                text("email"),
                Value::Array(changed.collect()),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_of_an_upsert_reports_what_it_then_does_and_writes_no_user() {
    let service = Service::start().await;
    before(&service).await;
    let ada = user(&service, "ada@example.org").await.unwrap();

    let dry = service.import(FILE, &DRY).await.expect(200);
    let after_dry = user(&service, "ada@example.org").await.unwrap();
    let shown = changes(&service, &dry).await;
    let real = service.import(FILE, &UPSERT).await.expect(200);
    let done = changes(&service, &real).await;

    assert_eq!((&dry["mode"], &dry["dryRun"]), (&json!("upsert"), &json!(true)));
    assert_eq!(
        (&real["mode"], &real["dryRun"]),
        (&json!("upsert"), &json!(false))
    );
    assert_eq!(
        dry["message"],
        "Completed; 5 rows read: 1 would be created, 1 would be updated, 1 unchanged, 0 skipped, 2 failed."
    );
    assert_eq!(dry["counts"], real["counts"]);
    assert_eq!(dry["errors"], real["errors"]);
    assert_eq!(after_dry, ada);
    assert_eq!(shown, done);
    let made = json!([
        ["firstName", null, "Tim"],
        ["roles", null, ["ROLE_COLLABORATOR"]],
        ["enabled", null, true],
        ["accountType", null, "LOCAL"]
    ]);
    assert_eq!(
        shown,
        [
            (
                2,
                "updated".to_owned(),
                "ada@example.org".to_owned(),
                json!([["lastName", null, "King"]])
            ),
            (4, "created".to_owned(), "tim@example.org".to_owned(), made),
        ]
    );
    let of_dry = service.get(&(path(&dry) + "/changes")).await.expect(200);
    assert_eq!(of_dry["items"][0]["userId"], ada.id.to_string());
    assert_eq!(of_dry["items"][1]["userId"], json!(null));
    let of_real = service
        .get(&(path(&real) + "/changes?offset=1"))
        .await
        .expect(200);
    let tim = user(&service, "tim@example.org").await.unwrap();
    assert_eq!(of_real["items"][0]["userId"], tim.id.to_string());
    assert_eq!(of_real["count"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_how_many_rows_give_or_take_an_admin_role() {
    let service = Service::start().await;
    service.account("head@example.org", &[Role::UserAdmin]).await;
    let file = "email,roles\nhead@example.org,Collaborator\nnew@example.org,ROLE_USER_ADMIN\n\
                other@example.org,ROLE_SYSTEM_ADMIN\n";

    let dry = service.import(file, &DRY).await.expect(200);

    assert_eq!(
        dry["message"],
        "Completed; 3 rows read: 2 would be created, 1 would be updated, 0 skipped, 0 failed; 2 rows would give an \
         admin role; 1 row would take away an admin role."
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_carries_out_what_was_shown_once() {
    let service = Service::start().await;
    before(&service).await;
    let dry = service.import(FILE, &DRY).await.expect(200);

    let applied = followed(&service, &dry, "/apply").await;
    let again = post(&service, &dry, "/apply").await.expect(202);

    assert_eq!(again["id"], applied["id"]);
    assert_eq!(
        (&applied["mode"], &applied["dryRun"]),
        (&json!("upsert"), &json!(false))
    );
    assert_eq!(applied["counts"], dry["counts"]);
    assert_eq!(applied["errors"], dry["errors"]);
    assert_eq!(changes(&service, &applied).await, changes(&service, &dry).await);
    assert_eq!(users(&service).await, 4);
    let ada = user(&service, "ada@example.org").await.unwrap();
    assert_eq!(ada.profile.last_name.unwrap().as_str(), "King");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_in_which_users_are_made_skips_and_refuses_as_was_shown() {
    let service = Service::with_variables(&[("IMPORT_SEGMENT_ROWS", "2")]).await;
    before(&service).await;
    // The repeat is in another segment than its first row.
    let file = "email\nada@example.org\na@example.org\nb@example.org\nc@example.org\na@example.org\n";
    for (skips, expected) in [("true", [5, 3, 0, 1, 1]), ("false", [5, 0, 0, 0, 5])] {
        let options = [("dryRun", "true"), ("ignoreDuplicates", skips)];
        let dry = service.import(file, &options).await.expect(200);

        let applied = followed(&service, &dry, "/apply").await;

        assert_eq!(counts(&dry), expected, "{skips}");
        assert_eq!(counts(&applied), expected, "{skips}");
        assert_eq!(applied["errors"], dry["errors"], "{skips}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_since_the_dry_run_is_not_carried_out() {
    let service = Service::start().await;
    before(&service).await;
    let file = "email,firstName,lastName\nada@example.org,Ada,King\ngrace@example.org,Grace,\n\
                tim@example.org,Tim,\nalan@example.org,Alan,\n";
    let dry = service.import(file, &DRY).await.expect(200);
    let ada = user(&service, "ada@example.org").await.unwrap().id;
    let grace = user(&service, "grace@example.org").await.unwrap().id;
    let renamed = json!({ "otherName": "Countess" });
    service.put(&format!("/users/{ada}"), &renamed).await.expect(200);
    service.delete(&format!("/users/{grace}")).await.expect(200);
    service.account("tim@example.org", &[Role::Collaborator]).await;

    let applied = followed(&service, &dry, "/apply").await;

    assert_eq!(counts(&applied), [4, 1, 0, 0, 3]);
    assert_eq!(
        faults(&applied),
        [
            (2, "email", "changed_since"),
            (3, "email", "changed_since"),
            (4, "email", "changed_since"),
        ]
    );
    assert!(
        user(&service, "ada@example.org")
            .await
            .unwrap()
            .profile
            .last_name
            .is_none()
    );
    assert!(user(&service, "grace@example.org").await.is_none());
    let rejected = service.get(&(path(&applied) + "/rejected")).await.text;
    assert_eq!(rejected.lines().count(), 4, "{rejected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_failed_in_the_dry_run_fails_again_whoever_applies_it() {
    let service = Service::start().await;
    let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;
    let file = "email,lastName\nadmin@example.org,Boss\nada@example.org,King\n";
    let dry = super::import_as(&service, &clerk.token, file, &DRY)
        .await
        .expect(200);
    assert_eq!(faults(&dry), [(2, "email", "forbidden_role")]);

    let applied = followed(&service, &dry, "/apply").await;

    assert_eq!(faults(&applied), [(2, "email", "changed_since")]);
    assert_eq!(counts(&applied), [2, 1, 0, 0, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_completed_dry_run_whose_file_is_there_is_applied() {
    let service = Service::start().await;
    let real = service.import("email\nada@example.org\n", &[]).await.expect(200);
    let [dry, old, gone] = ["x", "y", "z"].map(|name| format!("email\n{name}@example.org\n"));
    let validated = service.import(dry, &[("mode", "validate")]).await.expect(200);
    let old = service.import(old, &DRY).await.expect(200);
    let gone = service.import(gone, &DRY).await.expect(200);
    let day = 24 * 60 * 60;
    let soon = shared::clock::now().seconds() + day - 60;
    let partition = format!("I#{}", old["id"].as_str().unwrap());
    service.set(&partition, "I", "expiresAt", soon).await;
    let delete = service.local.s3().delete_object().bucket(service.local.bucket());
    delete.key(gone["key"].as_str().unwrap()).send().await.unwrap();

    for import in [&real, &old, &gone] {
        post(&service, import, "/apply").await.expect(409);
    }
    let applied = followed(&service, &validated, "/apply").await;

    assert_eq!(
        (&validated["mode"], &validated["dryRun"]),
        (&json!("validate"), &json!(true))
    );
    assert_eq!(applied["mode"], "create");
    assert_eq!(applied["counts"]["created"], 1);
}

/// A row of a random file: an address, a first name, roles and a state, each right, wrong or left out.
fn row() -> impl Strategy<Value = String> {
    let address = prop::sample::select(vec!["a@", "b@", "c@", "C@", "d@", "e@", "admin@", "former@", "x"]);
    let name = prop::sample::select(vec!["", "Ada", "Grace"]);
    let roles = prop::sample::select(vec![
        "",
        "Originator",
        "Wizard",
        "ROLE_USER_ADMIN",
        "ROLE_SYSTEM_ADMIN",
    ]);
    let enabled = prop::sample::select(vec!["", "no", "yes", "perhaps"]);
    (address, name, roles, enabled)
        .prop_map(|(address, name, roles, enabled)| format!("{address},{name},{roles},{enabled}\n"))
}

/// Imports random files after a dry run of each and compares the two. Some addresses have accounts, one of them is a
/// former one, and one account is an administrator.
async fn compare(files: u32) {
    let mut runner = TestRunner::new(Config::default());
    let strategy = (
        prop::collection::vec(row(), 1..12),
        any::<bool>(),
        any::<bool>(),
        prop::sample::select(vec!["1", "3", "1000"]),
    );
    let mut services = BTreeMap::new();
    for rows in ["1", "3", "1000"] {
        services.insert(
            rows,
            Service::with_variables(&[("IMPORT_SEGMENT_ROWS", rows)]).await,
        );
    }
    for number in 0..files {
        let (rows, upserts, skips, segment_rows) = strategy.new_tree(&mut runner).unwrap().current();
        let service = &services[segment_rows];
        let domain = format!("d{number}.example.org");
        for (address, role) in [
            ("a", Role::Originator),
            ("b", Role::UserAdmin),
            ("former", Role::Originator),
        ] {
            service.account(&format!("{address}@{domain}"), &[role]).await;
        }
        let moved = user(service, &format!("former@{domain}")).await.unwrap().id;
        let present = json!({ "email": format!("present@{domain}") });
        service
            .put(&format!("/users/{moved}"), &present)
            .await
            .expect(200);
        let rows: String = rows
            .iter()
            .map(|row| row.replacen('@', &format!("@{domain}"), 1))
            .collect();
        let file = format!("email,firstName,roles,enabled\n{rows}");
        let mode = if upserts { "upsert" } else { "create" };
        let skips = if skips { "true" } else { "false" };
        let fields = [("mode", mode), ("ignoreDuplicates", skips), ("force", "true")];

        let dry = service
            .import(file.clone(), &[&fields[..], &[("dryRun", "true")]].concat())
            .await
            .expect(200);
        let shown = changes(service, &dry).await;
        let real = service.import(file.clone(), &fields).await.expect(200);

        assert_eq!(
            dry["counts"], real["counts"],
            "{mode}, {skips}, {segment_rows}:\n{file}"
        );
        assert_eq!(
            dry["errors"], real["errors"],
            "{mode}, {skips}, {segment_rows}:\n{file}"
        );
        assert_eq!(
            shown,
            changes(service, &real).await,
            "{mode}, {skips}, {segment_rows}:\n{file}"
        );
    }
    println!("{files} files");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dry_run_of_a_random_file_shows_is_what_happens() {
    compare(20).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn what_dry_runs_of_hundreds_of_random_files_show_is_what_happens() {
    compare(500).await;
}
