//! Who asks: from a bearer token to a [`Caller`] whose record was read for this very request.

pub mod endpoints;
mod fetch;
pub mod issuer;
pub mod jwt;
pub mod keys;
mod proof;
mod verifier;

use errors::Error;
use lambda_http::Request;
use lambda_http::http::header::AUTHORIZATION;
use roster::{AccountAction, Right, Roles, User, UserId, assignable, rights};
use table::{
    Account, Credential, HistoryStore, Holder, Replaced, Table, Token, TokenRecord, UserStore, holder,
    slot_key,
};

use crate::audit::{AccountAct, Actor};
use crate::{clock, http};
use issuer::Issuer;
use jwt::Identity;
use proof::Proofs;
use verifier::Verifier;

/// Authenticates requests.
#[derive(Clone, Debug)]
pub struct Auth {
    table: Table,
    users: UserStore,
    history: HistoryStore,
    verifier: Option<Verifier>,
    proofs: Proofs,
}

/// The sender of a request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The caller's record as it stands now.
    pub user: User,
    /// What was presented.
    pub credential: Credential,
    /// The id of the request, for the log.
    pub request_id: String,
}

impl Auth {
    /// Reads tokens and users from `table`, takes the tokens of `issuer`, if there is one, and notes in `history` what
    /// they change.
    #[must_use]
    pub fn new(table: Table, history: HistoryStore, issuer: Option<Issuer>) -> Self {
        Self {
            users: UserStore::new(table.clone()),
            history,
            verifier: issuer.map(|issuer| Verifier::new(issuer, table.limits())),
            proofs: Proofs::default(),
            table,
        }
    }

    /// The caller of `request`.
    ///
    /// # Errors
    ///
    /// As [`Auth::caller_and`].
    pub async fn caller(&self, request: &Request) -> Result<Caller, Error> {
        Ok(self.caller_and(request, None).await?.0)
    }

    /// The caller of `request` and the account it is about, read in one call.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] unless exactly one valid token of an enabled user was sent,
    /// [`Error::Unavailable`] if the issuer's keys cannot be had.
    pub async fn caller_and(
        &self,
        request: &Request,
        about: Option<UserId>,
    ) -> Result<(Caller, Option<Account>), Error> {
        let refused = || Error::Unauthenticated { presented: true };
        let issuer = Actor::issuer(http::request_id(request));
        let (credential, user, identity) = self.credential(presented(request)?, &issuer).await?;
        let mut keys = vec![credential.key(), slot_key(user.slot())];
        if let Some(about) = about.filter(|about| about.slot() != user.slot()) {
            keys.push(slot_key(about.slot()));
        }
        let mut record = None;
        let mut caller = None;
        let mut target = None;
        for item in self.table.batch_get(keys, "read a caller").await? {
            if item.contains_key("userId") {
                record = Some(TokenRecord::of(item)?);
            } else if let Holder::Account(account) = holder(item)? {
                if account.user.id == user {
                    caller = Some((*account).clone());
                }
                if Some(account.user.id) == about {
                    target = Some(*account);
                }
            }
        }

        let mut account = caller.ok_or_else(refused)?;
        if !is_in_force(&account, identity.as_ref(), record) {
            return Err(refused());
        }
        if let Some(identity) = &identity {
            let stores = (&self.users, &self.history);
            // Boxed, because few requests come to it, and unboxed it makes the future of every request large.
            account = Box::pin(self.proofs.settle(stores, account, identity, &issuer)).await?;
            target = target.map(|target| {
                if target.user.id == user {
                    account.clone()
                } else {
                    target
                }
            });
        }
        let caller = Caller {
            user: account.into_user(),
            credential,
            request_id: http::request_id(request).to_owned(),
        };
        Ok((caller, target))
    }

    /// Reads a bearer token: whom it signs in, and what an issuer says in it.
    async fn credential(
        &self,
        text: &str,
        issuer: &Actor<'_>,
    ) -> Result<(Credential, UserId, Option<Identity>), Error> {
        let refused = || Error::Unauthenticated { presented: true };
        if let Ok(token) = text.parse::<Token>() {
            let user = token.user();
            return Ok((Credential::Token(token), user, None));
        }
        let verifier = self.verifier.as_ref().ok_or_else(refused)?;
        let identity = verifier.identity(text, clock::now()).await?;
        // Boxed, as the proof above.
        let user = Box::pin(self.signs_in_as(&identity, issuer))
            .await?
            .ok_or_else(refused)?;
        let credential = Credential::Issued {
            user,
            hash: identity.hash,
            expires_at: identity.expires_at,
        };
        Ok((credential, user, Some(identity)))
    }

