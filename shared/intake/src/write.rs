//! From checked rows to stored users, a batch at a time.

use std::collections::{HashMap, HashSet};

use errors::Error;
use futures::{StreamExt, TryStreamExt, stream};
use roster::{ImportId, Member, MemberChange, Members, Right, Role, Roles, Slot, Tally, User, UserId};
use serde_json::Value;
use service::clock;
use sheet::{Act, Content, ImportOptions, OwnedCells, Row, RowError, RowLines, SoundRow};
use table::{Account, FormerMark, Replaced, UserStore, Written};

use crate::changes::{Entry, EntryOutcome};

/// Rows of one batch: as many as one call can look up.
pub(super) const BATCH: usize = 100;
/// Existing users that are changed at the same time, each by a transaction: transactions meet at the eight items of the
/// counters, and those that meet are tried again.
const CHANGES: usize = 16;
/// Why a row may not take away an enabled system administrator.
pub(super) const LAST_ADMIN: &str = "belongs to the last enabled system administrator";

/// A checked row on its way to storage.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) line: u64,
    pub(super) row: u64,
    /// Where the row ends.
    pub(super) lines: RowLines,
    pub(super) user: User,
    /// The members that the row gives.
    pub(super) given: Members,
    /// What looks odd in the row.
    pub(super) warnings: Vec<RowError>,
    /// The cells as the file has them, for the case that the row is rejected.
    pub(super) cells: OwnedCells,
    /// The line of an earlier segment with the same address, where somebody keeps track of it.
    pub(super) earlier: Option<u64>,
    /// What the dry run that is applied has found; none without one.
    pub(super) expected: Option<Expected>,
    /// Whether it has waited for the other rows of its segment: see [`Outcome::Waits`].
    pub(super) waited: bool,
}

impl Pending {
    /// Returns `row` and the user it describes; `None` if the row has no cells, and so cannot be sound.
    pub(super) fn new(row: &Row<'_>, sound: SoundRow, earlier: Option<u64>) -> Option<Self> {
        let Content::Cells(cells) = &row.content else {
            return None;
        };
        Some(Self {
            line: row.line,
            row: row.row,
            lines: row.lines(),
            user: sound.user,
            given: sound.given,
            warnings: sound.warnings,
            cells: OwnedCells::from(*cells),
            earlier,
            expected: None,
            waited: false,
        })
    }

    pub(super) fn slot(&self) -> Slot {
        self.user.id.slot()
    }

    /// Returns what becomes of the row where no account has its address; `None` if one is to be made.
    fn without_account(&self) -> Option<Outcome> {
        match (self.earlier, &self.expected) {
            // Decided by the file, whatever has become of the account since.
            (Some(line), _) => Some(Outcome::Repeats(line)),
            (None, Some(expected)) if expected.outcome != EntryOutcome::Created => {
                Some(Outcome::ChangedSince)
            }
            _ => None,
        }
    }
}

/// What a dry run has found for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    /// What would become of it.
    pub(super) outcome: EntryOutcome,
    /// The account that it met and its version.
    pub(super) met: Option<(UserId, u64)>,
}

impl Expected {
    /// What the record of the dry run says of a row. One that it does not have is like one that failed there.
    pub(super) fn of(entry: Option<Entry>) -> Self {
        entry.map_or(
            Self {
                outcome: EntryOutcome::Failed,
                met: None,
            },
            |entry| Self {
                outcome: entry.outcome,
                met: entry.user_id.zip(entry.version),
            },
        )
    }
}

/// What became of a checked row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Its user was made, now or by an earlier run of the import.
    Created,
    /// Its user was changed, now or by an earlier run of the import.
    Updated,
    /// Its user has every value that it gives. Nothing was written.
    Unchanged,
    /// An account has its address.
    Exists,
    /// Its address is kept for that account, which has another one now.
    Kept(UserId),
    /// Its address is that of this account on nothing but the owner's word.
    Unproven(UserId),
    /// Its address is on that earlier line of the file, whose user was made or changed.
    Repeats(u64),
    /// Its account may not be changed, for this reason.
    Refused(&'static str),
    /// Its account was changed, made or deleted since the dry run that is applied, or it failed there.
    ChangedSince,
    /// It takes away an enabled system administrator, so it has to wait until the others of its segment are written.
    /// Such rows are carried out one by one in the order of their lines, because the last of them may be refused.
    Waits,
}

