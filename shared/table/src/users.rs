//! User accounts.

mod item;

use std::borrow::Borrow;
use std::collections::HashMap;

use aws_sdk_dynamodb::types::{BatchStatementErrorCodeEnum, BatchStatementRequest, TransactWriteItem};
use errors::{Error, Tries, failed};
use roster::{
    Code, Email, ImportId, Member, RequestMark, Slot, SubjectId, Tally, Timestamp, User, UserId, Violation,
};

use super::table::{Refused, When, from_value};
use super::{Item, Table, Takeovers, import_key};
use item::{address, bound, bound_user, slot_of, stored, subject_key};

pub(super) use item::listing_part;
pub use item::{holder, key};

/// Statements of one `BatchExecuteStatement` call, by its own limit.
const MAX_STATEMENTS: usize = 25;

/// A user and what the service keeps of the account beside it.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user.
    pub user: User,
    /// Tokens issued until then are void.
    pub tokens_valid_after: Option<Timestamp>,
    /// How many takeovers of its import the run knew of that made the account.
    pub import_run: u64,
    /// The import and its line that last changed the account, if one did.
    pub changed_by: Option<(ImportId, u64)>,
    /// How many takeovers of that import the run knew of.
    pub changed_by_run: u64,
    /// The request that made the account, if no import did.
    pub made_by: Option<RequestMark>,
    /// The addresses that are kept for the account, besides the one it was made with.
    pub addresses: Vec<Slot>,
    /// The subject of the issuer that signs in as this account.
    pub subject: Option<SubjectId>,
    /// Whether the present address is the owner's own word, which nobody has vouched for.
    pub address_unproven: bool,
    /// The attributes that a later version of the service has added. They stay whatever is changed.
    pub later: Item,
}

impl Account {
    /// How many addresses may be kept for one account, besides the one it was made with.
    pub const MAX_ADDRESSES: usize = 50;

    /// The account of a new user.
    #[must_use]
    pub fn new(user: User) -> Self {
        Self {
            user,
            tokens_valid_after: None,
            import_run: 0,
            changed_by: None,
            changed_by_run: 0,
            made_by: None,
            addresses: Vec::new(),
            subject: None,
            address_unproven: false,
            later: Item::new(),
        }
    }

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

    /// Stores a new user that `request` makes, and counts it, in one transaction. Gives the user that an
    /// earlier try of the request has made in its place, if one has.
    ///
    /// The check that the address is free and the write are one, so of two callers that race, one
    /// succeeds.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] if an account holds the address, or held it once and reserves it.
    pub async fn insert(&self, user: &User, request: RequestMark) -> Result<Option<User>, Error> {
        let doing = "store a user";
        let made_by = Some(request);
        let account = Account {
            made_by,
            ..Account::new(user.clone())
        };
        let item = stored(&account, doing)?;
        let mut actions = vec![self.table.put(item, When::Free, doing)?];
        actions.extend(self.counting(user.tally(), doing)?);
        match self.table.transact(actions, doing).await {
            Ok(()) => Ok(None),
            Err(Refused::Failed(error)) => Err(error),
            Err(Refused::Condition(conditions)) => {
                match conditions.into_iter().next().flatten().map(holder) {
                    Some(Ok(Holder::Account(account))) if account.made_by == made_by => {
                        Ok(Some(account.user))
                    }
                    Some(Err(error)) => Err(error),
                    _ => Err(taken(&user.email)),
                }
            }
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
        let counted = self.counted(old).await?;
        let mut stays = new.clone();
        if counted == Tally::default() {
            // From now on it counts like an account that no import made.
            stays.user.import = None;
        }
        let item = stored(&stays, doing)?;
        let mut actions = vec![self.table.put(item, unchanged(&old.user), doing)?];
        for slot in new.addresses.iter().filter(|slot| !old.addresses.contains(slot)) {
            let item = address(*slot, new.user.id.slot(), doing)?;
            actions.push(self.table.put(item, When::Free, doing)?);
        }
        let addresses = 1..actions.len();
        if let Some(subject) = new.subject.filter(|_| old.subject.is_none()) {
            let item = bound(subject, new.user.id, doing)?;
            actions.push(self.table.put(item, When::Free, doing)?);
        }
        let items = actions.len();
        actions.extend(self.counting(new.user.tally() + -counted, doing)?);
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
        let home = key(account.user.id.slot());
        let mut actions = vec![self.table.delete(home, unchanged(&account.user), doing)?];
        // What the unchanged account lists is its own, so the rest needs no condition.
        let addresses = account.addresses.iter().copied().map(key);
        for key in addresses.chain(account.subject.map(subject_key)) {
            actions.push(self.table.delete(key, When::Always, doing)?);
        }
        actions.extend(self.counting(-counted, doing)?);
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

    /// Returns what the counters have of `account`: nothing if a run of an import made it that had lost the
    /// import, and nobody has touched it since. Whoever touches it first counts it, so this is asked of an
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
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the action cannot be built.
    pub fn adopting(
        &self,
        account: &Account,
        import: ImportId,
        number: u64,
    ) -> Result<TransactWriteItem, Error> {
        let doing = "adopt a user";
        let mut own = account.clone();
        let of_import = |mark: Option<(ImportId, u64)>| mark.is_some_and(|(id, _)| id == import);
        if of_import(own.user.import) {
            own.import_run = number;
        }
        if of_import(own.changed_by) {
            own.changed_by_run = number;
        }
        own.user.version += 1;
        self.table
            .put(stored(&own, doing)?, unchanged(&account.user), doing)
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
        let doing = "store users";
        let statements = users
            .iter()
            .map(|user| self.insert_statement(user.borrow(), number))
            .collect::<Result<Vec<_>, _>>()?;
        let mut written = vec![Written::Inserted; users.len()];
        let mut open: Vec<usize> = (0..users.len()).collect();
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
            // What has no answer may or may not be stored: the next try finds out.
            let mut again = open.split_off(answer.responses().len().min(open.len()));
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
            tries.again().await?;
        }
    }

    /// A PartiQL insert: refused, like a conditional put, if the slot is held.
    fn insert_statement(&self, user: &User, number: u64) -> Result<BatchStatementRequest, Error> {
        let doing = "store users";
        let mut statement = format!("INSERT INTO \"{}\" VALUE {{", self.table.name());
        let mut parameters = Vec::new();
        let account = Account {
            import_run: number,
            ..Account::new(user.clone())
        };
        for (name, value) in stored(&account, doing)? {
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
        let found = items.into_iter().next();
        found.map(|item| bound_user(item, doing)).transpose()
    }
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
