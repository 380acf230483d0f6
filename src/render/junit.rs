//! JUnit XML, for CI systems: a test case for each interface and hour that either side has records of, and one for each
//! part or row that could not be read or understood.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

use quick_junit::{NonSuccessKind, Report as Suites, TestCase, TestCaseStatus, TestSuite};

use super::cause;
use super::escape::escape;
use super::{Style, wording};
use crate::causes::Why;
use crate::diff::heading;
use crate::model::Side;
use crate::model::finding::{Bucket, Evidence, Finding, LeftoverKind, Place, ReadTrouble};
use crate::model::window::rfc3339;
use crate::model::words::count;
use crate::report::{Hour, Report, Verdict};

/// Writes the report: missing, surplus and divergent records fail a case, what is not known is an error, what is only
/// pending or within `--fail-on` skips it.
pub(super) fn write(report: &Report, _: Style<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut suites = Suites::new("flowdiff");
    suites.set_time(report.took);
    suites.add_test_suites(interfaces(report));
    let of_parts = Side::BOTH.map(|side| parts(report, side));
    let tells = |suite: &TestSuite| suite.tests > 0;
    suites.add_test_suites(of_parts.into_iter().filter(tells));
    // The verdict may stand on what has no hour: a report without a case would pass for green or for broken.
    let red = suites.failures + suites.errors > 0;
    let skipped = suites.test_suites.iter().any(|suite| suite.skipped > 0);
    if suites.tests == 0 || report.verdict != Verdict::Consistent && !red && !skipped {
        suites.add_test_suite(verdict(report));
    }
    suites.serialize(out).map_err(io::Error::other)
}

/// A suite an interface, a case an hour.
fn interfaces(report: &Report) -> impl Iterator<Item = TestSuite> {
    let known = report.hours.keys().map(|hour| (hour.clone(), Vec::new()));
    let mut hours: BTreeMap<Hour, Vec<&Finding>> = known.collect();
    for finding in &report.findings {
        let (Finding::Leftovers { bucket, .. } | Finding::Divergent { bucket, .. }) = finding;
        hours.entry(Hour::of(bucket)).or_default().push(finding);
    }
    let mut suites: BTreeMap<Arc<str>, TestSuite> = BTreeMap::new();
    for (hour, findings) in &hours {
        let name = escape(&hour.interface);
        let start = hour.start.map_or_else(|| "no start".to_owned(), rfc3339);
        let mut case = TestCase::new(start, status(report, findings));
        case.set_classname(&*name);
        let records = report.hours.get(hour);
        let records = records.map_or(0, |sides| sides.s3.max(sides.cwl));
        case.set_assertions(usize::try_from(records).unwrap_or(usize::MAX));
        let suite = suites.entry(Arc::clone(&hour.interface));
        suite
            .or_insert_with(|| TestSuite::new(&*name))
            .add_test_case(case);
    }
    suites.into_values()
}

/// A case for each part or row of a side that could not be read or understood.
fn parts(report: &Report, side: Side) -> TestSuite {
    let name = format!("{side} parts");
    let mut suite = TestSuite::new(&*name);
    for trouble in report.troubles.iter().filter(|it| it.side() == side) {
        let (part, kind, reason) = match trouble {
            ReadTrouble::Unreadable { part, reason, .. } => (escape(part), "unreadable", reason),
            ReadTrouble::Malformed { place, reason, .. } => (at(place), "malformed", reason),
        };
        let mut told = TestCaseStatus::non_success(NonSuccessKind::Error);
        told.set_type(kind).set_message(escape(reason));
        let mut case = TestCase::new(part, told);
        case.set_classname(&*name);
        suite.add_test_case(case);
    }
    suite
}

