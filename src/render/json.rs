//! The JSON report, format `flowdiff.report/2`, as one document or as lines.
//!
//! The structs here are the format: their fields are its keys, in its order. Everything is
//! borrowed and written straight to the writer. A change that a consumer could notice needs a new
//! number in [`SCHEMA`].

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use super::Style;
use super::cause;
use super::escape::Harmless;
use crate::causes::{Explanation, Why};
use crate::diff::heading;
use crate::model::finding::{Bucket, Evidence, FewerFields, Finding, Pair, ReadTrouble};
use crate::model::{Counts, Side, Sides};
use crate::record::RecordKind;
use crate::report::times;
use crate::report::{Entry, FieldDoubt, JobSummary, Next, Report, SideSummary, Verdict};

/// The name of the format.
const SCHEMA: &str = "flowdiff.report/2";

/// Everything before the findings.
#[derive(Serialize)]
struct Head<'a> {
    schema: &'static str,
    tool: Tool,
    verdict: Verdict,
    exit_code: u8,
    window: JsonTimes,
    settle_seconds: i64,
    suggested_settle_seconds: Option<u64>,
    fields: &'a BTreeMap<RecordKind, Vec<String>>,
    fields_left_out: &'a BTreeMap<RecordKind, Sides<Vec<String>>>,
    sides: &'a Sides<SideSummary>,
    counts: CountsMembers<'a>,
    causes: Vec<CauseItem<'a>>,
    #[serde(skip_serializing_if = "<[FieldDoubt]>::is_empty")]
    field_doubts: &'a [FieldDoubt],
    #[serde(skip_serializing_if = "<[FewerFields]>::is_empty")]
    fewer_fields: &'a [FewerFields],
}

#[derive(Serialize)]
struct CountsMembers<'a> {
    #[serde(flatten)]
    counts: &'a Counts,
    unexplained: u64,
}

/// Why records differ.
#[derive(Serialize)]
struct CauseItem<'a> {
    number: u32,
    kind: &'static str,
    side: Option<Side>,
    certain: bool,
    records: u64,
    interfaces: u64,
    #[serde(serialize_with = "times::time")]
    since: Option<i64>,
    #[serde(serialize_with = "times::time")]
    until: Option<i64>,
    detail: &'a serde_json::Map<String, serde_json::Value>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "times::time"
    )]
    known_since: Option<i64>,
    text: String,
    next: String,
}

impl<'a> From<&'a Explanation> for CauseItem<'a> {
    fn from(cause: &'a Explanation) -> Self {
        Self {
            number: cause.number,
            kind: cause.kind,
            side: cause.side,
            certain: cause.certain,
            records: cause.records,
            interfaces: cause.interfaces,
            since: cause.since,
            until: cause.until,
            detail: &cause.detail,
            known_since: cause.known_since,
            text: cause::explained(cause),
            next: cause::step(cause),
        }
    }
}

/// How many records of a finding a cause explains.
#[derive(Serialize)]
struct ShareItem {
    number: u32,
    records: u64,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct JsonTimes {
    #[serde(serialize_with = "times::time")]
    start: Option<i64>,
    #[serde(serialize_with = "times::time")]
    end: Option<i64>,
}

/// Everything after the findings.
#[derive(Serialize)]
struct Tail<'a> {
    evidence_capped: bool,
    #[serde(skip_serializing_if = "is_one")]
    looks: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    interrupted: bool,
    notes: Vec<String>,
    next: Option<&'a Next>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a JobSummary>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_one(number: &u32) -> bool {
    *number == 1
}

#[derive(Serialize)]
#[serde(untagged)]
enum JsonItem<'a> {
    Configuration {
        kind: &'static str,
        setting: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        side: Option<Side>,
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        values: Option<Sides<String>>,
        reason: String,
    },
    Leftovers {
        kind: &'static str,
        side: Side,
        #[serde(flatten)]
        place: BucketKeys<'a>,
        records: u64,
        causes: Vec<ShareItem>,
        evidence: &'a [Evidence],
    },
    Divergent {
        kind: &'static str,
        #[serde(flatten)]
        place: BucketKeys<'a>,
        records: u64,
        causes: Vec<ShareItem>,
        evidence: &'a [Pair],
    },
    Unreadable {
        kind: &'static str,
        side: Side,
        part: &'a str,
        reason: &'a str,
    },
    Malformed {
        kind: &'static str,
        side: Side,
        part: &'a str,
        row: u64,
        reason: &'a str,
    },
}

