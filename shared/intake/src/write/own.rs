//! What an import has done to an account before: by an earlier row, or by an earlier run.

use std::collections::HashSet;

use errors::Error;
use futures::{StreamExt, TryStreamExt, stream};
use roster::ImportId;
use table::{Account, Replaced, UserStore};

use super::{CHANGES, Done, Outcome, Pending};

/// A run's mark on the accounts that it makes and changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) import: ImportId,
    /// How many takeovers of the import the run knows of.
    pub(crate) takeovers: u64,
}

impl Mark {
    /// Returns whether `account`, which the import made or changed, has the mark of an earlier run only.
    pub(super) fn is_older(self, account: &Account) -> bool {
        let of_import = |mark: Option<(ImportId, u64)>| mark.is_some_and(|(id, _)| id == self.import);
        let made = of_import(account.user.import) && account.import_run < self.takeovers;
        let changed = of_import(account.changed_by) && account.changed_by_run < self.takeovers;
        made || changed
    }
}

/// Returns what `import` has made of a row before, by the account that its address is kept for; `None` if the
/// account is not of the import's making.
///
/// The row's own mark counts whatever became of the address since. The mark of another line means a repeat only
/// if the row finds the account: else the two lines have different addresses of one account.
pub(super) fn own_work(import: ImportId, pending: &Pending, account: &Account) -> Option<Outcome> {
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

/// Returns whether the row on `line` has made or changed `account` for `import`.
pub(super) fn of_line(import: ImportId, line: u64, account: &Account) -> bool {
    let mark = Some((import, line));
    account.user.import == mark || account.changed_by == mark
}

/// Makes what an earlier run made of a row the work of this run, which then counts it. `None` if the account
/// is not of the import's making any more.
///
/// Without this, nobody could tell an account that was counted from one that came late.
pub(super) async fn adopt(
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

/// Returns the rows of `batch` from which earlier runs of the import have made or changed an account, each with which of
/// the two it was. From now on they are the work of the run with `mark`.
pub(crate) async fn written_before(
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
            let own = own.map(|own| Done::of_account(own, &pending, &account));
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

#[cfg(test)]
mod tests {
    use roster::{Members, Roles, Timestamp, User, UserDraft, UserPatch};
    use sheet::{Dialect, Position, Row, Rows, SoundRow};

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
