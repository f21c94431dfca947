//! `POST /users/import/check`.

use reqwest::Method;
use serde_json::{Value, json};
use shared::roster::Role;

use super::{user, users};
use crate::support::{Service, send};

/// The outcome of each row, and the codes of its faults.
fn told(checked: &Value) -> Vec<(&str, Vec<&str>)> {
    let rows = checked["rows"].as_array().unwrap().iter();
    rows.map(|row| {
        let faults = row["faults"].as_array().unwrap().iter();
        let codes = faults.map(|fault| fault["code"].as_str().unwrap()).collect();
        (row["outcome"].as_str().unwrap(), codes)
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_checked_as_an_import_would_and_nothing_is_stored() {
    let service = Service::start().await;
    service
        .import("email,firstName\nold@example.org,Old\n", &[])
        .await
        .expect(200);
    let before = service.items().await.len();
    let rows = json!([
        ["new@example.org", "New", "x"],
        ["NEW@example.org", "New", null],
        ["old@example.org", "Changed", ""],
        ["old@", "", ""],
        ["one@example.org", "One"],
        ["", "Noah", ""],
    ]);

    let body = json!({"columns": ["email", "firstName", null], "rows": rows});
    let create = service.post("/users/import/check", &body).await.expect(200);
    let mut body = body;
    body["mode"] = json!("upsert");
    body["rows"][5] = json!(["old@example.org", "Old", ""]);
    body["rows"][2] = json!(["other@example.org", "x", ""]);
    let upsert = service.post("/users/import/check", &body).await.expect(200);

    assert_eq!(
        told(&create),
        [
            ("create", vec![]),
            ("repeats", vec!["duplicate_in_file"]),
            ("exists", vec![]),
            ("refused", vec!["invalid_format"]),
            ("refused", vec!["column_count"]),
            ("refused", vec!["required"]),
        ]
    );
    assert_eq!(create["rows"][1]["faults"][0]["firstLine"], 1);
    assert_eq!(create["rows"][3]["faults"][0]["row"], 4);
    assert_eq!(told(&upsert)[5], ("unchanged", vec![]));
    assert_eq!(service.items().await.len(), before);
    assert_eq!(users(&service).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_an_account_come_with_values_before_and_after() {
    let service = Service::start().await;
    let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;
    service
        .import("email,firstName\nold@example.org,Old\n", &[])
        .await
        .expect(200);
    let body = json!({
        "columns": ["email", "firstName", "roles", "enabled"],
        "rows": [
            ["old@example.org", "New", "Originator", "no"],
            ["admin@example.org", "New", "", ""],
            ["clerk@example.org", "Me", "", "no"],
        ],
        "mode": "upsert",
    });

    let request = service.request_as(&clerk.token, Method::POST, "/users/import/check");
    let checked = send(request.json(&body)).await.expect(200);
    let before = user(&service, "old@example.org").await.unwrap();

    assert_eq!(
        checked["rows"][0]["changes"],
        json!([
            {"member": "firstName", "before": "Old", "after": "New"},
            {"member": "roles", "before": ["ROLE_COLLABORATOR"], "after": ["ROLE_ORIGINATOR"]},
            {"member": "enabled", "before": true, "after": false},
        ])
    );
    assert_eq!(
        told(&checked),
        [
            ("update", vec![]),
            ("refused", vec!["forbidden_role"]),
            ("refused", vec!["forbidden_role"]),
        ]
    );
    assert_eq!(before.profile.first_name.unwrap().as_str(), "Old");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_bounded_and_every_fault_of_the_request_is_named() {
    let service = Service::start().await;
    let rows = |count: usize| -> Vec<_> {
        (0..count)
            .map(|row| vec![format!("u{row}@example.org")])
            .collect()
    };
    let check = async |body: Value| service.post("/users/import/check", &body).await;

    let most = check(json!({"columns": ["email"], "rows": rows(500)}))
        .await
        .expect(200);
    let more = check(json!({"columns": ["email"], "rows": rows(501)})).await;
    let large = check(json!({"columns": ["email"], "rows": [["x".repeat(1_100_000)]]})).await;
    let wide: Vec<_> = (0..500)
        .map(|row| {
            let mut cells = vec![String::new(); 100];
            cells[0] = format!("w{row}@example.org");
            cells
        })
        .collect();
    let mut columns = vec![Value::Null; 100];
    columns[0] = json!("email");
    let wide = check(json!({"columns": columns, "rows": wide})).await;

    assert_eq!(most["rows"].as_array().unwrap().len(), 500);
    assert_eq!(more.status, 422);
    assert_eq!(more.faults(), ["#/rows out_of_range"]);
    assert!(more.text.contains("1 to 500 rows"), "{}", more.text);
    assert_eq!(large.status, 413);
    wide.expect(200);
    for (body, faults) in [
        (
            json!({}),
            vec!["#/columns invalid_format", "#/rows invalid_format"],
        ),
        (
            json!({"columns": ["firstName"], "rows": [["x"]]}),
            vec!["#/columns required"],
        ),
        (
            json!({"columns": ["email", "email"], "rows": [["x"]]}),
            vec!["#/columns repeated"],
        ),
        (
            json!({"columns": ["mail"], "rows": [["x"]]}),
            vec!["#/columns invalid_format"],
        ),
        (
            json!({"columns": ["email"], "rows": []}),
            vec!["#/rows out_of_range"],
        ),
        (
            json!({"columns": ["email"], "rows": [[1]]}),
            vec!["#/rows invalid_format"],
        ),
        (
            json!({"columns": ["email"], "rows": [["x"]], "mode": "x", "y": 1}),
            vec!["#/mode invalid_format", "#/y unknown_member"],
        ),
    ] {
        let refused = check(body).await;
        assert_eq!(refused.status, 422);
        assert_eq!(refused.faults(), faults);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_has_at_most_twenty_faults() {
    let service = Service::start().await;
    let roles: Vec<_> = (0..50).map(|number| format!("r{number}")).collect();
    let body = json!({"columns": ["email", "roles"], "rows": [["a@example.org", roles.join(";")]]});

    let checked = service.post("/users/import/check", &body).await.expect(200);

    assert_eq!(checked["rows"][0]["faults"].as_array().unwrap().len(), 20);
}
