//! Digests against a check of both sides: however the records are split into parts and shards, and whichever side is a digest,
//! verdict and counts are the same.

mod command;
mod live;
mod looks;
mod nowhere;
mod receipts;

use std::sync::Arc;

use flowdiff::check::kept::{DigestSpec, SideSource, check_after, compare, digest};
use flowdiff::check::{self, Check};
use flowdiff::digest::file::SideDigest;
use flowdiff::digest::{Algorithm, Fingerprints};
use flowdiff::model::{Counts, Side, Sides};
use flowdiff::progress::{Mode, Progress};
use flowdiff::report::Report;
use flowdiff::source::Source;
use proptest::prelude::*;

use crate::model::{LONG_AGO, copies, record, split};
use crate::support::unless_long;

/// The key that everybody has.
fn check(now: i64) -> Check {
    Check {
        key: Fingerprints::seeded(0),
        ..crate::model::check(now, 1000, 64 << 20)
    }
}

fn spec(side: Side, differences: usize) -> DigestSpec {
    DigestSpec {
        side,
        algorithm: Algorithm::Xxh3,
        key: None,
        differences,
        store: "memory".to_owned(),
        is_pipe: false,
        flow_log_ids: std::collections::BTreeSet::new(),
        all_streams: false,
        sample: false,
    }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}

/// The records of a side, and how they are spread.
#[derive(Clone)]
struct Spread {
    lines: Vec<String>,
    seed: u64,
    events: bool,
    shards: usize,
}

impl Spread {
    fn source(&self) -> Arc<dyn Source> {
        Arc::new(split(self.lines.clone(), self.seed, self.events).source())
    }

    /// Digests each shard by itself, writes it down and reads it again, and adds them up in an order that the seed decides.
    fn digest(&self, check: &Check, side: Side, differences: usize) -> SideDigest {
        let mut shards = vec![Vec::new(); self.shards];
        for (number, line) in self.lines.iter().enumerate() {
            let shard = (number as u64).wrapping_mul(self.seed | 1) >> 7;
            shards[usize::try_from(shard).unwrap_or(0) % self.shards].push(line.clone());
        }
        let digests = shards.into_iter().enumerate().map(|(number, lines)| {
            let source = split(lines, self.seed, self.events).named(&format!("shard-{number}"));
            let progress = Progress::new(Mode::Silent);
            let spec = spec(side, differences);
            let made = wait(digest(check, &spec, Arc::new(source), &progress)).unwrap();
            let mut file = Vec::new();
            let made = SideDigest::new(made.about, made.sums);
            made.write(&mut file).unwrap();
            SideDigest::read(&file, None).unwrap()
        });
        let mut digests: Vec<SideDigest> = digests.collect();
        let middle = usize::try_from(self.seed % digests.len() as u64).unwrap();
        digests.rotate_left(middle);
        let mut all = digests.pop().unwrap();
        digests.into_iter().for_each(|one| all.merge(one).unwrap());
        all
    }
}

fn kept(digest: SideDigest) -> SideSource {
    SideSource::Digest(Box::new(digest), "a.digest".to_owned())
}

fn compared(check: &Check, s3: SideSource, cwl: SideSource) -> Report {
    let progress = Progress::new(Mode::Silent);
    wait(compare(check, Sides { s3, cwl }, &progress, None)).unwrap()
}

/// What is missing and what is surplus, together: which of the two a record of a flow is of which another is told otherwise
/// depends on values that sums do not have.
fn without_kinds(counts: &Counts) -> Counts {
    let mut counts = *counts;
    for side in Side::BOTH {
        counts.missing[side.other()] += counts.surplus[side];
        counts.surplus[side] = 0;
    }
    counts
}

/// What was recorded, and how many copies of it each side has.
type Recorded = (String, (usize, usize));

