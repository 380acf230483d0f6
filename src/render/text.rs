//! The report for people: the answer first, then the numbers side by side, then what is wrong.

mod numbers;
mod sections;
mod wrap;

use std::io::{self, Write};
use std::time::Duration;

use comfy_table::{Table, presets};
use humantime::format_duration;

use super::cause;
use super::escape::escape;
use super::paint::{Ink, Paint};
use super::{Style, wording};
use crate::model::Side;
use crate::model::delay::DelaySummary;
use crate::model::window::rfc3339;
use crate::model::words::count;
use crate::record::FieldName;
use crate::report::{Looked, Report, SideSummary, TakenUp, Verdict};

pub(crate) use wrap::wrap;

/// Columns of a line. Only what cannot be broken goes beyond.
pub(crate) const WIDTH: usize = 100;

/// Writes the whole report.
pub(super) fn write(report: &Report, style: Style<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page {
        paint: style.paint,
        text: String::new(),
    };
    sections::configuration(&mut page, report);
    answer(&mut page, report);
    why(&mut page, report);
    not_compared(&mut page, report);
    page.blank();
    times(&mut page, report);
    page.blank();
    numbers::write(&mut page, report);
    sections::write(&mut page, report);
    page.blank();
    closing(&mut page, report);
    next(&mut page, report);
    out.write_all(page.text.as_bytes())
}

/// The lines so far. What is put on it has been escaped.
struct Page {
    paint: Paint,
    text: String,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    fn inked(&mut self, ink: Ink, line: &str) {
        let line = self.paint.ink(ink, line);
        self.line(&line);
    }

    fn aside(&mut self, line: &str) {
        self.inked(Ink::Aside, line);
    }

    fn heading(&mut self, title: &str, explained: &str) {
        let title = self.paint.ink(Ink::Heading, title);
        let explained = self.paint.ink(Ink::Aside, &format!("({explained})"));
        self.line(&format!("{title}  {explained}"));
    }

    fn wrapped(&mut self, first: &str, rest: &str, text: &str) {
        for line in wrap::wrap(first, rest, text, WIDTH) {
            self.line(&line);
        }
    }

    /// Writes a label in the margin and a text of any origin beside it.
    fn labelled(&mut self, label: &str, text: &str) {
        let (first, rest) = (format!("{label:<10}"), " ".repeat(10));
        self.wrapped(&first, &rest, &escape(text));
    }

    fn wrapped_inked(&mut self, ink: Ink, first: &str, rest: &str, text: &str) {
        for line in wrap::wrap(first, rest, text, WIDTH) {
            self.inked(ink, &line);
        }
    }
}

fn answer(page: &mut Page, report: &Report) {
    let ink = match report.verdict {
        Verdict::Consistent => Ink::Good,
        Verdict::Different => Ink::Bad,
        Verdict::Unknown => Ink::Doubtful,
    };
    page.wrapped_inked(ink, "", "  ", &wording::verdict(report));
    if let Some(reservation) = wording::reservation(report) {
        page.wrapped_inked(Ink::Doubtful, "", "  ", &reservation);
    }
}

/// Writes why, the cause that explains most first.
fn why(page: &mut Page, report: &Report) {
    let why = &report.why;
    let causes = why.causes.iter().map(|cause| {
        let text = cause::explained(cause);
        (cause.number.to_string(), escape(&text))
    });
    let rest = (why.unexplained > 0 && !why.causes.is_empty()).then(|| {
        let records = count(why.unexplained, "record");
        ("-".to_owned(), format!("{records} not explained"))
    });
    for (place, (number, text)) in causes.chain(rest).enumerate() {
        let label = if place == 0 { "Why" } else { "" };
        let first = format!("{label:<10}{number}  ");
        page.wrapped(&first, &" ".repeat(first.len()), &text);
    }
}

/// Writes what to do next; the command stands on a line of its own.
fn next(page: &mut Page, report: &Report) {
    if let Some(next) = &report.next {
        page.labelled("To do", &next.text);
        if let Some(command) = &next.command {
            page.line(&format!("  {}", escape(command)));
        }
    }
}

