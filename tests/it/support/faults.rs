//! A layer beneath the SDK that disturbs calls to storage: it counts them, and lets chosen ones fail.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use local::{Local, Wire};
use serde_json::{Value, json};
use shared::Config;
use shared::catalog::Catalog;
use shared::errors::Limits;
use shared::intake::Intake;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::hang::own_retries;

/// What befalls a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection breaks before the request is sent.
    NotSent,
    /// The request is carried out, and its answer is lost.
    AnswerLost,
    /// Storage throttles.
    Throttled,
    /// A transaction meets another one; any other call is throttled.
    Conflict,
    /// Storage fails, before it has done anything.
    Failed,
    /// Storage fails after it has carried the request out.
    FailedAfter,
    /// Half of a batch is carried out; a call without one is throttled.
    Half,
    /// Half of a batch is carried out, and the answer does not mention the rest; a call without one is throttled.
    Short,
    /// The answer takes this long.
    Late(Duration),
}

impl Fault {
    /// One of each.
    pub(crate) const ALL: [Self; 9] = [
        Self::NotSent,
        Self::AnswerLost,
        Self::Throttled,
        Self::Conflict,
        Self::Failed,
        Self::FailedAfter,
        Self::Half,
        Self::Short,
        Self::Late(Duration::from_millis(5)),
    ];
}

/// Which calls are disturbed. Calls are counted from 0.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Schedule {
    /// None.
    Clean,
    /// The process dies at this call: it and all later ones have no effect, or, with `after`, this one
    /// still has.
    Crash { call: u64, after: bool },
    /// The process stands still at this call: it and all later ones arrive after [`Faults::thaw`], whether the
    /// process waits for them or not.
    Freeze { call: u64 },
    /// One call.
    Once { call: u64, fault: Fault },
    /// This call and all later ones.
    From { call: u64, fault: Fault },
    /// Every call that writes.
    Writes { fault: Fault },
    /// Each call with a chance of `percent` of 100, by one of `faults`.
    Random {
        seed: u64,
        percent: u64,
        faults: &'static [Fault],
    },
}

/// Storage that is disturbed as a [`Schedule`] says.
#[derive(Clone)]
pub(crate) struct Faults(Arc<Inner>);

struct Inner {
    schedule: Mutex<Schedule>,
    calls: AtomicU64,
    disturbed: AtomicU64,
    /// Whether the process is dead or stands still.
    stopped: watch::Sender<bool>,
    thawed: watch::Sender<bool>,
    /// The calls that arrive after the thaw.
    late: Mutex<Vec<AbortHandle>>,
}

impl Faults {
    pub(crate) fn new(schedule: Schedule) -> Self {
        Self(Arc::new(Inner {
            schedule: Mutex::new(schedule),
            calls: AtomicU64::new(0),
            disturbed: AtomicU64::new(0),
            stopped: watch::Sender::new(false),
            thawed: watch::Sender::new(false),
            late: Mutex::default(),
        }))
    }

    /// An app that reaches the storage of `local` through this layer. `variables` are settings beside
    /// the table and the bucket.
    pub(crate) fn app(&self, local: &Local, variables: &[(&str, &str)]) -> Intake {
        let (dynamodb, s3) = self.above(local.dynamodb(), local.s3());
        Intake::new(config(local, variables), &dynamodb, &s3)
    }

    /// The same as a catalog, which remembers nothing of the index yet.
    pub(crate) fn catalog(&self, local: &Local, variables: &[(&str, &str)]) -> Catalog {
        let (dynamodb, s3) = self.above(local.dynamodb(), local.s3());
        Catalog::new(config(local, variables), &dynamodb, &s3)
    }

    /// All functions, wired to reach their storage through this layer.
    pub(crate) fn wire(&self) -> Wire {
        let faults = self.clone();
        Arc::new(move |wiring| {
            let mut wiring = wiring.clone();
            (wiring.dynamodb, wiring.s3) = faults.above(&wiring.dynamodb, &wiring.s3);
            local::functions::handlers(&wiring)
        })
    }

    /// The same clients, but above this layer.
    fn above(
        &self,
        dynamodb: &aws_sdk_dynamodb::Client,
        s3: &aws_sdk_s3::Client,
    ) -> (aws_sdk_dynamodb::Client, aws_sdk_s3::Client) {
        // As many tries as by default, but without its pauses of seconds.
        let retries = RetryConfig::standard()
            .with_initial_backoff(Duration::from_millis(2))
            .with_max_backoff(Duration::from_millis(20));
        let (dynamodb, s3) = (dynamodb.config(), s3.config());
        let dynamodb = dynamodb
            .to_builder()
            .http_client(self.beneath(dynamodb.http_client()))
            .retry_partition(own_retries())
            .retry_config(retries.clone());
        let s3 = s3
            .to_builder()
            .http_client(self.beneath(s3.http_client()))
            .retry_partition(own_retries())
            .retry_config(retries);
        (
            aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            aws_sdk_s3::Client::from_conf(s3.build()),
        )
    }

