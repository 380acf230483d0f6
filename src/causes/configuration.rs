//! Configuration: what the two flow logs of a comparison do not share, and what is wrong with either.

use std::collections::BTreeSet;

use crate::model::window::Window;
use crate::model::{Side, Sides};
use crate::source::flow_logs::{FlowLog, common_interface};

/// No record can be expected so many seconds after a flow log is made (VPC User Guide, "Flow log limitations").
const FIRST_RECORDS: i64 = 600;

/// What about the configurations of two flow logs may be why their records differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigMismatch {
    /// They take other traffic: `ACCEPT`, `REJECT` or `ALL`.
    TrafficType(Sides<String>),
    /// They sum up over other intervals, in seconds.
    AggregationInterval(Sides<Option<u32>>),
    /// They watch other resources.
    Resource {
        /// The ids.
        values: Sides<String>,
        /// The one interface that both can have records of, if either watches just one.
        common: Option<String>,
    },
    /// Their formats have other fields: those that only one has.
    Format(Sides<Vec<String>>),
    /// A flow log was made after the window.
    MadeAfter {
        /// Whose it is.
        side: Side,
        /// Its id.
        flow_log: String,
        /// When it was made, in Unix seconds.
        at: i64,
    },
    /// A flow log was made within the window, or so shortly before that the first records are lacking.
    MadeWithin {
        /// Whose it is.
        side: Side,
        /// Its id.
        flow_log: String,
        /// When it was made, in Unix seconds.
        at: i64,
    },
    /// A flow log is not `ACTIVE`.
    NotActive {
        /// Whose it is.
        side: Side,
        /// Its id.
        flow_log: String,
        /// What it is.
        status: String,
    },
    /// A flow log cannot deliver all its records.
    NotDelivering {
        /// Whose it is.
        side: Side,
        /// Its id.
        flow_log: String,
        /// Why, in EC2's words; empty if it does not say.
        error: String,
    },
}

impl ConfigMismatch {
    /// Returns what is set: `traffic-type`, `aggregation-interval`, `format`, `resource`, `created`, `status`, `delivery`.
    pub fn setting(&self) -> &'static str {
        match self {
            Self::TrafficType(_) => "traffic-type",
            Self::AggregationInterval(_) => "aggregation-interval",
            Self::Resource { .. } => "resource",
            Self::Format(_) => "format",
            Self::MadeAfter { .. } | Self::MadeWithin { .. } => "created",
            Self::NotActive { .. } => "status",
            Self::NotDelivering { .. } => "delivery",
        }
    }

    /// Returns whose it is, if it is one side's alone.
    pub fn side(&self) -> Option<Side> {
        match self {
            Self::TrafficType(_)
            | Self::AggregationInterval(_)
            | Self::Resource { .. }
            | Self::Format(_) => None,
            Self::MadeAfter { side, .. }
            | Self::MadeWithin { side, .. }
            | Self::NotActive { side, .. }
            | Self::NotDelivering { side, .. } => Some(*side),
        }
    }

    /// Changes every text in it.
    #[must_use]
    pub fn map_texts(self, change: &dyn Fn(&str) -> String) -> Self {
        let one = |text: String| change(&text);
        match self {
            Self::TrafficType(values) => Self::TrafficType(values.map(one)),
            Self::AggregationInterval(_) => self,
            Self::Resource { values, common } => Self::Resource {
                values: values.map(one),
                common: common.map(one),
            },
            Self::Format(only) => {
                Self::Format(only.map(|names| names.into_iter().map(one).collect()))
            }
            Self::MadeAfter { side, flow_log, at } => Self::MadeAfter {
                side,
                flow_log: one(flow_log),
                at,
            },
            Self::MadeWithin { side, flow_log, at } => Self::MadeWithin {
                side,
                flow_log: one(flow_log),
                at,
            },
            Self::NotActive {
                side,
                flow_log,
                status,
            } => Self::NotActive {
                side,
                flow_log: one(flow_log),
                status: one(status),
            },
            Self::NotDelivering {
                side,
                flow_log,
                error,
            } => Self::NotDelivering {
                side,
                flow_log: one(flow_log),
                error: one(error),
            },
        }
    }
}

