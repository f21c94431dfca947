//! Signing in by the issuer in a browser, which a test plays.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Stdio};

use reqwest::Url;
use reqwest::header::LOCATION;
use reqwest::redirect::Policy;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::service::Service;
use crate::support::{Folder, Ran};

/// A browser that follows no redirect by itself.
struct Browser {
    http: reqwest::Client,
    runtime: Runtime,
}

impl Browser {
    fn new() -> Self {
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]);
        Self {
            http: http.redirect(Policy::none()).build().unwrap(),
            runtime: Runtime::new().unwrap(),
        }
    }

    /// The status, the address to go on to, and the text of an answer.
    fn get(&self, url: &Url) -> (u16, Option<Url>, String) {
        self.runtime.block_on(async {
            let answer = self.http.get(url.clone()).send().await.unwrap();
            let location = answer.headers().get(LOCATION);
            let location = location.map(|location| location.to_str().unwrap().parse().unwrap());
            (answer.status().as_u16(), location, answer.text().await.unwrap())
        })
    }

    /// Signs in at the issuer's address as the owner of `email`, and returns the address that the issuer leads to.
    fn sign_in(&self, address: &Url, email: &str) -> Url {
        let (status, _, question) = self.get(address);
        assert_eq!(status, 200, "{question}");
        let code = question.split("name=code value=").nth(1).unwrap();
        let code = code.split('>').next().unwrap();
        let mut allow = address.join("/allow").unwrap();
        allow
            .query_pairs_mut()
            .extend_pairs([("code", code), ("email", email)]);
        let (status, location, text) = self.get(&allow);
        assert_eq!(status, 302, "{text}");
        location.unwrap()
    }
}

/// `access sign-in`, which waits for a browser.
struct Waiting {
    command: Child,
    stderr: BufReader<ChildStderr>,
    /// Where it says that one signs in.
    address: Url,
}

impl Waiting {
    fn start(service: &Service, folder: &Folder) -> Self {
        let url = format!("--url={}", service.url());
        let mut command = folder.command(&["sign-in", "--no-browser", &url]);
        let mut command = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(command.stderr.take().unwrap());
        let mut lines = [String::new(), String::new()];
        for line in &mut lines {
            stderr.read_line(line).unwrap();
        }
        let address = lines[1].trim().parse();
        let address = address.unwrap_or_else(|error| panic!("{error}: {lines:?}"));
        Self {
            command,
            stderr,
            address,
        }
    }

    /// A member of the address to sign in at.
    fn asked(&self, name: &str) -> String {
        let mut pairs = self.address.query_pairs();
        pairs.find(|(known, _)| known == name).unwrap().1.into_owned()
    }

    /// What became of the command, which has to end by itself.
    fn ended(mut self) -> Ran {
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).unwrap();
        Ran {
            code: self.command.wait().unwrap().code(),
            stdout: String::new(),
            stderr,
        }
    }
}

/// `url` with another value of a member, or without it.
fn with(url: &Url, name: &str, value: Option<&str>) -> Url {
    let pairs: Vec<_> = url.query_pairs().into_owned().collect();
    let others = pairs.into_iter().filter(|(known, _)| known != name);
    let mut changed = url.clone();
    changed.query_pairs_mut().clear().extend_pairs(others);
    if let Some(value) = value {
        changed.query_pairs_mut().append_pair(name, value);
    }
    changed
}

fn service() -> Service {
    let service = Service::with(&["--issuer"]);
    let ada = json!({ "email": "ada@example.org", "roles": ["ROLE_ORIGINATOR"] });
    service.post("/users", &ada);
    service
}

#[test]
fn a_person_signs_in_by_the_issuer_and_is_known_until_signing_out() {
    let (service, folder, browser) = (service(), Folder::new(), Browser::new());
    let waiting = Waiting::start(&service, &folder);
    let redirect = waiting.asked("redirect_uri");
    assert!(redirect.starts_with("http://127.0.0.1:"), "{redirect}");
    assert_eq!(waiting.asked("code_challenge_method"), "S256");

    let back = browser.sign_in(&waiting.address, "ada@example.org");
    assert!(back.as_str().starts_with(&redirect));
    let (status, _, text) = browser.get(&back);

    assert_eq!(status, 200);
    assert!(text.contains("You can close this tab"), "{text}");
    waiting.ended().expect_failure(0, "as ada@example.org");
    let url = format!("--url={}", service.url());
    let shown = folder.run(&["whoami", &url]);
    assert!(shown.expect(0).starts_with("ada@example.org"), "{shown:?}");
    folder.run(&["sign-out", &url]).expect_failure(0, "Signed out");
    folder.run(&["whoami", &url]).expect(4);
}

#[test]
fn what_is_not_the_answer_to_this_sign_in_is_refused_and_the_right_one_is_still_taken() {
    let (service, folder, browser) = (service(), Folder::new(), Browser::new());
    let waiting = Waiting::start(&service, &folder);
    let back = browser.sign_in(&waiting.address, "ada@example.org");
    // Browsers connect in advance and send nothing.
    let _silent = TcpStream::connect(back.socket_addrs(|| None).unwrap()[0]).unwrap();

    for state in [Some("another"), Some("")] {
        let (status, _, text) = browser.get(&with(&back, "state", state));
        assert_eq!(status, 400, "{state:?}");
        assert!(text.contains("was refused"), "{text}");
    }
    assert_eq!(browser.get(&with(&back, "state", None)).0, 404);
    assert_eq!(browser.get(&back.join("/favicon.ico").unwrap()).0, 404);

    assert_eq!(browser.get(&back).0, 200);
    waiting.ended().expect_failure(0, "as ada@example.org");
}

#[test]
fn nobody_is_signed_in_whom_the_issuer_or_the_service_refuses() {
    let (service, folder, browser) = (service(), Folder::new(), Browser::new());
    let refused = |change: &dyn Fn(Url) -> Url, email: &str, told: &str| {
        let waiting = Waiting::start(&service, &folder);
        let back = change(browser.sign_in(&waiting.address, email));
        assert_eq!(browser.get(&back).0, 200);
        waiting.ended().expect_failure(4, told);
    };
    let denied = |back: Url| with(&with(&back, "code", None), "error", Some("access_denied"));
    refused(&denied, "ada@example.org", "did not sign you in (access_denied)");
    let other = |back: Url| with(&back, "iss", Some("https://other.example"));
    refused(&other, "ada@example.org", "another issuer has answered");
    let code = |back: Url| with(&back, "code", Some("another"));
    refused(&code, "ada@example.org", "did not sign you in (");
    let same = |back: Url| back;
    refused(&same, "nobody@example.org", "no account of http://127.0.0.1");

    let url = format!("--url={}", service.url());
    folder.run(&["whoami", &url]).expect(4);
}

#[test]
fn a_service_without_an_issuer_asks_for_a_token() {
    let (service, folder) = (Service::start(), Folder::new());
    let url = format!("--url={}", service.url());

    folder
        .run(&["sign-in", &url])
        .expect_failure(2, "access sign-in --token-stdin");
}
