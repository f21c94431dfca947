//! Who a function is to AWS, and where its stores are.

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_types::SdkConfig;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use errors::Limits;

use super::{InvalidConfig, Lookup};

/// Reads what Lambda sets: region, keys and session, and for other stores than those of AWS their endpoints.
///
/// The SDK's own loader also looks for profiles, containers and roles to take on. A function has none of them, and
/// without that code its binary is a tenth smaller.
///
/// # Errors
///
/// If the region or a key is missing.
pub(super) fn from_lookup(
    lookup: impl Fn(&str) -> Option<String>,
    limits: Limits,
) -> Result<SdkConfig, InvalidConfig> {
    let lookup = Lookup(lookup);
    let credentials = Credentials::new(
        lookup.required("AWS_ACCESS_KEY_ID")?,
        lookup.required("AWS_SECRET_ACCESS_KEY")?,
        lookup.variable("AWS_SESSION_TOKEN"),
        None,
        "environment",
    );
    let is_on = |name| {
        lookup
            .variable(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    };
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(lookup.required("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .use_fips(is_on("AWS_USE_FIPS_ENDPOINT"))
        .use_dual_stack(is_on("AWS_USE_DUALSTACK_ENDPOINT"))
        .retry_config(limits.retries())
        .service_config(Endpoints {
            dynamodb: lookup.variable("AWS_ENDPOINT_URL_DYNAMODB"),
            s3: lookup.variable("AWS_ENDPOINT_URL_S3"),
        });
    config.set_endpoint_url(lookup.variable("AWS_ENDPOINT_URL"));
    Ok(config.build())
}

/// Where the two stores are, if not where AWS has them.
#[derive(Debug)]
struct Endpoints {
    dynamodb: Option<String>,
    s3: Option<String>,
}

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        match (key.env(), key.service_id()) {
            ("AWS_ENDPOINT_URL", "DynamoDB") => self.dynamodb.clone(),
            ("AWS_ENDPOINT_URL", "S3") => self.s3.clone(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&str, &str)]) -> Result<SdkConfig, InvalidConfig> {
        from_lookup(
            |name| {
                pairs
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            },
            Limits::default(),
        )
    }

    const OF_LAMBDA: [(&str, &str); 3] = [
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "eu-west-1"),
    ];

    #[test]
    fn what_lambda_sets_is_enough_and_each_of_it_is_needed() {
        let config = with(&OF_LAMBDA).unwrap();

        assert_eq!(config.region().unwrap().as_ref(), "eu-west-1");
        assert_eq!(config.endpoint_url(), None);
        for left_out in OF_LAMBDA {
            let rest: Vec<_> = OF_LAMBDA.into_iter().filter(|pair| *pair != left_out).collect();
            let fault = with(&rest).unwrap_err().to_string();
            assert_eq!(
                fault,
                format!("the environment variable {} is not set", left_out.0)
            );
        }
    }

    #[test]
    fn an_endpoint_of_one_store_is_for_that_store_only() {
        let endpoint = |pairs: &[(&str, &str)]| {
            let config = with(&[&OF_LAMBDA[..], pairs].concat()).unwrap();
            let of = |id| {
                let key = ServiceConfigKey::builder()
                    .service_id(id)
                    .env("AWS_ENDPOINT_URL")
                    .profile("endpoint_url")
                    .build()
                    .unwrap();
                config.service_config().unwrap().load_config(key)
            };
            (of("DynamoDB"), of("S3"), config.endpoint_url().map(str::to_owned))
        };
        let url = || Some("http://127.0.0.1:1".to_owned());

        assert_eq!(
            endpoint(&[("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")]),
            (None, url(), None)
        );
        assert_eq!(
            endpoint(&[("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")]),
            (url(), None, None)
        );
        assert_eq!(
            endpoint(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:1")]),
            (None, None, url())
        );
    }
}
