//! Time: the window, the slots it falls into, what each store must be asked for, and what has settled.
//!
//! Pure arithmetic on Unix seconds. The window is cut on a record's `start`, the same on both
//! sides; each store is asked for more than the window because neither is ordered by `start` alone.

use std::fmt;

use jiff::Timestamp;

/// The length of a slot in seconds. S3 publishes every five minutes, so a slot is what gets lost as one.
pub const SLOT: i64 = 300;

/// The longest aggregation interval a flow log can have: a record's `end` is at most this long after
/// its `start` (VPC User Guide "Flow log records", aggregation interval).
const LONGEST_INTERVAL: i64 = 600;

/// A half-open stretch `[start, end)` of Unix seconds; `None` is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Window {
    /// The first second inside.
    pub start: Option<i64>,
    /// The first second after.
    pub end: Option<i64>,
}

impl Window {
    /// All of time.
    pub const ALL: Self = Self {
        start: None,
        end: None,
    };

    /// Makes `[start, end)`.
    pub fn new(start: i64, end: i64) -> Self {
        Self {
            start: Some(start),
            end: Some(end),
        }
    }

    /// Returns the slot that begins at `start`.
    pub fn of_slot(start: i64) -> Self {
        Self {
            start: Some(start),
            // The last slot there is has no end.
            end: start.checked_add(SLOT),
        }
    }

    /// Tells whether a second lies inside.
    pub fn contains(&self, second: i64) -> bool {
        self.start.is_none_or(|start| start <= second) && self.end.is_none_or(|end| second < end)
    }

    /// Tells whether the two have a second in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        let before = |end: Option<i64>, start: Option<i64>| matches!((end, start), (Some(e), Some(s)) if e <= s);
        !before(self.end, other.start) && !before(other.end, self.start)
    }

    /// Tells whether neither end is given.
    pub fn is_all(&self) -> bool {
        *self == Self::ALL
    }

    /// Widens by some seconds before and after.
    #[must_use]
    pub fn widened(&self, before: i64, after: i64) -> Self {
        Self {
            start: self.start.map(|start| start.saturating_sub(before)),
            end: self.end.map(|end| end.saturating_add(after)),
        }
    }

    /// Returns the times in the names of S3 objects that may hold records of this window.
    ///
    /// A name carries a five-minute slot of `end`, and records were seen a few seconds outside it,
    /// and a file may hold records of the slot before (VPC User Guide "Flow log files"); so one
    /// spare slot on either side of `[floor5(start), floor5(end + 600 s)]`.
    #[must_use]
    pub fn object_names(&self) -> Self {
        Self {
            start: self.start.map(|start| slot(start).saturating_sub(SLOT)),
            end: self
                .end
                .map(|end| slot(end.saturating_add(LONGEST_INTERVAL)).saturating_add(2 * SLOT)),
        }
    }

    /// Returns the `start`s that an S3 object with this time in its name may hold: the inverse of
    /// [`Window::object_names`].
    #[must_use]
    pub fn of_object_name(name: i64) -> Self {
        Self::new(
            name.saturating_sub(LONGEST_INTERVAL + SLOT),
            name.saturating_add(2 * SLOT),
        )
    }

    /// Returns the event timestamps, in milliseconds, to ask CloudWatch Logs for. An event's timestamp is
    /// its record's `start` (VPC User Guide "Publish flow logs to CloudWatch Logs"); a minute is
    /// spare on either side, because the window is cut on the record and not on the event.
    pub fn event_millis(&self) -> (Option<i64>, Option<i64>) {
        let wide = self.widened(60, 60);
        let millis = |second: i64| second.saturating_mul(1000).max(0);
        (wide.start.map(millis), wide.end.map(millis))
    }
}

impl fmt::Display for Window {
    /// Writes `2022-01-07T23:00:00Z .. 2022-01-08T00:00:00Z`, or `everything`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.start, self.end) {
            (None, None) => f.write_str("everything"),
            (Some(start), None) => write!(f, "from {}", rfc3339(start)),
            (None, Some(end)) => write!(f, "before {}", rfc3339(end)),
            (Some(start), Some(end)) => write!(f, "{} .. {}", rfc3339(start), rfc3339(end)),
        }
    }
}

/// Returns the start of the slot that the second lies in; the earliest second there is, if it begins before that.
pub fn slot(second: i64) -> i64 {
    second.div_euclid(SLOT).saturating_mul(SLOT)
}

/// Writes Unix seconds as RFC 3339 in UTC; a number out of that format's range stays a number.
pub fn rfc3339(second: i64) -> String {
    Timestamp::from_second(second).map_or_else(|_| second.to_string(), |time| time.to_string())
}

/// How long after its `end` a record may still be on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settle {
    /// The clock of this run, in Unix seconds.
    pub now: i64,
    /// How long, in seconds.
    pub seconds: i64,
}

