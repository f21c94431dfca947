//! SDK clients for the two stores.

use aws_sdk_s3::config::SharedHttpClient;
use aws_smithy_http_client::Builder;

/// The key pair that opens the embedded stores.
pub const ACCESS_KEY: &str = "local";
/// The secret half of [`ACCESS_KEY`]. It guards nothing that others can reach.
pub const SECRET_KEY: &str = "local-secret";

/// What the stores want to know of a caller.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_key: String,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<String>,
    /// `AWS_REGION`.
    pub region: String,
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            access_key: ACCESS_KEY.to_owned(),
            secret_key: SECRET_KEY.to_owned(),
            session_token: None,
            region: crate::template::REGION.to_owned(),
        }
    }
}

impl Credentials {
    fn for_sdk(&self) -> aws_sdk_s3::config::Credentials {
        let Self {
            access_key,
            secret_key,
            session_token,
            region: _,
        } = self.clone();
        aws_sdk_s3::config::Credentials::new(access_key, secret_key, session_token, None, "local")
    }

    fn region(&self) -> aws_sdk_s3::config::Region {
        aws_sdk_s3::config::Region::new(self.region.clone())
    }
}

/// A client of the table's store at `endpoint`.
pub(crate) fn dynamodb(endpoint: &str, credentials: &Credentials) -> aws_sdk_dynamodb::Client {
    let mut config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
        .region(credentials.region())
        .credentials_provider(credentials.for_sdk())
        .endpoint_url(endpoint);
    config.set_http_client(http_client(endpoint));
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// A client of the objects' store at `endpoint`.
pub(crate) fn s3(endpoint: &str, credentials: &Credentials) -> aws_sdk_s3::Client {
    let mut config = aws_sdk_s3::Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .region(credentials.region())
        .credentials_provider(credentials.for_sdk())
        .endpoint_url(endpoint)
        // Buckets have no host names of their own outside AWS.
        .force_path_style(true);
    config.set_http_client(http_client(endpoint));
    aws_sdk_s3::Client::from_conf(config.build())
}

/// A client without TLS where none is needed; else the SDK's own.
fn http_client(endpoint: &str) -> Option<SharedHttpClient> {
    endpoint
        .starts_with("http://")
        .then(|| Builder::new().build_http())
}
