//! How many users there are, counted where they are written.
//!
//! The counters are spread over [`SHARDS`] items, because transactions on one item would collide; one
//! query sums them. The number of enabled system administrators is an item by itself, touched only when
//! it changes, so that a condition on it can keep the last one.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use errors::{Error, failed};
use roster::{AccountType, Role, Share, Tally};

use super::{Key, UserStore};

/// The partition of the counters.
const PK: &str = "S";
/// Items among which the counters are spread: one item takes 500 transactional writes a second, and each read of the counters
/// reads all of them.
const SHARDS: u64 = 8;

/// Where the number of enabled system administrators is kept.
fn admins_key() -> Key {
    Key::new(PK, "A")
}

impl UserStore {
    /// The actions that add `change` to the counters; none for no change.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if an action cannot be built.
    pub fn counting(&self, change: Tally, doing: &'static str) -> Result<Vec<TransactWriteItem>, Error> {
        let mut actions = Vec::new();
        let mut names = HashMap::new();
        let mut values = HashMap::new();
        let mut sums = Vec::new();
        for (name, amount) in counters(&change).filter(|(_, amount)| *amount != 0) {
            let index = names.len();
            sums.push(format!("#n{index} :n{index}"));
            names.insert(format!("#n{index}"), name);
            values.insert(format!(":n{index}"), AttributeValue::N(amount.to_string()));
        }
        if !sums.is_empty() {
            let shard = getrandom::u64().unwrap_or_default() % SHARDS;
            let update = Update::builder()
                .table_name(self.table.name())
                .set_key(Some(Key::new(PK, shard.to_string()).item()))
                .update_expression(format!("ADD {}", sums.join(", ")))
                .set_expression_attribute_names(Some(names))
                .set_expression_attribute_values(Some(values))
                .build()
                .map_err(|error| Error::internal(doing, error))?;
            actions.push(TransactWriteItem::builder().update(update).build());
        }
        let admins = change.active_system_admins();
        if admins != 0 {
            let mut update = Update::builder()
                .table_name(self.table.name())
                .set_key(Some(admins_key().item()))
                .update_expression("ADD active :change")
                .expression_attribute_values(":change", AttributeValue::N(admins.to_string()));
            if admins < 0 {
                // At least one must be left.
                update = update
                    .condition_expression("active > :leaving")
                    .expression_attribute_values(":leaving", AttributeValue::N((-admins).to_string()));
            }
            let update = update.build().map_err(|error| Error::internal(doing, error))?;
            actions.push(TransactWriteItem::builder().update(update).build());
        }
        Ok(actions)
    }

    /// The numbers of users: the sum of all shards, in one query.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn tally(&self) -> Result<Tally, Error> {
        let doing = "read the counters";
        let read = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .key_condition_expression("PK = :counters")
            .expression_attribute_values(":counters", AttributeValue::S(PK.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| failed(doing, error))?;
        let mut tally = Tally::default();
        for item in read.items() {
            let mut shard = Tally::default();
            for (name, share) in shares_mut(&mut shard) {
                let number = |name: &str| item.get(name).and_then(|value| value.as_n().ok()?.parse().ok());
                share.total = number(&name).unwrap_or_default();
                share.disabled = number(&disabled(&name)).unwrap_or_default();
            }
            tally += shard;
        }
        Ok(tally)
    }

    /// How many enabled system administrators there are, read consistently.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn active_system_admins(&self) -> Result<u64, Error> {
        let item = self.table.get(admins_key(), "count the administrators").await?;
        Ok(item
            .and_then(|item| item.get("active")?.as_n().ok()?.parse().ok())
            .unwrap_or_default())
    }
}

/// The attribute that counts the disabled ones of what `name` counts.
fn disabled(name: &str) -> String {
    format!("{name}.disabled")
}

/// The shares of `tally` with the attributes that hold them.
fn shares_mut(tally: &mut Tally) -> impl Iterator<Item = (String, &mut Share)> {
    let Tally {
        all,
        admins,
        by_role,
        by_account_type,
    } = tally;
    [("all".to_owned(), all), ("admins".to_owned(), admins)]
        .into_iter()
        .chain(
            by_role
                .iter_mut()
                .zip(Role::ALL)
                .map(|(share, role)| (role.as_str().to_owned(), share)),
        )
        .chain(
            by_account_type
                .iter_mut()
                .zip(AccountType::ALL)
                .map(|(share, kind)| (kind.as_str().to_owned(), share)),
        )
}

fn counters(tally: &Tally) -> impl Iterator<Item = (String, i64)> {
    let mut tally = *tally;
    let amounts: Vec<_> = shares_mut(&mut tally)
        .flat_map(|(name, share)| [(disabled(&name), share.disabled), (name, share.total)])
        .collect();
    amounts.into_iter()
}
