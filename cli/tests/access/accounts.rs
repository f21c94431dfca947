//! Signing in, and `access users`, with a real service.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use serde_json::json;

use crate::service::Service;
use crate::support::{Folder, Ran};

#[test]
fn who_signs_in_is_known_until_signing_out() {
    let (service, folder) = (Service::start(), Folder::new());
    let (token, _) = service.user("ann@example.org", "ROLE_USER_ADMIN");
    let url = format!("--url={}", service.url());

    folder
        .run(&["whoami", &url])
        .expect_failure(4, "you are not signed in to http://127.0.0.1");
    folder
        .pipe(&["sign-in", "--token-stdin", &url], "wrong")
        .expect_failure(4, "does not accept the access token");
    folder
        .pipe(&["sign-in", "--token-stdin", &url], " \n")
        .expect_failure(2, "has no access token");
    let ran = folder.pipe(&["sign-in", "--token-stdin", &url], format!("{token}\n"));
    ran.expect_failure(0, "as ann@example.org");
    let kept = folder.path().join(".config/access/tokens.toml");
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    let shown = folder.run(&["whoami", &url]);
    assert!(
        shown
            .expect(0)
            .starts_with("ann@example.org (ROLE_USER_ADMIN) at http://127.0.0.1"),
        "{shown:?}"
    );
    assert_eq!(
        folder.run(&["whoami", "--json", &url]).events()[0]["email"],
        "ann@example.org"
    );

    folder.run(&["sign-out", &url]).expect_failure(0, "Signed out");
    folder.run(&["whoami", &url]).expect(4);
    // The token has ended, and is not only forgotten.
    let ran = Ran::from(service.command_as(&token, &folder, &["whoami"]).output().unwrap());
    ran.expect(4);
}

#[test]
fn profiles_name_services_and_how_to_sign_in() {
    let (service, folder) = (Service::start(), Folder::new());
    fs::create_dir_all(folder.path().join(".config/access")).unwrap();
    folder.write("token", service.token());
    let config = format!(
        "[profile.local]\nurl = \"{}\"\ntoken_command = \"cat token\"\n",
        service.url()
    );
    folder.write(".config/access/config.toml", config);

    folder.run(&["whoami", "--profile=local"]).expect(0);
    let mut command = folder.command(&["whoami"]);
    Ran::from(command.env("ACCESS_PROFILE", "local").output().unwrap()).expect(0);
    folder.run(&["whoami"]).expect_failure(2, "no service is named");
    folder
        .run(&["whoami", "--profile=other"])
        .expect_failure(2, "there is no profile \"other\"");
}

#[test]
fn what_is_not_the_service_is_reported() {
    let (service, folder) = (Service::start(), Folder::new());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let at = |url: &str| {
        let mut command = service.command(&folder, &["whoami"]);
        Ran::from(command.env("ACCESS_URL", url).output().unwrap())
    };

    at(&format!("http://{closed}")).expect_failure(5, "cannot be reached");
    at(&format!("http://{}", service.s3()))
        .expect_failure(2, "does not answer like an Access Service; check the URL");
    at("http://access.example.org").expect_failure(2, "--insecure-http");
    at("access.example.org").expect_failure(2, "is not the URL of a service");
    let (token, _) = service.user("col@example.org", "ROLE_COLLABORATOR");
    let ran = Ran::from(
        service
            .command_as(&token, &folder, &["users", "list"])
            .output()
            .unwrap(),
    );
    ran.expect(4);
}

