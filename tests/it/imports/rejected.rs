//! `GET /users/import/{importId}/rejected`.

use std::fmt::Write;
use std::time::{Duration, Instant};

use local::{Functions, Options};
use reqwest::header::ACCEPT;
use reqwest::redirect::Policy;
use reqwest::{Client, Method};
use serde_json::json;

use super::{counts, import_later, path, people, user};
use crate::support::faults::{Fault, Faults, Schedule};
use crate::support::{Service, owned, send};

#[tokio::test(flavor = "multi_thread")]
async fn rejected_rows_come_back_in_the_senders_own_form_and_are_taken_when_corrected() {
    let service = Service::start().await;
    let file = "\u{FEFF}Surname;_id;E-Mail;Phone\r\n\
        Lovelace;1;ada@example.org;\r\n\
        =Hopper;2;grace@;+1 202 555 0117\r\n\
        \"Liskov; B\";3;;12345\r\n";
    let import = service.import(file, &[]).await.expect(200);

    let rejected = service.get(&(path(&import) + "/rejected")).await;
    let corrected = rejected
        .text
        .replace("grace@", "grace@example.org")
        .replace(";3;;12345", ";3;barbara@example.org;");
    let again = service.import(corrected, &[]).await.expect(200);

    assert_eq!(counts(&import), [3, 1, 0, 0, 2]);
    assert_eq!(rejected.status, 200);
    assert_eq!(
        rejected.header("content-type"),
        "text/csv; charset=utf-8; header=present"
    );
    assert_eq!(
        rejected.header("content-disposition"),
        format!(
            "attachment; filename=\"rejected-{}.csv\"",
            import["id"].as_str().unwrap()
        )
    );
    assert_eq!(
        rejected.text,
        "\u{FEFF}Surname;_id;E-Mail;Phone;_line;_column;_code;_message;_suggestion\r\n\
         '=Hopper;2;grace@;'+1 202 555 0117;3;E-Mail;invalid_format;\"E-Mail \"\"grace@\"\" is not an email \
         address\";\r\n\
         \"Liskov; B\";3;;12345;4;\"E-Mail; Phone\";\"required; invalid_format\";\"E-Mail is required; Phone \
         \"\"12345\"\" does not begin with + and a country code; add them, or send the option country, such as country=GB\";\r\n"
    );
    assert_eq!(again["success"], true, "{again}");
    assert_eq!(counts(&again), [2, 2, 0, 0, 0]);
    let grace = user(&service, "grace@example.org").await.unwrap();
    assert_eq!(grace.profile.last_name.unwrap().as_str(), "=Hopper");
    assert_eq!(grace.profile.mobile_number.unwrap().to_string(), "+12025550117");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_have_no_cells_to_give_back_still_have_their_faults() {
    let service = Service::start().await;
    let file = format!(
        "email,firstName\nshort@example.org\nlong@example.org,Ada,more,cells\nbig@example.org,{}\nopen@example.org,\"Ada\n",
        "x".repeat(70_000)
    );
    let import = service.import(file, &[]).await.expect(200);

    let rejected = service.get(&(path(&import) + "/rejected")).await;

    assert_eq!(
        rejected.text,
        "\u{FEFF}email,firstName,_extra1,_extra2,_line,_column,_code,_message,_suggestion\r\n\
         short@example.org,,,,2,,column_count,\"the row has 1 cell, the header has 2\",\r\n\
         long@example.org,Ada,more,cells,3,,column_count,\"the row has 4 cells, the header has 2\",\r\n\
         ,,,,4,,row_too_large,the row is longer than 64 KiB and was not read,\r\n\
         ,,,,5,,unclosed_quote,the quote that opens on line 5 is never closed; nothing after it was read,\r\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_round_of_corrections_has_the_same_columns() {
    let service = Service::start().await;
    let import = service.import("email\nnobody\n", &[]).await.expect(200);
    let first = service.get(&(path(&import) + "/rejected")).await;

    let again = service.import(first.text.clone(), &[]).await.expect(200);
    let second = service.get(&(path(&again) + "/rejected")).await;

    assert_eq!(second.text, first.text);
    assert_eq!(
        again["read"]["ignoredColumns"],
        serde_json::json!(["_line", "_column", "_code", "_message", "_suggestion"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_without_rejected_rows_gives_the_header_and_a_refused_file_nothing() {
    let service = Service::start().await;
    let sound = service.import(people(1..=1), &[]).await.expect(200);
    let refused = import_later(&service, "name\n", &[]).await.expect(202);
    service.finished(refused["id"].as_str().unwrap()).await;

    let header = service.get(&(path(&sound) + "/rejected")).await;
    let nothing = service.get(&(path(&refused) + "/rejected")).await;

    assert_eq!(
        header.text,
        "\u{FEFF}email,firstName,lastName,_line,_column,_code,_message,_suggestion\r\n"
    );
    assert_eq!(
        nothing.expect(409)["detail"],
        "no row of the file was read, so none was rejected"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_rows_of_every_checkpoint_come_in_the_order_of_the_file() {
    let service = Service::with_variables(&[("IMPORT_SEGMENT_ROWS", "100")]).await;
    let mut file = "email\n".to_owned();
    for number in 0..1_000 {
        writeln!(file, "nobody{number}").unwrap();
    }
    let import = service.import(file, &[]).await.expect(200);

    let rejected = service.get(&(path(&import) + "/rejected")).await;

    let names: Vec<_> = rejected
        .text
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        (0..1_000)
            .map(|number| format!("nobody{number}"))
            .collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_rows_come_in_the_answer_if_it_takes_them_as_json() {
    let service = Service::start().await;
    let size = 40_000;
    // In JSON a character takes 1, 2 or 6 bytes.
    for (filler, inline) in [("x", true), ("\\", true), ("\u{1}", false)] {
        let mut file = "email,_x\n".to_owned();
        for row in 0..60 {
            writeln!(file, "bad{row},{}", filler.repeat(size)).unwrap();
        }
        let import = service.import(file, &[]).await.expect(200);

        let rejected = service.get(&(path(&import) + "/rejected")).await;

        assert_eq!(rejected.status, 200, "{filler:?}: {:.200}", rejected.text);
        assert_eq!(rejected.text.lines().count(), 61, "{filler:?}");
        assert!(rejected.text.contains(&filler.repeat(size)), "{filler:?}");
        // Storage does not say so of a file that it hands out itself.
        let by_the_service = rejected.headers.contains_key("x-request-id");
        assert_eq!(by_the_service, inline, "{filler:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_of_rejected_rows_are_read_side_by_side() {
    const PIECES: u32 = 64;
    let storage = Faults::new(Schedule::Clean);
    let service = Service::with(Options {
        functions: Functions::Given(storage.wire()),
        environment: owned(&[("IMPORT_SEGMENT_ROWS", "1")]).collect(),
        ..Options::default()
    })
    .await;
    let mut file = "email\n".to_owned();
    for number in 0..PIECES {
        writeln!(file, "nobody{number}").unwrap();
    }
    let import = service.import(file, &[]).await.json();
    let import = service.finished(import["id"].as_str().unwrap()).await;
    let late = Duration::from_millis(100);
    storage.begin(Schedule::From {
        call: 0,
        fault: Fault::Late(late),
    });

    let begun = Instant::now();
    let rejected = service.get(&(path(&import) + "/rejected")).await;
    let took = begun.elapsed();

    let names: Vec<_> = rejected
        .text
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap().to_owned())
        .collect();
    let expected: Vec<_> = (0..PIECES).map(|number| format!("nobody{number}")).collect();
    assert_eq!(names, expected);
    assert!(storage.calls() >= u64::from(PIECES));
    assert!(took < late * PIECES / 2, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rejected_rows_are_fetched_from_the_bucket() {
    let service = Service::start().await;
    let filler = "\u{1}".repeat(50_000);
    let mut file = "email,_x\n".to_owned();
    for row in 0..60 {
        writeln!(file, "bad{row},{filler}").unwrap();
    }
    let import = service.import(file, &[("mode", "validate")]).await.expect(200);

    let path = path(&import) + "/rejected";
    let still = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .build()
        .unwrap();
    let request = still.get(format!("{}/api/v1{path}", service.local.url()));
    let redirected = send(request.bearer_auth(service.admin())).await;
    // The tests' own client follows by itself.
    let rejected = service.get(&path).await;

    assert_eq!(counts(&import), [60, 0, 0, 0, 60]);
    assert_eq!(redirected.status.as_u16(), 303, "{:.200}", redirected.text);
    redirected.expect_common_headers();
    assert_eq!(rejected.status.as_u16(), 200, "{:.200}", rejected.text);
    assert_eq!(rejected.text.lines().count(), 61);
    assert!(rejected.text.starts_with("\u{FEFF}email,_x,_line"));
    let id = import["id"].as_str().unwrap();
    assert!(rejected.header("content-disposition").contains(id));
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_rows_are_of_one_length_in_every_checkpoint() {
    let service = Service::with_variables(&[("IMPORT_SEGMENT_ROWS", "100")]).await;
    let mut file = "email,firstName\n".to_owned();
    for number in 0..300 {
        let surplus = if number == 150 { ",more,cells" } else { "" };
        writeln!(file, "nobody{number},Ada{surplus}").unwrap();
    }
    let import = service.import(file, &[]).await.expect(200);

    let rejected = service.get(&(path(&import) + "/rejected")).await.text;
    let moved = rejected.replace("nobody150,Ada,more,cells", "nobody150,Ada,,");
    let corrected = moved.replace(",Ada,,,", "@example.org,Ada,,,");
    let untouched = service.import(rejected.clone(), &[]).await.expect(200);
    let again = service.import(corrected, &[]).await.expect(200);

    let widths: Vec<_> = rejected.lines().map(|line| line.split(',').count()).collect();
    assert_eq!(
        rejected.lines().next().unwrap(),
        "\u{FEFF}email,firstName,_extra1,_extra2,_line,_column,_code,_message,_suggestion"
    );
    // A message may have a comma of its own.
    assert!(widths.iter().all(|width| [9, 10].contains(width)), "{widths:?}");
    assert_eq!(counts(&untouched), [300, 0, 0, 0, 300]);
    assert_eq!(counts(&again), [300, 300, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_prefers_json_gets_the_url_of_the_file() {
    let service = Service::start().await;
    let import = service
        .import("email\nada@example.org\nnobody\nnot\n", &[])
        .await
        .expect(200);
    let path = path(&import) + "/rejected";
    let accepting = |accept: &'static str| {
        let request = service.request(Method::GET, &path).header(ACCEPT, accept);
        async { send(request).await }
    };

    let file = accepting("application/json").await.expect(200);
    let csv = service.get(&path).await;
    let fetched = send(Client::new().get(file["url"].as_str().unwrap())).await;

    assert_eq!(file["rows"], 2);
    assert_eq!(file["bytes"], csv.text.len());
    assert!(file["expiresAt"].as_str() > import["finishedAt"].as_str());
    assert_eq!(fetched.text, csv.text);
    assert_eq!(fetched.header("content-type"), csv.header("content-type"));
    for accept in [
        "*/*",
        "text/csv, application/json;q=0.5",
        "application/json, text/plain, */*",
    ] {
        assert_eq!(accepting(accept).await.text, csv.text, "{accept}");
    }
    assert_eq!(accepting("image/png").await.status, 406);
    // The parameter wins over the header.
    let csv = send(
        service
            .request(Method::GET, &(path.clone() + "?format=json"))
            .header(ACCEPT, "text/csv"),
    )
    .await;
    assert_eq!(csv.expect(200)["items"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_rows_are_given_one_by_one_with_their_faults() {
    let service = Service::start().await;
    let file = "E-Mail;Phone;_id\r\n\
        ada@example.org;;1\r\n\
        \"grace@\";12345;=2\r\n\
        bob@exmple.org;+1 202 555 0117;3;more\r\n\
        ada@example.org;;4\r\n";
    let import = service.import(file, &[]).await.expect(200);

    let page = service
        .get(&(path(&import) + "/rejected?format=json"))
        .await
        .expect(200);

    let faults = |index: usize| -> Vec<_> {
        let faults = page["items"][index]["faults"].as_array().unwrap();
        let members = ["member", "column", "code", "value", "firstLine"];
        faults
            .iter()
            .map(|fault| json!(members.map(|member| &fault[member])))
            .collect()
    };
    assert_eq!(page["columns"], json!(["E-Mail", "Phone", "_id", "_extra1"]));
    assert_eq!(
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| &row["cells"])
            .collect::<Vec<_>>(),
        [
            &json!(["grace@", "12345", "=2", ""]),
            &json!(["bob@exmple.org", "+1 202 555 0117", "3", "more"]),
            &json!(["ada@example.org", "", "4", ""]),
        ]
    );
    assert_eq!(page["items"][0]["line"], 3);
    assert_eq!(
        faults(0),
        [
            json!(["email", "E-Mail", "invalid_format", "grace@", null]),
            json!(["mobileNumber", "Phone", "invalid_format", "12345", null]),
        ]
    );
    assert!(
        page["items"][0]["faults"][1]["message"]
            .as_str()
            .unwrap()
            .contains("; add them"),
        "a message with a semicolon is one message"
    );
    assert_eq!(faults(1), [json!([null, null, "column_count", null, null])]);
    assert_eq!(
        faults(2),
        [json!([
            "email",
            "E-Mail",
            "duplicate_in_file",
            "ada@example.org",
            2
        ])]
    );
    assert_eq!(page["nextLine"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_rows_are_walked_line_by_line_and_chosen_by_member_and_code() {
    let service = Service::with_variables(&[("IMPORT_SEGMENT_ROWS", "100")]).await;
    let mut file = "email,roles\n".to_owned();
    for number in 0..1_200 {
        let email = if number % 3 == 0 { "nobody" } else { "u" };
        let roles = if number % 400 == 1 { "wizard" } else { "" };
        writeln!(
            file,
            "{email}{number}{},{roles}",
            if number % 3 == 0 { "" } else { "@example.org" }
        )
        .unwrap();
    }
    let import = service.import(file, &[]).await.expect(200);
    let path = path(&import) + "/rejected?format=json";
    let walk = |query: &'static str| {
        let (service, path) = (&service, &path);
        async move {
            let (mut lines, mut pages, mut next) = (Vec::new(), 0, Some(0));
            while let Some(line) = next {
                let page = service
                    .get(&format!("{path}&line={line}{query}"))
                    .await
                    .expect(200);
                let items = page["items"].as_array().unwrap();
                assert!(items.len() <= 500);
                lines.extend(items.iter().map(|row| row["line"].as_u64().unwrap()));
                pages += 1;
                next = page["nextLine"].as_u64();
            }
            (lines, pages)
        }
    };
    // The header is line 1.
    let line = |number: u64| number + 2;
    let nobody = |number: &u64| number.is_multiple_of(3);
    let wizard = |number: &u64| number % 400 == 1;
    let all: Vec<_> = (0..1_200)
        .filter(|number| nobody(number) || wizard(number))
        .map(line)
        .collect();
    let wizards: Vec<_> = (0..1_200).filter(wizard).map(line).collect();

    assert_eq!(walk("").await, (all.clone(), 1));
    assert_eq!(walk("&member=roles").await.0, wizards);
    assert_eq!(walk("&code=unknown_role").await.0, wizards);
    assert_eq!(walk("&member=email&code=unknown_role").await.0, [0; 0]);
    let beyond = service.get(&format!("{path}&line=99999")).await.expect(200);
    assert_eq!(
        (&beyond["items"], &beyond["nextLine"]),
        (&json!([]), &json!(null))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_rejected_rows_ends_where_an_answer_does() {
    let service = Service::start().await;
    let mut file = "email,_x\n".to_owned();
    for row in 0..700 {
        writeln!(file, "bad{row},").unwrap();
    }
    for row in 700..760 {
        writeln!(file, "bad{row},{}", "\u{1}".repeat(40_000)).unwrap();
    }
    let import = service.import(file, &[]).await.expect(200);
    let (mut lines, mut sizes, mut next) = (Vec::new(), Vec::new(), Some(0));
    while let Some(line) = next {
        let page = service
            .get(&format!("{}/rejected?format=json&line={line}", path(&import)))
            .await
            .expect(200);
        let items = page["items"].as_array().unwrap();
        lines.extend(items.iter().map(|row| row["line"].as_u64().unwrap()));
        sizes.push(items.len());
        next = page["nextLine"].as_u64();
    }

    assert_eq!(lines, (2..762).collect::<Vec<u64>>());
    assert_eq!(sizes[0], 500);
    assert!(
        sizes[1..].iter().all(|size| *size < 220) && sizes.len() > 4,
        "{sizes:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_json_can_leave_out_is_refused_for_a_file() {
    let service = Service::start().await;
    let import = service.import("email\nnobody\n", &[]).await.expect(200);

    for (query, named) in [
        ("line=2", "line"),
        ("member=email", "member"),
        ("format=csv&code=required", "code"),
        ("format=xml", "format"),
        ("format=json&line=x", "line"),
        ("format=json&member=shoe", "member"),
    ] {
        let problem = service
            .get(&format!("{}/rejected?{query}", path(&import)))
            .await
            .expect(400);
        assert!(
            problem["detail"].as_str().unwrap().contains(named),
            "{query}: {problem}"
        );
    }
}
