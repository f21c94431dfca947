//! `access check` without the service.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::{Value, json};

use crate::import::interrupt;
use crate::support::{Folder, Ran};

const GOOD: &str = "email,firstName\nada@example.org,Ada\n";
const BAD: &str =
    "email,firstName,mobileNumber\nada@example.org,Ada,\ntim@,Tim,020 7946 0018\nADA@example.org,Ada,\n";

/// Rows of a file of addresses, each with one error.
fn bad_rows(count: u32) -> String {
    let rows: Vec<_> = (0..count).map(|row| format!("u{row}@\n")).collect();
    rows.concat()
}

/// Starts a command, and reads the first line of its results. It waits once the pipe is full, until more is read.
fn begun(mut command: Command) -> (Child, BufReader<ChildStdout>, String) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    (child, stdout, first)
}

/// The file that was checked, as JSON.
fn checked(ran: &Ran) -> Value {
    ran.events()
        .into_iter()
        .find(|event| event["event"] == "checked")
        .unwrap()
}

#[test]
fn a_good_file_is_no_failure() {
    let folder = Folder::new();
    folder.write("people.csv", GOOD);

    let ran = folder.run(&["check", "people.csv"]);

    assert!(ran.expect(0).contains("1 row: 1 good, 0 with errors."), "{ran:?}");
    assert_eq!(folder.names(), ["people.csv"]);
}

#[test]
fn rows_at_fault_are_shown_and_written_beside_the_file() {
    let folder = Folder::new();
    folder.write("people.csv", BAD);

    let ran = folder.run(&["check", "people.csv"]);

    let shown = ran.expect(1);
    for part in [
        " --> people.csv:3:1",
        "3 | tim@,Tim,020 7946 0018",
        "  | ^^^^     ^^^^^^^^^^^^^ mobileNumber: does not begin with + and a country code",
        "email: is not an email address",
        "4 | ADA@example.org,Ada,",
        "already appears on line 2",
        "3 rows: 1 good, 2 with errors. Written: people.rejected.csv",
    ] {
        assert!(shown.contains(part), "{part:?} in {shown}");
    }
    let rejected = folder.read("people.rejected.csv");
    assert!(
        rejected.starts_with("\u{FEFF}email,firstName,mobileNumber,_line,_column,"),
        "{rejected}"
    );
    assert_eq!(rejected.lines().count(), 3);
    // As it is, it has the same errors again, but for the repeat.
    let again = folder.run(&["check", "people.rejected.csv", "--format", "json"]);
    assert_eq!(checked(&again)["failed"], 1);
}

#[test]
fn a_file_is_read_as_its_sender_says() {
    let folder = Folder::new();
    let file = "José;jose@example.org;020 7946 0018;x\n";
    let bytes = encoding_rs::WINDOWS_1252.encode(file).0;
    folder.write("people.csv", &bytes);
    let reading = [
        "--encoding=windows-1252",
        "--delimiter=semicolon",
        "--header=absent",
        r#"--columns=["firstName", "email", "mobileNumber", null]"#,
        "--country=GB",
    ];

    let ran = folder.run(&[&["check", "people.csv", "--format=json"][..], &reading].concat());

    ran.expect(0);
    let read = &ran.events()[0];
    assert_eq!(
        (&read["encoding"], &read["delimiter"]),
        (&json!("windows-1252"), &json!(";"))
    );
    assert_eq!(read["columns"]["firstName"], "firstName");
    folder.run(&["check", "people.csv"]).expect(3);
}

