//! How a file is read, as far as its sender says so.

use clap::Args;
use roster::{Given, Role, Roles, assignable};
use sheet::{ImportOptions, ImportOptionsDraft};

use crate::failure::Failure;

/// How the file is read
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "How the file is read")]
pub(crate) struct Reading {
    /// The encoding, a label of the WHATWG Encoding Standard; a byte order mark wins [default: utf-8]
    #[arg(long, value_name = "LABEL")]
    encoding: Option<String>,
    /// What separates cells: comma, semicolon, tab or pipe [default: found from the header]
    #[arg(long, value_name = "WORD")]
    delimiter: Option<String>,
    /// Whether the first row names the columns: present or absent [default: present]
    #[arg(long, value_name = "WORD")]
    header: Option<String>,
    /// What columns mean, in JSON: '{"Tel.": "mobileNumber", "Notes": null}'; without a header an array by position
    #[arg(long, value_name = "JSON")]
    columns: Option<String>,
    /// What happens to columns that mean nothing: refuse or ignore [default: refuse]
    #[arg(long, value_name = "WORD")]
    unknown_columns: Option<String>,
    /// The country of phone numbers without a country code, such as GB
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
    /// The roles of a row that names none, separated by ; [default: `ROLE_COLLABORATOR`]
    #[arg(long, value_name = "ROLES")]
    default_roles: Option<String>,
    /// The sheet of a workbook (.xlsx) [default: its first]
    #[arg(long, value_name = "NAME")]
    pub(crate) sheet: Option<String>,
}

/// Whose rights are assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Sender {
    /// Somebody who may give every role that a new account can have.
    SystemAdmin,
    /// Somebody who may not give admin roles.
    UserAdmin,
}

impl Sender {
    /// Returns the roles that the sender may give.
    pub(crate) fn assignable(self) -> Roles {
        assignable(match self {
            Self::SystemAdmin => Role::SystemAdmin.into(),
            Self::UserAdmin => Role::UserAdmin.into(),
        })
    }
}

impl Reading {
    /// Returns the options by their names in the API, as they were given.
    pub(crate) fn fields(&self) -> Vec<(&'static str, &str)> {
        let fields = [
            ("encoding", &self.encoding),
            ("delimiter", &self.delimiter),
            ("header", &self.header),
            ("columns", &self.columns),
            ("unknownColumns", &self.unknown_columns),
            ("country", &self.country),
            ("defaultRoles", &self.default_roles),
        ];
        let given = fields
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)));
        given.collect()
    }

    /// Returns how the same file is read once it is in UTF-8.
    pub(crate) fn in_utf8(&self) -> Self {
        Self {
            encoding: None,
            ..self.clone()
        }
    }

    /// Returns the options of the import that is checked.
    ///
    /// # Errors
    ///
    /// If one of them is not understood, or `assignable` lacks a default role.
    pub(crate) fn options(&self, assignable: Roles) -> Result<ImportOptions, Failure> {
        let fields = self.fields();
        let draft = ImportOptionsDraft::of(|name| {
            let field = fields.iter().find(|(known, _)| *known == name);
            field.map_or(Given::Absent, |(_, text)| Given::from(*text))
        });
        draft.parse(assignable).map_err(|faults| {
            let faults: Vec<_> = faults
                .iter()
                .map(|fault| format!("--{}", hyphenated(&fault.message())))
                .collect();
            Failure::Usage(faults.join("\n       "))
        })
    }
}

/// An option as it is written here, at the beginning of a message: `defaultRoles "x" ...` is `default-roles "x" ...`.
fn hyphenated(message: &str) -> String {
    let (name, rest) = message.split_once(' ').unwrap_or((message, ""));
    let name: String = name
        .chars()
        .flat_map(|char| {
            let hyphen = char.is_uppercase().then_some('-');
            hyphen.into_iter().chain(char.to_lowercase())
        })
        .collect();
    format!("{name} {rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_that_is_not_understood_is_named_as_it_is_written() {
        let reading = Reading {
            unknown_columns: Some("drop".to_owned()),
            default_roles: Some("ROLE_SYSTEM_ADMIN".to_owned()),
            ..Reading::default()
        };
        let failure = reading.options(Sender::UserAdmin.assignable()).unwrap_err();
        let text = failure.to_string();
        assert!(text.contains("--default-roles \"ROLE_SYSTEM_ADMIN\""), "{text}");
        assert!(text.contains("--unknown-columns \"drop\""), "{text}");
        assert_eq!(
            Reading::default().options(Roles::ALL).unwrap(),
            ImportOptions::default()
        );
    }
}
