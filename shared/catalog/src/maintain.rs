//! What the function of the index does each time that it is called.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use errors::Error;
use files::Wake;
use index::{Entry, Segment, Written, merge};
use roster::Timestamp;
use table::{Garbage, IndexState, Lease, Manifest, Note, Noted, SegmentFile};

use crate::cache::{Lost, deltas, entries, lost};
use crate::{Catalog, build, drift, metrics};

/// How long a call is believed to be alive after it took the index or showed that it lives. If it lives longer all the
/// same, the generation refuses what it stores.
pub(crate) const LEASE: Duration = Duration::from_mins(2);
/// How long a replaced object stays for readers that have begun before: they read for half a minute at most.
const GARBAGE_KEPT: Duration = Duration::from_mins(10);
/// How much garbage the manifest names: a large import leaves thousands of objects, each search reads the manifest, and an item
/// has at most 400 KB. What is not named is found by the daily look for such objects.
const GARBAGE_NAMED: usize = 200;
/// How long a deletion is remembered: a run of an import that has the user in hand ends long before.
pub(crate) const DELETIONS_KEPT: Duration = Duration::from_hours(24);
/// After a longer pause between two calls, functions of a version without notes may have written.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_mins(15);
/// How often the index is built again and compared, though nothing is known to be wrong: it costs a read of the whole table.
const COMPARED_EVERY: Duration = Duration::from_hours(7 * 24);
/// How often objects that nothing names are looked for, and deletions taken out of all segments. Both only save space and
/// write large segments again.
const SWEPT_EVERY: Duration = Duration::from_hours(24);

/// What a call has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// Another call has the index.
    Busy,
    /// It took the index up, and lost it to another call.
    Superseded,
    /// There was nothing to merge.
    Nothing,
    /// What was noted is in the segments.
    Merged,
    /// The index was built from the table.
    Rebuilt,
}

/// Merges what is noted, builds the index where that is needed, and compares it with the counters. `run` names the
/// call, the same at each try of it.
///
/// # Errors
///
/// If storage fails. The next call does the rest.
pub async fn tick(app: &Catalog, run: &str, why: Option<Wake>, now: Timestamp) -> Result<Done, Error> {
    let app = &app.patient();
    let lease = Lease {
        run: run.to_owned(),
        until: now.plus(LEASE).millis(),
    };
    let Some(manifest) = app.index.claim(&lease, now).await? else {
        return Ok(Done::Busy);
    };
    // After the claim, so that it is what no other call changes.
    let state = app.index.read().await?;
    metrics::begun(app, state.notes.first().map(|note| note.at), now);
    let work = Work {
        app,
        run,
        now,
        manifest,
        state,
    };
    let done = Box::pin(work.done(why)).await?;
    Ok(done)
}

/// The index in the hands of a call.
pub(crate) struct Work<'a> {
    pub(crate) app: &'a Catalog,
    pub(crate) run: &'a str,
    pub(crate) now: Timestamp,
    /// The manifest as it was taken.
    pub(crate) manifest: Manifest,
    pub(crate) state: IndexState,
}

