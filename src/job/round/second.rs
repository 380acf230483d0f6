//! What a second look adds to what an earlier one has told.

use std::collections::BTreeMap;

use crate::diff::heading;
use crate::job::state::Reconciled;
use crate::model::finding::{Finding, LeftoverKind, ReadTrouble};
use crate::model::{Counts, Side, Sides};
use crate::report::held::HeldOverTime;
use crate::report::{Report, SideSummary, Verdict};

/// Returns what a second look has decided: without what is still open, which an earlier line tells. `None` if that is nothing.
pub(super) fn decided(report: &Report, given_up: u64) -> Option<Report> {
    let is_open = |finding: &Finding| match finding {
        Finding::Leftovers { kind, .. } => match kind {
            LeftoverKind::Pending => true,
            LeftoverKind::Undetermined => given_up == 0,
            LeftoverKind::Missing | LeftoverKind::Surplus => false,
        },
        Finding::Divergent { .. } => false,
    };
    let mut decided = report.clone();
    decided.findings.retain(|finding| !is_open(finding));
    decided.troubles.clear();
    let counts = &mut decided.counts;
    counts.pending = Sides::default();
    if given_up == 0 {
        counts.undetermined = Sides::default();
    }
    if *counts == Counts::default() {
        return None;
    }
    for side in Side::BOTH {
        decided.sides[side].records = decided.counts.matched + decided.counts.unmatched(side);
        decided.sides[side].unreadable_parts = 0;
    }
    let (counts, sides) = (&decided.counts, &decided.sides);
    decided.verdict = Verdict::of(counts, sides, &decided.field_doubts, true);
    decided.why = decided
        .why
        .only(&decided.findings.iter().map(heading).collect());
    Some(decided)
}

/// Turns the report of a second look into one of what it added: the copies in question, and no others, are counted.
pub(super) fn of_second_look(report: Report, taken: Reconciled) -> Report {
    let counts = Counts {
        matched: taken.late.found.s3 + taken.late.found.cwl,
        late: taken.late.found,
        ..taken.counts
    };
    let sides = Sides::from_fn(|side| {
        let records = counts.matched + counts.unmatched(side);
        let unreadable = taken.troubles.iter().filter(
            |trouble| matches!(trouble, ReadTrouble::Unreadable { side: of, .. } if *of == side),
        );
        SideSummary {
            records,
            nodata: 0,
            skipdata: 0,
            malformed: 0,
            unreadable_parts: unreadable.count() as u64,
            first_start: None,
            last_start: None,
            delivery_delay_seconds: None,
            delivery_bins: Vec::new(),
            ..report.sides[side].clone()
        }
    });
    Report {
        // That nothing was found where nothing was looked for is no wonder.
        verdict: Verdict::of(&counts, &sides, &report.field_doubts, true),
        sides,
        counts,
        why: report
            .why
            .clone()
            .only(&taken.findings.iter().map(heading).collect()),
        findings: taken.findings,
        troubles: taken.troubles,
        evidence_capped: taken.capped,
        // Counted and said at the first look.
        hours: BTreeMap::new(),
        gaps: Vec::new(),
        held: HeldOverTime::default(),
        causes: Vec::new(),
        ..report
    }
}
