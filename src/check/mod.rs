//! The check: joins the stages. List, read and boil down, look again at what differs, report.
//!
//! Bounds concurrency and memory; decides the verdict.

mod again;
mod copies;
mod evidence;
mod fields;
mod hours;
mod intake;
mod many;
mod pass;
mod reader;
mod recheck;
mod rules;
mod screen;
mod span;
mod taken;
mod visitors;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::configuration;
use crate::decode::Format;
use crate::delay::suggested_settle;
use crate::digest::{BucketId, Fingerprints};
use crate::error::Error;
use crate::finding::{Bucket, Finding, Place};
use crate::progress::Progress;
use crate::report::{Counts, Report, SideSummary, Verdict};
use crate::source::flow_logs::FlowLog;
use crate::source::{Listing, Part, Side, Sides, Source};
use crate::window::{Settle, Window};

pub use evidence::EveryDifference;
pub use fields::Selection;
pub use recheck::Recheck;

use evidence::Explained;
use reader::Reader;

pub(crate) use reader::is_wrong_clock;
use recheck::explain_until_settled;
use screen::{Screened, screen};

/// What is asked of a run.
#[derive(Clone, Debug)]
pub struct Check {
    /// Which records, by `start`.
    pub window: Window,
    /// The clock, and how long a record may be on its way.
    pub settle: Settle,
    /// Whether to wait for what is pending.
    pub recheck: Recheck,
    /// Which fields are compared.
    pub fields: Selection,
    /// Which interfaces; empty is all.
    pub interfaces: Vec<String>,
    /// How the two flow logs are set up, if that is known.
    pub flow_logs: Option<Arc<Sides<FlowLog>>>,
    /// Whether NODATA records are left out.
    pub ignore_nodata: bool,
    /// Whether two empty sides are consistent.
    pub allow_empty: bool,
    /// How to read each side's rows that come without a header.
    pub formats: Sides<Format>,
    /// Whether records are counted by interface and hour, which costs memory for each of them.
    pub by_hour: bool,
    /// How many differences, and how many malformed rows a side, are shown.
    pub max_evidence: usize,
    /// Where every difference is written, for the message if it cannot be.
    pub all_differences: Option<PathBuf>,
    /// Parts of one side read at once.
    pub concurrency: usize,
    /// Bytes of memory to stay within.
    pub memory: u64,
    /// Whether the report is to tell how many copies there are in the buckets that differ, and in these.
    pub counted: Option<Vec<Bucket>>,
    /// The key of this run's fingerprints.
    pub key: Fingerprints,
}

/// Compares two sources.
///
/// `every` is given each difference as it is confirmed, uncapped, in the order of findings as long as they fit the
/// memory bound.
///
/// # Errors
/// What stops a run. What is wrong with the data is in the report.
pub async fn run(
    check: &Check,
    sources: &Sides<Arc<dyn Source>>,
    progress: &Progress,
    every: Option<&mut EveryDifference<'_>>,
) -> Result<Report, Error> {
    let mut reader = Reader::new(check, sources, progress);
    progress.phase("listing");
    let listings = reader.list().await?;
    reader.reckon_with(&listings);
    reader.move_clock();
    let mut screened = screen(&reader, &listings).await?;
    let explained = explain_until_settled(&mut reader, &mut screened, every).await?;
    Ok(report(&reader, &listings, &screened, explained))
}

