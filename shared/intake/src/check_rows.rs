//! What an import would make of rows that nobody has sent yet.

use std::collections::HashMap;
use std::sync::Arc;

use errors::Error;
use roster::{Code, ImportId, Member, MemberChange, Slot, Violation};
use serde::Serialize;
use service::auth::Caller;
use sheet::{CellRules, Check, Columns, Dialect, ImportOptions, OwnedCells, Row, RowError};
use table::Account;
use utoipa::ToSchema;

use crate::Intake;
use crate::write::{BATCH, Mark, Pending, Sender, Writer};

/// What an import would make of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum RowOutcome {
    /// A user is made.
    Create,
    /// The account with the address is changed.
    Update,
    /// The account with the address has every value already.
    Unchanged,
    /// An account has the address, and accounts are not changed.
    Exists,
    /// An earlier one of the rows has the address.
    Repeats,
    /// The row has an error.
    Refused,
}

/// A row that was checked.
#[derive(Clone, Debug)]
pub struct CheckedRow {
    /// What is wrong or odd in it.
    pub faults: Vec<RowError>,
    /// What would become of it.
    pub outcome: RowOutcome,
    /// What it would change.
    pub changes: Vec<MemberChange>,
}

/// Checks rows as an import by `caller` with these options would, and says what would become of them. Writes nothing.
///
/// Each is a row of a file that has nothing else: the first begins on line 1.
///
/// # Errors
///
/// If storage fails.
pub async fn check_rows(
    app: &Intake,
    caller: &Caller,
    options: &ImportOptions,
    columns: Columns,
    rows: &[OwnedCells],
) -> Result<Vec<CheckedRow>, Error> {
    let import = ImportId::of_object("", "", "");
    let check = Check {
        surplus: columns.surplus(),
        columns: Arc::new(columns),
        dialect: Dialect::PLAIN,
        rules: CellRules {
            assignable: caller.assignable(),
            country: options.country,
        },
        default_roles: options.default_roles,
        import,
        now: service::clock::now(),
    };
    let writer = Writer {
        users: app.users.clone(),
        // Nothing is marked, because nothing is written.
        mark: Mark { import, takeovers: 0 },
        options: options.clone(),
        sender: Sender {
            id: Some(caller.user.id),
            rights: roster::rights(caller.user.roles),
            assignable: caller.assignable(),
        },
    };
    let (mut checked, sound) = alone(&check, rows);
    for batch in sound.chunks(BATCH) {
        let slots: Vec<_> = batch.iter().map(|(_, pending)| pending.slot()).collect();
        let accounts = writer.users.holders(slots).await?;
        for (index, pending) in batch {
            if let Some(account) = accounts.get(&pending.slot()) {
                writer.foretell(pending, account, &mut checked[*index]);
            }
        }
    }
    Ok(checked)
}

/// Checks rows by themselves, without what is stored. The second are those that depend on it, by their places.
fn alone(check: &Check, rows: &[OwnedCells]) -> (Vec<CheckedRow>, Vec<(usize, Pending)>) {
    let mut checked = Vec::with_capacity(rows.len());
    let mut sound = Vec::new();
    let mut first: HashMap<Slot, u64> = HashMap::new();
    for (index, cells) in rows.iter().enumerate() {
        let row = Row::alone(index as u64 + 1, cells.cells());
        let mut result = CheckedRow {
            faults: Vec::new(),
            outcome: RowOutcome::Refused,
            changes: Vec::new(),
        };
        match check.check(&row) {
            Err(faults) => result.faults = faults,
            Ok(sound_row) => {
                result.faults.clone_from(&sound_row.warnings);
                if let Some(pending) = Pending::new(&row, sound_row, None) {
                    let earlier = *first.entry(pending.slot()).or_insert(row.line);
                    if earlier == row.line {
                        result.outcome = RowOutcome::Create;
                        sound.push((index, pending));
                    } else {
                        result.outcome = RowOutcome::Repeats;
                        result.faults.push(repeated(&pending, earlier));
                    }
                }
            }
        }
        checked.push(result);
    }
    (checked, sound)
}

fn repeated(pending: &Pending, earlier: u64) -> RowError {
    let detail = format!("already appears in row {earlier}");
    let mut fault = fault(pending, Code::DuplicateInFile, detail);
    fault.first_line = Some(earlier);
    fault
}

impl Writer {
    /// Says what would become of a row whose address is kept for `account`.
    fn foretell(&self, pending: &Pending, account: &Account, row: &mut CheckedRow) {
        if let Some(outcome) = self.judge(pending, account) {
            row.outcome = match outcome.kept() {
                Some(detail) => {
                    row.faults.push(fault(pending, Code::AlreadyExists, detail));
                    RowOutcome::Refused
                }
                None => RowOutcome::Exists,
            };
            return;
        }
        match self.changed_account(pending, account) {
            Err(reason) => {
                row.outcome = RowOutcome::Refused;
                row.faults
                    .push(fault(pending, Code::ForbiddenRole, reason.to_owned()));
            }
            Ok(new) => {
                row.changes = account.user.differences(&new.user);
                row.outcome = if row.changes.is_empty() {
                    RowOutcome::Unchanged
                } else {
                    RowOutcome::Update
                };
            }
        }
    }
}

/// A fault of the address of a row.
fn fault(pending: &Pending, code: Code, detail: String) -> RowError {
    let email = pending.user.email.as_str();
    let violation = Violation::new(Member::Email, code, detail).of_value(email);
    // Without a header, columns are called as their members.
    let column = Member::Email.name();
    RowError::new(pending.line, pending.row, Some(column), violation)
}
