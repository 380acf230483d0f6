//! What monitoring systems are told of a side: one table for all of their formats.

use crate::model::Side;
use crate::report::{Report, Verdict};

/// A figure of a side.
#[derive(Clone, Copy)]
pub(super) struct Gauge {
    /// In CloudWatch's spelling.
    pub(super) metric: &'static str,
    /// In Prometheus's spelling, without prefix and unit.
    pub(super) name: &'static str,
    /// What it counts.
    pub(super) about: &'static str,
    /// What it is counted in.
    pub(super) unit: GaugeUnit,
    /// Whether both sides share the number, so that adding the sides up would count it twice.
    pub(super) shared: bool,
    /// The value; `None` if it is not known.
    pub(super) of: fn(&Report, Side) -> Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum GaugeUnit {
    Count,
    Seconds,
}

/// Every figure, in the order in which they are told.
pub(super) const GAUGES: [Gauge; 8] = [
    Gauge {
        metric: "Records",
        name: "records",
        about: "Records of the side inside the window",
        unit: GaugeUnit::Count,
        shared: false,
        of: |report, side| Some(report.sides[side].records),
    },
    Gauge {
        metric: "Missing",
        name: "missing_records",
        about: "Records that the other side has and this one lacks",
        unit: GaugeUnit::Count,
        shared: false,
        of: |report, side| Some(report.counts.missing[side]),
    },
    Gauge {
        metric: "Surplus",
        name: "surplus_records",
        about: "Extra copies on the side of records that both have",
        unit: GaugeUnit::Count,
        shared: false,
        of: |report, side| Some(report.counts.surplus[side]),
    },
    Gauge {
        metric: "Divergent",
        name: "divergent_records",
        about: "Pairs of the same flow with unequal values",
        unit: GaugeUnit::Count,
        shared: true,
        of: |report, _| Some(report.counts.divergent),
    },
    Gauge {
        metric: "Pending",
        name: "pending_records",
        about: "Records that may still arrive on the side",
        unit: GaugeUnit::Count,
        shared: false,
        of: |report, side| Some(report.counts.pending[side]),
    },
    Gauge {
        metric: "Undetermined",
        name: "undetermined_records",
        about: "Records that may sit in what could not be read on the side",
        unit: GaugeUnit::Count,
        shared: false,
        of: |report, side| Some(report.counts.undetermined[side]),
    },
    Gauge {
        metric: "Late",
        name: "late_records",
        about: "Records that arrived on the side only after the first look",
        unit: GaugeUnit::Count,
        shared: false,
        of: |report, side| report.late(side),
    },
    Gauge {
        metric: "LagP99",
        name: "delivery_delay_p99",
        about: "How long records were on their way to the side, 99th percentile",
        unit: GaugeUnit::Seconds,
        shared: false,
        of: |report, side| report.lag_p99(side),
    },
];

/// The verdict as a number: 1 is consistent, 0 is anything else, because what is not known is not fine.
pub(super) fn consistent(report: &Report) -> u64 {
    u64::from(report.verdict == Verdict::Consistent)
}
