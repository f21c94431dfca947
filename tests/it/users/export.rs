//! GET /users/export.

use reqwest::header::ACCEPT;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use shared::catalog::{Catalog, write_export};
use shared::clock;
use shared::index::Filter;
use shared::roster::{Recorded, Role};
use shared::table::{Export, ExportFormat};

use crate::support::faults::{Fault, Faults, Schedule};
use crate::support::{Answer, Service, send};

const PEOPLE: &str = "email,firstName,lastName,mobileNumber,roles,enabled,externalUserId\n\
    zoe@example.org,Zoë,Ångström,,ROLE_ORIGINATOR,true,\n\
    ada@example.org,Ada,\"Lovelace, \"\"Countess\"\"\",+44 20 7946 0018,ROLE_ORIGINATOR;ROLE_COLLABORATOR,false,=1+1\n\
    Bob@example.org,,,,ROLE_USER_ADMIN,true,'quoted\n";

async fn ask(service: &Service, token: &str, query: &str, accept: &str) -> Answer {
    let path = format!("/users/export{query}");
    let request = service.request_as(token, Method::GET, &path);
    send(request.header(ACCEPT, accept)).await
}

/// Asks until the file is written.
async fn exported(service: &Service, token: &str, query: &str) -> (Value, String) {
    let begun = ask(service, token, query, "application/json").await;
    assert_eq!(begun.status, StatusCode::ACCEPTED, "{}", begun.text);
    assert_eq!(begun.header("retry-after"), "2");
    service.local.settled().await;
    let view = ask(service, token, query, "application/json").await.expect(200);
    let file = send(Client::new().get(view["url"].as_str().unwrap())).await;
    assert_eq!(file.status, StatusCode::OK);
    (view, file.text)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_everybody_by_address_and_comes_back_without_a_change() {
    let service = Service::start().await;
    let import = service.import(PEOPLE, &[]).await.expect(200);
    assert_eq!(import["counts"]["created"], 3, "{import}");
    let (view, file) = exported(&service, service.admin(), "").await;

    let listed = service.get("/users").await.expect(200);
    assert_eq!(view["rows"], listed["count"]);
    let lines: Vec<_> = file.lines().collect();
    let header = "\u{FEFF}email,firstName,lastName,otherName,mobileNumber,roles,enabled,accountType,planId,\
                  externalUserId,id,createdAt,modifiedAt,importId";
    assert_eq!(lines[0], header);
    assert_eq!(lines.len(), 5);
    let ada = lines[1];
    let expected = "ada@example.org,Ada,\"Lovelace, \"\"Countess\"\"\",,'+442079460018,\
                    ROLE_ORIGINATOR;ROLE_COLLABORATOR,false,";
    assert!(ada.starts_with(expected), "{ada}");
    assert!(ada.contains(",'=1+1,"), "{ada}");
    assert!(ada.ends_with(import["id"].as_str().unwrap()), "{ada}");
    let addresses: Vec<_> = lines[1..]
        .iter()
        .map(|line| line.split('@').next().unwrap())
        .collect();
    assert_eq!(addresses, ["ada", "admin", "Bob", "zoe"]);

    let back = service.import(file, &[("mode", "upsert")]).await.expect(200);
    assert_eq!(back["counts"]["unchanged"], 4, "{back}");
    assert_eq!(back["counts"]["rows"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_kept_for_its_caller_and_query() {
    let service = Service::start().await;
    service.import(PEOPLE, &[]).await.expect(200);
    let (first, _) = exported(&service, service.admin(), "").await;
    let again = ask(&service, service.admin(), "", "application/json")
        .await
        .expect(200);
    assert_eq!(again["takenAt"], first["takenAt"]);

    let (view, file) = exported(&service, service.admin(), "?format=ndjson&enabled=false").await;
    assert_eq!(view["rows"], 1);
    let user: Value = serde_json::from_str(file.trim_end()).unwrap();
    let listed = service.get("/users?enabled=false").await.expect(200);
    assert_eq!(user, listed["items"][0]);

    // Whoever manages ordinary users only is shown no administrator.
    let manager = service.account("mia@example.org", &[Role::UserAdmin]).await;
    let (view, file) = exported(&service, &manager.token, "").await;
    assert_eq!(view["rows"], 2, "{file}");
    assert!(!file.contains("Bob@") && !file.contains("admin@"), "{file}");
    let nobody = service.account("nina@example.org", &[Role::Originator]).await;
    let refused = ask(&service, &nobody.token, "", "*/*").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);

    // Without a preference for JSON, the answer leads to the file.
    let still = Client::builder().redirect(Policy::none()).build().unwrap();
    let request = still.get(format!("{}/api/v1/users/export", service.local.url()));
    let redirected = send(request.bearer_auth(service.admin())).await;
    assert_eq!(redirected.status, StatusCode::SEE_OTHER);
    let file = send(Client::new().get(redirected.header("location"))).await;
    assert_eq!(file.text.lines().count(), 5);
    assert!(
        file.header("content-disposition").contains("users-20"),
        "{file:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_parameters_of_an_export_are_named() {
    let service = Service::start().await;
    for (query, name) in [
        ("?format=xlsx", "format"),
        ("?limit=1", "limit"),
        ("?createdAfter=soon", "createdAfter"),
    ] {
        let refused = ask(&service, service.admin(), query, "*/*").await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(
            refused.faults()[0].starts_with(&format!("#/{name} ")),
            "{}",
            refused.text
        );
    }
}

/// Asks for an export of all users.
async fn asked(app: &Catalog, id: String) -> Export {
    let export = Export {
        id,
        format: Recorded::Known(ExportFormat::Csv),
        filter: Recorded::Known(Filter::default()),
        asked_at: clock::now(),
        file: None,
    };
    app.exports.ask(&export).await.unwrap();
    export
}

/// Checks that `export` is written, with two users.
async fn is_whole(service: &Service, app: &Catalog, export: &Export) {
    let written = app.exports.find(&export.id, clock::now()).await.unwrap().unwrap();
    let file = written.file.unwrap();
    let bytes = service.object(&file.key).await.unwrap();
    assert_eq!((file.rows, file.bytes), (2, bytes.len() as u64), "{}", export.id);
    assert_eq!(String::from_utf8(bytes).unwrap().lines().count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_is_killed_at_any_call_is_written_by_the_next() {
    let (service, app) = with_two_users().await;
    for after in [false, true] {
        for call in 0.. {
            let export = asked(&app, format!("{after}{call}")).await;
            let faults = Faults::new(Schedule::Crash { call, after });
            let killed = faults.catalog(&service.local, &[]);
            let ended = faults
                .until_stopped(Box::pin(write_export(&killed, &export.id, "killed")))
                .await;
            write_export(&app, &export.id, "next").await.unwrap();
            is_whole(&service, &app, &export).await;
            if ended.is_some() {
                assert!(call > 4, "{call} calls");
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_written_although_the_answer_of_any_call_is_lost() {
    let (service, app) = with_two_users().await;
    for fault in [Fault::NotSent, Fault::AnswerLost, Fault::FailedAfter] {
        for call in 0.. {
            let export = asked(&app, format!("{fault:?}{call}")).await;
            let faults = Faults::new(Schedule::Once { call, fault });
            let disturbed = faults.catalog(&service.local, &[]);
            write_export(&disturbed, &export.id, "disturbed").await.unwrap();
            is_whole(&service, &app, &export).await;
            if faults.disturbed() == 0 {
                assert!(call > 4, "{call} calls");
                break;
            }
        }
    }
}

/// A service with two users in its index.
async fn with_two_users() -> (Service, Catalog) {
    let service = Service::without_runs(&[]).await;
    let app: Catalog = Faults::new(Schedule::Clean).catalog(&service.local, &[]);
    service
        .local
        .invoke("index-users", &serde_json::json!({}))
        .await
        .unwrap();
    service.account("ada@example.org", &[Role::Originator]).await;
    (service, app)
}
