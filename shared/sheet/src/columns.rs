//! What each column of a file means.

use std::collections::BTreeMap;

use roster::invisible::trimmed;
use roster::{Member, bare};
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use utoipa::ToSchema;

use super::escape::unescape;
use super::export::ExportedUsers;
use super::fault::{FileFault, UnknownColumn};
use super::labels::{self, is_private};
use super::mapping::ColumnMapping;
use super::rejected;
use super::rows::{Cells, Content, NotUtf8, Row};
use crate::UnknownColumns;

/// How the meaning of a column was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum Understood {
    /// It is called as the member is in JSON.
    Name,
    /// It has a label of the table.
    Label,
    /// The sender of the file said so.
    Mapping,
}

/// The columns of a file: its header, and what each of them means.
///
/// There is a column for the email, and none of the members has two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    header: Vec<String>,
    /// The index of the column of each member that has one. By name, because it is stored: a version that knows
    /// more members reads it as well.
    members: MemberColumns,
    /// How each of them was understood; nothing in what an earlier version stored.
    #[serde(default)]
    understood: BTreeMap<Member, Understood>,
}

/// The index of the column of each member that has one. Looked up ten times a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<Member, usize>", into = "BTreeMap<Member, usize>")]
struct MemberColumns([Option<usize>; Member::ALL.len()]);

impl MemberColumns {
    fn get(&self, member: Member) -> Option<usize> {
        self.0[member as usize]
    }

    fn iter(&self) -> impl Iterator<Item = (Member, usize)> {
        Member::ALL
            .into_iter()
            .zip(self.0)
            .filter_map(|(member, column)| Some((member, column?)))
    }
}

impl From<BTreeMap<Member, usize>> for MemberColumns {
    fn from(members: BTreeMap<Member, usize>) -> Self {
        Self(Member::ALL.map(|member| members.get(&member).copied()))
    }
}

impl From<MemberColumns> for BTreeMap<Member, usize> {
    fn from(members: MemberColumns) -> Self {
        members.iter().collect()
    }
}

impl Columns {
    /// How many columns are named when a file is refused for them.
    const NAMED: usize = 20;

    /// Reads the first row of a file; none if there is no row at all. `mapping` is what the sender said of columns,
    /// which beats the table of labels.
    ///
    /// # Errors
    ///
    /// The reason for which the file is to be refused: a key of the mapping that no column has, then a missing
    /// email, then columns with one meaning, then unknown ones.
    pub fn read(
        header: Option<Row<'_>>,
        unknown: UnknownColumns,
        mapping: Option<&ColumnMapping>,
    ) -> Result<Self, FileFault> {
        let header = names(header)?;
        let mapped = mapped(&header, mapping)?;
        let meanings = meanings(&header, &mapped);

        let mut members = BTreeMap::new();
        let mut understood = BTreeMap::new();
        let mut repeated = None;
        for (column, meaning) in meanings.iter().enumerate() {
            let Some((member, how)) = *meaning else { continue };
            if let Some(first) = members.insert(member, column) {
                repeated = repeated.or_else(|| Some(FileFault::repeated(member, &header, first, column)));
            }
            understood.insert(member, how);
        }
        if !members.contains_key(&Member::Email) {
            return Err(FileFault::no_email(&header));
        }
        if let Some(fault) = repeated {
            return Err(fault);
        }
        if unknown == UnknownColumns::Refuse {
            // A label that another column was mapped to is known, and so is what the mapping names.
            let is_known = |column: usize| {
                meanings[column].is_some()
                    || mapped.contains_key(&column)
                    || labels::meaning(&header[column]).is_some()
                    || ExportedUsers::is_set(&header, &header[column])
            };
            // A member that another column means already is no advice: two are refused as well.
            refuse_unknown(&header, is_known, |member| !members.contains_key(&member))?;
        }
        Ok(Self {
            header,
            members: members.into(),
            understood,
        })
    }

    /// Returns the columns of a file without a header, by position. A column that means nothing is called by its
    /// position, and is left out.
    ///
    /// # Errors
    ///
    /// If no column is one of addresses, or two are for one member.
    pub fn by_position(columns: &[Option<Member>]) -> Result<Self, FileFault> {
        let header: Vec<_> = columns
            .iter()
            .enumerate()
            .map(|(column, member)| match member {
                Some(member) => member.name().to_owned(),
                None => format!("_{}", column + 1),
            })
            .collect();
        let mut members = BTreeMap::new();
        for (column, member) in columns.iter().enumerate() {
            let Some(member) = member else { continue };
            if let Some(first) = members.insert(*member, column) {
                return Err(FileFault::repeated(*member, &header, first, column));
            }
        }
        if !members.contains_key(&Member::Email) {
            return Err(FileFault::no_email(&header));
        }
        Ok(Self {
            header,
            understood: members
                .keys()
                .map(|member| (*member, Understood::Mapping))
                .collect(),
            members: members.into(),
        })
    }

