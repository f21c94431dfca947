//! Users as a file that can be sent again.

use std::borrow::Cow;

use roster::{Member, User};
use serde_json::Value;

use super::Encoding;
use super::escape::escape;
use super::rejected::write_cells;

/// Writes users as CSV: the columns of an import's template, and after them what the service itself has set.
///
/// The text is UTF-8 with a byte order mark, and cells that a spreadsheet would run are [escaped](super::escape). Sent as
/// an import with `mode=upsert`, the file changes nothing.
///
/// ```
/// use sheet::ExportedUsers;
///
/// let mut file = Vec::new();
/// ExportedUsers::header(&mut file);
/// assert!(file.ends_with(b"externalUserId,id,createdAt,modifiedAt,importId\r\n"));
/// ```
#[derive(Debug)]
pub struct ExportedUsers;

impl ExportedUsers {
    /// The columns that the service sets itself. An import ignores them in a file that has all of them.
    pub const COLUMNS: [&'static str; 4] = ["id", "createdAt", "modifiedAt", "importId"];

    /// Appends the header, with which the file begins, to `out`.
    pub fn header(out: &mut Vec<u8>) {
        out.extend_from_slice(Encoding::UTF_8.bom());
        let members = Member::ALL.into_iter().map(Member::name);
        let names = members.chain(Self::COLUMNS).map(Cow::Borrowed);
        write_cells(names.map(|name| (name, false)), b',', out);
    }

    /// Appends the row of `user` to `out`.
    pub fn row(user: &User, out: &mut Vec<u8>) {
        let members = Member::ALL.into_iter().map(|member| text(user.value(member)));
        let import = user.import.map(|(id, _)| id.to_string());
        let set = [
            user.id.to_string(),
            user.created_at.to_string(),
            user.modified_at.to_string(),
            import.unwrap_or_default(),
        ];
        let cells = members.chain(set);
        let escaped = cells.map(|cell| (Cow::Owned(escape(&cell).into_owned()), false));
        write_cells(escaped, b',', out);
    }

    /// Returns whether `name` is that of a column that the service sets itself, in a file with this header.
    pub(crate) fn is_set(header: &[String], name: &str) -> bool {
        let has = |column: &str| header.iter().any(|name| name == column);
        Self::COLUMNS.contains(&name) && Self::COLUMNS.into_iter().all(has)
    }
}

/// Returns a value as a cell has it.
fn text(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        Value::Array(values) => values.into_iter().map(text).collect::<Vec<_>>().join(";"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TEMPLATE;

    #[test]
    fn the_columns_of_the_template_come_first() {
        let mut header = Vec::new();
        ExportedUsers::header(&mut header);

        let header = String::from_utf8(header).unwrap();
        let template = TEMPLATE.lines().next().unwrap();
        assert_eq!(header, format!("{template},id,createdAt,modifiedAt,importId\r\n"));
    }
}
