//! Files as people send them: each run of `tests/fixtures/files/expected.json` through HTTP, storage, and back through
//! the rejected rows.

use std::fs;
use std::path::{Path, PathBuf};

use futures::StreamExt;
use serde_json::{Map, Value};

use super::{counts, path, user};
use crate::support::{Answer, Service};

/// Runs that do not yet give what they must.
const FAILING: &[&str] = &[];

/// Services at the same time.
const AT_ONCE: usize = 4;

/// One way to send a file, and what must come of it.
struct Run {
    name: String,
    file: Vec<u8>,
    options: Vec<(String, String)>,
    expected: Value,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/files")
}

/// All runs, named by their file and, from the second on, their number.
fn runs() -> Vec<Run> {
    let expected = fs::read(folder().join("expected.json")).unwrap();
    let files: Vec<Value> = serde_json::from_slice(&expected).unwrap();
    let mut runs = Vec::new();
    for file in files {
        let name = file["file"].as_str().unwrap();
        for (number, run) in (1..).zip(file["runs"].as_array().unwrap()) {
            let options = run["options"].as_object().unwrap();
            let options = options
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
            runs.push(Run {
                name: if number == 1 {
                    name.to_owned()
                } else {
                    format!("{name} {number}")
                },
                file: fs::read(folder().join(name)).unwrap(),
                options: options.collect(),
                expected: run.clone(),
            });
        }
    }
    runs
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_gives_what_it_must() {
    let runs = runs();
    assert_eq!(runs.len(), 44);

    let checked: Vec<_> = futures::stream::iter(runs)
        .map(checked)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let failed: Vec<_> = checked.iter().filter(|(_, wrong)| !wrong.is_empty()).collect();

    let mut names: Vec<_> = failed.iter().map(|(name, _)| name.as_str()).collect();
    let mut known = FAILING.to_vec();
    names.sort_unstable();
    known.sort_unstable();
    assert_eq!(names, known, "{failed:#?}");
}

/// The name of a run, and what is not as it must be.
async fn checked(run: Run) -> (String, Vec<String>) {
    let service = Service::start().await;
    let mut wrong = Wrong::default();
    wrong.check(&service, &run).await;
    (run.name, wrong.0)
}

/// What is not as it must be.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn expect(&mut self, right: bool, what: impl FnOnce() -> String) {
        if !right {
            self.0.push(what());
        }
    }

    async fn check(&mut self, service: &Service, run: &Run) {
        let expected = &run.expected;
        let answer = import(service, &run.file, &run.options).await;
        if let Some(text) = expected["refused"].as_str() {
            return self.refused(&answer, text, expected["notInMessage"].as_str());
        }
        if answer.status != 200 {
            return self.0.push(answer.text);
        }
        let import = answer.json();
        self.counts(&import, expected["counts"].as_object().unwrap());
        for (member, value) in expected["read"].as_object().into_iter().flatten() {
            self.expect(import["read"][member] == *value, || {
                format!("read {}", import["read"])
            });
        }
        for expected in array(&expected["users"]) {
            self.user(service, expected).await;
        }
        let faults = array(&import["rowErrors"]);
        let (warnings, errors): (Vec<_>, Vec<_>) =
            faults.iter().partition(|fault| fault["severity"] == "warning");
        self.faults(&errors, array(&expected["errors"]));
        self.faults(&warnings, array(&expected["warnings"]));
        if counts(&import)[4] > 0 {
            self.rejected(service, run, &import).await;
        }
    }

    fn refused(&mut self, answer: &Answer, text: &str, absent: Option<&str>) {
        self.expect(answer.status == 422, || {
            format!("{} {}", answer.status, answer.text)
        });
        let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        self.expect(detail.contains(text), || format!("{text:?} is not in {detail}"));
        let found = absent.filter(|absent| detail.contains(absent));
        self.expect(found.is_none(), || format!("{found:?} is in {detail}"));
    }

    fn counts(&mut self, import: &Value, expected: &Map<String, Value>) {
        for (name, count) in import["counts"].as_object().unwrap() {
            let wanted = expected.get(name).and_then(Value::as_u64).unwrap_or_default();
            let counted = name != "warnings" || expected.contains_key(name);
            self.expect(!counted || *count == wanted, || {
                format!("counts {}", import["counts"])
            });
        }
    }

    async fn user(&mut self, service: &Service, expected: &Value) {
        let email = expected["email"].as_str().unwrap();
        let Some(found) = user(service, email).await else {
            return self.0.push(format!("no account has {email}"));
        };
        let found = service.get(&format!("/users/{}", found.id)).await.expect(200);
        for (member, value) in expected.as_object().unwrap() {
            let same = match value {
                Value::Array(roles) => {
                    let held = array(&found[member]);
                    held.len() == roles.len() && roles.iter().all(|role| held.contains(role))
                }
                value => found[member] == *value,
            };
            self.expect(same, || format!("{email}: {member} is {}", found[member]));
        }
    }

    fn faults(&mut self, found: &[&Value], expected: &[Value]) {
        self.expect(found.len() == expected.len(), || format!("faults {found:?}"));
        for expected in expected {
            let found = found.iter().find(|found| is_like(found, expected));
            self.expect(found.is_some(), || format!("no fault is {expected}"));
        }
    }

    /// The rejected rows must be a rectangle with a byte order mark. Sent back as they are, exactly those rows are taken
    /// that need no more than another encoding; with all suggestions applied, those whose every error has one.
    async fn rejected(&mut self, service: &Service, run: &Run, import: &Value) {
        let file = service.get(&(path(import) + "/rejected")).await.text;
        self.expect(file.starts_with('\u{FEFF}'), || "no byte order mark".to_owned());
        let delimiter = import["read"]["delimiter"].as_str().unwrap().as_bytes()[0];
        let mut table = table(&file, delimiter);
        let widths: Vec<_> = table.iter().map(Vec::len).collect();
        self.expect(widths.windows(2).all(|two| two[0] == two[1]), || {
            format!("widths {widths:?}")
        });

        let errors: Vec<_> = array(&import["rowErrors"])
            .iter()
            .filter(|fault| fault["severity"] != "warning")
            .collect();
        let failed = counts(import)[4];
        let only = |sound: &dyn Fn(&Value) -> bool| {
            let mut unsound: Vec<_> = errors
                .iter()
                .filter(|error| !sound(error))
                .map(|error| &error["line"])
                .collect();
            unsound.dedup();
            unsound.len() as u64
        };
        let untouched = only(&|error| error["code"] == "not_utf8");
        let mended = only(&|error| {
            error["code"] == "not_utf8" || (error["suggestion"].is_string() && !error["column"].is_null())
        });

        let again = import_in_utf8(service, file.as_bytes(), &run.options).await;
        self.expect(again == Ok([failed, untouched]), || {
            format!("untouched: {again:?}")
        });

        for error in &errors {
            let (Some(column), Some(suggestion)) = (error["column"].as_str(), error["suggestion"].as_str())
            else {
                continue;
            };
            mend(&mut table, &error["line"].to_string(), column, suggestion);
        }
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .from_writer(Vec::new());
        for row in &table {
            writer.write_record(row).unwrap();
        }
        let corrected = writer.into_inner().unwrap();
        if mended < untouched {
            let again = import_in_utf8(service, &corrected, &run.options).await;
            self.expect(again == Ok([failed, mended]), || {
                format!("mended: {again:?} of {}", String::from_utf8_lossy(&corrected))
            });
        }
    }
}

