//! `access import` and `access imports` with a real service.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::service::{Service, eventually};
use crate::support::{Folder, Ran};

const MIXED: &str =
    "email,firstName,mobileNumber\nada@example.org,Ada,\ntim@,Tim,\nbob@example.org,Bob,020 7946 0018\n";

/// Sound rows, of which an import takes some seconds.
pub(crate) fn many(rows: u32) -> String {
    let rows: Vec<_> = (0..rows).map(|row| format!("u{row}@example.org\n")).collect();
    rows.concat()
}

/// A file that is too large for a form, with few rows.
pub(crate) fn large(rows: u32) -> String {
    let note = "x".repeat(60_000);
    let rows: Vec<_> = (0..rows)
        .map(|row| format!("u{row}@example.org,{note}\n"))
        .collect();
    format!("email,_note\n{}", rows.concat())
}

/// Presses Ctrl-C.
pub(crate) fn interrupt(child: &Child) {
    let id = Pid::from_child(child);
    kill_process(id, Signal::INT).unwrap();
}

/// Starts a command, and waits for a line on standard error that has `text`.
fn started(mut command: Command, text: &str) -> (Child, BufReader<std::process::ChildStderr>, String) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains(text) {
        assert!(stderr.read_line(&mut said).unwrap() > 0, "{text:?} in {said:?}");
    }
    (child, stderr, said)
}

/// What became of a command whose standard error was read as far as `said`.
fn ended(child: Child, mut stderr: BufReader<std::process::ChildStderr>, mut said: String) -> Ran {
    stderr.read_to_string(&mut said).unwrap();
    let mut ran = Ran::from(child.wait_with_output().unwrap());
    ran.stderr = said;
    ran
}

#[test]
fn good_rows_are_imported_and_the_others_come_back() {
    let (service, folder) = (Service::start(), Folder::new());
    folder.write("people.csv", MIXED);

    let ran = service.run(&folder, &["import", "people.csv", "--yes"]);

    let shown = ran.expect(1);
    assert!(
        shown.contains("people.csv: Completed; 3 rows read: 1 created,"),
        "{ran:?}"
    );
    assert!(shown.contains("invalid_format"), "{ran:?}");
    assert!(
        ran.stderr
            .contains("is going to create accounts for 1 row at http://127.0.0.1"),
        "{ran:?}"
    );
    let rejected = folder.read("people.rejected.csv");
    assert_eq!(rejected.lines().count(), 3);
    assert!(
        fs::read_dir(folder.path().join(".config/access/pending"))
            .unwrap()
            .next()
            .is_none()
    );

    // The next command is the one that is shown, once the rows are corrected.
    let next = shown
        .lines()
        .last()
        .unwrap()
        .split("by: access ")
        .nth(1)
        .unwrap()
        .to_owned();
    folder.write(
        "people.rejected.csv",
        rejected.replace("tim@,", "tim@example.org,"),
    );
    let arguments: Vec<_> = next
        .split(' ')
        .chain(["--yes", "--country=GB", "--json"])
        .collect();
    let ran = service.run(&folder, &arguments);
    ran.expect(0);
    let events = ran.events();
    let names: Vec<_> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        (names[0], names[1], *names.last().unwrap()),
        ("checked", "started", "finished")
    );
    assert_eq!(events.last().unwrap()["counts"]["created"], 2);
    assert_eq!(service.users(), 4);

    // The same file once more is known, and so is the same people in another file.
    let ran = service.run(&folder, &["import", "people.csv", "--yes"]);
    assert!(ran.expect(1).contains("imported already"), "{ran:?}");
    let ran = service.run(
        &folder,
        &[
            "import",
            "people.csv",
            "--yes",
            "--country=GB",
            "--ignore-duplicates",
        ],
    );
    assert!(ran.expect(1).contains("2 skipped, 1 failed"), "{ran:?}");
    let ran = service.run(
        &folder,
        &[
            "import",
            "people.csv",
            "--yes",
            "--country=GB",
            "--upsert",
            "--force",
        ],
    );
    assert!(ran.expect(1).contains("1 failed"), "{ran:?}");
}

