//! The real process of the import function, killed in the middle of its work.

use std::process::Command;
use std::time::{Duration, Instant};

use local::{Delivery, Options};
use reqwest::Method;
use serde_json::Value;
use shared::roster::{ImportId, Slot, Tally};

use crate::support::faults::mixed;
use crate::support::{Service, form, owned, send};

const ROWS: u64 = 20_000;
/// Imports, each of which is killed twice: as often as Lambda tries again.
const IMPORTS: u64 = 10;
const KILLS: u64 = 2;

fn file(domain: &str) -> String {
    let rows = (0..ROWS).map(|row| match row % 20 {
        3 => format!("u{row},Bad\n"),
        7 if row > 5000 => format!("u{}@{domain},Repeat\n", row - 4999),
        _ => format!("u{row}@{domain},Ada\n"),
    });
    std::iter::once("email,firstName\n".to_owned())
        .chain(rows)
        .collect()
}

/// Whether the row makes a user, and with whose address.
fn good(row: u64) -> bool {
    row % 20 != 3 && !(row % 20 == 7 && row > 5000)
}

/// How many rows have to be counted before kill number `kill`: any number, but so that the import is
/// still far from its end.
fn moment(import: u64, kill: u64) -> u64 {
    let part = ROWS / KILLS;
    kill * part + mixed(import * KILLS + kill) % (part - 2000)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes, and needs built functions in FUNCTIONS_DIR"]
async fn a_killed_process_loses_doubles_and_miscounts_nothing() {
    let service = Service::with(Options {
        delivery: Delivery {
            backoff: Duration::from_millis(200),
            ..Delivery::default()
        },
        environment: owned(&[("IMPORT_SEGMENT_ROWS", "1000"), ("LOG_LEVEL", "warn")]).collect(),
        ..Options::default()
    })
    .await;
    let app = service.app();
    let mut expected: Tally = app.users.tally().await.unwrap();
    let mut killed = 0;
    for number in 0..IMPORTS {
        let domain = format!("case{number}.example.org");
        let request = service
            .request(Method::POST, "/users/import")
            .header("Prefer", "respond-async");
        let started = Instant::now();
        let opened = send(request.multipart(form(file(&domain), &[])))
            .await
            .expect(202);
        let id = opened["id"].as_str().unwrap();
        let path = format!("/users/import/{id}");
        let mut kills = 0;
        let import: Value = loop {
            let import = service.get(&path).await.expect(200);
            let rows = import["counts"]["rows"].as_u64().unwrap();
            match import["status"].as_str().unwrap() {
                "completed" => break import,
                "running" if kills < KILLS && rows >= moment(number, kills) => {
                    let within = mixed(number * KILLS + kills) % 200;
                    tokio::time::sleep(Duration::from_millis(within)).await;
                    for child in local::processes("import-file") {
                        let kill = Command::new("kill").args(["-9", &child]).status();
                        assert!(kill.unwrap().success());
                        killed += 1;
                    }
                    kills += 1;
                }
                "queued" | "running" => {}
                other => panic!("{other}: {import}"),
            }
            assert!(started.elapsed() < Duration::from_mins(10), "{import}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert_eq!(kills, KILLS, "it ended too early");

        let created = (0..ROWS).filter(|row| good(*row)).count() as u64;
        assert_eq!(import["counts"]["created"], created);
        assert_eq!(import["counts"]["failed"], ROWS - created);
        let errors = service.get(&format!("{path}/errors?limit=0")).await.expect(200);
        assert_eq!(errors["count"], ROWS - created);
        let id: ImportId = id.parse().unwrap();
        let rows: Vec<u64> = (0..ROWS).filter(|row| good(*row)).collect();
        for rows in rows.chunks(100) {
            let slot = |row: &u64| Slot::of(&format!("u{row}@{domain}").parse().unwrap());
            let holders = app.users.holders(rows.iter().map(slot)).await.unwrap();
            for row in rows {
                let Some(account) = holders.get(&slot(row)) else {
                    panic!("row {row} of {domain} is lost");
                };
                assert_eq!(account.user.import, Some((id, row + 2)));
                expected += account.user.tally();
            }
        }
        assert_eq!(app.users.tally().await.unwrap(), expected);
        println!("{domain}: {kills} kills, {:?}", started.elapsed());
    }
    println!("{killed} processes killed");
    assert!(killed >= IMPORTS, "does FUNCTIONS_DIR have the functions?");
}
