//! Interface absent: a side has nothing of some interfaces, ever, until a time or since a time, while it has others' records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use itertools::Itertools;

use super::words::{list, other, records, side};
use crate::causes::explanation::Explanation;
use crate::causes::next::NextStep;
use crate::causes::scene::{ENOUGH, Found, Scene, SceneCell};
use crate::model::Side;
use crate::model::window::rfc3339;

/// So many interfaces are named.
const MOST_NAMED: usize = 5;

/// So few records of an interface are no chance if all of them are missing.
const FEW: u64 = 3;

/// In so many slots in which the side has others' records an interface is absent before it is said to have come or gone.
const SLOTS: usize = 2;

pub(in crate::causes) fn find(scene: &mut Scene<'_>) {
    for side in Side::BOTH {
        let mut by_how: BTreeMap<&'static str, BTreeMap<Arc<str>, (i64, i64)>> = BTreeMap::new();
        for (interface, how, since, until) in absent(scene, side) {
            by_how
                .entry(how)
                .or_default()
                .insert(interface, (since, until));
        }
        for (how, interfaces) in by_how {
            let named: Vec<String> = interfaces
                .iter()
                .take(MOST_NAMED)
                .map(|(interface, (since, until))| match how {
                    "until" => format!("{interface} until {}", rfc3339(*until)),
                    "since" => format!("{interface} since {}", rfc3339(*since)),
                    _ => interface.to_string(),
                })
                .collect();
            let is = |cell: &SceneCell<'_>| {
                cell.is_missing_on(side)
                    && interfaces
                        .get(&cell.bucket.interface)
                        .is_some_and(|&(since, until)| cell.lies_in(since, until))
            };
            let found = Found::new("interface-absent", side)
                .certain(
                    scene.grid.is_whole
                        && scene.sides[side].knows_its_rows()
                        && !scene.is_misread()
                        && scene.left(is) >= ENOUGH,
                )
                .with("when", how)
                .with("named", named);
            scene.explain(found, is);
        }
    }
}

/// Returns what is absent, how, and between when and when.
fn absent(scene: &Scene<'_>, side: Side) -> Vec<(Arc<str>, &'static str, i64, i64)> {
    let cells = scene.noted.cells.iter();
    let missing = cells.filter_map(|((bucket, kind), by_traits)| {
        let slot = bucket
            .slot
            .filter(|_| *kind == crate::diff::DifferenceKind::Missing(side))?;
        // What is explained already says nothing any more.
        let left = Some(by_traits.total()).filter(|left| *left > 0)?;
        Some((&bucket.interface, slot, left))
    });
    let mut all = Vec::new();
    // They are in order of interface, of which there may be hundreds of thousands: one at a time.
    for (interface, missing) in &missing.chunk_by(|(interface, ..)| *interface) {
        let interface = Arc::clone(interface);
        let missing: BTreeMap<i64, u64> =
            missing.map(|(_, slot, records)| (slot, records)).collect();
        let held = scene
            .grid
            .interfaces
            .get(&interface)
            .and_then(|of| of[side]);
        let others: BTreeSet<i64> = missing
            .keys()
            .copied()
            .filter(|slot| {
                let of_slot = scene.grid.slots.get(slot);
                scene.times_are_off || of_slot.is_some_and(|of| of[side].records > 0)
            })
            .collect();
        let is_it = |from: i64, to: i64, slots: usize| {
            let records: u64 = missing.range(from..to).map(|(_, records)| records).sum();
            records >= FEW && others.range(from..to).count() >= slots
        };
        match held {
            None if is_it(i64::MIN, i64::MAX, 1) => {
                all.push((interface, "never", i64::MIN / 2, i64::MAX / 2));
            }
            None => {}
            Some(_) if scene.times_are_off => {}
            Some(held) => {
                if is_it(i64::MIN, held.first, SLOTS) {
                    all.push((Arc::clone(&interface), "until", i64::MIN / 2, held.first));
                }
                let after = held.last + crate::model::window::SLOT;
                if is_it(after, i64::MAX, SLOTS) {
                    all.push((interface, "since", after, i64::MAX / 2));
                }
            }
        }
    }
    all
}

pub(in crate::causes) fn text(of: &Explanation) -> String {
    let named = list(&of.texts("named"));
    let more = match of.interfaces.saturating_sub(of.texts("named").len() as u64) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let what = match of.text("when") {
        "until" => "has nothing of these interfaces at first",
        "since" => "has nothing of these interfaces any more",
        _ => "has nothing at all of these interfaces",
    };
    format!(
        "{} {what}, though it has others' records of the same time: {named}{more}; {} has {}",
        side(of),
        other(of),
        records(of)
    )
}

pub(in crate::causes) fn step(of: &Explanation) -> NextStep {
    let text = match of.side {
        Some(Side::Cwl) => {
            "see whether these interfaces have log streams, under other names perhaps, and whether the flow log watches them"
        }
        _ => "see whether the flow log that delivers to the bucket watches these interfaces",
    };
    let step = NextStep::new(text);
    match of.side {
        Some(Side::Cwl) => step.flag("--all-streams"),
        _ => step.within(of.since, of.until),
    }
}
