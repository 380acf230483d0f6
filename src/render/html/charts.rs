//! Records over time, and how long they were on their way.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};

use crate::model::Side;
use crate::model::window::rfc3339;
use crate::model::words::thousands;
use crate::render::chart::Chart;
use crate::report::Report;

/// The size of a chart, in the units of the drawing.
const WIDTH: usize = 900;
const HEIGHT: usize = 180;
const LEFT: usize = 80;
const BELOW: usize = 22;

/// The most columns; each is a row of the table.
const MOST_COLUMNS: usize = 96;

/// Draws how many records each side has, by their start.
pub(super) fn over_time(report: &Report) -> Markup {
    let chart = Chart::of_all(report, MOST_COLUMNS, 1);
    let most = chart
        .total
        .iter()
        .map(|cell| cell.held.s3.max(cell.held.cwl))
        .max()
        .unwrap_or(0);
    if most == 0 {
        return html! {};
    }
    let wide = (WIDTH / chart.columns().max(1)).max(1);
    let line = |side: Side| {
        let mut path = String::new();
        for (column, cell) in chart.total.iter().enumerate() {
            let y = up(cell.held[side], most);
            let command = if column == 0 { 'M' } else { 'V' };
            let x = LEFT + column * wide;
            // Writing to a String cannot fail.
            let _ = match command {
                'M' => write!(path, "M{x} {y}"),
                _ => write!(path, "V{y}"),
            };
            let _ = write!(path, "h{wide}");
        }
        path
    };
    let mut last_day = None;
    let mark = (100 / wide).max(1);
    let marks: Vec<(usize, String)> = (0..chart.columns())
        .step_by(mark)
        .map(|column| (column, chart.mark(chart.start_of(column), &mut last_day)))
        .collect();
    let width = LEFT + chart.columns() * wide + 10;
    html! {
        section {
            h2 { "Records over time" }
            p { "All interfaces, " (chart.step_in_words()) " a step. s3 is the whole line, cwl the broken one." }
            div.wide tabindex="0" role="group" aria-label="Records over time" {
                svg width=(width) height=(HEIGHT + BELOW) viewBox={ "0 0 " (width) " " (HEIGHT + BELOW) } role="img"
                    aria-label="Records of both sides over time; the table below says the same" {
                    (frame(width, most))
                    @for (column, text) in &marks { text.soft x=(LEFT + column * wide) y=(HEIGHT + 16) { (text) } }
                    path.l-s3 d=(PreEscaped(line(Side::S3))) {}
                    path.l-cwl d=(PreEscaped(line(Side::Cwl))) {}
                }
            }
            details {
                summary { "Records over time as a table" }
                table {
                    thead { tr { th { "start" } th.number { "s3" } th.number { "cwl" } th.number { "differing" } } }
                    tbody {
                        @for (column, cell) in chart.total.iter().enumerate() {
                            tr {
                                th scope="row" { (rfc3339(chart.start_of(column))) }
                                td.number { (thousands(cell.held.s3)) }
                                td.number { (thousands(cell.held.cwl)) }
                                td.number { (thousands(cell.differing())) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn frame(width: usize, most: u64) -> Markup {
    html! {
        line.axis x1=(LEFT) x2=(width) y1=(HEIGHT) y2=(HEIGHT) {}
        line.axis x1=(LEFT) x2=(width) y1="10" y2="10" {}
        text.soft x="0" y="14" { (thousands(most)) }
        text.soft x="0" y=(HEIGHT) { "0" }
    }
}

/// Returns how far down a number stands.
fn up(number: u64, most: u64) -> usize {
    let room = (HEIGHT - 10) as u128;
    let high = u128::from(number) * room / u128::from(most.max(1));
    HEIGHT - usize::try_from(high).unwrap_or(0)
}

/// Draws how long records were on their way.
pub(super) fn delays(report: &Report) -> Markup {
    let bins = report.sides.as_ref().map(|side| &side.delivery_bins);
    let rows = bins.s3.len().max(bins.cwl.len());
    let number = |side: Side, at: usize| bins[side].get(at).map_or(0, |(_, number)| *number);
    let most = Side::BOTH
        .into_iter()
        .flat_map(|side| (0..rows).map(move |at| (side, at)))
        .map(|(side, at)| number(side, at))
        .max()
        .unwrap_or(0);
    if most == 0 {
        return html! {};
    }
    let bound = |at: usize| {
        let of = |side: Side| bins[side].get(at).map(|(bound, _)| *bound);
        of(Side::S3).or_else(|| of(Side::Cwl)).flatten()
    };
    let name = |at: usize| bound(at).map_or_else(|| "longer".to_owned(), duration);
    let wide = WIDTH / rows.max(1);
    let bar = |side: Side, at: usize| {
        let y = up(number(side, at), most);
        let half = wide / 2 - 3;
        let x = LEFT + at * wide + if side == Side::S3 { 0 } else { half + 2 };
        html! { rect class={ "m-" (side.name()) } x=(x) y=(y) width=(half) height=(HEIGHT - y) {} }
    };
    let width = LEFT + rows * wide + 10;
    html! {
        section {
            h2 { "Delays" }
            p { "From a record's end to its delivery; each bar counts records that took at most so long. Left s3, right cwl." }
            div.wide tabindex="0" role="group" aria-label="Delays" {
                svg width=(width) height=(HEIGHT + BELOW) viewBox={ "0 0 " (width) " " (HEIGHT + BELOW) } role="img"
                    aria-label="Delays of both sides; the table below says the same" {
                    (frame(width, most))
                    @for at in 0..rows {
                        (bar(Side::S3, at)) (bar(Side::Cwl, at))
                        text.soft x=(LEFT + at * wide) y=(HEIGHT + 16) { (name(at)) }
                    }
                }
            }
            details {
                summary { "Delays as a table" }
                table {
                    thead { tr { th { "at most" } th.number { "s3" } th.number { "cwl" } } }
                    tbody {
                        @for at in 0..rows {
                            tr {
                                th scope="row" { (name(at)) }
                                td.number { (thousands(number(Side::S3, at))) }
                                td.number { (thousands(number(Side::Cwl, at))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn duration(seconds: u64) -> String {
    humantime::format_duration(std::time::Duration::from_secs(seconds)).to_string()
}
