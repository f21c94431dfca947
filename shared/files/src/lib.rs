//! The staging bucket: files to import, and the rows that were rejected.
//!
//! | key | what |
//! |---|---|
//! | `imports/<import id>.csv` | a staged file |
//! | `drop/…` | a file that an operator dropped |
//! | `resume/<import id>` | empty; its arrival starts another run of the import |
//! | `rejected/<import id>/<line>-<random>.csv` | the rejected rows of a checkpoint, the first of them on that line |
//! | `changes/<import id>/<line>-<random>.ndjson` | what became of the rows of a checkpoint, the first of them on that line |
//! | `results/<import id>.json` | how the import has ended, or that it stands still |
//! | `rejected/<import id>.csv` | all of them, put together when they are asked for |
//! | `index/segments/<random>` | a segment of the index of users |
//! | `index/deltas/<import id>/<line>-<random>` | the entries of the index of a checkpoint, the first of them on that line |
//! | `index/wake/<why>` | empty; its arrival calls the function of the index |

mod parts;
mod segments;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_types::SdkConfig;
use bytes::{Bytes, BytesMut};
use errors::{BoxError, Error, Limits, failed};
use futures::{Stream, StreamExt, stream};
use roster::ImportId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::parts::parts_of;

pub use segments::{IndexObject, Wake, export_of_key};

/// Bytes asked for in one request. A file is read in ranges so that a slow import does not hold one
/// connection for minutes.
const RANGE: u64 = 8 * 1024 * 1024;
/// Pieces of rejected rows that are read at the same time. Each has about 800 KB, so they take 6 MB.
const READ_AHEAD: usize = 8;

/// The staged object that an import reads, pinned at the first claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedObject {
    /// Its key in the staging bucket.
    pub key: String,
    /// Its version, in a bucket that keeps versions.
    pub version: Option<String>,
    /// Its entity tag, so that an overwritten object is noticed.
    pub etag: Option<String>,
}

/// The rejected rows of one checkpoint, as they are kept in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRows {
    /// The line of the first of them.
    pub line: u64,
    /// The object's key.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// How many rows it has.
    pub rows: u64,
}

impl RejectedRows {
    /// Returns how many columns the rows have for cells without one, which the name of the object says. That of an earlier
    /// version says nothing.
    #[must_use]
    pub fn extra(&self) -> Option<usize> {
        let (_, extra) = self.key.strip_suffix(".csv")?.rsplit_once('+')?;
        extra.parse().ok()
    }
}

/// What became of the rows of one checkpoint, as it is kept in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPiece {
    /// The line of the first of them.
    pub line: u64,
    /// The object's key.
    pub key: String,
    /// How many of the rows have made, changed or deleted an account.
    pub changes: u64,
}

/// What the arrival of an object means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staged<'a> {
    /// The file of this import is there.
    Import(ImportId),
    /// This import is to be taken up where it stands.
    Resume(ImportId),
    /// An operator dropped the file of this name.
    Drop(&'a str),
}

impl<'a> Staged<'a> {
    /// What the arrival of an object with the key `key` means; `None` if nothing.
    #[must_use]
    pub fn of_key(key: &'a str) -> Option<Self> {
        let (kind, rest) = key.split_once('/')?;
        match kind {
            "imports" => rest.strip_suffix(".csv")?.parse().ok().map(Self::Import),
            "resume" => rest.parse().ok().map(Self::Resume),
            // A console makes folders as empty objects whose keys end with a slash.
            "drop" => rest
                .rsplit('/')
                .next()
                .filter(|name| !name.is_empty())
                .map(Self::Drop),
            _ => None,
        }
    }
}

/// The staging bucket.
#[derive(Clone, Debug)]
pub struct UploadStore {
    /// Made for the first call. Most functions make none, so their binaries hold nothing of S3.
    client: Arc<OnceLock<Client>>,
    aws: SdkConfig,
    path_style: bool,
    bucket: Arc<str>,
    limits: Limits,
}