fn verdict(report: &Report) -> TestSuite {
    let words = wording::verdict(report);
    let told = match report.verdict {
        Verdict::Consistent => TestCaseStatus::success(),
        Verdict::Different | Verdict::Unknown => {
            let mut told = TestCaseStatus::non_success(NonSuccessKind::Error);
            told.set_type(report.verdict.name()).set_message(words);
            let causes = report.why.causes.iter();
            let why: Vec<String> = causes
                .map(|cause| format!("{}  {}\n", cause.number, escape(&cause::explained(cause))))
                .collect();
            if !why.is_empty() {
                told.set_description(why.concat());
            }
            told
        }
    };
    let mut case = TestCase::new("verdict", told);
    case.set_classname("flowdiff");
    let mut suite = TestSuite::new("flowdiff");
    suite.add_test_case(case);
    suite
}

/// How bad a kind is for its case, the worst first.
fn weight(finding: &Finding) -> (u8, &'static str) {
    match finding {
        Finding::Leftovers { kind, .. } => match kind {
            LeftoverKind::Missing => (0, "missing"),
            LeftoverKind::Surplus => (2, "surplus"),
            LeftoverKind::Undetermined => (3, "undetermined"),
            LeftoverKind::Pending => (4, "pending"),
        },
        Finding::Divergent { .. } => (1, "divergent"),
    }
}

fn status(report: &Report, findings: &[&Finding]) -> TestCaseStatus {
    let Some((weight, kind)) = findings.iter().map(|finding| weight(finding)).min() else {
        return TestCaseStatus::success();
    };
    let mut told = match weight {
        0..=2 if report.tolerated.is_empty() => {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        }
        3 => TestCaseStatus::non_success(NonSuccessKind::Error),
        _ if findings.iter().any(|finding| self::weight(finding).0 == 3) => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
        _ => TestCaseStatus::skipped(),
    };
    let mut message: Vec<String> = findings.iter().map(|finding| headline(finding)).collect();
    message.dedup();
    told.set_type(kind).set_message(message.join("; "));
    told.set_description(
        findings
            .iter()
            .map(|finding| details(finding, &report.why))
            .collect::<String>(),
    );
    told
}

/// Says `2 records missing on cwl from 2022-01-07T23:25:00Z`.
fn headline(finding: &Finding) -> String {
    let from = |bucket: &Bucket| {
        bucket
            .slot
            .map_or_else(String::new, |slot| format!(" from {}", rfc3339(slot)))
    };
    match finding {
        Finding::Leftovers {
            kind,
            side,
            bucket,
            records,
            ..
        } => {
            let records = count(*records, "record");
            format!("{records} {} on {side}{}", kind.name(), from(bucket))
        }
        Finding::Divergent {
            bucket, records, ..
        } => {
            format!("{} divergent{}", count(*records, "record"), from(bucket))
        }
    }
}

fn details(finding: &Finding, why: &Why) -> String {
    let ((bucket, kind), _) = heading(finding);
    let mut text = format!("{}\n", headline(finding));
    for share in why.shares(&bucket, kind) {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  cause {}: {}",
            share.number,
            count(share.records, "record")
        );
    }
    let mut copy = |margin: &str, found: &Evidence| {
        let (record, place) = (escape(&found.record.to_string()), at(&found.found_in));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {margin}{record}\n    in {place}");
    };
    match finding {
        Finding::Leftovers { evidence, .. } => evidence.iter().for_each(|found| copy("", found)),
        Finding::Divergent { evidence, .. } => {
            for pair in evidence {
                copy("s3   ", &pair.s3);
                copy("cwl  ", &pair.cwl);
            }
        }
    }
    text
}

