//! How a file is to be imported.

mod missing;
mod reading;
mod stored;

use roster::{Code, Country, Faults, Given, Member, Role, Roles, Violation, objection};
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use utoipa::ToSchema;

use super::{ColumnMapping, Delimiter, Encoding, InvalidMapping, Wishes};
use stored::StoredOptions;

pub use missing::{Missing, MissingLimit};
pub use reading::HeaderRow;

/// What an import does with a sound row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", schema(as = ImportMode))]
pub enum Mode {
    /// Makes a user; an address that has an account is an error.
    #[default]
    Create,
    /// Makes a user, or changes the one with the address.
    Upsert,
    /// Another word for a dry run of `create`.
    Validate,
}

/// What an import is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Act {
    /// It carries out its rows.
    #[default]
    Import,
    /// It writes no user, and reports what an import would.
    DryRun,
    /// It carries out what a dry run has reported.
    Apply,
    /// It takes another import back.
    Undo,
}

/// What happens to columns that mean nothing to the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum UnknownColumns {
    /// The file is refused, so that a typo drops no data.
    #[default]
    Refuse,
    /// They are left out.
    Ignore,
}

/// How a file is to be imported, as its sender decided.
///
/// An import keeps its options. Members that are missing, because the version that stored them did not know them, have
/// their defaults. Members and words of a later version make the whole unknown, see
/// [`Recorded`](roster::Recorded): an import is not to run by half of its options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "StoredOptions", try_from = "StoredOptions")]
pub struct ImportOptions {
    /// What to do with a good row.
    pub mode: Mode,
    /// What the import is for.
    pub act: Act,
    /// Whether the address of an existing account is skipped instead of an error.
    pub ignore_duplicates: bool,
    /// The roles of a row that names none.
    pub default_roles: Roles,
    /// What to do with columns that are not known.
    pub unknown_columns: UnknownColumns,
    /// The encoding of the file, unless a byte order mark says another.
    pub encoding: Option<Encoding>,
    /// What separates cells; found out if none is named.
    pub delimiter: Option<Delimiter>,
    /// Whether the file has a header.
    pub header: HeaderRow,
    /// What the sender says that columns mean.
    pub columns: Option<ColumnMapping>,
    /// The country of phone numbers without a country code.
    pub country: Option<Country>,
    /// What happens to accounts that are not in the file; nothing unless the mode is `upsert`.
    pub missing: Missing,
    /// How many of them may be disabled.
    pub missing_limit: MissingLimit,
}

impl ImportOptions {
    /// Returns whether no user is written.
    #[must_use]
    pub fn is_dry(&self) -> bool {
        self.act == Act::DryRun || self.mode == Mode::Validate
    }

    /// Returns whether rows are written one by one, each marked with its line, and not in their checkpoint.
    #[must_use]
    pub fn writes_rows(&self) -> bool {
        !self.is_dry() && self.act != Act::Undo
    }

    /// Returns whether existing accounts are changed.
    #[must_use]
    pub fn upserts(&self) -> bool {
        self.mode == Mode::Upsert
    }

    /// Returns what the columns mean of a file that has no header.
    #[must_use]
    pub fn members(&self) -> &[Option<Member>] {
        match &self.columns {
            Some(ColumnMapping::ByPosition(members)) => members,
            Some(ColumnMapping::ByName(_)) | None => &[],
        }
    }

    /// Returns how the file is to be read.
    #[must_use]
    pub fn wishes(&self) -> Wishes<'_> {
        Wishes {
            encoding: self.encoding,
            delimiter: self.delimiter,
            absent: match self.header {
                HeaderRow::Present => None,
                HeaderRow::Absent => Some(self.members()),
            },
            columns: self.columns.as_ref(),
        }
    }
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            mode: Mode::Create,
            act: Act::Import,
            ignore_duplicates: false,
            default_roles: Role::Collaborator.into(),
            unknown_columns: UnknownColumns::Refuse,
            encoding: None,
            delimiter: None,
            header: HeaderRow::Present,
            columns: None,
            country: None,
            missing: Missing::Ignore,
            missing_limit: MissingLimit::default(),
        }
    }
}

