//! From checked rows to stored users, a batch at a time.

use std::collections::{HashMap, HashSet};

use errors::Error;
use futures::{StreamExt, TryStreamExt, stream};
use roster::{ImportId, Member, Members, Right, Roles, Slot, User, UserId};
use service::clock;
use sheet::{Content, ImportOptions, Mode, OwnedCells, Row, RowError, RowLines, SoundRow};
use table::{Account, Replaced, UserStore, Written};

/// Rows of one batch: as many as one call can look up.
pub(super) const BATCH: usize = 100;
/// Existing users that are changed at the same time.
const CHANGES: usize = 16;

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
        })
    }

    pub(super) fn slot(&self) -> Slot {
        self.user.id.slot()
    }
}

/// What became of a checked row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Its user was made, now or by an earlier run of the import.
    Created,
    /// Its user was changed, now or by an earlier run of the import.
    Updated,
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
}

impl sheet::Outcome for Outcome {
    fn is_carried_out(&self) -> bool {
        matches!(self, Self::Created | Self::Updated)
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
) -> Result<(Vec<Pending>, Vec<Outcome>), Error> {
    let slots: HashSet<_> = batch.iter().map(Pending::slot).collect();
    let holders = users.holders(slots).await?;
    let found = batch.into_iter().filter_map(|pending| {
        let account = holders.get(&pending.slot())?.clone();
        Some((pending, account))
    });
    let adopted = stream::iter(found)
        .map(|(pending, account)| async move {
            let own = adopt(users, mark, &pending, account).await?;
            Ok::<_, Error>((pending, own))
        })
        .buffered(CHANGES)
        .try_collect::<Vec<_>>()
        .await?;
    let done = adopted.into_iter().filter_map(|(pending, own)| match own {
        Some(own @ (Outcome::Created | Outcome::Updated)) => Some((pending, own)),
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
    /// Writes the rows of `batch`, whose addresses are all different; one outcome for each, in order.
    ///
    /// With `look_first` the addresses are looked up before anything is written: worth it where most
    /// of them are taken, because a refused insert costs as much as a write.
    pub(super) async fn write(&self, batch: &[Pending], look_first: bool) -> Result<Vec<Outcome>, Error> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; batch.len()];
        let mut holders = HashMap::new();
        if look_first || self.options.mode == Mode::Validate {
            holders = self.users.holders(batch.iter().map(Pending::slot)).await?;
        }
        let mut tries = self.users.tries("write a batch");
        let mut looked = false;
        loop {
            let mut free = Vec::new();
            let mut existing = Vec::new();
            for (index, pending) in batch.iter().enumerate() {
                if outcomes[index].is_some() {
                    continue;
                }
                match holders.remove(&pending.slot()) {
                    None => free.push(index),
                    Some(account) => match self.judge(pending, &account) {
                        Some(outcome) => outcomes[index] = Some(outcome),
                        None => existing.push((index, account)),
                    },
                }
            }

            if self.options.mode == Mode::Validate {
                for index in free {
                    outcomes[index] = Some(batch[index].earlier.map_or(Outcome::Created, Outcome::Repeats));
                }
                return Ok(outcomes.into_iter().flatten().collect());
            }
            let changed = stream::iter(existing)
                .map(|(index, account)| async move {
                    Ok::<_, Error>((index, self.change(&batch[index], account).await?))
                })
                .buffer_unordered(CHANGES)
                .try_collect::<Vec<_>>()
                .await?;
            for (index, outcome) in changed {
                outcomes[index] = outcome;
            }

            let users: Vec<_> = free.iter().map(|index| &batch[*index].user).collect();
            let written = self.users.insert_each(&users, self.mark.takeovers).await?;
            for (index, written) in free.into_iter().zip(written) {
                if written == Written::Inserted {
                    outcomes[index] = Some(Outcome::Created);
                }
            }

            let open: Vec<_> = (0..batch.len())
                .filter(|index| outcomes[*index].is_none())
                .collect();
            if open.is_empty() {
                return Ok(outcomes.into_iter().flatten().collect());
            }
            // The first look finds out who refused an insert, and needs no pause. Rows that are open after that
            // met other writers.
            if looked {
                tries.again().await?;
            }
            looked = true;
            holders = self
                .users
                .holders(open.into_iter().map(|index| batch[index].slot()))
                .await?;
        }
    }

    /// Returns what a row comes to whose address is kept for `account`; `None` if the account is to be changed, be it
    /// only to adopt it.
    pub(super) fn judge(&self, pending: &Pending, account: &Account) -> Option<Outcome> {
        if let Some(own) = own_work(self.mark.import, pending, account) {
            let adopts = !matches!(own, Outcome::Repeats(_)) && self.mark.is_older(account);
            return (!adopts).then_some(own);
        }
        let (id, slot) = (account.user.id, pending.slot());
        if account.is_found_by(slot) {
            (self.options.mode != Mode::Upsert).then_some(Outcome::Exists)
        } else if Slot::of(&account.user.email) == slot {
            Some(Outcome::Unproven(id))
        } else {
            Some(Outcome::Kept(id))
        }
    }

    /// Changes `account`, which the row has found; `None` if it is gone, so that the row can be tried as a new
    /// one.
    async fn change(&self, pending: &Pending, account: Account) -> Result<Option<Outcome>, Error> {
        let mut found = Some(account);
        let mut tries = self.users.tries("change a user");
        loop {
            let Some(account) = found else {
                return Ok(None);
            };
            // Since it was read, another run may have done the work, or the address may have gone from it.
            if let Some(outcome) = self.judge(pending, &account) {
                return Ok(Some(outcome));
            }
            if own_work(self.mark.import, pending, &account).is_some() {
                return adopt(&self.users, self.mark, pending, account).await;
            }
            let new = match self.changed(pending, &account) {
                Ok(new) => new,
                Err(refused) => return Ok(Some(Outcome::Refused(refused))),
            };
            match self.users.replace(&account, &new).await? {
                Replaced::Done => return Ok(Some(Outcome::Updated)),
                Replaced::LastAdmin => {
                    return Ok(Some(Outcome::Refused(
                        "belongs to the last enabled system administrator",
                    )));
                }
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
