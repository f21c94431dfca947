//! What a deployment decides, parsed whole at cold start.

mod aws;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use aws_types::SdkConfig;
use errors::Limits;
use table::TokenStore;

use crate::auth::issuer::{Issuer, IssuerUrl, Profile};

/// The settings of one deployment.
///
/// | variable | meaning | default |
/// |---|---|---|
/// | `TABLE_NAME` | the DynamoDB table | required |
/// | `BUCKET_NAME` | the staging bucket | required |
/// | `AWS_ENDPOINT_URL_S3` | another S3; addressed by path instead of by host name | AWS |
/// | `IMPORT_RETENTION_DAYS` | how long a file and its row errors are kept | 30 |
/// | `MAX_OPEN_UPLOADS` | upload URLs of one user that are valid at once | 20 |
/// | `IMPORT_SEGMENT_ROWS` | rows between two checkpoints | 5000 |
/// | `DROP_MAY_GIVE_ADMIN_ROLES` | whether a dropped file may give an admin role | `false` |
/// | `STORAGE_CALL_MILLIS` | how long one call to storage may take; the other time limits follow from it | 5000, the most |
/// | `CONTACTS_PER_OWNER` | how many contacts one owner may have | 25000 |
/// | `TOKENS_PER_USER` | how many access tokens of one user may be in force at once, at most 90 | 20 |
/// | `TOKEN_ISSUE` | whether `POST /users/{userId}/tokens` is served | `true` |
/// | `ISSUER_URL` | the OpenID Connect issuer whose tokens are taken, as their `iss` has it | none |
/// | `ISSUER_AUDIENCE` | whom those tokens must be for | required with `ISSUER_URL` |
/// | `BUCKET_ORIGIN` | where browsers reach the bucket by signed URLs: `https://host` | none |
/// | `ISSUER_PROFILE` | `generic`, or `cognito` where `client_id` stands for `aud` in an access token | `generic` |
#[derive(Clone, Debug)]
pub struct Config {
    /// The DynamoDB table that holds everything but the files.
    pub table: String,
    /// The S3 bucket in which files are staged.
    pub bucket: String,
    /// Whether S3 is addressed as `host/bucket`, as S3-compatible stores expect.
    pub s3_path_style: bool,
    /// How long a staged file and the record of its import are kept.
    pub import_retention: Duration,
    /// Upload URLs of one user that may be valid at once.
    pub max_open_uploads: usize,
    /// Rows between two checkpoints of an import.
    pub import_segment_rows: usize,
    /// How long to wait for what the service depends on.
    pub limits: Limits,
    /// Whether a file dropped into the bucket may give an admin role.
    pub drop_may_give_admin_roles: bool,
    /// How many contacts one owner may have.
    pub contacts_per_owner: u64,
    /// How many access tokens of one user may be in force at once.
    pub tokens_per_user: usize,
    /// Whether administrators may issue access tokens for users.
    pub token_issue: bool,
    /// Whose tokens are taken besides the service's own.
    pub issuer: Option<Issuer>,
    /// Where browsers reach the bucket by signed URLs.
    pub bucket_origin: Option<Origin>,
}

/// The origin of a URL: scheme, host and port.
///
/// It becomes a part of the page's policy, so it has no character that could end a directive there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Origin {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let host = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))
            .ok_or(())?;
        let allowed = |character: char| character.is_ascii_alphanumeric() || ".-:[]".contains(character);
        if host.is_empty() || !host.chars().all(allowed) {
            return Err(());
        }
        Ok(Self(text.to_owned()))
    }
}