/// The options of an import as they were given.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[cfg_attr(feature = "schema", schema(rename_all = "camelCase"))]
pub struct ImportOptionsDraft<'a> {
    /// `create` or `upsert`; `validate` is another word for `create` with `dryRun`.
    #[cfg_attr(feature = "schema", schema(value_type = Mode))]
    pub mode: Given<'a>,
    /// `true` or `false`: whether the import only reports what it would do.
    #[cfg_attr(feature = "schema", schema(value_type = bool))]
    pub dry_run: Given<'a>,
    /// `true` or `false`.
    #[cfg_attr(feature = "schema", schema(value_type = bool))]
    pub ignore_duplicates: Given<'a>,
    /// An array of roles, or several in one string by `;`, `|` or `,`.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub default_roles: Given<'a>,
    /// `refuse` or `ignore`.
    #[cfg_attr(feature = "schema", schema(value_type = UnknownColumns))]
    pub unknown_columns: Given<'a>,
    /// A label of the WHATWG Encoding Standard, such as `windows-1252`; a byte order mark wins. UTF-8 if there is neither.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub encoding: Given<'a>,
    /// `comma`, `semicolon`, `tab` or `pipe`; found out from the header if none is named.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub delimiter: Given<'a>,
    /// `present` or `absent`: whether the first row names the columns. Without it `columns` says what they mean.
    #[cfg_attr(feature = "schema", schema(value_type = HeaderRow))]
    pub header: Given<'a>,
    /// What columns mean: an object of header cells (or `#` and a position), each with a member or null, which leaves
    /// the column out; without a header an array by position. At most 16 KB of JSON and 1,000 entries.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Value>))]
    pub columns: Given<'a>,
    /// The country of phone numbers that have no country code, as ISO 3166-1 has it.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Country>))]
    pub country: Given<'a>,
    /// `ignore`, `report` or `disable`, in `upsert` of a whole roster: what happens to enabled accounts that imports
    /// have made and that are not in the file. Accounts with an admin role and the sender's own are left alone.
    #[cfg_attr(feature = "schema", schema(value_type = Missing))]
    pub missing: Given<'a>,
    /// How many of those accounts may be disabled, in per cent: 0 to 100, 10 if none is given. If more are missing, none
    /// is disabled.
    #[cfg_attr(feature = "schema", schema(value_type = u8, maximum = 100))]
    pub missing_limit: Given<'a>,
}

