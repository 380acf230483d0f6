//! The report as one page: what happened, drawn, listed, and how it was checked. It asks for nothing from anywhere.
//!
//! Every text goes through the template's escaping; what is written as it is are the two files beside this one and
//! numbers. The page's policy (CSP Level 3, "hash-source") allows these two and nothing else.

mod charts;
mod findings;
mod map;
mod matrix;
mod whole;

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::escape::escape;
use super::sort::{ToldSort, told};
use super::{Style, cause, history, place, wording};
use crate::model::finding::ReadTrouble;
use crate::model::window::rfc3339;
use crate::model::words::{count, thousands};
use crate::model::{Side, Sides};
use crate::report::{Report, SideSummary};

pub(super) const CSS: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The longest text of any origin that is shown; the embedded report has it whole.
const LONGEST: usize = 300;

/// The most stretches of which a side has nothing.
const MOST_GAPS: usize = 5;

/// The most lines of what could not be read, and of notes.
const MOST_LINES: usize = 50;

/// Writes the page.
pub(super) fn write(report: &Report, style: Style<'_>, out: &mut dyn Write) -> io::Result<()> {
    let whole = whole::whole(report)?;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "flowdiff: " (report.verdict.name()) }
                style { (PreEscaped(CSS)) }
            }
            body {
                main {
                    (answer(report))
                    (why(report))
                    (not_read(report))
                    (numbers(report))
                    @if let Some(history) = style.history { (history::html::section(history)) }
                    (map::map(report))
                    (charts::over_time(report))
                    (charts::delays(report))
                    (matrix::matrix(report))
                    (findings::findings(report))
                    (checked(report))
                    (whole::shown(&whole))
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    out.write_all(page.into_string().as_bytes())?;
    out.write_all(b"\n")
}

/// Allows the page's own style and script, and nothing else: no request, no image, no form.
fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        hash(CSS),
        hash(SCRIPT)
    )
}

