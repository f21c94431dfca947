//! Small JSON documents, fetched with the HTTP client that the SDK brings.

use std::sync::OnceLock;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::http::Request;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use errors::BoxError;
use serde_json::Value;

use super::issuer::IssuerUrl;

/// The largest document that is read, in bytes: discovery documents and key sets have a few KB.
const MAX_DOCUMENT: usize = 64 * 1024;

/// A client that follows no redirect, made when it is first used: reading the system's certificates takes
/// time that a start without an issuer's token need not spend.
#[derive(Debug, Default)]
pub(super) struct Fetch {
    connector: OnceLock<Connector>,
}

impl Fetch {
    /// The JSON document at `url`. The caller limits the time.
    ///
    /// # Errors
    ///
    /// If it does not come whole, within the limit and with the status 200.
    pub(super) async fn json(&self, url: &str) -> Result<Value, BoxError> {
        let document = self.read(url).await;
        document.map_err(|error| format!("{url}: {error}").into())
    }

    /// What `issuer` says of itself (OpenID Connect Discovery). The caller limits the time.
    ///
    /// # Errors
    ///
    /// As [`Fetch::json`], and if it is the document of another issuer.
    pub(super) async fn discovery(&self, issuer: &IssuerUrl) -> Result<Value, BoxError> {
        let document = self.json(&issuer.discovery()).await?;
        // OpenID Connect Discovery, 4.3.
        if document["issuer"] != issuer.as_str() {
            return Err("the issuer's own document names another issuer".into());
        }
        Ok(document)
    }

    async fn read(&self, url: &str) -> Result<Value, BoxError> {
        let connector = self.connector.get_or_init(|| {
            Connector::builder()
                .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                .build()
        });
        let mut request: Request<SdkBody> = Request::get(url)?;
        request.headers_mut().insert("accept", "application/json");
        let response = connector.call(request).await?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(format!("answered {status}").into());
        }
        let mut body = ByteStream::new(response.into_body());
        let mut document = Vec::new();
        while let Some(piece) = body.try_next().await? {
            if document.len() + piece.len() > MAX_DOCUMENT {
                return Err(format!("is larger than {MAX_DOCUMENT} bytes").into());
            }
            document.extend_from_slice(&piece);
        }
        Ok(serde_json::from_slice(&document)?)
    }
}
