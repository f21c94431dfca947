//! From checked rows to stored users, a batch at a time.

mod outcome;
mod own;
mod row;

use std::collections::HashMap;

use errors::Error;
use futures::{StreamExt, TryStreamExt, stream};
use roster::{Member, Right, Roles, Slot, Tally, UserId};
use service::clock;
use sheet::{Act, ImportOptions};
use table::{Account, Replaced, UserStore, Written};

use crate::changes::EntryOutcome;
use own::{adopt, of_line, own_work};

pub(super) use outcome::{Done, Effect, Outcome};
pub(super) use own::{Mark, written_before};
pub(super) use row::{Expected, Pending};

/// Rows of one batch: as many as one call can look up.
pub(super) const BATCH: usize = 100;
/// Existing users that are changed at the same time, each by a transaction: transactions meet at the eight items of the
/// counters, and those that meet are tried again.
const CHANGES: usize = 16;
/// Why a row may not take away an enabled system administrator.
pub(super) const LAST_ADMIN: &str = "belongs to the last enabled system administrator";

/// Writes the checked rows of one import.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    pub(super) users: UserStore,
    pub(super) mark: Mark,
    pub(super) options: ImportOptions,
    pub(super) sender: Sender,
}

/// Who sent the file, and what that one may do now.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    pub(super) id: Option<UserId>,
    pub(super) rights: Vec<Right>,
    /// The roles the file may give.
    pub(super) assignable: Roles,
}

/// How a row is to change the account that it has found.
enum Plan {
    /// Not at all: that is what becomes of it.
    Decided(Done),
    /// By a transaction, or by adopting it.
    Alone,
    /// To this, together with others.
    Together(Box<Account>),
}

impl Writer {
    /// Writes the rows of `batch`, whose addresses are all different, and says what became of each, in order. A dry run
    /// writes nothing and says what would become of them.
    ///
    /// With `look_first` the addresses are looked up before anything is written: worth it where most
    /// of them are taken, because a refused insert costs as much as a write.
    pub(super) async fn write(&self, batch: &[Pending], look_first: bool) -> Result<Vec<Done>, Error> {
        let mut done: Vec<Option<Done>> = vec![None; batch.len()];
        let mut holders = HashMap::new();
        // An apply compares what a row meets with what the dry run has met.
        let has_to_look = self.options.upserts() || self.options.is_dry() || self.options.act == Act::Apply;
        if look_first || has_to_look {
            holders = self.users.holders(batch.iter().map(Pending::slot)).await?;
        }
        let mut tries = self.users.tries("write a batch");
        let mut looked = false;
        loop {
            let mut free = Vec::new();
            let mut existing = Vec::new();
            for (index, pending) in batch.iter().enumerate() {
                if done[index].is_some() {
                    continue;
                }
                let Some(account) = holders.remove(&pending.slot()) else {
                    match pending.without_account() {
                        Some(outcome) => done[index] = Some(outcome.into()),
                        None => free.push(index),
                    }
                    continue;
                };
                match self.judge(pending, &account) {
                    Some(outcome) => done[index] = Some(Done::of_account(outcome, pending, &account)),
                    None => existing.push((index, account)),
                }
            }
            for (index, change) in self.change_all(batch, existing).await? {
                done[index] = change;
            }
            self.insert_all(batch, &free, &mut done).await?;

            let open: Vec<_> = (0..batch.len()).filter(|index| done[*index].is_none()).collect();
            if open.is_empty() {
                return Ok(done.into_iter().flatten().collect());
            }
            // The first look finds out who refused an insert, and needs no pause. Rows that are open after that
            // met other writers.
            if looked {
                tries.again().await?;
            }
            looked = true;
            let slots: Vec<_> = open.into_iter().map(|index| batch[index].slot()).collect();
            holders = self.users.holders(slots).await?;
        }
    }

