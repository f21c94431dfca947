//! User accounts, and how many there are.

use std::borrow::Borrow;
use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, BatchStatementErrorCodeEnum, BatchStatementRequest, Delete, Put,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use serde::{Deserialize, Serialize};

use super::search;
use super::table::{MAX_TRIES, Refused, failed, from_item, pause, throttled, to_item};
use super::{Item, Key, Table};
use crate::error::Error;
use crate::models::{
    AccountType, Code, Email, ExternalUserId, ImportId, Name, Phone, PlanId, Role, Roles, Share, Slot,
    SubjectId, Tally, Timestamp, User, UserId, Violation,
};

const SK: &str = "U";

/// Items among which the counters are spread.
const COUNTER_SHARDS: u64 = 8;
/// Statements of one `BatchExecuteStatement` call, by its own limit.
const MAX_STATEMENTS: usize = 25;

/// A user and what the service keeps of the account beside it.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user.
    pub user: User,
    /// Tokens issued until then are void.
    pub tokens_valid_after: Option<Timestamp>,
    /// The import and its line that last changed the account, if one did.
    pub changed_by: Option<(ImportId, u64)>,
    /// The addresses that are kept for the account, besides the one it was made with.
    pub addresses: Vec<Slot>,
    /// The subject of the issuer that signs in as this account.
    pub subject: Option<SubjectId>,
    /// Whether the present address is the owner's own word, which nobody has vouched for.
    pub address_unproven: bool,
}

impl Account {
    /// How many addresses may be kept for one account, besides the one it was made with.
    pub const MAX_ADDRESSES: usize = 50;

    /// The account with `user` in the place of its user, to be stored by [`UserStore::replace`].
    ///
    /// Every address that the account ever had stays its own, so `user` may take one of them back.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] if a new address would be one more than [`Account::MAX_ADDRESSES`].
    pub fn with(&self, user: User) -> Result<Self, Error> {
        let mut account = self.clone();
        let slot = Slot::of(&user.email);
        if slot != user.id.slot() && !account.addresses.contains(&slot) {
            if account.addresses.len() == Self::MAX_ADDRESSES {
                return Err(Error::conflict(
                    "the account keeps as many addresses as it can; go back to one of them",
                ));
            }
            account.addresses.push(slot);
        }
        account.user = user;
        Ok(account)
    }
}

/// Who holds the slot of an address.
#[derive(Clone, Debug)]
pub enum Holder {
    /// The account that was made with the address.
    Account(Box<Account>),
    /// An account that took the address later; it lives at its own slot.
    Elsewhere(Slot),
}

/// What became of a conditional change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// The change was stored.
    Done,
    /// The account is not what it was when it was read, or the subject to bind is bound: read again.
    Stale,
    /// No enabled system administrator would be left.
    LastAdmin,
}

/// What became of a conditional insert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The user was stored.
    Inserted,
    /// The address's slot is held; by whom is another question.
    Held,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserItem {
    id: UserId,
    email: Email,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    first_name: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    last_name: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    other_name: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    mobile_number: Option<Phone>,
    roles: Roles,
    enabled: bool,
    account_type: AccountType,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    plan_id: Option<PlanId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    external_user_id: Option<ExternalUserId>,
    created_at: u64,
    modified_at: u64,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    import_id: Option<ImportId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    import_line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    changed_by_import: Option<ImportId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    changed_by_line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    tokens_valid_after: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    addresses: Vec<Slot>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    subject: Option<SubjectId>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    address_unproven: bool,
    /// See [`search::index`].
    search: String,
    #[serde(rename = "LPK")]
    listing_part: String,
    #[serde(rename = "LSK")]
    listing_place: String,
}

