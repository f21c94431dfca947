//! Who asks: from a bearer token to a [`Caller`] whose record was read for this very request.

mod policy;

use std::str::FromStr;

use lambda_http::Request;
use lambda_http::http::header::AUTHORIZATION;

pub use policy::{Right, rights};

use crate::clock;
use crate::error::Error;
use crate::models::{Role, Roles, User, UserId};
use crate::store::{Account, Holder, Table, Token, TokenRecord, holder, slot_key};

/// Finds out who sent a request.
#[derive(Clone, Debug)]
pub struct Auth {
    table: Table,
}

/// Who sent a request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The caller's record as it stands now.
    pub user: User,
    /// The access token that was presented.
    pub token: Token,
}

impl Auth {
    /// Reads tokens and users from `table`.
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// The caller of `request`.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] unless exactly one valid token of an enabled user was sent.
    pub async fn caller(&self, request: &Request) -> Result<Caller, Error> {
        Ok(self.caller_and(request, None).await?.0)
    }

    /// The caller of `request` and the account it is about, read in one call.
    ///
    /// # Errors
    ///
    /// As [`Auth::caller`].
    pub async fn caller_and(
        &self,
        request: &Request,
        about: Option<UserId>,
    ) -> Result<(Caller, Option<Account>), Error> {
        let token = presented(request)?;
        let refused = || Error::Unauthenticated { presented: true };

        let mut keys = vec![token.key(), slot_key(token.user().slot())];
        if let Some(about) = about.filter(|about| about.slot() != token.user().slot()) {
            keys.push(slot_key(about.slot()));
        }
        let mut record = None;
        let mut caller = None;
        let mut target = None;
        for item in self.table.batch_get(keys, "read a caller").await? {
            if item.contains_key("userId") {
                record = Some(TokenRecord::of(item)?);
            } else if let Holder::Account(account) = holder(item)? {
                if account.user.id == token.user() {
                    caller = Some((*account).clone());
                }
                if Some(account.user.id) == about {
                    target = Some(*account);
                }
            }
        }

        let (Some(record), Some(account)) = (record, caller) else {
            return Err(refused());
        };
        let valid = record.user == account.user.id
            && record.expires_at > clock::now()
            && account
                .tokens_valid_after
                .is_none_or(|after| record.created_at > after)
            && account.user.enabled;
        if !valid {
            return Err(refused());
        }
        let caller = Caller {
            user: account.user,
            token,
        };
        Ok((caller, target))
    }
}

/// The token of the one `Authorization: Bearer` header (RFC 6750, 2.1).
fn presented(request: &Request) -> Result<Token, Error> {
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
    Token::from_str(token.trim()).map_err(|()| refused())
}

impl Caller {
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
        if user.roles.intersects(Roles::ADMIN) {
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
        if (old.roles, old.enabled, old.account_type) != (new.roles, new.enabled, new.account_type) {
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
            return Err(Error::conflict("nobody disables or demotes themselves"));
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
            return Err(Error::conflict("nobody deletes themselves"));
        }
        Ok(())
    }

    /// The roles that the caller may give to a new account.
    #[must_use]
    pub fn assignable(&self) -> Roles {
        assignable(self.user.roles)
    }
}

/// The roles that a holder of `roles` may give to a new account. `ROLE_ADHOC_COLLABORATOR` never is
/// among them.
#[must_use]
pub fn assignable(roles: Roles) -> Roles {
    let rights = rights(roles);
    Role::ALL
        .into_iter()
        .filter(|role| match role {
            Role::SystemAdmin | Role::UserAdmin => rights.contains(&Right::ManageAdmins),
            Role::Originator | Role::Collaborator => rights.contains(&Right::ManageUsers),
            Role::AdhocCollaborator => false,
        })
        .collect()
}