impl<'a> ImportOptionsDraft<'a> {
    /// Returns the options as `given` has them, by their names in the API.
    pub fn of(mut given: impl FnMut(&'static str) -> Given<'a>) -> Self {
        Self {
            mode: given("mode"),
            dry_run: given("dryRun"),
            ignore_duplicates: given("ignoreDuplicates"),
            default_roles: given("defaultRoles"),
            unknown_columns: given("unknownColumns"),
            encoding: given("encoding"),
            delimiter: given("delimiter"),
            header: given("header"),
            columns: given("columns"),
            country: given("country"),
            missing: given("missing"),
            missing_limit: given("missingLimit"),
        }
    }

    /// The options, with the contract's defaults for what was left out.
    ///
    /// # Errors
    ///
    /// Every fault, among them default roles that are not in `assignable`.
    #[expect(clippy::too_many_lines, reason = "a complete list of options")]
    pub fn parse(self, assignable: Roles) -> Result<ImportOptions, Vec<Violation>> {
        const MODES: [(&str, Mode); 3] = [
            ("create", Mode::Create),
            ("upsert", Mode::Upsert),
            ("validate", Mode::Validate),
        ];
        const TREATMENTS: [(&str, UnknownColumns); 2] = [
            ("refuse", UnknownColumns::Refuse),
            ("ignore", UnknownColumns::Ignore),
        ];

        let Self {
            mode,
            dry_run,
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
        } = self;
        let default = ImportOptions::default();
        let mut faults = Faults::default();

        let mode = faults.defaulted(&mode, default.mode, |faults, given| {
            faults.choice("mode", given, &MODES)
        });
        let dry_run = faults.defaulted(&dry_run, false, |faults, given| faults.flag("dryRun", given));
        let ignore_duplicates =
            faults.defaulted(&ignore_duplicates, default.ignore_duplicates, |faults, given| {
                faults.flag("ignoreDuplicates", given)
            });
        let default_roles = faults.defaulted(&default_roles, default.default_roles, |faults, given| {
            let labels = match given {
                Given::Text(text) => Given::list(text),
                given => given.clone(),
            };
            let roles = labels.named(|label| Role::from_label(label).map(Role::as_str));
            faults.roles("defaultRoles", &roles, |role| objection(role, assignable))
        });
        let unknown_columns = faults.defaulted(&unknown_columns, default.unknown_columns, |faults, given| {
            faults.choice("unknownColumns", given, &TREATMENTS)
        });

        let reading = reading::read(&mut faults, &encoding, &delimiter, &header);
        let columns = columns_of(&mut faults, &columns);
        let country = faults.optional("country", &country);
        let missing = missing::read(&mut faults, mode, &missing, &missing_limit);
        let options = || {
            let (encoding, delimiter, header) = reading?;
            let (missing, missing_limit) = missing?;
            let mode = mode?;
            let is_dry = dry_run? || mode == Mode::Validate;
            Some(ImportOptions {
                mode,
                act: if is_dry { Act::DryRun } else { Act::Import },
                ignore_duplicates: ignore_duplicates?,
                default_roles: default_roles?,
                unknown_columns: unknown_columns?,
                encoding,
                delimiter,
                header,
                columns,
                country,
                missing,
                missing_limit,
            })
        };
        faults.finish(options())
    }
}

/// Reads what the sender says that columns mean, in JSON.
fn columns_of(faults: &mut Faults, given: &Given<'_>) -> Option<ColumnMapping> {
    const NAME: &str = "columns";

    let json = match given {
        Given::Absent | Given::Null => return None,
        Given::Text(json) if json.trim().is_empty() => return None,
        Given::Text(json) => json,
        _ => {
            faults.add(
                NAME,
                (Code::InvalidFormat, InvalidMapping::NotJson.to_string()),
                &Given::Other,
            );
            return None;
        }
    };
    match ColumnMapping::of_json(json) {
        Ok(mapping) => Some(mapping),
        Err(fault) => {
            let code = match fault {
                InvalidMapping::TooLong => Code::TooLong,
                InvalidMapping::TooMany => Code::OutOfRange,
                InvalidMapping::RepeatedKey(_) | InvalidMapping::RepeatedMember { .. } => Code::Repeated,
                InvalidMapping::NotJson | InvalidMapping::UnknownMember { .. } => Code::InvalidFormat,
            };
            let meant = match &fault {
                InvalidMapping::UnknownMember { nearest, .. } => {
                    nearest.map(|member| member.name().to_owned())
                }
                _ => None,
            };
            let fault = (code, fault.to_string());
            faults.add_suggesting(NAME, fault, &Given::Other, meant);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn options_of_an_earlier_version_are_read() {
        let stored = json!({
            "mode": "upsert",
            "ignoreDuplicates": true,
            "defaultRoles": ["ROLE_COLLABORATOR"],
            "unknownColumns": "ignore",
        });

        let options: ImportOptions = serde_json::from_value(stored.clone()).unwrap();

        assert_eq!((options.mode, options.header), (Mode::Upsert, HeaderRow::Present));
        assert_eq!(serde_json::to_value(options).unwrap(), stored);
    }

    #[test]
    fn what_is_left_out_is_as_the_contract_says() {
        let options = ImportOptionsDraft::default().parse(Roles::ALL);

        assert_eq!(options, Ok(ImportOptions::default()));
    }

    #[test]
    fn every_word_has_its_meaning() {
        let draft = ImportOptionsDraft {
            mode: "upsert".into(),
            dry_run: Given::Flag(true),
            ignore_duplicates: Given::Flag(true),
            default_roles: "Originator; ROLE_COLLABORATOR".into(),
            unknown_columns: "ignore".into(),
            encoding: "Latin1".into(),
            delimiter: "pipe".into(),
            header: "absent".into(),
            columns: r#"{"Tel.": "mobileNumber", "Notes": null}"#.into(),
            country: "gb".into(),
            missing: "disable".into(),
            missing_limit: "25".into(),
        };
        let ordinary = Roles::from(Role::Originator).with(Role::Collaborator);

        let options = draft.parse(ordinary).unwrap();

        assert_eq!((options.mode, options.ignore_duplicates), (Mode::Upsert, true));
        assert!(options.is_dry());
        assert_eq!(options.default_roles, ordinary);
        assert_eq!(options.unknown_columns, UnknownColumns::Ignore);
        let reading = (options.encoding, options.delimiter, options.header);
        let read = (
            Some(Encoding::WINDOWS_1252),
            Some(Delimiter::Pipe),
            HeaderRow::Absent,
        );
        assert_eq!(reading, read);
        assert_eq!(options.country.unwrap().to_string(), "GB");
        assert_eq!(options.missing, Missing::Disable);
        assert_eq!(options.missing_limit.per_cent(), 25);
        let stored = serde_json::to_value(&options).unwrap();
        assert_eq!(stored["delimiter"], "pipe");
        assert_eq!(
            stored["columns"],
            json!({ "Tel.": "mobileNumber", "Notes": null })
        );
        assert_eq!(serde_json::from_value::<ImportOptions>(stored).unwrap(), options);
        for (word, mode, is_dry) in [
            ("create", Mode::Create, false),
            ("validate", Mode::Validate, true),
        ] {
            let draft = ImportOptionsDraft {
                mode: word.into(),
                ..ImportOptionsDraft::default()
            };
            let options = draft.parse(ordinary).unwrap();
            assert_eq!((options.mode, options.is_dry()), (mode, is_dry));
        }
    }

    #[test]
    fn every_fault_is_told() {
        let draft = ImportOptionsDraft {
            mode: "Create".into(),
            dry_run: "perhaps".into(),
            ignore_duplicates: "perhaps".into(),
            default_roles: "ROLE_SYSTEM_ADMIN".into(),
            unknown_columns: Given::Flag(true),
            encoding: "utf-7".into(),
            delimiter: ",".into(),
            header: "none".into(),
            columns: r#"{"Tel.": "phone"}"#.into(),
            country: "ZZ".into(),
            missing: "delete".into(),
            missing_limit: Given::Number(101),
        };

        let faults = draft.parse(Role::Originator.into()).unwrap_err();

        let told: Vec<_> = faults
            .iter()
            .map(|fault| (fault.place.path(), fault.code))
            .collect();
        assert_eq!(
            told,
            [
                ("mode", Code::InvalidFormat),
                ("dryRun", Code::InvalidFormat),
                ("ignoreDuplicates", Code::InvalidFormat),
                ("defaultRoles", Code::ForbiddenRole),
                ("unknownColumns", Code::InvalidFormat),
                ("encoding", Code::InvalidFormat),
                ("delimiter", Code::InvalidFormat),
                ("header", Code::InvalidFormat),
                ("columns", Code::InvalidFormat),
                ("country", Code::InvalidFormat),
                ("missing", Code::InvalidFormat),
                ("missingLimit", Code::OutOfRange),
            ]
        );
        assert_eq!(faults[8].suggestion.as_deref(), Some("mobileNumber"));
    }

    #[test]
    fn only_an_upsert_has_missing_accounts() {
        for (mode, missing, limit, is_sound) in [
            ("upsert", "report", "", false),
            ("upsert", "report", "0", true),
            ("upsert", "disable", " 100 ", true),
            ("upsert", "disable", "10.5", false),
            ("upsert", "disable", "-1", false),
            ("create", "disable", "10", false),
            ("validate", "report", "10", false),
            ("create", "ignore", "10", true),
        ] {
            let draft = ImportOptionsDraft {
                mode: mode.into(),
                missing: missing.into(),
                missing_limit: limit.into(),
                ..ImportOptionsDraft::default()
            };
            let parsed = draft.parse(Roles::ALL);
            assert_eq!(
                parsed.is_ok(),
                is_sound,
                "{mode}, {missing}, {limit:?}: {parsed:?}"
            );
        }
    }
}
