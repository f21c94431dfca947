//! What a process remembers of the index. Objects never change, so their keys say whether they are known.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use errors::Error;
use files::{Unreadable, UploadStore};
use futures::{StreamExt, TryStreamExt, stream};
use index::{Beginning, Columns, Entry, Segment, Snapshot};
use table::{Note, Noted, SegmentFile};

use crate::maintain;

/// Objects that are read at the same time: each is in memory twice while it is unpacked.
const READS: usize = 4;
/// Bytes that have to be spared for reading no more than the beginning of segments, because a search then has still to
/// read all of them.
const WORTH: u64 = 1024 * 1024;

/// Why the index cannot be read.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The object or note with this key is not there, or cannot be read.
    Gone(String),
    /// Storage failed.
    Failed(Error),
}

/// An object of the index.
#[derive(Clone, Debug)]
enum Source {
    Segment(SegmentFile),
    Delta(String),
}

impl Source {
    fn key(&self) -> &str {
        match self {
            Self::Segment(segment) => &segment.key,
            Self::Delta(key) => key,
        }
    }
}

/// What a process remembers of the index. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cache(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    columns: HashMap<String, Arc<Columns>>,
    /// The first users of segments, and whether they are all.
    beginnings: HashMap<String, (Arc<Columns>, bool)>,
    /// What the objects of these keys say together.
    objects: Option<(Vec<String>, Snapshot)>,
    /// The same with the notes of these keys.
    noted: Option<(Vec<String>, Vec<String>, Snapshot)>,
}

impl Cache {
    /// Joins segments and notes, and reads of them what is not known yet.
    pub(crate) async fn load(
        &self,
        objects: &UploadStore,
        segments: &[SegmentFile],
        notes: &[Note],
    ) -> Result<Snapshot, Lost> {
        let segments = segments.iter().cloned().map(Source::Segment);
        let sources: Vec<_> = segments
            .chain(maintain::objects(notes).map(Source::Delta))
            .collect();
        self.read_missing(objects, &sources).await?;
        let (cache, notes) = (self.clone(), notes.to_vec());
        let keys = sources.iter().map(|source| source.key().to_owned()).collect();
        tokio::task::spawn_blocking(move || cache.join(keys, &notes))
            .await
            .map_err(|error| Lost::Failed(Error::internal("join the index", error)))?
    }

    /// Reads one segment, if it is not known.
    pub(crate) async fn columns(
        &self,
        objects: &UploadStore,
        segment: &SegmentFile,
    ) -> Result<Arc<Columns>, Lost> {
        let source = Source::Segment(segment.clone());
        self.read_missing(objects, std::slice::from_ref(&source)).await?;
        let known = self.known().columns.get(&segment.key).cloned();
        known.ok_or_else(|| Lost::Gone(segment.key.clone()))
    }

    /// Joins notes with as much of the segments as the first page of users needs; `None` if that spares little.
    pub(crate) async fn beginning(
        &self,
        objects: &UploadStore,
        segments: &[SegmentFile],
        notes: &[Note],
    ) -> Result<Option<Beginning>, Lost> {
        // What a running import has handed over is read whole.
        if maintain::objects(notes).next().is_some() {
            return Ok(None);
        }
        let spared = |segment: &SegmentFile| segment.search - first_bytes(segment).min(segment.search);
        let is_known = |segment: &&SegmentFile| self.known().columns.contains_key(&segment.key);
        let missing = segments.iter().filter(|segment| !is_known(segment));
        if missing.map(spared).sum::<u64>() < WORTH {
            return Ok(None);
        }
        let reads: Vec<_> = segments
            .iter()
            .map(|segment| self.first(objects, segment))
            .collect();
        let read: Vec<_> = stream::iter(reads).buffered(READS).try_collect().await?;
        let mut beginning = Beginning::default();
        for (_, (columns, is_all)) in &read {
            beginning = beginning.with(Arc::clone(columns), *is_all);
        }
        // Those of former segments go.
        self.known().beginnings = read.into_iter().collect();
        let changes = Columns::of(entries(notes)?);
        Ok(Some(beginning.with(Arc::new(changes), true)))
    }

    /// Reads the first users of a segment, if they are not known.
    async fn first(
        &self,
        objects: &UploadStore,
        segment: &SegmentFile,
    ) -> Result<(String, (Arc<Columns>, bool)), Lost> {
        let key = segment.key.clone();
        {
            let known = self.known();
            if let Some(columns) = known.columns.get(&key) {
                return Ok((key, (Arc::clone(columns), true)));
            }
            if let Some(beginning) = known.beginnings.get(&key) {
                return Ok((key, beginning.clone()));
            }
        }
        let read = objects.segment(&key, first_bytes(segment)).await;
        let bytes = read.map_err(|error| lost(&key, error))?;
        let columns = tokio::task::spawn_blocking(move || {
            Segment::read(bytes).and_then(|segment| segment.first_columns())
        });
        let columns = columns
            .await
            .map_err(|error| Lost::Failed(Error::internal("read the index", error)))?;
        match columns {
            Ok((columns, is_all)) => Ok((key, (Arc::new(columns), is_all))),
            Err(_) => Err(Lost::Gone(key)),
        }
    }