impl Work<'_> {
    async fn done(mut self, why: Option<Wake>) -> Result<Done, Error> {
        let owns = self.app.owns(&self.manifest);
        if !owns {
            // Another table's: nothing in it is of use, and its objects are not this table's to delete.
            self.manifest = Manifest {
                generation: self.manifest.generation,
                lease: self.manifest.lease.take(),
                is_listing_partial: self.manifest.is_listing_partial,
                ..Manifest::default()
            };
            self.state.manifest = None;
        }
        let is_whole = owns || self.notes_are_all().await?;
        if !is_whole || self.has_to_build(why, owns) {
            let is_believed = self.app.is_current(&self.manifest) && why != Some(Wake::Lost);
            return Box::pin(build::rebuild(self, is_believed)).await;
        }
        match Box::pin(self.merge()).await {
            Ok(done) => Ok(done),
            Err(Lost::Failed(error)) => Err(error),
            Err(Lost::Gone(key)) => {
                tracing::error!(index.object = key, "an object of the index is not there");
                let again = Work {
                    state: self.app.index.read().await?,
                    ..self
                };
                Box::pin(build::rebuild(again, false)).await
            }
        }
    }

    /// Returns whether the notes of a table without an index have all users, as in a table that is new.
    async fn notes_are_all(&self) -> Result<bool, Error> {
        match self.app.load(&self.state).await {
            Ok(snapshot) => Ok(snapshot.tally(false) == self.app.users.tally().await?),
            Err(Lost::Gone(_)) => Ok(false),
            Err(Lost::Failed(error)) => Err(error),
        }
    }

    fn has_to_build(&self, why: Option<Wake>, owns: bool) -> bool {
        let since = |millis: u64| self.now.since(Timestamp::from_millis(millis));
        let manifest = &self.manifest;
        let other_collation = |segment: &SegmentFile| segment.collation != index::COLLATION_VERSION;
        owns && (why == Some(Wake::Lost)
            || !self.app.is_current(manifest)
            || manifest.segments.iter().any(other_collation)
            || manifest.rebuild_at.is_some_and(|at| at <= self.now.millis())
            || since(manifest.seen_at) > LONGEST_PAUSE
            || since(manifest.rebuilt_at) > COMPARED_EVERY)
    }

    /// Puts what is noted into the segments.
    async fn merge(&mut self) -> Result<Done, Lost> {
        let snapshot = self.app.load(&self.state).await?;
        let before = self.manifest.generation;
        let is_first = before == 0 || !self.app.owns(&self.manifest);
        self.drop_garbage().await.map_err(Lost::Failed)?;
        let chosen = self.chosen();
        if self.sweeps() {
            self.manifest.swept_at = self.now.millis();
        }
        let mut put = None;
        let is_due = !self.state.notes.is_empty() || !chosen.is_empty() || is_first;
        if is_due {
            put = self.put_merged(&chosen).await?;
            self.manifest.generation += 1;
        }
        let gone: Vec<_> = chosen.into_iter().map(|segment| segment.key).collect();
        self.leave(gone, self.now);
        if is_first {
            self.own();
        }
        let verdict = drift::verdict(self, &snapshot).await.map_err(Lost::Failed)?;
        let stored = self.store(before).await.map_err(Lost::Failed)?;
        if !stored {
            let put = put.map(|segment| segment.key);
            self.discard(put.into_iter().collect())
                .await
                .map_err(Lost::Failed)?;
            return Ok(Done::Superseded);
        }
        self.app
            .index
            .forget(&self.state.notes)
            .await
            .map_err(Lost::Failed)?;
        drift::settle(self.app, verdict, self.now)
            .await
            .map_err(Lost::Failed)?;
        Ok(if is_due { Done::Merged } else { Done::Nothing })
    }

    /// Says that nobody who begins now needs `segments` and what the notes name.
    pub(crate) fn leave(&mut self, segments: Vec<String>, now: Timestamp) {
        let room = GARBAGE_NAMED.saturating_sub(self.manifest.garbage.len() + segments.len());
        let gone = segments.into_iter().chain(objects(&self.state.notes).take(room));
        let since = now.millis();
        let garbage = gone.map(|key| Garbage { key, since });
        self.manifest.garbage.extend(garbage);
    }

    /// Says that the manifest is this table's from now on.
    pub(crate) fn own(&mut self) {
        let manifest = &mut self.manifest;
        manifest.table.clone_from(&self.app.config.table);
        manifest.bucket.clone_from(&self.app.config.bucket);
        manifest.epoch.clone_from(&self.app.config.index_epoch);
        manifest.rebuilt_at = self.now.millis();
        if manifest.swept_at == 0 {
            manifest.swept_at = self.now.millis();
        }
    }

    /// Stores the manifest as the work of this call, which gives the index up by it.
    pub(crate) async fn store(&mut self, before: u64) -> Result<bool, Error> {
        let manifest = &mut self.manifest;
        manifest.seen_at = self.now.millis();
        manifest.lease = None;
        manifest.is_listing_partial |= !self.app.config.users_in_listing;
        manifest
            .segments
            .sort_by_key(|segment| std::cmp::Reverse(segment.entries));
        self.app.index.store(manifest, before, self.run).await
    }

    /// Deletes objects that this call has put for a manifest that was refused.
    pub(crate) async fn discard(&self, mut keys: Vec<String>) -> Result<(), Error> {
        // The answer of a call that was carried out may have been lost, and another call may have gone on from there.
        let stored = self.app.index.read().await?.manifest.unwrap_or_default();
        keys.retain(|key| !stored.names(key));
        self.app.objects.delete_index_objects(&keys).await
    }

    /// Takes the segments out of the manifest that are merged: those smaller than twice what is merged so far, so that
    /// an entry is written again some twenty times while the index grows to a million. Once a day all, if that takes
    /// deletions out for good.
    fn chosen(&mut self) -> Vec<SegmentFile> {
        let is_swept = self.sweeps();
        let deleted: u64 = self.manifest.segments.iter().map(|segment| segment.deleted).sum();
        if is_swept && deleted > 0 {
            return std::mem::take(&mut self.manifest.segments);
        }
        if self.state.notes.is_empty() {
            return Vec::new();
        }
        let noted = self.state.notes.iter().map(|note| match &note.content {
            Noted::Entries(_) => 1,
            // As many rows as a checkpoint has.
            Noted::Object(_) => self.app.config.import_segment_rows as u64,
        });
        let mut sum: u64 = noted.sum();
        let mut chosen = Vec::new();
        while let Some(smallest) = self.manifest.segments.last()
            && smallest.entries < 2 * sum
        {
            sum += smallest.entries;
            chosen.extend(self.manifest.segments.pop());
        }
        chosen
    }

    /// Returns whether a day has passed since everything was looked through.
    fn sweeps(&self) -> bool {
        self.now.since(Timestamp::from_millis(self.manifest.swept_at)) > SWEPT_EVERY
    }

    /// Merges `chosen` with what is noted into a new segment, and adds that to the manifest.
    async fn put_merged(&mut self, chosen: &[SegmentFile]) -> Result<Option<SegmentFile>, Lost> {
        let mut files = Vec::new();
        for segment in chosen.iter().rev() {
            let read = self.app.objects.segment(&segment.key, segment.bytes).await;
            let bytes = read.map_err(|error| lost(&segment.key, error))?;
            files.push((segment.key.clone(), bytes));
        }
        let mut noted = entries(&self.state.notes)?;
        noted.extend(deltas(&self.app.objects, &self.state.notes).await?);
        // Only if nothing is left that may know the account.
        let is_all = self.manifest.segments.is_empty();
        let day_ago = self.now.millis().saturating_sub(millis(DELETIONS_KEPT));
        let forget = is_all.then(|| Timestamp::from_millis(day_ago));
        let segment = merged(files, noted, forget).await?;
        let Some(segment) = segment else {
            return Ok(None);
        };
        let file = put(self.app, segment).await.map_err(Lost::Failed)?;
        self.manifest.segments.push(file.clone());
        Ok(Some(file))
    }

    /// Deletes objects that no reader can need any more, and once a day those that nothing names.
    async fn drop_garbage(&mut self) -> Result<(), Error> {
        let kept = self.now.millis().saturating_sub(millis(GARBAGE_KEPT));
        // A call that was killed may have left notes that name what it has merged.
        let named: HashSet<_> = objects(&self.state.notes).collect();
        let (due, rest) = std::mem::take(&mut self.manifest.garbage)
            .into_iter()
            .partition::<Vec<_>, _>(|garbage| garbage.since <= kept && !named.contains(&garbage.key));
        let keys: Vec<_> = due.into_iter().map(|garbage| garbage.key).collect();
        self.app.objects.delete_index_objects(&keys).await?;
        self.manifest.garbage = rest;
        if self.sweeps() && self.app.owns(&self.manifest) {
            self.drop_nameless().await?;
        }
        Ok(())
    }

    /// Deletes the objects of the index that are older than a day and that nothing names.
    async fn drop_nameless(&self) -> Result<(), Error> {
        let noted: HashSet<_> = objects(&self.state.notes).collect();
        let objects = self.app.objects.index_objects().await?.into_iter();
        let old = objects.filter(|object| {
            let is_old = self.now.since(object.since) > SWEPT_EVERY;
            is_old && !self.manifest.names(&object.key) && !noted.contains(&object.key)
        });
        let old: Vec<_> = old.map(|object| object.key).collect();
        self.app.objects.delete_index_objects(&old).await
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the keys of the objects that notes name.
pub(crate) fn objects(notes: &[Note]) -> impl Iterator<Item = String> {
    notes.iter().filter_map(|note| match &note.content {
        Noted::Object(key) => Some(key.clone()),
        Noted::Entries(_) => None,
    })
}

/// Merges segments and entries on a thread of its own; `None` if nothing is left.
pub(crate) async fn merged(
    files: Vec<(String, Bytes)>,
    noted: Vec<Entry>,
    forget: Option<Timestamp>,
) -> Result<Option<Written>, Lost> {
    let merging = tokio::task::spawn_blocking(move || {
        let mut segments = Vec::new();
        for (key, bytes) in files {
            segments.push(Segment::read(bytes).map_err(|_| Lost::Gone(key))?);
        }
        let key = || Lost::Gone("of several".to_owned());
        let writer = merge(&segments, noted, forget).map_err(|_| key())?;
        Ok((!writer.is_empty()).then(|| writer.finish()))
    });
    merging
        .await
        .map_err(|error| Lost::Failed(Error::internal("merge the index", error)))?
}

/// Puts a segment into the bucket.
pub(crate) async fn put(app: &Catalog, segment: Written) -> Result<SegmentFile, Error> {
    let (entries, deleted) = (segment.head().entries, segment.head().deleted);
    let (bytes, search) = segment.sizes();
    Ok(SegmentFile {
        key: app.objects.put_segment(segment.into_pieces()).await?,
        bytes,
        search,
        entries,
        deleted,
        collation: index::COLLATION_VERSION,
    })
}
