//! From an issuer's token to what the issuer says of its bearer.

use std::sync::Arc;

use errors::{Error, Limits};
use roster::Timestamp;

use super::issuer::Issuer;
use super::jwt::{Identity, Jwt, Refused};
use super::keys::KeyCache;

/// Tells by an issuer's token who its bearer is.
#[derive(Clone, Debug)]
pub(super) struct Verifier {
    issuer: Arc<Issuer>,
    keys: Arc<KeyCache>,
}

impl Verifier {
    pub(super) fn new(issuer: Issuer, limits: Limits) -> Self {
        Self {
            keys: Arc::new(KeyCache::new(issuer.url.clone(), limits.issuer())),
            issuer: Arc::new(issuer),
        }
    }

    /// Who the issuer says the bearer of `text` is.
    ///
    /// The claims are looked at before the key is, so that only a token that claims to be of this issuer
    /// and in force can make the keys be fetched.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] unless the token is wholly right; [`Error::Unavailable`] if the issuer
    /// cannot be asked for its keys and never could.
    pub(super) async fn identity(&self, text: &str, now: Timestamp) -> Result<Identity, Error> {
        let read = Jwt::parse(text).and_then(|jwt| Ok((jwt.claimed(&self.issuer, now)?, jwt)));
        let (claimed, jwt) = read.map_err(refusal)?;
        let keys = self.keys.with(jwt.kid(), now).await?;
        jwt.signed_by(&keys).map_err(refusal)?;
        Ok(claimed)
    }
}

/// The caller is never told why; the operator is.
fn refusal(refused: Refused) -> Error {
    tracing::info!(reason = %refused, "refused an issuer's token");
    Error::Unauthenticated { presented: true }
}
