//! Waits for an answer, or for the user to end the run.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use crate::model::Error;

/// A thread for each decoder and two for what waits for files: each thread has memory of its own to allocate from, and
/// with hundreds of threads most of it would lie idle.
pub(super) fn runtime() -> Result<Runtime, Error> {
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(processors + 2)
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
        Error::Deadline {
            after,
            got_to: "it was ended".to_owned(),
        }
    }
}
