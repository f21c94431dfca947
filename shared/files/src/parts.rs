//! Putting an object into the bucket in parts.

use aws_sdk_s3::config::Config;
use aws_sdk_s3::operation::create_multipart_upload::builders::CreateMultipartUploadFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use errors::{Error, failed};
use futures::{Stream, TryStreamExt, stream};

use super::UploadStore;

/// Parts that are uploaded at the same time, while the next is made: a call takes as long as some 5 MiB of rows.
pub(super) const AT_ONCE: usize = 4;
/// The least that S3 takes as a part of an object, but for the last.
pub(super) const MIN_PART: usize = 5 * 1024 * 1024;

impl UploadStore {
    /// Makes the object at `key` from `parts` and holds no more than [`AT_ONCE`] of them at a time. `begin` is what the
    /// object is like. Returns its size.
    pub(super) async fn put_in_parts(
        &self,
        key: &str,
        begin: CreateMultipartUploadFluentBuilder,
        parts: impl Stream<Item = Result<Bytes, Error>>,
        doing: &'static str,
    ) -> Result<u64, Error> {
        let begin = begin.bucket(&*self.bucket).key(key);
        let started = begin.send().await.map_err(|error| failed(doing, error))?;
        let upload = started.upload_id.unwrap_or_default();
        let (mut number, mut bytes) = (0, 0);
        let puts = parts.map_ok(|part| {
            number += 1;
            bytes += part.len() as u64;
            self.put_part((key, &upload), number, part, doing)
        });
        let completed: Vec<_> = puts.try_buffered(AT_ONCE).try_collect().await?;
        let completed = CompletedMultipartUpload::builder().set_parts(Some(completed));
        let joined = self
            .client()
            .complete_multipart_upload()
            .bucket(&*self.bucket)
            .key(key)
            .upload_id(&upload)
            .multipart_upload(completed.build())
            .customize()
            .config_override(Config::builder().timeout_config(self.limits.joining()))
            .send()
            .await;
        match joined {
            // The SDK has repeated a call whose answer was lost: the parts are no more, because the object is there.
            Err(_) if self.has(key, bytes).await => Ok(bytes),
            Err(error) => Err(failed(doing, error)),
            Ok(_) => Ok(bytes),
        }
    }

    /// Returns whether the object at `key` is there and has so many `bytes`, as far as storage says.
    async fn has(&self, key: &str, bytes: u64) -> bool {
        let head = self.client().head_object().bucket(&*self.bucket).key(key);
        let head = head.send().await.ok();
        head.and_then(|head| head.content_length()) == i64::try_from(bytes).ok()
    }

    async fn put_part(
        &self,
        (key, upload): (&str, &str),
        number: i32,
        part: Bytes,
        doing: &'static str,
    ) -> Result<CompletedPart, Error> {
        let put = self.client().upload_part().bucket(&*self.bucket).key(key);
        let put = put
            .upload_id(upload)
            .part_number(number)
            .body(ByteStream::from(part));
        let put = put.send().await.map_err(|error| failed(doing, error))?;
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(put.e_tag)
            .build())
    }
}

/// Returns `content` as parts that S3 takes: one at least, and none but the last smaller than [`MIN_PART`].
pub(super) fn parts_of(
    content: impl Stream<Item = Result<Vec<u8>, Error>>,
) -> impl Stream<Item = Result<Bytes, Error>> {
    stream::try_unfold(Some(Box::pin(content)), |content| async {
        let Some(mut content) = content else {
            return Ok(None);
        };
        let mut part = Vec::new();
        while part.len() < MIN_PART {
            let Some(piece) = content.try_next().await? else {
                return Ok(Some((Bytes::from(part), None)));
            };
            part.extend_from_slice(&piece);
        }
        Ok(Some((Bytes::from(part), Some(content))))
    })
}
