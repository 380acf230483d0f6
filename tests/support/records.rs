//! Flow-log records of our own making, and the shapes both destinations deliver them in.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use flowdiff::decode::table::{self, ColumnValues};
use itertools::Itertools;
use jiff::Timestamp;
use parquet::basic::{Compression as PageCompression, GzipLevel};
use parquet::file::properties::WriterProperties;

pub(crate) const ACCOUNT: &str = "123456789012";

/// The header of a delivered text object in the default format.
const HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes \
                      start end action log-status";

/// The seconds of a slot.
const SLOT: i64 = 300;

/// A record in the default format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FlowRecord {
    pub(crate) interface: String,
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// What was seen; `None` is a NODATA record.
    pub(crate) traffic: Option<Traffic>,
}

/// The traffic of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) srcport: u16,
    pub(crate) dstport: u16,
    pub(crate) packets: u32,
    pub(crate) bytes: u32,
}

impl FlowRecord {
    /// The line as AWS delivers it.
    pub(crate) fn line(&self) -> String {
        let (interface, start, end) = (&self.interface, self.start, self.end);
        match &self.traffic {
            None => format!("2 {ACCOUNT} {interface} - - - - - - - {start} {end} - NODATA"),
            Some(seen) => format!(
                "2 {ACCOUNT} {interface} 10.0.1.10 10.0.1.11 {} {} 6 {} {} {start} {end} ACCEPT OK",
                seen.srcport, seen.dstport, seen.packets, seen.bytes
            ),
        }
    }
}

/// Returns the first second of the slot three hours ago: settled, and young enough for
/// PutLogEvents. It is the same whenever it is asked for, since tests ask more than once.
pub(crate) fn recent() -> i64 {
    static RECENT: LazyLock<i64> = LazyLock::new(|| {
        let then = Timestamp::now().as_second() - 3 * 3600;
        then.div_euclid(SLOT) * SLOT
    });
    *RECENT
}

/// Returns `number` different records of some interfaces, spread evenly over `seconds` from `start`
/// on, in order of time; every 20th is NODATA. The same arguments give the same records.
pub(crate) fn generate(number: u32, interfaces: u32, start: i64, seconds: i64) -> Vec<FlowRecord> {
    (0..number)
        .map(|k| {
            let at = start + i64::from(k) * seconds / i64::from(number);
            let low = u16::try_from(k % 50_000).unwrap();
            FlowRecord {
                interface: format!("eni-{:017x}", 0xfa_0140 + k % interfaces),
                start: at,
                end: at + i64::from(k % 59),
                traffic: (k % 20 != 19).then_some(Traffic {
                    srcport: 1024 + low,
                    dstport: 443,
                    packets: 1 + k % 7,
                    bytes: 40 + k,
                }),
            }
        })
        .collect()
}

/// How a flow log to S3 is set up.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// What comes before `AWSLogs/`, with a `/` at its end, or nothing.
    pub(crate) prefix: &'static str,
    pub(crate) region: &'static str,
    pub(crate) flow_log_id: &'static str,
    pub(crate) hive: bool,
    pub(crate) hourly: bool,
    pub(crate) parquet: bool,
    /// The most records of an object.
    pub(crate) object_records: usize,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            prefix: "",
            region: super::REGION,
            flow_log_id: "fl-0fa0140fa0140fa01",
            hive: false,
            hourly: false,
            parquet: false,
            object_records: usize::MAX,
        }
    }
}

impl Delivery {
    /// Returns the folder of all its objects.
    pub(crate) fn folder(&self) -> String {
        let Self { prefix, region, .. } = self;
        match self.hive {
            true => format!(
                "{prefix}AWSLogs/aws-account-id={ACCOUNT}/aws-service=vpcflowlogs/aws-region={region}/"
            ),
            false => format!("{prefix}AWSLogs/{ACCOUNT}/vpcflowlogs/{region}/"),
        }
    }

    /// Returns keys and bodies: records in files by the slot of their `end`.
    pub(crate) fn objects(&self, records: &[FlowRecord]) -> Vec<(String, Vec<u8>)> {
        let slots = records
            .iter()
            .into_group_map_by(|record| record.end.div_euclid(SLOT) * SLOT);
        let mut objects = Vec::new();
        for (slot, records) in slots.into_iter().sorted_by_key(|(slot, _)| *slot) {
            for (index, some) in records.chunks(self.object_records).enumerate() {
                let body = match self.parquet {
                    true => parquet(some),
                    false => text(some),
                };
                objects.push((self.key(slot, index), body));
            }
        }
        objects
    }

