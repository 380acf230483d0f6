//! Best-effort fields: pairs that differ in nothing but what AWS adds to a record as well as it can.

use std::collections::BTreeMap;

use super::words::list;
use crate::causes::explanation::Explanation;
use crate::causes::next::NextStep;
use crate::causes::scene::{Found, Scene, SceneCell};
use crate::causes::traits::Relation;
use crate::diff::DifferenceKind;
use crate::model::words::count;
use crate::model::{Side, Sides};

/// What does not come from the header of packets: "best effort", which "might be missing or inaccurate" (VPC User Guide,
/// "Flow log records", available fields). Those of tags and of the next hop are added in the same way.
const FIELDS: [&str; 25] = [
    "vpc-id",
    "subnet-id",
    "instance-id",
    "az-id",
    "sublocation-type",
    "sublocation-id",
    "pkt-src-aws-service",
    "pkt-dst-aws-service",
    "traffic-path",
    "ecs-cluster-arn",
    "ecs-cluster-name",
    "ecs-container-instance-arn",
    "ecs-container-instance-id",
    "ecs-container-id",
    "ecs-second-container-id",
    "ecs-service-name",
    "ecs-task-definition-arn",
    "ecs-task-arn",
    "ecs-task-id",
    "resource-id",
    "encryption-status",
    "instance-tag",
    "interface-tag",
    "asg-tag",
    "interface-type",
];

fn is_best_effort(name: &str) -> bool {
    let plain = name.strip_suffix("-2").unwrap_or(name);
    FIELDS.contains(&plain) || name.starts_with("next-hop-")
}

pub(in crate::causes) fn find(scene: &mut Scene<'_>) {
    let changes = scene.noted.changes.clone();
    let is = |cell: &SceneCell<'_>| {
        let change = changes.get(cell.traits.change);
        let fields = change.into_iter().flatten();
        let mut fields = fields.map(|(name, _)| is_best_effort(name.as_str()));
        cell.kind == DifferenceKind::Divergent && change.is_some() && fields.all(|is| is)
    };
    let mut by_field: BTreeMap<String, u64> = BTreeMap::new();
    let mut absent = Sides::<u64>::default();
    let mut all = 0;
    for ((bucket, kind), by_traits) in &scene.noted.cells {
        for (traits, records) in by_traits.iter() {
            let cell = SceneCell {
                bucket,
                kind: *kind,
                traits,
            };
            if !is(&cell) {
                continue;
            }
            all += records;
            for (name, relation) in changes.get(traits.change).into_iter().flatten() {
                *by_field.entry(name.to_string()).or_default() += records;
                let is_absent = matches!(relation, Relation::Absent(_) | Relation::ZeroAbsent(_));
                if let Some(side) = relation.side().filter(|_| is_absent) {
                    absent[side] += records;
                }
            }
        }
    }
    if all == 0 {
        return;
    }
    // Whose values are absent more often has missed more of them.
    let side = match absent.s3.cmp(&absent.cwl) {
        std::cmp::Ordering::Greater => Some(Side::S3),
        std::cmp::Ordering::Less => Some(Side::Cwl),
        std::cmp::Ordering::Equal => None,
    };
    let fields: Vec<String> = by_field.into_keys().collect();
    let found = Found::new("best-effort-fields", side).with("fields", fields);
    scene.explain(found, is);
}

pub(in crate::causes) fn text(of: &Explanation) -> String {
    let side = match of.side {
        Some(side) => format!(", most often `-` on {side}"),
        None => String::new(),
    };
    format!(
        "{} differ only in what AWS adds on a best-effort basis{side}: {}",
        count(of.records, "pair"),
        list(&of.texts("fields"))
    )
}

pub(in crate::causes) fn step(of: &Explanation) -> NextStep {
    NextStep::new(
        "leave these fields out of the comparison, if best effort is good enough for them",
    )
    .set("--ignore-fields", of.texts("fields").join(","))
}
