//! Delays: how long records were on their way, from their `end` to their delivery, in memory that does not depend on
//! how many are measured.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::Sides;

/// Longer delays, in seconds, count as this one (about four years).
const LONGEST: u64 = 1 << 27;

/// Delays are kept to three digits; up to 2,047 seconds exactly.
const DIGITS: u8 = 3;

/// From fewer records nothing is concluded.
const ENOUGH: u64 = 100;

/// A settle time is suggested in whole steps of so many seconds.
const STEP: u64 = 300;

/// Delays as they are measured. Merges in any order.
#[derive(Clone, Debug, Default)]
pub struct Delays {
    /// Made at the first delay, since most runs over files measure none.
    histogram: Option<Histogram<u64>>,
    longest: u64,
}

/// How many delays are at most so many seconds, and more than the bound before; the last bound is that of all others.
pub type DelayBins = Vec<(Option<u64>, u64)>;

/// The bounds of bins, in seconds.
const BINS: [u64; 14] = [
    30, 60, 120, 180, 240, 300, 450, 600, 900, 1800, 3600, 7200, 21_600, 86_400,
];

/// What delays boil down to, in seconds; each is a bound that so many of the records kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelaySummary {
    /// How many records were measured.
    #[serde(skip)]
    pub records: u64,
    /// Half of them.
    pub p50: u64,
    /// 95 of 100.
    pub p95: u64,
    /// 99 of 100.
    pub p99: u64,
    /// All of them.
    pub max: u64,
}

impl DelaySummary {
    /// Returns bounds that hold for both as far as quantiles allow: the longer of each.
    #[must_use]
    pub fn longest(&self, other: &Self) -> Self {
        Self {
            records: self.records + other.records,
            p50: self.p50.max(other.p50),
            p95: self.p95.max(other.p95),
            p99: self.p99.max(other.p99),
            max: self.max.max(other.max),
        }
    }
}

impl Delays {
    /// Adds a record's delay; both times are Unix seconds. What was delivered before its `end` (clocks differ) took no
    /// time.
    #[inline]
    pub fn add(&mut self, end: i64, delivered: i64) {
        let delay = u64::try_from(delivered.saturating_sub(end)).unwrap_or(0);
        self.longest = self.longest.max(delay);
        if let Some(histogram) = self.histogram() {
            histogram.saturating_record(delay);
        }
    }

    /// Adds what another one measured.
    pub fn merge(&mut self, other: &Self) {
        self.longest = self.longest.max(other.longest);
        if let Some(more) = &other.histogram
            && let Some(histogram) = self.histogram()
        {
            // They have the same bounds, so that nothing can be out of them.
            let _ = histogram.add(more);
        }
    }

    /// Returns what they boil down to; `None` if nothing was measured.
    pub fn summary(&self) -> Option<DelaySummary> {
        let histogram = self.histogram.as_ref()?;
        let at = |quantile: f64| histogram.value_at_quantile(quantile).min(self.longest);
        Some(DelaySummary {
            records: histogram.len(),
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            max: self.longest,
        })
    }

    /// Returns them counted in bins, the shortest first; none if nothing was measured.
    pub fn bins(&self) -> DelayBins {
        let Some(histogram) = &self.histogram else {
            return Vec::new();
        };
        let mut from = 0;
        let mut bins: DelayBins = Vec::new();
        for bound in BINS {
            bins.push((Some(bound), histogram.count_between(from, bound)));
            from = bound + 1;
        }
        bins.push((None, histogram.count_between(from, LONGEST)));
        bins
    }

    /// Returns what was measured, to be written down: the longest, and how many took how long, each to three digits.
    pub fn written(&self) -> (u64, Vec<(u64, u64)>) {
        let counted = self.histogram.iter().flat_map(Histogram::iter_recorded);
        let counted = counted.map(|step| (step.value_iterated_to(), step.count_at_value()));
        (self.longest, counted.collect())
    }

