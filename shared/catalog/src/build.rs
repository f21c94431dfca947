//! Building the index from the table.
//!
//! It takes what the table has, whatever notes say: so it is right after a restore, after functions without notes have
//! written, and when objects are gone. Notes that are written meanwhile stay and are joined as ever.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use errors::Error;
use futures::future::try_join_all;
use index::{Entry, Snapshot, Written};
use roster::{ImportId, Timestamp};
use service::clock;
use table::{Item, Lease, Noted, Progress, SegmentFile};
use tokio::sync::Mutex;

use crate::cache::{Lost, entries};
use crate::maintain::{DELETIONS_KEPT, Done, LEASE, LONGEST_PAUSE, Work, merged, put};
use crate::{Catalog, metrics};

/// Parts of the table that are read side by side, a page of 1 MB each: the build has 15 minutes, and shares what the table
/// can read with everybody else.
const PARTS: usize = 4;
/// Entries that are put into one segment at a time: about 400 MB in memory.
const RUN: usize = 500_000;
/// When the index is built once more after functions of the version before may have written: an import's run lives for
/// 15 minutes.
const AGAIN: Duration = Duration::from_mins(20);

/// Builds the index. `is_believed` says that the one before was thought to be right, so that a difference is worth
/// reporting.
pub(crate) async fn rebuild(mut work: Work<'_>, is_believed: bool) -> Result<Done, Error> {
    let app = work.app;
    let now = work.now;
    let before = work.manifest.generation;
    let known = match app.load(&work.state).await {
        Ok(snapshot) => Some(snapshot),
        Err(Lost::Gone(_)) => None,
        Err(Lost::Failed(error)) => return Err(error),
    };
    let deletions = deletions(&work).await?;
    let renewal = Renewal {
        app,
        run: work.run,
        last: Mutex::new(now),
    };
    let files = segments(app, deletions, &renewal).await?;

    let pause = now.since(Timestamp::from_millis(work.manifest.seen_at));
    let is_first = !app.is_current(&work.manifest) || pause > LONGEST_PAUSE;
    let replaced = std::mem::take(&mut work.manifest.segments);
    let gone = replaced.into_iter().map(|segment| segment.key).collect();
    work.leave(gone, clock::now());
    work.manifest.segments.clone_from(&files);
    work.manifest.generation += 1;
    work.manifest.rebuild_at = is_first.then(|| now.plus(AGAIN).millis());
    work.own();
    if !work.store(before).await? {
        work.discard(files.into_iter().map(|file| file.key).collect())
            .await?;
        return Ok(Done::Superseded);
    }
    // What they said was in the table before it was read.
    app.index.forget(&work.state.notes).await?;
    let differences = match known.filter(|_| is_believed && !is_first) {
        Some(known) => Some(compared(app, known).await?),
        None => None,
    };
    if let Some(count) = differences.filter(|count| *count > 0) {
        tracing::error!(index.differences = count, "the index differed from the table");
    }
    metrics::rebuilt(app, differences, now);
    Ok(Done::Rebuilt)
}

/// Compares the index as it was, with the notes of before, with the one that was just built.
async fn compared(app: &Catalog, known: Snapshot) -> Result<u64, Error> {
    let state = app.index.read().await?;
    let built = match app.load(&state).await {
        Ok(built) => built,
        Err(Lost::Gone(_)) => return Ok(0),
        Err(Lost::Failed(error)) => return Err(error),
    };
    // What was written meanwhile is no difference.
    let known = match entries(&state.notes) {
        Ok(noted) => known.with(std::sync::Arc::new(index::Columns::of(noted))),
        Err(Lost::Failed(error)) => return Err(error),
        Err(Lost::Gone(_)) => known,
    };
    let has_objects = state
        .notes
        .iter()
        .any(|note| matches!(note.content, Noted::Object(_)));
    Ok(if has_objects { 0 } else { known.differences(&built) })
}

/// Returns the deletions of the last day, which the table does not know any more: an import that has such a user in
/// hand may still hand it to the index.
async fn deletions(work: &Work<'_>) -> Result<Vec<Entry>, Error> {
    let kept = u64::try_from(DELETIONS_KEPT.as_millis()).unwrap_or_default();
    let since = Timestamp::from_millis(work.now.millis().saturating_sub(kept));
    let mut found = match entries(&work.state.notes) {
        Ok(entries) => entries,
        Err(Lost::Failed(error)) => return Err(error),
        Err(Lost::Gone(_)) => Vec::new(),
    };
    found.retain(|entry| matches!(entry.state, index::State::Deleted(_)));
    for segment in &work.manifest.segments {
        // One that is gone or damaged has nothing to say.
        match work.app.cache.columns(&work.app.objects, segment).await {
            Ok(columns) => found.extend(columns.deletions(since)),
            Err(Lost::Gone(_)) => {}
            Err(Lost::Failed(error)) => return Err(error),
        }
    }
    Ok(found)
}

