//! The numbers: what each side held, and where its copies went, side by side. What is zero on both is left out.

use bytesize::ByteSize;

use super::block::Block;
use super::{MARGIN, TextPage};
use crate::model::window::rfc3339;
use crate::model::words::{count, thousands};
use crate::model::{Side, Sides};
use crate::render::escape::escape;
use crate::render::paint::Ink;
use crate::render::place::Where;
use crate::report::{Report, Verdict};

/// Writes the window, and what was found of it on each side.
pub(super) fn sides(page: &TextPage, report: &Report) -> Block {
    let mut lines = page.labelled("Window", &window(report));
    for side in Side::BOTH {
        let summary = &report.sides[side];
        let rows = [(summary.nodata, "NODATA"), (summary.skipdata, "SKIPDATA")];
        let rows = rows.into_iter().filter(|(number, _)| *number > 0);
        let rows: Vec<String> = rows
            .map(|(number, name)| format!("{} {name}", thousands(number)))
            .collect();
        let rows = match rows.is_empty() {
            true => String::new(),
            false => format!(" ({})", rows.join(", ")),
        };
        let again = match summary.retries {
            0 => String::new(),
            retries => format!("; {} made again", count(retries, "call")),
        };
        let held = format!(
            "{}{rows} in {}, {}{again}",
            count(summary.records, "record"),
            count(summary.parts, Where::of(report, side).noun()),
            ByteSize(summary.bytes)
        );
        let label = format!("{:<10}", side.name());
        let source = escape(&summary.source);
        let line = format!("{label}{source}: {held}");
        if line.chars().count() <= page.width {
            lines.push(line);
        } else {
            // An address can be copied whole.
            lines.push(format!("{label}{source}"));
            lines.extend(page.wrapped(MARGIN, MARGIN, &held));
        }
    }
    Block::whole(lines)
}

/// Writes which records were asked for, and from when to when there were any.
fn window(report: &Report) -> String {
    let window = &report.window;
    let starts = |of: fn(&crate::report::SideSummary) -> Option<i64>| {
        let both = Side::BOTH.map(|side| of(&report.sides[side]));
        both.into_iter().flatten()
    };
    let first = starts(|side| side.first_start).min();
    let last = starts(|side| side.last_start).max();
    let found = match first.zip(last) {
        None => "no record with a start".to_owned(),
        Some((first, last)) => format!(
            "records start {} to {}",
            beside(first, window.start),
            beside(last, window.end.map(|end| end - 1))
        ),
    };
    format!("{window}; {found}")
}

/// Writes a time without the day, if that stands there already.
fn beside(second: i64, near: Option<i64>) -> String {
    let text = rfc3339(second);
    let day = |text: &str| text.split_once('T').map(|(day, _)| day.to_owned());
    let same = near.is_some_and(|near| day(&rfc3339(near)) == day(&text));
    match text.split_once('T') {
        Some((_, time)) if same => time.to_owned(),
        _ => text,
    }
}

/// What a row says of both sides.
struct NumbersRow {
    name: &'static str,
    values: Sides<u64>,
    explained: &'static str,
}

/// Writes where each copy went; nothing where all of them match.
pub(super) fn counts(page: &TextPage, report: &Report) -> Block {
    let rows: Vec<NumbersRow> = rows(report)
        .into_iter()
        .filter(|row| row.values != Sides::default())
        .collect();
    if rows.is_empty() || report.verdict == Verdict::Consistent && rows.len() == 1 {
        return Block::default();
    }
    let texts: Vec<_> = rows
        .iter()
        .map(|row| (row, row.values.map(thousands)))
        .collect();
    let name = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let wide = |side: Side| {
        let widths = texts.iter().map(|(_, values)| values[side].len());
        widths.chain([side.name().len()]).max().unwrap_or(0)
    };
    let (s3, cwl) = (wide(Side::S3), wide(Side::Cwl));
    let head = format!("  {:name$}  {:>s3$}  {:>cwl$}", "", "s3", "cwl");
    let mut lines = vec![page.paint.ink(Ink::Aside, &head)];
    for (row, values) in &texts {
        let line = format!(
            "  {:name$}  {:>s3$}  {:>cwl$}",
            row.name, values.s3, values.cwl
        );
        let room = page.width.saturating_sub(line.chars().count() + 2);
        lines.push(match row.explained {
            "" => line,
            text if text.chars().count() > room => line,
            text => format!("{line}  {}", page.paint.ink(Ink::Aside, text)),
        });
    }
    Block::whole(lines)
}

fn rows(report: &Report) -> Vec<NumbersRow> {
    let row = |name, values, explained| NumbersRow {
        name,
        values,
        explained,
    };
    let both = |number| Sides::from_fn(|_| number);
    let counts = &report.counts;
    let of = |get: fn(&crate::report::SideSummary) -> u64| report.sides.as_ref().map(get);
    vec![
        row(
            "matched",
            both(counts.matched),
            "both have them, equal in every field",
        ),
        row(
            "matched on fewer fields",
            both(counts.matched_on_fewer_fields),
            "equal in all that both have",
        ),
        row("missing here", counts.missing, "the other side has them"),
        row(
            "divergent",
            both(counts.divergent),
            "the same flow, unequal values",
        ),
        row(
            "surplus here",
            counts.surplus,
            "extra copies of what both have",
        ),
        row(
            "undetermined here",
            counts.undetermined,
            "may sit in what was not read here",
        ),
        row("pending here", counts.pending, "too young to be missing"),
        row("came late here", counts.late, "not at the first look"),
        row(
            "masked records",
            of(|side| side.masked),
            "values that cannot be seen",
        ),
    ]
}
