//! What a digest says of itself: what was read, how, and what could not be. Times are Unix seconds.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::ToldSample;
use crate::model::window::Window;
use crate::model::{Cover, Side};
use crate::record::RecordKind;

/// The format of what a digest says of itself.
pub const SCHEMA: &str = "flowdiff.digest/1";

/// What a digest says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// [`SCHEMA`].
    pub schema: String,
    /// What wrote it: a name and a version.
    pub tool: String,
    /// The side it stands for.
    pub side: Side,
    /// Which records, by `start`.
    pub window: Stretch,
    /// The clock when it was read; of several that were merged, the earliest. What was younger than the settle time by then may
    /// be lacking because it was still on its way.
    pub read_at: i64,
    /// Which interfaces were asked for; none is all.
    pub interfaces: BTreeSet<String>,
    /// Whether NODATA records were left out.
    pub ignore_nodata: bool,
    /// The fields of canonical text, in its order, of each kind of record that was met.
    pub fields: BTreeMap<RecordKind, Vec<String>>,
    /// How records became fingerprints: `xxh3` or `blake3`.
    pub fingerprint: String,
    /// What tells the key from others; nothing if it is the one that everybody has.
    pub key: Option<String>,
    /// How many differences the sketch can be expected to tell.
    pub differences: u64,
    /// How many rows there were of what kind.
    pub counts: Counted,
    /// How long records were on their way.
    pub delays: Measured,
    /// The first rows that are no record, by place.
    pub malformed: Vec<MalformedRow>,
    /// How many records all the rows that are none may stand for, by what is known of them.
    pub hidden: Vec<HiddenRows>,
    /// What could not be read.
    pub unreadable: Vec<UnreadPart>,
    /// What was not read because its name says nothing of what it holds.
    pub passed_over: Vec<UnreadPart>,
    /// What was read.
    pub sources: Vec<SourceRead>,
    /// The columns of each layout that a record in the window has.
    pub layouts: BTreeSet<Vec<String>>,
    /// In what finer units than AWS's times were told that a note is worth.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub units: BTreeSet<String>,
    /// Some records, if they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<ToldSample>,
    /// The interfaces that lines of the ledger go by.
    pub ledger_interfaces: Vec<String>,
    /// How many lines the ledger has.
    pub ledger_lines: u64,
    /// How many cells the sketch has.
    pub sketch_cells: u64,
}

/// A half-open stretch of time; what is not given is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// The first second inside.
    pub start: Option<i64>,
    /// The first second after.
    pub end: Option<i64>,
}

impl From<Window> for Stretch {
    fn from(Window { start, end }: Window) -> Self {
        Self { start, end }
    }
}

impl From<Stretch> for Window {
    fn from(Stretch { start, end }: Stretch) -> Self {
        Self { start, end }
    }
}

/// How many rows of what kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Bytes fetched.
    pub bytes: u64,
    /// Records, NODATA and SKIPDATA included.
    pub records: u64,
    /// NODATA records among them.
    pub nodata: u64,
    /// SKIPDATA records among them.
    pub skipdata: u64,
    /// Rows that are no record.
    pub malformed: u64,
    /// The earliest `start`.
    pub first_start: Option<i64>,
    /// The latest `start`.
    pub last_start: Option<i64>,
}

impl Counted {
    /// Adds up other rows.
    pub(super) fn add(&mut self, other: &Self) {
        let sums = [
            (&mut self.bytes, other.bytes),
            (&mut self.records, other.records),
            (&mut self.nodata, other.nodata),
            (&mut self.skipdata, other.skipdata),
            (&mut self.malformed, other.malformed),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(more);
        }
        let first = [self.first_start, other.first_start];
        self.first_start = first.into_iter().flatten().min();
        self.last_start = self.last_start.max(other.last_start);
    }
}

/// Delays in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// The longest.
    pub longest: u64,
    /// How many took how long, each to three digits.
    pub counted: Vec<(u64, u64)>,
}

/// A row that is no record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MalformedRow {
    /// The part it stands in.
    pub part: String,
    /// Its number there.
    pub row: u64,
    /// Why it is none.
    pub reason: String,
}

/// What a part or a row may hold: the only interface, and the `start`s.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MayHold {
    /// The only interface, if there is only one.
    pub interface: Option<String>,
    /// The first `start`.
    pub start: Option<i64>,
    /// The first second after.
    pub end: Option<i64>,
}

impl From<&Cover> for MayHold {
    fn from(cover: &Cover) -> Self {
        Self {
            interface: cover.interface.clone(),
            start: cover.starts.start,
            end: cover.starts.end,
        }
    }
}

impl From<&MayHold> for Cover {
    fn from(hold: &MayHold) -> Self {
        Self {
            interface: hold.interface.clone(),
            starts: Window {
                start: hold.start,
                end: hold.end,
            },
        }
    }
}

/// Rows that are no record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HiddenRows {
    /// What their part may hold.
    pub part: MayHold,
    /// What the rows tell of themselves, in each of the layouts that may be meant; nothing if that is nothing.
    pub known: Vec<KnownOfRow>,
    /// How many records they may stand for.
    pub records: u64,
}

/// What a row that is no record tells of itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KnownOfRow {
    /// Its interface.
    pub interface: Option<String>,
    /// Its `start`.
    pub start: Option<i64>,
}

/// A part that was not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnreadPart {
    /// Its name.
    pub name: String,
    /// What it may hold.
    pub may_hold: MayHold,
    /// Why it was not read.
    pub reason: String,
    /// Bytes as listed, if the listing says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its ETag or the time of its last change, if anything tells.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Whether some of it was read, and counts: as of a text that breaks off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_in_part: bool,
}

/// What was read of a source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceRead {
    /// Its address.
    pub address: String,
    /// Within what the names of its parts are unique: the bucket, the log group, the folder that paths are relative to.
    pub store: String,
    /// The flow logs whose objects were asked for; none is all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub flow_log_ids: BTreeSet<String>,
    /// Whether log streams were asked for whatever their names are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all_streams: bool,
    /// Its parts, by name.
    pub parts: Vec<PartRead>,
}

/// A part that was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PartRead {
    /// Its name.
    pub name: String,
    /// Bytes as listed, if the listing says so.
    pub size: Option<u64>,
    /// Its ETag or the time of its last change, if anything tells.
    pub version: String,
    /// The SHA-256 of its bytes as they were stored, as hexadecimal digits, if it was read whole for a receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What records it held, roughly, if some were asked for, so that a second look leaves out parts that cannot hold what differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<PartHeld>,
}

/// What records a part held: no fewer than these say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PartHeld {
    /// The first and the last slot, if any record has one.
    pub slots: Option<(i64, i64)>,
    /// The interfaces: of the number that stands for the name of each (its hash under the key), the bit that the highest six bits
    /// of it say. None if it held nothing.
    pub interfaces: u64,
    /// Whether each record was, to the byte, what stood in a line of text (after its time stamp).
    pub as_lines: bool,
}
