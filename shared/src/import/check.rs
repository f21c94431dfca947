//! From a row to a user, or to every fault of the row.

use std::sync::Arc;

use super::{Cells, Columns, Content, MAX_ROW, Row};
use crate::models::import::RowError;
use crate::models::{
    AccountType, Code, Given, ImportId, Member, NewUser, Role, Roles, Timestamp, User, UserDraft, Violation,
};

/// How many faults of one row are told one by one: what is told of a row is kept together, in one item.
const MAX_FAULTS: usize = 100;

/// What the rows of one import are checked against.
#[derive(Debug)]
pub(super) struct Check {
    /// What each column means.
    pub(super) columns: Arc<Columns>,
    /// The roles that the sender may give.
    pub(super) assignable: Roles,
    /// The roles of a row that names none.
    pub(super) default_roles: Roles,
    /// The import, which its users name.
    pub(super) import: ImportId,
    /// When the users are made.
    pub(super) now: Timestamp,
}

impl Check {
    /// The user that `row` describes.
    ///
    /// # Errors
    ///
    /// Every fault of the row. A row with too few or too many cells has that fault alone, because it
    /// does not say which cell belongs to which column.
    pub(super) fn check(&self, row: &Row<'_>) -> Result<User, Vec<RowError>> {
        let new = match &row.content {
            Content::TooLarge => Err(vec![Violation::new(
                "",
                Code::RowTooLarge,
                format!("the row is longer than {} KiB and was not read", MAX_ROW / 1024),
            )]),
            Content::UnclosedQuote { line } => Err(vec![Violation::new(
                "",
                Code::UnclosedQuote,
                format!("the quote that opens on line {line} is never closed; nothing after it was read"),
            )]),
            Content::Cells(cells) => self.cells(cells),
        };
        let new = new.map_err(|violations| {
            limited(violations)
                .into_iter()
                .map(|violation| RowError::new(row.line, row.row, violation))
                .collect::<Vec<_>>()
        })?;
        Ok(User::new(new, self.now, Some((self.import, row.line))))
    }

    fn cells(&self, cells: &Cells<'_>) -> Result<NewUser, Vec<Violation>> {
        let mut violations: Vec<Violation> = (0..cells.count())
            .filter(|index| cells.get(*index).is_some_and(|cell| cell.is_err()))
            .map(|index| {
                let column = self.columns.header().get(index).map(String::as_str);
                let column = Violation::shown(column.unwrap_or_default());
                let shown = String::from_utf8_lossy(cells.bytes(index).unwrap_or_default());
                Violation::new(column, Code::NotUtf8, "is not valid in the encoding of the file")
                    .of_value(&shown)
            })
            .collect();
        let expected = self.columns.header().len();
        if cells.count() != expected {
            violations.push(Violation::new(
                "",
                Code::ColumnCount,
                format!("the row has {} cells, the header has {expected}", cells.count()),
            ));
            return Err(violations);
        }
        match self.draft(cells).parse(self.assignable) {
            Ok(new) if violations.is_empty() => Ok(new),
            Ok(_) => Err(violations),
            Err(faults) => {
                for mut fault in faults {
                    if let Some(column) = self.column(&fault.member) {
                        Violation::shown(column).clone_into(&mut fault.member);
                    }
                    // A cell that cannot be decoded was told already, and is not also missing.
                    if !violations
                        .iter()
                        .any(|told| told.member == fault.member && told.code == Code::NotUtf8)
                    {
                        violations.push(fault);
                    }
                }
                Err(violations)
            }
        }
    }

    fn draft<'a>(&self, cells: &Cells<'a>) -> UserDraft<'a> {
        let mut draft = draft(&self.columns, cells);
        if draft.roles.is_missing() {
            draft.roles = Given::List(
                self.default_roles
                    .iter()
                    .map(|role| role.as_str().into())
                    .collect(),
            );
        }
        draft
    }

    /// What the file calls `member`, if it has a column for it.
    fn column(&self, member: &str) -> Option<&str> {
        let member = Member::ALL.into_iter().find(|known| known.name() == member)?;
        self.columns.name(member)
    }
}

