//! What runs wrote after they had lost their import, taken back or counted.
//!
//! A batch of inserts has no condition on the import, and no look at the lease before a call helps a process
//! that is suspended after the look. So a late insert is not prevented but found: a run that takes an import over
//! notes where the other run may still write ([`ImportStore::note_late`](crate::ImportStore::note_late)), and so
//! does that run when it learns that it lost. Until the run cannot write any more, each sweep looks there for
//! accounts whose run did not know of the takeover ([`table::Takeovers`]).
//!
//! - An account that was made late and that nobody has touched is deleted; nobody has counted it. One that somebody
//!   changed, deleted or signed in to was counted at that moment and no longer names the import.
//! - A change that came late moved the counters of users itself. It stays, and is counted with the import once that
//!   is finished.

use errors::Error;
use roster::{ImportId, Slot, Timestamp};
use service::clock;
use table::{Account, Replaced};

use crate::Intake;
use crate::record::Import;
use crate::store::LateWrites;

/// Slots of one look: as many as one call can read.
const LOOK: usize = 100;

/// What became of late writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Late {
    /// Accounts that were deleted again.
    pub taken_back: u64,
    /// Changes that were counted.
    pub counted: u64,
}

/// Looks for late writes wherever there may be some.
///
/// # Errors
///
/// If storage fails. What is noted elsewhere is looked at nevertheless, and the next call does the rest.
pub async fn settle_late(app: &Intake, now: Timestamp) -> Result<Late, Error> {
    let mut settled = Late::default();
    let mut failure = None;
    for late in app.imports.late().await? {
        match settle_one(app, &late, now).await {
            Ok(Late { taken_back, counted }) => {
                settled.taken_back += taken_back;
                settled.counted += counted;
            }
            Err(error) => failure = Some(error),
        }
    }
    failure.map_or(Ok(settled), Err)
}

async fn settle_one(app: &Intake, late: &LateWrites, now: Timestamp) -> Result<Late, Error> {
    let mut settled = Late::default();
    let import = app.imports.find(late.import, Timestamp::from_millis(0)).await?;
    // An import that has expired long before its run could write is gone with all that it made.
    if let Some(import) = &import {
        for slots in late.slots.chunks(LOOK) {
            for account in accounts(app, slots).await? {
                settled.taken_back += u64::from(take_back(app, import, &account).await?);
                settled.counted += u64::from(count(app, import, &account).await?);
            }
        }
    }
    let is_final = import.is_none_or(|import| import.is_final());
    // Decided by the time before the look: what arrives after that is not in it.
    if late.until < now && is_final {
        app.imports.forget_late(late).await?;
    }
    Ok(settled)
}

/// Returns the accounts that `slots` are kept for, each once.
async fn accounts(app: &Intake, slots: &[Slot]) -> Result<Vec<Account>, Error> {
    let holders = app.users.holders(slots.iter().copied()).await?;
    let mut found: Vec<_> = holders.into_values().collect();
    found.sort_unstable_by_key(|account| account.user.id);
    found.dedup_by_key(|account| account.user.id);
    Ok(found)
}

fn lost(import: &Import, mark: Option<(ImportId, u64)>, run: u64) -> bool {
    mark.is_some_and(|(id, line)| id == import.id && import.takeovers.lost(line, run))
}

/// Deletes `account` if `import` made it late. Its run, or a successor that goes on, may make it again; then
/// that one counts it.
async fn take_back(app: &Intake, import: &Import, account: &Account) -> Result<bool, Error> {
    // The first change of it has counted it.
    if account.user.version > 0 || !lost(import, account.user.import, account.import_run) {
        return Ok(false);
    }
    let id = account.user.id;
    let contacts = app.contacts.pending_deletion(id, clock::now())?;
    if app.users.take_back(account, vec![contacts]).await? != Replaced::Done {
        return Ok(false);
    }
    app.contacts.delete_all(id).await?;
    tracing::warn!(import.id = %import.id, user.id = %id, "took back a user that was made late");
    Ok(true)
}

/// Counts the change of `account` if `import` made it late.
async fn count(app: &Intake, import: &Import, account: &Account) -> Result<bool, Error> {
    // A run that goes on counts what it finds itself.
    if !import.is_final() || !lost(import, account.changed_by, account.changed_by_run) {
        return Ok(false);
    }
    app.imports.count_late_change(import, account, &app.users).await
}
