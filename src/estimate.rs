//! Estimate: what a check would read, told from listings alone.
//!
//! Objects, streams and the calls of a listing are counted; what a log stream holds cannot be listed, so it is estimated
//! from the other side's bytes, as a span.

mod export;
mod month;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::check::Check;
use crate::model::window::{Window, rfc3339};
use crate::model::{Error, Side, Sides};
use crate::render::listed;
use crate::source::key::ObjectName;
use crate::source::{
    Address, Ask, FEW_STREAMS, GroupReading, Listing, Part, Source, SourceOptions,
};

pub use export::ExportPlan;
use month::CallPrices;
pub use text::text;

/// The name of the JSON format.
const SCHEMA: &str = "flowdiff.plan/1";

/// A page of GetLogEvents: so many events or so many bytes (CloudWatch Logs API reference).
const PAGE_EVENTS: f64 = 10_000.0;
const PAGE_BYTES: f64 = 1_048_576.0;
/// A message of the default format, and what the service counts beside it. Longer formats make for more pages: the
/// span is wide enough for twice the fields.
const EVENT_BYTES: (f64, f64) = (100.0 + 26.0, 260.0 + 26.0);

/// Bytes of a record as stored, from what compresses best to what compresses worst. Our measurements and published
/// samples lie between them; nobody promises that others do.
const GZIP: (f64, f64) = (12.0, 45.0);
const PARQUET: (f64, f64) = (9.0, 45.0);
const TEXT: (f64, f64) = (90.0, 260.0);

/// What a compressed file may take beside its records: its header and what frames it; in Parquet, a footer that tells
/// of every column.
const GZIP_FRAME: u64 = 200;
const PARQUET_FRAME: u64 = 8 << 10;

/// What a call costs.
struct Price {
    operation: &'static str,
    usd_per_1000: f64,
}

/// What the prices are of, and what is left out of them.
const PRICES_OF: &str = "us-east-1, S3 Standard, as known on 2026-11-24; not included: egress, KMS requests where objects \
                         are encrypted with a KMS key, and reading log events, for which no price is known";

/// Amazon S3 pricing, "Requests & data retrievals". That page renders its figures by script and could not be read: they
/// are as quoted by a third party, c3x.dev/blog/s3-request-fees-explained, read on 2026-11-24, and agree with what others
/// read from AWS's Price List API on 2026-09-21 (`Requests-Tier1`, `Requests-Tier2`). For reading log events and describing
/// groups and streams no price is known.
const PRICES: [Price; 2] = [
    Price {
        operation: "ListObjectsV2",
        usd_per_1000: 0.005,
    },
    Price {
        operation: "GetObject",
        usd_per_1000: 0.0004,
    },
];

/// A number that is known up to a span; both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EstimateRange {
    /// At least.
    pub least: u64,
    /// At most, as far as the estimate holds; `None` if nothing tells.
    pub most: Option<u64>,
}

impl EstimateRange {
    fn exactly(number: u64) -> Self {
        Self {
            least: number,
            most: Some(number),
        }
    }
}

