//! What lines add up to, in numbers. Pure.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::model::delay::DelaySummary;
use crate::model::{Side, Sides};
use crate::report::{Verdict, times};

use super::line::{ArchiveLine, LineWindow, Look};

/// What was lost, and among how much. Each record is counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LossTally {
    /// Windows that were read.
    pub windows: u64,
    /// Of these, windows of which not everything could be told: something was unreadable, malformed or undetermined, or given up
    /// later, or neither side had a record.
    pub untold_windows: u64,
    /// Records of each side, as far as they were counted at first looks.
    pub records: Sides<u64>,
    /// Copies that the other side has and this one lacks.
    pub missing: Sides<u64>,
    /// Extra copies on this side.
    pub surplus: Sides<u64>,
    /// Pairs of the same flow with unequal values.
    pub divergent: u64,
    /// Copies that came to this side after the first look.
    pub late: Sides<u64>,
}

impl LossTally {
    /// Returns how many records are lost or changed.
    pub fn lost(&self) -> u64 {
        sum(self.missing) + sum(self.surplus) + self.divergent
    }

    /// Adds a line; `untold` are the numbers of those that could not tell everything of their window.
    pub(super) fn add(&mut self, line: &ArchiveLine, untold: &BTreeSet<u64>) {
        if line.look == Look::First {
            self.windows += 1;
            self.untold_windows += u64::from(untold.contains(&line.number));
        }
        let counts = &line.counts;
        for side in Side::BOTH {
            if line.look == Look::First {
                self.records[side] += line.records[side];
            }
            self.missing[side] += counts.missing[side];
            self.surplus[side] += counts.surplus[side];
            self.late[side] += counts.late[side];
        }
        self.divergent += counts.divergent;
    }
}

/// A day, UTC, by the start of its windows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayTally {
    /// Its first second, in Unix seconds.
    #[serde(serialize_with = "times::second")]
    pub day: i64,
    /// What was lost.
    #[serde(flatten)]
    pub tally: LossTally,
    /// Seconds of it, between the first window and the last, that no run has read.
    pub gap_seconds: i64,
    /// How long records were on their way, in seconds: the longest of its windows, since quantiles do not add.
    pub delays: Sides<Option<DelaySummary>>,
}

/// How many records were lost or changed on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DayLoss {
    /// Its first second, in Unix seconds, UTC.
    #[serde(serialize_with = "times::second")]
    pub day: i64,
    /// How many.
    pub records: u64,
}

/// Returns the numbers of the first looks at windows of which not everything could be told.
pub(super) fn untold(lines: &[&ArchiveLine]) -> BTreeSet<u64> {
    let first = lines.iter().filter(|line| line.look == Look::First);
    let mut untold: BTreeSet<u64> = { first.clone() }
        .filter(|line| is_untold(line))
        .map(|line| line.number)
        .collect();
    // What was pending and is given up is told as undetermined by the look that gave it up.
    let given_up: Vec<LineWindow> = lines
        .iter()
        .filter(|line| line.look == Look::Again && sum(line.counts.undetermined) > 0)
        .map(|line| line.window)
        .collect();
    let waited_for = first.filter(|line| sum(line.counts.pending) > 0);
    untold.extend(waited_for.filter_map(|line| {
        let window = line.window;
        let is_within = |look: &LineWindow| look.start < window.end && window.start < look.end;
        given_up.iter().any(is_within).then_some(line.number)
    }));
    untold
}

fn sum(numbers: Sides<u64>) -> u64 {
    numbers.s3 + numbers.cwl
}

/// Tells whether a first look could not tell everything of its window. What was only pending is told by a later line.
fn is_untold(line: &ArchiveLine) -> bool {
    let counts = &line.counts;
    let both = |numbers: Sides<u64>| sum(numbers) > 0;
    let something =
        both(counts.undetermined) || both(line.unreadable_parts) || both(line.malformed);
    something
        || counts.matched_on_fewer_fields > 0
        || line.verdict == Verdict::Unknown && !both(counts.pending)
}
