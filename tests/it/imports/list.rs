//! `GET /users/import`.

use serde_json::{Value, json};

use super::dry_run::followed;
use super::{MEMBERS, members, people};
use crate::support::Service;

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
async fn imports_are_walked_by_cursor() {
    let service = Service::start().await;
    let mut sent = Vec::new();
    for number in 1..=5 {
        let import = service.import(people(number..=number), &[]).await;
        sent.insert(0, import.expect(200)["id"].clone());
    }

    let walked = service.walk("/users/import", &[], 2).await;

    let walked: Vec<_> = walked.into_iter().map(|import| import["id"].clone()).collect();
    assert_eq!(walked, sent);
    service.get("/users/import?cursor=nonsense").await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_that_follow_another_are_found_by_it() {
    let service = Service::start().await;
    let file = "email\nada@example.org\nnobody\n";
    let dry = service.import(file, &[("dryRun", "true")]).await.expect(200);
    let applied = followed(&service, &dry, "/apply").await;
    let undone = followed(&service, &applied, "/undo").await;
    let parent = [("parent", applied["id"].as_str().unwrap())];
    let corrected = service.import(people(1..=1), &parent).await.expect(200);
    let of = async |import: &Value| {
        let query = [("parent", import["id"].as_str().unwrap())];
        let walked = service.walk("/users/import", &query, 1).await;
        walked
            .iter()
            .map(|import| import["id"].clone())
            .collect::<Vec<_>>()
    };

    assert_eq!(of(&dry).await, [applied["id"].clone()]);
    assert_eq!(
        of(&applied).await,
        [corrected["id"].clone(), undone["id"].clone()]
    );
    assert_eq!(of(&corrected).await, [Value::Null; 0]);
    let long = "x".repeat(33);
    let refused = service
        .get(&format!("/users/import?parent={long}"))
        .await
        .expect(400);
    assert_eq!(refused["errors"][0]["pointer"], "#/parent");
}
