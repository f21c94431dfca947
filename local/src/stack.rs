//! Everything together, started and stopped as one.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use shared::intake::Intake;
use shared::{BoxError, Config};
use tempfile::TempDir;
use uuid::Uuid;

use crate::clients::Credentials;
use crate::dynamodb::TableFile;
use crate::events::{Delivery, Events};
use crate::functions;
use crate::gateway::Gateway;
use crate::invoke::{FunctionError, InProcess, Invoker};
use crate::runtime_api::Processes;
use crate::server::{self, Server};
use crate::start_error::StartError;
use crate::stores::{Endpoints, Stores};
use crate::template::Template;
use crate::wiring::{Wire, Wiring};

/// The address of the administrator, for whom every start issues a token.
pub const ADMINISTRATOR: &str = "admin@example.org";
/// How long a stop waits for what is under way: requests end within seconds, and a run of an import that is cut off goes on
/// after the next start.
const GRACE: Duration = Duration::from_secs(5);

/// Where the data is.
#[derive(Clone, Debug, Default)]
pub enum Data {
    /// The table in memory and the objects in a folder that is removed at the end.
    #[default]
    Memory,
    /// In a folder, kept for the next start.
    Dir(PathBuf),
}

/// Where the functions run.
#[derive(Clone, Default)]
pub enum Functions {
    /// In this process, by the table in [`functions`].
    #[default]
    InProcess,
    /// The built binaries in this folder, each its own process.
    Processes(PathBuf),
    /// In this process, by a table of the caller's.
    Given(Wire),
}

impl Functions {
    /// Makes what calls the functions. All of them get the variables in `common`.
    fn invoker(
        self,
        wiring: &Wiring,
        template: &Template,
        common: &BTreeMap<String, String>,
    ) -> Result<Invoker, StartError> {
        let wired = |error: BoxError| StartError::new(format!("the functions cannot be made ({error})"));
        let in_process = |handlers| Invoker::new(InProcess::new(handlers, template.functions.clone()));
        Ok(match self {
            Self::InProcess => in_process(functions::handlers(wiring).map_err(wired)?),
            Self::Given(wire) => in_process(wire(wiring).map_err(wired)?),
            Self::Processes(folder) => {
                let processes = Processes::new(&folder, &template.functions, common);
                Invoker::new(processes.map_err(|error| {
                    StartError::new(format!(
                        "{error}; build it by scripts/build, or correct --functions"
                    ))
                })?)
            }
        })
    }
}

/// How to start. The default is what a test wants: nothing kept, any port, everything in process.
#[derive(Clone)]
pub struct Options {
    /// Where the data is.
    pub data: Data,
    /// Whether every change of the table is on the disk before it is answered.
    pub durable: bool,
    /// The gateway's port; 0 for any free one.
    pub port: u16,
    /// Where the functions run.
    pub functions: Functions,
    /// The stack's name, which begins the table's name.
    pub stack: String,
    /// Parameters of the template, where they are not to have their defaults.
    pub parameters: BTreeMap<String, String>,
    /// Environment variables that the functions get besides those of the template, or in their place.
    pub environment: BTreeMap<String, String>,
    /// Another DynamoDB to use instead of the embedded one.
    pub dynamodb_endpoint: Option<String>,
    /// Another S3 to use instead of the embedded one.
    pub s3_endpoint: Option<String>,
    /// The keys for both stores.
    pub credentials: Credentials,
    /// How events are delivered.
    pub delivery: Delivery,
    /// How long the gateway waits for a function. API Gateway waits 30 s.
    pub integration_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            data: Data::default(),
            durable: false,
            port: 0,
            functions: Functions::default(),
            stack: "local".to_owned(),
            parameters: BTreeMap::new(),
            environment: BTreeMap::new(),
            dynamodb_endpoint: None,
            s3_endpoint: None,
            credentials: Credentials::default(),
            delivery: Delivery::default(),
            // API Gateway's own limit.
            integration_timeout: Duration::from_secs(30),
        }
    }
}