/// Writes what only one side has, and what could be compared in part only.
fn not_compared(page: &mut Page, report: &Report) {
    for (kind, sides) in &report.fields_left_out {
        let of = match report.fields_left_out.len() {
            1 => String::new(),
            _ => format!(" of {kind} records"),
        };
        for side in Side::BOTH {
            // What both sides have is left out because the user says so.
            let other = &sides[side.other()];
            let names = sides[side].iter().filter(|name| !other.contains(name));
            let names: Vec<&str> = names.map(String::as_str).collect();
            if !names.is_empty() {
                let text = format!(
                    "not compared{of}, since {} has it not: {}",
                    side.other(),
                    names.join(", ")
                );
                page.wrapped_inked(Ink::Doubtful, "  ", "    ", &escape(&text));
            }
        }
    }
    for fewer in &report.fewer_fields {
        let names: Vec<&str> = fewer.not_compared.iter().map(FieldName::as_str).collect();
        let parts = Side::BOTH.map(|side| format!("{side} {}", fewer.parts[side].join(", ")));
        let text = format!(
            "{} compared without {}: {}",
            count(fewer.records, "record"),
            names.join(", "),
            parts.join("; ")
        );
        page.wrapped_inked(Ink::Doubtful, "  ", "    ", &escape(&text));
    }
}

fn times(page: &mut Page, report: &Report) {
    let window = &report.window;
    if window.is_all() {
        page.line("Window    everything");
    } else {
        page.line(&format!("Window    {window}, cut on record start"));
    }
    let starts = |of: fn(&SideSummary) -> Option<i64>| {
        Side::BOTH
            .map(|side| of(&report.sides[side]))
            .into_iter()
            .flatten()
    };
    let first = starts(|side| side.first_start).min().map(rfc3339);
    let last = starts(|side| side.last_start).max().map(rfc3339);
    match (first, last) {
        (Some(first), Some(last)) => page.line(&format!("Found     starts from {first} to {last}")),
        _ => page.line("Found     no record with a start"),
    }
}

/// A table without lines, with two blanks before each column.
fn table<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty();
    table.set_header(header);
    for column in table.column_iter_mut() {
        column.set_padding((2, 0));
    }
    table
}

/// Writes what a reader needs to judge the answer by.
fn closing(page: &mut Page, report: &Report) {
    if report.evidence_capped {
        page.labelled(
            "Evidence",
            "not every record that differs is shown, though all are counted; --max-evidence N shows \
             more, --all-differences FILE writes them all",
        );
    }
    delays(page, report);
    for (kind, names) in &report.fields {
        let of = if report.fields.len() > 1 {
            format!("{kind}: ")
        } else {
            String::new()
        };
        page.labelled("Compared", &format!("{of}{}", names.join(", ")));
    }
    if let Some(state) = &report.state {
        taken_up(page, state);
    }
    for note in cause::notes(report) {
        page.labelled("Note", &note);
    }
}

/// Writes how long records were on their way.
fn delays(page: &mut Page, report: &Report) {
    let told = |label: &str, of: fn(&SideSummary) -> Option<DelaySummary>| {
        let sides =
            Side::BOTH.map(|side| Some(format!("{side} {}", delay(&of(&report.sides[side])?))));
        let told = sides.into_iter().flatten().collect::<Vec<_>>().join("; ");
        (!told.is_empty()).then(|| format!("{label}{told}"))
    };
    let delivery = told("from end to delivery: ", |side| side.delivery_delay_seconds);
    let late = told("of what came late: ", |side| side.late_delay_seconds);
    let suggested = report.suggested_settle_seconds.map(|seconds| {
        let settle = format_duration(Duration::from_secs(seconds)).to_string();
        format!("--settle {} would do", settle.replace(' ', ""))
    });
    let told: Vec<String> = [delivery, late, suggested].into_iter().flatten().collect();
    if !told.is_empty() {
        page.labelled("Delays", &told.join("; "));
    }
}

/// Writes `p50 4m 11s, p95 8m 22s, p99 9m 42s, max 12m 33s`.
fn delay(delay: &DelaySummary) -> String {
    let quantiles = [
        ("p50", delay.p50),
        ("p95", delay.p95),
        ("p99", delay.p99),
        ("max", delay.max),
    ];
    let words = quantiles
        .map(|(name, seconds)| format!("{name} {}", format_duration(Duration::from_secs(seconds))));
    words.join(", ")
}