    fn key(&self, slot: i64, index: usize) -> String {
        let (region, id) = (self.region, self.flow_log_id);
        let format = match (self.hive, self.hourly) {
            (false, false) => "%Y/%m/%d/",
            (false, true) => "%Y/%m/%d/%H/",
            (true, false) => "year=%Y/month=%m/day=%d/",
            (true, true) => "year=%Y/month=%m/day=%d/hour=%H/",
        };
        let time = Timestamp::from_second(slot).unwrap();
        let (day, time) = (time.strftime(format), time.strftime("%Y%m%dT%H%MZ"));
        let ending = if self.parquet { "parquet" } else { "gz" };
        let folder = self.folder();
        format!("{folder}{day}{ACCOUNT}_vpcflowlogs_{region}_{id}_{time}_{index:08x}.log.{ending}")
    }
}

fn text(records: &[&FlowRecord]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    writeln!(gzip, "{HEADER}").unwrap();
    for record in records {
        writeln!(gzip, "{}", record.line()).unwrap();
    }
    gzip.finish().unwrap()
}

fn parquet(records: &[&FlowRecord]) -> Vec<u8> {
    let pages = PageCompression::GZIP(GzipLevel::default());
    let properties = WriterProperties::builder().set_compression(pages).build();
    let mut file = Vec::new();
    table::write(&columns(records), properties, &mut file).unwrap();
    file
}

/// Columns and types of the VPC User Guide; text that is absent is `-`, a number that is absent NULL.
fn columns(records: &[&FlowRecord]) -> Vec<(&'static str, ColumnValues)> {
    let text = |value: fn(&FlowRecord) -> &str| {
        let values = records.iter().map(|record| Some(value(record).to_owned()));
        ColumnValues::Text(values.collect())
    };
    let seen = |with: &str, without: &str| {
        let values = records.iter().map(|record| match record.traffic {
            Some(_) => Some(with.to_owned()),
            None => Some(without.to_owned()),
        });
        ColumnValues::Text(values.collect())
    };
    let small = |value: fn(&Traffic) -> i32| {
        let traffic = records.iter().map(|record| record.traffic.as_ref());
        ColumnValues::I32(traffic.map(|seen| seen.map(value)).collect())
    };
    let large = |value: fn(&Traffic) -> i64| {
        let traffic = records.iter().map(|record| record.traffic.as_ref());
        ColumnValues::I64(traffic.map(|seen| seen.map(value)).collect())
    };
    let time = |value: fn(&FlowRecord) -> i64| {
        ColumnValues::I64(records.iter().map(|record| Some(value(record))).collect())
    };
    let version = ColumnValues::I32(vec![Some(2); records.len()]);
    vec![
        ("version", version),
        ("account_id", text(|_| ACCOUNT)),
        ("interface_id", text(|record| &record.interface)),
        ("srcaddr", seen("10.0.1.10", "-")),
        ("dstaddr", seen("10.0.1.11", "-")),
        ("srcport", small(|seen| seen.srcport.into())),
        ("dstport", small(|seen| seen.dstport.into())),
        ("protocol", small(|_| 6)),
        ("packets", large(|seen| seen.packets.into())),
        ("bytes", large(|seen| seen.bytes.into())),
        ("start", time(|record| record.start)),
        ("end", time(|record| record.end)),
        ("action", seen("ACCEPT", "-")),
        ("log_status", seen("OK", "NODATA")),
    ]
}

/// Returns the events of each log stream, (milliseconds, message) in order of time.
pub(crate) fn streams(records: &[FlowRecord]) -> BTreeMap<String, Vec<(i64, String)>> {
    let mut streams = BTreeMap::<_, Vec<_>>::new();
    for record in records {
        let events = streams.entry(format!("{}-all", record.interface));
        events
            .or_default()
            .push((record.start * 1000, record.line()));
    }
    for events in streams.values_mut() {
        events.sort();
    }
    streams
}
