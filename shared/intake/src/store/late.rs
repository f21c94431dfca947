//! Where runs that lost their import may still write, kept until they cannot any more.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use errors::{Error, failed};
use roster::{ImportId, Slot, Timestamp};
use serde::{Deserialize, Serialize};
use table::{Account, Key, Refused, UserStore, from_item, to_item};
use uuid::Uuid;

use super::ImportStore;
use super::item::key;
use crate::record::Import;

/// The partition of what has to be looked at again.
const LATE: &str = "L";
/// Slots of one item: 25 bytes each, far below an item's 400 KB.
const CHUNK: usize = 5000;
/// How long a run that lost its import may still write: as long as a function lives at most (15 minutes), and
/// a minute for a call that it has sent.
const WINDOW: Duration = Duration::from_mins(16);

/// Where a run that lost an import may still make or change accounts.
#[derive(Clone, Debug)]
pub struct LateWrites {
    /// The import.
    pub import: ImportId,
    /// The slots of the rows that the run may have in hand.
    pub slots: Vec<Slot>,
    /// Until when it may write.
    pub until: Timestamp,
    key: Key,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LateItem {
    import_id: ImportId,
    /// Separated by spaces.
    slots: String,
    until: u64,
}

impl ImportStore {
    /// Notes that a run that lost the import `id` may still write to `slots`.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn note_late(&self, id: ImportId, slots: &[Slot], now: Timestamp) -> Result<(), Error> {
        let doing = "note late writes";
        for chunk in slots.chunks(CHUNK) {
            let item = LateItem {
                import_id: id,
                slots: chunk.iter().map(Slot::to_string).collect::<Vec<_>>().join(" "),
                until: now.plus(WINDOW).millis(),
            };
            let key = Key::new(LATE, format!("{id}#{}", Uuid::new_v4().simple()));
            let put = self.table.client().put_item().table_name(self.table.name());
            put.set_item(Some(to_item(key, item, doing)?))
                .send()
                .await
                .map_err(|error| failed(doing, error))?;
        }
        Ok(())
    }

    /// Returns everything that is noted. Nearly always that is nothing.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn late(&self) -> Result<Vec<LateWrites>, Error> {
        let doing = "read late writes";
        let mut late = Vec::new();
        for item in self.table.partition(LATE, doing).await? {
            let place = item.get("SK").and_then(|place| place.as_s().ok());
            let key = Key::new(LATE, place.map(String::as_str).unwrap_or_default());
            let LateItem {
                import_id,
                slots,
                until,
            } = from_item(item, doing)?;
            late.push(LateWrites {
                import: import_id,
                slots: slots.split(' ').filter_map(|slot| slot.parse().ok()).collect(),
                until: Timestamp::from_millis(until),
                key,
            });
        }
        Ok(late)
    }

    /// Forgets what was noted as `late`.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn forget_late(&self, late: &LateWrites) -> Result<(), Error> {
        let delete = self.table.client().delete_item().table_name(self.table.name());
        let deleted = delete.set_key(Some(late.key.clone().item())).send().await;
        deleted
            .map(drop)
            .map_err(|error| failed("forget late writes", error))
    }

    /// Returns the action that records that the index has what a run of the import `id` has changed that was believed to
    /// live until `died_at`, unless another run has taken the import.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the action cannot be built.
    pub fn charting(&self, id: ImportId, died_at: Timestamp) -> Result<TransactWriteItem, Error> {
        let doing = "note the users of an import that stands still";
        let update = Update::builder()
            .table_name(self.table.name())
            .set_key(Some(key(id).item()))
            .update_expression("SET charted = :until")
            .condition_expression("leaseUntil = :until AND attribute_exists(runId)")
            .expression_attribute_values(":until", AttributeValue::N(died_at.millis().to_string()))
            .build()
            .map_err(|error| Error::internal(doing, error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Counts a change of `account` that a row of the finished `import` made late. `false` if either has changed
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn count_late_change(
        &self,
        import: &Import,
        account: &Account,
        users: &UserStore,
    ) -> Result<bool, Error> {
        let doing = "count a late change";
        let Some((_, line)) = account.changed_by else {
            return Ok(false);
        };
        let judged = import.position.is_known_and(|position| line < position.line);
        // A row before the checkpoint was judged, and found at fault, or its change would not have come late.
        let set = if judged {
            "SET #counts.#updated = #counts.#updated + :one, #counts.#failed = #counts.#failed - :one"
        } else {
            "SET #counts.#updated = #counts.#updated + :one"
        };
        let mut update = Update::builder()
            .table_name(self.table.name())
            .set_key(Some(key(import.id).item()))
            .update_expression(set)
            .condition_expression("attribute_exists(PK)")
            .expression_attribute_names("#counts", "counts")
            .expression_attribute_names("#updated", "updated")
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if judged {
            update = update.expression_attribute_names("#failed", "failed");
        }
        let update = update.build().map_err(|error| Error::internal(doing, error))?;
        let number = import.takeovers.number();
        let mut actions = users.adopting_change(account, import.id, number)?.to_vec();
        actions.push(TransactWriteItem::builder().update(update).build());
        match self.table.transact(actions, doing).await {
            Ok(()) => Ok(true),
            Err(Refused::Condition(_)) => Ok(false),
            Err(Refused::Failed(error)) => Err(error),
        }
    }
}
