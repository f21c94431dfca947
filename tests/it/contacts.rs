//! `/users/me/contacts` and what lies below it.

mod create;
mod deletion;
mod list;
mod one;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use local::{Functions, Options};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::{Value, json};
use shared::models::{Contact, ContactDraft, ContactId, Role};
use shared::{Config, clock};
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

/// The members at fault with their codes, as `pointer code`.
fn faults(problem: &Value) -> Vec<String> {
    let faults = problem["errors"].as_array().unwrap().iter();
    faults
        .map(|fault| {
            format!(
                "{} {}",
                fault["pointer"].as_str().unwrap(),
                fault["code"].as_str().unwrap()
            )
        })
        .collect()
}

/// A problem without what differs from request to request.
fn timeless(answer: &Answer) -> Value {
    let mut problem = answer.json();
    problem["instance"] = Value::Null;
    problem
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

/// Counts the calls of a client to storage, and lets only so many through.
#[derive(Clone, Debug)]
struct Calls {
    made: Arc<AtomicUsize>,
    most: usize,
}

impl Calls {
    fn at_most(most: usize) -> Self {
        Self {
            made: Arc::default(),
            most,
        }
    }

    /// The calls since the last time this was asked.
    fn take(&self) -> usize {
        self.made.swap(0, Ordering::Relaxed)
    }

    /// `client` with its calls counted.
    fn of(&self, client: &aws_sdk_dynamodb::Client) -> aws_sdk_dynamodb::Client {
        let config = client.config().to_builder().interceptor(self.clone());
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// A service whose functions' calls are counted.
    async fn service(&self) -> Service {
        let calls = self.clone();
        Service::with(Options {
            functions: Functions::Given(Arc::new(move |wiring| {
                let mut wiring = wiring.clone();
                wiring.dynamodb = calls.of(&wiring.dynamodb);
                local::functions::handlers(&wiring)
            })),
            ..Options::default()
        })
        .await
    }

    /// The stores behind `service`, over a client whose calls are counted.
    fn app(&self, service: &Service) -> shared::App {
        let app = service.app();
        let config: Config = app.config;
        shared::App::new(
            config,
            self.of(service.local.dynamodb()),
            service.local.s3().clone(),
        )
    }
}

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "calls"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.made.fetch_add(1, Ordering::Relaxed) < self.most {
            Ok(())
        } else {
            Err("no more calls".into())
        }
    }
}
