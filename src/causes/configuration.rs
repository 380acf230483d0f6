//! Configuration: what the two flow logs of a comparison do not share, and what is wrong with either.

use std::collections::BTreeSet;

use itertools::Itertools;

use crate::model::finding::Unlike;
use crate::model::window::{Window, rfc3339};
use crate::model::{Side, Sides};
use crate::source::flow_logs::{FlowLog, common_interface};

/// No record can be expected so many seconds after a flow log is made (VPC User Guide, "Flow log limitations").
const FIRST_RECORDS: i64 = 600;

/// Returns what about the two flow logs is likely to make a comparison over this window come out different, in fixed
/// order: first what they do not share, then what is wrong with either.
pub fn unlike(logs: &Sides<FlowLog>, window: &Window) -> Vec<Unlike> {
    let mut all = Vec::new();
    let mut both = |setting, values: Sides<String>, reason: String| {
        if values.s3 != values.cwl {
            all.push(Unlike {
                setting,
                side: None,
                values: Some(values),
                reason,
            });
        }
    };
    both(
        "traffic-type",
        logs.as_ref().map(|log| log.traffic_type.clone()),
        "records of the traffic that only one of them takes are on its side only".to_owned(),
    );
    both(
        "aggregation-interval",
        logs.as_ref().map(|log| {
            log.interval
                .map_or_else(|| "unknown".to_owned(), |seconds| format!("{seconds} s"))
        }),
        "the same traffic is told in other records, with other times, packets and bytes".to_owned(),
    );
    let resource = match common_interface(logs) {
        Some(interface) => format!(
            "only what both watch can be on both sides: {interface} is compared unless --interface says otherwise"
        ),
        None => "records of what only one of them watches are on its side only".to_owned(),
    };
    both(
        "resource",
        logs.as_ref().map(|log| log.resource.clone()),
        resource,
    );
    all.extend(formats(logs));
    for side in Side::BOTH {
        all.extend(troubles(side, &logs[side], window));
    }
    all
}

/// Fields in another order are no difference: records are compared by name.
fn formats(logs: &Sides<FlowLog>) -> Option<Unlike> {
    let names = logs.as_ref().map(|log| fields(&log.format));
    if names.s3 == names.cwl || names.s3.is_empty() || names.cwl.is_empty() {
        return None;
    }
    let only = |side: Side| names[side].difference(&names[side.other()]).join(", ");
    let only = Sides::from_fn(only).map(|names| {
        if names.is_empty() {
            "none".to_owned()
        } else {
            names
        }
    });
    Some(Unlike {
        setting: "format",
        side: None,
        values: Some(only),
        reason: "these fields are in one format only and cannot be compared".to_owned(),
    })
}

fn fields(format: &str) -> BTreeSet<&str> {
    let names = format.split_whitespace();
    names
        .map(|name| name.trim_start_matches("${").trim_end_matches('}'))
        .collect()
}

fn troubles(side: Side, log: &FlowLog, window: &Window) -> Vec<Unlike> {
    let mut all = Vec::new();
    let mut tell = |setting, reason: String| {
        all.push(Unlike {
            setting,
            side: Some(side),
            values: None,
            reason,
        });
    };
    let id = &log.id;
    if let Some(created) = log.created {
        let at = rfc3339(created);
        if window.end.is_some_and(|end| created >= end) {
            tell(
                "created",
                format!("{id} was made at {at}, after the window: it has no record of it"),
            );
        } else if window
            .start
            .is_none_or(|start| created + FIRST_RECORDS > start)
        {
            tell(
                "created",
                format!(
                    "{id} was made at {at}: it has no record from before, nor from its first minutes"
                ),
            );
        }
    }
    if !log.status.is_empty() && log.status != "ACTIVE" {
        tell("status", format!("{id} is {}, not ACTIVE", log.status));
    }
    if log.delivery == "FAILED" || !log.delivery_error.is_empty() {
        let error = match log.delivery_error.as_str() {
            "" => "EC2 does not say why".to_owned(),
            error => format!("EC2 says `{error}`"),
        };
        tell(
            "delivery",
            format!("{id} cannot deliver all its records: {error}"),
        );
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
        assert_eq!(unlike(&logs, &Window::new(1600, 5000)), []);
    }

    #[test]
    fn what_is_not_shared_is_told() {
        let settings = |change: fn(&mut FlowLog), window: Window| {
            let mut logs = both();
            change(&mut logs.cwl);
            let told = unlike(&logs, &window).into_iter();
            told.map(|it| (it.setting, it.side)).collect::<Vec<_>>()
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
