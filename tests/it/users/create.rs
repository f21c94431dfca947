//! `POST /users`.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use shared::roster::Role;

use crate::support::{Service, send};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_user_comes_back_whole() {
    let service = Service::start().await;

    let created = service
        .post(
            "/users",
            &json!({
                "email": " Ada@Example.org ", "firstName": " Ada ", "mobileNumber": "+44 20 7946 0958",
                "roles": "ROLE_ORIGINATOR", "planId": null,
            }),
        )
        .await;

    let user = created.expect(201);
    let id = user["id"].as_str().unwrap();
    assert_eq!(created.header("location"), format!("/api/v1/users/{id}"));
    assert_eq!(created.header("etag"), "\"0\"");
    assert_eq!(
        user,
        json!({
            "id": id, "email": "Ada@Example.org", "pendingEmail": null,
            "firstName": "Ada", "lastName": null, "otherName": null,
            "mobileNumber": "+442079460958", "roles": ["ROLE_ORIGINATOR"], "enabled": true,
            "accountType": "LOCAL", "planId": null, "externalUserId": null,
            "createdAt": user["createdAt"], "modifiedAt": user["createdAt"],
            "importId": null, "importLine": null,
        })
    );
    assert_eq!(service.get(&format!("/users/{id}")).await.expect(200), user);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_belongs_to_one_user_however_it_is_spelled() {
    let service = Service::start().await;
    let user = |email: &str| json!({"email": email, "roles": ["ROLE_COLLABORATOR"]});

    for (email, status) in [
        ("ada@bücher.example", 201),
        ("ADA@BÜCHER.example", 409),
        ("ada@xn--bcher-kva.example", 409),
        ("ada@bucher.example", 201),
    ] {
        let answer = service.post("/users", &user(email)).await;
        assert_eq!(answer.status, status, "{email}: {}", answer.text);
        if status == 409 {
            assert_eq!(answer.faults(), ["#/email already_exists"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_body_is_named() {
    let service = Service::start().await;
    let faults = async |body: Value| {
        let answer = service.post("/users", &body).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        answer.faults()
    };

    assert_eq!(faults(json!({})).await, ["#/email required", "#/roles required"]);
    assert_eq!(
        faults(json!({"email": "ada@", "roles": ["ROLE_ADHOC_COLLABORATOR", "ROLE_KING"], "enabled": "yes"}))
            .await,
        [
            "#/email invalid_format",
            "#/roles not_assignable",
            "#/roles unknown_role",
            "#/enabled invalid_format",
        ]
    );
    assert_eq!(
        faults(json!({"email": "ada@example.org", "roles": "ROLE_ORIGINATOR", "id": null, "name": "Ada"}))
            .await,
        ["#/id read_only", "#/name unknown_member"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused_by_kind() {
    let service = Service::start().await;
    let send_as = async |kind: &str, body: String| {
        let request = service.request(Method::POST, "/users").header(CONTENT_TYPE, kind);
        send(request.body(body)).await.status.as_u16()
    };

    assert_eq!(send_as("application/json", "{".to_owned()).await, 400);
    assert_eq!(send_as("application/json", "[]".to_owned()).await, 400);
    assert_eq!(
        send_as(
            "application/json",
            r#"{"email":"a@b.c","email":"a@b.c"}"#.to_owned()
        )
        .await,
        400
    );
    assert_eq!(send_as("text/plain", "{}".to_owned()).await, 415);
    assert_eq!(
        send_as(
            "application/json",
            format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20))
        )
        .await,
        413
    );
    assert_eq!(service.post("/users?x=1", &json!({})).await.status, 400);
    assert_eq!(service.delete("/users").await.header("allow"), "GET, POST");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_administrator_gives_no_admin_role() {
    let service = Service::start().await;
    let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;
    let post = async |email: &str, role: &str| {
        let body = json!({"email": email, "roles": ["ROLE_COLLABORATOR", role]});
        send(
            service
                .request_as(&clerk.token, Method::POST, "/users")
                .json(&body),
        )
        .await
        .status
    };

    assert_eq!(post("ada@example.org", "ROLE_ORIGINATOR").await, 201);
    assert_eq!(post("bob@example.org", "ROLE_USER_ADMIN").await, 403);
    assert_eq!(post("bob@", "ROLE_SYSTEM_ADMIN").await, 403);
    assert_eq!(service.get("/users?searchText=bob").await.json()["count"], 0);
}
