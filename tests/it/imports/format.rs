//! The file of an import: how it may be written, and what becomes of what is wrong in it.

use std::fmt::Write;

use serde_json::json;
use shared::roster::{AccountType, Role};

use super::{counts, errors, faults, import_as, path, user, users};
use crate::support::Service;

/// A file, the form fields that it is sent with, and what is wrong with it.
type Refused<'a> = (Vec<u8>, &'a [(&'a str, &'a str)], &'a str);

/// `text` in UTF-16, with `unit` telling the order of the bytes.
fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_is_refused_with_what_to_do() {
    let service = Service::start().await;
    let ignore = [("unknownColumns", "ignore")];
    let header_too_large = format!("email,{}\n", "x".repeat(70_000));
    let cases: Vec<Refused<'_>> = vec![
        (
            b"".into(),
            &[],
            "the file is empty; its first line must name the columns",
        ),
        (
            b"\n \r\n\r".into(),
            &[],
            "the file is empty; its first line must name the columns",
        ),
        (
            b"sep=;\r\n".into(),
            &[],
            "the file is empty; its first line must name the columns",
        ),
        (
            b"firstName,lastName\nAda,Lovelace\n".into(),
            &[],
            "no column is named \"email\"; rename the column that holds the addresses, or say with columns which one it is. \
             The columns are \"firstName\" and \"lastName\"",
        ),
        (
            b"email,fristName\na@example.org,Ada\n".into(),
            &[],
            "the column \"fristName\" is not known; did you mean \"firstName\"? Rename it, begin its name with \
             \"_\", say with columns what it means, or send unknownColumns=ignore",
        ),
        (
            b"email,shoe size,Surnam\na@example.org,38,Lovelace\n".into(),
            &[],
            "the columns \"shoe size\" and \"Surnam\" (did you mean \"lastName\"?) are not known. Rename them, \
             begin their names with \"_\", say with columns what they mean, or send unknownColumns=ignore",
        ),
        (
            b"email,E-Mail\na@example.org,b@example.org\n".into(),
            &ignore,
            "the columns \"email\" and \"E-Mail\" both mean \"email\"; remove one of them, or leave one out with \
             columns={\"email\": null}",
        ),
        (
            utf16("email\na@example.org\n", u16::to_le_bytes),
            &[],
            "the file looks like UTF-16 without a byte order mark; save it as \"CSV UTF-8\" and send that, or send \
             encoding=utf-16le",
        ),
        (
            utf16("email\na@example.org\n", u16::to_be_bytes),
            &[],
            "the file looks like UTF-16 without a byte order mark; save it as \"CSV UTF-8\" and send that, or send \
             encoding=utf-16be",
        ),
        (
            b"email,Vorn\xE4me\na@example.org,Ada\n".into(),
            &[],
            "the name of column 2 is not valid UTF-8; the file looks like windows-1252: save it as \"CSV UTF-8\" and \
             send that, or send encoding=windows-1252",
        ),
        (
            b"email,\"name\na@example.org,Ada\n".into(),
            &[],
            "a quote on line 1 is never closed; close it or remove it",
        ),
        (
            header_too_large.into(),
            &ignore,
            "the header is longer than 64 KiB; leave out the columns that are not needed",
        ),
        (
            b"PK\x03\x04\x14\0\x06\0\x08\0[Content_Types].xml".into(),
            &[],
            "the file is an Excel workbook (XLSX), not CSV; open it in a spreadsheet, save it as \"CSV UTF-8\" and send \
             that",
        ),
        (
            b"ada@example.org,Ada\n".into(),
            &[("header", "absent")],
            "the file has 2 columns and no header; send columns as well, with what each of them means, such as \
             [\"email\",\"firstName\",null]",
        ),
    ];

    for (file, options, detail) in cases {
        let problem = service.import(file, options).await.expect(422);

        assert_eq!(problem["detail"], detail);
        assert_eq!(problem["type"], "/problems/file-refused");
    }
    assert_eq!(users(&service).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_alone_is_a_file_without_rows() {
    let service = Service::start().await;

    let import = service.import("email,firstName", &[]).await.expect(200);

    assert_eq!(import["success"], true);
    assert_eq!(counts(&import), [0; 5]);
    assert_eq!(import["progress"]["percent"], 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_encodings_and_delimiters_are_found_out() {
    let service = Service::start().await;
    let little_endian = |text: &str| [&b"\xFF\xFE"[..], &utf16(text, u16::to_le_bytes)].concat();
    let big_endian = |text: &str| [&b"\xFE\xFF"[..], &utf16(text, u16::to_be_bytes)].concat();
    let cases: Vec<(Vec<u8>, &str, &str, bool)> = vec![
        (
            "email,firstName\nu1@example.org,Zoë 𝄞\n".into(),
            "UTF-8",
            ",",
            false,
        ),
        (
            "\u{FEFF}email;firstName\r\nu2@example.org;Zoë 𝄞\r\n".into(),
            "UTF-8",
            ";",
            true,
        ),
        (
            "email\tfirstName\ru3@example.org\tZoë 𝄞\r".into(),
            "UTF-8",
            "\t",
            false,
        ),
        (
            little_endian("email,firstName\r\nu4@example.org,Zoë 𝄞"),
            "UTF-16LE",
            ",",
            true,
        ),
        (
            big_endian("\"firstName\"\t\"email\"\n\"Zoë 𝄞\"\t\"u5@example.org\"\n"),
            "UTF-16BE",
            "\t",
            true,
        ),
    ];

    for (number, (file, encoding, delimiter, bom)) in (1..).zip(cases) {
        let bytes = file.len();
        let import = service.import(file, &[]).await.expect(200);

        assert_eq!(counts(&import), [1, 1, 0, 0, 0], "{number}");
        assert_eq!(import["read"]["encoding"], encoding);
        assert_eq!(import["read"]["delimiter"], delimiter);
        assert_eq!(import["read"]["bom"], bom);
        assert_eq!(import["progress"]["bytesRead"], bytes);
        let made = user(&service, &format!("u{number}@example.org")).await.unwrap();
        assert_eq!(made.profile.first_name.unwrap().as_str(), "Zoë 𝄞");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sender_may_name_encoding_and_delimiter() {
    let service = Service::start().await;
    let (gb18030, big5) = (b"\xC0\xEE\x81\x30\x84\x36", b"\xA7\xF5");
    let cases: [(&str, &[u8], &str, &str, &str); 5] = [
        ("windows-1250", b"\x8Akoda", "comma", "windows-1250", "Škoda"),
        ("Latin1", b"Zo\xEB", "semicolon", "windows-1252", "Zoë"),
        ("gb18030", gb18030, "pipe", "gb18030", "李\u{A5}"),
        ("big5", big5, "tab", "Big5", "李"),
        ("koi8-r", b"\xEC\xC5\xD7", "comma", "KOI8-R", "Лев"),
    ];
    for (number, (label, name, word, encoding, text)) in (1..).zip(cases) {
        let delimiter = match word {
            "semicolon" => ";",
            "tab" => "\t",
            "pipe" => "|",
            _ => ",",
        };
        let address = format!("n{number}@example.org");
        let head = format!("email{delimiter}firstName\n{address}{delimiter}");
        let file = [head.as_bytes(), name, b"\n"].concat();
        let options = [("encoding", label), ("delimiter", word)];

        let import = service.import(file, &options).await.expect(200);

        assert_eq!(import["read"]["encoding"], encoding);
        assert_eq!(import["read"]["delimiter"], delimiter);
        assert_eq!(
            (&import["encoding"], &import["delimiter"]),
            (&json!(encoding), &json!(word))
        );
        let made = user(&service, &address).await.unwrap();
        assert_eq!(made.profile.first_name.unwrap().as_str(), text, "{label}");
    }
    for (option, value) in [
        ("encoding", "utf-7"),
        ("encoding", "iso-2022-jp"),
        ("delimiter", ";"),
        ("header", "none"),
    ] {
        let refused = service.import("email\n", &[(option, value)]).await;
        assert_eq!(refused.faults(), [format!("#/{option} invalid_format")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_goes_on_after_a_checkpoint_in_any_encoding() {
    let service = Service::with_variables(&[("IMPORT_SEGMENT_ROWS", "100")]).await;
    for (label, name) in [
        ("shift_jis", &b"\x89\xD4\x8Eq"[..]),
        ("gb18030", b"\x81\x30\x84\x36\xC0\xEE"),
    ] {
        let mut file = b"email,firstName\n".to_vec();
        for number in 0..450 {
            file.extend(format!("{label}{number}@example.org,").bytes());
            file.extend(name);
            file.extend(b"\r\n");
        }
        let bytes = file.len();

        let import = service.import(file, &[("encoding", label)]).await.expect(200);

        assert_eq!(counts(&import), [450, 450, 0, 0, 0]);
        assert_eq!(import["progress"]["bytesRead"], bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_known_by_their_usual_names_in_any_order() {
    let service = Service::start().await;

    let import = service
        .import(
            "Surname,E-mail Address,GIVEN_NAME,Role,Mobile Phone,_note,external-id,Status,Account Type,Plan\n\
             Lovelace,ada@example.org,Ada,Originator,+44 20 7946 0018,x,HR-1,inactive,ldap,gold\n",
            &[],
        )
        .await
        .expect(200);

    assert_eq!(
        import["read"]["columns"],
        json!({
            "accountType": "Account Type",
            "email": "E-mail Address",
            "enabled": "Status",
            "externalUserId": "external-id",
            "firstName": "GIVEN_NAME",
            "lastName": "Surname",
            "mobileNumber": "Mobile Phone",
            "planId": "Plan",
            "roles": "Role",
        })
    );
    assert_eq!(import["read"]["ignoredColumns"], json!(["_note"]));
    let ada = user(&service, "ada@example.org").await.unwrap();
    assert_eq!(ada.profile.last_name.unwrap().as_str(), "Lovelace");
    assert_eq!(ada.profile.mobile_number.unwrap().to_string(), "+442079460018");
    assert_eq!(ada.profile.external_user_id.unwrap().as_str(), "HR-1");
    assert_eq!(ada.account_type, AccountType::Ldap);
    assert!(!ada.enabled);
    let tally = service.app().users.tally().await.unwrap();
    assert_eq!((tally.all.total, tally.all.disabled), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_columns_are_left_out_when_the_sender_says_so() {
    let service = Service::start().await;

    let import = service
        .import(
            "shoe size,email,,_x\n38,ada@example.org,,!\n",
            &[("unknownColumns", "ignore")],
        )
        .await
        .expect(200);

    assert_eq!(import["unknownColumns"], "ignore");
    assert_eq!(import["read"]["ignoredColumns"], json!(["shoe size", "_x"]));
    assert_eq!(counts(&import), [1, 1, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_columns_are_refused_in_few_words_or_ignored() {
    let service = Service::start().await;
    let mut header = "email".to_owned();
    let mut row = "ada@example.org".to_owned();
    for number in 1..10_000 {
        write!(header, ",x{number}").unwrap();
        row.push(',');
    }
    let file = format!("{header}\n{row}\nbad{row}\ngrace@example.org\n");

    let refused = service.import(file.clone(), &[]).await.expect(422);
    let ignored = service
        .import(file, &[("unknownColumns", "ignore")])
        .await
        .expect(200);

    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("9979 more"), "{detail}");
    assert!(detail.len() < 2_000, "{}", detail.len());
    assert_eq!(counts(&ignored), [3, 2, 0, 0, 1]);
    assert_eq!(
        errors(&ignored),
        ["line 4: the row has 1 cell, the header has 10000"]
    );
    assert_eq!(ignored["read"]["ignoredColumns"].as_array().unwrap().len(), 9_999);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_utf8_are_that_rows_error() {
    let service = Service::start().await;
    let file = b"email,firstName,lastName\n\
        ada@example.org,Ada,\n\
        jos\xE9@example.org,Jos\xE9,L\xF3pez\n\
        zoe@example.org,Zo\xEB,\n\
        grace@example.org,Grace,\n";

    let import = service.import(file, &[]).await.expect(200);

    assert_eq!(counts(&import), [4, 2, 0, 0, 2]);
    assert_eq!(
        faults(&import),
        [
            (3, "email", "not_utf8"),
            (3, "firstName", "not_utf8"),
            (3, "lastName", "not_utf8"),
            (4, "firstName", "not_utf8"),
        ]
    );
    assert_eq!(
        errors(&import)[3],
        "line 4: firstName \"Zoë\" is not valid UTF-8; it looks like windows-1252: save the file as \"CSV UTF-8\", or \
         send encoding=windows-1252"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn control_characters_are_no_part_of_a_value() {
    let service = Service::start().await;

    let import = service
        .import(
            b"email,firstName\na\0b@example.org,Ada\nb@example.org,A\0da\nc@example.org,\"A\nda\"\nd@example.org,Ada\n",
            &[],
        )
        .await
        .expect(200);

    assert_eq!(
        faults(&import),
        [
            (2, "email", "invalid_format"),
            (3, "firstName", "invalid_format"),
            (4, "firstName", "invalid_format"),
        ]
    );
    assert_eq!(import["rowErrors"][0]["value"], "a\0b@example.org");
    assert_eq!(counts(&import), [4, 1, 0, 0, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enormous_cell_costs_its_row_and_no_other() {
    let service = Service::start().await;
    let file = format!(
        "email,firstName\nada@example.org,Ada\nbig@example.org,\"{}\"\ngrace@example.org,Grace\n",
        "x\n".repeat(512 * 1024)
    );

    let import = service.import(file, &[]).await.expect(200);

    assert_eq!(counts(&import), [3, 2, 0, 0, 1]);
    assert_eq!(
        errors(&import),
        [
            "line 3: the row is longer than 64 KiB and was not read; the quote that opens on line 3 closes on line \
             524291; lines 3 to 524291 were read as one row"
        ]
    );
    assert_eq!(import["rowErrors"][0]["code"], "row_too_large");
    let grace = user(&service, "grace@example.org").await.unwrap();
    assert_eq!(grace.import.unwrap().1, 3 + 512 * 1024 + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unclosed_quote_takes_nothing_that_came_before_it() {
    let service = Service::start().await;
    let mut file = "email,firstName\n".to_owned();
    for line in 2..=1_000 {
        let quote = if line == 5 { "\"" } else { "" };
        writeln!(file, "person{line}@example.org,{quote}Person").unwrap();
    }

    let import = service.import(file, &[]).await.expect(200);

    assert_eq!(counts(&import), [4, 3, 0, 0, 1]);
    assert_eq!(
        errors(&import),
        ["line 5: the quote that opens on line 5 is never closed; nothing after it was read"]
    );
    assert_eq!(faults(&import), [(5, "", "unclosed_quote")]);
    for line in 2..=4 {
        assert!(
            user(&service, &format!("person{line}@example.org"))
                .await
                .is_some()
        );
    }
    assert_eq!(users(&service).await, 1 + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_and_rows_are_counted_as_an_editor_does() {
    let service = Service::start().await;
    let file =
        "email,_note\r\n\r\n\"a@\",\"one\r\ntwo\n\nthree\"\r\n   \r\nb@,\n,,\nc@,x\r,\nd@example.org,\n";

    let import = service.import(file, &[]).await.expect(200);

    let places: Vec<_> = import["rowErrors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["line"].as_u64().unwrap(), error["row"].as_u64().unwrap()))
        .collect();
    assert_eq!(places, [(3, 1), (8, 2), (10, 3)]);
    assert!(
        errors(&import)[0].ends_with(
            "; the quote that opens on line 3 closes on line 6; lines 3 to 6 were read as one row"
        )
    );
    assert_eq!(import["rowErrors"][0]["lastLine"], 6);
    assert_eq!(import["rowErrors"][1]["lastLine"], json!(null));
    assert_eq!(
        user(&service, "d@example.org").await.unwrap().import.unwrap().1,
        12
    );
    assert_eq!(counts(&import), [4, 1, 0, 0, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_the_same_in_any_spelling() {
    let service = Service::start().await;
    let file = "email\n\
        Ada@Example.org\n\
        \" ada@EXAMPLE.ORG \"\n\
        a@bücher.example\n\
        A@xn--bcher-kva.example\n\
        jose\u{301}@example.org\n\
        JOSÉ@example.org\n";

    let import = service.import(file, &[]).await.expect(200);

    let repeats: Vec<_> = import["rowErrors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            (
                error["code"].as_str().unwrap(),
                error["line"].as_u64(),
                error["firstLine"].as_u64(),
            )
        })
        .collect();
    assert_eq!(
        repeats,
        [
            ("duplicate_in_file", Some(3), Some(2)),
            ("duplicate_in_file", Some(5), Some(4)),
            ("duplicate_in_file", Some(7), Some(6)),
        ]
    );
    let ada = user(&service, "ada@example.org").await.unwrap();
    assert_eq!(ada.email.as_str(), "Ada@Example.org");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_row_is_reported_in_the_order_of_the_members() {
    let service = Service::start().await;
    let long = |length| "x".repeat(length);
    let file = format!(
        "email,firstName,mobileNumber,roles,enabled,accountType,planId,externalUserId\n\
         {}@example.org,{},0301234567,Wizard;Originator;ROLE_ADHOC_COLLABORATOR,perhaps,CLOUD,{},{}\n\
         {}@{}.org,,,,,,,\n",
        long(65),
        long(101),
        long(65),
        long(256),
        long(64),
        [long(60), long(60), long(60), long(60)].join("."),
    );

    let import = service.import(file, &[]).await.expect(200);

    assert_eq!(
        faults(&import),
        [
            (2, "email", "too_long"),
            (2, "firstName", "too_long"),
            (2, "mobileNumber", "invalid_format"),
            (2, "roles", "unknown_role"),
            (2, "roles", "not_assignable"),
            (2, "enabled", "invalid_format"),
            (2, "accountType", "invalid_format"),
            (2, "planId", "too_long"),
            (2, "externalUserId", "too_long"),
            (3, "email", "too_long"),
        ]
    );
    assert_eq!(import["rowErrors"][1]["value"], long(100));
    assert_eq!(counts(&import), [2, 0, 0, 0, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_with_very_many_faults_does_not_stop_the_import() {
    let service = Service::start().await;
    let mut roles = String::new();
    for number in 0..9_000 {
        write!(roles, "{number};").unwrap();
    }
    let cells = format!(
        "email{}\nada@example.org{}\n",
        ",_".repeat(9_000),
        ",\u{FF}".repeat(9_000)
    );
    let latin1: Vec<u8> = cells
        .chars()
        .map(|char| u8::try_from(u32::from(char)).unwrap())
        .collect();

    let many_roles = service
        .import(
            format!("email,roles\nbad@example.org,{roles}\ngrace@example.org,\n"),
            &[],
        )
        .await
        .expect(200);
    let many_cells = service.import(latin1, &[]).await.expect(200);

    assert_eq!(counts(&many_roles), [2, 1, 0, 0, 1]);
    assert_eq!(errors(&many_roles).len(), 100);
    assert_eq!(
        errors(&many_roles)[0],
        "line 2: roles \"0\" is not a role; use ROLE_SYSTEM_ADMIN, ROLE_USER_ADMIN, ROLE_ORIGINATOR, ROLE_COLLABORATOR"
    );
    assert_eq!(
        errors(&many_roles)[99],
        "line 2: the row has 8901 more errors; correct these first"
    );
    assert_eq!(many_roles["rowErrors"][99]["code"], "too_many_faults");
    assert_eq!(counts(&many_cells), [1, 0, 0, 0, 1]);
    assert_eq!(errors(&many_cells).len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_name_of_any_length_makes_short_errors() {
    let service = Service::start().await;
    let name = format!("e{}mail", "-".repeat(60_000));
    let mut file = name.clone() + "\n";
    file.push_str(&"nobody\n".repeat(1_000));

    let import = service.import(file, &[]).await.expect(200);

    assert_eq!(counts(&import), [1_000, 0, 0, 0, 1_000]);
    assert_eq!(
        errors(&import)[0],
        format!("line 2: {} \"nobody\" is not an email address", &name[..100])
    );
    assert_eq!(import["rowErrors"][0]["column"], name[..100]);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_call_a_column_what_the_file_calls_it() {
    let service = Service::start().await;
    let file = "E-Mail\nada@example.org\nADA@example.org\nadmin@example.org\nnobody\n";

    let import = service.import(file, &[]).await.expect(200);

    assert_eq!(
        errors(&import),
        [
            "line 3: E-Mail \"ADA@example.org\" already appears on line 2",
            "line 4: E-Mail \"admin@example.org\" belongs to an existing account",
            "line 5: E-Mail \"nobody\" is not an email address",
        ]
    );
    assert_eq!(
        faults(&import),
        [
            (3, "E-Mail", "duplicate_in_file"),
            (4, "E-Mail", "already_exists"),
            (5, "E-Mail", "invalid_format"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_understood_as_people_write_them() {
    let service = Service::start().await;
    let file = "email;roles\n\
        a@example.org;ROLE_ORIGINATOR,collaborator\n\
        b@example.org;\"Originator; Collaborator\"\n\
        c@example.org;originator|ROLE_COLLABORATOR|Originator\n\
        d@example.org;\n";

    let import = service.import(file, &[]).await.expect(200);

    assert_eq!(counts(&import), [4, 4, 0, 0, 0]);
    for (email, roles) in [
        ("a@example.org", &[Role::Originator, Role::Collaborator][..]),
        ("b@example.org", &[Role::Originator, Role::Collaborator]),
        ("c@example.org", &[Role::Originator, Role::Collaborator]),
        ("d@example.org", &[Role::Collaborator]),
    ] {
        let made = user(&service, email).await.unwrap();
        assert_eq!(made.roles.iter().collect::<Vec<_>>(), roles, "{email}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_role_is_given_only_by_a_system_administrator() {
    let service = Service::start().await;
    let user_admin = service.account("ua@example.org", &[Role::UserAdmin]).await;
    let file = "email,roles\n\
        a@example.org,ROLE_SYSTEM_ADMIN\n\
        b@example.org,Originator;User Admin\n\
        c@example.org,Wizard\n\
        d@example.org,ROLE_ADHOC_COLLABORATOR\n";

    let refused = import_as(&service, &user_admin.token, file, &[])
        .await
        .expect(200);
    let given = service.import(file, &[]).await.expect(200);

    assert_eq!(
        faults(&refused),
        [
            (2, "roles", "forbidden_role"),
            (3, "roles", "forbidden_role"),
            (4, "roles", "unknown_role"),
            (5, "roles", "not_assignable"),
        ]
    );
    assert_eq!(
        errors(&refused)[0],
        "line 2: roles \"ROLE_SYSTEM_ADMIN\" is a role that you are not allowed to assign"
    );
    assert_eq!(
        faults(&given),
        [(4, "roles", "unknown_role"), (5, "roles", "not_assignable")]
    );
    assert_eq!(service.app().users.active_system_admins().await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn cells_escaped_for_a_spreadsheet_are_restored() {
    let service = Service::start().await;
    let file = "email,firstName,mobileNumber\na@example.org,'=Ada,'+49 30 901820\nb@example.org,'t Hooft,\n";

    let import = service.import(file, &[]).await.expect(200);

    assert_eq!(import["success"], true, "{import}");
    let a = user(&service, "a@example.org").await.unwrap();
    assert_eq!(a.profile.first_name.unwrap().as_str(), "=Ada");
    assert_eq!(a.profile.mobile_number.unwrap().to_string(), "+4930901820");
    let b = user(&service, "b@example.org").await.unwrap();
    assert_eq!(b.profile.first_name.unwrap().as_str(), "'t Hooft");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_repeated_after_a_checkpoint_names_the_first_line_all_the_same() {
    let service = Service::with_variables(&[("IMPORT_SEGMENT_ROWS", "100")]).await;
    let mut file = super::people(1..=450);
    file.push_str("PERSON7@example.org,,\nperson440@example.org,,\n");

    for mode in ["validate", "create"] {
        let import = service.import(file.clone(), &[("mode", mode)]).await.expect(200);

        assert_eq!(counts(&import), [452, 450, 0, 0, 2], "{mode}");
        assert_eq!(
            errors(&import),
            [
                "line 452: email \"PERSON7@example.org\" already appears on line 8",
                "line 453: email \"person440@example.org\" already appears on line 441",
            ]
        );
        let page = service.get(&(path(&import) + "/errors")).await.expect(200);
        assert_eq!(page["items"], import["rowErrors"]);
    }
}