/// The running service. It ends at once when dropped; [`Local::stop`] ends it in good order.
pub struct Local {
    template: Template,
    gateway: Option<Server>,
    events: Events,
    invoker: Invoker,
    stores: Stores,
    config: Config,
    admin_token: String,
    folder: Folder,
}

impl Local {
    /// Starts everything, on loopback only, and returns when it answers.
    ///
    /// # Errors
    ///
    /// When the port or the data folder is taken, a store cannot be reached, or the first
    /// administrator's token cannot be had.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let Options {
            data,
            durable,
            port,
            functions,
            stack,
            parameters,
            environment,
            dynamodb_endpoint,
            s3_endpoint,
            credentials,
            delivery,
            integration_timeout,
        } = options;
        let listener = server::bind(port)
            .await
            .map_err(|error| StartError::port(port, &error))?;
        let template = Template::embedded(&stack, &parameters)
            .map_err(|error| StartError::new(format!("{error}; correct --parameter")))?;
        let folder = Folder::open(&data)?;
        let of_folder = |error| StartError::folder(folder.path(), &error);
        let events = Events::open(folder.path(), &template, delivery).map_err(of_folder)?;

        let gateway = listener.local_addr();
        let foreign = Endpoints {
            dynamodb: dynamodb_endpoint,
            s3: s3_endpoint,
            gateway: gateway.map_err(|error| StartError::port(port, &error))?,
        };
        let database = folder.table().map(|path| TableFile { path, durable });
        let stores = Stores::start(foreign, database, folder.path(), credentials, &events).await?;
        stores.make(&template).await?;

        let mut common = stores.environment();
        common.extend(folder.epoch().into_iter().chain(environment));
        let wiring = Wiring::new(&template, &common, &stores.dynamodb, &stores.s3);
        let config = wiring
            .config()
            .map_err(|error| StartError::new(format!("{error}; correct --env or --parameter")))?;
        let invoker = functions.invoker(&wiring, &template, &common)?;
        let admin_token = bootstrap(&invoker).await?;

        events
            .deliver(invoker.clone())
            .map_err(|error| StartError::new(error.to_string()))?;
        if stores.has_foreign_objects() {
            events.watch(stores.s3.clone());
        }
        let gateway = Gateway::new(&template.routes, invoker.clone(), integration_timeout)
            .serve(listener)
            .map_err(|error| StartError::port(port, &error))?;
        Ok(Self {
            template,
            gateway: Some(gateway),
            events,
            invoker,
            stores,
            config,
            admin_token,
            folder,
        })
    }

    /// Where the gateway listens, without a path: `http://127.0.0.1:8080`.
    #[must_use]
    pub fn url(&self) -> String {
        self.gateway.as_ref().map(Server::url).unwrap_or_default()
    }

    /// An access token of the first administrator, issued at this start.
    #[must_use]
    pub fn admin_token(&self) -> &str {
        &self.admin_token
    }

    /// The table's name.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.template.table.name
    }

    /// The bucket's name.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.template.bucket
    }

    /// What was started.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// Where DynamoDB and S3 answer.
    #[must_use]
    pub fn endpoints(&self) -> (&str, &str) {
        (&self.stores.dynamodb_endpoint, &self.stores.s3_endpoint)
    }

    /// A client of the table's store.
    #[must_use]
    pub fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        &self.stores.dynamodb
    }

    /// A client of the objects' store.
    #[must_use]
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        &self.stores.s3
    }

    /// The stores behind the service, as its functions see them but with every right.
    #[must_use]
    pub fn app(&self) -> Intake {
        Intake::new(self.config.clone(), &self.stores.dynamodb, &self.stores.s3)
    }

    /// The folder with the events that wait and those that were given up.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Calls a function without the gateway, as an operator would, and waits for its result.
    ///
    /// # Errors
    ///
    /// When there is no such function, or it fails.
    pub async fn invoke(&self, function: &str, payload: &Value) -> Result<Value, FunctionError> {
        self.invoker.call(function, payload).await
    }

    /// Waits until every event that was noted is delivered or given up.
    pub async fn settled(&self) {
        self.events.settled().await;
    }

    /// Writes what another program needs to know to use this one. The file is there whole or not at
    /// all, and for its owner's eyes only, because the token is in it.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write_ready_file(&self, path: &Path) -> io::Result<()> {
        let ready = json!({
            "url": self.url(),
            "adminToken": self.admin_token,
            "dynamodbEndpoint": self.stores.dynamodb_endpoint,
            "s3Endpoint": self.stores.s3_endpoint,
            "table": self.table(),
            "bucket": self.bucket(),
        });
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        // Such a file is made with the narrowest rights.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        io::Write::write_all(&mut file, ready.to_string().as_bytes())?;
        file.persist(path)?;
        Ok(())
    }

    /// Takes no more requests, lets those under way finish for a moment, and ends everything else.
    ///
    /// Events that are not delivered yet are kept, if the data is.
    pub async fn stop(mut self) {
        if let Some(gateway) = self.gateway.take() {
            gateway.stop(GRACE).await;
        }
        self.events.stop().await;
        self.invoker.stop();
        self.stores.stop(GRACE).await;
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.events.abort();
        self.invoker.stop();
    }
}