/// Spreads what a side has of it: by a seed, as events or not, over shards.
fn spread(
    records: &[Recorded],
    side: fn(&(usize, usize)) -> usize,
    (seed, events, shards): (u64, bool, usize),
) -> Spread {
    let each = records.iter();
    let each = each.flat_map(|(line, copies)| std::iter::repeat_n(line.clone(), side(copies)));
    Spread {
        lines: each.collect(),
        seed,
        events,
        shards,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(unless_long(40, 500)))]

    #[test]
    fn digests_tell_what_a_check_does(
        records in proptest::collection::vec((record(), copies()), 0..60),
        how in any::<((u64, bool), (u64, bool))>(),
        shards in (1..5usize, 1..5usize),
        now in prop_oneof![2 => Just(LONG_AGO), 1 => 1_700_000_700..1_700_002_500i64],
    ) {
        let check = check(now);
        let s3 = spread(&records, |copies| copies.0, (how.0.0, how.0.1, shards.0));
        let cwl = spread(&records, |copies| copies.1, (how.1.0, how.1.1, shards.1));
        let sources = Sides { s3: s3.source(), cwl: cwl.source() };
        let whole = wait(check::run(&check, &sources, &Progress::new(Mode::Silent), None)).unwrap();
        let (s3_digest, cwl_digest) = (s3.digest(&check, Side::S3, 1000), cwl.digest(&check, Side::Cwl, 1000));
        let reports = [
            compared(&check, kept(s3_digest.clone()), SideSource::Records(cwl.source())),
            compared(&check, SideSource::Records(s3.source()), kept(cwl_digest.clone())),
            compared(&check, kept(s3_digest), kept(cwl_digest)),
        ];
        for (number, report) in reports.iter().enumerate() {
            prop_assert_eq!(report.verdict, whole.verdict, "{}", number);
            prop_assert_eq!(without_kinds(&report.counts), without_kinds(&whole.counts), "{}", number);
            if number < 2 && whole.counts.divergent == 0 {
                prop_assert_eq!(report.counts, whole.counts, "{}", number);
            }
            for side in Side::BOTH {
                prop_assert_eq!(report.sides[side].records, whole.sides[side].records);
            }
        }
    }

    /// More differs than the sketch tells: each bucket's numbers are the least that must differ, and the verdict is the same.
    #[test]
    fn what_a_sketch_cannot_tell_is_told_by_bucket(
        records in proptest::collection::vec((record(), copies()), 40..90),
        seeds in any::<(u64, u64)>(),
    ) {
        let check = check(LONG_AGO);
        let s3 = spread(&records, |copies| copies.0, (seeds.0, false, 2));
        let cwl = spread(&records, |copies| copies.1, (seeds.1, true, 2));
        let sources = Sides { s3: s3.source(), cwl: cwl.source() };
        let whole = wait(check::run(&check, &sources, &Progress::new(Mode::Silent), None)).unwrap();
        let cwl_digest = cwl.digest(&check, Side::Cwl, 0);
        for report in [
            compared(&check, kept(s3.digest(&check, Side::S3, 0)), kept(cwl_digest.clone())),
            compared(&check, SideSource::Records(s3.source()), kept(cwl_digest)),
        ] {
            prop_assert_eq!(report.verdict, whole.verdict);
            let (least, all) = (without_kinds(&report.counts), without_kinds(&whole.counts));
            for side in Side::BOTH {
                prop_assert!(least.missing[side] <= all.missing[side] + all.divergent);
                let more = |counts: &Counts, side: Side| counts.missing[side].cast_signed() - counts.missing[side.other()].cast_signed();
                prop_assert_eq!(more(&least, side), more(&all, side));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::support::unless_long(40, 1_000)))]

    /// Where digests stand for the first look the report is that of a check, to the last word.
    #[test]
    fn a_first_look_elsewhere_is_a_first_look(
        records in proptest::collection::vec((record(), copies()), 0..60),
        how in any::<((u64, bool), (u64, bool))>(),
        now in prop_oneof![2 => Just(LONG_AGO), 1 => 1_700_000_700..1_700_002_500i64],
    ) {
        let check = check(now);
        let s3 = spread(&records, |copies| copies.0, (how.0.0, how.0.1, 1));
        let cwl = spread(&records, |copies| copies.1, (how.1.0, how.1.1, 1));
        let sources = Sides { s3: s3.source(), cwl: cwl.source() };
        let progress = Progress::new(Mode::Silent);
        let whole = wait(check::run(&check, &sources, &progress, None)).unwrap();
        let first = |side: Side| {
            let spec = DigestSpec { sample: true, ..spec(side, 1000) };
            let made = wait(digest(&check, &spec, Arc::clone(&sources[side]), &progress)).unwrap();
            let mut file = Vec::new();
            SideDigest::new(made.about, made.sums).write(&mut file).unwrap();
            SideDigest::read(&file, None).unwrap()
        };
        let first = Sides { s3: first(Side::S3), cwl: first(Side::Cwl) };
        let told = wait(check_after(&check, first, &sources, &progress, None)).unwrap();
        prop_assert_eq!(format!("{told:#?}"), format!("{whole:#?}"));
    }
}
