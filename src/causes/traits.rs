//! Traits: what of a differing record may tell why it differs, in a few bytes.

use crate::model::Side;
use crate::model::window::SLOT;
use crate::record::{FieldName, Record};

/// PutLogEvents takes nothing older (CloudWatch Logs API reference, "PutLogEvents").
const TOO_OLD: i64 = 14 * 86_400;

/// PutLogEvents takes nothing so far ahead of the clock.
const TOO_YOUNG: i64 = 2 * 3600;

/// What a row tells of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sort {
    /// Accepted traffic.
    Accept,
    /// Rejected traffic.
    Reject,
    /// Traffic, or nobody knows.
    #[default]
    Untold,
    /// No traffic.
    NoData,
    /// Flows that AWS lost.
    SkipData,
}

impl Sort {
    /// Each of them.
    pub(super) const ALL: [Self; 5] = [
        Self::Accept,
        Self::Reject,
        Self::Untold,
        Self::NoData,
        Self::SkipData,
    ];

    /// Returns what stands in the record for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "ACCEPT",
            Self::Reject => "REJECT",
            Self::Untold => "",
            Self::NoData => "NODATA",
            Self::SkipData => "SKIPDATA",
        }
    }

    /// Reads it off a value of `action` or `log-status`.
    pub fn said(value: &[u8]) -> Self {
        match value {
            b"ACCEPT" => Self::Accept,
            b"REJECT" => Self::Reject,
            b"NODATA" => Self::NoData,
            b"SKIPDATA" => Self::SkipData,
            _ => Self::Untold,
        }
    }
}

/// Whether the service would have taken it when it was delivered to the other side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Age {
    /// It would, or nobody knows.
    #[default]
    Usual,
    /// It was more than 14 days old.
    TooOld,
    /// It was more than 2 hours ahead of the clock.
    TooYoung,
}

/// What may tell why a record differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Traits {
    /// What the row tells of.
    pub sort: Sort,
    /// The minute of its slot that it starts in; [`Traits::NO_MINUTE`] if that is not known.
    pub minute: u8,
    /// How old it was when it came to the side that has it.
    pub age: Age,
    /// The number of what differs, of pairs; 0 if there is none, or too many are known.
    pub change: u16,
    /// The number of the parts that hold it and its twin, of extra copies; 0 as above.
    pub twin: u16,
}

impl Traits {
    /// No minute.
    pub const NO_MINUTE: u8 = u8::MAX;

    /// Nothing is known.
    pub fn unknown() -> Self {
        Self {
            minute: Self::NO_MINUTE,
            ..Self::default()
        }
    }

    /// Takes what a record tells.
    pub fn of(record: &Record, end: Option<i64>, delivered: Option<i64>) -> Self {
        let mut sort = Sort::default();
        let mut minute = Self::NO_MINUTE;
        for (name, value) in record.fields() {
            match name.as_str() {
                "action" | "log-status" => {
                    let said = Sort::said(value.unwrap_or("-").as_bytes());
                    sort = sort.max_told(said);
                }
                "start" => {
                    minute = value
                        .and_then(|text| text.parse().ok())
                        .map_or(minute, minute_of);
                }
                _ => {}
            }
        }
        Self {
            sort,
            minute,
            age: Age::at(end, delivered),
            ..Self::default()
        }
    }
}

impl Sort {
    /// Returns what tells more.
    #[must_use]
    pub fn max_told(self, other: Self) -> Self {
        match (self, other) {
            (one, Self::Untold) => one,
            (_, other) => other,
        }
    }
}

impl Age {
    /// Tells how old a record was when it was delivered.
    pub fn at(end: Option<i64>, delivered: Option<i64>) -> Self {
        match end.zip(delivered) {
            Some((end, delivered)) if delivered - end > TOO_OLD => Self::TooOld,
            Some((end, delivered)) if end - delivered > TOO_YOUNG => Self::TooYoung,
            _ => Self::Usual,
        }
    }
}

/// Returns the minute of its slot that a second lies in.
pub fn minute_of(second: i64) -> u8 {
    u8::try_from(second.rem_euclid(SLOT) / 60).unwrap_or(Traits::NO_MINUTE)
}

/// How two values of a field are related.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// This side has `-` where the other one has 0.
    ZeroAbsent(Side),
    /// This side has `-` and the other one something.
    Absent(Side),
    /// This side has the other one's number without all but its lowest 32 bits.
    Truncated(Side),
    /// The same number, told otherwise by this side, say with a decimal point.
    Written(Side),
    /// No relation that is known.
    Other,
}

impl Relation {
    /// Returns how two unequal values are related.
    pub fn of(s3: Option<&str>, cwl: Option<&str>) -> Self {
        let (s3, cwl) = match (s3, cwl) {
            (None, Some("0")) => return Self::ZeroAbsent(Side::S3),
            (Some("0"), None) => return Self::ZeroAbsent(Side::Cwl),
            (None, _) => return Self::Absent(Side::S3),
            (_, None) => return Self::Absent(Side::Cwl),
            (Some(s3), Some(cwl)) => (s3, cwl),
        };
        let whole = |text: &str| text.parse::<u64>().ok();
        if let (Some(a), Some(b)) = (whole(s3), whole(cwl)) {
            let (small, large, side) = match a < b {
                true => (a, b, Side::S3),
                false => (b, a, Side::Cwl),
            };
            let cut = u64::from(u32::MAX);
            return match large > cut && large & cut == small {
                true => Self::Truncated(side),
                false => Self::Other,
            };
        }
        let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
        match (number(s3), number(cwl)) {
            (Some(a), Some(b)) if a.total_cmp(&b).is_eq() => Self::Written(match whole(s3) {
                Some(_) => Side::Cwl,
                None => Side::S3,
            }),
            _ => Self::Other,
        }
    }

    /// Returns whose value has been made another; `None` if nothing tells.
    pub fn side(self) -> Option<Side> {
        match self {
            Self::ZeroAbsent(side)
            | Self::Absent(side)
            | Self::Truncated(side)
            | Self::Written(side) => Some(side),
            Self::Other => None,
        }
    }
}

/// What differs in a pair: the fields, and how.
pub(super) type FieldChange = Vec<(FieldName, Relation)>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_related_as_tools_write_them() {
        let (s3, cwl) = (Side::S3, Side::Cwl);
        for (a, b, expected) in [
            (None, Some("0"), Relation::ZeroAbsent(s3)),
            (Some("0"), None, Relation::ZeroAbsent(cwl)),
            (Some("7"), None, Relation::Absent(cwl)),
            (
                Some("5000000000"),
                Some("705032704"),
                Relation::Truncated(cwl),
            ),
            (Some("5"), Some("4294967301"), Relation::Truncated(s3)),
            (Some("5"), Some("6"), Relation::Other),
            (Some("80"), Some("80.0"), Relation::Written(cwl)),
            (Some("8e1"), Some("80"), Relation::Written(s3)),
            (Some("80"), Some("80.5"), Relation::Other),
            (Some("a"), Some("b"), Relation::Other),
        ] {
            assert_eq!(Relation::of(a, b), expected, "{a:?} {b:?}");
        }
    }

    #[test]
    fn a_minute_is_one_of_five() {
        assert_eq!([0, 59, 60, 299, 300].map(minute_of), [0, 0, 1, 4, 0]);
    }
}
