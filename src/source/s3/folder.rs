//! A folder of a bucket that flowdiff itself keeps something in: objects read whole, and written on conditions only.
//!
//! Sources: S3 User Guide "How to prevent object overwrites with conditional writes"; S3 API reference "PutObject".

use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::primitives::{ByteStream, DateTime};

use super::client::BucketClient;
use super::listing::ends;
use crate::model::Error;
use crate::source::aws::{Failure, FailureKind};
use crate::source::call::Caller;
use crate::source::clock::{Clock, answered_at};
use crate::source::pages::ListingPages;
use crate::source::{Address, SourceOptions};

/// How often a body that breaks off is fetched before it is given up.
const ATTEMPTS: u32 = 4;

/// No answer to a call says when it was made.
const UNKNOWN: i64 = i64::MIN;

/// A folder of a bucket.
pub struct BucketFolder {
    bucket: String,
    /// Empty, or ending with a slash.
    folder: String,
    reached: BucketClient,
    caller: Caller,
}

/// An object as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// All of it.
    pub bytes: Vec<u8>,
    /// What is another one as soon as somebody has written the object again.
    pub etag: String,
    /// How long ago it was written, by the service's own clock; `None` if the answer does not tell.
    pub age: Option<Duration>,
}

/// On which condition an object is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutCondition {
    /// There is none yet.
    Absent,
    /// It is still the one with this etag.
    Unchanged(String),
}

/// What came of an attempt to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// It is written, and has this etag.
    Written(String),
    /// It may be written or not, for this reason: the condition does not hold, or no longer, or another attempt was under way,
    /// or the answer got lost. What stands there tells.
    Unsure(String),
}

