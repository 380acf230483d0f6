//! Findings: what is wrong with the data, as data. Counts are exact; evidence is capped.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::Serialize;

use super::{Cover, Side, Sides};
use crate::record::{FieldName, Record, RecordKind};

/// The stretch of records that are lost or kept together: an interface and a five-minute slot of
/// `start`. Where the comparison has no `interface-id` or no `start`, that half is blank.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket {
    /// The interface, `-` if there is none.
    pub interface: Arc<str>,
    /// The slot's first second.
    pub slot: Option<i64>,
}

/// What a leftover is: a copy with no equal copy on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LeftoverKind {
    /// Gone from `side`: the other side has it.
    Missing,
    /// Too many on `side`: both have the record, `side` has more copies.
    Surplus,
    /// Not on `side` yet: it may still be on its way.
    Pending,
    /// Perhaps on `side`: it may sit in what could not be read or understood there.
    Undetermined,
}

impl LeftoverKind {
    /// Returns the name used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Surplus => "surplus",
            Self::Pending => "pending",
            Self::Undetermined => "undetermined",
        }
    }

    /// Returns the side that has the copies of a finding of this kind about `side`.
    pub fn owner(self, side: Side) -> Side {
        match self {
            Self::Surplus => side,
            Self::Missing | Self::Pending | Self::Undetermined => side.other(),
        }
    }
}

/// Where a row stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The part's name.
    pub part: Arc<str>,
    /// The row's number within it; see [`crate::decode::Row::number`].
    pub row: u64,
}

/// A record as it was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Evidence {
    /// All its fields.
    pub record: Record,
    /// Where.
    pub found_in: Place,
}

/// Two records, one from each side, that are the same flow but not the same record.
///
/// Ordered by the copies, S3's first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// The compared fields in which they differ, in table order.
    pub fields: Vec<String>,
    /// The copy on the S3 side.
    pub s3: Evidence,
    /// The copy on the CloudWatch side.
    pub cwl: Evidence,
}

impl Ord for Pair {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.s3, &self.cwl, &self.fields).cmp(&(&other.s3, &other.cwl, &other.fields))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Copies of both sides that agree in all fields that both have, while one of them has more: of one kind and lacking the
/// same fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FewerFields {
    /// Their kind.
    pub kind: RecordKind,
    /// The compared fields that one of them lacks, or whose value cannot be seen; in table order.
    pub not_compared: Vec<FieldName>,
    /// How many on either side.
    pub records: u64,
    /// Some of the parts that they stand in, in order.
    pub parts: Sides<Vec<Arc<str>>>,
}

/// A difference between the two sides, in one bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Copies of one bucket without an equal copy on the other side.
    Leftovers {
        /// What they are.
        kind: LeftoverKind,
        /// The side it is about: see [`LeftoverKind`].
        side: Side,
        /// Where in time and on which interface.
        bucket: Bucket,
        /// How many copies.
        records: u64,
        /// Some of them, in order.
        evidence: Vec<Evidence>,
    },
    /// Leftovers of opposite sides that are the same flow.
    Divergent {
        /// Where in time and on which interface.
        bucket: Bucket,
        /// How many pairs.
        records: u64,
        /// Some of them, in order.
        evidence: Vec<Pair>,
    },
}

impl Finding {
    /// Returns where it is.
    pub fn bucket(&self) -> &Bucket {
        match self {
            Self::Leftovers { bucket, .. } | Self::Divergent { bucket, .. } => bucket,
        }
    }

    /// Returns how many records it is about.
    pub fn records(&self) -> u64 {
        match self {
            Self::Leftovers { records, .. } | Self::Divergent { records, .. } => *records,
        }
    }
}

/// What could not be read or understood, so that it is not known what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadTrouble {
    /// A part that could not be read.
    Unreadable {
        /// Whose part.
        side: Side,
        /// Its name.
        part: Arc<str>,
        /// Which records it may hold.
        cover: Cover,
        /// Why.
        reason: String,
    },
    /// A row that is no record.
    Malformed {
        /// Whose row.
        side: Side,
        /// Where.
        place: Place,
        /// Why.
        reason: String,
    },
}

impl ReadTrouble {
    /// Returns whose it is.
    pub fn side(&self) -> Side {
        match self {
            Self::Unreadable { side, .. } | Self::Malformed { side, .. } => *side,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As [`crate::diff::differences`] orders them, of which only the first are made into pairs: another order here would
    /// let the share of flows that is looked at together decide which ones are shown.
    #[test]
    fn pairs_are_ordered_by_their_copies() {
        let evidence = |start: &str, row| Evidence {
            record: Record::new(vec![(FieldName::new("start"), Some(start.to_owned()))]),
            found_in: Place {
                part: "part".into(),
                row,
            },
        };
        let pair = |fields: &str, start: &str, row| Pair {
            fields: vec![fields.to_owned()],
            s3: evidence(start, row),
            cwl: evidence("9", 1),
        };
        let in_order = [
            pair("end", "1", 2),
            pair("bytes", "1", 3),
            pair("action", "2", 1),
        ];
        assert!(in_order.is_sorted(), "{in_order:?}");
    }
}
