//! A history as a page, by the rules of the check's page; and the part of it that a job's page shows.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::{ToldHistory, day, headline, long};
use crate::archive::{DayTally, History};
use crate::model::window::rfc3339;
use crate::model::words::{count, thousands};
use crate::model::{Side, Sides};
use crate::render::html::{CSS, shown};

/// The most rows of a list; JSON and CSV have all.
const MOST_ROWS: usize = 200;
/// The most days that are drawn, one after the other.
const MOST_DAYS: usize = 400;

/// In the units of the drawing: a day's square, the room for the months' names.
const DAY: usize = 14;
const LEFT: usize = 70;
/// How wide a date is.
const DATE: usize = 70;
/// How high a chart is.
const HIGH: usize = 90;

/// Writes the page.
pub(super) fn write(told: ToldHistory<'_>, out: &mut dyn Write) -> io::Result<()> {
    let history = told.history;
    let style = STANDARD.encode(Sha256::digest(CSS));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
    );
    let worst = if history.total.missing != Sides::default() || history.total.lost() > 0 {
        "different"
    } else {
        "consistent"
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "flowdiff: history" }
                style { (PreEscaped(CSS)) }
            }
            body {
                main {
                    header {
                        p.soft { "flowdiff: what a scheduled check of two VPC flow logs has found, window by window" }
                        h1 class=(worst) { (headline(history)) }
                        p { "s3 is " code { (shown(&history.sources.s3)) } ", cwl is " code { (shown(&history.sources.cwl)) } "." }
                    }
                    section { h2 { "Days" } (days(history)) }
                    (interfaces(history))
                    (windows(history))
                    (causes(history))
                    (gaps(history))
                    (chain(told))
                }
            }
        }
    };
    out.write_all(page.into_string().as_bytes())?;
    out.write_all(b"\n")
}

/// What a job's page shows of the last days.
pub(in crate::render) fn section(history: &History) -> Markup {
    let open = &history.open;
    let copies = |numbers: Sides<u64>| count(numbers.s3 + numbers.cwl, "record");
    html! {
        @if history.span.is_some() {
            section {
                h2 { "The last " (count(history.days.len() as u64, "day")) }
                p { (headline(history)) " Open now: " (copies(open.pending)) " pending, " (copies(open.undetermined)) " undetermined, "
                    (count(open.unreadable_parts, "part")) " unreadable, " (count(open.unread_windows, "window")) " not read." }
                (days(history))
            }
        }
    }
}

/// The class and the words of what a day is shown as.
fn state(day: &DayTally) -> (&'static str, &'static str) {
    let tally = &day.tally;
    if tally.missing.s3 + tally.missing.cwl > 0 {
        ("m-divergent", "missing")
    } else if tally.lost() > 0 {
        ("m-surplus", "surplus or divergent")
    } else if tally.untold_windows > 0 {
        ("m-open", "not all could be told")
    } else if day.gap_seconds > 0 {
        ("m-pending", "not all was read")
    } else {
        ("m-same", "the same on both sides")
    }
}

/// The calendar, the trend of lost and late records and of delays, and all of it as a table.
fn days(history: &History) -> Markup {
    let skipped = history.days.len().saturating_sub(MOST_DAYS);
    let days = &history.days[skipped..];
    let key: [(&str, &str); 5] = [
        ("m-same", "the same on both sides"),
        ("m-divergent", "missing"),
        ("m-surplus", "surplus or divergent"),
        ("m-open", "not all could be told"),
        ("m-pending", "not all was read"),
    ];
    let lost: Vec<Sides<u64>> = days
        .iter()
        .map(|day| {
            let tally = &day.tally;
            Sides::from_fn(|side| tally.missing[side] + tally.surplus[side] + tally.divergent)
        })
        .collect();
    let late: Vec<Sides<u64>> = days.iter().map(|day| day.tally.late).collect();
    let p99 = |day: &DayTally| {
        day.delays
            .map(|delays| delays.map_or(0, |delays| delays.p99))
    };
    let delays: Vec<Sides<u64>> = days.iter().map(p99).collect();
    html! {
        @if skipped > 0 { p.soft { "The last " (thousands(MOST_DAYS as u64)) " days are drawn; JSON and CSV have all." } }
        ul.key {
            @for (class, words) in key {
                li { svg width="14" height="14" aria-hidden="true" { rect class=(class) x="1" y="1" width="12" height="12" {} } (words) }
            }
        }
        (calendar(days))
        (chart("Lost or changed records by day", days, &lost, ""))
        (chart("Late records by day", days, &late, ""))
        (chart("Delays by day: 99 of 100 records took at most, in seconds", days, &delays, " s"))
        details {
            summary { "Days as a table" }
            table {
                thead {
                    tr {
                        th { "day" } th { "state" } th.number { "windows" } th.number { "missing s3" } th.number { "missing cwl" }
                        th.number { "surplus" } th.number { "divergent" } th.number { "late s3" } th.number { "late cwl" }
                        th.number { "p99 s3" } th.number { "p99 cwl" } th.number { "not read" }
                    }
                }
                tbody {
                    @for one in days {
                        @let tally = &one.tally;
                        tr {
                            th scope="row" { (day(one.day)) }
                            td { (state(one).1) }
                            @for number in [tally.windows, tally.missing.s3, tally.missing.cwl, tally.surplus.s3 + tally.surplus.cwl,
                                tally.divergent, tally.late.s3, tally.late.cwl] {
                                td.number { (thousands(number)) }
                            }
                            @for side in Side::BOTH {
                                td.number { @match one.delays[side] { Some(delays) => { (delays.p99) " s" } None => "-" } }
                            }
                            td.number { @if one.gap_seconds > 0 { (long(one.gap_seconds)) } }
                        }
                    }
                }
            }
        }
    }
}

