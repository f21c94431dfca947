//! How far an import says it is, and how fast.

use std::time::Duration;

use serde_json::json;
use shared::clock;
use shared::intake::record::{Counts, Import, Lease, Status, Via};
use shared::roster::{Recorded, Timestamp};
use shared::sheet::{ImportOptions, Position};

use super::{counts, import_later, path, people};
use crate::support::{Service, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn rate_and_time_left_follow_from_the_rows_and_bytes_since_the_start() {
    let service = Service::start().await;
    let now = clock::now();
    let id = "0198c0de000070008000000000000000";
    let later = now.plus(Duration::from_hours(1));
    let key = format!("imports/{id}.csv");
    let import = Import {
        status: Status::Running.into(),
        bytes: Some(4_000_000),
        position: Recorded::Known(Position {
            offset: 1_000_000,
            line: 50_001,
            row: 50_000,
        }),
        counts: Counts {
            created: 49_000,
            failed: 1_000,
            ..Counts::default()
        },
        started_at: Some(Timestamp::from_millis(now.millis() - 1_000_000)),
        lease: Some(Lease {
            run: Some("run".to_owned()),
            until: later,
        }),
        ..Import::open(
            id.parse().unwrap(),
            key,
            Via::Api,
            ImportOptions::default(),
            now..later,
        )
    };
    service.app().imports.insert(&import).await.unwrap();

    let import = service.get(&format!("/users/import/{id}")).await.expect(200);

    let progress = &import["progress"];
    assert_eq!(import["status"], "running");
    assert_eq!(progress["bytesRead"], 1_000_000);
    assert_eq!(progress["percent"], 25);
    // 1000 seconds, and up to a minute that the test took.
    let rate = progress["rowsPerSecond"].as_u64().unwrap();
    assert!((47..=50).contains(&rate), "{progress}");
    let left = progress["secondsLeft"].as_u64().unwrap();
    assert!((3000..=3180).contains(&left), "{progress}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_tells_its_progress_from_the_first_checkpoint_to_the_end() {
    let service = Service::with_variables(&[("IMPORT_SEGMENT_ROWS", "200")]).await;
    let file = people(1..=5_000);
    let queued = import_later(&service, file.clone(), &[]).await.expect(202);

    let running = eventually("the import has made a checkpoint", async || {
        let import = service.get(&path(&queued)).await.json();
        (counts(&import)[0] > 0).then_some(import)
    })
    .await;
    let finished = service.finished(queued["id"].as_str().unwrap()).await;

    assert_eq!(
        queued["progress"],
        json!({ "bytesRead": 0, "percent": 0, "rowsPerSecond": null, "secondsLeft": null })
    );
    let progress = &running["progress"];
    assert_eq!(running["status"], "running");
    let read = progress["bytesRead"].as_u64().unwrap();
    assert_eq!(progress["percent"], read * 100 / file.len() as u64);
    assert!(progress["rowsPerSecond"].as_u64().unwrap() > 0, "{progress}");
    assert!(progress["secondsLeft"].is_u64(), "{progress}");
    let progress = &finished["progress"];
    assert_eq!(progress["bytesRead"], file.len());
    assert_eq!(progress["percent"], 100);
    assert!(progress["rowsPerSecond"].as_u64().unwrap() > 0, "{progress}");
    assert_eq!(progress["secondsLeft"], json!(null));
    assert_eq!(service.get(&path(&queued)).await.expect(200), finished);
}

#[tokio::test(flavor = "multi_thread")]
async fn blank_lines_at_the_end_of_a_file_are_read_too() {
    let service = Service::start().await;
    let file = people(1..=2) + &"\r\n".repeat(500) + "  \n";

    let import = service.import(file.clone(), &[]).await.expect(200);

    assert_eq!(counts(&import), [2, 2, 0, 0, 0]);
    assert_eq!(import["progress"]["bytesRead"], file.len());
    assert_eq!(import["progress"]["percent"], 100);
}
