//! From a row to a user, or to every fault of the row.

use std::sync::Arc;

use roster::invisible::trimmed;
use roster::{
    Code, Email, Given, ImportId, Member, Members, NewUser, Place, Roles, Timestamp, User, UserDraft,
    Violation,
};

use crate::blank::is_blank;
use crate::cell::{CellRules, warnings};
use crate::encoding::{readable, whole};
use crate::quote::{has_escaped_quote, mended};
use crate::repair::is_suspicious;
use crate::{Cells, Columns, Content, Dialect, Encoding, MAX_ROW, NotUtf8, Row, RowError};

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
    /// What cells are read by.
    pub rules: CellRules,
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
    /// The members that it gives; the others are as for a new user.
    pub given: Members,
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
            Some((new, given)) => Ok(SoundRow {
                user: User::new(new, self.now, Some((self.import, row.line))),
                given,
                warnings: told(faults),
            }),
            None => Err(told(faults)),
        }
    }

    /// Returns the address of `row`, whatever else is wrong with the row; `None` if nobody can be sure of it.
    ///
    /// That is so where a row may hold more than one person: a quote that is closed by chance makes one row of several.
    /// It also is so where cells may not be in their columns, and where the address looks damaged.
    #[must_use]
    pub fn address(&self, row: &Row<'_>) -> Option<Email> {
        let Content::Cells(cells) = &row.content else {
            return None;
        };
        if malformed(cells).is_some() || self.column_count(cells).is_some() {
            return None;
        }
        let cell = self.columns.cell(Member::Email, cells).ok()??;
        if row.quoted_lines.is_some() && ats(cells.text()) > ats(cell.as_bytes()) {
            return None;
        }
        match self.rules.given(Member::Email, cell) {
            Given::Text(address) if warnings(Member::Email, &address).is_empty() => address.parse().ok(),
            _ => None,
        }
    }

    /// Returns the account that the cells describe and the members they give, if they have no errors.
    fn cells(&self, cells: &Cells<'_>, faults: &mut Vec<CellFault>) -> Option<(NewUser, Members)> {
        if let Some(index) = malformed(cells) {
            faults.push((Some(index), self.malformed_quote(index, cells)));
            return None;
        }
        let undecoded: Vec<_> = if cells.are_valid() {
            Vec::new()
        } else {
            let is_invalid = |index: &usize| matches!(cells.get(*index), Some(Err(NotUtf8)));
            (0..cells.count()).filter(is_invalid).collect()
        };
        for &index in &undecoded {
            let place = self.columns.meaning(index).map_or(Place::Whole, Place::Member);
            let cell = cells.bytes(index).unwrap_or_default();
            faults.push((Some(index), self.not_utf8(place, cell)));
        }
        if let Some(fault) = self.column_count(cells) {
            faults.push((None, fault));
            return None;
        }
        for column in self.columns.unnamed() {
            if let Some(Ok(cell)) = cells.get(column)
                && !trimmed(cell).is_empty()
            {
                let detail = format!(
                    "is in column {}, which has no name; name the column or empty the cell",
                    column + 1
                );
                let fault = Violation::new("", Code::UnnamedColumn, detail);
                faults.push((None, fault.of_value(trimmed(cell))));
            }
        }
        self.draft(cells, &undecoded, faults)
    }

    /// Reads the members that the row gives.
    fn draft(
        &self,
        cells: &Cells<'_>,
        undecoded: &[usize],
        faults: &mut Vec<CellFault>,
    ) -> Option<(NewUser, Members)> {
        let mut given = Members::NONE;
        let mut odd = Members::NONE;
        let draft = UserDraft::of(|member| {
            // A cell that cannot be decoded counts as left out.
            let cell = self.columns.cell(member, cells).ok().flatten();
            let value = cell.map_or(Given::Absent, |cell| self.rules.given(member, cell));
            if !value.is_missing() {
                given = given.with(member);
                if member.takes_any_text() && cell.is_some_and(is_suspicious) {
                    odd = odd.with(member);
                }
            }
            match member {
                Member::Roles if value.is_missing() => Given::List(
                    self.default_roles
                        .iter()
                        .map(|role| role.as_str().into())
                        .collect(),
                ),
                _ => value,
            }
        });
        let parsed = draft.parse(self.rules.assignable);
        let has_errors = !faults.is_empty();
        let mut wrong = Members::NONE;
        let new = match parsed {
            Ok(new) => Some(new).filter(|_| !has_errors),
            Err(violations) => {
                wrong = violations
                    .iter()
                    .filter_map(|fault| fault.place.member())
                    .fold(wrong, Members::with);
                faults.extend(self.explained(cells, undecoded, violations));
                None
            }
        };
        // What is wrong with a cell comes with a suggestion that mends all of it.
        for member in odd.iter().filter(|member| !wrong.contains(*member)) {
            let cell = self
                .columns
                .cell(member, cells)
                .ok()
                .flatten()
                .unwrap_or_default();
            let column = self.columns.index(member);
            faults.extend(
                warnings(member, cell)
                    .into_iter()
                    .map(|warning| (column, warning)),
            );
        }
        new.map(|new| (new, given))
    }

    /// Returns the faults of members in the words of a file, each with its column.
    fn explained(
        &self,
        cells: &Cells<'_>,
        undecoded: &[usize],
        violations: Vec<Violation>,
    ) -> Vec<CellFault> {
        let mut suggested: Option<(Member, Option<String>)> = None;
        let mut explained = Vec::with_capacity(violations.len());
        for (place, violation) in violations.into_iter().enumerate() {
            let Some(member) = violation.place.member() else {
                continue;
            };
            let column = self.columns.index(member);
            // A cell that cannot be decoded has its fault already, and is not also missing.
            if column.is_some_and(|column| undecoded.contains(&column)) {
                continue;
            }
            // What is not listed is not looked at: a cell may name thousands of roles.
            if place >= MAX_FAULTS {
                explained.push((column, violation));
                continue;
            }
            let cell = self
                .columns
                .cell(member, cells)
                .ok()
                .flatten()
                .unwrap_or_default();
            // All faults of a cell have one suggestion.
            let suggestion = match suggested.take() {
                Some((known, suggestion)) if known == member => suggestion,
                _ => self.rules.suggestion(member, cell),
            };
            suggested = Some((member, suggestion.clone()));
            let violation = self.rules.explained(member, cell, violation);
            explained.push((column, violation.suggesting(suggestion)));
        }
        explained
    }

    /// The fault of a cell in which text follows the closing quote.
    fn malformed_quote(&self, index: usize, cells: &Cells<'_>) -> Violation {
        let text = readable(
            cells.bytes(index).unwrap_or_default(),
            self.dialect.likely().encoding,
        );
        let detail = "has a quoted part that is not the whole cell: text follows the closing quote; write a quote \
                      inside a cell twice";
        Violation::new("", Code::MalformedQuote, detail)
            .of_value(&text)
            .suggesting(mended(&text).and_then(|text| self.meant(self.columns.meaning(index), text)))
    }

    /// Returns what a cell means that was meant to be `text`, which may have a fault of its own; none if nobody knows.
    fn meant(&self, member: Option<Member>, text: String) -> Option<String> {
        match member {
            Some(member) if !self.rules.is_sound(member, &text) => self.rules.suggestion(member, &text),
            _ => Some(text),
        }
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
            .filter(|text| !text.contains(char::is_control))
            .and_then(|text| self.meant(place.member(), text));
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
        let detail = if count > expected || count < expected && count < self.columns.named_cells() {
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

/// Returns how many addresses a text may have.
fn ats(text: &[u8]) -> usize {
    text.split(|byte| *byte == b'@').count() - 1
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

#[cfg(test)]
mod tests {
    use roster::Role;

    use super::*;
    use crate::{Dialect, Position, Rows, UnknownColumns};

    /// Column and code of a fault.
    type Told = (Option<String>, Code);

    /// What each row of a file gives: the roles of its user, or its faults.
    fn checked(file: &[u8]) -> Vec<Result<Roles, Vec<Told>>> {
        let told = |fault: RowError| (fault.column, fault.code);
        read(file)
            .into_iter()
            .map(|row| row.map_err(|faults| faults.into_iter().map(told).collect()))
            .collect()
    }

    /// The same with whole faults.
    fn read(file: &[u8]) -> Vec<Result<Roles, Vec<RowError>>> {
        of_each(file, |check, row| check.check(row).map(|sound| sound.user.roles))
    }

    /// The address of each row, if it can be read.
    fn addresses(file: &[u8]) -> Vec<Option<String>> {
        of_each(file, |check, row| {
            check.address(row).map(|email| email.as_str().to_owned())
        })
    }

    fn of_each<T>(file: &[u8], look: impl Fn(&Check, &Row<'_>) -> T) -> Vec<T> {
        let mut rows = Rows::new(Dialect::detect(file).unwrap(), Position::START);
        rows.feed(file);
        rows.finish();
        let columns = Columns::read(rows.next_row(), UnknownColumns::Ignore, None).unwrap();
        let check = Check {
            surplus: columns.surplus(),
            columns: Arc::new(columns),
            dialect: Dialect::detect(file).unwrap(),
            rules: CellRules {
                assignable: Roles::ALL,
                country: None,
            },
            default_roles: Role::Originator.into(),
            import: ImportId::of_object("bucket", "key", ""),
            now: Timestamp::MAX,
        };
        let mut all = Vec::new();
        while let Some(row) = rows.next_row() {
            all.push(look(&check, &row));
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
    fn what_a_cell_that_cannot_be_decoded_means_is_suggested_if_it_is_sound() {
        let file = b"E-Mail,First name,Phone,Role\n<jos\xE9@example.org,Jos\xE9,\xA712345,Colaborat\xF6r\n";

        let faults = read(file).remove(0).unwrap_err();

        let told: Vec<_> = faults
            .iter()
            .map(|fault| (fault.code, fault.suggestion.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                (Code::NotUtf8, Some("jos\u{E9}@example.org")),
                (Code::NotUtf8, Some("Jos\u{E9}")),
                (Code::NotUtf8, None),
                (Code::NotUtf8, Some("Collaborator")),
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
    fn what_a_cell_with_a_wrong_quote_means_is_suggested_if_it_is_sound() {
        let file = br#"E-Mail,Name
"ada@example.org"$"Ada",Ada
"mailto:"ada@example.org",Ada
ada@example.org,"Ada "King""
"#;

        let faults = read(file).into_iter().map(|row| row.unwrap_err().remove(0));

        let told: Vec<_> = faults.map(|fault| (fault.code, fault.suggestion)).collect();
        assert_eq!(
            told,
            [
                (Code::MalformedQuote, None),
                (Code::MalformedQuote, Some("ada@example.org".to_owned())),
                (Code::MalformedQuote, Some("Ada \"King\"".to_owned())),
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
    fn the_address_of_a_row_is_read_whatever_else_is_wrong_with_it() {
        let file = b"email,roles,enabled,note\n\
            a@example.org,Wizard,perhaps,\nmailto:b@example.org,,,\n<c@example.org>,boss,,\xFF\n\
            d@example.org,,,\"two\nlines\"\n";

        assert_eq!(
            addresses(file),
            ["a@", "b@", "c@", "d@"].map(|name| Some(format!("{name}example.org")))
        );
    }

    #[test]
    fn an_address_that_nobody_can_be_sure_of_is_none() {
        for row in [
            "",
            "nobody",
            "\u{FFFD}a@example.org",
            "j\u{C3}\u{BA}lia@example.org,x,,",
            ",Originator,,",
            "a@example.org",
            "a@example.org,,,,b@example.org",
            "a@example.org,,,\"b\" c",
            "a@example.org,,,\"x\nb@example.org,,,y\"",
            "a@example.org,,,\"x\nb@example.org,,,",
        ] {
            let file = format!("email,roles,enabled,note\n{row}\n");
            let read = addresses(file.as_bytes());
            assert!(read.iter().all(Option::is_none), "{row}: {read:?}");
        }
        let file = b"email,roles,enabled,note\n\xFF@example.org,,,\n";
        assert_eq!(addresses(file), [None]);
        let long = format!("email\na@example.org{}\n", "x".repeat(MAX_ROW));
        assert_eq!(addresses(long.as_bytes()), [None]);
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