async fn bootstrap(invoker: &Invoker) -> Result<String, StartError> {
    let failed = |error| StartError::administrator(ADMINISTRATOR, &error);
    let payload = json!({ "email": ADMINISTRATOR, "add": true });
    let result = invoker.call("bootstrap", &payload).await.map_err(failed)?;
    let token = result["accessToken"].as_str().map(str::to_owned);
    token.ok_or_else(|| failed(FunctionError::failed("", "bootstrap answers without a token")))
}

/// The data folder, held by one process at a time.
enum Folder {
    Temporary(TempDir),
    Kept {
        path: PathBuf,
        _lock: File,
        epoch: String,
    },
}

impl Folder {
    fn open(data: &Data) -> Result<Self, StartError> {
        let Data::Dir(path) = data else {
            let folder = tempfile::tempdir();
            return Ok(Self::Temporary(
                folder.map_err(|error| StartError::folder(&std::env::temp_dir(), &error))?,
            ));
        };
        let of_folder = |error| StartError::folder(path, &error);
        std::fs::create_dir_all(path).map_err(of_folder)?;
        let path = path.canonicalize().map_err(of_folder)?;
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let mut lock = options.open(path.join("lock")).map_err(of_folder)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self::Kept {
                epoch: epoch_in(&mut lock).map_err(of_folder)?,
                path,
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(StartError::new(format!(
                "another process uses the data in {}; stop it, or choose another folder by --data",
                path.display()
            ))),
            Err(TryLockError::Error(error)) => Err(of_folder(error)),
        }
    }

    /// The variable that tells functions whether a version without the index of users may have used the data.
    fn epoch(&self) -> Option<(String, String)> {
        let Self::Kept { epoch, .. } = self else {
            return None;
        };
        Some(("INDEX_EPOCH".to_owned(), epoch.clone()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept { path, .. } => path,
        }
    }

    fn table(&self) -> Option<PathBuf> {
        match self {
            Self::Temporary(_) => None,
            Self::Kept { path, .. } => Some(path.join("dynamodb.sqlite")),
        }
    }
}

/// Returns the name in the file that locks a folder. Versions without the index of users leave the file empty when they
/// start; then there is a new name from now on.
fn epoch_in(lock: &mut File) -> io::Result<String> {
    let mut kept = Vec::new();
    lock.read_to_end(&mut kept)?;
    if let Ok(epoch) = Uuid::try_parse_ascii(&kept) {
        return Ok(epoch.to_string());
    }
    let epoch = Uuid::new_v4().to_string();
    lock.set_len(0)?;
    lock.rewind()?;
    lock.write_all(epoch.as_bytes())?;
    Ok(epoch)
}

#[cfg(test)]
mod tests;
