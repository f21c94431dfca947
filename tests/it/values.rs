//! Values by every road: what JSON and files make of one text, and what an earlier version has stored of it.

use reqwest::Method;
use serde_json::{Value, json};
use shared::clock;
use shared::roster::{
    Contact, ContactDraft, ContactId, Email, Name, Profile, RequestMark, Role, Slot, User, UserId,
};
use uuid::Uuid;

use crate::imports::{counts, user};
use crate::support::{Answer, Service, collaborator, send};

/// Texts for members of a user, by either road.
const VALUES: [(&str, &str); 48] = [
    ("email", "ada@example.org"),
    ("email", " \u{a0}Ada@Example.org\u{200b}"),
    ("email", "\u{feff}ada@münchen.example"),
    ("email", "o'brien+tag@example.org"),
    ("email", "\"a\\ b\"@example.org"),
    ("email", "\"a\\é\"@example.org"),
    ("email", "jürgen@example.org"),
    ("email", "so\u{ad}ft@example.org"),
    ("email", "ann@exam\u{200b}ple.org"),
    ("email", "“ada@example.org”"),
    ("email", "ada@example.org–"),
    ("email", "ada@example.org🙂"),
    ("email", "☃@example.org"),
    ("email", "ada@☃.example"),
    ("email", "ada@xn--n3h.example"),
    ("email", "mailto:ada@example.org"),
    ("email", "<ada@example.org>"),
    ("email", "Ann Lee <ada@example.org>"),
    ("email", "ada@example.org, bob@example.org"),
    ("email", "ada@example.org."),
    ("email", "nobody"),
    ("email", "#N/A"),
    ("firstName", " Ada "),
    ("firstName", "Mi\u{200b}a"),
    ("firstName", "\u{200e}Eva\u{2069}"),
    ("firstName", "نا\u{200c}مه"),
    ("firstName", "Ada\nAugusta"),
    ("firstName", "#REF!"),
    ("firstName", "NULL"),
    ("firstName", "O&#39;Neil"),
    ("lastName", "\u{3000}Weiß\u{3000}"),
    ("otherName", "\u{200b}"),
    ("externalUserId", "a\u{2060}7"),
    ("planId", "gold\tplan"),
    ("mobileNumber", "+44 7912 345678"),
    ("mobileNumber", "\u{202a}+447912345678\u{202c}"),
    ("mobileNumber", "0044 7912 345678"),
    ("mobileNumber", "tel:+447912345678"),
    ("mobileNumber", "+44\u{a0}7912\u{2011}345678"),
    ("mobileNumber", "447912345678"),
    ("mobileNumber", "+44 (0)7912 345678"),
    ("mobileNumber", "+44\u{200b}7912345678"),
    ("mobileNumber", "4.47912E+11"),
    ("mobileNumber", "07912 345678"),
    ("mobileNumber", "+447912345678.0"),
    ("accountType", "ldap"),
    ("roles", "Orignator"),
    ("enabled", "ja"),
];