    /// What `work` gives; `None` if the process dies or stands still before.
    pub(crate) async fn until_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut stopped = self.0.stopped.subscribe();
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => None,
            done = work => Some(done),
        }
    }

    /// Lets a process that stands still go on.
    pub(crate) fn thaw(&self) {
        self.0.thawed.send_replace(true);
    }

    /// Waits until every call that was under way when the process stood still has arrived.
    pub(crate) async fn arrived(&self) {
        while self.0.late.lock().unwrap().iter().any(|call| !call.is_finished()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Goes on by another schedule, and counts calls from 0 again.
    pub(crate) fn begin(&self, schedule: Schedule) {
        *self.0.schedule.lock().unwrap() = schedule;
        self.0.calls.store(0, Ordering::SeqCst);
        self.0.stopped.send_replace(false);
        self.0.thawed.send_replace(false);
    }

    /// How many calls were made.
    pub(crate) fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// How many calls were made since the last time this was asked.
    pub(crate) fn take(&self) -> u64 {
        self.0.calls.swap(0, Ordering::SeqCst)
    }

    /// How many calls were disturbed.
    pub(crate) fn disturbed(&self) -> u64 {
        self.0.disturbed.load(Ordering::SeqCst)
    }

    fn beneath(&self, plain: Option<SharedHttpClient>) -> SharedHttpClient {
        SharedHttpClient::new(Client {
            faults: self.clone(),
            plain: plain.expect("the clients of a local service have an HTTP client of their own"),
        })
    }

    async fn call(
        &self,
        connector: SharedHttpConnector,
        request: HttpRequest,
    ) -> Result<HttpResponse, ConnectorError> {
        let call = self.0.calls.fetch_add(1, Ordering::SeqCst);
        let schedule = *self.0.schedule.lock().unwrap();
        let fault = match schedule {
            Schedule::Clean => None,
            Schedule::Crash { call: at, .. } if call < at => None,
            Schedule::Crash { call: at, after } => {
                if call == at {
                    if after {
                        let _ = connector.call(request).await;
                    }
                    self.0.stopped.send_replace(true);
                }
                return std::future::pending().await;
            }
            Schedule::Freeze { call: at } => {
                if call >= at {
                    self.0.stopped.send_replace(true);
                    // Sent already: the call arrives even if its process gives up or ends meanwhile.
                    let mut thawed = self.0.thawed.subscribe();
                    let arrival = tokio::spawn(async move {
                        let _ = thawed.wait_for(|thawed| *thawed).await;
                        connector.call(request).await
                    });
                    self.0.late.lock().unwrap().push(arrival.abort_handle());
                    return arrival.await.map_err(|ended| ConnectorError::io(ended.into()))?;
                }
                None
            }
            Schedule::Once { call: at, fault } => (call == at).then_some(fault),
            Schedule::From { call: at, fault } => (call >= at).then_some(fault),
            Schedule::Writes { fault } => writes(&request).then_some(fault),
            Schedule::Random {
                seed,
                percent,
                faults,
            } => {
                let random = mixed(seed ^ mixed(call));
                let chosen = usize::try_from(random >> 32).unwrap() % faults.len();
                (random % 100 < percent).then(|| faults[chosen])
            }
        };
        let Some(fault) = fault else {
            return connector.call(request).await;
        };
        self.0.disturbed.fetch_add(1, Ordering::SeqCst);
        match fault {
            Fault::NotSent => Err(ConnectorError::io("the connection broke".into())),
            Fault::AnswerLost => {
                let _ = connector.call(request).await;
                Err(ConnectorError::io("the connection broke".into()))
            }
            Fault::Throttled => Ok(refusal(&request, "ThrottlingException", 400)),
            Fault::Failed => Ok(refusal(&request, "InternalServerError", 500)),
            Fault::FailedAfter => {
                let answer = refusal(&request, "InternalServerError", 500);
                let _ = connector.call(request).await;
                Ok(answer)
            }
            Fault::Conflict => Ok(conflict(&request)),
            Fault::Half => half(connector, request, true).await,
            Fault::Short => half(connector, request, false).await,
            Fault::Late(time) => {
                tokio::time::sleep(time).await;
                connector.call(request).await
            }
        }
    }
}

/// The settings of an app over the storage of `local`.
fn config(local: &Local, variables: &[(&str, &str)]) -> Config {
    let config = Config::from_lookup(|name| match name {
        "TABLE_NAME" => Some(local.table().to_owned()),
        "BUCKET_NAME" => Some(local.bucket().to_owned()),
        "INDEX_EPOCH" => Some(local.app().config.index_epoch.clone()),
        _ => variables
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| (*value).to_owned()),
    });
    let mut config = config.unwrap();
    // A call that a test holds back must not end by itself on a busy machine.
    config.limits = Limits::new(Duration::from_mins(1));
    config
}

