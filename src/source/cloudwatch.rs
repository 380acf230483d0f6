//! A CloudWatch Logs group: lists its streams and reads their events.
//!
//! Sources: CloudWatch Logs API reference "DescribeLogStreams", "GetLogEvents" and "DescribeLogGroups";
//! CloudWatch Logs User Guide "Log classes" and "Quotas".

mod events;
mod examine;
mod seen;
mod slices;
mod streams;
mod stretch;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::http::HttpResponse;
use aws_sdk_cloudwatchlogs::config::retry::RetryConfig;
use aws_sdk_cloudwatchlogs::error::{ProvideErrorMetadata, SdkError};
use tokio::sync::Semaphore;

use super::aws::{self, Failure};
use super::call::Caller;
use super::clock::Clock;
use super::pace::Pace;
use super::{Ask, GroupName, Listing, Outlet, Part, ReadError, Source, SourceOptions};
use crate::model::window::Window;
use crate::model::{Error, Side};

/// The service in settings: `AWS_ENDPOINT_URL_CLOUDWATCH_LOGS`, and `cloudwatch_logs` in a profile's services, where the SDK
/// of its own looks for `cloudwatch-logs` only.
const SERVICE_ID: &str = "CloudWatch_Logs";

/// What to do about a group that lets nobody read its events.
const EXPORT: &str =
    "export it with an export task and give the export's `s3://bucket/prefix` instead";

/// A log group.
pub(super) struct CloudWatch {
    side: Side,
    group: GroupName,
    all_streams: bool,
    client: Client,
    caller: Caller,
    clock: Clock,
    /// How often its streams have been listed.
    looks: AtomicU32,
    /// Pages of events in memory at once.
    pages: Semaphore,
}

impl CloudWatch {
    /// Opens a group; nothing is called yet.
    ///
    /// # Errors
    /// No region is known.
    pub(super) async fn open(group: &GroupName, options: &SourceOptions) -> Result<Self, Error> {
        let loaded = aws::load(options, group.region(), None).await?;
        if loaded.region().is_none() {
            return Err(Error::Source {
                side: options.side,
                address: group.written.clone(),
                reason: "no region is known for the log group".to_owned(),
                hint: Some(format!(
                    "give `--{}-region`, or set `AWS_REGION`",
                    options.side
                )),
            });
        }
        let clock = Clock::new();
        let mut config = aws_sdk_cloudwatchlogs::config::Builder::from(&loaded)
            .retry_config(RetryConfig::disabled())
            .interceptor(clock.clone());
        let configured = || aws::endpoint(&loaded, SERVICE_ID);
        if let Some(url) = options.endpoint_url.clone().or_else(configured) {
            config = config.endpoint_url(url);
        }
        Ok(Self {
            side: options.side,
            group: group.clone(),
            all_streams: options.all_streams,
            client: Client::from_conf(config.build()),
            caller: Caller::new(options, Some(Pace::new(options.calls_per_second))),
            clock,
            looks: AtomicU32::new(0),
            pages: Semaphore::new(options.concurrency.clamp(1, Semaphore::MAX_PERMITS)),
        })
    }

    /// Returns the group as the calls want it: (`logGroupName`, `logGroupIdentifier`), one of them.
    fn identity(&self) -> (Option<String>, Option<String>) {
        match &self.group.arn {
            Some(arn) => (None, Some(arn.clone())),
            None => (Some(self.group.name.clone()), None),
        }
    }

    /// Tells whether what is read now is read again, to confirm what is missing.
    fn looks_again(&self) -> bool {
        self.looks.load(Ordering::Relaxed) > 1
    }

    /// Makes a call at its turn.
    async fn call<T, E, F>(
        &self,
        what: &str,
        make: impl Fn() -> F + Send + Sync,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'static,
    {
        let answer = self.caller.call(what, make).await;
        answer.map_err(|error| Failure::of(&error))
    }
}

#[async_trait]
impl Source for CloudWatch {
    fn address(&self) -> String {
        self.group.written.clone()
    }

    fn is_headerless(&self) -> bool {
        true
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
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.list_streams(ask).await
    }

    async fn read(
        &self,
        part: &Part,
        starts: &[Window],
        outlet: &dyn Outlet,
    ) -> Result<(), ReadError> {
        self.read_stream(&part.name, starts, outlet).await
    }
}
