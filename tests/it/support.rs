//! A service of one's own, and how to talk to it.

pub(crate) mod faults;
pub(crate) mod hang;
pub(crate) mod index;
pub(crate) mod logs;
pub(crate) mod operations;

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::ByteStream;
use lambda_runtime::LambdaEvent;
use local::{Functions, Local, Options, Wiring};
use reqwest::header::AUTHORIZATION;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use shared::intake::Intake;
use shared::roster::{Given, NewUser, RequestMark, Role, Roles, Timestamp, User, UserDraft, UserId};
use shared::table::{Item, NewToken, Token, WhenFull};
use shared::{Config, clock};
use uuid::Uuid;

use self::faults::Faults;

/// How long a test waits for something that has to happen.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A running service with an administrator.
pub(crate) struct Service {
    pub(crate) local: Local,
    client: Client,
    admin: String,
}

/// Somebody with an access token.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: UserId,
    pub(crate) email: String,
    pub(crate) token: String,
}

/// What the service answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Service {
    /// Starts a service with nothing but its administrator.
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    /// Starts a service in another way.
    pub(crate) async fn with(options: Options) -> Self {
        logs::watch();
        let local = Local::start(placed(options)).await.unwrap();
        Self {
            client: Client::builder().no_proxy().tls_certs_only([]).build().unwrap(),
            admin: local.admin_token().to_owned(),
            local,
        }
    }

    /// Starts a service whose log can be read, by [`logs::lines`].
    ///
    /// Its functions run in this process, also where the environment names built ones.
    pub(crate) async fn logged(options: Options) -> Self {
        Self::with(Options {
            functions: Functions::Given(Arc::new(local::functions::handlers)),
            ..options
        })
        .await
    }

    /// Starts a service whose functions have further variables.
    pub(crate) async fn with_variables(variables: &[(&str, &str)]) -> Self {
        Self::with(Options {
            environment: owned(variables).collect(),
            ..Options::default()
        })
        .await
    }

    /// Starts a service whose functions reach their storage through `faults`.
    pub(crate) async fn above(faults: &Faults) -> Self {
        Self::above_with(faults, &[]).await
    }

    /// As [`Service::above`], with further variables.
    pub(crate) async fn above_with(faults: &Faults, variables: &[(&str, &str)]) -> Self {
        Self::with(Options {
            functions: Functions::Given(faults.wire()),
            environment: owned(variables).collect(),
            ..Options::default()
        })
        .await
    }

    /// Starts a service in which the arrival of a file starts nothing, and whose functions have further variables.
    pub(crate) async fn without_runs(variables: &[(&str, &str)]) -> Self {
        let wire = Arc::new(|wiring: &Wiring| {
            let all = local::functions::handlers(wiring)?;
            Ok(all.event("import-file", |_: LambdaEvent<Value>| async {
                Ok::<_, lambda_runtime::Error>(())
            }))
        });
        Self::with(Options {
            functions: Functions::Given(wire),
            environment: owned(variables).collect(),
            ..Options::default()
        })
        .await
    }

    /// The stores behind the service, to arrange what a test begins with.
    pub(crate) fn app(&self) -> Intake {
        let config = Config::from_lookup(|name| match name {
            "TABLE_NAME" => Some(self.local.table().to_owned()),
            "BUCKET_NAME" => Some(self.local.bucket().to_owned()),
            _ => None,
        });
        Intake::new(config.unwrap(), self.local.dynamodb(), self.local.s3())
    }

    /// An enabled account with an access token.
    pub(crate) async fn account(&self, email: &str, roles: &[Role]) -> Account {
        let new = collaborator(email);
        let user = User {
            roles: roles.iter().copied().collect(),
            ..User::new(new, clock::now(), None)
        };
        self.app()
            .users
            .insert(&user, RequestMark::random(), Vec::new())
            .await
            .unwrap();
        Account {
            id: user.id,
            email: email.to_owned(),
            token: self.token(user.id).await,
        }
    }

    /// A new access token of a user.
    pub(crate) async fn token(&self, id: UserId) -> String {
        let token = Token::random(id).unwrap();
        let now = clock::now();
        self.keep(&token, now, now.plus(Duration::from_hours(1))).await;
        token.reveal().to_owned()
    }

    /// Keeps `token` as one that was issued then.
    pub(crate) async fn keep(&self, token: &Token, issued_at: Timestamp, expires_at: Timestamp) {
        let new = NewToken {
            token,
            issued_at,
            expires_at,
            void: None,
            more: &[],
        };
        let app = self.app();
        app.tokens.issue(new, 90, WhenFull::Refuse).await.unwrap();
    }

    /// A request to `path` below the base path with the administrator's token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_as(&self.admin, method, path)
    }

    /// A request to `path` below the base path with another's token.
    pub(crate) fn request_as(&self, token: &str, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path)
            .header(AUTHORIZATION, format!("Bearer {token}"))
    }

    /// A request to `path` below the base path without a token.
    pub(crate) fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/api/v1{path}", self.local.url());
        self.client.request(method, url)
    }

    /// `GET path` as the administrator.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    /// `POST path` with a JSON body as the administrator.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).json(body)).await
    }

    /// `PUT path` with a JSON body as the administrator.
    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::PUT, path).json(body)).await
    }

    /// `DELETE path` as the administrator.
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        send(self.request(Method::DELETE, path)).await
    }

    /// `GET /users/me` with `token`.
    pub(crate) async fn me(&self, token: &str) -> Answer {
        send(self.request_as(token, Method::GET, "/users/me")).await
    }

    /// Every item of the pages of `path`, which has no query, walked by cursor `limit` at a time. Each page
    /// has to say where it begins, and all of them how many items there are.
    pub(crate) async fn walk(&self, path: &str, query: &[(&str, &str)], limit: u32) -> Vec<Value> {
        let mut walked: Vec<Value> = Vec::new();
        let mut counts = Vec::new();
        let mut cursor = None::<String>;
        loop {
            let request = self.request(Method::GET, path).query(query);
            let request = request.query(&[("limit", limit)]);
            let request = request.query(&cursor.iter().map(|cursor| ("cursor", cursor)).collect::<Vec<_>>());
            let page = send(request).await.expect(200);
            assert_eq!(page["offset"], walked.len());
            walked.extend(page["items"].as_array().unwrap().iter().cloned());
            counts.push(page["count"].clone());
            cursor = page["nextCursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                assert_eq!(counts, vec![json!(walked.len()); counts.len()]);
                return walked;
            }
        }
    }

    /// The administrator's token.
    pub(crate) fn admin(&self) -> &str {
        &self.admin
    }

    /// Puts an object into the bucket.
    pub(crate) async fn put_object(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        let put = self.local.s3().put_object().bucket(self.local.bucket()).key(key);
        put.body(ByteStream::from(bytes.into())).send().await.unwrap();
    }

    /// The bytes of an object in the bucket, if there is one.
    pub(crate) async fn object(&self, key: &str) -> Option<Vec<u8>> {
        let get = self.local.s3().get_object().bucket(self.local.bucket()).key(key);
        let object = get.send().await.ok()?;
        Some(object.body.collect().await.unwrap().to_vec())
    }

    /// Every item of the table.
    #[expect(
        clippy::disallowed_methods,
        reason = "looks for what must be nowhere in the table"
    )]
    pub(crate) async fn items(&self) -> Vec<Item> {
        let scan = self.local.dynamodb().scan().table_name(self.local.table());
        scan.into_paginator().items().send().try_collect().await.unwrap()
    }

    /// Every item of a partition of the table, by sort key.
    pub(crate) async fn partition(&self, partition: &str) -> Vec<Item> {
        let query = self.local.dynamodb().query().table_name(self.local.table());
        let items = query
            .key_condition_expression("PK = :partition")
            .expression_attribute_values(":partition", AttributeValue::S(partition.to_owned()))
            .into_paginator()
            .items()
            .send();
        items.try_collect().await.unwrap()
    }

    /// Sets an attribute of the item at `pk` and `sk`, as time or a fault may.
    pub(crate) async fn set(&self, pk: &str, sk: &str, attribute: &str, number: u64) {
        self.local
            .dynamodb()
            .update_item()
            .table_name(self.local.table())
            .key("PK", AttributeValue::S(pk.to_owned()))
            .key("SK", AttributeValue::S(sk.to_owned()))
            .update_expression("SET #attribute = :number")
            .condition_expression("attribute_exists(PK)")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":number", AttributeValue::N(number.to_string()))
            .send()
            .await
            .unwrap();
    }

    /// Lets every upload URL of a user end, as time does.
    pub(crate) async fn end_uploads(&self, user: &str) {
        let key = |text: String| AttributeValue::S(text);
        let record = self.partition(&format!("O#{user}")).await.remove(0);
        let past = AttributeValue::N((clock::now().millis() - 1).to_string());
        let uploads = record["uploads"].as_m().unwrap().keys();
        let ended = uploads.map(|id| (id.clone(), past.clone())).collect();
        self.local
            .dynamodb()
            .update_item()
            .table_name(self.local.table())
            .key("PK", key(format!("O#{user}")))
            .key("SK", key("O".to_owned()))
            .update_expression("SET uploads = :ended")
            .expression_attribute_values(":ended", AttributeValue::M(ended))
            .send()
            .await
            .unwrap();
    }

    /// Imports `file` with further form fields as the administrator.
    pub(crate) async fn import(&self, file: impl Into<Vec<u8>>, fields: &[(&str, &str)]) -> Answer {
        send(
            self.request(Method::POST, "/users/import")
                .multipart(form(file, fields)),
        )
        .await
    }

    /// The import `id` once it has this status.
    pub(crate) async fn finished_as(&self, id: &str, status: &str) -> Value {
        eventually(status, async || {
            let import = self.get(&format!("/users/import/{id}")).await.json();
            (import["status"] == status).then_some(import)
        })
        .await
    }

    /// The import `id` once it is final.
    pub(crate) async fn finished(&self, id: &str) -> Value {
        eventually("the import is final", async || {
            let import = self.get(&format!("/users/import/{id}")).await.json();
            let is_final = ["completed", "failed", "cancelled"].contains(&import["status"].as_str().unwrap());
            is_final.then_some(import)
        })
        .await
    }
}

