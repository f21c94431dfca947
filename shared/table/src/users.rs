//! User accounts.

mod account;
mod item;
mod scan;

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::{
    AttributeValue, BatchStatementErrorCodeEnum, BatchStatementRequest, TransactWriteItem,
};
use errors::{Error, Tries, failed};
use index::Entry;
use roster::{Code, Email, ImportId, Member, RequestMark, Slot, SubjectId, Tally, User, UserId, Violation};

use super::table::{Refused, When, from_value};
use super::{Item, Key, Table, Takeovers, import_key};
use item::{LISTED, address, bound, bound_user, slot_of, stored, subject_key};

pub use account::{Account, AccountRecord, Former, FormerMark};
pub(super) use item::listing_part;
pub use item::{holder, key};
pub use scan::AccountScan;
pub(super) use scan::scan_accounts;

/// Statements of one `BatchExecuteStatement` call, by its own limit.
const MAX_STATEMENTS: usize = 25;

/// What is stored at the slot of an address.
#[derive(Clone, Debug)]
pub enum Holder {
    /// The account that was made with the address.
    Account(Box<Account>),
    /// The slot of an account that was given the address later.
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

    /// Returns what is stored of `account`. Unless the table lists users, nothing of it is for the index `listing`.
    fn item(&self, account: &Account, doing: &'static str) -> Result<Item, Error> {
        let mut item = stored(account, doing)?;
        if !self.table.lists_users() {
            for attribute in LISTED {
                item.remove(attribute);
            }
        }
        Ok(item)
    }

    /// Stores a new user that `request` makes, counts it, notes it for the index and carries out `more`, in one
    /// transaction. Gives the user that an earlier try of the request has made in its place, if one has.
    ///
    /// The check that the address is free and the write are one, so of two callers that race, one
    /// succeeds.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] if the address is kept for an account.
    pub async fn insert(
        &self,
        user: &User,
        request: RequestMark,
        more: Vec<TransactWriteItem>,
    ) -> Result<Option<User>, Error> {
        let doing = "store a user";
        let item = self.item(&Account::new(user.clone()).made_by(request), doing)?;
        let mut actions = vec![self.table.put(item, When::Free, doing)?];
        actions.extend(self.counting(user.tally(), doing)?);
        actions.push(self.noting(&[Entry::present(user.clone(), true)], doing)?);
        actions.extend(more);
        match self.table.transact(actions, doing).await {
            Ok(()) => Ok(None),
            Err(Refused::Failed(error)) => Err(error),
            Err(Refused::Condition(conditions)) => {
                match conditions.into_iter().next().flatten().map(holder) {
                    Some(Ok(Holder::Account(account))) if account.made_by == Some(request) => {
                        Ok(Some(account.into_user()))
                    }
                    Some(Err(error)) => Err(error),
                    _ => Err(taken(&user.email)),
                }
            }
        }
    }

    /// Stores `new` in the place of `old`, which must still be what is stored, takes the addresses that
    /// `new` has and `old` has not, gives back those that only `old` has, binds the subject of `new` if `old`
    /// has none, moves the counters, notes the change for the index and carries out `more`, which has no conditions, all in
    /// one transaction.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] if the new address is kept for another account.
    pub async fn replace(
        &self,
        old: &Account,
        new: &Account,
        more: Vec<TransactWriteItem>,
    ) -> Result<Replaced, Error> {
        self.exchange(old, new, more, true).await
    }

    /// As [`UserStore::replace`], for a row of an import: the index learns of the change by the import's checkpoint,
    /// see [`UserStore::noting_object`].
    ///
    /// # Errors
    ///
    /// As [`UserStore::replace`].
    pub async fn replace_by_import(&self, old: &Account, new: &Account) -> Result<Replaced, Error> {
        self.exchange(old, new, Vec::new(), false).await
    }

