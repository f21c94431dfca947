//! Dry runs, what they would change, carrying them out, and taking imports back, with a real service.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::check::expect_valid;
use crate::import::{large, many};
use crate::service::Service;
use crate::support::{Folder, Ran};

/// One row for each thing that can become of it in an upsert, where Ada and Grace have accounts.
const FILE: &str = "email,firstName,lastName\nada@example.org,Ada,King\ngrace@example.org,Grace,\n\
                    tim@example.org,Tim,Berners-Lee\ntim@,Tim,\n";

/// A service where Ada and Grace have accounts, and a folder with [`FILE`].
fn before() -> (Service, Folder) {
    let (service, folder) = (Service::start(), Folder::new());
    let file = "email,firstName\nada@example.org,Ada\ngrace@example.org,Grace\n";
    service.import(file.as_bytes(), &[]);
    folder.write("people.csv", FILE);
    (service, folder)
}

/// Runs the command that is on the line of `shown` which has `text`, with further arguments.
fn pasted(service: &Service, folder: &Folder, shown: &str, text: &str, more: &[&str]) -> Ran {
    let line = shown.lines().find(|line| line.contains(text));
    let line = line.unwrap_or_else(|| panic!("{text:?} in {shown}"));
    let command = line.split("by: access ").nth(1).unwrap();
    let arguments: Vec<_> = command.split(' ').chain(more.iter().copied()).collect();
    service.run(folder, &arguments)
}

/// The last name of the account with an address; null if there is no account.
fn last_name(service: &Service, email: &str) -> Value {
    let users = service.get(&format!("/users?searchText={email}"));
    users["items"][0]["lastName"].clone()
}

#[test]
fn a_dry_run_is_shown_carried_out_and_taken_back() {
    let (service, folder) = before();

    let dry = service.run(&folder, &["import", "people.csv", "--upsert", "--dry-run"]);

    let shown = dry.expect(1);
    assert!(
        shown.contains(
            "people.csv: Completed; 4 rows read: 1 would be created, 1 would be updated, 1 unchanged, 0 skipped, 1 failed."
        ),
        "{dry:?}"
    );
    assert!(dry.stderr.contains("no account is written"), "{dry:?}");
    assert_eq!(service.users(), 3);
    assert!(!folder.path().join("people.rejected.csv").exists());
    let rejected = pasted(&service, &folder, shown, "access imports rejected ", &[]);
    rejected.expect(0);
    assert!(folder.read("rejected.csv").contains("tim@,"));

    let changes = pasted(&service, &folder, shown, "access imports changes ", &[]);
    let lines: Vec<Vec<_>> = changes
        .expect(0)
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines[0], ["line", "outcome", "email", "changes"]);
    assert_eq!(
        lines[1].join(" "),
        "2 updated ada@example.org lastName: null -> \"King\""
    );
    assert_eq!(lines[2].join(" "), "4 created tim@example.org firstName: \"Tim\"");
    assert_eq!(lines[3].join(" "), "lastName: \"Berners-Lee\"");

    let applied = pasted(&service, &folder, shown, "access import --apply ", &["--yes"]);
    assert!(
        applied
            .expect(1)
            .contains("people.csv: Completed; 4 rows read: 1 created, 1 updated, 1 unchanged"),
        "{applied:?}"
    );
    assert_eq!(
        (service.users(), last_name(&service, "ada@example.org")),
        (4, json!("King"))
    );

    let id = newest(&service);
    let undone = service.run(&folder, &["imports", "undo", &id, "--yes", "--json"]);
    undone.expect(0);
    let finished = undone.events().pop().unwrap();
    let counts = ["rows", "deleted", "updated", "unchanged", "failed"].map(|name| &finished["counts"][name]);
    assert_eq!(counts, [4, 1, 1, 2, 0]);
    assert_eq!(
        (service.users(), last_name(&service, "ada@example.org")),
        (3, Value::Null)
    );
    let changes = service.run(&folder, &["imports", "changes", &newest(&service)]);
    let shown = changes.expect(0);
    assert!(shown.contains("lastName: \"King\" -> null"), "{changes:?}");
    assert!(shown.contains("deleted"), "{changes:?}");
}

/// The id of the newest import.
fn newest(service: &Service) -> String {
    let import = &service.get("/users/import?limit=1")["items"][0];
    import["id"].as_str().unwrap().to_owned()
}

