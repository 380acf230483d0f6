//! The findings in words: a section for each kind and side, the worst first.

use comfy_table::{CellAlignment, Table};

use super::{Page, table};
use crate::model::finding::{Bucket, Evidence, Finding, LeftoverKind, Pair, Place, ReadTrouble};
use crate::model::window::rfc3339;
use crate::model::words::{count, thousands};
use crate::model::{Side, Sides};
use crate::render::cause;
use crate::render::escape::escape;
use crate::render::paint::Ink;
use crate::report::Report;

/// How many findings a section shows. JSON has all of them.
const SHOWN: usize = 50;

/// What a section is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Leftovers(LeftoverKind),
    Divergent,
    Unreadable,
    Malformed,
}

/// The kinds, the worst first.
const WORST_FIRST: [Kind; 7] = [
    Kind::Leftovers(LeftoverKind::Missing),
    Kind::Divergent,
    Kind::Leftovers(LeftoverKind::Surplus),
    Kind::Leftovers(LeftoverKind::Undetermined),
    Kind::Unreadable,
    Kind::Malformed,
    Kind::Leftovers(LeftoverKind::Pending),
];

/// Writes the sections that have something to say.
pub(super) fn write(page: &mut Page, report: &Report) {
    for kind in WORST_FIRST {
        let sides: &[Option<Side>] = match kind {
            Kind::Divergent => &[None],
            Kind::Leftovers(_) | Kind::Unreadable | Kind::Malformed => {
                &[Some(Side::S3), Some(Side::Cwl)]
            }
        };
        for &side in sides {
            section(page, report, kind, side);
        }
    }
}

/// Writes what the two flow logs do not share, which is the likely reason for all that follows.
pub(super) fn configuration(page: &mut Page, report: &Report) {
    let unlike: Vec<_> = report.configuration().collect();
    if unlike.is_empty() {
        return;
    }
    let title = format!("Configuration: {}", count(unlike.len() as u64, "remark"));
    page.heading(&title, "how the two flow logs are set up");
    for it in unlike {
        let whose = it
            .side()
            .map_or_else(String::new, |side| format!("{side}: "));
        let values = cause::values(it).map_or_else(String::new, |values| {
            format!(" {} ≠ {}", escape(&values.s3), escape(&values.cwl))
        });
        page.wrapped("  ", "    ", &format!("{whose}{}{values}", it.setting()));
        page.wrapped("    ", "    ", &escape(&cause::reason(it)));
    }
    page.blank();
}

fn section(page: &mut Page, report: &Report, kind: Kind, side: Option<Side>) {
    let findings = report.findings.iter();
    let findings: Vec<_> = findings.filter(|it| subject(it) == (kind, side)).collect();
    let troubles = report.troubles.iter();
    let troubles: Vec<_> = troubles.filter(|it| trouble(it) == (kind, side)).collect();
    let number = total(report, kind, side);
    if number == 0 && findings.is_empty() && troubles.is_empty() {
        return;
    }
    let (title, explained) = heading(kind, side, number);
    page.blank();
    page.heading(&title, &explained);
    let (shown, left) = findings.split_at(findings.len().min(SHOWN));
    let (told, untold) = troubles.split_at(troubles.len().min(SHOWN));
    match kind {
        Kind::Leftovers(_) | Kind::Divergent => buckets(page, shown),
        Kind::Unreadable | Kind::Malformed => reasons(page, told),
    }
    if !left.is_empty() || !untold.is_empty() {
        let records = left.iter().map(|finding| bucket(finding).1).sum();
        page.line(&format!("  {}", rest(left.len() + untold.len(), records)));
    }
}

/// Returns which section a finding belongs to.
fn subject(finding: &Finding) -> (Kind, Option<Side>) {
    match finding {
        Finding::Leftovers { kind, side, .. } => (Kind::Leftovers(*kind), Some(*side)),
        Finding::Divergent { .. } => (Kind::Divergent, None),
    }
}

/// Returns which section a trouble belongs to.
fn trouble(trouble: &ReadTrouble) -> (Kind, Option<Side>) {
    match trouble {
        ReadTrouble::Unreadable { side, .. } => (Kind::Unreadable, Some(*side)),
        ReadTrouble::Malformed { side, .. } => (Kind::Malformed, Some(*side)),
    }
}

/// The exact number, which may be more than the findings show.
fn total(report: &Report, kind: Kind, side: Option<Side>) -> u64 {
    let counts = &report.counts;
    let on = |numbers: &Sides<u64>| side.map_or(0, |side| numbers[side]);
    match kind {
        Kind::Leftovers(LeftoverKind::Missing) => on(&counts.missing),
        Kind::Leftovers(LeftoverKind::Surplus) => on(&counts.surplus),
        Kind::Leftovers(LeftoverKind::Pending) => on(&counts.pending),
        Kind::Leftovers(LeftoverKind::Undetermined) => on(&counts.undetermined),
        Kind::Divergent => counts.divergent,
        Kind::Unreadable => on(&report.sides.as_ref().map(|side| side.unreadable_parts)),
        Kind::Malformed => on(&report.sides.as_ref().map(|side| side.malformed)),
    }
}

