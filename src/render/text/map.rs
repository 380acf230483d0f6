//! The map: what of which interface differs when, a character a cell.

use std::sync::Arc;

use super::TextPage;
use super::block::Block;
use crate::model::Side;
use crate::model::words::{count, thousands};
use crate::render::chart::{Chart, ChartCell, State};
use crate::render::escape::escape;
use crate::render::paint::Ink;
use crate::report::Report;

/// The most interfaces that are shown.
const MOST_ROWS: usize = 20;

/// The widest that an interface's name is shown.
const MOST_NAME: usize = 24;

/// Columns between marks on the axis.
const MARK: usize = 12;

/// Draws the interfaces that differ most.
pub(super) fn map(page: &TextPage, report: &Report) -> Block {
    let names = |chart: &Chart| {
        let names = chart
            .rows
            .iter()
            .map(|row| shown(&row.interface).chars().count());
        names.max().unwrap_or(0).max("interface".len())
    };
    // The number of columns follows from the width of the names, which does not follow from it.
    let wide = names(&Chart::of(report, 1, MOST_ROWS));
    let number = "records".len();
    let room = page.width.saturating_sub(2 + wide + 2 + number + 2);
    let chart = Chart::of(report, room, MOST_ROWS);
    if chart.rows.is_empty() || chart.columns() == 0 {
        return Block::default();
    }
    let title = page.heading(
        "Map",
        &format!(
            "UTC, {} a column; the worst interfaces first",
            chart.step_in_words()
        ),
    );
    let axis = format!(
        "  {:wide$}  {:>number$}  {}",
        "interface",
        "records",
        axis(&chart)
    );
    let mut head = title;
    head.push(page.paint.ink(Ink::Aside, axis.trim_end()));
    let items = chart.rows.iter().map(|row| {
        let cells: String = row.cells.iter().map(|cell| painted(page, cell)).collect();
        let name = shown(&row.interface);
        vec![format!(
            "  {name:wide$}  {:>number$}  {}",
            short(row.differing),
            cells.trim_end()
        )]
    });
    let beyond = chart.differing - chart.rows.len();
    let mut foot = legend(page, &chart);
    if beyond > 0 {
        foot.insert(
            0,
            format!(
                "  ... and {} with fewer records",
                count(beyond as u64, "interface")
            ),
        );
    }
    Block::of(items.collect(), 0)
        .under(head)
        .over(foot)
        .saying(|left| format!("  ... and {left} that have no room here"))
}

/// A name of any origin, no longer than there is room for.
fn shown(interface: &Arc<str>) -> String {
    let name = escape(interface);
    match name.char_indices().nth(MOST_NAME) {
        None => name,
        Some(_) => {
            let kept: String = name.chars().take(MOST_NAME - 1).collect();
            format!("{kept}…")
        }
    }
}

/// A number in at most seven characters.
fn short(number: u64) -> String {
    match number {
        0..1_000_000 => thousands(number),
        1_000_000..1_000_000_000 => format!("{} M", number / 1_000_000),
        _ => format!("{} G", number / 1_000_000_000),
    }
}

/// Times above the columns that begin with them.
fn axis(chart: &Chart) -> String {
    let mut line = String::new();
    let mut last_day = None;
    for column in (0..chart.columns()).step_by(MARK) {
        let at = chart.start_of(column);
        let text = chart.mark(at, &mut last_day);
        let room = MARK - 1;
        let text: String = text.chars().take(room).collect();
        line.push_str(&format!("{text:MARK$}"));
    }
    let line: String = line.chars().take(chart.columns().max(MARK)).collect();
    line.trim_end().to_owned()
}

fn painted(page: &TextPage, cell: &ChartCell) -> String {
    let state = cell.state();
    let ink = match state {
        State::Nothing | State::Same => Ink::Aside,
        State::Only(Side::S3, _) => Ink::S3,
        State::Only(Side::Cwl, _) => Ink::Cwl,
        State::Divergent => Ink::Bad,
        State::Surplus => Ink::Heading,
        State::Undetermined | State::Pending => Ink::Doubtful,
    };
    if state == State::Nothing {
        return " ".to_owned();
    }
    page.paint.ink(ink, &letter(state).to_string())
}

fn letter(state: State) -> char {
    match state {
        State::Nothing => ' ',
        State::Same => '.',
        State::Only(Side::S3, true) => 'S',
        State::Only(Side::S3, false) => 's',
        State::Only(Side::Cwl, true) => 'C',
        State::Only(Side::Cwl, false) => 'c',
        State::Divergent => '#',
        State::Surplus => '+',
        State::Undetermined => '?',
        State::Pending => '~',
    }
}

/// Says what the letters stand for that are there.
fn legend(page: &TextPage, chart: &Chart) -> Vec<String> {
    let all = [
        (State::Same, "the same on both"),
        (State::Only(Side::S3, true), "only s3 has any"),
        (State::Only(Side::S3, false), "cwl lacks some"),
        (State::Only(Side::Cwl, true), "only cwl has any"),
        (State::Only(Side::Cwl, false), "s3 lacks some"),
        (State::Divergent, "divergent"),
        (State::Surplus, "surplus"),
        (State::Undetermined, "undetermined"),
        (State::Pending, "pending"),
    ];
    let cells = || chart.rows.iter().flat_map(|row| &row.cells);
    let there = all
        .into_iter()
        .filter(|(state, _)| cells().any(|cell| cell.state() == *state));
    let there = there.map(|(state, words)| format!("{} {words}", letter(state)));
    let mut lines: Vec<String> = Vec::new();
    for one in there {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 3 + one.chars().count() <= page.width => {
                line.push_str("   ");
                line.push_str(&one);
            }
            _ => lines.push(format!("  {one}")),
        }
    }
    let lines = lines.into_iter();
    lines
        .map(|line| page.paint.ink(Ink::Aside, &line))
        .collect()
}
