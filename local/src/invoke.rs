//! Calling a function, wherever it runs: in this process, or in one of its own.

use std::any::Any;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Body, Request, Response, Service};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::clock;
use tokio::sync::watch;
use uuid::Uuid;

use crate::template::{Function, function_arn};

/// The largest payload that Lambda takes or gives in one synchronous call.
pub const PAYLOAD_LIMIT: usize = 6 * 1024 * 1024;

/// One call of one function.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    /// The function's name.
    pub(crate) function: String,
    /// Lambda's id of the call, the same for each retry of an event.
    pub(crate) request_id: String,
    /// The event, as JSON.
    pub(crate) payload: Bytes,
}

impl Invocation {
    /// A first call, with a request id of its own.
    pub(crate) fn new(function: &str, payload: &Value) -> Self {
        Self {
            function: function.to_owned(),
            request_id: Uuid::new_v4().to_string(),
            payload: payload.to_string().into(),
        }
    }
}

/// Why a call gave no result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FunctionError {
    /// No function has the name.
    #[error("there is no function {0}")]
    Unknown(String),
    /// The event is over [`PAYLOAD_LIMIT`]; the function was not called.
    #[error("the event is over the limit of {PAYLOAD_LIMIT} bytes")]
    TooLarge,
    /// The function returned an error or panicked.
    #[error("{}: {}", .0.error_type, .0.error_message)]
    Failed(Diagnostic),
    /// The function was ended at its timeout.
    #[error("ended at its timeout of {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The function's process ended before it gave a result.
    #[error("the process ended: {0}")]
    Exited(String),
}

impl FunctionError {
    /// A failure that is not the function's own words.
    pub(crate) fn failed(kind: &str, message: impl std::fmt::Display) -> Self {
        Self::Failed(diagnostic(kind, message))
    }
}

/// A failure in the words of the Runtime API.
pub(crate) fn diagnostic(kind: &str, message: impl std::fmt::Display) -> Diagnostic {
    Diagnostic {
        error_type: kind.to_owned(),
        error_message: message.to_string(),
    }
}

/// A place where functions run.
pub(crate) trait Invoke: Send + Sync + 'static {
    /// Calls a function and waits for its result, at most until the function's timeout.
    ///
    /// The future may be dropped, which ends the function as a kill would.
    fn invoke(&self, invocation: Invocation) -> BoxFuture<'static, Result<Bytes, FunctionError>>;
}

/// Calls functions on behalf of the gateway, of events and of tests.
///
/// As with Lambda, a call goes on when whoever asked for it goes away.
#[derive(Clone)]
pub(crate) struct Invoker {
    place: Arc<dyn Invoke>,
    stop: watch::Sender<bool>,
}

impl Invoker {
    pub(crate) fn new(place: impl Invoke) -> Self {
        Self {
            place: Arc::new(place),
            stop: watch::Sender::new(false),
        }
    }

    /// Calls a function and waits for its result.
    pub(crate) async fn invoke(&self, invocation: Invocation) -> Result<Bytes, FunctionError> {
        if invocation.payload.len() > PAYLOAD_LIMIT {
            return Err(FunctionError::TooLarge);
        }
        let mut stopped = self.stop.subscribe();
        let run = self.place.invoke(invocation);
        let run = tokio::spawn(async move {
            tokio::select! {
                result = run => result,
                _ = stopped.wait_for(|stopped| *stopped) => Err(FunctionError::Exited("stopped".to_owned())),
            }
        });
        let result = match run.await {
            Ok(result) => result?,
            Err(ended) => return Err(FunctionError::Exited(ended.to_string())),
        };
        if result.len() > PAYLOAD_LIMIT {
            return Err(FunctionError::failed(
                "Function.ResponseSizeTooLarge",
                format_args!(
                    "the response of {} bytes is over the limit of {PAYLOAD_LIMIT} bytes",
                    result.len()
                ),
            ));
        }
        Ok(result)
    }

    /// Calls a function with `payload` and reads its result.
    pub(crate) async fn call(&self, function: &str, payload: &Value) -> Result<Value, FunctionError> {
        let result = self.invoke(Invocation::new(function, payload)).await?;
        serde_json::from_slice(&result).map_err(|err| FunctionError::failed("Runtime.MarshalError", err))
    }

