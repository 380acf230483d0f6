//! Waits for an answer, or for the user to end the run.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch::Receiver;

use crate::check::CONTENTS_WAITING;
use crate::model::Error;

use super::INTERRUPTED;

/// The exit code after SIGTERM, as shells have it.
const TERMINATED: u8 = 143;

/// A thread for each decoder, one for each content that waits for a decoder, and two for what waits for files: each thread has
/// memory of its own to allocate from, and with hundreds of threads most of it would lie idle.
pub(super) fn runtime() -> Result<Runtime, Error> {
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(processors + CONTENTS_WAITING + 2)
        .build();
    runtime.map_err(|error| Error::Usage(format!("cannot start threads: {error}")))
}

/// Waits for an answer or Ctrl-C, on threads of its own, no longer than the deadline. `None` if interrupted.
///
/// # Errors
/// [`Error::Deadline`], or what the work says.
pub(super) fn until_interrupted<T>(
    deadline: Option<Duration>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<Option<T>, Error> {
    let runtime = runtime()?;
    let answer = runtime.block_on(async {
        tokio::select! {
            answer = work => Some(answer),
            _ = tokio::signal::ctrl_c() => None,
            error = passed(deadline) => Some(Err(error)),
        }
    });
    // Decoders at work cannot be stopped, and nobody waits for them any more.
    runtime.shutdown_timeout(Duration::ZERO);
    answer.transpose()
}

/// Ready once the deadline has passed, with what is to be said then.
pub(super) async fn passed(deadline: Option<Duration>) -> Error {
    TimeLimit::of(deadline).passed().await
}

/// When a run has to be done.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeLimit {
    /// When it began.
    pub(super) began: Instant,
    /// How long it may take from then, if that is limited.
    pub(super) after: Option<Duration>,
}

impl TimeLimit {
    /// Begins now.
    pub(super) fn of(after: Option<Duration>) -> Self {
        Self {
            began: Instant::now(),
            after,
        }
    }

    /// Ready once the time has passed, with what is to be said then.
    pub(super) async fn passed(self) -> Error {
        let Some(after) = self.after else {
            return std::future::pending().await;
        };
        tokio::time::sleep(after.saturating_sub(self.began.elapsed())).await;
        self.error("it was ended")
    }

    /// What is to be said once the time has passed: how far the run has come.
    pub(super) fn error(self, got_to: &str) -> Error {
        Error::Deadline {
            after: self.after.unwrap_or_default(),
            got_to: got_to.to_owned(),
        }
    }
}

/// What ends a wait: a signal, or the time.
#[derive(Clone, Debug)]
pub(super) struct Until {
    /// The exit code that goes with the signal that came, if one came.
    pub(super) stop: Receiver<Option<u8>>,
    pub(super) limit: TimeLimit,
}

impl Until {
    /// Returns the exit code that goes with the signal that came, if one came.
    pub(super) fn signal(&self) -> Option<u8> {
        *self.stop.borrow()
    }
}

/// Listens for the signals that end a run, and says which exit code goes with the one that came.
pub(super) fn stop_signal() -> Result<Receiver<Option<u8>>, Error> {
    let (said, heard) = tokio::sync::watch::channel(None);
    #[cfg(unix)]
    let mut terminate = {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::terminate())
            .map_err(|error| Error::Usage(format!("cannot listen for SIGTERM: {error}")))?
    };
    tokio::spawn(async move {
        #[cfg(unix)]
        let code = tokio::select! {
            _ = tokio::signal::ctrl_c() => INTERRUPTED,
            _ = terminate.recv() => TERMINATED,
        };
        #[cfg(not(unix))]
        let code = {
            let _ = tokio::signal::ctrl_c().await;
            INTERRUPTED
        };
        let _ = said.send(Some(code));
    });
    Ok(heard)
}

/// Ready once a signal has come.
pub(super) async fn ended(mut stop: Receiver<Option<u8>>) {
    if stop.wait_for(Option::is_some).await.is_err() {
        std::future::pending::<()>().await;
    }
}
