//! The DynamoDB table: typed reads, transactions that are tried again, and what a failure means.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use errors::{Error, Limits, Tries, failed, is_throttling};
use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserializer, Serialize};
use uuid::Uuid;

/// An item as the SDK has it.
pub type Item = HashMap<String, AttributeValue>;

/// The primary key of an item.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The partition.
    pub pk: String,
    /// The place in the partition.
    pub sk: String,
}

impl Key {
    /// A key of the two parts.
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self {
            pk: pk.into(),
            sk: sk.into(),
        }
    }

    /// The key in the form the SDK takes.
    #[must_use]
    pub fn item(self) -> Item {
        HashMap::from([
            ("PK".to_owned(), AttributeValue::S(self.pk)),
            ("SK".to_owned(), AttributeValue::S(self.sk)),
        ])
    }
}

/// When an action of a transaction is carried out; otherwise the whole transaction is not.
pub enum When {
    /// In any case.
    Always,
    /// If there is nothing at its key.
    Free,
    /// If what is stored there has this text in the attribute of this name, or nothing is stored there any more.
    Has(&'static str, String),
    /// If what is stored there has this id, in the attribute of this name, and this version.
    Unchanged(&'static str, String, u64),
}

impl When {
    fn parts(self) -> (Option<String>, Option<Item>) {
        match self {
            Self::Always => (None, None),
            Self::Free => (Some("attribute_not_exists(PK)".to_owned()), None),
            Self::Has(attribute, text) => (
                Some(format!("attribute_not_exists(PK) OR {attribute} = :text")),
                Some(HashMap::from([(":text".to_owned(), AttributeValue::S(text))])),
            ),
            Self::Unchanged(attribute, id, version) => (
                Some(format!("{attribute} = :id AND version = :version")),
                Some(HashMap::from([
                    (":id".to_owned(), AttributeValue::S(id)),
                    (":version".to_owned(), AttributeValue::N(version.to_string())),
                ])),
            ),
        }
    }
}

/// Why a transaction was not carried out.
#[derive(Debug)]
pub enum Refused {
    /// A condition did not hold. One entry for each action, in order: `Some` where its own condition
    /// failed, with the item that is stored there.
    Condition(Vec<Option<Item>>),
    /// Anything else.
    Failed(Error),
}

/// The one table, by name.
#[derive(Clone, Debug)]
pub struct Table {
    client: Client,
    name: Arc<str>,
    limits: Limits,
    lists_users: bool,
}

impl Table {
    /// Returns the table `name`, reached by `client`, which gets the time limits of `limits`. It keeps its own
    /// repeats, if it has any.
    #[must_use]
    pub fn new(client: &Client, name: String, limits: Limits) -> Self {
        let own = client.config();
        let repeats = own.retry_config().cloned().unwrap_or_else(|| limits.retries());
        let config = own
            .to_builder()
            .timeout_config(limits.timeouts())
            .retry_config(repeats);
        Self {
            client: Client::from_conf(config.build()),
            name: name.into(),
            limits,
            lists_users: true,
        }
    }

    /// Returns the same table, whose users are in the index `listing` or not.
    #[must_use]
    pub fn listing_users(self, lists_users: bool) -> Self {
        Self { lists_users, ..self }
    }

    /// Returns whether users are put into the index `listing`, beside the index of users.
    pub(crate) fn lists_users(&self) -> bool {
        self.lists_users
    }

    /// Returns the same table with the patience of `limits`.
    #[must_use]
    pub fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Returns how long to wait for storage.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Returns tries at `doing` something that other writers or throttling may prevent.
    #[must_use]
    pub fn tries(&self, doing: &'static str) -> Tries {
        self.limits.tries(doing)
    }

    /// The client, for calls that only one store makes.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The table's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads one item, consistently.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn get(&self, key: Key, doing: &'static str) -> Result<Option<Item>, Error> {
        let read = self
            .client
            .get_item()
            .table_name(self.name())
            .set_key(Some(key.item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| failed(doing, error))?;
        Ok(read.item)
    }

    /// Reads all items of a partition, consistently and in the order of their places.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn partition(&self, pk: &str, doing: &'static str) -> Result<Vec<Item>, Error> {
        self.client
            .query()
            .table_name(self.name())
            .key_condition_expression("PK = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(|error| failed(doing, error))
    }

    /// Reads up to 100 items, the limit of the call, in one consistent call, in no particular order.
    ///
    /// What storage leaves unprocessed is asked for again.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn batch_get(
        &self,
        keys: impl IntoIterator<Item = Key>,
        doing: &'static str,
    ) -> Result<Vec<Item>, Error> {
        let keys: Vec<Item> = keys.into_iter().map(Key::item).collect();
        let mut found = Vec::with_capacity(keys.len());
        let mut wanted = Some(keys).filter(|keys| !keys.is_empty());
        let mut tries = self.tries(doing);
        while let Some(keys) = wanted.take() {
            let request = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(true)
                .build()
                .map_err(|error| Error::internal(doing, error))?;
            let read = self
                .client
                .batch_get_item()
                .request_items(self.name(), request)
                .send()
                .await
                .map_err(|error| failed(doing, error))?;
            found.extend(read.responses.into_iter().flatten().flat_map(|(_, items)| items));
            wanted = read
                .unprocessed_keys
                .and_then(|mut tables| tables.remove(self.name()))
                .map(|left| left.keys)
                .filter(|keys| !keys.is_empty());
            if wanted.is_some() {
                tries.again().await?;
            }
        }
        Ok(found)
    }

    /// The action that puts `item`.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the action cannot be built.
    pub fn put(&self, item: Item, when: When, doing: &'static str) -> Result<TransactWriteItem, Error> {
        let (condition, values) = when.parts();
        let put = Put::builder()
            .table_name(self.name())
            .set_item(Some(item))
            .set_condition_expression(condition)
            .set_expression_attribute_values(values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|error| Error::internal(doing, error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// The action that deletes what is at `key`.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the action cannot be built.
    pub fn delete(&self, key: Key, when: When, doing: &'static str) -> Result<TransactWriteItem, Error> {
        let (condition, values) = when.parts();
        let delete = Delete::builder()
            .table_name(self.name())
            .set_key(Some(key.item()))
            .set_condition_expression(condition)
            .set_expression_attribute_values(values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|error| Error::internal(doing, error))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Carries out all of `actions` or none.
    ///
    /// Conflicts with other transactions and throttling are waited out. All tries carry one token, so
    /// that a try after one that was carried out, and whose answer was lost or a failure, is not a second
    /// write, nor one that meets the conditions changed by the first.
    ///
    /// # Errors
    ///
    /// [`Refused`], with the items that are in the way if a condition did not hold.
    pub async fn transact(
        &self,
        actions: Vec<TransactWriteItem>,
        doing: &'static str,
    ) -> Result<(), Refused> {
        let token = Uuid::new_v4().to_string();
        let mut tries = self.tries(doing);
        loop {
            let call = self
                .client
                .transact_write_items()
                .client_request_token(&token)
                .set_transact_items(Some(actions.clone()));
            let Err(refused) = call.send().await else {
                return Ok(());
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
                refused.as_service_error()
            else {
                let in_progress = matches!(
                    refused.as_service_error(),
                    Some(TransactWriteItemsError::TransactionInProgressException(_))
                );
                if !in_progress && !is_throttling(refused.code()) {
                    return Err(Refused::Failed(failed(doing, refused)));
                }
                tries.again().await.map_err(Refused::Failed)?;
                continue;
            };
            let reasons = cancelled.cancellation_reasons();
            if reasons
                .iter()
                .any(|reason| reason.code() == Some("ConditionalCheckFailed"))
            {
                let conditions = reasons.iter().map(|reason| {
                    (reason.code() == Some("ConditionalCheckFailed"))
                        .then(|| reason.item.clone().unwrap_or_default())
                });
                return Err(Refused::Condition(conditions.collect()));
            }
            let passing = reasons
                .iter()
                .filter_map(|reason| reason.code())
                .all(|code| matches!(code, "None" | "TransactionConflict") || is_throttling(Some(code)));
            if !passing {
                return Err(Refused::Failed(failed(doing, refused)));
            }
            tries.again().await.map_err(Refused::Failed)?;
        }
    }
}

/// Whether a call was refused because its condition did not hold.
pub fn is_refused<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.code() == Some("ConditionalCheckFailedException")
}

/// `value` as the item at `key`.
///
/// # Errors
///
/// [`Error::Internal`] if the value does not have the form of an item, or the item not that of the value.
pub fn to_item(key: Key, value: impl Serialize, doing: &'static str) -> Result<Item, Error> {
    let mut item: Item =
        serde_dynamo::aws_sdk_dynamodb_1::to_item(value).map_err(|error| Error::internal(doing, error))?;
    item.extend(key.item());
    Ok(item)
}

/// The value that `item` holds. Stored data is ours to keep right, so a failure is our fault.
///
/// # Errors
///
/// [`Error::Internal`] if the value does not have the form of an item, or the item not that of the value.
pub fn from_item<T: DeserializeOwned>(item: Item, doing: &'static str) -> Result<T, Error> {
    serde_dynamo::aws_sdk_dynamodb_1::from_item(item).map_err(|error| Error::internal(doing, error))
}

/// Returns the value that `item` holds, and the attributes that it does not take, which a later version has added.
pub(super) fn from_item_and_rest<T: DeserializeOwned>(
    item: Item,
    doing: &'static str,
) -> Result<(T, Item), Error> {
    let names = member_names::<T>();
    let (known, rest) = item
        .into_iter()
        .filter(|(name, _)| !matches!(name.as_str(), "PK" | "SK"))
        .partition(|(name, _)| names.contains(&name.as_str()));
    Ok((from_item(known, doing)?, rest))
}

/// The names of the members that a struct is read from, as its derived `Deserialize` asks for them.
fn member_names<T: DeserializeOwned>() -> &'static [&'static str] {
    struct Names<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Names<'_> {
        type Error = serde::de::value::Error;

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            names: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = names;
            Err(serde::de::Error::custom("there is no value"))
        }

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(serde::de::Error::custom("not a struct"))
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    let mut names: &'static [&'static str] = &[];
    // It asks for its members and gets no value: only the question matters.
    let _ = T::deserialize(Names(&mut names));
    names
}

/// `value` as one attribute.
///
/// # Errors
///
/// [`Error::Internal`] if the value does not have the form of an item, or the item not that of the value.
pub fn to_value(value: impl Serialize, doing: &'static str) -> Result<AttributeValue, Error> {
    serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value(value).map_err(|error| Error::internal(doing, error))
}

/// The value that `attribute` holds.
///
/// # Errors
///
/// [`Error::Internal`] if it is of another form.
pub(crate) fn from_value<T: DeserializeOwned>(
    attribute: AttributeValue,
    doing: &'static str,
) -> Result<T, Error> {
    serde_dynamo::aws_sdk_dynamodb_1::from_attribute_value(attribute)
        .map_err(|error| Error::internal(doing, error))
}
