//! The services' clocks: what the `Date` of their answers says about the clock of this machine.

use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};

/// A clock that is wrong by less (in seconds) is nothing to speak of: answers are seconds on their way.
const WRONG: u64 = 60;

/// Tells whether a clock that is ahead (or behind) by so many seconds is wrong.
pub(crate) fn is_wrong_clock(ahead: i64) -> bool {
    ahead.unsigned_abs() >= WRONG
}

/// Nothing has been heard.
const UNKNOWN: i64 = i64::MAX;

/// Listens to the answers of one service.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    /// By how many seconds this machine's clock is ahead: the least that any answer says, since answers that were slow
    /// on their way say too much.
    ahead: Arc<AtomicI64>,
}

impl Clock {
    /// Has heard nothing yet.
    pub(super) fn new() -> Self {
        Self {
            ahead: Arc::new(AtomicI64::new(UNKNOWN)),
        }
    }

    /// Returns by how many seconds this machine's clock is ahead of the service's (behind, if negative); `None` if no
    /// answer has said.
    pub(super) fn ahead(&self) -> Option<i64> {
        let ahead = self.ahead.load(Ordering::Relaxed);
        (ahead != UNKNOWN).then_some(ahead)
    }

    /// Takes note of an answer's date, received at `now`, both in Unix seconds.
    fn note_date(&self, date: i64, now: i64) {
        let ahead = now.saturating_sub(date);
        let smaller = |known: i64| (ahead.unsigned_abs() < known.unsigned_abs()).then_some(ahead);
        // No answer is smaller than what is known: then that stays.
        let _ = self
            .ahead
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, smaller);
    }
}

/// Returns when an answer was made, by the service's clock, in Unix seconds.
pub(super) fn answered_at(context: &BeforeDeserializationInterceptorContextRef<'_>) -> Option<i64> {
    seconds_of(context.response().headers().get("date")?)
}

fn seconds_of(date: &str) -> Option<i64> {
    let date = DateTime::from_str(date, DateTimeFormat::HttpDate).ok()?;
    Some(date.secs())
}

impl Intercept for Clock {
    fn name(&self) -> &'static str {
        "flowdiff-clock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        if let (Some(date), Ok(now)) = (answered_at(context), now) {
            self.note_date(date, i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_that_was_quickest_tells() {
        let clock = Clock::new();
        assert_eq!(clock.ahead(), None);
        assert_eq!(seconds_of("soon"), None);
        let date = "Fri, 07 Jan 2022 23:00:00 GMT";
        for (date, now, ahead) in [
            (date, 1_641_596_400 + 630, Some(630)),
            (date, 1_641_596_400 + 601, Some(601)),
            (date, 1_641_596_400 + 615, Some(601)),
            (date, 1_641_596_400 - 5, Some(-5)),
        ] {
            clock.note_date(seconds_of(date).unwrap(), now);
            assert_eq!(clock.ahead(), ahead, "{date} {now}");
        }
    }
}
