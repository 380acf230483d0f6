//! The report for people: the answer first, then the numbers side by side, then what is wrong.

mod answer;
mod block;
mod columns;
mod map;
mod numbers;
mod rows;
mod wrap;

use std::io::{self, Write};
use std::time::Duration;

use humantime::format_duration;

use super::Style;
use super::cause;
use super::escape::escape;
use super::paint::{Ink, Paint};
use super::sort::{ToldSort, told};
use crate::model::Side;
use crate::model::delay::DelaySummary;
use crate::model::window::rfc3339;
use crate::model::words::count;
use crate::record::Layout;
use crate::report::{JobSummary, Report, SideSummary, WindowResult};

use block::Block;

pub(crate) use wrap::wrap;

/// Columns of a line. Only what cannot be broken goes beyond.
pub(crate) const WIDTH: usize = 100;

/// What stands below a label.
const MARGIN: &str = "          ";

/// Who gets the room that is left, and how many lines at most: a gap, why, what was not read, the map, how to judge all that,
/// a few rows, then more of the same.
const TURNS: [(usize, usize); 14] = [
    (2, 2),
    (3, 6),
    (4, 6),
    (5, 5),
    (8, 10),
    (10, 8),
    (9, 9),
    (8, 14),
    (9, 12),
    (2, 4),
    (8, block::SCREEN),
    (9, block::SCREEN),
    (3, block::SCREEN),
    (11, block::SCREEN),
];

/// Writes the whole report: one screen, however much there is to say.
pub(super) fn write(report: &Report, style: Style<'_>, out: &mut dyn Write) -> io::Result<()> {
    let page = TextPage {
        paint: style.paint,
        width: style.width,
        rows: style.rows,
    };
    let blocks = vec![
        answer::verdict(&page, report),
        answer::not_compared(&page, report),
        answer::gaps(&page, report),
        answer::why(&page, report),
        answer::configuration(&page, report),
        answer::not_read(&page, report),
        numbers::sides(&page, report),
        numbers::counts(&page, report),
        map::map(&page, report),
        rows::rows(&page, report),
        closing(&page, report),
        notes(&page, report),
        next(&page, report),
    ];
    // What a job has taken up comes before the map.
    let turns = match report.state {
        Some(_) => [&[(10, 7)], &TURNS[..]].concat(),
        None => TURNS.to_vec(),
    };
    let text = block::page(blocks, &turns);
    out.write_all(text.as_bytes())
}

/// How the page looks. What is put on it has been escaped.
struct TextPage {
    paint: Paint,
    width: usize,
    /// How many records were asked for.
    rows: Option<usize>,
}

impl TextPage {
    /// Writes a title and what it means: beside it, or below where there is no room.
    fn heading(&self, title: &str, explained: &str) -> Vec<String> {
        let room = self.width.saturating_sub(title.chars().count() + 4);
        let title = self.paint.ink(Ink::Heading, title);
        if explained.chars().count() > room {
            let below = self.inked(Ink::Aside, "  ", "  ", &format!("({explained})"));
            return std::iter::once(title).chain(below).collect();
        }
        let explained = self.paint.ink(Ink::Aside, &format!("({explained})"));
        vec![format!("{title}  {explained}")]
    }

    fn wrapped(&self, first: &str, rest: &str, text: &str) -> Vec<String> {
        wrap::wrap(first, rest, text, self.width)
    }

    /// Writes a label in the margin and a text of any origin beside it.
    fn labelled(&self, label: &str, text: &str) -> Vec<String> {
        self.wrapped(&format!("{label:<10}"), MARGIN, &escape(text))
    }

    fn inked(&self, ink: Ink, first: &str, rest: &str, text: &str) -> Vec<String> {
        let lines = self.wrapped(first, rest, text).into_iter();
        lines.map(|line| self.paint.ink(ink, &line)).collect()
    }
}

/// Writes what a reader needs to judge the answer by.
fn closing(page: &TextPage, report: &Report) -> Block {
    let state = report.state.as_ref();
    let state = state.map_or_else(Vec::new, |state| taken_up(page, state));
    let others = [compared(page, report), delays(page, report)];
    let others = others.into_iter().filter(|lines| !lines.is_empty());
    let items = state.into_iter().chain(others).collect();
    let block = Block::of(items, 0).saying(|left| {
        format!(
            "          {} left out; -o json has all",
            count(left, "line")
        )
    });
    match report.findings.is_empty() && report.troubles.is_empty() {
        true => block.close(),
        false => block,
    }
}

