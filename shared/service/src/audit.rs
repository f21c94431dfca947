//! The audit log and the histories of accounts: one line for each administrative act, by ids.
//!
//! A line of the log has the message `audit` and says who did what to whom in which request. It has the names of the
//! members that changed and the roles before and after, never another value. An act on an account has the same line in
//! the account's history. ARCHITECTURE.md describes both.

use std::fmt;

use aws_sdk_dynamodb::types::TransactWriteItem;
use errors::Error;
use roster::{AccountAction, ImportId, Timestamp, User, UserId, UserView};
use serde_json::{Map, Value};
use table::{Account, HistoryChange, HistoryLine, HistoryStore};

use crate::clock;

/// The target of the lines, so that the log keeps them at any level.
pub(crate) const TARGET: &str = "audit";

/// Who acts, and in which request.
#[derive(Clone, Copy, Debug)]
pub struct Actor<'a> {
    by: By,
    request: &'a str,
}

#[derive(Clone, Copy, Debug)]
enum By {
    User(UserId),
    Import(ImportId),
    Bootstrap,
    Bucket,
    Issuer,
}

impl<'a> Actor<'a> {
    /// Returns the user `id` as the actor of the request `request`.
    #[must_use]
    pub fn user(id: UserId, request: &'a str) -> Self {
        let by = By::User(id);
        Self { by, request }
    }

    /// Returns the import `id` as the actor, in its run `request`.
    #[must_use]
    pub fn import(id: ImportId, request: &'a str) -> Self {
        let by = By::Import(id);
        Self { by, request }
    }

    /// Returns the operator who invoked `bootstrap` by the invocation `request`.
    #[must_use]
    pub fn bootstrap(request: &'a str) -> Self {
        let by = By::Bootstrap;
        Self { by, request }
    }

    /// Returns the operator who put a file into the bucket, whose event is the invocation `request`.
    #[must_use]
    pub fn bucket(request: &'a str) -> Self {
        let by = By::Bucket;
        Self { by, request }
    }

    /// Returns the issuer, on whose word the request `request` changes its caller's account.
    #[must_use]
    pub fn issuer(request: &'a str) -> Self {
        let by = By::Issuer;
        Self { by, request }
    }
}

impl fmt::Display for By {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(formatter),
            Self::Import(id) => write!(formatter, "import:{id}"),
            Self::Bootstrap => formatter.write_str("bootstrap"),
            Self::Bucket => formatter.write_str("bucket"),
            Self::Issuer => formatter.write_str("issuer"),
        }
    }
}

/// An act on an account, as the log and the account's history have it.
///
/// Its line goes into the history by the transaction of the act, and into the log once that is carried out.
#[derive(Debug)]
pub struct AccountAct<'a> {
    actor: Actor<'a>,
    user: UserId,
    /// The version of the account after the act.
    version: u64,
    action: AccountAction,
    changes: Vec<HistoryChange>,
    at: Timestamp,
}

impl<'a> AccountAct<'a> {
    /// Returns the act by which `actor` does `action` to the account of `user`.
    #[must_use]
    pub fn new(actor: &Actor<'a>, action: AccountAction, user: &User) -> Self {
        Self {
            actor: *actor,
            user: user.id,
            version: user.version,
            action,
            changes: Vec::new(),
            at: clock::now(),
        }
    }

    /// Returns the act by which `actor` creates the account of `user`.
    #[must_use]
    pub fn created(actor: &Actor<'a>, user: &User) -> Self {
        let roles = members(user).remove(ROLES).unwrap_or_default();
        let change = HistoryChange {
            member: ROLES.to_owned(),
            before: Value::Null,
            after: roles,
        };
        Self {
            changes: vec![change],
            ..Self::new(actor, AccountAction::Created, user)
        }
    }

    /// Returns the act by which `actor` turns the account `old` into `new`.
    #[must_use]
    pub fn changed(actor: &Actor<'a>, old: &Account, new: &Account) -> Self {
        let changes = changes(&old.user, &new.user);
        let action = match changes.as_slice() {
            [] if old.tokens_valid_after != new.tokens_valid_after => AccountAction::TokensExpired,
            [change] if change.member == "enabled" && new.user.enabled => AccountAction::Enabled,
            [change] if change.member == "enabled" => AccountAction::Disabled,
            _ => AccountAction::Changed,
        };
        Self {
            changes,
            ..Self::new(actor, action, &new.user)
        }
    }

    /// Returns the line of the act in the account's history.
    #[must_use]
    pub fn line(&self) -> HistoryLine {
        HistoryLine {
            at: self.at,
            by: self.actor.by.to_string(),
            request_id: Some(self.actor.request.to_owned()),
            action: self.action.into(),
            changes: self.changes.clone(),
        }
    }

