//! An estimate for people: both sides beside each other.

use bytesize::ByteSize;
use comfy_table::{CellAlignment, Table, presets};
use itertools::Itertools;

use super::{Estimate, EstimateRange, SideEstimate};
use crate::model::words::thousands;
use crate::model::{Side, Sides};
use crate::render::{WIDTH, escape, wrap};

/// Writes it, ending with a newline.
pub fn text(estimate: &Estimate) -> String {
    let mut text = "What a check would read. Nothing but listings has been read.\n\n".to_owned();
    let time = |time: &Option<String>, open: &str| time.clone().unwrap_or_else(|| open.to_owned());
    let window = &estimate.window;
    let (start, end) = (
        time(&window.start, "the beginning"),
        time(&window.end, "the end"),
    );
    text += &format!("Window    {start} .. {end}\n\n");
    for line in table(&estimate.sides).lines() {
        text += line.trim_end();
        text.push('\n');
    }
    let (least, most) = estimate.usd;
    let usd = match most {
        Some(most) if (most - least).abs() < 0.00005 => format!("{least:.4}"),
        Some(most) => format!("{least:.4} to {most:.4}"),
        None => format!("{least:.4} or more"),
    };
    text.push('\n');
    let mut remark = |name: &str, remark: &str| {
        for line in wrap(&format!("{name:10}"), "          ", remark, WIDTH) {
            text += &line;
            text.push('\n');
        }
    };
    remark("USD", &format!("{usd} ({})", estimate.prices));
    let memory = ByteSize(estimate.memory_bytes);
    remark("Memory", &format!("at most {memory} (--memory)"));
    for note in &estimate.notes {
        remark("Note", &escape(note));
    }
    text
}

fn table(sides: &Sides<SideEstimate>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty();
    table.set_header(["", "s3", "cwl"]);
    let mut row = |name: &str, value: &dyn Fn(&SideEstimate) -> String| {
        let values = sides.as_ref().map(value);
        table.add_row([name.to_owned(), values.s3, values.cwl]);
    };
    row("source", &|side| escape(&side.source));
    row("parts", &|side| thousands(side.parts));
    row("unreadable parts", &|side| thousands(side.unreadable_parts));
    row("bytes as stored", &|side| {
        side.bytes.map_or_else(
            || "not known".to_owned(),
            |bytes| ByteSize(bytes).to_string(),
        )
    });
    row("records", &|side| {
        side.records.map_or_else(|| "not known".to_owned(), span)
    });
    let operations = Side::BOTH.iter().flat_map(|&side| sides[side].calls.keys());
    for operation in operations.sorted().dedup() {
        let calls = |side: &SideEstimate| {
            side.calls
                .get(operation)
                .copied()
                .map_or_else(|| "-".to_owned(), span)
        };
        row(&format!("{operation} calls"), &calls);
    }
    row("minutes at --cwl-rate", &|side| match side.minutes {
        None => "-".to_owned(),
        Some((least, None)) => format!("{least:.1} or more"),
        Some((least, Some(most))) => format!("{least:.1} to {most:.1}"),
    });
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((2, 0));
        if index > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn span(span: EstimateRange) -> String {
    let least = thousands(span.least);
    match span.most {
        None => format!("{least} or more"),
        Some(most) if most == span.least => least,
        Some(most) => format!("{least} to {}", thousands(most)),
    }
}
