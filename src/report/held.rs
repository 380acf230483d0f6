//! What both sides held by interface and time, coarse enough to be drawn.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::Sides;
use crate::model::window::SLOT;

/// What both sides held by interface and time. Empty where that is not known: the digests had to be coarser than slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldOverTime {
    /// The seconds of a cell, a multiple of a slot; 0 if there is no cell.
    pub step: i64,
    /// Copies by interface and the first second of a cell: of the interfaces that differ most and, where there is room,
    /// of those with most records.
    pub cells: BTreeMap<(Arc<str>, i64), Sides<u64>>,
    /// Copies of all interfaces by the first second of a cell.
    pub over_time: BTreeMap<i64, Sides<u64>>,
    /// How many interfaces there are in all.
    pub interfaces: u64,
}

/// The most columns that a map is made of.
pub(crate) const MOST_COLUMNS: i64 = 288;

/// Steps that people know: minutes, hours, days.
const STEPS: [i64; 11] = [
    SLOT,
    2 * SLOT,
    3 * SLOT,
    6 * SLOT,
    12 * SLOT,
    24 * SLOT,
    36 * SLOT,
    72 * SLOT,
    144 * SLOT,
    DAY,
    7 * DAY,
];

const DAY: i64 = 86_400;

/// Returns the smallest of [`STEPS`], or a number of weeks, by which `[first, last]` falls into at most so many cells.
pub(crate) fn step(first: i64, last: i64, most: i64) -> i64 {
    let columns = |step: i64| last.div_euclid(step).saturating_sub(first.div_euclid(step));
    let fits = |step: &i64| columns(*step) < most.max(1);
    let weeks = 7 * DAY;
    STEPS.into_iter().find(fits).unwrap_or_else(|| {
        let factor = columns(weeks) / most.max(1) + 2;
        weeks.saturating_mul(factor)
    })
}

impl HeldOverTime {
    /// Adds another window's. The cells are as coarse as the coarser of both.
    pub(crate) fn add(&mut self, other: Self) {
        self.step = self.step.max(other.step);
        for (at, copies) in other.cells {
            add(self.cells.entry(at).or_default(), copies);
        }
        for (at, copies) in other.over_time {
            add(self.over_time.entry(at).or_default(), copies);
        }
        self.interfaces = self.interfaces.max(other.interfaces);
    }
}

/// Adds copies of both sides.
pub(crate) fn add(to: &mut Sides<u64>, copies: Sides<u64>) {
    to.s3 += copies.s3;
    to.cwl += copies.cwl;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_as_small_as_the_columns_allow() {
        let hour = 3600;
        for (first, last, most, expected) in [
            (0, 0, 288, SLOT),
            (0, hour - SLOT, 12, SLOT),
            (0, hour, 12, 2 * SLOT),
            (0, 24 * hour - SLOT, 288, SLOT),
            (0, 30 * DAY - SLOT, 288, 3 * hour),
            (0, 30 * DAY - SLOT, 70, 12 * hour),
        ] {
            assert_eq!(step(first, last, most), expected, "{first} {last} {most}");
        }
        // However far apart, the columns are few.
        for (first, last) in [(0, i64::MAX / 2), (i64::MIN / 4, i64::MAX / 4)] {
            let step = step(first, last, 70);
            assert!(last.div_euclid(step) - first.div_euclid(step) < 70);
        }
    }

    #[test]
    fn windows_add_up() {
        let held = |at: i64| HeldOverTime {
            step: SLOT,
            cells: BTreeMap::from([(("eni-0a".into(), at), Sides { s3: 2, cwl: 1 })]),
            over_time: BTreeMap::from([(0, Sides { s3: 2, cwl: 1 })]),
            interfaces: 3,
        };
        let mut both = held(0);
        both.add(held(300));
        assert_eq!(both.cells.len(), 2);
        assert_eq!(both.over_time[&0], Sides { s3: 4, cwl: 2 });
        assert_eq!((both.step, both.interfaces), (SLOT, 3));
    }
}