impl sheet::Outcome for Outcome {
    fn is_carried_out(&self) -> bool {
        matches!(self, Self::Created | Self::Updated | Self::Unchanged)
    }
}

impl Outcome {
    /// Returns why no row can have the address, if it is kept for an account that it does not find.
    pub(super) fn kept(self) -> Option<String> {
        match self {
            Self::Kept(id) => Some(format!(
                "is a former address of the account {id} and kept for it; delete that account or use another address"
            )),
            Self::Unproven(id) => Some(format!(
                "was set by the owner of the account {id} and never confirmed; confirm or replace the address of that \
                 account first"
            )),
            _ => None,
        }
    }
}

/// What a row has done to an account.
#[derive(Clone, Debug, Default)]
pub(super) struct Effect {
    /// The account; none if a dry run would make it.
    pub(super) user: Option<UserId>,
    /// The version of the account that the row met, and its mark; none if the row made it.
    pub(super) met: Option<(u64, FormerMark)>,
    /// What was changed.
    pub(super) changes: Vec<MemberChange>,
    /// The change of the number of enabled system administrators.
    pub(super) admins: i64,
    /// The account as the row has stored it; none if that is not known.
    pub(super) stored: Option<Box<User>>,
}

impl Effect {
    /// The effect of a row that makes the account `id`.
    pub(super) fn of_making(pending: &Pending, id: Option<UserId>) -> Self {
        Self {
            user: id,
            met: None,
            changes: pending.user.from_nothing(),
            admins: pending.user.tally().active_system_admins(),
            stored: None,
        }
    }

    /// The effect of a row that changes `account` to `new`, which may be the same.
    pub(super) fn of_changing(account: &Account, new: &Account) -> Self {
        let counted = new.user.tally() + -account.user.tally();
        Self {
            user: Some(account.user.id),
            met: Some((account.user.version, account.former_mark())),
            changes: account.user.differences(&new.user),
            admins: counted.active_system_admins(),
            stored: None,
        }
    }

    /// The effect of a row that an earlier run of the import has carried out on `account`, by what that run has left
    /// beside its mark.
    fn of_changed(pending: &Pending, account: &Account) -> Self {
        let Some(former) = &account.former else {
            // The version before keeps none.
            return Self {
                user: Some(account.user.id),
                ..Self::default()
            };
        };
        let change = |(member, before): (&String, &Value)| {
            let member: Member = member.parse().ok()?;
            Some(MemberChange {
                member,
                before: before.clone(),
                after: pending.user.value(member),
            })
        };
        let mut changes: Vec<_> = former.members.iter().filter_map(change).collect();
        changes.sort_by_key(|change| change.member);
        Self {
            user: Some(account.user.id),
            met: Some((former.version, former.mark)),
            changes,
            admins: 0,
            stored: None,
        }
    }

    /// Returns whether the row gives an admin role to its account, and whether it takes one from it.
    pub(super) fn admin_roles(&self) -> (bool, bool) {
        let mut roles = self
            .changes
            .iter()
            .filter(|change| change.member == Member::Roles);
        let Some(MemberChange { before, after, .. }) = roles.next() else {
            return (false, false);
        };
        let held = |roles: &Value, role: Role| {
            let roles = roles.as_array().into_iter().flatten();
            roles.into_iter().any(|held| held == role.as_str())
        };
        let gains = |from: &Value, to: &Value| {
            let mut admin = Roles::ADMIN.iter();
            admin.any(|role| held(to, role) && !held(from, role))
        };
        (gains(before, after), gains(after, before))
    }
}

/// A row's outcome and effect.
#[derive(Clone, Debug)]
pub(super) struct Done {
    pub(super) outcome: Outcome,
    /// What it has done to an account; none if the row found none that it may touch.
    pub(super) effect: Option<Effect>,
}

impl From<Outcome> for Done {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            effect: None,
        }
    }
}

