//! Holes: stretches of which a side has nothing at all, of any interface, while the other one has.

use crate::causes::scene::{Found, Scene, SceneCell};
use crate::model::Side;
use crate::model::window::{SLOT, slot};

use crate::causes::scene::ENOUGH;

/// Of the other side's records of a hole at least one in so many is unexplained.
const SHARE: u64 = 20;

/// Where in what a side has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HolePlace {
    /// The side has nothing before.
    Start,
    /// The side has something before and after.
    Middle,
    /// The side has nothing after.
    End,
    /// The side has nothing at all.
    Whole,
}

/// A stretch of which a side has nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hole {
    /// Which side.
    pub side: Side,
    /// Where.
    pub place: HolePlace,
    /// The first second of which it has nothing.
    pub since: i64,
    /// The first second of which it has something again, or the end of what there is.
    pub until: i64,
    /// Whether no row of the side is unknown, which might lie in it.
    pub is_sure: bool,
}

impl Hole {
    /// Tells whether the records are missing because of it.
    pub(super) fn explains(&self, cell: &SceneCell<'_>) -> bool {
        cell.is_missing_on(self.side) && cell.lies_in(self.since, self.until)
    }

    /// Returns a cause for it, as certain as the hole.
    pub(super) fn found(&self, kind: &'static str) -> Found {
        Found::new(kind, self.side)
            .certain(self.is_sure)
            .within(self.since, self.until)
    }
}

/// Tells whether what a side has nothing of may not be in its rows all the same.
fn is_sure(scene: &Scene<'_>, side: Side) -> bool {
    scene.sides[side].knows_its_rows() && !scene.is_misread()
}

/// Returns the holes in which enough is still unexplained, of several interfaces if there are several.
pub(super) fn holes(scene: &Scene<'_>, side: Side) -> Vec<Hole> {
    let is_sure = is_sure(scene, side);
    let held = |slot: &(&i64, &crate::model::Sides<crate::causes::grid::HeldInSlot>),
                side: Side| { slot.1[side].records > 0 };
    if scene.times_are_off {
        return Vec::new();
    }
    let Some(((first, _), (last, _))) = scene
        .grid
        .slots
        .first_key_value()
        .zip(scene.grid.slots.last_key_value())
    else {
        return Vec::new();
    };
    let end = last + SLOT;
    let (Some(first_start), Some(last_start)) =
        (scene.sides[side].first_start, scene.sides[side].last_start)
    else {
        let hole = Hole {
            side,
            place: HolePlace::Whole,
            since: scene.window.start.unwrap_or(*first),
            until: scene.window.end.unwrap_or(end),
            is_sure,
        };
        return enough(scene, hole).into_iter().collect();
    };
    let sure = scene.grid.is_whole;
    let mut all = vec![
        Hole {
            side,
            place: HolePlace::Start,
            since: (*first).min(first_start),
            until: first_start,
            is_sure,
        },
        Hole {
            side,
            place: HolePlace::End,
            since: last_start + 1,
            until: end.max(last_start + 1),
            is_sure,
        },
    ];
    // Of buckets that are equal nothing is known if not all are: there may be records of the side in any slot.
    if sure {
        let mut run: Option<(i64, i64)> = None;
        for slot in &scene.grid.slots {
            let start = *slot.0;
            if start + SLOT <= first_start || start > last_start {
                continue;
            }
            if held(&slot, side) {
                all.extend(run.take().map(|run| between(scene, side, run)));
            } else if held(&slot, side.other()) {
                run = Some((run.map_or(start, |(since, _)| since), start + SLOT));
            }
        }
    }
    all.into_iter()
        .filter_map(|hole| enough(scene, hole))
        .collect()
}

/// Returns the hole around empty slots, as far as the side's records before and after let it reach.
fn between(scene: &Scene<'_>, side: Side, (from, to): (i64, i64)) -> Hole {
    let sample = scene.sides[side].sample;
    let starts = || {
        let records = sample.all().into_iter();
        records.filter_map(|(_, (record, _))| record.get("start")?.parse::<i64>().ok())
    };
    let before = starts().filter(|start| *start < from).max();
    let after = starts().filter(|start| *start >= to).min();
    // The side holds something in the slots on both sides of these: the hole reaches into them, but not through.
    let near = |at: &i64| (from - SLOT..to + SLOT).contains(at);
    let since = match before.filter(near) {
        Some(at) => at + 1,
        None => from - lacking(scene, side, from - SLOT),
    };
    let until = match after.filter(near) {
        Some(at) => at,
        None => to + lacking(scene, side, to),
    };
    Hole {
        side,
        place: HolePlace::Middle,
        since,
        until,
        is_sure: is_sure(scene, side),
    }
}

/// Returns for how many seconds of a slot a side would lack what it lacks of it, if that were all of a stretch and traffic even.
fn lacking(scene: &Scene<'_>, side: Side, slot: i64) -> i64 {
    let held = scene.grid.slots.get(&slot);
    let held = held.map_or(0, |held| held[side.other()].records);
    let lacking = scene.left(|cell| cell.bucket.slot == Some(slot) && cell.is_missing_on(side));
    let share = |seconds: u64| seconds * lacking.min(held) / held.max(1);
    i64::try_from(share(SLOT.unsigned_abs())).unwrap_or(0)
}

fn enough(scene: &Scene<'_>, mut hole: Hole) -> Option<Hole> {
    let summed = scene.summed_over.filter(|(side, _)| *side == hole.side);
    // Where records are sums none may start for as long as a sum takes.
    let least = summed.map_or(1, |(_, interval)| interval + 1);
    if hole.until - hole.since < least {
        return None;
    }
    // Nor is it known what a sum that is not there would have held.
    hole.is_sure &= summed.is_none();
    let of = scene.left_by_interface(|cell| hole.explains(cell));
    let records: u64 = of.values().sum();
    let several = of.len() > 1 || scene.grid.interfaces.len() == 1;
    let slots = scene.grid.slots.range(slot(hole.since)..hole.until);
    let held: u64 = slots.map(|(_, held)| held[hole.side.other()].records).sum();
    // What is left of a stretch when nearly all of it has been explained is no hole.
    let much = records >= held / SHARE;
    (records >= ENOUGH && several && much).then_some(hole)
}
