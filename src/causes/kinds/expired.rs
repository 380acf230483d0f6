//! Expired: a side has nothing from before a sharp edge that lies as far back as retention or a lifecycle rule can put it.

use super::holes::{HolePlace, holes};
use super::words::{other, records, side};
use crate::causes::explanation::Explanation;
use crate::causes::next::NextStep;
use crate::causes::scene::Scene;
use crate::model::Side;
use crate::model::window::rfc3339;
use crate::model::words::count;

const DAY: i64 = 86_400;

/// For how many days a log group can keep events (CloudWatch Logs API reference, "PutRetentionPolicy").
const RETENTIONS: [i64; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

/// How far from the edge that a rule would make it may be, in seconds.
const LEEWAY: i64 = 3 * 3600;

pub(in crate::causes) fn find(scene: &mut Scene<'_>) {
    for side in Side::BOTH {
        let start = holes(scene, side)
            .into_iter()
            .find(|hole| hole.place == HolePlace::Start);
        let Some(hole) = start.filter(|_| scene.sides[side].is_live) else {
            continue;
        };
        let age = scene.settle.now - hole.until;
        let days = match side {
            Side::Cwl => {
                let mut kept = RETENTIONS.into_iter();
                kept.find(|days| (age - days * DAY).abs() <= LEEWAY)
            }
            Side::S3 => days_by_rule(hole.until, scene.settle.now),
        };
        if let Some(days) = days {
            // What the service says and what is gone agree to the hour.
            let certain = hole.is_sure && scene.sides[side].kept_days == Some(days);
            let found = hole.found("expired").certain(certain).with("days", days);
            scene.explain(found, |cell| hole.explains(cell));
        }
    }
}

/// Returns for how many days a lifecycle rule may have kept what a bucket has, if that begins at this second. A rule expires
/// objects at midnight UTC (S3 User Guide, "Lifecycle configuration elements").
pub(in crate::causes) fn days_by_rule(first_start: i64, now: i64) -> Option<i64> {
    let age = now - first_start;
    let into_day = first_start.rem_euclid(DAY);
    let near = into_day <= LEEWAY || into_day >= DAY - LEEWAY;
    (near && age >= DAY).then_some(age.div_euclid(DAY))
}

pub(in crate::causes) fn text(of: &Explanation) -> String {
    let days = of.number("days").unwrap_or(0);
    let kept = count(days.unsigned_abs(), "day");
    let removed = match (of.side, of.certain) {
        (Some(Side::S3), false) => "a lifecycle rule may have removed it".to_owned(),
        (Some(Side::S3), true) => {
            format!("a lifecycle rule of the bucket keeps objects for {kept}, and has removed it")
        }
        (_, false) => "the log group's retention may have removed it".to_owned(),
        (_, true) => format!("the log group keeps events for {kept}, and has removed it"),
    };
    format!(
        "{} has nothing from before {}, about {days} days ago, where {} has {}: {removed}",
        side(of),
        of.until.map_or_else(String::new, rfc3339),
        other(of),
        records(of)
    )
}

pub(in crate::causes) fn step(of: &Explanation) -> NextStep {
    let step = NextStep::new(format!(
        "compare only what both still keep; `doctor` says for how long {} keeps it",
        side(of)
    ));
    match of.until {
        Some(until) => step.set("--since", rfc3339(until)),
        None => step,
    }
}