/// Why an object cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderTrouble {
    /// What is wrong, as the rest of a sentence.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl BucketFolder {
    /// Gets ready; nothing is called yet. `None` if the address is no bucket's.
    ///
    /// # Errors
    /// What is wrong with the configuration files.
    pub async fn open(address: &Address, options: &SourceOptions) -> Result<Option<Self>, Error> {
        let Address::S3 { bucket, prefix, .. } = address else {
            return Ok(None);
        };
        let written = address.to_string();
        let (reached, caller) =
            BucketClient::open(&written, bucket, options, &Clock::new()).await?;
        let folder = match prefix.trim_end_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        Ok(Some(Self {
            bucket: bucket.clone(),
            folder,
            reached,
            caller,
        }))
    }

    /// Returns the address of an object in the folder.
    pub fn address(&self, name: &str) -> String {
        format!("s3://{}/{}{name}", self.bucket, self.folder)
    }

    /// Reads an object; `None` if there is none.
    ///
    /// # Errors
    /// It cannot be read, after some attempts.
    pub async fn get(&self, name: &str) -> Result<Option<StoredObject>, FolderTrouble> {
        let mut attempt = 1;
        loop {
            let date = AnswerDate::default();
            let answer = match self.fetch(name, &date).await {
                Ok(answer) => answer,
                Err(failure) if is_absent(&failure) => return Ok(None),
                Err(failure) => return Err(self.trouble(&failure, "s3:GetObject")),
            };
            let etag = answer.e_tag().unwrap_or_default().to_owned();
            let written = answer.last_modified().map(DateTime::secs);
            let age = written.zip(date.seconds()).map(|(written, now)| {
                Duration::from_secs(now.saturating_sub(written).max(0).unsigned_abs())
            });
            match answer.body.collect().await {
                Ok(bytes) => {
                    let bytes = bytes.to_vec();
                    return Ok(Some(StoredObject { bytes, etag, age }));
                }
                Err(error) if attempt < ATTEMPTS => {
                    self.caller
                        .again("GetObject", attempt, &error.to_string())
                        .await;
                    attempt += 1;
                }
                Err(error) => {
                    let reason = format!("cannot be read: it breaks off: {error}");
                    return Err(FolderTrouble { reason, hint: None });
                }
            }
        }
    }

    async fn fetch(&self, name: &str, date: &AnswerDate) -> Result<GetObjectOutput, Failure> {
        loop {
            let client = self.reached.get();
            let call = client
                .get_object()
                .bucket(&self.bucket)
                .key(format!("{}{name}", self.folder));
            let make = || {
                let (call, date) = (call.clone(), date.clone());
                async move { call.customize().interceptor(date).send().await }
            };
            match self.caller.call("GetObject", make).await {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    let failure = Failure::of(&error).in_region(client.config().region());
                    if !self.reached.follow(&failure) {
                        return Err(failure);
                    }
                }
            }
        }
    }

    /// Writes an object, in one attempt.
    ///
    /// # Errors
    /// It is certain that nothing was written, and trying again would not help.
    pub async fn put(
        &self,
        name: &str,
        bytes: Vec<u8>,
        condition: &PutCondition,
    ) -> Result<PutOutcome, FolderTrouble> {
        loop {
            let client = self.reached.get();
            let call = client
                .put_object()
                .bucket(&self.bucket)
                .key(format!("{}{name}", self.folder))
                .content_type(content_type(name))
                .body(ByteStream::from(bytes.clone()));
            let call = match condition {
                PutCondition::Absent => call.if_none_match("*"),
                PutCondition::Unchanged(etag) => call.if_match(etag),
            };
            let error = match self.caller.once("PutObject", call.send()).await {
                Ok(answer) => {
                    let etag = answer.e_tag.unwrap_or_default();
                    return Ok(PutOutcome::Written(etag));
                }
                Err(error) => error,
            };
            let failure = Failure::of(&error).in_region(client.config().region());
            if self.reached.follow(&failure) {
                continue;
            }
            // 412: the condition does not hold; 409: another write or removal is under way; 404: what was to be unchanged is gone.
            let conflicts = matches!(failure.status, Some(404 | 409 | 412));
            let is_unsure = conflicts && failure.code != "NoSuchBucket"
                || failure.is_throttled()
                || failure.is_passing();
            return match is_unsure {
                true => Ok(PutOutcome::Unsure(failure.text())),
                false => Err(self.trouble(&failure, "s3:PutObject")),
            };
        }
    }

    /// Lists the objects of the folder whose names begin with this: their names within the folder, in order.
    ///
    /// # Errors
    /// They cannot be listed, after some attempts.
    pub async fn list(&self, beginning: &str) -> Result<Vec<String>, FolderTrouble> {
        let prefix = format!("{}{beginning}", self.folder);
        let (mut names, mut token, mut pages) = (Vec::new(), None, ListingPages::default());
        loop {
            let page = match self.page(&prefix, token.as_deref()).await {
                Ok(page) => page,
                Err(failure) => return Err(self.trouble(&failure, "s3:ListBucket")),
            };
            let keys = page.contents().iter().filter_map(|object| object.key());
            let within = keys.filter_map(|key| key.strip_prefix(&self.folder));
            names.extend(within.map(str::to_owned));
            if page.is_truncated() != Some(true) {
                return Ok(names);
            }
            let next = page.next_continuation_token();
            let next = next.ok_or_else(|| "does not go on".to_owned());
            let ends = ends(&page);
            let ends = ends
                .as_ref()
                .map(|ends| ends.each_ref().map(String::as_str));
            let turned = next.and_then(|next| pages.turn(ends, next).map(|()| next.to_owned()));
            token = Some(turned.map_err(|why| FolderTrouble {
                reason: format!("cannot be listed: the listing {why}"),
                hint: None,
            })?);
        }
    }

    async fn page(
        &self,
        prefix: &str,
        token: Option<&str>,
    ) -> Result<ListObjectsV2Output, Failure> {
        loop {
            let client = self.reached.get();
            let call = client
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(prefix)
                .set_continuation_token(token.map(str::to_owned));
            let make = || {
                let call = call.clone();
                async move { call.send().await }
            };
            match self.caller.call("ListObjectsV2", make).await {
                Ok(page) => return Ok(page),
                Err(error) => {
                    let failure = Failure::of(&error).in_region(client.config().region());
                    if !self.reached.follow(&failure) {
                        return Err(failure);
                    }
                }
            }
        }
    }

    /// Removes an object, if it is still the one with this etag. That there is none is as well.
    ///
    /// # Errors
    /// It cannot be removed, after some attempts; or it is another one by now.
    pub async fn remove(&self, name: &str, etag: Option<&str>) -> Result<(), FolderTrouble> {
        loop {
            let client = self.reached.get();
            let call = client
                .delete_object()
                .bucket(&self.bucket)
                .key(format!("{}{name}", self.folder))
                .set_if_match(etag.map(str::to_owned));
            let make = || {
                let call = call.clone();
                async move { call.send().await }
            };
            let failure = match self.caller.call("DeleteObject", make).await {
                Ok(_) => return Ok(()),
                Err(error) => Failure::of(&error).in_region(client.config().region()),
            };
            if self.reached.follow(&failure) {
                continue;
            }
            if is_absent(&failure) {
                return Ok(());
            }
            return Err(match failure.status {
                Some(409 | 412) => FolderTrouble {
                    reason: "was written by another run while it was to be removed".to_owned(),
                    hint: Some("do it again".to_owned()),
                },
                _ => self.trouble(&failure, "s3:DeleteObject"),
            });
        }
    }

    fn trouble(&self, failure: &Failure, action: &str) -> FolderTrouble {
        let folder = format!("arn:aws:s3:::{}/{}*", self.bucket, self.folder);
        let hint = match failure.kind {
            _ if failure.advice.is_some() => failure.advice.clone(),
            FailureKind::Service if failure.is_denied() && action == "s3:ListBucket" => Some(format!(
                "the caller needs `s3:ListBucket` on `arn:aws:s3:::{}`, for the prefix `{}*` at least",
                self.bucket, self.folder
            )),
            FailureKind::Service if failure.is_denied() => Some(format!(
                "the caller needs `{action}` on `{folder}`, `s3:ListBucket` on the bucket (without it, what is not there looks denied), \
                 and, where a KMS key encrypts it, `kms:Decrypt` and `kms:GenerateDataKey` on the key"
            )),
            FailureKind::Service if failure.code == "NoSuchBucket" => {
                Some("make the bucket, or check its name".to_owned())
            }
            FailureKind::Credentials => Some(
                "it is reached with `AWS_PROFILE` or `--profile`, whatever the profiles and roles of the two sides"
                    .to_owned(),
            ),
            FailureKind::Connection | FailureKind::Timeout => {
                Some("check the network, `--region` and `--endpoint-url`".to_owned())
            }
            FailureKind::Service | FailureKind::Garbled => None,
        };
        let does = match action {
            "s3:PutObject" => "written",
            "s3:DeleteObject" => "removed",
            "s3:ListBucket" => "listed",
            _ => "read",
        };
        FolderTrouble {
            reason: format!("cannot be {does}: {}", failure.text()),
            hint,
        }
    }
}

/// Returns what a browser takes an object for.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "json" | "jsonl")) => "application/json",
        _ => "application/octet-stream",
    }
}

fn is_absent(failure: &Failure) -> bool {
    failure.code == "NoSuchKey" || (failure.code.is_empty() && failure.status == Some(404))
}

/// Takes note of when an answer was made, by the service's clock.
#[derive(Clone, Debug)]
struct AnswerDate(Arc<AtomicI64>);

impl Default for AnswerDate {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(UNKNOWN)))
    }
}

impl AnswerDate {
    /// Returns it in Unix seconds.
    fn seconds(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|seconds| *seconds != UNKNOWN)
    }
}

impl Intercept for AnswerDate {
    fn name(&self) -> &'static str {
        "flowdiff-answer-date"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        if let Some(date) = answered_at(context) {
            self.0.store(date, Ordering::Relaxed);
        }
        Ok(())
    }
}
