//! The table's store: DynamoDB over SQLite, inside this process.

mod in_process;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata};
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, LocalSecondaryIndex,
    Projection, TableStatus, TimeToLiveSpecification,
};
use aws_smithy_http_client::Builder;
use dynoxide::Database;
use shared::BoxError;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::clients::{self, Credentials};
use crate::server;
use crate::start_error::of_call;
use crate::template::{Index, Key, Table};
use in_process::InProcess;

/// How long a new table may take until it can be used: an emulation takes moments, AWS some seconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// The file of a table.
#[derive(Clone, Debug)]
pub(crate) struct TableFile {
    pub(crate) path: PathBuf,
    /// Whether every change is on the disk before it is answered.
    pub(crate) durable: bool,
}

/// A running store; it ends when dropped.
pub(crate) struct DynamoDb {
    url: String,
    database: Database,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Result<(), String>>,
}

impl DynamoDb {
    /// Starts on a free port, with data in `file`, or in memory.
    pub(crate) async fn start(file: Option<&TableFile>) -> Result<Self, BoxError> {
        let database = match file {
            None => Database::memory()?,
            Some(TableFile { path, durable }) => {
                let path = path.to_str().ok_or("the data folder's path is not UTF-8")?;
                let database = Database::new(path)?;
                if !durable {
                    // What the pair leaves behind is `synchronous=NORMAL`: no sync for each item. A killed
                    // process loses nothing then; a power cut may lose the last moments.
                    database.enable_bulk_loading()?;
                    database.disable_bulk_loading()?;
                }
                database
            }
        };
        let listener = server::bind(0).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(dynoxide::server::serve_with_shutdown(
            listener,
            database.clone(),
            async move {
                let _ = stopped.await;
            },
        ));
        Ok(Self {
            url,
            database,
            stop: Some(stop),
            serving,
        })
    }

    /// Its endpoint, for other processes.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A client of it in this process.
    pub(crate) fn client(&self, credentials: &Credentials) -> Client {
        let in_process = InProcess {
            database: self.database.clone(),
            url: self.url().into(),
            server: Builder::new().build_http(),
        };
        let over_the_socket = clients::dynamodb(&self.url, credentials);
        let config = over_the_socket.config().to_builder().http_client(in_process);
        Client::from_conf(config.build())
    }

    /// Lets the requests under way finish, and closes the file.
    pub(crate) async fn stop(mut self, grace: Duration) {
        drop(self.stop.take());
        let _ = tokio::time::timeout(grace, &mut self.serving).await;
    }
}

impl Drop for DynamoDb {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Makes the table as the template has it, unless it is there. Says in a few words why it cannot.
pub(crate) async fn create_table(client: &Client, table: &Table) -> Result<(), String> {
    let created = definition(client, table)
        .map_err(|error| error.to_string())?
        .send()
        .await;
    if let Err(err) = created {
        // Another start made it.
        if err.code() != Some("ResourceInUseException") {
            return Err(of_call(&err));
        }
    }
    wait_until_active(client, &table.name).await?;

    set_time_to_live(client, table).await
}

/// Switches the deletion of expired items on, if the template asks for it.
async fn set_time_to_live(client: &Client, table: &Table) -> Result<(), String> {
    let Some(time_to_live) = &table.time_to_live_specification else {
        return Ok(());
    };
    let specification = TimeToLiveSpecification::builder()
        .attribute_name(&time_to_live.attribute_name)
        .enabled(true)
        .build()
        .map_err(|error| error.to_string())?;
    let updated = client
        .update_time_to_live()
        .table_name(&table.name)
        .time_to_live_specification(specification)
        .send()
        .await;
    match updated {
        // It is on already.
        Err(err) if err.code() == Some("ValidationException") => Ok(()),
        Err(err) => Err(of_call(&err)),
        Ok(_) => Ok(()),
    }
}

/// The call that makes the table.
fn definition(client: &Client, table: &Table) -> Result<CreateTableFluentBuilder, BuildError> {
    Ok(client
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(
            table
                .attribute_definitions
                .iter()
                .map(|attribute| {
                    AttributeDefinition::builder()
                        .attribute_name(&attribute.attribute_name)
                        .attribute_type(attribute.attribute_type.as_str().into())
                        .build()
                })
                .collect::<Result<_, _>>()?,
        ))
        .set_key_schema(Some(key_schema(&table.key_schema)?))
        .set_local_secondary_indexes(non_empty(
            table
                .local_secondary_indexes
                .iter()
                .map(|index| {
                    LocalSecondaryIndex::builder()
                        .index_name(&index.name)
                        .set_key_schema(Some(key_schema(&index.key_schema)?))
                        .projection(projection(index))
                        .build()
                })
                .collect::<Result<_, _>>()?,
        ))
        .set_global_secondary_indexes(non_empty(
            table
                .global_secondary_indexes
                .iter()
                .map(|index| {
                    GlobalSecondaryIndex::builder()
                        .index_name(&index.name)
                        .set_key_schema(Some(key_schema(&index.key_schema)?))
                        .projection(projection(index))
                        .build()
                })
                .collect::<Result<_, _>>()?,
        )))
}

async fn wait_until_active(client: &Client, table: &str) -> Result<(), String> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        let described = client.describe_table().table_name(table).send().await;
        let described = described.map_err(|error| of_call(&error))?;
        if described.table().and_then(|table| table.table_status()) == Some(&TableStatus::Active) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Err(format!(
        "the table {table} is not there after {} s",
        PATIENCE.as_secs()
    ))
}

fn key_schema(keys: &[Key]) -> Result<Vec<KeySchemaElement>, BuildError> {
    keys.iter()
        .map(|key| {
            KeySchemaElement::builder()
                .attribute_name(&key.attribute_name)
                .key_type(key.key_type.as_str().into())
                .build()
        })
        .collect()
}

fn projection(index: &Index) -> Projection {
    Projection::builder()
        .projection_type(index.projection.projection_type.as_str().into())
        .build()
}

fn non_empty<T>(elements: Vec<T>) -> Option<Vec<T>> {
    (!elements.is_empty()).then_some(elements)
}
