//! What is done to accounts.

use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use utoipa::ToSchema;

/// What was done to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AccountAction {
    /// It was made.
    Created,
    /// Members of it were changed.
    Changed,
    /// It was enabled, and nothing else.
    Enabled,
    /// It was disabled, and nothing else.
    Disabled,
    /// All its access tokens were ended.
    TokensExpired,
    /// An access token was issued for its user.
    TokenIssued,
    /// An issuer's subject signed in as its user for the first time.
    SignedInFirst,
    /// It was deleted.
    Deleted,
    /// What an import had done to it was taken back.
    Undone,
}

impl AccountAction {
    /// Returns the word for the action in the log and in histories.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::TokensExpired => "tokens_expired",
            Self::TokenIssued => "token_issued",
            Self::SignedInFirst => "signed_in_first",
            Self::Deleted => "deleted",
            Self::Undone => "undone",
        }
    }
}
