//! `--nagios`: a report as one line and an exit code in Nagios's meaning (monitoring-plugins.org, "Development
//! Guidelines", plugin output, return codes and performance data).

use std::fmt::Write as _;

use super::{cause, wording};
use crate::model::Side;
use crate::report::alarm::{Figure, Range};
use crate::report::{Report, Verdict};

/// What Nagios is told. The exit codes are Nagios's, not those of a plain run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NagiosStatus {
    /// Nothing to do.
    Ok,
    /// A figure is outside its range for a warning.
    Warning,
    /// A figure is outside its range for an alarm.
    Critical,
    /// It could not be told.
    Unknown,
}

impl NagiosStatus {
    /// Returns the exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// The ranges of `--warning` and `--critical`.
///
/// A figure with a range is judged by it alone. Without one, anything missing, surplus or divergent is critical, and
/// anything pending leaves the answer open, as it does for a plain run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thresholds {
    warning: Vec<(Figure, Range)>,
    critical: Vec<(Figure, Range)>,
}

impl Thresholds {
    /// Reads ranges, one in each text: `FIGURE=RANGE`, or `RANGE` alone for what is missing.
    ///
    /// # Errors
    /// A sentence that names the option and quotes the range.
    pub fn parse(warning: &[String], critical: &[String]) -> Result<Self, String> {
        let ranges = |option: &str, texts: &[String]| {
            let named = |message| format!("{option}: {message}");
            let mut ranges: Vec<(Figure, Range)> = Vec::new();
            for text in texts {
                let (figure, range) = figure_and_range(text.trim()).map_err(named)?;
                if ranges.iter().any(|(other, _)| *other == figure) {
                    return Err(named(format!("`{}` has two ranges", figure.name())));
                }
                ranges.push((figure, range));
            }
            Ok(ranges)
        };
        Ok(Self {
            warning: ranges("--warning", warning)?,
            critical: ranges("--critical", critical)?,
        })
    }

    /// Judges the report and writes the line, without its newline.
    pub fn judge(&self, report: &Report) -> (NagiosStatus, String) {
        let statuses = Figure::ALL.map(|figure| self.status(figure, report));
        let worst = [
            NagiosStatus::Critical,
            NagiosStatus::Warning,
            NagiosStatus::Unknown,
        ];
        let open = if is_open(report) {
            NagiosStatus::Unknown
        } else {
            NagiosStatus::Ok
        };
        let found = |status: &NagiosStatus| statuses.contains(status) || open == *status;
        let status = worst.into_iter().find(found).unwrap_or(NagiosStatus::Ok);
        let mut text = wording::verdict(report);
        text.extend(wording::reservation(report).map(|more| format!(" {more}")));
        if let Some(cause) = report.why.causes.first() {
            let _ = write!(text, " Why: {}.", cause::explained(cause));
        }
        if status == NagiosStatus::Ok && report.verdict != Verdict::Consistent {
            text.push_str(" All within the ranges given.");
        }
        if self.wants(Figure::Lag) && Figure::Lag.of(report).is_none() {
            text.push_str(" The lag is not known.");
        }
        let performance = self.performance(report);
        (status, format!("{}| {performance}", line(status, &text)))
    }

    fn status(&self, figure: Figure, report: &Report) -> NagiosStatus {
        let Some(value) = figure.of(report) else {
            return if self.wants(figure) {
                NagiosStatus::Unknown
            } else {
                NagiosStatus::Ok
            };
        };
        let outside = |ranges: &[(Figure, Range)]| {
            let range = find(ranges, figure);
            #[expect(clippy::cast_precision_loss, reason = "ranges are not that fine")]
            range.is_some_and(|range| range.alerts(value as f64))
        };
        let strictly = || !self.wants(figure) && value > 0;
        if outside(&self.critical) || Figure::CONFIRMED.contains(&figure) && strictly() {
            NagiosStatus::Critical
        } else if outside(&self.warning) {
            NagiosStatus::Warning
        } else if figure == Figure::Pending && strictly() {
            NagiosStatus::Unknown
        } else {
            NagiosStatus::Ok
        }
    }

