//! Hand-made reports for the tests of the renderers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::held::HeldOverTime;
use super::{Carried, Hour, JobSummary, Next, Report, SideSummary, Verdict, WindowResult};
use crate::causes::{Cause, ConfigMismatch, Explanation, Share, Why};
use crate::diff::DifferenceKind;
use crate::model::delay::DelaySummary;
use crate::model::finding::{Bucket, Evidence, Finding, LeftoverKind, Pair, Place, ReadTrouble};
use crate::model::window::{SLOT, Settle, Window, slot};
use crate::model::{Counts, Cover, Side, Sides};
use crate::record::{FieldName, Record, RecordKind};
use crate::source::Remark;

/// 2022-01-07T23:00:00Z.
const START: i64 = 1_641_596_400;
const KEY: &str = "AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/\
                   111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz";
const STREAM: &str = "eni-0c19436730cc350ae-all";
const FIELDS: [&str; 14] = [
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
    "log-status",
];

/// A report with every kind of finding.
pub(crate) fn different() -> Report {
    Report {
        verdict: Verdict::Different,
        window: Window::new(START, START + 3600),
        settle: Settle {
            now: START + 4500,
            seconds: 900,
        },
        suggested_settle_seconds: Some(900),
        rechecked: true,
        looks: 1,
        interrupted: false,
        fields: BTreeMap::from([(RecordKind::Vpc, FIELDS.map(str::to_owned).to_vec())]),
        copies: BTreeMap::new(),
        state: None,
        fields_left_out: BTreeMap::from([(
            RecordKind::Vpc,
            Sides {
                s3: vec!["vpc-id".to_owned(), "flow-direction".to_owned()],
                cwl: Vec::new(),
            },
        )]),
        field_doubts: Vec::new(),
        fewer_fields: Vec::new(),
        sides: Sides {
            s3: SideSummary {
                source: "s3://fa-014-111122223333/AWSLogs/111122223333/vpcflowlogs/eu-west-1/"
                    .to_owned(),
                parts: 13,
                bytes: 35_756_442,
                records: 1_234_572,
                nodata: 12,
                skipdata: 1,
                malformed: 0,
                masked: 0,
                unreadable_parts: 1,
                retries: 0,
                first_start: Some(START + 4),
                last_start: Some(START + 3541),
                delivery_delay_seconds: Some(delays(1_234_572, 251)),
                delivery_bins: Vec::new(),
                late_delay_seconds: None,
            },
            cwl: SideSummary {
                source: "cwl:///fa-014-FlowLogGroup".to_owned(),
                parts: 2,
                bytes: 153_092_877,
                records: 1_234_570,
                nodata: 12,
                skipdata: 1,
                malformed: 1,
                masked: 0,
                unreadable_parts: 0,
                retries: 3,
                first_start: Some(START + 4),
                last_start: Some(START + 3598),
                delivery_delay_seconds: Some(delays(1_234_570, 95)),
                delivery_bins: Vec::new(),
                late_delay_seconds: Some(delays(2, 830)),
            },
        },
        counts: Counts {
            matched: 1_234_567,
            matched_on_fewer_fields: 0,
            missing: Sides { s3: 0, cwl: 3 },
            surplus: Sides { s3: 1, cwl: 0 },
            divergent: 1,
            pending: Sides { s3: 1, cwl: 0 },
            undetermined: Sides { s3: 1, cwl: 0 },
            late: Sides { s3: 0, cwl: 2 },
        },
        findings: findings(),
        troubles: vec![unreadable(), malformed()],
        evidence_capped: true,
        causes: vec![Cause::Listed {
            side: Side::S3,
            remark: Remark::FlowLogsRead(vec![
                ("fl-0aa11bb22cc33dd44".to_owned(), 12),
                ("fl-0ee55ff66aa77bb88".to_owned(), 1),
            ]),
        }],
        why: why(),
        next: Some(Next {
            text: "look at what delivers to cwl".to_owned(),
            command: Some(
                "flowdiff check s3://fa-014-111122223333 cwl:///fa-014-FlowLogGroup".to_owned(),
            ),
        }),
        hours: hours(1_234_572, 1_234_570),
        gaps: Vec::new(),
        forms: Sides::default(),
        arguments: Vec::new(),
        reached: Sides::default(),
        held: held(),
        tolerated: Vec::new(),
        took: Duration::from_millis(1500),
    }
}

