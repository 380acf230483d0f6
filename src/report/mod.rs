//! The report: everything a run found out, the limits that a user sets on it, and stand-ins for what is given away.

pub mod alarm;
mod fields;
pub mod form;
pub mod gap;
pub mod held;
mod join;
pub mod reached;
pub mod redact;
#[cfg(test)]
pub(crate) mod sample;
mod state;
mod summed;
pub(crate) mod times;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::causes::{Cause, ConfigMismatch, Why};
use crate::model::delay::{DelayBins, DelaySummary};
use crate::model::finding::{Bucket, FewerFields, Finding, ReadTrouble};
use crate::model::window::{Settle, Window};
use crate::model::{Counts, Side, Sides};
use crate::record::RecordKind;

use form::Form;
use gap::Gap;
use held::HeldOverTime;
use reached::Reached;

pub use fields::FieldDoubt;
pub use join::join;
pub use state::{Carried, JobSummary, WindowResult};
pub use summed::{MOST_FINDINGS, sum_up};
pub use verdict::Verdict;

/// The exit code after Ctrl-C, as shells have it: 128 and the signal's number.
pub(crate) const INTERRUPTED: u8 = 130;

/// What a run found out. Same input, same report, byte for byte, except for how long it [took](Self::took).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The answer.
    pub verdict: Verdict,
    /// What was asked for.
    pub window: Window,
    /// The clock and the settle time.
    pub settle: Settle,
    /// A settle time that the measured delays suggest, in seconds; `None` if too little was measured.
    pub suggested_settle_seconds: Option<u64>,
    /// The compared fields of each kind of record that there is, in table order.
    pub fields: BTreeMap<RecordKind, Vec<String>>,
    /// For each kind of record that there is, fields that a side has and the other one has not, in table order.
    pub fields_left_out: BTreeMap<RecordKind, Sides<Vec<String>>>,
    /// What each side held.
    pub sides: Sides<SideSummary>,
    /// The totals.
    pub counts: Counts,
    /// Where the sides differ: by interface, slot, kind, side.
    pub findings: Vec<Finding>,
    /// What could not be read or understood: unreadable parts, then malformed rows, each by side.
    pub troubles: Vec<ReadTrouble>,
    /// Why equal values may be no sign of equal records.
    pub field_doubts: Vec<FieldDoubt>,
    /// What agrees in all that both sides have, while one of them has more: by kind and what was not compared.
    pub fewer_fields: Vec<FewerFields>,
    /// Whether there is more evidence than shown.
    pub evidence_capped: bool,
    /// What may be why, and what else a reader should know, in fixed order.
    pub causes: Vec<Cause>,
    /// Why records differ: what explains how many of them.
    pub why: Why,
    /// What to do next, if there is anything to do.
    pub next: Option<Next>,
    /// Whether late records were looked for.
    pub rechecked: bool,
    /// How many looks there were at what differs: one, and the rechecks.
    pub looks: u32,
    /// Whether the run was ended while it waited for late records: this is what was known.
    pub interrupted: bool,
    /// Records of each side by interface and hour, if a renderer asks for them.
    pub hours: BTreeMap<Hour, Sides<u64>>,
    /// What each side's parts look like, if that was asked for; not shown.
    pub forms: Sides<Form>,
    /// What was typed, without secrets.
    pub arguments: Vec<String>,
    /// How each side is reached, where a command line said so.
    pub reached: Sides<Reached>,
    /// Stretches of time of which a side has nothing, by side, interface and time.
    pub gaps: Vec<Gap>,
    /// What both sides held by interface and time, where something differs or a renderer draws it.
    pub held: HeldOverTime,
    /// Why differences are tolerated, for each kind; empty if they are not or if there are none.
    pub tolerated: Vec<Cause>,
    /// How long the run took.
    pub took: Duration,
    /// How many copies each side has in the buckets that were to be counted; not shown.
    pub copies: BTreeMap<Bucket, Sides<u64>>,
    /// What a scheduled job took up and what it carries, if the run was one.
    pub state: Option<JobSummary>,
}

impl Report {
    /// Returns the exit code of the run. Differences that are tolerated do not count, but what is not known still does.
    pub fn exit_code(&self) -> u8 {
        if self.interrupted {
            return INTERRUPTED;
        }
        let open = self.leaves_questions();
        match self.verdict {
            Verdict::Different if self.tolerated.is_empty() => 1,
            Verdict::Different if !open => 0,
            Verdict::Different => Verdict::Unknown.exit_code(),
            Verdict::Consistent | Verdict::Unknown => self.verdict.exit_code(),
        }
    }

