//! `/users/me/contacts` and what lies below it.

mod create;
mod deletion;
mod list;
mod one;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::{Value, json};
use shared::clock;
use shared::roster::{Contact, ContactDraft, ContactId, Role};
use uuid::Uuid;

use crate::support::{Account, Answer, Service, send};

const PATH: &str = "/users/me/contacts";

/// Someone who may have contacts.
async fn ada(service: &Service) -> Account {
    service.account("ada@example.org", &[Role::Collaborator]).await
}

async fn get(service: &Service, account: &Account, path: &str) -> Answer {
    send(service.request_as(&account.token, Method::GET, path)).await
}

/// The caller's contacts, listed with these query parameters.
async fn list(service: &Service, account: &Account, query: &[(&str, &str)]) -> Answer {
    let query: Vec<_> = query
        .iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
        .collect();
    get(service, account, &format!("{PATH}?{}", query.join("&"))).await
}

async fn post(service: &Service, account: &Account, body: &Value) -> Answer {
    send(service.request_as(&account.token, Method::POST, PATH).json(body)).await
}

/// Adds contacts that must be new.
async fn add(service: &Service, account: &Account, contacts: &[Value]) -> Vec<Value> {
    let body = json!({ "contacts": contacts, "ignoreDuplicates": false });
    let added = post(service, account, &body).await.expect(200);
    added["items"].as_array().unwrap().clone()
}

/// How many contacts the caller has.
async fn count(service: &Service, account: &Account) -> u64 {
    let listed = list(service, account, &[("limit", "0")]).await.expect(200);
    listed["count"].as_u64().unwrap()
}

/// A contact to store without HTTP.
fn contact(email: &str) -> Contact {
    let draft = ContactDraft {
        email: email.into(),
        ..ContactDraft::default()
    };
    let id = ContactId::from_uuid(Uuid::new_v4());
    Contact::new(id, draft.parse().unwrap(), clock::now())
}
