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
/// | `HISTORY_RETENTION_DAYS` | how long a line of an account's history is kept | 365 |
/// | `MAX_OPEN_UPLOADS` | upload URLs of one user that are valid at once | 20 |
/// | `IMPORT_SEGMENT_ROWS` | rows between two checkpoints | 5000 |
/// | `USERS_IN_LISTING` | whether users are put into the table's index `listing` too, as the version before needs it | `false` |
/// | `INDEX_EPOCH` | a name that is another one if a version without the index of users may have run since | none |
/// | `DROP_MAY_GIVE_ADMIN_ROLES` | whether a dropped file may give an admin role | `false` |
/// | `STORAGE_CALL_MILLIS` | how long one call to storage may take; the other time limits follow from it | 5000, the most |
/// | `CONTACTS_PER_OWNER` | how many contacts one owner may have | 25000 |
/// | `TOKENS_PER_USER` | how many access tokens of one user may be in force at once, at most 90 | 20 |
/// | `TOKEN_ISSUE` | whether `POST /users/{userId}/tokens` is served | `true` |
/// | `ISSUER_URL` | the OpenID Connect issuer whose tokens are taken, as their `iss` has it | none |
/// | `ISSUER_AUDIENCE` | whom those tokens must be for | required with `ISSUER_URL` |
/// | `ISSUER_CLIENT_ID` | the public client as which the page signs people in | none |
/// | `BUCKET_ORIGIN` | where browsers reach the bucket by signed URLs: `https://host` | none |
/// | `ISSUER_PROFILE` | `generic`, or `cognito` where `client_id` stands for `aud` in an access token | `generic` |
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Config {
    /// The DynamoDB table that holds everything but the files.
    pub table: String,
    /// The S3 bucket in which files are staged.
    pub bucket: String,
    /// Whether S3 is addressed as `host/bucket`, as S3-compatible stores expect.
    pub s3_path_style: bool,
    /// How long a staged file and the record of its import are kept.
    pub import_retention: Duration,
    /// How long a line of an account's history is kept.
    pub history_retention: Duration,
    /// Upload URLs of one user that may be valid at once.
    pub max_open_uploads: usize,
    /// Rows between two checkpoints of an import.
    pub import_segment_rows: usize,
    /// How long to wait for what the service depends on.
    pub limits: Limits,
    /// Whether users are put into the table's index `listing` too, as the version before needs it.
    pub users_in_listing: bool,
    /// A name that is another one if a version without the index of users may have run since: what such a version has
    /// changed, the index does not know.
    pub index_epoch: String,
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
        let lookup = Lookup(lookup);
        let call = lookup.number("STORAGE_CALL_MILLIS", Limits::MAX_CALL_MILLIS)?;
        if call > Limits::MAX_CALL_MILLIS {
            return Err(faulty("STORAGE_CALL_MILLIS", "must be at most 5000"));
        }
        let tokens_per_user = lookup.number("TOKENS_PER_USER", 20)?;
        if tokens_per_user > TokenStore::MAX_IN_FORCE {
            return Err(faulty("TOKENS_PER_USER", "must be at most 90"));
        }
        let origin = lookup.variable("BUCKET_ORIGIN").map(|text| text.parse());
        let origin = origin.transpose().map_err(|()| {
            faulty(
                "BUCKET_ORIGIN",
                "must be a scheme and a host: https://bucket.example",
            )
        })?;
        Ok(Self {
            table: lookup.required("TABLE_NAME")?,
            bucket: lookup.required("BUCKET_NAME")?,
            s3_path_style: lookup.variable("AWS_ENDPOINT_URL_S3").is_some(),
            import_retention: lookup.days("IMPORT_RETENTION_DAYS", 30)?,
            history_retention: lookup.days("HISTORY_RETENTION_DAYS", 365)?,
            max_open_uploads: lookup.size("MAX_OPEN_UPLOADS", 20)?,
            import_segment_rows: lookup.size("IMPORT_SEGMENT_ROWS", 5000)?,
            limits: Limits::new(Duration::from_millis(call)),
            users_in_listing: lookup.flag("USERS_IN_LISTING", false)?,
            index_epoch: lookup.variable("INDEX_EPOCH").unwrap_or_default(),
            drop_may_give_admin_roles: lookup.flag("DROP_MAY_GIVE_ADMIN_ROLES", false)?,
            contacts_per_owner: lookup.number("CONTACTS_PER_OWNER", 25_000)?,
            tokens_per_user: usize::try_from(tokens_per_user).unwrap_or(usize::MAX),
            token_issue: lookup.flag("TOKEN_ISSUE", true)?,
            issuer: lookup.issuer()?,
            bucket_origin: origin,
        })
    }
}

/// Variables by their names.
struct Lookup<L>(L);

impl<L: Fn(&str) -> Option<String>> Lookup<L> {
    /// A variable; an empty one counts as none.
    fn variable(&self, name: &str) -> Option<String> {
        self.0(name).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &'static str) -> Result<String, InvalidConfig> {
        self.variable(name).ok_or(faulty(name, "is not set"))
    }

    fn number(&self, name: &'static str, default: u64) -> Result<u64, InvalidConfig> {
        let Some(text) = self.variable(name) else {
            return Ok(default);
        };
        match text.parse() {
            Ok(0) | Err(_) => Err(faulty(name, "must be a whole number above 0")),
            Ok(number) => Ok(number),
        }
    }

    fn days(&self, name: &'static str, default: u64) -> Result<Duration, InvalidConfig> {
        let days = self.number(name, default)?;
        Ok(Duration::from_secs(days * 24 * 60 * 60))
    }

    fn size(&self, name: &'static str, default: u64) -> Result<usize, InvalidConfig> {
        let number = self.number(name, default)?;
        Ok(usize::try_from(number).unwrap_or(usize::MAX))
    }

    fn flag(&self, name: &'static str, default: bool) -> Result<bool, InvalidConfig> {
        match self.variable(name).as_deref() {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(faulty(name, "must be true or false")),
        }
    }

    fn issuer(&self) -> Result<Option<Issuer>, InvalidConfig> {
        let Some(url) = self.variable("ISSUER_URL") else {
            return Ok(None);
        };
        let no_url = faulty("ISSUER_URL", "must be an https URL without a query");
        Ok(Some(Issuer {
            url: IssuerUrl::parse(&url).ok_or(no_url)?,
            audience: self.required("ISSUER_AUDIENCE")?,
            profile: match self.variable("ISSUER_PROFILE").as_deref() {
                None | Some("generic") => Profile::Generic,
                Some("cognito") => Profile::Cognito,
                Some(_) => return Err(faulty("ISSUER_PROFILE", "must be generic or cognito")),
            },
            client: self.variable("ISSUER_CLIENT_ID"),
        }))
    }
}

fn faulty(name: &'static str, fault: &'static str) -> InvalidConfig {
    InvalidConfig { name, fault }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
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
