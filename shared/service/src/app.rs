//! What a function holds between requests: its settings and its stores.

use table::{ContactStore, HistoryStore, ReplayStore, Table, TokenStore, UserStore};

use crate::auth::Auth;
use crate::config::Config;

/// Why a function cannot start.
pub use lambda_http::Error as StartError;

/// Everything a handler needs, made once at cold start. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// What the deployment decided.
    pub config: Config,
    /// Authenticates requests.
    pub auth: Auth,
    /// The user accounts.
    pub users: UserStore,
    /// The access tokens.
    pub tokens: TokenStore,
    /// Who did what to each account.
    pub history: HistoryStore,
    /// Each user's own contacts.
    pub contacts: ContactStore,
    /// The answers that are kept to be given again.
    pub replays: ReplayStore,
    /// The table that holds all of them, for the stores of other crates.
    pub table: Table,
}

impl App {
    /// Returns an app over the given client, which gets the time limits of `config`.
    #[must_use]
    pub fn new(config: Config, dynamodb: &aws_sdk_dynamodb::Client) -> Self {
        let table =
            Table::new(dynamodb, config.table.clone(), config.limits).listing_users(config.users_in_listing);
        Self::over(config, table)
    }

    /// Returns the same app for work without a caller who waits: it tries longer where storage is busy.
    #[must_use]
    pub fn patient(&self) -> Self {
        let limits = self.config.limits.patient();
        let config = Config {
            limits,
            ..self.config.clone()
        };
        Self::over(config, self.table.clone().within(limits))
    }

    fn over(config: Config, table: Table) -> Self {
        let history = HistoryStore::new(table.clone(), config.history_retention);
        Self {
            auth: Auth::new(table.clone(), history.clone(), config.issuer.clone()),
            history,
            users: UserStore::new(table.clone()),
            tokens: TokenStore::new(table.clone()),
            contacts: ContactStore::new(table.clone()),
            replays: ReplayStore::new(table.clone()),
            table,
            config,
        }
    }

    /// Returns an app from the process's environment, as Lambda sets it.
    ///
    /// # Errors
    ///
    /// If the environment does not make a whole configuration: the function must not start.
    pub fn from_env() -> Result<Self, StartError> {
        let config = Config::from_env()?;
        let aws = config.aws_from_env()?;
        Ok(Self::new(config, &aws_sdk_dynamodb::Client::new(&aws)))
    }
}

impl AsRef<App> for App {
    fn as_ref(&self) -> &App {
        self
    }
}
