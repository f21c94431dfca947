//! An account, and every way to change one.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::time::Duration;

use errors::Error;
use roster::{
    AccountAction, Change, Email, ImportId, MemberChange, RequestMark, Slot, SubjectId, Timestamp, User,
    UserPatch,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{HistoryLine, Item};

/// What is stored of an account.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountRecord {
    /// The user.
    pub user: User,
    /// Tokens issued until then are void.
    pub tokens_valid_after: Option<Timestamp>,
    /// The number of takeovers of its import that the run knew of that made the account.
    pub import_run: u64,
    /// The import and its line that last changed the account, if one did.
    pub changed_by: Option<(ImportId, u64)>,
    /// The number of takeovers of that import that the run knew of.
    pub changed_by_run: u64,
    /// What that import has changed in the account, as it was before.
    pub former: Option<Former>,
    /// The version that the account had when an import made it or changed it last. If it still has that version, nothing
    /// has changed it since.
    pub marked_version: u64,
    /// The imports whose changes of the account were taken back, the last one at the end; a few of them.
    pub undone: Vec<ImportId>,
    /// The imports that changed the account, and when; the last few of them.
    pub import_changes: Vec<(ImportId, Timestamp)>,
    /// The request that made the account, if no import did.
    pub made_by: Option<RequestMark>,
    /// The addresses that are kept for the account, besides the one it was made with.
    pub addresses: Vec<Slot>,
    /// The subject of the issuer that signs in as this account.
    pub subject: Option<SubjectId>,
    /// Whether the owner set the present address without proof, as the version before allowed.
    ///
    /// Such an address is also pending, and finds nobody until somebody vouches for it.
    pub address_unproven: bool,
    /// The attributes that a later version of the service has added. They stay whatever is changed.
    pub later: Item,
}

/// What the last import that changed an account has found there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Former {
    /// The members that it has changed, with their values before; null if there was none.
    pub members: BTreeMap<String, Value>,
    /// The version of the account.
    pub version: u64,
    /// The mark that the account had.
    pub mark: FormerMark,
}

/// The mark that an account had before an import changed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FormerMark {
    /// The import that had changed the account last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_by_import: Option<ImportId>,
    /// The line of that import.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_by_line: Option<u64>,
    /// The number of takeovers of that import that the run knew of.
    pub changed_by_run: u64,
    /// Whether nothing had changed the account since an import had made or changed it.
    pub untouched: bool,
}

/// A user and what the service keeps of the account beside it.
///
/// It reads like its record. Only the methods here change one, and each of them raises the version if it
/// changed anything, so no change is lost because it kept its version.
#[derive(Clone, Debug)]
pub struct Account {
    record: AccountRecord,
}

impl Deref for Account {
    type Target = AccountRecord;

    fn deref(&self) -> &AccountRecord {
        &self.record
    }
}

impl Account {
    /// The most addresses that are kept for one account, besides the one it was made with: with a deletion's
    /// 39 further actions they fit a transaction, which takes 100.
    pub const MAX_ADDRESSES: usize = 50;
    /// How many of the imports whose changes were taken back are noted in an account: as many as somebody takes back
    /// one after the other.
    const MAX_UNDONE: usize = 10;
    /// How many of the imports that changed an account are noted in it: each takes 60 bytes, and a row of an import is to
    /// cost one write unit, which a KB of the account takes.
    const MAX_IMPORT_CHANGES: usize = 5;

    /// Makes the account of a new user.
    #[must_use]
    pub fn new(user: User) -> Self {
        Self::stored(AccountRecord {
            user,
            tokens_valid_after: None,
            import_run: 0,
            changed_by: None,
            changed_by_run: 0,
            former: None,
            marked_version: 0,
            undone: Vec::new(),
            import_changes: Vec::new(),
            made_by: None,
            addresses: Vec::new(),
            subject: None,
            address_unproven: false,
            later: Item::new(),
        })
    }

    /// Returns the new account as one that `request` makes.
    pub(super) fn made_by(mut self, request: RequestMark) -> Self {
        self.record.made_by = Some(request);
        self
    }

    /// Returns the new account as one that a run makes that knows of `number` takeovers of its import.
    pub(super) fn made_by_run(mut self, number: u64) -> Self {
        self.record.import_run = number;
        self
    }

    /// Returns the account, which is about to be stored, as one that no import has made.
    pub(super) fn made_by_nobody(mut self) -> Self {
        self.record.user.import = None;
        self
    }

    /// Reads a stored account. An unproven address is pending as well.
    pub(super) fn stored(mut record: AccountRecord) -> Self {
        if record.address_unproven && record.user.pending_email.is_none() {
            record.user.pending_email = Some(record.user.email.clone());
        }
        Self { record }
    }

