//! `GET /dashboard/users`.

use reqwest::Method;
use serde_json::{Value, json};
use shared::roster::Role;

use crate::support::{Service, send};

fn of<'a>(numbers: &'a Value, breakdown: &str, member: &str, name: &str) -> &'a Value {
    numbers[breakdown]
        .as_array()
        .unwrap()
        .iter()
        .find(|part| part[member] == name)
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_move_with_what_they_count() {
    let service = Service::start().await;
    let ada = json!({
        "email": "ada@example.org", "roles": ["ROLE_ORIGINATOR", "ROLE_COLLABORATOR"], "accountType": "LDAP",
    });
    let ada = service.post("/users", &ada).await.expect(201)["id"].clone();
    let ada = format!("/users/{}", ada.as_str().unwrap());
    let bob = json!({"email": "bob@example.org", "roles": "ROLE_USER_ADMIN", "enabled": false});
    service.post("/users", &bob).await.expect(201);
    service
        .import("email,roles\ncyd@example.org,Originator\n", &[])
        .await
        .expect(200);

    let numbers = service.get("/dashboard/users").await.expect(200);
    assert_eq!(numbers["totalUsers"], 4);
    assert_eq!(numbers["activeUsers"], 3);
    assert_eq!(numbers["disabledUsers"], 1);
    assert_eq!(
        *of(&numbers, "breakdownByAccountType", "accountType", "LDAP"),
        json!({"accountType": "LDAP", "totalUsers": 1, "totalActiveUsers": 1, "totalDisabledUsers": 0})
    );
    assert_eq!(
        *of(&numbers, "breakdownByRole", "role", "ROLE_USER_ADMIN"),
        json!({"role": "ROLE_USER_ADMIN", "totalUsers": 1, "totalActiveUsers": 0, "totalDisabledUsers": 1})
    );
    assert_eq!(
        of(&numbers, "breakdownByRole", "role", "ROLE_ORIGINATOR")["totalUsers"],
        2
    );
    assert_eq!(numbers["breakdownByAccountType"].as_array().unwrap().len(), 3);
    assert_eq!(numbers["breakdownByRole"].as_array().unwrap().len(), 5);

    service
        .put(
            &ada,
            &json!({"roles": ["ROLE_ORIGINATOR"], "accountType": "LOCAL"}),
        )
        .await
        .expect(200);
    service
        .put(&format!("{ada}/enable"), &Value::Null)
        .await
        .expect(200);
    let numbers = service.get("/dashboard/users").await.expect(200);
    assert_eq!(numbers["disabledUsers"], 2);
    assert_eq!(
        of(&numbers, "breakdownByAccountType", "accountType", "LDAP")["totalUsers"],
        0
    );
    assert_eq!(
        of(&numbers, "breakdownByRole", "role", "ROLE_COLLABORATOR")["totalUsers"],
        0
    );

    service.delete(&ada).await.expect(200);
    let numbers = service.get("/dashboard/users").await.expect(200);
    assert_eq!(numbers["totalUsers"], 3);
    assert_eq!(numbers["disabledUsers"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn user_administrators_count_the_accounts_that_they_see() {
    let service = Service::start().await;
    let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;
    for (email, roles, enabled, account_type) in [
        (
            "a@example.org",
            json!(["ROLE_SYSTEM_ADMIN", "ROLE_ORIGINATOR"]),
            true,
            "LDAP",
        ),
        (
            "b@example.org",
            json!(["ROLE_USER_ADMIN", "ROLE_ORIGINATOR"]),
            false,
            "LOCAL",
        ),
        ("c@example.org", json!(["ROLE_ORIGINATOR"]), true, "LDAP"),
        ("d@example.org", json!(["ROLE_COLLABORATOR"]), false, "LOCAL"),
    ] {
        let user = json!({"email": email, "roles": roles, "enabled": enabled, "accountType": account_type});
        service.post("/users", &user).await.expect(201);
    }
    let get = async |path: &str| {
        let request = service.request_as(&clerk.token, Method::GET, path);
        send(request).await.expect(200)
    };

    let numbers = get("/dashboard/users").await;

    for (filter, shown) in [
        ("", &numbers["totalUsers"]),
        ("enabled=true", &numbers["activeUsers"]),
        ("enabled=false", &numbers["disabledUsers"]),
    ] {
        assert_eq!(
            get(&format!("/users?{filter}")).await["count"],
            *shown,
            "{filter}"
        );
    }
    for part in numbers["breakdownByRole"].as_array().unwrap() {
        let role = part["role"].as_str().unwrap();
        let of_role = format!("/users?role={role}");
        assert_eq!(get(&of_role).await["count"], part["totalUsers"], "{role}");
        let disabled = get(&format!("{of_role}&enabled=false")).await;
        assert_eq!(disabled["count"], part["totalDisabledUsers"], "{role}");
    }
    let of_type = |name| of(&numbers, "breakdownByAccountType", "accountType", name)["totalUsers"].clone();
    assert_eq!((of_type("LDAP"), of_type("LOCAL")), (json!(1), json!(1)));
    assert_eq!(numbers["totalUsers"], 2);
}
