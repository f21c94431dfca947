//! What operations are about: generated clients and pages group them by it.

/// The resource that an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// The accounts that an administrator manages.
    Users,
    /// The caller's own account.
    Me,
    /// The caller's contacts.
    Contacts,
    /// Bulk imports of users.
    Imports,
    /// Access tokens.
    Tokens,
    /// Numbers for administrators.
    Dashboard,
    /// The description of the API itself.
    Contract,
}

impl Tag {
    /// Every tag, in the order in which readers need them.
    pub const ALL: [Self; 7] = [
        Self::Users,
        Self::Imports,
        Self::Me,
        Self::Contacts,
        Self::Tokens,
        Self::Dashboard,
        Self::Contract,
    ];

    /// Returns the name, which generators turn into a module or a class.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Me => "me",
            Self::Contacts => "contacts",
            Self::Imports => "imports",
            Self::Tokens => "tokens",
            Self::Dashboard => "dashboard",
            Self::Contract => "contract",
        }
    }

    /// Returns what the operations have in common, in a sentence.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Users => "User accounts, as administrators manage them.",
            Self::Me => "The account of the caller.",
            Self::Contacts => "The contacts of the caller. Nobody else sees them.",
            Self::Imports => {
                "Bulk imports of users from CSV files: their progress, their errors and their rejected rows."
            }
            Self::Tokens => "Access tokens of this service.",
            Self::Dashboard => "Numbers of users.",
            Self::Contract => "This document.",
        }
    }
}