fn why() -> Why {
    let slot = |minutes: i64| Bucket {
        interface: "eni-0c19436730cc350ae".into(),
        slot: Some(START + 60 * minutes),
    };
    let detail = serde_json::json!({
        "when": "until",
        "named": ["eni-0c19436730cc350ae until 2022-01-07T23:30:00Z"],
    });
    let cause = Explanation {
        known_since: None,
        number: 1,
        kind: "interface-absent",
        side: Some(Side::Cwl),
        certain: true,
        records: 2,
        interfaces: 1,
        since: Some(START + 1500),
        until: Some(START + 1800),
        detail: detail.as_object().cloned().unwrap_or_default(),
    };
    let share = |records| vec![Share { number: 1, records }];
    Why {
        causes: vec![cause],
        shares: BTreeMap::from([((slot(25), DifferenceKind::Missing(Side::Cwl)), share(2))]),
        unexplained: 5,
    }
}

/// A report of a run of a scheduled job, with all that a report can have.
pub(crate) fn of_a_job() -> Report {
    let looked = |start: i64, verdict| WindowResult {
        start,
        end: start + 300,
        verdict,
    };
    Report {
        causes: vec![
            Cause::Configuration(ConfigMismatch::TrafficType(Sides {
                s3: "ALL".to_owned(),
                cwl: "ACCEPT".to_owned(),
            })),
            Cause::Configuration(ConfigMismatch::NotActive {
                side: Side::Cwl,
                flow_log: "fl-0bb".to_owned(),
                status: "DELETING".to_owned(),
            }),
        ],
        state: Some(JobSummary {
            next: START + 3600,
            looked_at: START + 4500,
            behind_seconds: 900,
            windows: vec![
                looked(START, Some(Verdict::Different)),
                looked(START + 300, None),
            ],
            again: vec![looked(START - 300, Some(Verdict::Unknown))],
            late: Sides { s3: 0, cwl: 2 },
            late_seconds_at_most: Some(2490),
            given_up: 3,
            carried: Carried {
                pending: Sides { s3: 1, cwl: 0 },
                undetermined: Sides { s3: 1, cwl: 4 },
                unreadable_parts: 1,
                unread_windows: 1,
            },
        }),
        ..different()
    }
}

/// A report of a run that found nothing wrong.
pub(crate) fn consistent() -> Report {
    let summary = |source: &str| SideSummary {
        source: source.to_owned(),
        parts: 1,
        bytes: 1830,
        records: 57,
        first_start: Some(START),
        last_start: Some(START + 2400),
        ..SideSummary::default()
    };
    Report {
        verdict: Verdict::Consistent,
        window: Window::ALL,
        suggested_settle_seconds: None,
        rechecked: false,
        fields_left_out: BTreeMap::from([(RecordKind::Vpc, Sides::default())]),
        sides: Sides {
            s3: summary("fixtures/ping/s3"),
            cwl: summary("fixtures/ping/cwl"),
        },
        counts: Counts {
            matched: 57,
            ..Counts::default()
        },
        findings: Vec::new(),
        troubles: Vec::new(),
        evidence_capped: false,
        causes: Vec::new(),
        why: Why::default(),
        next: None,
        hours: hours(57, 57),
        held: HeldOverTime::default(),
        ..different()
    }
}

/// A report of a run in which one record may sit in an object that could not be read.
pub(crate) fn unknown() -> Report {
    let mut report = consistent();
    report.verdict = Verdict::Unknown;
    report.sides.cwl.records = 58;
    report.sides.s3.unreadable_parts = 1;
    report.counts.undetermined.s3 = 1;
    report.findings = vec![leftovers(
        LeftoverKind::Undetermined,
        Side::S3,
        STREAM,
        1504,
        "443",
    )];
    report.troubles = vec![unreadable()];
    report
}

fn delays(records: u64, p50: u64) -> DelaySummary {
    DelaySummary {
        records,
        p50,
        p95: 2 * p50,
        p99: 2 * p50 + 80,
        max: 3 * p50,
    }
}

