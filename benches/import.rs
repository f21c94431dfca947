//! The import beside its floors: a bare loop that writes the same items by the same SDK to the same
//! storage with no CSV at all, and the `csv` crate reading the same file with no storage at all.

mod bare;

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use aws_lambda_events::s3::S3Event;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use benches::{Row, Unit, cpu_seconds, median, peak_memory};
use lambda_runtime::{Context, LambdaEvent};
use local::{Data, Local, Options};
use serde_json::json;
use shared::intake::Intake;
use shared::intake::record::{Import, Status, Via};
use shared::roster::{ImportId, Role, Roles};
use shared::sheet::ImportOptions;
use shared::{BoxError, clock};
use uuid::Uuid;

use crate::Measured;

/// How long one import may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// What each round came to, in rows a second where nothing else is said.
#[derive(Default)]
struct Figures {
    bare: Vec<f64>,
    clean: Vec<f64>,
    dirty: Vec<f64>,
    existing: Vec<f64>,
    bad: Vec<f64>,
    reading: Vec<f64>,
    /// Processor seconds for 10,000 rows.
    cpu: Vec<f64>,
    /// Write units of a user in the bare loop.
    units: Vec<f64>,
    /// Calls to the table for a row of the clean file.
    calls: Vec<f64>,
}

/// The floor of reading.
const READING: &str = "the `csv` crate alone reading it";

/// Imports files of `rows` rows. Each round has every contestant in turn.
pub(crate) async fn measure(rows: u32, rounds: usize) -> Result<Measured, BoxError> {
    let mut figures = Figures::default();
    for round in 1..=rounds {
        eprintln!("import, round {round} of {rounds}");
        Box::pin(figures.add_round(rows)).await?;
    }
    let Figures {
        bare,
        clean,
        dirty,
        existing,
        bad,
        reading,
        cpu,
        units,
        calls,
    } = figures;
    let loops = "a loop of bare SDK calls that write the same items";
    let cleanly = "the clean file";
    let table = [
        ("import of a clean file", &clean, loops, &bare, Some(0.8)),
        ("the same", &clean, READING, &reading, None),
        ("import with 1 row in 10 bad", &dirty, cleanly, &clean, Some(0.85)),
        ("import, all users exist", &existing, cleanly, &clean, Some(0.6)),
        ("import, all rows bad", &bad, cleanly, &clean, Some(1.0)),
    ];
    let table = table.map(|(what, rates, beside, floor, aim)| Row {
        what: what.to_owned(),
        figure: median(rates),
        beside,
        floor: median(floor),
        unit: Unit::Rate,
        aim,
    });
    let lines = vec![
        format!("import: the middle of {rounds} rounds of {rows} rows, storage and service in one process"),
        format!(
            "write units of a user in the bare loop, as storage tells them: {:.3}",
            median(&units)
        ),
        format!(
            "calls to the table for a row of the clean file: {:.4}",
            median(&calls)
        ),
        format!(
            "processor seconds for 10,000 clean rows, storage included: {:.2}",
            median(&cpu)
        ),
        format!(
            "peak memory of the process, storage included: {:.0} MiB",
            peak_memory("self")
        ),
    ];
    Ok((table.into(), lines))
}

impl Figures {
    async fn add_round(&mut self, rows: u32) -> Result<(), BoxError> {
        let clean = file(rows, "clean", |_| false);
        let dirty = file(rows, "dirty", |row| row % 10 == 0);
        let bad = file(rows, "bad", |_| true);
        let count = f64::from(rows);
        let rate = |took: Duration| count / took.as_secs_f64();
        let world = World::start().await?;

        let (took, used) = bare::write(&world.local, rows).await?;
        self.bare.push(rate(took));
        self.units.push(used / count);

        let before = cpu_seconds("self");
        world.calls.0.store(0, Ordering::Relaxed);
        self.clean.push(rate(world.import(&clean, rows).await?));
        self.calls
            .push(f64::from(world.calls.0.load(Ordering::Relaxed)) / count);
        self.cpu.push((cpu_seconds("self") - before) * 10_000.0 / count);

        self.dirty.push(rate(world.import(&dirty, rows).await?));
        self.existing.push(rate(world.import(&clean, rows).await?));
        self.bad.push(rate(world.import(&bad, rows).await?));

        let started = Instant::now();
        let cells: usize = csv::Reader::from_reader(clean.as_bytes())
            .byte_records()
            .map(|record| record.map_or(0, |record| record.len()))
            .sum();
        self.reading.push(rate(started.elapsed()));
        assert_eq!(cells, rows as usize * 5);
        world.local.stop().await;
        Ok(())
    }
}

/// One service with a table on disk, as `cargo run -p local` has it.
struct World {
    local: Local,
    /// Counts its calls.
    app: Intake,
    calls: Calls,
    _data: tempfile::TempDir,
}

/// Counts the calls of an app to its table. The few to its bucket are one for each 8 MiB of the file.
#[derive(Clone, Debug, Default)]
struct Calls(Arc<AtomicU32>);

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "Calls"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), aws_sdk_dynamodb::error::BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

impl World {
    async fn start() -> Result<Self, BoxError> {
        let data = tempfile::tempdir()?;
        let local = Local::start(Options {
            data: Data::Dir(data.path().to_owned()),
            ..Options::default()
        })
        .await?;
        let calls = Calls::default();
        let counted = local.dynamodb().config().to_builder().interceptor(calls.clone());
        let counted = Client::from_conf(counted.build());
        let app = Intake::new(local.app().config.clone(), &counted, local.s3());
        Ok(Self {
            local,
            app,
            calls,
            _data: data,
        })
    }

    /// Imports `file`, which has `rows` rows; the time that the function takes.
    async fn import(&self, file: &str, rows: u32) -> Result<Duration, BoxError> {
        let id = ImportId::from_uuid(Uuid::now_v7());
        let now = clock::now();
        let later = now.plus(Duration::from_hours(1));
        let options = ImportOptions {
            default_roles: Roles::NONE.with(Role::Collaborator),
            ..ImportOptions::default()
        };
        // A key that starts nothing by itself, so that nothing but the import is timed.
        let key = format!("bench/{id}.csv");
        let import = Import::open(id, key.clone(), Via::Drop, options, now..later);
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
        let handled = import_file::handle(&self.app, LambdaEvent::new(event, context));
        tokio::time::timeout(PATIENCE, handled).await??;
        let took = started.elapsed();

        let import = self
            .app
            .imports
            .find(id, clock::now())
            .await?
            .ok_or("the import is gone")?;
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
