//! What is done to one account, whoever asks for it: its own route, a bulk request, its owner, or an operator.
//!
//! Every change is decided on the record as it stands and stored only if it still stands so. If it
//! does not, it is read and decided again, rights included, so that no writer loses another's change.

use std::time::Duration;

use errors::{Error, Tries};
use roster::{
    AccountAction, Code, Given, MemberChange, NewUser, RequestMark, Right, Timestamp, User, UserDraft,
    UserPatch, UserView, Violation,
};
use table::{Account, NewToken, Replaced, Token, WhenFull};

use crate::audit::{AccountAct, Actor};
use crate::auth::Caller;
use crate::http::json::Object;
use crate::{App, clock};

/// How long an access token is in force if nobody says how long: a working day.
pub const TOKEN_LIFETIME: Duration = Duration::from_hours(12);

/// The members that the service gives.
pub(crate) const READ_ONLY: [&str; 5] = ["id", "createdAt", "modifiedAt", "importId", "importLine"];

/// Stores the account that `new` describes and gives it. If an earlier try of `request` has stored it, it is
/// that one, as it is by now.
///
/// # Errors
///
/// [`Error::Conflict`] if its address is taken.
pub async fn create(app: &App, actor: &Actor<'_>, new: NewUser, request: RequestMark) -> Result<User, Error> {
    let user = User::new(new, clock::now(), None);
    let line = AccountAct::created(actor, &user).noted_in(&app.history)?;
    let earlier = app.users.insert(&user, request, vec![line]).await?;
    let user = earlier.unwrap_or(user);
    // Again for an earlier try's user, because that try may have died before it was logged.
    AccountAct::created(actor, &user).log();
    Ok(user)
}

/// Issues an access token for the user of `account`. Gives the token, which cannot be read again, and when it ends.
///
/// # Errors
///
/// [`Error::Conflict`] if the user has as many tokens in force as the deployment allows, unless the oldest ones are
/// to be ended.
pub async fn issue_token(
    app: &App,
    actor: &Actor<'_>,
    account: &Account,
    lifetime: Duration,
    when_full: WhenFull,
) -> Result<(Token, Timestamp), Error> {
    let user = account.user.id;
    use_account(app, account.clone()).await?;
    let now = clock::now();
    // Tokens that were issued up to then are void.
    let void = account.tokens_valid_after;
    let issued_at = void.map_or(now, |void| now.max(void.plus(Duration::from_millis(1))));
    let expires_at = issued_at.plus(lifetime);
    let token = Token::random(user)?;
    let act = AccountAct::new(actor, AccountAction::TokenIssued, &account.user);
    let new = NewToken {
        token: &token,
        issued_at,
        expires_at,
        void,
        more: &[act.noted_in(&app.history)?],
    };
    app.tokens
        .issue(new, app.config.tokens_per_user, when_full)
        .await?;
    act.log();
    Ok((token, expires_at))
}

/// Notes that `account` is in use, before it gets its first contact or its first token: an import that made it cannot
/// delete it any more by being taken back.
///
/// # Errors
///
/// [`Error::NotFound`] if the account was deleted meanwhile.
pub async fn use_account(app: &App, mut account: Account) -> Result<(), Error> {
    let mut tries = app.config.limits.tries("note that a user is in use");
    while let Some(used) = account.in_use() {
        if app.users.replace(&account, &used, Vec::new()).await? == Replaced::Done {
            return Ok(());
        }
        account = again(app, &account, &mut tries).await?;
    }
    Ok(())
}

/// The account's members in `body`, unread.
pub fn draft(body: &mut Object) -> UserDraft<'static> {
    UserDraft::of(|member| body.take(member.name()))
}

/// A fault for each member of `body` that is none of the account's, or that only the service gives and
/// that is not as `present` has it.
///
/// # Errors
///
/// [`Error::Internal`] if `present` cannot be written as JSON.
pub fn foreign_members(body: Object, present: Option<&User>) -> Result<Vec<Violation>, Error> {
    body.foreign_members(&READ_ONLY, &present.map(UserView::from))
}

/// Returns `account` after the change that `body` asks for, as an administrator's: `email` becomes the address.
///
/// # Errors
///
/// [`Error::Invalid`] with every fault of the body, [`Error::Forbidden`] and [`Error::Conflict`] as
/// [`Caller::may_change`] and [`Account::patched`] say.
pub fn patched(caller: &Caller, account: &Account, body: Object) -> Result<Account, Error> {
    let patch = patch(account, body, |_| Vec::new())?;
    allowed(caller, account, account.patched(patch, clock::now())?)
}

/// Returns `account`, which is the caller's own, after the change that `body` asks for, as its owner's: another
/// `email` becomes the pending address.
///
/// # Errors
///
/// As [`patched`], and [`Error::Invalid`] for a value that only administrators of users may change.
pub fn patched_by_owner(caller: &Caller, account: &Account, body: Object) -> Result<Account, Error> {
    let manages = caller.require(Right::ManageUsers).is_ok();
    let patch = patch(account, body, |draft| {
        if manages {
            Vec::new()
        } else {
            changed_references(&account.user, draft)
        }
    })?;
    allowed(caller, account, account.patched_by_owner(patch, clock::now())?)
}

