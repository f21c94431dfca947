//! The access tokens of one user that are in force, in one record, so that their number has a limit under any race.
//!
//! A token and the user's record are written by one transaction, on the condition that the record is still what was
//! read. The record is looked through only when it is full: it may then name tokens that were revoked. Tokens that
//! were issued before there were records are not in one; they end by themselves within 90 days.

use aws_sdk_dynamodb::types::TransactWriteItem;
use errors::Error;
use roster::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::{SK as TOKEN, Token, TokenItem, TokenStore};
use crate::Key;
use crate::table::{Refused, When, from_item, to_item};

const SK: &str = "V";

/// A token that is to be issued.
#[derive(Clone, Copy, Debug)]
pub struct NewToken<'a> {
    /// The token.
    pub token: &'a Token,
    /// When it is issued.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Earlier tokens of the user that were issued up to then are void.
    pub void: Option<Timestamp>,
    /// What is carried out in the same transaction; it has no conditions.
    pub more: &'a [TransactWriteItem],
}

/// What to do for a user who has as many tokens in force as are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// Refuse to issue another one.
    Refuse,
    /// End the oldest ones.
    EndOldest,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    user_id: UserId,
    /// How often the record was written.
    version: u64,
    tokens: Vec<Entry>,
    /// The end of the token that ends last, in seconds: DynamoDB deletes the item then.
    expires_at: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    /// The partition of the token's own item.
    key: String,
    /// In milliseconds.
    issued_at: u64,
    /// In seconds.
    expires_at: u64,
}

impl Entry {
    fn is_in_force(&self, now: Timestamp, void: Option<Timestamp>) -> bool {
        let is_void = void.is_some_and(|void| self.issued_at <= void.millis());
        self.expires_at > now.seconds() && !is_void
    }
}

impl TokenStore {
    /// The highest limit of tokens in force that a deployment can set. One transaction has at most 100 actions: a
    /// token, the record, the line of the history, and the end of every older token.
    pub const MAX_IN_FORCE: u64 = 90;

    /// Issues `new` if its user then has at most `max` tokens in force, or ends the oldest ones in its favour.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] for a user who has `max` tokens, unless the oldest ones are to be ended.
    pub async fn issue(&self, new: NewToken<'_>, max: usize, when_full: WhenFull) -> Result<(), Error> {
        let doing = "issue a token";
        let user = new.token.user();
        let own = new.token.key();
        let mut tries = self.table.tries(doing);
        loop {
            let stored = self.table.get(record_key(user), doing).await?;
            let stored: Option<Record> = stored.map(|item| from_item(item, doing)).transpose()?;
            let (version, mut tokens) =
                stored.map_or((None, Vec::new()), |record| (Some(record.version), record.tokens));
            if tokens.iter().any(|entry| entry.key == own.pk) {
                // An earlier try was carried out, and its answer lost.
                return Ok(());
            }
            tokens.retain(|entry| entry.is_in_force(new.issued_at, new.void));
            if tokens.len() >= max {
                tokens = self.without_revoked(tokens, doing).await?;
            }
            let surplus = (tokens.len() + 1).saturating_sub(max);
            if surplus > 0 && when_full == WhenFull::Refuse {
                return Err(Error::conflict(format!(
                    "the user has {} access tokens in force, and at most {max} are allowed; end some by \
                     POST /auth/token/revoke, or all by PUT /users/{{userId}}/expire",
                    tokens.len()
                )));
            }
            tokens.sort_by_key(|entry| entry.issued_at);
            let ended: Vec<_> = tokens.drain(..surplus).collect();
            tokens.push(Entry {
                key: own.pk.clone(),
                issued_at: new.issued_at.millis(),
                expires_at: new.expires_at.seconds(),
            });
            match self.write(new, version, tokens, ended).await {
                Ok(()) => return Ok(()),
                Err(Refused::Failed(error)) => return Err(error),
                // Another token was issued for the user, so the record is read again after the faster ones.
                Err(Refused::Condition(_)) => tries.again().await?,
            }
        }
    }

    /// Writes the new token, the record with `tokens`, and the end of the tokens in `ended`, all or nothing.
    async fn write(
        &self,
        new: NewToken<'_>,
        version: Option<u64>,
        tokens: Vec<Entry>,
        ended: Vec<Entry>,
    ) -> Result<(), Refused> {
        let doing = "issue a token";
        let user = new.token.user();
        let token = TokenItem {
            user_id: user,
            created_at: new.issued_at.millis(),
            expires_at: new.expires_at.seconds(),
        };
        let record = Record {
            user_id: user,
            version: version.unwrap_or(0) + 1,
            expires_at: tokens.iter().map(|entry| entry.expires_at).max().unwrap_or(0),
            tokens,
        };
        let unchanged = version.map_or(When::Free, |version| {
            When::Unchanged("userId", user.to_string(), version)
        });
        let mut actions = new.more.to_vec();
        let token = to_item(new.token.key(), token, doing).map_err(Refused::Failed)?;
        let record = to_item(record_key(user), record, doing).map_err(Refused::Failed)?;
        for action in [
            self.table.put(token, When::Always, doing),
            self.table.put(record, unchanged, doing),
        ] {
            actions.push(action.map_err(Refused::Failed)?);
        }
        for entry in ended {
            let key = Key::new(entry.key, TOKEN);
            actions.push(
                self.table
                    .delete(key, When::Always, doing)
                    .map_err(Refused::Failed)?,
            );
        }
        self.table.transact(actions, doing).await
    }

    /// Returns those of `tokens` that are still stored.
    async fn without_revoked(&self, tokens: Vec<Entry>, doing: &'static str) -> Result<Vec<Entry>, Error> {
        let keys = tokens.iter().map(|entry| Key::new(entry.key.clone(), TOKEN));
        let found = self.table.batch_get(keys, doing).await?;
        let is_stored = |entry: &Entry| {
            let stored = found.iter().filter_map(|item| item.get("PK")?.as_s().ok());
            stored.into_iter().any(|key| *key == entry.key)
        };
        Ok(tokens.into_iter().filter(is_stored).collect())
    }
}

fn record_key(user: UserId) -> Key {
    Key::new(format!("V#{user}"), SK)
}
