//! Calls of the embedded table within the process: no socket, and no HTTP on either side of it.
//!
//! The engine's own server does more than the engine: it words every error as DynamoDB does. So a call that the
//! engine refuses has changed nothing and is sent to that server once more, and so are calls that are not known
//! here. Whatever is answered with an error is therefore the same in the process and over the socket, but for a full
//! disk: that is said here, by a status of its own.

use std::fmt;
use std::sync::Arc;

use aws_sdk_dynamodb::config::RuntimeComponents;
use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, DynoxideError, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What comes before the operation in the header that names it.
const TARGET: &str = "DynamoDB_20120810.";

/// Hands requests to a database in this process, and those that it cannot answer, or that are for another address, to
/// a server.
#[derive(Clone)]
pub(crate) struct InProcess {
    pub(crate) database: Database,
    /// The address of the database.
    pub(crate) url: Arc<str>,
    pub(crate) server: SharedHttpClient,
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess")
    }
}

impl HttpClient for InProcess {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            database: self.database.clone(),
            url: Arc::clone(&self.url),
            server: self.server.http_connector(settings, components),
        })
    }
}

struct Connector {
    database: Database,
    url: Arc<str>,
    server: SharedHttpConnector,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (database, server) = (self.database.clone(), self.server.clone());
        if !request.uri().starts_with(&*self.url) {
            return server.call(request);
        }
        HttpConnectorFuture::new(async move {
            // A call is never pending, and others shall have their turn between two of them.
            tokio::task::yield_now().await;
            match answer(&database, &request) {
                Some(Ok(body)) => respond(200, body),
                Some(Err(DiskFull)) => respond(507, NO_ROOM.to_owned()),
                None => server.call(request).await,
            }
        })
    }
}

fn respond(status: u16, body: String) -> std::result::Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
    Ok(HttpResponse::new(status, SdkBody::from(body)))
}

/// A write that found no room.
struct DiskFull;

/// The answer to it, which DynamoDB never gives.
const NO_ROOM: &str = r#"{"__type":"InsufficientStorage","message":"the disk is full"}"#;

/// What SQLite says then (`SQLITE_FULL`).
const SQLITE_FULL: &str = "database or disk is full";

/// What the database answers to `request`; none if it refuses it, or the operation is not known here.
fn answer(database: &Database, request: &HttpRequest) -> Option<std::result::Result<String, DiskFull>> {
    let operation = request.headers().get("x-amz-target")?.strip_prefix(TARGET)?;
    let body = request.body().bytes()?;
    match operation {
        "GetItem" => run(body, |call| database.get_item(call)),
        "BatchGetItem" => run(body, |call| database.batch_get_item(call)),
        "Query" => run(body, |call| database.query(call)),
        "Scan" => run(body, |call| database.scan(call)),
        "PutItem" => run(body, |call| database.put_item(call)),
        "UpdateItem" => run(body, |call| database.update_item(call)),
        "DeleteItem" => run(body, |call| database.delete_item(call)),
        "BatchWriteItem" => run(body, |call| database.batch_write_item(call)),
        "TransactWriteItems" => run(body, |call| database.transact_write_items(call)),
        "BatchExecuteStatement" => run(body, |call| {
            let answer = database.batch_execute_statement(call)?;
            // Each statement stands alone, and so do their errors, which name codes of DynamoDB only.
            let mut errors = answer
                .responses
                .iter()
                .filter_map(|response| response.error.as_ref());
            match errors.find(|error| error.message.contains(SQLITE_FULL)) {
                Some(error) => Err(DynoxideError::InternalServerError(error.message.clone())),
                None => Ok(answer),
            }
        }),
        _ => None,
    }
}

fn run<Call: DeserializeOwned, Answer: Serialize>(
    body: &[u8],
    carry_out: impl FnOnce(Call) -> Result<Answer>,
) -> Option<std::result::Result<String, DiskFull>> {
    let call = serde_json::from_slice(body).ok()?;
    match carry_out(call) {
        Ok(answer) => serde_json::to_string(&answer).ok().map(Ok),
        Err(error) if error.to_string().contains(SQLITE_FULL) => Some(Err(DiskFull)),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::error::ProvideErrorMetadata;
    use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
    use aws_sdk_dynamodb::types::{
        AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, Put,
        ReturnValuesOnConditionCheckFailure, ScalarAttributeType, TransactWriteItem,
    };

    use super::super::{Credentials, DynamoDb, clients};

    async fn make_table(client: &Client) {
        let key = KeySchemaElement::builder()
            .attribute_name("PK")
            .key_type(KeyType::Hash);
        let attribute = AttributeDefinition::builder()
            .attribute_name("PK")
            .attribute_type(ScalarAttributeType::S);
        client
            .create_table()
            .table_name("table")
            .billing_mode(BillingMode::PayPerRequest)
            .key_schema(key.build().unwrap())
            .attribute_definitions(attribute.build().unwrap())
            .send()
            .await
            .unwrap();
    }

    /// Puts an item that must not be there yet, in a transaction. Says how that went.
    async fn put(client: &Client, table: &str, key: &str) -> Result<(), String> {
        let put = Put::builder()
            .table_name(table)
            .item("PK", AttributeValue::S(key.to_owned()))
            .condition_expression("attribute_not_exists(PK)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let action = TransactWriteItem::builder().put(put.build().unwrap()).build();
        let sent = client.transact_write_items().transact_items(action).send().await;
        sent.map(|_| ()).map_err(|error| {
            let error = error.into_service_error();
            let reasons = match &error {
                TransactWriteItemsError::TransactionCanceledException(error) => error.cancellation_reasons(),
                _ => &[],
            };
            format!("{:?} {:?} {reasons:?}", error.code(), error.message())
        })
    }

    #[tokio::test]
    async fn both_ways_see_the_same_items_and_the_same_errors() {
        let store = DynamoDb::start(None).await.unwrap();
        let here = store.client(&Credentials::default());
        let there = clients::dynamodb(store.url(), &Credentials::default());
        // Not known here, so the server makes it.
        make_table(&here).await;

        assert_eq!(put(&here, "table", "a").await, Ok(()));
        assert_eq!(put(&there, "table", "b").await, Ok(()));
        for key in ["a", "b"] {
            for client in [&here, &there] {
                let read = client.get_item().table_name("table");
                let read = read.key("PK", AttributeValue::S(key.to_owned())).send().await;
                assert!(read.unwrap().item.is_some(), "{key}");
            }
        }
        for (table, key) in [("table", "a"), ("table", ""), ("nowhere", "a")] {
            let refused = put(&here, table, key).await;
            assert!(refused.is_err(), "{table} {key}");
            assert_eq!(refused, put(&there, table, key).await);
        }
    }

    #[tokio::test]
    async fn a_request_for_another_address_goes_there() {
        let store = DynamoDb::start(None).await.unwrap();
        let other = DynamoDb::start(None).await.unwrap();
        let client = store.client(&Credentials::default());
        let moved = client.config().to_builder().endpoint_url(other.url());
        make_table(&Client::from_conf(moved.build())).await;

        assert!(put(&client, "table", "a").await.is_err());
        let there = other.client(&Credentials::default());
        assert_eq!(put(&there, "table", "a").await, Ok(()));
    }
}
