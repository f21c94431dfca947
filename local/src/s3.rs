//! The objects' store: S3 over a folder, inside this process.
//!
//! In front of `s3s` stands a layer with two duties. Writes of one key wait for each other, because
//! `s3s-fs` looks and then writes: without that, two conditional puts could both win. And an arrival
//! is noted before the client hears of its success, so that no event is lost when the process dies. A write that
//! fails for want of room is answered by a status of its own.

mod cors;
mod room;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use s3s::auth::SimpleAuth;
use s3s::dto::HeadObjectInput;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3, S3Request};
use s3s_fs::FileSystem;
use shared::BoxError;

use self::cors::Cors;
use crate::clients::Credentials;
use crate::events::{Arrival, Events};
use crate::server::{self, Server};
use crate::start_error::of_call;
use crate::sync::lock;

/// The entity tag of an empty object.
const EMPTY: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// A running store; it ends when dropped.
#[derive(Debug)]
pub(crate) struct ObjectStore(Server);

impl ObjectStore {
    /// Starts on a free port, with the objects below `folder`.
    ///
    /// Arrivals are given to `events`. The page that the gateway at `gateway` serves may use signed URLs.
    pub(crate) async fn start(
        folder: &Path,
        credentials: &Credentials,
        events: Events,
        gateway: SocketAddr,
    ) -> Result<Self, BoxError> {
        std::fs::create_dir_all(folder)?;
        let open = || FileSystem::new(folder).map_err(|_| "the folder cannot be opened");
        let mut builder = S3ServiceBuilder::new(open()?);
        builder.set_auth(SimpleAuth::from_single(
            credentials.access_key.as_str(),
            credentials.secret_key.as_str(),
        ));
        let layer = Arc::new(Layer {
            folder: folder.to_owned(),
            inner: builder.build(),
            files: open()?,
            locks: Locks::default(),
            events,
            cors: Cors::of(gateway),
        });
        let server = Server::start(server::bind(0).await?, move |_, request| {
            let layer = layer.clone();
            async move { layer.respond(request).await }
        })?;
        Ok(Self(server))
    }

    /// Its endpoint.
    pub(crate) fn url(&self) -> String {
        self.0.url()
    }

    /// Lets the requests under way finish.
    pub(crate) async fn stop(self, grace: Duration) {
        self.0.stop(grace).await;
    }
}

/// Makes the bucket, unless it is there. Says in a few words why it cannot.
pub(crate) async fn create_bucket(client: &Client, bucket: &str, region: &str) -> Result<(), String> {
    let mut create = client.create_bucket().bucket(bucket);
    if region != "us-east-1" {
        create = create.create_bucket_configuration(
            CreateBucketConfiguration::builder()
                .location_constraint(BucketLocationConstraint::from(region))
                .build(),
        );
    }
    match create.send().await {
        Ok(_) => Ok(()),
        Err(err)
            if matches!(
                err.code(),
                Some("BucketAlreadyExists" | "BucketAlreadyOwnedByYou")
            ) =>
        {
            Ok(())
        }
        Err(err) => Err(of_call(&err)),
    }
}

struct Layer {
    folder: PathBuf,
    inner: S3Service,
    /// The same folder, to look at an object that has arrived.
    files: FileSystem,
    locks: Locks,
    events: Events,
    cors: Cors,
}

impl Layer {
    async fn respond(&self, request: Request<Incoming>) -> Result<Response<s3s::Body>, BoxError> {
        if let Some(response) = self.cors.preflight(&request) {
            return Ok(response);
        }
        let origin = self.cors.origin(&request);
        let mut response = self.answer(request).await?;
        if let Some(origin) = origin {
            cors::allow(response.headers_mut(), origin);
        }
        Ok(response)
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<s3s::Body>, BoxError> {
        if let Some(refused) = too_long(&request) {
            return Ok(refused);
        }
        let needed = room::needed(&request);
        let response = self.carry_out(request).await?;
        let failed = response.status() == StatusCode::INTERNAL_SERVER_ERROR;
        Ok(match needed {
            Some(bytes) if failed && room::is_short(&self.folder, bytes).await => room::refusal(),
            _ => response,
        })
    }

    async fn carry_out(&self, request: Request<Incoming>) -> Result<Response<s3s::Body>, BoxError> {
        let Some(write) = Write::of(&request) else {
            return Ok(self.inner.call(request.map(s3s::Body::from)).await?);
        };
        let _turn = self.locks.wait(&write.bucket, &write.key).await;
        let response = self.inner.call(request.map(s3s::Body::from)).await?;
        let Some(event) = write.event.filter(|_| response.status().is_success()) else {
            return Ok(response);
        };
        match self.note(&write, event).await {
            Ok(()) => Ok(response),
            Err(err) => {
                tracing::error!(error = %err, "an arrival could not be noted");
                let mut response = Response::new(s3s::Body::empty());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                Ok(response)
            }
        }
    }

    async fn note(&self, write: &Write, event: &'static str) -> Result<(), BoxError> {
        let (size, e_tag) = if write.key.ends_with('/') {
            // A folder, as consoles make them. To the store it is none of the objects, and always empty.
            (0, EMPTY.to_owned())
        } else {
            self.head(write).await?
        };
        self.events.note(&Arrival {
            event,
            bucket: write.bucket.clone(),
            key: write.key.clone(),
            size,
            e_tag,
        })?;
        Ok(())
    }

    /// Size and entity tag of what was written.
    async fn head(&self, write: &Write) -> Result<(i64, String), BoxError> {
        let mut input = HeadObjectInput::default();
        input.bucket.clone_from(&write.bucket);
        input.key.clone_from(&write.key);
        let head = S3Request {
            input,
            method: Method::HEAD,
            uri: hyper::Uri::default(),
            headers: hyper::HeaderMap::default(),
            extensions: hyper::http::Extensions::default(),
            credentials: None,
            region: None,
            service: None,
            trailing_headers: None,
        };
        let found = self.files.head_object(head).await?.output;
        let e_tag = found.e_tag.map(|e_tag| e_tag.value().to_owned());
        Ok((
            found.content_length.unwrap_or_default(),
            e_tag.unwrap_or_default(),
        ))
    }
}

/// The longest name of a file, in bytes.
const MAX_FILE_NAME: usize = 255;

/// Returns how many bytes a key in `bucket` can have. The store below names files after bucket and key, both in
/// Base64, and after the id of an upload in parts.
fn longest_key(bucket: &str, in_parts: bool) -> usize {
    let upload = if in_parts { ".upload-".len() + 36 } else { 0 };
    let rest = ".bucket-".len() + ".object-".len() + ".metadata.json".len() + upload;
    let of_bucket = (bucket.len() * 4).div_ceil(3);
    MAX_FILE_NAME.saturating_sub(rest + of_bucket) * 3 / 4
}

/// Returns the answer to a request about a key that is too long to be a file, as S3 answers one over 1,024 bytes.
fn too_long<B>(request: &Request<B>) -> Option<Response<s3s::Body>> {
    let (bucket, key) = request.uri().path().strip_prefix('/')?.split_once('/')?;
    let query = request.uri().query().unwrap_or_default();
    let in_parts = query
        .split('&')
        .any(|pair| pair == "uploads" || pair.starts_with("uploads=") || pair.starts_with("uploadId="));
    let (longest, bytes) = (longest_key(bucket, in_parts), percent_decode_str(key).count());
    if bytes <= longest {
        return None;
    }
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>KeyTooLongError</Code><Message>The key has {bytes} \
         bytes, and the embedded store takes {longest} at most; use a shorter key, or another S3 by \
         --s3.</Message></Error>"
    );
    Some(refusal(StatusCode::BAD_REQUEST, body))
}

