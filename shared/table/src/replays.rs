//! Answers that are kept to be given again, sealed with a key of the caller.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use errors::{Error, failed};
use roster::{RequestMark, Timestamp};

use super::table::is_refused;
use super::{Item, Key, Table};

const SK: &str = "K";
/// Bytes of a sealed answer that one item takes, well below its limit of 400 KB.
const PART: usize = 300 * 1024;

/// One try of a request that is to be carried out once.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// What the caller's key is kept under.
    pub key: String,
    /// What tells this request from others with the same key.
    pub request: RequestMark,
    /// What tells this try from others of the same request.
    pub id: String,
    /// Until when it is kept that there was one.
    pub expires_at: Timestamp,
}

/// What is known of a request when it comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is the first, or earlier tries came to nothing: carry it out.
    First,
    /// Another request came with the key.
    Another,
    /// An earlier try is under way.
    InProgress,
    /// It was answered with this, sealed.
    Answered(Vec<u8>),
}

/// The kept answers.
///
/// An item `K` says that a request came; while it is under way it has the attribute `until`, when its try
/// is given up for dead, and afterwards its sealed answer, or the first part of it. Further parts are
/// items of their own, `P#<try>#<number>`, written before.
#[derive(Clone, Debug)]
pub struct ReplayStore {
    table: Table,
}

impl ReplayStore {
    /// The answers kept in `table`.
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Notes that `attempt` begins, which will be over by `until`, unless there was one before.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn begin(&self, attempt: &Attempt, now: Timestamp, until: Timestamp) -> Result<Begun, Error> {
        let doing = "note a request";
        let put = self
            .put(attempt)
            .item("until", number(until.millis()))
            .condition_expression(
                "attribute_not_exists(PK) OR expiresAt <= :seconds OR (#request = :request AND #until < :now)",
            )
            .expression_attribute_names("#request", "request")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":request", AttributeValue::S(attempt.request.to_string()))
            .expression_attribute_values(":now", number(now.millis()))
            .expression_attribute_values(":seconds", number(now.seconds()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = put else {
            return Ok(Begun::First);
        };
        let Some(PutItemError::ConditionalCheckFailedException(refused)) = error.as_service_error() else {
            return Err(failed(doing, error));
        };
        let stored = refused.item().cloned().unwrap_or_default();
        if text(&stored, "attempt") == Some(attempt.id.as_str()) {
            // The SDK has repeated a call whose answer was lost.
            return Ok(Begun::First);
        }
        if text(&stored, "request") != Some(attempt.request.to_string().as_str()) {
            return Ok(Begun::Another);
        }
        let Some(AttributeValue::B(first)) = stored.get("answer") else {
            return Ok(Begun::InProgress);
        };
        let mut answer = first.clone().into_inner();
        if stored.contains_key("more") {
            let kept_by = text(&stored, "attempt").unwrap_or_default();
            self.read_more(&attempt.key, kept_by, &mut answer).await?;
        }
        Ok(Begun::Answered(answer))
    }

    /// Keeps the sealed answer of `attempt`, unless it was given up for dead and another one has begun.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn keep(&self, attempt: &Attempt, answer: &[u8]) -> Result<(), Error> {
        let (first, more) = answer.split_at(answer.len().min(PART));
        for (index, part) in more.chunks(PART).enumerate() {
            self.table
                .client()
                .put_item()
                .table_name(self.table.name())
                .set_item(Some(
                    Key::new(pk(&attempt.key), format!("P#{}#{index:04}", attempt.id)).item(),
                ))
                .item("answer", AttributeValue::B(Blob::new(part)))
                .item("expiresAt", number(attempt.expires_at.seconds()))
                .send()
                .await
                .map_err(|error| failed("keep an answer", error))?;
        }
        let mut put = self
            .put(attempt)
            .item("answer", AttributeValue::B(Blob::new(first)));
        if !more.is_empty() {
            put = put.item("more", AttributeValue::Bool(true));
        }
        self.end(put, attempt, "keep an answer").await
    }

    /// Lets the request of `attempt` be carried out again, because it failed.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn release(&self, attempt: &Attempt) -> Result<(), Error> {
        let put = self.put(attempt).item("until", number(0));
        self.end(put, attempt, "release a request").await
    }

    fn put(&self, attempt: &Attempt) -> PutItemFluentBuilder {
        self.table
            .client()
            .put_item()
            .table_name(self.table.name())
            .set_item(Some(Key::new(pk(&attempt.key), SK).item()))
            .item("request", AttributeValue::S(attempt.request.to_string()))
            .item("attempt", AttributeValue::S(attempt.id.clone()))
            .item("expiresAt", number(attempt.expires_at.seconds()))
    }

    async fn end(
        &self,
        put: PutItemFluentBuilder,
        attempt: &Attempt,
        doing: &'static str,
    ) -> Result<(), Error> {
        let ended = put
            .condition_expression("#attempt = :attempt")
            .expression_attribute_names("#attempt", "attempt")
            .expression_attribute_values(":attempt", AttributeValue::S(attempt.id.clone()))
            .send()
            .await;
        match ended {
            Ok(_) => Ok(()),
            Err(error) if is_refused(&error) => Ok(()),
            Err(error) => Err(failed(doing, error)),
        }
    }

    async fn read_more(&self, key: &str, attempt: &str, answer: &mut Vec<u8>) -> Result<(), Error> {
        let mut parts = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .key_condition_expression("PK = :key AND begins_with(SK, :part)")
            .expression_attribute_values(":key", AttributeValue::S(pk(key)))
            .expression_attribute_values(":part", AttributeValue::S(format!("P#{attempt}#")))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        while let Some(part) = parts.next().await {
            let part = part.map_err(|error| failed("read a kept answer", error))?;
            if let Some(AttributeValue::B(bytes)) = part.get("answer") {
                answer.extend_from_slice(bytes.as_ref());
            }
        }
        Ok(())
    }
}

fn pk(key: &str) -> String {
    format!("K#{key}")
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}
