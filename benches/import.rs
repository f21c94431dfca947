//! The import beside its floors: a bare loop that writes the same items by the same SDK to the same
//! storage with no CSV at all, and the `csv` crate reading the same file with no storage at all.
//!
//! `cargo bench -p benches --bench import [-- ROWS]`, 10,000 rows if it is not said.

use std::fmt::Write;
use std::time::{Duration, Instant};

use aws_lambda_events::s3::S3Event;
use aws_sdk_dynamodb::types::{
    AttributeValue, BatchStatementRequest, ConsumedCapacity, ReturnConsumedCapacity,
};
use benches::{cpu_seconds, median, peak_memory};
use futures::{StreamExt, stream};
use lambda_runtime::{Context, LambdaEvent};
use local::{Data, Local, Options};
use serde_json::json;
use shared::models::import::{Import, ImportOptions, Status, Via};
use shared::models::{ImportId, Role, Roles};
use shared::{App, Config, clock};
use uuid::Uuid;

/// Rounds, each with every contestant in turn.
const ROUNDS: usize = 5;
/// Calls of the bare loop that are under way at the same time.
const CALLS: usize = 16;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let rows = std::env::args()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(10_000);
    let mut bare = Vec::new();
    let mut clean = Vec::new();
    let mut dirty = Vec::new();
    let mut existing = Vec::new();
    let mut bad = Vec::new();
    let mut reading = Vec::new();
    let mut cpu = Vec::new();
    let mut units = 0.0;
    for _ in 0..ROUNDS {
        let world = World::start().await?;
        let rate = |took: Duration| f64::from(rows) / took.as_secs_f64();

        let (took, used) = world.bare(rows).await?;
        bare.push(rate(took));
        units = used / f64::from(rows);

        let before = cpu_seconds();
        let file = file(rows, "clean", |_| false);
        clean.push(rate(world.import(&file, rows).await?));
        cpu.push((cpu_seconds() - before) * 10_000.0 / f64::from(rows));

        dirty.push(rate(
            world
                .import(&self::file(rows, "dirty", |row| row % 10 == 0), rows)
                .await?,
        ));
        existing.push(rate(world.import(&file, rows).await?));
        bad.push(rate(
            world.import(&self::file(rows, "bad", |_| true), rows).await?,
        ));

        let started = Instant::now();
        let cells: usize = csv::Reader::from_reader(file.as_bytes())
            .byte_records()
            .map(|record| record.map_or(0, |record| record.len()))
            .sum();
        assert_eq!(cells, rows as usize * 5);
        reading.push(rate(started.elapsed()));
        world.local.stop().await;
    }

    let bare = median(bare);
    let clean = median(clean);
    println!("{rows} rows, median of {ROUNDS} rounds, storage and service in one process");
    println!("| what | rows/s | ratio | aim |");
    println!("|---|---|---|---|");
    println!("| bare loop, {CALLS} calls of 25 inserts under way | {bare:.0} | 1 | |");
    println!(
        "| clean file, beside the bare loop | {clean:.0} | {:.2} | 0.8 |",
        clean / bare
    );
    for (what, rates, aim) in [
        ("1 row in 10 bad, beside clean", dirty, "0.85"),
        ("all users exist, beside clean", existing, "0.6"),
        ("all rows bad, beside clean", bad, "1"),
        ("`csv` alone, beside clean", reading, ""),
    ] {
        let rate = median(rates);
        println!("| {what} | {rate:.0} | {:.2} | {aim} |", rate / clean);
    }
    println!("write units a user, as storage tells them: {units:.3}");
    println!(
        "processor seconds for 10,000 rows, storage included: {:.2}",
        median(cpu)
    );
    println!(
        "peak memory of the process, storage included: {:.0} MiB",
        peak_memory()
    );
    Ok(())
}

/// One service with a table on disk, as `cargo run -p local` has it.
struct World {
    local: Local,
    app: App,
    _data: tempfile::TempDir,
}

impl World {
    async fn start() -> Result<Self, Failure> {
        let data = tempfile::tempdir()?;
        let local = Local::start(Options {
            data: Data::Dir(data.path().to_owned()),
            ..Options::default()
        })
        .await?;
        let config = Config::from_lookup(|name| match name {
            "TABLE_NAME" => Some(local.table().to_owned()),
            "BUCKET_NAME" => Some(local.bucket().to_owned()),
            _ => None,
        })?;
        let app = App::new(config, local.dynamodb().clone(), local.s3().clone());
        Ok(Self {
            local,
            app,
            _data: data,
        })
    }

