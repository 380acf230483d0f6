//! Not read: what may sit in objects, files or streams that could not be read, in rows that are no record, or in streams that were
//! passed over.

use super::words::{list, records, side};
use crate::causes::explanation::Explanation;
use crate::causes::next::NextStep;
use crate::causes::scene::{Found, Scene};
use crate::diff::DifferenceKind;
use crate::model::Side;
use crate::model::words::count;

/// So many parts are named.
const MOST_NAMED: usize = 5;

pub(in crate::causes) fn find(scene: &mut Scene<'_>) {
    for side in Side::BOTH {
        let facts = &scene.sides[side];
        let parts: Vec<String> = facts
            .unread
            .iter()
            .take(MOST_NAMED)
            .map(|(name, _, _)| name.to_string())
            .collect();
        let why = match () {
            () if !facts.unread.is_empty() => "unreadable",
            () if facts.malformed > 0 => "malformed",
            () if scene.vanished => "vanished",
            () => "too-little-known",
        };
        let found = Found::new("not-read", side)
            .certain(matches!(why, "unreadable" | "malformed"))
            .with("why", why)
            .with("parts", parts)
            .with("parts_in_all", facts.unread.len())
            .with("malformed", facts.malformed);
        scene.explain(found, |cell| {
            cell.kind == DifferenceKind::Undetermined(side)
        });
    }
}

pub(in crate::causes) fn text(of: &Explanation) -> String {
    let (records, side) = (records(of), side(of));
    match of.text("why") {
        "unreadable" => {
            let named = of.texts("parts");
            let all = of.number("parts_in_all").unwrap_or(0);
            let more = match usize::try_from(all)
                .unwrap_or(0)
                .saturating_sub(named.len())
            {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!(
                "{records} may be in what could not be read of {side}: {}{more}",
                list(&named)
            )
        }
        "malformed" => {
            let rows = u64::try_from(of.number("malformed").unwrap_or(0)).unwrap_or(0);
            format!(
                "{records} may be what {} of {side} should have been",
                count(rows, "malformed row")
            )
        }
        "vanished" => format!("{records} were there at the first look and nowhere at the second"),
        _ => format!(
            "{records} cannot be told: records of {side} have too little in common with them to compare"
        ),
    }
}

pub(in crate::causes) fn step(of: &Explanation) -> NextStep {
    match (of.text("why"), of.side) {
        ("unreadable", Some(Side::Cwl)) => {
            NextStep::new("make readable what could not be read, and check again").flag("--all-streams")
        }
        ("unreadable", _) => NextStep::new("make readable what could not be read (`doctor` tries the permissions), and check again")
            .command("doctor"),
        ("malformed", _) => NextStep::new("mend these rows, or give the format that fits them, and check again"),
        _ => NextStep::new("check again").within(of.since, of.until),
    }
}
