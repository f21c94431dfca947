//! `GET /dashboard/users`.

use serde_json::{Value, json};

use crate::support::Service;

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
