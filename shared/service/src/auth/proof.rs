//! Pending addresses that an issuer proves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use errors::Error;
use roster::{Timestamp, UserId};
use table::{Account, HistoryStore, Replaced, UserStore};

use super::jwt::Identity;
use crate::audit::{AccountAct, Actor};
use crate::clock;

/// How long an account is left alone after its pending address was looked at. While another account has the
/// address, each look is a transaction that fails.
const PAUSE: Duration = Duration::from_mins(1);

/// The most accounts that are remembered: at less than 100 bytes each, 1 MB of the 256 MB that a function has.
const MAX_REMEMBERED: usize = 10_000;

/// The accounts whose pending addresses this process has looked at within the last minute.
#[derive(Clone, Debug, Default)]
pub(super) struct Proofs {
    looked: Arc<Mutex<HashMap<UserId, Timestamp>>>,
}

impl Proofs {
    /// Makes the pending address of `account` its address, if `identity`, which signs in as the account, proves it.
    /// Returns the account as it is by then. `actor` is the issuer.
    ///
    /// If another account has the address, nothing happens, and nothing says so.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub(super) async fn settle(
        &self,
        (users, history): (&UserStore, &HistoryStore),
        account: Account,
        identity: &Identity,
        actor: &Actor<'_>,
    ) -> Result<Account, Error> {
        let now = clock::now();
        let Some(email) = &identity.email else {
            return Ok(account);
        };
        // An account that keeps as many addresses as it can stays as it is, too.
        let Ok(Some(proven)) = account.proven(email, now) else {
            return Ok(account);
        };
        if !self.is_due(account.user.id, now) {
            return Ok(account);
        }
        let act = AccountAct::changed(actor, &account, &proven);
        let line = act.noted_in(history)?;
        match users.replace(&account, &proven, vec![line]).await {
            Ok(Replaced::Done) => {
                act.log();
                Ok(proven)
            }
            // A faster writer's change is seen by the next look.
            Ok(Replaced::Stale | Replaced::LastAdmin) | Err(Error::Conflict { .. }) => Ok(account),
            Err(error) => Err(error),
        }
    }

    /// Returns whether `user` was not looked at within the last minute, and notes that it is `now`.
    fn is_due(&self, user: UserId, now: Timestamp) -> bool {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |at: &Timestamp| now < at.plus(PAUSE);
        if looked.len() >= MAX_REMEMBERED {
            looked.retain(|_, at| is_recent(at));
        }
        if looked.len() >= MAX_REMEMBERED || looked.get(&user).is_some_and(is_recent) {
            return false;
        }
        looked.insert(user, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use roster::Slot;

    use super::*;

    fn user(number: usize) -> UserId {
        let email = format!("u{number}@example.org").parse().unwrap();
        UserId::random(Slot::of(&email))
    }

    #[test]
    fn an_account_is_looked_at_once_a_minute() {
        let proofs = Proofs::default();
        let (ada, bob) = (user(0), user(1));
        let at = |seconds: u64| Timestamp::from_millis(seconds * 1000);

        assert!(proofs.is_due(ada, at(100)));
        assert!(!proofs.is_due(ada, at(159)));
        assert!(proofs.is_due(bob, at(159)));
        assert!(proofs.is_due(ada, at(160)));
        assert!(!proofs.is_due(ada, at(161)));
    }

    #[test]
    fn so_many_accounts_are_remembered_and_no_more() {
        let proofs = Proofs::default();
        let at = Timestamp::from_millis;
        for number in 0..MAX_REMEMBERED {
            assert!(proofs.is_due(user(number), at(0)));
        }

        assert!(!proofs.is_due(user(MAX_REMEMBERED), at(59_999)));
        assert!(proofs.is_due(user(MAX_REMEMBERED), at(60_000)));
        assert_eq!(proofs.looked.lock().unwrap().len(), 1);
    }
}
