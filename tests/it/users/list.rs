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
        ("ada LOVE", vec!["ada"]),
        ("love example", vec!["ada", "axb"]),
        ("love \u{3000} zoë", vec![]),
        ("\"ada love\"", vec![]),
        ("\"O'Hara\" \"100%\"", vec!["a_b"]),
        ("\"ada", vec![]),
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
            vec!["admin", "Bob", "crab", "zoe", "ada", "axb", "a_b", "emil"],
        ),
        (
            vec![("sortBy", "lastName"), ("orderBy", "DESC")],
            vec!["emil", "a_b", "axb", "ada", "zoe", "crab", "Bob", "admin"],
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
    let longer = "x".repeat(256);
    let mut forged = BASE64URL_NOPAD.decode(cursor.as_bytes()).unwrap();
    let shown = String::from_utf8_lossy(&forged).into_owned();
    assert!(!shown.contains("example"), "a cursor shows an address");
    forged[0] ^= 1;
    let forged = BASE64URL_NOPAD.encode(&forged);

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
        (vec![("importId", "7")], "importId"),
        (vec![("createdAfter", "2026-11-23")], "createdAfter"),
        (vec![("createdBefore", "soon")], "createdBefore"),
        (vec![("externalUserId", longer.as_str())], "externalUserId"),
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
async fn any_offset_is_taken_in_any_order() {
    let service = people().await;
    for sort in ["email", "lastName", "createdAt"] {
        for order in ["ASC", "DESC"] {
            let query = [("sortBy", sort), ("orderBy", order)];
            let whole = get(&service, &query).await.expect(200);
            let tail = get(&service, &[query[0], query[1], ("offset", "5")])
                .await
                .expect(200);
            assert_eq!(
                json!(whole["items"].as_array().unwrap()[5..]),
                tail["items"],
                "{sort}"
            );
            let deep = get(&service, &[query[0], query[1], ("offset", "4294967295")])
                .await
                .expect(200);
            assert_eq!((&deep["items"], &deep["count"]), (&json!([]), &whole["count"]));
            let walked = service.walk("/users", &query, 2).await;
            assert_eq!(json!(walked), whole["items"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_found_by_reference_import_and_time() {
    let service = people().await;
    let import = service.get("/users/import").await.expect(200)["items"][0]["id"].clone();
    let mary = json!({"email": "mary@example.org", "roles": "ROLE_ORIGINATOR", "externalUserId": "M-1"});
    let mary = service.post("/users", &mary).await.expect(201);
    let made = mary["createdAt"].as_str().unwrap();
    let found = async |query: &[(&str, &str)]| {
        let page = get(&service, query).await.expect(200);
        let found: Vec<_> = names(&page).into_iter().map(str::to_owned).collect();
        assert_eq!(page["count"], found.len(), "{query:?}");
        found
    };

    assert_eq!(found(&[("externalUserId", "M-1")]).await, ["mary"]);
    assert_eq!(found(&[("externalUserId", "m-1")]).await, [""; 0]);
    assert_eq!(found(&[("externalUserId", "")]).await, [""; 0]);
    assert_eq!(found(&[("externalUserId", "M-")]).await, [""; 0]);
    // A reference is not searched for.
    assert_eq!(found(&[("searchText", "M-1")]).await, [""; 0]);
    let import = import.as_str().unwrap();
    assert_eq!(found(&[("importId", import)]).await.len(), PEOPLE.len());
    assert_eq!(
        found(&[("importId", import), ("role", "ROLE_USER_ADMIN")]).await,
        ["Bob"]
    );
    assert_eq!(
        found(&[("importId", "00000000000000000000000000000000")]).await,
        [""; 0]
    );
    let since = [("createdAfter", made)];
    assert_eq!(found(&since).await, [""; 0]);
    let before = found(&[("createdBefore", made)]).await;
    assert_eq!(before.len(), PEOPLE.len() + 1);
    assert!(!before.contains(&"mary".to_owned()));
    let both = [
        ("createdAfter", "2020-01-01T00:00:00+01:00"),
        ("createdBefore", made),
        ("searchText", "ada love"),
    ];
    assert_eq!(found(&both).await, ["ada"]);
}
