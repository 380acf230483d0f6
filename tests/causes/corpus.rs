//! Two hours of made-up traffic as two flow logs deliver it, before anything goes wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use flowdiff::check::{self, Check, Others, Recheck, Selection};
use flowdiff::decode::Format;
use flowdiff::digest::Fingerprints;
use flowdiff::model::window::{Settle, Window};
use flowdiff::model::{Side, Sides};
use flowdiff::progress::{Mode, Progress};
use flowdiff::record::Layout;
use flowdiff::report::Report;
use flowdiff::source::Source;
use flowdiff::source::key::cover;
use flowdiff::source::memory::{HeldPart, Memory, MemoryPart};
use jiff::Timestamp;

/// 2024-03-05T10:00:00Z, a slot's first second.
pub(super) const BASE: i64 = 1_709_632_800;

/// How long the traffic goes on, in seconds.
pub(super) const LENGTH: i64 = 7_200;

pub(super) const SLOT: i64 = 300;

const DAY: i64 = 86_400;

/// The fields of both flow logs.
pub(super) const FIELDS: [&str; 20] = [
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
    "vpc-id",
    "subnet-id",
    "instance-id",
    "pkt-src-aws-service",
    "flow-direction",
    "traffic-path",
];

/// Numbers from a seed, the same for ever (splitmix64).
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xd6e8_feb8_6659_fd93) ^ 0x2545_f491_4f6c_dd1d)
    }

    /// Returns other numbers for each name.
    pub(super) fn named(self, name: &str) -> Self {
        let mixed = name.bytes().fold(self.0, |mixed, byte| {
            (mixed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(mixed)
    }

    pub(super) fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let number = (mixed ^ mixed >> 31) >> 2;
        number.cast_signed().rem_euclid(limit.max(1))
    }

    pub(super) fn percent(&mut self, chance: i64) -> bool {
        self.below(100) < chance
    }
}

/// A row of a side.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) values: Vec<String>,
    /// The part it stands in.
    pub(super) part: String,
}

impl Row {
    pub(super) fn get(&self, name: &str) -> &str {
        &self.values[place(name)]
    }

    pub(super) fn set(&mut self, name: &str, value: &dyn ToString) {
        self.values[place(name)] = value.to_string();
    }

    pub(super) fn start(&self) -> i64 {
        self.get("start").parse().unwrap()
    }
}

fn place(name: &str) -> usize {
    FIELDS.iter().position(|field| *field == name).unwrap()
}

/// What two flow logs have delivered, and how it is asked about.
#[derive(Clone, Debug)]
pub(super) struct Corpus {
    pub(super) rows: Sides<Vec<Row>>,
    /// Parts that cannot be read.
    pub(super) unreadable: Sides<Vec<String>>,
    /// What stands in parts below their rows.
    pub(super) last_lines: BTreeMap<String, String>,
    /// When parts were delivered, if that is known.
    pub(super) delivered: BTreeMap<String, i64>,
    pub(super) now: i64,
    /// Whether the log group is read, not an export.
    pub(super) live: bool,
    /// What the log group's rows are said to look like.
    pub(super) format: Vec<&'static str>,
    pub(super) interfaces: Vec<String>,
}

/// Returns the name of the object that a row of S3 stands in.
pub(super) fn object(account: &str, start: i64, flow_log: &str) -> String {
    let slot = start.div_euclid(SLOT) * SLOT;
    let time = Timestamp::from_second(slot).unwrap();
    format!(
        "AWSLogs/{account}/vpcflowlogs/eu-west-1/{}/{account}_vpcflowlogs_eu-west-1_{flow_log}_{}_1a2b3c4d.log.gz",
        time.strftime("%Y/%m/%d"),
        time.strftime("%Y%m%dT%H%MZ")
    )
}

