//! A consumer of the JSON report that takes nothing but what the format promises: a change that
//! someone could notice fails here.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Style, find};
use crate::model::window::rfc3339;
use crate::report::{Report, sample};

/// RFC 3339 in UTC, to the second.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Time(i64);

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let time: jiff::Timestamp = text.parse().map_err(|_| text.clone())?;
        (time.to_string() == text && text.len() == "2022-01-07T23:00:00Z".len())
            .then(|| Self(time.as_second()))
            .ok_or(text)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: String,
    tool: Tool,
    verdict: Verdict,
    exit_code: u8,
    window: Window,
    settle_seconds: u64,
    suggested_settle_seconds: Option<u64>,
    fields: BTreeMap<String, Vec<String>>,
    fields_left_out: BTreeMap<String, Sides<Vec<String>>>,
    sides: Sides<Summary>,
    counts: Counts,
    causes: Vec<Cause>,
    #[serde(default)]
    field_doubts: Vec<FieldDoubt>,
    #[serde(default)]
    fewer_fields: Vec<FewerFields>,
    findings: Vec<Finding>,
    evidence_capped: bool,
    notes: Vec<String>,
    next: Option<Next>,
    state: Option<State>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FewerFields {
    kind: String,
    not_compared: Vec<String>,
    records: u64,
    parts: Sides<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "doubt", rename_all = "kebab-case", deny_unknown_fields)]