    fn wants(&self, figure: Figure) -> bool {
        find(&self.warning, figure)
            .or(find(&self.critical, figure))
            .is_some()
    }

    /// `'label'=value[UOM];[warn];[crit];[min];[max]`, a blank between. A figure that is not known is left out, or `U` if
    /// it has a range.
    fn performance(&self, report: &Report) -> String {
        let mut text = String::new();
        let range = |ranges, figure| {
            find(ranges, figure)
                .map(ToString::to_string)
                .unwrap_or_default()
        };
        for figure in Figure::ALL {
            let (name, unit) = (figure.name(), if figure == Figure::Lag { "s" } else { "" });
            let value = match figure.of(report) {
                Some(value) => format!("{value}{unit}"),
                None if self.wants(figure) => "U".to_owned(),
                None => continue,
            };
            let (warning, critical) = (range(&self.warning, figure), range(&self.critical, figure));
            // Writing to a String cannot fail.
            let _ = write!(text, "{name}={value};{warning};{critical};0 ");
        }
        let undetermined = report.counts.undetermined;
        let _ = write!(
            text,
            "undetermined={};;;0 ",
            undetermined.s3 + undetermined.cwl
        );
        for side in Side::BOTH {
            let _ = write!(text, "records_{side}={};;;0 ", report.sides[side].records);
        }
        let milliseconds = (report.took.as_secs_f64() * 1000.0).round();
        let _ = write!(text, "time={}s;;;0", milliseconds / 1000.0);
        text
    }
}

/// Returns the line for a run that came to no answer, without its newline.
pub fn unknown(message: &str) -> String {
    line(NagiosStatus::Unknown, message).trim_end().to_owned()
}