    /// Returns the account's user.
    #[must_use]
    pub fn into_user(self) -> User {
        self.record.user
    }

    /// Returns what is to be stored.
    pub(super) fn into_record(self) -> AccountRecord {
        self.record
    }

    /// Returns whether the address of `slot` finds the account: it is the present one, and proven.
    #[must_use]
    pub fn is_found_by(&self, slot: Slot) -> bool {
        !self.address_unproven && Slot::of(&self.user.email) == slot
    }

    /// Returns whether the address of `slot` is kept for the account.
    #[must_use]
    pub fn keeps(&self, slot: Slot) -> bool {
        slot == self.user.id.slot() || self.addresses.contains(&slot)
    }

    /// Returns the account after a change that an administrator makes `now`.
    ///
    /// An address that the patch gives becomes the account's. An unproven one is settled by another address, or
    /// by the same one if the patch also takes the pending address away; then all other addresses are given back.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] if a new address would be one more than [`Account::MAX_ADDRESSES`].
    pub fn patched(&self, patch: UserPatch, now: Timestamp) -> Result<Self, Error> {
        let vouched = patch
            .email
            .as_ref()
            .is_some_and(|email| *email != self.user.email || patch.pending_email == Change::Clear);
        self.applied(patch, vouched, now)
    }

    /// Returns the account after a change that its owner makes `now`. Another address waits as the pending one.
    ///
    /// # Errors
    ///
    /// None that an owner can cause, because no address is taken.
    pub fn patched_by_owner(&self, patch: UserPatch, now: Timestamp) -> Result<Self, Error> {
        let pending_email = match patch.email {
            Some(email) if email != self.user.email => Change::Set(email),
            // The present address, in whatever spelling, asks for nothing.
            _ => patch.pending_email,
        };
        let patch = UserPatch {
            email: None,
            pending_email,
            ..patch
        };
        self.applied(patch, false, now)
    }

    /// Returns the account with its pending address as the address, which an issuer has proved to be `proven`;
    /// `None` if it has not.
    ///
    /// It also is `None` if other addresses would be given back. That is left to an administrator, because the
    /// functions that sign callers in have no right to delete anything.
    ///
    /// # Errors
    ///
    /// As [`Account::patched`].
    pub fn proven(&self, proven: &Email, now: Timestamp) -> Result<Option<Self>, Error> {
        let pending = self.user.pending_email.as_ref();
        let Some(email) = pending.filter(|pending| pending.is_written_like(proven)) else {
            return Ok(None);
        };
        let patch = UserPatch {
            email: Some(email.clone()),
            pending_email: Change::Clear,
            ..UserPatch::default()
        };
        let account = self.applied(patch, true, now)?;
        let gives_back = self.addresses.iter().any(|slot| !account.keeps(*slot));
        Ok((!gives_back).then_some(account))
    }

    /// Returns the account after a change that a row of an import makes `now`, with `mark`, the import and the
    /// row's line, by a run that knows of `number` takeovers. The address stays: it is the one that the row has found
    /// the account by.
    #[must_use]
    pub fn patched_by_import(
        &self,
        patch: UserPatch,
        now: Timestamp,
        mark: (ImportId, u64),
        number: u64,
    ) -> Self {
        let patch = UserPatch {
            email: None,
            pending_email: Change::Keep,
            ..patch
        };
        let user = self.user.patched(patch, now);
        let changes = self.user.differences(&user).into_iter();
        let former = Former {
            members: changes
                .map(|change| (change.member.name().to_owned(), change.before))
                .collect(),
            version: self.user.version,
            mark: self.former_mark(),
        };
        self.changed(|record| {
            record.user = user;
            record.changed_by = Some(mark);
            record.changed_by_run = number;
            record.former = Some(former);
            if record.import_changes.len() >= Self::MAX_IMPORT_CHANGES {
                record.import_changes.remove(0);
            }
            record.import_changes.push((mark.0, now));
        })
        .marked()
    }

    /// Returns the account, whose last change is one of `import`, with the former values of that `changes` back. It has the
    /// mark that it had before, and if nothing had changed it then since that mark, nothing has now.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if a value is none that the member may have.
    pub fn given_back(
        &self,
        import: ImportId,
        changes: &[MemberChange],
        mark: FormerMark,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let mut user = super::item::with_values(self, changes)?.user;
        user.modified_at = now;
        let account = self.changed(|record| {
            record.user = user;
            record.changed_by = mark.changed_by_import.zip(mark.changed_by_line);
            record.changed_by_run = mark.changed_by_run;
            record.former = None;
            if record.undone.len() == Self::MAX_UNDONE {
                record.undone.remove(0);
            }
            record.undone.push(import);
        });
        Ok(if mark.untouched { account.marked() } else { account })
    }