enum FieldDoubt {
    Blind {
        #[serde(rename = "kind")]
        _kind: String,
    },
    Misspelt {
        #[serde(rename = "side")]
        _side: Side,
        #[serde(rename = "field")]
        _field: String,
        #[serde(rename = "nearest")]
        _nearest: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tool {
    name: String,
    version: String,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Consistent,
    Different,
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    start: Option<Time>,
    end: Option<Time>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sides<T> {
    s3: T,
    cwl: T,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Summary {
    source: String,
    parts: u64,
    bytes: u64,
    records: u64,
    nodata: u64,
    skipdata: u64,
    malformed: u64,
    masked: u64,
    unreadable_parts: u64,
    retries: u64,
    first_start: Option<Time>,
    last_start: Option<Time>,
    delivery_delay_seconds: Option<Delays>,
    late_delay_seconds: Option<Delays>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Delays {
    p50: u64,
    p95: u64,
    p99: u64,
    max: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counts {
    matched: u64,
    matched_on_fewer_fields: u64,
    missing: Sides<u64>,
    surplus: Sides<u64>,
    divergent: u64,
    pending: Sides<u64>,
    undetermined: Sides<u64>,
    late: Sides<u64>,
    unexplained: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cause {
    number: u32,
    kind: String,
    side: Option<Side>,
    certain: bool,
    records: u64,
    interfaces: u64,
    since: Option<Time>,
    until: Option<Time>,
    detail: BTreeMap<String, Value>,
    text: String,
    next: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Share {
    number: u32,
    records: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Next {
    text: String,
    command: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    next: Time,
    looked_at: Time,
    behind_seconds: u64,
    windows: Vec<Looked>,
    again: Vec<Looked>,
    late: Sides<u64>,
    late_seconds_at_most: Option<i64>,
    given_up: u64,
    carried: Carried,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Looked {
    start: Time,
    end: Time,
    verdict: Option<Verdict>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Carried {
    pending: Sides<u64>,
    undetermined: Sides<u64>,
    unreadable_parts: u64,
    unread_windows: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    S3,
    Cwl,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Finding {
    Missing(Leftovers),
    Surplus(Leftovers),
    Pending(Leftovers),
    Undetermined(Leftovers),
    Divergent(Divergent),
    Unreadable(Unreadable),
    Malformed(Malformed),
    Configuration(Configuration),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Leftovers {
    side: Side,
    interface: String,
    slot: Option<Time>,
    records: u64,
    causes: Vec<Share>,
    evidence: Vec<Evidence>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Divergent {
    interface: String,
    slot: Option<Time>,
    records: u64,
    causes: Vec<Share>,
    evidence: Vec<Pair>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    fields: Vec<String>,
    s3: Evidence,
    cwl: Evidence,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Evidence {
    record: BTreeMap<String, Value>,
    found_in: Place,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    part: String,
    row: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unreadable {
    side: Side,
    part: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Malformed {
    side: Side,
    part: String,
    row: u64,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Configuration {
    setting: String,
    side: Option<Side>,
    s3: Option<String>,
    cwl: Option<String>,
    reason: String,
}

fn consume(report: &Report) -> Document {
    let mut out = Vec::new();
    (find("json").unwrap().write)(report, Style::default(), &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn a_strict_consumer_takes_every_report() {
    for report in [
        sample::different(),
        sample::consistent(),
        sample::unknown(),
        sample::of_a_job(),
    ] {
        let document = consume(&report);
        assert_eq!(document.schema, "flowdiff.report/2");
        assert_eq!(document.tool.name, "flowdiff");
        assert!(!document.tool.version.is_empty());
        assert_eq!(document.exit_code, report.exit_code());
        assert_eq!(document.findings.len(), report.entries().count());
    }
}

#[test]
fn the_numbers_arrive() {
    let report = sample::different();
    let document = consume(&report);
    assert_eq!(document.verdict, Verdict::Different);
    let seconds = |time: Option<Time>| time.map(|time| time.0);
    assert_eq!(seconds(document.window.start), report.window.start);
    assert_eq!(seconds(document.window.end), report.window.end);
    assert_eq!(document.settle_seconds, 900);
    assert_eq!(document.suggested_settle_seconds, Some(900));
    for (kind, fields) in &report.fields {
        assert_eq!(document.fields[kind.name()], *fields);
        let (ours, theirs) = (
            &document.fields_left_out[kind.name()],
            &report.fields_left_out[kind],
        );
        assert_eq!((&ours.s3, &ours.cwl), (&theirs.s3, &theirs.cwl));
    }
    assert_eq!(document.field_doubts.len(), report.field_doubts.len());
    for (ours, theirs) in document.fewer_fields.iter().zip(&report.fewer_fields) {
        let names: Vec<_> = theirs
            .not_compared
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            (&*ours.kind, &ours.not_compared),
            (theirs.kind.name(), &names)
        );
        assert_eq!(
            (ours.records, ours.parts.s3.len()),
            (theirs.records, theirs.parts.s3.len())
        );
    }
    assert!(document.evidence_capped);
    assert_eq!(document.notes, super::cause::notes(&report));
    for (ours, theirs) in [
        (&report.sides.s3, &document.sides.s3),
        (&report.sides.cwl, &document.sides.cwl),
    ] {
        assert_eq!(ours.source, theirs.source);
        assert_eq!(
            [ours.parts, ours.bytes, ours.records, ours.nodata],
            [theirs.parts, theirs.bytes, theirs.records, theirs.nodata]
        );
        assert_eq!(
            [
                ours.skipdata,
                ours.malformed,
                ours.masked,
                ours.unreadable_parts
            ],
            [
                theirs.skipdata,
                theirs.malformed,
                theirs.masked,
                theirs.unreadable_parts
            ]
        );
        assert_eq!(ours.retries, theirs.retries);
        for (ours, theirs) in [
            (ours.delivery_delay_seconds, &theirs.delivery_delay_seconds),
            (ours.late_delay_seconds, &theirs.late_delay_seconds),
        ] {
            assert_eq!(
                ours.map(|it| [it.p50, it.p95, it.p99, it.max]),
                theirs.as_ref().map(|it| [it.p50, it.p95, it.p99, it.max])
            );
        }
        assert_eq!(ours.first_start, seconds(theirs.first_start));
        assert_eq!(ours.last_start, seconds(theirs.last_start));
    }
    let (ours, theirs) = (report.counts, document.counts);
    assert_eq!(
        [ours.matched, ours.matched_on_fewer_fields, ours.divergent],
        [
            theirs.matched,
            theirs.matched_on_fewer_fields,
            theirs.divergent
        ]
    );
    for (ours, theirs) in [
        (ours.missing, theirs.missing),
        (ours.surplus, theirs.surplus),
        (ours.pending, theirs.pending),
        (ours.undetermined, theirs.undetermined),
        (ours.late, theirs.late),
    ] {
        assert_eq!([ours.s3, ours.cwl], [theirs.s3, theirs.cwl]);
    }
}

#[test]
fn the_causes_arrive_and_the_shares_add_up() {
    let report = sample::different();
    let document = consume(&report);
    let counts = &document.counts;
    let both = |sides: &Sides<u64>| sides.s3 + sides.cwl;
    let all = counts.divergent
        + both(&counts.missing)
        + both(&counts.surplus)
        + both(&counts.pending)
        + both(&counts.undetermined);
    let explained: u64 = document.causes.iter().map(|cause| cause.records).sum();
    assert_eq!(explained + counts.unexplained, all);
    for (ours, theirs) in report.why.causes.iter().zip(&document.causes) {
        let seconds = |time: &Option<Time>| time.map(|time| time.0);
        assert_eq!(
            (ours.number, ours.kind, ours.certain, ours.interfaces),
            (
                theirs.number,
                &*theirs.kind,
                theirs.certain,
                theirs.interfaces
            )
        );
        assert_eq!(
            (ours.since, ours.until, ours.detail.len()),
            (
                seconds(&theirs.since),
                seconds(&theirs.until),
                theirs.detail.len()
            )
        );
        assert!(matches!(theirs.side, Some(Side::Cwl)));
        assert!(!theirs.text.is_empty() && !theirs.next.is_empty());
        let shares = document.findings.iter().flat_map(|finding| match finding {
            Finding::Missing(it)
            | Finding::Surplus(it)
            | Finding::Pending(it)
            | Finding::Undetermined(it) => it.causes.as_slice(),
            Finding::Divergent(it) => it.causes.as_slice(),
            Finding::Unreadable(_) | Finding::Malformed(_) | Finding::Configuration(_) => &[],
        });
        let shares = shares.filter(|share| share.number == theirs.number);
        assert_eq!(
            shares.map(|share| share.records).sum::<u64>(),
            theirs.records
        );
    }
    let next = document.next.unwrap();
    assert_eq!((Some(next.text), next.command), {
        let ours = report.next.unwrap();
        (Some(ours.text), ours.command)
    });
}

#[test]
fn the_findings_arrive_in_order() {
    let text: Vec<_> = consume(&sample::different())
        .findings
        .iter()
        .map(told)
        .collect();
    insta::assert_snapshot!(text.join("\n"), @r#"
        Cwl eni-0c19436730cc350ae 2022-01-07T23:25:00Z 2: port 443 bytes 336 in 111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz:3
        Cwl eni-0c19436730cc350ae 2022-01-07T23:30:00Z 1: port 8443 bytes 336 in 111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz:3
        S3 eni-0c19436730cc350ae 2022-01-07T23:35:00Z 1: port 53 bytes 336 in 111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz:3
        eni-0c19436730cc350ae 2022-01-07T23:40:00Z 1: ["packets", "bytes"] port 22 bytes 336 in 111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz:60 | port 22 bytes 340 in eni-0c19436730cc350ae-all:1641598800000
        S3 eni-0c19436730cc350ae 2022-01-07T23:45:00Z 1: port 443 bytes 336 in eni-0c19436730cc350ae-all:3
        S3 eni-0c19436730cc350ae 2022-01-07T23:55:00Z 1: port 443 bytes 336 in eni-0c19436730cc350ae-all:3
        S3 AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2330Z_1a2b3c4d.log.gz: the gzip stream ends early
        Cwl eni-0c19436730cc350ae-all:1641598800000: "12 values where the format has 14 fields: `2 1111 \u{1b}[2J\u{202e}`"
        "#);
}

#[test]
fn what_a_job_and_the_configuration_say_arrives() {
    let report = sample::of_a_job();
    let document = consume(&report);
    let [Finding::Configuration(both), Finding::Configuration(one)] = &document.findings[..2]
    else {
        panic!("{:?}", document.findings)
    };
    assert_eq!(both.setting, "traffic-type");
    assert_eq!(both.s3.as_deref(), Some("ALL"));
    assert_eq!(both.cwl.as_deref(), Some("ACCEPT"));
    assert!(both.side.is_none() && !both.reason.is_empty());
    assert!(matches!(one.side, Some(Side::Cwl)) && one.s3.is_none() && one.cwl.is_none());
    assert!(one.reason.contains("DELETING"), "{}", one.reason);
    let (ours, theirs) = (report.state.unwrap(), document.state.unwrap());
    assert_eq!(theirs.next.0, ours.next);
    assert_eq!(theirs.looked_at.0, ours.looked_at);
    assert_eq!(
        i64::try_from(theirs.behind_seconds),
        Ok(ours.behind_seconds)
    );
    for (ours, theirs) in [
        (&ours.windows, &theirs.windows),
        (&ours.again, &theirs.again),
    ] {
        let ours = ours
            .iter()
            .map(|it| (it.start, it.end, it.verdict.is_some()));
        let theirs = theirs
            .iter()
            .map(|it| (it.start.0, it.end.0, it.verdict.is_some()));
        assert!(ours.eq(theirs));
    }
    assert_eq!(
        [ours.late.s3, ours.late.cwl],
        [theirs.late.s3, theirs.late.cwl]
    );
    assert_eq!(theirs.late_seconds_at_most, ours.late_seconds_at_most);
    assert_eq!(theirs.given_up, ours.given_up);
    let (ours, theirs) = (ours.carried, theirs.carried);
    for (ours, theirs) in [
        (ours.pending, theirs.pending),
        (ours.undetermined, theirs.undetermined),
    ] {
        assert_eq!([ours.s3, ours.cwl], [theirs.s3, theirs.cwl]);
    }
    assert_eq!(
        [ours.unreadable_parts, ours.unread_windows],
        [theirs.unreadable_parts, theirs.unread_windows]
    );
}

/// Names every member once, so that none can be lost unseen.
fn told(finding: &Finding) -> String {
    let bucket = |interface: &str, slot: &Option<Time>, records: u64| {
        let slot = slot.map_or_else(|| "-".to_owned(), |slot| rfc3339(slot.0));
        format!("{interface} {slot} {records}")
    };
    let copy = |found: &Evidence| {
        let (place, record) = (&found.found_in, &found.record);
        let name = place.part.rsplit('/').next().unwrap();
        format!(
            "port {} bytes {} in {name}:{}",
            record["dstport"], record["bytes"], place.row
        )
    };
    match finding {
        Finding::Missing(it)
        | Finding::Surplus(it)
        | Finding::Pending(it)
        | Finding::Undetermined(it) => {
            let evidence: Vec<_> = it.evidence.iter().map(copy).collect();
            let bucket = bucket(&it.interface, &it.slot, it.records);
            format!("{:?} {bucket}: {}", it.side, evidence.join("; "))
        }
        Finding::Divergent(it) => {
            let pair =
                |pair: &Pair| format!("{:?} {} | {}", pair.fields, copy(&pair.s3), copy(&pair.cwl));
            let evidence: Vec<_> = it.evidence.iter().map(pair).collect();
            format!(
                "{}: {}",
                bucket(&it.interface, &it.slot, it.records),
                evidence.join("; ")
            )
        }
        Finding::Unreadable(it) => format!("{:?} {}: {}", it.side, it.part, it.reason),
        Finding::Configuration(it) => {
            let (side, s3, cwl) = (&it.side, &it.s3, &it.cwl);
            format!("{} {side:?} {s3:?} {cwl:?}: {}", it.setting, it.reason)
        }
        Finding::Malformed(it) => format!("{:?} {}:{}: {:?}", it.side, it.part, it.row, it.reason),
    }
}
