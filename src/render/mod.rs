//! Renderers: the table of ways to show a report.
//!
//! A renderer turns a [`Report`] into bytes on a writer and knows nothing else. A new one is one
//! new file and one line in [`RENDERERS`].

mod cause;
mod chart;
#[cfg(test)]
mod consumer;
mod csv;
mod differences;
mod emf;
mod escape;
mod gauge;
mod history;
mod html;
mod json;
mod junit;
mod looked;
pub mod nagios;
mod openmetrics;
mod paint;
mod place;
mod sort;
mod text;
mod wording;

use std::fs::File;
use std::io::{self, Write};

use crate::archive::History;
use crate::report::Report;

pub(crate) use cause::{explained, listed, reason, values};
pub use differences::write_difference;
pub(crate) use escape::escape;
pub use history::{HISTORY_FORMS, HistoryForm, ToldHistory};
pub(crate) use json::write_pretty;
pub use json::{whole, with_findings, write_line};
pub use paint::Paint;
pub(crate) use place::{options, quoted, quoted_for_script};
pub(crate) use text::{WIDTH, wrap};
pub(crate) use wording::verdict;

/// How a report is to look, for renderers that have a look.
#[derive(Clone, Copy, Debug)]
pub struct Style<'a> {
    /// Whether to colour.
    pub paint: Paint,
    /// How many columns a line has.
    pub width: usize,
    /// How many differing records are shown, for a report that is short by itself; `None` is as many as fit a screen.
    pub rows: Option<usize>,
    /// What stood under the report's name before, for renderers that carry something over.
    pub previous: &'a str,
    /// What the job has found in the last days, for renderers that show it.
    pub history: Option<&'a History>,
    /// The name of the pair that it is about, if it is one of several.
    pub pair: Option<&'a str>,
    /// Every difference, a line each as [`write_difference`] writes it, for renderers that ask for that. `None` if not all
    /// are known.
    pub every: Option<&'a File>,
}

impl Default for Style<'_> {
    /// Plain, 100 columns.
    fn default() -> Self {
        Self {
            paint: Paint::default(),
            width: WIDTH,
            rows: None,
            previous: "",
            history: None,
            pair: None,
            every: None,
        }
    }
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
    /// Whether it draws what both sides held also where nothing differs: [`Report::held`].
    pub drawn: bool,
    /// Whether people read it while the run goes on.
    pub for_people: bool,
    /// Whether it reads [`Style::every`].
    pub every: bool,
    /// Whether its figures go on in time under the names of the sources, from one run to the next.
    pub series: bool,
    /// Makes of the report that stands there one that says that a job has looked again, at a time in Unix seconds, and had nothing
    /// due. `None`: each run writes its own.
    pub looked: Option<fn(&str, i64) -> String>,
}

/// Every way to show a report, the default first.
pub static RENDERERS: &[Renderer] = &[
    Renderer {
        name: "text",
        about: "a summary for people",
        write: text::write,
        carries_over: false,
        by_hour: false,
        drawn: false,
        for_people: true,
        every: false,
        series: false,
        looked: Some(looked::text),
    },
    Renderer {
        name: "json",
        about: "one JSON document, format flowdiff.report/1",
        write: json::write_document,
        carries_over: false,
        by_hour: false,
        drawn: false,
        for_people: false,
        every: false,
        series: false,
        looked: Some(looked::json),
    },
    Renderer {
        name: "jsonl",
        about: "the same as JSON lines: first the report, then a line for each finding",
        write: json::write_lines,
        carries_over: false,
        by_hour: false,
        drawn: false,
        for_people: false,
        every: false,
        series: false,
        looked: Some(looked::json),
    },
    Renderer {
        name: "csv",
        about: "a row for each record that differs, with its fields",
        write: csv::write,
        carries_over: false,
        by_hour: false,
        drawn: false,
        for_people: false,
        every: true,
        series: false,
        looked: Some(looked::unchanged),
    },
    Renderer {
        name: "html",
        about: "one page with map, charts and findings, which needs nothing from anywhere",
        write: html::write,
        carries_over: false,
        by_hour: false,
        drawn: true,
        for_people: false,
        every: false,
        series: false,
        looked: Some(looked::html),
    },
    Renderer {
        name: "junit",
        about: "JUnit XML: a test case for each interface and hour, for CI systems",
        write: junit::write,
        carries_over: false,
        by_hour: true,
        drawn: false,
        for_people: false,
        every: false,
        series: false,
        looked: Some(looked::unchanged),
    },
    Renderer {
        name: "emf",
        about: "CloudWatch embedded metric format: a line for each side",
        write: emf::write,
        carries_over: false,
        by_hour: false,
        drawn: false,
        for_people: false,
        every: false,
        series: true,
        looked: None,
    },
    Renderer {
        name: "openmetrics",
        about: "OpenMetrics text, for node_exporter's textfile collector",
        write: openmetrics::write,
        carries_over: true,
        by_hour: false,
        drawn: false,
        for_people: false,
        every: false,
        series: true,
        looked: None,
    },
];

/// Returns the renderer of that name.
pub fn find(name: &str) -> Option<&'static Renderer> {
    RENDERERS.iter().find(|renderer| renderer.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::report::redact::Redaction;
    use crate::report::sample;

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
    fn no_renderer_tells_what_is_replaced() {
        let redaction = Redaction::keyed("a key for these tests").unwrap();
        let report = redaction.report(sample::different());
        for renderer in RENDERERS {
            let mut out = Vec::new();
            (renderer.write)(&report, Style::default(), &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            for secret in [
                "111122223333",
                "10.0.1.20",
                "10.0.1.196",
                "0c19436730cc350ae",
                "0aa11bb22cc33dd44",
            ] {
                assert!(
                    !text.contains(secret),
                    "{}: {secret} in {text}",
                    renderer.name
                );
            }
        }
        assert_eq!(report.counts, sample::different().counts);
    }
}
