//! Masked: a data protection policy of the log group has put asterisks in the place of values, which cannot be compared.

use super::words::{list, records, side};
use crate::causes::explanation::Explanation;
use crate::causes::next::NextStep;
use crate::causes::scene::{Found, Scene};
use crate::diff::DifferenceKind;
use crate::model::Side;
use crate::model::words::count;

pub(in crate::causes) fn find(scene: &mut Scene<'_>) {
    for side in Side::BOTH {
        let masked = scene.sides[side].masked;
        if masked == 0 {
            continue;
        }
        let mut fields: Vec<String> = Vec::new();
        for (_, (record, _)) in scene.sides[side].sample.all() {
            let hidden = record
                .fields()
                .filter(|(_, value)| value.is_some_and(|value| value.contains("***")));
            fields.extend(hidden.map(|(name, _)| name.to_string()));
        }
        fields.sort();
        fields.dedup();
        let found = Found::new("masked", side)
            .certain(true)
            .with("masked", masked)
            .with("live", scene.sides[side].is_live && side == Side::Cwl)
            .with("fields", fields);
        // What may be a masked record of the side cannot be told to be missing there, nor a masked one to be missing here.
        let unread = !scene.sides.s3.unread.is_empty() || !scene.sides.cwl.unread.is_empty();
        let malformed = scene.sides.s3.malformed + scene.sides.cwl.malformed;
        let is = |kind: DifferenceKind| {
            !unread && malformed == 0 && matches!(kind, DifferenceKind::Undetermined(_))
        };
        if scene.explain(found.clone(), |cell| is(cell.kind)) == 0 {
            scene.note(found);
        }
    }
}

pub(in crate::causes) fn text(of: &Explanation) -> String {
    let masked = u64::try_from(of.number("masked").unwrap_or(0)).unwrap_or(0);
    let open = match of.records {
        0 => String::new(),
        _ => format!("; {} cannot be told", records(of)),
    };
    format!(
        "a data protection policy hides values of {} on {} ({}), which cannot be compared{open}",
        count(masked, "record"),
        side(of),
        list(&of.texts("fields"))
    )
}

pub(in crate::causes) fn step(of: &Explanation) -> NextStep {
    if of.detail.get("live").is_some_and(|live| live == true) {
        return NextStep::new(
            "ask for what is hidden (permission `logs:Unmask`), or leave these fields out with `--ignore-fields`",
        )
        .flag("--cwl-unmask");
    }
    let step = NextStep::new(
        "export the log group as somebody who may see what is hidden (`--unmask` of `aws logs get-log-events`), or leave these \
         fields out",
    );
    match of.texts("fields").as_slice() {
        [] => step,
        fields => step.set("--ignore-fields", fields.join(",")),
    }
}
