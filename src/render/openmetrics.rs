//! OpenMetrics text, for node_exporter's textfile collector: gauges only, without timestamps of their own, because that
//! is what the collector takes and what the older Prometheus format has too.

use std::fmt;
use std::io::{self, Write};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit as PrometheusUnit};

use super::Style;
use super::escape::escape;
use super::gauge::{GAUGES, Gauge, GaugeUnit, consistent};
use crate::model::{Side, Sides};
use crate::report::Report;

const LAST_SUCCESS: &str = "last_success_timestamp";

/// Writes the report. A run that did not end with 0 keeps the time of the last one that did, which it finds in what it
/// replaces.
pub(super) fn write(report: &Report, style: Style<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut text = String::new();
    let last = (report.exit_code() == 0).then_some(report.settle.now);
    let mut registry = Registry::with_prefix(env!("CARGO_PKG_NAME"));
    registry.register_collector(Box::new(ToldGauges {
        sources: report.sides.as_ref().map(|side| escape(&side.source)),
        pair: style.pair.map(escape),
        report: report.clone(),
        last_success: last.or_else(|| last_success(report, style)),
    }));
    encode(&mut text, &registry).map_err(io::Error::other)?;
    out.write_all(text.as_bytes())
}

#[derive(Debug)]
struct ToldGauges {
    sources: Sides<String>,
    pair: Option<String>,
    report: Report,
    last_success: Option<i64>,
}

impl ToldGauges {
    /// Which check it is: files of several checks can lie in one folder.
    fn labels(&self) -> Vec<(&'static str, &str)> {
        let sources = [("s3", &*self.sources.s3), ("cwl", &self.sources.cwl)];
        let pair = self.pair.as_deref().map(|pair| ("pair", pair));
        sources.into_iter().chain(pair).collect()
    }

    fn of_side(&self, side: Side) -> Vec<(&'static str, &str)> {
        let labels = self.labels().into_iter();
        labels.chain([("side", side.name())]).collect()
    }

    fn gauge(&self, encoder: &mut DescriptorEncoder<'_>, gauge: &Gauge) -> fmt::Result {
        let unit = match gauge.unit {
            GaugeUnit::Count => None,
            GaugeUnit::Seconds => Some(PrometheusUnit::Seconds),
        };
        let sides = Side::BOTH.map(|side| (side, (gauge.of)(&self.report, side)));
        if sides.iter().all(|(_, value)| value.is_none()) {
            return Ok(());
        }
        let mut metric =
            encoder.encode_descriptor(gauge.name, gauge.about, unit.as_ref(), MetricType::Gauge)?;
        for (side, value) in sides {
            let Some(value) = value else { continue };
            let value = ConstGauge::new(value);
            if gauge.shared {
                return value.encode(metric.encode_family(&self.labels())?);
            }
            value.encode(metric.encode_family(&self.of_side(side))?)?;
        }
        Ok(())
    }

    fn of_run(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        (name, unit): (&str, Option<PrometheusUnit>),
        about: &str,
        value: impl EncodeGaugeValue,
    ) -> fmt::Result {
        let mut metric =
            encoder.encode_descriptor(name, about, unit.as_ref(), MetricType::Gauge)?;
        ConstGauge::new(value).encode(metric.encode_family(&self.labels())?)
    }
}

impl Collector for ToldGauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (encoder, report) = (&mut encoder, &self.report);
        GAUGES
            .iter()
            .try_for_each(|gauge| self.gauge(encoder, gauge))?;
        let seconds = Some(PrometheusUnit::Seconds);
        let about = "Whether both sides hold the same records and everything was read";
        self.of_run(encoder, ("consistent", None), about, consistent(report))?;
        let about = "What the run ended with: 0 consistent, 1 different, 3 no verdict";
        self.of_run(
            encoder,
            ("exit_code", None),
            about,
            u32::from(report.exit_code()),
        )?;
        let about = "How long the run took";
        self.of_run(
            encoder,
            ("run", seconds.clone()),
            about,
            report.took.as_secs_f64(),
        )?;
        for (name, about, time) in [
            (
                "window_start_timestamp",
                "The first second of the window",
                report.window.start,
            ),
            (
                "window_end_timestamp",
                "The first second after the window",
                report.window.end,
            ),
            (
                "last_run_timestamp",
                "When the last run that came to an answer began",
                Some(report.settle.now),
            ),
            (
                LAST_SUCCESS,
                "When the last run that ended with 0 began",
                self.last_success,
            ),
        ] {
            if let Some(time) = time {
                self.of_run(encoder, (name, seconds.clone()), about, time)?;
            }
        }
        Ok(())
    }
}