/// Writes what to do next; the command stands on a line of its own.
fn next(page: &TextPage, report: &Report) -> Block {
    let Some(next) = &report.next else {
        return Block::default();
    };
    let mut lines = page.labelled("To do", &next.text);
    let command = next.command.as_deref().map(escape);
    lines.extend(command.map(|command| format!("  {command}")));
    Block::whole(lines).close()
}

/// Writes what else there is to know.
fn notes(page: &TextPage, report: &Report) -> Block {
    let notes = report.causes.iter().filter(|it| told(it) == ToldSort::Note);
    let notes = notes.filter_map(cause::note);
    let items = notes.map(|note| page.labelled("Note", &note));
    let more = |left| {
        format!(
            "Note      {} more; -o json has all of them",
            count(left, "note")
        )
    };
    Block::of(items.collect(), 0).close().saying(more)
}

/// Writes by which fields records were compared.
fn compared(page: &TextPage, report: &Report) -> Vec<String> {
    let default = Layout::vpc_default();
    let default: Vec<&str> = default.columns().iter().map(|name| name.as_str()).collect();
    let told = |names: &[String]| match names.iter().eq(default.iter()) {
        true => format!("all {} fields of the default format", names.len()),
        false => names.join(", "),
    };
    let kinds = report.fields.iter();
    let lines = kinds.flat_map(|(kind, names)| {
        let of = match report.fields.len() {
            1 => String::new(),
            _ => format!("{kind}: "),
        };
        page.labelled("Compared", &format!("{of}{}", told(names)))
    });
    lines.collect()
}

/// Writes how long records were on their way.
fn delays(page: &TextPage, report: &Report) -> Vec<String> {
    let told = |of: fn(&SideSummary) -> Option<DelaySummary>| {
        let sides =
            Side::BOTH.map(|side| Some(format!("{side} {}", delay(&of(&report.sides[side])?))));
        let told = sides.into_iter().flatten().collect::<Vec<_>>().join("; ");
        (!told.is_empty()).then_some(told)
    };
    let delivery = told(|side| side.delivery_delay_seconds)
        .map(|told| format!("from end to delivery, half / 99 % / all of them: {told}"));
    let late = told(|side| side.late_delay_seconds).map(|told| format!("what came late: {told}"));
    let suggested = report.suggested_settle_seconds.map(|seconds| {
        let settle = format_duration(Duration::from_secs(seconds)).to_string();
        format!("--settle {} would do", settle.replace(' ', ""))
    });
    let told: Vec<String> = [delivery, late, suggested].into_iter().flatten().collect();
    match told.is_empty() {
        true => Vec::new(),
        false => page.labelled("Delays", &told.join("; ")),
    }
}

/// Writes `4m 11s / 9m 42s / 12m 33s`: half, 99 % and all.
fn delay(delay: &DelaySummary) -> String {
    let seconds = [delay.p50, delay.p99, delay.max];
    let words = seconds.map(|seconds| format_duration(Duration::from_secs(seconds)).to_string());
    words.join(" / ")
}

