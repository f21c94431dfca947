//! `GET /users`.

use data_encoding::BASE64URL_NOPAD;
use reqwest::Method;
use serde_json::{Value, json};
use shared::roster::Role;

use crate::support::{Answer, Service, send};

/// Address, first name, last name, roles, enabled.
const PEOPLE: [(&str, &str, &str, &str, bool); 7] = [
    ("zoe@example.org", "Zoë", "Ångström", "Originator", true),
    ("ada@example.org", "Ada", "Lovelace", "Originator", true),
    ("emil@bücher.example", "ÉMILE", "Straße", "Collaborator", false),
    ("a_b@example.org", "100%", "O'Hara", "Collaborator", true),
    (
        "axb@example.org",
        "ısık",
        "Lovelace",
        "Collaborator;Originator",
        false,
    ),
    ("crab@example.org", "🦀", "", "Originator", true),
    ("Bob@example.org", "Bob", "", "User Admin", true),
];

async fn people() -> Service {
    let service = Service::start().await;
    let rows = PEOPLE
        .map(|(email, first, last, roles, enabled)| format!("{email},{first},{last},{roles},{enabled}\n"));
    let file = format!("email,firstName,lastName,roles,enabled\n{}", rows.concat());
    let import = service.import(file, &[]).await.expect(200);
    assert_eq!(import["counts"]["created"], PEOPLE.len());
    service
}

async fn get(service: &Service, query: &[(&str, &str)]) -> Answer {
    send(service.request(Method::GET, "/users").query(query)).await
}

