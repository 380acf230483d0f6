//! Stretches of a stream: which event timestamps are read, and how far beyond them it is asked.
//!
//! A stream's end is told by nothing but a token that comes back, and a service that sends it too early looks just the
//! same. So every stretch knows from when on an event shows that all of it lies behind.

use std::time::{Duration, SystemTime};

use crate::model::window::Window;

/// Events are accepted up to two hours ahead of the clock (API reference "PutLogEvents").
const AHEAD: Duration = Duration::from_secs(2 * 60 * 60);

/// What [`Window::event_millis`] adds on either side, in milliseconds.
pub(super) const SPARE: i64 = 60_000;

/// So far beyond a stretch an interface that lives on has an event in most cases, be it of the longest aggregation
/// interval: without traffic it has NODATA (VPC User Guide "Flow log records").
const FAR: i64 = 600_000;

/// A busy stream has one so soon.
const NEAR: i64 = 1_000;

/// Event timestamps in milliseconds that a call asks for; half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RangeRequest {
    /// `None` is the beginning of the stream.
    pub(super) from: Option<i64>,
    pub(super) to: i64,
}

/// A half-open stretch of event timestamps in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeRange {
    /// `None` is the beginning of the stream.
    pub(super) from: Option<i64>,
    pub(super) to: i64,
    /// An event from there on shows that all that is wanted lies behind it, since the earliest come first.
    pub(super) passed: i64,
    /// How far to ask at little cost.
    pub(super) near: i64,
    /// How far to ask while the stream may turn out to be a quiet one.
    pub(super) far: i64,
}

impl TimeRange {
    /// What is between two others: read for its own sake up to its end.
    pub(super) fn between(from: i64, to: i64) -> Self {
        Self {
            from: Some(from),
            to,
            passed: to,
            near: to.saturating_add(NEAR),
            far: to.saturating_add(NEAR),
        }
    }

    /// What is wanted for a window; see [`Window::event_millis`].
    fn of(window: &Window, latest: i64) -> Self {
        let (from, end) = window.event_millis();
        match end {
            Some(to) => Self {
                from,
                to,
                passed: to.saturating_sub(SPARE),
                near: to.saturating_add(NEAR),
                far: to.saturating_add(FAR),
            },
            None => Self {
                from,
                to: latest,
                passed: latest,
                near: latest,
                far: latest,
            },
        }
    }

    /// Tells whether the timestamp belongs to it.
    pub(super) fn contains(&self, timestamp: i64) -> bool {
        self.from.is_none_or(|from| from <= timestamp) && timestamp < self.to
    }
}

/// Returns the end of what can be in a stream by now, in milliseconds. A range needs an end: without one, the
/// reading of a stream that is being written to might never stop.
pub(super) fn latest() -> i64 {
    let now = SystemTime::now()
        .checked_add(AHEAD)
        .and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok())
        .unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// Turns windows on `start` into stretches of timestamps. Windows that touch, or that do once a
/// spare minute is added to each, become one.
pub(super) fn stretches(starts: &[Window], latest: i64) -> Vec<TimeRange> {
    let all = [Window::ALL];
    let starts = if starts.is_empty() { &all } else { starts };
    let mut wide: Vec<TimeRange> = starts
        .iter()
        .map(|window| TimeRange::of(window, latest))
        .filter(|stretch| stretch.from.is_none_or(|from| from < stretch.to))
        .collect();
    wide.sort_by_key(|stretch| stretch.from);
    let mut merged: Vec<TimeRange> = Vec::new();
    for stretch in wide {
        match merged.last_mut() {
            Some(last) if stretch.from.is_none_or(|from| from <= last.to) => {
                if stretch.to > last.to {
                    *last = TimeRange {
                        from: last.from,
                        ..stretch
                    };
                }
            }
            _ => merged.push(stretch),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_become_disjoint_stretches() {
        let s = |from: i64, to: i64| (Some(from * 1000), to * 1000);
        let open = Window::ALL;
        for (windows, expected) in [
            (&[Window::new(600, 900)][..], vec![s(540, 960)]),
            (
                &[Window::new(600, 900), Window::new(900, 1200)],
                vec![s(540, 1260)],
            ),
            (
                &[Window::new(600, 900), Window::new(1020, 1320)],
                vec![s(540, 1380)],
            ),
            (
                &[Window::new(600, 900), Window::new(1200, 1500)],
                vec![s(540, 960), s(1140, 1560)],
            ),
            (&[open], vec![(None, 9_000_000)]),
            (&[], vec![(None, 9_000_000)]),
            (&[Window::new(20_000, 30_000)], vec![s(19_940, 30_060)]),
            (
                &[Window {
                    start: Some(20_000),
                    end: None,
                }],
                vec![],
            ),
        ] {
            let found = stretches(windows, 9_000_000);
            let ends: Vec<_> = found.iter().map(|it| (it.from, it.to)).collect();
            assert_eq!(ends, expected, "{windows:?}");
        }
    }

    #[test]
    fn an_event_after_the_window_shows_that_it_has_been_passed() {
        let joined = stretches(&[Window::new(600, 900), Window::new(900, 1200)], 9_000_000)[0];
        assert_eq!(joined.passed, 1_200_000);
        assert_eq!((joined.near, joined.far), (1_261_000, 1_860_000));
        // Of an open end nothing does.
        let open = stretches(&[], 9_000_000)[0];
        assert_eq!((open.passed, open.far), (9_000_000, 9_000_000));
        let between = TimeRange::between(5_000, 7_000);
        assert_eq!((between.passed, between.near), (7_000, 8_000));
        assert!(between.contains(5_000) && !between.contains(7_000));
    }
}