/// An answer of that status with an error in XML.
fn refusal(status: StatusCode, error: String) -> Response<s3s::Body> {
    let mut response = Response::new(s3s::Body::from(error));
    *response.status_mut() = status;
    let xml = hyper::header::HeaderValue::from_static("application/xml");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, xml);
    response
}

/// A request that changes one object.
#[derive(Debug, PartialEq, Eq)]
struct Write {
    bucket: String,
    key: String,
    /// What S3 calls the event of its success.
    event: Option<&'static str>,
}

impl Write {
    /// What the request would write. Parts of an upload are no writes: they do not touch the object.
    fn of<B>(request: &Request<B>) -> Option<Self> {
        let (bucket, key) = request.uri().path().strip_prefix('/')?.split_once('/')?;
        if key.is_empty() {
            return None;
        }
        let query = request.uri().query().unwrap_or_default();
        let names: Vec<_> = query
            .split('&')
            .map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name))
            .collect();
        let has = |name: &str| names.contains(&name);
        let event = match *request.method() {
            Method::PUT if has("uploadId") || has("tagging") || has("acl") => return None,
            Method::PUT if request.headers().contains_key("x-amz-copy-source") => Some("ObjectCreated:Copy"),
            Method::PUT => Some("ObjectCreated:Put"),
            Method::POST if has("uploadId") => Some("ObjectCreated:CompleteMultipartUpload"),
            Method::DELETE if !has("uploadId") => None,
            _ => return None,
        };
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Some(Self {
            bucket: decode(bucket),
            key: decode(key),
            event,
        })
    }
}

/// One lock for each key that is being written.
#[derive(Default)]
struct Locks(Mutex<HashMap<(String, String), Weak<Lock>>>);

type Lock = tokio::sync::Mutex<()>;

impl Locks {
    async fn wait(&self, bucket: &str, key: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let lock = {
            let mut locks = lock(&self.0);
            locks.retain(|_, lock| lock.strong_count() > 0);
            let name = (bucket.to_owned(), key.to_owned());
            let lock = locks.get(&name).and_then(Weak::upgrade).unwrap_or_default();
            locks.insert(name, Arc::downgrade(&lock));
            lock
        };
        lock.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(method: &str, uri: &str) -> Option<Write> {
        Write::of(&Request::builder().method(method).uri(uri).body(()).unwrap())
    }

    #[test]
    fn what_makes_an_object_has_an_event() {
        for (method, uri, event) in [
            ("PUT", "/b/k?x-id=PutObject", "ObjectCreated:Put"),
            ("POST", "/b/k?uploadId=1", "ObjectCreated:CompleteMultipartUpload"),
        ] {
            assert_eq!(write(method, uri).unwrap().event, Some(event), "{uri}");
        }
    }

    #[test]
    fn what_makes_no_object_has_none() {
        for (method, uri) in [
            ("GET", "/b/k"),
            ("PUT", "/b"),
            ("PUT", "/b/"),
            ("PUT", "/b/k?partNumber=1&uploadId=1"),
            ("POST", "/b/k?uploads"),
            ("DELETE", "/b/k?uploadId=1"),
        ] {
            assert_eq!(write(method, uri), None, "{method} {uri}");
        }
        assert_eq!(write("DELETE", "/b/k").unwrap().event, None);
    }

    #[test]
    fn keys_are_decoded() {
        assert_eq!(
            write("PUT", "/b/drop/a%20b%2B%C3%A9.csv").unwrap().key,
            "drop/a b+é.csv"
        );
    }
}
