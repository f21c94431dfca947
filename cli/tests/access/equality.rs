//! What `access check` finds is what an import records.

use serde_json::Value;

use crate::service::Service;
use crate::support::Folder;

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

/// A file with mistakes of many kinds. Its addresses are in no other.
fn file(numbers: &mut Numbers, number: usize) -> Vec<u8> {
    const NAMES: [&str; 9] = [
        "Ada",
        "José",
        "JosÃ©",
        "NULL",
        "",
        "\"a \\\"b\\\"\"",
        "O&#39;Neil",
        " x\u{200B}y ",
        "a\u{7}b",
    ];
    const PHONES: [&str; 6] = [
        "",
        "+442079460018",
        "020 7946 0018",
        "tel:+358 9 1234567",
        "12",
        "'+44 20 7946 0018",
    ];
    const ROLES: [&str; 7] = [
        "",
        "Originator",
        "Wizard",
        "ROLE_SYSTEM_ADMIN",
        "\"collaborator; boss\"",
        "ROLE_ADHOC_COLLABORATOR",
        "originator|User Admin",
    ];
    let breaks = numbers.of(&["\n", "\r\n", "\r"]);
    let header = numbers.of(&[
        "email,firstName,mobileNumber,roles",
        "E-Mail,First Name,Mobile,Role",
        "email,firstName,mobileNumber,roles,_note,",
    ]);
    let mut text = String::new();
    if numbers.below(8) == 0 {
        text += "People of today";
        text += breaks;
        text += breaks;
    }
    text += header;
    text += breaks;
    for row in 0..numbers.below(40) {
        let email = match numbers.below(9) {
            0 => "tim@".to_owned(),
            1 => String::new(),
            2 => format!("U{}.{number}@Example.org", row / 2),
            3 => format!("mailto:u{row}.{number}@example.org"),
            4 => format!("u{row}.{number}@exa mple.org"),
            _ => format!("u{row}.{number}@example.org"),
        };
        let (name, phone, roles) = (numbers.of(&NAMES), numbers.of(&PHONES), numbers.of(&ROLES));
        let end = numbers.of(&["", "", "", ",", ",x,y,z", ",\"over\nlines\""]);
        text += &[email.as_str(), name, phone, roles].join(",");
        text += end;
        text += breaks;
    }
    match numbers.below(6) {
        0 => format!("\u{FEFF}{text}")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect(),
        1 => encoding_rs::WINDOWS_1252.encode(&text).0.into_owned(),
        2 => format!("{text}last@example.org,\"never closed").into_bytes(),
        _ => text.into_bytes(),
    }
}

/// Compares what is found in so many files.
fn compare(files: usize) {
    let (service, folder) = (Service::start(), Folder::new());
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let (mut faults, mut refused) = (0, 0);
    for number in 0..files {
        let file = file(&mut numbers, number);
        folder.write("people.csv", &file);
        let ran = folder.run(&[
            "check",
            "people.csv",
            "--as=system-admin",
            "--format=json",
            "--no-rejected",
        ]);
        let import = service.import(&file, &[]);

        let Some(id) = import["id"].as_str() else {
            refused += 1;
            ran.expect(3);
            let why = ran.events()[0]["message"].as_str().unwrap().to_owned();
            let detail = import["detail"].as_str().unwrap();
            assert!(detail.contains(&why), "file {number}: {why:?} in {detail:?}");
            continue;
        };
        let errors = service.get(&format!("/users/import/{id}/errors?severity=all&limit=1000"));
        let recorded = errors["items"].as_array().unwrap();
        let mut found: Vec<Value> = ran
            .events()
            .into_iter()
            .filter(|event| event["event"] == "fault")
            .map(|mut fault| {
                let members = fault.as_object_mut().unwrap();
                members.remove("event");
                members.remove("file");
                fault
            })
            .collect();
        // The service lists the errors of a row before its warnings.
        found.sort_by_key(|fault| (fault["line"].as_u64(), fault["severity"] != "error"));
        let difference = found.iter().zip(recorded).find(|(ours, theirs)| ours != theirs);
        assert_eq!(difference, None, "file {number}");
        assert_eq!(found.len(), recorded.len(), "file {number}");
        let checked = ran
            .events()
            .into_iter()
            .find(|event| event["event"] == "checked")
            .unwrap();
        for (ours, theirs) in [("rows", "rows"), ("failed", "failed"), ("warnings", "warnings")] {
            assert_eq!(checked[ours], import["counts"][theirs], "file {number}");
        }
        faults += found.len();
    }
    println!("{files} files, {faults} errors and warnings, {refused} refused as a whole: 0 differences");
    assert!(faults > files && refused < files / 2, "{faults} {refused}");
}

#[test]
fn a_check_finds_what_an_import_records() {
    compare(40);
}

#[test]
#[ignore = "takes minutes"]
fn a_check_finds_what_an_import_records_in_many_files() {
    compare(500);
}

#[test]
fn a_check_with_the_service_finds_what_depends_on_accounts() {
    let (service, folder) = (Service::start(), Folder::new());
    service.user("bob@example.org", "ROLE_COLLABORATOR");
    let file =
        "E-Mail,First Name\nada@example.org,Ada\nBob@example.org,Bob\nadmin@example.org,Root\ntim@,Tim\n";
    folder.write("people.csv", file);
    let failed = |options: &[&str]| -> Vec<String> {
        let arguments = [
            &[
                "check",
                "people.csv",
                "--format=json",
                "--no-rejected",
                "--online",
            ],
            options,
        ]
        .concat();
        let ran = service.run(&folder, &arguments);
        let faults = ran.events().into_iter().filter(|event| event["event"] == "fault");
        faults
            .map(|fault| format!("{} {}", fault["line"], fault["message"].as_str().unwrap()))
            .collect()
    };

    let tim = "5 E-Mail \"tim@\" is not an email address";
    assert_eq!(
        failed(&[]),
        [
            "3 E-Mail \"Bob@example.org\" belongs to an existing account",
            "4 E-Mail \"admin@example.org\" belongs to an existing account",
            tim
        ]
    );
    assert_eq!(failed(&["--ignore-duplicates"]), [tim]);
    assert_eq!(failed(&["--upsert"]), [tim]);
    folder
        .run(&["check", "people.csv", "--upsert"])
        .expect_failure(2, "--online");

    // What passes is imported, and what does not fails for the same reasons.
    let import = service.import(file.as_bytes(), &[]);
    let errors: Vec<_> = import["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error.as_str().unwrap())
        .collect();
    let expected: Vec<_> = failed(&[])
        .into_iter()
        .map(|line| format!("line {}", line.replacen(' ', ": ", 1)))
        .collect();
    // Now Ada has an account as well.
    assert_eq!(errors, expected[1..]);
}