/// Returns what about the two flow logs is likely to make a comparison over this window come out different, in fixed
/// order: first what they do not share, then what is wrong with either.
pub fn mismatches(logs: &Sides<FlowLog>, window: &Window) -> Vec<ConfigMismatch> {
    let both = logs.as_ref();
    let mut all = Vec::new();
    let traffic = both.map(|log| log.traffic_type.clone());
    if traffic.s3 != traffic.cwl {
        all.push(ConfigMismatch::TrafficType(traffic));
    }
    let intervals = both.map(|log| log.interval);
    if intervals.s3 != intervals.cwl {
        all.push(ConfigMismatch::AggregationInterval(intervals));
    }
    let resources = both.map(|log| log.resource.clone());
    if resources.s3 != resources.cwl {
        all.push(ConfigMismatch::Resource {
            values: resources,
            common: common_interface(logs),
        });
    }
    all.extend(formats(logs));
    for side in Side::BOTH {
        all.extend(troubles(side, &logs[side], window));
    }
    all
}

/// Fields in another order are no difference: records are compared by name.
fn formats(logs: &Sides<FlowLog>) -> Option<ConfigMismatch> {
    let names = logs.as_ref().map(|log| fields(&log.format));
    if names.s3 == names.cwl || names.s3.is_empty() || names.cwl.is_empty() {
        return None;
    }
    let only = |side: Side| {
        let only = names[side].difference(&names[side.other()]);
        only.map(|name| (*name).to_owned()).collect()
    };
    Some(ConfigMismatch::Format(Sides::from_fn(only)))
}

fn fields(format: &str) -> BTreeSet<&str> {
    let names = format.split_whitespace();
    names
        .map(|name| name.trim_start_matches("${").trim_end_matches('}'))
        .collect()
}

fn troubles(side: Side, log: &FlowLog, window: &Window) -> Vec<ConfigMismatch> {
    let mut all = Vec::new();
    let flow_log = || log.id.clone();
    if let Some(at) = log.created {
        if window.end.is_some_and(|end| at >= end) {
            let flow_log = flow_log();
            all.push(ConfigMismatch::MadeAfter { side, flow_log, at });
        } else if window.start.is_none_or(|start| at + FIRST_RECORDS > start) {
            let flow_log = flow_log();
            all.push(ConfigMismatch::MadeWithin { side, flow_log, at });
        }
    }
    if !log.status.is_empty() && log.status != "ACTIVE" {
        all.push(ConfigMismatch::NotActive {
            side,
            flow_log: flow_log(),
            status: log.status.clone(),
        });
    }
    if log.delivery == "FAILED" || !log.delivery_error.is_empty() {
        all.push(ConfigMismatch::NotDelivering {
            side,
            flow_log: flow_log(),
            error: log.delivery_error.clone(),
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::flow_logs::sample::both;

    #[test]
    fn flow_logs_alike_say_nothing() {
        let mut logs = both();
        logs.cwl.format = "${start}  ${version}".into();
        assert_eq!(mismatches(&logs, &Window::new(1600, 5000)), []);
    }

    #[test]
    fn what_is_not_shared_is_told() {
        let settings = |change: fn(&mut FlowLog), window: Window| {
            let mut logs = both();
            change(&mut logs.cwl);
            let told = mismatches(&logs, &window).into_iter();
            told.map(|it| (it.setting(), it.side())).collect::<Vec<_>>()
        };
        let later = Window::new(5000, 6000);
        let cwl = Some(Side::Cwl);
        assert_eq!(
            settings(|log| log.traffic_type = "REJECT".into(), later),
            [("traffic-type", None)]
        );
        assert_eq!(
            settings(|log| log.interval = Some(600), later),
            [("aggregation-interval", None)]
        );
        assert_eq!(
            settings(|log| log.resource = "vpc-0aa".into(), later),
            [("resource", None)]
        );
        assert_eq!(
            settings(|log| log.format = "${version}".into(), later),
            [("format", None)]
        );
        assert_eq!(
            settings(|log| log.delivery_error = "Rate limited".into(), later),
            [("delivery", cwl)]
        );
        assert_eq!(
            settings(|log| log.created = Some(5500), later),
            [("created", cwl)]
        );
        assert_eq!(
            settings(|log| log.created = Some(6000), later),
            [("created", cwl)]
        );
        assert_eq!(
            settings(|log| log.created = Some(4500), later),
            [("created", cwl)]
        );
        assert_eq!(settings(|log| log.created = Some(4400), later), []);
    }
}
