//! A full disk: what finds no room is answered with 503, nothing that was answered is lost, and the service goes on when
//! there is room again.

#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a start, an import or its lease may take on a busy machine.
const SOON: Duration = Duration::from_mins(5);
/// What the disk holds. An import of [`ROWS`] leaves some of it.
const DISK: &str = "size=160m";
const ROWS: usize = 20_000;
/// One row in so many has an error.
const FAULTY: usize = 50;

/// A running service whose data is on a disk of its own, which goes with it.
struct Machine {
    process: Child,
    disk: PathBuf,
    ready: Value,
    client: reqwest::Client,
    _folder: TempDir,
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Machine {
    /// Mounts the disk in namespaces of the process, for which nobody has to be root.
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (disk, ready) = (folder.path().join("disk"), folder.path().join("ready.json"));
        fs::create_dir(&disk).unwrap();
        let process = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
            .arg(format!(
                "mount -t tmpfs -o {DISK} tmpfs \"$1\" && shift && exec \"$@\""
            ))
            .args([Path::new("sh"), &disk, Path::new(env!("CARGO_BIN_EXE_local"))])
            .args(["--port", "0", "--data"])
            .arg(disk.join("data"))
            .arg("--ready-file")
            .arg(&ready)
            .env("RUST_LOG", "error")
            .stdout(Stdio::null())
            .spawn();
        let process = process.unwrap();
        let mut machine = Self {
            // The disk as the process sees it.
            disk: PathBuf::from(format!("/proc/{}/root{}", process.id(), disk.display())),
            process,
            ready: Value::Null,
            client: reqwest::Client::builder()
                .no_proxy()
                .tls_certs_only([])
                .build()
                .unwrap(),
            _folder: folder,
        };
        let started = Instant::now();
        while machine.ready.is_null() {
            assert!(started.elapsed() < SOON && machine.process.try_wait().unwrap().is_none());
            tokio::time::sleep(Duration::from_millis(50)).await;
            machine.ready = serde_json::from_slice(&fs::read(&ready).unwrap_or_default()).unwrap_or_default();
        }
        machine
    }

    fn ballast(&self) -> PathBuf {
        self.disk.join("ballast")
    }

    /// Writes until nothing fits any more.
    fn fill(&self) {
        let mut ballast = File::options()
            .create(true)
            .append(true)
            .open(self.ballast())
            .unwrap();
        while ballast.write_all(&[1; 4096]).is_ok() {}
    }

    /// Makes room for small things.
    fn make_some_room(&self) {
        let ballast = File::options().write(true).open(self.ballast()).unwrap();
        let length = ballast.metadata().unwrap().len();
        ballast.set_len(length - 2 * 1024 * 1024).unwrap();
    }

    fn make_room(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let text = |name: &str| self.ready[name].as_str().unwrap();
        let url = format!("{}/api/v1{path}", text("url"));
        self.client.request(method, url).bearer_auth(text("adminToken"))
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.unwrap()
    }

    async fn create(&self, number: usize) -> Response {
        let body = json!({"email": format!("user{number}@example.org"), "roles": ["ROLE_ORIGINATOR"]});
        self.request(Method::POST, "/users")
            .json(&body)
            .send()
            .await
            .unwrap()
    }

    async fn import(&self, file: &str) -> Response {
        let part = reqwest::multipart::Part::text(file.to_owned()).file_name("people.csv");
        let form = reqwest::multipart::Form::new().part("file", part);
        let request = self.request(Method::POST, "/users/import").multipart(form);
        request.header("prefer", "respond-async").send().await.unwrap()
    }

    /// Waits until the import satisfies `is_there`.
    async fn import_until(&self, id: &str, is_there: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let import = self.get(&format!("/users/import/{id}")).await;
            if is_there(&import) {
                return import;
            }
            assert!(started.elapsed() < SOON, "{import}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn expect_no_room(answer: Response) {
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "30");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["type"], "/problems/unavailable");
    assert_eq!(
        problem["detail"],
        "The disk of the storage is full. Free some space on it, then send the same request again."
    );
}

#[tokio::test]
#[ignore = "mounts a file system"]
async fn what_finds_no_room_is_answered_with_503_and_nothing_answered_is_lost() {
    let machine = Machine::start().await;
    assert_eq!(machine.get("/users").await["count"], 1);
    machine.fill();
    let mut created = 0;
    let refused = loop {
        let answer = machine.create(created).await;
        if answer.status() != StatusCode::CREATED {
            break answer;
        }
        created += 1;
    };

    expect_no_room(refused).await;
    let address = "email\nada@example.org\n";
    expect_no_room(machine.import(address).await).await;
    machine.get("/users/me").await;

    machine.make_some_room();
    // The table has room to record the import, and the bucket has none for the file.
    let large = format!("email\n{}", "grace@example.org\n".repeat(200_000));
    expect_no_room(machine.import(&large).await).await;
    assert_eq!(machine.create(created).await.status(), StatusCode::CREATED);
    created += 1;

    machine.make_room();
    assert_eq!(machine.get("/users").await["count"], created + 1);
    assert_eq!(machine.create(created).await.status(), StatusCode::CREATED);
    let import: Value = machine.import(address).await.json().await.unwrap();
    let id = import["id"].as_str().unwrap();
    let import = machine
        .import_until(id, |import| import["status"] == "completed")
        .await;
    assert_eq!(import["counts"]["created"], 1);
    assert_eq!(machine.get("/users").await["count"], created + 3);
}

#[tokio::test]
#[ignore = "mounts a file system"]
async fn an_import_that_finds_no_room_goes_on_when_it_is_resumed() {
    let machine = Machine::start().await;
    let row = |row| {
        let domain = if row % FAULTY == 0 { "" } else { "example.org" };
        format!("person{row}@{domain}")
    };
    let rows: Vec<_> = (0..ROWS).map(row).collect();
    let file = format!("email\n{}\n", rows.join("\n"));
    let import: Value = machine.import(&file).await.json().await.unwrap();
    let id = import["id"].as_str().unwrap();
    let at_work = |import: &Value| import["counts"]["rows"].as_u64() >= Some(5000);
    machine.import_until(id, at_work).await;
    machine.fill();

    let stalled = machine
        .import_until(id, |import| import["status"] == "stalled")
        .await;
    assert!(
        stalled["counts"]["rows"].as_u64() < Some(ROWS as u64),
        "{stalled}"
    );
    machine.make_room();
    let resume = machine.request(Method::POST, &format!("/users/import/{id}/resume"));
    assert_eq!(resume.send().await.unwrap().status(), StatusCode::ACCEPTED);

    let import = machine
        .import_until(id, |import| import["status"] == "completed")
        .await;
    assert_eq!(import["counts"]["rows"], ROWS);
    assert_eq!(import["counts"]["failed"], ROWS / FAULTY);
    assert_eq!(import["counts"]["created"], ROWS - ROWS / FAULTY);
    let rejected = machine.request(Method::GET, &format!("/users/import/{id}/rejected"));
    let rejected = rejected.send().await.unwrap().text().await.unwrap();
    assert_eq!(rejected.lines().count(), 1 + ROWS / FAULTY);
}