    /// Makes the users of those rows of `batch` whose addresses seem to be `free`.
    async fn insert_all(
        &self,
        batch: &[Pending],
        free: &[usize],
        done: &mut [Option<Done>],
    ) -> Result<(), Error> {
        let made = |index: usize, id: Option<UserId>| Done {
            outcome: Outcome::Created,
            effect: Some(Effect::of_making(&batch[index], id)),
        };
        if self.options.is_dry() {
            for &index in free {
                done[index] = Some(made(index, None));
            }
            return Ok(());
        }
        let users: Vec<_> = free.iter().map(|index| &batch[*index].user).collect();
        let written = self.users.insert_each(&users, self.mark.takeovers).await?;
        for (&index, written) in free.iter().zip(written) {
            if written == Written::Inserted {
                done[index] = Some(made(index, Some(batch[index].user.id)));
            }
        }
        Ok(())
    }

    /// Changes the accounts that rows of `batch` have found, each with the row's index; `None` for a row whose account
    /// is gone.
    ///
    /// Changes that move no counter are made together, in full calls. A change that does is a transaction, so that the
    /// counters are right whatever happens to the run.
    async fn change_all(
        &self,
        batch: &[Pending],
        existing: Vec<(usize, Account)>,
    ) -> Result<Vec<(usize, Option<Done>)>, Error> {
        let mut done = Vec::with_capacity(existing.len());
        let mut alone = Vec::new();
        let (mut together, mut changes) = (Vec::new(), Vec::new());
        for (index, account) in existing {
            match self.plan(&batch[index], &account) {
                Plan::Decided(decided) => done.push((index, Some(decided))),
                Plan::Alone => alone.push((index, account)),
                Plan::Together(new) => {
                    together.push(index);
                    changes.push((account, *new));
                }
            }
        }
        let replaced = self.users.replace_each(&changes).await?;
        for ((index, replaced), (account, new)) in together.into_iter().zip(replaced).zip(changes) {
            match replaced {
                Replaced::Done => done.push((index, Some(Done::of_change(&account, &new).stored(new)))),
                // By itself, it finds out why.
                Replaced::Stale | Replaced::LastAdmin => alone.push((index, account)),
            }
        }
        let by_themselves = stream::iter(alone)
            .map(|(index, account)| async move {
                Ok::<_, Error>((index, self.change_alone(&batch[index], account).await?))
            })
            .buffer_unordered(CHANGES)
            .try_collect::<Vec<_>>()
            .await?;
        done.extend(by_themselves);
        Ok(done)
    }

    /// Returns how a row that [`Writer::judge`] leaves to be carried out changes `account`.
    fn plan(&self, pending: &Pending, account: &Account) -> Plan {
        if own_work(self.mark.import, pending, account).is_some() {
            return Plan::Alone;
        }
        let new = match self.changed_account(pending, account) {
            Ok(new) => new,
            Err(refused) => return Plan::Decided(Outcome::Refused(refused).into()),
        };
        let counted = new.user.tally() + -account.user.tally();
        let change = Done::of_change(account, &new);
        if counted.active_system_admins() < 0 && !pending.waited {
            Plan::Decided(Outcome::Waits.into())
        } else if change.outcome == Outcome::Unchanged || self.options.is_dry() {
            Plan::Decided(change)
        } else if counted == Tally::default() {
            Plan::Together(Box::new(new))
        } else {
            Plan::Alone
        }
    }

    /// Returns what a row comes to whose address is kept for `account`; `None` if the account is to be changed, be it
    /// only to adopt it, or has to be looked at for a change.
    pub(super) fn judge(&self, pending: &Pending, account: &Account) -> Option<Outcome> {
        let own = own_work(self.mark.import, pending, account);
        match (own, pending.earlier) {
            (Some(own @ (Outcome::Created | Outcome::Updated)), _) => {
                return (!self.mark.is_older(account)).then_some(own);
            }
            (Some(repeats), None) => return Some(repeats),
            (_, Some(line)) if of_line(self.mark.import, line, account) => {
                return Some(Outcome::Repeats(line));
            }
            _ => {}
        }
        let judged = self.judge_other(pending, account);
        match &pending.expected {
            Some(expected) => self.unless_changed_since(expected, pending, account, judged),
            None => judged,
        }
    }

