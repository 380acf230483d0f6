//! A CloudWatch Logs group: lists its streams and reads their events.
//!
//! Sources: CloudWatch Logs API reference "DescribeLogStreams", "GetLogEvents" and "DescribeLogGroups";
//! CloudWatch Logs User Guide "Log classes" and "Quotas".

mod absent;
mod ahead;
mod cursor;
mod density;
mod ends;
mod events;
mod examine;
mod filter;
pub(crate) mod quotas;
mod seen;
mod slices;
mod split;
mod streams;
mod stretch;
mod sum;
mod together;
mod verify;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::http::HttpResponse;
use aws_sdk_cloudwatchlogs::config::retry::RetryConfig;
use aws_sdk_cloudwatchlogs::error::{ProvideErrorMetadata, SdkError};
use tokio::sync::Semaphore;

use super::aws::{self, Failure};
use super::call::Caller;
use super::clock::Clock;
use super::pace::Paces;
use super::{
    Ask, FEW_STREAMS, GroupName, GroupReading, Listing, Outlet, Outlets, Part, PartRequest,
    ReadError, Remark, Source, SourceIdentity, SourceOptions, StartOver, UnreadParts, one_by_one,
};
use crate::model::window::Window;
use crate::model::{Error, Side};

use ahead::Ahead;
use filter::TogetherTrouble;
use stretch::{latest, stretches};

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
    /// Where the service is, if not where AWS has it.
    endpoint: Option<String>,
    all_streams: bool,
    client: Client,
    config: SdkConfig,
    options: SourceOptions,
    caller: Caller,
    clock: Clock,
    reading: GroupReading,
    state: Mutex<GroupLearned>,
    /// Pages of events in memory at once, of each call: those that wait for the turn of one hold up the other otherwise.
    pages: Semaphore,
    pages_together: Semaphore,
}

/// What a group has learned so far.
#[derive(Debug, Default)]
struct GroupLearned {
    /// Whether what is read now is read again, to confirm what is missing.
    again: bool,
    /// What was read while the streams were listed.
    ahead: Option<Result<Ahead, TogetherTrouble>>,
    /// Streams of which the last listing promises an event in the window.
    promised: Vec<String>,
    /// Whether the streams to read are but some of the group's, because only some interfaces are asked for.
    part: bool,
    /// Why streams are not read together any more.
    by_stream: Option<Remark>,
    /// The account that the group is of.
    account: Option<String>,
    /// For how many days it keeps events, if that is limited.
    kept_days: Option<i64>,
    /// Streams that cannot be read by themselves either, with the reason.
    distrusted: BTreeMap<String, String>,
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
        let endpoint = options.endpoint_url.clone().or_else(configured);
        if let Some(url) = &endpoint {
            config = config.endpoint_url(url);
        }
        let region = loaded.region().map_or("", |region| region.as_ref());
        let paces = Paces::new(quotas::rates(region, options.calls_per_second));
        let pages = || Semaphore::new(options.concurrency.clamp(1, Semaphore::MAX_PERMITS));
        Ok(Self {
            side: options.side,
            group: group.clone(),
            endpoint,
            all_streams: options.all_streams,
            client: Client::from_conf(config.build()),
            caller: Caller::new(options, paces).in_region(region),
            options: options.clone(),
            config: loaded.clone(),
            clock,
            reading: options.group_reading,
            state: Mutex::default(),
            pages: pages(),
            pages_together: pages(),
        })
    }

    /// Returns the group as the calls want it: (`logGroupName`, `logGroupIdentifier`), one of them.
    fn named(&self) -> (Option<String>, Option<String>) {
        match &self.group.arn {
            Some(arn) => (None, Some(arn.clone())),
            None => (Some(self.group.name.clone()), None),
        }
    }

    /// What calls say of masked values: nothing, unless they are asked for, which takes a permission.
    fn unmask(&self) -> Option<bool> {
        self.options.unmask.then_some(true)
    }

    /// Tells whether what is read now is read again, to confirm what is missing.
    fn looks_again(&self) -> bool {
        self.state().again
    }

    fn state(&self) -> MutexGuard<'_, GroupLearned> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what is to be read together of these streams; `None` if they are better read one by one.
    fn stretch_together(&self, wanted: &[PartRequest]) -> Option<stretch::TimeRange> {
        let few = self.reading == GroupReading::Auto && wanted.len() <= FEW_STREAMS;
        if few || self.looks_again() || !self.may_read_together() {
            return None;
        }
        let starts = &wanted.first()?.starts;
        let alike = wanted.iter().all(|it| it.starts == *starts);
        match stretches(starts, latest())[..] {
            [stretch] if alike => Some(stretch),
            _ => None,
        }
    }

    /// Takes note that streams cannot be read together, and why.
    fn give_up(&self, trouble: TogetherTrouble) {
        let remark = match trouble {
            TogetherTrouble::Denied(said) => Remark::NotTogether { said },
            TogetherTrouble::Failed(said) => Remark::ByStream {
                why: format!("`FilterLogEvents` failed: {said}"),
            },
            TogetherTrouble::Doubt(doubt) => Remark::ByStream { why: doubt.0 },
            TogetherTrouble::Stopped => return,
        };
        tracing::info!(?remark, "reading stream by stream");
        self.state().by_stream = Some(remark);
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
        answer.map_err(|error| Failure::of(&error).in_region(self.client.config().region()))
    }
}

