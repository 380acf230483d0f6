//! Calls to a service: each at its turn, and again while the trouble may pass.
//!
//! The SDK's own retries are switched off. Every attempt counts against a quota, so every attempt waits for its
//! turn; and the SDK shares a budget of retries among all calls, which the first seconds of a storm use up.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use tokio::task::JoinSet;

use super::SourceOptions;
use super::aws::{Failure, FailureKind};
use super::pace::{Pace, Paces, backoff};
use super::region;

/// How often a call is made before it is given up.
const ATTEMPTS: u32 = 8;

/// The same for a service that keeps silent, since each attempt takes as long as it may.
const SILENT_ATTEMPTS: u32 = 3;

/// The same while the service has never answered: then the address is wrong rather than the network busy.
const FIRST_ATTEMPTS: u32 = 2;

/// Makes the calls to one service.
pub(super) struct Caller {
    paces: Paces,
    /// No wait between two attempts is longer.
    patience: Duration,
    /// How often a call is made while the service has never answered.
    first_attempts: u32,
    /// Whether the service has answered yet.
    reached: AtomicBool,
    /// How often a call was made again.
    retries: AtomicU64,
    /// How often each operation was called, attempts counted.
    calls: Mutex<BTreeMap<String, u64>>,
}

impl Caller {
    /// Makes calls of the operations that have a pace at theirs, and all others as they come.
    pub(super) fn new(options: &SourceOptions, paces: Paces) -> Self {
        Self {
            paces,
            patience: options.timeout,
            first_attempts: FIRST_ATTEMPTS,
            reached: AtomicBool::new(false),
            retries: AtomicU64::new(0),
            calls: Mutex::default(),
        }
    }

    /// Takes note of the region: the address of one that is most likely misspelt is not tried twice.
    pub(super) fn in_region(mut self, name: &str) -> Self {
        if region::meant(name).is_some() {
            self.first_attempts = 1;
        }
        self
    }

    /// Returns how often calls were made again so far.
    pub(super) fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Returns how often each operation was called so far.
    pub(super) fn calls(&self) -> BTreeMap<String, u64> {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns how often a second an operation may be called now; `None` if nothing bounds it.
    pub(super) fn rate(&self, what: &str) -> Option<f64> {
        Some(self.paces.of(what)?.rate_now())
    }

    /// Returns the operations that the service throttled so that they were called less often from then on, with how often
    /// that was.
    pub(super) fn slowed(&self) -> Vec<(&'static str, u32)> {
        self.paces.slowed()
    }

    fn count(&self, what: &str) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        match calls.get_mut(what) {
            Some(times) => *times += 1,
            None => drop(calls.insert(what.to_owned(), 1)),
        }
    }

    /// Makes a call, and again if it was throttled or the trouble may pass. What is not received by the time the
    /// call returns (a streamed body) is the business of the one who calls.
    pub(super) async fn call<T, E, F>(
        &self,
        what: &str,
        make: impl Fn() -> F + Send + Sync,
    ) -> Result<T, SdkError<E, HttpResponse>>
    where
        T: Send + 'static,
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'static,
    {
        let mut attempt = 1;
        let pace = self.paces.of(what);
        loop {
            self.count(what);
            let error = match self.attempt(pace.cloned(), make()).await {
                Ok(answer) => {
                    self.reached.store(true, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let failure = Failure::of(&error);
            if failure.is_throttled()
                && let Some(pace) = pace
            {
                pace.throttled();
            }
            if failure.kind == FailureKind::Service {
                self.reached.store(true, Ordering::Relaxed);
            }
            let attempts = if !self.reached.load(Ordering::Relaxed) {
                self.first_attempts
            } else if failure.kind == FailureKind::Timeout {
                SILENT_ATTEMPTS
            } else {
                ATTEMPTS
            };
            if !(failure.is_throttled() || failure.is_passing()) || attempt >= attempts {
                return Err(error);
            }
            self.again(what, attempt, &failure.text()).await;
            attempt += 1;
        }
    }

    /// Makes a call in one attempt: what happened to a write whose answer got lost is for the one who calls to find out.
    pub(super) async fn once<T, E>(
        &self,
        what: &str,
        sent: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'static,
    ) -> Result<T, SdkError<E, HttpResponse>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        self.count(what);
        self.attempt(self.paces.of(what).cloned(), sent).await
    }

    /// Waits after the `attempt`th attempt, says so and counts the next one. `what` is the call, with what it is about
    /// if that tells more.
    pub(super) async fn again(&self, what: &str, attempt: u32, reason: &str) {
        let wait = backoff(attempt).min(self.patience);
        tracing::info!(what, attempt, reason, ?wait, "calling again");
        self.retries.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(wait).await;
    }

    /// Makes one attempt, in a task of its own: taking a page apart is work, and so is what the reader of a page does
    /// with it; neither may hold up whose turn it is. Dropping the set ends the task.
    async fn attempt<T, E>(
        &self,
        pace: Option<Arc<Pace>>,
        sent: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'static,
    ) -> Result<T, SdkError<E, HttpResponse>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let mut task = JoinSet::new();
        task.spawn(async move {
            if let Some(pace) = pace {
                pace.turn().await;
            }
            sent.await
        });
        match task.join_next().await {
            Some(Ok(answer)) => answer,
            Some(Err(error)) => Err(SdkError::construction_failure(error)),
            None => Err(SdkError::construction_failure("no task was started")),
        }
    }
}
