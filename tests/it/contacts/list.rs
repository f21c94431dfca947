//! `GET /users/me/contacts`.

use serde_json::{Value, json};
use shared::roster::Role;

use super::{ada, add, list};
use crate::support::{Account, Service};

async fn emails(service: &Service, account: &Account, query: &[(&str, &str)]) -> Vec<String> {
    let listed = list(service, account, query).await.expect(200);
    let items = listed["items"].as_array().unwrap().iter();
    items
        .map(|item| item["email"].as_str().unwrap().to_owned())
        .collect()
}

fn numbered(number: usize) -> String {
    format!("c{number:02}@example.org")
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_in_the_order_of_the_addresses_and_count_every_match() {
    let service = Service::start().await;
    let ada = ada(&service).await;
    let other = service.account("other@example.org", &[Role::Originator]).await;
    add(&service, &other, &[json!({ "email": "aa@example.org" })]).await;
    // In an order that is not that of the addresses, and in spellings that would sort apart.
    let contacts: Vec<_> = (0..25)
        .map(|number| number * 7 % 25)
        .map(|number| {
            let email = numbered(number);
            let email = if number % 2 == 0 {
                email.to_uppercase()
            } else {
                email
            };
            json!({ "email": email, "firstName": if number < 12 { "Low" } else { "High" } })
        })
        .collect();
    add(&service, &ada, &contacts).await;

    for (query, range, count) in [
        (vec![], 0..10, 25),
        (vec![("limit", "100")], 0..25, 25),
        (vec![("offset", "10")], 10..20, 25),
        (vec![("offset", "20")], 20..25, 25),
        (vec![("limit", "5"), ("offset", "3")], 3..8, 25),
        (vec![("offset", "25")], 0..0, 25),
        (vec![("offset", "4000000000")], 0..0, 25),
        (vec![("limit", "0")], 0..0, 25),
        (vec![("limit", "0"), ("offset", "7")], 0..0, 25),
        (vec![("searchText", "")], 0..10, 25),
        (vec![("searchText", "low")], 0..10, 12),
        (vec![("searchText", "low"), ("offset", "10")], 10..12, 12),
        (
            vec![("searchText", "high"), ("offset", "2"), ("limit", "3")],
            14..17,
            13,
        ),
        (vec![("searchText", "high"), ("limit", "0")], 0..0, 13),
        (vec![("searchText", "high"), ("offset", "13")], 0..0, 13),
    ] {
        let listed = list(&service, &ada, &query).await.expect(200);
        let items = listed["items"].as_array().unwrap().iter();
        let found: Vec<_> = items
            .map(|item| item["email"].as_str().unwrap().to_lowercase())
            .collect();
        assert_eq!(found, range.map(numbered).collect::<Vec<_>>(), "{query:?}");
        assert_eq!(listed["count"], count, "{query:?}");
        let offset = query.iter().find(|(name, _)| *name == "offset");
        let offset: u64 = offset.map_or(0, |(_, offset)| offset.parse().unwrap());
        assert_eq!(listed["offset"], offset, "{query:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_out_of_range_unknown_or_repeated_are_named() {
    let service = Service::start().await;
    let ada = ada(&service).await;

    for (query, told) in [
        (vec![("limit", "101")], vec!["#/limit out_of_range"]),
        (vec![("limit", "-1")], vec!["#/limit out_of_range"]),
        (vec![("offset", "1.5")], vec!["#/offset out_of_range"]),
        (vec![("sortBy", "email")], vec!["#/sortBy unknown_member"]),
        (vec![("limit", "1"), ("limit", "2")], vec!["#/limit repeated"]),
    ] {
        let refused = list(&service, &ada, &query).await;
        assert_eq!(refused.status, 400);
        assert_eq!(refused.faults(), told, "{query:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_literal_and_without_regard_to_case() {
    let service = Service::start().await;
    let ada = ada(&service).await;
    let person = |email: &str, first: &str, last: &str| -> Value {
        json!({ "email": email, "firstName": first, "lastName": last })
    };
    let contacts = [
        person("a@example.org", "100%", "Under_score"),
        person("b@example.org", "O'Brien", "\"Quote\""),
        person("c@example.org", "a.*[b]", "back\\slash"),
        person("d@example.org", "Émile", "Žižek"),
        person("e@example.org", "Işık", "Diyarbakır"),
        person("f@example.org", "Strauß", "Große Straße"),
        person("g@example.org", "Crab 🦀", "Σίσυφος"),
        person("h+tag@bücher.example", "Anna", "Maria"),
    ];
    add(&service, &ada, &contacts).await;

    for (text, found) in [
        ("%", "a"),
        ("100%", "a"),
        ("_", "a"),
        ("r_s", "a"),
        ("'", "b"),
        ("o'b", "b"),
        ("\"", "b"),
        ("'; --", ""),
        (".*", "c"),
        ("[B]", "c"),
        ("a.b", ""),
        ("^", ""),
        ("\\", "c"),
        ("k\\s", "c"),
        ("émile", "d"),
        ("E\u{301}MILE", "d"),
        ("emile", ""),
        ("žIŽ", "d"),
        ("IŞıK", "e"),
        ("işık", "e"),
        ("ışık", ""),
        ("IŞIK", ""),
        ("bakır", "e"),
        ("BAKIR", ""),
        ("strauß", "f"),
        ("STRAUẞ", "f"),
        ("strauss", ""),
        ("große straße", "f"),
        ("🦀", "g"),
        ("🐙", ""),
        ("ΣΊΣΥΦΟΣ", "g"),
        ("h+TAG@", "h"),
        ("BÜCHER", "h"),
        ("xn--", "h"),
        ("anna maria", ""),
        ("anna\nmaria", ""),
        ("@EXAMPLE.org", "abcdefg"),
        (" ", "fg"),
    ] {
        let emails = emails(&service, &ada, &[("searchText", text)]).await;
        let initials: String = emails.iter().filter_map(|email| email.chars().next()).collect();
        assert_eq!(initials, found, "{text}");
    }
}