    async fn read_missing(&self, objects: &UploadStore, sources: &[Source]) -> Result<(), Lost> {
        let missing: Vec<_> = {
            let known = self.known();
            let is_missing = |source: &&Source| !known.columns.contains_key(source.key());
            sources.iter().filter(is_missing).cloned().collect()
        };
        let reads: Vec<_> = missing.into_iter().map(|source| read(objects, source)).collect();
        let mut reads = stream::iter(reads).buffer_unordered(READS);
        // One by one, so that a request that is out of time has not read for nothing.
        while let Some((key, columns)) = reads.try_next().await? {
            self.known().columns.insert(key, columns);
        }
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // What is remembered is right at any time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, keys: Vec<String>, notes: &[Note]) -> Result<Snapshot, Lost> {
        let note_keys: Vec<_> = notes.iter().map(|note| note.key.sk.clone()).collect();
        let (columns, earlier) = {
            let known = self.known();
            if let Some((of, with, snapshot)) = &known.noted
                && *of == keys
                && *with == note_keys
            {
                return Ok(snapshot.clone());
            }
            (known.columns.clone(), known.objects.clone())
        };
        // Mostly one checkpoint more than before.
        let earlier = earlier.filter(|(of, _)| keys.starts_with(of));
        let (known, mut snapshot) = earlier.unwrap_or_default();
        for key in &keys[known.len()..] {
            let columns = columns.get(key).ok_or_else(|| Lost::Gone(key.clone()))?;
            snapshot = snapshot.with(Arc::clone(columns)).compacted();
        }
        let mut all = snapshot.clone();
        let entries = entries(notes)?;
        if !entries.is_empty() {
            all = all.with(Arc::new(Columns::of(entries)));
        }
        let mut known = self.known();
        let used: HashSet<_> = keys.iter().map(String::as_str).collect();
        known.columns.retain(|key, _| used.contains(key.as_str()));
        known.objects = Some((keys.clone(), snapshot));
        known.noted = Some((keys, note_keys, all.clone()));
        Ok(all)
    }
}

/// Returns how many bytes of a segment are read for its first users.
fn first_bytes(segment: &SegmentFile) -> u64 {
    index::beginning(segment.entries, segment.deleted, segment.search)
}

/// Returns the entries that the notes have themselves.
pub(crate) fn entries(notes: &[Note]) -> Result<Vec<Entry>, Lost> {
    let mut entries = Vec::new();
    for note in notes {
        if let Noted::Entries(packed) = &note.content {
            // One that this version cannot read is as good as gone: the table has what it says.
            entries.extend(index::unpack(packed).map_err(|_| Lost::Gone(note.key.sk.clone()))?);
        }
    }
    Ok(entries)
}

/// Returns the entries in the objects that the notes name.
pub(crate) async fn deltas(objects: &UploadStore, notes: &[Note]) -> Result<Vec<Entry>, Lost> {
    let reads: Vec<_> = maintain::objects(notes)
        .map(|key| async move {
            let read = objects.delta(&key).await;
            let packed = read.map_err(|error| lost(&key, error))?;
            index::unpack(&packed).map_err(|_| Lost::Gone(key))
        })
        .collect();
    let read: Vec<_> = stream::iter(reads).buffered(READS).try_collect().await?;
    Ok(read.into_iter().flatten().collect())
}

async fn read(objects: &UploadStore, source: Source) -> Result<(String, Arc<Columns>), Lost> {
    let key = source.key().to_owned();
    let bytes = match &source {
        Source::Segment(segment) => objects.segment(&key, segment.search).await,
        Source::Delta(key) => objects.delta(key).await,
    };
    let bytes = bytes.map_err(|error| lost(&key, error))?;
    let columns = tokio::task::spawn_blocking(move || match source {
        Source::Segment(_) => Segment::read(bytes).and_then(|segment| segment.columns()),
        Source::Delta(_) => index::unpack(&bytes).map(Columns::of),
    });
    let columns = columns
        .await
        .map_err(|error| Lost::Failed(Error::internal("read the index", error)))?;
    match columns {
        Ok(columns) => Ok((key, Arc::new(columns))),
        Err(_) => Err(Lost::Gone(key)),
    }
}

/// Returns what it means that the object at `key` cannot be read.
pub(crate) fn lost(key: &str, error: Unreadable) -> Lost {
    match error {
        Unreadable::Gone => Lost::Gone(key.to_owned()),
        Unreadable::Failed(error) => Lost::Failed(error),
    }
}
