//! User accounts.
//!
//! A method that is called by what it does, such as `insert` and `delete`, makes a transaction and carries it out. One that ends
//! in `-ing`, such as `deleting`, returns the actions of one that the caller carries out. `each` stores many users without a
//! transaction.

mod account;
mod each;
mod item;
mod scan;

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::TransactWriteItem;
use errors::{Error, Tries};
use index::Entry;
use roster::{Code, Email, ImportId, Member, RequestMark, Slot, SubjectId, Tally, User, UserId, Violation};

use super::table::{Refused, When, from_value};
use super::{Item, Table, Takeovers, import_key};
use item::{LISTED, address, bound, bound_user, slot_of, stored, subject_key};

pub use account::{Account, AccountRecord, Former, FormerMark};
pub(super) use item::listing_part;
pub use item::{holder, key};
pub use scan::AccountScan;
pub(super) use scan::scan_accounts;

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
        let is_counted = self.are_counted(&[account]).await?.iter().all(|counted| *counted);
        Ok(if is_counted {
            account.user.tally()
        } else {
            Tally::default()
        })
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
