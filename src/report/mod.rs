//! The report: everything a run found out, and the table of ways to show it.
//!
//! A renderer turns a [`Report`] into bytes on a writer and knows nothing else. A new one is one
//! new file and one line in [`RENDERERS`].

#[cfg(test)]
mod consumer;
mod counts;
mod csv;
mod differences;
mod emf;
mod escape;
mod gauge;
mod join;
mod json;
mod junit;
mod openmetrics;
mod output;
mod paint;
#[cfg(test)]
pub(crate) mod sample;
mod text;
pub(crate) mod wording;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::delay::DelaySummary;
use crate::finding::{Bucket, Finding};
use crate::source::{Side, Sides};
use crate::state::Carried;
use crate::window::{Settle, Window};

pub use counts::Counts;
pub use differences::write_difference;
pub(crate) use escape::escape;
pub use join::join;
pub(crate) use json::write_pretty;
pub use json::{without_findings, write_line};
pub use output::Output;
pub use paint::Paint;
pub(crate) use text::{WIDTH, wrap};

/// How a report is to look, for renderers that have a look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style<'a> {
    /// Whether to colour.
    pub paint: Paint,
    /// What stood under the report's name before, for renderers that carry something over.
    pub previous: &'a str,
}

/// A way to show a report: one line of [`RENDERERS`].
#[derive(Clone, Copy, Debug)]
pub struct Renderer {
    /// What a user calls it on the command line.
    pub name: &'static str,
    /// What it is for, as a help text says it.
    pub about: &'static str,
    /// Writes the whole report, ending with a newline. Does not flush.
    pub write: fn(&Report, Style<'_>, &mut dyn Write) -> io::Result<()>,
    /// Whether it reads [`Style::previous`].
    pub carries_over: bool,
    /// Whether it reads [`Report::hours`].
    pub by_hour: bool,
    /// Whether its figures go on in time under the names of the sources, from one run to the next.
    pub series: bool,
}

/// Every way to show a report, the default first.
pub static RENDERERS: &[Renderer] = &[
    Renderer {
        name: "text",
        about: "a summary for people",
        write: text::write,
        carries_over: false,
        by_hour: false,
        series: false,
    },
    Renderer {
        name: "json",
        about: "one JSON document, format flowdiff.report/1",
        write: json::write_document,
        carries_over: false,
        by_hour: false,
        series: false,
    },
    Renderer {
        name: "jsonl",
        about: "the same as JSON lines: first the report, then a line for each finding",
        write: json::write_lines,
        carries_over: false,
        by_hour: false,
        series: false,
    },
    Renderer {
        name: "csv",
        about: "a row for each finding",
        write: csv::write,
        carries_over: false,
        by_hour: false,
        series: false,
    },
    Renderer {
        name: "junit",
        about: "JUnit XML: a test case for each interface and hour, for CI systems",
        write: junit::write,
        carries_over: false,
        by_hour: true,
        series: false,
    },
    Renderer {
        name: "emf",
        about: "CloudWatch embedded metric format: a line for each side",
        write: emf::write,
        carries_over: false,
        by_hour: false,
        series: true,
    },
    Renderer {
        name: "openmetrics",
        about: "OpenMetrics text, for node_exporter's textfile collector",
        write: openmetrics::write,
        carries_over: true,
        by_hour: false,
        series: true,
    },
];

/// Returns the renderer of that name.
pub fn find(name: &str) -> Option<&'static Renderer> {
    RENDERERS.iter().find(|renderer| renderer.name == name)
}

/// What a run found out. Same input, same report, byte for byte, except for how long it [took](Self::took).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The answer.
    pub verdict: Verdict,
    /// What was asked for.
    pub window: Window,
    /// The clock and the settle time.
    pub settle: Settle,
    /// A settle time that the measured delays suggest, in seconds; `None` if too little was measured.
    pub suggested_settle_seconds: Option<u64>,
    /// The compared fields in table order.
    pub fields: Vec<String>,
    /// Fields that a side has and that were not compared, in table order.
    pub fields_left_out: Sides<Vec<String>>,
    /// What each side held.
    pub sides: Sides<SideSummary>,
    /// The totals.
    pub counts: Counts,
    /// What is wrong: by interface, slot, kind, side; then unreadable parts and malformed rows.
    pub findings: Vec<Finding>,
    /// Whether there is more evidence than shown.
    pub evidence_capped: bool,
    /// What a reader should know, in fixed order.
    pub notes: Vec<String>,
    /// Whether late records were looked for.
    pub rechecked: bool,
    /// Records of each side by interface and hour, if a renderer asks for them.
    pub hours: BTreeMap<Hour, Sides<u64>>,
    /// Why differences are tolerated, a sentence for each kind; empty if they are not or if there are none.
    pub tolerated: Vec<String>,
    /// How long the run took.
    pub took: Duration,
    /// How many copies each side has in the buckets that were to be counted; not shown.
    pub copies: BTreeMap<Bucket, Sides<u64>>,
    /// What a scheduled job took up and what it carries, if the run was one.
    pub state: Option<TakenUp>,
}

impl Report {
    /// Returns the exit code of the run. Differences that are tolerated do not count, but what is not known still does.
    pub fn exit_code(&self) -> u8 {
        let open = wording::open_questions(self);
        match self.verdict {
            Verdict::Different if self.tolerated.is_empty() => 1,
            Verdict::Different if open.is_empty() => 0,
            Verdict::Different => Verdict::Unknown.exit_code(),
            Verdict::Consistent | Verdict::Unknown => self.verdict.exit_code(),
        }
    }

