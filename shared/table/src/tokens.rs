//! Access tokens, kept as hashes.

mod record;

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use errors::{Error, failed};
use roster::{Timestamp, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::table::{from_item, to_item};
use super::{Item, Key, Table};

pub use record::{NewToken, WhenFull};

const SK: &str = "T";
/// Bytes of the secret part: 256 bits cannot be guessed.
const SECRET: usize = 32;

/// An access token of this service: the id of its user, a point, and a secret.
///
/// The id stands in clear so that the token, its user and the user a request is about can be read in
/// one call. It proves nothing: only the hash of the whole token does.
#[derive(Clone)]
pub struct Token {
    user: UserId,
    text: String,
}

impl Token {
    /// A new token for `user`.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the operating system has no random numbers.
    pub fn random(user: UserId) -> Result<Self, Error> {
        let mut secret = [0; SECRET];
        getrandom::fill(&mut secret).map_err(|error| Error::internal("make a token", error.to_string()))?;
        let text = format!("{user}.{}", BASE64URL_NOPAD.encode(&secret));
        Ok(Self { user, text })
    }

    /// The user it says it is for.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.user
    }

    /// The token itself, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// Where its record is kept.
    #[must_use]
    pub fn key(&self) -> Key {
        key(&Sha256::digest(&self.text))
    }
}

impl FromStr for Token {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (user, secret) = text.split_once('.').ok_or(())?;
        let decoded = BASE64URL_NOPAD.decode(secret.as_bytes()).map_err(|_| ())?;
        if decoded.len() != SECRET {
            return Err(());
        }
        Ok(Self {
            user: user.parse().map_err(|_| ())?,
            text: text.to_owned(),
        })
    }
}

/// What a caller presented, in the form in which storage knows of it.
#[derive(Clone, Debug)]
pub enum Credential {
    /// An access token of this service: kept while it is in force.
    Token(Token),
    /// A token of the issuer: kept from its revocation to its end.
    Issued {
        /// The user it signs in as.
        user: UserId,
        /// The SHA-256 of what is signed in it.
        hash: [u8; 32],
        /// When it is refused anyhow.
        expires_at: Timestamp,
    },
}

impl Credential {
    /// The user it is for.
    #[must_use]
    pub fn user(&self) -> UserId {
        match self {
            Self::Token(token) => token.user,
            Self::Issued { user, .. } => *user,
        }
    }

    /// Where storage reports it.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::Token(token) => token.key(),
            Self::Issued { hash, .. } => key(hash),
        }
    }
}

fn key(hash: &[u8]) -> Key {
    Key::new(format!("T#{}", HEXLOWER.encode(hash)), SK)
}

/// Shows no part of the token.
impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token")
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenItem {
    user_id: UserId,
    created_at: u64,
    /// In seconds: DynamoDB deletes the item then.
    expires_at: u64,
}

/// What is known of a token that was found.
#[derive(Clone, Debug)]
pub struct TokenRecord {
    /// The user it was issued for.
    pub user: UserId,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it ends. Storage deletes late, so readers compare.
    pub expires_at: Timestamp,
}

impl TokenRecord {
    /// The record that `item` holds.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the item is not a token's.
    pub fn of(item: Item) -> Result<Self, Error> {
        let TokenItem {
            user_id,
            created_at,
            expires_at,
        } = from_item(item, "read a token")?;
        Ok(Self {
            user: user_id,
            created_at: Timestamp::from_millis(created_at),
            expires_at: Timestamp::from_millis(expires_at.saturating_mul(1000)),
        })
    }
}

/// The access tokens.
#[derive(Clone, Debug)]
pub struct TokenStore {
    table: Table,
}

impl TokenStore {
    /// The tokens kept in `table`.
    #[must_use]
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Ends what was presented. Ending it again does nothing.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn revoke(&self, credential: &Credential, now: Timestamp) -> Result<(), Error> {
        let doing = "revoke a token";
        match credential {
            Credential::Token(token) => {
                self.table
                    .client()
                    .delete_item()
                    .table_name(self.table.name())
                    .set_key(Some(token.key().item()))
                    .send()
                    .await
                    .map_err(|error| failed(doing, error))?;
                Ok(())
            }
            Credential::Issued { user, expires_at, .. } => {
                let record = TokenItem {
                    user_id: *user,
                    created_at: now.millis(),
                    expires_at: expires_at.seconds(),
                };
                self.table
                    .client()
                    .put_item()
                    .table_name(self.table.name())
                    .set_item(Some(to_item(credential.key(), record, doing)?))
                    .send()
                    .await
                    .map_err(|error| failed(doing, error))?;
                Ok(())
            }
        }
    }
}
