//! Who sees an import: callers whose only admin role is `ROLE_USER_ADMIN` see none of a system administrator.

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::Method;
use serde_json::{Value, json};
use shared::roster::Role;

use super::{import_as, path};
use crate::support::{Account, Service, eventually, send};

const FILE: &str = "email\nada@example.org\nnobody\n";

/// The status of every request about an import.
async fn statuses(service: &Service, caller: &Account, import: &Value) -> Vec<u16> {
    let mut statuses = Vec::new();
    for (method, below) in [
        (Method::GET, ""),
        (Method::GET, "/errors"),
        (Method::GET, "/rejected"),
        (Method::POST, "/resume"),
        (Method::DELETE, ""),
    ] {
        let request = service.request_as(&caller.token, method, &(path(import) + below));
        statuses.push(send(request).await.status.as_u16());
    }
    statuses
}

/// The ids that a caller's listing shows.
async fn listed(service: &Service, caller: &Account) -> Vec<Value> {
    let request = service.request_as(&caller.token, Method::GET, "/users/import");
    let page = send(request).await.expect(200);
    let items = page["items"].as_array().unwrap();
    assert_eq!(page["count"], items.len());
    items.iter().map(|import| import["id"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn user_administrators_neither_see_nor_touch_imports_of_system_administrators() {
    let service = Service::start().await;
    let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;
    let both = [Role::UserAdmin, Role::SystemAdmin];
    let head = service.account("head@example.org", &both).await;
    let of_admin = service.import(FILE, &[]).await.expect(200);
    let of_head = import_as(&service, &head.token, FILE, &[("mode", "validate")])
        .await
        .expect(200);
    let of_clerk = import_as(&service, &clerk.token, FILE, &[]).await.expect(200);

    for hidden in [&of_admin, &of_head] {
        assert_eq!(statuses(&service, &clerk, hidden).await, [404; 5]);
        assert_eq!(statuses(&service, &head, hidden).await, [200, 200, 200, 409, 409]);
    }
    assert_eq!(
        statuses(&service, &clerk, &of_clerk).await,
        [200, 200, 200, 409, 409]
    );
    assert_eq!(listed(&service, &clerk).await, [of_clerk["id"].clone()]);
    assert_eq!(listed(&service, &head).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_roles_by_which_it_was_sent_count_and_not_those_of_now() {
    let service = Service::start().await;
    let sender = service.account("sender@example.org", &[Role::SystemAdmin]).await;
    let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;
    let import = import_as(&service, &sender.token, FILE, &[]).await.expect(200);
    let roles = |roles: &str| json!({ "roles": roles });
    let of_sender = format!("/users/{}", sender.id);
    service
        .put(&of_sender, &roles("ROLE_USER_ADMIN"))
        .await
        .expect(200);

    assert_eq!(statuses(&service, &clerk, &import).await, [404; 5]);
    assert_eq!(statuses(&service, &sender, &import).await, [404; 5]);
    let again = import_as(&service, &sender.token, FILE, &[]).await.expect(200);
    assert_ne!(
        again["id"], import["id"],
        "it is not answered with what is hidden"
    );

    let of_clerk = import_as(&service, &clerk.token, FILE, &[]).await.expect(200);
    let of_clerk_id = format!("/users/{}", clerk.id);
    service
        .put(&of_clerk_id, &roles("ROLE_SYSTEM_ADMIN"))
        .await
        .expect(200);
    assert_eq!(statuses(&service, &sender, &of_clerk).await[0], 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_of_the_version_before_is_hidden_because_its_sender_had_unknown_roles() {
    let service = Service::start().await;
    let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;
    let import = import_as(&service, &clerk.token, FILE, &[]).await.expect(200);
    let update = service
        .local
        .dynamodb()
        .update_item()
        .table_name(service.local.table());
    let partition = format!("I#{}", import["id"].as_str().unwrap());
    update
        .key("PK", AttributeValue::S(partition))
        .key("SK", AttributeValue::S("I".to_owned()))
        .update_expression("REMOVE senderRoles")
        .send()
        .await
        .unwrap();

    assert_eq!(statuses(&service, &clerk, &import).await, [404; 5]);
    assert!(listed(&service, &clerk).await.is_empty());
    service.get(&path(&import)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_file_is_seen_by_those_whose_rights_it_has() {
    for (allowed, shown) in [(false, 1), (true, 0)] {
        let service = Service::with_variables(&[("DROP_MAY_GIVE_ADMIN_ROLES", &allowed.to_string())]).await;
        let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;

        service.put_object("drop/a.csv", FILE).await;
        let import = eventually("the dropped file is imported", async || {
            let page = service.get("/users/import").await.expect(200);
            page["items"].as_array().unwrap().first().cloned()
        })
        .await;

        assert_eq!(listed(&service, &clerk).await.len(), shown, "{allowed}");
        let status = statuses(&service, &clerk, &import).await[0];
        assert_eq!(status, if allowed { 404 } else { 200 });
    }
}
