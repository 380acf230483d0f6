//! A bucket: lists objects and reads them.
//!
//! Sources: S3 API reference "ListObjectsV2", "GetObject" and "GetBucketLifecycleConfiguration"; VPC User Guide "Flow log files" for the
//! layouts of keys, which [`super::key`] knows.

pub(super) mod awaited;
mod client;
pub(super) mod conditions;
mod examine;
pub(super) mod folder;
mod ids;
mod lifecycle;
mod listing;
mod nearest;
mod object;
mod payer;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use aws_sdk_s3::Client;

use super::aws::Failure;
use super::call::Caller;
use super::clock::Clock;
use super::endpoint::Endpoint;
use super::{Ask, Listing, Outlet, Part, ReadError, Source, SourceIdentity, SourceOptions};
use crate::model::window::Window;
use crate::model::{Error, Side};

use client::BucketClient;

/// What listing takes.
const LIST: &str = "`s3:ListBucket` on the bucket";

/// The same for an address that may stand above what the caller may list.
const LIST_ALL: &str = "`s3:ListBucket` on the bucket; where that is allowed for a prefix only, give the address with it, such as \
                        `s3://BUCKET/PREFIX/AWSLogs/ACCOUNT/`; of a bucket with Requester Pays, `--s3-request-payer`";

/// A bucket, or a folder or an object in it.
pub(super) struct S3 {
    side: Side,
    address: String,
    bucket: String,
    prefix: String,
    /// Where the service is, if not where AWS has it.
    endpoint: Option<String>,
    /// Only these flow logs; empty is all.
    ids: BTreeSet<String>,
    /// Whether they are known to be flow logs'.
    ids_are_sure: bool,
    /// Those that have objects, though none in the window.
    known_ids: Mutex<BTreeSet<String>>,
    concurrency: usize,
    /// For how many days a lifecycle rule keeps objects, once that was asked.
    kept_days: Mutex<Option<i64>>,
    /// Where objects are counted as they are listed.
    met: Mutex<Arc<AtomicU64>>,
    caller: Caller,
    clock: Clock,
    reached: BucketClient,
}

impl S3 {
    /// Opens a bucket; nothing is called yet.
    ///
    /// # Errors
    /// What is wrong with the configuration files.
    pub(super) async fn open(
        address: &str,
        bucket: &str,
        prefix: &str,
        options: &SourceOptions,
    ) -> Result<Self, Error> {
        let clock = Clock::new();
        let (reached, caller) = BucketClient::open(address, bucket, options, &clock).await?;
        Ok(Self {
            side: options.side,
            address: address.to_owned(),
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            endpoint: reached.endpoint().map(str::to_owned),
            ids: options.flow_log_ids.iter().cloned().collect(),
            ids_are_sure: options.flow_logs_are_sure,
            known_ids: Mutex::default(),
            kept_days: Mutex::default(),
            met: Mutex::default(),
            concurrency: options.concurrency.max(1),
            caller,
            clock,
            reached,
        })
    }

    /// Counts objects there from now on.
    fn count_in(&self, met: &Arc<AtomicU64>) {
        *self.met.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(met);
    }

    fn count(&self, objects: u64) {
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        met.fetch_add(objects, Ordering::Relaxed);
    }

    /// Takes note of where calls go.
    fn listen(&mut self, endpoint: Endpoint) {
        self.reached.listen(endpoint);
    }

    /// Returns the folder that the address names: `foo` is the folder `foo/`, never `foobar/`.
    fn root(&self) -> String {
        match self.prefix.as_str() {
            "" => String::new(),
            prefix if prefix.ends_with('/') => prefix.to_owned(),
            prefix => format!("{prefix}/"),
        }
    }

    /// Returns the client to use by now.
    fn client(&self) -> Client {
        self.reached.get()
    }

    /// Goes to the bucket's region, if the failure names one that is not tried yet.
    fn follow(&self, failure: &Failure) -> bool {
        self.reached.follow(failure)
    }

    fn error(&self, reason: impl Into<String>) -> Error {
        Error::Source {
            side: self.side,
            address: self.address.clone(),
            reason: reason.into(),
            hint: None,
        }
    }
}

#[async_trait]
impl Source for S3 {
    fn address(&self) -> String {
        self.address.clone()
    }

    fn identity(&self) -> SourceIdentity {
        SourceIdentity {
            place: format!("s3://{}/{}", self.bucket, self.root()),
            endpoint: self.endpoint.clone(),
            ..SourceIdentity::default()
        }
    }

    fn kept_days(&self) -> Option<i64> {
        *self
            .kept_days
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask_kept_days(&self) {
        let days = self.lifecycle_days().await.unwrap_or_else(|failure| {
            tracing::debug!(
                reason = failure.text(),
                "the bucket's lifecycle is not known"
            );
            None
        });
        *self
            .kept_days
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = days;
    }

    fn retries(&self) -> u64 {
        self.caller.retries()
    }

    fn clock_ahead(&self) -> Option<i64> {
        self.clock.ahead()
    }

    fn calls(&self) -> BTreeMap<String, u64> {
        self.caller.calls()
    }

    async fn list(&self, ask: &Ask) -> Result<Listing, Error> {
        let mut listing = self.list_objects(ask).await?;
        self.refuse_slips(&listing).await?;
        if !ask.again {
            self.name_nearest(&mut listing).await;
        }
        Ok(listing)
    }

    async fn read(&self, part: &Part, _: &[Window], outlet: &dyn Outlet) -> Result<(), ReadError> {
        self.read_object(part, outlet).await
    }
}