/// Keeps the index for a call that takes long.
struct Renewal<'a> {
    app: &'a Catalog,
    run: &'a str,
    last: Mutex<Timestamp>,
}

impl Renewal<'_> {
    async fn renew(&self) -> Result<(), Error> {
        let now = clock::now();
        let mut last = self.last.lock().await;
        // Early enough that storage may be slow once or twice.
        if now.since(*last) < LEASE / 4 {
            return Ok(());
        }
        let lease = Lease {
            run: self.run.to_owned(),
            until: now.plus(LEASE).millis(),
        };
        // If another call has taken it, the generation decides.
        self.app.index.claim(&lease, now).await?;
        *last = now;
        Ok(())
    }
}

/// Reads the whole table and puts its users, with `deletions`, into segments: into one, if memory allows.
async fn segments(
    app: &Catalog,
    deletions: Vec<Entry>,
    renewal: &Renewal<'_>,
) -> Result<Vec<SegmentFile>, Error> {
    let gathered = Mutex::new(Gathered {
        entries: deletions,
        ..Gathered::default()
    });
    let parts: Vec<_> = (0..PARTS)
        .map(|part| read_part(app, part, &gathered, renewal))
        .collect();
    try_join_all(parts).await?;
    let Gathered {
        entries, mut runs, ..
    } = gathered.into_inner();
    if !entries.is_empty() {
        runs.extend(run_of(entries).await?);
    }
    if runs.len() > 1 {
        let files = runs
            .into_iter()
            .map(|run| (String::new(), run.into_bytes().into()))
            .collect();
        runs = merged(files, Vec::new(), None)
            .await
            .map_err(|_| Error::internal("build the index", "a part of it cannot be read"))?
            .into_iter()
            .collect();
    }
    let mut files = Vec::new();
    for run in runs {
        files.push(put(app, run).await?);
    }
    Ok(files)
}

/// What was read so far.
#[derive(Default)]
struct Gathered {
    entries: Vec<Entry>,
    /// Sorted ones, as segments.
    runs: Vec<Written>,
    imports: HashMap<ImportId, Progress>,
    /// Imports that are not recorded any more.
    expired: HashSet<ImportId>,
}

async fn read_part(
    app: &Catalog,
    part: usize,
    gathered: &Mutex<Gathered>,
    renewal: &Renewal<'_>,
) -> Result<(), Error> {
    let mut from: Option<Item> = None;
    loop {
        let (accounts, next) = app.index.scan((part, PARTS), from).await?;
        let mut gathered = gathered.lock().await;
        let imports: HashSet<_> = accounts
            .iter()
            .filter_map(|account| account.user.import)
            .collect();
        let imports: HashSet<_> = imports.into_iter().map(|(import, _)| import).collect();
        let is_new = |id: &ImportId| !gathered.imports.contains_key(id) && !gathered.expired.contains(id);
        let new: Vec<_> = imports.into_iter().filter(is_new).collect();
        if !new.is_empty() {
            let found = app.index.progress(&new).await?;
            let expired = new.into_iter().filter(|id| !found.contains_key(id));
            gathered.expired.extend(expired);
            gathered.imports.extend(found);
        }
        for account in accounts {
            let progress = account.user.import.and_then(|(id, _)| gathered.imports.get(&id));
            let counted = progress.is_none_or(|progress| progress.counts(&account));
            gathered
                .entries
                .push(Entry::present(account.into_user(), counted));
        }
        if gathered.entries.len() >= RUN {
            let entries = std::mem::take(&mut gathered.entries);
            gathered.runs.extend(run_of(entries).await?);
        }
        drop(gathered);
        renewal.renew().await?;
        if next.is_none() {
            return Ok(());
        }
        from = next;
    }
}

async fn run_of(entries: Vec<Entry>) -> Result<Option<Written>, Error> {
    match merged(Vec::new(), entries, None).await {
        Ok(run) => Ok(run),
        Err(Lost::Failed(error)) => Err(error),
        Err(Lost::Gone(_)) => Err(Error::internal("build the index", "a part of it cannot be read")),
    }
}
