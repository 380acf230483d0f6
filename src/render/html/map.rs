//! The map: interfaces by time, what is on both sides and what is on one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};

use super::shown;
use crate::model::Side;
use crate::model::window::rfc3339;
use crate::model::words::{count, thousands};
use crate::render::chart::{Chart, ChartCell, ChartRow, State};
use crate::report::Report;

/// The most interfaces, and the most columns, that are drawn.
const MOST_ROWS: usize = 60;
const MOST_COLUMNS: usize = 192;

/// In the units of the drawing: the names' room, the axis's room, a row.
const LEFT: usize = 170;
const TOP: usize = 18;
const HIGH: usize = 14;

/// How much wider than the names a drawing is.
const ROOM: usize = 900;

/// The states in the order of the key, each with its class and words.
const KEY: [(&str, &str); 8] = [
    ("m-same", "the same on both sides"),
    ("m-s3", "only on s3 (upper half; thin: some)"),
    ("m-cwl", "only on cwl (lower half; thin: some)"),
    ("m-divergent", "divergent (full): unequal values"),
    ("m-surplus", "surplus (middle): extra copies"),
    (
        "m-open",
        "undetermined (two lines): may sit in what was not read",
    ),
    ("m-pending", "pending: may still arrive"),
    ("", ""),
];

/// Draws the map and lists what it shows.
pub(super) fn map(report: &Report) -> Markup {
    let chart = Chart::of_all(report, MOST_COLUMNS, MOST_ROWS);
    if chart.rows.is_empty() || chart.columns() == 0 {
        return html! {};
    }
    let interfaces = report.held.interfaces.max(chart.rows.len() as u64);
    html! {
        section {
            h2 { "Map" }
            p {
                (count(chart.rows.len() as u64, "interface")) " of " (thousands(interfaces))
                ", those with most differing records first; a column is " (chart.step_in_words()) " of start, in UTC."
            }
            ul.key {
                @for (class, words) in KEY.iter().filter(|(class, _)| !class.is_empty()) {
                    li { (sample(class)) (words) }
                }
            }
            div.tools #zoom hidden {
                button type="button" id="zoom-in" { "Larger" }
                button type="button" id="zoom-out" { "Smaller" }
                span.soft { "Click a cell, or move with the arrow keys and press Enter, to see its findings: " }
                span id="map-said" aria-live="polite" {}
            }
            div.wide id="map" tabindex="0" role="group" aria-label="Map of interfaces by time; arrow keys move, Enter filters the findings" {
                (drawing(&chart))
            }
            (table(&chart))
        }
    }
}

fn sample(class: &str) -> Markup {
    let mut paths = BTreeMap::new();
    let state = [
        State::Same,
        State::Only(Side::S3, true),
        State::Only(Side::Cwl, true),
        State::Divergent,
        State::Surplus,
        State::Undetermined,
        State::Pending,
    ];
    for state in state
        .into_iter()
        .filter(|state| self::class(*state) == class)
    {
        draw(&mut paths, state, (1, 1), 14, 12);
    }
    html! { svg width="16" height="14" aria-hidden="true" { (strokes(&paths)) } }
}

fn class(state: State) -> &'static str {
    match state {
        State::Nothing => "",
        State::Same => "m-same",
        State::Only(Side::S3, _) => "m-s3",
        State::Only(Side::Cwl, _) => "m-cwl",
        State::Divergent => "m-divergent",
        State::Surplus => "m-surplus",
        State::Undetermined => "m-open",
        State::Pending => "m-pending",
    }
}

/// The outlines of each class.
type Paths = BTreeMap<&'static str, String>;

/// Adds a run of equal cells, in a shape that is told apart without colours too.
fn draw(paths: &mut Paths, state: State, (x, y): (usize, usize), wide: usize, high: usize) {
    let mut rectangle = |class: &'static str, y: usize, high: usize| {
        let path = paths.entry(class).or_default();
        // Writing to a String cannot fail.
        let _ = write!(path, "M{x} {y}h{wide}v{high}h-{wide}z");
    };
    match state {
        State::Nothing => {}
        State::Same => rectangle("m-same", y, high),
        State::Only(side, all) => {
            let part = if all { high / 2 } else { high / 4 };
            let from = match side {
                Side::S3 => y,
                Side::Cwl => y + high - part,
            };
            if !all {
                rectangle("m-same", y, high);
            }
            rectangle(class(state), from, part);
        }
        State::Divergent => rectangle(class(state), y, high),
        State::Undetermined => {
            rectangle(class(state), y, high / 3);
            rectangle(class(state), y + high - high / 3, high / 3);
        }
        State::Surplus => rectangle(class(state), y + high / 4, high / 2),
        State::Pending => rectangle(class(state), y + 1, high - 2),
    }
}