/// Finds the value of the same check in an earlier report; what is no report of ours has none.
fn last_success(report: &Report, style: Style<'_>) -> Option<i64> {
    // The one line of a report that names these two sources, told by writing it.
    let told = ToldGauges {
        sources: report.sides.as_ref().map(|side| escape(&side.source)),
        pair: style.pair.map(escape),
        report: report.clone(),
        last_success: Some(0),
    };
    let mut registry = Registry::with_prefix(env!("CARGO_PKG_NAME"));
    registry.register_collector(Box::new(told));
    let mut text = String::new();
    encode(&mut text, &registry).ok()?;
    let name = format!("{}_{LAST_SUCCESS}_seconds{{", env!("CARGO_PKG_NAME"));
    let line = text.lines().find(|line| line.starts_with(&name))?;
    let beginning = line.strip_suffix('0')?;
    style
        .previous
        .lines()
        .find_map(|line| line.strip_prefix(beginning)?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn text(report: &Report, previous: &str) -> String {
        let mut out = Vec::new();
        let style = Style {
            previous,
            ..Style::default()
        };
        write(report, style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_report() {
        let mut report = sample::unknown();
        report.sides.cwl.source = "cwl://a\"b\\c".to_owned();
        insta::assert_snapshot!(text(&report, ""), @r#"
        # HELP flowdiff_records Records of the side inside the window
        # TYPE flowdiff_records gauge
        flowdiff_records{s3="fixtures/ping/s3",cwl="cwl://a\"b\\c",side="s3"} 57
        flowdiff_records{s3="fixtures/ping/s3",cwl="cwl://a\"b\\c",side="cwl"} 58
        # HELP flowdiff_missing_records Records that the other side has and this one lacks
        # TYPE flowdiff_missing_records gauge
        flowdiff_missing_records{s3="fixtures/ping/s3",cwl="cwl://a\"b\\c",side="s3"} 0
        flowdiff_missing_records{s3="fixtures/ping/s3",cwl="cwl://a\"b\\c",side="cwl"} 0
        # HELP flowdiff_surplus_records Extra copies on the side of records that both have
        # TYPE flowdiff_surplus_records gauge
        flowdiff_surplus_records{s3="fixtures/ping/s3",cwl="cwl://a\"b\\c",side="s3"} 0
        flowdiff_surplus_records{s3="fixtures/ping/s3",cwl="cwl://a\"b\\c",side="cwl"} 0
        # HELP flowdiff_divergent_records Pairs of the same flow with unequal values
        # TYPE flowdiff_divergent_records gauge
        flowdiff_divergent_records{s3="fixtures/ping/s3",cwl="cwl://a\"b\\c"} 0
        # HELP flowdiff_pending_records Records that may still arrive on the side
        # TYPE flowdiff_pending_records gauge
        flowdiff_pending_records{s3="fixtures/ping/s3",cwl="cwl://a\"b\\c",side="s3"} 0
        flowdiff_pending_records{s3="fixtures/ping/s3",cwl="cwl://a\"b\\c",side="cwl"} 0
        # HELP flowdiff_undetermined_records Records that may sit in what could not be read on the side
        # TYPE flowdiff_undetermined_records gauge
        flowdiff_undetermined_records{s3="fixtures/ping/s3",cwl="cwl://a\"b\\c",side="s3"} 1
        flowdiff_undetermined_records{s3="fixtures/ping/s3",cwl="cwl://a\"b\\c",side="cwl"} 0
        # HELP flowdiff_consistent Whether both sides hold the same records and everything was read
        # TYPE flowdiff_consistent gauge
        flowdiff_consistent{s3="fixtures/ping/s3",cwl="cwl://a\"b\\c"} 0
        # HELP flowdiff_exit_code What the run ended with: 0 consistent, 1 different, 3 no verdict
        # TYPE flowdiff_exit_code gauge
        flowdiff_exit_code{s3="fixtures/ping/s3",cwl="cwl://a\"b\\c"} 3
        # HELP flowdiff_run_seconds How long the run took
        # TYPE flowdiff_run_seconds gauge
        # UNIT flowdiff_run_seconds seconds
        flowdiff_run_seconds{s3="fixtures/ping/s3",cwl="cwl://a\"b\\c"} 1.5
        # HELP flowdiff_last_run_timestamp_seconds When the last run that came to an answer began
        # TYPE flowdiff_last_run_timestamp_seconds gauge
        # UNIT flowdiff_last_run_timestamp_seconds seconds
        flowdiff_last_run_timestamp_seconds{s3="fixtures/ping/s3",cwl="cwl://a\"b\\c"} 1641600900
        # EOF
        "#);
    }

    #[test]
    fn the_last_success_is_kept_until_the_next() {
        let success = |text: &str| {
            let line = text
                .lines()
                .find(|line| line.starts_with("flowdiff_last_success"));
            line.map(|line| line.rsplit(' ').next().unwrap().to_owned())
        };
        let good = sample::consistent();
        let first = text(&good, "");
        assert_eq!(success(&first).unwrap(), good.settle.now.to_string());
        let mut bad = sample::unknown();
        bad.settle.now += 3600;
        let second = text(&bad, &first);
        assert_eq!(success(&second), success(&first));
        assert_eq!(success(&text(&bad, &second)), success(&first));
        assert_eq!(success(&text(&bad, "what is not ours\n")), None);
        bad.sides.s3.source.push_str("-other");
        assert_eq!(success(&text(&bad, &first)), None);
    }
}