    /// Tells whether something is not known, besides what the verdict says.
    pub fn leaves_questions(&self) -> bool {
        let unread = self
            .state
            .as_ref()
            .is_some_and(|state| state.carried.unread_windows > 0);
        unread || verdict::is_open(&self.counts, &self.sides)
    }

    /// Returns what the flow logs do not share, and what is wrong with either.
    pub fn configuration(&self) -> impl Iterator<Item = &ConfigMismatch> {
        self.causes.iter().filter_map(|cause| {
            let Cause::Configuration(mismatch) = cause else {
                return None;
            };
            Some(mismatch)
        })
    }

    /// Returns all that it lists, in order.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let configuration = self.configuration().map(Entry::Configuration);
        let differences = self.findings.iter().map(Entry::Difference);
        let troubles = self.troubles.iter().map(Entry::Trouble);
        configuration.chain(differences).chain(troubles)
    }

    /// Returns how long records were on their way to a side, in seconds, 99th percentile; `None` if it is not known.
    pub fn lag_p99(&self, side: Side) -> Option<u64> {
        Some(self.sides[side].delivery_delay_seconds?.p99)
    }

    /// Returns how many records arrived on a side only after the first look; `None` if that was not watched.
    pub fn late(&self, side: Side) -> Option<u64> {
        self.rechecked.then_some(self.counts.late[side])
    }
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Next {
    /// What, a sentence without a stop.
    pub text: String,
    /// The command, as it can be pasted into a shell; `None` if nobody knows what was typed, or it may not be told.
    pub command: Option<String>,
}

/// One thing that a report lists.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// What the flow logs do not share.
    Configuration(&'a ConfigMismatch),
    /// Where the sides differ.
    Difference(&'a Finding),
    /// What could not be read or understood.
    Trouble(&'a ReadTrouble),
}

/// An interface and an hour of `start`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hour {
    /// The interface, `-` if there is none.
    pub interface: Arc<str>,
    /// The hour's first second, `None` if there is no `start`.
    pub start: Option<i64>,
}

impl Hour {
    /// Returns the hour that a bucket lies in.
    pub fn of(bucket: &Bucket) -> Self {
        Self {
            interface: Arc::clone(&bucket.interface),
            start: bucket.slot.map(|slot| slot.div_euclid(3600) * 3600),
        }
    }
}

/// What one side held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SideSummary {
    /// Its address.
    pub source: String,
    /// Parts read or tried.
    pub parts: u64,
    /// Bytes fetched, as stored (compressed).
    pub bytes: u64,
    /// Rows inside the window, NODATA and SKIPDATA included.
    pub records: u64,
    /// NODATA rows among them.
    pub nodata: u64,
    /// SKIPDATA rows among them.
    pub skipdata: u64,
    /// Rows that are no record.
    pub malformed: u64,
    /// Records with values that cannot be seen: a data protection policy has put asterisks in their place.
    pub masked: u64,
    /// Parts that could not be read.
    pub unreadable_parts: u64,
    /// How often a call to the service was made again, because it was throttled or failed in a way that may pass.
    pub retries: u64,
    /// The earliest `start` inside the window, Unix seconds.
    #[serde(serialize_with = "times::time")]
    pub first_start: Option<i64>,
    /// The latest `start` inside the window, Unix seconds.
    #[serde(serialize_with = "times::time")]
    pub last_start: Option<i64>,
    /// How long its records took from their `end` to their delivery, as far as that is known: an event's ingestion time,
    /// the modification time of an object that a flow log has delivered. `None` if nothing was measured.
    pub delivery_delay_seconds: Option<DelaySummary>,
    /// The same counted in bins, for a chart.
    #[serde(skip)]
    pub delivery_bins: DelayBins,
    /// The same of what arrived late; where no delivery is known, until it was found, which is longer.
    pub late_delay_seconds: Option<DelaySummary>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_copy_of_the_samples_is_counted_once() {
        for report in [sample::different(), sample::consistent(), sample::unknown()] {
            let counts = report.counts;
            for side in Side::BOTH {
                let sum = counts.matched + counts.unmatched(side);
                assert_eq!(report.sides[side].records, sum, "{side}");
            }
        }
    }
}
