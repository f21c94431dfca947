//! Who keeps an account's credentials.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use utoipa::ToSchema;

use super::{Code, invisible::trimmed};

/// The party that keeps an account's credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum AccountType {
    /// This service.
    #[default]
    Local,
    /// An identity provider outside.
    External,
    /// A directory.
    Ldap,
}

impl AccountType {
    /// Every account type.
    pub const ALL: [Self; 3] = [Self::Local, Self::External, Self::Ldap];

    /// The account type's name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "LOCAL",
            Self::External => "EXTERNAL",
            Self::Ldap => "LDAP",
        }
    }

    /// Returns the account type that was most likely meant by a text that JSON does not take.
    ///
    /// ```
    /// # use roster::AccountType;
    /// assert_eq!(AccountType::suggestion(" ldap ").as_deref(), Some("LDAP"));
    /// assert_eq!(AccountType::suggestion("cloud"), None);
    /// ```
    #[must_use]
    pub fn suggestion(text: &str) -> Option<String> {
        Self::from_label(text).map(|kind| kind.as_str().to_owned())
    }

    /// The account type that a person wrote into a file: without regard to case or white space around it.
    #[must_use]
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(trimmed(label)))
    }
}

impl FromStr for AccountType {
    type Err = UnknownAccountType;

    fn from_str(text: &str) -> Result<Self, UnknownAccountType> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownAccountType)
    }
}

/// The text names no account type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not one of LOCAL, EXTERNAL and LDAP")]
pub struct UnknownAccountType;

impl From<UnknownAccountType> for Code {
    fn from(_: UnknownAccountType) -> Self {
        Self::InvalidFormat
    }
}
