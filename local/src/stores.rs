//! The two stores, embedded or foreign, with clients of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::clients::{self, Credentials};
use crate::dynamodb::{self, DynamoDb, TableFile};
use crate::events::Events;
use crate::s3::{self, ObjectStore};
use crate::start_error::StartError;
use crate::template::Template;

/// Where foreign stores are, and the gateway. An embedded store is started for each that is not given.
#[derive(Clone, Debug)]
pub(crate) struct Endpoints {
    pub(crate) dynamodb: Option<String>,
    pub(crate) s3: Option<String>,
    /// The gateway's address: its pages may use the embedded objects.
    pub(crate) gateway: SocketAddr,
}

/// The stores of one service. The embedded ones end when this is dropped.
pub(crate) struct Stores {
    items: Option<DynamoDb>,
    objects: Option<ObjectStore>,
    pub(crate) dynamodb_endpoint: String,
    pub(crate) s3_endpoint: String,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    credentials: Credentials,
    /// The file of the embedded table, unless it is in memory.
    database: Option<TableFile>,
}

impl Stores {
    /// Starts the embedded stores: the table in `database` or in memory, the objects below `folder`.
    pub(crate) async fn start(
        foreign: Endpoints,
        database: Option<TableFile>,
        folder: &Path,
        credentials: Credentials,
        events: &Events,
    ) -> Result<Self, StartError> {
        let (items, dynamodb_endpoint) = if let Some(url) = foreign.dynamodb {
            (None, url)
        } else {
            let started = DynamoDb::start(database.as_ref()).await;
            let path = database.as_ref().map(|file| &*file.path);
            let items = started.map_err(|error| StartError::table(path, &*error))?;
            let url = items.url().to_owned();
            (Some(items), url)
        };
        let (objects, s3_endpoint) = if let Some(url) = foreign.s3 {
            (None, url)
        } else {
            let path = folder.join("s3");
            let started = ObjectStore::start(&path, &credentials, events.clone(), foreign.gateway).await;
            let objects = started.map_err(|error| StartError::objects(&path, &*error))?;
            let url = objects.url();
            (Some(objects), url)
        };
        Ok(Self {
            dynamodb: match &items {
                Some(items) => items.client(&credentials),
                None => clients::dynamodb(&dynamodb_endpoint, &credentials),
            },
            s3: clients::s3(&s3_endpoint, &credentials),
            items,
            objects,
            dynamodb_endpoint,
            s3_endpoint,
            credentials,
            database,
        })
    }

    /// Makes the table and the bucket of `template`, unless they are there.
    pub(crate) async fn make(&self, template: &Template) -> Result<(), StartError> {
        // Boxed, or every future that starts a service would have room for a call of the SDK.
        let table = async {
            let made = Box::pin(dynamodb::create_table(&self.dynamodb, &template.table)).await;
            made.map_err(|reason| match &self.items {
                Some(_) => StartError::table(self.table_path(), &StartError::new(reason)),
                None => StartError::endpoint("DynamoDB", &self.dynamodb_endpoint, "--dynamodb", &reason),
            })
        };
        let bucket = async {
            let region = &self.credentials.region;
            let made = Box::pin(s3::create_bucket(&self.s3, &template.bucket, region)).await;
            made.map_err(|reason| StartError::endpoint("S3", &self.s3_endpoint, "--s3", &reason))
        };
        tokio::try_join!(table, bucket).map(|_| ())
    }

    fn table_path(&self) -> Option<&Path> {
        self.database.as_ref().map(|file| &*file.path)
    }

    /// Whether the objects are in a foreign store, which does not report arrivals.
    pub(crate) fn has_foreign_objects(&self) -> bool {
        self.objects.is_none()
    }

    /// The variables by which the SDKs in the functions find the stores by themselves.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        let Credentials {
            access_key,
            secret_key,
            session_token,
            region,
        } = &self.credentials;
        let mut environment = BTreeMap::from([
            ("AWS_ACCESS_KEY_ID", access_key.as_str()),
            ("AWS_DEFAULT_REGION", region),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.dynamodb_endpoint),
            ("AWS_ENDPOINT_URL_S3", &self.s3_endpoint),
            ("AWS_REGION", region),
            ("AWS_SECRET_ACCESS_KEY", secret_key),
            ("BUCKET_ORIGIN", self.s3_endpoint.trim_end_matches('/')),
        ]);
        if let Some(token) = session_token {
            environment.insert("AWS_SESSION_TOKEN", token);
        }
        environment
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// Lets the requests to the embedded stores finish, and ends them.
    pub(crate) async fn stop(&mut self, grace: Duration) {
        if let Some(objects) = self.objects.take() {
            objects.stop(grace).await;
        }
        if let Some(items) = self.items.take() {
            items.stop(grace).await;
        }
    }
}