#[test]
fn events_of_a_dry_run_and_its_apply_say_what_the_schema_says() {
    let (service, folder) = before();
    let schema: Value = serde_json::from_str(include_str!("../../events.schema.json")).unwrap();
    let arguments = ["import", "people.csv", "--upsert", "--dry-run", "--json"];
    let dry = service.run(&folder, &arguments);
    let id = newest(&service);

    let applied = service.run(&folder, &["import", "--apply", &id, "--yes", "--json"]);

    let mut finished = Vec::new();
    for ran in [dry, applied] {
        ran.expect(1);
        let events = ran.events();
        for event in &events {
            expect_valid(event, &schema, &schema);
        }
        finished.push(events.last().unwrap().clone());
    }
    let of = |event: &Value| {
        let counts = ["created", "updated", "unchanged", "failed"].map(|name| event["counts"][name].clone());
        (event["dryRun"].clone(), counts)
    };
    assert_eq!(
        of(&finished[0]),
        (json!(true), [1, 1, 1, 1].map(|count| json!(count)))
    );
    assert_eq!(
        of(&finished[1]),
        (json!(false), [1, 1, 1, 1].map(|count| json!(count)))
    );
    assert_ne!(finished[0]["id"], finished[1]["id"]);
    let shown = service.run(&folder, &["imports", "show", &id]);
    assert!(shown.expect(0).contains("dryRun      true"), "{shown:?}");
}

#[test]
fn a_dry_run_without_changes_is_not_to_be_carried_out() {
    let (service, folder) = before();
    folder.write("same.csv", "email,firstName\nada@example.org,Ada\n");

    let ran = service.run(&folder, &["import", "same.csv", "--upsert", "--dry-run"]);

    assert!(ran.expect(0).contains("1 unchanged"), "{ran:?}");
    assert!(!ran.stdout.contains("--apply"), "{ran:?}");
}

#[test]
fn people_who_are_not_in_a_roster_are_listed_disabled_and_enabled_again() {
    let (service, folder) = (Service::start(), Folder::new());
    folder.write(
        "all.csv",
        "email\nada@example.org\ngrace@example.org\ntim@example.org\n",
    );
    service.run(&folder, &["import", "all.csv", "--yes"]).expect(0);
    folder.write("roster.csv", "email\nada@example.org\ngrace@example.org\n");
    let enabled = || service.get("/users?searchText=tim@example.org")["items"][0]["enabled"].clone();
    let roster = |more: &[&str]| {
        let arguments = [&["import", "roster.csv", "--yes", "--upsert"], more].concat();
        service.run(&folder, &arguments)
    };

    let reported = roster(&["--missing", "report"]);
    let refused = roster(&["--missing=disable"]);
    let dry = roster(&["--missing=disable", "--missing-limit=50", "--dry-run"]);
    let before = enabled();
    let id = newest(&service);
    let changes = service.run(&folder, &["imports", "changes", &id]);
    let applied = service.run(&folder, &["import", "--apply", &id, "--yes", "--json"]);
    let after = enabled();
    let undone = service.run(&folder, &["imports", "undo", &newest(&service), "--yes"]);

    assert!(
        reported.expect(0).contains("1 account is not in the file"),
        "{reported:?}"
    );
    roster(&["--missing=disable", "--parent=0"]).expect_failure(2, "cannot be used with");
    roster(&["--missing=disable", "all.csv"]).expect_failure(2, "--missing takes one file");
    folder.write("people.xlsx", include_bytes!("../fixtures/people.xlsx"));
    let workbook = ["import", "people.xlsx", "--yes", "--upsert", "--missing=disable"];
    service
        .run(&folder, &workbook)
        .expect_failure(2, "--missing needs --sheet");
    let why = "because that is more than 10 per cent of 3";
    assert!(refused.expect(0).contains(why), "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("disable accounts that are not in the file"),
        "{refused:?}"
    );
    assert!(dry.expect(0).contains(&format!("--apply {id}")), "{dry:?}");
    let listed = changes.expect(0);
    assert!(
        listed.contains("disabled") && listed.contains("enabled: true -> false"),
        "{listed}"
    );
    applied.expect(0);
    assert_eq!(applied.events().last().unwrap()["counts"]["disabled"], 1);
    assert_eq!((before, after), (json!(true), json!(false)));
    undone.expect(0);
    assert_eq!(enabled(), true);
}

