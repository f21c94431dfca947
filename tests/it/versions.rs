//! Upgrade and roll-back: items that the version before stored are read, and so are items of a later version, with
//! words and members that this one does not know.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::Method;
use serde_json::{Value, json};
use shared::clock;
use shared::roster::Role;
use shared::table::Item;

use crate::imports::user;
use crate::support::{Service, form, send};

const IMPORT: &str = "0198c0de000070008000000000000000";

/// `value` as an attribute of an item.
fn attribute(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(flag) => AttributeValue::Bool(*flag),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(values) => AttributeValue::L(values.iter().map(attribute).collect()),
        Value::Object(members) => AttributeValue::M(
            members
                .iter()
                .map(|(name, value)| (name.clone(), attribute(value)))
                .collect(),
        ),
    }
}

async fn store(service: &Service, item: &Value) {
    let AttributeValue::M(item) = attribute(item) else {
        panic!("{item}");
    };
    let put = service
        .local
        .dynamodb()
        .put_item()
        .table_name(service.local.table());
    put.set_item(Some(item)).send().await.unwrap();
}

/// The item at `pk` and `sk`.
async fn stored(service: &Service, pk: &str, sk: &str) -> Item {
    let items = service.partition(pk).await;
    items
        .into_iter()
        .find(|item| item["SK"].as_s().unwrap() == sk)
        .unwrap_or_default()
}

/// `item` with other members.
fn with(mut item: Value, members: Value) -> Value {
    let Value::Object(members) = members else {
        panic!("{members}");
    };
    item.as_object_mut().unwrap().extend(members);
    item
}

/// An import as commit b9b1cdd stored it, before its first run.
fn import_of_before(service_admin: &str) -> Value {
    let now = clock::now();
    json!({
        "PK": format!("I#{IMPORT}"),
        "SK": "I",
        "id": IMPORT,
        "status": "queued",
        "options": {
            "mode": "create",
            "ignoreDuplicates": false,
            "defaultRoles": ["ROLE_COLLABORATOR"],
            "unknownColumns": "refuse",
        },
        "fileName": "people.csv",
        "bytes": 47,
        "sha256": null,
        "via": "api",
        "createdBy": service_admin,
        "objectKey": format!("imports/{IMPORT}.csv"),
        "counts": { "created": 0, "updated": 0, "skipped": 0, "failed": 0 },
        "errors": 0,
        "position": { "offset": 0, "line": 1, "row": 0 },
        "leaseUntil": now.millis() + 300_000,
        "createdAt": now.millis(),
        "expiresAt": now.seconds() + 3600,
        "LPK": "I",
        "LSK": format!("{now}#{IMPORT}"),
    })
}

const FILE: &str = "email,firstName\nada@example.org,Ada\nnobody,Bob\n";