/// A row of squares for each month.
fn calendar(days: &[DayTally]) -> Markup {
    let mut months: Vec<String> = days
        .iter()
        .map(|one| day(one.day)[..7].to_owned())
        .collect();
    months.dedup();
    let row = |one: &DayTally| {
        let month = &day(one.day)[..7];
        months.iter().position(|known| known == month).unwrap_or(0)
    };
    let column = |one: &DayTally| {
        let text = day(one.day);
        text[8..].parse::<usize>().unwrap_or(1) - 1
    };
    let (width, height) = (LEFT + 31 * DAY, months.len() * DAY + DAY);
    html! {
        div.wide tabindex="0" role="group" aria-label="Calendar" {
            svg width=(width) height=(height) viewBox={ "0 0 " (width) " " (height) } role="img"
                aria-label="A square for each day; the table below says the same" {
                @for at in [1, 8, 15, 22, 29] { text.soft x=(LEFT + (at - 1) * DAY) y=(DAY - 4) { (at) } }
                @for (at, month) in months.iter().enumerate() { text.soft x="0" y=(at * DAY + 2 * DAY - 4) { (month) } }
                @for one in days {
                    rect class=(state(one).0) x=(LEFT + column(one) * DAY + 1) y=(row(one) * DAY + DAY + 1)
                        width=(DAY - 2) height=(DAY - 2) {
                        title { (day(one.day)) ": " (state(one).1) ", " (thousands(one.tally.lost())) " lost or changed" }
                    }
                }
            }
        }
    }
}

/// A bar for each day and side; nothing if all are 0.
fn chart(name: &str, days: &[DayTally], numbers: &[Sides<u64>], unit: &str) -> Markup {
    let most = numbers
        .iter()
        .map(|it| it.s3.max(it.cwl))
        .max()
        .unwrap_or(0);
    if most == 0 {
        return html! {};
    }
    let wide = (900 / days.len().max(1)).clamp(2, 24);
    let width = LEFT + (days.len() * wide).max(DATE) + 10;
    let high = |number: u64| {
        let high = u128::from(number) * (HIGH - 10) as u128 / u128::from(most);
        // What is there is seen.
        usize::try_from(high)
            .unwrap_or(0)
            .max(usize::from(number > 0))
    };
    let bar = |at: usize, side: Side| {
        let high = high(numbers[at][side]);
        let half = wide / 2;
        let x = LEFT + at * wide + if side == Side::S3 { 0 } else { half };
        html! {
            @if high > 0 { rect class={ "m-" (side.name()) } x=(x) y=(HIGH - high) width=(half.max(1)) height=(high) {} }
        }
    };
    html! {
        h3 { (name) }
        p.soft { "Left s3, right cwl; at most " (thousands(most)) (unit) "." }
        div.wide tabindex="0" role="group" aria-label=(name) {
            svg width=(width) height=(HIGH + 18) viewBox={ "0 0 " (width) " " (HIGH + 18) } role="img"
                aria-label={ (name) "; the table below says the same" } {
                line.axis x1=(LEFT) x2=(width) y1=(HIGH) y2=(HIGH) {}
                text.soft x="0" y="14" { (thousands(most)) }
                @for at in 0..days.len() { (bar(at, Side::S3)) (bar(at, Side::Cwl)) }
                @if let (Some(first), Some(last)) = (days.first(), days.last()) {
                    text.soft x=(LEFT) y=(HIGH + 14) { (day(first.day)) }
                    @if days.len() * wide > 2 * DATE {
                        text.soft x=(width - 10) y=(HIGH + 14) text-anchor="end" { (day(last.day)) }
                    }
                }
            }
        }
    }
}

