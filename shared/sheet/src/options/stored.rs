//! The options of an import as they are stored.
//!
//! Versions that know neither dry runs of `upsert` nor applies nor undos nor rosters read the mode and ignore the member
//! `act`. Therefore all of these have the mode `validate`, in which those versions write no user.

use roster::{Country, Role, Roles};
use serde::{Deserialize, Serialize};

use super::reading::word;
use super::{Act, HeaderRow, ImportOptions, Missing, MissingLimit, Mode, UnknownColumns};
use crate::{ColumnMapping, Delimiter, Encoding};

/// What an import of the mode `validate` really is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum StoredAct {
    DryRunCreate,
    DryRunUpsert,
    ApplyCreate,
    ApplyUpsert,
    Undo,
    /// An import of the mode `upsert` that looks for missing accounts.
    Roster,
}

/// See [`ImportOptions`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct StoredOptions {
    mode: Mode,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<StoredAct>,
    ignore_duplicates: bool,
    default_roles: Roles,
    unknown_columns: UnknownColumns,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<Encoding>,
    #[serde(skip_serializing_if = "Option::is_none", with = "word")]
    delimiter: Option<Delimiter>,
    #[serde(skip_serializing_if = "HeaderRow::is_present")]
    header: HeaderRow,
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<ColumnMapping>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<Country>,
    #[serde(skip_serializing_if = "is_default")]
    missing: Missing,
    #[serde(skip_serializing_if = "is_default")]
    missing_limit: MissingLimit,
}

/// Returns whether there is nothing to store.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Default for StoredOptions {
    fn default() -> Self {
        Self {
            default_roles: Role::Collaborator.into(),
            mode: Mode::default(),
            act: None,
            ignore_duplicates: false,
            unknown_columns: UnknownColumns::default(),
            encoding: None,
            delimiter: None,
            header: HeaderRow::default(),
            columns: None,
            country: None,
            missing: Missing::default(),
            missing_limit: MissingLimit::default(),
        }
    }
}

impl From<ImportOptions> for StoredOptions {
    fn from(options: ImportOptions) -> Self {
        let ImportOptions {
            mode,
            act,
            ignore_duplicates,
            default_roles,
            unknown_columns,
            encoding,
            delimiter,
            header,
            columns,
            country,
            missing,
            missing_limit,
        } = options;
        let stored = match (act, mode) {
            (Act::Import, Mode::Upsert) if missing != Missing::Ignore => Some(StoredAct::Roster),
            (Act::Import, _) | (Act::DryRun, Mode::Validate) => None,
            (Act::DryRun, Mode::Create) => Some(StoredAct::DryRunCreate),
            (Act::DryRun, Mode::Upsert) => Some(StoredAct::DryRunUpsert),
            (Act::Apply, Mode::Create | Mode::Validate) => Some(StoredAct::ApplyCreate),
            (Act::Apply, Mode::Upsert) => Some(StoredAct::ApplyUpsert),
            (Act::Undo, _) => Some(StoredAct::Undo),
        };
        Self {
            mode: if stored.is_some() { Mode::Validate } else { mode },
            act: stored,
            ignore_duplicates,
            default_roles,
            unknown_columns,
            encoding,
            delimiter,
            header,
            columns,
            country,
            missing,
            missing_limit,
        }
    }
}

impl TryFrom<StoredOptions> for ImportOptions {
    type Error = &'static str;

    fn try_from(stored: StoredOptions) -> Result<Self, Self::Error> {
        let StoredOptions {
            mode,
            act,
            ignore_duplicates,
            default_roles,
            unknown_columns,
            encoding,
            delimiter,
            header,
            columns,
            country,
            missing,
            missing_limit,
        } = stored;
        let (mode, act) = match (mode, act) {
            (Mode::Validate, None) => (Mode::Validate, Act::DryRun),
            (mode, None) => (mode, Act::Import),
            (Mode::Validate, Some(act)) => match act {
                StoredAct::DryRunCreate => (Mode::Create, Act::DryRun),
                StoredAct::DryRunUpsert => (Mode::Upsert, Act::DryRun),
                StoredAct::ApplyCreate => (Mode::Create, Act::Apply),
                StoredAct::ApplyUpsert => (Mode::Upsert, Act::Apply),
                StoredAct::Undo => (Mode::Create, Act::Undo),
                StoredAct::Roster => (Mode::Upsert, Act::Import),
            },
            (Mode::Create | Mode::Upsert, Some(_)) => return Err("an act needs the mode validate"),
        };
        Ok(Self {
            mode,
            act,
            ignore_duplicates,
            default_roles,
            unknown_columns,
            encoding,
            delimiter,
            header,
            columns,
            country,
            missing,
            missing_limit,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The options of the version before, which ignores members that it does not know.
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct OptionsOfBefore {
        mode: Mode,
        ignore_duplicates: bool,
        default_roles: Roles,
        unknown_columns: UnknownColumns,
    }

    impl Default for OptionsOfBefore {
        fn default() -> Self {
            Self {
                mode: Mode::Create,
                ignore_duplicates: false,
                default_roles: Role::Collaborator.into(),
                unknown_columns: UnknownColumns::Refuse,
            }
        }
    }

    /// Every act with every mode that it may have, and rosters.
    fn all() -> Vec<ImportOptions> {
        let of = |mode, act| ImportOptions {
            mode,
            act,
            ..ImportOptions::default()
        };
        let roster = |act, missing| ImportOptions {
            missing,
            missing_limit: 7.try_into().unwrap(),
            ..of(Mode::Upsert, act)
        };
        vec![
            roster(Act::Import, Missing::Report),
            roster(Act::Import, Missing::Disable),
            roster(Act::DryRun, Missing::Disable),
            roster(Act::Apply, Missing::Disable),
            of(Mode::Validate, Act::DryRun),
            of(Mode::Create, Act::DryRun),
            of(Mode::Upsert, Act::DryRun),
            of(Mode::Create, Act::Apply),
            of(Mode::Upsert, Act::Apply),
            of(Mode::Create, Act::Undo),
        ]
    }

    #[test]
    fn what_the_version_before_does_not_know_is_a_validation_to_it() {
        for options in all() {
            let stored = serde_json::to_value(&options).unwrap();

            let before: OptionsOfBefore = serde_json::from_value(stored.clone()).unwrap();

            assert_eq!(before.mode, Mode::Validate, "{stored}");
            assert!(!before.ignore_duplicates);
            assert_eq!(before.unknown_columns, UnknownColumns::Refuse);
            assert_eq!(before.default_roles, options.default_roles);
            assert_eq!(serde_json::from_value::<ImportOptions>(stored).unwrap(), options);
        }
    }

    #[test]
    fn an_act_or_a_mode_of_a_later_version_makes_the_whole_unknown() {
        for stored in [
            json!({ "mode": "validate", "act": "applyUndo" }),
            json!({ "mode": "create", "act": "undo" }),
            json!({ "mode": "undo" }),
            json!({ "mode": "validate", "act": "roster", "missing": "delete" }),
            json!({ "mode": "validate", "act": "roster", "missing": "disable", "missingLimit": 101 }),
        ] {
            assert!(serde_json::from_value::<ImportOptions>(stored).is_err());
        }
    }
}
