//! An import whose service ends and starts again.

use local::{Data, Options};

use super::{counts, import_later, path, people, users};
use crate::support::{Service, eventually, owned};

#[tokio::test(flavor = "multi_thread")]
async fn an_import_goes_on_by_itself_after_the_service_was_ended_in_the_middle() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        data: Data::Dir(folder.path().to_owned()),
        environment: owned(&[("IMPORT_SEGMENT_ROWS", "1000")]).collect(),
        ..Options::default()
    };
    let service = Service::with(options.clone()).await;
    let import = import_later(&service, people(1..=5_000), &[]).await.expect(202);
    let before = eventually("the import has made a checkpoint", async || {
        let import = service.get(&path(&import)).await.json();
        (counts(&import)[0] > 0).then_some(import)
    })
    .await;

    drop(service);
    let service = Service::with(options).await;
    let after = service.finished(import["id"].as_str().unwrap()).await;

    assert_eq!(before["status"], "running");
    assert_eq!(after["status"], "completed");
    assert_eq!(counts(&after), [5_000, 5_000, 0, 0, 0]);
    assert_eq!(users(&service).await, 1 + 5_000);
    assert_eq!(service.app().users.tally().await.unwrap().all.total, 1 + 5_000);
}