impl UploadStore {
    /// Returns the bucket `bucket`, reached by `client`, which gets the time limits of `limits`. It keeps its own
    /// repeats, if it has any.
    #[must_use]
    pub fn new(client: &Client, bucket: String, limits: Limits) -> Self {
        let own = client.config();
        let repeats = own.retry_config().cloned().unwrap_or_else(|| limits.retries());
        let config = own
            .to_builder()
            .timeout_config(limits.timeouts())
            .retry_config(repeats);
        Self {
            client: Arc::new(OnceLock::from(Client::from_conf(config.build()))),
            ..Self::of(SdkConfig::builder().build(), false, bucket, limits)
        }
    }

    /// Returns the bucket `bucket`, reached as `aws` says within `limits`, by path instead of by host name if asked
    /// for.
    #[must_use]
    pub fn of(aws: SdkConfig, path_style: bool, bucket: String, limits: Limits) -> Self {
        Self {
            client: Arc::default(),
            aws,
            path_style,
            bucket: bucket.into(),
            limits,
        }
    }

    /// Returns the same bucket with the patience of `limits`.
    #[must_use]
    pub fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| {
            let config = aws_sdk_s3::config::Builder::from(&self.aws)
                .force_path_style(self.path_style)
                .timeout_config(self.limits.timeouts());
            Client::from_conf(config.build())
        })
    }

    /// The key under which the file of an import is staged.
    #[must_use]
    pub fn staged_key(id: ImportId) -> String {
        format!("imports/{id}.csv")
    }

    /// Stages the file of an import, which starts it.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn stage(&self, id: ImportId, file: Bytes) -> Result<(), Error> {
        self.put(Self::staged_key(id), file, "stage a file").await
    }

    /// A URL to which `bytes` bytes of `media_type` can be put, in the place of the import's file, for `valid`
    /// and no more.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if it cannot be signed.
    pub async fn sign_upload(
        &self,
        id: ImportId,
        bytes: u64,
        media_type: &str,
        valid: Duration,
    ) -> Result<String, Error> {
        let doing = "sign an upload";
        let signing = PresigningConfig::expires_in(valid).map_err(|error| Error::internal(doing, error))?;
        let signed = self
            .client()
            .put_object()
            .bucket(&*self.bucket)
            .key(Self::staged_key(id))
            .content_length(i64::try_from(bytes).unwrap_or(i64::MAX))
            .content_type(media_type)
            .presigned(signing)
            .await
            .map_err(|error| failed(doing, error))?;
        Ok(signed.uri().to_owned())
    }

    /// Starts another run of an import.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn resume(&self, id: ImportId) -> Result<(), Error> {
        self.put(format!("resume/{id}"), Bytes::new(), "start another run")
            .await
    }

    /// Keeps `count` rejected rows, the first of which begins on `line`, with `extra` columns for cells without one.
    ///
    /// The name is new each time: a run that was given up for dead, and works on all the same, must not
    /// write over the rows that its successor's checkpoint names.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn put_rejected(
        &self,
        id: ImportId,
        (line, count): (u64, u64),
        rows: Vec<u8>,
        extra: usize,
    ) -> Result<RejectedRows, Error> {
        let random = Uuid::new_v4().simple();
        let rejected = RejectedRows {
            line,
            key: format!("rejected/{id}/{line:010}-{random}+{extra}.csv"),
            bytes: rows.len() as u64,
            rows: count,
        };
        self.put(rejected.key.clone(), rows.into(), "keep rejected rows")
            .await?;
        Ok(rejected)
    }

    /// Keeps what became of the rows of a checkpoint, the first of which begins on `line`, `changes` of which have
    /// changed an account. The name is new each time, as that of rejected rows.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn put_record(
        &self,
        id: ImportId,
        (line, changes): (u64, u64),
        entries: Vec<u8>,
    ) -> Result<RecordPiece, Error> {
        let random = Uuid::new_v4().simple();
        let key = format!("changes/{id}/{line:010}-{random}.ndjson");
        self.put(key.clone(), entries.into(), "keep what became of rows")
            .await?;
        Ok(RecordPiece { line, key, changes })
    }

    /// Keeps how an import has ended, which the bucket makes an event of.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn put_result(&self, id: ImportId, json: Vec<u8>) -> Result<(), Error> {
        let key = format!("results/{id}.json");
        self.put(key, json.into(), "tell how an import has ended").await
    }

    /// Reads a piece of a record.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn record_piece(&self, piece: &RecordPiece) -> Result<Bytes, Error> {
        self.whole(&piece.key, "read what became of rows").await
    }

    /// Reads the pieces of rejected rows in their order, a few of them ahead.
    ///
    /// # Errors
    ///
    /// Each piece is an error of its own if storage fails.
    pub fn rejected(
        &self,
        pieces: &[RejectedRows],
    ) -> impl Stream<Item = Result<Bytes, Error>> + Send + use<> {
        let reads: Vec<_> = pieces
            .iter()
            .cloned()
            .map(|piece| {
                let store = self.clone();
                async move { store.whole(&piece.key, "read rejected rows").await }
            })
            .collect();
        stream::iter(reads).buffered(READ_AHEAD)
    }

    /// Reads one piece of rejected rows.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn rejected_piece(&self, rejected: &RejectedRows) -> Result<Bytes, Error> {
        self.whole(&rejected.key, "read rejected rows").await
    }

    /// Reads a whole object.
    async fn whole(&self, key: &str, doing: &'static str) -> Result<Bytes, Error> {
        let object = self
            .client()
            .get_object()
            .bucket(&*self.bucket)
            .key(key)
            .send()
            .await
            .map_err(|error| failed(doing, error))?;
        let mut body = object.body;
        let mut rows = BytesMut::new();
        loop {
            match self.read(&mut body).await {
                Ok(Some(piece)) => rows.extend_from_slice(&piece),
                Ok(None) => return Ok(rows.freeze()),
                Err(source) => return Err(Error::Unavailable { doing, source }),
            }
        }
    }

    /// Reads the next piece of `body`, which has to come in time: the SDK's limits end when a body begins.
    async fn read(&self, body: &mut ByteStream) -> Result<Option<Bytes>, BoxError> {
        let time = self.limits.read();
        match tokio::time::timeout(time, body.try_next()).await {
            Ok(piece) => Ok(piece?),
            Err(_) => Err(format!("no byte came within {} ms", time.as_millis()).into()),
        }
    }

    /// Makes the file of an import's rejected rows from `content` and holds a few parts of it at a time. Returns its
    /// size.
    ///
    /// # Errors
    ///
    /// If `content` or storage fails.
    pub async fn put_together(
        &self,
        id: ImportId,
        media_type: &str,
        content: impl Stream<Item = Result<Vec<u8>, Error>>,
    ) -> Result<u64, Error> {
        let name = format!("rejected-{id}.csv");
        self.put_file(&Self::rejected_key(id), (media_type, &name), content)
            .await
    }

    /// Puts the file of an export, of this media type and with this name for who saves it, together of `content`. Returns
    /// its key, which is a new one each time, and its size.
    ///
    /// # Errors
    ///
    /// If `content` or storage fails.
    pub async fn put_export(
        &self,
        (media_type, name): (&str, &str),
        content: impl Stream<Item = Result<Vec<u8>, Error>>,
    ) -> Result<(String, u64), Error> {
        let key = format!("exports/{}", Uuid::now_v7().simple());
        let bytes = self.put_file(&key, (media_type, name), content).await?;
        Ok((key, bytes))
    }

    /// Puts together an object for people to save.
    async fn put_file(
        &self,
        key: &str,
        (media_type, name): (&str, &str),
        content: impl Stream<Item = Result<Vec<u8>, Error>>,
    ) -> Result<u64, Error> {
        let begin = self
            .client()
            .create_multipart_upload()
            .content_type(media_type)
            .content_disposition(format!("attachment; filename=\"{name}\""));
        self.put_in_parts(key, begin, parts_of(content), "put a file together")
            .await
    }

    /// A URL from which the file of an import's rejected rows can be read for `valid`, once it was
    /// [put together](Self::put_together).
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if it cannot be signed.
    pub async fn sign_rejected(&self, id: ImportId, valid: Duration) -> Result<String, Error> {
        self.sign_download(&Self::rejected_key(id), valid).await
    }

    /// A URL from which the object at `key` can be read for `valid`.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if it cannot be signed.
    pub async fn sign_download(&self, key: &str, valid: Duration) -> Result<String, Error> {
        let doing = "sign a download";
        let signing = PresigningConfig::expires_in(valid).map_err(|error| Error::internal(doing, error))?;
        let signed = self
            .client()
            .get_object()
            .bucket(&*self.bucket)
            .key(key)
            .presigned(signing)
            .await
            .map_err(|error| failed(doing, error))?;
        Ok(signed.uri().to_owned())
    }

    /// The key of the file of an import's rejected rows.
    fn rejected_key(id: ImportId) -> String {
        format!("rejected/{id}.csv")
    }

    async fn put(&self, key: String, content: Bytes, doing: &'static str) -> Result<(), Error> {
        self.client()
            .put_object()
            .bucket(&*self.bucket)
            .key(key)
            .body(ByteStream::from(content))
            .send()
            .await
            .map_err(|error| failed(doing, error))?;
        Ok(())
    }

    /// Returns whether `object` can still be read, in the version that was pinned.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn is_there(&self, object: &StagedObject) -> Result<bool, Error> {
        match self.reader(object.clone(), 0).next().await {
            Ok(_) => Ok(true),
            Err(Unreadable::Gone) => Ok(false),
            Err(Unreadable::Failed(error)) => Err(error),
        }
    }

    /// Reads `object` from the byte `offset` on.
    #[must_use]
    pub fn reader(&self, object: StagedObject, offset: u64) -> ObjectReader {
        ObjectReader {
            store: self.clone(),
            object,
            offset,
            end: offset,
            size: None,
            body: None,
        }
    }
}

