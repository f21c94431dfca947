//! What a deployment decides, parsed whole at cold start.

use std::time::Duration;

/// The settings of one deployment.
///
/// | variable | meaning | default |
/// |---|---|---|
/// | `TABLE_NAME` | the DynamoDB table | required |
/// | `BUCKET_NAME` | the staging bucket | required |
/// | `AWS_ENDPOINT_URL_S3` | another S3; addressed by path instead of by host name | AWS |
/// | `IMPORT_RETENTION_DAYS` | how long a file and its row errors are kept | 30 |
/// | `IMPORT_SEGMENT_ROWS` | rows between two checkpoints | 5000 |
/// | `DROP_MAY_GIVE_ADMIN_ROLES` | whether a dropped file may give an admin role | `false` |
/// | `TOKEN_ISSUE` | whether `POST /users/{userId}/tokens` is served | `true` |
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
    /// Rows between two checkpoints of an import.
    pub import_segment_rows: usize,
    /// Whether a file dropped into the bucket may give an admin role.
    pub drop_may_give_admin_roles: bool,
    /// Whether administrators may issue access tokens for users.
    pub token_issue: bool,
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
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    pub fn from_env() -> Result<Self, InvalidConfig> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads variables from `lookup`.
    ///
    /// # Errors
    ///
    /// As [`Config::from_env`].
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidConfig> {
        let lookup = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let required = |name| {
            lookup(name).ok_or(InvalidConfig {
                name,
                fault: "is not set",
            })
        };
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

        Ok(Self {
            table: required("TABLE_NAME")?,
            bucket: required("BUCKET_NAME")?,
            s3_path_style: lookup("AWS_ENDPOINT_URL_S3").is_some(),
            import_retention: Duration::from_secs(number("IMPORT_RETENTION_DAYS", 30)? * 24 * 60 * 60),
            import_segment_rows: usize::try_from(number("IMPORT_SEGMENT_ROWS", 5000)?).unwrap_or(usize::MAX),
            drop_may_give_admin_roles: flag("DROP_MAY_GIVE_ADMIN_ROLES", false)?,
            token_issue: flag("TOKEN_ISSUE", true)?,
        })
    }
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
        assert!(!config.s3_path_style);
        assert!(!config.drop_may_give_admin_roles);
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