impl Done {
    /// An outcome that is known by the account at the row's address.
    fn by(outcome: Outcome, pending: &Pending, account: &Account) -> Self {
        let effect = match outcome {
            Outcome::Created => Some(Effect::of_making(pending, Some(account.user.id))),
            Outcome::Updated => Some(Effect::of_changed(pending, account)),
            _ => None,
        };
        Self { outcome, effect }
    }

    /// A change of `account` to `new`.
    fn change(account: &Account, new: &Account) -> Self {
        let effect = Effect::of_changing(account, new);
        let outcome = if effect.changes.is_empty() {
            Outcome::Unchanged
        } else {
            Outcome::Updated
        };
        Self {
            outcome,
            effect: Some(effect),
        }
    }

    /// The same change, of which is known that `account` is what is stored.
    fn stored(mut self, account: Account) -> Self {
        if let Some(effect) = &mut self.effect {
            effect.stored = Some(Box::new(account.into_user()));
        }
        self
    }
}

/// Returns what `import` has made of a row before, by the account that its address is kept for; `None` if the
/// account is not of the import's making.
///
/// The row's own mark counts whatever became of the address since. The mark of another line means a repeat only
/// if the row finds the account: else the two lines have different addresses of one account.
fn own_work(import: ImportId, pending: &Pending, account: &Account) -> Option<Outcome> {
    let marks = [
        (account.user.import, Outcome::Created),
        (account.changed_by, Outcome::Updated),
    ];
    marks.into_iter().find_map(|(mark, own)| {
        let (_, line) = mark.filter(|(by, _)| *by == import)?;
        if line == pending.line {
            return Some(own);
        }
        account
            .is_found_by(pending.slot())
            .then_some(Outcome::Repeats(line))
    })
}

/// Whether the row on `line` has made or changed `account` for `import`.
fn of_line(import: ImportId, line: u64, account: &Account) -> bool {
    let mark = Some((import, line));
    account.user.import == mark || account.changed_by == mark
}

/// How a row changes the account that it has found.
enum Planned {
    /// Not at all: that is what becomes of it.
    Decided(Done),
    /// By a transaction, or by adopting it.
    Alone,
    /// To this, together with others.
    Together(Box<Account>),
}

/// A run's mark on the accounts that it makes and changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) import: ImportId,
    /// How many takeovers of the import the run knows of.
    pub(super) takeovers: u64,
}

impl Mark {
    /// Whether `account`, which the import made or changed, has the mark of an earlier run only.
    fn is_older(self, account: &Account) -> bool {
        let of_import = |mark: Option<(ImportId, u64)>| mark.is_some_and(|(id, _)| id == self.import);
        let made = of_import(account.user.import) && account.import_run < self.takeovers;
        let changed = of_import(account.changed_by) && account.changed_by_run < self.takeovers;
        made || changed
    }
}

/// Makes what an earlier run made of a row the work of this run, which then counts it. `None` if the account
/// is not of the import's making any more.
///
/// Without this, nobody could tell an account that was counted from one that came late.
async fn adopt(
    users: &UserStore,
    mark: Mark,
    pending: &Pending,
    account: Account,
) -> Result<Option<Outcome>, Error> {
    let mut account = account;
    let mut tries = users.tries("adopt a user");
    loop {
        let own = own_work(mark.import, pending, &account);
        let is_own = matches!(own, Some(Outcome::Created | Outcome::Updated));
        if !is_own || !mark.is_older(&account) {
            return Ok(own);
        }
        if users.adopt(&account, mark.import, mark.takeovers).await? == Replaced::Done {
            return Ok(own);
        }
        tries.again().await?;
        match users.find(account.user.id).await? {
            Some(found) => account = found,
            None => return Ok(None),
        }
    }
}