/// What follows a `|` or a new line would be taken for something else.
fn line(status: NagiosStatus, text: &str) -> String {
    let safe: String = text
        .chars()
        .map(|c| match c {
            '|' => '/',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    format!("FLOWDIFF {} - {safe} ", status.name())
}

/// Tells whether something could not be read or told, pending records aside.
fn is_open(report: &Report) -> bool {
    let of_sides = |count: fn(&crate::report::SideSummary) -> u64| {
        Side::BOTH
            .into_iter()
            .map(|side| count(&report.sides[side]))
            .sum::<u64>()
    };
    let undetermined = report.counts.undetermined;
    let not_read = of_sides(|side| side.unreadable_parts) + of_sides(|side| side.malformed);
    let empty = report.verdict == Verdict::Unknown && of_sides(|side| side.records) == 0;
    undetermined.s3 + undetermined.cwl + not_read > 0 || empty
}

fn find(ranges: &[(Figure, Range)], figure: Figure) -> Option<&Range> {
    let found = ranges.iter().find(|(other, _)| *other == figure);
    found.map(|(_, range)| range)
}

fn figure_and_range(text: &str) -> Result<(Figure, Range), String> {
    match text.split_once('=') {
        None => Ok((Figure::Missing, text.parse()?)),
        Some((name, range)) => Ok((Figure::find(name, &Figure::ALL)?, range.parse()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn judge(warning: &str, critical: &str, report: &Report) -> (NagiosStatus, String) {
        let texts = |text: &str| -> Vec<String> {
            let parts = text.split(',').filter(|part| !part.is_empty());
            parts.map(str::to_owned).collect()
        };
        let thresholds = Thresholds::parse(&texts(warning), &texts(critical)).unwrap();
        thresholds.judge(report)
    }

    /// The sample without what is open: 3 missing, 1 surplus, 1 divergent, 1 pending.
    fn read_whole() -> Report {
        let mut report = sample::different();
        report.counts.undetermined.s3 = 0;
        report.sides.s3.unreadable_parts = 0;
        report.sides.cwl.malformed = 0;
        report
    }

    #[test]
    fn ranges_decide() {
        let all = "surplus=1,divergent=1,pending=1";
        for (warning, critical, status) in [
            ("", "", NagiosStatus::Critical),
            ("", "missing=2", NagiosStatus::Critical),
            (
                &format!("{all},missing=2") as &str,
                "missing=10",
                NagiosStatus::Warning,
            ),
            (&format!("{all},missing=3"), "", NagiosStatus::Ok),
            (&format!("{all},3"), "5", NagiosStatus::Ok),
            // Pending without a range leaves it open; surplus without one is critical.
            ("surplus=1,divergent=1,missing=3", "", NagiosStatus::Unknown),
            (
                "divergent=1,missing=3,pending=1",
                "",
                NagiosStatus::Critical,
            ),
            (&format!("{all},missing=3"), "lag=900", NagiosStatus::Ok),
            (
                &format!("{all},missing=3"),
                "lag=500",
                NagiosStatus::Critical,
            ),
            ("", "missing=100:", NagiosStatus::Critical),
        ] {
            let (got, line) = judge(warning, critical, &read_whole());
            assert_eq!(got, status, "-w {warning} -c {critical}: {line}");
        }
        // What is not known is not in its range.
        let mut report = read_whole();
        report.sides.s3.delivery_delay_seconds = None;
        report.sides.cwl.delivery_delay_seconds = None;
        let (got, _) = judge(&format!("{all},missing=3"), "lag=900", &report);
        assert_eq!(got, NagiosStatus::Unknown);
    }

    #[test]
    fn what_is_not_read_is_never_ok() {
        let tolerant = "missing=9,surplus=9,divergent=9,pending=9";
        let (status, _) = judge(tolerant, "", &sample::different());
        assert_eq!(status, NagiosStatus::Unknown);
        assert_eq!(
            judge(tolerant, "", &sample::unknown()).0,
            NagiosStatus::Unknown
        );
        let mut empty = sample::consistent();
        (empty.verdict, empty.sides) = (Verdict::Unknown, crate::model::Sides::default());
        assert_eq!(judge(tolerant, "", &empty).0, NagiosStatus::Unknown);
        assert_eq!(judge("", "", &sample::consistent()).0, NagiosStatus::Ok);
    }

    #[test]
    fn the_line() {
        let (_, line) = judge(
            "missing=10,pending=5:",
            "missing=100,lag=900",
            &read_whole(),
        );
        insta::assert_snapshot!(line, @"FLOWDIFF CRITICAL - Different: 3 records missing on cwl, 1 divergent, 1 surplus on s3. Still open: 1 record pending on s3. Why: cwl has nothing of these interfaces at first, though it has others' records of the same time: eni-0c19436730cc350ae until 2022-01-07T23:30:00Z; s3 has 2 records of 1 interface. | missing=3;10;100;0 surplus=1;;;0 divergent=1;;;0 pending=1;5:;;0 lag=582s;;900;0 undetermined=0;;;0 records_s3=1234572;;;0 records_cwl=1234570;;;0 time=1.5s;;;0");
        assert_eq!(unknown("a|b\nc"), "FLOWDIFF UNKNOWN - a/b c");
    }

    #[test]
    fn what_is_refused_is_named() {
        for (text, named) in [
            ("lost=1", "--warning: no figure `lost`"),
            ("missing=x", "--warning: `x` is not a range"),
            ("", "--warning: `` is not a range"),
        ] {
            let message = Thresholds::parse(&[text.to_owned()], &[]).unwrap_err();
            assert!(message.contains(named), "{text}: {message}");
        }
        let twice = ["missing=1".to_owned(), "2".to_owned()];
        assert!(
            Thresholds::parse(&[], &twice)
                .unwrap_err()
                .contains("--critical")
        );
    }
}
