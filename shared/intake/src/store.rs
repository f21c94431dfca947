//! Imports: their state, their checkpoint, and the errors of their rows.

mod claim;
mod following;
mod history;
mod item;
mod known;
mod late;
mod opened;
mod row_errors;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure, Select, TransactWriteItem, Update,
};
use errors::{Error, failed};
use files::{RecordPiece, RejectedRows};
use roster::{ImportId, Role, Timestamp};
use sheet::{Causes, Position, RowError};
use table::{Refused, Table, Takeovers, is_refused, to_value};

use crate::missing::MissingSearch;
use crate::record::{Counts, Import, Read, Status};
use item::{LISTING_PART, import, key, stored};
use row_errors::Recording;

pub use claim::{Claim, Claimant};
pub use known::SentBefore;
pub use late::LateWrites;
pub use opened::OpenedUpload;
pub use row_errors::{ErrorPlace, FaultFilter, FaultPlace, Severities};

/// Sorts after every place in the listing.
const END: &str = "~";

/// How a run leaves an import at a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// It goes on, and is given up for dead at this time.
    Held(Timestamp),
    /// Another run is to take it, before this time.
    HandedOver(Timestamp),
    /// It is final now. A failed import says why, and what to do.
    Finished {
        /// [`Status::Completed`], [`Status::Failed`] or [`Status::Cancelled`].
        status: Status,
        /// When.
        at: Timestamp,
        /// Why it failed, and what to do.
        fault: Option<String>,
    },
}

impl Left {
    /// Whether it ends the import as a caller asked for: nothing else may, once one has asked.
    fn is_cancelled(&self) -> bool {
        matches!(self, Self::Finished { status, .. } if *status == Status::Cancelled)
    }
}

/// One checkpoint: what a run has done since the last, all or nothing.
#[derive(Debug)]
pub struct Commit<'a> {
    /// The import.
    pub id: ImportId,
    /// The run, which must hold it.
    pub run: &'a str,
    /// The takeovers that the run knows of: of runs that think they hold the import, the last one does.
    pub takeovers: &'a Takeovers,
    /// Where the run took it up, which must be where it stands.
    pub from: Position,
    /// Where it stands now.
    pub to: Position,
    /// What became of all rows until now.
    pub counts: Counts,
    /// How many row errors are kept in all.
    pub errors: u64,
    /// How many warnings are kept in all.
    pub warnings: u64,
    /// How many row errors and warnings are not kept, because there are too many.
    pub errors_left_out: u64,
    /// How the file was understood.
    pub read: Option<&'a Read>,
    /// The row errors since the last checkpoint that are kept, by line.
    pub row_errors: &'a [RowError],
    /// The warnings since the last checkpoint that are kept, by line.
    pub row_warnings: &'a [RowError],
    /// The causes of all errors and warnings until now, if there are more of them than at the last checkpoint.
    pub causes: Option<&'a Causes>,
    /// The rows that failed since the last checkpoint.
    pub rejected: Option<RejectedRows>,
    /// The record of the rows since the last checkpoint.
    pub record: Option<RecordPiece>,
    /// How far the search for missing accounts has come; none before the last row.
    pub search: Option<MissingSearch>,
    /// How the import is left.
    pub left: Left,
    /// When the import is deleted; its row errors go at the same time.
    pub expires_at: Timestamp,
    /// What else belongs to the checkpoint: what it does to accounts, the counters of users, and by what to know the
    /// file again.
    pub more: Vec<TransactWriteItem>,
}

/// Why a checkpoint was not made.
#[derive(Debug)]
pub enum Refusal {
    /// A caller asked for the end of the import: commit the same again as cancelled.
    Cancelled,
    /// Another run holds the import, or it is final: stop.
    Lost,
    /// The condition of another action has failed: of that one in [`Commit::more`].
    Stale(usize),
    /// Storage failed.
    Failed(Error),
}

