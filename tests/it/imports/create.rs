//! `POST /users/import`.

use std::collections::HashSet;
use std::fmt::Write;
use std::time::{Duration, Instant};

use local::{Delivery, Options};
use reqwest::Method;
use serde_json::json;
use shared::roster::Role;

use super::{
    MEMBERS, counts, errors, faults, import_as, import_later, members, path, people, time, user, users,
};
use crate::support::{Service, form, send};

#[tokio::test(flavor = "multi_thread")]
async fn good_rows_become_users_and_every_fault_of_a_bad_row_is_told() {
    let service = Service::start().await;

    let import = service
        .import(include_bytes!("../../../examples/people-with-errors.csv"), &[])
        .await
        .expect(200);

    assert_eq!(import["success"], false);
    assert_eq!(import["counts"]["created"], 5);
    assert_eq!(
        import["message"],
        "Completed; 10 rows read: 5 created, 0 skipped, 5 failed."
    );
    assert_eq!(
        errors(&import),
        [
            "line 4: email is required",
            "line 6: email \"tim@\" is not an email address",
            "line 6: mobileNumber \"12345\" does not begin with + and a country code; add them, or send the \
             option country, such as country=GB",
            "line 6: roles \"Wizard\" is not a role; use ROLE_SYSTEM_ADMIN, ROLE_USER_ADMIN, ROLE_ORIGINATOR, \
             ROLE_COLLABORATOR",
            "line 9: email \"Linus@Example.org\" already appears on line 2",
            "line 10: the row has 2 cells, the header has 5",
            "line 11: roles \"ROLE_ADHOC_COLLABORATOR\" cannot be given to a new account",
        ]
    );
    let repeat = &import["rowErrors"][4];
    assert_eq!(
        repeat,
        &json!({
            "line": 9,
            "lastLine": null,
            "row": 7,
            "member": "email",
            "column": "email",
            "code": "duplicate_in_file",
            "severity": "error",
            "value": "Linus@Example.org",
            "message": "email \"Linus@Example.org\" already appears on line 2",
            "suggestion": null,
            "firstLine": 2,
        })
    );
    assert_eq!(users(&service).await, 1 + 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_tells_everything_that_is_documented() {
    let service = Service::start().await;
    let file = people(1..=2);

    let answer = service.import(file.clone(), &[]).await;

    let import = answer.expect(200);
    assert_eq!(members(&import), MEMBERS);
    assert_eq!(
        members(&import["read"]),
        [
            "bom",
            "columns",
            "delimiter",
            "encoding",
            "ignoredColumns",
            "labels",
            "skippedLines"
        ]
    );
    assert_eq!(
        members(&import["progress"]),
        ["bytesRead", "percent", "rowsPerSecond", "secondsLeft"]
    );
    assert_eq!(import["success"], true);
    assert_eq!(import["status"], "completed");
    assert_eq!(
        import["message"],
        "Completed; 2 rows read: 2 created, 0 skipped, 0 failed."
    );
    assert_eq!(import["errors"], json!([]));
    assert_eq!(import["rowErrors"], json!([]));
    assert_eq!(counts(&import), [2, 2, 0, 0, 0]);
    assert_eq!(members(&import["counts"]).len(), 9);
    assert_eq!(import["fileName"], "users.csv");
    assert_eq!(import["bytes"], file.len());
    assert_eq!(import["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(import["via"], "api");
    assert_eq!(import["mode"], "create");
    assert_eq!(import["ignoreDuplicates"], false);
    assert_eq!(import["progress"]["percent"], 100);
    assert_eq!(import["progress"]["bytesRead"], file.len());
    assert_eq!(
        import["read"]["columns"],
        json!({ "email": "email", "firstName": "firstName", "lastName": "lastName" })
    );
    for member in ["createdAt", "startedAt", "finishedAt", "expiresAt"] {
        let time = import[member].as_str().unwrap();
        assert_eq!((time.len(), &time[23..]), (24, "Z"), "{time}");
    }
    assert_eq!(
        time(&import["expiresAt"]),
        time(&import["createdAt"]) + 30 * 24 * 60 * 60
    );
    assert_eq!(answer.header("location"), "");
    answer.expect_common_headers();
    assert_eq!(service.get(&path(&import)).await.expect(200), import);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_names_its_sender_and_who_may_not_import_makes_nobody() {
    let service = Service::start().await;
    let user_admin = service.account("ua@example.org", &[Role::UserAdmin]).await;
    let ordinary = service.account("o@example.org", &[Role::Originator]).await;

    let refused = import_as(&service, &ordinary.token, people(1..=1), &[]).await;
    let allowed = import_as(&service, &user_admin.token, people(2..=2), &[]).await;

    refused.expect(403);
    let import = allowed.expect(200);
    assert_eq!(import["createdBy"], user_admin.id.to_string());
    assert_eq!(counts(&import), [1, 1, 0, 0, 0]);
    assert_eq!(users(&service).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_form_with_one_file_says_what_to_send() {
    const PART: &str = "Content-Disposition: form-data; name=\"file\"\r\n\r\nemail\r\na@example.org\r\n";
    let service = Service::start().await;
    let form = "multipart/form-data; boundary=b";
    let one = format!("--b\r\n{PART}--b--\r\n");
    let two = format!("--b\r\n{PART}--b\r\n{PART}--b--\r\n");
    let other = "--b\r\nContent-Disposition: form-data; name=\"mode\"\r\n\r\ncreate\r\n--b--\r\n".to_owned();
    let incomplete = format!("--b\r\n{PART}");
    let unreadable = "the body is not a complete form with the boundary that the Content-Type names";
    let boundary = "the Content-Type has no boundary; let the HTTP client set this header";
    let missing = "the form has no part \"file\"; send the CSV file in a part of that name";
    let cases = [
        (form, &other, 400, missing),
        (
            form,
            &two,
            400,
            "the form has more than one part \"file\"; send one file a request",
        ),
        ("multipart/form-data; boundary=c", &one, 400, unreadable),
        ("multipart/form-data", &one, 400, boundary),
        ("multipart/form-data; boundary=", &one, 400, boundary),
        (form, &incomplete, 400, unreadable),
        (form, &String::new(), 400, unreadable),
        (
            "text/csv",
            &one,
            415,
            "send the body as multipart/form-data with the file in the part \"file\"",
        ),
        (
            "multipart/mixed; boundary=b",
            &one,
            415,
            "send the body as multipart/form-data with the file in the part \"file\"",
        ),
    ];

    for (content_type, body, status, detail) in cases {
        let answer = send(
            service
                .request(Method::POST, "/users/import")
                .header("content-type", content_type)
                .body(body.clone()),
        )
        .await;

        let problem = answer.expect(status);
        assert_eq!(problem["detail"], detail, "{content_type}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["instance"], answer.header("x-request-id"));
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    assert_eq!(service.get("/users/import").await.expect(200)["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_is_read_in_any_case() {
    let service = Service::start().await;

    let flags = [("ignoreDuplicates", "True"), ("force", "FALSE")];
    let import = service.import(people(1..=1), &flags).await.expect(200);

    assert_eq!(import["ignoreDuplicates"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_are_wrong_are_all_named_and_nothing_is_imported() {
    let service = Service::start().await;

    let refused = service
        .import(
            people(1..=1),
            &[
                ("mode", "replace"),
                ("ignoreDuplicates", "perhaps"),
                ("defaultRoles", "Wizard, ROLE_ADHOC_COLLABORATOR"),
                ("unknownColumns", "drop"),
                ("force", "perhaps"),
                ("colour", "blue"),
            ],
        )
        .await;

    assert_eq!(refused.status, 422);
    let mut named = refused.faults();
    named.sort_unstable();
    assert_eq!(
        named,
        [
            "#/colour unknown_member",
            "#/defaultRoles not_assignable",
            "#/defaultRoles unknown_role",
            "#/force invalid_format",
            "#/ignoreDuplicates invalid_format",
            "#/mode invalid_format",
            "#/unknownColumns invalid_format",
        ]
    );
    assert_eq!(service.get("/users/import").await.expect(200)["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn default_roles_are_those_that_the_caller_may_give() {
    let service = Service::start().await;
    let user_admin = service.account("ua@example.org", &[Role::UserAdmin]).await;
    let admin_role = [("defaultRoles", "ROLE_USER_ADMIN")];

    let refused = import_as(&service, &user_admin.token, people(1..=1), &admin_role).await;
    let given = service.import(people(2..=2), &admin_role).await;
    let several = service
        .import(people(3..=3), &[("defaultRoles", "originator | Collaborator")])
        .await;

    assert_eq!(refused.expect(422)["errors"][0]["code"], "forbidden_role");
    given.expect(200);
    let roles = user(&service, "person2@example.org").await.unwrap().roles;
    assert_eq!(roles.iter().collect::<Vec<_>>(), [Role::UserAdmin]);
    several.expect(200);
    let roles = user(&service, "person3@example.org").await.unwrap().roles;
    assert_eq!(
        roles.iter().collect::<Vec<_>>(),
        [Role::Originator, Role::Collaborator]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_prefers_not_to_wait_is_told_where_to_look() {
    let service = Service::start().await;

    let answer = import_later(&service, people(1..=3), &[]).await;

    let import = answer.expect(202);
    let location = answer.header("location");
    assert_eq!(location, format!("/api/v1{}", path(&import)));
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("preference-applied"), "respond-async");
    assert_eq!(members(&import), MEMBERS);
    assert_eq!(import["success"], json!(null));
    let finished = service.finished(import["id"].as_str().unwrap()).await;
    assert_eq!(finished["success"], true);
    assert_eq!(counts(&finished), [3, 3, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_as_long_as_it_prefers() {
    let service = Service::start().await;
    let prefer = async |preference: &'static str, person| {
        send(
            service
                .request(Method::POST, "/users/import")
                .header("prefer", preference)
                .multipart(form(people(person..=person), &[])),
        )
        .await
    };

    let patient = prefer("wait=20", 1).await;
    let hasty = prefer("wait=0", 2).await;
    let greedy = prefer("wait=600", 3).await;
    let odd = prefer("wait=soon, handling=lenient", 4).await;

    patient.expect(200);
    assert_eq!(patient.header("preference-applied"), "wait=20");
    hasty.expect(202);
    assert_eq!(hasty.header("preference-applied"), "wait=0");
    greedy.expect(200);
    assert_eq!(greedy.header("preference-applied"), "wait=25");
    odd.expect(200);
    assert_eq!(odd.header("preference-applied"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_file_is_a_problem_now_and_a_failed_import_later() {
    let service = Service::start().await;

    let answer = service
        .import("name\nAda\n", &[("unknownColumns", "ignore")])
        .await;

    let problem = answer.expect(422);
    let message = "no column is named \"email\"; rename the column that holds the addresses, or say with columns which one it is. \
         The only column is \"name\"";
    assert_eq!(problem["type"], "/problems/file-refused");
    assert_eq!(problem["detail"], message);
    let id = problem["importId"].as_str().unwrap();
    assert_eq!(answer.header("location"), format!("/api/v1/users/import/{id}"));
    let import = service.get(&format!("/users/import/{id}")).await.expect(200);
    assert_eq!(members(&import), MEMBERS);
    assert_eq!(import["status"], "failed");
    assert_eq!(import["success"], false);
    assert_eq!(import["message"], message);
    assert_eq!(import["read"], json!(null));
    assert_eq!(counts(&import), [0; 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_and_parameters_that_do_not_exist_are_refused() {
    let service = Service::start().await;

    let put = send(service.request(Method::PUT, "/users/import")).await;
    let query = send(
        service
            .request(Method::POST, "/users/import?mode=upsert")
            .multipart(form(people(1..=1), &[])),
    )
    .await;
    let accept = send(
        service
            .request(Method::POST, "/users/import")
            .header("accept", "text/html")
            .multipart(form(people(1..=1), &[])),
    )
    .await;

    put.expect(405);
    assert_eq!(put.header("allow"), "GET, POST");
    assert!(query.expect(400)["detail"].as_str().unwrap().contains("mode"));
    accept.expect(406);
    assert_eq!(users(&service).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validation_reports_what_an_import_would_and_writes_no_user() {
    let service = Service::start().await;
    let file = "email\nada@example.org\nADA@example.org\nadmin@example.org\nnobody\n";

    let validated = service.import(file, &[("mode", "validate")]).await.expect(200);
    let imported = service.import(file, &[]).await.expect(200);

    assert_eq!(validated["mode"], "validate");
    assert_eq!(
        validated["message"],
        "Completed; 4 rows read: 1 would be created, 0 skipped, 3 failed."
    );
    assert_eq!(validated["errors"], imported["errors"]);
    assert_eq!(validated["counts"], imported["counts"]);
    assert_eq!(users(&service).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upsert_changes_what_the_file_gives_and_nothing_else() {
    let service = Service::start().await;
    service
        .import(
            "email,firstName,lastName,roles\nada@example.org,Ada,King,Originator\n",
            &[],
        )
        .await
        .expect(200);

    let import = service
        .import(
            "email,firstName,lastName\nADA@example.org,,Lovelace\ngrace@example.org,Grace,Hopper\n",
            &[("mode", "upsert")],
        )
        .await
        .expect(200);

    assert_eq!(counts(&import), [2, 1, 1, 0, 0]);
    assert_eq!(
        import["message"],
        "Completed; 2 rows read: 1 created, 1 updated, 0 skipped, 0 failed."
    );
    let ada = user(&service, "ada@example.org").await.unwrap();
    assert_eq!(ada.profile.first_name.unwrap().as_str(), "Ada");
    assert_eq!(ada.profile.last_name.unwrap().as_str(), "Lovelace");
    assert_eq!(ada.roles.iter().collect::<Vec<_>>(), [Role::Originator]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upsert_that_gives_what_is_there_writes_nothing() {
    let service = Service::start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let path = format!("/users/{}", ada.id);
    let read = service.get(&path).await;

    let file = "email,roles\nADA@example.org,Originator\n";
    let import = service.import(file, &[("mode", "upsert")]).await.expect(200);
    let after = service.get(&path).await;
    let change = service
        .request(Method::PUT, &path)
        .header("If-Match", read.header("etag"));
    let changed = send(change.json(&json!({ "lastName": "King" }))).await;

    assert_eq!(counts(&import), [1, 0, 0, 0, 0]);
    assert_eq!(import["counts"]["unchanged"], 1);
    assert_eq!(
        import["message"],
        "Completed; 1 row read: 0 created, 0 updated, 1 unchanged, 0 skipped, 0 failed."
    );
    assert_eq!(after.expect(200), read.expect(200));
    assert_eq!(after.header("etag"), read.header("etag"));
    changed.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_in_an_upsert_are_decided_by_the_file_alone() {
    for segment_rows in ["1000", "1"] {
        let service = Service::with_variables(&[("IMPORT_SEGMENT_ROWS", segment_rows)]).await;
        service.account("same@example.org", &[Role::Originator]).await;
        service.account("other@example.org", &[Role::Originator]).await;
        let user_admin = service.account("ua@example.org", &[Role::UserAdmin]).await;
        let file = "email,roles\nsame@example.org,Originator\nother@example.org,Collaborator\nnew@example.org,\n\
                    admin@example.org,Originator\nsame@example.org,Collaborator\nother@example.org,Originator\n\
                    new@example.org,\nadmin@example.org,Originator\n";

        let import = import_as(&service, &user_admin.token, file, &[("mode", "upsert")])
            .await
            .expect(200);

        assert_eq!(counts(&import), [8, 1, 1, 0, 5], "{segment_rows}");
        assert_eq!(import["counts"]["unchanged"], 1);
        let told: Vec<_> = import["rowErrors"].as_array().unwrap().iter().collect();
        let told: Vec<_> = told
            .iter()
            .map(|error| {
                (
                    error["line"].as_u64(),
                    error["firstLine"].as_u64(),
                    &error["code"],
                )
            })
            .collect();
        let refused = json!("forbidden_role");
        let repeated = json!("duplicate_in_file");
        assert_eq!(
            told,
            [
                (Some(5), None, &refused),
                (Some(6), Some(2), &repeated),
                (Some(7), Some(3), &repeated),
                (Some(8), Some(4), &repeated),
                (Some(9), None, &refused),
            ]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upsert_by_a_user_administrator_touches_no_administrator() {
    let service = Service::start().await;
    let user_admin = service.account("ua@example.org", &[Role::UserAdmin]).await;
    let file = "email,lastName,roles\nadmin@example.org,Changed,\nnew@example.org,,ROLE_USER_ADMIN\n";

    let import = import_as(&service, &user_admin.token, file, &[("mode", "upsert")])
        .await
        .expect(200);

    assert_eq!(
        faults(&import),
        [(2, "email", "forbidden_role"), (3, "roles", "forbidden_role")]
    );
    assert!(
        user(&service, "admin@example.org")
            .await
            .unwrap()
            .profile
            .last_name
            .is_none()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_has_an_account_is_an_error_or_skipped() {
    let service = Service::start().await;
    let file = "email\nAdmin@EXAMPLE.org\nada@example.org\n";

    let strict = service.import(file, &[]).await.expect(200);
    let lenient = service
        .import(file, &[("ignoreDuplicates", "true")])
        .await
        .expect(200);

    assert_eq!(
        errors(&strict),
        ["line 2: email \"Admin@EXAMPLE.org\" belongs to an existing account"]
    );
    assert_eq!(strict["rowErrors"][0]["code"], "already_exists");
    assert_eq!(lenient["ignoreDuplicates"], true);
    assert_eq!(lenient["success"], true);
    assert_eq!(counts(&lenient), [2, 0, 0, 2, 0]);
    assert_eq!(
        lenient["message"],
        "Completed; 2 rows read: 0 created, 2 skipped, 0 failed."
    );
}

/// 10,000 rows: 60 malformed addresses, 35 blank ones and 25 repeated ones among them, and the lines of
/// each.
fn flawed() -> (String, Vec<(u64, &'static str, &'static str)>) {
    let mut file = "email,firstName\n".to_owned();
    let mut faults = Vec::new();
    for number in 0..10_000_u64 {
        let line = number + 2;
        let code = match number {
            n if n % 160 == 7 && n / 160 < 60 => "invalid_format",
            n if n % 280 == 12 && n / 280 < 35 => "required",
            n if n % 390 == 389 && n / 390 < 25 => "duplicate_in_file",
            _ => {
                writeln!(file, "person{number}@example.org,Person").unwrap();
                continue;
            }
        };
        match code {
            "invalid_format" => writeln!(file, "person{number}.example.org,Person").unwrap(),
            "required" => writeln!(file, ",Person").unwrap(),
            // The row of the number 0 is sound.
            _ => writeln!(file, "PERSON{}@example.org,Person", 0).unwrap(),
        }
        faults.push((line, "email", code));
    }
    (file, faults)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_rows_are_counted_to_the_last_also_a_second_time() {
    let service = Service::start().await;
    let (file, expected) = flawed();
    let of = |code| expected.iter().filter(|fault| fault.2 == code).count();
    assert_eq!(
        [of("invalid_format"), of("required"), of("duplicate_in_file")],
        [60, 35, 25]
    );

    let first = import_later(&service, file.clone(), &[]).await.expect(202);
    service.local.settled().await;
    let first = service.get(&path(&first)).await.expect(200);
    let second = import_later(&service, file, &[("force", "true")])
        .await
        .expect(202);
    service.local.settled().await;
    let second = service.get(&path(&second)).await.expect(200);

    assert_eq!(counts(&first), [10_000, 9_880, 0, 0, 120]);
    assert_eq!(faults(&first), expected);
    for repeat in first["rowErrors"].as_array().unwrap() {
        let is_repeat = repeat["code"] == "duplicate_in_file";
        assert_eq!(
            repeat["firstLine"],
            if is_repeat { json!(2) } else { json!(null) }
        );
        assert_eq!(
            repeat["row"].as_u64().unwrap() + 1,
            repeat["line"].as_u64().unwrap()
        );
    }
    assert_eq!(counts(&second), [10_000, 0, 0, 0, 10_000]);
    assert_eq!(errors(&second).len(), 1_000);
    let tally = service.app().users.tally().await.unwrap();
    assert_eq!(tally.all.total, 1 + 9_880);
    assert_eq!(tally.all.disabled, 0);
    assert_eq!(users(&service).await, 1 + 9_880);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_imports_of_the_same_addresses_each_address_is_made_by_one() {
    let service = Service::start().await;
    let file = people(1..=1_000);

    // Without `force` the later of the two would be answered with the other's import.
    let force = [("force", "true")];
    let (one, other) = tokio::join!(
        service.import(file.clone(), &force),
        service.import(file.clone(), &force)
    );

    let (one, other) = (one.expect(200), other.expect(200));
    let [rows, created, updated, skipped, failed] = counts(&one);
    assert_eq!([rows, updated, skipped], [1_000, 0, 0]);
    assert_eq!(counts(&other), [1_000, failed, 0, 0, created]);
    let codes: HashSet<_> = [faults(&one), faults(&other)]
        .concat()
        .iter()
        .map(|fault| fault.2.to_owned())
        .collect();
    assert_eq!(codes, HashSet::from(["already_exists".to_owned()]));
    assert_eq!(users(&service).await, 1_001);
    assert_eq!(service.app().users.tally().await.unwrap().all.total, 1_001);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_comes_several_times_changes_nothing() {
    for at_once in [false, true] {
        let service = Service::with(Options {
            delivery: Delivery {
                times: 3,
                at_once,
                ..Delivery::default()
            },
            ..Options::default()
        })
        .await;
        let file = people(1..=300) + "person1@example.org,,\nnobody,,\n";

        let import = service.import(file, &[]).await.expect(200);
        service.local.settled().await;

        let later = service.get(&path(&import)).await.expect(200);
        assert_eq!(later, import);
        assert_eq!(counts(&later), [302, 300, 0, 0, 2]);
        assert_eq!(
            errors(&later),
            [
                "line 302: email \"person1@example.org\" already appears on line 2",
                "line 303: email \"nobody\" is not an email address"
            ]
        );
        assert_eq!(users(&service).await, 301);
        assert_eq!(service.app().users.tally().await.unwrap().all.total, 301);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_knows_its_import_and_line() {
    let service = Service::start().await;

    let import = service
        .import("email\n\nada@example.org\n", &[])
        .await
        .expect(200);

    let ada = user(&service, "ada@example.org").await.unwrap();
    let (id, line) = ada.import.unwrap();
    assert_eq!(
        (import["id"].as_str().unwrap(), line),
        (id.to_string().as_str(), 3)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_change_their_own_record_by_a_file_but_not_what_they_may() {
    let service = Service::start().await;
    // So that the sender is not the last one.
    service.account("other@example.org", &[Role::SystemAdmin]).await;
    let before = service.get("/users/me").await.expect(200);
    let upsert = [("mode", "upsert")];

    for given in ["Originator,", ",false"] {
        let file = format!("email,roles,enabled\nadmin@example.org,{given}\n");
        let import = service.import(file, &upsert).await.expect(200);
        assert_eq!(faults(&import), [(2, "email", "forbidden_role")], "{given}");
    }
    assert_eq!(service.get("/users/me").await.expect(200), before);

    let file = "email,lastName\nadmin@example.org,Lovelace\n";
    let import = service.import(file, &upsert).await.expect(200);
    assert_eq!(counts(&import), [1, 0, 1, 0, 0]);
    assert_eq!(service.get("/users/me").await.expect(200)["lastName"], "Lovelace");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_runs_out_ends_in_the_place_to_look() {
    let service = Service::without_runs(&[]).await;
    let request = service
        .request(Method::POST, "/users/import")
        .header("prefer", "wait=1");
    let started = Instant::now();

    let answer = send(request.multipart(form(people(1..=1), &[]))).await;

    let waited = started.elapsed();
    let import = answer.expect(202);
    assert_eq!(import["status"], "queued");
    assert_eq!(answer.header("preference-applied"), "wait=1");
    assert_eq!(answer.header("location"), format!("/api/v1{}", path(&import)));
    assert_eq!(answer.header("retry-after"), "1");
    assert!(
        (Duration::from_secs(1)..Duration::from_secs(5)).contains(&waited),
        "{waited:?}"
    );
}