/// Reads the change that `body` asks for. `objections` gives further faults of it.
fn patch(
    account: &Account,
    mut body: Object,
    objections: impl FnOnce(&UserDraft<'_>) -> Vec<Violation>,
) -> Result<UserPatch, Error> {
    let draft = draft(&mut body);
    let pending_email = body.take("pendingEmail");
    let mut faults = objections(&draft);
    faults.extend(foreign_members(body, Some(&account.user))?);
    Violation::unless(faults, draft.parse_patch(&pending_email, &account.user)).map_err(Error::Invalid)
}

/// Returns a fault for each of the references by which other systems know the account that `draft` changes.
fn changed_references(user: &User, draft: &UserDraft<'_>) -> Vec<Violation> {
    let references = UserDraft {
        plan_id: draft.plan_id.clone(),
        external_user_id: draft.external_user_id.clone(),
        ..UserDraft::default()
    };
    // A malformed value is a fault already.
    let Ok(patch) = references.parse_patch(&Given::Absent, user) else {
        return Vec::new();
    };
    let changes = user.differences(&user.patched(patch, user.modified_at));
    let detail = "can only be changed by an administrator; leave it out or send its present value";
    let fault = |change: MemberChange| Violation::new(change.member, Code::ReadOnly, detail);
    changes.into_iter().map(fault).collect()
}

/// Returns `account`, enabled or disabled.
///
/// # Errors
///
/// As [`Caller::may_change`] says.
pub fn enabled(caller: &Caller, account: &Account, enabled: bool) -> Result<Account, Error> {
    let patch = UserPatch {
        enabled: Some(enabled),
        ..UserPatch::default()
    };
    allowed(caller, account, account.patched(patch, clock::now())?)
}

/// Returns `new`, if the caller may turn `account` into it.
fn allowed(caller: &Caller, account: &Account, new: Account) -> Result<Account, Error> {
    caller.may_change(&account.user, &new.user)?;
    Ok(new)
}

/// Returns `account` without any token issued so far.
#[must_use]
pub fn expired(account: &Account) -> Account {
    account.without_tokens(clock::now())
}

/// Stores what `decide` makes of `account`, which was read for this request, and gives it.
///
/// `decide` sees the account again whenever another writer was faster; it must check all that depends
/// on the account, rights and preconditions included. What keeps its version is not stored.
///
/// # Errors
///
/// What `decide` says; [`Error::NotFound`] if the account was deleted meanwhile; [`Error::Conflict`] if
/// no system administrator would be left or the new address is taken.
pub async fn change(
    app: &App,
    actor: &Actor<'_>,
    mut account: Account,
    decide: impl Fn(&Account) -> Result<Account, Error>,
) -> Result<Account, Error> {
    let mut tries = app.config.limits.tries("change a user");
    loop {
        let changed = decide(&account)?;
        if changed.user.version == account.user.version {
            return Ok(account);
        }
        let act = AccountAct::changed(actor, &account, &changed);
        let line = act.noted_in(&app.history)?;
        match app.users.replace(&account, &changed, vec![line]).await? {
            Replaced::Done => {
                act.log();
                return Ok(changed);
            }
            Replaced::LastAdmin => return Err(last_admin()),
            Replaced::Stale => account = again(app, &account, &mut tries).await?,
        }
    }
}

/// Deletes `account`, which was read for this request, with all that hangs on it, and gives the number
/// of its contacts. Its tokens are void because they name an id that is gone.
///
/// The contacts go after the account. If that is cut off, nobody can see the rest, and
/// [`ContactStore::finish_deletions`](table::ContactStore::finish_deletions) removes it.
///
/// `check` sees the account again whenever another writer was faster.
///
/// # Errors
///
/// What `check` says; [`Error::NotFound`] if the account was deleted meanwhile; [`Error::Conflict`] if
/// no system administrator would be left.
pub async fn delete(
    app: &App,
    actor: &Actor<'_>,
    mut account: Account,
    check: impl Fn(&Account) -> Result<(), Error>,
) -> Result<u64, Error> {
    let mut tries = app.config.limits.tries("delete a user");
    loop {
        check(&account)?;
        let id = account.user.id;
        let contacts = app.contacts.pending_deletion(id, clock::now())?;
        let act = AccountAct::new(actor, AccountAction::Deleted, &account.user);
        let line = app.history.ending(&account, &act.line())?;
        match app.users.delete(&account, vec![contacts, line]).await? {
            Replaced::Done => {
                act.log();
                return app.contacts.delete_all(id).await;
            }
            Replaced::LastAdmin => return Err(last_admin()),
            Replaced::Stale => account = again(app, &account, &mut tries).await?,
        }
    }
}

/// The account as it stands now, after a pause that lets the faster writers pass.
async fn again(app: &App, account: &Account, tries: &mut Tries) -> Result<Account, Error> {
    tries.again().await?;
    app.users
        .find(account.user.id)
        .await?
        .ok_or(Error::NotFound("the user"))
}

fn last_admin() -> Error {
    Error::conflict("this is the last enabled system administrator")
}
