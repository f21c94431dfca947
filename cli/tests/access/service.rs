//! A service for the command.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::support::{Folder, Ran};

/// How long something may take that has to happen.
const SOON: Duration = Duration::from_mins(1);

/// The service in a process of its own, with an administrator.
pub(crate) struct Service {
    process: Child,
    data: Folder,
    /// What the process says of itself.
    ready: Value,
    runtime: Runtime,
    http: reqwest::Client,
}

impl Service {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a service with further arguments of `local`.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        let data = Folder::new();
        let (process, ready) = start(&data, arguments);
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]);
        Self {
            process,
            data,
            ready,
            runtime: Runtime::new().unwrap(),
            http: http.build().unwrap(),
        }
    }

    /// Kills the process, and starts another one with the same data on the same port.
    pub(crate) fn kill_and_start(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let port = self.url().rsplit_once(':').unwrap().1.to_owned();
        (self.process, self.ready) = start(&self.data, &["--port", &port]);
    }

    pub(crate) fn url(&self) -> &str {
        self.ready["url"].as_str().unwrap()
    }

    pub(crate) fn token(&self) -> &str {
        self.ready["adminToken"].as_str().unwrap()
    }

    /// Where its objects are, without the scheme.
    pub(crate) fn s3(&self) -> &str {
        self.ready["s3Endpoint"]
            .as_str()
            .unwrap()
            .trim_start_matches("http://")
    }

    /// The command with these arguments, as the administrator.
    pub(crate) fn command(&self, folder: &Folder, arguments: &[&str]) -> Command {
        self.command_as(self.token(), folder, arguments)
    }

    /// The command with these arguments and another's token.
    pub(crate) fn command_as(&self, token: &str, folder: &Folder, arguments: &[&str]) -> Command {
        let mut command = folder.command(arguments);
        command.env("ACCESS_URL", self.url()).env("ACCESS_TOKEN", token);
        command
    }

    /// Runs the command with these arguments, as the administrator.
    pub(crate) fn run(&self, folder: &Folder, arguments: &[&str]) -> Ran {
        self.command(folder, arguments).output().unwrap().into()
    }

    /// `GET path` as the administrator.
    pub(crate) fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, None)
    }

    /// `POST path` with a JSON body as the administrator.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        self.call(Method::POST, path, Some(body))
    }

    fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let url = format!("{}/api/v1{path}", self.url());
        let request = self.http.request(method, url).bearer_auth(self.token());
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        self.runtime.block_on(async {
            let response = request.send().await.unwrap();
            assert!(response.status().is_success(), "{path}: {}", response.status());
            response.json().await.unwrap()
        })
    }

    /// Imports a file with these options as the administrator; the answer, whatever its status.
    pub(crate) fn import(&self, file: &[u8], fields: &[(&'static str, &'static str)]) -> Value {
        let part = Part::bytes(file.to_vec()).file_name("people.csv");
        let form = fields
            .iter()
            .fold(Form::new(), |form, (name, value)| form.text(*name, *value));
        let request = self.http.post(format!("{}/api/v1/users/import", self.url()));
        let request = request
            .bearer_auth(self.token())
            .multipart(form.part("file", part));
        self.runtime
            .block_on(async { request.send().await.unwrap().json().await.unwrap() })
    }

    /// An access token of a new user with this role, and the user's id.
    pub(crate) fn user(&self, email: &str, role: &str) -> (String, String) {
        let user = self.post("/users", &serde_json::json!({ "email": email, "roles": [role] }));
        let id = user["id"].as_str().unwrap().to_owned();
        let token = self.post(&format!("/users/{id}/tokens"), &serde_json::json!({}));
        (token["accessToken"].as_str().unwrap().to_owned(), id)
    }

    /// How many users there are.
    pub(crate) fn users(&self) -> u64 {
        self.get("/users?limit=1")["count"].as_u64().unwrap()
    }
}

/// Waits until `probe` has something.
pub(crate) fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(started.elapsed() < SOON, "it never came about that {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts `local`, which a test of the whole workspace builds beside the command.
fn start(data: &Folder, arguments: &[&str]) -> (Child, Value) {
    let local = Path::new(env!("CARGO_BIN_EXE_access")).with_file_name("local");
    assert!(
        local.exists(),
        "build the service first: cargo build --workspace --bin local"
    );
    let ready_file = data.path().join("ready.json");
    let _ = fs::remove_file(&ready_file);
    let has_port = arguments.contains(&"--port");
    let process = Command::new(local)
        .args(["--data", data.path().join("data").to_str().unwrap()])
        .args(["--ready-file", ready_file.to_str().unwrap()])
        .args(if has_port { &[][..] } else { &["--port", "0"] })
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let ready = eventually("the service is ready", || {
        serde_json::from_str(&fs::read_to_string(&ready_file).ok()?).ok()
    });
    (process, ready)
}