#[derive(Serialize)]
struct BucketKeys<'a> {
    interface: &'a str,
    #[serde(serialize_with = "times::time")]
    slot: Option<i64>,
}

impl<'a> From<&'a Bucket> for BucketKeys<'a> {
    fn from(bucket: &'a Bucket) -> Self {
        Self {
            interface: &bucket.interface,
            slot: bucket.slot,
        }
    }
}

impl<'a> JsonItem<'a> {
    fn of(entry: Entry<'a>, why: &Why) -> Self {
        match entry {
            Entry::Configuration(mismatch) => Self::Configuration {
                kind: "configuration",
                setting: mismatch.setting(),
                side: mismatch.side(),
                values: cause::values(mismatch),
                reason: cause::reason(mismatch),
            },
            Entry::Difference(finding) => Self::difference(finding, why),
            Entry::Trouble(trouble) => trouble.into(),
        }
    }
}

impl<'a> JsonItem<'a> {
    fn difference(finding: &'a Finding, why: &Why) -> Self {
        let ((bucket, kind), _) = heading(finding);
        let shares = why.shares(&bucket, kind).iter();
        let causes = shares
            .map(|share| ShareItem {
                number: share.number,
                records: share.records,
            })
            .collect();
        match finding {
            Finding::Leftovers {
                kind,
                side,
                bucket,
                records,
                evidence,
            } => Self::Leftovers {
                kind: kind.name(),
                side: *side,
                place: bucket.into(),
                records: *records,
                causes,
                evidence,
            },
            Finding::Divergent {
                bucket,
                records,
                evidence,
            } => Self::Divergent {
                kind: "divergent",
                place: bucket.into(),
                records: *records,
                causes,
                evidence,
            },
        }
    }
}

impl<'a> From<&'a ReadTrouble> for JsonItem<'a> {
    fn from(trouble: &'a ReadTrouble) -> Self {
        match trouble {
            ReadTrouble::Unreadable {
                side, part, reason, ..
            } => Self::Unreadable {
                kind: "unreadable",
                side: *side,
                part,
                reason,
            },
            ReadTrouble::Malformed {
                side,
                place,
                reason,
            } => Self::Malformed {
                kind: "malformed",
                side: *side,
                part: &place.part,
                row: place.row,
                reason,
            },
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    findings: Findings<'a>,
    #[serde(flatten)]
    tail: Tail<'a>,
}

/// A whole report, as one line among others.
#[derive(Serialize)]
struct WholeLine<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    document: Document<'a>,
}

/// The findings of a report, written one by one: there may be many.
struct Findings<'a>(&'a Report);

impl Serialize for Findings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            self.0
                .entries()
                .map(|entry| JsonItem::of(entry, &self.0.why)),
        )
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum JsonLine<'a> {
    Report {
        #[serde(flatten)]
        head: Head<'a>,
        #[serde(flatten)]
        tail: Tail<'a>,
    },
    Finding(JsonItem<'a>),
}

fn head(report: &Report) -> Head<'_> {
    Head {
        schema: SCHEMA,
        tool: Tool {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
        },
        verdict: report.verdict,
        exit_code: report.exit_code(),
        window: JsonTimes {
            start: report.window.start,
            end: report.window.end,
        },
        settle_seconds: report.settle.seconds,
        suggested_settle_seconds: report.suggested_settle_seconds,
        fields: &report.fields,
        fields_left_out: &report.fields_left_out,
        sides: &report.sides,
        counts: CountsMembers {
            counts: &report.counts,
            unexplained: report.why.unexplained,
        },
        causes: report.why.causes.iter().map(CauseItem::from).collect(),
        field_doubts: &report.field_doubts,
        fewer_fields: &report.fewer_fields,
    }
}

fn tail(report: &Report) -> Tail<'_> {
    Tail {
        evidence_capped: report.evidence_capped,
        looks: report.looks,
        interrupted: report.interrupted,
        notes: cause::notes(report),
        next: report.next.as_ref(),
        state: report.state.as_ref(),
    }
}

/// Writes one pretty-printed document.
pub(super) fn write_document(report: &Report, _: Style<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_pretty(&whole(report), out)
}

/// Returns the whole report, as one document has it.
pub fn whole(report: &Report) -> impl Serialize + '_ {
    Document {
        head: head(report),
        findings: Findings(report),
        tail: tail(report),
    }
}

/// Writes one object a line: the report without its findings, then each finding.
pub(super) fn write_lines(report: &Report, _: Style<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_line(&without_findings(report), out)?;
    report.entries().try_for_each(|entry| {
        let line = JsonLine::Finding(JsonItem::of(entry, &report.why));
        write(&line, CompactFormatter, out)
    })
}

