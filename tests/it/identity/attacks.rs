//! Owners who want what is meant for others: none gains a right that no administrator gave to that person.

use std::fmt::Write;
use std::pin::pin;

use futures::future::join_all;
use serde_json::{Value, json};
use shared::roster::Role;

use super::before::squatter;
use super::{WAYS, ask, collaborator, path, promotion, put_me};
use crate::support::faults::{Faults, Schedule};
use crate::support::{Account, Service};

/// The address that an attacker wants to be taken for.
const WANTED: &str = "newadmin@example.org";

/// What an attacker has done to an address before somebody imports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    /// Asks for it.
    Asks,
    /// Has asked for it and gone back.
    Asked,
    /// Asks for it in another spelling.
    AsksForTheLike,
    /// Has taken it under the version before.
    Holds,
    /// Has taken it under the version before and gone back.
    Held,
    /// Was given it by an administrator, and another one after that.
    WasGiven,
}

const CLAIMS: [Claim; 6] = [
    Claim::Asks,
    Claim::Asked,
    Claim::AsksForTheLike,
    Claim::Holds,
    Claim::Held,
    Claim::WasGiven,
];

impl Claim {
    /// Whether an account keeps the address, so that no other one can have it.
    fn keeps(self) -> bool {
        matches!(self, Self::Holds | Self::Held | Self::WasGiven)
    }

