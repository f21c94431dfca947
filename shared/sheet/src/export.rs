//! Users as a file that can be sent again.

use std::borrow::Cow;

use roster::{Member, Recorded, User};
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
        let members = Member::ALL.into_iter().map(|member| cell(user, member));
        let import = user.import.map(|(id, _)| id.to_string());
        let set = [
            user.id.to_string(),
            user.created_at.to_string(),
            user.modified_at.to_string(),
            import.unwrap_or_default(),
        ];
        let escaped = members.map(|cell| match cell {
            Cow::Borrowed(text) => escape(text),
            Cow::Owned(text) => Cow::Owned(escape(&text).into_owned()),
        });
        // No spreadsheet takes an id or a time for a formula.
        let cells = escaped.chain(set.map(Cow::Owned));
        write_cells(cells.map(|cell| (cell, false)), b',', out);
    }

    /// Returns whether `name` is that of a column that the service sets itself, in a file with this header.
    pub(crate) fn is_set(header: &[String], name: &str) -> bool {
        let has = |column: &str| header.iter().any(|name| name == column);
        Self::COLUMNS.contains(&name) && Self::COLUMNS.into_iter().all(has)
    }
}

/// Returns a member's value as a cell has it: the text that the value is in JSON, which no cell is made by way of,
/// because a million users have ten million cells.
fn cell(user: &User, member: Member) -> Cow<'_, str> {
    match member {
        Member::Email => Cow::Borrowed(user.email.as_str()),
        Member::Roles => {
            let known = user.roles.iter().map(|role| -> &str { role.as_str() });
            let later = user.later_roles.iter().map(String::as_str);
            Cow::Owned(known.chain(later).collect::<Vec<_>>().join(";"))
        }
        Member::Enabled => Cow::Borrowed(if user.enabled { "true" } else { "false" }),
        Member::AccountType => match &user.account_type {
            Recorded::Known(kind) => Cow::Borrowed(kind.as_str()),
            Recorded::Later(value) => Cow::Owned(text(value)),
        },
        member => user.profile.text(member).unwrap_or_default(),
    }
}

/// Returns a value in JSON as a cell has it.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(";"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use roster::{Role, Roles, Timestamp, UserDraft};
    use serde_json::json;

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

    #[test]
    fn a_cell_has_what_the_user_has_in_json() {
        let none = UserDraft {
            email: "Ada@example.org".into(),
            roles: "ROLE_ORIGINATOR".into(),
            ..UserDraft::default()
        };
        let some = UserDraft {
            first_name: "=Ada".into(),
            last_name: "Lovelace".into(),
            other_name: "O'Neil".into(),
            mobile_number: "+442079460018".into(),
            account_type: "EXTERNAL".into(),
            plan_id: "gold".into(),
            external_user_id: "-7".into(),
            ..none.clone()
        };
        for (draft, enabled) in [(none, true), (some, false)] {
            let mut user = User::new(draft.parse(Roles::ALL).unwrap(), Timestamp::from_millis(0), None);
            user.roles = user.roles.with(Role::AdhocCollaborator);
            user.enabled = enabled;
            for later in [json!("CLOUD"), json!({"kind": ["CLOUD", 7, null]})] {
                for member in Member::ALL {
                    assert_eq!(cell(&user, member), text(&user.value(member)), "{member}");
                }
                user.later_roles = vec!["ROLE_LATER".to_owned()];
                user.account_type = Recorded::Later(later);
            }
        }
    }
}
