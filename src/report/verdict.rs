//! The verdict: the only place that decides what is different, what is not known and what is in order.

use serde::{Deserialize, Serialize};

use crate::model::{Counts, Side, Sides};

use super::{FieldDoubt, SideSummary};

/// The answer to "do both destinations hold the same records".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Yes, and everything was read.
    Consistent,
    /// No: at least one confirmed missing, surplus or divergent record.
    Different,
    /// Not known: nothing is confirmed different, but not everything is known.
    Unknown,
}

impl Verdict {
    /// Decides it. Two sides that hold nothing are consistent only if that was allowed.
    pub fn of(
        counts: &Counts,
        sides: &Sides<SideSummary>,
        field_doubts: &[FieldDoubt],
        allow_empty: bool,
    ) -> Self {
        let empty = Side::BOTH.into_iter().all(|side| sides[side].records == 0);
        if is_different(counts) {
            Self::Different
        } else if is_open(counts, sides) || !field_doubts.is_empty() || empty && !allow_empty {
            Self::Unknown
        } else {
            Self::Consistent
        }
    }

    /// Joins the answers for two stretches: something wrong anywhere is something wrong; something not known anywhere is
    /// not known.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Different, _) | (_, Self::Different) => Self::Different,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Consistent, Self::Consistent) => Self::Consistent,
        }
    }

    /// Returns the name used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Consistent => "consistent",
            Self::Different => "different",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the exit code a run with this verdict ends with, if nothing is tolerated.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Consistent => 0,
            Self::Different => 1,
            Self::Unknown => 3,
        }
    }
}

/// Tells whether a record is confirmed missing, surplus or divergent.
fn is_different(counts: &Counts) -> bool {
    let confirmed = |side: Side| counts.missing[side] + counts.surplus[side];
    counts.divergent + confirmed(Side::S3) + confirmed(Side::Cwl) > 0
}

/// Tells whether something is not known: copies that may still be found, parts that could not be read, rows that are no
/// record, records that could be compared in part only.
pub(super) fn is_open(counts: &Counts, sides: &Sides<SideSummary>) -> bool {
    let open = Side::BOTH.into_iter().any(|side| {
        let copies = counts.pending[side] + counts.undetermined[side];
        copies + sides[side].unreadable_parts + sides[side].malformed + sides[side].masked > 0
    });
    open || counts.matched_on_fewer_fields > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(records: u64) -> Sides<SideSummary> {
        Sides::from_fn(|_| SideSummary {
            records,
            ..SideSummary::default()
        })
    }

    fn of(counts: &Counts, sides: &Sides<SideSummary>, allow_empty: bool) -> Verdict {
        Verdict::of(counts, sides, &[], allow_empty)
    }

    #[test]
    fn what_is_confirmed_says_more_than_what_is_open() {
        let mut counts = Counts::default();
        assert_eq!(of(&counts, &sides(1), false), Verdict::Consistent);
        counts.pending.cwl = 1;
        assert_eq!(of(&counts, &sides(1), false), Verdict::Unknown);
        counts.missing.s3 = 1;
        assert_eq!(of(&counts, &sides(1), false), Verdict::Different);
    }

    #[test]
    fn what_could_not_be_read_is_open() {
        let counts = Counts::default();
        let mut unreadable = sides(1);
        unreadable.cwl.unreadable_parts = 1;
        assert_eq!(of(&counts, &unreadable, true), Verdict::Unknown);
        let mut malformed = sides(1);
        malformed.s3.malformed = 1;
        assert_eq!(of(&counts, &malformed, true), Verdict::Unknown);
    }

    #[test]
    fn what_could_not_be_compared_is_open() {
        let mut counts = Counts {
            matched_on_fewer_fields: 1,
            ..Counts::default()
        };
        assert_eq!(of(&counts, &sides(1), true), Verdict::Unknown);
        counts.matched_on_fewer_fields = 0;
        let mut masked = sides(1);
        masked.cwl.masked = 1;
        assert_eq!(of(&counts, &masked, true), Verdict::Unknown);
        let blind = [FieldDoubt::Blind {
            kind: crate::record::RecordKind::Vpc,
        }];
        assert_eq!(
            Verdict::of(&counts, &sides(1), &blind, true),
            Verdict::Unknown
        );
    }

    #[test]
    fn nothing_on_both_sides_must_be_allowed() {
        let counts = Counts::default();
        assert_eq!(of(&counts, &sides(0), false), Verdict::Unknown);
        assert_eq!(of(&counts, &sides(0), true), Verdict::Consistent);
    }

    #[test]
    fn of_two_answers_the_worse_counts() {
        let all = [Verdict::Consistent, Verdict::Unknown, Verdict::Different];
        for (place, one) in all.into_iter().enumerate() {
            for worse in &all[place..] {
                assert_eq!((one.and(*worse), worse.and(one)), (*worse, *worse));
            }
        }
    }
}
