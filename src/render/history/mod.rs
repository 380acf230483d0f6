//! The ways to show what an archive adds up to: a line of [`HISTORY_FORMS`] each.

mod csv;
pub(super) mod html;
mod json;
mod text;

use std::io::{self, Write};
use std::path::Path;

use crate::archive::History;
use crate::model::window::rfc3339;
use crate::model::words::{count, thousands};
use crate::model::{Side, Sides};

/// A history, and which archive it is of.
#[derive(Clone, Copy, Debug)]
pub struct ToldHistory<'a> {
    /// The archive's folder.
    pub folder: &'a Path,
    /// What its lines add up to.
    pub history: &'a History,
    /// Whether the end of the chain was compared with the one that a state knows.
    pub compared: bool,
}

/// A way to show a history.
#[derive(Clone, Copy, Debug)]
pub struct HistoryForm {
    /// What a user calls it on the command line.
    pub name: &'static str,
    /// Writes all of it, ending with a newline. Does not flush.
    pub write: fn(ToldHistory<'_>, &mut dyn Write) -> io::Result<()>,
}

/// Every way to show a history, the default first.
pub static HISTORY_FORMS: &[HistoryForm] = &[
    HistoryForm {
        name: "text",
        write: text::write,
    },
    HistoryForm {
        name: "json",
        write: json::write,
    },
    HistoryForm {
        name: "csv",
        write: csv::write,
    },
    HistoryForm {
        name: "html",
        write: html::write,
    },
];

/// Says in a sentence what was lost.
fn headline(history: &History) -> String {
    let total = &history.total;
    let Some(span) = history.span else {
        return "No window has been read yet.".to_owned();
    };
    let windows = format!(
        "{}, {} to {}",
        count(total.windows, "window"),
        rfc3339(span.start),
        rfc3339(span.end)
    );
    let side = |name: &str, numbers: Sides<u64>| {
        let told = Side::BOTH
            .into_iter()
            .filter(move |side| numbers[*side] > 0);
        let name = name.to_owned();
        told.map(move |side| format!("{} {name} on {side}", count(numbers[side], "record")))
            .collect::<Vec<_>>()
    };
    let mut lost = side("missing", total.missing);
    lost.extend(side("surplus", total.surplus));
    if total.divergent > 0 {
        lost.push(format!("{} divergent", count(total.divergent, "record")));
    }
    match lost.is_empty() {
        true if total.untold_windows > 0 => format!(
            "Nothing lost or changed is known; in {windows}, of which {} could not be told.",
            thousands(total.untold_windows)
        ),
        true => format!("Nothing lost or changed in {windows}."),
        false => format!("Lost or changed: {}; in {windows}.", lost.join(", ")),
    }
}

/// Returns the first ten characters of a time: the day.
fn day(second: i64) -> String {
    rfc3339(second)[..10].to_owned()
}

/// Writes a span of seconds as people say it, to the minute.
fn long(seconds: i64) -> String {
    let seconds = seconds.max(0).unsigned_abs();
    let rounded = if seconds < 60 {
        seconds
    } else {
        seconds / 60 * 60
    };
    humantime::format_duration(std::time::Duration::from_secs(rounded)).to_string()
}

#[cfg(test)]
pub(super) mod sample {
    use super::*;
    use crate::archive::{
        DayLoss, DayTally, Gap, InterfaceTally, KnownCause, LineWindow, LossTally, WindowLoss,
    };
    use crate::model::delay::DelaySummary;

    const MIDNIGHT: i64 = 1_641_513_600;
    const DAY: i64 = 86_400;