    async fn exchange(
        &self,
        old: &Account,
        new: &Account,
        more: Vec<TransactWriteItem>,
        is_noted: bool,
    ) -> Result<Replaced, Error> {
        let doing = "change a user";
        let counted = self.counted(old).await?;
        let stays = if counted == Tally::default() {
            // From now on it counts like an account that no import made.
            new.clone().made_by_nobody()
        } else {
            new.clone()
        };
        let item = self.item(&stays, doing)?;
        let mut actions = vec![self.table.put(item, unchanged(&old.user), doing)?];
        for slot in new.addresses.iter().filter(|slot| !old.addresses.contains(slot)) {
            let item = address(*slot, new.user.id.slot(), doing)?;
            actions.push(self.table.put(item, When::Free, doing)?);
        }
        let addresses = 1..actions.len();
        for slot in old.addresses.iter().filter(|slot| !new.addresses.contains(slot)) {
            // What the unchanged account lists is its own.
            actions.push(self.table.delete(key(*slot), When::Always, doing)?);
        }
        if let Some(subject) = new.subject.filter(|_| old.subject.is_none()) {
            let item = bound(subject, new.user.id, doing)?;
            actions.push(self.table.put(item, When::Free, doing)?);
        }
        let items = actions.len();
        actions.extend(self.counting(new.user.tally() + -counted, doing)?);
        let is_shown = User {
            version: old.user.version,
            ..stays.user.clone()
        };
        if is_noted && !is_shown.is_spelled_like(&old.user) {
            actions.push(self.noting_change(&stays.user, doing)?);
        }
        actions.extend(more);
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
    /// moves the counters, notes it for the index and carries out `more`, all in one transaction. `more` may be 39
    /// actions.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn delete(&self, account: &Account, more: Vec<TransactWriteItem>) -> Result<Replaced, Error> {
        let counted = self.counted(account).await?;
        self.remove(account, counted, more).await
    }