/// Nothing in a path is from outside.
fn strokes(paths: &Paths) -> Markup {
    html! {
        @for (class, path) in paths { path class=(class) d=(PreEscaped(path)) {} }
    }
}

fn drawing(chart: &Chart) -> Markup {
    let columns = chart.columns();
    let wide = (ROOM / columns).clamp(3, 24);
    let (width, height) = (
        LEFT + columns * wide + 10,
        TOP + chart.rows.len() * HIGH + 4,
    );
    let mut paths = Paths::new();
    for (number, row) in chart.rows.iter().enumerate() {
        let mut column = 0;
        for run in row.cells.chunk_by(|a, b| a.state() == b.state()) {
            let state = run.first().map_or(State::Nothing, ChartCell::state);
            let at = (LEFT + column * wide, TOP + number * HIGH + 1);
            draw(&mut paths, state, at, run.len() * wide, HIGH - 2);
            column += run.len();
        }
    }
    let mut last_day = None;
    let mark = (110 / wide).max(1);
    let marks: Vec<(usize, String)> = (0..columns)
        .step_by(mark)
        .map(|column| (column, chart.mark(chart.start_of(column), &mut last_day)))
        .collect();
    html! {
        svg width=(width) height=(height) viewBox={ "0 0 " (width) " " (height) } role="img"
            aria-label="The table below says the same"
            data-left=(LEFT) data-top=(TOP) data-wide=(wide) data-high=(HIGH) data-columns=(columns)
            data-start=(chart.start_of(0)) data-step=(chart.step()) {
            @for (column, text) in &marks {
                text.soft x=(LEFT + column * wide) y="11" { (text) }
                line.axis x1=(LEFT + column * wide) x2=(LEFT + column * wide) y1=(TOP - 4) y2=(height) {}
            }
            @for (number, row) in chart.rows.iter().enumerate() {
                text x="0" y=(TOP + number * HIGH + 11) data-name=(shown(&row.interface)) { (label(row)) }
            }
            (strokes(&paths))
            rect.cursor x=(LEFT) y=(TOP) width=(wide) height=(HIGH) {}
        }
    }
}

/// A name that fits beside its row.
fn label(row: &ChartRow) -> String {
    let name = shown(&row.interface);
    match name.char_indices().nth(24) {
        None => name,
        Some((at, _)) => format!("{}…", &name[..at]),
    }
}

/// A column of the table: its name, and what it adds up of the cells.
type MapSum = (&'static str, fn(&ChartCell) -> u64);

fn table(chart: &Chart) -> Markup {
    let sum = |row: &ChartRow, of: fn(&ChartCell) -> u64| row.cells.iter().map(of).sum::<u64>();
    let times = |row: &ChartRow| {
        let differ = |cell: &ChartCell| cell.differing() > 0;
        let first = row.cells.iter().position(differ)?;
        let last = row.cells.iter().rposition(differ)?;
        Some((chart.start_of(first), chart.start_of(last + 1)))
    };
    let columns: [MapSum; 7] = [
        ("missing on s3", |cell| cell.missing.s3),
        ("missing on cwl", |cell| cell.missing.cwl),
        ("divergent", |cell| cell.divergent),
        ("surplus", |cell| cell.surplus.s3 + cell.surplus.cwl),
        ("pending", |cell| cell.pending.s3 + cell.pending.cwl),
        ("undetermined", |cell| {
            cell.undetermined.s3 + cell.undetermined.cwl
        }),
        ("records held", |cell| cell.held.s3.max(cell.held.cwl)),
    ];
    html! {
        details {
            summary { "The map as a table" }
            div.wide tabindex="0" role="group" aria-label="The map as a table" {
                table {
                    thead {
                        tr {
                            th { "interface" }
                            @for (name, _) in columns { th.number { (name) } }
                            th { "differs from" } th { "to" }
                        }
                    }
                    tbody {
                        @for row in &chart.rows {
                            tr {
                                th scope="row" {
                                    span.mono data-named="" { (shown(&row.interface)) }
                                    button.plain.mono type="button" hidden data-pick=(shown(&row.interface)) { (shown(&row.interface)) }
                                }
                                @for (_, of) in columns { td.number { (thousands(sum(row, of))) } }
                                @match times(row) {
                                    Some((from, to)) => { td { (rfc3339(from)) } td { (rfc3339(to)) } }
                                    None => { td { "-" } td { "-" } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