/// What a check would read.
#[derive(Clone, Debug, Serialize)]
pub struct Estimate {
    schema: &'static str,
    window: EstimateTimes,
    sides: Sides<SideEstimate>,
    /// US dollars for the calls, least and most.
    usd: (f64, Option<f64>),
    /// US dollars for the calls of a job that reads every five minutes, in 30 days, least and most; `None` if the objects do not tell.
    usd_per_month: Option<(f64, f64)>,
    prices: &'static str,
    /// The bound that the check stays within.
    memory_bytes: u64,
    notes: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct EstimateTimes {
    start: Option<String>,
    end: Option<String>,
}

/// What a check would read of one side.
#[derive(Clone, Debug, Serialize)]
struct SideEstimate {
    source: String,
    /// Objects, streams or files.
    parts: u64,
    /// Of those, what cannot be read for now.
    unreadable_parts: u64,
    /// Bytes as stored, if listings tell.
    bytes: Option<u64>,
    /// Records in the window.
    records: Option<EstimateRange>,
    /// Calls by operation: those of a listing, and those that read.
    calls: BTreeMap<String, EstimateRange>,
    /// How long the calls for log events take at the rate asked for; `None` if nothing tells.
    minutes: Option<(f64, Option<f64>)>,
}

/// Lists both sides and says what reading what was listed would take.
///
/// # Errors
/// A source that cannot be listed.
pub async fn estimate(
    check: &Check,
    addresses: &Sides<(Address, SourceOptions)>,
    sources: &Sides<Arc<dyn Source>>,
) -> Result<Estimate, Error> {
    let ask = Ask {
        window: check.window,
        interfaces: check.interfaces.clone(),
        ..Ask::default()
    };
    let (s3, cwl) = tokio::try_join!(sources.s3.list(&ask), sources.cwl.list(&ask))?;
    let listings = Sides { s3, cwl };
    let known = listings
        .as_ref()
        .map(|listing| records(listing, &check.window));
    let mut ways_notes = Vec::new();
    let sides = Sides::from_fn(|side| {
        let (address, options) = &addresses[side];
        let listing = &listings[side];
        let other = known[side.other()];
        let mut calls: BTreeMap<String, EstimateRange> = sources[side]
            .calls()
            .into_iter()
            .map(|(operation, times)| (operation, EstimateRange::exactly(times)))
            .collect();
        let parts = listing.parts.len() as u64;
        let mut minutes = None;
        match address {
            // One more for the layout, which the first object tells.
            Address::S3 { .. } => {
                calls.insert(
                    "GetObject".to_owned(),
                    EstimateRange::exactly(parts + u64::from(parts > 0)),
                );
            }
            Address::Group(_) => {
                let rate = |operation| sources[side].rate(operation).unwrap_or(f64::INFINITY);
                let (get, filter) = (rate("GetLogEvents"), rate("FilterLogEvents"));
                let ways = [
                    Way::by_stream(parts, other, get),
                    Way::together(parts, other, get, filter),
                ];
                ways_notes.extend(ways.iter().map(|way| format!("{side}: {}", way.text())));
                let [by_stream, together] = ways;
                let way = match options.group_reading {
                    GroupReading::ByStream => by_stream,
                    GroupReading::Auto if parts <= FEW_STREAMS as u64 => by_stream,
                    GroupReading::Auto | GroupReading::Together => together,
                };
                let slow = export::too_slow(&check.window, way.minutes);
                ways_notes.extend(slow.map(|slow| format!("{side}: {slow}")));
                minutes = Some(way.minutes);
                calls.extend(
                    way.calls
                        .into_iter()
                        .map(|(operation, span)| (operation.to_owned(), span)),
                );
            }
            Address::Path(_) | Address::Stdin => {}
        }
        SideEstimate {
            source: sources[side].address(),
            parts,
            unreadable_parts: listing.unreadable.len() as u64,
            bytes: bytes(listing),
            records: known[side].or(match address {
                Address::Group(_) => other,
                Address::S3 { .. } | Address::Path(_) | Address::Stdin => None,
            }),
            calls,
            minutes,
        }
    });
    Ok(Estimate {
        schema: SCHEMA,
        window: EstimateTimes {
            start: check.window.start.map(rfc3339),
            end: check.window.end.map(rfc3339),
        },
        usd: usd(&sides),
        usd_per_month: usd_per_month(check, addresses, &listings, &sides),
        prices: PRICES_OF,
        memory_bytes: check.memory,
        notes: [ways_notes, notes(&listings, &sides)].concat(),
        sides,
    })
}

fn bytes(listing: &Listing) -> Option<u64> {
    listing.parts.iter().map(|part| part.size).sum()
}

/// Estimates how many records of the window a side's files hold; `None` if there are none of known size.
fn records(listing: &Listing, window: &Window) -> Option<EstimateRange> {
    let (mut least, mut most) = (0.0, 0.0);
    for part in &listing.parts {
        let size = part.size?;
        let name = part.name.as_ref();
        let ((best, worst), frame) = match name {
            _ if name.ends_with(".parquet") => (PARQUET, PARQUET_FRAME),
            _ if name.ends_with(".gz") => (GZIP, GZIP_FRAME),
            _ => (TEXT, 0),
        };
        let share = share(part, window);
        least += size.saturating_sub(frame) as f64 * share / worst;
        most += size as f64 * share / best;
    }
    Some(EstimateRange {
        least: whole(least),
        most: Some(whole(most)),
    })
}

/// How much of an object lies in the window: a file holds the records that ended in the slot in its name, and those
/// at the edges are read only for the few that began earlier.
fn share(part: &Part, window: &Window) -> f64 {
    match ObjectName::parse(&part.name) {
        Some(name) if !Window::of_slot(name.time).overlaps(window) => 0.0,
        _ => 1.0,
    }
}

/// How many calls it takes to read so many streams one by one: the pages of what is in them, and of each one or two to see
/// its end, unless an event after the window shows it.
fn pages(streams: u64, records: Option<EstimateRange>) -> EstimateRange {
    let full = |records: u64, event: f64| {
        let records = records as f64;
        whole((records / PAGE_EVENTS).max(records * event / PAGE_BYTES))
    };
    let least = streams;
    let Some(records) = records.filter(|_| streams > 0) else {
        return EstimateRange {
            least,
            most: (streams == 0).then_some(0),
        };
    };
    EstimateRange {
        least: least.max(full(records.least, EVENT_BYTES.0)),
        most: records
            .most
            .map(|most| 3 * streams + full(most, EVENT_BYTES.1)),
    }
}

/// What reading a log group takes in one way.
struct Way {
    name: &'static str,
    calls: Vec<(&'static str, EstimateRange)>,
    minutes: (f64, Option<f64>),
}

impl Way {
    fn by_stream(streams: u64, records: Option<EstimateRange>, get: f64) -> Self {
        let reads = pages(streams, records);
        let minutes = |calls: u64| calls as f64 / get / 60.0;
        Self {
            name: "by stream",
            calls: vec![("GetLogEvents", reads)],
            minutes: (minutes(reads.least), reads.most.map(minutes)),
        }
    }

