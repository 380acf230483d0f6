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
    let usd = between(least, most, dollars);
    let month = match estimate.usd_per_month {
        Some((least, most)) => between(least, Some(most), dollars),
        None => "not known".to_owned(),
    };
    text.push('\n');
    let mut remark = |name: &str, remark: &str| {
        for line in wrap(&format!("{name:10}"), "          ", remark, WIDTH) {
            text += &line;
            text.push('\n');
        }
    };
    remark("USD", &format!("{usd} ({})", estimate.prices));
    let of_month = format!(
        "{month} for the same calls of a job that reads every five minutes (8,640 runs in 30 days)"
    );
    remark("A month", &of_month);
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
    row("time at --cwl-rate", &|side| {
        side.minutes.map_or_else(|| "-".to_owned(), time)
    });
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((2, 0));
        if index > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Writes US dollars; less than a cent is not nothing.
fn dollars(usd: f64) -> String {
    match usd {
        0.0 => "$0".to_owned(),
        usd if usd < 0.01 => "< $0.01".to_owned(),
        usd => format!("${usd:.2}"),
    }
}

/// Writes a time; less than a second is not nothing.
fn duration(minutes: f64) -> String {
    match minutes * 60.0 {
        0.0 => "0 s".to_owned(),
        seconds if seconds < 1.0 => "< 1 s".to_owned(),
        seconds if seconds < 120.0 => format!("{seconds:.0} s"),
        _ => format!("{minutes:.0} min"),
    }
}

/// Writes a time that is known up to a span, given in minutes.
pub(super) fn time((least, most): (f64, Option<f64>)) -> String {
    between(least, most, duration)
}

/// Writes a span; once, if both ends look the same.
fn between(least: f64, most: Option<f64>, shown: fn(f64) -> String) -> String {
    let least = shown(least);
    match most.map(shown) {
        None => format!("{least} or more"),
        Some(most) if most == least => least,
        Some(most) => format!("{least} to {most}"),
    }
}

fn span(span: EstimateRange) -> String {
    let least = thousands(span.least);
    match span.most {
        None => format!("{least} or more"),
        Some(most) if most == span.least => least,
        Some(most) => format!("{least} to {}", thousands(most)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_not_nothing() {
        for (usd, said) in [
            (0.0, "$0"),
            (0.0004, "< $0.01"),
            (0.012, "$0.01"),
            (12.345, "$12.35"),
        ] {
            assert_eq!(dollars(usd), said);
        }
        for (least, most, said) in [
            (0.0, Some(0.0), "0 s"),
            (0.001, Some(0.01), "< 1 s"),
            (0.001, Some(0.5), "< 1 s to 30 s"),
            (1.0, None, "60 s or more"),
            (2.5, Some(90.0), "2 min to 90 min"),
        ] {
            assert_eq!(time((least, most)), said);
        }
    }
}