/// The rows of `batch` that earlier runs of the import have made or changed an account from, and which of the
/// two. From now on they are the work of the run with `mark`.
pub(super) async fn written(
    users: &UserStore,
    mark: Mark,
    batch: Vec<Pending>,
) -> Result<(Vec<Pending>, Vec<Done>), Error> {
    let slots: HashSet<_> = batch.iter().map(Pending::slot).collect();
    let holders = users.holders(slots).await?;
    let found = batch.into_iter().filter_map(|pending| {
        let account = holders.get(&pending.slot())?.clone();
        Some((pending, account))
    });
    let adopted = stream::iter(found)
        .map(|(pending, account)| async move {
            let own = adopt(users, mark, &pending, account.clone()).await?;
            let own = own.map(|own| Done::by(own, &pending, &account));
            Ok::<_, Error>((pending, own))
        })
        .buffered(CHANGES)
        .try_collect::<Vec<_>>()
        .await?;
    let done = adopted.into_iter().filter_map(|(pending, own)| match own {
        Some(own) if own.effect.is_some() => Some((pending, own)),
        _ => None,
    });
    Ok(done.unzip())
}

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
                    Some(outcome) => done[index] = Some(Done::by(outcome, pending, &account)),
                    None => existing.push((index, account)),
                }
            }
            for (index, change) in self.change_each(batch, existing).await? {
                done[index] = change;
            }
            self.insert_each(batch, &free, &mut done).await?;

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
    async fn insert_each(
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
    async fn change_each(
        &self,
        batch: &[Pending],
        existing: Vec<(usize, Account)>,
    ) -> Result<Vec<(usize, Option<Done>)>, Error> {
        let mut done = Vec::with_capacity(existing.len());
        let mut alone = Vec::new();
        let (mut together, mut changes) = (Vec::new(), Vec::new());
        for (index, account) in existing {
            match self.planned(&batch[index], &account) {
                Planned::Decided(decided) => done.push((index, Some(decided))),
                Planned::Alone => alone.push((index, account)),
                Planned::Together(new) => {
                    together.push(index);
                    changes.push((account, *new));
                }
            }
        }
        let replaced = self.users.replace_each(&changes).await?;
        for ((index, replaced), (account, new)) in together.into_iter().zip(replaced).zip(changes) {
            match replaced {
                Replaced::Done => done.push((index, Some(Done::change(&account, &new).stored(new)))),
                // By itself, it finds out why.
                Replaced::Stale | Replaced::LastAdmin => alone.push((index, account)),
            }
        }
        let by_themselves = stream::iter(alone)
            .map(|(index, account)| async move {
                Ok::<_, Error>((index, self.change(&batch[index], account).await?))
            })
            .buffer_unordered(CHANGES)
            .try_collect::<Vec<_>>()
            .await?;
        done.extend(by_themselves);
        Ok(done)
    }

    /// Returns how a row that [`Writer::judge`] leaves to be carried out changes `account`.
    fn planned(&self, pending: &Pending, account: &Account) -> Planned {
        if own_work(self.mark.import, pending, account).is_some() {
            return Planned::Alone;
        }
        let new = match self.changed(pending, account) {
            Ok(new) => new,
            Err(refused) => return Planned::Decided(Outcome::Refused(refused).into()),
        };
        let counted = new.user.tally() + -account.user.tally();
        let change = Done::change(account, &new);
        if counted.active_system_admins() < 0 && !pending.waited {
            Planned::Decided(Outcome::Waits.into())
        } else if change.outcome == Outcome::Unchanged || self.options.is_dry() {
            Planned::Decided(change)
        } else if counted == Tally::default() {
            Planned::Together(Box::new(new))
        } else {
            Planned::Alone
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
            Some(expected) => self.as_expected(expected, pending, account, judged),
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
        pending.earlier.map(|line| match self.changed(pending, account) {
            Ok(_) => Outcome::Repeats(line),
            Err(refused) => Outcome::Refused(refused),
        })
    }

    /// Returns what a row of a dry run that is applied comes to, which an import would judge as `judged`: what was
    /// shown, or less.
    fn as_expected(
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
            (EntryOutcome::Failed, None) => self.changed(pending, account).is_err(),
            _ => false,
        };
        if is_as_shown {
            judged
        } else {
            Some(Outcome::ChangedSince)
        }
    }

    /// Changes `account`, which the row has found; `None` if it is gone, so that the row can be tried as a new
    /// one.
    async fn change(&self, pending: &Pending, account: Account) -> Result<Option<Done>, Error> {
        let mut found = Some(account);
        let mut tries = self.users.tries("change a user");
        loop {
            let Some(account) = found else {
                return Ok(None);
            };
            // Since it was read, another run may have done the work, or the address may have gone from it.
            if let Some(outcome) = self.judge(pending, &account) {
                return Ok(Some(Done::by(outcome, pending, &account)));
            }
            if own_work(self.mark.import, pending, &account).is_some() {
                let own = adopt(&self.users, self.mark, pending, account.clone()).await?;
                return Ok(own.map(|own| Done::by(own, pending, &account)));
            }
            let new = match self.changed(pending, &account) {
                Ok(new) => new,
                Err(refused) => return Ok(Some(Outcome::Refused(refused).into())),
            };
            let change = Done::change(&account, &new);
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
    pub(super) fn changed(&self, pending: &Pending, account: &Account) -> Result<Account, &'static str> {
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

#[cfg(test)]
mod tests {
    use roster::{Timestamp, UserDraft, UserPatch};
    use sheet::{Dialect, Position, Rows};

    use super::*;

    const LINE: u64 = 7;

    fn import(key: &str) -> ImportId {
        ImportId::of_object("bucket", key, "")
    }

    /// A user that a row on `line` of the import `made` describes.
    fn user(made: ImportId, line: u64) -> User {
        let email = "ada@example.org";
        let draft = UserDraft {
            email: email.into(),
            roles: "ROLE_ORIGINATOR".into(),
            ..UserDraft::default()
        };
        let new = draft.parse(Roles::ALL).unwrap();
        User::new(new, Timestamp::from_millis(0), Some((made, line)))
    }

    #[test]
    fn what_an_import_has_made_of_a_row_is_told_by_the_account() {
        let (this, other) = (import("this"), import("other"));
        let file = b"email\n";
        let mut rows = Rows::new(Dialect::detect(file).unwrap(), Position::START);
        rows.feed(file);
        let row = Row {
            line: LINE,
            ..rows.next_row().unwrap()
        };
        let sound = SoundRow {
            user: user(this, LINE),
            given: Members::NONE,
            warnings: Vec::new(),
        };
        let pending = Pending::new(&row, sound, None).unwrap();
        let own = |user: User, changed_by| {
            let account = Account::new(user);
            let now = Timestamp::from_millis(0);
            let account = match changed_by {
                Some(mark) => account.patched_by_import(UserPatch::default(), now, mark, 0),
                None => account,
            };
            own_work(this, &pending, &account)
        };

        assert_eq!(own(user(this, LINE), None), Some(Outcome::Created));
        assert_eq!(own(user(this, LINE - 2), None), Some(Outcome::Repeats(LINE - 2)));
        assert_eq!(own(user(other, LINE), None), None);
        assert_eq!(own(user(other, 2), Some((this, LINE))), Some(Outcome::Updated));
        assert_eq!(
            own(user(other, 2), Some((this, LINE - 1))),
            Some(Outcome::Repeats(LINE - 1))
        );
        assert_eq!(own(user(other, 2), Some((other, LINE))), None);
    }

    #[test]
    fn an_account_that_has_another_address_by_now_tells_only_of_the_row_itself() {
        let this = import("this");
        let file = b"email\n";
        let mut rows = Rows::new(Dialect::detect(file).unwrap(), Position::START);
        rows.feed(file);
        let row = rows.next_row().unwrap();
        let own = |line: u64| {
            let sound = SoundRow {
                user: user(this, line),
                given: Members::NONE,
                warnings: Vec::new(),
            };
            let pending = Pending::new(&Row { line, ..row }, sound, None).unwrap();
            let moved = UserPatch {
                email: "countess@example.org".parse().ok(),
                ..UserPatch::default()
            };
            let account = Account::new(user(this, LINE));
            own_work(
                this,
                &pending,
                &account.patched(moved, Timestamp::from_millis(1)).unwrap(),
            )
        };

        assert_eq!(own(LINE), Some(Outcome::Created));
        assert_eq!(own(LINE + 1), None);
    }
}