#[derive(Serialize, Deserialize)]
struct AddressItem {
    home: Option<Slot>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubjectItem {
    user_id: UserId,
}

impl From<&Account> for UserItem {
    fn from(account: &Account) -> Self {
        let Account {
            user,
            tokens_valid_after,
            changed_by,
            addresses,
            subject,
            address_unproven,
        } = account;
        let User {
            id,
            email,
            first_name,
            last_name,
            other_name,
            mobile_number,
            roles,
            enabled,
            account_type,
            plan_id,
            external_user_id,
            created_at,
            modified_at,
            import,
            version,
        } = user.clone();
        let search = search::index(&email, [first_name.as_ref(), last_name.as_ref()]);
        let (import_id, import_line) = import.unzip();
        let (changed_by_import, changed_by_line) = changed_by.unzip();
        Self {
            listing_part: listing_part(id.slot()),
            listing_place: email.key().to_owned(),
            id,
            email,
            first_name,
            last_name,
            other_name,
            mobile_number,
            roles,
            enabled,
            account_type,
            plan_id,
            external_user_id,
            created_at: created_at.millis(),
            modified_at: modified_at.millis(),
            version,
            import_id,
            import_line,
            changed_by_import,
            changed_by_line,
            tokens_valid_after: tokens_valid_after.map(Timestamp::millis),
            addresses: addresses.clone(),
            subject: *subject,
            address_unproven: *address_unproven,
            search,
        }
    }
}

impl From<UserItem> for Account {
    fn from(item: UserItem) -> Self {
        let UserItem {
            id,
            email,
            first_name,
            last_name,
            other_name,
            mobile_number,
            roles,
            enabled,
            account_type,
            plan_id,
            external_user_id,
            created_at,
            modified_at,
            version,
            import_id,
            import_line,
            changed_by_import,
            changed_by_line,
            tokens_valid_after,
            addresses,
            subject,
            address_unproven,
            search: _,
            listing_part: _,
            listing_place: _,
        } = item;
        Self {
            user: User {
                id,
                email,
                first_name,
                last_name,
                other_name,
                mobile_number,
                roles,
                enabled,
                account_type,
                plan_id,
                external_user_id,
                created_at: Timestamp::from_millis(created_at),
                modified_at: Timestamp::from_millis(modified_at),
                import: import_id.zip(import_line),
                version,
            },
            tokens_valid_after: tokens_valid_after.map(Timestamp::from_millis),
            changed_by: changed_by_import.zip(changed_by_line),
            addresses,
            subject,
            address_unproven,
        }
    }
}

/// The part of the index that lists the users of `slot`: by the slot's first three bits, so that no
/// part takes more than an eighth of an import's writes.
fn listing_part(slot: Slot) -> String {
    part(slot.shard())
}

/// The index's part number `shard`, of [`Slot::SHARDS`].
pub(super) fn part(shard: u8) -> String {
    format!("U#{shard}")
}

/// Where the account or address of `slot` is kept.
pub(crate) fn key(slot: Slot) -> Key {
    Key::new(format!("U#{slot}"), SK)
}

/// Where it is kept which account a subject is bound to.
fn subject_key(subject: SubjectId) -> Key {
    Key::new(format!("X#{subject}"), "X")
}

/// The holder that `item` tells of.
pub(crate) fn holder(item: Item) -> Result<Holder, Error> {
    let doing = "read a user";
    if item.contains_key("home") {
        let AddressItem { home } = from_item(item, doing)?;
        return home
            .map(Holder::Elsewhere)
            .ok_or_else(|| Error::internal(doing, "an address without a home"));
    }
    from_item::<UserItem>(item, doing).map(|item| Holder::Account(Box::new(item.into())))
}

/// The user accounts.
#[derive(Clone, Debug)]
pub struct UserStore {
    pub(super) table: Table,
}

impl UserStore {
    /// The users kept in `table`.
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Stores a new user, and counts it, in one transaction.
    ///
    /// The check that the address is free and the write are one, so of two callers that race, one
    /// succeeds.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] if an account holds the address, or held it once and reserves it.
    pub async fn insert(&self, user: &User) -> Result<(), Error> {
        let doing = "store a user";
        let put = Put::builder()
            .table_name(self.table.name())
            .set_item(Some(stored(user, doing)?))
            .condition_expression("attribute_not_exists(PK)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|error| Error::internal(doing, error))?;
        let mut actions = vec![TransactWriteItem::builder().put(put).build()];
        actions.extend(self.counting(user.tally(), doing)?);
        match self.table.transact(actions, doing).await {
            Ok(()) => Ok(()),
            Err(Refused::Failed(error)) => Err(error),
            Err(Refused::Condition(_)) => Err(taken(&user.email)),
        }
    }

    /// Stores `new` in the place of `old`, which must still be what is stored, takes the addresses that
    /// `new` has and `old` has not, binds the subject of `new` if `old` has none, and moves the counters,
    /// all in one transaction.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] if another account holds or keeps the new address.
    pub async fn replace(&self, old: &Account, new: &Account) -> Result<Replaced, Error> {
        let doing = "change a user";
        let home = new.user.id.slot();
        let mut item = to_item(UserItem::from(new), doing)?;
        item.extend(key(home).item());
        let put = Put::builder()
            .table_name(self.table.name())
            .set_item(Some(item))
            .condition_expression(UNCHANGED)
            .set_expression_attribute_values(Some(unchanged(&old.user)))
            .build()
            .map_err(|error| Error::internal(doing, error))?;
        let mut actions = vec![TransactWriteItem::builder().put(put).build()];
        for slot in new.addresses.iter().filter(|slot| !old.addresses.contains(slot)) {
            let mut item = to_item(AddressItem { home: Some(home) }, doing)?;
            item.extend(key(*slot).item());
            let put = Put::builder()
                .table_name(self.table.name())
                .set_item(Some(item))
                .condition_expression("attribute_not_exists(PK)")
                .build()
                .map_err(|error| Error::internal(doing, error))?;
            actions.push(TransactWriteItem::builder().put(put).build());
        }
        let addresses = 1..actions.len();
        if let Some(subject) = new.subject.filter(|_| old.subject.is_none()) {
            let user_id = new.user.id;
            let mut item = to_item(SubjectItem { user_id }, doing)?;
            item.extend(subject_key(subject).item());
            let put = Put::builder()
                .table_name(self.table.name())
                .set_item(Some(item))
                .condition_expression("attribute_not_exists(PK)")
                .build()
                .map_err(|error| Error::internal(doing, error))?;
            actions.push(TransactWriteItem::builder().put(put).build());
        }
        let items = actions.len();
        actions.extend(self.counting(new.user.tally() + -old.user.tally(), doing)?);
        match self.table.transact(actions, doing).await {
            Ok(()) => Ok(Replaced::Done),
            Err(Refused::Failed(error)) => Err(error),
            Err(Refused::Condition(failed)) => match failed.iter().position(Option::is_some) {
                Some(index) if addresses.contains(&index) => Err(taken(&new.user.email)),
                Some(index) if index < items => Ok(Replaced::Stale),
                _ => Ok(Replaced::LastAdmin),
            },
        }
    }

    /// Deletes `account`, which must still be what is stored, sets its addresses and its subject free,
    /// moves the counters and carries out `more`, all in one transaction. `more` may be 40 actions.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn delete(&self, account: &Account, more: Vec<TransactWriteItem>) -> Result<Replaced, Error> {
        let doing = "delete a user";
        let delete = |key: Key| {
            Delete::builder()
                .table_name(self.table.name())
                .set_key(Some(key.item()))
        };
        let home = delete(key(account.user.id.slot()))
            .condition_expression(UNCHANGED)
            .set_expression_attribute_values(Some(unchanged(&account.user)));
        // What the unchanged account lists is its own, so the rest needs no condition.
        let mut actions = std::iter::once(home)
            .chain(account.addresses.iter().copied().map(key).map(delete))
            .chain(account.subject.map(subject_key).map(delete))
            .map(|delete| {
                let delete = delete.build().map_err(|error| Error::internal(doing, error))?;
                Ok(TransactWriteItem::builder().delete(delete).build())
            })
            .collect::<Result<Vec<_>, Error>>()?;
        actions.extend(self.counting(-account.user.tally(), doing)?);
        actions.extend(more);
        match self.table.transact(actions, doing).await {
            Ok(()) => Ok(Replaced::Done),
            Err(Refused::Failed(error)) => Err(error),
            Err(Refused::Condition(failed)) if failed.first().is_some_and(Option::is_some) => {
                Ok(Replaced::Stale)
            }
            Err(Refused::Condition(_)) => Ok(Replaced::LastAdmin),
        }
    }

