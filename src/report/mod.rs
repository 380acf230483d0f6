//! The report: everything a run found out, and the table of ways to show it.

use serde::Serialize;

use crate::finding::Finding;
use crate::source::Sides;
use crate::window::{Settle, Window};

/// What a run found out. Same input, same report, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The answer.
    pub verdict: Verdict,
    /// What was asked for.
    pub window: Window,
    /// The clock and the settle time.
    pub settle: Settle,
    /// The compared fields in table order.
    pub fields: Vec<String>,
    /// Fields that a side has and that were not compared, in table order.
    pub fields_left_out: Sides<Vec<String>>,
    /// What each side held.
    pub sides: Sides<SideSummary>,
    /// The totals.
    pub counts: Counts,
    /// What is wrong: by interface, slot, kind, side; then unreadable parts and malformed rows.
    pub findings: Vec<Finding>,
    /// Whether there is more evidence than shown.
    pub evidence_capped: bool,
    /// What a reader should know, in fixed order.
    pub notes: Vec<String>,
}

/// The answer to "do both destinations hold the same records".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
    /// Returns the exit code a run with this verdict ends with.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Consistent => 0,
            Self::Different => 1,
            Self::Unknown => 3,
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
    /// Parts that could not be read.
    pub unreadable_parts: u64,
    /// The earliest `start` inside the window, Unix seconds.
    pub first_start: Option<i64>,
    /// The latest `start` inside the window, Unix seconds.
    pub last_start: Option<i64>,
}

/// The totals. Each record copy of a side is counted exactly once:
/// `sides.s3.records` = matched + divergent + missing.cwl + surplus.s3 + pending.cwl + undetermined.cwl,
/// and the same with the sides swapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Copies with an equal copy on the other side.
    pub matched: u64,
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
}
