//! What an event says of its object, and what is believed of it.

use std::time::Duration;

use serde_json::json;
use shared::intake::record::{Import, MAX_FILE, Status};

use super::crashes::{LONG, World, create, deliver};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_over_the_limit_fails_and_makes_nobody() {
    let world = World::start().await;
    let mut case = world.case(create()).await;
    let before = world.accounts(&case).await.len();
    case.event["Records"][0]["s3"]["object"]["size"] = json!(MAX_FILE + 1);

    deliver(&world.app, &case.event, "run", LONG).await.unwrap();

    let import = world.import(&case).await;
    assert_eq!(MAX_FILE, 1 << 30);
    assert_eq!(import.status, Status::Failed);
    assert_eq!(
        import.fault.as_deref(),
        Some("the file is larger than 1 GiB; split it and send the parts one by one")
    );
    assert_eq!(world.accounts(&case).await.len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_reads_the_version_of_its_file_that_it_began_with() {
    let world = World::start().await;
    let case = world.case(create()).await;
    let stood = |import: &Import| (import.status.clone(), import.position.clone(), import.counts);

    deliver(&world.app, &case.event, "first", Duration::ZERO)
        .await
        .unwrap();
    let handed_over = world.import(&case).await;
    let mut of_another = case.event.clone();
    of_another["Records"][0]["s3"]["object"]["eTag"] = json!("d41d8cd98f00b204e9800998ecf8427e");
    deliver(&world.app, &of_another, "second", LONG).await.unwrap();
    let left = world.import(&case).await;
    deliver(&world.app, &case.resumed(), "third", LONG).await.unwrap();

    assert_eq!(handed_over.status, Status::Running);
    assert!(handed_over.counts.rows() > 0);
    assert_eq!(stood(&left), stood(&handed_over));
    world.check(&case, "resumed").await;
}
