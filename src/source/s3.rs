//! A bucket: lists objects and reads them.
//!
//! Sources: S3 API reference "ListObjectsV2" and "GetObject"; VPC User Guide "Flow log files" for the
//! layouts of keys, which [`super::key`] knows.

mod examine;
mod ids;
mod listing;
mod object;
mod payer;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Region;
use aws_sdk_s3::config::retry::RetryConfig;

use super::aws::{self, Failure};
use super::call::Caller;
use super::clock::Clock;
use super::endpoint::Endpoint;
use super::pace::Paces;
use super::{Ask, Listing, Outlet, Part, ReadError, Source, SourceIdentity, SourceOptions};
use crate::model::window::Window;
use crate::model::{Error, Side};

use payer::RequestPayer;
use whole::WholeListings;

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
    /// Where objects are counted as they are listed.
    met: Mutex<Arc<AtomicU64>>,
    caller: Caller,
    clock: Clock,
    /// A region of the bucket's partition.
    anywhere: &'static str,
    config: aws_sdk_s3::config::Builder,
    /// The client for the bucket's region, once that is known.
    client: RwLock<Client>,
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
        // The region of an S3 bucket is found by asking any region of its partition.
        let arn = address.strip_prefix("s3://").unwrap_or(address);
        let anywhere = match arn.split(':').nth(1) {
            Some("aws-cn") => "cn-north-1",
            Some("aws-us-gov") => "us-gov-west-1",
            Some("aws-iso") => "us-iso-east-1",
            Some("aws-iso-b") => "us-isob-east-1",
            _ => "us-east-1",
        };
        let loaded = aws::load(options, None, Some(anywhere)).await?;
        let region = loaded.region().map_or("", |region| region.as_ref());
        let mut config =
            aws_sdk_s3::config::Builder::from(&loaded).retry_config(RetryConfig::disabled());
        let clock = Clock::new();
        config = config.interceptor(clock.clone()).interceptor(WholeListings);
        let configured = || aws::endpoint(&loaded, "S3");
        let endpoint = options.endpoint_url.clone().or_else(configured);
        if endpoint.is_some() {
            // A bucket is no host name of somebody else's domain.
            config = config.force_path_style(true);
        }
        if let Some(url) = &options.endpoint_url {
            config = config.endpoint_url(url);
        }
        if options.request_payer {
            config = config.interceptor(RequestPayer);
        }
        Ok(Self {
            side: options.side,
            address: address.to_owned(),
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            endpoint,
            ids: options.flow_log_ids.iter().cloned().collect(),
            ids_are_sure: options.flow_logs_are_sure,
            known_ids: Mutex::default(),
            met: Mutex::default(),
            concurrency: options.concurrency.max(1),
            caller: Caller::new(options, Paces::default()).in_region(region),
            clock,
            anywhere,
            client: RwLock::new(Client::from_conf(config.clone().build())),
            config,
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
        self.config = self.config.clone().interceptor(endpoint);
        self.client = RwLock::new(Client::from_conf(self.config.clone().build()));
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
        self.client
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Goes to the bucket's region, if the failure names one that is not tried yet.
    fn follow(&self, failure: &Failure) -> bool {
        let Some(region) = failure.bucket_region.clone() else {
            return false;
        };
        let tried = self.client();
        if tried
            .config()
            .region()
            .is_some_and(|r| r.as_ref() == region)
        {
            return false;
        }
        tracing::info!(
            bucket = self.bucket,
            region,
            "the bucket is in another region"
        );
        let config = self.config.clone().region(Region::new(region)).build();
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = Client::from_conf(config);
        true
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
        let listing = self.list_objects(ask).await?;
        self.refuse_slips(&listing).await?;
        Ok(listing)
    }

    async fn read(&self, part: &Part, _: &[Window], outlet: &dyn Outlet) -> Result<(), ReadError> {
        self.read_object(part, outlet).await
    }
}