#[test]
fn users_are_exported_to_a_file() {
    let (service, folder) = (Service::start(), Folder::new());
    service.user("ann@example.org", "ROLE_ORIGINATOR");
    service.user("bob@example.org", "ROLE_COLLABORATOR");

    let ran = service.run(&folder, &["users", "export", "--role=ROLE_ORIGINATOR"]);
    ran.expect_failure(0, "written to users.csv");
    assert!(ran.stderr.starts_with("1 user, as of 20"), "{ran:?}");
    let file = folder.read("users.csv");
    assert!(file.starts_with("\u{FEFF}email,firstName,"), "{file}");
    assert_eq!(file.lines().count(), 2);
    assert!(file.contains("\nann@example.org,"), "{file}");

    let arguments = [
        "users",
        "export",
        "bob",
        "--format=ndjson",
        "--output=some.ndjson",
    ];
    service.run(&folder, &arguments).expect(0);
    let user: serde_json::Value = serde_json::from_str(&folder.read("some.ndjson")).unwrap();
    assert_eq!(user["email"], "bob@example.org");
    service
        .run(&folder, &["users", "export"])
        .expect_failure(2, "users.csv exists already; name another file by --output");

    let ran = service.run(&folder, &["users", "export", "--output=-"]);
    ran.expect_failure(0, "written to standard output");
    assert_eq!(ran.stdout.lines().count(), 1 + 3, "{ran:?}");
    assert_eq!(folder.names(), ["some.ndjson", "users.csv"]);
}

#[test]
fn users_are_added_changed_and_deleted_by_address_or_id() {
    let (service, folder) = (Service::start(), Folder::new());
    let run = |arguments: &[&str]| service.run(&folder, arguments);
    let ran = run(&[
        "users",
        "add",
        "ada@example.org",
        "--first-name=Ada",
        "--roles=ROLE_ORIGINATOR",
        "--json",
    ]);
    ran.expect(0);
    let id = ran.events()[0]["id"].as_str().unwrap().to_owned();
    let state = || service.get(&format!("/users/{id}"));

    run(&[
        "users",
        "change",
        "ADA@example.org",
        "--last-name=Lovelace",
        "--first-name=",
    ])
    .expect(0);
    assert_eq!(
        (&state()["firstName"], &state()["lastName"]),
        (&json!(null), &json!("Lovelace"))
    );
    run(&["users", "disable", "ada@example.org"]).expect(0);
    assert_eq!(state()["enabled"], false);
    run(&["users", "enable", &id, "admin@example.org"]).expect(0);
    assert_eq!(state()["enabled"], true);
    assert!(
        run(&["users", "list", "lovelace"])
            .expect(0)
            .contains("ada@example.org")
    );
    let listed = run(&["users", "list", "--limit=1", "--json"]);
    listed.expect_failure(0, "1 user more");
    assert_eq!(listed.events().len(), 1);
    assert!(
        run(&["users", "show", &id, "admin@example.org"])
            .expect(0)
            .contains("Lovelace")
    );
    let token = run(&["users", "token", &id, "--expires-in=60"])
        .expect(0)
        .trim()
        .to_owned();
    let who = |token: &str| Ran::from(service.command_as(token, &folder, &["whoami"]).output().unwrap());
    assert!(who(&token).expect(0).contains("ada@example.org"));
    run(&["users", "expire", &id]).expect(0);
    who(&token).expect(4);

    let history = run(&["users", "history", "ada@example.org"]);
    let lines: Vec<_> = history.expect(0).lines().skip(1).collect();
    // Six acts, one of which has changed two members.
    assert_eq!(lines.len(), 7, "{lines:?}");
    assert!(
        lines[0].contains("tokens_expired") && lines[1].contains("token_issued"),
        "{lines:?}"
    );
    assert!(lines[3].ends_with("enabled: true -> false"), "{lines:?}");

    let delete = |typed: &str| {
        let mut command = service.command(&folder, &["users", "delete", "ada@example.org"]);
        let command = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        Ran::from(child.wait_with_output().unwrap())
    };
    delete("ada\n").expect_failure(2, "the address was not typed");
    delete("ada@example.org\n").expect(0);
    run(&["users", "show", "ada@example.org"]).expect_failure(2, "no user has the address ada@example.org");
    run(&["users", "show", &id]).expect_failure(2, "");
    let gone = run(&["users", "history", &id, "--json", "--limit=1"]);
    gone.expect_failure(0, "6 lines more");
    assert_eq!(gone.events()[0]["action"], "deleted");
    run(&["users", "change", "admin@example.org"]).expect_failure(2, "nothing is to be changed");
    run(&["users", "add", "tim@"]).expect_failure(2, "email");
    run(&["users", "disable", "admin@example.org"]).expect_failure(2, "admin@example.org: ");
}
