//! NODATA rows: all that a side lacks is rows that tell of no traffic, or of flows that AWS lost; it has none of them.

use super::words::{other, records, side};
use crate::causes::explanation::Explanation;
use crate::causes::next::NextStep;
use crate::causes::scene::{Found, Scene, SceneCell};
use crate::causes::traits::Sort;
use crate::model::Side;

/// From so many rows on.
const ENOUGH: u64 = 5;

pub(in crate::causes) fn find(scene: &mut Scene<'_>) {
    for side in Side::BOTH {
        let facts = &scene.sides[side];
        let none = [
            (Sort::NoData, facts.nodata == 0),
            (Sort::SkipData, facts.skipdata == 0),
        ];
        let has_others = facts.records > facts.nodata + facts.skipdata;
        for (sort, has_none) in none {
            let is = |cell: &SceneCell<'_>| cell.is_missing_on(side) && cell.traits.sort == sort;
            // What is of interfaces that the side has nothing of at all says nothing.
            let tells = |cell: &SceneCell<'_>| is(cell) && scene.has(side, &cell.bucket.interface);
            if has_none && has_others && scene.left(tells) >= ENOUGH {
                let found = Found::new("nodata-rows", side)
                    .certain(scene.sides[side].is_known_whole())
                    .with("log_status", sort.name());
                scene.explain(found, is);
            }
        }
    }
}

pub(in crate::causes) fn text(of: &Explanation) -> String {
    format!(
        "{} has no {} row at all, where {} has {}",
        side(of),
        of.text("log_status"),
        other(of),
        records(of)
    )
}

pub(in crate::causes) fn step(of: &Explanation) -> NextStep {
    match of.text("log_status") {
        "NODATA" => NextStep::new("leave rows that tell of no traffic out of the comparison")
            .flag("--ignore-nodata"),
        _ => NextStep::new(
            "nothing is lost beyond what AWS lost on both: see who leaves such rows out",
        ),
    }
}
