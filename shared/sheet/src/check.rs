//! From a row to a user, or to every fault of the row.

use std::sync::Arc;

use roster::{
    AccountType, Code, Given, ImportId, Member, NewUser, Place, Role, Roles, Timestamp, User, UserDraft,
    Violation,
};

use crate::{Cells, Columns, Content, MAX_ROW, Row, RowError};

/// How many faults of one row are told one by one: what is told of a row is kept together, in one item.
const MAX_FAULTS: usize = 100;

/// What the rows of one import are checked against.
#[derive(Debug)]
pub struct Check {
    /// What each column means.
    pub columns: Arc<Columns>,
    /// The roles that the sender may give.
    pub assignable: Roles,
    /// The roles of a row that names none.
    pub default_roles: Roles,
    /// The import, which its users name.
    pub import: ImportId,
    /// When the users are made.
    pub now: Timestamp,
}

/// A row that may be imported.
#[derive(Clone, Debug)]
pub struct SoundRow {
    /// The user that it describes.
    pub user: User,
    /// What looks odd in it.
    pub warnings: Vec<RowError>,
}

/// A fault and the index of the column that has it; none for the row as a whole.
type CellFault = (Option<usize>, Violation);

impl Check {
    /// Returns the user that `row` describes.
    ///
    /// # Errors
    ///
    /// Every fault of the row, warnings included. A row with too few or too many cells has that fault alone,
    /// because it does not say which cell belongs to which column.
    pub fn check(&self, row: &Row<'_>) -> Result<SoundRow, Vec<RowError>> {
        let mut faults = Vec::new();
        let new = match &row.content {
            Content::TooLarge => {
                let detail = format!("the row is longer than {} KiB and was not read", MAX_ROW / 1024);
                faults.push((None, Violation::new("", Code::RowTooLarge, detail)));
                None
            }
            Content::UnclosedQuote { line } => {
                let detail =
                    format!("the quote that opens on line {line} is never closed; nothing after it was read");
                faults.push((None, Violation::new("", Code::UnclosedQuote, detail)));
                None
            }
            Content::Cells(cells) => self.cells(cells, &mut faults),
        };
        let told = |faults| self.told(row, faults);
        match new {
            Some(new) => Ok(SoundRow {
                user: User::new(new, self.now, Some((self.import, row.line))),
                warnings: told(faults),
            }),
            None => Err(told(faults)),
        }
    }

    /// Returns the account that the cells describe, if they have no errors.
    fn cells(&self, cells: &Cells<'_>, faults: &mut Vec<CellFault>) -> Option<NewUser> {
        let undecoded: Vec<_> = (0..cells.count())
            .filter(|index| cells.get(*index).is_some_and(|cell| cell.is_err()))
            .collect();
        for &index in &undecoded {
            let place = self.columns.meaning(index).map_or(Place::Whole, Place::Member);
            let shown = String::from_utf8_lossy(cells.bytes(index).unwrap_or_default());
            let fault = Violation::new(place, Code::NotUtf8, "is not valid in the encoding of the file");
            faults.push((Some(index), fault.of_value(&shown)));
        }
        let expected = self.columns.header().len();
        if cells.count() != expected {
            let detail = format!("the row has {} cells, the header has {expected}", cells.count());
            faults.push((None, Violation::new("", Code::ColumnCount, detail)));
            return None;
        }
        match self.draft(cells).parse(self.assignable) {
            Ok(new) => undecoded.is_empty().then_some(new),
            Err(violations) => {
                for violation in violations {
                    let column = violation
                        .place
                        .member()
                        .and_then(|member| self.columns.index(member));
                    // A cell that cannot be decoded has its fault already, and is not also missing.
                    if column.is_none_or(|column| !undecoded.contains(&column)) {
                        faults.push((column, violation));
                    }
                }
                None
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

    /// Returns the faults as they are recorded, each with the header cell of its column. A member without a column
    /// is named as in JSON.
    fn told(&self, row: &Row<'_>, faults: Vec<CellFault>) -> Vec<RowError> {
        limited(faults)
            .into_iter()
            .map(|(column, violation)| {
                let header = column.and_then(|column| self.columns.header().get(column));
                let name = header
                    .map(String::as_str)
                    .or(violation.place.member().map(Member::name));
                RowError::new(row.line, row.row, name, violation)
            })
            .collect()
    }
}

/// Returns the first of very many faults, and a last one with the number of the others.
fn limited(mut faults: Vec<CellFault>) -> Vec<CellFault> {
    if faults.len() > MAX_FAULTS {
        let more = faults.len() + 1 - MAX_FAULTS;
        faults.truncate(MAX_FAULTS - 1);
        let detail = format!("the row has {more} more errors; correct these first");
        faults.push((None, Violation::new("", Code::TooManyFaults, detail)));
    }
    faults
}

/// What a row gives for each member, in the members' own terms. A cell that cannot be decoded counts as
/// left out.
#[must_use]
pub fn draft<'a>(columns: &Columns, cells: &Cells<'a>) -> UserDraft<'a> {
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
    use crate::{Dialect, Position, Rows, UnknownColumns};

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
                Ok(sound) => Ok(sound.user.roles),
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
    fn very_many_faults_are_counted_instead_of_listed() {
        let faults = |count: usize| -> Vec<CellFault> {
            (0..count)
                .map(|column| (Some(column), Violation::new("", Code::NotUtf8, "is not valid")))
                .collect()
        };

        assert_eq!(limited(faults(MAX_FAULTS)), faults(MAX_FAULTS));

        let mut told = limited(faults(MAX_FAULTS + 50));
        let (column, rest) = told.pop().unwrap();
        assert_eq!(told, faults(MAX_FAULTS - 1));
        assert_eq!((column, rest.code), (None, Code::TooManyFaults));
        assert_eq!(rest.message(), "the row has 51 more errors; correct these first");
    }
}
