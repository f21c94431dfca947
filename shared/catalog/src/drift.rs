//! Whether the index and the counters agree. They count the same, each by itself.

use errors::Error;
use index::Snapshot;
use roster::{Tally, Timestamp};

use crate::maintain::Work;
use crate::{Catalog, metrics};

/// How often the two are read until nobody writes in between. While an import runs there may be no such moment; then the
/// next call, in five minutes, compares.
const TRIES: u32 = 5;
/// After so many calls in a row that found a difference, the index is built again: that reads the whole table, which one
/// difference that goes away by itself is not worth.
const PATIENCE: u64 = 2;

/// What the comparison says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    /// They agree, or nobody can say while so much is written.
    Fine,
    /// They differ.
    Differs,
    /// They differ also after the index was built from the table: this is to be added to the counters.
    Counters(Tally),
}

/// Compares the index, which is `snapshot` with the notes that were read, with the counters, and writes into the
/// manifest what is to follow.
pub(crate) async fn verdict(work: &mut Work<'_>, snapshot: &Snapshot) -> Result<Verdict, Error> {
    let Some(difference) = difference(work, snapshot).await? else {
        return Ok(Verdict::Fine);
    };
    let manifest = &mut work.manifest;
    if difference == Tally::default() {
        manifest.differs = 0;
        manifest.is_rebuilt_for_that = false;
        return Ok(Verdict::Fine);
    }
    // Until its next checkpoint, an import that was killed has changed accounts that only the table knows of.
    if work.app.index.has_unfinished_imports().await? {
        return Ok(Verdict::Fine);
    }
    let manifest = &mut work.manifest;
    manifest.differs += 1;
    if manifest.differs < PATIENCE {
        return Ok(Verdict::Differs);
    }
    manifest.differs = 0;
    if manifest.is_rebuilt_for_that {
        manifest.is_rebuilt_for_that = false;
        return Ok(Verdict::Counters(difference));
    }
    manifest.is_rebuilt_for_that = true;
    manifest.rebuild_at = Some(work.now.millis());
    Ok(Verdict::Differs)
}

/// Returns by how much the index exceeds the counters; `None` if too much is written to say so.
async fn difference(work: &Work<'_>, snapshot: &Snapshot) -> Result<Option<Tally>, Error> {
    let app = work.app;
    let mut known = work.state.clone();
    let mut tally = snapshot.tally(false);
    for _ in 0..TRIES {
        let counters = app.users.tally().await?;
        let after = app.index.read().await?;
        let keys = |state: &table::IndexState| -> Vec<String> {
            state.notes.iter().map(|note| note.key.sk.clone()).collect()
        };
        // Nothing was written in between, so both are of one moment.
        if keys(&known) == keys(&after) {
            return Ok(Some(tally + -counters));
        }
        let Ok(newer) = app.load(&after).await else {
            return Ok(None);
        };
        tally = newer.tally(false);
        known = after;
    }
    Ok(None)
}

/// Carries out what the manifest, which is stored by now, says.
pub(crate) async fn settle(app: &Catalog, verdict: Verdict, now: Timestamp) -> Result<(), Error> {
    metrics::ended(app, !matches!(verdict, Verdict::Fine), now);
    if let Verdict::Counters(difference) = verdict {
        let doing = "correct the counters";
        tracing::error!(users.difference = difference.all.total, "the counters were wrong");
        let actions = app.users.counting(difference, doing)?;
        match app.table.transact(actions, doing).await {
            Ok(()) => metrics::corrected(app, now),
            Err(table::Refused::Failed(error)) => return Err(error),
            Err(table::Refused::Condition(_)) => {
                tracing::error!("the counters cannot be corrected: no enabled administrator would be left");
            }
        }
    }
    Ok(())
}
