//! `GET /users/import/template`.

use reqwest::Method;

use super::counts;
use crate::support::{Service, send};

#[tokio::test(flavor = "multi_thread")]
async fn the_template_is_a_file_that_can_be_imported_as_it_is() {
    let service = Service::start().await;

    let template = service.get("/users/import/template").await;
    let import = service.import(template.text.clone(), &[]).await.expect(200);

    assert_eq!(template.status, 200);
    assert_eq!(
        template.header("content-type"),
        "text/csv; charset=utf-8; header=present"
    );
    assert_eq!(
        template.text.lines().next().unwrap(),
        "\u{FEFF}email,firstName,lastName,otherName,mobileNumber,roles,enabled,accountType,planId,externalUserId"
    );
    assert_eq!(template.text.lines().count(), 3);
    assert_eq!(counts(&import), [2, 2, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_template_is_csv_and_nothing_else() {
    let service = Service::start().await;

    let json = send(
        service
            .request(Method::GET, "/users/import/template")
            .header("accept", "application/json"),
    )
    .await;
    let post = send(service.request(Method::POST, "/users/import/template")).await;

    json.expect(406);
    post.expect(405);
    assert_eq!(post.header("allow"), "GET");
}