fn at(place: &Place) -> String {
    format!("{}:{}", escape(&place.part), place.row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causes::Cause;
    use crate::report::sample;

    fn text(report: &Report) -> String {
        let mut out = Vec::new();
        write(report, Style::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_case_an_interface_and_hour() {
        insta::assert_snapshot!(text(&sample::different()), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="flowdiff" tests="4" skipped="0" failures="1" errors="2" time="1.500">
            <testsuite name="eni-0aa" tests="1" skipped="0" errors="0" failures="0">
                <testcase name="2022-01-07T23:00:00Z" classname="eni-0aa" assertions="1"/>
            </testsuite>
            <testsuite name="eni-0c19436730cc350ae" tests="1" skipped="0" errors="0" failures="1">
                <testcase name="2022-01-07T23:00:00Z" classname="eni-0c19436730cc350ae" assertions="1234571">
                    <failure message="2 records missing on cwl from 2022-01-07T23:25:00Z; 1 record missing on cwl from 2022-01-07T23:30:00Z; 1 record surplus on s3 from 2022-01-07T23:35:00Z; 1 record divergent from 2022-01-07T23:40:00Z; 1 record undetermined on s3 from 2022-01-07T23:45:00Z; 1 record pending on s3 from 2022-01-07T23:55:00Z" type="missing">2 records missing on cwl from 2022-01-07T23:25:00Z
          cause 1: 2 records
          2 111122223333 eni-0c19436730cc350ae 10.0.1.20 10.0.1.196 49152 443 6 4 336 1641597904 1641597962 ACCEPT OK
            in AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz:3
        1 record missing on cwl from 2022-01-07T23:30:00Z
          2 111122223333 eni-0c19436730cc350ae 10.0.1.20 10.0.1.196 49152 8443 6 4 336 1641598204 1641598262 ACCEPT OK
            in AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz:3
        1 record surplus on s3 from 2022-01-07T23:35:00Z
          2 111122223333 eni-0c19436730cc350ae 10.0.1.20 10.0.1.196 49152 53 6 4 336 1641598500 1641598558 ACCEPT OK
            in AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz:3
        1 record divergent from 2022-01-07T23:40:00Z
          s3   2 111122223333 eni-0c19436730cc350ae 10.0.1.20 10.0.1.196 49152 22 6 4 336 1641598800 1641598858 ACCEPT OK
            in AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz:60
          cwl  2 111122223333 eni-0c19436730cc350ae 10.0.1.20 10.0.1.196 49152 22 6 5 340 1641598800 1641598858 ACCEPT OK
            in eni-0c19436730cc350ae-all:1641598800000
        1 record undetermined on s3 from 2022-01-07T23:45:00Z
          2 111122223333 eni-0c19436730cc350ae 10.0.1.20 10.0.1.196 49152 443 6 4 336 1641599102 1641599160 ACCEPT OK
            in eni-0c19436730cc350ae-all:3
        1 record pending on s3 from 2022-01-07T23:55:00Z
          2 111122223333 eni-0c19436730cc350ae 10.0.1.20 10.0.1.196 49152 443 6 4 336 1641599941 1641599999 ACCEPT OK
            in eni-0c19436730cc350ae-all:3
        </failure>
                </testcase>
            </testsuite>
            <testsuite name="s3 parts" tests="1" skipped="0" errors="1" failures="0">
                <testcase name="AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2330Z_1a2b3c4d.log.gz" classname="s3 parts">
                    <error message="the gzip stream ends early" type="unreadable"/>
                </testcase>
            </testsuite>
            <testsuite name="cwl parts" tests="1" skipped="0" errors="1" failures="0">
                <testcase name="eni-0c19436730cc350ae-all:1641598800000" classname="cwl parts">
                    <error message="12 values where the format has 14 fields: `2 1111 \u{1b}[2J\u{202e}`" type="malformed"/>
                </testcase>
            </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn what_has_no_hour_is_told_too() {
        let mut empty = sample::consistent();
        empty.hours.clear();
        assert!(text(&empty).contains("tests=\"1\""));
        empty.verdict = Verdict::Unknown;
        assert!(text(&empty).contains("errors=\"1\""));
    }

    #[test]
    fn what_is_tolerated_does_not_fail() {
        let mut report = sample::different();
        report.findings.truncate(4);
        report.troubles.clear();
        assert!(text(&report).contains("failures=\"1\""));
        report.tolerated = vec![Cause::SameTraffic];
        assert!(!text(&report).contains("<failure"), "{}", text(&report));
    }
}