    /// Deletes `account`, which an import made and nobody counts, as [`UserStore::delete`] does.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn take_back(
        &self,
        account: &Account,
        more: Vec<TransactWriteItem>,
    ) -> Result<Replaced, Error> {
        self.remove(account, Tally::default(), more).await
    }

    async fn remove(
        &self,
        account: &Account,
        counted: Tally,
        more: Vec<TransactWriteItem>,
    ) -> Result<Replaced, Error> {
        let doing = "delete a user";
        let mut actions = self.deleting(account)?;
        actions.extend(self.counting(-counted, doing)?);
        actions.extend(more);
        actions.push(self.noting_deletion(account.user.id, doing)?);
        match self.table.transact(actions, doing).await {
            Ok(()) => Ok(Replaced::Done),
            Err(Refused::Failed(error)) => Err(error),
            Err(Refused::Condition(failed)) if failed.first().is_some_and(Option::is_some) => {
                Ok(Replaced::Stale)
            }
            Err(Refused::Condition(_)) => Ok(Replaced::LastAdmin),
        }
    }

    /// Returns the actions that delete `account`, which must still be what is stored, and set its addresses and its subject
    /// free. The caller moves the counters in the same transaction.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if an action cannot be built.
    pub fn deleting(&self, account: &Account) -> Result<Vec<TransactWriteItem>, Error> {
        let doing = "delete a user";
        let home = key(account.user.id.slot());
        let mut actions = vec![self.table.delete(home, unchanged(&account.user), doing)?];
        // What the unchanged account lists is its own, so the rest needs no condition.
        let addresses = account.addresses.iter().copied().map(key);
        for key in addresses.chain(account.subject.map(subject_key)) {
            actions.push(self.table.delete(key, When::Always, doing)?);
        }
        Ok(actions)
    }

    /// Returns the actions that make a change of `account`, which a run of `import` has made late, the work of one that
    /// knows of `number` takeovers, and that note the change for the index. The caller counts it in the same transaction.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if an action cannot be built.
    pub fn adopting_change(
        &self,
        account: &Account,
        import: ImportId,
        number: u64,
    ) -> Result<[TransactWriteItem; 2], Error> {
        let doing = "adopt a change";
        let own = account.adopted(import, number);
        let noted = self.noting_change(&own.user, doing)?;
        Ok([self.adopting(account, import, number)?, noted])
    }

    /// Returns the action that stores `new` in the place of `old`, which must still be what is stored, and which has the
    /// same addresses and subject. The caller moves the counters in the same transaction.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the action cannot be built.
    pub fn replacing(&self, old: &Account, new: &Account) -> Result<TransactWriteItem, Error> {
        let doing = "change a user";
        self.table
            .put(self.item(new, doing)?, unchanged(&old.user), doing)
    }

    /// Returns what the counters have of `account`: nothing if a run of an import made it that had lost the
    /// import, and nobody has touched it since. The first change counts it, so this is asked of an
    /// imported account only once.
    async fn counted(&self, account: &Account) -> Result<Tally, Error> {
        let doing = "read whether a user is counted";
        let tally = account.user.tally();
        let Some((import, line)) = account.user.import.filter(|_| account.user.version == 0) else {
            return Ok(tally);
        };
        let items = self.table.batch_get([import_key(import)], doing).await?;
        let takeovers = items.into_iter().find_map(|mut item| item.remove("takeovers"));
        let takeovers: Takeovers =
            takeovers.map_or(Ok(Takeovers::default()), |takeovers| from_value(takeovers, doing))?;
        Ok(if takeovers.lost(line, account.import_run) {
            Tally::default()
        } else {
            tally
        })
    }

    /// Makes the work of an earlier run on `account` the work of one that knows of `number` takeovers, which
    /// counts it. The account must still be what is stored; its version moves, so that nobody takes it back.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn adopt(&self, account: &Account, import: ImportId, number: u64) -> Result<Replaced, Error> {
        let actions = vec![self.adopting(account, import, number)?];
        match self.table.transact(actions, "adopt a user").await {
            Ok(()) => Ok(Replaced::Done),
            Err(Refused::Failed(error)) => Err(error),
            Err(Refused::Condition(_)) => Ok(Replaced::Stale),
        }
    }

    /// Returns the action of [`UserStore::adopt`].
    fn adopting(&self, account: &Account, import: ImportId, number: u64) -> Result<TransactWriteItem, Error> {
        let doing = "adopt a user";
        let own = account.adopted(import, number);
        self.table
            .put(self.item(&own, doing)?, unchanged(&account.user), doing)
    }

    /// Stores each `new` account in the place of its `old` one, which must still be what is stored; one answer for each
    /// pair, in order. At most 100 pairs, of different accounts.
    ///
    /// Each change is carried out by itself, in as few calls as insertions are: 1 write unit a KB for the account, and
    /// what its index entry takes if that changes. Nothing is counted, so the two states must count alike
    /// ([`User::tally`]), and the addresses and the subject must be the same. What cannot be changed like this is
    /// [`Replaced::Stale`], and [`UserStore::replace`] changes it: an account that an import made and nobody counts.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if storage throttles longer than is worth waiting; some changes may then be stored.
    pub async fn replace_each(&self, changes: &[(Account, Account)]) -> Result<Vec<Replaced>, Error> {
        let doing = "change users";
        let olds: Vec<_> = changes.iter().map(|(old, _)| old).collect();
        let counted = self.are_counted(&olds).await?;
        let (mut open, mut statements) = (Vec::new(), Vec::new());
        for (index, (old, new)) in changes.iter().enumerate() {
            if counted[index] {
                open.push(index);
                let states = [self.item(old, doing)?, self.item(new, doing)?];
                statements.push(update_statement(self.table.name(), &old.user, &states)?);
            }
        }
        let calls = statements
            .chunks(MAX_STATEMENTS)
            .map(|statements| self.execute_each(statements, doing));
        let done = futures::future::try_join_all(calls).await?.concat();
        let mut replaced = vec![Replaced::Stale; changes.len()];
        for (index, _) in open.into_iter().zip(done).filter(|(_, done)| *done) {
            replaced[index] = Replaced::Done;
        }
        Ok(replaced)
    }

    /// Returns for each of at most 100 accounts whether the counters have it.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn are_counted(&self, accounts: &[&Account]) -> Result<Vec<bool>, Error> {
        let doing = "read whether users are counted";
        let made = |account: &Account| account.user.import.filter(|_| account.user.version == 0);
        let imports = accounts.iter().filter_map(|account| made(account));
        let keys: HashSet<_> = imports.map(|(import, _)| import_key(import)).collect();
        let mut takeovers = HashMap::new();
        for mut item in self.table.batch_get(keys, doing).await? {
            if let (Some(of), Some(value)) = (item.remove("PK"), item.remove("takeovers")) {
                let of = of.as_s().cloned().unwrap_or_default();
                takeovers.insert(of, from_value::<Takeovers>(value, doing)?);
            }
        }
        let is_counted = |account: &&Account| {
            made(account).is_none_or(|(import, line)| {
                let takeovers = takeovers.get(&import_key(import).pk);
                takeovers.is_none_or(|takeovers| !takeovers.lost(line, account.import_run))
            })
        };
        Ok(accounts.iter().map(is_counted).collect())
    }

    /// Stores new users, each by itself and uncounted, as made by a run that knows of `number` takeovers; one answer for each, in order.
    ///
    /// The caller counts them by [`UserStore::counting`] in a transaction of its own, once it knows
    /// which are really new: a repeat of an interrupted call finds its own users [`Written::Held`].
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if storage throttles longer than is worth waiting; some users may then
    /// be stored.
    pub async fn insert_each(
        &self,
        users: &[impl Borrow<User> + Sync],
        number: u64,
    ) -> Result<Vec<Written>, Error> {
        let calls = users
            .chunks(MAX_STATEMENTS)
            .map(|users| self.insert_chunk(users, number));
        Ok(futures::future::try_join_all(calls).await?.concat())
    }

    async fn insert_chunk(
        &self,
        users: &[impl Borrow<User> + Sync],
        number: u64,
    ) -> Result<Vec<Written>, Error> {
        let statements = users
            .iter()
            .map(|user| self.insert_statement(user.borrow(), number))
            .collect::<Result<Vec<_>, _>>()?;
        let inserted = self.execute_each(&statements, "store users").await?;
        let written = |inserted| {
            if inserted {
                Written::Inserted
            } else {
                Written::Held
            }
        };
        Ok(inserted.into_iter().map(written).collect())
    }

    /// Carries out each of up to 25 statements by itself, and returns for each whether its condition held.
    ///
    /// A statement whose answer was lost is carried out again, and then meets its own work.
    async fn execute_each(
        &self,
        statements: &[BatchStatementRequest],
        doing: &'static str,
    ) -> Result<Vec<bool>, Error> {
        let mut done = vec![true; statements.len()];
        let mut open: Vec<usize> = (0..statements.len()).collect();
        let mut tries = self.table.tries(doing);
        loop {
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
            // What has no answer may or may not be carried out: the next try finds out.
            let mut again = open.split_off(answer.responses().len().min(open.len()));
            for (index, response) in open.iter().zip(answer.responses()) {
                match response.error().map(|error| (error.code(), error.message())) {
                    None => {}
                    Some((
                        Some(
                            BatchStatementErrorCodeEnum::DuplicateItem
                            | BatchStatementErrorCodeEnum::ConditionalCheckFailed,
                        ),
                        _,
                    )) => done[*index] = false,
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
                return Ok(done);
            }
            open = again;
            tries.again().await?;
        }
    }

    /// A PartiQL insert: refused, like a conditional put, if the slot is held.
    fn insert_statement(&self, user: &User, number: u64) -> Result<BatchStatementRequest, Error> {
        let doing = "store users";
        let mut statement = format!("INSERT INTO \"{}\" VALUE {{", self.table.name());
        let mut parameters = Vec::new();
        let account = Account::new(user.clone()).made_by_run(number);
        for (name, value) in self.item(&account, doing)? {
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

    /// Returns tries at `doing` something that other writers may prevent.
    #[must_use]
    pub fn tries(&self, doing: &'static str) -> Tries {
        self.table.tries(doing)
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

    /// Returns the account that each of `slots` is kept for, read consistently; a free slot is absent. At most 100.
    ///
    /// An account is read at its own slot. Only addresses that were given later cost a second read.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn holders(
        &self,
        slots: impl IntoIterator<Item = Slot>,
    ) -> Result<HashMap<Slot, Account>, Error> {
        let mut accounts = HashMap::new();
        let mut elsewhere = Vec::new();
        for (slot, holder) in self.read_slots(slots).await? {
            match holder {
                Holder::Account(account) => drop(accounts.insert(slot, *account)),
                Holder::Elsewhere(home) => elsewhere.push((slot, home)),
            }
        }
        let homes: HashSet<_> = elsewhere.iter().map(|(_, home)| *home).collect();
        let homes: HashMap<_, _> = self.read_slots(homes).await?.into_iter().collect();
        for (slot, home) in elsewhere {
            // Between the two reads the account may have given the address back, or be gone.
            if let Some(Holder::Account(account)) = homes.get(&home)
                && account.keeps(slot)
            {
                accounts.insert(slot, (**account).clone());
            }
        }
        Ok(accounts)
    }

    async fn read_slots(&self, slots: impl IntoIterator<Item = Slot>) -> Result<Vec<(Slot, Holder)>, Error> {
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

    /// Returns the account whose present address is `email`, if that address is proven.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn find_by_email(&self, email: &Email) -> Result<Option<Account>, Error> {
        let slot = Slot::of(email);
        let account = self.holders([slot]).await?.remove(&slot);
        Ok(account.filter(|account| account.is_found_by(slot)))
    }

    /// The account that `subject` is bound to, by its id.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn find_by_subject(&self, subject: SubjectId) -> Result<Option<UserId>, Error> {
        let doing = "read who signs in";
        let items = self.table.batch_get([subject_key(subject)], doing).await?;
        let found = items.into_iter().next();
        found.map(|item| bound_user(item, doing)).transpose()
    }
}

/// Returns a PartiQL update of what differs between two states of an account: refused, like a conditional put, unless
/// the stored account is still `old`.
fn update_statement(
    table: &str,
    old: &User,
    [before, after]: &[Item; 2],
) -> Result<BatchStatementRequest, Error> {
    let doing = "change users";
    let mut set = Vec::new();
    let mut parameters = Vec::new();
    for (name, value) in after {
        if before.get(name) != Some(value) {
            set.push(format!("SET \"{name}\"=?"));
            parameters.push(value.clone());
        }
    }
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    set.extend(gone.map(|name| format!("REMOVE \"{name}\"")));
    let Key { pk, sk } = key(old.id.slot());
    let version = AttributeValue::N(old.version.to_string());
    let id = AttributeValue::S(old.id.to_string());
    parameters.extend([AttributeValue::S(pk), AttributeValue::S(sk), id, version]);
    BatchStatementRequest::builder()
        .statement(format!(
            "UPDATE \"{table}\" {} WHERE PK=? AND SK=? AND id=? AND version=?",
            set.join(" ")
        ))
        .set_parameters(Some(parameters))
        .build()
        .map_err(|error| Error::internal(doing, error))
}

/// When the stored user is still `user`.
fn unchanged(user: &User) -> When {
    When::Unchanged("id", user.id.to_string(), user.version)
}

fn taken(email: &Email) -> Error {
    Error::Conflict {
        detail: "the address is already taken".into(),
        violations: vec![
            Violation::new(Member::Email, Code::AlreadyExists, "is already taken").of_value(email.as_str()),
        ],
    }
}