/// Reads an object piece by piece, and takes the reading up again where a connection broke.
#[derive(Debug)]
pub struct ObjectReader {
    store: UploadStore,
    object: StagedObject,
    /// The next byte to deliver.
    offset: u64,
    /// The end of the range that was asked for last.
    end: u64,
    size: Option<u64>,
    body: Option<ByteStream>,
}

/// Why an object cannot be read.
#[derive(Debug)]
pub enum Unreadable {
    /// It is not there, or not the one that was pinned.
    Gone,
    /// Storage failed.
    Failed(Error),
}

impl ObjectReader {
    /// The object's size in bytes, known after the first piece.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// The next piece, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`Unreadable`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, Unreadable> {
        let mut tries = self.store.limits.tries("read a staged file");
        loop {
            if self.body.is_none() {
                if self.size.is_some_and(|size| self.offset >= size) {
                    return Ok(None);
                }
                match self.open().await {
                    Ok(opened) => {
                        self.body = opened;
                        if self.body.is_none() {
                            return Ok(None);
                        }
                    }
                    Err(error) => return Err(error),
                }
            }
            let Some(body) = &mut self.body else { continue };
            match self.store.read(body).await {
                Ok(Some(piece)) => {
                    self.offset += piece.len() as u64;
                    return Ok(Some(piece));
                }
                Ok(None) if self.offset >= self.end => self.body = None,
                // The connection broke, stood still, or ended before the range did.
                Ok(None) | Err(_) => {
                    self.body = None;
                    tries.again().await.map_err(Unreadable::Failed)?;
                }
            }
        }
    }

    /// Asks for the next range; `None` if there is nothing after the offset.
    async fn open(&mut self) -> Result<Option<ByteStream>, Unreadable> {
        let StagedObject { key, version, etag } = &self.object;
        let last = self.offset + RANGE - 1;
        let answer = self
            .store
            .client()
            .get_object()
            .bucket(&*self.store.bucket)
            .key(key)
            .set_version_id(version.clone())
            .set_if_match(etag.as_ref().map(|etag| format!("\"{etag}\"")))
            .range(format!("bytes={}-{last}", self.offset))
            .send()
            .await;
        let GetObjectOutput {
            body,
            content_length,
            content_range,
            ..
        } = match answer {
            Ok(object) => object,
            Err(error) => {
                let status = error.raw_response().map(|raw| raw.status().as_u16());
                return match status {
                    // Nothing after the offset: an empty object, or exactly at its end.
                    Some(416) => Ok(None),
                    Some(404 | 412) => Err(Unreadable::Gone),
                    _ => Err(Unreadable::Failed(failed("read a staged file", error))),
                };
            }
        };
        let length = u64::try_from(content_length.unwrap_or_default()).unwrap_or_default();
        self.end = self.offset + length;
        self.size = content_range
            .as_deref()
            .and_then(|range| range.rsplit_once('/')?.1.parse().ok())
            .or(Some(self.end));
        Ok(Some(body))
    }
}