/// A text of any origin, harmless to whoever copies it, and no longer than there is room for.
pub(super) fn shown(text: &str) -> String {
    let text = escape(text);
    match text.char_indices().nth(LONGEST) {
        None => text,
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

fn answer(report: &Report) -> Markup {
    html! {
        header {
            p.soft { "flowdiff: do both destinations hold the same VPC flow-log records?" }
            @if let Some(interruption) = wording::interruption(report) {
                p.unknown { strong { (interruption) } }
            }
            h1 class=(report.verdict.name()) { (wording::verdict(report)) }
            @if let Some(reservation) = wording::reservation(report) {
                p.unknown { (reservation) }
            }
            p {
                "Window: " (report.window.to_string()) ". s3 is "
                code { (shown(&report.sides.s3.source)) } ", cwl is "
                code { (shown(&report.sides.cwl.source)) } "."
            }
            @let gaps = wording::gaps(report);
            @if !gaps.is_empty() {
                ul { @for text in gaps.iter().take(MOST_GAPS) { li { (shown(text)) } } }
            }
            @if gaps.len() > MOST_GAPS {
                p.soft { "And " (thousands((gaps.len() - MOST_GAPS) as u64)) " more stretches of which a side has nothing." }
            }
        }
    }
}

fn why(report: &Report) -> Markup {
    let why = &report.why;
    let unlike: Vec<_> = report.configuration().collect();
    html! {
        @if !why.causes.is_empty() || !unlike.is_empty() {
            section {
                h2 { "Why" }
                @if !why.causes.is_empty() {
                    p.soft { "The cause that explains most comes first; it is certain unless it says likely." }
                    ol {
                        @for it in why.causes.iter().take(MOST_LINES) {
                            li id=(format!("cause-{}", it.number)) value=(it.number) {
                                (shown(&cause::explained(it))) " "
                                span.soft { "(" (count(it.records, "record")) ") What to do: " (shown(&cause::step(it))) "." }
                            }
                        }
                    }
                    @if why.unexplained > 0 { p { (count(why.unexplained, "record")) " not explained." } }
                }
                @if !unlike.is_empty() {
                    h3 { "How the two flow logs are set up" }
                    ul {
                        @for it in unlike {
                            li {
                                strong { (it.setting()) }
                                @if let Some(side) = it.side() { " (" (side.name()) ")" }
                                @if let Some(values) = cause::values(it) {
                                    ": s3 " code { (shown(&values.s3)) } ", cwl " code { (shown(&values.cwl)) }
                                }
                                ". " (shown(&cause::reason(it)))
                            }
                        }
                    }
                }
            }
        }
        @if let Some(next) = &report.next {
            section {
                h2 { "What to do next" }
                p { (shown(&next.text)) "." }
                @if let Some(command) = &next.command { pre tabindex="0" role="region" aria-label="The command" { (escape(command)) } }
            }
        }
    }
}

fn not_read(report: &Report) -> Markup {
    let others = report
        .causes
        .iter()
        .filter(|it| told(it) == ToldSort::NotRead);
    let others: Vec<String> = others.filter_map(cause::note).collect();
    let whole = |side: Side| place::Where::of(report, side);
    html! {
        @if !others.is_empty() || !report.troubles.is_empty() {
            section {
                h2 { "What was not read" }
                p.soft { "What this may hold is never called missing." }
                ul {
                    @for trouble in report.troubles.iter().take(MOST_LINES) {
                        li {
                            @match trouble {
                                ReadTrouble::Unreadable { side, part, reason, .. } => {
                                    (side.name()) ": " code { (shown(&whole(*side).part(part))) }
                                    " could not be read: " (shown(reason))
                                }
                                ReadTrouble::Malformed { side, place, reason } => {
                                    (side.name()) ": " code { (shown(&whole(*side).row(place))) }
                                    " is no flow-log record: " (shown(reason))
                                }
                            }
                        }
                    }
                    @for text in others.iter().take(MOST_LINES) { li { (shown(text)) } }
                }
                @if report.troubles.len() > MOST_LINES {
                    p.soft { "And " (thousands((report.troubles.len() - MOST_LINES) as u64)) " more." }
                }
            }
        }
    }
}

/// A row of numbers: its name, both sides, and what it means.
type PageNumbers = (&'static str, Sides<u64>, &'static str);

fn numbers(report: &Report) -> Markup {
    let both = |number| Sides::from_fn(|_| number);
    let counts = &report.counts;
    let of = |get: fn(&SideSummary) -> u64| report.sides.as_ref().map(get);
    let rows: [PageNumbers; 16] = [
        (
            "parts",
            of(|side| side.parts),
            "objects, files or log streams",
        ),
        ("bytes", of(|side| side.bytes), "as stored"),
        ("records", of(|side| side.records), "rows inside the window"),
        ("NODATA", of(|side| side.nodata), "of these: no traffic"),
        (
            "SKIPDATA",
            of(|side| side.skipdata),
            "of these: lost by AWS before delivery",
        ),
        ("matched", both(counts.matched), "both have them"),
        (
            "matched on fewer fields",
            both(counts.matched_on_fewer_fields),
            "equal in all that both have",
        ),
        ("missing here", counts.missing, "the other side has them"),
        (
            "surplus here",
            counts.surplus,
            "extra copies of what both have",
        ),
        (
            "divergent",
            both(counts.divergent),
            "the same flow with unequal values",
        ),
        ("pending here", counts.pending, "may still arrive"),
        (
            "undetermined here",
            counts.undetermined,
            "may sit in what could not be read here",
        ),
        ("came late here", counts.late, "not there at the first look"),
        (
            "malformed rows",
            of(|side| side.malformed),
            "no flow-log record",
        ),
        (
            "unreadable parts",
            of(|side| side.unreadable_parts),
            "what they hold is not known",
        ),
        (
            "masked records",
            of(|side| side.masked),
            "values that cannot be seen",
        ),
    ];
    html! {
        section {
            h2 { "Numbers" }
            table {
                thead { tr { th { "what" } th.number { "s3" } th.number { "cwl" } th { "which means" } } }
                tbody {
                    @for (name, values, explained) in rows.into_iter().filter(|(_, values, _)| *values != Sides::default()) {
                        tr {
                            th scope="row" { (name) }
                            td.number { (thousands(values.s3)) }
                            td.number { (thousands(values.cwl)) }
                            td.soft { (explained) }
                        }
                    }
                }
            }
        }
    }
}

fn checked(report: &Report) -> Markup {
    let notes = report.causes.iter().filter(|it| told(it) == ToldSort::Note);
    let notes: Vec<String> = notes.filter_map(cause::note).collect();
    let words = report.arguments.iter().map(|word| place::quoted(word));
    let typed = words.collect::<Vec<_>>().join(" ");
    html! {
        section {
            h2 { "How it was checked" }
            table {
                tbody {
                    tr { th scope="row" { "flowdiff" } td { (env!("CARGO_PKG_VERSION")) } }
                    @if !typed.is_empty() {
                        tr { th scope="row" { "typed" } td { code { "flowdiff " (shown(&typed)) } } }
                    }
                    tr { th scope="row" { "at" } td { (rfc3339(report.settle.now)) } }
                    tr { th scope="row" { "window" } td { (report.window.to_string()) ", cut on a record's start" } }
                    tr { th scope="row" { "settle" } td { (report.settle.seconds) " s: younger records are pending" } }
                    tr { th scope="row" { "looks" } td { (report.looks) } }
                    @for (kind, names) in &report.fields {
                        tr { th scope="row" { "compared (" (kind.to_string()) ")" } td { (shown(&names.join(", "))) } }
                    }
                    @for (kind, sides) in &report.fields_left_out {
                        @for side in Side::BOTH {
                            @if !sides[side].is_empty() {
                                tr {
                                    th scope="row" { "not compared (" (kind.to_string()) ", only " (side.name()) ")" }
                                    td { (shown(&sides[side].join(", "))) }
                                }
                            }
                        }
                    }
                    @for note in notes.iter().take(MOST_LINES) {
                        tr { th scope="row" { "note" } td { (shown(note)) } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::model::finding::{Bucket, Finding, LeftoverKind};
    use crate::report::held::HeldOverTime;
    use crate::report::{Verdict, sample};

    fn page(report: &Report) -> String {
        let mut out = Vec::new();
        write(report, Style::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn nothing_is_allowed_but_its_own_style_and_script() {
        let page = page(&sample::different());
        let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
        let between = |open: &str, close: &str| {
            let (_, rest) = page.split_once(open).unwrap();
            rest.split_once(close).unwrap().0
        };
        let policy = between("http-equiv=\"Content-Security-Policy\" content=\"", "\"");
        for text in [
            between("<style>", "</style>"),
            between("<script>", "</script>"),
        ] {
            assert!(policy.contains(&hash(text)), "{policy}");
        }
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(!page.contains(" style=") && !page.contains("url("));
        assert_eq!(page.matches("<script").count(), 1);
        assert!(!SCRIPT.contains("</") && !CSS.contains("</"));
    }

    #[test]
    fn what_happened_is_in_it() {
        let page = page(&sample::of_a_job());
        for text in [
            "Different: 3 records missing on cwl",
            "<strong>traffic-type</strong>",
            "the gzip stream ends early",
            "missing on cwl",
            "<li id=\"cause-1\" value=\"1\">",
            "aws s3 cp s3://fa-014-111122223333/AWSLogs/",
            " | zcat | sed -n 3p",
            "aws logs get-log-events --log-group-name /fa-014-FlowLogGroup",
            "value to value",
            "&quot;schema&quot;",
        ] {
            let text = if text.starts_with('&') {
                "\"schema\""
            } else {
                text
            };
            assert!(page.contains(text), "no {text}");
        }
    }

    #[test]
    fn names_are_never_markup() {
        let nasty = "</script></pre><img src=x onerror=alert(1)>\"' &lt;";
        let mut report = sample::of_a_job();
        report.sides.s3.source = nasty.to_owned();
        report.arguments = vec![nasty.to_owned()];
        for kind in [LeftoverKind::Missing, LeftoverKind::Surplus] {
            let mut finding = sample::leftovers(kind, Side::Cwl, nasty, 0, nasty);
            if let Finding::Leftovers { bucket, .. } = &mut finding {
                bucket.interface = nasty.into();
            }
            report.findings.push(finding);
        }
        let page = page(&report);
        assert!(page.contains("&lt;img src=x"));
        assert!(!page.contains("<img"), "markup");
        assert_eq!(page.matches("<script").count(), 1);
        // The command of what to do next, and the report.
        assert_eq!(page.matches("</pre>").count(), 2);
    }

    /// 10,000 interfaces of which everything is missing for 30 days.
    fn huge() -> Report {
        let step = 3 * 3600;
        let names: Vec<Arc<str>> = (0..10_000)
            .map(|number| format!("eni-{number:017}").into())
            .collect();
        let mut held = HeldOverTime {
            step,
            interfaces: 10_000,
            ..HeldOverTime::default()
        };
        for column in 0..240 {
            held.over_time.insert(
                column * step,
                Sides {
                    s3: 1_000_000,
                    cwl: 0,
                },
            );
            for name in names.iter().take(250) {
                held.cells.insert(
                    (Arc::clone(name), column * step),
                    Sides {
                        s3: 100,
                        cwl: column.cast_unsigned() % 2,
                    },
                );
            }
        }
        // Every slot of a few interfaces, and some of each, which is as many findings as there can be in a test.
        let slots = |number: usize| if number < 20 { 8640 } else { 4 };
        let findings = names.iter().enumerate().flat_map(|(number, name)| {
            (0..slots(number)).map(move |slot| Finding::Leftovers {
                kind: LeftoverKind::Missing,
                side: Side::Cwl,
                bucket: Bucket {
                    interface: Arc::clone(name),
                    slot: Some(slot * 300),
                },
                records: 3,
                evidence: Vec::new(),
            })
        });
        let findings: Vec<Finding> = findings.collect();
        let gaps = names.iter().map(|name| crate::report::gap::Gap {
            side: Side::Cwl,
            interface: Arc::clone(name),
            since: 0,
            until: 300,
            records: 3,
        });
        let mut report = Report {
            verdict: Verdict::Different,
            held,
            gaps: gaps.collect(),
            hours: BTreeMap::new(),
            ..sample::consistent()
        };
        report.counts.missing.cwl = findings.iter().map(Finding::records).sum();
        report.findings = findings;
        report
    }

    #[test]
    fn a_page_is_small_however_much_differs() {
        let page = page(&huge());
        assert!(page.len() <= 2 << 20, "{} bytes", page.len());
        assert!(
            page.contains("findings one by one and the others in"),
            "what is left out is said"
        );
        assert!(page.contains("60 interfaces of 10,000"));
        assert!(page.contains("10,000 interfaces: all 30,000 records"));
    }
}
