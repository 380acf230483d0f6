//! What is asked of a check.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::decode::Format;
use crate::digest::Fingerprints;
use crate::model::Sides;
use crate::model::finding::Bucket;
use crate::model::window::{Settle, Window};
use crate::source::flow_logs::FlowLog;

use super::fields::Selection;
use super::others::Others;

/// What is asked of a run.
#[derive(Clone, Debug)]
pub struct Check {
    /// Which records, by `start`.
    pub window: Window,
    /// The clock, and how long a record may be on its way.
    pub settle: Settle,
    /// Whether to wait for what is pending.
    pub recheck: Recheck,
    /// Which fields are compared.
    pub fields: Selection,
    /// Which interfaces; empty is all.
    pub interfaces: Vec<String>,
    /// Where a run notes interfaces that are there and were not asked for.
    pub others: Others,
    /// How the two flow logs are set up, if that is known.
    pub flow_logs: Option<Arc<Sides<FlowLog>>>,
    /// Whether NODATA records are left out.
    pub ignore_nodata: bool,
    /// Whether two empty sides are consistent.
    pub allow_empty: bool,
    /// How to read each side's rows that come without a header.
    pub formats: Sides<Format>,
    /// Whether records are counted by interface and hour, which costs memory for each of them.
    pub by_hour: bool,
    /// Whether the report is to tell what both sides held over time also where nothing differs.
    pub drawn: bool,
    /// Whether the report is to tell what each side's parts look like.
    pub formed: bool,
    /// How many differences, and how many malformed rows a side, are shown.
    pub max_evidence: usize,
    /// Where every difference is written, for the message if it cannot be.
    pub all_differences: Option<PathBuf>,
    /// Parts of one side read at once.
    pub concurrency: usize,
    /// Bytes of memory to stay within.
    pub memory: u64,
    /// Whether the report is to tell how many copies there are in the buckets that differ, and in these.
    pub counted: Option<Vec<Bucket>>,
    /// The key of this run's fingerprints.
    pub key: Fingerprints,
}

/// How often and when leftovers are looked at again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recheck {
    /// At most so many times; only while something is pending.
    pub times: u32,
    /// The wait before each.
    pub every: Duration,
}