#[test]
fn a_file_without_good_rows_is_not_sent() {
    let (service, folder) = (Service::start(), Folder::new());
    folder.write("people.csv", "email\ntim@\n");

    service
        .run(&folder, &["import", "people.csv", "--yes"])
        .expect_failure(1, "nothing is sent");
    folder.write("people.json", "{\"a\": 1}");
    let ran = service.run(&folder, &["import", "people.json", "--yes", "--json"]);
    ran.expect_failure(3, "the file is JSON, not CSV");
    assert_eq!(ran.events()[0]["event"], "refused");
    folder.write("good.csv", "email\nada@example.org\n");
    service
        .run(&folder, &["import", "good.csv"])
        .expect_failure(2, "say so by --yes");
    assert_eq!(service.get("/users/import")["count"], 0);
}

#[test]
fn pipes_and_workbooks_are_imported() {
    let (service, folder) = (Service::start(), Folder::new());
    folder.write("people.xlsx", include_bytes!("../fixtures/people.xlsx"));
    folder.write("people.csv", "email\npipe@example.org\n");

    service
        .run(
            &folder,
            &["import", "people.xlsx", "--sheet=Guests", "--country=GB", "--yes"],
        )
        .expect(0);
    let mut command = service.command(&folder, &["import", "-", "--yes"]);
    command.stdin(fs::File::open(folder.path().join("people.csv")).unwrap());
    Ran::from(command.output().unwrap()).expect(0);

    let names = service.get("/users/import");
    let names: Vec<_> = names["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|import| import["fileName"].clone())
        .collect();
    assert_eq!(names, ["stdin.csv", "people.csv"]);
    assert_eq!(service.users(), 3);
}

#[test]
fn a_large_file_is_uploaded() {
    let (service, folder) = (Service::start(), Folder::new());
    folder.write("people.csv", large(70));

    let ran = service.run(&folder, &["import", "people.csv", "--yes", "--json"]);

    ran.expect(0);
    assert_eq!(ran.events().last().unwrap()["counts"]["created"], 70);
    let import = &service.get("/users/import")["items"][0];
    assert_eq!(
        (&import["via"], &import["fileName"]),
        (&json!("upload"), &json!("people.csv"))
    );
}

#[test]
fn imports_are_listed_shown_followed_and_cancelled() {
    let (service, folder) = (Service::start(), Folder::new());
    folder.write("people.csv", format!("email\n{}", many(20_000)));
    let command = service.command(&folder, &["import", "people.csv", "--yes"]);
    let (child, stderr, said) = started(command, "\nimport ");

    interrupt(&child);

    let ran = ended(child, stderr, said);
    ran.expect_failure(130, "Follow it by: access imports wait ");
    let id = service.get("/users/import")["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(service.run(&folder, &["imports"]).expect(0).contains(&id));
    let ran = service.run(&folder, &["imports", "list", "--json", "--limit=1"]);
    assert_eq!(ran.events()[0]["id"], json!(id));
    assert!(
        service
            .run(&folder, &["imports", "show", &id])
            .expect(0)
            .contains("people.csv")
    );
    service
        .run(&folder, &["imports", "resume", &id])
        .expect_failure(2, "");
    service.run(&folder, &["imports", "cancel", &id]).expect(0);
    let ran = service.run(&folder, &["imports", "wait", &id, "--json"]);
    ran.expect(1);
    assert_eq!(ran.events().last().unwrap()["status"], "cancelled");
    service
        .run(&folder, &["imports", "show", "no/such"])
        .expect_failure(2, "");
}

#[test]
fn a_command_that_is_interrupted_while_it_sends_makes_no_second_import() {
    let (service, folder) = (Service::start(), Folder::new());
    folder.write("people.csv", "email\nada@example.org\n");
    let lose = Arc::new(AtomicBool::new(true));
    let port = without_answers_to_imports(&service, &lose);
    let url = format!("http://127.0.0.1:{port}");
    let mut command = service.command(&folder, &["import", "people.csv", "--yes"]);
    command.env("ACCESS_URL", &url);
    let (child, stderr, said) = started(command, "waiting for it");

    interrupt(&child);

    ended(child, stderr, said).expect_failure(130, "makes no second import");
    lose.store(false, Ordering::SeqCst);
    let mut command = service.command(&folder, &["import", "people.csv", "--yes"]);
    command.env("ACCESS_URL", &url);
    Ran::from(command.output().unwrap()).expect(0);
    assert_eq!(service.get("/users/import")["count"], 1);
}

#[test]
fn rejected_rows_are_fetched() {
    let (service, folder) = (Service::start(), Folder::new());
    let id = service.import(MIXED.as_bytes(), &[])["id"]
        .as_str()
        .unwrap()
        .to_owned();

    service.run(&folder, &["imports", "rejected", &id]).expect(0);
    assert_eq!(folder.read("rejected.csv").lines().count(), 3);
    let ran = service.run(&folder, &["imports", "rejected", &id, "--output=/dev/full"]);
    ran.expect_failure(2, "/dev/full cannot be written, because the disk is full");
    let ran = service.run(&folder, &["imports", "rejected", &id, "-o-"]);
    assert_eq!(ran.expect(0), folder.read("rejected.csv"));
    let shown = service.run(&folder, &["imports", "show", &id]);
    assert!(shown.expect(0).contains("By cause"), "{shown:?}");
}

#[test]
fn a_token_that_ends_in_the_middle_says_how_to_go_on() {
    let (service, folder) = (Service::start(), Folder::new());
    folder.write("people.csv", format!("email\n{}", many(20_000)));
    let (token, id) = service.user("root@example.org", "ROLE_SYSTEM_ADMIN");
    let command = service.command_as(&token, &folder, &["import", "people.csv", "--yes"]);
    let (child, stderr, said) = started(command, "\nimport ");

    service.run(&folder, &["users", "expire", &id]).expect(0);

    ended(child, stderr, said).expect_failure(4, "The import goes on; follow it by: access imports wait ");
}

#[test]
fn a_request_without_an_answer_makes_no_second_import() {
    let (service, folder) = (Service::start(), Folder::new());
    folder.write("people.csv", "email\nada@example.org\n");
    let lose = Arc::new(AtomicBool::new(true));
    let port = without_answers_to_imports(&service, &lose);
    let mut command = service.command(&folder, &["import", "people.csv", "--yes"]);
    command.env("ACCESS_URL", format!("http://127.0.0.1:{port}"));
    let (mut child, ..) = started(command, "waiting for it");
    child.kill().unwrap();
    child.wait().unwrap();
    let import = &eventually("the import exists", || {
        service.get("/users/import")["items"]
            .as_array()
            .and_then(|items| items.first().cloned())
    });
    lose.store(false, Ordering::SeqCst);

    let mut command = service.command(&folder, &["import", "people.csv", "--yes", "--json"]);
    command.env("ACCESS_URL", format!("http://127.0.0.1:{port}"));
    let ran = Ran::from(command.output().unwrap());

    ran.expect(0);
    assert_eq!(ran.events().last().unwrap()["id"], import["id"]);
    assert_eq!(service.get("/users/import")["count"], 1);
}

#[test]
fn an_upload_that_breaks_off_begins_once_more() {
    let objects = Service::start();
    let target = objects.s3().to_owned();
    let broken = AtomicBool::new(false);
    let port = forward(target, move |request| {
        let is_first = request.starts_with(b"PUT ") && find(request, b"x-amz-security-token=").is_none();
        let is_upload = is_first && find(request, b"X-Amz-Signature=").is_some();
        if is_upload && !broken.swap(true, Ordering::SeqCst) {
            Cut::Request
        } else {
            Cut::Nothing
        }
    });
    let service = Service::with(&[
        "--s3",
        &format!("http://127.0.0.1:{port}"),
        "--parameter",
        "ServiceName=other",
    ]);
    let folder = Folder::new();
    folder.write("people.csv", large(70));

    let ran = service.run(&folder, &["import", "people.csv", "--yes", "--json"]);

    ran.expect_failure(0, "the upload broke off");
    assert_eq!(ran.events().last().unwrap()["counts"]["created"], 70);
    assert_eq!(service.get("/users/import")["count"], 1);
}

#[test]
fn a_file_that_changes_while_it_is_sent_is_cancelled() {
    let objects = Service::start();
    let target = objects.s3().to_owned();
    let folder = Folder::new();
    let path = folder.write("people.csv", large(70));
    let port = forward(target, move |request| {
        if request.starts_with(b"PUT ") && find(request, b"X-Amz-Signature=").is_some() {
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            file.write_all(b"one.more@example.org,\n").unwrap();
        }
        Cut::Nothing
    });
    let service = Service::with(&[
        "--s3",
        &format!("http://127.0.0.1:{port}"),
        "--parameter",
        "ServiceName=other",
    ]);

    let ran = service.run(&folder, &["import", "people.csv", "--yes"]);

    ran.expect_failure(3, "people.csv changed while it was read");
    assert!(ran.stderr.contains("was cancelled"), "{ran:?}");
}

/// What is cut off of a request on its way.
enum Cut {
    Nothing,
    /// What follows its beginning.
    Request,
    /// Its answer, which the service has given.
    Answer,
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// A way to the service on which the answers to imports are lost while `lose` is set. Returns its port.
fn without_answers_to_imports(service: &Service, lose: &Arc<AtomicBool>) -> u16 {
    let lose = Arc::clone(lose);
    let target = service.url().trim_start_matches("http://").to_owned();
    forward(target, move |request: &[u8]| {
        let is_import = request.starts_with(b"POST /api/v1/users/import ");
        if is_import && lose.load(Ordering::SeqCst) {
            Cut::Answer
        } else {
            Cut::Nothing
        }
    })
}

/// Passes connections on to `target`, and asks what to cut off for each beginning of a request. Returns its port.
fn forward(target: String, cut: impl Fn(&[u8]) -> Cut + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let cut = Arc::new(cut);
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, target, cut) = (client.unwrap(), target.clone(), Arc::clone(&cut));
            thread::spawn(move || pass_on(client, &target, &*cut));
        }
    });
    port
}

