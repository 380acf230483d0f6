//! The client for a bucket, in whichever region that turns out to be.

use std::sync::{PoisonError, RwLock};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{Builder, Region};

use super::payer::RequestPayer;
use super::whole::WholeListings;
use crate::model::Error;
use crate::source::SourceOptions;
use crate::source::aws::{self, Failure};
use crate::source::call::Caller;
use crate::source::clock::Clock;
use crate::source::endpoint::Endpoint;
use crate::source::pace::Paces;

/// Reaches one bucket.
pub(super) struct BucketClient {
    bucket: String,
    /// A region of the bucket's partition.
    anywhere: &'static str,
    /// Where the service is, if not where AWS has it.
    endpoint: Option<String>,
    config: Builder,
    /// The client for the bucket's region, once that is known.
    client: RwLock<Client>,
}

impl BucketClient {
    /// Gets ready to call, with what makes the calls; nothing is called yet.
    ///
    /// # Errors
    /// What is wrong with the configuration files.
    pub(super) async fn open(
        address: &str,
        bucket: &str,
        options: &SourceOptions,
        clock: &Clock,
    ) -> Result<(Self, Caller), Error> {
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
        let mut config = Builder::from(&loaded).retry_config(RetryConfig::disabled());
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
        let caller = Caller::new(options, Paces::default()).in_region(region);
        let reached = Self {
            bucket: bucket.to_owned(),
            anywhere,
            endpoint,
            client: RwLock::new(Client::from_conf(config.clone().build())),
            config,
        };
        Ok((reached, caller))
    }

    /// Returns the client to use by now.
    pub(super) fn get(&self) -> Client {
        self.client
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns a region of the bucket's partition.
    pub(super) fn anywhere(&self) -> &'static str {
        self.anywhere
    }

    /// Returns where the service is, if not where AWS has it.
    pub(super) fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// Takes note of where calls go.
    pub(super) fn listen(&mut self, endpoint: Endpoint) {
        self.config = self.config.clone().interceptor(endpoint);
        self.client = RwLock::new(Client::from_conf(self.config.clone().build()));
    }

    /// Goes to the bucket's region, if the failure names one that is not tried yet.
    pub(super) fn follow(&self, failure: &Failure) -> bool {
        let Some(region) = failure.bucket_region.clone() else {
            return false;
        };
        let tried = self.get();
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
}