    /// Stores new users, each by itself and uncounted; one answer for each, in order.
    ///
    /// The caller counts them by [`UserStore::counting`] in a transaction of its own, once it knows
    /// which are really new: a repeat of an interrupted call finds its own users [`Written::Held`].
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if storage throttles longer than is worth waiting; some users may then
    /// be stored.
    pub async fn insert_each(&self, users: &[impl Borrow<User> + Sync]) -> Result<Vec<Written>, Error> {
        let calls = users.chunks(MAX_STATEMENTS).map(|users| self.insert_chunk(users));
        Ok(futures::future::try_join_all(calls).await?.concat())
    }

    async fn insert_chunk(&self, users: &[impl Borrow<User> + Sync]) -> Result<Vec<Written>, Error> {
        let doing = "store users";
        let statements = users
            .iter()
            .map(|user| self.insert_statement(user.borrow()))
            .collect::<Result<Vec<_>, _>>()?;
        let mut written = vec![Written::Inserted; users.len()];
        let mut open: Vec<usize> = (0..users.len()).collect();
        for attempt in 1..=MAX_TRIES {
            let answer = self
                .table
                .client()
                .batch_execute_statement()
                .set_statements(Some(
                    open.iter().map(|index| statements[*index].clone()).collect(),
                ))
                .send()
                .await
                .map_err(|error| failed(doing, error))?;
            let mut again = Vec::new();
            for (index, response) in open.iter().zip(answer.responses()) {
                match response.error().map(|error| (error.code(), error.message())) {
                    None => {}
                    Some((Some(BatchStatementErrorCodeEnum::DuplicateItem), _)) => {
                        written[*index] = Written::Held;
                    }
                    Some((
                        Some(
                            BatchStatementErrorCodeEnum::ThrottlingError
                            | BatchStatementErrorCodeEnum::ProvisionedThroughputExceeded
                            | BatchStatementErrorCodeEnum::RequestLimitExceeded
                            | BatchStatementErrorCodeEnum::TransactionConflict
                            | BatchStatementErrorCodeEnum::InternalServerError,
                        ),
                        _,
                    )) => again.push(*index),
                    Some((code, message)) => {
                        let told = format!(
                            "{}: {}",
                            code.map_or("no code", |code| code.as_str()),
                            message.unwrap_or_default()
                        );
                        return Err(Error::internal(doing, told));
                    }
                }
            }
            if again.is_empty() {
                return Ok(written);
            }
            open = again;
            tokio::time::sleep(pause(attempt)).await;
        }
        Err(throttled(doing))
    }

