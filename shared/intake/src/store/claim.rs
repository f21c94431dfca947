//! Taking an import for a run, also from a run that was given up for dead.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use errors::{Error, failed};
use files::StagedObject;
use roster::{ImportId, Timestamp};
use table::{Takeovers, to_value};

use super::item::{import, key};
use super::{ImportStore, Refusal, number, same_takeovers};
use crate::record::{Import, Status};

/// What came of the attempt to take an import for a run.
#[derive(Debug)]
pub enum Claim {
    /// The run holds it now; whether it took it over from a run that did not hand it over and may still write.
    Taken(Box<Import>, bool),
    /// It is finished, another run holds it, or its file is another one: there is nothing to do.
    Nothing,
    /// No such import is recorded.
    Unknown,
}

/// A run that wants an import.
#[derive(Clone, Copy, Debug)]
pub struct Claimant<'a> {
    /// The import.
    pub id: ImportId,
    /// The run: the request id of its invocation.
    pub run: &'a str,
    /// What the event says of the file.
    pub object: Option<&'a StagedObject>,
    /// The file's size, as the event says.
    pub bytes: Option<u64>,
    /// The present time.
    pub now: Timestamp,
    /// Until when the run is believed to live without a checkpoint.
    pub until: Timestamp,
}

impl Claimant<'_> {
    /// Returns what pins the object at the first claim: attribute, placeholder and value.
    fn pinned(&self) -> impl Iterator<Item = (&'static str, &'static str, &String)> {
        let object = self.object.into_iter();
        object.flat_map(|object| {
            let version = object
                .version
                .iter()
                .map(|version| ("objectVersion", ":version", version));
            version.chain(object.etag.iter().map(|etag| ("objectEtag", ":etag", etag)))
        })
    }

    /// Returns whether `held`, on which a claim failed, is in the hands of a run that this one may replace.
    fn may_take_over(&self, held: &Import) -> bool {
        let lapsed = held.lease.as_ref().is_some_and(|lease| match &lease.run {
            Some(run) => run == self.run || lease.until < self.now,
            // The claim failed for another reason than a run.
            None => false,
        });
        lapsed && !held.is_final()
    }
}

impl ImportStore {
    /// Takes the import for a run, or says that there is nothing to take.
    ///
    /// S3 may deliver an event twice, late, or after a newer one for the same key, and Lambda repeats
    /// a run that failed. A repeat has the same request id and takes its own claim back; any other run
    /// must wait until the lease lapses. The first claim pins the version of the object, so that one
    /// written over it later is not read.
    ///
    /// A run that is taken over without having handed over may still write: see [`Takeovers`].
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn claim(&self, claimant: &Claimant<'_>) -> Result<Claim, Error> {
        let doing = "claim an import";
        let mut lost = None;
        // Each round a run that lives has moved the import on. After two such rounds it is left to that run.
        for _ in 0..3 {
            let claim = self.claiming(claimant, lost.as_ref(), doing)?.send().await;
            let error = match claim {
                Ok(taken) => {
                    let import = import(taken.attributes.unwrap_or_default(), doing)?;
                    let taken_over = lost.is_some();
                    return Ok(Claim::Taken(Box::new(import), taken_over));
                }
                Err(error) => error,
            };
            let Some(UpdateItemError::ConditionalCheckFailedException(refused)) = error.as_service_error()
            else {
                return Err(failed(doing, error));
            };
            let Some(item) = refused.item().filter(|item| !item.is_empty()) else {
                return Ok(Claim::Unknown);
            };
            let held = import(item.clone(), doing)?;
            if !claimant.may_take_over(&held) {
                return Ok(Claim::Nothing);
            }
            lost = Some(held);
        }
        Ok(Claim::Nothing)
    }

