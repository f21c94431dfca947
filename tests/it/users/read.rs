//! `GET /users/{userId}`.

use reqwest::Method;
use shared::roster::Role;

use crate::support::faults::{Faults, Schedule};
use crate::support::{Service, send};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_read_by_one_call_to_storage() {
    let storage = Faults::new(Schedule::Clean);
    let service = Service::above(&storage).await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let path = format!("/users/{}", ada.id);

    for token in [service.admin(), &ada.token] {
        storage.take();
        let user = send(service.request_as(token, Method::GET, &path))
            .await
            .expect(200);

        assert_eq!(user["email"], ada.email);
        assert_eq!(storage.take(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_come_before_existence() {
    let service = Service::start().await;
    let ada = service.account("ada@example.org", &[Role::Originator]).await;
    let bob = service.account("bob@example.org", &[Role::Originator]).await;
    let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;
    let gone = format!("{}aaaaaaaa", &ada.id.to_string()[..24]);
    let get = async |token: &str, id: &str| {
        send(service.request_as(token, Method::GET, &format!("/users/{id}")))
            .await
            .status
    };

    assert_eq!(get(&ada.token, &ada.id.to_string()).await, 200);
    assert_eq!(get(&ada.token, &bob.id.to_string()).await, 403);
    for id in [gone.as_str(), "nonsense", "%F0%9F%A6%80"] {
        assert_eq!(get(&ada.token, id).await, 403, "{id}");
        assert_eq!(get(&clerk.token, id).await, 404, "{id}");
    }
    assert_eq!(get(&clerk.token, &ada.id.to_string()).await, 200);
    assert_eq!(get(&clerk.token, &clerk.id.to_string()).await, 200);
    assert_eq!(service.get(&format!("/users/{}?x=1", ada.id)).await.status, 400);
    assert_eq!(
        service
            .post(&format!("/users/{}", ada.id), &"".into())
            .await
            .status,
        405
    );
}