/// A variable that is missing or cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the environment variable {name} {fault}")]
pub struct InvalidConfig {
    name: &'static str,
    fault: &'static str,
}

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    ///
    /// If a variable is missing or out of its range: the function must not start.
    pub fn from_env() -> Result<Self, InvalidConfig> {
        Self::from_lookup(environment)
    }

    /// Reads from the process's environment, as Lambda sets it, who the function is to AWS and where its stores are.
    ///
    /// # Errors
    ///
    /// If the region or a key is missing.
    pub fn aws_from_env(&self) -> Result<SdkConfig, InvalidConfig> {
        aws::from_lookup(environment, self.limits)
    }

    /// Reads variables from `lookup`.
    ///
    /// # Errors
    ///
    /// As [`Config::from_env`].
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidConfig> {
        let lookup = |name: &str| variable(&lookup, name);
        let required = |name| required(lookup, name);
        let number = |name, default: u64| match lookup(name) {
            None => Ok(default),
            Some(text) => match text.parse() {
                Ok(0) | Err(_) => Err(InvalidConfig {
                    name,
                    fault: "must be a whole number above 0",
                }),
                Ok(number) => Ok(number),
            },
        };
        let flag = |name, default| match lookup(name).as_deref() {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(InvalidConfig {
                name,
                fault: "must be true or false",
            }),
        };

        let issuer = match lookup("ISSUER_URL") {
            None => None,
            Some(url) => Some(Issuer {
                url: IssuerUrl::parse(&url).ok_or(InvalidConfig {
                    name: "ISSUER_URL",
                    fault: "must be an https URL without a query",
                })?,
                audience: required("ISSUER_AUDIENCE")?,
                profile: match lookup("ISSUER_PROFILE").as_deref() {
                    None | Some("generic") => Profile::Generic,
                    Some("cognito") => Profile::Cognito,
                    Some(_) => {
                        return Err(InvalidConfig {
                            name: "ISSUER_PROFILE",
                            fault: "must be generic or cognito",
                        });
                    }
                },
            }),
        };

        let call = number("STORAGE_CALL_MILLIS", Limits::MAX_CALL_MILLIS)?;
        if call > Limits::MAX_CALL_MILLIS {
            return Err(InvalidConfig {
                name: "STORAGE_CALL_MILLIS",
                fault: "must be at most 5000",
            });
        }

        Ok(Self {
            table: required("TABLE_NAME")?,
            bucket: required("BUCKET_NAME")?,
            s3_path_style: lookup("AWS_ENDPOINT_URL_S3").is_some(),
            import_retention: Duration::from_secs(number("IMPORT_RETENTION_DAYS", 30)? * 24 * 60 * 60),
            max_open_uploads: usize::try_from(number("MAX_OPEN_UPLOADS", 20)?).unwrap_or(usize::MAX),
            import_segment_rows: usize::try_from(number("IMPORT_SEGMENT_ROWS", 5000)?).unwrap_or(usize::MAX),
            limits: Limits::new(Duration::from_millis(call)),
            drop_may_give_admin_roles: flag("DROP_MAY_GIVE_ADMIN_ROLES", false)?,
            contacts_per_owner: number("CONTACTS_PER_OWNER", 25_000)?,
            tokens_per_user: match number("TOKENS_PER_USER", 20)? {
                number @ 1..=TokenStore::MAX_IN_FORCE => usize::try_from(number).unwrap_or(usize::MAX),
                _ => {
                    return Err(InvalidConfig {
                        name: "TOKENS_PER_USER",
                        fault: "must be at most 90",
                    });
                }
            },
            token_issue: flag("TOKEN_ISSUE", true)?,
            issuer,
            bucket_origin: match lookup("BUCKET_ORIGIN").map(|text| text.parse()) {
                None => None,
                Some(Ok(origin)) => Some(origin),
                Some(Err(())) => {
                    return Err(InvalidConfig {
                        name: "BUCKET_ORIGIN",
                        fault: "must be a scheme and a host: https://bucket.example",
                    });
                }
            },
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A variable; an empty one counts as none.
fn variable(lookup: impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    lookup(name).filter(|value| !value.is_empty())
}

fn required(lookup: impl Fn(&str) -> Option<String>, name: &'static str) -> Result<String, InvalidConfig> {
    variable(lookup, name).ok_or(InvalidConfig {
        name,
        fault: "is not set",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&str, &str)]) -> Result<Config, InvalidConfig> {
        Config::from_lookup(|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn table_and_bucket_are_enough() {
        let config = with(&[("TABLE_NAME", "t"), ("BUCKET_NAME", "b")]).unwrap();

        assert_eq!(config.import_segment_rows, 5000);
        assert_eq!(config.max_open_uploads, 20);
        assert!(!config.s3_path_style);
        assert!(!config.drop_may_give_admin_roles);
    }

    #[test]
    fn an_issuer_is_whole_or_stops_the_start() {
        let issuer = |pairs: &[(&str, &str)]| {
            with(&[&[("TABLE_NAME", "t"), ("BUCKET_NAME", "b")], pairs].concat())
                .map(|config| config.issuer)
                .map_err(|fault| fault.to_string())
        };
        let url = ("ISSUER_URL", "https://issuer.example");
        let audience = ("ISSUER_AUDIENCE", "access");

        assert_eq!(issuer(&[("ISSUER_URL", ""), audience]), Ok(None));
        let whole = issuer(&[url, audience]).unwrap().unwrap();
        assert_eq!((whole.url.as_str(), whole.profile), (url.1, Profile::Generic));
        let cognito = issuer(&[url, audience, ("ISSUER_PROFILE", "cognito")]);
        assert_eq!(cognito.unwrap().unwrap().profile, Profile::Cognito);
        for faulty in [
            &[url][..],
            &[("ISSUER_URL", "http://issuer.example"), audience],
            &[url, audience, ("ISSUER_PROFILE", "Cognito")],
        ] {
            assert!(issuer(faulty).unwrap_err().contains("ISSUER_"), "{faulty:?}");
        }
    }

    #[test]
    fn the_origin_of_the_bucket_has_no_path_and_ends_no_directive() {
        let origin = |text: &str| {
            let pairs = [("TABLE_NAME", "t"), ("BUCKET_NAME", "b"), ("BUCKET_ORIGIN", text)];
            with(&pairs).map(|config| config.bucket_origin.map(|origin| origin.to_string()))
        };

        assert_eq!(origin("").unwrap(), None);
        for good in [
            "https://b.s3.eu-west-1.amazonaws.com",
            "http://127.0.0.1:9000",
            "http://[::1]:9000",
        ] {
            assert_eq!(origin(good).unwrap().as_deref(), Some(good));
        }
        for bad in [
            "b.example",
            "ftp://b.example",
            "https://",
            "https://b.example/",
            "https://b; script-src *",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn more_tokens_than_one_transaction_ends_stop_the_start() {
        let tokens = |number| {
            let variables = [
                ("TABLE_NAME", "t"),
                ("BUCKET_NAME", "b"),
                ("TOKENS_PER_USER", number),
            ];
            with(&variables).map(|config| config.tokens_per_user)
        };

        assert_eq!(tokens("").unwrap(), 20);
        assert_eq!(tokens("90").unwrap(), 90);
        assert_eq!(
            tokens("91").unwrap_err().to_string(),
            "the environment variable TOKENS_PER_USER must be at most 90"
        );
        assert!(tokens("0").is_err());
    }

    #[test]
    fn a_missing_table_or_a_faulty_number_stops_the_start() {
        let missing = with(&[("BUCKET_NAME", "b")]).unwrap_err();
        let faulty = with(&[
            ("TABLE_NAME", "t"),
            ("BUCKET_NAME", "b"),
            ("IMPORT_RETENTION_DAYS", "0"),
        ])
        .unwrap_err();

        assert_eq!(
            missing.to_string(),
            "the environment variable TABLE_NAME is not set"
        );
        assert_eq!(
            faulty.to_string(),
            "the environment variable IMPORT_RETENTION_DAYS must be a whole number above 0"
        );
    }
}
