//! From the start of a function's process to its first answer, storage included, beside a function that
//! only makes the same SDK clients.
//!
//! `cargo bench -p benches --bench cold_start -- FOLDER BARE`: the whole paths of the built functions, as
//! `scripts/build` leaves them in `target/lambda`, and of the binary that `cargo build --release -p bare` makes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io};

use benches::median;
use local::{ACCESS_KEY, Local, Options, SECRET_KEY};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Starts of each binary, taken in turn.
const ROUNDS: usize = 30;
/// The first call of each function: an event in `events/`.
const CALLS: [(&str, &str); 14] = [
    ("bootstrap", "administrator-exists"),
    ("contact", "get"),
    ("contacts", "get-list"),
    ("dashboard", "get"),
    ("import", "get-unknown"),
    ("import-file", "put-unknown-import"),
    ("imports", "get-list"),
    ("me", "get"),
    ("openapi", "get-unknown-path"),
    ("session", "post-unknown-token"),
    ("sweep", "clock"),
    ("user", "get"),
    ("users", "get-list"),
    ("users-bulk", "post-nothing"),
];

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    // Cargo adds a flag of its own.
    let mut paths = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"));
    let (Some(folder), Some(bare)) = (paths.next(), paths.next()) else {
        return Err("expected the folder of the functions and the bare binary".into());
    };
    let (local, _) = benches::start(Options::default()).await?;
    let binaries = CALLS.map(|(name, case)| -> Result<_, Failure> {
        Ok((
            name,
            PathBuf::from(&folder).join(name).join("bootstrap"),
            event(&local, name, case)?,
        ))
    });
    let mut binaries = binaries.into_iter().collect::<Result<Vec<_>, _>>()?;
    binaries.push(("bare", bare.into(), event(&local, "me", "get")?));

    let mut times = vec![Vec::new(); binaries.len()];
    for _ in 0..ROUNDS {
        for ((_, binary, event), times) in binaries.iter().zip(&mut times) {
            let time = first_answer(&local, binary, event).await?;
            times.push(time.as_secs_f64() * 1000.0);
        }
    }

    let medians: Vec<_> = times.into_iter().map(median).collect();
    let floor = medians.last().copied().unwrap_or_default();
    println!("| function | first answer, ms | beside the bare one | aim |");
    println!("|---|---|---|---|");
    for ((name, ..), time) in binaries.iter().zip(medians) {
        println!("| {name} | {time:.1} | {:.2} | 1.3 |", time / floor);
    }
    local.stop().await;
    Ok(())
}

/// An event with a token that is valid here.
fn event(local: &Local, function: &str, case: &str) -> Result<Arc<[u8]>, Failure> {
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    let names: Value = serde_json::from_str(&fs::read_to_string(events.join("stand-ins.json"))?)?;
    let event = fs::read_to_string(events.join(function).join(case).with_extension("json"))?;
    let token = names["token"].as_str().unwrap_or_default();
    Ok(event.replace(token, local.admin_token()).into_bytes().into())
}

/// How long a new process of `binary` takes to answer `event`.
async fn first_answer(local: &Local, binary: &Path, event: &Arc<[u8]>) -> Result<Duration, Failure> {
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
    let answered = serve(&runtime, event).await;
    let time = started.elapsed();
    process.kill()?;
    process.wait()?;
    answered?;
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