    /// Returns the action that stores the line of the act in `history`.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the action cannot be built.
    pub fn noted_in(&self, history: &HistoryStore) -> Result<TransactWriteItem, Error> {
        history.adding(self.user, self.version, &self.line())
    }

    /// Logs the act, which is carried out.
    pub fn log(self) {
        // An account is created with all its members, so its line names none.
        let is_created = self.action == AccountAction::Created;
        let names: Vec<_> = self.changes.iter().map(|change| change.member.as_str()).collect();
        let members = (!is_created && !names.is_empty()).then(|| names.join(","));
        let roles = self.changes.iter().find(|change| change.member == ROLES);
        let line = Line {
            action: self.action.as_str(),
            user: Some(self.user),
            members,
            roles_before: roles.and_then(|change| text(&change.before)),
            roles: roles.and_then(|change| text(&change.after)),
            ..Line::default()
        };
        line.write(&self.actor);
    }
}

/// What was done to an import.
#[derive(Clone, Copy, Debug)]
pub enum ImportAct {
    /// It was sent, opened for an upload, or dropped into the bucket.
    Started,
    /// It was asked to end.
    Cancelled,
    /// It was started again after it had stalled.
    Resumed,
    /// An import was started that carries it out, a dry run.
    Applied,
    /// An import was started that takes it back.
    Undone,
    /// Its rejected rows were downloaded.
    RejectedRowsRead,
}

/// Logs that `actor` did `act` to the import `id`.
pub fn import(actor: &Actor<'_>, act: ImportAct, id: ImportId) {
    let action = match act {
        ImportAct::Started => "import_started",
        ImportAct::Cancelled => "import_cancelled",
        ImportAct::Resumed => "import_resumed",
        ImportAct::Applied => "import_applied",
        ImportAct::Undone => "import_undone",
        ImportAct::RejectedRowsRead => "rejected_rows_read",
    };
    let line = Line {
        action,
        import: Some(id),
        ..Line::default()
    };
    line.write(actor);
}

/// Logs that `actor` was given the file of the export `id`, which has `rows` users. `parameters` are the names of what it
/// was narrowed by.
pub fn users_exported(actor: &Actor<'_>, id: &str, parameters: &[&str], rows: u64) {
    let line = Line {
        action: "users_exported",
        export: Some(id),
        members: (!parameters.is_empty()).then(|| parameters.join(",")),
        rows: Some(rows),
        ..Line::default()
    };
    line.write(actor);
}

/// What a line says besides who and in which request.
#[derive(Default)]
struct Line<'a> {
    action: &'static str,
    user: Option<UserId>,
    import: Option<ImportId>,
    export: Option<&'a str>,
    members: Option<String>,
    rows: Option<u64>,
    roles_before: Option<String>,
    roles: Option<String>,
}

impl Line<'_> {
    fn write(self, actor: &Actor<'_>) {
        tracing::event!(
            target: TARGET,
            tracing::Level::INFO,
            {
                request.id = actor.request,
                audit.by = %actor.by,
                audit.action = self.action,
                user.id = self.user.map(tracing::field::display),
                import.id = self.import.map(tracing::field::display),
                export.id = self.export,
                audit.members = self.members,
                audit.rows = self.rows,
                audit.roles_before = self.roles_before,
                audit.roles = self.roles,
            },
            "audit"
        );
    }
}

/// The member whose values the log has as well.
const ROLES: &str = "roles";
/// The members whose values histories tell: none of them says who a person is.
const TOLD: [&str; 3] = [ROLES, "enabled", "accountType"];

/// Returns the members in which two records of an account differ, as callers see them.
fn changes(old: &User, new: &User) -> Vec<HistoryChange> {
    let (mut old, new) = (members(old), members(new));
    let changes = new.into_iter().filter_map(|(member, after)| {
        let before = old.remove(&member).unwrap_or_default();
        if member == "modifiedAt" || before == after {
            return None;
        }
        Some(if TOLD.contains(&member.as_str()) {
            HistoryChange {
                member,
                before,
                after,
            }
        } else {
            HistoryChange {
                member,
                before: Value::Null,
                after: Value::Null,
            }
        })
    });
    changes.collect()
}

fn members(user: &User) -> Map<String, Value> {
    match serde_json::to_value(UserView::from(user)) {
        Ok(Value::Object(members)) => members,
        // A view is an object; without one there is nothing to name.
        _ => Map::new(),
    }
}

/// Returns the words of a list, separated by commas; `None` for what is no list.
fn text(words: &Value) -> Option<String> {
    let words: Vec<_> = words.as_array()?.iter().filter_map(Value::as_str).collect();
    Some(words.join(","))
}
