//! What a function of imports holds between requests.

use std::ops::Deref;

use files::UploadStore;
use service::{App, Config, StartError};

use crate::ImportStore;

/// An [`App`] with the imports and the bucket of their files. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Intake {
    app: App,
    /// The imports and their row errors.
    pub imports: ImportStore,
    /// The staged files.
    pub uploads: UploadStore,
}

impl Intake {
    /// Returns an intake over the given clients, which get the time limits of `config`.
    #[must_use]
    pub fn new(config: Config, dynamodb: &aws_sdk_dynamodb::Client, s3: &aws_sdk_s3::Client) -> Self {
        let uploads = UploadStore::new(s3, config.bucket.clone(), config.limits);
        Self::over(App::new(config, dynamodb), uploads)
    }

    /// Returns the same intake for work without a caller who waits: see [`App::patient`].
    #[must_use]
    pub fn patient(&self) -> Self {
        let app = self.app.patient();
        let uploads = self.uploads.clone().within(app.config.limits);
        Self::over(app, uploads)
    }

    fn over(app: App, uploads: UploadStore) -> Self {
        Self {
            imports: ImportStore::new(app.table.clone()),
            uploads,
            app,
        }
    }

    /// Returns an intake from the process's environment, as Lambda sets it.
    ///
    /// # Errors
    ///
    /// If the environment does not make a whole configuration: the function must not start.
    pub fn from_env() -> Result<Self, StartError> {
        let config = Config::from_env()?;
        let aws = config.aws_from_env()?;
        let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
        let uploads = UploadStore::of(aws, config.s3_path_style, config.bucket.clone(), config.limits);
        Ok(Self::over(App::new(config, &dynamodb), uploads))
    }
}

/// Whatever needs an [`App`] takes an intake as well.
impl Deref for Intake {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

impl AsRef<App> for Intake {
    fn as_ref(&self) -> &App {
        &self.app
    }
}