    /// A `PartiQL` insert: refused, like a conditional put, if the slot is held.
    fn insert_statement(&self, user: &User) -> Result<BatchStatementRequest, Error> {
        let doing = "store users";
        let mut statement = format!("INSERT INTO \"{}\" VALUE {{", self.table.name());
        let mut parameters = Vec::new();
        for (name, value) in stored(user, doing)? {
            if !parameters.is_empty() {
                statement.push(',');
            }
            statement.push('\'');
            statement.push_str(&name);
            statement.push_str("':?");
            parameters.push(value);
        }
        statement.push('}');
        BatchStatementRequest::builder()
            .statement(statement)
            .set_parameters(Some(parameters))
            .build()
            .map_err(|error| Error::internal(doing, error))
    }

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
            let shard = getrandom::u64().unwrap_or_default() % COUNTER_SHARDS;
            let update = Update::builder()
                .table_name(self.table.name())
                .set_key(Some(Key::new("S", shard.to_string()).item()))
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
                .set_key(Some(Key::new("S", "A").item()))
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

    /// The account with the id `id`, read consistently.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn find(&self, id: UserId) -> Result<Option<Account>, Error> {
        let item = self.table.get(key(id.slot()), "read a user").await?;
        Ok(match item.map(holder).transpose()? {
            Some(Holder::Account(account)) if account.user.id == id => Some(*account),
            _ => None,
        })
    }

