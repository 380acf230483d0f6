//! Delivered twice: a side holds records again that both sides have: a whole object, file, export or page, or what two flow logs
//! of the same interface put in one place.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::words::{list, records, side};
use crate::causes::explanation::Explanation;
use crate::causes::next::NextStep;
use crate::causes::scene::{ENOUGH, Found, Scene};
use crate::diff::DifferenceKind;
use crate::model::Side;
use crate::source::key::ObjectName;

/// So many pairs of parts are named.
const MOST_NAMED: usize = 3;

pub(in crate::causes) fn find(scene: &mut Scene<'_>) {
    for side in Side::BOTH {
        let mut pairs: BTreeMap<(Arc<str>, Arc<str>), u64> = BTreeMap::new();
        let mut two_flow_logs = 0;
        for ((_, kind), by_traits) in &scene.noted.cells {
            if ![
                DifferenceKind::Surplus(side),
                DifferenceKind::Missing(side.other()),
            ]
            .contains(kind)
            {
                continue;
            }
            for (traits, records) in by_traits.iter() {
                let Some((one, other)) = scene.noted.twins.get(traits.twin) else {
                    continue;
                };
                let flow_logs = ObjectName::parse(one).zip(ObjectName::parse(other));
                if flow_logs.is_some_and(|(a, b)| a.flow_log_id != b.flow_log_id) {
                    two_flow_logs += records;
                }
                *pairs
                    .entry((Arc::clone(one), Arc::clone(other)))
                    .or_default() += records;
            }
        }
        let copies: u64 = pairs.values().sum();
        let apart: u64 = pairs
            .iter()
            .filter(|((one, other), _)| one != other)
            .map(|(_, records)| records)
            .sum();
        let mut largest: Vec<_> = pairs.into_iter().collect();
        largest.sort_by_key(|(names, records)| (std::cmp::Reverse(*records), names.clone()));
        let named: Vec<String> = largest
            .iter()
            .take(MOST_NAMED)
            .map(|((one, other), _)| match one == other {
                true => one.to_string(),
                false => format!("{one} and {other}"),
            })
            .collect();
        let how = match () {
            () if two_flow_logs * 10 >= copies * 9 && copies > 0 => "two-flow-logs",
            () if apart * 10 >= copies * 9 && copies > 0 => "two-parts",
            () => "one-part",
        };
        let found = Found::new("delivered-twice", side)
            .certain(copies >= ENOUGH)
            .with("how", how)
            .with("parts", named);
        // An extra copy of what the other side lacks for another reason is one all the same.
        scene.explain(found, |cell| match cell.kind {
            DifferenceKind::Surplus(of) => of == side,
            DifferenceKind::Missing(lacking) => lacking != side && cell.traits.twin > 0,
            DifferenceKind::Divergent
            | DifferenceKind::Pending(_)
            | DifferenceKind::Undetermined(_) => false,
        });
    }
}

pub(in crate::causes) fn text(of: &Explanation) -> String {
    let how = match of.text("how") {
        "two-flow-logs" => "two flow logs deliver the same into one place",
        "two-parts" => "two parts hold the same",
        _ => "parts hold rows more than once",
    };
    format!(
        "{} holds {} more than once: {how}: {}",
        side(of),
        records(of),
        list(&of.texts("parts"))
    )
}

pub(in crate::causes) fn step(of: &Explanation) -> NextStep {
    match (of.text("how"), of.side) {
        ("two-flow-logs", Some(Side::S3)) => {
            let part = of.texts("parts").first().copied().unwrap_or("");
            let step = NextStep::new("compare one flow log at a time");
            let first = part.split(" and ").next().unwrap_or(part);
            match ObjectName::parse(first) {
                Some(name) => step.set("--flow-log-id", name.flow_log_id),
                None => step,
            }
        }
        _ => NextStep::new(
            "nothing is lost; let extra copies be, or take one of the two away and check again",
        ),
    }
}
