//! Export cut: files of a side hold but the first or the last of what there was.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::holes::{Hole, HolePlace, holes};
use super::words::{list, other, records, side};
use crate::causes::explanation::Explanation;
use crate::causes::next::NextStep;
use crate::causes::scene::{Found, Scene};
use crate::diff::DifferenceKind;
use crate::model::Side;
use crate::model::window::rfc3339;

/// What decoders say of a file that holds the token to go on with.
const GOES_ON: &str = "stops where more events follow";

/// Records of one interface are hardly ever on their way for so many seconds longer than those of another.
const MOST_DELAY: i64 = 15 * 60;

/// So many parts are named.
const MOST_NAMED: usize = 5;

pub(in crate::causes) fn find(scene: &mut Scene<'_>) {
    for side in Side::BOTH {
        by_token(scene, side);
        by_edge(scene, side);
    }
}

/// A file that says itself that more follows.
fn by_token(scene: &mut Scene<'_>, side: Side) {
    let unread = scene.sides[side].unread.iter();
    let cut: Vec<_> = unread
        .filter(|(_, _, why)| why.contains(GOES_ON))
        .cloned()
        .collect();
    if cut.is_empty() {
        return;
    }
    let names: Vec<String> = cut
        .iter()
        .take(MOST_NAMED)
        .map(|(name, _, _)| name.to_string())
        .collect();
    let found = Found::new("export-cut", side)
        .certain(true)
        .with("by", "token")
        .with("parts", names)
        .with("parts_in_all", cut.len());
    scene.explain(found, |cell| {
        cell.kind == DifferenceKind::Undetermined(side)
            && cut
                .iter()
                .any(|(_, cover, _)| cover.may_hold(&cell.bucket.interface, cell.bucket.slot))
    });
}

/// Files that begin or end before the other side's records do.
fn by_edge(scene: &mut Scene<'_>, side: Side) {
    if scene.sides[side].is_live {
        return;
    }
    for hole in holes(scene, side) {
        let by = match hole.place {
            HolePlace::Start => "start",
            HolePlace::End => "end",
            HolePlace::Middle | HolePlace::Whole => continue,
        };
        let found = hole
            .found("export-cut")
            .certain(false)
            .with("by", by)
            .with("parts", Vec::<String>::new())
            .with("parts_in_all", 0);
        let edges = edges(scene, &hole);
        scene.explain(found, |cell| {
            let of = edges.get(&cell.bucket.interface).zip(cell.bucket.slot);
            let beyond = of.is_some_and(|(edge, slot)| match by {
                "start" => slot <= *edge && cell.from() < Some(hole.until + MOST_DELAY),
                _ => slot >= *edge && cell.to() > Some(hole.since - MOST_DELAY),
            });
            hole.explains(cell) || beyond && cell.is_missing_on(side)
        });
    }
}

/// Returns the slot in which the side begins to hold records of each interface, or ceases to. An export takes what the log group
/// was given in a stretch of time, and what it was given of one interface had been on its way longer than that of another.
fn edges(scene: &Scene<'_>, hole: &Hole) -> BTreeMap<Arc<str>, i64> {
    if !scene.grid.is_whole {
        return BTreeMap::new();
    }
    let interfaces = scene.grid.interfaces.iter();
    let edge = interfaces.filter_map(|(interface, of)| {
        let of = of[hole.side]?;
        let is_start = hole.place == HolePlace::Start;
        let edge = if is_start { of.first } else { of.last };
        Some((Arc::clone(interface), edge))
    });
    edge.collect()
}

pub(in crate::causes) fn text(of: &Explanation) -> String {
    match of.text("by") {
        "token" => format!(
            "{} holds only a page of an export, which goes on ({}): {} may be in the rest",
            side(of),
            list(&of.texts("parts")),
            records(of)
        ),
        "end" => format!(
            "the files of {} end at {}, where {} goes on with {}: the export may have been cut",
            side(of),
            of.since.map_or_else(String::new, rfc3339),
            other(of),
            records(of)
        ),
        _ => format!(
            "the files of {} begin at {}, and before that {} has {}: the export may have been cut",
            side(of),
            of.until.map_or_else(String::new, rfc3339),
            other(of),
            records(of)
        ),
    }
}

pub(in crate::causes) fn step(of: &Explanation) -> NextStep {
    let text = format!(
        "export {} again, all pages and without `--max-items`, and check again",
        side(of)
    );
    NextStep::new(text)
}