/// Which imports a page of the listing has.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportListing<'a> {
    /// Only those of this object in the staging bucket.
    pub object_key: Option<&'a str>,
    /// Only those with this parent.
    pub parent: Option<ImportId>,
    /// None of those that only system administrators may see.
    pub without_system_admins: bool,
    /// Only those after this place, see [`ImportStore::place`].
    pub after: Option<&'a str>,
    /// How many more to pass over.
    pub skip: u64,
    /// How many to give at most.
    pub limit: u64,
}

/// The imports.
#[derive(Clone, Debug)]
pub struct ImportStore {
    table: Table,
}

impl ImportStore {
    /// The imports kept in `table`.
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Records a new import. `false` if one with its id is recorded already.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn insert(&self, import: &Import) -> Result<bool, Error> {
        let doing = "record an import";
        let put = self
            .table
            .client()
            .put_item()
            .table_name(self.table.name())
            .set_item(Some(stored(import, doing)?))
            .condition_expression("attribute_not_exists(PK)")
            .send()
            .await;
        match put {
            Ok(_) => Ok(true),
            Err(error) if is_refused(&error) => Ok(false),
            Err(error) => Err(failed(doing, error)),
        }
    }

    /// The import with the id `id`, read consistently. One that has expired is gone, although storage
    /// deletes it late.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn find(&self, id: ImportId, now: Timestamp) -> Result<Option<Import>, Error> {
        let doing = "read an import";
        let item = self.table.get(key(id), doing).await?;
        let import = item.map(|item| import(item, doing)).transpose()?;
        Ok(import.filter(|import| import.expires_at > now))
    }

    /// Makes a checkpoint: state, row errors and counters in one transaction.
    ///
    /// The condition that the import stands where this run left it makes a run that was given up for
    /// dead, and works on all the same, harmless.
    ///
    /// # Errors
    ///
    /// A [`Refusal`], which says what the run has to do.
    pub async fn commit(&self, commit: Commit<'_>) -> Result<(), Refusal> {
        let doing = "make a checkpoint";
        let (run, takeovers) = (commit.run, commit.takeovers);
        let actions = self.commit_actions(commit, doing).map_err(Refusal::Failed)?;
        match self.table.transact(actions, doing).await {
            Ok(()) => Ok(()),
            Err(Refused::Failed(error)) => Err(Refusal::Failed(error)),
            Err(Refused::Condition(conditions)) => {
                // The import's own action is the first, and the next ones are those of `more`.
                let failed = conditions.iter().position(Option::is_some).unwrap_or_default();
                if failed > 0 {
                    return Err(Refusal::Stale(failed - 1));
                }
                let stored = conditions.into_iter().next().flatten();
                match stored.map(|item| import(item, doing)).transpose() {
                    Ok(Some(import)) if import.cancel && import.is_held_by(run, takeovers) => {
                        Err(Refusal::Cancelled)
                    }
                    Ok(_) => Err(Refusal::Lost),
                    Err(error) => Err(Refusal::Failed(error)),
                }
            }
        }
    }

    fn commit_actions(
        &self,
        commit: Commit<'_>,
        doing: &'static str,
    ) -> Result<Vec<TransactWriteItem>, Error> {
        let mut condition = "runId = :run AND #status = :running AND #position = :from AND ".to_owned();
        condition.push_str(same_takeovers(commit.takeovers));
        let mut set = "SET #position = :to".to_owned();
        let mut update = Update::builder()
            .table_name(self.table.name())
            .set_key(Some(key(commit.id).item()))
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#position", "position")
            .expression_attribute_names("#counts", "counts")
            .expression_attribute_names("#errors", "errors")
            .expression_attribute_values(":run", AttributeValue::S(commit.run.to_owned()))
            .expression_attribute_values(":running", to_value(Status::Running, doing)?)
            .expression_attribute_values(":from", to_value(commit.from, doing)?)
            .expression_attribute_values(":to", to_value(commit.to, doing)?)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let kept = [commit.errors, commit.warnings, commit.errors_left_out];
        for (attribute, value, number) in numbers(commit.counts, kept) {
            set.extend([", ", attribute, " = ", value]);
            update = update.expression_attribute_values(value, AttributeValue::N(number));
        }
        if !commit.takeovers.is_empty() {
            update = update.expression_attribute_values(":takeovers", to_value(commit.takeovers, doing)?);
        }
        if let Some(read) = commit.read {
            set.push_str(", #read = :read");
            update = update
                .expression_attribute_names("#read", "read")
                .expression_attribute_values(":read", to_value(read, doing)?);
        }
        if let Some(search) = commit.search {
            set.push_str(", missingSearch = :search");
            update = update.expression_attribute_values(":search", to_value(search, doing)?);
        }
        if !commit.left.is_cancelled() {
            condition.push_str(" AND attribute_not_exists(cancel)");
        }
        let (update, how_left) = leaving(commit.left, update, doing)?;
        let update = update
            .condition_expression(condition)
            .update_expression(set + how_left)
            .build()
            .map_err(|error| Error::internal(doing, error))?;

        let mut actions = vec![TransactWriteItem::builder().update(update).build()];
        actions.extend(commit.more);
        let recording = Recording {
            before: commit.errors - commit.row_errors.len() as u64,
            row_errors: commit.row_errors,
            row_warnings: commit.row_warnings,
            causes: commit.causes,
            rejected: commit.rejected,
            expires_at: commit.expires_at,
        };
        actions.extend(self.recording(commit.id, recording, doing)?);
        if let Some(piece) = commit.record {
            actions.push(self.recording_piece(commit.id, piece, commit.expires_at, doing)?);
        }
        Ok(actions)
    }

    /// Asks for the end of an import.
    ///
    /// One that no run holds stands at its checkpoint and is ended here. A run that holds it ends it at
    /// its next checkpoint, so that what it has written is counted. If that run is dead, it shows as
    /// stalled, and the caller starts another one, which finds out what the dead one wrote.
    ///
    /// What is asked for here comes about: the import ends cancelled, even if no row was left to read.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] if it is final already.
    pub async fn cancel(&self, id: ImportId, now: Timestamp) -> Result<(), Error> {
        let doing = "cancel an import";
        let call = |condition: &str, update: &str| {
            self.table
                .client()
                .update_item()
                .table_name(self.table.name())
                .set_key(Some(key(id).item()))
                .condition_expression(condition)
                .update_expression(update)
                .expression_attribute_names("#status", "status")
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        };
        let ended = call(
            "#status IN (:waiting, :queued, :running) AND attribute_not_exists(runId)",
            "SET #status = :cancelled, finishedAt = :now REMOVE runId, leaseUntil",
        )
        .expression_attribute_values(":waiting", to_value(Status::Waiting, doing)?)
        .expression_attribute_values(":queued", to_value(Status::Queued, doing)?)
        .expression_attribute_values(":running", to_value(Status::Running, doing)?)
        .expression_attribute_values(":cancelled", to_value(Status::Cancelled, doing)?)
        .expression_attribute_values(":now", number(now))
        .send()
        .await;
        let Err(error) = ended else {
            return Ok(());
        };
        let found = refused(error, doing)?;
        if found.status == Status::Cancelled && found.finished_at == Some(now) {
            // The SDK has repeated a call whose answer was lost.
            return Ok(());
        }
        refuse_ended(&found)?;
        let asked = call("#status = :running", "SET cancel = :true")
            .expression_attribute_values(":running", to_value(Status::Running, doing)?)
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .send()
            .await;
        let Err(error) = asked else {
            return Ok(());
        };
        let found = refused(error, doing)?;
        // Its run may have ended it meanwhile as it was asked to, by an earlier try of this call or by another.
        if found.status == Status::Cancelled {
            return Ok(());
        }
        refuse_ended(&found)?;
        Err(Error::conflict(
            "the import has just been changed; send the request again",
        ))
    }

    /// Where `import` stands in the listing: what [`ImportStore::page`] goes on after.
    #[must_use]
    pub fn place(import: &Import) -> String {
        item::place(import)
    }

    /// Returns the imports of `listing` that have not expired, newest first, and how many there are in all.
    ///
    /// Reads the listing index, which lags behind on AWS.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn page(
        &self,
        listing: ImportListing<'_>,
        now: Timestamp,
    ) -> Result<(Vec<Import>, u64), Error> {
        let doing = "list imports";
        let ImportListing {
            object_key,
            parent,
            without_system_admins,
            after,
            mut skip,
            limit,
        } = listing;
        let query = |before: &str| {
            let mut query = self
                .table
                .client()
                .query()
                .table_name(self.table.name())
                .index_name("listing")
                .key_condition_expression("LPK = :part AND LSK < :before")
                .expression_attribute_values(":part", AttributeValue::S(LISTING_PART.to_owned()))
                .expression_attribute_values(":before", AttributeValue::S(before.to_owned()))
                .expression_attribute_values(":now", AttributeValue::N(now.seconds().to_string()))
                .scan_index_forward(false);
            let mut filter = "expiresAt > :now".to_owned();
            if let Some(key) = object_key {
                filter.push_str(" AND objectKey = :key");
                query = query.expression_attribute_values(":key", AttributeValue::S(key.to_owned()));
            }
            if let Some(parent) = parent {
                filter.push_str(" AND parent = :parent");
                query = query.expression_attribute_values(":parent", AttributeValue::S(parent.to_string()));
            }
            if without_system_admins {
                // See `Import::is_for_system_admins`.
                filter.push_str(" AND attribute_exists(senderRoles) AND NOT contains(senderRoles, :admin)");
                let admin = Role::SystemAdmin.as_str().to_owned();
                query = query.expression_attribute_values(":admin", AttributeValue::S(admin));
            }
            query.filter_expression(filter)
        };

        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut imports = Vec::new();
        let mut read = query(after.unwrap_or(END)).into_paginator().items().send();
        while imports.len() < wanted
            && let Some(item) = read.next().await
        {
            let item = item.map_err(|error| failed(doing, error))?;
            if skip > 0 {
                skip -= 1;
            } else {
                imports.push(import(item, doing)?);
            }
        }

        // Last, so that an import that begins meanwhile is never shown without being counted.
        let mut count = 0;
        let mut counted = query(END).select(Select::Count).into_paginator().send();
        while let Some(page) = counted.next().await {
            count += u64::try_from(page.map_err(|error| failed(doing, error))?.count()).unwrap_or_default();
        }
        Ok((imports, count))
    }

    /// Notes that everybody who waits for it has been told that the import `id` has this status.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn set_notified(&self, id: ImportId, status: Status) -> Result<(), Error> {
        let doing = "note that an import was told of";
        let call = self
            .table
            .client()
            .update_item()
            .table_name(self.table.name())
            .set_key(Some(key(id).item()))
            .update_expression("SET notified = :status")
            .condition_expression("attribute_exists(PK)")
            .expression_attribute_values(":status", to_value(status, doing)?);
        match call.send().await {
            Ok(_) => Ok(()),
            // It has expired.
            Err(error) if is_refused(&error) => Ok(()),
            Err(error) => Err(failed(doing, error)),
        }
    }

    /// The imports that need somebody's attention, as the listing index knows them: those that have not ended, and those
    /// whose end is not reported yet.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn unsettled(&self) -> Result<Vec<Import>, Error> {
        let doing = "look for unsettled imports";
        let mut found = Vec::new();
        let mut read = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .index_name("listing")
            .key_condition_expression("LPK = :part")
            // Earlier versions reported none; nobody waits for those imports any more.
            .filter_expression(
                "#status IN (:queued, :running) OR \
                 recorded = :true AND (attribute_not_exists(notified) OR notified = :stalled)",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":part", AttributeValue::S(LISTING_PART.to_owned()))
            .expression_attribute_values(":queued", to_value(Status::Queued, doing)?)
            .expression_attribute_values(":running", to_value(Status::Running, doing)?)
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":stalled", to_value(Status::Stalled, doing)?)
            .into_paginator()
            .items()
            .send();
        while let Some(item) = read.next().await {
            found.push(import(item.map_err(|error| failed(doing, error))?, doing)?);
        }
        Ok(found)
    }
}