    /// Whatever there is fills pages of either call; some streams are read both ways.
    fn together(streams: u64, records: Option<EstimateRange>, get: f64, filter: f64) -> Self {
        let twice = streams.min(FEW_STREAMS as u64);
        let full = |records: u64, event: f64| {
            whole((records as f64 / PAGE_EVENTS).max(records as f64 * event / PAGE_BYTES))
        };
        let least = records.map_or(1, |records| full(records.least, EVENT_BYTES.0).max(1));
        let most = records.and_then(|records| Some(full(records.most?, EVENT_BYTES.1)));
        // Slices end with pages that are half full, and it takes calls of either kind to see where streams end.
        let filters = most.map(|most| 2 * most + 8);
        let gets = most.map(|most| 3 * twice + 3 * most);
        let slowest = filters.zip(gets);
        Self {
            name: "together",
            calls: vec![
                (
                    "FilterLogEvents",
                    EstimateRange {
                        least: u64::from(streams > 0),
                        most: filters,
                    },
                ),
                (
                    "GetLogEvents",
                    EstimateRange {
                        least: twice,
                        most: gets,
                    },
                ),
            ],
            minutes: (
                least as f64 / (get + filter) / 60.0,
                slowest
                    .map(|(filters, gets)| (filters as f64 / filter).max(gets as f64 / get) / 60.0),
            ),
        }
    }