fn pass_on(mut client: TcpStream, target: &str, cut: &dyn Fn(&[u8]) -> Cut) {
    let Ok(mut server) = TcpStream::connect(target) else {
        return;
    };
    let loses = Arc::new(AtomicBool::new(false));
    let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let losing = Arc::clone(&loses);
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length) = from.read(&mut buffer) {
            if length == 0 || losing.load(Ordering::SeqCst) || to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length) = client.read(&mut buffer) {
        if length == 0 {
            break;
        }
        match cut(&buffer[..length]) {
            Cut::Nothing => {}
            Cut::Answer => loses.store(true, Ordering::SeqCst),
            Cut::Request => {
                let _ = server.write_all(&buffer[..length]);
                break;
            }
        }
        if server.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = server.shutdown(std::net::Shutdown::Both);
    let _ = client.shutdown(std::net::Shutdown::Both);
}

#[test]
fn a_service_that_is_killed_and_started_again_is_waited_for() {
    let (mut service, folder) = (
        Service::with(&["--env", "IMPORT_SEGMENT_ROWS=500"]),
        Folder::new(),
    );
    folder.write("people.csv", format!("email\ntim@\n{}", many(6000)));
    let mut command = service.command(&folder, &["import", "people.csv", "--yes", "--json"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut event = || -> Value { serde_json::from_str(&stdout.next().unwrap().unwrap()).unwrap() };
    loop {
        let event = event();
        assert_ne!(
            event["event"], "finished",
            "the service was to be killed in the middle"
        );
        if event["event"] == "progress" && event["counts"]["rows"].as_u64() > Some(0) {
            break;
        }
    }

    service.kill_and_start();

    let finished = loop {
        let event = event();
        if event["event"] == "finished" {
            break event;
        }
    };
    let counts = &finished["counts"];
    assert_eq!(
        (&counts["rows"], &counts["created"], &counts["failed"]),
        (&json!(6001), &json!(6000), &json!(1))
    );
    assert_eq!(service.users(), 6001);
    drop(stdout);
    let ran = Ran::from(child.wait_with_output().unwrap());
    ran.expect(1);
}
