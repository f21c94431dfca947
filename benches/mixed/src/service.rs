//! `local` in a process of its own, and a client of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::redirect::Policy;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use crate::Failure;

/// How long a start, an import or an export may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Builds `local` as it is used, and returns its path.
pub(crate) fn build() -> Result<PathBuf, Failure> {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--profile", "local", "--package", "local"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    if !built.success() {
        return Err(format!("cargo build: {built}").into());
    }
    let own = std::env::current_exe()?;
    let target = own.ancestors().nth(2).ok_or("the program is in no folder")?;
    Ok(target.join("local/local"))
}

/// A running `local` with a folder of its own; it ends when this is dropped.
pub(crate) struct Service {
    process: Child,
    ready: Value,
    _data: TempDir,
}

impl Service {
    pub(crate) async fn start(local: &Path) -> Result<Self, Failure> {
        let data = tempfile::tempdir()?;
        let ready = data.path().join("ready.json");
        let process = Command::new(local)
            .args(["--port", "0", "--data"])
            .arg(data.path().join("data"))
            .arg("--ready-file")
            .arg(&ready)
            .env("RUST_LOG", "error")
            .stdout(Stdio::null())
            .spawn()?;
        let mut service = Self {
            process,
            ready: Value::Null,
            _data: data,
        };
        let started = Instant::now();
        while service.ready.is_null() {
            if started.elapsed() > PATIENCE || service.process.try_wait()?.is_some() {
                return Err("the service does not start".into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            let text = fs::read(&ready).unwrap_or_default();
            service.ready = serde_json::from_slice(&text).unwrap_or_default();
        }
        Ok(service)
    }

    /// A client with a connection of its own.
    pub(crate) fn client(&self) -> Client {
        let text = |name: &str| self.ready[name].as_str().unwrap_or_default().to_owned();
        let http = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .redirect(Policy::none())
            .timeout(Duration::from_secs(30))
            .build();
        Client {
            http: http.unwrap_or_default(),
            api: format!("{}/api/v1", text("url")),
            token: text("adminToken"),
        }
    }

    /// The memory that the process has in use, in MiB (Linux).
    pub(crate) fn memory(&self) -> Result<f64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next());
        Ok(kib.ok_or("the process has no VmRSS")?.parse::<f64>()? / 1024.0)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A client of the service.
pub(crate) struct Client {
    http: reqwest::Client,
    api: String,
    token: String,
}

impl Client {
    /// Sends a request, and returns the answer's JSON, or null; an error for any status but 2xx.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.api));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.bearer_auth(&self.token).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            return Err(format!("{method} {path}: {status} {text}").into());
        }
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Reads `path`.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::GET, path, None).await
    }

    /// Reads all users whom a search for `text` finds, page by page.
    pub(crate) async fn everybody(&self, text: &str) -> Result<Vec<Value>, Failure> {
        let mut users = Vec::new();
        loop {
            let path = format!(
                "/users?searchText={text}&sortBy=email&limit=100&offset={}",
                users.len()
            );
            match self.get(&path).await?["items"].take() {
                Value::Array(page) if !page.is_empty() => users.extend(page),
                _ => return Ok(users),
            }
        }
    }

    /// Imports a file, and returns the finished import.
    pub(crate) async fn import(&self, file: String) -> Result<Value, Failure> {
        let part = reqwest::multipart::Part::text(file).file_name("people.csv");
        let form = reqwest::multipart::Form::new().part("file", part);
        let request = self.http.post(format!("{}/users/import", self.api));
        let answer = request.bearer_auth(&self.token).multipart(form).send().await?;
        let (status, mut import) = (answer.status(), answer.json::<Value>().await?);
        let started = Instant::now();
        while import["status"] != "completed" {
            if !status.is_success() || import["status"] == "failed" || started.elapsed() > PATIENCE {
                return Err(format!("import: {status} {import}").into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            let id = import["id"].as_str().unwrap_or_default().to_owned();
            import = self.get(&format!("/users/import/{id}")).await?;
        }
        Ok(import)
    }

    /// Exports the users whom `query` finds, and returns the file.
    pub(crate) async fn export(&self, query: &str) -> Result<Vec<u8>, Failure> {
        let url = format!("{}/users/export?{query}", self.api);
        let started = Instant::now();
        loop {
            let answer = self.http.get(&url).bearer_auth(&self.token).send().await?;
            let status = answer.status();
            if status.is_redirection() {
                let place = answer.headers().get("location").ok_or("a redirect to nowhere")?;
                let file = self.http.get(place.to_str()?).send().await?.error_for_status()?;
                return Ok(file.bytes().await?.to_vec());
            }
            if status != StatusCode::ACCEPTED || started.elapsed() > PATIENCE {
                return Err(format!("export: {status} {}", answer.text().await?).into());
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}
