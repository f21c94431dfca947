use super::*;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000_000_000 + millis)
}

fn opened(via: Via) -> Import {
    let id = ImportId::of_object("bucket", "key", "");
    let options = ImportOptions::default();
    Import::open(id, "key".to_owned(), via, options, at(0)..at(1_999))
}

const COUNTS: Counts = Counts {
    created: 1,
    updated: 20,
    unchanged: 500_000,
    skipped: 300,
    failed: 4_000,
    deleted: 6_000_000,
    warnings: 50_000,
    gives_admin: 0,
    takes_admin: 0,
    admins: 0,
    missing: 7,
    disabled: 8,
};

#[test]
fn every_row_is_counted_once() {
    let counts = COUNTS + COUNTS;

    assert_eq!(counts.rows(), 2 * COUNTS.rows());
    assert_eq!(COUNTS.rows(), 6_504_321);
    let Counts {
        created,
        updated,
        unchanged,
        skipped,
        failed,
        deleted,
        warnings,
        ..
    } = counts;
    assert_eq!(deleted, 12_000_000);
    assert_eq!((created, updated, skipped, failed), (2, 40, 600, 8_000));
    assert_eq!(unchanged, 1_000_000);
    assert_eq!(warnings, 100_000);
}

#[test]
fn only_an_upload_waits_for_its_file() {
    let upload = opened(Via::Upload);
    assert_eq!((upload.status, upload.lease), (Status::Waiting.into(), None));

    for via in [Via::Api, Via::Drop] {
        let import = opened(via);
        let lease = import.lease.unwrap();
        assert_eq!((import.status, lease.run), (Status::Queued.into(), None));
        assert_eq!(lease.until.since(at(0)), PATIENCE);
        assert_eq!(import.expires_at, at(1_000), "storage counts it in seconds");
    }
}

#[test]
fn an_unfinished_import_stalls_when_its_lease_is_over() {
    for status in [Status::Queued, Status::Running] {
        let mut import = Import {
            status: status.into(),
            ..opened(Via::Api)
        };
        import.lease = Some(Lease {
            run: None,
            until: at(10),
        });
        assert_eq!(import.status_at(at(10)), status);
        assert_eq!(import.status_at(at(11)), Status::Stalled);
        import.lease = None;
        assert_eq!(import.status_at(at(0)), Status::Stalled);
    }
    for status in [
        Status::Waiting,
        Status::Completed,
        Status::Failed,
        Status::Cancelled,
    ] {
        let import = Import {
            status: status.into(),
            lease: None,
            ..opened(Via::Api)
        };
        assert_eq!(import.status_at(at(11)), status);
    }
}

#[test]
fn one_sentence_tells_how_it_goes() {
    let told = |status, cancel| {
        let import = Import {
            status: Recorded::Known(status),
            cancel,
            counts: COUNTS,
            fault: Some("The file is empty.".to_owned()),
            ..opened(Via::Api)
        };
        import.message_at(at(0))
    };
    let tally = "6504321 rows read: 1 created, 300 skipped, 4000 failed";

    assert_eq!(told(Status::Waiting, false), "Waiting for the file.");
    assert_eq!(told(Status::Queued, false), "Queued; no row read yet.");
    assert_eq!(told(Status::Running, false), format!("Running; {tally}."));
    assert_eq!(told(Status::Running, true), format!("Being cancelled; {tally}."));
    assert_eq!(told(Status::Completed, false), format!("Completed; {tally}."));
    assert_eq!(told(Status::Cancelled, true), format!("Cancelled; {tally}."));
    assert_eq!(told(Status::Failed, false), "The file is empty.");
    assert_eq!(
        told(Status::Stalled, false),
        format!("Stalled; {tally}. Resume it to go on from there.")
    );
}

#[test]
fn only_an_import_without_a_failed_row_succeeds() {
    let success = |status, failed| {
        let counts = Counts { failed, ..COUNTS };
        Import {
            status: Recorded::Known(status),
            counts,
            ..opened(Via::Api)
        }
        .success_at(at(0))
    };

    assert_eq!(success(Status::Completed, 0), Some(true));
    assert_eq!(success(Status::Completed, 1), Some(false));
    assert_eq!(success(Status::Failed, 0), Some(false));
    assert_eq!(success(Status::Cancelled, 0), Some(false));
    for status in [Status::Waiting, Status::Queued, Status::Running, Status::Stalled] {
        assert_eq!(success(status, 0), None, "{status:?} is not the end");
    }
}

#[test]
fn an_upload_is_cancelled_when_its_url_ends_and_no_file_has_come() {
    let import = Import {
        upload_until: Some(at(10)),
        ..opened(Via::Upload)
    };

    assert_eq!(import.status_at(at(10)), Status::Waiting);
    assert_eq!(import.status_at(at(11)), Status::Cancelled);
    assert_eq!(
        (import.success_at(at(10)), import.success_at(at(11))),
        (None, Some(false))
    );
    assert_eq!(
        import.message_at(at(11)),
        "Cancelled; no file arrived while its upload URL was valid. Open another upload."
    );
    let arrived = Import {
        status: Status::Running.into(),
        ..import
    };
    assert_eq!(
        arrived.status_at(at(11)),
        Status::Stalled,
        "its file came in time"
    );
}

#[test]
fn an_import_of_a_later_version_has_no_plan() {
    let import = opened(Via::Api);
    let later = || Recorded::Later("of tomorrow".into());
    assert!(import.plan().is_some());

    for import in [
        Import {
            options: Recorded::Later("undo".into()),
            ..import.clone()
        },
        Import {
            position: Recorded::Later(7.into()),
            ..import.clone()
        },
        Import {
            read: Some(Recorded::Later("ods".into())),
            ..import.clone()
        },
    ] {
        assert_eq!(import.plan(), None);
    }
    let import = Import {
        status: later(),
        via: Recorded::Later("mail".into()),
        ..import
    };
    assert_eq!(
        (import.status_at(at(11)), import.success_at(at(11))),
        (later(), None)
    );
    assert_eq!(
        import.message_at(at(11)),
        "A later version of the service has this import; 0 rows read: 0 created, 0 skipped, 0 failed."
    );
}

#[test]
fn an_import_is_for_system_administrators_unless_it_was_known_to_be_sent_by_another() {
    let by = |sender_roles| {
        Import {
            sender_roles,
            ..opened(Via::Api)
        }
        .is_for_system_admins()
    };

    assert!(by(None));
    assert!(by(Some(Roles::ADMIN)));
    assert!(!by(Some(Role::UserAdmin.into())));
}
