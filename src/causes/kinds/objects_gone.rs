//! Objects gone: of some five-minute times a flow log has no object, though it has those before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::words::{list, other, records};
use crate::causes::explanation::Explanation;
use crate::causes::next::NextStep;
use crate::causes::scene::{ENOUGH, Found, Scene, SceneCell};
use crate::model::Side;
use crate::model::window::{SLOT, rfc3339};
use crate::source::key::ObjectName;

/// So few times of a flow log say nothing of what is regular.
const LEAST_TIMES: usize = 4;

/// So many gaps are named.
const MOST_NAMED: usize = 5;

pub(in crate::causes) fn find(scene: &mut Scene<'_>) {
    let mut times: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    for part in &scene.sides.s3.parts {
        if let Some(name) = ObjectName::parse(part) {
            let of = times.entry(name.flow_log_id.to_owned()).or_default();
            of.insert(name.time);
        }
    }
    let several = times.len() > 1;
    for (flow_log, times) in times {
        let gaps = gaps(&times);
        if gaps.is_empty() {
            continue;
        }
        let interfaces = several.then(|| interfaces(scene, &flow_log));
        let is = |cell: &SceneCell<'_>, scene: &Scene<'_>| {
            let of_it = interfaces
                .as_ref()
                .is_none_or(|of| of.contains(&cell.bucket.interface));
            of_it && cell.is_missing_on(Side::S3) && gaps.iter().any(|gap| holds(cell, *gap, scene))
        };
        if scene.left(|cell| is(cell, scene)) < ENOUGH {
            continue;
        }
        let named: Vec<String> = gaps
            .iter()
            .take(MOST_NAMED)
            .map(|(from, to)| match to - from {
                SLOT => rfc3339(*from),
                _ => format!("{} to {}", rfc3339(*from), rfc3339(to - SLOT)),
            })
            .collect();
        let found = Found::new("objects-gone", Side::S3)
            .with("flow_log", flow_log.as_str())
            .with("times", named);
        let meant: BTreeSet<_> = scene
            .noted
            .cells
            .iter()
            .flat_map(|((bucket, kind), by_traits)| {
                by_traits
                    .iter()
                    .map(move |(traits, _)| (bucket, *kind, *traits))
            })
            .filter(|(bucket, kind, traits)| {
                let cell = SceneCell {
                    bucket,
                    kind: *kind,
                    traits,
                };
                is(&cell, scene)
            })
            .map(|(bucket, kind, traits)| (bucket.clone(), kind, traits))
            .collect();
        scene.explain(found, |cell| {
            meant.contains(&(cell.bucket.clone(), cell.kind, *cell.traits))
        });
    }
}

/// Returns the stretches of times that are lacking where one is expected every five minutes.
fn gaps(times: &BTreeSet<i64>) -> Vec<(i64, i64)> {
    let between: Vec<(i64, i64)> = times
        .iter()
        .zip(times.iter().skip(1))
        .map(|(before, after)| (before + SLOT, *after))
        .collect();
    let regular = between.iter().filter(|(from, to)| from == to).count();
    // Where there is little traffic, not every five minutes have an object.
    if times.len() < LEAST_TIMES || regular * 2 < between.len() {
        return Vec::new();
    }
    between.into_iter().filter(|(from, to)| from < to).collect()
}

/// Tells whether records may have been in the objects of a gap: a bucket of which nothing is left that may have been in one, or a
/// part of one that must have been.
fn holds(cell: &SceneCell<'_>, (from, to): (i64, i64), scene: &Scene<'_>) -> bool {
    let Some(slot) = cell.bucket.slot else {
        return false;
    };
    let within = slot >= from && slot < to;
    let may_be = slot + 2 * SLOT > from && slot < to;
    within || may_be && scene.copies(cell.bucket).s3 == 0
}

/// Returns the interfaces of a flow log: those that its objects hold, and those of its account that none holds.
fn interfaces(scene: &Scene<'_>, flow_log: &str) -> BTreeSet<Arc<str>> {
    let sample = scene.sides.s3.sample.all().into_iter();
    let of_it = sample.filter(|(_, (_, part))| {
        ObjectName::parse(part).is_some_and(|name| name.flow_log_id == flow_log)
    });
    of_it
        .filter_map(|(_, (record, _))| record.get("interface-id").map(Arc::from))
        .collect()
}

pub(in crate::causes) fn text(of: &Explanation) -> String {
    format!(
        "flow log {} has no object in the bucket with the time {}, though it has those before and after, where {} has {}: \
         it was not delivered or has been removed",
        of.text("flow_log"),
        list(&of.texts("times")),
        other(of),
        records(of)
    )
}

pub(in crate::causes) fn step(of: &Explanation) -> NextStep {
    NextStep::new("see whether these objects lie elsewhere, or older versions of them, put them back, and check again")
        .within(of.since, of.until)
}
