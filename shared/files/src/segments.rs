//! The objects of the index of users.

use bytes::{Bytes, BytesMut};
use errors::{Error, failed};
use futures::{StreamExt, TryStreamExt, stream};
use roster::{ImportId, Timestamp};
use uuid::Uuid;

use super::parts::{AT_ONCE, MIN_PART, parts_of};
use super::{RANGE, Unreadable, UploadStore};

/// Everything that belongs to the index.
const FOLDER: &str = "index/";

/// An object of the index that is in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexObject {
    /// Its key.
    pub key: String,
    /// When it was put there.
    pub since: Timestamp,
}

/// What begins the key of an object by whose arrival an export is written.
const EXPORT: &str = "index/wake/export/";

/// Returns the export that the arrival of an object with the key `key` asks for; `None` if none.
#[must_use]
pub fn export_of_key(key: &str) -> Option<&str> {
    key.strip_prefix(EXPORT)
}

/// Why the function of the index is called before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// There are many notes.
    Merge,
    /// An object of the index is not there.
    Lost,
}

impl Wake {
    /// Returns what the arrival of an object with the key `key` asks for; `None` if nothing.
    #[must_use]
    pub fn of_key(key: &str) -> Option<Self> {
        match key {
            "index/wake/merge" => Some(Self::Merge),
            "index/wake/lost" => Some(Self::Lost),
            _ => None,
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Merge => "index/wake/merge",
            Self::Lost => "index/wake/lost",
        }
    }
}

impl UploadStore {
    /// Keeps the entries of a checkpoint of an import, whose rows begin on `line`, and gives the object's key. The key
    /// is a new one each time, like that of rejected rows.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn put_delta(&self, id: ImportId, line: u64, entries: Vec<u8>) -> Result<String, Error> {
        let random = Uuid::new_v4().simple();
        let key = format!("index/deltas/{id}/{line:010}-{random}");
        self.put(key.clone(), entries.into(), "keep entries of the index")
            .await?;
        Ok(key)
    }

    /// Keeps a segment of the index, in pieces that follow each other, and gives its key.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn put_segment<const N: usize>(&self, pieces: [Vec<u8>; N]) -> Result<String, Error> {
        let doing = "keep a segment of the index";
        let key = format!("index/segments/{}", Uuid::now_v7().simple());
        if pieces.iter().map(Vec::len).sum::<usize>() <= MIN_PART {
            self.put(key.clone(), pieces.concat().into(), doing).await?;
            return Ok(key);
        }
        let cut = |piece: Bytes| {
            let cuts = (0..piece.len()).step_by(MIN_PART);
            cuts.map(move |from| Ok(piece[from..piece.len().min(from + MIN_PART)].to_vec()))
        };
        let pieces = pieces.into_iter().map(Bytes::from).flat_map(cut);
        let begin = self.client().create_multipart_upload();
        self.put_in_parts(&key, begin, parts_of(stream::iter(pieces)), doing)
            .await?;
        Ok(key)
    }

    /// Reads the entries of a checkpoint.
    ///
    /// # Errors
    ///
    /// [`Unreadable`].
    pub async fn delta(&self, key: &str) -> Result<Bytes, Unreadable> {
        self.piece(key, None).await
    }

    /// Reads a segment from its beginning to before `end`, in ranges side by side.
    ///
    /// # Errors
    ///
    /// [`Unreadable`].
    pub async fn segment(&self, key: &str, end: u64) -> Result<Bytes, Unreadable> {
        let step = usize::try_from(RANGE).unwrap_or(usize::MAX);
        let reads: Vec<_> = (0..end)
            .step_by(step)
            .map(|from| self.piece(key, Some((from, end.min(from + RANGE)))))
            .collect();
        let pieces: Vec<_> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        if let [piece] = pieces.as_slice() {
            return Ok(piece.clone());
        }
        let mut all = BytesMut::with_capacity(usize::try_from(end).unwrap_or_default());
        for piece in pieces {
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    async fn piece(&self, key: &str, range: Option<(u64, u64)>) -> Result<Bytes, Unreadable> {
        let doing = "read the index";
        let range = range.map(|(from, end)| format!("bytes={from}-{}", end - 1));
        let mut tries = self.limits.tries(doing);
        loop {
            let get = self.client().get_object().bucket(&*self.bucket).key(key);
            let mut body = match get.set_range(range.clone()).send().await {
                Ok(object) => object.body,
                Err(error) => {
                    let status = error.raw_response().map(|raw| raw.status().as_u16());
                    return Err(match status {
                        Some(404 | 416) => Unreadable::Gone,
                        _ => Unreadable::Failed(failed(doing, error)),
                    });
                }
            };
            let mut bytes = BytesMut::new();
            let is_whole = loop {
                match self.read(&mut body).await {
                    Ok(Some(piece)) => bytes.extend_from_slice(&piece),
                    Ok(None) => break true,
                    Err(_) => break false,
                }
            };
            if is_whole {
                return Ok(bytes.freeze());
            }
            tries.again().await.map_err(Unreadable::Failed)?;
        }
    }

    /// Deletes objects of the index, also those that are gone already.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn delete_index_objects(&self, keys: &[String]) -> Result<(), Error> {
        for key in keys {
            let delete = self.client().delete_object().bucket(&*self.bucket).key(key);
            delete
                .send()
                .await
                .map_err(|error| failed("delete an object of the index", error))?;
        }
        Ok(())
    }

    /// Returns every object of the index that is in the bucket.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn index_objects(&self) -> Result<Vec<IndexObject>, Error> {
        let list = self
            .client()
            .list_objects_v2()
            .bucket(&*self.bucket)
            .prefix(FOLDER);
        let mut pages = list.into_paginator().send();
        let mut objects = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed("list the objects of the index", error))?;
            for object in page.contents.unwrap_or_default() {
                let since = object.last_modified.and_then(|time| time.to_millis().ok());
                let since = since.and_then(|millis| u64::try_from(millis).ok());
                objects.extend(object.key.map(|key| IndexObject {
                    key,
                    since: Timestamp::from_millis(since.unwrap_or(u64::MAX)),
                }));
            }
        }
        Ok(objects)
    }

    /// Calls the function of the index to write the export `id`.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn wake_export(&self, id: &str) -> Result<(), Error> {
        self.put(format!("{EXPORT}{id}"), Bytes::new(), "wake the index")
            .await
    }

    /// Calls the function of the index.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn wake_index(&self, why: Wake) -> Result<(), Error> {
        self.put(why.key().to_owned(), Bytes::new(), "wake the index")
            .await
    }
}
