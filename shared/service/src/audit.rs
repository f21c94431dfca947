//! The audit log: one line for each administrative act, by ids.
//!
//! A line has the message `audit` and says who did what to whom in which request. It has the names of the members
//! that changed and the roles before and after, never another value. ARCHITECTURE.md describes the fields.

use std::fmt;

use roster::{ImportId, Role, Roles, User, UserId, UserView};
use serde_json::{Map, Value};
use table::Account;

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
            Self::Bootstrap => formatter.write_str("bootstrap"),
            Self::Bucket => formatter.write_str("bucket"),
            Self::Issuer => formatter.write_str("issuer"),
        }
    }
}

/// What was done to an account.
#[derive(Clone, Copy, Debug)]
pub enum AccountAct {
    /// It was deleted.
    Deleted,
    /// An access token was issued for its user.
    TokenIssued,
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

/// Logs that `actor` did `act` to the account of `user`.
pub fn account(actor: &Actor<'_>, act: AccountAct, user: UserId) {
    let action = match act {
        AccountAct::Deleted => "deleted",
        AccountAct::TokenIssued => "token_issued",
    };
    Line::about(action, user).write(actor);
}

/// Logs that `actor` created the account of `user`.
pub fn created(actor: &Actor<'_>, user: &User) {
    let mut line = Line::about("created", user.id);
    line.roles = Some(text(user.roles));
    line.write(actor);
}

/// Logs that `actor` turned the account `old` into `new`.
pub fn changed(actor: &Actor<'_>, old: &Account, new: &Account) {
    let members = changed_members(&old.user, &new.user);
    let action = match members.as_slice() {
        [] if old.tokens_valid_after != new.tokens_valid_after => "tokens_expired",
        [member] if member == "enabled" && new.user.enabled => "enabled",
        [member] if member == "enabled" => "disabled",
        _ => "changed",
    };
    let mut line = Line::about(action, new.user.id);
    line.members = Some(members.join(",")).filter(|members| !members.is_empty());
    if old.user.roles != new.user.roles {
        line.roles_before = Some(text(old.user.roles));
        line.roles = Some(text(new.user.roles));
    }
    line.write(actor);
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

/// What a line says besides who and in which request.
#[derive(Default)]
struct Line {
    action: &'static str,
    user: Option<UserId>,
    import: Option<ImportId>,
    members: Option<String>,
    roles_before: Option<String>,
    roles: Option<String>,
}

impl Line {
    fn about(action: &'static str, user: UserId) -> Self {
        Self {
            action,
            user: Some(user),
            ..Self::default()
        }
    }

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
                audit.members = self.members,
                audit.roles_before = self.roles_before,
                audit.roles = self.roles,
            },
            "audit"
        );
    }
}

/// Returns the names of the members in which two records of an account differ, as callers see them.
fn changed_members(old: &User, new: &User) -> Vec<String> {
    let members = |user| match serde_json::to_value(UserView::from(user)) {
        Ok(Value::Object(members)) => members,
        // A view is an object; without one there is nothing to name.
        _ => Map::new(),
    };
    let old = members(old);
    members(new)
        .into_iter()
        .filter(|(name, value)| name != "modifiedAt" && old.get(name) != Some(value))
        .map(|(name, _)| name)
        .collect()
}

fn text(roles: Roles) -> String {
    let names: Vec<_> = roles.iter().map(Role::as_str).collect();
    names.join(",")
}
