//! Which times a flow log can have. What lies outside of them is no record at another time but a value that is none: a
//! column that counts in another unit, or another column.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::window::rfc3339;
use crate::record::NormalisedRow;

/// 2010-01-01. Flow logs began in 2015, and AWS's own examples are of 2014.
const FIRST: i64 = 1_262_304_000;

/// How far ahead of every clock a record may be: one of them may be wrong by a time zone.
const AHEAD: i64 = 2 * 86_400;

/// 2025-01-01, when there was no flowdiff: a clock that is before it was never set and tells nothing.
const NEVER_SET: i64 = 1_735_689_600;

/// 2100-01-01, for want of a clock.
const LAST: i64 = 4_102_444_800;

/// The times that `start` and `end` may have, the last one excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) struct Plausible {
    first: i64,
    last: i64,
}

impl Plausible {
    /// By the clock that the run goes by, and this machine's.
    pub(in crate::check) fn now(now: i64) -> Self {
        let here = SystemTime::now().duration_since(UNIX_EPOCH);
        let here = here.map_or(0, |here| i64::try_from(here.as_secs()).unwrap_or(i64::MAX));
        Self::by(now, here)
    }

    fn by(now: i64, here: i64) -> Self {
        let latest = now.max(here);
        Self {
            first: FIRST,
            last: if here < NEVER_SET {
                latest.max(LAST)
            } else {
                latest
            }
            .saturating_add(AHEAD),
        }
    }

    #[inline(always)]
    pub(super) fn has(&self, time: Option<i64>) -> bool {
        time.is_none_or(|time| time >= self.first && time < self.last)
    }

    #[inline(always)]
    pub(super) fn holds(&self, normal: &NormalisedRow<'_>) -> bool {
        self.has(normal.start) && self.has(normal.end)
    }

    /// Says what is wrong with a record's times.
    pub(super) fn refusal(&self, normal: &NormalisedRow<'_>) -> String {
        let (name, time) = match (self.has(normal.start), normal.start, normal.end) {
            (false, Some(start), _) => ("start", start),
            (.., end) => ("end", end.unwrap_or_default()),
        };
        if time < self.first {
            format!(
                "`{name}` cannot be {}: there were no flow logs before 2010",
                rfc3339(time)
            )
        } else {
            format!(
                "`{name}` cannot be {}: that is more than two days ahead of the clock",
                shown(time)
            )
        }
    }
}

/// Times of which no year can be told are shown as they are.
fn shown(time: i64) -> String {
    if time < LAST {
        rfc3339(time)
    } else {
        format!("{time} seconds")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::LogStatus;

    fn normal(start: i64, end: i64) -> NormalisedRow<'static> {
        NormalisedRow {
            text: b"",
            interface: b"-",
            start: Some(start),
            end: Some(end),
            status: LogStatus::Ok,
            verbatim: false,
        }
    }

    #[test]
    fn what_no_flow_log_can_tell_is_refused() {
        let (here, past) = (1_800_000_000, 1_750_000_000);
        let by_both = Plausible::by(past, here);
        assert_eq!(Plausible::by(here, past), by_both);
        let last = here + AHEAD;
        for (start, end, said) in [
            (FIRST, last - 1, ""),
            (
                FIRST - 1,
                FIRST,
                "`start` cannot be 2009-12-31T23:59:59Z: there were no",
            ),
            (
                FIRST,
                0,
                "`end` cannot be 1970-01-01T00:00:00Z: there were no",
            ),
            (
                FIRST,
                last,
                "`end` cannot be 2027-01-17T08:00:00Z: that is more than two days",
            ),
            (
                1_700_000_000_000_000,
                9,
                "`start` cannot be 1700000000000000 seconds: that is",
            ),
        ] {
            let normal = normal(start, end);
            assert_eq!(by_both.holds(&normal), said.is_empty(), "{start} {end}");
            if !said.is_empty() {
                let refusal = by_both.refusal(&normal);
                assert!(refusal.starts_with(said), "{refusal}");
            }
        }
        // A clock that was never set, as after a start without network, refuses nothing that may be.
        assert!(Plausible::by(0, 0).holds(&normal(here, here)));
    }
}