    fn text(&self) -> String {
        let calls = self.calls.iter().map(|(operation, span)| {
            let most = span
                .most
                .map_or_else(|| " or more".to_owned(), |most| format!(" to {most}"));
            format!("{}{most} calls of `{operation}`", span.least)
        });
        let calls: Vec<String> = calls.collect();
        format!(
            "read {}: {}, {} (--cwl-read)",
            self.name,
            calls.join(" and "),
            text::time(self.minutes)
        )
    }
}

fn usd(sides: &Sides<SideEstimate>) -> (f64, Option<f64>) {
    let price = |operation: &str| {
        let price = PRICES.iter().find(|price| price.operation == operation);
        price.map(|price| price.usd_per_1000 / 1000.0)
    };
    let priced = || {
        let calls = Side::BOTH.into_iter().flat_map(|side| &sides[side].calls);
        calls.filter_map(|(operation, span)| Some((span, price(operation)?)))
    };
    (
        priced().fold(0.0, |sum, (span, usd)| sum + span.least as f64 * usd),
        priced().try_fold(0.0, |sum, (span, usd)| Some(sum + span.most? as f64 * usd)),
    )
}

fn usd_per_month(
    check: &Check,
    addresses: &Sides<(Address, SourceOptions)>,
    listings: &Sides<Listing>,
    sides: &Sides<SideEstimate>,
) -> Option<(f64, f64)> {
    let price = |operation: &str| {
        let mut prices = PRICES.iter();
        let price = prices.find(|price| price.operation == operation);
        price.map_or(0.0, |price| price.usd_per_1000 / 1000.0)
    };
    let prices = CallPrices {
        list: price("ListObjectsV2"),
        get: price("GetObject"),
    };
    let mut in_s3 = Side::BOTH
        .into_iter()
        .filter(|side| matches!(addresses[*side].0, Address::S3 { .. }))
        .peekable();
    in_s3.peek()?;
    in_s3.try_fold((0.0, 0.0), |(least, most), side| {
        let lists = sides[side].calls.get("ListObjectsV2");
        let lists = lists.map_or(0, |calls| calls.least);
        let (one, other) = month::usd(&check.window, &listings[side], lists, &prices)?;
        Some((least + one, most + other))
    })
}

fn notes(listings: &Sides<Listing>, sides: &Sides<SideEstimate>) -> Vec<String> {
    let of_listing = |side: Side| {
        let remarks = listings[side].remarks.iter();
        remarks.map(move |remark| listed(side, remark))
    };
    let mut notes: Vec<String> = Side::BOTH.into_iter().flat_map(of_listing).collect();
    if Side::BOTH.iter().any(|&side| sides[side].records.is_some()) {
        notes.push(
            "records and what follows from them are estimated from bytes as stored".to_owned(),
        );
    }
    notes.push(
        "if anything differs, both sides are listed again, and what can hold a difference is read again: at most twice \
         these calls for a check without --recheck"
            .to_owned(),
    );
    notes
}

/// Rounds up; no estimate is ever negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate beyond 2^64 may end there"
)]
fn whole(number: f64) -> u64 {
    number.ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Cover;

    fn part(name: &str, size: Option<u64>) -> Part {
        Part {
            name: name.into(),
            size,
            version: String::new(),
            cover: Cover::default(),
            delivered: None,
        }
    }

    fn listing(parts: Vec<Part>) -> Listing {
        Listing {
            parts: parts.into_iter().map(Arc::new).collect(),
            ..Listing::default()
        }
    }

    #[test]
    fn records_are_told_from_bytes_and_by_the_window() {
        let key = |time: &str| format!("1_vpcflowlogs_eu-west-1_fl-0aa_{time}_1.log.gz");
        let window = Window::new(1_641_596_400, 1_641_600_000);
        let inside = part(&key("20220107T2325Z"), Some(4700));
        let outside = part(&key("20220108T0005Z"), Some(4500));
        let expected = EstimateRange {
            least: 100,
            most: Some(392),
        };
        assert_eq!(
            records(&listing(vec![inside, outside]), &window),
            Some(expected)
        );
        assert_eq!(
            records(&listing(vec![part("eni-0aa-all", None)]), &window),
            None
        );
    }

    #[test]
    fn calls_for_streams() {
        let span = |least, most| EstimateRange { least, most };
        let records = |number| Some(EstimateRange::exactly(number));
        for (streams, records, expected) in [
            (0, None, span(0, Some(0))),
            (3, None, span(3, None)),
            (3, records(0), span(3, Some(9))),
            (3, records(10), span(3, Some(10))),
            (1, records(1_000_000), span(121, Some(276))),
        ] {
            assert_eq!(pages(streams, records), expected, "{streams} {records:?}");
        }
    }
}