/// What comes before the `@` of each item's address.
fn names(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["email"].as_str().unwrap().split('@').next().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_literal_and_blind_to_case() {
    let service = people().await;

    for (text, found) in [
        ("LOVE", vec!["ada", "axb"]),
        ("a_b", vec!["a_b"]),
        ("%", vec!["a_b"]),
        ("o'h", vec!["a_b"]),
        (".*", vec![]),
        ("émile", vec!["emil"]),
        ("e\u{301}mile", vec!["emil"]),
        ("emile", vec![]),
        ("STRAẞE", vec!["emil"]),
        ("strasse", vec![]),
        ("ISIK", vec![]),
        ("ıSıK", vec!["axb"]),
        ("bücher", vec!["emil"]),
        ("xn--bcher", vec!["emil"]),
        ("🦀", vec!["crab"]),
        ("org\nzoë", vec![]),
        ("ångström", vec!["zoe"]),
    ] {
        let page = get(&service, &[("searchText", text)]).await.expect(200);
        assert_eq!(names(&page), found, "{text}");
        assert_eq!(page["count"], found.len(), "{text}");
    }
    let all = get(&service, &[]).await.expect(200);
    let empty = get(&service, &[("searchText", "")]).await.expect(200);
    assert_eq!(empty["count"], all["count"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_total_and_filters_add_up() {
    let service = people().await;
    let by_address = ["a_b", "ada", "admin", "axb", "Bob", "crab", "emil", "zoe"];

    for (query, found) in [
        (vec![], by_address.to_vec()),
        (vec![("orderBy", "DESC")], by_address.into_iter().rev().collect()),
        (
            vec![("sortBy", "lastName")],
            vec!["admin", "Bob", "crab", "ada", "axb", "a_b", "emil", "zoe"],
        ),
        (
            vec![("sortBy", "lastName"), ("orderBy", "DESC")],
            vec!["zoe", "emil", "a_b", "axb", "ada", "crab", "Bob", "admin"],
        ),
        (vec![("enabled", "false")], vec!["axb", "emil"]),
        (
            vec![("role", "ROLE_ORIGINATOR")],
            vec!["ada", "axb", "crab", "zoe"],
        ),
        (
            vec![
                ("role", "ROLE_ORIGINATOR"),
                ("enabled", "true"),
                ("searchText", "a"),
            ],
            vec!["ada", "crab", "zoe"],
        ),
        (vec![("role", "ROLE_ADHOC_COLLABORATOR")], vec![]),
        (vec![("offset", "2"), ("limit", "3")], vec!["admin", "axb", "Bob"]),
        (vec![("offset", "8")], vec![]),
    ] {
        let page = get(&service, &query).await.expect(200);
        assert_eq!(names(&page), found, "{query:?}");
    }
    let created = get(&service, &[("sortBy", "createdAt"), ("limit", "1")])
        .await
        .expect(200);
    assert_eq!(names(&created), ["admin"]);
    assert_eq!(created["count"], 8);
    let none = get(&service, &[("limit", "0"), ("enabled", "false")])
        .await
        .expect(200);
    assert_eq!(
        none,
        json!({"items": [], "count": 2, "offset": 0, "nextCursor": null})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_by_cursor_meets_everyone_once() {
    let service = people().await;

    for query in [
        vec![],
        vec![("orderBy", "DESC")],
        vec![("sortBy", "lastName")],
        vec![("sortBy", "createdAt"), ("orderBy", "DESC")],
        vec![("searchText", "example"), ("enabled", "true")],
    ] {
        let whole = get(&service, &query).await.expect(200);
        let walked = service.walk("/users", &query, 2).await;
        assert_eq!(json!(walked), whole["items"], "{query:?}");
        assert_eq!(walked.len(), whole["count"], "{query:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_parameters_are_named() {
    let service = people().await;
    let first = get(&service, &[("limit", "2")]).await.expect(200);
    let cursor = first["nextCursor"].as_str().unwrap();
    let long = "x".repeat(255);
    let forged = BASE64URL_NOPAD.decode(cursor.as_bytes()).unwrap();
    let forged = String::from_utf8(forged).unwrap().replace("ada@example.org", "");
    let forged = BASE64URL_NOPAD.encode(forged.as_bytes());

    for (query, name) in [
        (vec![("limit", "101")], "limit"),
        (vec![("limit", "-1")], "limit"),
        (vec![("offset", "x")], "offset"),
        (vec![("sortBy", "firstName")], "sortBy"),
        (vec![("orderBy", "asc")], "orderBy"),
        (vec![("role", "originator")], "role"),
        (vec![("enabled", "1")], "enabled"),
        (vec![("searchText", long.as_str())], "searchText"),
        (vec![("search", "x")], "search"),
        (vec![("limit", "1"), ("limit", "1")], "limit"),
        (vec![("cursor", "nonsense")], "cursor"),
        (vec![("cursor", forged.as_str())], "cursor"),
        (vec![("cursor", cursor), ("offset", "0")], "cursor"),
        (vec![("cursor", cursor), ("orderBy", "DESC")], "cursor"),
        (vec![("cursor", cursor), ("enabled", "true")], "cursor"),
    ] {
        let answer = get(&service, &query).await;
        assert_eq!(answer.status, 400, "{query:?}");
        let faults = answer.faults();
        assert!(
            faults[0].starts_with(&format!("#/{name} ")),
            "{query:?}: {faults:?}"
        );
    }
    assert_eq!(
        get(&service, &[("cursor", cursor), ("limit", "5")]).await.status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_administrator_sees_no_administrators() {
    let service = people().await;
    let clerk = service.account("clerk@example.org", &[Role::UserAdmin]).await;
    let list = async |query: &str| {
        send(service.request_as(&clerk.token, Method::GET, &format!("/users{query}")))
            .await
            .expect(200)
    };

    let all = list("").await;
    assert_eq!(names(&all), ["a_b", "ada", "axb", "crab", "emil", "zoe"]);
    assert_eq!(all["count"], 6);
    assert_eq!(list("?role=ROLE_USER_ADMIN").await["count"], 0);
    assert_eq!(list("?searchText=b%40").await["count"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deep_offset_is_for_the_order_of_addresses_only_and_a_walk_for_all() {
    let service = people().await;
    let answer = async |sort: &str, offset: &str| {
        let query = [("sortBy", sort), ("offset", offset)];
        get(&service, &query).await
    };

    for sort in ["lastName", "createdAt"] {
        answer(sort, "10000").await.expect(200);
        let refused = answer(sort, "10001").await;
        assert_eq!(refused.status, 400);
        assert_eq!(refused.faults(), ["#/offset out_of_range"]);
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(
            detail.contains("send nextCursor of each page as cursor"),
            "{detail}"
        );
        for order in ["ASC", "DESC"] {
            let walked = service
                .walk("/users", &[("sortBy", sort), ("orderBy", order)], 2)
                .await;
            assert_eq!(walked.len(), PEOPLE.len() + 1);
        }
    }
    let deep = answer("email", "4294967295").await.expect(200);
    assert_eq!(deep["items"], json!([]));
}
