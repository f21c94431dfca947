//! What each column of a file means.

use std::collections::BTreeMap;

use roster::{Given, Member};
use serde::{Deserialize, Serialize};

use super::escape::unescape;
use super::fault::{FileFault, UnknownColumn};
use super::rejected;
use super::rows::{Cells, Content, NotUtf8, Row};
use crate::UnknownColumns;

/// What a column of that name means, if anything. Capitals, white space, `_`, `-` and `.` do not
/// matter, except that a name beginning with `_` never means anything.
#[must_use]
pub(crate) fn member_of(name: &str) -> Option<Member> {
    let name = trimmed(name);
    if is_private(name) {
        return None;
    }
    let name = bare(name);
    Member::ALL
        .into_iter()
        .find(|member| member.column_names().contains(&name.as_str()))
}

/// What a column of that unknown name was perhaps meant to be.
fn nearest_member(name: &str) -> Option<Member> {
    // Nothing longer is near to any of the names; and comparing takes time by length.
    const LONGEST: usize = 40;

    let name = bare(name);
    if name.len() > LONGEST {
        return None;
    }
    Member::ALL
        .into_iter()
        .flat_map(|member| member.column_names().iter().map(move |known| (member, known)))
        .map(|(member, known)| (strsim::osa_distance(&name, known), known.len(), member))
        // At most a third of the characters may differ.
        .filter(|(distance, length, _)| 3 * distance <= *length)
        .min_by_key(|(distance, ..)| *distance)
        .map(|(.., member)| member)
}

/// The columns of a file: its header, and what each of them means.
///
/// There is a column for the email, and none of the members has two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    header: Vec<String>,
    /// The index of the column of each member that has one. By name, because it is stored: a version that knows
    /// more members reads it as well.
    members: BTreeMap<Member, usize>,
}

impl Columns {
    /// How many unknown columns are named when a file is refused for them.
    const NAMED: usize = 20;

    /// Reads the first row of a file; none if there is no row at all.
    ///
    /// # Errors
    ///
    /// The reason for which the file is to be refused. Unknown columns are named before repeated ones,
    /// those before a missing email.
    pub fn read(header: Option<Row<'_>>, unknown: UnknownColumns) -> Result<Self, FileFault> {
        let cells = match header.ok_or(FileFault::Empty)?.content {
            Content::Cells(cells) => cells,
            Content::TooLarge => return Err(FileFault::HeaderTooLarge),
            Content::UnclosedQuote { line } => return Err(FileFault::HeaderUnclosedQuote { line }),
        };
        let header = cells
            .iter()
            .enumerate()
            .map(|(index, cell)| match cell {
                Ok(cell) => Ok(trimmed(unescape(cell)).to_owned()),
                Err(NotUtf8) => Err(FileFault::HeaderNotUtf8 { column: index + 1 }),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let meanings: Vec<_> = header.iter().map(|name| member_of(name)).collect();

        if unknown == UnknownColumns::Refuse {
            refuse_unknown(&header, &meanings)?;
        }
        Self::of(header, meanings)
    }

    fn of(header: Vec<String>, meanings: Vec<Option<Member>>) -> Result<Self, FileFault> {
        let mut members = BTreeMap::new();
        for (index, meaning) in meanings.into_iter().enumerate() {
            let Some(member) = meaning else { continue };
            if let Some(first) = members.insert(member, index) {
                return Err(FileFault::RepeatedColumn {
                    member,
                    first: header[first].clone(),
                    second: header[index].clone(),
                });
            }
        }
        if !members.contains_key(&Member::Email) {
            return Err(FileFault::NoEmail);
        }
        Ok(Self { header, members })
    }

    /// Returns the columns of a file without a header, which mean these members, each named as in JSON. A column that
    /// means nothing gets a name that says so.
    ///
    /// # Errors
    ///
    /// If none of them is for the email, or two are for one member.
    pub fn by_position(meanings: &[Option<Member>]) -> Result<Self, FileFault> {
        let names = meanings.iter().enumerate().map(|(index, member)| match member {
            Some(member) => member.name().to_owned(),
            None => format!("_{}", index + 1),
        });
        Self::of(names.collect(), meanings.to_vec())
    }

    /// The names of all columns as they stand in the file, trimmed, in order.
    #[must_use]
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The name of the column of a member, if the file has one.
    #[must_use]
    pub fn name(&self, member: Member) -> Option<&str> {
        self.header.get(*self.members.get(&member)?).map(String::as_str)
    }

    /// Returns the indices of the columns that keep cells without a column, as the rejected rows of an earlier round have
    /// them.
    #[must_use]
    pub fn surplus(&self) -> Vec<usize> {
        let names = self.header.iter().enumerate();
        names
            .filter(|(_, name)| rejected::is_surplus(name))
            .map(|(index, _)| index)
            .collect()
    }

    /// Returns the index of the column of a member, if the file has one.
    #[must_use]
    pub fn index(&self, member: Member) -> Option<usize> {
        self.members.get(&member).copied()
    }

    /// Returns what the column at an index means, if anything.
    #[must_use]
    pub fn meaning(&self, column: usize) -> Option<Member> {
        let mut members = self.members.iter();
        members.find_map(|(member, index)| (*index == column).then_some(*member))
    }

    /// The members that the file has a column for, each with the name of the column.
    pub fn members(&self) -> impl Iterator<Item = (Member, &str)> {
        self.members
            .keys()
            .filter_map(|member| Some((*member, self.name(*member)?)))
    }

    /// The names of the columns that mean nothing to the service, in order.
    pub fn ignored(&self) -> impl Iterator<Item = &str> {
        self.header
            .iter()
            .enumerate()
            .filter(|(index, _)| !self.members.values().any(|known| known == index))
            .map(|(_, name)| name.as_str())
    }

    /// The text of a member in a row, trimmed and [unescaped](super::escape); none if it is empty, or
    /// the row or the file has no such cell.
    ///
    /// # Errors
    ///
    /// If the cell is not valid in the encoding of the file.
    pub fn cell<'a>(&self, member: Member, cells: &Cells<'a>) -> Result<Option<&'a str>, NotUtf8> {
        let cell = self.members.get(&member).and_then(|index| cells.get(*index));
        let text = unescape(cell.transpose()?.unwrap_or_default()).trim();
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// The value of a member in a row, before any rule is applied to it. Several roles are separated by
    /// `;`, `|` or `,`; an account is enabled or not by `true`, `yes`, `1`, `enabled`, `active` and their
    /// opposites.
    ///
    /// # Errors
    ///
    /// If the cell is not valid in the encoding of the file.
    pub fn given<'a>(&self, member: Member, cells: &Cells<'a>) -> Result<Given<'a>, NotUtf8> {
        Ok(match (self.cell(member, cells)?, member) {
            (None, _) => Given::Absent,
            (Some(cell), Member::Roles) => roles(cell),
            (Some(cell), Member::Enabled) => flag(cell),
            (Some(cell), _) => Given::from(cell),
        })
    }
}