    /// Who holds each of `slots`, read consistently; a free slot is absent. At most 100.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn holders(
        &self,
        slots: impl IntoIterator<Item = Slot>,
    ) -> Result<HashMap<Slot, Holder>, Error> {
        let doing = "read who holds an address";
        let items = self.table.batch_get(slots.into_iter().map(key), doing).await?;
        items
            .into_iter()
            .map(|item| {
                let slot = slot_of(&item).ok_or_else(|| Error::internal(doing, "an item without a slot"))?;
                Ok((slot, holder(item)?))
            })
            .collect()
    }

    /// The account that uses `email`, or reserves it.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn find_by_email(&self, email: &Email) -> Result<Option<Account>, Error> {
        let mut slot = Slot::of(email);
        // An address points home, and home is an account.
        for _ in 0..2 {
            match self.holders([slot]).await?.remove(&slot) {
                None => return Ok(None),
                Some(Holder::Account(account)) => return Ok(Some(*account)),
                Some(Holder::Elsewhere(home)) => slot = home,
            }
        }
        Ok(None)
    }

    /// The account that `subject` is bound to, by its id.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn find_by_subject(&self, subject: SubjectId) -> Result<Option<UserId>, Error> {
        let doing = "read who signs in";
        let items = self.table.batch_get([subject_key(subject)], doing).await?;
        let Some(item) = items.into_iter().next() else {
            return Ok(None);
        };
        from_item(item, doing).map(|SubjectItem { user_id }| Some(user_id))
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
            .expression_attribute_values(":counters", AttributeValue::S("S".to_owned()))
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
        let item = self
            .table
            .get(Key::new("S", "A"), "count the administrators")
            .await?;
        Ok(item
            .and_then(|item| item.get("active")?.as_n().ok()?.parse().ok())
            .unwrap_or_default())
    }
}

/// Holds where the stored user is the one that [`unchanged`] gives the values of.
const UNCHANGED: &str = "id = :id AND version = :version";

fn unchanged(user: &User) -> Item {
    HashMap::from([
        (":id".to_owned(), AttributeValue::S(user.id.to_string())),
        (":version".to_owned(), AttributeValue::N(user.version.to_string())),
    ])
}

fn taken(email: &Email) -> Error {
    Error::Conflict {
        detail: "the address is already taken".into(),
        violations: vec![
            Violation::new("email", Code::AlreadyExists, "is already taken").of_value(email.as_str()),
        ],
    }
}

/// The new user as its item.
fn stored(user: &User, doing: &'static str) -> Result<Item, Error> {
    let account = Account {
        user: user.clone(),
        tokens_valid_after: None,
        changed_by: None,
        addresses: Vec::new(),
        subject: None,
        address_unproven: false,
    };
    let mut item = to_item(UserItem::from(&account), doing)?;
    item.extend(key(user.id.slot()).item());
    Ok(item)
}

fn slot_of(item: &Item) -> Option<Slot> {
    item.get("PK")?.as_s().ok()?.strip_prefix("U#")?.parse().ok()
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