fn report(
    reader: &Reader<'_>,
    listings: &Sides<Listing>,
    screened: &Screened,
    explained: Explained,
) -> Report {
    let unreadable = Sides::from_fn(|side| {
        let mut parts = screened.unreadable[side].clone();
        parts.extend(explained.unreadable[side].iter().cloned());
        // Stable: of a part that failed at both looks, what the first one said.
        parts.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        parts.dedup_by(|(later, _), (first, _)| later.name == first.name);
        parts
    });
    let sides =
        Sides::from_fn(|side| summary(reader, screened, side, &explained, unreadable[side].len()));
    let mut counts = explained.outcome.totals();
    counts.matched = sides.s3.records.saturating_sub(counts.unmatched(Side::S3));
    counts.late = explained.late.as_ref().map(|late| late.records);
    debug_assert_eq!(
        counts.matched + counts.unmatched(Side::Cwl),
        sides.cwl.records,
        "{counts:?}"
    );
    let mut notes = notes(reader.check, listings, screened, &explained);
    notes.extend(
        Side::BOTH
            .into_iter()
            .filter_map(|side| wrong_clock(reader, side)),
    );
    let (of_records, mut evidence_capped) = explained.outcome.into_findings();
    let flow_logs = reader.check.flow_logs.as_deref();
    let unlike = flow_logs.map(|both| configuration::unlike(both, &reader.check.window));
    let unlike = unlike.into_iter().flatten().map(Finding::Configuration);
    let mut findings: Vec<Finding> = unlike.chain(of_records).collect();
    for side in Side::BOTH {
        findings.extend(
            unreadable[side]
                .iter()
                .map(|(part, reason)| unreadable_part(side, part, reason)),
        );
    }
    for side in Side::BOTH {
        let rows = screened.malformed[side].iter();
        findings.extend(rows.map(|(place, reason)| malformed_row(side, place, reason)));
        evidence_capped |= screened.tally[side].malformed > screened.malformed[side].len() as u64;
    }
    Report {
        verdict: verdict(reader.check, &counts, &sides),
        window: reader.check.window,
        settle: reader.settle,
        suggested_settle_seconds: suggested_settle(
            &sides.as_ref().map(|side| side.delivery_delay_seconds),
        ),
        fields: screened
            .rules
            .comparison
            .fields()
            .iter()
            .map(ToString::to_string)
            .collect(),
        fields_left_out: fields::left_out(&screened.rules.comparison, &screened.layouts),
        sides,
        counts,
        findings,
        evidence_capped,
        notes,
        rechecked: reader.check.recheck.times > 0,
        hours: if reader.check.by_hour {
            hours::hours(&screened.digests)
        } else {
            BTreeMap::new()
        },
        tolerated: Vec::new(),
        took: Duration::ZERO,
        copies: copies(reader.check, screened),
        state: None,
    }
}

/// Returns the copies at the first look in the buckets that differ and in those asked for.
fn copies(check: &Check, screened: &Screened) -> BTreeMap<Bucket, Sides<u64>> {
    let Some(asked) = &check.counted else {
        return BTreeMap::new();
    };
    let digests = &screened.digests;
    let unequal = digests.unequal().into_iter();
    let unequal = unequal.filter_map(|id| Some((digests.bucket(id)?, id)));
    let asked = asked.iter().map(|bucket| {
        let name = screened.rules.key.of_name(bucket.interface.as_bytes());
        (bucket.clone(), BucketId::new(name, bucket.slot))
    });
    let sums = |id| digests.as_ref().map(|digest| digest.ledger.sums(id).copies);
    unequal
        .chain(asked)
        .map(|(bucket, id)| (bucket, sums(id)))
        .collect()
}

fn verdict(check: &Check, counts: &Counts, sides: &Sides<SideSummary>) -> Verdict {
    let both = |count: Sides<u64>| count.s3 + count.cwl;
    let of_sides = |count: fn(&SideSummary) -> u64| count(&sides.s3) + count(&sides.cwl);
    if counts.divergent + both(counts.missing) + both(counts.surplus) > 0 {
        return Verdict::Different;
    }
    let open = both(counts.pending) + both(counts.undetermined);
    let not_known = of_sides(|side| side.unreadable_parts) + of_sides(|side| side.malformed);
    let empty = of_sides(|side| side.records) == 0 && !check.allow_empty;
    if open + not_known > 0 || empty {
        Verdict::Unknown
    } else {
        Verdict::Consistent
    }
}