impl Corpus {
    /// Makes about so many records, in one account or, of some interfaces, in another one.
    pub(super) fn of(seed: u64, size: i64) -> Self {
        let mut random = Random::of(seed);
        let number = 6 + random.below(5);
        let interfaces: Vec<String> = (0..number)
            .map(|nth| format!("eni-{:017x}", 0xfa_0140 + 4096 * nth + random.below(4096)))
            .collect();
        let mut rows = Vec::new();
        let flows = (size / number / (LENGTH / 60)).max(1);
        for (nth, interface) in (0..).zip(&interfaces) {
            // The last two interfaces are another account's.
            let account = if nth >= number - 2 {
                "210987654321"
            } else {
                "123456789012"
            };
            for flow in 0..flows {
                let host = random.below(250) + 1;
                let (protocol, port) = match random.below(10) {
                    0 => ("1", "0".to_owned()),
                    _ => ("6", (1024 + random.below(60_000)).to_string()),
                };
                let dstport = if protocol == "1" { "0" } else { "443" };
                let action = if random.percent(15) || nth + flow == 1 {
                    "REJECT"
                } else {
                    "ACCEPT"
                };
                let step = if size < LENGTH / 60 * number {
                    LENGTH * number / size
                } else {
                    60
                };
                for minute in 0..LENGTH / step {
                    let start = BASE + minute * step + random.below(step);
                    let end = start + random.below(55);
                    let direction = if random.percent(50) {
                        "egress"
                    } else {
                        "ingress"
                    };
                    // As many bytes as 32 bits do not hold, now and then.
                    let bytes = match random.below(20) {
                        0 => 5_000_000_000 + random.below(1_000_000_000),
                        _ => 40 + random.below(100_000),
                    };
                    let path = if direction == "egress" { "8" } else { "-" };
                    let values = [
                        "5",
                        account,
                        interface,
                        &format!("10.0.{flow}.{host}"),
                        &format!("10.1.{nth}.9"),
                        &port,
                        dstport,
                        protocol,
                        &(1 + random.below(500)).to_string(),
                        &bytes.to_string(),
                        &start.to_string(),
                        &end.to_string(),
                        action,
                        "OK",
                        &format!("vpc-0{nth}"),
                        &format!("subnet-0{nth}"),
                        &format!("i-0{nth}"),
                        "-",
                        direction,
                        path,
                    ];
                    rows.push(values.map(str::to_owned).to_vec());
                }
            }
            for quiet in 0..12 {
                let start = BASE + quiet * 600 + random.below(500);
                let mut values = vec!["-".to_owned(); FIELDS.len()];
                for (name, value) in [
                    ("version", "5".to_owned()),
                    ("account-id", account.to_owned()),
                    ("interface-id", interface.clone()),
                    ("start", start.to_string()),
                    ("end", (start + 50).to_string()),
                    ("log-status", "NODATA".to_owned()),
                    ("vpc-id", format!("vpc-0{nth}")),
                    ("subnet-id", format!("subnet-0{nth}")),
                    ("instance-id", format!("i-0{nth}")),
                ] {
                    values[place(name)] = value;
                }
                rows.push(values);
            }
        }
        let s3 = rows.iter().map(|values| {
            let start = values[place("start")].parse().unwrap();
            let account = &values[place("account-id")];
            let flow_log = match &**account {
                "123456789012" => "fl-0aa11bb22cc33dd44",
                _ => "fl-0ee55ff66aa77bb88",
            };
            Row {
                values: values.clone(),
                part: object(account, start, flow_log),
            }
        });
        let cwl = rows.iter().map(|values| Row {
            values: values.clone(),
            part: format!("{}-all", values[place("interface-id")]),
        });
        Self {
            rows: Sides {
                s3: s3.collect(),
                cwl: cwl.collect(),
            },
            unreadable: Sides::default(),
            last_lines: BTreeMap::new(),
            delivered: BTreeMap::new(),
            now: BASE + LENGTH + DAY / 2,
            live: true,
            format: FIELDS.to_vec(),
            interfaces,
        }
    }

    /// Loses some single records on either side, for no reason, and says how many.
    pub(super) fn lose_some(&mut self, random: &mut Random) -> u64 {
        let before = self.rows.s3.len() + self.rows.cwl.len();
        for side in Side::BOTH {
            let rows = &mut self.rows[side];
            let lost = 2 + i64::try_from(rows.len()).unwrap() / 400;
            for _ in 0..lost {
                let at = random.below(i64::try_from(rows.len()).unwrap());
                rows.swap_remove(usize::try_from(at).unwrap());
            }
        }
        (before - self.rows.s3.len() - self.rows.cwl.len()) as u64
    }

    fn source(&self, side: Side) -> Memory {
        let mut parts: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for row in &self.rows[side] {
            parts
                .entry(&row.part)
                .or_default()
                .push(row.values.join(" "));
        }
        let parts = parts.into_iter().map(|(name, mut lines)| {
            if side == Side::S3 {
                lines.insert(0, FIELDS.join(" "));
            }
            lines.extend(self.last_lines.get(name).cloned());
            let mut text = lines.join("\n");
            text.push('\n');
            let mut part = HeldPart::new(name, MemoryPart::Bytes(Bytes::from(text)));
            part.part.cover = match side {
                Side::S3 => cover(name),
                Side::Cwl => cover(&format!("{name}/000000.gz")),
            };
            part.part.delivered = self.delivered.get(name).copied();
            if self.unreadable[side].iter().any(|it| it == name) {
                part.denied = Some("access denied".to_owned());
            }
            part
        });
        let address = match (side, self.live) {
            (Side::S3, _) => "s3://flow",
            (Side::Cwl, true) => "cwl:///flow",
            (Side::Cwl, false) => "exported",
        };
        let source = Memory::new(parts.collect()).at(address);
        source.headerless(side == Side::Cwl)
    }

    /// Asks flowdiff.
    pub(super) fn check(&self, memory: u64) -> Report {
        let sources: Sides<Arc<dyn Source>> = Sides {
            s3: Arc::new(self.source(Side::S3)),
            cwl: Arc::new(self.source(Side::Cwl)),
        };
        let names: Vec<String> = self
            .format
            .iter()
            .map(|name| format!("${{{name}}}"))
            .collect();
        let check = Check {
            recheck: Recheck::default(),
            window: Window::ALL,
            settle: Settle {
                now: self.now,
                seconds: 900,
            },
            fields: Selection::default(),
            interfaces: Vec::new(),
            others: Others::default(),
            ignore_nodata: false,
            counted: None,
            allow_empty: false,
            formats: Sides {
                s3: Format::not_given(),
                cwl: Format::named(Layout::from_format(&names.join(" ")).unwrap()),
            },
            by_hour: false,
            drawn: false,
            formed: false,
            flow_logs: None,
            max_evidence: 10,
            all_differences: None,
            concurrency: 2,
            memory,
            key: Fingerprints::seeded(7),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let progress = Progress::new(Mode::Silent);
        let report = runtime.block_on(check::run(&check, &sources, &progress, None));
        report.unwrap()
    }
}
