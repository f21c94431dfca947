//! Imports are taken back by `/undo`.

use reqwest::Method;
use serde_json::json;
use shared::roster::Role;

use super::dry_run::{changes, followed, post};
use super::{counts, faults, path, user, users};
use crate::support::{Service, send};

const UPSERT: [(&str, &str); 1] = [("mode", "upsert")];
const FILE: &str = "email,firstName,roles,enabled\nada@example.org,Augusta,Originator,false\n\
                    grace@example.org,Grace,,\ntim@example.org,Tim,,\nnobody,,,\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_deletes_what_was_made_and_gives_back_what_was_changed() {
    let service = Service::start().await;
    service
        .import(
            "email,firstName\nada@example.org,Ada\ngrace@example.org,Grace\n",
            &[],
        )
        .await
        .expect(200);
    let ada = user(&service, "ada@example.org").await.unwrap();
    let tally = service.get("/dashboard/users").await.expect(200);
    let import = service.import(FILE, &UPSERT).await.expect(200);
    assert_eq!(counts(&import), [4, 1, 1, 0, 1]);

    let undone = followed(&service, &import, "/undo").await;

    assert_eq!(
        (&undone["mode"], &undone["dryRun"]),
        (&json!("undo"), &json!(false))
    );
    assert_eq!(
        undone["message"],
        "Completed; 4 rows read: 1 deleted, 1 given back, 2 left as they are, 0 skipped, 0 failed."
    );
    assert_eq!(undone["counts"]["deleted"], 1);
    assert_eq!(undone["success"], true);
    assert!(user(&service, "tim@example.org").await.is_none());
    let back = user(&service, "ada@example.org").await.unwrap();
    assert_eq!(
        (&back.profile.first_name, back.roles, back.enabled),
        (&ada.profile.first_name, ada.roles, ada.enabled)
    );
    assert!(back.version > ada.version && back.modified_at >= ada.modified_at);
    assert_eq!(service.get("/dashboard/users").await.expect(200), tally);
    let told = changes(&service, &undone).await;
    let told: Vec<_> = told
        .iter()
        .map(|(line, outcome, email, _)| (*line, outcome.as_str(), email.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (2, "updated", "ada@example.org"),
            (4, "deleted", "tim@example.org")
        ]
    );

    let again = followed(&service, &import, "/undo").await;
    assert_eq!(again["counts"]["unchanged"], 4);
    assert_eq!(again["success"], true);
    let sent_again = service.import(FILE, &UPSERT).await.expect(200);
    assert_ne!(
        sent_again["id"], import["id"],
        "it no longer answers for its file"
    );
    assert_eq!(counts(&sent_again), [4, 1, 1, 0, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_since_is_kept_and_reported() {
    let service = Service::start().await;
    service
        .import(
            "email,firstName\nada@example.org,Ada\ngrace@example.org,Grace\n",
            &[],
        )
        .await
        .expect(200);
    let file = "email,firstName\nada@example.org,Augusta\ngrace@example.org,Amazing\ntim@example.org,Tim\n\
                alan@example.org,Alan\nbob@example.org,Bob\n";
    let import = service.import(file, &UPSERT).await.expect(200);
    let id = async |email: &str| user(&service, email).await.unwrap().id;
    let changed = json!({ "lastName": "King" });
    for email in ["ada@example.org", "tim@example.org"] {
        let path = format!("/users/{}", id(email).await);
        service.put(&path, &changed).await.expect(200);
    }
    for email in ["grace@example.org", "alan@example.org"] {
        let path = format!("/users/{}", id(email).await);
        service.delete(&path).await.expect(200);
    }

    let undone = followed(&service, &import, "/undo").await;

    assert_eq!(counts(&undone), [5, 0, 0, 0, 3]);
    assert_eq!(undone["counts"]["deleted"], 1);
    assert_eq!(undone["counts"]["unchanged"], 1, "it was gone already");
    assert_eq!(
        faults(&undone),
        [
            (2, "email", "changed_since"),
            (3, "email", "changed_since"),
            (4, "email", "changed_since"),
        ]
    );
    let ada = user(&service, "ada@example.org").await.unwrap();
    assert_eq!(ada.profile.first_name.unwrap().as_str(), "Augusta");
    assert!(user(&service, "tim@example.org").await.is_some());
    assert!(user(&service, "bob@example.org").await.is_none());
    let rejected = service.get(&(path(&undone) + "/rejected")).await.text;
    assert!(
        rejected.contains("tim@example.org,Tim,4,email,changed_since,"),
        "{rejected}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_are_taken_back_one_after_the_other() {
    let service = Service::start().await;
    let file = |name: &str| format!("email,firstName\nada@example.org,{name}\n");
    let mut imports = Vec::new();
    for name in ["Ada", "Augusta", "Countess"] {
        imports.push(service.import(file(name), &UPSERT).await.expect(200));
    }

    let too_early = followed(&service, &imports[0], "/undo").await;
    let mut names = Vec::new();
    for import in imports.iter().rev() {
        let undone = followed(&service, import, "/undo").await;
        assert_eq!(undone["success"], true, "{undone}");
        let ada = user(&service, "ada@example.org").await;
        names.push(ada.map(|ada| ada.profile.first_name.unwrap().as_str().to_owned()));
    }

    assert_eq!(faults(&too_early), [(2, "email", "changed_since")]);
    assert_eq!(names, [Some("Augusta".to_owned()), Some("Ada".to_owned()), None]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_in_use_is_kept() {
    let service = Service::start().await;
    let file = "email,roles\nada@example.org,Originator\ngrace@example.org,Originator\ntim@example.org,\n";
    let import = service.import(file, &[]).await.expect(200);
    let ada = user(&service, "ada@example.org").await.unwrap();
    let grace = user(&service, "grace@example.org").await.unwrap();
    let path = |id: &dyn std::fmt::Display| format!("/users/{id}/tokens");
    service.post(&path(&ada.id), &json!({})).await.expect(201);
    let token = service.token(grace.id).await;
    let contacts = json!({ "contacts": [{ "email": "x@example.org" }], "ignoreDuplicates": true });
    let request = service.request_as(&token, Method::POST, "/users/me/contacts");
    send(request.json(&contacts)).await.expect(200);

    let undone = followed(&service, &import, "/undo").await;

    assert_eq!(undone["counts"]["deleted"], 1);
    assert_eq!(
        faults(&undone),
        [(2, "email", "changed_since"), (3, "email", "changed_since")]
    );
    assert_eq!(users(&service).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_does_only_what_its_sender_may_do() {
    let service = Service::start().await;
    let head = service.account("head@example.org", &[Role::UserAdmin]).await;
    let file = "email,roles\nada@example.org,Originator\n";
    let import = super::import_as(&service, &head.token, file, &[])
        .await
        .expect(200);
    let other = service
        .import("email,roles\nroot@example.org,ROLE_SYSTEM_ADMIN\n", &[])
        .await;
    let other = other.expect(200);

    let hidden = service.request_as(&head.token, Method::POST, &(path(&other) + "/undo"));
    send(hidden).await.expect(404);
    let own = service.request_as(&head.token, Method::POST, &(path(&import) + "/undo"));
    let started = send(own).await.expect(202);
    let undone = service.finished(started["id"].as_str().unwrap()).await;
    let of_admin = followed(&service, &other, "/undo").await;

    assert_eq!(undone["counts"]["deleted"], 1);
    assert_eq!(of_admin["counts"]["deleted"], 1);
    let tally = service.app().users.active_system_admins().await.unwrap();
    assert_eq!(tally, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_import_that_has_ended_and_changed_something_is_taken_back() {
    let service = Service::start().await;
    let dry = service
        .import("email\nada@example.org\n", &[("dryRun", "true")])
        .await
        .expect(200);
    let import = service.import("email\nada@example.org\n", &[]).await.expect(200);
    let undone = followed(&service, &import, "/undo").await;
    let waiting = service
        .post("/users/import/uploads", &json!({ "bytes": 5 }))
        .await
        .expect(201);
    let gone = service.import("email\ntim@example.org\n", &[]).await.expect(200);
    let delete = service.local.s3().delete_object().bucket(service.local.bucket());
    delete.key(gone["key"].as_str().unwrap()).send().await.unwrap();

    for import in [&dry, &undone, &waiting, &gone] {
        let refused = post(&service, import, "/undo").await.expect(409);
        assert!(refused["detail"].as_str().unwrap().len() > 20, "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_an_undo_runs_a_second_request_is_answered_with_it() {
    let service = Service::without_runs(&[]).await;
    let world_file = "email\nada@example.org\n";
    let queued = super::import_later(&service, world_file, &[]).await.expect(202);
    let path = path(&queued);
    service.delete(&path).await.expect(200);

    let first = post(&service, &queued, "/undo").await.expect(202);
    let second = post(&service, &queued, "/undo").await.expect(202);

    assert_eq!(first["id"], second["id"]);
    assert_eq!(first["mode"], "undo");
}
