//! How often a service may be called. Knows nothing of what is called.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// This share of the pace stays unused. Calls that are sent exactly as often as the quota allows arrive more
/// often now and then, because some take longer on their way than others; and each one that is throttled costs
/// more than this.
const SPARE: f64 = 0.025;

/// So many calls that came late, because the machine was busy, are made up for ...
const CATCH_UP: f64 = 5.0;
/// ... at no more than this many times the pace. Never are more calls made in a second than the pace allows.
const HURRY: f64 = 2.0;

/// A throttled caller goes on at this share of its pace: others may share the quota, and are to have their part ...
const LOWERED: f64 = 0.5;
/// ... but not slower than so many calls a second, unless it was told to.
const FLOOR: f64 = 1.0;
/// From there the pace follows a cubic curve: soon near the pace that was too fast, long about it, then more
/// and more beyond. It has doubled so many seconds after it has come back to that pace. (Ha, Rhee, Xu: "CUBIC: A
/// New TCP-Friendly High-Speed TCP Variant", 2008.)
const DOUBLED: f64 = 12.0;
/// Calls already on their way are throttled too and must not lower the pace again.
const ONE_EVENT: Duration = Duration::from_secs(1);

/// A budget of calls per second, spent evenly. The pace falls when the service throttles and recovers by
/// itself.
#[derive(Debug)]
pub(super) struct Pace {
    full: f64,
    /// Held by the caller whose turn is next; a fair lock.
    schedule: tokio::sync::Mutex<Schedule>,
    /// When and at how many calls a second the service throttled last.
    throttled: Mutex<Option<(Instant, f64)>>,
    /// How often the pace was lowered.
    lowered: AtomicU32,
}

