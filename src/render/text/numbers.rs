//! The numbers: what each side held, and where its copies went, side by side.

use bytesize::ByteSize;
use comfy_table::CellAlignment;

use super::{Page, table, wrap};
use crate::model::window::rfc3339;
use crate::model::words::thousands;
use crate::model::{Counts, Sides};
use crate::render::escape::escape;
use crate::render::paint::Ink;
use crate::report::{Report, SideSummary};

/// Columns of a side's address.
const SOURCE_WIDTH: usize = 38;

/// Writes what each side held and how it compares, side by side.
pub(super) fn write(page: &mut Page, report: &Report) {
    let mut table = table(["", "s3", "cwl"]);
    for (name, value) in SUMMARY_ROWS {
        let values = report.sides.as_ref().map(value);
        if *name == RETRIES && [&values.s3, &values.cwl].iter().all(|value| *value == "0") {
            continue;
        }
        table.add_row([(*name).to_owned(), values.s3, values.cwl]);
    }
    table.add_row([""; 3]);
    for (name, values) in count_rows(&report.counts) {
        if [LATE, FEWER].contains(&name) && values == Sides::default() {
            continue;
        }
        let values = values.map(thousands);
        table.add_row([name.to_owned(), values.s3, values.cwl]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for (index, line) in table.lines().enumerate() {
        let ink = if index == 0 { Ink::Aside } else { Ink::Plain };
        page.inked(ink, line.trim_end());
    }
}

/// A row about each side on its own: its name, and what it says of a side.
type SummaryRow = (&'static str, fn(&SideSummary) -> String);

/// A row that is left out if it says nothing.
const RETRIES: &str = "calls made again";

const SUMMARY_ROWS: &[SummaryRow] = &[
    ("source", |side| source(&side.source)),
    ("parts", |side| thousands(side.parts)),
    ("bytes as stored", |side| ByteSize(side.bytes).to_string()),
    ("records", |side| thousands(side.records)),
    ("  of these NODATA", |side| thousands(side.nodata)),
    ("  of these SKIPDATA", |side| thousands(side.skipdata)),
    ("malformed rows", |side| thousands(side.malformed)),
    ("unreadable parts", |side| thousands(side.unreadable_parts)),
    (RETRIES, |side| thousands(side.retries)),
    ("first start", |side| moment(side.first_start)),
    ("last start", |side| moment(side.last_start)),
];

/// Breaks a long address so that both fit side by side.
fn source(address: &str) -> String {
    wrap::wrap("", "", &escape(address), SOURCE_WIDTH).join("\n")
}

fn moment(second: Option<i64>) -> String {
    second.map_or_else(|| "-".to_owned(), rfc3339)
}

/// Another row that is left out if it says nothing.
const LATE: &str = "came late here";

/// And another one.
const FEWER: &str = "matched on fewer fields";

/// Returns the rows about both sides together: where each copy of a side went.
fn count_rows(counts: &Counts) -> [(&'static str, Sides<u64>); 8] {
    let both = |number| Sides::from_fn(|_| number);
    [
        ("matched", both(counts.matched)),
        (FEWER, both(counts.matched_on_fewer_fields)),
        ("missing here", counts.missing),
        ("surplus here", counts.surplus),
        ("pending here", counts.pending),
        ("undetermined here", counts.undetermined),
        (LATE, counts.late),
        ("divergent", both(counts.divergent)),
    ]
}
