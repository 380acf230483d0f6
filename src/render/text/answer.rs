//! What comes first: the verdict, gaps in a line each, what is not known, why, what was not read.

use super::block::Block;
use super::{MARGIN, TextPage};
use crate::model::Side;
use crate::model::finding::ReadTrouble;
use crate::model::words::{count, thousands};
use crate::record::FieldName;
use crate::render::escape::escape;
use crate::render::paint::Ink;
use crate::render::place::Where;
use crate::render::sort::{ToldSort, told};
use crate::render::{cause, wording};
use crate::report::{Report, Verdict};

/// The most lines of what is not known besides.
const MOST_OPEN: usize = 3;

/// What is said in its place if it is longer.
const STILL_OPEN: &str =
    "Still open: what is pending, undetermined, masked, or was not read, as told below.";

/// The verdict in words, and what is not known besides.
pub(super) fn verdict(page: &TextPage, report: &Report) -> Block {
    let ink = match report.verdict {
        Verdict::Consistent => Ink::Good,
        Verdict::Different => Ink::Bad,
        Verdict::Unknown => Ink::Doubtful,
    };
    let interruption = wording::interruption(report);
    let interruption = interruption.map(|text| page.inked(Ink::Doubtful, "", "  ", &text));
    let mut lines = interruption.unwrap_or_default();
    lines.extend(page.inked(ink, "", "  ", &wording::verdict(report)));
    if let Some(reservation) = wording::reservation(report) {
        let told = page.inked(Ink::Doubtful, "", "  ", &reservation);
        lines.extend(match told.len() {
            0..=MOST_OPEN => told,
            // The numbers are below.
            _ => page.inked(Ink::Doubtful, "", "  ", STILL_OPEN),
        });
    }
    Block::whole(lines)
}

/// Says of what a side has nothing at all, a line for each stretch of time.
pub(super) fn gaps(page: &TextPage, report: &Report) -> Block {
    let lines = wording::gaps(report).into_iter();
    let items = lines.map(|text| page.inked(Ink::Heading, "  ", "    ", &text));
    Block::of(items.collect(), 1).close().saying(|left| {
        let stretches = if left == 1 { "stretch" } else { "stretches" };
        format!(
            "  ... and {} more {stretches} of which a side has nothing",
            thousands(left)
        )
    })
}

/// Says what could be compared in part only.
pub(super) fn not_compared(page: &TextPage, report: &Report) -> Block {
    let doubtful = |text: &str| page.inked(Ink::Doubtful, "  ", "    ", &escape(text));
    let mut items = Vec::new();
    for (kind, sides) in &report.fields_left_out {
        let of = match report.fields_left_out.len() {
            1 => String::new(),
            _ => format!(" of {kind} records"),
        };
        for side in Side::BOTH {
            // What both sides have is left out because the user says so.
            let other = &sides[side.other()];
            let names = sides[side].iter().filter(|name| !other.contains(name));
            let names: Vec<&str> = names.map(String::as_str).collect();
            if !names.is_empty() {
                items.push(doubtful(&format!(
                    "not compared{of}, since {} has it not: {}",
                    side.other(),
                    names.join(", ")
                )));
            }
        }
    }
    for fewer in &report.fewer_fields {
        let names: Vec<&str> = fewer.not_compared.iter().map(FieldName::as_str).collect();
        let parts = Side::BOTH.map(|side| format!("{side} {}", fewer.parts[side].join(", ")));
        items.push(doubtful(&format!(
            "{} compared without {}: {}",
            count(fewer.records, "record"),
            names.join(", "),
            parts.join("; ")
        )));
    }
    Block::of(items, 0)
        .close()
        .saying(|left| format!("  ... and {left} more such remarks; -o json has them"))
}

/// Says why, the cause that explains most first.
pub(super) fn why(page: &TextPage, report: &Report) -> Block {
    let why = &report.why;
    let cause = |number: &str, text: &str| {
        let first = format!("  {number:<2} ");
        page.wrapped(&first, &" ".repeat(first.len()), &escape(text))
    };
    let causes = why.causes.iter();
    let causes = causes.map(|it| cause(&it.number.to_string(), &cause::explained(it)));
    let rest = (why.unexplained > 0 && !why.causes.is_empty()).then(|| {
        let records = count(why.unexplained, "record");
        cause("-", &format!("{records} not explained"))
    });
    Block::of(causes.chain(rest).collect(), 1)
        .under(page.heading("Why", "certain unless it says likely"))
        .saying(|left| format!("  ... and {left} more; -o json has them"))
}

/// Says how the two flow logs are set up, where that is not alike.
pub(super) fn configuration(page: &TextPage, report: &Report) -> Block {
    let remarks = report.configuration().map(|it| {
        let whose = it
            .side()
            .map_or_else(String::new, |side| format!("{side}: "));
        let values = cause::values(it).map_or_else(String::new, |values| {
            format!(" {} ≠ {}", escape(&values.s3), escape(&values.cwl))
        });
        let mut lines = page.wrapped("  ", "    ", &format!("{whose}{}{values}", it.setting()));
        lines.extend(page.wrapped("    ", "    ", &escape(&cause::reason(it))));
        lines
    });
    let items: Vec<_> = remarks.collect();
    let title = format!("Configuration: {}", count(items.len() as u64, "remark"));
    Block::of(items, 0)
        .under(page.heading(&title, "how the two flow logs are set up"))
        .saying(|left| format!("  ... and {left} more; -o json has them"))
}

/// Says what was not read or not understood: what it holds is not known.
pub(super) fn not_read(page: &TextPage, report: &Report) -> Block {
    let mut items = Vec::new();
    for side in Side::BOTH {
        let of = |it: &&ReadTrouble| it.side() == side;
        let of_side = || report.troubles.iter().filter(of);
        let summary = &report.sides[side];
        let at = Where::of(report, side);
        let unreadable = of_side().filter_map(|it| match it {
            ReadTrouble::Unreadable { part, reason, .. } => Some((at.part(part), reason)),
            ReadTrouble::Malformed { .. } => None,
        });
        let malformed = of_side().filter_map(|it| match it {
            ReadTrouble::Malformed { place, reason, .. } => Some((at.row(place), reason)),
            ReadTrouble::Unreadable { .. } => None,
        });
        section_of(
            page,
            &mut items,
            &format!(
                "Unreadable on {side}: {}",
                count(summary.unreadable_parts, at.noun())
            ),
            "what it holds is not known",
            unreadable,
        );
        section_of(
            page,
            &mut items,
            &format!("Malformed on {side}: {}", count(summary.malformed, "row")),
            "no flow-log record",
            malformed,
        );
    }
    let others = report
        .causes
        .iter()
        .filter(|it| told(it) == ToldSort::NotRead);
    let others = others.filter_map(cause::note);
    items.extend(others.map(|text| page.wrapped("Not read  ", MARGIN, &escape(&text))));
    Block::of(items, 1).saying(|left| {
        let left = thousands(left);
        format!("  ... and {left} more that was not read: -o json")
    })
}

/// Adds an item for each thing that could not be read, the first one under a heading.
fn section_of<'a>(
    page: &TextPage,
    items: &mut Vec<Vec<String>>,
    title: &str,
    explained: &str,
    troubles: impl Iterator<Item = (String, &'a String)>,
) {
    for (number, (place, reason)) in troubles.enumerate() {
        let mut lines = Vec::new();
        if number == 0 {
            lines.extend(page.heading(title, explained));
        }
        lines.push(format!("  {}", escape(&place)));
        lines.extend(page.wrapped("    ", "    ", &escape(reason)));
        items.push(lines);
    }
}
