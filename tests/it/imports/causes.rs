//! `GET /users/import/{importId}/causes`.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{path, people};
use crate::support::Service;

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_grouped_by_cause_over_all_checkpoints() {
    let service = Service::with_variables(&[("IMPORT_SEGMENT_ROWS", "7")]).await;
    let mut file = "Mail,roles\n".to_owned();
    for number in 0..60 {
        let role = if number % 4 == 0 { "Wizard" } else { "Originator" };
        let email = match number % 3 {
            0 => format!("person{number}@example.org"),
            1 => "nobody".to_owned(),
            _ => "person0@example.org".to_owned(),
        };
        writeln!(file, "{email},{role}").unwrap();
    }
    let import = service.import(file, &[]).await.expect(200);

    let causes = service.get(&(path(&import) + "/causes")).await.expect(200);

    let items = causes["items"].as_array().unwrap();
    let of = |code: &str| items.iter().find(|cause| cause["code"] == code).unwrap();
    let format = of("invalid_format");
    assert_eq!(
        (&format["member"], &format["column"], &format["severity"]),
        (&json!("email"), &json!("Mail"), &json!("error"))
    );
    assert_eq!((&format["rows"], &format["firstLine"]), (&json!(20), &json!(3)));
    assert_eq!(
        format["values"],
        json!([{ "value": "nobody", "rows": 20, "suggestion": null }])
    );
    assert_eq!(format["others"], 0);
    assert_eq!(format["lines"].as_array().unwrap().len(), 20);
    assert_eq!(format["message"], "Mail \"nobody\" is not an email address");
    assert_eq!(of("unknown_role")["rows"], 15);
    let repeats: u64 = items
        .iter()
        .filter(|cause| ["duplicate_in_file", "already_exists"].contains(&cause["code"].as_str().unwrap()))
        .map(|cause| cause["rows"].as_u64().unwrap())
        .sum();
    assert_eq!(
        repeats, 14,
        "of 20, a quarter has another error, and one makes the account"
    );
    let rows: Vec<_> = items
        .iter()
        .map(|cause| cause["rows"].as_u64().unwrap())
        .collect();
    assert!(rows.is_sorted_by(|one, next| one >= next), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_without_errors_has_no_causes() {
    let service = Service::start().await;
    let import = service.import(people(1..=1), &[]).await.expect(200);

    let causes = service.get(&(path(&import) + "/causes")).await.expect(200);

    assert_eq!(causes, json!({ "items": [] }));
    let refused = service.get(&(path(&import) + "/causes?limit=1")).await;
    assert_eq!(refused.expect(400)["errors"][0]["pointer"], "#/limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn very_many_causes_end_in_one_for_the_rest() {
    let service = Service::start().await;
    // Each of these columns means nothing, so what is undecodable in it has a cause of its own.
    let header: Vec<_> = (0..150).map(|number| format!("_{number}")).collect();
    let mut file = format!("email,{}\n", header.join(",")).into_bytes();
    for row in 0..150_usize {
        let mut cells = vec![b"x@example.org".to_vec()];
        cells.extend((0..150).map(|cell| if cell == row { vec![0xFF] } else { Vec::new() }));
        file.extend(cells.join(&b","[..]));
        file.push(b'\n');
    }
    let import = service.import(file, &[]).await.expect(200);

    let causes = service.get(&(path(&import) + "/causes")).await.expect(200);

    let items = causes["items"].as_array().unwrap();
    assert_eq!(items.len(), 101);
    assert_eq!(
        (&items[100]["code"], &items[100]["rows"]),
        (&Value::Null, &json!(50))
    );
}
