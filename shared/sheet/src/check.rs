//! From a row to a user, or to every fault of the row.

use std::sync::Arc;

use roster::{
    AccountType, Code, Given, ImportId, Member, NewUser, Place, Role, Roles, Timestamp, User, UserDraft,
    Violation,
};

use crate::blank::is_blank;
use crate::encoding::{readable, whole};
use crate::quote::{has_escaped_quote, mended};
use crate::{Cells, Columns, Content, Dialect, Encoding, MAX_ROW, Row, RowError};

/// How many faults of one row are told one by one: what is told of a row is kept together, in one item.
const MAX_FAULTS: usize = 100;

/// What the rows of one import are checked against.
#[derive(Debug)]
pub struct Check {
    /// What each column means.
    pub columns: Arc<Columns>,
    /// The columns under which an earlier round has kept cells that have none.
    pub surplus: Vec<usize>,
    /// How the file is written.
    pub dialect: Dialect,
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
        if let Some(index) = malformed(cells) {
            faults.push((
                Some(index),
                self.malformed_quote(cells.bytes(index).unwrap_or_default()),
            ));
            return None;
        }
        let undecoded: Vec<_> = (0..cells.count())
            .filter(|index| cells.get(*index).is_some_and(|cell| cell.is_err()))
            .collect();
        for &index in &undecoded {
            let place = self.columns.meaning(index).map_or(Place::Whole, Place::Member);
            let cell = cells.bytes(index).unwrap_or_default();
            faults.push((Some(index), self.not_utf8(place, cell)));
        }
        if let Some(fault) = self.column_count(cells) {
            faults.push((None, fault));
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

    /// The fault of a cell in which text follows the closing quote.
    fn malformed_quote(&self, cell: &[u8]) -> Violation {
        let text = readable(cell, self.dialect.likely().encoding);
        let detail = "has a quoted part that is not the whole cell: text follows the closing quote; write a quote \
                      inside a cell twice";
        Violation::new("", Code::MalformedQuote, detail)
            .of_value(&text)
            .suggesting(mended(&text))
    }

    /// The fault of a cell that has bytes which are not valid in the encoding of the file.
    fn not_utf8(&self, place: Place, cell: &[u8]) -> Violation {
        let likely = self.dialect.likely();
        let name = likely.encoding.name();
        let detail = if self.dialect.encoding != Encoding::UTF_8 {
            format!(
                "is not valid {}; send the encoding that the file is in, or save it as \"CSV UTF-8\" and leave out the \
                 encoding",
                self.dialect.encoding.name()
            )
        } else if likely.mixed {
            format!(
                "is not valid UTF-8, unlike other lines of the file; it looks like {name}: correct the cell"
            )
        } else {
            format!(
                "is not valid UTF-8; it looks like {name}: save the file as \"CSV UTF-8\", or send encoding={name}"
            )
        };
        let meant = (self.dialect.encoding == Encoding::UTF_8)
            .then(|| whole(cell, likely.encoding))
            .flatten()
            .map(|text| text.trim_matches(is_blank).to_owned())
            .filter(|text| !text.contains(char::is_control));
        Violation::new(place, Code::NotUtf8, detail)
            .of_value(&readable(cell, likely.encoding))
            .suggesting(meant)
    }

    /// The fault of a row whose cells are not those of the header. Empty cells beyond the last column do not exist.
    fn column_count(&self, cells: &Cells<'_>) -> Option<Violation> {
        let expected = self.columns.header().len();
        let mut count = cells.count();
        while count > expected && cells.is_blank(count - 1) {
            count -= 1;
        }
        let detail = if count != expected {
            let cells = if count == 1 { "cell" } else { "cells" };
            format!("the row has {count} {cells}, the header has {expected}")
        } else if let Some(index) = self.surplus.iter().find(|index| !cells.is_blank(**index)) {
            let name = &self.columns.header()[*index];
            format!(
                "the row has a value under {name:?}, where cells are kept that have no column; move it to its column, \
                     or delete it"
            )
        } else {
            return None;
        };
        Some(Violation::new("", Code::ColumnCount, detail))
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
                RowError::new(row.line, row.row, name, violation).ending(row.lines())
            })
            .collect()
    }
}

/// The first cell in which text follows a closing quote, or which looks so: `\"` is how other programs write a quote
/// inside quotes, so a cell that has it is taken for one wherever it comes from.
fn malformed(cells: &Cells<'_>) -> Option<usize> {
    if let Some(index) = cells.malformed().first() {
        return Some(*index);
    }
    if !has_escaped_quote(cells.text()) {
        return None;
    }
    // Or the backslash ends a cell, and a quote begins the next.
    (0..cells.count()).find(|index| cells.bytes(*index).is_some_and(has_escaped_quote))
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
            surplus: columns.surplus(),
            columns: Arc::new(columns),
            dialect: Dialect::detect(file).unwrap(),
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
    fn a_quote_that_does_not_end_its_cell_is_the_fault_of_the_row_alone() {
        assert_eq!(
            checked(b"E-Mail,Name\n\xFF,\"a \\\"b\\\"\"\nx,\"a\\\"\"b\"\na@example.org,\"b\"\"c\"\n"),
            [
                Err(vec![fault("Name", Code::MalformedQuote)]),
                Err(vec![fault("Name", Code::MalformedQuote)]),
                Ok(Role::Originator.into()),
            ]
        );
    }

    #[test]
    fn empty_cells_beyond_the_last_column_do_not_exist() {
        assert_eq!(
            checked(b"email,roles\na@example.org,,, ,\nb@example.org,,,x\n"),
            [Ok(Role::Originator.into()), Err(vec![(None, Code::ColumnCount)])]
        );
    }

    #[test]
    fn a_value_that_is_left_without_a_column_fails_again() {
        assert_eq!(
            checked(b"email,_extra1,_line\na@example.org,,2\nb@example.org,x,3\n"),
            [Ok(Role::Originator.into()), Err(vec![(None, Code::ColumnCount)])]
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