/// The roles that the cell has; absent if it has separators only.
fn roles(cell: &str) -> Given<'_> {
    match Given::list(cell) {
        Given::List(roles) if roles.is_empty() => Given::Absent,
        roles => roles,
    }
}

/// A flag, or the text when it is none.
fn flag(cell: &str) -> Given<'_> {
    let is_any = |words: &[&str]| words.iter().any(|word| cell.eq_ignore_ascii_case(word));
    if is_any(&["true", "yes", "1", "enabled", "active"]) {
        Given::Flag(true)
    } else if is_any(&["false", "no", "0", "disabled", "inactive"]) {
        Given::Flag(false)
    } else {
        Given::from(cell)
    }
}

/// Refuses a header that has columns without a meaning, other than those that say so themselves.
fn refuse_unknown(header: &[String], meanings: &[Option<Member>]) -> Result<(), FileFault> {
    let mut unknown = header
        .iter()
        .zip(meanings)
        .enumerate()
        .filter(|(_, (name, meaning))| meaning.is_none() && !is_private(name));
    let columns: Vec<_> = unknown
        .by_ref()
        .take(Columns::NAMED)
        .map(|(index, (name, _))| UnknownColumn {
            column: index + 1,
            name: name.clone(),
            nearest: nearest_member(name),
        })
        .collect();
    if columns.is_empty() {
        return Ok(());
    }
    Err(FileFault::UnknownColumns {
        columns,
        more: unknown.count(),
    })
}

/// Whether the name itself says that the column is not for the service.
fn is_private(name: &str) -> bool {
    name.starts_with('_')
}

/// The name without white space and stray byte order marks around it.
fn trimmed(name: &str) -> &str {
    name.trim_matches(|char: char| char.is_whitespace() || char == '\u{FEFF}')
}

/// The name without all that does not matter in it.
fn bare(name: &str) -> String {
    name.chars()
        .filter(|char| !char.is_whitespace() && !['_', '-', '.', '\u{FEFF}'].contains(char))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests;