/// The first of very many faults, and how many more there are.
fn limited(mut violations: Vec<Violation>) -> Vec<Violation> {
    if violations.len() > MAX_FAULTS {
        let more = violations.len() + 1 - MAX_FAULTS;
        let code = violations[MAX_FAULTS - 1].code;
        violations.truncate(MAX_FAULTS - 1);
        let detail = format!("the row has {more} more faults; correct these first");
        violations.push(Violation::new("", code, detail));
    }
    violations
}

/// What a row gives for each member, in the members' own terms. A cell that cannot be decoded counts as
/// left out.
pub(super) fn draft<'a>(columns: &Columns, cells: &Cells<'a>) -> UserDraft<'a> {
    UserDraft::of(|member| {
        let given = columns.given(member, cells).unwrap_or_default();
        match member {
            Member::Roles => given.named(|label| Role::from_label(label).map(Role::as_str)),
            Member::AccountType => {
                given.named(|label| AccountType::from_label(label).map(AccountType::as_str))
            }
            _ => given,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{Dialect, Position, Rows};
    use crate::models::import::UnknownColumns;

    /// Column and code of a fault.
    type Told = (Option<String>, Code);

    /// What each row of a file gives: the roles of its user, or its faults.
    fn checked(file: &[u8]) -> Vec<Result<Roles, Vec<Told>>> {
        let mut rows = Rows::new(Dialect::detect(file).unwrap(), Position::START);
        rows.feed(file);
        rows.finish();
        let columns = Columns::read(rows.next_row(), UnknownColumns::Ignore).unwrap();
        let check = Check {
            columns: Arc::new(columns),
            assignable: Roles::ALL,
            default_roles: Role::Originator.into(),
            import: ImportId::of_object("bucket", "key", ""),
            now: Timestamp::MAX,
        };
        let mut all = Vec::new();
        while let Some(row) = rows.next_row() {
            all.push(match check.check(&row) {
                Ok(user) => Ok(user.roles),
                Err(faults) => Err(faults
                    .into_iter()
                    .map(|fault| (fault.column, fault.code))
                    .collect()),
            });
        }
        all
    }

    fn fault(column: &str, code: Code) -> (Option<String>, Code) {
        (Some(column.to_owned()), code)
    }

    #[test]
    fn the_default_roles_are_for_rows_that_name_none() {
        assert_eq!(
            checked(b"email,Role,Account type\na@example.org,,\nb@example.org,System Admin,ldap\n"),
            [Ok(Role::Originator.into()), Ok(Role::SystemAdmin.into())]
        );
    }

    #[test]
    fn faults_are_told_by_the_names_of_the_file() {
        assert_eq!(
            checked(b"E-Mail,Role,Account type\na@,boss,none\n"),
            [Err(vec![
                fault("E-Mail", Code::InvalidFormat),
                fault("Role", Code::UnknownRole),
                fault("Account type", Code::InvalidFormat),
            ])]
        );
    }

    #[test]
    fn a_cell_that_cannot_be_decoded_is_one_fault() {
        assert_eq!(
            checked(b"E-Mail,Role,Note\n\xFF,boss,\na@example.org,,\xFF\n"),
            [
                Err(vec![
                    fault("E-Mail", Code::NotUtf8),
                    fault("Role", Code::UnknownRole)
                ]),
                Err(vec![fault("Note", Code::NotUtf8)]),
            ]
        );
    }

    #[test]
    fn a_row_of_another_length_has_that_fault_alone() {
        assert_eq!(
            checked(b"email,roles\nnobody\n"),
            [Err(vec![(None, Code::ColumnCount)])]
        );
    }

    #[test]
    fn very_many_faults_are_counted_instead_of_told() {
        let faults = |count: usize| -> Vec<_> {
            (0..count)
                .map(|index| {
                    let code = if index == MAX_FAULTS - 1 {
                        Code::Required
                    } else {
                        Code::NotUtf8
                    };
                    Violation::new(index.to_string(), code, "is not valid")
                })
                .collect()
        };

        assert_eq!(limited(faults(MAX_FAULTS)), faults(MAX_FAULTS));

        let mut told = limited(faults(MAX_FAULTS + 50));
        let rest = told.pop().unwrap();
        assert_eq!(told, faults(MAX_FAULTS - 1));
        assert_eq!(rest.code, Code::Required, "that of the first that is not told");
        assert_eq!(rest.message(), "the row has 51 more faults; correct these first");
    }
}
