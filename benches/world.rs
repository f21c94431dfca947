//! A service whose imports are measured: its storage is in this process, and its calls to the table are counted.

use std::fmt::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_lambda_events::s3::S3Event;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
    BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError as InterceptError;
use aws_sdk_dynamodb::operation::batch_execute_statement::{
    BatchExecuteStatementInput, BatchExecuteStatementOutput,
};
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsInput, TransactWriteItemsOutput};
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use lambda_runtime::{Context, LambdaEvent};
use local::{Data, Local, Options};
use serde_json::json;
use shared::intake::Intake;
use shared::intake::record::{Import, Status, Via};
use shared::roster::{ImportId, Timestamp};
use shared::sheet::ImportOptions;
use shared::{BoxError, clock};
use uuid::Uuid;

/// How long one import may take.
const PATIENCE: Duration = Duration::from_mins(30);

/// One service with a table on disk, as `cargo run -p local` has it.
pub struct World {
    /// The service.
    pub local: Local,
    /// Counts the calls of the app.
    pub meter: Meter,
    app: Intake,
    _data: tempfile::TempDir,
}

/// Counts the calls of an app to its table, and the write units of batches and transactions, as storage has them. The few
/// calls to its bucket are one for each 8 MiB of the file.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    calls: Arc<AtomicU32>,
    units: Arc<Mutex<f64>>,
}

impl Meter {
    /// Returns the calls and the write units since it was asked last.
    #[must_use]
    pub fn take(&self) -> (f64, f64) {
        let calls = f64::from(self.calls.swap(0, Ordering::Relaxed));
        let units = self.units.lock().map(|mut units| std::mem::take(&mut *units));
        (calls, units.unwrap_or_default())
    }
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), InterceptError> {
        let input = context.input_mut();
        if let Some(batch) = input.downcast_mut::<BatchExecuteStatementInput>() {
            batch.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
        } else if let Some(transaction) = input.downcast_mut::<TransactWriteItemsInput>() {
            transaction.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), InterceptError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), InterceptError> {
        let Ok(output) = context.output_or_error() else {
            return Ok(());
        };
        let used = if let Some(batch) = output.downcast_ref::<BatchExecuteStatementOutput>() {
            batch.consumed_capacity()
        } else if let Some(transaction) = output.downcast_ref::<TransactWriteItemsOutput>() {
            transaction.consumed_capacity()
        } else {
            &[]
        };
        let units: f64 = used.iter().filter_map(ConsumedCapacity::capacity_units).sum();
        if let Ok(mut sum) = self.units.lock() {
            *sum += units;
        }
        Ok(())
    }
}

impl World {
    /// Starts a service with nothing but its administrator.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub async fn start() -> Result<Self, BoxError> {
        let data = tempfile::tempdir()?;
        let local = Local::start(Options {
            data: Data::Dir(data.path().to_owned()),
            ..Options::default()
        })
        .await?;
        let meter = Meter::default();
        let counted = local.dynamodb().config().to_builder().interceptor(meter.clone());
        let counted = Client::from_conf(counted.build());
        let app = Intake::new(local.app().config.clone(), &counted, local.s3());
        Ok(Self {
            local,
            meter,
            app,
            _data: data,
        })
    }

    /// Imports `file`, and returns the import and the time that the function takes.
    ///
    /// # Errors
    ///
    /// If it is not completed.
    pub async fn import(&self, file: &str, options: ImportOptions) -> Result<(Import, Duration), BoxError> {
        let id = ImportId::from_uuid(Uuid::now_v7());
        // A key that starts nothing by itself, so that nothing but the import is timed.
        let key = format!("bench/{id}.csv");
        let import = Import::open(id, key.clone(), Via::Drop, options, lifetime());
        self.local
            .s3()
            .put_object()
            .bucket(self.local.bucket())
            .key(key)
            .body(file.as_bytes().to_vec().into())
            .send()
            .await?;
        self.run(import).await
    }

    /// Carries out an import that follows `parent`, and returns it and the time that the function takes.
    ///
    /// # Errors
    ///
    /// If it is not completed.
    pub async fn follow(
        &self,
        parent: &Import,
        options: ImportOptions,
    ) -> Result<(Import, Duration), BoxError> {
        let id = ImportId::from_uuid(Uuid::now_v7());
        let key = parent.object.key.clone();
        let mut import = Import::open(id, key, Via::Drop, options, lifetime());
        import.object = parent.object.clone();
        import.parent = Some(parent.id);
        self.run(import).await
    }

    async fn run(&self, import: Import) -> Result<(Import, Duration), BoxError> {
        self.app.imports.insert(&import).await?;
        let id = import.id;
        let event: S3Event = serde_json::from_value(json!({"Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1",
            "eventTime": "2026-11-23T00:00:00.000Z", "eventName": "ObjectCreated:Put",
            "userIdentity": {}, "requestParameters": {}, "responseElements": {},
            "s3": {"bucket": {"name": self.local.bucket()}, "object": {"key": format!("resume/{id}")}},
        }]}))?;
        let mut context = Context::default();
        context.request_id = id.to_string();
        context.deadline = import.expires_at.millis();

        let started = Instant::now();
        let handled = import_file::handle(&self.app, LambdaEvent::new(event, context));
        tokio::time::timeout(PATIENCE, handled).await??;
        let took = started.elapsed();

        let found = self.app.imports.find(id, clock::now()).await?;
        let import = found.ok_or("the import is gone")?;
        assert_eq!(import.status, Status::Completed);
        Ok((import, took))
    }
}

/// From now to when an import is deleted.
fn lifetime() -> std::ops::Range<Timestamp> {
    let now = clock::now();
    now..now.plus(Duration::from_hours(1))
}

/// A file of `rows` rows with that last name, those that are `bad` with two faults each.
pub fn file(rows: std::ops::Range<u32>, name: &str, last: &str, bad: impl Fn(u32) -> bool) -> String {
    let mut file = "email,firstName,lastName,mobileNumber,roles\n".to_owned();
    for row in rows {
        let (domain, role) = if bad(row) {
            ("", "WIZARD")
        } else {
            ("example.org", "COLLABORATOR")
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            file,
            "{name}{row:08}@{domain},First{row},{last}{row},+442079460018,ROLE_{role}"
        );
    }
    file
}