    /// The account that an issuer's subject signs in as: the one it is bound to, or the one that this
    /// first sign-in binds it to.
    async fn signs_in_as(&self, identity: &Identity, issuer: &Actor<'_>) -> Result<Option<UserId>, Error> {
        let subject = identity.subject;
        let mut tries = self.table.tries("bind an account");
        loop {
            if let Some(user) = self.users.find_by_subject(subject).await? {
                return Ok(Some(user));
            }
            let Some(email) = &identity.email else {
                return Ok(None);
            };
            let Some(account) = self.users.find_by_email(email).await? else {
                return Ok(None);
            };
            if account.subject == Some(subject) {
                // Another first sign-in was faster.
                return Ok(Some(account.user.id));
            }
            if !account.user.email.is_written_like(email) || !is_bindable(&account, identity) {
                return Ok(None);
            }
            let bound = account.bound(subject);
            let act = AccountAct::new(issuer, AccountAction::SignedInFirst, &bound.user);
            let line = act.noted_in(&self.history)?;
            if self.users.replace(&account, &bound, vec![line]).await? == Replaced::Done {
                act.log();
                return Ok(Some(bound.user.id));
            }
            tries.again().await?;
        }
    }
}

/// Returns whether the token of `account`, its caller, is in force. `identity` is what an issuer's token says, and
/// `record` what is stored of the token: of our own that it is in force, of an issuer's that it was revoked.
fn is_in_force(account: &Account, identity: Option<&Identity>, record: Option<TokenRecord>) -> bool {
    let issued_at = match (identity, record) {
        (None, Some(record)) => {
            (record.user == account.user.id && record.expires_at > clock::now()).then_some(record.created_at)
        }
        (Some(identity), None) => (account.subject == Some(identity.subject)).then_some(identity.issued_at),
        _ => None,
    };
    account.user.enabled
        && issued_at.is_some_and(|issued_at| account.tokens_valid_after.is_none_or(|after| issued_at > after))
}

/// Returns whether the first sign-in of `identity`, whose address the account has, may bind it.
fn is_bindable(account: &Account, identity: &Identity) -> bool {
    account.subject.is_none()
        && account.user.enabled
        && !account.user.is_reserved_to_admins()
        && account
            .tokens_valid_after
            .is_none_or(|after| identity.issued_at > after)
}

/// The token of the one `Authorization: Bearer` header (RFC 6750, 2.1).
fn presented(request: &Request) -> Result<&str, Error> {
    let mut headers = request.headers().get_all(AUTHORIZATION).iter();
    let Some(first) = headers.next() else {
        return Err(Error::Unauthenticated { presented: false });
    };
    let refused = || Error::Unauthenticated { presented: true };
    if headers.next().is_some() {
        return Err(refused());
    }
    let text = first.to_str().map_err(|_| refused())?;
    let (scheme, token) = text.trim().split_once(' ').ok_or_else(refused)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(refused());
    }
    Ok(token.trim())
}

impl Caller {
    /// Returns the caller as the audit log has it.
    #[must_use]
    pub fn actor(&self) -> Actor<'_> {
        Actor::user(self.user.id, &self.request_id)
    }

    /// Checks that one of the caller's roles gives `right`.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`].
    pub fn require(&self, right: Right) -> Result<(), Error> {
        if rights(self.user.roles).contains(&right) {
            Ok(())
        } else {
            Err(Error::Forbidden("your roles do not allow this"))
        }
    }

    /// Checks that the caller may do everything on `user`.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`].
    pub fn may_manage(&self, user: &User) -> Result<(), Error> {
        self.require(Right::ManageUsers)?;
        if user.is_reserved_to_admins() {
            self.require(Right::ManageAdmins)?;
        }
        Ok(())
    }

    /// Checks that the caller may turn `old`, an account to manage or the caller's own, into `new`.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] if it would give what is not the caller's to give, [`Error::Conflict`] if
    /// callers would disable or demote themselves.
    pub fn may_change(&self, old: &User, new: &User) -> Result<(), Error> {
        let rights_of = |user: &User| {
            (
                user.roles,
                user.later_roles.clone(),
                user.enabled,
                user.account_type.clone(),
            )
        };
        if rights_of(old) != rights_of(new) {
            self.may_manage(old)?;
            self.may_manage(new)?;
        }
        let admin = |user: &User| {
            Roles::ADMIN
                .iter()
                .filter(|role| user.roles.contains(*role))
                .collect()
        };
        let (had, has): (Roles, Roles) = (admin(old), admin(new));
        if self.user.id == old.id && !(new.enabled && has.is_superset(had)) {
            return Err(Error::conflict("you cannot disable or demote your own account"));
        }
        Ok(())
    }

    /// Checks that the caller may delete `user`.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], and [`Error::Conflict`] if it is the caller.
    pub fn may_delete(&self, user: &User) -> Result<(), Error> {
        self.may_manage(user)?;
        if self.user.id == user.id {
            return Err(Error::conflict("you cannot delete your own account"));
        }
        Ok(())
    }

    /// Returns whether the caller may see and do everything on imports, also on those of system administrators.
    #[must_use]
    pub fn sees_every_import(&self) -> bool {
        self.require(Right::ManageAdmins).is_ok()
    }

    /// The roles that the caller may give to a new account.
    #[must_use]
    pub fn assignable(&self) -> Roles {
        assignable(self.user.roles)
    }
}

#[cfg(test)]
mod tests;
