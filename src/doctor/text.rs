//! A diagnosis for people: the answer first, then a table.

use comfy_table::{Cell, Color, Table, presets};

use super::{Diagnosis, Probe, ProbeStatus};
use crate::model::Side;
use crate::model::words::count;
use crate::render::{Paint, WIDTH, escape, wrap};

/// Columns of what was found; only what cannot be broken goes beyond.
const FOUND_WIDTH: usize = 62;

/// Writes it, ending with a newline.
pub fn text(diagnosis: &Diagnosis, paint: Paint) -> String {
    let mut text = answer(diagnosis) + "\n\n";
    for side in Side::BOTH {
        let source = &diagnosis.sides[side].source;
        if !source.is_empty() {
            text += &format!("{:<10}{}\n", side.name(), escape(source));
        }
    }
    if let Some(window) = &diagnosis.window {
        let time =
            |time: &Option<String>, open: &str| time.clone().unwrap_or_else(|| open.to_owned());
        let (start, end) = (
            time(&window.start, "the beginning"),
            time(&window.end, "the end"),
        );
        text += &format!("{:<10}{start} .. {end}\n", "Window");
    }
    text.push('\n');
    for line in table(diagnosis, paint).lines() {
        text += line.trim_end();
        text.push('\n');
    }
    if !diagnosis.notes.is_empty() {
        text.push('\n');
    }
    for note in &diagnosis.notes {
        for line in wrap("Note      ", "          ", &escape(note), WIDTH) {
            text += &line;
            text.push('\n');
        }
    }
    text
}

fn answer(diagnosis: &Diagnosis) -> String {
    let number = |status: ProbeStatus| {
        let probes = diagnosis.probes.iter();
        probes.filter(|probe| probe.status == status).count() as u64
    };
    let (failed, warnings) = (number(ProbeStatus::Failed), number(ProbeStatus::Warning));
    let warnings = count(warnings, "warning");
    match diagnosis.status {
        ProbeStatus::Ok => "Ok: everything a check needs is there.".to_owned(),
        ProbeStatus::Warning => {
            format!("Warning: a check can run, but may come out wrong or incomplete: {warnings}.")
        }
        ProbeStatus::Failed => {
            format!("Failed: a check cannot run as it should: {failed} failed, {warnings}.")
        }
    }
}

fn table(diagnosis: &Diagnosis, paint: Paint) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    match paint {
        Paint::Always => table.enforce_styling(),
        Paint::Never => table.force_no_tty(),
    };
    table.set_header(["side", "probe", "status", "found"]);
    for probe in &diagnosis.probes {
        let color = match probe.status {
            ProbeStatus::Ok => Color::Green,
            ProbeStatus::Warning => Color::Yellow,
            ProbeStatus::Failed => Color::Red,
        };
        table.add_row([
            Cell::new(probe.side.map_or("both", Side::name)),
            Cell::new(probe.probe),
            Cell::new(probe.status.name()).fg(color),
            Cell::new(found(probe)),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

fn found(probe: &Probe) -> String {
    let mut lines = wrap("", "", &escape(&probe.found), FOUND_WIDTH);
    if let Some(advice) = &probe.advice {
        lines.extend(wrap("-> ", "   ", &escape(advice), FOUND_WIDTH));
    }
    lines.join("\n")
}