/// Writes `value` into the cell of the row that came from `line`.
fn mend(table: &mut [Vec<String>], line: &str, column: &str, value: &str) {
    let header = &table[0];
    let place = |name: &str| {
        header
            .iter()
            .position(|cell| cell.trim_start_matches('\u{FEFF}') == name)
    };
    let (Some(at), Some(lines)) = (place(column), place("_line")) else {
        return;
    };
    let row = table
        .iter_mut()
        .find(|row| row.get(lines).is_some_and(|cell| cell == line));
    if let Some(cell) = row.and_then(|row| row.get_mut(at)) {
        value.clone_into(cell);
    }
}

/// Whether a fault is the one that is expected.
fn is_like(found: &Value, expected: &Value) -> bool {
    expected
        .as_object()
        .unwrap()
        .iter()
        .all(|(member, value)| match member.as_str() {
            "column" => found["member"] == *value,
            "message" => found["message"]
                .as_str()
                .unwrap()
                .contains(value.as_str().unwrap()),
            member => found[member] == *value,
        })
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn table(file: &str, delimiter: u8) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(file.as_bytes());
    let rows = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect());
    rows.collect()
}

async fn import(service: &Service, file: &[u8], options: &[(String, String)]) -> Answer {
    let options: Vec<_> = options
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    service.import(file, &options).await
}

/// How many rows such a file has, and how many of them fail, or why it is refused.
async fn import_in_utf8(
    service: &Service,
    file: &[u8],
    options: &[(String, String)],
) -> Result<[u64; 2], String> {
    let answer = import(service, file, options).await;
    if answer.status != 200 {
        return Err(answer.text);
    }
    let counts = counts(&answer.json());
    Ok([counts[0], counts[4]])
}