/// The condition that nobody has taken an import over since it was read with `takeovers`.
fn same_takeovers(takeovers: &Takeovers) -> &'static str {
    if takeovers.is_empty() {
        "attribute_not_exists(takeovers)"
    } else {
        "takeovers = :takeovers"
    }
}

/// The import on which the condition of a change failed.
fn refused(error: SdkError<UpdateItemError>, doing: &'static str) -> Result<Import, Error> {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
            import(refused.item().cloned().unwrap_or_default(), doing)
        }
        _ => Err(failed(doing, error)),
    }
}

/// Refuses to cancel an import that has ended, or of which this version cannot say so.
fn refuse_ended(import: &Import) -> Result<(), Error> {
    if import.status.known().is_none() {
        return Err(Error::conflict(
            "a later version of the service has the import; cancel it there",
        ));
    }
    if import.is_final() {
        return Err(Error::conflict("the import is already finished"));
    }
    Ok(())
}

/// Adds how a checkpoint leaves the import, and returns the end of its update expression.
fn leaving(
    left: Left,
    update: UpdateBuilder,
    doing: &'static str,
) -> Result<(UpdateBuilder, &'static str), Error> {
    Ok(match left {
        Left::Held(until) => (
            update.expression_attribute_values(":until", number(until)),
            ", leaseUntil = :until",
        ),
        Left::HandedOver(until) => (
            update.expression_attribute_values(":until", number(until)),
            ", leaseUntil = :until REMOVE runId",
        ),
        Left::Finished { status, at, fault } => {
            let update = update
                .expression_attribute_values(":final", to_value(status, doing)?)
                .expression_attribute_values(":at", number(at));
            match fault {
                None => (
                    update,
                    ", #status = :final, finishedAt = :at REMOVE runId, leaseUntil",
                ),
                Some(fault) => (
                    update.expression_attribute_values(":fault", AttributeValue::S(fault)),
                    ", #status = :final, finishedAt = :at, fault = :fault REMOVE runId, leaseUntil",
                ),
            }
        }
    })
}

