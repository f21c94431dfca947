//! Built functions, each in processes of its own, spoken to over the Lambda Runtime API.
//!
//! As in Lambda, a process serves one call at a time and is kept for the next one; further calls at
//! the same time get further processes. A process that is over its timeout is killed. A process that
//! dies fails its call and is replaced at the next one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use lambda_runtime::Diagnostic;
use shared::{BoxError, clock};
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::invoke::{self, FunctionError, Invocation, Invoke};
use crate::server::{self, Server};
use crate::sync::lock;
use crate::template::{Function, function_arn};

/// How many processes one function has at most: several requests at a time, on the memory of one machine.
const PROCESSES: usize = 8;
/// How long a process may take from its start to its first request for work: Lambda's own limit.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);
const PREFIX: &str = "/2018-06-01/runtime/";

/// Functions as processes.
pub(crate) struct Processes {
    pools: BTreeMap<String, Arc<Pool>>,
}

impl Processes {
    /// The functions whose binaries are below `folder`: `<name>` as Cargo leaves them, or
    /// `<name>/bootstrap` as they are deployed.
    ///
    /// `environment` is what all of them get besides their own variables, or in their place.
    ///
    /// # Errors
    ///
    /// When a binary is missing.
    pub(crate) fn new(
        folder: &Path,
        functions: &BTreeMap<String, Function>,
        environment: &BTreeMap<String, String>,
    ) -> std::io::Result<Self> {
        let mut pools = BTreeMap::new();
        for (name, function) in functions {
            let mut all = function.environment.clone();
            all.extend(environment.clone());
            pools.insert(
                name.clone(),
                Arc::new(Pool {
                    name: name.clone(),
                    binary: find(folder, name)?,
                    function: function.clone(),
                    environment: all,
                    idle: Mutex::default(),
                    places: Semaphore::new(PROCESSES),
                }),
            );
        }
        Ok(Self { pools })
    }
}

impl Invoke for Processes {
    fn invoke(&self, invocation: Invocation) -> BoxFuture<'static, Result<Bytes, FunctionError>> {
        match self.pools.get(&invocation.function).cloned() {
            Some(pool) => async move { pool.invoke(&invocation).await }.boxed(),
            None => async move { Err(FunctionError::Unknown(invocation.function)) }.boxed(),
        }
    }
}

fn find(folder: &Path, name: &str) -> std::io::Result<PathBuf> {
    let plain = folder.join(name);
    let deployed = plain.join("bootstrap");
    [plain, deployed]
        .into_iter()
        .find(|path| path.is_file())
        .ok_or_else(|| {
            std::io::Error::new(
                std::io::ErrorKind::NotFound,
                format!(
                    "there is no binary of the function {name} in {}",
                    folder.display()
                ),
            )
        })
        // A process is started from any folder.
        .and_then(std::path::absolute)
}

/// The ids of the processes of `function` that this process has started (Linux; none elsewhere).
#[must_use]
pub fn processes(function: &str) -> Vec<String> {
    let parent = format!("PPid:\t{}\n", std::process::id());
    let name = format!("AWS_LAMBDA_FUNCTION_NAME={function}");
    let is_of_function = |process: &String| {
        let read = |file| std::fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default();
        read("status").contains(&parent) && read("environ").split('\0').any(|variable| variable == name)
    };
    let processes = std::fs::read_dir("/proc").into_iter().flatten();
    processes
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(is_of_function)
        .collect()
}

/// The processes of one function.
struct Pool {
    name: String,
    binary: PathBuf,
    function: Function,
    environment: BTreeMap<String, String>,
    idle: Mutex<Vec<Process>>,
    places: Semaphore,
}

impl Pool {
    async fn invoke(&self, invocation: &Invocation) -> Result<Bytes, FunctionError> {
        let _place = self
            .places
            .acquire()
            .await
            .map_err(|err| FunctionError::Exited(err.to_string()))?;
        loop {
            let idle = lock(&self.idle).pop();
            let reused = idle.is_some();
            let mut process = match idle {
                Some(process) => process,
                None => self
                    .start()
                    .await
                    .map_err(|err| FunctionError::Exited(format!("could not be started: {err}")))?,
            };
            return match process.run(invocation, self.function.timeout).await {
                Ran::Answered(result) => {
                    lock(&self.idle).push(process);
                    result
                }
                // It died while it had nothing to do, so the call is not to blame.
                Ran::NeverBegan(_) if reused => continue,
                Ran::NeverBegan(error) | Ran::Ended(error) => Err(error),
            };
        }
    }

    async fn start(&self) -> std::io::Result<Process> {
        let (work, waiting) = mpsc::channel(1);
        let api = Arc::new(Api {
            arn: function_arn(&self.name),
            timeout: self.function.timeout,
            waiting: tokio::sync::Mutex::new(waiting),
            running: Mutex::default(),
            init_error: Mutex::default(),
        });
        let respond = {
            let api = api.clone();
            move |_, request| {
                let api = api.clone();
                async move { api.respond(request).await }
            }
        };
        let server = Server::start(server::bind(0).await?, respond)?;
        let child = Command::new(&self.binary)
            .env_clear()
            .envs(&self.environment)
            .env("AWS_LAMBDA_RUNTIME_API", server.address().to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", &self.name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env(
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                self.function.memory.to_string(),
            )
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", self.name))
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "local")
            .env("_HANDLER", "bootstrap")
            .env("TZ", ":UTC")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Process {
            child,
            work,
            api,
            _server: server,
        })
    }
}