/// Says what a scheduled job took up, and where that leaves it.
fn taken_up(page: &TextPage, state: &JobSummary) -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    let windows = |all: &[WindowResult]| {
        let line = |it: &WindowResult| format!("{} .. {}", rfc3339(it.start), rfc3339(it.end));
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
    lines.push(page.labelled("New", &windows(&state.windows)));
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
        lines.push(page.labelled("Again", &text));
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
        lines.push(page.labelled(
            "Open",
            &format!("{}; the next run looks again", open.join(", ")),
        ));
    }
    let mut next = format!("from {}", rfc3339(state.next));
    if state.behind_seconds > 0 {
        let behind = Duration::from_secs(state.behind_seconds.unsigned_abs());
        next.push_str(&format!(
            "; {} more are due",
            humantime::format_duration(behind)
        ));
    }
    lines.push(page.labelled("Next", &next));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causes::Cause;
    use crate::model::finding::{Finding, LeftoverKind, ReadTrouble};
    use crate::record::RecordKind;
    use crate::report::gap::Gap;
    use crate::report::{Verdict, sample};

    fn styled(report: &Report, style: Style<'_>) -> String {
        let mut out = Vec::new();
        write(report, style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn text(report: &Report, paint: Paint) -> String {
        let style = Style {
            paint,
            ..Style::default()
        };
        styled(report, style)
    }

    #[test]
    fn different() {
        insta::assert_snapshot!(text(&sample::different(), Paint::Never), @r"
        Different: 3 records missing on cwl, 1 divergent, 1 surplus on s3.
        Still open: 1 record undetermined on s3, 1 pending on s3, 1 part unreadable on s3, 1 row malformed
          on cwl.

        Why  (certain unless it says likely)
          1  cwl has nothing of these interfaces at first, though it has others' records of the same time:
             eni-0c19436730cc350ae until 2022-01-07T23:30:00Z; s3 has 2 records of 1 interface
          -  5 records not explained

        Unreadable on s3: 1 object  (what it holds is not known)
          s3://fa-014-111122223333/AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2330Z_1a2b3c4d.log.gz
            the gzip stream ends early
          ... and 1 more that was not read: -o json

        Window    2022-01-07T23:00:00Z .. 2022-01-08T00:00:00Z; records start 23:00:04Z to 23:59:58Z
        s3        s3://fa-014-111122223333/AWSLogs/111122223333/vpcflowlogs/eu-west-1/
                  1,234,572 records (12 NODATA, 1 SKIPDATA) in 13 objects, 34.1 MiB
        cwl       cwl:///fa-014-FlowLogGroup
                  1,234,570 records (12 NODATA, 1 SKIPDATA) in 2 log streams, 146.0 MiB; 3 calls made again

                                    s3        cwl
          matched            1,234,567  1,234,567  both have them, equal in every field
          missing here               0          3  the other side has them
          divergent                  1          1  the same flow, unequal values
          surplus here               1          0  extra copies of what both have
          undetermined here          1          0  may sit in what was not read here
          pending here               1          0  too young to be missing
          came late here             0          2  not at the first look

        Map  (UTC, 5 minutes a column; the worst interfaces first)
          interface              records  01-07 23:00
          eni-0c19436730cc350ae        7  .....sS+#?.~
          . the same on both   S only s3 has any   s cwl lacks some   # divergent   + surplus
          ? undetermined   ~ pending

        Missing on cwl: 3 records  (s3 has what cwl lacks; UTC of 2022-01-07)
          row  interface              start     end       source           destination      bytes  action
          s3://fa-014-111122223333/AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz:3
            3  eni-0c19436730cc350ae  23:25:04  23:26:02  10.0.1.20:49152  10.0.1.196:443     336  ACCEPT
          ... and 6 more: --rows N, or --all-differences FILE

        Compared  all 14 fields of the default format
                  1 line left out; -o json has all
        To do     look at what delivers to cwl
          flowdiff check s3://fa-014-111122223333 cwl:///fa-014-FlowLogGroup
        ");
    }

    #[test]
    fn consistent() {
        insta::assert_snapshot!(text(&sample::consistent(), Paint::Never), @r"
        Consistent: both destinations hold the same 57 records.

        Window    everything; records start 2022-01-07T23:00:00Z to 2022-01-07T23:40:00Z
        s3        fixtures/ping/s3: 57 records in 1 file, 1.8 KiB
        cwl       fixtures/ping/cwl: 57 records in 1 file, 1.8 KiB
        Compared  all 14 fields of the default format
        ");
    }

    #[test]
    fn unknown() {
        insta::assert_snapshot!(text(&sample::unknown(), Paint::Never), @r"
        No verdict: 1 record undetermined on s3, 1 part unreadable on s3.

        Unreadable on s3: 1 file  (what it holds is not known)
          fixtures/ping/s3/AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2330Z_1a2b3c4d.log.gz
            the gzip stream ends early

        Window    everything; records start 2022-01-07T23:00:00Z to 2022-01-07T23:40:00Z
        s3        fixtures/ping/s3: 57 records in 1 file, 1.8 KiB
        cwl       fixtures/ping/cwl: 58 records in 1 file, 1.8 KiB

                             s3  cwl
          matched            57   57  both have them, equal in every field
          undetermined here   1    0  may sit in what was not read here

        Map  (UTC, 5 minutes a column; the worst interfaces first)
          interface              records  01-07 23:25
          eni-0c19436730cc350ae        1  ?
          ? undetermined

        Undetermined on s3: 1 record  (cwl has what may sit in what was not read on s3; UTC of 2022-01-07)
          row  interface              start     end       source           destination     bytes  action
          fixtures/ping/cwl/eni-0c19436730cc350ae-all:3
            3  eni-0c19436730cc350ae  23:25:04  23:26:02  10.0.1.20:49152  10.0.1.196:443    336  ACCEPT

        Compared  all 14 fields of the default format
        ");
    }

    #[test]
    fn of_a_job() {
        insta::assert_snapshot!(text(&sample::of_a_job(), Paint::Never), @r"
        Different: 3 records missing on cwl, 1 divergent, 1 surplus on s3.
        Still open: 1 record undetermined on s3, 1 pending on s3, 1 window not read or still empty, 1 part
          unreadable on s3, 1 row malformed on cwl.

        Why  (certain unless it says likely)
          1  cwl has nothing of these interfaces at first, though it has others' records of the same time:
             eni-0c19436730cc350ae until 2022-01-07T23:30:00Z; s3 has 2 records of 1 interface
          -  5 records not explained

        Unreadable on s3: 1 object  (what it holds is not known)
          s3://fa-014-111122223333/AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2330Z_1a2b3c4d.log.gz
            the gzip stream ends early
          ... and 1 more that was not read: -o json

        Window    2022-01-07T23:00:00Z .. 2022-01-08T00:00:00Z; records start 23:00:04Z to 23:59:58Z
        s3        s3://fa-014-111122223333/AWSLogs/111122223333/vpcflowlogs/eu-west-1/
                  1,234,572 records (12 NODATA, 1 SKIPDATA) in 13 objects, 34.1 MiB
        cwl       cwl:///fa-014-FlowLogGroup
                  1,234,570 records (12 NODATA, 1 SKIPDATA) in 2 log streams, 146.0 MiB; 3 calls made again

                                    s3        cwl
          matched            1,234,567  1,234,567  both have them, equal in every field
          missing here               0          3  the other side has them
          divergent                  1          1  the same flow, unequal values
          surplus here               1          0  extra copies of what both have
          undetermined here          1          0  may sit in what was not read here
          pending here               1          0  too young to be missing
          came late here             0          2  not at the first look

        Missing on cwl: 3 records  (s3 has what cwl lacks; UTC of 2022-01-07)
          row  interface              start     end       source           destination      bytes  action
          s3://fa-014-111122223333/AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz:3
            3  eni-0c19436730cc350ae  23:25:04  23:26:02  10.0.1.20:49152  10.0.1.196:443     336  ACCEPT
            3  eni-0c19436730cc350ae  23:30:04  23:31:02  10.0.1.20:49152  10.0.1.196:8443    336  ACCEPT
          ... and 5 more: --rows N, or --all-differences FILE

        New       2 windows within 2022-01-07T23:00:00Z .. 2022-01-07T23:10:00Z; 2022-01-07T23:05:00Z ..
                  2022-01-07T23:10:00Z could not be read
        Again     2022-01-07T22:55:00Z .. 2022-01-07T23:00:00Z; 2 records found late, at most 41m 30s after
                  the end
        Open      6 records, 1 part, 1 window; the next run looks again
        Next      from 2022-01-08T00:00:00Z; 15m more are due
                  2 lines left out; -o json has all
        To do     look at what delivers to cwl
          flowdiff check s3://fa-014-111122223333 cwl:///fa-014-FlowLogGroup
        ");
    }

    #[test]
    fn ordinary_lines_fit() {
        for report in [
            sample::different(),
            sample::consistent(),
            sample::unknown(),
            sample::of_a_job(),
            everything(),
        ] {
            for width in [60, 80, 100] {
                let style = Style {
                    width,
                    ..Style::default()
                };
                for line in styled(&report, style).lines() {
                    // A place and a command can be copied, and are longer.
                    let is_place = ["s3://", "aws logs", "AWSLogs/"];
                    if !is_place.iter().any(|it| line.contains(it)) {
                        assert!(line.chars().count() <= width, "{line}");
                    }
                    assert_eq!(line, line.trim_end());
                }
            }
        }
    }

    /// A report in which everything differs that can.
    fn everything() -> Report {
        let mut report = sample::of_a_job();
        let kinds = [
            LeftoverKind::Missing,
            LeftoverKind::Surplus,
            LeftoverKind::Pending,
            LeftoverKind::Undetermined,
        ];
        for number in 0..2_000_i64 {
            for kind in kinds {
                let side = Side::BOTH[usize::from(number % 2 == 1)];
                let part = format!("part-{}", number / 10);
                let mut finding = sample::leftovers(kind, side, &part, number * 300, "443");
                if let Finding::Leftovers { bucket, .. } = &mut finding {
                    bucket.interface = format!("eni-{:017}", number % 50).into();
                }
                report.findings.push(finding);
                report.gaps.push(Gap {
                    side,
                    interface: format!("eni-{number:017}").into(),
                    since: number * 300,
                    until: number * 300 + 300,
                    records: 5,
                });
            }
            report.troubles.push(ReadTrouble::Unreadable {
                side: Side::S3,
                part: format!("part-{number}").into(),
                cover: crate::model::Cover::default(),
                reason: "the gzip stream ends early, and a reason may be long".repeat(3),
            });
            report.causes.push(Cause::RecheckFailed {
                number: 1,
                of: 1,
                error: format!("{number} {}", "and an error may be long as well".repeat(5)),
            });
        }
        for side in Side::BOTH {
            report.counts.missing[side] = 1_000;
            report.counts.surplus[side] = 1_000;
            report.counts.undetermined[side] = 1_000;
            report.counts.pending[side] = 1_000;
            report.sides[side].unreadable_parts = 2_000;
            report.sides[side].malformed = 2_000;
            report.sides[side].masked = 2_000;
        }
        report
    }

    #[test]
    fn a_report_is_one_screen_however_much_differs() {
        for report in [sample::different(), sample::of_a_job(), everything()] {
            for width in [80, 100] {
                let style = Style {
                    width,
                    ..Style::default()
                };
                let text = styled(&report, style);
                let lines = text.lines().count();
                assert!(lines <= block::SCREEN, "{lines} lines:\n{text}");
                for shown in ["Different: ", "\nMissing on", "\nWindow", "\ns3  "] {
                    assert!(text.contains(shown), "no {shown} in {text}");
                }
            }
        }
        assert!(text(&sample::different(), Paint::Never).contains("\nMap"));
        let text = text(&sample::consistent(), Paint::Never);
        assert!(text.lines().count() <= 8, "{text}");
    }

    #[test]
    fn colour_changes_nothing_but_the_colour() {
        let report = sample::different();
        let mut painted = text(&report, Paint::Always);
        assert!(painted.starts_with("\u{1b}[1;38;5;160mDifferent"));
        while let Some((before, after)) = painted.split_once('\u{1b}') {
            let (_, rest) = after.split_once('m').unwrap();
            painted = format!("{before}{rest}");
        }
        assert_eq!(painted, text(&report, Paint::Never));
    }

    #[test]
    fn as_many_rows_as_are_asked_for() {
        let mut report = sample::consistent();
        report.verdict = Verdict::Different;
        report.counts.missing.cwl = 1_200;
        report.findings = (0..1_200)
            .map(|at| sample::leftovers(LeftoverKind::Missing, Side::Cwl, "key", at * 300, "443"))
            .collect();
        let shown = |rows| {
            let style = Style {
                rows,
                ..Style::default()
            };
            styled(&report, style)
        };
        let few = shown(None);
        assert!(few.contains("\nMissing on cwl: 1,200 records"));
        assert_eq!(few.matches("fixtures/ping/s3/key:3\n").count(), 1, "{few}");
        assert_eq!(few.matches("49152").count(), 10);
        assert!(few.contains("\n  ... and 1,190 more: --rows N"), "{few}");
        let many = shown(Some(100));
        assert_eq!(many.matches("49152").count(), 100);
        assert!(many.contains("\n  ... and 1,100 more: --rows N"), "{many}");
        assert!(!shown(Some(1_200)).contains("--rows N"));
    }

    #[test]
    fn a_gap_is_a_line() {
        let mut report = sample::different();
        let gap = |interface: &str, since, until| Gap {
            side: Side::Cwl,
            interface: interface.into(),
            since,
            until,
            records: 1_568,
        };
        let start = 1_641_637_200;
        report.gaps = vec![
            gap("eni-0a", start, start + 1200),
            gap("eni-0b", start, start + 1200),
            gap("eni-0c", start, start + 86_400),
        ];
        let text = text(&report, Paint::Never);
        let told = "  2 interfaces: all 3,136 records of 2022-01-08T10:20:00Z to 10:40:00Z are missing on cwl\n  \
                    eni-0c: all 1,568 records of 2022-01-08T10:20:00Z to 2022-01-09T10:20:00Z are missing on cwl\n";
        assert!(text.contains(told), "{text}");
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
        report.reached.cwl.profile = Some(nasty.to_owned());
        report.gaps.push(Gap {
            side: Side::S3,
            interface: nasty.into(),
            since: 0,
            until: 300,
            records: 2,
        });
        report.causes.push(Cause::RecheckFailed {
            number: 1,
            of: 1,
            error: nasty.to_owned(),
        });
        for kind in [LeftoverKind::Missing, LeftoverKind::Undetermined] {
            let mut finding = sample::leftovers(kind, Side::S3, nasty, 0, nasty);
            if let Finding::Leftovers { bucket, .. } = &mut finding {
                bucket.interface = nasty.into();
            }
            report.findings.push(finding);
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