#[test]
fn every_form_has_every_error() {
    let folder = Folder::new();
    folder.write("people.csv", BAD);
    let lines = |format: &str| -> Vec<String> {
        let ran = folder.run(&["check", "people.csv", "--no-rejected", "--format", format]);
        ran.expect(1).lines().map(str::to_owned).collect()
    };

    let csv = lines("csv");
    assert_eq!(csv.len(), 4);
    assert_eq!(
        csv[0],
        "file,line,lastLine,row,column,member,severity,code,value,message,suggestion"
    );
    assert!(
        csv[1].starts_with("people.csv,3,,2,email,email,error,invalid_format,tim@,"),
        "{csv:?}"
    );
    let github = lines("github");
    assert_eq!(github.len(), 3);
    assert_eq!(
        github[2],
        "::error file=people.csv,line=4,title=duplicate_in_file::email \"ADA@example.org\" already appears on line 2"
    );
    let events: Vec<Value> = lines("json")
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<_> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "file", "fault", "fault", "fault", "cause", "cause", "cause", "checked"
        ]
    );
    assert_eq!(events[3]["firstLine"], 2);
    assert_eq!(
        events[7],
        json!({ "event": "checked", "file": "people.csv", "rows": 3, "good": 1, "failed": 2, "warnings": 0,
            "rejected": null, "fixed": null })
    );
}

#[test]
fn as_many_rows_are_shown_as_asked_for() {
    let folder = Folder::new();
    let rows = bad_rows(25);
    folder.write("people.csv", format!("email\n{rows}"));
    let shown = |most: &[&str]| {
        let ran = folder.run(&[&["check", "people.csv", "--no-rejected"], most].concat());
        ran.expect(1).matches(" --> people.csv").count()
    };

    assert_eq!(shown(&[]), 10);
    assert_eq!(shown(&["--max", "3"]), 3);
    assert_eq!(shown(&["--max", "all"]), 25);
    let ran = folder.run(&["check", "people.csv", "--no-rejected", "--max=3"]);
    assert!(ran.stdout.contains("22 further rows"), "{ran:?}");
}

#[test]
fn whose_rights_are_assumed_decides_which_roles_may_be_given() {
    let folder = Folder::new();
    folder.write("people.csv", "email,roles\nada@example.org,ROLE_SYSTEM_ADMIN\n");

    folder.run(&["check", "people.csv"]).expect(0);
    let ran = folder.run(&["check", "people.csv", "--as", "user-admin", "--format=json"]);
    ran.expect(1);
    assert_eq!(ran.events()[1]["code"], "forbidden_role");
}

#[test]
fn suggestions_are_applied_into_another_file() {
    let folder = Folder::new();
    let file = "# people\r\nemail;firstName;mobileNumber\r\n\r\n mailto:ada@example.org ;\"A;da\";020 7946 0018\r\n\
                tim@;Tim;\r\nann@example.org;NULL;\r\n";
    folder.write("people.csv", file);

    let ran = folder.run(&["check", "people.csv", "--country=GB", "--fix"]);

    // One row cannot be mended.
    let shown = ran.expect(1);
    assert!(
        shown.contains("@@ line 6 @@\n- ann@example.org;NULL;\n+ ann@example.org;;"),
        "{shown}"
    );
    assert!(shown.contains("Written: people.fixed.csv"), "{shown}");
    assert!(
        ran.stderr
            .contains("1 row changed; 1 of them or of others still have errors"),
        "{ran:?}"
    );
    assert_eq!(folder.read("people.fixed.csv"), file.replace("NULL", ""));
    assert_eq!(folder.names(), ["people.csv", "people.fixed.csv"]);
}

#[test]
fn a_fixed_file_of_another_encoding_is_utf_8() {
    let folder = Folder::new();
    let text = "email,firstName\nada@example.org,NULL\njose@example.org,José\n";
    let units = format!("\u{FEFF}{text}");
    folder.write(
        "people.csv",
        units
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<_>>(),
    );

    folder
        .run(&["check", "people.csv", "--fix", "--fixed=good.csv"])
        .expect(0);

    assert_eq!(
        folder.read("good.csv"),
        format!("\u{FEFF}{}", text.replace("NULL", ""))
    );
}