/// A number that looks random, from any number (the finalizer of `SplitMix64`).
pub(crate) fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// The DynamoDB operation that `request` calls; `None` for S3.
fn operation(request: &HttpRequest) -> Option<&str> {
    request.headers().get("x-amz-target")?.rsplit('.').next()
}

fn writes(request: &HttpRequest) -> bool {
    match operation(request) {
        Some(operation) => !["GetItem", "BatchGetItem", "Query"].contains(&operation),
        None => request.method() != "GET",
    }
}

fn answer(status: u16, body: &Value) -> HttpResponse {
    HttpResponse::new(
        StatusCode::try_from(status).unwrap(),
        SdkBody::from(body.to_string()),
    )
}

/// Storage's own words for `code`.
fn refusal(request: &HttpRequest, code: &str, status: u16) -> HttpResponse {
    if operation(request).is_some() {
        let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
        return answer(status, &json!({ "__type": kind, "message": "disturbed" }));
    }
    let (code, status) = match status {
        400 => ("SlowDown", 503),
        status => ("InternalError", status),
    };
    let body =
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>disturbed</Message></Error>");
    HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))
}

fn conflict(request: &HttpRequest) -> HttpResponse {
    if operation(request) != Some("TransactWriteItems") {
        return refusal(request, "ThrottlingException", 400);
    }
    let actions = body(request)["TransactItems"].as_array().map_or(0, Vec::len);
    let mut reasons = vec![json!({ "Code": "None" }); actions];
    reasons[0] = json!({ "Code": "TransactionConflict", "Message": "disturbed" });
    answer(
        400,
        &json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
            "CancellationReasons": reasons,
        }),
    )
}

fn body(request: &HttpRequest) -> Value {
    serde_json::from_slice(request.body().bytes().unwrap_or(b"null")).unwrap_or_default()
}

/// Carries out the first half of a batch and leaves the rest, as storage does when it is busy, `mentioned` in the
/// answer or not. Reads always mention it: an item that is not in the answer is not there.
async fn half(
    connector: SharedHttpConnector,
    mut request: HttpRequest,
    mentioned: bool,
) -> Result<HttpResponse, ConnectorError> {
    let mut asked = body(&request);
    let reads = operation(&request) == Some("BatchGetItem");
    let (left, table) = match operation(&request) {
        Some("BatchGetItem") => {
            let tables = asked["RequestItems"].as_object_mut().unwrap();
            let (table, items) = tables.iter_mut().next().unwrap();
            let keys = items["Keys"].as_array_mut().unwrap();
            (keys.split_off(keys.len() / 2), table.clone())
        }
        Some("BatchExecuteStatement") => {
            let statements = asked["Statements"].as_array_mut().unwrap();
            (statements.split_off(statements.len() / 2), String::new())
        }
        _ => return Ok(refusal(&request, "ThrottlingException", 400)),
    };
    let nothing_else = match &asked {
        asked if reads => asked["RequestItems"][&table]["Keys"] == json!([]),
        asked => asked["Statements"] == json!([]),
    };
    let mut told = if nothing_else {
        json!({ "Responses": if reads { json!({}) } else { json!([]) } })
    } else {
        let text = asked.to_string();
        request
            .headers_mut()
            .insert("content-length", text.len().to_string());
        *request.body_mut() = SdkBody::from(text);
        let answer = connector.call(request).await?;
        if !answer.status().is_success() {
            return Ok(answer);
        }
        let bytes = ByteStream::new(answer.into_body()).collect().await;
        serde_json::from_slice(&bytes.map_err(|error| ConnectorError::io(error.into()))?.to_vec()).unwrap()
    };
    if reads {
        told["UnprocessedKeys"] = json!({ table: { "Keys": left, "ConsistentRead": true } });
    } else if mentioned {
        let error = json!({ "Error": { "Code": "ThrottlingError", "Message": "disturbed" } });
        told["Responses"]
            .as_array_mut()
            .unwrap()
            .extend(vec![error; left.len()]);
    }
    Ok(answer(200, &told))
}

#[derive(Clone)]
struct Client {
    faults: Faults,
    plain: SharedHttpClient,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Client")
    }
}

impl HttpClient for Client {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            faults: self.faults.clone(),
            plain: self.plain.http_connector(settings, components),
        })
    }
}

struct Connector {
    faults: Faults,
    plain: SharedHttpConnector,
}

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let faults = self.faults.clone();
        let plain = self.plain.clone();
        HttpConnectorFuture::new(async move { faults.call(plain, request).await })
    }
}
