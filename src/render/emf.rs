//! CloudWatch's embedded metric format: a line of JSON a side, from which CloudWatch Logs takes metrics (CloudWatch User
//! Guide "Specification: Embedded metric format").

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::CompactFormatter;
use serde_json::{Number, Value};

use super::gauge::{GAUGES, GaugeUnit, consistent};
use super::{Style, json};
use crate::model::Side;
use crate::model::window::rfc3339;
use crate::report::Report;

const NAMESPACE: &str = "flowdiff";

/// The longest value of a dimension (CloudWatch API reference, `Dimension`).
const LONGEST_VALUE: usize = 1024;

#[derive(Serialize)]
struct EmfLine {
    #[serde(rename = "_aws")]
    metadata: Metadata,
    #[serde(flatten)]
    members: BTreeMap<&'static str, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    timestamp: i64,
    cloud_watch_metrics: [Directive; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    dimensions: Vec<Vec<&'static str>>,
    metrics: Vec<Definition>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: &'static str,
    unit: &'static str,
}

/// Writes the two lines. Their time is the run's, not the window's: CloudWatch refuses metrics older than two weeks.
/// Of one of several pairs, the metrics are its own, and those of all pairs together.
pub(super) fn write(report: &Report, style: Style<'_>, out: &mut dyn Write) -> io::Result<()> {
    Side::BOTH
        .into_iter()
        .try_for_each(|side| json::write(&line(report, side, style.pair), CompactFormatter, out))
}

fn line(report: &Report, side: Side, pair: Option<&str>) -> EmfLine {
    let mut metrics = Vec::new();
    let mut members = BTreeMap::new();
    let mut metric = |name, unit, value: Value| {
        metrics.push(Definition { name, unit });
        members.insert(name, value);
    };
    for gauge in GAUGES {
        // CloudWatch takes what is not there for no data, which is what it is.
        let Some(value) = (gauge.of)(report, side) else {
            continue;
        };
        let unit = match gauge.unit {
            GaugeUnit::Count => "Count",
            GaugeUnit::Seconds => "Seconds",
        };
        metric(gauge.metric, unit, value.into());
    }
    metric("Consistent", "None", consistent(report).into());
    let seconds = Number::from_f64(report.took.as_secs_f64()).map_or(Value::Null, Value::Number);
    metric("RunSeconds", "Seconds", seconds);
    let time = |time: Option<i64>| time.map_or(Value::Null, |time| rfc3339(time).into());
    members.extend([
        ("Source", dimension(&report.sides[side].source).into()),
        ("Side", side.name().into()),
        (
            "OtherSource",
            report.sides[side.other()].source.clone().into(),
        ),
        ("Verdict", report.verdict.name().into()),
        (
            "Cause",
            report
                .why
                .causes
                .first()
                .map_or(Value::Null, |cause| cause.kind.into()),
        ),
        ("ExitCode", report.exit_code().into()),
        ("WindowStart", time(report.window.start)),
        ("WindowEnd", time(report.window.end)),
        ("Version", env!("CARGO_PKG_VERSION").into()),
    ]);
    members.extend(pair.map(|pair| ("Pair", dimension(pair).into())));
    EmfLine {
        metadata: Metadata {
            timestamp: report.settle.now.saturating_mul(1000),
            cloud_watch_metrics: [Directive {
                namespace: NAMESPACE,
                dimensions: match pair {
                    None => vec![vec!["Source", "Side"]],
                    Some(_) => vec![vec!["Pair", "Side"], vec!["Side"]],
                },
                metrics,
            }],
        },
        members,
    }
}

/// CloudWatch drops a metric whose dimension is not printable ASCII, or too long.
fn dimension(text: &str) -> String {
    let printable = |c: char| (' '..='~').contains(&c);
    let mut value = String::new();
    for c in text.chars() {
        if printable(c) {
            value.push(c);
        } else {
            value.extend(c.escape_default());
        }
    }
    value.truncate(LONGEST_VALUE);
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_line_a_side() {
        let mut out = Vec::new();
        write(&sample::different(), Style::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let [s3, cwl] = &lines[..] else {
            panic!("{text}")
        };
        assert_eq!(cwl["_aws"]["Timestamp"], 1_641_600_900_000_i64);
        assert_eq!(s3["Source"], sample::different().sides.s3.source.as_str());
        for (line, name, value) in [
            (cwl, "Missing", 3),
            (s3, "Missing", 0),
            (s3, "Divergent", 1),
            (s3, "Consistent", 0),
        ] {
            assert_eq!(line[name], value, "{name}: {line}");
        }
        assert_eq!(s3["RunSeconds"], 1.5);
    }

    #[test]
    fn dimensions_are_what_cloudwatch_takes() {
        assert_eq!(dimension("s3://bücher\n"), "s3://b\\u{fc}cher\\n");
        assert_eq!(dimension(&"ü".repeat(2000)).len(), LONGEST_VALUE);
    }
}
