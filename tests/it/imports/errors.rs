//! `GET /users/import/{importId}/errors`.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{counts, errors, members, path, people};
use crate::support::Service;
use crate::support::faults::{Faults, Schedule};

/// A file of `rows` rows without an address that is one.
fn bad(rows: u32) -> String {
    let mut file = "email\n".to_owned();
    for number in 1..=rows {
        writeln!(file, "nobody{number}").unwrap();
    }
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_shows_a_thousand_errors_and_the_pages_show_all() {
    let service = Service::start().await;
    let import = service.import(bad(2_345), &[]).await.expect(200);
    let path = path(&import) + "/errors";

    let walked = service.walk(&path, &[], 1000).await;

    assert_eq!(walked.len(), 2_345);
    assert_eq!(errors(&import).len(), 1_000);
    assert_eq!(import["rowErrors"].as_array().unwrap(), &walked[..1_000]);
    assert_eq!(
        errors(&import)[999],
        "line 1001: email \"nobody1000\" is not an email address"
    );
    let lines: Vec<_> = walked
        .iter()
        .map(|error| error["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, (2..2_347).collect::<Vec<_>>());
    assert_eq!(
        walked[2_344],
        json!({
            "line": 2346,
            "lastLine": null,
            "row": 2345,
            "member": "email",
            "column": "email",
            "code": "invalid_format",
            "severity": "error",
            "value": "nobody2345",
            "message": "email \"nobody2345\" is not an email address",
            "suggestion": null,
            "firstLine": null,
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_begins_and_ends_where_it_is_asked_to() {
    let service = Service::start().await;
    let import = service.import(bad(30), &[]).await.expect(200);
    let path = path(&import) + "/errors";
    let lines = |page: &Value| -> Vec<u64> {
        let items = page["items"].as_array().unwrap();
        items
            .iter()
            .map(|error| error["line"].as_u64().unwrap())
            .collect()
    };

    let first = service.get(&path).await.expect(200);
    let middle = service
        .get(&format!("{path}?offset=20&limit=5"))
        .await
        .expect(200);
    let cursor = middle["nextCursor"].as_str().unwrap();
    let next = service
        .get(&format!("{path}?cursor={cursor}&limit=7"))
        .await
        .expect(200);
    let beyond = service.get(&format!("{path}?offset=30")).await.expect(200);
    let none = service.get(&format!("{path}?limit=0")).await.expect(200);

    assert_eq!(members(&first), ["count", "items", "nextCursor", "offset"]);
    assert_eq!(lines(&first), (2..12).collect::<Vec<_>>());
    assert_eq!(lines(&middle), (22..27).collect::<Vec<_>>());
    assert_eq!((lines(&next), &next["offset"]), ((27..32).collect(), &json!(25)));
    assert_eq!(next["nextCursor"], json!(null));
    assert_eq!((lines(&beyond), &beyond["count"]), (vec![], &json!(30)));
    assert_eq!((lines(&none), &none["count"]), (vec![], &json!(30)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_without_errors_has_an_empty_page() {
    let service = Service::start().await;
    let import = service.import(people(1..=1), &[]).await.expect(200);

    let page = service.get(&(path(&import) + "/errors")).await.expect(200);

    assert_eq!(
        page,
        json!({ "items": [], "count": 0, "offset": 0, "nextCursor": null })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_out_of_range_are_named() {
    let service = Service::start().await;
    let import = service.import(people(1..=1), &[]).await.expect(200);

    for (query, name) in [
        ("limit=1001", "limit"),
        ("offset=-1", "offset"),
        ("cursor=abc", "cursor"),
        ("cursor=10", "cursor"),
        // `10.20.4294967296.0.0.0`
        ("cursor=MTAuMjAuNDI5NDk2NzI5Ni4wLjAuMA", "cursor"),
        ("severity=info", "severity"),
        ("member=shoeSize", "member"),
        ("code=read_only", "code"),
        ("cursor=5&offset=5", "cursor"),
        ("line=2", "line"),
    ] {
        let problem = service
            .get(&format!("{}/errors?{query}", path(&import)))
            .await
            .expect(400);

        assert_eq!(problem["errors"][0]["pointer"], format!("#/{name}"), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_error_of_a_line_is_lost_between_two_pages() {
    let service = Service::start().await;
    let mut file = "email,mobileNumber,roles\n".to_owned();
    for number in 1..=50 {
        writeln!(file, "nobody{number},12,Wizard").unwrap();
    }
    let import = service.import(file, &[]).await.expect(200);
    let path = path(&import) + "/errors";

    let whole = service.walk(&path, &[], 1000).await;

    assert_eq!(whole.len(), 150);
    for limit in [1, 2, 7] {
        assert_eq!(service.walk(&path, &[], limit).await, whole, "{limit} at a time");
    }
    for offset in [1, 75, 148] {
        let page = service
            .get(&format!("{path}?offset={offset}&limit=2"))
            .await
            .expect(200);
        assert_eq!(
            page["items"].as_array().unwrap(),
            &whole[offset..offset + 2],
            "{offset}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_costs_as_many_calls_at_the_end_as_at_the_beginning_and_errors_are_kept_up_to_a_limit() {
    const KEPT: u64 = 100_000;
    let storage = Faults::new(Schedule::Clean);
    let service = Service::above(&storage).await;
    let rows = u32::try_from(KEPT).unwrap() + 30;
    let import = service.import(bad(rows), &[]).await;
    let import = service.finished(import.json()["id"].as_str().unwrap()).await;
    let path = path(&import) + "/errors";
    let page = async |query: String| {
        storage.take();
        let page = service.get(&format!("{path}?{query}")).await.expect(200);
        (storage.take(), page)
    };

    let (calls_of_first, first) = page("limit=10".to_owned()).await;
    let (_, before) = page(format!("offset={}&limit=5", KEPT - 15)).await;
    let (calls_of_last, last) = page(format!("cursor={}", before["nextCursor"].as_str().unwrap())).await;
    let rejected = service.get(&(path.replace("/errors", "/rejected"))).await;

    storage.take();
    let causes = service
        .get(&(path.replace("/errors", "/causes")))
        .await
        .expect(200);
    // The caller, the import, and the causes.
    assert_eq!(storage.take(), 3);
    let [cause] = &causes["items"].as_array().unwrap()[..] else {
        panic!("{causes}");
    };
    assert_eq!(cause["rows"], rows);
    assert_eq!(cause["lines"], json!([format!("2-{}", rows + 1)]));
    assert_eq!(cause["values"].as_array().unwrap().len(), 20);
    assert_eq!(cause["others"], rows - 20);
    let partition = format!("I#{}", import["id"].as_str().unwrap());
    let items = service.partition(&partition).await;
    let size = |name: &str| {
        let item = items
            .iter()
            .find(|item| item["SK"].as_s().unwrap() == name)
            .unwrap();
        format!("{item:?}").len()
    };
    assert!(size("I") < 4_000, "{}", size("I"));
    assert!(size("C") < 50_000, "{}", size("C"));

    assert_eq!(counts(&import), [u64::from(rows), 0, 0, 0, u64::from(rows)]);
    assert_eq!(import["rowErrorsComplete"], false);
    assert_eq!(errors(&import).len(), 1_000);
    assert_eq!((&first["count"], &last["count"]), (&json!(KEPT), &json!(KEPT)));
    assert_eq!(calls_of_first, calls_of_last);
    assert_eq!(last["items"].as_array().unwrap().len(), 10);
    assert_eq!(last["items"][9]["line"], KEPT + 1, "the first line is the header");
    assert_eq!(last["nextCursor"], json!(null));
    assert_eq!(rejected.text.lines().count() as u64, 1 + u64::from(rows));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_the_errors_of_a_member_or_a_code_only() {
    let service = Service::start().await;
    let mut file = "email,mobileNumber,roles\n".to_owned();
    for number in 1..=30 {
        let email = if number % 3 == 0 {
            String::new()
        } else {
            format!("nobody{number}")
        };
        writeln!(file, "{email},12,Wizard").unwrap();
    }
    let import = service.import(file, &[]).await.expect(200);
    let path = path(&import) + "/errors";

    for (filter, expected) in [
        (&[("member", "email")][..], 30),
        (&[("code", "required")], 10),
        (&[("member", "email"), ("code", "invalid_format")], 20),
        (&[("severity", "all"), ("member", "roles")], 30),
        (&[("severity", "warning")], 0),
        (&[("member", "planId")], 0),
    ] {
        let walked = service.walk(&path, filter, 7).await;

        assert_eq!(walked.len(), expected, "{filter:?}");
        for error in walked {
            for (name, value) in filter.iter().filter(|(name, _)| *name != "severity") {
                assert_eq!(error[name], *value, "{error}");
            }
        }
    }
    let page = service
        .get(&format!("{path}?code=required&offset=8"))
        .await
        .expect(200);
    assert_eq!(
        (&page["count"], &page["items"][1]["line"]),
        (&json!(10), &json!(31))
    );
}