/// `text` as a cell of a file.
fn cell(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// What importing a user with that member gives, and the user.
async fn imported(service: &Service, member: &str, text: &str) -> (Value, Option<Value>) {
    let (header, row) = if member == "email" {
        ("email".to_owned(), cell(text))
    } else {
        (
            format!("email,{member}"),
            format!("ada@example.org,{}", cell(text)),
        )
    };
    let import = service
        .import(format!("{header}\n{row}\n"), &[("force", "true")])
        .await
        .expect(200);
    let listed = service.get("/users").await.expect(200);
    let users = listed["items"].as_array().unwrap();
    let made = users
        .iter()
        .find(|user| user["importId"] == import["id"])
        .cloned();
    if let Some(made) = &made {
        service
            .delete(&format!("/users/{}", made["id"].as_str().unwrap()))
            .await
            .expect(200);
    }
    (import, made)
}

/// The answer to adding a user with that member by JSON, who does not stay.
async fn posted(service: &Service, member: &str, value: &Value) -> Answer {
    let mut body = json!({ "email": "ada@example.org", "roles": ["ROLE_COLLABORATOR"] });
    body[member] = value.clone();
    let answer = service.post("/users", &body).await;
    if answer.status == 201 {
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        service.delete(&format!("/users/{id}")).await.expect(200);
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn json_and_files_make_the_same_of_a_value() {
    let service = Service::start().await;
    for (member, text) in VALUES {
        let what = format!("{member} {text:?}");
        let (import, made) = imported(&service, member, text).await;
        let answer = posted(&service, member, &text.into()).await;

        let row_error = import["rowErrors"]
            .as_array()
            .unwrap()
            .iter()
            .find(|error| error["severity"] == "error");
        match answer.status.as_u16() {
            201 => {
                let made = made.unwrap_or_else(|| panic!("{what}: {import}"));
                assert_eq!(answer.json()[member], made[member], "{what}");
            }
            422 => {
                let problem = answer.json();
                let suggestion = &problem["errors"][0]["suggestion"];
                match (row_error, made) {
                    // What files write in their own words is said in the words of JSON.
                    (Some(error), _) if member == "roles" => {
                        assert_eq!(
                            (&error["suggestion"], suggestion),
                            (&json!("Originator"), &json!("ROLE_ORIGINATOR"))
                        );
                    }
                    (Some(error), _) => assert_eq!(&error["suggestion"], suggestion, "{what}"),
                    // What only files may write is suggested as they read it.
                    (None, Some(made)) => {
                        let read = &made[member];
                        let read = read
                            .as_bool()
                            .map_or(read.clone(), |flag| flag.to_string().into());
                        assert_eq!(suggestion, &read, "{what}");
                    }
                    (None, None) => panic!("{what}: {import}"),
                }
                if let Some(meant) = suggestion.as_str() {
                    let meant = meant
                        .parse::<bool>()
                        .map_or_else(|_| Value::from(meant), Value::Bool);
                    let meant = if member == "roles" { json!([meant]) } else { meant };
                    assert_eq!(
                        posted(&service, member, &meant).await.status,
                        201,
                        "{what}: {meant}"
                    );
                }
            }
            status => panic!("{what}: {status}"),
        }
    }
}

/// Addresses that an earlier version took and that are refused now.
fn addresses() -> [String; 4] {
    [
        "☃ada@example.org".to_owned(),
        "“Eve”@example.org".to_owned(),
        "ada@☃.example".to_owned(),
        format!("{}@example.org", "É".repeat(64)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_the_version_before_with_values_that_are_refused_now_stay_whole() {
    let service = Service::start().await;
    for address in addresses() {
        let email = Email::stored(&address).unwrap();
        let stored = User {
            id: UserId::random(Slot::of(&email)),
            profile: Profile {
                first_name: Some(Name::stored("Mi\u{200b}a").unwrap()),
                ..Profile::default()
            },
            email: email.clone(),
            ..User::new(collaborator("x@example.org"), clock::now(), None)
        };
        service
            .app()
            .users
            .insert(&stored, RequestMark::random(), Vec::new())
            .await
            .unwrap();
        let path = format!("/users/{}", stored.id);

        let read = service.get(&path).await.expect(200);
        assert_eq!(
            (&read["email"], &read["firstName"]),
            (&json!(address), &json!("Mi\u{200b}a"))
        );
        let listed = service.get("/users?searchText=mi%E2%80%8Ba").await.expect(200);
        assert_eq!(listed["items"][0]["email"], address.as_str());

        // The record sent back as it was read, with another last name.
        let changed = service
            .put(
                &path,
                &json!({ "email": address, "firstName": "Mi\u{200b}a", "lastName": "Holm" }),
            )
            .await
            .expect(200);
        assert_eq!(
            (&changed["email"], &changed["lastName"]),
            (&json!(address), &json!("Holm"))
        );

        let upsert = service
            .import(
                format!("email,lastName\n{},Dahl\n", cell(&address)),
                &[("mode", "upsert")],
            )
            .await
            .expect(200);
        assert_eq!(counts(&upsert), [1, 0, 0, 0, 1]);
        assert_eq!(
            posted(&service, "email", &address.as_str().into()).await.status,
            422
        );
        assert_eq!(
            service.get("/users").await.expect(200)["count"],
            2,
            "nobody twice"
        );

        // An administrator mends both.
        let mended = json!({ "email": "mia@example.org", "firstName": "Mia" });
        assert_eq!(service.put(&path, &mended).await.expect(200)["firstName"], "Mia");
        service.delete(&path).await.expect(200);
        assert!(user(&service, "mia@example.org").await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_of_the_version_before_with_values_that_are_refused_now_stay_whole() {
    let service = Service::start().await;
    let ada = service.account("owner@example.org", &[Role::Collaborator]).await;
    let request = async |method: Method, path: &str, body: Option<Value>| {
        let request = service.request_as(&ada.token, method, path);
        send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    };
    for address in addresses() {
        let id = ContactId::from_uuid(Uuid::now_v7());
        let new = ContactDraft {
            email: "x@example.org".into(),
            ..ContactDraft::default()
        };
        let stored = Contact {
            email: Email::stored(&address).unwrap(),
            first_name: Some(Name::stored("Mi\u{200b}a").unwrap()),
            ..Contact::new(id, new.parse().unwrap(), clock::now())
        };
        service.app().contacts.insert(ada.id, &[&stored]).await.unwrap();
        let path = format!("/users/me/contacts/{id}");

        let found = request(Method::GET, "/users/me/contacts?searchText=mi%E2%80%8Ba", None)
            .await
            .expect(200);
        assert_eq!(found["items"][0]["email"], address.as_str());
        let same = json!({ "email": address, "firstName": "Mi\u{200b}a", "lastName": "Holm" });
        let changed = request(Method::PUT, &path, Some(same)).await.expect(200);
        assert_eq!(
            (&changed["email"], &changed["lastName"]),
            (&json!(address), &json!("Holm"))
        );
        let again = json!({ "contacts": [{ "email": address }], "ignoreDuplicates": true });
        request(Method::POST, "/users/me/contacts", Some(again))
            .await
            .expect(422);
        request(Method::DELETE, &path, None).await.expect(200);
        assert_eq!(
            request(Method::GET, "/users/me/contacts", None).await.expect(200)["count"],
            0
        );
    }
}