/// `options` in the world that the environment names, for runs of the same tests against what is deployed:
///
/// | variable | meaning |
/// |---|---|
/// | `FUNCTIONS_DIR` | the built binaries here in place of functions in this process |
/// | `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL_S3` | other stores in place of the embedded ones |
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where tests read the environment"
)]
fn placed(mut options: Options) -> Options {
    let variable = |name| std::env::var(name).ok();
    if let (Functions::InProcess, Some(folder)) = (&options.functions, variable("FUNCTIONS_DIR")) {
        options.functions = Functions::Processes(folder.into());
    }
    options.dynamodb_endpoint = variable("AWS_ENDPOINT_URL_DYNAMODB");
    options.s3_endpoint = variable("AWS_ENDPOINT_URL_S3");
    if options.dynamodb_endpoint.is_some() || options.s3_endpoint.is_some() {
        // These stores outlive the test, so its table and its bucket need names of their own.
        let name = format!("t{}", &Uuid::new_v4().simple().to_string()[..16]);
        options.stack.clone_from(&name);
        options.parameters.insert("ServiceName".to_owned(), name);
    }
    options
}

/// The variables as they are set.
pub(crate) fn owned(variables: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
    variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
}

/// What makes a collaborator with this address and nothing else.
pub(crate) fn collaborator(email: &str) -> NewUser {
    let draft = UserDraft {
        email: Given::from(email),
        roles: Given::from("ROLE_COLLABORATOR"),
        ..UserDraft::default()
    };
    draft.parse(Roles::ALL).unwrap()
}