/// Returns the report without its findings, as the first of these lines has it.
fn without_findings(report: &Report) -> impl Serialize + '_ {
    JsonLine::Report {
        head: head(report),
        tail: tail(report),
    }
}

/// Returns the report with its findings, as one object.
pub fn with_findings(report: &Report) -> impl Serialize + '_ {
    WholeLine {
        r#type: "report",
        document: Document {
            head: head(report),
            findings: Findings(report),
            tail: tail(report),
        },
    }
}

/// Writes a value as a line of JSON, as harmless to a terminal as the reports.
///
/// # Errors
/// The writer's.
pub fn write_line(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    write(value, CompactFormatter, out)
}

/// Writes a value over as many lines as it takes, harmless to terminals.
///
/// # Errors
/// The writer's.
pub(crate) fn write_pretty(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    write(value, PrettyFormatter::new(), out)
}

/// Writes a value and a newline; see [`Harmless`].
pub(super) fn write(
    value: &impl Serialize,
    form: impl Formatter,
    mut out: &mut dyn Write,
) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Harmless(form));
    value.serialize(&mut serializer)?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use serde_json::Value;

    fn document(report: &Report) -> String {
        let mut out = Vec::new();
        write_document(report, Style::default(), &mut out).unwrap();
        told(out)
    }

    fn lines(report: &Report) -> String {
        let mut out = Vec::new();
        write_lines(report, Style::default(), &mut out).unwrap();
        told(out)
    }

    fn told(out: Vec<u8>) -> String {
        let version = format!("\"{}\"", env!("CARGO_PKG_VERSION"));
        String::from_utf8(out)
            .unwrap()
            .replace(&version, "\"0.0.0\"")
    }

    #[test]
    fn a_document() {
        insta::assert_snapshot!(document(&sample::unknown()), @r#"
        {
          "schema": "flowdiff.report/2",
          "tool": {
            "name": "flowdiff",
            "version": "0.0.0"
          },
          "verdict": "unknown",
          "exit_code": 3,
          "window": {
            "start": null,
            "end": null
          },
          "settle_seconds": 900,
          "suggested_settle_seconds": null,
          "fields": {
            "vpc": [
              "version",
              "account-id",
              "interface-id",
              "srcaddr",
              "dstaddr",
              "srcport",
              "dstport",
              "protocol",
              "packets",
              "bytes",
              "start",
              "end",
              "action",
              "log-status"
            ]
          },
          "fields_left_out": {
            "vpc": {
              "s3": [],
              "cwl": []
            }
          },
          "sides": {
            "s3": {
              "source": "fixtures/ping/s3",
              "parts": 1,
              "bytes": 1830,
              "records": 57,
              "nodata": 0,
              "skipdata": 0,
              "malformed": 0,
              "masked": 0,
              "unreadable_parts": 1,
              "retries": 0,
              "first_start": "2022-01-07T23:00:00Z",
              "last_start": "2022-01-07T23:40:00Z",
              "delivery_delay_seconds": null,
              "late_delay_seconds": null
            },
            "cwl": {
              "source": "fixtures/ping/cwl",
              "parts": 1,
              "bytes": 1830,
              "records": 58,
              "nodata": 0,
              "skipdata": 0,
              "malformed": 0,
              "masked": 0,
              "unreadable_parts": 0,
              "retries": 0,
              "first_start": "2022-01-07T23:00:00Z",
              "last_start": "2022-01-07T23:40:00Z",
              "delivery_delay_seconds": null,
              "late_delay_seconds": null
            }
          },
          "counts": {
            "matched": 57,
            "matched_on_fewer_fields": 0,
            "missing": {
              "s3": 0,
              "cwl": 0
            },
            "surplus": {
              "s3": 0,
              "cwl": 0
            },
            "divergent": 0,
            "pending": {
              "s3": 0,
              "cwl": 0
            },
            "undetermined": {
              "s3": 1,
              "cwl": 0
            },
            "late": {
              "s3": 0,
              "cwl": 0
            },
            "unexplained": 0
          },
          "causes": [],
          "findings": [
            {
              "kind": "undetermined",
              "side": "s3",
              "interface": "eni-0c19436730cc350ae",
              "slot": "2022-01-07T23:25:00Z",
              "records": 1,
              "causes": [],
              "evidence": [
                {
                  "record": {
                    "version": 2,
                    "account-id": "111122223333",
                    "interface-id": "eni-0c19436730cc350ae",
                    "srcaddr": "10.0.1.20",
                    "dstaddr": "10.0.1.196",
                    "srcport": 49152,
                    "dstport": 443,
                    "protocol": 6,
                    "packets": 4,
                    "bytes": 336,
                    "start": 1641597904,
                    "end": 1641597962,
                    "action": "ACCEPT",
                    "log-status": "OK"
                  },
                  "found_in": {
                    "part": "eni-0c19436730cc350ae-all",
                    "row": 3
                  }
                }
              ]
            },
            {
              "kind": "unreadable",
              "side": "s3",
              "part": "AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2330Z_1a2b3c4d.log.gz",
              "reason": "the gzip stream ends early"
            }
          ],
          "evidence_capped": false,
          "notes": [],
          "next": null
        }
        "#);
    }

    #[test]
    fn lines_of_every_kind() {
        insta::assert_snapshot!(lines(&sample::different()), @r#"
        {"type":"report","schema":"flowdiff.report/2","tool":{"name":"flowdiff","version":"0.0.0"},"verdict":"different","exit_code":1,"window":{"start":"2022-01-07T23:00:00Z","end":"2022-01-08T00:00:00Z"},"settle_seconds":900,"suggested_settle_seconds":900,"fields":{"vpc":["version","account-id","interface-id","srcaddr","dstaddr","srcport","dstport","protocol","packets","bytes","start","end","action","log-status"]},"fields_left_out":{"vpc":{"s3":["vpc-id","flow-direction"],"cwl":[]}},"sides":{"s3":{"source":"s3://fa-014-111122223333/AWSLogs/111122223333/vpcflowlogs/eu-west-1/","parts":13,"bytes":35756442,"records":1234572,"nodata":12,"skipdata":1,"malformed":0,"masked":0,"unreadable_parts":1,"retries":0,"first_start":"2022-01-07T23:00:04Z","last_start":"2022-01-07T23:59:01Z","delivery_delay_seconds":{"p50":251,"p95":502,"p99":582,"max":753},"late_delay_seconds":null},"cwl":{"source":"cwl:///fa-014-FlowLogGroup","parts":2,"bytes":153092877,"records":1234570,"nodata":12,"skipdata":1,"malformed":1,"masked":0,"unreadable_parts":0,"retries":3,"first_start":"2022-01-07T23:00:04Z","last_start":"2022-01-07T23:59:58Z","delivery_delay_seconds":{"p50":95,"p95":190,"p99":270,"max":285},"late_delay_seconds":{"p50":830,"p95":1660,"p99":1740,"max":2490}}},"counts":{"matched":1234567,"matched_on_fewer_fields":0,"missing":{"s3":0,"cwl":3},"surplus":{"s3":1,"cwl":0},"divergent":1,"pending":{"s3":1,"cwl":0},"undetermined":{"s3":1,"cwl":0},"late":{"s3":0,"cwl":2},"unexplained":5},"causes":[{"number":1,"kind":"interface-absent","side":"cwl","certain":true,"records":2,"interfaces":1,"since":"2022-01-07T23:25:00Z","until":"2022-01-07T23:30:00Z","detail":{"named":["eni-0c19436730cc350ae until 2022-01-07T23:30:00Z"],"when":"until"},"text":"cwl has nothing of these interfaces at first, though it has others' records of the same time: eni-0c19436730cc350ae until 2022-01-07T23:30:00Z; s3 has 2 records of 1 interface","next":"see whether these interfaces have log streams, under other names perhaps, and whether the flow log watches them"}],"evidence_capped":true,"notes":["s3: flow logs read: fl-0aa11bb22cc33dd44 (12 objects), fl-0ee55ff66aa77bb88 (1 object)"],"next":{"text":"look at what delivers to cwl","command":"flowdiff check s3://fa-014-111122223333 cwl:///fa-014-FlowLogGroup"}}
        {"type":"finding","kind":"missing","side":"cwl","interface":"eni-0c19436730cc350ae","slot":"2022-01-07T23:25:00Z","records":2,"causes":[{"number":1,"records":2}],"evidence":[{"record":{"version":2,"account-id":"111122223333","interface-id":"eni-0c19436730cc350ae","srcaddr":"10.0.1.20","dstaddr":"10.0.1.196","srcport":49152,"dstport":443,"protocol":6,"packets":4,"bytes":336,"start":1641597904,"end":1641597962,"action":"ACCEPT","log-status":"OK"},"found_in":{"part":"AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz","row":3}}]}
        {"type":"finding","kind":"missing","side":"cwl","interface":"eni-0c19436730cc350ae","slot":"2022-01-07T23:30:00Z","records":1,"causes":[],"evidence":[{"record":{"version":2,"account-id":"111122223333","interface-id":"eni-0c19436730cc350ae","srcaddr":"10.0.1.20","dstaddr":"10.0.1.196","srcport":49152,"dstport":8443,"protocol":6,"packets":4,"bytes":336,"start":1641598204,"end":1641598262,"action":"ACCEPT","log-status":"OK"},"found_in":{"part":"AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz","row":3}}]}
        {"type":"finding","kind":"surplus","side":"s3","interface":"eni-0c19436730cc350ae","slot":"2022-01-07T23:35:00Z","records":1,"causes":[],"evidence":[{"record":{"version":2,"account-id":"111122223333","interface-id":"eni-0c19436730cc350ae","srcaddr":"10.0.1.20","dstaddr":"10.0.1.196","srcport":49152,"dstport":53,"protocol":6,"packets":4,"bytes":336,"start":1641598500,"end":1641598558,"action":"ACCEPT","log-status":"OK"},"found_in":{"part":"AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz","row":3}}]}
        {"type":"finding","kind":"divergent","interface":"eni-0c19436730cc350ae","slot":"2022-01-07T23:40:00Z","records":1,"causes":[],"evidence":[{"fields":["packets","bytes"],"s3":{"record":{"version":2,"account-id":"111122223333","interface-id":"eni-0c19436730cc350ae","srcaddr":"10.0.1.20","dstaddr":"10.0.1.196","srcport":49152,"dstport":22,"protocol":6,"packets":4,"bytes":336,"start":1641598800,"end":1641598858,"action":"ACCEPT","log-status":"OK"},"found_in":{"part":"AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz","row":60}},"cwl":{"record":{"version":2,"account-id":"111122223333","interface-id":"eni-0c19436730cc350ae","srcaddr":"10.0.1.20","dstaddr":"10.0.1.196","srcport":49152,"dstport":22,"protocol":6,"packets":5,"bytes":340,"start":1641598800,"end":1641598858,"action":"ACCEPT","log-status":"OK"},"found_in":{"part":"eni-0c19436730cc350ae-all","row":1641598800000}}}]}
        {"type":"finding","kind":"undetermined","side":"s3","interface":"eni-0c19436730cc350ae","slot":"2022-01-07T23:45:00Z","records":1,"causes":[],"evidence":[{"record":{"version":2,"account-id":"111122223333","interface-id":"eni-0c19436730cc350ae","srcaddr":"10.0.1.20","dstaddr":"10.0.1.196","srcport":49152,"dstport":443,"protocol":6,"packets":4,"bytes":336,"start":1641599102,"end":1641599160,"action":"ACCEPT","log-status":"OK"},"found_in":{"part":"eni-0c19436730cc350ae-all","row":3}}]}
        {"type":"finding","kind":"pending","side":"s3","interface":"eni-0c19436730cc350ae","slot":"2022-01-07T23:55:00Z","records":1,"causes":[],"evidence":[{"record":{"version":2,"account-id":"111122223333","interface-id":"eni-0c19436730cc350ae","srcaddr":"10.0.1.20","dstaddr":"10.0.1.196","srcport":49152,"dstport":443,"protocol":6,"packets":4,"bytes":336,"start":1641599941,"end":1641599999,"action":"ACCEPT","log-status":"OK"},"found_in":{"part":"eni-0c19436730cc350ae-all","row":3}}]}
        {"type":"finding","kind":"unreadable","side":"s3","part":"AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2330Z_1a2b3c4d.log.gz","reason":"the gzip stream ends early"}
        {"type":"finding","kind":"malformed","side":"cwl","part":"eni-0c19436730cc350ae-all","row":1641598800000,"reason":"12 values where the format has 14 fields: `2 1111 \u001b[2J\u202e`"}
        "#);
    }

    #[test]
    fn lines_hold_what_the_document_holds() {
        for report in [sample::different(), sample::consistent(), sample::unknown()] {
            let whole: Value = serde_json::from_str(&document(&report)).unwrap();
            let text = lines(&report);
            let mut parsed = text
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap());
            let mut head = parsed.next().unwrap();
            let mut findings: Vec<Value> = parsed.collect();
            assert_eq!(
                head.as_object_mut().unwrap().remove("type"),
                Some("report".into())
            );
            for finding in &mut findings {
                let kind = finding.as_object_mut().unwrap().remove("type");
                assert_eq!(kind, Some("finding".into()));
            }
            head["findings"] = findings.into();
            assert_eq!(head, whole);
        }
    }
}
