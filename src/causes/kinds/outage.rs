//! Outage: nothing of any interface is on a side for a while, although the other one has records of that time.

use super::holes::{HolePlace, holes};
use super::words::{other, records, side, times};
use crate::causes::explanation::Explanation;
use crate::causes::next::NextStep;
use crate::causes::scene::Scene;
use crate::model::Side;

pub(in crate::causes) fn find(scene: &mut Scene<'_>) {
    for side in Side::BOTH {
        for hole in holes(scene, side) {
            let error = scene
                .flow_logs
                .map(|logs| logs[side].delivery_error.clone())
                .filter(|error| !error.is_empty());
            let place = match hole.place {
                HolePlace::Whole => "everything",
                HolePlace::Start => "until",
                HolePlace::Middle => "between",
                HolePlace::End => "since",
            };
            let found = hole
                .found("outage")
                .with("place", place)
                .with("delivery_error", error);
            scene.explain(found, |cell| hole.explains(cell));
        }
    }
}

pub(in crate::causes) fn text(of: &Explanation) -> String {
    let what = match of.text("place") {
        "everything" => format!("{} has no record at all", side(of)),
        "since" => format!(
            "{} has nothing of any interface any more {}",
            side(of),
            times(of)
        ),
        "until" => format!(
            "{} has nothing of any interface yet {}",
            side(of),
            times(of)
        ),
        _ => format!("{} has nothing of any interface {}", side(of), times(of)),
    };
    let error = match of.text("delivery_error") {
        "" => String::new(),
        error => format!("; EC2 says `{error}`"),
    };
    format!("{what}, where {} has {}{error}", other(of), records(of))
}

pub(in crate::causes) fn step(of: &Explanation) -> NextStep {
    let text = format!(
        "look at what delivers to {}: the flow log's status and role, the destination's policy; then check this stretch again",
        side(of)
    );
    NextStep::new(text).within(of.since, of.until)
}