/// One process and the Runtime API that is its alone.
struct Process {
    child: Child,
    work: mpsc::Sender<Work>,
    api: Arc<Api>,
    // The process has no one to speak to without it.
    _server: Server,
}

/// A call on its way to a process.
struct Work {
    invocation: Invocation,
    begun: oneshot::Sender<()>,
    result: oneshot::Sender<Result<Bytes, FunctionError>>,
}

/// How a call went, told by what becomes of the process.
enum Ran {
    Answered(Result<Bytes, FunctionError>),
    NeverBegan(FunctionError),
    Ended(FunctionError),
}

impl Process {
    async fn run(&mut self, invocation: &Invocation, timeout: Duration) -> Ran {
        let (begun, has_begun) = oneshot::channel();
        let (result, has_result) = oneshot::channel();
        let work = Work {
            invocation: invocation.clone(),
            begun,
            result,
        };
        if self.work.send(work).await.is_err() {
            return Ran::NeverBegan(FunctionError::Exited("its Runtime API is gone".to_owned()));
        }

        tokio::select! {
            biased;
            Ok(()) = has_begun => {}
            status = self.child.wait() => return Ran::NeverBegan(self.api.why(status)),
            () = tokio::time::sleep(INIT_TIMEOUT) => {
                return Ran::NeverBegan(FunctionError::TimedOut(INIT_TIMEOUT));
            }
        }
        tokio::select! {
            biased;
            Ok(result) = has_result => Ran::Answered(result),
            status = self.child.wait() => Ran::Ended(self.api.why(status)),
            () = tokio::time::sleep(timeout) => {
                let _ = self.child.kill().await;
                Ran::Ended(FunctionError::TimedOut(timeout))
            }
        }
    }
}

/// The Runtime API of one process.
struct Api {
    arn: String,
    timeout: Duration,
    waiting: tokio::sync::Mutex<mpsc::Receiver<Work>>,
    running: Mutex<Option<Running>>,
    init_error: Mutex<Option<Diagnostic>>,
}

struct Running {
    request_id: String,
    result: oneshot::Sender<Result<Bytes, FunctionError>>,
}

impl Api {
    async fn respond(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, BoxError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let path = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default();
        let steps: Vec<_> = path.split('/').collect();
        match (&parts.method, steps.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", request_id, "response"]) => Ok(self.finish(request_id, Ok(body))),
            (&Method::POST, ["invocation", request_id, "error"]) => {
                Ok(self.finish(request_id, Err(FunctionError::Failed(diagnostic(&body)))))
            }
            (&Method::POST, ["init", "error"]) => {
                *lock(&self.init_error) = Some(diagnostic(&body));
                Ok(status(StatusCode::ACCEPTED))
            }
            _ => Ok(status(StatusCode::NOT_FOUND)),
        }
    }

    /// Waits for a call, however long that takes: a process without work is frozen in Lambda.
    async fn next(&self) -> Result<Response<Full<Bytes>>, BoxError> {
        let Some(Work {
            invocation,
            begun,
            result,
        }) = self.waiting.lock().await.recv().await
        else {
            return Ok(status(StatusCode::GONE));
        };
        let deadline = clock::now().plus(self.timeout).millis();
        let trace = uuid::Uuid::new_v4().simple().to_string();
        *lock(&self.running) = Some(Running {
            request_id: invocation.request_id.clone(),
            result,
        });
        let _ = begun.send(());
        Ok(Response::builder()
            .header("content-type", "application/json")
            .header("lambda-runtime-aws-request-id", invocation.request_id)
            .header("lambda-runtime-deadline-ms", deadline)
            .header("lambda-runtime-invoked-function-arn", &self.arn)
            .header(
                "lambda-runtime-trace-id",
                format!("Root=1-{:08x}-{};Sampled=0", deadline / 1000, &trace[..24]),
            )
            .body(Full::new(invocation.payload))?)
    }

    fn finish(&self, request_id: &str, result: Result<Bytes, FunctionError>) -> Response<Full<Bytes>> {
        let mut running = lock(&self.running);
        match running.take_if(|running| running.request_id == request_id) {
            Some(running) => {
                let _ = running.result.send(result);
                status(StatusCode::ACCEPTED)
            }
            None => status(StatusCode::BAD_REQUEST),
        }
    }

    /// Why the process ended: in its own words, if it said any.
    fn why(&self, status: std::io::Result<std::process::ExitStatus>) -> FunctionError {
        match (lock(&self.init_error).take(), status) {
            (Some(diagnostic), _) => FunctionError::Failed(diagnostic),
            (None, Ok(status)) => FunctionError::Exited(status.to_string()),
            (None, Err(err)) => FunctionError::Exited(err.to_string()),
        }
    }
}

fn diagnostic(body: &[u8]) -> Diagnostic {
    serde_json::from_slice(body)
        .unwrap_or_else(|_| invoke::diagnostic("Runtime.Unknown", String::from_utf8_lossy(body)))
}

fn status(code: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = code;
    response
}

#[cfg(test)]
mod tests;