    /// Ends all calls under way, and every later one.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }
}

type Handler = Arc<dyn Fn(LambdaEvent<Bytes>) -> BoxFuture<'static, Result<Bytes, Diagnostic>> + Send + Sync>;

/// Functions that run in this process, by name.
#[derive(Clone, Default)]
pub struct Handlers(BTreeMap<String, Handler>);

impl Handlers {
    /// No function at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a function that answers HTTP requests.
    ///
    /// It gets its requests as deployed: the event goes through JSON and `lambda_http` both ways.
    #[must_use]
    pub fn http<S>(mut self, name: &str, service: S) -> Self
    where
        S: Service<Request, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        let handler: Handler = Arc::new(move |event: LambdaEvent<Bytes>| {
            let mut adapter = Adapter::from(service.clone());
            async move {
                let request: LambdaEvent<LambdaRequest> = parse(event)?;
                let Ok(response) = adapter.call(request).await;
                json(&response)
            }
            .boxed()
        });
        self.0.insert(name.to_owned(), handler);
        self
    }

    /// Adds a function that takes events of another kind.
    #[must_use]
    pub fn event<E, T, X, H, F>(mut self, name: &str, handle: H) -> Self
    where
        E: DeserializeOwned + Send + 'static,
        T: Serialize,
        X: Into<Diagnostic>,
        H: Fn(LambdaEvent<E>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<T, X>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |event: LambdaEvent<Bytes>| {
            let handle = handle.clone();
            async move {
                let result = handle(parse(event)?).await;
                json(&result.map_err(Into::into)?)
            }
            .boxed()
        });
        self.0.insert(name.to_owned(), handler);
        self
    }
}

impl std::fmt::Debug for Handlers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// Reads the payload of `event`, which is needed no more: a function may run long, and its event be a large file.
fn parse<E: DeserializeOwned>(event: LambdaEvent<Bytes>) -> Result<LambdaEvent<E>, Diagnostic> {
    let LambdaEvent { payload, context } = event;
    let payload =
        serde_json::from_slice(&payload).map_err(|err| diagnostic("Runtime.UnmarshalError", err))?;
    Ok(LambdaEvent::new(payload, context))
}

fn json(result: &impl Serialize) -> Result<Bytes, Diagnostic> {
    serde_json::to_vec(result)
        .map(Bytes::from)
        .map_err(|err| diagnostic("Runtime.MarshalError", err))
}

/// Runs functions in this process.
///
/// A function at its timeout is dropped where it awaits. Tasks that it spawned live on, which is the
/// one difference from a kill.
#[derive(Debug)]
pub(crate) struct InProcess {
    handlers: Handlers,
    functions: BTreeMap<String, Function>,
}

impl InProcess {
    pub(crate) fn new(handlers: Handlers, functions: BTreeMap<String, Function>) -> Self {
        Self { handlers, functions }
    }
}

impl Invoke for InProcess {
    fn invoke(&self, invocation: Invocation) -> BoxFuture<'static, Result<Bytes, FunctionError>> {
        let Invocation {
            function: name,
            request_id,
            payload,
        } = invocation;
        let (Some(handler), Some(function)) =
            (self.handlers.0.get(&name).cloned(), self.functions.get(&name))
        else {
            return async move { Err(FunctionError::Unknown(name)) }.boxed();
        };
        let timeout = function.timeout;

        async move {
            let mut context = Context::default();
            context.request_id = request_id;
            context.deadline = clock::now().plus(timeout).millis();
            context.invoked_function_arn = function_arn(&name);
            let run = async { handler(LambdaEvent::new(payload, context)).await };
            match tokio::time::timeout(timeout, std::panic::AssertUnwindSafe(run).catch_unwind()).await {
                Ok(Ok(result)) => result.map_err(FunctionError::Failed),
                Ok(Err(panic)) => Err(FunctionError::failed("Runtime.Panic", panic_message(&*panic))),
                Err(_) => Err(FunctionError::TimedOut(timeout)),
            }
        }
        .boxed()
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("the function panicked")
}