#[test]
fn missing_people_are_for_rosters_only() {
    let (service, folder) = before();
    for (arguments, why) in [
        (vec!["--missing=disable"], "--upsert"),
        (
            vec!["--upsert", "--missing=delete"],
            "possible values: report, disable",
        ),
        (
            vec!["--upsert", "--missing=disable", "--missing-limit=101"],
            "0..=100",
        ),
        (vec!["--upsert", "--missing-limit=5"], "--missing"),
    ] {
        let arguments = [vec!["import", "people.csv", "--yes"], arguments].concat();
        service.run(&folder, &arguments).expect_failure(2, why);
    }
}

#[test]
fn a_large_file_is_uploaded_with_all_options_of_a_dry_run() {
    let (service, folder) = before();
    folder.write("large.csv", format!("{}ada@example.org,\n", large(70)));

    let ran = service.run(
        &folder,
        &[
            "import",
            "large.csv",
            "--dry-run",
            "--ignore-duplicates",
            "--json",
        ],
    );

    ran.expect(0);
    let finished = ran.events().pop().unwrap();
    let counts = ["created", "skipped"].map(|name| &finished["counts"][name]);
    assert_eq!(
        (&finished["dryRun"], counts),
        (&json!(true), [&json!(70), &json!(1)])
    );
    let import = &service.get("/users/import")["items"][0];
    assert_eq!((&import["via"], service.users()), (&json!("upload"), 3));
}

#[test]
fn changes_are_listed_page_by_page() {
    let (service, folder) = (Service::start(), Folder::new());
    service.import(format!("email\n{}", many(250)).as_bytes(), &[]);
    let id = newest(&service);
    let changes = |more: &[&str]| {
        let arguments = [&["imports", "changes", &id], more].concat();
        service.run(&folder, &arguments)
    };

    let whole = changes(&["--json", "--limit=1000"]);
    let part = changes(&["--json", "--limit=201"]);
    let first = changes(&["--json"]);

    whole.expect(0);
    let lines: Vec<_> = whole
        .events()
        .iter()
        .map(|change| change["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, (2..252).collect::<Vec<_>>());
    assert!(whole.stderr.is_empty(), "{}", whole.stderr);
    assert_eq!((part.events().len(), first.events().len()), (201, 100));
    part.expect_failure(0, "49 changes more; see them by --limit");
}

#[test]
fn an_import_is_taken_back_once_its_name_is_typed() {
    let (service, folder) = before();
    let id = newest(&service);
    let undo = |typed: &str| {
        let mut command = service.command(&folder, &["imports", "undo", &id]);
        let command = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        Ran::from(child.wait_with_output().unwrap())
    };

    let refused = undo("people\n");
    let users = service.users();
    let undone = undo("people.csv\n");

    refused.expect_failure(2, "the name was not typed, so nothing was taken back");
    assert!(
        refused
            .stderr
            .contains("it deletes 2 accounts and gives 0 accounts the former values"),
        "{refused:?}"
    );
    assert_eq!(users, 3);
    assert!(undone.expect(0).contains("2 deleted"), "{undone:?}");
    assert_eq!(service.users(), 1);
}

#[test]
fn what_cannot_be_carried_out_or_taken_back_is_said() {
    let (service, folder) = before();
    let real = newest(&service);
    service
        .run(&folder, &["import", "people.csv", "--dry-run"])
        .expect(1);
    let dry = newest(&service);

    for (arguments, why) in [
        (
            &["import", "--apply", &real, "--yes"][..],
            "only a completed dry run can be applied",
        ),
        (&["import", "--apply", &dry], "say so by --yes"),
        (
            &["import", "--apply", &dry, "people.csv", "--yes"],
            "cannot be used with",
        ),
        (
            &["import", "--apply", &dry, "--country=GB", "--yes"],
            "cannot be used with",
        ),
        (
            &["import", "--apply", &dry, "--upsert", "--yes"],
            "cannot be used with",
        ),
        (
            &["imports", "undo", &dry, "--yes"],
            "a dry run has changed nothing that could be taken back",
        ),
        (&["imports", "changes", "no/such"], ""),
        (&["import"], "<FILE>"),
    ] {
        service.run(&folder, arguments).expect_failure(2, why);
    }
    assert_eq!(service.users(), 3);
}