fn findings() -> Vec<Finding> {
    use LeftoverKind::{Missing, Pending, Surplus, Undetermined};
    let mut lost = leftovers(Missing, Side::Cwl, KEY, 1504, "443");
    if let Finding::Leftovers { records, .. } = &mut lost {
        *records = 2;
    }
    vec![
        lost,
        leftovers(Missing, Side::Cwl, KEY, 1804, "8443"),
        leftovers(Surplus, Side::S3, KEY, 2100, "53"),
        Finding::Divergent {
            bucket: bucket(2400),
            records: 1,
            evidence: vec![Pair {
                fields: vec!["packets".to_owned(), "bytes".to_owned()],
                s3: evidence(KEY, 60, record(2400, "22", "4", "336")),
                cwl: evidence(STREAM, 1_641_598_800_000, record(2400, "22", "5", "340")),
            }],
        },
        leftovers(Undetermined, Side::S3, STREAM, 2702, "443"),
        leftovers(Pending, Side::S3, STREAM, 3541, "443"),
    ]
}

/// A finding of one record.
pub(crate) fn leftovers(
    kind: LeftoverKind,
    side: Side,
    part: &str,
    at: i64,
    port: &str,
) -> Finding {
    Finding::Leftovers {
        kind,
        side,
        bucket: bucket(at),
        records: 1,
        evidence: vec![evidence(part, 3, record(at, port, "4", "336"))],
    }
}

fn malformed() -> ReadTrouble {
    ReadTrouble::Malformed {
        side: Side::Cwl,
        place: place(STREAM, 1_641_598_800_000),
        reason: "12 values where the format has 14 fields: `2 1111 \u{1b}[2J\u{202e}`".to_owned(),
    }
}

fn unreadable() -> ReadTrouble {
    ReadTrouble::Unreadable {
        side: Side::S3,
        part: KEY.replace("2325Z", "2330Z").into(),
        cover: Cover::default(),
        reason: "the gzip stream ends early".to_owned(),
    }
}

fn hours(s3: u64, cwl: u64) -> BTreeMap<Hour, Sides<u64>> {
    let hour = |interface: &str| Hour {
        interface: interface.into(),
        start: Some(START),
    };
    let quiet = (hour("eni-0aa"), Sides { s3: 1, cwl: 1 });
    let busy = (
        hour("eni-0c19436730cc350ae"),
        Sides {
            s3: s3 - 1,
            cwl: cwl - 1,
        },
    );
    BTreeMap::from([quiet, busy])
}

fn held() -> HeldOverTime {
    let busy = |at: i64| {
        let slot = slot(START + at);
        let cwl = if at == 1800 { 0 } else { 100 };
        (
            (Arc::from("eni-0c19436730cc350ae"), slot),
            Sides { s3: 100, cwl },
        )
    };
    HeldOverTime {
        step: SLOT,
        cells: (0..12).map(|at| busy(at * SLOT)).collect(),
        over_time: (0..12)
            .map(|at| {
                (
                    START + at * SLOT,
                    Sides {
                        s3: 100_000,
                        cwl: 99_999,
                    },
                )
            })
            .collect(),
        interfaces: 2,
    }
}

fn bucket(at: i64) -> Bucket {
    Bucket {
        interface: "eni-0c19436730cc350ae".into(),
        slot: Some(slot(START + at)),
    }
}

fn place(part: &str, row: u64) -> Place {
    Place {
        part: Arc::from(part),
        row,
    }
}

fn evidence(part: &str, row: u64, record: Record) -> Evidence {
    Evidence {
        record,
        found_in: place(part, row),
    }
}

fn record(at: i64, port: &str, packets: &str, bytes: &str) -> Record {
    let (start, end) = ((START + at).to_string(), (START + at + 58).to_string());
    let values = [
        "2",
        "111122223333",
        "eni-0c19436730cc350ae",
        "10.0.1.20",
        "10.0.1.196",
        "49152",
        port,
        "6",
        packets,
        bytes,
        &start,
        &end,
        "ACCEPT",
        "OK",
    ];
    let fields = FIELDS.iter().zip(values);
    Record::new(
        fields
            .map(|(name, value)| (FieldName::new(name), Some(value.to_owned())))
            .collect(),
    )
}
