//! `GET /users/import`.

use reqwest::Method;
use serde_json::{Value, json};
use shared::models::Role;

use super::{MEMBERS, members, people};
use crate::support::{Service, send};

#[tokio::test(flavor = "multi_thread")]
async fn imports_are_listed_newest_first() {
    let service = Service::start().await;
    let mut ids = Vec::new();
    for number in 1..=3 {
        let import = service.import(people(number..=number), &[]).await.expect(200);
        ids.insert(0, import["id"].clone());
    }
    let listed = |page: &Value| -> Vec<Value> {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|import| import["id"].clone()).collect()
    };

    let all = service.get("/users/import").await.expect(200);
    let second = service.get("/users/import?limit=1&offset=1").await.expect(200);
    let none = service.get("/users/import?limit=0").await.expect(200);

    assert_eq!(members(&all), ["count", "items", "nextCursor", "offset"]);
    assert_eq!(members(&all["items"][0]), MEMBERS);
    assert_eq!((listed(&all), &all["count"]), (ids.clone(), &json!(3)));
    assert_eq!(listed(&second), ids[1..2]);
    assert_eq!(second["offset"], 1);
    assert_eq!((listed(&none), &none["count"]), (vec![], &json!(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_out_of_range_are_named() {
    let service = Service::start().await;

    for (query, name) in [
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("offset=x", "offset"),
        ("limit=1&limit=2", "limit"),
        ("sort=asc", "sort"),
    ] {
        let problem = service.get(&format!("/users/import?{query}")).await.expect(400);

        assert_eq!(problem["errors"][0]["pointer"], format!("#/{name}"), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_see_anything_of_imports() {
    let service = Service::start().await;
    let ordinary = service.account("o@example.org", &[Role::Originator]).await;
    let import = service.import(people(1..=1), &[]).await.expect(200);
    let one = super::path(&import);

    for (method, path) in [
        (Method::GET, "/users/import".to_owned()),
        (Method::GET, "/users/import/template".to_owned()),
        (Method::POST, "/users/import/uploads".to_owned()),
        (Method::GET, one.clone()),
        (Method::DELETE, one.clone()),
        (Method::POST, format!("{one}/resume")),
        (Method::GET, format!("{one}/errors")),
        (Method::GET, format!("{one}/rejected")),
    ] {
        let anonymous = send(service.anonymous(method.clone(), &path)).await;
        let refused = send(service.request_as(&ordinary.token, method, &path)).await;

        anonymous.expect(401);
        assert_eq!(anonymous.header("www-authenticate"), "Bearer", "{path}");
        refused.expect(403);
    }
}
