//! A row in canonical form, as every way of reading one returns it.

/// What stands for an absent value in canonical text.
pub(super) const ABSENT: &[u8] = b"-";

/// What a row's `log-status` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStatus {
    /// A record of traffic.
    Ok,
    /// No traffic in the interval.
    NoData,
    /// Flows were lost inside AWS; one row may stand for many.
    SkipData,
}

impl LogStatus {
    /// Reads a `log-status`.
    #[inline(always)]
    pub(super) fn said(cell: &[u8]) -> Self {
        match cell {
            b"NODATA" => Self::NoData,
            b"SKIPDATA" => Self::SkipData,
            _ => Self::Ok,
        }
    }
}

/// A row in canonical form.
#[derive(Debug, PartialEq, Eq)]
pub struct NormalisedRow<'a> {
    /// The compared fields: the identity of the record.
    pub text: &'a [u8],
    /// `interface-id`, or `-` if absent or not in the layout.
    pub interface: &'a [u8],
    /// `start` in Unix seconds, if the layout has it and it is not absent.
    pub start: Option<i64>,
    /// `end` in Unix seconds, likewise.
    pub end: Option<i64>,
    /// What kind of row it is.
    pub status: LogStatus,
    /// Whether the text is the line that the cells stood in.
    pub verbatim: bool,
}
