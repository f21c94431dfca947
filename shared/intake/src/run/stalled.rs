//! What a run that died has changed, handed to the index of users although its import stands still.
//!
//! A row of an `upsert` changes its account at once, and the index learns of it by the next checkpoint. When the run dies
//! before, searches find the account by its former values until somebody resumes or cancels the import, which may be
//! never.

use std::collections::HashSet;
use std::time::Duration;

use errors::Error;
use index::Entry;
use roster::{ImportId, Timestamp};
use table::Refused;

use super::super::stop::Stop;
use super::super::write::Pending;
use super::{MARGIN, Run, Session};
use crate::Intake;
use crate::record::{Import, Status};

/// How long one import may take: the function that does this has other work, too.
const TIME: Duration = Duration::from_mins(1);

/// Hands the accounts to the index that the rows in hand of a dead run of the import `id` have changed, once for each run
/// that died. Returns how many there are.
///
/// # Errors
///
/// If storage fails.
pub async fn chart_stalled(app: &Intake, id: ImportId, now: Timestamp) -> Result<usize, Error> {
    let doing = "note the users of an import that stands still";
    let Some(import) = app.imports.find(id, now).await? else {
        return Ok(0);
    };
    let Some(died_at) = died_at(&import, now).filter(|died_at| import.charted != Some(*died_at)) else {
        return Ok(0);
    };
    // What only makes accounts makes none that is counted before its checkpoint.
    let plan = import.plan();
    let Some(plan) = plan.filter(|plan| plan.options.writes_rows() && plan.options.upserts()) else {
        return Ok(0);
    };
    let (app, line) = (&app.patient(), plan.position.line);
    let run = Run {
        id: "sweep".to_owned(),
        deadline: now.plus(TIME),
    };
    let session = Session {
        app,
        run: &run,
        margin: MARGIN,
        resumed: true,
        plan,
        causes: None,
        uncharted: 0,
        import,
    };
    let rows = match session.rows_in_hand().await {
        Ok(rows) => rows,
        Err(Stop::Failed(error)) => return Err(error),
        // A file that cannot be read could not be read by the dead run either.
        Err(_) => Vec::new(),
    };
    let slots: HashSet<_> = rows.iter().map(Pending::slot).collect();
    let slots: Vec<_> = slots.into_iter().collect();
    let changed: Vec<_> = session
        .accounts(&slots)
        .await?
        .into_iter()
        .filter(|account| account.changed_by.is_some_and(|(by, _)| by == id))
        .map(|account| {
            let is_counted = account.user.import.is_none();
            Entry::present(account.into_user(), is_counted)
        })
        .collect();
    let count = changed.len();
    let mut actions = vec![app.imports.charting(id, died_at)?];
    actions.extend(session.noting(changed, line).await?);
    match app.table.transact(actions, doing).await {
        Ok(()) => Ok(count),
        // Another run has taken it up, which hands everything over itself.
        Err(Refused::Condition(_)) => Ok(0),
        Err(Refused::Failed(error)) => Err(error),
    }
}

/// Returns until when the run was believed to live that has left the import; `None` if none has.
fn died_at(import: &Import, now: Timestamp) -> Option<Timestamp> {
    let lease = import.lease.as_ref().filter(|lease| lease.run.is_some())?;
    (import.status_at(now) == Status::Stalled).then_some(lease.until)
}