    /// Returns the names of all columns as they are in the file, trimmed, in order.
    #[must_use]
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Returns the name of the column of a member, if the file has one.
    #[must_use]
    pub fn name(&self, member: Member) -> Option<&str> {
        self.header.get(self.members.get(member)?).map(String::as_str)
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
        self.members.get(member)
    }

    /// Returns what the column at an index means, if anything.
    #[must_use]
    pub fn meaning(&self, column: usize) -> Option<Member> {
        let mut members = self.members.iter();
        members.find_map(|(member, index)| (index == column).then_some(member))
    }

    /// Returns the members that the file has a column for, each with the name of the column.
    pub fn members(&self) -> impl Iterator<Item = (Member, &str)> {
        self.members
            .iter()
            .filter_map(|(member, _)| Some((member, self.name(member)?)))
    }

    /// Returns how the column of each member was understood.
    pub fn understood(&self) -> impl Iterator<Item = (Member, Understood)> {
        self.understood.iter().map(|(member, how)| (*member, *how))
    }

    /// Returns the names of the columns that mean nothing to the service, in order; those without a name are left
    /// out.
    pub fn ignored(&self) -> impl Iterator<Item = &str> {
        let columns = self.header.iter().enumerate();
        columns
            .filter(|(column, name)| !name.is_empty() && self.meaning(*column).is_none())
            .map(|(_, name)| name.as_str())
    }

    /// Returns the columns without a name.
    pub fn unnamed(&self) -> impl Iterator<Item = usize> {
        let columns = self.header.iter().enumerate();
        columns
            .filter(|(_, name)| name.is_empty())
            .map(|(column, _)| column)
    }

    /// Returns how many cells a row has at least: those up to the last column with a name.
    #[must_use]
    pub fn named_cells(&self) -> usize {
        let last = self.header.iter().rposition(|name| !name.is_empty());
        last.map_or(0, |last| last + 1)
    }

    /// Returns the text of a member in a row, without white space around it and [unescaped](super::escape); none if
    /// the row or the file has no such cell.
    ///
    /// # Errors
    ///
    /// If the cell is not valid in the encoding of the file.
    pub fn cell<'a>(&self, member: Member, cells: &Cells<'a>) -> Result<Option<&'a str>, NotUtf8> {
        let cell = self.members.get(member).and_then(|index| cells.get(index));
        Ok(cell.transpose()?.map(|cell| unescape(cell).trim()))
    }
}

/// What the sender says that columns mean, by index; nothing leaves a column out.
pub(crate) type Mapped = BTreeMap<usize, Option<Member>>;

/// Returns what the sender says that the columns of a header mean.
///
/// # Errors
///
/// If there is no such column.
pub(crate) fn mapped(header: &[String], mapping: Option<&ColumnMapping>) -> Result<Mapped, FileFault> {
    mapping.map_or_else(|| Ok(Mapped::new()), |mapping| mapping.columns(header))
}

/// Returns what each column of a header means, and how that was found: as its sender says, else by its name or label.
/// A labelled column of a member that another one was given means nothing.
pub(crate) fn meanings(header: &[String], mapped: &Mapped) -> Vec<Option<(Member, Understood)>> {
    let given = |member| mapped.values().any(|mapped| *mapped == Some(member));
    labels::meanings(header)
        .into_iter()
        .enumerate()
        .map(|(column, meaning)| {
            if let Some(member) = mapped.get(&column) {
                return member.map(|member| (member, Understood::Mapping));
            }
            let member = meaning
                .map(|meaning| meaning.member)
                .filter(|member| !given(*member))?;
            let is_name = bare(&header[column]) == member.name().to_lowercase();
            Some((
                member,
                if is_name {
                    Understood::Name
                } else {
                    Understood::Label
                },
            ))
        })
        .collect()
}

/// Returns the cells of a header, trimmed.
fn names(header: Option<Row<'_>>) -> Result<Vec<String>, FileFault> {
    let cells = match header.ok_or(FileFault::Empty)?.content {
        Content::Cells(cells) => cells,
        Content::TooLarge => return Err(FileFault::HeaderTooLarge),
        Content::UnclosedQuote { line } => return Err(FileFault::HeaderUnclosedQuote { line }),
    };
    cells
        .iter()
        .enumerate()
        .map(|(column, cell)| match cell {
            Ok(cell) => Ok(trimmed(unescape(cell)).to_owned()),
            Err(NotUtf8) => Err(FileFault::HeaderNotUtf8 { column: column + 1 }),
        })
        .collect()
}

/// Refuses a header that has columns without a meaning, other than those that say so themselves and those that
/// have no name.
fn refuse_unknown(
    header: &[String],
    is_known: impl Fn(usize) -> bool,
    is_free: impl Fn(Member) -> bool,
) -> Result<(), FileFault> {
    let mut unknown = header
        .iter()
        .enumerate()
        .filter(|(column, name)| !name.is_empty() && !is_private(name) && !is_known(*column));
    let columns: Vec<_> = unknown
        .by_ref()
        .take(Columns::NAMED)
        .map(|(_, name)| UnknownColumn {
            name: name.clone(),
            nearest: labels::nearest(name).filter(|member| is_free(*member)),
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

#[cfg(test)]
mod tests;
