//! What is an alarm: the limits that a user sets on a report's figures, and the line for Nagios.
//!
//! Without limits every confirmed difference is one. A figure for which no limit was given keeps that rule, so a limit
//! on one never hides another.

mod decimal;
mod fail_on;
mod range;

pub use fail_on::FailOn;
pub use range::Range;

use super::Report;
use crate::model::Side;

/// A figure of a report that can have a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Records missing on either side.
    Missing,
    /// Extra copies on either side.
    Surplus,
    /// Pairs of the same flow with unequal values.
    Divergent,
    /// Records that may still arrive on either side.
    Pending,
    /// The delivery delay in seconds, p99, of the slower side.
    Lag,
}

impl Figure {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 5] = [
        Self::Missing,
        Self::Surplus,
        Self::Divergent,
        Self::Pending,
        Self::Lag,
    ];

    /// What a confirmed difference adds to.
    pub const CONFIRMED: [Self; 3] = [Self::Missing, Self::Surplus, Self::Divergent];

    /// Returns the name by which a limit is set.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Surplus => "surplus",
            Self::Divergent => "divergent",
            Self::Pending => "pending",
            Self::Lag => "lag",
        }
    }

    /// Returns the value, both sides together; `None` if it is not known.
    pub fn of(self, report: &Report) -> Option<u64> {
        let counts = &report.counts;
        match self {
            Self::Missing => Some(counts.missing.s3 + counts.missing.cwl),
            Self::Surplus => Some(counts.surplus.s3 + counts.surplus.cwl),
            Self::Divergent => Some(counts.divergent),
            Self::Pending => Some(counts.pending.s3 + counts.pending.cwl),
            Self::Lag => Side::BOTH
                .into_iter()
                .filter_map(|side| report.lag_p99(side))
                .max(),
        }
    }

    /// Finds a figure among some by its name.
    ///
    /// # Errors
    /// A sentence that lists the names there are.
    pub(crate) fn find(name: &str, among: &[Self]) -> Result<Self, String> {
        let found = among.iter().find(|figure| figure.name() == name);
        found.copied().ok_or_else(|| {
            let known: Vec<&str> = among.iter().map(|figure| figure.name()).collect();
            format!("no figure `{name}`; there are {}", known.join(", "))
        })
    }
}