/// A form with the part `file` and other fields.
pub(crate) fn form(file: impl Into<Vec<u8>>, fields: &[(&str, &str)]) -> Form {
    let file = Part::bytes(file.into()).file_name("users.csv");
    fields
        .iter()
        .fold(Form::new().part("file", file), |form, (name, value)| {
            form.text((*name).to_owned(), (*value).to_owned())
        })
}

/// Sends a request and reads the whole answer.
pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let response: Response = request.send().await.unwrap();
    Answer {
        status: response.status(),
        headers: response.headers().clone(),
        // Not `text`, which would take away a byte order mark.
        text: String::from_utf8(response.bytes().await.unwrap().into()).unwrap(),
    }
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The body as JSON, of an answer that must have this status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.json()
    }

    /// The members at fault in a problem, in order: `#/email required`.
    #[track_caller]
    pub(crate) fn faults(&self) -> Vec<String> {
        let problem = self.json();
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        errors
            .iter()
            .map(|error| format!("{} {}", text(&error["pointer"]), text(&error["code"])))
            .collect()
    }

    /// The problem without its request's id, by which alone two of a kind may differ.
    #[track_caller]
    pub(crate) fn timeless(&self) -> Value {
        let mut problem = self.json();
        problem.as_object_mut().unwrap().remove("instance");
        problem
    }

    /// Checks that this is the answer that every bad token gets, whatever is wrong with it.
    #[track_caller]
    pub(crate) fn expect_refused_token(&self, what: &str) {
        self.expect_unauthenticated(r#"Bearer error="invalid_token""#, what);
    }

    /// Checks that this is the answer to a request without valid credentials, with this challenge.
    #[track_caller]
    pub(crate) fn expect_unauthenticated(&self, challenge: &str, what: &str) {
        assert_eq!(self.status, 401, "{what}: {}", self.text);
        assert_eq!(self.header("www-authenticate"), challenge, "{what}");
        let problem = json!({
            "type": "/problems/unauthenticated",
            "title": "Unauthenticated",
            "status": 401,
            "detail": "a valid access token is required",
        });
        assert_eq!(self.timeless(), problem, "{what}");
    }

    /// Checks the headers that every answer has.
    #[track_caller]
    pub(crate) fn expect_common_headers(&self) {
        assert!(!self.header("x-request-id").is_empty(), "{}", self.text);
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("x-content-type-options"), "nosniff");
        assert_eq!(self.header("strict-transport-security"), "max-age=31536000");
    }

    /// The header `name`, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Waits until `probe` has something, and fails the test if it takes longer than [`SOON`].
pub(crate) async fn eventually<T>(what: &str, probe: impl AsyncFn() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(started.elapsed() < SOON, "it never came about that {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