/// Returns a title and what it means.
fn heading(kind: Kind, side: Option<Side>, number: u64) -> (String, String) {
    let records = count(number, "record");
    let here = side.map_or("", Side::name);
    let there = side.map_or("", |side| side.other().name());
    match kind {
        Kind::Leftovers(LeftoverKind::Missing) => (
            format!("Missing on {here}: {records}"),
            format!("{there} has what {here} lacks"),
        ),
        Kind::Leftovers(LeftoverKind::Surplus) => (
            format!("Surplus on {here}: {records}"),
            "extra copies of what both have".to_owned(),
        ),
        Kind::Leftovers(LeftoverKind::Pending) => (
            format!("Pending on {here}: {records}"),
            format!("{there} has what may still arrive on {here}"),
        ),
        Kind::Leftovers(LeftoverKind::Undetermined) => (
            format!("Undetermined on {here}: {records}"),
            format!("{there} has what may sit in what could not be read on {here}"),
        ),
        Kind::Divergent => (
            format!("Divergent: {records}"),
            "the same flow with unequal values, s3 ≠ cwl".to_owned(),
        ),
        Kind::Unreadable => (
            format!("Unreadable on {here}: {}", count(number, "part")),
            "what it holds is not known".to_owned(),
        ),
        Kind::Malformed => (
            format!("Malformed on {here}: {}", count(number, "row")),
            "no flow-log record".to_owned(),
        ),
    }
}

/// Writes a table with the evidence of each row under it.
fn buckets(page: &mut Page, findings: &[&Finding]) {
    let rows: Vec<_> = findings.iter().map(|finding| bucket(finding)).collect();
    let mut lines = bucket_table(&rows).lines().collect::<Vec<_>>().into_iter();
    if let Some(head) = lines.next() {
        page.aside(head.trim_end());
    }
    // Nothing in a cell can break a line, so the table has a line for each row.
    for (line, finding) in lines.zip(findings) {
        page.line(line.trim_end());
        match finding {
            Finding::Leftovers {
                evidence, records, ..
            } => {
                for found in evidence {
                    copy(page, "    ", found);
                }
                not_shown(page, *records, evidence.len());
            }
            Finding::Divergent {
                evidence, records, ..
            } => {
                for both in evidence {
                    pair(page, both);
                }
                not_shown(page, *records, evidence.len());
            }
        }
    }
}

fn bucket(finding: &Finding) -> (&Bucket, u64) {
    match finding {
        Finding::Leftovers {
            bucket, records, ..
        }
        | Finding::Divergent {
            bucket, records, ..
        } => (bucket, *records),
    }
}

fn bucket_table(rows: &[(&Bucket, u64)]) -> Table {
    let mut table = table(["interface", "slot", "records"]);
    for (bucket, records) in rows {
        let slot = bucket.slot.map_or_else(|| "-".to_owned(), rfc3339);
        table.add_row([escape(&bucket.interface), slot, thousands(*records)]);
    }
    if let Some(records) = table.column_mut(2) {
        records.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Writes a record after `margin` and, little indented because keys are long, where it was found.
fn copy(page: &mut Page, margin: &str, found: &Evidence) {
    page.wrapped(margin, "      ", &escape(&found.record.to_string()));
    let place = place(&found.found_in);
    page.wrapped_inked(Ink::Aside, "      in ", "        ", &place);
}

fn pair(page: &mut Page, pair: &Pair) {
    let fields = pair.fields.iter().map(|name| inequality(pair, name));
    page.wrapped("    ", "      ", &fields.collect::<Vec<_>>().join(", "));
    copy(page, "    s3   ", &pair.s3);
    copy(page, "    cwl  ", &pair.cwl);
}

/// Writes `bytes 336 ≠ 340`.
fn inequality(pair: &Pair, name: &str) -> String {
    let value = |found: &Evidence| escape(found.record.get(name).unwrap_or("-"));
    format!(
        "{} {} ≠ {}",
        escape(name),
        value(&pair.s3),
        value(&pair.cwl)
    )
}

fn not_shown(page: &mut Page, records: u64, shown: usize) {
    let more = records.saturating_sub(u64::try_from(shown).unwrap_or(u64::MAX));
    if shown > 0 && more > 0 {
        page.aside(&format!("    ... and {} more", thousands(more)));
    }
}

/// Writes what could not be read or understood, and why.
fn reasons(page: &mut Page, troubles: &[&ReadTrouble]) {
    for trouble in troubles {
        let (name, reason) = match trouble {
            ReadTrouble::Unreadable { part, reason, .. } => (escape(part), reason),
            ReadTrouble::Malformed {
                place: at, reason, ..
            } => (place(at), reason),
        };
        page.wrapped("  ", "    ", &name);
        page.wrapped("    ", "    ", &escape(reason));
    }
}

fn place(place: &Place) -> String {
    format!("{}:{}", escape(&place.part), place.row)
}

/// Says how much a section leaves out.
fn rest(left: usize, records: u64) -> String {
    let findings = thousands(u64::try_from(left).unwrap_or(u64::MAX));
    let records = match records {
        0 => String::new(),
        number => format!(" with {}", count(number, "record")),
    };
    format!("... and {findings} more{records}; the JSON report has all of them")
}
