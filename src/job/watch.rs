//! Watching: rounds at a steady beat, further apart while there is trouble. Knows nothing of what a round does.

use std::future::Future;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use super::round::Round;
use crate::model::Error;
use crate::model::window::rfc3339;
use crate::render::with_findings;
use crate::report::{Report, Verdict};

/// The longest wait after trouble, unless rounds are further apart anyway.
const LONGEST: Duration = Duration::from_secs(3600);

/// What came of a round.
#[derive(Debug)]
pub struct RoundLine {
    /// When it began, in Unix seconds.
    pub at: i64,
    /// The exit code that a run of its own would have ended with.
    pub exit_code: u8,
    /// What went wrong, with what to do about it.
    pub error: Option<(String, Option<String>)>,
    /// What was found out; `None` if nothing was.
    pub report: Option<Report>,
}

impl RoundLine {
    /// A round that could not be run, or not be kept. `tell` turns a text into what may be shown of it.
    pub fn failed(at: i64, error: &Error, tell: &dyn Fn(&str) -> String) -> Self {
        Self {
            at,
            exit_code: 2,
            error: Some((tell(&error.to_string()), error.hint().map(tell))),
            report: None,
        }
    }

    /// A round that a signal has ended before anything was looked at.
    pub fn ended(at: i64) -> Self {
        Self {
            at,
            exit_code: Verdict::Unknown.exit_code(),
            error: None,
            report: None,
        }
    }

    /// A round that was reported and kept.
    pub fn of(at: i64, round: Round, tell: &dyn Fn(&str) -> String) -> Self {
        let error = round.trouble.as_ref();
        Self {
            at,
            exit_code: round.exit_code(),
            error: error.map(|error| (tell(&error.to_string()), error.hint().map(tell))),
            report: round.report,
        }
    }

    /// Tells whether more is due than the round could take up.
    fn is_behind(&self) -> bool {
        let state = self
            .report
            .as_ref()
            .and_then(|report| report.state.as_ref());
        state.is_some_and(|state| state.behind_seconds > 0)
    }
}

/// A round as a line of JSON.
#[derive(Serialize)]
struct RoundJson<'a, R> {
    r#type: &'static str,
    at: String,
    exit_code: u8,
    error: Option<&'a str>,
    hint: Option<&'a str>,
    /// Seconds until the next round.
    next_seconds: u64,
    report: Option<R>,
}

/// Returns a round as a line of JSON has it: with everything that was found out. `left` is the time until the next one.
pub fn as_json(came: &RoundLine, left: Duration) -> impl Serialize + '_ {
    let error = came.error.as_ref();
    RoundJson {
        r#type: "round",
        at: rfc3339(came.at),
        exit_code: came.exit_code,
        error: error.map(|(error, _)| error.as_str()),
        hint: error.and_then(|(_, hint)| hint.as_deref()),
        next_seconds: left.as_secs(),
        report: came.report.as_ref().map(with_findings),
    }
}

/// Who is told what came of each round.
pub trait RoundSink {
    /// Tells it; `left` is the time until the next one.
    ///
    /// # Errors
    /// What ends the watch.
    fn tell(&mut self, came: &RoundLine, left: Duration) -> Result<(), Error>;
}

/// Runs rounds, `every` so long from beginning to beginning, until `stop` is ready. A round is not cut off: it hears of
/// `stop` by itself. More that is due is caught up with at once; after trouble the waits double, up to an hour, each cut
/// short by up to a half at random.
///
/// # Errors
/// What the teller says.
pub async fn watch(
    every: Duration,
    mut round: impl AsyncFnMut() -> RoundLine,
    stop: impl Future<Output = ()>,
    mut teller: impl RoundSink,
) -> Result<(), Error> {
    let mut stop = std::pin::pin!(stop);
    let mut failures = 0;
    loop {
        let began = Instant::now();
        let came = round().await;
        failures = if came.error.is_some() {
            failures + 1
        } else {
            0
        };
        let wait = match failures {
            0 if came.is_behind() => Duration::ZERO,
            0 => every,
            _ => after_trouble(every, failures, getrandom::u32().unwrap_or(0)),
        };
        let next = began + wait;
        let left = next.saturating_duration_since(Instant::now());
        teller.tell(&came, left)?;
        tokio::select! {
            biased;
            () = &mut stop => return Ok(()),
            () = sleep_until(next) => {}
        }
    }
}

/// Returns the wait after the `failures`th failure in a row; `random` takes up to a half off.
fn after_trouble(every: Duration, failures: u32, random: u32) -> Duration {
    let doubled = every.saturating_mul(1_u32.checked_shl(failures - 1).unwrap_or(u32::MAX));
    let longest = doubled.min(LONGEST.max(every));
    longest.mul_f64(1.0 - f64::from(random) / f64::from(u32::MAX) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Lines(Vec<serde_json::Value>);

    impl RoundSink for &mut Lines {
        fn tell(&mut self, came: &RoundLine, left: Duration) -> Result<(), Error> {
            self.0
                .push(serde_json::to_value(as_json(came, left)).unwrap());
            Ok(())
        }
    }

    fn came(error: bool) -> RoundLine {
        RoundLine {
            at: 0,
            exit_code: if error { 2 } else { 0 },
            error: error.then(|| ("no such bucket".to_owned(), None)),
            report: None,
        }
    }

    #[test]
    fn waits_grow_and_stay_bounded() {
        let every = Duration::from_secs(300);
        for (failures, longest) in [(1, 300), (2, 600), (4, 2400), (5, 3600), (40, 3600)] {
            assert_eq!(
                after_trouble(every, failures, 0),
                Duration::from_secs(longest)
            );
            let shortest = Duration::from_secs(longest) / 2;
            assert_eq!(after_trouble(every, failures, u32::MAX), shortest);
        }
        let day = Duration::from_secs(86_400);
        assert_eq!(after_trouble(day, 3, 0), day);
    }

    #[tokio::test(start_paused = true)]
    async fn rounds_keep_the_beat_and_trouble_slows_them_down() {
        let began = Instant::now();
        let mut beats = Vec::new();
        let mut lines = Lines::default();
        let round = async || {
            beats.push(began.elapsed().as_secs());
            tokio::time::sleep(Duration::from_secs(40)).await;
            came((3..6).contains(&beats.len()))
        };
        let stop = tokio::time::sleep(Duration::from_secs(6000));
        watch(Duration::from_secs(300), round, stop, &mut lines)
            .await
            .unwrap();
        assert_eq!(beats[..3], [0, 300, 600]);
        assert_eq!(lines.0.len(), beats.len());
        assert_eq!(lines.0[0]["next_seconds"], 260);
        assert_eq!(lines.0[2]["error"], "no such bucket");
        for (beat, longest) in [(3, 300), (4, 600), (5, 1200)] {
            let gap = beats[beat] - beats[beat - 1];
            assert!((longest / 2..=longest).contains(&gap), "{beats:?}");
        }
        assert_eq!(beats[7] - beats[6], 300, "{beats:?}");
    }
}