    /// Writes `rows` items of the shape that an import writes; the time, and the write units.
    async fn bare(&self, rows: u32) -> Result<(Duration, f64), Failure> {
        let statements: Vec<_> = (0..rows)
            .map(|row| self.statement(row))
            .collect::<Result<_, _>>()?;
        let calls: Vec<Vec<_>> = statements.chunks(25).map(<[_]>::to_vec).collect();
        let client = self.local.dynamodb();
        let started = Instant::now();
        let units = stream::iter(calls)
            .map(|statements| async move {
                let answer = client
                    .batch_execute_statement()
                    .set_statements(Some(statements))
                    .return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .send()
                    .await?;
                assert!(
                    answer
                        .responses()
                        .iter()
                        .all(|response| response.error().is_none())
                );
                let used: f64 = answer
                    .consumed_capacity()
                    .iter()
                    .filter_map(ConsumedCapacity::capacity_units)
                    .sum();
                Ok::<_, Failure>(used)
            })
            .buffer_unordered(CALLS)
            .fold(Ok(0.0), |sum: Result<f64, Failure>, used| async move {
                Ok(sum? + used?)
            })
            .await?;
        Ok((started.elapsed(), units))
    }

    fn statement(&self, row: u32) -> Result<BatchStatementRequest, Failure> {
        let text = |value: String| AttributeValue::S(value);
        let number = |value: u64| AttributeValue::N(value.to_string());
        let email = format!("bare{row:08}@example.org");
        let slot = format!("{row:024}");
        let attributes = [
            ("PK", text(format!("U#{slot}"))),
            ("SK", text("U".to_owned())),
            ("LPK", text(format!("U#{}", row % 8))),
            ("LSK", text(email.clone())),
            ("id", text(format!("{slot}abcdefgh"))),
            ("email", text(email.clone())),
            ("firstName", text(format!("First{row}"))),
            ("lastName", text(format!("Last{row}"))),
            ("mobileNumber", text("+442079460018".to_owned())),
            (
                "roles",
                AttributeValue::L(vec![text("ROLE_COLLABORATOR".to_owned())]),
            ),
            ("enabled", AttributeValue::Bool(true)),
            ("accountType", text("LOCAL".to_owned())),
            ("createdAt", number(1_795_000_000_000)),
            ("modifiedAt", number(1_795_000_000_000)),
            ("version", number(0)),
            ("importId", text("0".repeat(32))),
            ("importLine", number(u64::from(row) + 2)),
            ("search", text(format!("{email}\nfirst{row}\nlast{row}"))),
        ];
        let names: Vec<_> = attributes.iter().map(|(name, _)| format!("'{name}':?")).collect();
        Ok(BatchStatementRequest::builder()
            .statement(format!(
                "INSERT INTO \"{}\" VALUE {{{}}}",
                self.local.table(),
                names.join(",")
            ))
            .set_parameters(Some(attributes.map(|(_, value)| value).into()))
            .build()?)
    }

    /// Imports `file`, which has `rows` rows; the time that the function takes.
    async fn import(&self, file: &str, rows: u32) -> Result<Duration, Failure> {
        let id = ImportId::from_uuid(Uuid::now_v7());
        let now = clock::now();
        let later = now.plus(Duration::from_hours(1));
        let options = ImportOptions {
            default_roles: Roles::NONE.with(Role::Collaborator),
            ..ImportOptions::default()
        };
        // A key that starts nothing by itself, so that nothing but the import is timed.
        let key = format!("bench/{id}.csv");
        let import = Import::open(id, key.clone(), Via::Drop, options, None, now, later);
        self.app.imports.insert(&import).await?;
        self.local
            .s3()
            .put_object()
            .bucket(self.local.bucket())
            .key(key)
            .body(file.as_bytes().to_vec().into())
            .send()
            .await?;
        let event: S3Event = serde_json::from_value(json!({"Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1",
            "eventTime": "2026-11-23T00:00:00.000Z", "eventName": "ObjectCreated:Put",
            "userIdentity": {}, "requestParameters": {}, "responseElements": {},
            "s3": {"bucket": {"name": self.local.bucket()}, "object": {"key": format!("resume/{id}")}},
        }]}))?;
        let mut context = Context::default();
        context.request_id = id.to_string();
        context.deadline = later.millis();

        let started = Instant::now();
        import_file::handle(&self.app, LambdaEvent::new(event, context)).await?;
        let took = started.elapsed();

        let import = self.app.imports.find(id).await?.ok_or("the import is gone")?;
        assert_eq!(import.status, Status::Completed);
        assert_eq!(import.counts.rows(), u64::from(rows));
        Ok(took)
    }
}

/// A file of `rows` rows, those that are `bad` with two faults each.
fn file(rows: u32, name: &str, bad: impl Fn(u32) -> bool) -> String {
    let mut file = "email,firstName,lastName,mobileNumber,roles\n".to_owned();
    for row in 0..rows {
        let (domain, role) = if bad(row) {
            ("", "WIZARD")
        } else {
            ("example.org", "COLLABORATOR")
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            file,
            "{name}{row:08}@{domain},First{row},Last{row},+442079460018,ROLE_{role}"
        );
    }
    file
}