fn more(all: usize) -> Markup {
    html! {
        @if all > MOST_ROWS { p.soft { "And " (thousands((all - MOST_ROWS) as u64)) " more: see JSON or CSV." } }
    }
}

fn interfaces(history: &History) -> Markup {
    html! {
        @if !history.interfaces.is_empty() {
            section {
                h2 { "Interfaces" }
                table {
                    thead { tr { th { "interface" } th.number { "missing s3" } th.number { "missing cwl" } th.number { "surplus" }
                        th.number { "divergent" } th.number { "lines" } th.number { "days" } } }
                    tbody {
                        @for one in history.interfaces.iter().take(MOST_ROWS) {
                            tr {
                                th scope="row" { code { (shown(&one.interface)) } }
                                @for number in [one.missing.s3, one.missing.cwl, one.surplus.s3 + one.surplus.cwl, one.divergent, one.lines,
                                    one.days.len() as u64] {
                                    td.number { (thousands(number)) }
                                }
                            }
                        }
                    }
                }
                (more(history.interfaces.len()))
                @if history.more_interfaces {
                    p.soft { "Lines name the 50 interfaces with most; some had more, which are in their reports." }
                }
            }
        }
    }
}

fn windows(history: &History) -> Markup {
    html! {
        @if !history.worst.is_empty() {
            section {
                h2 { "Worst windows" }
                table {
                    thead { tr { th { "window" } th.number { "records" } th.number { "line" } th { "report in the archive" } } }
                    tbody {
                        @for one in &history.worst {
                            tr {
                                th scope="row" { (rfc3339(one.window.start)) " to " (rfc3339(one.window.end)) }
                                td.number { (thousands(one.records)) }
                                td.number { (thousands(one.line)) }
                                td { code { (shown(one.report.as_deref().unwrap_or("-"))) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn causes(history: &History) -> Markup {
    html! {
        @if !history.causes.is_empty() || history.unexplained > 0 {
            section {
                h2 { "Why" }
                ul {
                    @for one in history.causes.iter().take(MOST_ROWS) {
                        li {
                            strong { (one.kind) } @if let Some(side) = one.side { " (" (side.name()) ")" }
                            @if !one.certain { ", likely" }
                            ": " (count(one.records, "record")) " in " (count(one.lines, "line")) ", " (rfc3339(one.since)) " to "
                            (rfc3339(one.until)) ". Last: " (shown(&one.text))
                        }
                    }
                    @if history.unexplained > 0 { li { (count(history.unexplained, "record")) " not explained." } }
                }
            }
        }
    }
}

fn gaps(history: &History) -> Markup {
    html! {
        @if !history.gaps.is_empty() {
            section {
                h2 { "Not read by any run" }
                ul {
                    @for gap in history.gaps.iter().take(MOST_ROWS) {
                        li { (rfc3339(gap.start)) " to " (rfc3339(gap.end)) ", " (long(gap.end - gap.start)) }
                    }
                }
                (more(history.gaps.len()))
            }
        }
        @if history.twice_seconds > 0 {
            p.unknown { (long(history.twice_seconds)) " was read twice after a rewind: what is lost in it counts twice." }
        }
    }
}

fn chain(told: ToldHistory<'_>) -> Markup {
    let history = told.history;
    html! {
        section {
            h2 { "The archive" }
            table {
                tbody {
                    tr { th scope="row" { "flowdiff" } td { (env!("CARGO_PKG_VERSION")) } }
                    tr { th scope="row" { "place" } td { code { (shown(&told.folder.display().to_string())) } } }
                    tr { th scope="row" { "lines" } td { (thousands(history.first_line)) " to " (thousands(history.last_line)) ": the chain is whole" } }
                    tr { th scope="row" { "its end" } td {
                        @if told.compared { "is the one that the state of the job knows" } @else { "was not compared with a state" }
                    } }
                    @if history.unfinished { tr { th scope="row" { "unfinished" } td { "a line, which the next run completes" } } }
                    @if let Some(at) = history.removed_at { tr { th scope="row" { "older lines" } td { "removed " (rfc3339(at)) } } }
                    @if let Some(at) = history.last_read_at { tr { th scope="row" { "last read" } td { (rfc3339(at)) } } }
                    @if let Some((took, window)) = history.slowest {
                        tr { th scope="row" { "at the latest" } td { (long(took)) " after the end of the window of " (rfc3339(window.start)) } }
                    }
                }
            }
        }
    }
}
