//! `POST /auth/token/revoke`.

use reqwest::Method;
use serde_json::json;
use shared::roster::Role;

use crate::support::{Service, send};

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_dead_and_the_others_live() {
    let service = Service::start().await;
    let ada = service
        .account("ada@example.org", &[Role::AdhocCollaborator])
        .await;
    let other = service.token(ada.id).await;

    let revoked = send(service.request_as(&ada.token, Method::POST, "/auth/token/revoke")).await;

    assert_eq!(revoked.expect(200), json!({}));
    let again = send(service.request_as(&ada.token, Method::POST, "/auth/token/revoke")).await;
    assert_eq!(again.status, 401);
    assert_eq!(
        again.header("www-authenticate"),
        r#"Bearer error="invalid_token""#
    );
    assert_eq!(service.me(&other).await.status, 200);
}
