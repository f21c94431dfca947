//! `GET /users/import/{importId}/rejected`.

use std::fmt::Write;
use std::time::{Duration, Instant};

use local::{Functions, Options};

use reqwest::Client;
use reqwest::redirect::Policy;

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
    assert_eq!(grace.last_name.unwrap().as_str(), "=Hopper");
    assert_eq!(grace.mobile_number.unwrap().to_string(), "+12025550117");
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