/// The numbers that a checkpoint moves: each attribute, the placeholder of its value, and the value. Of the counts only
/// those of this version are set, so that those of a later one stay.
fn numbers(counts: Counts, kept: [u64; 3]) -> Vec<(&'static str, &'static str, String)> {
    let Counts {
        created,
        updated,
        unchanged,
        deleted,
        skipped,
        failed,
        warnings,
        gives_admin,
        takes_admin,
        admins,
        missing,
        disabled,
    } = counts;
    let [errors_kept, warnings_kept, left_out] = kept;
    let mut numbers = vec![
        ("#counts.created", ":created", created.to_string()),
        ("#counts.updated", ":updated", updated.to_string()),
        ("#counts.unchanged", ":unchanged", unchanged.to_string()),
        ("#counts.skipped", ":skipped", skipped.to_string()),
        ("#counts.failed", ":failed", failed.to_string()),
        ("#counts.warnings", ":warnings", warnings.to_string()),
        ("#counts.admins", ":admins", admins.to_string()),
        ("#errors", ":errors", errors_kept.to_string()),
        ("warnings", ":warningsKept", warnings_kept.to_string()),
        ("errorsLeftOut", ":leftOut", left_out.to_string()),
    ];
    // Few imports have these.
    let rare = [
        ("#counts.deleted", ":deleted", deleted.to_string()),
        ("#counts.givesAdmin", ":givesAdmin", gives_admin.to_string()),
        ("#counts.takesAdmin", ":takesAdmin", takes_admin.to_string()),
        ("#counts.absent", ":absent", missing.to_string()),
        ("#counts.disabled", ":disabled", disabled.to_string()),
    ];
    numbers.extend(rare.into_iter().filter(|(_, _, number)| number != "0"));
    numbers
}

fn number(time: Timestamp) -> AttributeValue {
    AttributeValue::N(time.millis().to_string())
}
