//! The totals of a report.

use serde::{Deserialize, Serialize};

use super::{Side, Sides};

/// The totals. Each record copy of a side is counted exactly once:
/// `sides.s3.records` = matched + matched_on_fewer_fields + divergent + missing.cwl + surplus.s3 + pending.cwl + undetermined.cwl,
/// and the same with the sides swapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Copies with an equal copy on the other side.
    pub matched: u64,
    /// Pairs of copies that agree in all fields that both have, while one of them has more.
    pub matched_on_fewer_fields: u64,
    /// Copies the *other* side has and this one lacks.
    pub missing: Sides<u64>,
    /// Extra copies on *this* side of a record both have.
    pub surplus: Sides<u64>,
    /// Pairs of the same flow with unequal fields.
    pub divergent: u64,
    /// Copies that may still arrive on this side.
    pub pending: Sides<u64>,
    /// Copies that may sit in what could not be read on this side.
    pub undetermined: Sides<u64>,
    /// Copies that this side lacked at one look and had at a recheck, whatever has become of them: most are matched.
    pub late: Sides<u64>,
}

impl Counts {
    /// Returns how many copies on a side have no equal copy on the other one, whatever each of them is.
    pub fn unmatched(&self, side: Side) -> u64 {
        let lacking = side.other();
        self.divergent
            + self.matched_on_fewer_fields
            + self.surplus[side]
            + self.missing[lacking]
            + self.pending[lacking]
            + self.undetermined[lacking]
    }

    /// Adds another run's.
    pub(crate) fn add(&mut self, other: &Self) {
        self.matched += other.matched;
        self.matched_on_fewer_fields += other.matched_on_fewer_fields;
        self.divergent += other.divergent;
        for side in Side::BOTH {
            self.late[side] += other.late[side];
            self.missing[side] += other.missing[side];
            self.surplus[side] += other.surplus[side];
            self.pending[side] += other.pending[side];
            self.undetermined[side] += other.undetermined[side];
        }
    }
}