    /// Makes it of what was written down.
    pub fn of_written(longest: u64, counted: &[(u64, u64)]) -> Self {
        let mut delays = Self {
            histogram: None,
            longest,
        };
        for &(seconds, records) in counted {
            if let Some(histogram) = delays.histogram() {
                histogram.saturating_record_n(seconds, records);
            }
        }
        delays
    }

    /// The bounds are constants that a histogram can have.
    fn histogram(&mut self) -> Option<&mut Histogram<u64>> {
        if self.histogram.is_none() {
            self.histogram = Histogram::new_with_bounds(1, LONGEST, DIGITS).ok();
        }
        self.histogram.as_mut()
    }
}

/// Suggests a settle time, in seconds: half as much again as 99 of 100 records of the slower side took, in whole five
/// minutes. `None` if too little was measured.
pub fn suggested_settle(delays: &Sides<Option<DelaySummary>>) -> Option<u64> {
    let measured = [delays.s3, delays.cwl].into_iter().flatten();
    let enough = measured.filter(|side| side.records >= ENOUGH);
    let p99 = enough.map(|side| side.p99).max()?;
    Some((p99 + p99 / 2).div_ceil(STEP).max(1) * STEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_all_of_them() {
        let bins = delays([0, 30, 31, 300, 100_000]).bins();
        let count = |bound| bins.iter().find(|(of, _)| *of == bound).unwrap().1;
        assert_eq!(
            [Some(30), Some(60), Some(300), None].map(count),
            [2, 1, 1, 1]
        );
        assert_eq!(bins.iter().map(|(_, number)| number).sum::<u64>(), 5);
        assert_eq!(Delays::default().bins(), []);
    }

    fn delays(seconds: impl IntoIterator<Item = i64>) -> Delays {
        let mut delays = Delays::default();
        seconds
            .into_iter()
            .for_each(|delay| delays.add(1000, 1000 + delay));
        delays
    }

    #[test]
    fn quantiles_are_those_of_the_records() {
        let summary = delays(1..=1000).summary().unwrap();
        let DelaySummary {
            records,
            p50,
            p95,
            p99,
            max,
        } = summary;
        assert_eq!([records, p50, p95, p99, max], [1000, 500, 950, 990, 1000]);
        assert_eq!(Delays::default().summary(), None);
    }

    #[test]
    fn what_is_merged_is_as_if_measured_at_once() {
        let mut merged = delays(1..=400);
        merged.merge(&Delays::default());
        merged.merge(&delays(401..=1000));
        let mut other = Delays::default();
        other.merge(&merged);
        assert_eq!(other.summary(), delays(1..=1000).summary());
    }

    #[test]
    fn what_is_written_down_is_what_was_measured() {
        for delays in [delays([0, 1, 7, 7, 5_000, 123_456]), Delays::default()] {
            let (longest, counted) = delays.written();
            let again = Delays::of_written(longest, &counted);
            assert_eq!(
                (again.summary(), again.bins()),
                (delays.summary(), delays.bins())
            );
        }
    }

    #[test]
    fn no_delay_is_too_odd() {
        let summary = delays([-50, 0, i64::MAX - 1000]).summary().unwrap();
        assert_eq!(
            (summary.p50, summary.max),
            (0, i64::MAX.unsigned_abs() - 1000)
        );
    }

    #[test]
    fn the_slower_side_with_enough_records_decides() {
        let of = |delay: i64, records| delays(std::iter::repeat_n(delay, records)).summary();
        for (s3, cwl, expected) in [
            (None, None, None),
            (of(600, 99), None, None),
            (of(600, 100), of(300, 100), Some(900)),
            (of(601, 100), of(9000, 99), Some(1200)),
            (of(0, 100), None, Some(300)),
        ] {
            assert_eq!(
                suggested_settle(&Sides { s3, cwl }),
                expected,
                "{s3:?} {cwl:?}"
            );
        }
    }
}
