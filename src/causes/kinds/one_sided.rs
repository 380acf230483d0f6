//! One-sided flow log: all interfaces of an account, region, VPC, subnet or flow log are on one side only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::words::{other, records, side};
use crate::causes::explanation::Explanation;
use crate::causes::next::NextStep;
use crate::causes::scene::{ENOUGH, Found, Scene};
use crate::model::{Side, Sides};
use crate::source::key::ObjectName;

/// What may be on one side only, the broadest first; the flow log is told by the names of objects.
const BY: [&str; 5] = ["region", "account-id", "vpc-id", "subnet-id", "flow-log-id"];

/// A single interface says nothing of what it belongs to.
const INTERFACES: usize = 2;

pub(in crate::causes) fn find(scene: &mut Scene<'_>) {
    for by in BY {
        for side in Side::BOTH {
            for (value, interfaces) in only_on(scene, by, side.other()) {
                let all_seen = scene.grid.is_whole
                    && scene.sides[side].knows_its_rows()
                    && Side::BOTH
                        .iter()
                        .all(|&side| scene.sides[side].sample.are_all());
                let found = Found::new("one-sided-flow-log", side)
                    .certain(all_seen)
                    .with("field", by)
                    .with("value", value);
                scene.explain(found, |cell| {
                    cell.is_missing_on(side) && interfaces.contains(&cell.bucket.interface)
                });
            }
        }
    }
}

/// Returns the values that only interfaces of this side have, with these interfaces, if enough of them is unexplained and the
/// other side has another value.
fn only_on(scene: &Scene<'_>, by: &str, side: Side) -> Vec<(String, BTreeSet<Arc<str>>)> {
    let lacking = side.other();
    let mut values: BTreeMap<String, Sides<BTreeSet<Arc<str>>>> = BTreeMap::new();
    for of in Side::BOTH {
        for (_, (record, part)) in scene.sides[of].sample.all() {
            note(&mut values, by, of, record, part);
        }
    }
    for (_, row) in scene.noted.flows.all() {
        note(&mut values, by, row.side, &row.record, &row.part);
    }
    let has_none = |interface: &Arc<str>| {
        let of = scene.grid.interfaces.get(interface);
        of.is_some_and(|of| of[lacking].is_none())
    };
    let others = by == "flow-log-id" || values.values().any(|of| !of[lacking].is_empty());
    let alone = values.into_iter().filter(|(_, of)| {
        of[lacking].is_empty() && of[side].len() >= INTERFACES && of[side].iter().all(has_none)
    });
    let of = |(value, of): (String, Sides<BTreeSet<Arc<str>>>)| {
        let interfaces = match side {
            Side::S3 => of.s3,
            Side::Cwl => of.cwl,
        };
        let left = scene.left(|cell| {
            cell.is_missing_on(lacking) && interfaces.contains(&cell.bucket.interface)
        });
        (left >= ENOUGH).then_some((value, interfaces))
    };
    match others && scene.sides[lacking].records > 0 {
        true => alone.filter_map(of).collect(),
        false => Vec::new(),
    }
}

fn note(
    values: &mut BTreeMap<String, Sides<BTreeSet<Arc<str>>>>,
    by: &str,
    side: Side,
    record: &crate::record::Record,
    part: &str,
) {
    let value = match by {
        "flow-log-id" => ObjectName::parse(part).map(|name| name.flow_log_id),
        _ => record.get(by),
    };
    if let Some((value, interface)) = value.zip(record.get("interface-id")) {
        let of = &mut values.entry(value.to_owned()).or_default()[side];
        if !of.contains(interface) {
            of.insert(interface.into());
        }
    }
}

pub(in crate::causes) fn text(of: &Explanation) -> String {
    format!(
        "{} has nothing of {} {}, of which {} has {}: what one flow log watches the other does not",
        side(of),
        of.text("field"),
        of.text("value"),
        other(of),
        records(of)
    )
}

pub(in crate::causes) fn step(of: &Explanation) -> NextStep {
    match (of.text("field"), of.side) {
        ("flow-log-id", _) => NextStep::new(
            "compare the flow logs that watch the same: name the one that belongs to the log group",
        ),
        _ => NextStep::new(
            "see that both flow logs watch the same, or compare only the interfaces that both have",
        )
        .command("doctor"),
    }
}