#[test]
fn workbooks_are_read_by_sheet() {
    let folder = Folder::new();
    folder.write("people.xlsx", include_bytes!("../fixtures/people.xlsx"));

    let ran = folder.run(&["check", "people.xlsx"]);
    let shown = ran.expect(1);
    // The row of the sheet is the line.
    assert!(shown.contains("5 | tim@,Tim,12345,5"), "{shown}");
    assert!(folder.read("people.rejected.csv").contains("tim@,Tim,12345,5,5,"));
    let guests = folder.run(&["check", "people.xlsx", "--sheet=Guests", "--country=GB"]);
    assert!(guests.expect(0).contains("1 row: 1 good"), "{guests:?}");
    let missing = folder.run(&["check", "people.xlsx", "--sheet=Nobody"]);
    missing.expect_failure(2, "its sheets are \"Staff\", \"Guests\"");
    folder.write("people.csv", GOOD);
    folder
        .run(&["check", "people.csv", "--sheet=Staff"])
        .expect_failure(2, "is no workbook");
    let damaged = &include_bytes!("../fixtures/people.xlsx")[..1500];
    folder.write("damaged.xlsx", damaged);
    folder
        .run(&["check", "damaged.xlsx"])
        .expect_failure(3, "cannot be read as a workbook");
}

#[test]
fn a_pipe_is_read_to_its_end() {
    let folder = Folder::new();

    let ran = folder.pipe(&["check", "-"], BAD);

    let shown = ran.expect(1);
    assert!(
        shown.contains(" --> <stdin>:3:1") && shown.contains("3 | tim@,Tim,"),
        "{shown}"
    );
    assert!(folder.names().is_empty());
    let ran = folder.pipe(&["check", "-", "--rejected=bad.csv"], BAD);
    assert!(ran.expect(1).contains("Written: bad.csv"), "{ran:?}");
    // One that ends early, in the middle of a quoted cell.
    let ran = folder.pipe(&["check", "-"], "email,firstName\nada@example.org,\"Ada");
    assert!(
        ran.expect(1)
            .contains("the quote that opens on line 2 is never closed"),
        "{ran:?}"
    );
    folder
        .pipe(&["check", "-"], "")
        .expect_failure(3, "the file is empty");
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = Folder::new();
    fs::create_dir(folder.path().join("people")).unwrap();

    folder
        .run(&["check", "people.csv"])
        .expect_failure(2, "there is no file people.csv");
    folder
        .run(&["check", "people"])
        .expect_failure(2, "people is a folder; name a file in it");
    folder
        .run(&["check", "/proc/self/mem"])
        .expect_failure(2, "/proc/self/mem cannot be read");
    folder.run(&["check"]).expect_failure(2, "Usage");
    folder
        .run(&["check", "a.csv", "--country=ZZ"])
        .expect_failure(2, "--country \"ZZ\"");
}

#[test]
fn a_terminal_on_standard_input_is_not_waited_for() {
    let folder = Folder::new();
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let other_end = OpenOptions::new()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();

    let mut command = folder.command(&["check", "-"]);
    let ran = Ran::from(command.stdin(other_end).output().unwrap());

    ran.expect_failure(2, "standard input is a terminal; name a file");
}

#[test]
fn files_that_are_refused_as_a_whole_say_why() {
    let folder = Folder::new();
    folder.write("people.json", "[{\"email\": \"ada@example.org\"}]");
    folder.write("people.csv", "name,phone\nAda,1\n");

    folder
        .run(&["check", "people.json"])
        .expect_failure(3, "the file is JSON, not CSV");
    folder
        .run(&["check", "people.csv"])
        .expect_failure(3, "no column is named \"email\"");
    let ran = folder.run(&["check", "people.csv", "--format=json"]);
    ran.expect(3);
    let events = ran.events();
    assert_eq!((events.len(), &events[0]["event"]), (1, &json!("refused")));
    let ran = folder.run(&["check", "people.csv", "--format=github"]);
    assert!(
        ran.expect(3)
            .starts_with("::error file=people.csv,title=refused::no column"),
        "{ran:?}"
    );
}

#[test]
fn a_full_disk_is_reported() {
    let folder = Folder::new();
    folder.write("people.csv", BAD);

    let ran = folder.run(&["check", "people.csv", "--rejected=/dev/full"]);

    ran.expect_failure(2, "/dev/full cannot be written, because the disk is full");
}