    /// Returns how long records were on their way to a side, in seconds, 99th percentile; `None` if it is not known.
    pub fn lag_p99(&self, side: Side) -> Option<u64> {
        Some(self.sides[side].delivery_delay_seconds?.p99)
    }

    /// Returns how many records arrived on a side only after the first look; `None` if that was not watched.
    pub fn late(&self, side: Side) -> Option<u64> {
        self.rechecked.then_some(self.counts.late[side])
    }
}

/// An interface and an hour of `start`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hour {
    /// The interface, `-` if there is none.
    pub interface: Arc<str>,
    /// The hour's first second, `None` if there is no `start`.
    pub start: Option<i64>,
}

impl Hour {
    /// Returns the hour that a bucket lies in.
    pub fn of(bucket: &Bucket) -> Self {
        Self {
            interface: Arc::clone(&bucket.interface),
            start: bucket.slot.map(|slot| slot.div_euclid(3600) * 3600),
        }
    }
}

/// What one run of a scheduled job took up, and where that leaves it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TakenUp {
    /// All before this has been taken up, Unix seconds: the next run goes on here.
    #[serde(serialize_with = "json::second")]
    pub next: i64,
    /// Seconds that were due and are left to the next run: `--max-windows` was reached, or the run was ended.
    pub behind_seconds: i64,
    /// The windows that were read for the first time, oldest first.
    pub windows: Vec<Looked>,
    /// The stretches that were looked at again for what had not been decided, oldest first.
    pub again: Vec<Looked>,
    /// What was looked for and has been found on the side that lacked it. It is among the matched.
    pub late: Sides<u64>,
    /// The longest time from the `end` of such a record to this run, which found it.
    pub late_seconds_at_most: Option<i64>,
    /// Undetermined copies that were looked for until `--give-up` and are from now on not looked for.
    pub given_up: u64,
    /// What the next run will look for.
    pub carried: Carried,
}

impl TakenUp {
    /// Tells whether nothing was read and nothing is open.
    pub fn is_nothing(&self) -> bool {
        self.windows.is_empty() && self.again.is_empty() && self.carried.is_nothing()
    }
}

/// A stretch of time that was read, and what it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Looked {
    /// The first second inside, Unix seconds.
    #[serde(serialize_with = "json::second")]
    pub start: i64,
    /// The first second after.
    #[serde(serialize_with = "json::second")]
    pub end: i64,
    /// The answer for it; `null` if it could not be read at all.
    pub verdict: Option<Verdict>,
}

/// The answer to "do both destinations hold the same records".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Yes, and everything was read.
    Consistent,
    /// No: at least one confirmed missing, surplus or divergent record.
    Different,
    /// Not known: nothing is confirmed different, but not everything is known.
    Unknown,
}

impl Verdict {
    /// Returns the name used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Consistent => "consistent",
            Self::Different => "different",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the exit code a run with this verdict ends with, if nothing is tolerated.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Consistent => 0,
            Self::Different => 1,
            Self::Unknown => 3,
        }
    }
}

/// What one side held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SideSummary {
    /// Its address.
    pub source: String,
    /// Parts read or tried.
    pub parts: u64,
    /// Bytes fetched, as stored (compressed).
    pub bytes: u64,
    /// Rows inside the window, NODATA and SKIPDATA included.
    pub records: u64,
    /// NODATA rows among them.
    pub nodata: u64,
    /// SKIPDATA rows among them.
    pub skipdata: u64,
    /// Rows that are no record.
    pub malformed: u64,
    /// Parts that could not be read.
    pub unreadable_parts: u64,
    /// How often a call to the service was made again, because it was throttled or failed in a way that may pass.
    pub retries: u64,
    /// The earliest `start` inside the window, Unix seconds.
    #[serde(serialize_with = "json::time")]
    pub first_start: Option<i64>,
    /// The latest `start` inside the window, Unix seconds.
    #[serde(serialize_with = "json::time")]
    pub last_start: Option<i64>,
    /// How long its records took from their `end` to their delivery, as far as that is known: an event's ingestion time,
    /// the modification time of an object that a flow log has delivered. `None` if nothing was measured.
    pub delivery_delay_seconds: Option<DelaySummary>,
    /// The same of what arrived late; where no delivery is known, until it was found, which is longer.
    pub late_delay_seconds: Option<DelaySummary>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn renderer_names_are_unique_and_found() {
        let names: BTreeSet<_> = RENDERERS.iter().map(|renderer| renderer.name).collect();
        assert_eq!(names.len(), RENDERERS.len());
        for name in names {
            assert_eq!(find(name).map(|renderer| renderer.name), Some(name));
        }
        assert!(find("xml").is_none());
    }

    #[test]
    fn every_renderer_ends_with_a_newline() {
        for report in [sample::different(), sample::consistent(), sample::unknown()] {
            for renderer in RENDERERS {
                let mut out = Vec::new();
                (renderer.write)(&report, Style::default(), &mut out).unwrap();
                assert!(out.ends_with(b"\n"), "{}", renderer.name);
            }
        }
    }

    #[test]
    fn every_copy_of_the_samples_is_counted_once() {
        for report in [sample::different(), sample::consistent(), sample::unknown()] {
            let counts = report.counts;
            for side in Side::BOTH {
                let sum = counts.matched + counts.unmatched(side);
                assert_eq!(report.sides[side].records, sum, "{side}");
            }
        }
    }
}
