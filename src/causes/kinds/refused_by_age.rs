//! Refused by age: what was more than 14 days old, or more than 2 hours ahead, when it was delivered to one side, the other one
//! cannot have taken if it is filled by PutLogEvents.

use super::words::records;
use crate::causes::explanation::Explanation;
use crate::causes::next::NextStep;
use crate::causes::scene::{ENOUGH, Found, Scene, SceneCell};
use crate::causes::traits::Age;
use crate::model::Side;

pub(in crate::causes) fn find(scene: &mut Scene<'_>) {
    for (age, how) in [(Age::TooOld, "too-old"), (Age::TooYoung, "too-young")] {
        let is = |cell: &SceneCell<'_>| cell.is_missing_on(Side::Cwl) && cell.traits.age == age;
        if scene.left(is) >= ENOUGH {
            scene.explain(Found::new("refused-by-age", Side::Cwl).with("how", how), is);
        }
    }
}

pub(in crate::causes) fn text(of: &Explanation) -> String {
    let how = match of.text("how") {
        "too-old" => "more than 14 days old",
        _ => "more than 2 hours ahead of the clock",
    };
    format!(
        "{} were {how} when they came to s3: whoever writes them to cwl with PutLogEvents is refused",
        records(of)
    )
}

pub(in crate::causes) fn step(of: &Explanation) -> NextStep {
    NextStep::new("see the log of whatever writes to the log group; what is too old can only be kept elsewhere")
        .within(of.since, of.until)
}
