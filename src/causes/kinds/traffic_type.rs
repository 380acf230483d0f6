//! Traffic type: a side has no rejected (or no accepted) traffic at all.

use super::words::{other, records, side};
use crate::causes::explanation::Explanation;
use crate::causes::next::NextStep;
use crate::causes::scene::{ENOUGH, Found, Scene, SceneCell};
use crate::causes::traits::Sort;
use crate::model::Side;

pub(in crate::causes) fn find(scene: &mut Scene<'_>) {
    for side in Side::BOTH {
        for (sort, other_sort) in [(Sort::Reject, "ACCEPT"), (Sort::Accept, "REJECT")] {
            let is = |cell: &SceneCell<'_>| cell.is_missing_on(side) && cell.traits.sort == sort;
            let facts = &scene.sides[side];
            let has = |name: &str| {
                let mut records = facts.sample.all().into_iter();
                records.any(|(_, (record, _))| record.get("action") == Some(name))
            };
            // What is of interfaces that the side has nothing of at all says nothing, unless it has none of the rows either that
            // interfaces without traffic have: then these may have no other traffic.
            let tells = |cell: &SceneCell<'_>| is(cell) && scene.has(side, &cell.bucket.interface);
            let proof = scene.left(tells);
            let no_nodata = scene.has_found("nodata-rows", side);
            let told = if no_nodata { scene.left(is) } else { proof };
            // Rows of no traffic say nothing: the others may be what malformed rows were.
            let has_others = facts.records >= ENOUGH && has(other_sort);
            if told < ENOUGH || has(sort.name()) || !has_others {
                continue;
            }
            let configured = scene.flow_logs.map(|logs| &logs[side].traffic_type);
            let configured = configured.is_some_and(|kind| kind == other_sort);
            let found = Found::new("traffic-type", side)
                .certain(
                    configured
                        || proof >= ENOUGH && facts.sample.are_all() && facts.is_known_whole(),
                )
                .with("action", sort.name());
            scene.explain(found, is);
        }
    }
}

pub(in crate::causes) fn text(of: &Explanation) -> String {
    format!(
        "{} has no {} record at all, where {} has {}: its flow log takes other traffic",
        side(of),
        of.text("action"),
        other(of),
        records(of)
    )
}

pub(in crate::causes) fn step(of: &Explanation) -> NextStep {
    NextStep::new(format!(
        "see the traffic type of the flow log that delivers to {}; it cannot be changed: make one that takes ALL",
        side(of)
    ))
    .within(of.since, of.until)
}