async fn admin(service: &Service) -> String {
    let me = service.get("/users/me").await.expect(200);
    me["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_of_the_version_before_is_read_run_and_cancelled() {
    let service = Service::start().await;
    let path = format!("/users/import/{IMPORT}");
    store(&service, &import_of_before(&admin(&service).await)).await;

    let queued = service.get(&path).await.expect(200);
    let listed = service.get("/users/import").await.expect(200);
    service.put_object(&format!("imports/{IMPORT}.csv"), FILE).await;
    let completed = service.finished(IMPORT).await;

    assert_eq!(
        (&queued["status"], &queued["mode"]),
        (&json!("queued"), &json!("create"))
    );
    assert_eq!(listed["items"][0]["id"], IMPORT);
    assert_eq!(completed["counts"]["created"], 1);
    assert_eq!(
        completed["errors"],
        json!(["line 3: email \"nobody\" is not an email address"])
    );
    assert!(user(&service, "ada@example.org").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_are_missing_have_their_defaults() {
    let service = Service::start().await;
    let item = with(
        import_of_before(&admin(&service).await),
        json!({ "options": { "mode": "upsert" } }),
    );
    store(&service, &item).await;

    service.put_object(&format!("imports/{IMPORT}.csv"), FILE).await;
    let completed = service.finished(IMPORT).await;

    assert_eq!(completed["mode"], "upsert");
    assert_eq!(completed["defaultRoles"], json!(["ROLE_COLLABORATOR"]));
    assert_eq!(completed["counts"]["created"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_errors_and_rejected_rows_of_the_version_before_are_given() {
    let service = Service::start().await;
    let now = clock::now();
    let done = json!({
        "status": "completed",
        "read": {
            "dialect": { "encoding": "UTF-8", "bom": false, "delimiter": "," },
            "columns": { "header": ["email", "firstName"], "members": { "email": 0, "firstName": 1 } },
        },
        "counts": { "created": 1, "updated": 0, "skipped": 0, "failed": 1 },
        "errors": 1,
        "finishedAt": now.millis(),
    });
    let piece = format!("rejected/{IMPORT}/0000000001-x.csv");
    let row = "nobody,Bob,3,email,invalid_format,\"email \"\"nobody\"\" is not an email address\"\r\n";
    let error = json!({
        "line": 3, "row": 2, "column": "email", "code": "invalid_format", "value": "nobody",
        "message": "email \"nobody\" is not an email address", "firstLine": null,
    });
    let later = json!({ "line": 4, "row": 3, "code": "of_tomorrow", "message": "of tomorrow" });
    store(&service, &with(import_of_before(&admin(&service).await), done)).await;
    store(
        &service,
        &json!({
            "PK": format!("I#{IMPORT}"),
            "SK": "E#0000000003",
            "rejectedKey": piece,
            "rejectedBytes": row.len(),
            "count": 2,
            "errors": json!([error, later]).to_string(),
            "expiresAt": now.seconds() + 3600,
        }),
    )
    .await;
    service.put_object(&piece, row).await;

    let path = format!("/users/import/{IMPORT}");
    let errors = service.get(&(path.clone() + "/errors")).await.expect(200);
    let rejected = service.get(&(path + "/rejected")).await;

    assert_eq!(errors["items"][0]["code"], "invalid_format");
    assert_eq!(
        errors["items"][1]["code"], "of_tomorrow",
        "a word of a later version"
    );
    assert_eq!(errors["items"][1]["column"], json!(null));
    assert_eq!(
        rejected.text,
        format!(
            "\u{FEFF}email,firstName,_line,_column,_code,_message,_suggestion\r\n{},\r\n",
            row.trim_end()
        ),
        "rows of another layout are made as wide"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_with_a_mode_or_an_option_of_a_later_version_is_shown_and_changes_nothing() {
    let words = json!({ "mode": "undo", "ignoreDuplicates": false, "defaultRoles": ["ROLE_COLLABORATOR"] });
    for options in [
        words,
        json!({ "mode": "create", "defaultRoles": ["ROLE_AUDITOR"] }),
        json!({ "mode": "create", "colour": "blue" }),
    ] {
        let service = Service::start().await;
        let later = json!({ "options": options, "via": "mail", "leaseUntil": 1 });
        store(&service, &with(import_of_before(&admin(&service).await), later)).await;
        let partition = format!("I#{IMPORT}");
        let before = stored(&service, &partition, "I").await;
        let path = format!("/users/import/{IMPORT}");

        service.put_object(&format!("imports/{IMPORT}.csv"), FILE).await;
        service.put_object(&format!("resume/{IMPORT}"), "").await;
        service.local.settled().await;
        let shown = service.get(&path).await.expect(200);
        let resumed = send(service.request(Method::POST, &(path.clone() + "/resume"))).await;
        service.local.settled().await;

        assert_eq!(stored(&service, &partition, "I").await, before, "{options}");
        assert!(user(&service, "ada@example.org").await.is_none(), "{options}");
        assert_eq!(
            (&shown["mode"], &shown["via"]),
            (&options["mode"], &json!("mail"))
        );
        assert_eq!(shown["status"], "stalled");
        assert_eq!(
            resumed.expect(409)["detail"],
            "a later version of the service has the import; resume it there"
        );
        assert_eq!(
            service.delete(&path).await.expect(200)["status"],
            "cancelled",
            "{options}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_of_a_later_version_is_shown_and_not_changed() {
    let service = Service::start().await;
    let later = json!({ "status": "reviewing", "position": { "sheet": 2 }, "read": "of tomorrow" });
    store(&service, &with(import_of_before(&admin(&service).await), later)).await;
    let partition = format!("I#{IMPORT}");
    let before = stored(&service, &partition, "I").await;
    let path = format!("/users/import/{IMPORT}");

    service.put_object(&format!("imports/{IMPORT}.csv"), FILE).await;
    service.local.settled().await;
    let shown = service.get(&path).await.expect(200);

    assert_eq!(
        (&shown["status"], &shown["success"]),
        (&json!("reviewing"), &json!(null))
    );
    assert_eq!(
        service.get("/users/import").await.expect(200)["items"][0]["status"],
        "reviewing"
    );
    for answer in [
        service.delete(&path).await,
        service.get(&(path.clone() + "/rejected")).await,
        send(service.request(Method::POST, &(path + "/resume"))).await,
    ] {
        let detail = answer.expect(409)["detail"].clone();
        assert!(
            detail
                .as_str()
                .unwrap()
                .starts_with("a later version of the service has"),
            "{detail}"
        );
    }
    assert_eq!(stored(&service, &partition, "I").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_later_version_has_added_to_an_import_survives_a_run() {
    let service = Service::start().await;
    let counts = json!({ "created": 0, "updated": 0, "skipped": 0, "failed": 0, "postponed": 5 });
    let later = json!({ "counts": counts, "colour": { "name": "blue" } });
    store(&service, &with(import_of_before(&admin(&service).await), later)).await;

    service.put_object(&format!("imports/{IMPORT}.csv"), FILE).await;
    service.finished(IMPORT).await;

    let item = stored(&service, &format!("I#{IMPORT}"), "I").await;
    let number = |number: u64| AttributeValue::N(number.to_string());
    let counts = item["counts"].as_m().unwrap();
    assert_eq!(
        (&counts["postponed"], &counts["created"]),
        (&number(5), &number(1))
    );
    assert_eq!(item["colour"], attribute(&json!({ "name": "blue" })));
}

/// A user as commit b9b1cdd stored it.
async fn user_of_before(service: &Service, email: &str) -> (String, Value) {
    let account = service.account(email, &[Role::Originator]).await;
    let id = account.id.to_string();
    let item = json!({
        "PK": format!("U#{}", &id[..24]),
        "SK": "U",
        "id": id,
        "email": email,
        "firstName": "Ada",
        "roles": ["ROLE_ORIGINATOR"],
        "enabled": true,
        "accountType": "LOCAL",
        "createdAt": 1_763_887_066_000_u64,
        "modifiedAt": 1_763_887_066_000_u64,
        "version": 3,
        "tokensValidAfter": 1_763_887_066_000_u64,
        "search": format!("{email}\nada"),
        "LPK": "U#0",
        "LSK": email,
    });
    store(service, &item).await;
    (id, item)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_the_version_before_is_read_and_changed() {
    let service = Service::start().await;
    let (id, _) = user_of_before(&service, "ada@example.org").await;
    let path = format!("/users/{id}");

    let read = service.get(&path).await.expect(200);
    let changed = service
        .put(&path, &json!({ "lastName": "Lovelace" }))
        .await
        .expect(200);

    assert_eq!(
        (&read["firstName"], &read["roles"]),
        (&json!("Ada"), &json!(["ROLE_ORIGINATOR"]))
    );
    assert_eq!(
        (&changed["firstName"], &changed["lastName"]),
        (&json!("Ada"), &json!("Lovelace"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn words_and_members_of_a_later_version_are_shown_with_a_user_and_survive_a_change() {
    let service = Service::start().await;
    let (id, mut item) = user_of_before(&service, "ada@example.org").await;
    let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;
    // A later version may leave out what is for the index.
    for name in ["search", "LPK", "LSK"] {
        item.as_object_mut().unwrap().remove(name);
    }
    let later = json!({
        "roles": ["ROLE_ORIGINATOR", "ROLE_AUDITOR"], "accountType": "PASSKEY", "badge": { "number": 7 },
    });
    store(&service, &with(item, later)).await;
    let path = format!("/users/{id}");
    let partition = format!("U#{}", &id[..24]);
    let kept = async |names: &[&str]| -> HashMap<String, AttributeValue> {
        let item = stored(&service, &partition, "U").await;
        names
            .iter()
            .map(|name| ((*name).to_owned(), item[*name].clone()))
            .collect()
    };
    let names = ["roles", "accountType", "badge"];
    let before = kept(&names).await;

    let read = service.get(&path).await.expect(200);
    let by_clerk = send(service.request_as(&clerk.token, Method::GET, &path)).await;
    let changed = service
        .put(&path, &json!({ "lastName": "Lovelace" }))
        .await
        .expect(200);
    let after = kept(&names).await;
    let upsert = service.request(Method::POST, "/users/import").multipart(form(
        "email,firstName\nada@example.org,Augusta\n",
        &[("mode", "upsert")],
    ));
    let upsert = send(upsert).await.expect(200);
    let after_import = kept(&names).await;
    let demoted = service
        .put(
            &path,
            &json!({ "roles": ["ROLE_COLLABORATOR"], "accountType": "LDAP" }),
        )
        .await
        .expect(200);

    assert_eq!(read["roles"], json!(["ROLE_ORIGINATOR", "ROLE_AUDITOR"]));
    assert_eq!(read["accountType"], "PASSKEY");
    assert_eq!(by_clerk.status, 403, "the role may be one of an administrator");
    assert_eq!(
        (&changed["roles"], &changed["lastName"]),
        (&read["roles"], &json!("Lovelace"))
    );
    assert_eq!(after, before);
    assert_eq!(upsert["counts"]["updated"], 1, "{upsert}");
    assert_eq!(after_import, before);
    assert_eq!(demoted["roles"], json!(["ROLE_COLLABORATOR"]));
    assert_eq!(demoted["accountType"], "LDAP");
    assert_eq!(kept(&["badge"]).await["badge"], before["badge"]);
    service.delete(&path).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_later_version_survive_a_change_of_a_contact() {
    let service = Service::start().await;
    let ada = service.account("ada@example.org", &[Role::Collaborator]).await;
    let request = |method, path: &str| service.request_as(&ada.token, method, path);
    let new = json!({ "contacts": [{ "email": "grace@example.org" }], "ignoreDuplicates": false });
    let made = send(request(Method::POST, "/users/me/contacts").json(&new)).await;
    let made = made.expect(200);
    let path = format!("/users/me/contacts/{}", made["items"][0]["id"].as_str().unwrap());
    let partition = format!("C#{}", ada.id);
    let mut item = stored(&service, &partition, "grace@example.org").await;
    let badge = attribute(&json!({ "number": 7 }));
    item.insert("badge".to_owned(), badge.clone());
    let put = service
        .local
        .dynamodb()
        .put_item()
        .table_name(service.local.table());
    put.set_item(Some(item)).send().await.unwrap();

    for change in [
        json!({ "email": "grace@example.org", "lastName": "Hopper" }),
        json!({ "email": "hopper@example.org" }),
    ] {
        let changed = send(request(Method::PUT, &path).json(&change)).await.expect(200);

        let item = stored(&service, &partition, changed["email"].as_str().unwrap()).await;
        assert_eq!(item["badge"], badge, "{change}");
    }
    let found = send(request(Method::GET, "/users/me/contacts?searchText=hopper")).await;
    let found = found.expect(200);
    assert_eq!(found["count"], 1, "what a search reads is that of the change");
}