    /// As [`Writer::judge`], for an account that the import has neither made nor changed.
    fn judge_other(&self, pending: &Pending, account: &Account) -> Option<Outcome> {
        let (id, slot) = (account.user.id, pending.slot());
        if !account.is_found_by(slot) {
            let is_present = Slot::of(&account.user.email) == slot;
            return Some(if is_present {
                Outcome::Unproven(id)
            } else {
                Outcome::Kept(id)
            });
        }
        if !self.options.upserts() {
            return Some(Outcome::Exists);
        }
        // The earlier row left the account as it was, or was refused as this one would be.
        pending
            .earlier
            .map(|line| match self.changed_account(pending, account) {
                Ok(_) => Outcome::Repeats(line),
                Err(refused) => Outcome::Refused(refused),
            })
    }

    /// Returns what a row of a dry run that is applied comes to, which an import would judge as `judged`: what was
    /// shown, or less.
    fn unless_changed_since(
        &self,
        expected: &Expected,
        pending: &Pending,
        account: &Account,
        judged: Option<Outcome>,
    ) -> Option<Outcome> {
        let met = Some((account.user.id, account.user.version));
        let is_as_shown = match (expected.outcome, judged) {
            (_, Some(Outcome::Repeats(_))) | (EntryOutcome::Skipped, Some(Outcome::Exists)) => true,
            (EntryOutcome::Updated | EntryOutcome::Unchanged, None) => expected.met == met,
            (EntryOutcome::Failed, Some(outcome)) => {
                outcome != Outcome::Exists || !self.options.ignore_duplicates
            }
            (EntryOutcome::Failed, None) => self.changed_account(pending, account).is_err(),
            _ => false,
        };
        if is_as_shown {
            judged
        } else {
            Some(Outcome::ChangedSince)
        }
    }

    /// Changes `account`, which the row has found, by a transaction of its own; `None` if it is gone, so that the row can be tried as a new
    /// one.
    async fn change_alone(&self, pending: &Pending, account: Account) -> Result<Option<Done>, Error> {
        let mut found = Some(account);
        let mut tries = self.users.tries("change a user");
        loop {
            let Some(account) = found else {
                return Ok(None);
            };
            // Since it was read, another run may have done the work, or the address may have gone from it.
            if let Some(outcome) = self.judge(pending, &account) {
                return Ok(Some(Done::of_account(outcome, pending, &account)));
            }
            if own_work(self.mark.import, pending, &account).is_some() {
                let own = adopt(&self.users, self.mark, pending, account.clone()).await?;
                return Ok(own.map(|own| Done::of_account(own, pending, &account)));
            }
            let new = match self.changed_account(pending, &account) {
                Ok(new) => new,
                Err(refused) => return Ok(Some(Outcome::Refused(refused).into())),
            };
            let change = Done::of_change(&account, &new);
            if change.outcome == Outcome::Unchanged {
                return Ok(Some(change));
            }
            match self.users.replace_by_import(&account, &new).await? {
                Replaced::Done => return Ok(Some(change)),
                Replaced::LastAdmin => return Ok(Some(Outcome::Refused(LAST_ADMIN).into())),
                Replaced::Stale => {
                    tries.again().await?;
                    let slot = pending.slot();
                    found = self.users.holders([slot]).await?.remove(&slot);
                }
            }
        }
    }

    /// Returns `account` with what the row gives: its non-empty cells.
    pub(super) fn changed_account(
        &self,
        pending: &Pending,
        account: &Account,
    ) -> Result<Account, &'static str> {
        let held = account.user.roles;
        if account.user.is_reserved_to_admins() && !self.sender.rights.contains(&Right::ManageAdmins) {
            return Err("belongs to an administrator, whom the sender of the file may not change");
        }
        let patch = pending.user.patch(pending.given.without(Member::Email));
        let new = account.patched_by_import(
            patch,
            clock::now(),
            (self.mark.import, pending.line),
            self.mark.takeovers,
        );
        let own = self.sender.id == Some(account.user.id);
        if own && (new.user.roles != held || new.user.enabled != account.user.enabled) {
            return Err(
                "belongs to the sender of the file, who cannot change the own roles or disable the own account",
            );
        }
        Ok(new)
    }
}