/// Returns the account that an ARN names.
fn account_in(arn: &str) -> Option<String> {
    let account = arn.split(':').nth(4)?;
    (!account.is_empty()).then(|| account.to_owned())
}

#[async_trait]
impl Source for CloudWatch {
    fn address(&self) -> String {
        self.group.written.clone()
    }

    fn identity(&self) -> SourceIdentity {
        let region = self.config.region().map(ToString::to_string);
        let linked = self.group.arn.as_deref().and_then(account_in);
        SourceIdentity {
            place: format!("cwl://{}", self.group.name),
            endpoint: self.endpoint.clone(),
            region,
            account: linked.or_else(|| self.state().account.clone()),
        }
    }

    fn kept_days(&self) -> Option<i64> {
        self.state().kept_days
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

    fn rate(&self, operation: &str) -> Option<f64> {
        self.caller.rate(operation)
    }

    async fn list(&self, ask: &Ask) -> Result<Listing, Error> {
        {
            let mut state = self.state();
            state.again = ask.again;
            state.ahead = None;
            state.part = !ask.interfaces.is_empty();
        }
        self.list_and_read_ahead(ask).await
    }

    async fn read(
        &self,
        part: &Part,
        starts: &[Window],
        outlet: &dyn Outlet,
    ) -> Result<(), ReadError> {
        self.read_stream(&part.name, starts, outlet).await
    }
    async fn read_all(
        &self,
        wanted: &[PartRequest],
        concurrency: usize,
        outlets: &dyn Outlets,
    ) -> Result<UnreadParts, StartOver> {
        if let Some(stretch) = self.stretch_together(wanted) {
            match self.read_together(wanted, stretch, outlets).await {
                Ok(unread) => return Ok(unread),
                Err((trouble, begun)) => {
                    self.give_up(trouble);
                    if begun {
                        return Err(StartOver);
                    }
                }
            }
        }
        let numbers = (0..wanted.len()).collect();
        Ok(one_by_one(self, wanted, numbers, concurrency, outlets).await)
    }

    fn remarks(&self) -> Vec<Remark> {
        let slowed = self.caller.slowed().into_iter();
        let slowed = slowed.map(|(operation, times)| Remark::Throttled { operation, times });
        let by_stream = self.state().by_stream.clone();
        by_stream.into_iter().chain(slowed).collect()
    }
}