/// The paces of the operations of a service, each of which has a quota of its own.
#[derive(Debug, Default)]
pub(super) struct Paces(Vec<(&'static str, Arc<Pace>)>);

impl Paces {
    /// Takes operations with the calls of each that may be made in a second.
    pub(super) fn new(of: impl IntoIterator<Item = (&'static str, f64)>) -> Self {
        let pace = |(what, calls)| (what, Arc::new(Pace::new(calls)));
        Self(of.into_iter().map(pace).collect())
    }

    /// Returns the pace of an operation, if it has one.
    pub(super) fn of(&self, what: &str) -> Option<&Arc<Pace>> {
        let found = self.0.iter().find(|(name, _)| *name == what);
        found.map(|(_, pace)| pace)
    }

    /// Returns the operations whose pace was lowered, with how often.
    pub(super) fn slowed(&self) -> Vec<(&'static str, u32)> {
        let times = |(what, pace): &(&'static str, Arc<Pace>)| {
            (*what, pace.lowered.load(Ordering::Relaxed))
        };
        let all = self.0.iter().map(times);
        all.filter(|(_, times)| *times > 0).collect()
    }
}

#[derive(Debug)]
struct Schedule {
    /// When the next call is due.
    due: Instant,
    /// The last calls: as many as the pace allows in a second, or one if that is less.
    sent: VecDeque<Instant>,
}

impl Pace {
    /// Allows so many calls per second. What is not a positive number is taken as one.
    pub(super) fn new(calls_per_second: f64) -> Self {
        let full = if calls_per_second.is_finite() && calls_per_second > 0.0 {
            calls_per_second.clamp(0.01, 10_000.0)
        } else {
            1.0
        };
        // What begins may make up for calls as what was held up may: nothing was called in the second before.
        let saved = Duration::from_secs_f64(CATCH_UP / full);
        let now = Instant::now();
        Self {
            full,
            schedule: tokio::sync::Mutex::new(Schedule {
                due: now.checked_sub(saved).unwrap_or(now),
                sent: VecDeque::new(),
            }),
            throttled: Mutex::new(None),
            lowered: AtomicU32::new(0),
        }
    }

    /// Returns how many calls a second may be made now.
    pub(super) fn rate_now(&self) -> f64 {
        self.rate(Instant::now())
    }

    /// Waits until the next call may be made. First come, first served; who stops waiting spends nothing.
    pub(super) async fn turn(&self) {
        let mut schedule = self.schedule.lock().await;
        let apart = (1.0 + SPARE) / self.rate(Instant::now());
        tokio::time::sleep_until(schedule.next(self.full, apart)).await;
        schedule.spend(self.full, apart);
    }

    /// Takes note that the service throttled a call.
    pub(super) fn throttled(&self) {
        let now = Instant::now();
        let rate = self.rate(now);
        let mut throttled = self.last_throttled();
        if throttled.is_some_and(|(at, _)| now < at + ONE_EVENT) {
            return;
        }
        *throttled = Some((now, rate));
        self.lowered.fetch_add(1, Ordering::Relaxed);
        tracing::info!(
            calls_per_second = rate * LOWERED,
            "throttled: calling less often"
        );
    }

    fn rate(&self, now: Instant) -> f64 {
        let Some((at, too_fast)) = *self.last_throttled() else {
            return self.full;
        };
        let back = DOUBLED * (1.0 - LOWERED).cbrt();
        let seconds = now.duration_since(at).as_secs_f64();
        let share = 1.0 + ((seconds - back) / DOUBLED).powi(3);
        (too_fast * share).max(FLOOR).min(self.full)
    }

    fn last_throttled(&self) -> MutexGuard<'_, Option<(Instant, f64)>> {
        self.throttled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Schedule {
    /// Returns when the next call may be made, calls being so many seconds apart.
    fn next(&self, full: f64, apart: f64) -> Instant {
        let after = |sent: &Instant, seconds: f64| *sent + Duration::from_secs_f64(seconds);
        let hurry = self.sent.back().map(|last| after(last, apart / HURRY));
        let second = calls_in_a_second(full);
        let oldest = self.sent.front().filter(|_| self.sent.len() == second);
        let window = oldest.map(|sent| after(sent, second as f64 * (1.0 + SPARE) / full));
        self.due.max(hurry.max(window).unwrap_or(self.due))
    }

    /// Takes note that a call is made now.
    fn spend(&mut self, full: f64, apart: f64) {
        let now = Instant::now();
        if self.sent.len() == calls_in_a_second(full) {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
        let due = self.due + Duration::from_secs_f64(apart);
        let earliest = now.checked_sub(Duration::from_secs_f64(apart * (CATCH_UP - 1.0)));
        self.due = earliest.map_or(due, |earliest| due.max(earliest));
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0.01 and 10,000"
)]
fn calls_in_a_second(full: f64) -> usize {
    (full as usize).max(1)
}

/// How long to wait before the attempt after the `attempt`th (from 1): twice as long each time, from
/// 200 ms up to 20 s, of which a random half is taken off so that callers do not come back together.
pub(super) fn backoff(attempt: u32) -> Duration {
    let longest = Duration::from_millis(200)
        .saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)))
        .min(Duration::from_secs(20));
    let random = f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX);
    longest.mul_f64(0.5 + random / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn spent(pace: &Pace, calls: usize) -> f64 {
        let start = Instant::now();
        for _ in 0..calls {
            pace.turn().await;
        }
        start.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_spaced_evenly() {
        let pace = Pace::new(10.0);
        let seconds = spent(&pace, 101).await;
        assert!((seconds - 10.25).abs() < 0.02, "{seconds}");
    }

    /// A call or two may come at once after a long silence, never more.
    #[tokio::test(start_paused = true)]
    async fn idle_time_is_not_saved_up() {
        let pace = Pace::new(10.0);
        tokio::time::sleep(Duration::from_secs(60)).await;
        let seconds = spent(&pace, 21).await;
        assert!(seconds > 2.0, "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn callers_at_once_share_the_budget() {
        let pace = Pace::new(25.0);
        let start = Instant::now();
        futures::future::join_all((0..251).map(|_| pace.turn())).await;
        let seconds = start.elapsed().as_secs_f64();
        assert!((seconds - 10.25).abs() < 0.05, "{seconds}");
    }

    /// Whatever holds the callers up: what a second may hold is used and not exceeded.
    #[tokio::test(start_paused = true)]
    async fn turns_that_came_late_are_made_up_for() {
        let pace = Pace::new(25.0);
        let mut sent = Vec::new();
        for n in 0..500_u64 {
            pace.turn().await;
            sent.push(Instant::now());
            let busy = if n % 20 == 7 { 150 } else { n % 37 };
            tokio::time::sleep(Duration::from_millis(busy)).await;
        }
        let seconds = sent[499].duration_since(sent[0]).as_secs_f64();
        assert!(499.0 / seconds > 23.75, "{}", 499.0 / seconds);
        for second in sent.windows(26) {
            assert!(second[25].duration_since(second[0]) > Duration::from_secs(1));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_lowers_the_pace_once_and_it_recovers() {
        let pace = Pace::new(10.0);
        let rate = || pace.rate(Instant::now());
        pace.throttled();
        pace.throttled();
        assert!((rate() - 5.0).abs() < 1e-6);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!((9.0..10.0).contains(&rate()), "{}", rate());
        for _ in 0..20 {
            pace.throttled();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!((FLOOR..2.0).contains(&rate()), "{}", rate());
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!((rate() - 10.0).abs() < 1e-6);
    }

    /// Told to call twice as often as the quota allows.
    #[tokio::test(start_paused = true)]
    async fn a_quota_that_was_not_known_is_found() {
        let (pace, mut sent, mut refused) = (Pace::new(50.0), VecDeque::new(), 0);
        let settled = Instant::now() + Duration::from_secs(10);
        let end = settled + Duration::from_secs(120);
        let mut calls = 0;
        while Instant::now() < end {
            pace.turn().await;
            let now = Instant::now();
            while sent
                .front()
                .is_some_and(|at| now.duration_since(*at).as_secs() >= 1)
            {
                sent.pop_front();
            }
            let over = sent.len() >= 25;
            if over {
                pace.throttled();
            } else {
                sent.push_back(now);
            }
            if now >= settled {
                calls += 1;
                refused += i32::from(over);
            }
        }
        let share = f64::from(refused) / f64::from(calls);
        let rate = f64::from(calls - refused) / 120.0;
        assert!(share < 0.01 && rate > 21.0, "{share} {rate}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_pace_is_kept() {
        let pace = Pace::new(0.5);
        pace.throttled();
        let seconds = spent(&pace, 3).await;
        assert!((seconds - 4.1).abs() < 0.01, "{seconds}");
        spent(&Pace::new(f64::NAN), 3).await;
    }

    #[test]
    fn backoff_grows_and_is_bounded() {
        for (attempt, low, high) in [(1, 100, 200), (3, 400, 800), (8, 10_000, 20_000)] {
            let millis = backoff(attempt).as_millis();
            assert!((low..=high).contains(&millis), "{attempt}: {millis}");
        }
        assert!(backoff(u32::MAX) <= Duration::from_secs(20));
    }
}
