//! What a function holds between requests: its settings and its stores.

use lambda_http::Error as StartError;

use crate::auth::Auth;
use crate::config::Config;
use crate::store::{ContactStore, ImportStore, ReplayStore, Table, TokenStore, UploadStore, UserStore};

/// Everything a handler needs, made once at cold start. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// What the deployment decided.
    pub config: Config,
    /// Who asks.
    pub auth: Auth,
    /// The user accounts.
    pub users: UserStore,
    /// The access tokens.
    pub tokens: TokenStore,
    /// Each user's own contacts.
    pub contacts: ContactStore,
    /// The imports and their row errors.
    pub imports: ImportStore,
    /// The staged files.
    pub uploads: UploadStore,
    /// The answers that are kept to be given again.
    pub replays: ReplayStore,
}

impl App {
    /// An app over the given clients.
    #[must_use]
    pub fn new(config: Config, dynamodb: aws_sdk_dynamodb::Client, s3: aws_sdk_s3::Client) -> Self {
        let uploads = UploadStore::new(s3, config.bucket.clone());
        Self::over(config, dynamodb, uploads)
    }

    fn over(config: Config, dynamodb: aws_sdk_dynamodb::Client, uploads: UploadStore) -> Self {
        let table = Table::new(dynamodb, config.table.clone());
        let users = UserStore::new(table.clone());
        let tokens = TokenStore::new(table.clone());
        Self {
            auth: Auth::new(table.clone(), config.issuer.clone()),
            users,
            tokens,
            contacts: ContactStore::new(table.clone()),
            imports: ImportStore::new(table.clone()),
            replays: ReplayStore::new(table),
            uploads,
            config,
        }
    }

    /// An app from the process's environment, as Lambda sets it.
    ///
    /// # Errors
    ///
    /// If the environment does not make a whole configuration: the function must not start.
    pub async fn from_env() -> Result<Self, StartError> {
        let config = Config::from_env()?;
        let aws = aws_config::load_from_env().await;
        let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
        let uploads = UploadStore::of(aws, config.s3_path_style, config.bucket.clone());
        Ok(Self::over(config, dynamodb, uploads))
    }
}