/// Says what a scheduled job took up, and where that leaves it.
fn taken_up(page: &mut Page, state: &TakenUp) {
    let windows = |all: &[Looked]| {
        let line = |it: &Looked| format!("{} .. {}", rfc3339(it.start), rfc3339(it.end));
        let unread = all.iter().filter(|it| it.verdict.is_none());
        let mut text = match all {
            [] => "nothing".to_owned(),
            [one] => line(one),
            [first, .., last] => {
                let (first, last) = (rfc3339(first.start), rfc3339(last.end));
                format!(
                    "{} within {first} .. {last}",
                    count(all.len() as u64, "window")
                )
            }
        };
        for it in unread {
            text.push_str(&format!("; {} could not be read", line(it)));
        }
        text
    };
    page.labelled("New", &windows(&state.windows));
    if !state.again.is_empty() {
        let mut text = windows(&state.again);
        let late = state.late.s3 + state.late.cwl;
        if late > 0 {
            text.push_str(&format!("; {} found late", count(late, "record")));
        }
        if let Some(longest) = state.late_seconds_at_most {
            let longest = Duration::from_secs(longest.max(0).unsigned_abs());
            text.push_str(&format!(
                ", at most {} after the end",
                humantime::format_duration(longest)
            ));
        }
        page.labelled("Again", &text);
    }
    let carried = &state.carried;
    let copies = [carried.pending, carried.undetermined];
    let copies: u64 = copies.iter().map(|copies| copies.s3 + copies.cwl).sum();
    let open = [
        (copies, "record"),
        (carried.unreadable_parts, "part"),
        (carried.unread_windows, "window"),
    ];
    let open = open.iter().filter(|(number, _)| *number > 0);
    let open: Vec<String> = open.map(|(number, noun)| count(*number, noun)).collect();
    if !open.is_empty() {
        page.labelled(
            "Open",
            &format!("{}; the next run looks again", open.join(", ")),
        );
    }
    let mut next = format!("from {}", rfc3339(state.next));
    if state.behind_seconds > 0 {
        let behind = Duration::from_secs(state.behind_seconds.unsigned_abs());
        next.push_str(&format!(
            "; {} more are due",
            humantime::format_duration(behind)
        ));
    }
    page.labelled("Next", &next);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causes::Cause;
    use crate::model::finding::{LeftoverKind, ReadTrouble};
    use crate::record::RecordKind;
    use crate::report::sample;

    fn text(report: &Report, paint: Paint) -> String {
        let mut out = Vec::new();
        write(
            report,
            Style {
                paint,
                ..Style::default()
            },
            &mut out,
        )
        .unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn different() {
        insta::assert_snapshot!(text(&sample::different(), Paint::Never), @r"
        Different: 3 records missing on cwl, 1 divergent, 1 surplus on s3.
        Still open: 1 record undetermined on s3, 1 pending on s3, 1 part unreadable on s3, 1 row malformed
          on cwl.
        Why       1  cwl has nothing of these interfaces at first, though it has others' records of the same
                     time: eni-0c19436730cc350ae until 2022-01-07T23:30:00Z; s3 has 2 records of 1 interface
                  -  5 records not explained
          not compared, since cwl has it not: vpc-id, flow-direction

        Window    2022-01-07T23:00:00Z .. 2022-01-08T00:00:00Z, cut on record start
        Found     starts from 2022-01-07T23:00:04Z to 2022-01-07T23:59:58Z

                                                                s3                         cwl
          source                 s3://fa-014-111122223333/AWSLogs/  cwl:///fa-014-FlowLogGroup
                               111122223333/vpcflowlogs/eu-west-1/
          parts                                                 13                           2
          bytes as stored                                 34.1 MiB                   146.0 MiB
          records                                        1,234,572                   1,234,570
            of these NODATA                                     12                          12
            of these SKIPDATA                                    1                           1
          malformed rows                                         0                           1
          unreadable parts                                       1                           0
          calls made again                                       0                           3
          first start                         2022-01-07T23:00:04Z        2022-01-07T23:00:04Z
          last start                          2022-01-07T23:59:01Z        2022-01-07T23:59:58Z

          matched                                        1,234,567                   1,234,567
          missing here                                           0                           3
          surplus here                                           1                           0
          pending here                                           1                           0
          undetermined here                                      1                           0
          came late here                                         0                           2
          divergent                                              1                           1

        Missing on cwl: 3 records  (s3 has what cwl lacks)
          interface              slot                  records
          eni-0c19436730cc350ae  2022-01-07T23:25:00Z        2
            2 111122223333 eni-0c19436730cc350ae 10.0.1.20 10.0.1.196 49152 443 6 4 336 1641597904
              1641597962 ACCEPT OK
              in AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/
                111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz:3
            ... and 1 more
          eni-0c19436730cc350ae  2022-01-07T23:30:00Z        1
            2 111122223333 eni-0c19436730cc350ae 10.0.1.20 10.0.1.196 49152 8443 6 4 336 1641598204
              1641598262 ACCEPT OK
              in AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/
                111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz:3

        Divergent: 1 record  (the same flow with unequal values, s3 ≠ cwl)
          interface              slot                  records
          eni-0c19436730cc350ae  2022-01-07T23:40:00Z        1
            packets 4 ≠ 5, bytes 336 ≠ 340
            s3   2 111122223333 eni-0c19436730cc350ae 10.0.1.20 10.0.1.196 49152 22 6 4 336 1641598800
              1641598858 ACCEPT OK
              in AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/
                111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz:60
            cwl  2 111122223333 eni-0c19436730cc350ae 10.0.1.20 10.0.1.196 49152 22 6 5 340 1641598800
              1641598858 ACCEPT OK
              in eni-0c19436730cc350ae-all:1641598800000

        Surplus on s3: 1 record  (extra copies of what both have)
          interface              slot                  records
          eni-0c19436730cc350ae  2022-01-07T23:35:00Z        1
            2 111122223333 eni-0c19436730cc350ae 10.0.1.20 10.0.1.196 49152 53 6 4 336 1641598500 1641598558
              ACCEPT OK
              in AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/
                111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz:3

        Undetermined on s3: 1 record  (cwl has what may sit in what could not be read on s3)
          interface              slot                  records
          eni-0c19436730cc350ae  2022-01-07T23:45:00Z        1
            2 111122223333 eni-0c19436730cc350ae 10.0.1.20 10.0.1.196 49152 443 6 4 336 1641599102
              1641599160 ACCEPT OK
              in eni-0c19436730cc350ae-all:3

        Unreadable on s3: 1 part  (what it holds is not known)
          AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/
            111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2330Z_1a2b3c4d.log.gz
            the gzip stream ends early

        Malformed on cwl: 1 row  (no flow-log record)
          eni-0c19436730cc350ae-all:1641598800000
            12 values where the format has 14 fields: `2 1111 \u{1b}[2J\u{202e}`

        Pending on s3: 1 record  (cwl has what may still arrive on s3)
          interface              slot                  records
          eni-0c19436730cc350ae  2022-01-07T23:55:00Z        1
            2 111122223333 eni-0c19436730cc350ae 10.0.1.20 10.0.1.196 49152 443 6 4 336 1641599941
              1641599999 ACCEPT OK
              in eni-0c19436730cc350ae-all:3

        Evidence  not every record that differs is shown, though all are counted; --max-evidence N shows
                  more, --all-differences FILE writes them all
        Delays    from end to delivery: s3 p50 4m 11s, p95 8m 22s, p99 9m 42s, max 12m 33s; cwl p50 1m 35s,
                  p95 3m 10s, p99 4m 30s, max 4m 45s; of what came late: cwl p50 13m 50s, p95 27m 40s, p99
                  29m, max 41m 30s; --settle 15m would do
        Compared  version, account-id, interface-id, srcaddr, dstaddr, srcport, dstport, protocol, packets,
                  bytes, start, end, action, log-status
        Note      s3: flow logs read: fl-0aa11bb22cc33dd44 (12 objects), fl-0ee55ff66aa77bb88 (1 object)
        To do     look at what delivers to cwl
          flowdiff check s3://fa-014-111122223333 cwl:///fa-014-FlowLogGroup
        ");
    }

    #[test]
    fn consistent() {
        insta::assert_snapshot!(text(&sample::consistent(), Paint::Never), @r"
        Consistent: both destinations hold the same 57 records.

        Window    everything
        Found     starts from 2022-01-07T23:00:00Z to 2022-01-07T23:40:00Z

                                                 s3                   cwl
          source                   fixtures/ping/s3     fixtures/ping/cwl
          parts                                   1                     1
          bytes as stored                   1.8 KiB               1.8 KiB
          records                                57                    57
            of these NODATA                       0                     0
            of these SKIPDATA                     0                     0
          malformed rows                          0                     0
          unreadable parts                        0                     0
          first start          2022-01-07T23:00:00Z  2022-01-07T23:00:00Z
          last start           2022-01-07T23:40:00Z  2022-01-07T23:40:00Z

          matched                                57                    57
          missing here                            0                     0
          surplus here                            0                     0
          pending here                            0                     0
          undetermined here                       0                     0
          divergent                               0                     0

        Compared  version, account-id, interface-id, srcaddr, dstaddr, srcport, dstport, protocol, packets,
                  bytes, start, end, action, log-status
        ");
    }

    #[test]
    fn unknown() {
        insta::assert_snapshot!(text(&sample::unknown(), Paint::Never), @r"
        No verdict: 1 record undetermined on s3, 1 part unreadable on s3.

        Window    everything
        Found     starts from 2022-01-07T23:00:00Z to 2022-01-07T23:40:00Z

                                                 s3                   cwl
          source                   fixtures/ping/s3     fixtures/ping/cwl
          parts                                   1                     1
          bytes as stored                   1.8 KiB               1.8 KiB
          records                                57                    58
            of these NODATA                       0                     0
            of these SKIPDATA                     0                     0
          malformed rows                          0                     0
          unreadable parts                        1                     0
          first start          2022-01-07T23:00:00Z  2022-01-07T23:00:00Z
          last start           2022-01-07T23:40:00Z  2022-01-07T23:40:00Z

          matched                                57                    57
          missing here                            0                     0
          surplus here                            0                     0
          pending here                            0                     0
          undetermined here                       1                     0
          divergent                               0                     0

        Undetermined on s3: 1 record  (cwl has what may sit in what could not be read on s3)
          interface              slot                  records
          eni-0c19436730cc350ae  2022-01-07T23:25:00Z        1
            2 111122223333 eni-0c19436730cc350ae 10.0.1.20 10.0.1.196 49152 443 6 4 336 1641597904
              1641597962 ACCEPT OK
              in eni-0c19436730cc350ae-all:3

        Unreadable on s3: 1 part  (what it holds is not known)
          AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/
            111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2330Z_1a2b3c4d.log.gz
            the gzip stream ends early

        Compared  version, account-id, interface-id, srcaddr, dstaddr, srcport, dstport, protocol, packets,
                  bytes, start, end, action, log-status
        ");
    }

    #[test]
    fn ordinary_lines_fit() {
        for report in [sample::different(), sample::consistent(), sample::unknown()] {
            for line in text(&report, Paint::Never).lines() {
                assert!(line.chars().count() <= WIDTH, "{line}");
                assert_eq!(line, line.trim_end());
            }
        }
    }

    #[test]
    fn colour_changes_nothing_but_the_colour() {
        let report = sample::different();
        let mut painted = text(&report, Paint::Always);
        assert!(painted.starts_with("\u{1b}[1;31mDifferent"));
        for code in ["0", "1", "2", "1;31", "1;33"] {
            painted = painted.replace(&format!("\u{1b}[{code}m"), "");
        }
        assert_eq!(painted, text(&report, Paint::Never));
    }

    #[test]
    fn a_section_shows_the_first_and_counts_the_rest() {
        let mut report = sample::consistent();
        report.verdict = Verdict::Different;
        report.counts.missing.cwl = 1_200;
        report.findings = (0..1_200)
            .map(|at| sample::leftovers(LeftoverKind::Missing, Side::Cwl, "key", at * 300, "443"))
            .collect();
        let text = text(&report, Paint::Never);
        assert!(text.contains("\nMissing on cwl: 1,200 records"));
        assert_eq!(text.matches("\n      in key:3\n").count(), 50);
        assert!(text.contains("\n  ... and 1,150 more with 1,150 records; the JSON report has"));
    }

    #[test]
    fn nothing_from_outside_reaches_a_terminal_raw() {
        let nasty = "\u{1b}]0;owned\u{7}\r\n\u{9b}2J\u{202e}\u{2066}\u{200b}";
        let mut report = sample::different();
        report.sides.s3.source.push_str(nasty);
        let named = || vec![nasty.to_owned()];
        report.fields.insert(RecordKind::Vpc, named());
        let left_out = report.fields_left_out.entry(RecordKind::Vpc).or_default();
        left_out.cwl = named();
        report.causes.push(Cause::RecheckFailed {
            number: 1,
            of: 1,
            error: nasty.to_owned(),
        });
        for kind in [LeftoverKind::Missing, LeftoverKind::Undetermined] {
            report
                .findings
                .push(sample::leftovers(kind, Side::S3, nasty, 0, nasty));
        }
        report.troubles.push(ReadTrouble::Unreadable {
            side: Side::Cwl,
            part: nasty.into(),
            cover: crate::model::Cover::default(),
            reason: nasty.to_owned(),
        });
        for renderer in crate::render::RENDERERS {
            let mut out = Vec::new();
            (renderer.write)(&report, Style::default(), &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            let raw = text
                .chars()
                .find(|&c| c != '\n' && crate::render::escape::is_hostile(c));
            assert_eq!(raw, None, "{}", renderer.name);
        }
    }
}
