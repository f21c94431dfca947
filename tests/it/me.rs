//! `/users/me`.

use reqwest::Method;
use serde_json::{Value, json};
use shared::roster::Role;

use crate::support::{Account, Answer, Service, send};

async fn put(service: &Service, caller: &Account, body: &Value) -> Answer {
    send(
        service
            .request_as(&caller.token, Method::PUT, "/users/me")
            .json(body),
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_change_their_record_and_gain_nothing() {
    let service = Service::start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;

    let read = service.me(&ada.token).await;
    let record = read.expect(200);
    assert_eq!(record["id"], ada.id.to_string());
    assert_eq!(read.header("etag"), "\"0\"");

    let changed = put(
        &service,
        &ada,
        &json!({"lastName": "Lovelace", "email": "ada@example.net"}),
    )
    .await;
    assert_eq!(changed.expect(200)["lastName"], "Lovelace");
    assert_eq!(changed.json()["email"], "ada@example.org");
    assert_eq!(changed.json()["pendingEmail"], "ada@example.net");
    let same = put(&service, &ada, &changed.json()).await;
    assert_eq!(same.expect(200), changed.json());
    assert_eq!(same.header("etag"), changed.header("etag"));
    for gain in [
        json!({"roles": ["ROLE_ORIGINATOR", "ROLE_COLLABORATOR"]}),
        json!({"roles": ["ROLE_SYSTEM_ADMIN"]}),
        json!({"enabled": false}),
        json!({"accountType": "LDAP"}),
    ] {
        assert_eq!(put(&service, &ada, &gain).await.status, 403, "{gain}");
    }
    assert_eq!(put(&service, &ada, &json!({"id": "x"})).await.status, 422);
    assert_eq!(service.me(&ada.token).await.json(), changed.json());
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_stay_what_they_are() {
    let service = Service::start().await;
    let root = service
        .account("root@example.org", &[Role::SystemAdmin, Role::UserAdmin])
        .await;
    let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;

    for loss in [
        json!({"enabled": false}),
        json!({"roles": ["ROLE_USER_ADMIN"]}),
        json!({"roles": ["ROLE_SYSTEM_ADMIN"]}),
    ] {
        assert_eq!(put(&service, &root, &loss).await.status, 409, "{loss}");
        assert_eq!(
            send(
                service
                    .request_as(&root.token, Method::PUT, &format!("/users/{}", root.id))
                    .json(&loss)
            )
            .await
            .status,
            409
        );
        assert_eq!(
            put(&service, &clerk, &loss).await.status,
            if loss["roles"][0] == "ROLE_USER_ADMIN" {
                200
            } else {
                403
            }
        );
    }
    let more = json!({"roles": ["ROLE_SYSTEM_ADMIN", "ROLE_USER_ADMIN", "ROLE_ORIGINATOR"]});
    assert_eq!(put(&service, &root, &more).await.status, 200);
    assert_eq!(put(&service, &clerk, &more).await.status, 403);
}