impl Settle {
    /// Tells whether a record's other copy may still be on its way. A record without `end` is taken to end
    /// as late as its `start` allows; one with neither time is never young.
    pub fn is_young(&self, start: Option<i64>, end: Option<i64>) -> bool {
        let end = end.or_else(|| start.map(|start| start.saturating_add(LONGEST_INTERVAL)));
        end.is_some_and(|end| end.saturating_add(self.seconds) > self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_half_open() {
        let window = Window::new(300, 600);
        for (second, inside) in [(299, false), (300, true), (599, true), (600, false)] {
            assert_eq!(window.contains(second), inside, "{second}");
        }
        assert!(!window.overlaps(&Window::new(600, 900)));
        assert!(!window.overlaps(&Window::new(0, 300)));
        assert!(window.overlaps(&Window::new(0, 301)));
        assert!(window.overlaps(&Window {
            start: Some(599),
            end: None
        }));
        assert!(Window::ALL.overlaps(&window));
    }

    #[test]
    fn slots_floor_also_before_1970() {
        for (second, expected) in [
            (0, 0),
            (299, 0),
            (300, 300),
            (-1, -300),
            (i64::MIN, i64::MIN),
            (i64::MAX, i64::MAX - i64::MAX % 300),
        ] {
            assert_eq!(slot(second), expected, "{second}");
        }
    }

    #[test]
    fn object_names_reach_over_utc_midnight() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_second();
        let names =
            Window::new(at("2022-01-07T23:02:00Z"), at("2022-01-08T00:00:00Z")).object_names();
        assert_eq!(rfc3339(names.start.unwrap()), "2022-01-07T22:55:00Z");
        assert_eq!(rfc3339(names.end.unwrap()), "2022-01-08T00:20:00Z");
    }

    /// The one public pair of a key and its record: the record ends 7 s after the slot in the name.
    #[test]
    fn a_record_seven_seconds_outside_its_file_is_still_found() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_second();
        let (name, start) = (at("2023-01-28T09:30:00Z"), at("2023-01-28T09:34:56Z"));
        assert!(Window::new(start, start + 1).object_names().contains(name));
        assert!(Window::of_object_name(name).contains(start));
    }

    #[test]
    fn a_name_is_asked_for_exactly_when_it_may_cover_the_window() {
        for start in (0..3000).step_by(7) {
            for name in (0..6000).step_by(300) {
                if Window::of_object_name(name).contains(start) {
                    assert!(
                        Window::new(start, start + 1).object_names().contains(name),
                        "{start} {name}"
                    );
                }
            }
        }
    }

    #[test]
    fn young_is_measured_on_the_end() {
        let settle = Settle {
            now: 10_000,
            seconds: 900,
        };
        for (start, end, young) in [
            (Some(9_000), Some(9_100), false),
            (Some(9_000), Some(9_101), true),
            (Some(8_500), None, false),
            (Some(8_501), None, true),
            (None, None, false),
        ] {
            assert_eq!(settle.is_young(start, end), young, "{start:?} {end:?}");
        }
    }

    #[test]
    fn a_window_is_written_as_it_was_asked_for() {
        let (start, end) = (Some(1_641_596_400), Some(1_641_600_000));
        for (window, written) in [
            (Window::ALL, "everything"),
            (Window { start, end: None }, "from 2022-01-07T23:00:00Z"),
            (Window { start: None, end }, "before 2022-01-08T00:00:00Z"),
            (
                Window { start, end },
                "2022-01-07T23:00:00Z .. 2022-01-08T00:00:00Z",
            ),
        ] {
            assert_eq!(window.to_string(), written);
            assert_eq!(window.is_all(), window == Window::ALL);
        }
        assert_eq!(rfc3339(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn a_slot_and_its_surroundings() {
        assert_eq!(Window::of_slot(600), Window::new(600, 900));
        for last in [i64::MAX - SLOT, i64::MAX - 1, i64::MAX] {
            assert!(Window::of_slot(slot(last)).contains(last));
        }
        assert_eq!(Window::of_slot(600).widened(1, 20), Window::new(599, 920));
        assert_eq!(Window::ALL.widened(1, 20), Window::ALL);
    }

    #[test]
    fn events_are_asked_for_with_a_minute_to_spare() {
        let millis = Window::new(1_000, 2_000).event_millis();
        assert_eq!(millis, (Some(940_000), Some(2_060_000)));
        assert_eq!(Window::new(30, 40).event_millis(), (Some(0), Some(100_000)));
        assert_eq!(Window::ALL.event_millis(), (None, None));
    }

    /// AWS: a file holds what ended in the slot of its name or the one before, of intervals of ten minutes at most; and
    /// a record was seen to end seconds after the slot.
    #[test]
    fn a_name_covers_what_it_may_hold_and_no_more() {
        assert_eq!(Window::of_object_name(9_000), Window::new(8_100, 9_600));
        assert_eq!(
            Window::new(8_101, 9_001).object_names(),
            Window::new(7_800, 10_200)
        );
    }

    #[test]
    fn windows_that_are_open_overlap_what_lies_there() {
        let (before, after) = (
            Window {
                start: None,
                end: Some(300),
            },
            Window {
                start: Some(300),
                end: None,
            },
        );
        assert!(!before.overlaps(&after) && !after.overlaps(&before));
        let middle = Window::new(299, 301);
        assert!(before.overlaps(&middle) && middle.overlaps(&before));
        assert!(after.overlaps(&middle) && middle.overlaps(&after));
    }
}