    async fn make(self, service: &Service, attacker: &str) -> Account {
        let account = match self {
            Self::Holds => return squatter(service, attacker, &[WANTED]).await,
            Self::Held => return squatter(service, attacker, &[WANTED, attacker]).await,
            _ => collaborator(service, attacker).await,
        };
        match self {
            Self::Asks => drop(ask(service, &account, WANTED).await),
            Self::AsksForTheLike => drop(ask(service, &account, "NewAdmin@EXAMPLE.org").await),
            Self::Asked => {
                ask(service, &account, WANTED).await;
                ask(service, &account, attacker).await;
                put_me(service, &account, &json!({"pendingEmail": null}))
                    .await
                    .expect(200);
            }
            _ => {
                for email in [WANTED, attacker] {
                    service
                        .put(&path(&account), &json!({ "email": email }))
                        .await
                        .expect(200);
                }
            }
        }
        account
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_claim_to_an_address_receives_what_an_import_gives_to_its_person() {
    for claim in CLAIMS {
        let service = Service::start().await;
        let attacker = claim.make(&service, "mallory@example.org").await;
        let before = service.me(&attacker.token).await;
        let row = json!({
            "columns": ["email", "roles"],
            "rows": [[WANTED, "ROLE_USER_ADMIN"]],
            "mode": "upsert",
        });
        let checked = service.post("/users/import/check", &row).await.expect(200);
        let outcome = if claim.keeps() { "refused" } else { "create" };
        assert_eq!(checked["rows"][0]["outcome"], outcome, "{claim:?}");
        assert_eq!(checked["rows"][0]["changes"], json!([]), "{claim:?}");

        for way in WAYS {
            let import = service.import(promotion(WANTED), way).await.expect(200);
            let what = format!("{claim:?} {way:?}: {import}");
            if claim.keeps() {
                assert_eq!(import["counts"]["failed"], 1, "{what}");
                assert_eq!(import["rowErrors"][0]["code"], "already_exists", "{what}");
                let message = import["errors"][0].as_str().unwrap();
                assert!(message.contains(&attacker.id.to_string()), "{what}");
            } else if way[0] == ("mode", "upsert") {
                assert_eq!(import["counts"]["created"], 1, "{what}");
            }
            let after = service.me(&attacker.token).await;
            assert_eq!(after.json(), before.json(), "{what}");
            assert_eq!(after.header("etag"), before.header("etag"), "{what}");
        }
        let list = service.get("/users?role=ROLE_USER_ADMIN").await.expect(200);
        let admins = list["items"].as_array().unwrap();
        assert_eq!(admins.len(), usize::from(!claim.keeps()), "{claim:?}");
        assert!(
            admins
                .iter()
                .all(|user| user["firstName"] == "Ann" && user["email"] == WANTED)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_claims_in_one_file_none_receives_anything() {
    const ATTACKERS: usize = 40;
    let service = Service::start().await;
    let mut attackers = Vec::new();
    let mut file = "email,roles\n".to_owned();
    for number in 0..ATTACKERS {
        let (own, wanted) = (
            format!("m{number}@example.org"),
            format!("wanted{number}@example.org"),
        );
        let attacker = match number % 3 {
            0 => squatter(&service, &own, &[&wanted]).await,
            1 => squatter(&service, &own, &[&wanted, &own]).await,
            _ => {
                let attacker = collaborator(&service, &own).await;
                ask(&service, &attacker, &wanted).await;
                attacker
            }
        };
        attackers.push(attacker);
        // Most rows have kept addresses, so that the next batches are looked up before they are written.
        for repeat in 0..5 {
            let name = if repeat % 2 == 0 {
                wanted.to_uppercase()
            } else {
                wanted.clone()
            };
            writeln!(file, "{name},ROLE_SYSTEM_ADMIN").unwrap();
        }
    }

    for way in WAYS {
        let import = service.import(file.as_str(), way).await.expect(200);
        let counts = &import["counts"];
        assert_eq!(counts["rows"], 5 * ATTACKERS);
        assert_eq!(counts["updated"], 0, "{way:?}");
        for error in import["rowErrors"].as_array().unwrap() {
            assert!(["already_exists", "duplicate_in_file"].contains(&error["code"].as_str().unwrap()));
        }
        for attacker in &attackers {
            let me = service.me(&attacker.token).await.expect(200);
            assert_eq!(me["roles"], json!(["ROLE_COLLABORATOR"]), "{way:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_who_ask_while_imports_run_receive_nothing() {
    let service = Service::start().await;
    let mallory = collaborator(&service, "mallory@example.org").await;

    for round in 0..20 {
        let wanted = format!("wanted{round}@example.org");
        let asks = async {
            for _ in 0..3 {
                ask(&service, &mallory, &wanted).await;
                put_me(&service, &mallory, &json!({"pendingEmail": null}))
                    .await
                    .expect(200);
            }
        };
        let imports = WAYS.map(|way| service.import(promotion(&wanted), way));
        let ((), imports) = futures::join!(asks, join_all(imports));
        for import in imports {
            import.expect(200);
        }
        let me = service.me(&mallory.token).await.expect(200);
        assert_eq!(me["roles"], json!(["ROLE_COLLABORATOR"]));
        assert_eq!(me["email"], "mallory@example.org");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_goes_while_an_import_is_about_to_write_receives_nothing() {
    let storage = Faults::new(Schedule::Clean);
    let service = Service::above(&storage).await;
    let mut moved_in_time = 0;
    for call in 0.. {
        // The account has the address when the import begins, and may have another when it writes.
        let (own, next) = (
            format!("old{call}@example.org"),
            format!("next{call}@example.org"),
        );
        let account = collaborator(&service, &own).await;
        storage.begin(Schedule::Freeze { call });
        let mut import = pin!(service.import(promotion(&own), WAYS[0]));
        let finished = storage.until_stopped(import.as_mut()).await.is_some();
        storage.begin(Schedule::Clean);
        if finished {
            break;
        }
        ask(&service, &account, &next).await;
        service
            .put(&path(&account), &json!({ "email": next }))
            .await
            .expect(200);
        storage.thaw();
        let import = import.await.expect(200);

        let me = service.me(&account.token).await;
        let roles = if import["counts"]["updated"] == 1 {
            // It was changed while it had the address.
            json!(["ROLE_USER_ADMIN"])
        } else {
            assert_eq!(import["rowErrors"][0]["code"], "already_exists", "{import}");
            moved_in_time += 1;
            json!(["ROLE_COLLABORATOR"])
        };
        assert_eq!(me.expect(200)["roles"], roles, "call {call}");
    }
    assert!(moved_in_time > 3, "{moved_in_time}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_request_finds_nobody_by_an_address() {
    let service = Service::start().await;
    let mallory = squatter(&service, "mallory@example.org", &[WANTED]).await;
    let before = service.me(&mallory.token).await.expect(200);
    // The id that an account would have whose address was given at creation, as far as it can be known.
    let guessed = format!("{}aaaaaaaa", super::slot(WANTED));

    for action in ["enable", "disable", "expire", "delete"] {
        let ids = json!({ "ids": [WANTED, guessed] });
        let answer = service
            .post(&format!("/users/bulk?action={action}"), &ids)
            .await
            .expect(200);
        let statuses: Vec<_> = answer["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["status"])
            .collect();
        assert_eq!(statuses, [404, 404], "{action}");
    }
    assert_eq!(service.me(&mallory.token).await.expect(200), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn bootstrap_makes_nobody_an_administrator_by_a_claim() {
    for claim in CLAIMS {
        let service = Service::start().await;
        let attacker = claim.make(&service, "mallory@example.org").await;

        let payload = json!({"email": WANTED, "add": true});
        let made = service.local.invoke("bootstrap", &payload).await;

        assert_eq!(made.is_ok(), !claim.keeps(), "{claim:?}");
        assert!(made.is_ok_and(|made| made["userId"] != attacker.id.to_string()) || claim.keeps());
        let me = service.me(&attacker.token).await.expect(200);
        assert_eq!(me["roles"], json!(["ROLE_COLLABORATOR"]), "{claim:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn references_of_other_systems_are_not_the_owners() {
    let service = Service::start().await;
    let ada = collaborator(&service, "ada@example.org").await;
    let references = json!({"planId": "gold", "externalUserId": "42"});
    service.put(&path(&ada), &references).await.expect(200);
    let record = service.me(&ada.token).await.expect(200);

    for (body, faults) in [
        (json!({"planId": "platinum"}), vec!["#/planId read_only"]),
        (
            json!({"externalUserId": null}),
            vec!["#/externalUserId read_only"],
        ),
        (
            json!({"planId": "", "externalUserId": "43", "mobileNumber": "12", "id": "x"}),
            vec![
                "#/mobileNumber invalid_format",
                "#/planId read_only",
                "#/externalUserId read_only",
                "#/id read_only",
            ],
        ),
        (json!({"planId": 7}), vec!["#/planId invalid_format"]),
    ] {
        let refused = put_me(&service, &ada, &body).await;
        assert_eq!(refused.status, 422, "{body}");
        assert_eq!(refused.faults(), faults, "{body}");
    }
    assert_eq!(put_me(&service, &ada, &references).await.expect(200), record);
    assert_eq!(put_me(&service, &ada, &record).await.expect(200), record);

    // Those who manage users may.
    for role in [Role::SystemAdmin, Role::UserAdmin] {
        let admin = service
            .account(&format!("{}@example.org", role.as_str()), &[role])
            .await;
        let changed = put_me(&service, &admin, &references).await.expect(200);
        assert_eq!(changed["planId"], "gold");
        assert_eq!(changed["externalUserId"], Value::from("42"));
    }
}