fn summary(
    reader: &Reader<'_>,
    screened: &Screened,
    side: Side,
    explained: &Explained,
    unreadable: usize,
) -> SideSummary {
    let tally = &screened.tally[side];
    let listed_unreadable = screened.unreadable[side].len() - parts_failed(screened, side);
    SideSummary {
        source: reader.sources[side].address(),
        parts: (screened.parts[side].len() + listed_unreadable) as u64,
        bytes: screened.bytes[side],
        records: tally
            .records
            .saturating_add_signed(screened.arrivals[side] + explained.arrivals[side]),
        nodata: tally.nodata,
        skipdata: tally.skipdata,
        malformed: tally.malformed,
        unreadable_parts: unreadable as u64,
        retries: reader.sources[side].retries(),
        first_start: tally.first_start,
        last_start: tally.last_start,
        delivery_delay_seconds: screened.delays[side].summary(),
        late_delay_seconds: explained.late[side].delays.summary(),
    }
}

/// Parts that were listed as readable and were not.
fn parts_failed(screened: &Screened, side: Side) -> usize {
    let names: hashbrown::HashSet<&str> = screened.parts[side]
        .iter()
        .map(|part| &*part.name)
        .collect();
    screened.unreadable[side]
        .iter()
        .filter(|(part, _)| names.contains(&*part.name))
        .count()
}

fn unreadable_part(side: Side, part: &Part, reason: &str) -> Finding {
    Finding::Unreadable {
        side,
        part: Arc::clone(&part.name),
        cover: part.cover.clone(),
        reason: reason.to_owned(),
    }
}

fn malformed_row(side: Side, place: &Place, reason: &str) -> Finding {
    Finding::Malformed {
        side,
        place: place.clone(),
        reason: reason.to_owned(),
    }
}

/// Says that this machine's clock is wrong, and what that does.
fn wrong_clock(reader: &Reader<'_>, side: Side) -> Option<String> {
    let ahead = reader.sources[side]
        .clock_ahead()
        .filter(|&ahead| is_wrong_clock(ahead))?;
    let by = humantime::format_duration(Duration::from_secs(ahead.unsigned_abs()));
    let direction = if ahead > 0 { "ahead of" } else { "behind" };
    Some(format!(
        "{side}: this machine's clock is {by} {direction} the service's. What is pending is told by the service's, but \
         the default window, and times that are given as an age, go by this machine's: set it"
    ))
}

/// A log group has no header that says what its rows look like, so the format is easily forgotten.
fn format_unlikely(check: &Check, screened: &Screened, side: Side) -> Option<String> {
    let tally = &screened.tally[side];
    let unlikely = tally.records == 0 && tally.malformed > 0 && !check.formats[side].given;
    unlikely.then(|| {
        format!(
            "{side}: no row fits the default format; give the flow log's own with --{side}-format"
        )
    })
}

fn notes(
    check: &Check,
    listings: &Sides<Listing>,
    screened: &Screened,
    explained: &Explained,
) -> Vec<String> {
    let mut notes = Vec::new();
    for side in Side::BOTH {
        notes.extend(
            listings[side]
                .notes
                .iter()
                .map(|note| format!("{side}: {note}")),
        );
        if screened.tally[side].skipdata > 0 {
            notes.push(format!(
                "{side}: SKIPDATA rows stand for flows that AWS itself lost before delivery; nobody can tell how many"
            ));
        }
    }
    notes.extend(
        Side::BOTH
            .into_iter()
            .filter_map(|side| format_unlikely(check, screened, side)),
    );
    if explained.traffic.is_same() {
        notes.push(
            "packets and bytes add up to the same in every bucket that differs: the same traffic, told in other records \
             (do the flow logs have the same aggregation interval and traffic type?)"
                .to_owned(),
        );
    }
    notes.extend(explained.notes.iter().cloned());
    notes
}
