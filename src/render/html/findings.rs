//! The findings, with the rows that show them and the commands that fetch these.

use std::cmp::Reverse;

use itertools::Itertools;
use maud::{Markup, html};

use super::{MOST_LINES, shown};
use crate::diff::heading;
use crate::model::Side;
use crate::model::finding::{Evidence, Finding};
use crate::model::window::rfc3339;
use crate::model::words::{count, thousands};
use crate::render::place::Where;
use crate::report::Report;

/// The most findings that are listed.
const MOST_FINDINGS: usize = 600;

/// The most rows that are shown, of all findings together.
const MOST_ROWS: usize = 200;

/// Lists the findings with most records.
pub(super) fn findings(report: &Report) -> Markup {
    let all = report.findings.len();
    if all == 0 {
        return html! {};
    }
    // In their own order, but if not all have room, those with most records.
    let mut listed: Vec<(usize, &Finding)> = report.findings.iter().enumerate().collect();
    listed.sort_by_key(|(at, finding)| (Reverse(finding.records()), *at));
    listed.truncate(MOST_FINDINGS);
    listed.sort_by_key(|(at, _)| *at);
    let kinds = listed.iter().map(|(_, finding)| kind(finding)).unique();
    let mut room = MOST_ROWS;
    html! {
        section id="findings" {
            h2 { "Findings" }
            p {
                "A finding is what differs of one interface in five minutes of start."
                @if all > listed.len() {
                    " Listed are the " (thousands(listed.len() as u64)) " of " (thousands(all as u64))
                    " with most records; --report json=FILE has all of them."
                }
                @if report.evidence_capped {
                    " Not every record is shown; --all-differences FILE writes each of them."
                }
            }
            div.tools id="filter" hidden {
                label { "Contains" input type="search" id="filter-word"; }
                label { "Kind"
                    select id="filter-kind" {
                        option value="" { "all" }
                        @for kind in kinds { option value=(kind) { (kind) } }
                    }
                }
                button type="button" id="filter-clear" { "Show all" }
                span id="filter-said" role="status" tabindex="-1" {}
            }
            div.wide tabindex="0" role="group" aria-label="Findings" {
                table {
                    thead { tr { th { "kind" } th { "interface" } th { "slot" } th.number { "records" } th { "cause" } th { "rows and the commands that fetch them" } } }
                    @for (_, finding) in &listed { (finding_of(report, finding, &mut room)) }
                }
            }
        }
    }
}

fn kind(finding: &Finding) -> String {
    match finding {
        Finding::Leftovers { kind, side, .. } => format!("{} on {side}", kind.name()),
        Finding::Divergent { .. } => "divergent".to_owned(),
    }
}

fn finding_of(report: &Report, finding: &Finding, room: &mut usize) -> Markup {
    let bucket = finding.bucket();
    let slot = bucket
        .slot
        .map_or_else(String::new, |slot| slot.to_string());
    let rows: Vec<Markup> =
        match finding {
            Finding::Leftovers {
                kind,
                side,
                evidence,
                ..
            } => {
                let owner = kind.owner(*side);
                let shown = evidence.iter().take(*room);
                shown.map(|found| row(report, owner, found)).collect()
            }
            Finding::Divergent { evidence, .. } => {
                let shown = evidence.iter().take(*room);
                let pair = shown.map(|pair| html! {
                p {
                    @for name in &pair.fields {
                        strong { (super::shown(name)) } " "
                        code { (super::shown(pair.s3.record.get(name).unwrap_or("-"))) } " ≠ "
                        code { (super::shown(pair.cwl.record.get(name).unwrap_or("-"))) } " "
                    }
                }
                (row(report, Side::S3, &pair.s3))
                (row(report, Side::Cwl, &pair.cwl))
            });
                pair.collect()
            }
        };
    *room -= rows.len();
    html! {
        tbody.finding data-kind=(kind(finding)) data-interface=(shown(&bucket.interface)) data-slot=(slot) {
            tr {
                td { (kind(finding)) }
                td.mono { (shown(&bucket.interface)) }
                td { (bucket.slot.map_or_else(|| "-".to_owned(), rfc3339)) }
                td.number { (thousands(finding.records())) }
                td { (causes_of(report, finding)) }
                td {
                    @if !rows.is_empty() {
                        details {
                            summary { (count(rows.len() as u64, "row")) }
                            @for row in rows { (row) }
                        }
                    }
                }
            }
        }
    }
}

/// The numbers of a finding's causes, each of which leads to what is said of it, and of how many records it is if not of all.
fn causes_of(report: &Report, finding: &Finding) -> Markup {
    let ((bucket, kind), records) = heading(finding);
    let told = report.why.causes.iter().take(MOST_LINES);
    let told: Vec<u32> = told.map(|it| it.number).collect();
    html! {
        @for (at, share) in report.why.shares(&bucket, kind).iter().enumerate() {
            @if at > 0 { ", " }
            @if told.contains(&share.number) {
                a href=(format!("#cause-{}", share.number)) aria-label=(format!("cause {}", share.number)) { (share.number) }
            } @else { (share.number) }
            @if share.records < records { span.soft { " (" (thousands(share.records)) " of them)" } }
        }
    }
}

/// A record, where it stands, and the command that fetches it.
fn row(report: &Report, side: Side, found: &Evidence) -> Markup {
    let at = Where::of(report, side);
    let times = ["start", "end"].map(|name| {
        let second = found.record.get(name).and_then(|text| text.parse().ok());
        (name, second.map(rfc3339))
    });
    html! {
        p {
            span.soft { (side.name()) }
            @for (name, time) in times { @if let Some(time) = time { " " (name) " " (time) } }
            br;
            code { (shown(&found.record.to_string())) }
            br;
            @if !at.is_stream() {
                code { (shown(&at.row(&found.found_in))) }
                br;
            }
            @if let Some(command) = at.command(&found.found_in) { code { "$ " (shown(&command)) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn each_finding_leads_to_its_causes() {
        let mut report = sample::different();
        let link = format!("href=\"#cause-{}\"", report.why.causes[0].number);
        let first = |report: &Report| {
            let all = findings(report).into_string();
            assert_eq!(all.matches(&link).count(), 1, "{all}");
            all.split("<tbody").nth(1).unwrap().to_owned()
        };
        let whole = first(&report);
        assert!(
            whole.contains(&link) && !whole.contains("of them"),
            "{whole}"
        );
        for shares in report.why.shares.values_mut() {
            shares[0].records = 1;
        }
        let in_part = first(&report);
        assert!(in_part.contains("(1 of them)"), "{in_part}");
    }
}