    /// Returns the call with which `claimant` takes an import that no run holds, or the one that was read as `lost`.
    fn claiming(
        &self,
        claimant: &Claimant<'_>,
        lost: Option<&Import>,
        doing: &'static str,
    ) -> Result<UpdateItemFluentBuilder, Error> {
        let mut conditions =
            vec!["attribute_exists(PK) AND #status IN (:waiting, :queued, :running)".to_owned()];
        let mut set = vec![
            "#status = :running, runId = :run, leaseUntil = :until, \
             startedAt = if_not_exists(startedAt, :now)"
                .to_owned(),
        ];
        let mut call = self
            .table
            .client()
            .update_item()
            .table_name(self.table.name())
            .set_key(Some(key(claimant.id).item()))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":waiting", to_value(Status::Waiting, doing)?)
            .expression_attribute_values(":queued", to_value(Status::Queued, doing)?)
            .expression_attribute_values(":running", to_value(Status::Running, doing)?)
            .expression_attribute_values(":run", AttributeValue::S(claimant.run.to_owned()))
            .expression_attribute_values(":now", number(claimant.now))
            .expression_attribute_values(":until", number(claimant.until))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some(lost) = lost {
            // Exactly as it was read: of two that take over at once, one does.
            conditions.push("#position = :position AND (runId = :run OR leaseUntil < :now)".to_owned());
            conditions.push(same_takeovers(&lost.takeovers).to_owned());
            set.push("takeovers = :more".to_owned());
            let line = lost.position.known().map_or(0, |position| position.line);
            let more = lost.takeovers.and(line);
            call = call
                .expression_attribute_names("#position", "position")
                .expression_attribute_values(":position", to_value(&lost.position, doing)?)
                .expression_attribute_values(":more", to_value(more, doing)?);
            if !lost.takeovers.is_empty() {
                call = call.expression_attribute_values(":takeovers", to_value(&lost.takeovers, doing)?);
            }
        } else {
            conditions.push("attribute_not_exists(runId)".to_owned());
        }
        for (attribute, value, given) in claimant.pinned() {
            conditions.push(format!(
                "(attribute_not_exists({attribute}) OR {attribute} = {value})"
            ));
            set.push(format!("{attribute} = {value}"));
            call = call.expression_attribute_values(value, AttributeValue::S(given.clone()));
        }
        if let Some(bytes) = claimant.bytes {
            set.push("#bytes = :bytes".to_owned());
            call = call
                .expression_attribute_names("#bytes", "bytes")
                .expression_attribute_values(":bytes", AttributeValue::N(bytes.to_string()));
        }
        Ok(call
            .condition_expression(conditions.join(" AND "))
            .update_expression(format!("SET {}", set.join(", "))))
    }

    /// Keeps the import for the run that holds it until `until`, without a checkpoint.
    ///
    /// # Errors
    ///
    /// A [`Refusal`], which says what the run has to do.
    pub async fn renew(
        &self,
        id: ImportId,
        run: &str,
        takeovers: &Takeovers,
        until: Timestamp,
    ) -> Result<(), Refusal> {
        let doing = "renew a lease";
        let condition =
            "runId = :run AND #status = :running AND attribute_not_exists(cancel) AND ".to_owned();
        let value = |value| to_value(value, doing).map_err(Refusal::Failed);
        let mut call = self
            .table
            .client()
            .update_item()
            .table_name(self.table.name())
            .set_key(Some(key(id).item()))
            .update_expression("SET leaseUntil = :until")
            .condition_expression(condition + same_takeovers(takeovers))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":running", value(Status::Running)?)
            .expression_attribute_values(":run", AttributeValue::S(run.to_owned()))
            .expression_attribute_values(":until", number(until))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if !takeovers.is_empty() {
            let takeovers = to_value(takeovers, doing).map_err(Refusal::Failed)?;
            call = call.expression_attribute_values(":takeovers", takeovers);
        }
        let Err(error) = call.send().await else {
            return Ok(());
        };
        let Some(UpdateItemError::ConditionalCheckFailedException(refused)) = error.as_service_error() else {
            return Err(Refusal::Failed(failed(doing, error)));
        };
        let held = import(refused.item().cloned().unwrap_or_default(), doing).map_err(Refusal::Failed)?;
        Err(if held.cancel && held.is_held_by(run, takeovers) {
            Refusal::Cancelled
        } else {
            Refusal::Lost
        })
    }
}