    /// So many days of hours; every tenth has lost records.
    pub(crate) fn history(number_of_days: i64) -> History {
        let delays = |p99| DelaySummary {
            records: 0,
            p50: p99 / 2,
            p95: p99 - 1,
            p99,
            max: p99 + 9,
        };
        let one = |number: i64| DayTally {
            day: MIDNIGHT + number * DAY,
            tally: LossTally {
                windows: 24,
                untold_windows: u64::from(number % 10 == 4),
                records: Sides {
                    s3: 4800,
                    cwl: 4790,
                },
                missing: Sides {
                    s3: 0,
                    cwl: if number % 10 == 3 { 10 } else { 0 },
                },
                surplus: Sides::default(),
                divergent: u64::from(number % 10 == 5),
                late: Sides { s3: 2, cwl: 0 },
            },
            gap_seconds: if number % 10 == 6 { 3600 } else { 0 },
            delays: Sides {
                s3: None,
                cwl: Some(delays(300 + number.unsigned_abs())),
            },
        };
        let days: Vec<_> = (0..number_of_days).map(one).collect();
        let sum = |of: fn(&LossTally) -> u64| days.iter().map(|day| of(&day.tally)).sum();
        let window = |number: i64| LineWindow {
            start: MIDNIGHT + number * DAY,
            end: MIDNIGHT + number * DAY + 3600,
        };
        let hostile = "</script><img src=x>=1\u{1b}[2J";
        History {
            sources: Sides {
                s3: "s3://fa-014".to_owned(),
                cwl: "cwl://fa-014-FlowLogGroup".to_owned(),
            },
            first_line: 1,
            last_line: sum(|day| day.windows),
            removed_at: None,
            unfinished: false,
            span: Some(LineWindow {
                start: MIDNIGHT,
                end: MIDNIGHT + number_of_days * DAY,
            }),
            last_read_at: Some(MIDNIGHT + number_of_days * DAY + 1200),
            slowest: Some((3 * 3600 + 61, window(6))),
            total: LossTally {
                windows: sum(|day| day.windows),
                untold_windows: sum(|day| day.untold_windows),
                records: Sides {
                    s3: sum(|day| day.records.s3),
                    cwl: sum(|day| day.records.cwl),
                },
                missing: Sides {
                    s3: 0,
                    cwl: sum(|day| day.missing.cwl),
                },
                surplus: Sides::default(),
                divergent: sum(|day| day.divergent),
                late: Sides {
                    s3: sum(|day| day.late.s3),
                    cwl: 0,
                },
            },
            interfaces: (0..6)
                .map(|number| InterfaceTally {
                    interface: if number == 0 {
                        hostile.to_owned()
                    } else {
                        format!("eni-{number:017x}")
                    },
                    missing: Sides {
                        s3: 0,
                        cwl: 7 - number,
                    },
                    surplus: Sides::default(),
                    divergent: 0,
                    lines: 1,
                    days: vec![DayLoss {
                        day: MIDNIGHT + 3 * DAY,
                        records: 7 - number,
                    }],
                })
                .collect(),
            more_interfaces: true,
            worst: (0..6)
                .map(|number| WindowLoss {
                    window: window(number),
                    records: 9 - number.unsigned_abs(),
                    line: 24 * number.unsigned_abs() + 1,
                    report: Some("reports/2022-01-07/000000123-20220107T230000Z.json".to_owned()),
                })
                .collect(),
            causes: ["outage", "late", "masked", "expired"]
                .map(|kind| KnownCause {
                    kind: kind.to_owned(),
                    side: Some(Side::Cwl),
                    certain: kind == "outage",
                    records: 9,
                    lines: 2,
                    since: MIDNIGHT,
                    until: MIDNIGHT + DAY,
                    text: format!("{kind}: {hostile} a long text {}", "and more ".repeat(30)),
                })
                .to_vec(),
            unexplained: 1,
            gaps: (0..4)
                .map(|number| Gap {
                    start: MIDNIGHT + (10 * number + 6) * DAY,
                    end: MIDNIGHT + (10 * number + 6) * DAY + 3600,
                })
                .collect(),
            twice_seconds: 300,
            open: crate::report::Carried {
                pending: Sides { s3: 0, cwl: 3 },
                ..crate::report::Carried::default()
            },
            days,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn shown(name: &str, history: &History) -> String {
        let form = HISTORY_FORMS.iter().find(|form| form.name == name).unwrap();
        let told = ToldHistory {
            folder: Path::new("/var/lib/flowdiff-archive"),
            history,
            compared: true,
        };
        let mut out = Vec::new();
        (form.write)(told, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_form_takes_any_history_and_is_harmless() {
        for history in [History::default(), sample::history(1), sample::history(400)] {
            for form in HISTORY_FORMS {
                let text = shown(form.name, &history);
                assert!(text.ends_with('\n'), "{}", form.name);
                assert!(!text.contains('\u{1b}'), "{}", form.name);
            }
        }
    }

    #[test]
    fn the_text_is_one_screen() {
        for days in [1, 20, 61, 62, 63, 365, 4000] {
            let text = shown("text", &sample::history(days));
            let lines = text.lines().count();
            assert!(lines <= 45, "{days}: {lines}\n{text}");
            for line in text.lines() {
                assert!(line.chars().count() <= 100, "{days}: {line}");
            }
        }
    }

    #[test]
    fn a_month_as_text() {
        insta::assert_snapshot!(shown("text", &sample::history(40)), @r#"
        Lost or changed: 40 records missing on cwl, 4 records divergent; in 960 windows,
        2022-01-07T00:00:00Z to 2022-02-16T00:00:00Z.
        Archive   /var/lib/flowdiff-archive: lines 1 to 960, whole and as the state knows it
        Read      last at 2022-02-16T00:20:00Z; at the latest 3h 1m after a window's end
        Open      3 pending, 0 undetermined, 0 parts unreadable, 0 windows unread
                                s3            cwl
          records          192,000        191,600  read for the first time
          missing                0             40  the other side has them
          divergent              4              4  unequal values
          late                  80              0  came after the first look
        Weeks (UTC)                    lost   late s3  late cwl   p99 s3  p99 cwl
          2022-01-07  ...#?~-            11        14         0        -     306s
          2022-01-14  ......#            10        14         0        -     313s
          2022-01-21  ?~-....             1        14         0        -     320s
          2022-01-28  ..#?~-.            11        14         0        -     327s
          2022-02-04  .....#?            10        14         0        -     334s
          2022-02-11  ~-...               1        10         0        -     339s
          . same  # missing  ~ surplus, divergent  ? not all could be told  - not all read;  p99: of delays
        Worst interfaces; at least 3 more
          </script><img src=x>=1\u{1b}[2J           7 records in 1 line
          eni-00000000000000001                     6 records in 1 line
          eni-00000000000000002                     5 records in 1 line
        Worst windows, and their reports in the archive
          2022-01-07T00:00:00Z          9  reports/2022-01-07/000000123-20220107T230000Z.json
          2022-01-08T00:00:00Z          8  reports/2022-01-07/000000123-20220107T230000Z.json
          2022-01-09T00:00:00Z          7  reports/2022-01-07/000000123-20220107T230000Z.json
        Why; 1 record not explained
          outage (cwl): 9 records, 2022-01-07 to 2022-01-07: outage: </script><img src=x>=1\u{1b}[2J a long…
          late (cwl): 9 records, 2022-01-07 to 2022-01-07: late: </script><img src=x>=1\u{1b}[2J a long tex…
          masked (cwl): 9 records, 2022-01-07 to 2022-01-07: masked: </script><img src=x>=1\u{1b}[2J a long…
        Twice     5m was read twice after a rewind: what is lost in it counts twice
        Not read by any run: 4 times, 4h in all
          2022-01-13T00:00:00Z to 2022-01-13T01:00:00Z, 1h
          2022-01-23T00:00:00Z to 2022-01-23T01:00:00Z, 1h
        "#);
    }

    #[test]
    fn nothing_yet_and_nothing_lost() {
        assert!(shown("text", &History::default()).starts_with("No window has been read yet.\n"));
        let mut calm = sample::history(2);
        calm.total.divergent = 0;
        let said = "Nothing lost or changed in 48 windows, 2022-01-07T00:00:00Z to 2022-01-09T00:00:00Z.\n";
        assert!(
            shown("text", &calm).starts_with(said),
            "{}",
            shown("text", &calm)
        );
    }

    #[test]
    fn a_cell_is_no_formula_and_a_name_is_no_markup() {
        let mut history = sample::history(10);
        history.interfaces[0].interface = "=1+1".to_owned();
        assert!(shown("csv", &history).contains(",'=1+1,"));
        let page = shown("html", &sample::history(10));
        assert!(page.contains("&lt;img src=x&gt;"));
        assert!(!page.contains("<img") && !page.contains("<script") && !page.contains(" style="));
        assert!(page.contains("http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-"));
    }
}
