//! The program as it is started: what it says when it cannot start, and that it serves when its log cannot be written.

#![expect(
    clippy::too_many_lines,
    reason = "a test tells its story from beginning to end"
)]

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a start may take on a busy machine.
const SOON: Duration = Duration::from_mins(1);

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_local"));
    for name in ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_S3", "RUST_LOG"] {
        program.env_remove(name);
    }
    program
}

/// Starts the program with these arguments, which make it fail.
fn refused(arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = program().args(arguments).output().unwrap();
    let told = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{arguments:?}: {told}");
    told
}

fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_start_that_fails_says_why_and_what_to_do_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let data = path(&folder, "data");
    let file = path(&folder, "file");
    fs::write(&file, "").unwrap();
    let damaged = path(&folder, "damaged");
    fs::create_dir(&damaged).unwrap();
    fs::write(
        Path::new(&damaged).join("dynamodb.sqlite"),
        "this is no table".repeat(100),
    )
    .unwrap();
    let event = path(&folder, "event");
    fs::create_dir_all(Path::new(&event).join("events")).unwrap();
    fs::write(Path::new(&event).join("events/1.json"), "{").unwrap();
    let canonical = |path: &str| fs::canonicalize(path).unwrap().display().to_string();

    for (arguments, sentence) in [
        (
            vec!["--data", &data, "--port", &port.to_string()],
            format!(
                "port {port} is already in use; stop the program that uses it, or choose another port by --port (0 \
                 takes any free one)"
            ),
        ),
        (
            vec!["--port", "0", "--data", &file],
            format!(
                "the data folder {file} cannot be used (it is not a folder); choose a folder that you can write to by \
                 --data"
            ),
        ),
        (
            vec!["--port", "0", "--data", &damaged],
            format!(
                "the table in {}/dynamodb.sqlite cannot be opened (database file is encrypted or not a valid SQLite \
                 database); restore the file, or delete it to begin with an empty table",
                canonical(&damaged)
            ),
        ),
        (
            vec!["--port", "0", "--data", &event],
            format!(
                "the event in {}/events/1.json cannot be read (EOF while parsing an object at line 1 column 1); repair \
                 the file, or delete it to give the event up",
                canonical(&event)
            ),
        ),
        (
            vec!["--port", "0", "--data", &data, "--dynamodb", &url],
            format!("the DynamoDB at {url} cannot be used (connection refused); start it, or correct --dynamodb"),
        ),
        (
            vec!["--port", "0", "--data", &data, "--s3", &url],
            format!("the S3 at {url} cannot be used (connection refused); start it, or correct --s3"),
        ),
        (
            vec!["--port", "0", "--data", &data, "--functions", &data],
            format!(
                "there is no binary of the function bootstrap in {data}; build it by scripts/build, or correct \
                 --functions"
            ),
        ),
        (
            vec!["--port", "0", "--data", &data, "--parameter", "Nonsense=1"],
            "template.yaml cannot be used: it has no parameter Nonsense; correct --parameter".to_owned(),
        ),
        (
            vec!["--port", "0", "--data", &data, "--env", "TOKEN_ISSUE=perhaps"],
            "the environment variable TOKEN_ISSUE must be true or false; correct --env or --parameter".to_owned(),
        ),
        (
            vec!["--port", "0", "--data", &data, "--ready-file", "/nonexistent/ready.json"],
            "the ready file /nonexistent/ready.json cannot be written (no such file or directory); choose another path \
             by --ready-file"
                .to_owned(),
        ),
    ] {
        assert_eq!(refused(&arguments), format!("error: {sentence}\n"), "{arguments:?}");
    }
}

/// A started program, which is killed at the end.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn requests_are_answered_when_the_log_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let (data, ready) = (path(&folder, "data"), path(&folder, "ready.json"));
    let full = File::options().write(true).open("/dev/full").unwrap();
    let running = program()
        .args(["--port", "0", "--data", &data, "--ready-file", &ready])
        .env("RUST_LOG", "info")
        .stdout(Stdio::null())
        .stderr(full)
        .spawn();
    let _running = Running(running.unwrap());
    let started = Instant::now();
    while !Path::new(&ready).exists() {
        assert!(started.elapsed() < SOON, "it never became ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ready: serde_json::Value = serde_json::from_slice(&fs::read(&ready).unwrap()).unwrap();
    let text = |name: &str| ready[name].as_str().unwrap();

    for path in ["/openapi.json", "/users/me", "/nothing"] {
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .build()
            .unwrap();
        let request = client.get(format!("{}/api/v1{path}", text("url")));
        let answer = request.bearer_auth(text("adminToken")).send().await.unwrap();
        assert_ne!(answer.status().as_u16(), 500, "{path}");
    }
}
