//! From the start of a function's process to its first answer, storage included, beside a function that
//! only makes the same SDK clients.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io};

use benches::{Row, Unit, median};
use local::{ACCESS_KEY, Local, Options, SECRET_KEY};
use serde_json::Value;
use shared::BoxError;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::Measured;

/// How long a function may take to its first answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The first call of each function: an event in `events/`.
const CALLS: [(&str, &str); 16] = [
    ("bootstrap", "administrator-exists"),
    ("contact", "get"),
    ("contacts", "get-list"),
    ("dashboard", "get"),
    ("import", "get-unknown"),
    ("import-file", "put-unknown-import"),
    ("imports", "get-list"),
    ("index-users", "clock"),
    ("me", "get"),
    ("openapi", "get-unknown-path"),
    ("page", "get-shell"),
    ("session", "post-unknown-token"),
    ("sweep", "clock"),
    ("user", "get"),
    ("users", "get-list"),
    ("users-bulk", "post-nothing"),
];

/// Starts each function in `folder`, and the binary `bare`, `starts` times, in turn.
pub(crate) async fn measure(folder: &Path, bare: &Path, starts: usize) -> Result<Measured, BoxError> {
    let local = Local::start(Options::default()).await?;
    let mut binaries = CALLS
        .iter()
        .map(|(name, case)| Ok((*name, binary(folder, name), event(&local, name, case)?)))
        .collect::<Result<Vec<_>, BoxError>>()?;
    binaries.push(("bare", bare.to_owned(), event(&local, "me", "get")?));

    let mut times = vec![Vec::new(); binaries.len()];
    for start in 1..=starts {
        eprintln!("cold start, round {start} of {starts}");
        for ((name, binary, event), times) in binaries.iter().zip(&mut times) {
            let time = first_answer(&local, binary, event)
                .await
                .map_err(|err| format!("{name}, {}: {err}", binary.display()))?;
            times.push(time.as_secs_f64() * 1000.0);
        }
    }
    local.stop().await;

    let medians: Vec<_> = times.iter().map(|times| median(times)).collect();
    let floor = medians.last().copied().unwrap_or_default();
    let table = CALLS.iter().zip(medians).map(|((name, _), figure)| Row {
        what: format!("cold start of `{name}`"),
        figure,
        beside: "a function that only makes the SDK's clients",
        floor,
        unit: Unit::Time,
        aim: Some(1.3),
    });
    let lines = vec![format!(
        "cold start: from the start of the process to its first answer, the middle of {starts}"
    )];
    Ok((table.collect(), lines))
}

/// `<name>` as Cargo leaves it, or `<name>/bootstrap` as it is deployed.
fn binary(folder: &Path, name: &str) -> PathBuf {
    let plain = folder.join(name);
    if plain.is_dir() {
        plain.join("bootstrap")
    } else {
        plain
    }
}

/// An event with a token that is valid here.
fn event(local: &Local, function: &str, case: &str) -> Result<Arc<[u8]>, BoxError> {
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    let names: Value = serde_json::from_str(&fs::read_to_string(events.join("stand-ins.json"))?)?;
    let event = fs::read_to_string(events.join(function).join(case).with_extension("json"))?;
    let token = names["token"].as_str().unwrap_or_default();
    Ok(event.replace(token, local.admin_token()).into_bytes().into())
}

/// How long a new process of `binary` takes to answer `event`.
async fn first_answer(local: &Local, binary: &Path, event: &Arc<[u8]>) -> Result<Duration, BoxError> {
    let (dynamodb, s3) = local.endpoints();
    let runtime = TcpListener::bind("127.0.0.1:0").await?;
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", runtime.local_addr()?.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "function")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "group")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ENDPOINT_URL_DYNAMODB", dynamodb)
        .env("AWS_ENDPOINT_URL_S3", s3)
        .env("TABLE_NAME", local.table())
        .env("BUCKET_NAME", local.bucket())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let started = Instant::now();
    let mut process = command.spawn()?;
    let answered = tokio::time::timeout(PATIENCE, serve(&runtime, event)).await;
    let time = started.elapsed();
    process.kill()?;
    process.wait()?;
    answered??;
    Ok(time)
}

/// The Lambda Runtime API until the function's first result: hands out `event` and takes the answer.
async fn serve(runtime: &TcpListener, event: &Arc<[u8]>) -> io::Result<()> {
    // A function may send its answer by another connection than it got the event by.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = runtime.accept() => {
                connections.spawn(connection(accepted?.0, Arc::clone(event)));
            }
            Some(ended) = connections.join_next() => {
                if ended?? {
                    return Ok(());
                }
            }
        }
    }
}

/// Serves one connection; whether it brought the answer.
async fn connection(stream: TcpStream, event: Arc<[u8]>) -> io::Result<bool> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(line) = request(&mut stream).await? {
        if line.contains("/init/error") {
            return Err(io::Error::other("the function could not start"));
        }
        if line.starts_with("POST") {
            return Ok(true);
        }
        next(stream.get_mut(), &event).await?;
    }
    Ok(false)
}

/// Reads one request and gives its first line; `None` at the end of the connection.
async fn request(stream: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut first = String::new();
    if stream.read_line(&mut first).await? == 0 {
        return Ok(None);
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    tokio::io::copy(&mut stream.take(length), &mut tokio::io::sink()).await?;
    Ok(Some(first))
}

async fn next(stream: &mut TcpStream, event: &[u8]) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         lambda-runtime-aws-request-id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n\
         lambda-runtime-deadline-ms: 4102444800000\r\n\
         lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:000000000000:function:function\r\n\
         lambda-runtime-trace-id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0\r\n\r\n",
        event.len()
    );
    stream.write_all(&[head.as_bytes(), event].concat()).await
}