#[test]
fn nobody_has_to_read_the_whole_report() {
    let folder = Folder::new();
    let rows = bad_rows(5000);
    folder.write("people.csv", format!("email\n{rows}"));
    let command = folder.command(&["check", "people.csv", "--max=all", "--no-rejected"]);
    let (child, stdout, first) = begun(command);
    drop(stdout);

    let ran = Ran::from(child.wait_with_output().unwrap());

    assert!(first.contains("u0@"), "{first}");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(141), ""));
}

#[test]
fn a_check_that_is_interrupted_says_so() {
    let folder = Folder::new();
    folder.write("people.csv", format!("email\n{}", bad_rows(50_000)));
    let command = folder.command(&["check", "people.csv", "--max=all"]);
    let (child, _stdout, _) = begun(command);

    interrupt(&child);

    Ran::from(child.wait_with_output().unwrap()).expect_failure(130, "interrupted");
    assert_eq!(folder.names(), ["people.csv"]);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_refused() {
    let folder = Folder::new();
    let rows = bad_rows(5000);
    let path = folder.write("people.csv", format!("email\n{rows}"));
    let command = folder.command(&["check", "people.csv", "--format=json", "--no-rejected"]);
    let (child, mut stdout, _) = begun(command);
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(b"one more@\n").unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();

    let ran = Ran::from(child.wait_with_output().unwrap());

    ran.expect_failure(3, "people.csv changed while it was read");
    assert!(rest.ends_with("try again\"}\n"), "{:?}", rest.lines().last());
}

#[test]
fn a_terminal_gets_nothing_that_it_would_obey() {
    let folder = Folder::new();
    folder.write("people.csv", "email,firstName\n\"a\x1B[2Jb\",\"\x1B]0;x\x07\"\n");

    let ran = folder.run(&["check", "people.csv", "--no-rejected"]);

    assert!(!ran.expect(1).contains(['\x1B', '\x07']), "{ran:?}");
    let colored = folder.run(&["check", "people.csv", "--no-rejected", "--color=always"]);
    assert!(colored.expect(1).contains("\x1B[") && !colored.stdout.contains("\x1B[2J"));
}

#[test]
fn the_schema_of_events_is_in_the_repository() {
    let kept = include_str!("../../events.schema.json");

    let ran = Folder::new().run(&["schema"]);

    assert_eq!(
        ran.expect(0),
        kept,
        "renew it by: cargo run -p cli -- schema > cli/events.schema.json"
    );
    // What the schema requires of an event is what an event has.
    let schema: Value = serde_json::from_str(kept).unwrap();
    let folder = Folder::new();
    folder.write("people.csv", BAD);
    let ran = folder.run(&["check", "people.csv", "--format=json"]);
    for event in ran.events() {
        expect_valid(&event, &schema, &schema);
    }
}

/// Checks a value against what the schema says of members and types.
pub(crate) fn expect_valid(value: &Value, schema: &Value, root: &Value) {
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.strip_prefix('#').unwrap();
        return expect_valid(value, root.pointer(pointer).unwrap(), root);
    }
    let parts = schema["allOf"].as_array().into_iter().flatten();
    parts.for_each(|part| expect_valid(value, part, root));
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = |choice: &&Value| std::panic::catch_unwind(|| expect_valid(value, choice, root)).is_ok();
        assert_eq!(choices.iter().filter(fits).count(), 1, "{value} {schema}");
    }
    if let Some(known) = schema["enum"].as_array() {
        assert!(known.contains(value), "{value} {schema}");
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        Value::Null => return,
        one => vec![one.clone()],
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(types.contains(&json!(kind)), "{value} {schema}");
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{name} {value}");
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(member) = value.get(name) {
            expect_valid(member, schema, root);
        }
    }
    for item in value.as_array().into_iter().flatten() {
        expect_valid(item, &schema["items"], root);
    }
}

#[test]
fn completions_are_written_for_every_shell() {
    let folder = Folder::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = folder.run(&["completions", shell]);
        assert!(ran.expect(0).contains("access"), "{shell}");
    }
}
