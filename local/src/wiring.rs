//! What a function in this process is made from.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::config::InvalidConfig;
use shared::{BoxError, Config};

use crate::invoke::Handlers;
use crate::rights::Rights;
use crate::template::Template;

/// Makes a table of functions from the stores that they work on.
pub type Wire = Arc<dyn Fn(&Wiring) -> Result<Handlers, BoxError> + Send + Sync>;

/// What a function in this process is made from.
#[derive(Clone, Debug)]
pub struct Wiring {
    /// The environment variables that it has when deployed.
    pub environment: BTreeMap<String, String>,
    /// A client of the table's store.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// A client of the objects' store.
    pub s3: aws_sdk_s3::Client,
    /// What each function may do.
    rights: BTreeMap<String, Rights>,
}

impl Wiring {
    /// What functions of `template` are made from that get the variables in `common` besides their own.
    pub(crate) fn new(
        template: &Template,
        common: &BTreeMap<String, String>,
        dynamodb: &aws_sdk_dynamodb::Client,
        s3: &aws_sdk_s3::Client,
    ) -> Self {
        let functions = &template.functions;
        let own = functions
            .values()
            .flat_map(|function| function.environment.clone());
        Self {
            environment: own.chain(common.clone()).collect(),
            dynamodb: dynamodb.clone(),
            s3: s3.clone(),
            rights: functions
                .iter()
                .map(|(name, function)| (name.clone(), Rights::of(name, function)))
                .collect(),
        }
    }

    /// The settings that a function has when deployed.
    ///
    /// # Errors
    ///
    /// When a function would not start with this environment.
    pub fn config(&self) -> Result<Config, InvalidConfig> {
        Config::from_lookup(|name| self.environment.get(name).cloned())
    }

    /// The clients that `function` gets: they refuse what the template does not grant it.
    #[must_use]
    pub fn clients(&self, function: &str) -> (aws_sdk_dynamodb::Client, aws_sdk_s3::Client) {
        let rights = self.rights.get(function).cloned().unwrap_or_default();
        let dynamodb = self.dynamodb.config().to_builder().interceptor(rights.clone());
        let s3 = self.s3.config().to_builder().interceptor(rights);
        (
            aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            aws_sdk_s3::Client::from_conf(s3.build()),
        )
    }
}