    /// Returns the account, which an import made and nothing has changed since, as one that is in use; `None` if it is
    /// another account. By its version, everybody sees that it has contacts or tokens.
    #[must_use]
    pub fn in_use(&self) -> Option<Self> {
        if self.user.import.is_none() || !self.is_untouched() {
            return None;
        }
        let mut account = self.clone();
        account.record.user.version += 1;
        Some(account)
    }

    /// Returns the mark of an import that the account has, for the case that another import changes it.
    #[must_use]
    pub fn former_mark(&self) -> FormerMark {
        FormerMark {
            changed_by_import: self.changed_by.map(|(import, _)| import),
            changed_by_line: self.changed_by.map(|(_, line)| line),
            changed_by_run: self.changed_by_run,
            untouched: self.is_untouched(),
        }
    }

    /// Returns what the account says of the imports that made and changed it, as lines of its history.
    #[must_use]
    pub fn import_lines(&self) -> Vec<HistoryLine> {
        let line = |import: ImportId, at, action: AccountAction| HistoryLine {
            at,
            by: format!("import:{import}"),
            request_id: None,
            action: action.into(),
            changes: Vec::new(),
        };
        let made = self.user.import.into_iter();
        let made = made.map(|(import, _)| line(import, self.user.created_at, AccountAction::Created));
        let changes = self.import_changes.iter();
        made.chain(changes.map(|(import, at)| line(*import, *at, AccountAction::Changed)))
            .collect()
    }

    /// Returns whether nothing has changed the account since an import made it or changed it last.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.user.version == self.marked_version
    }

    /// Returns the account as one that is as an import has left it.
    fn marked(mut self) -> Self {
        self.record.marked_version = self.record.user.version;
        self
    }

    /// Returns the account with what an earlier run of `import` has made of it as the work of one that knows of
    /// `number` takeovers.
    pub(super) fn adopted(&self, import: ImportId, number: u64) -> Self {
        let of_import = |mark: Option<(ImportId, u64)>| mark.is_some_and(|(id, _)| id == import);
        let adopted = self.changed(|record| {
            if of_import(record.user.import) {
                record.import_run = number;
            }
            if of_import(record.changed_by) {
                record.changed_by_run = number;
            }
        });
        // Nothing of it has changed, although its version has.
        if self.is_untouched() {
            adopted.marked()
        } else {
            adopted
        }
    }

    /// Returns the account without any token issued until `now`, nor until any earlier end of its tokens.
    #[must_use]
    pub fn without_tokens(&self, now: Timestamp) -> Self {
        self.changed(|record| {
            // A token issued after an end is a millisecond younger than it, also where the clock is behind.
            let last = record
                .tokens_valid_after
                .map(|after| after.plus(Duration::from_millis(1)));
            record.tokens_valid_after = last.max(Some(now));
        })
    }

    /// Returns the account with `subject` bound to it.
    #[must_use]
    pub fn bound(&self, subject: SubjectId) -> Self {
        self.changed(|record| record.subject = Some(subject))
    }

    /// Returns the account after `patch`, whose address is proven if it is `vouched` for.
    fn applied(&self, patch: UserPatch, vouched: bool, now: Timestamp) -> Result<Self, Error> {
        let address_unproven = self.address_unproven && !vouched;
        let email = patch.email.as_ref().unwrap_or(&self.user.email);
        let slot = Slot::of(email);
        let mut addresses = self.addresses.clone();
        if self.address_unproven && vouched {
            addresses.retain(|kept| *kept == slot);
        }
        if slot != self.user.id.slot() && !addresses.contains(&slot) {
            if addresses.len() == Self::MAX_ADDRESSES {
                return Err(Error::conflict(
                    "the account keeps as many former addresses as it can; use one of them",
                ));
            }
            addresses.push(slot);
        }
        let pending = patch.pending_email.applied_to(self.user.pending_email.as_ref());
        let pending = if address_unproven {
            // Nobody has vouched for the address, so it goes on waiting for that.
            pending.or_else(|| Some(email.clone()))
        } else {
            pending.filter(|pending| pending != email)
        };
        let patch = UserPatch {
            pending_email: pending.map_or(Change::Clear, Change::Set),
            ..patch
        };
        let user = self.user.patched(patch, now);
        Ok(self.changed(|record| {
            record.user = user;
            record.addresses = addresses;
            record.address_unproven = address_unproven;
        }))
    }

    /// Returns the account after `change`, with the next version if that changed anything.
    fn changed(&self, change: impl FnOnce(&mut AccountRecord)) -> Self {
        let mut record = self.record.clone();
        change(&mut record);
        let same = record == self.record && record.user.is_spelled_like(&self.user);
        record.user.version = self.user.version + u64::from(!same);
        Self { record }
    }
}

#[cfg(test)]
mod tests;
