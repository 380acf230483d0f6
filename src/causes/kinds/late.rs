//! Late: what is so young that it may still be on its way.

use super::words::{records, side};
use crate::causes::explanation::Explanation;
use crate::causes::next::NextStep;
use crate::causes::scene::{Found, Scene, SceneCell};
use crate::diff::DifferenceKind;
use crate::model::Side;
use crate::model::window::SLOT;

/// What takes longer, in seconds, has been copied or put back rather than delivered: it says nothing of what is on its way.
const LONGEST: i64 = 6 * 3600;

pub(in crate::causes) fn find(scene: &mut Scene<'_>) {
    for side in Side::BOTH {
        let pending = |cell: &SceneCell<'_>| cell.kind == DifferenceKind::Pending(side);
        let suggested = scene
            .suggested_settle
            .and_then(|seconds| i64::try_from(seconds).ok());
        let longer =
            suggested.filter(|seconds| *seconds > scene.settle.seconds && *seconds <= LONGEST);
        let now = scene.settle.now;
        let young = |cell: &SceneCell<'_>| {
            let slot = cell.bucket.slot.zip(longer);
            cell.is_missing_on(side)
                && slot.is_some_and(|(slot, longer)| slot + SLOT > now - longer)
        };
        let found = Found::new("late", side)
            .with("settle_seconds", scene.settle.seconds)
            .with("suggested_settle_seconds", suggested);
        scene.explain(found, |cell| pending(cell) || young(cell));
    }
}

pub(in crate::causes) fn text(of: &Explanation) -> String {
    format!(
        "{} may still be on the way to {}: so young are they",
        records(of),
        side(of)
    )
}

pub(in crate::causes) fn step(of: &Explanation) -> NextStep {
    let settle = of.number("suggested_settle_seconds");
    match settle.filter(|settle| Some(*settle) > of.number("settle_seconds")) {
        Some(seconds) => {
            NextStep::new("check again with a settle time that the measured delays call for")
                .set("--settle", format!("{seconds}s"))
        }
        None => NextStep::new("look again for what is late").set("--recheck", "4"),
    }
}
