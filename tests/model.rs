//! The engine against a naive model: whatever is damaged on whichever side, however the records are split into
//! parts and pages, and in whatever order, counts and leftovers are those of two counted multisets.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use flowdiff::check::{self, Check, Others, Recheck, Selection};
use flowdiff::decode::{Event, Format};
use flowdiff::digest::Fingerprints;
use flowdiff::model::finding::{Finding, LeftoverKind};
use flowdiff::model::window::{Settle, Window};
use flowdiff::model::{Side, Sides};
use flowdiff::progress::{Mode, Progress};
use flowdiff::report::{Report, Verdict};
use flowdiff::source::Source;
use flowdiff::source::memory::{HeldPart, Memory, MemoryPart};
use proptest::prelude::*;

use crate::support::unless_long;

/// What a source holds: each part is a list of pages of lines.
pub(crate) struct Lines {
    pub(crate) parts: Vec<Vec<Vec<String>>>,
    pub(crate) events: bool,
}

impl Lines {
    pub(crate) fn source(self) -> Memory {
        self.named("part")
    }

    /// The same, whose parts have names that begin like this.
    pub(crate) fn named(self, name: &str) -> Memory {
        let event = |message: String| Event {
            timestamp: 0,
            message,
            ingested: None,
        };
        let held = |pages: Vec<Vec<String>>| match self.events {
            true => {
                let pages = pages.into_iter();
                let pages = pages.map(|page| page.into_iter().map(event).collect());
                MemoryPart::Pages(pages.collect())
            }
            false => MemoryPart::Bytes(Bytes::from(pages.concat().join("\n"))),
        };
        let parts = self.parts.into_iter().enumerate();
        let parts =
            parts.map(|(number, pages)| HeldPart::new(&format!("{name}-{number:03}"), held(pages)));
        Memory::new(parts.collect())
    }
}

/// Few values, so that copies, flows with several records and shared buckets are common.
pub(crate) fn record() -> impl Strategy<Value = String> {
    let parts = (
        0..3u8,
        0..2u8,
        0..6i64,
        0..3u8,
        prop_oneof![9 => Just("OK"), 1 => Just("NODATA")],
    );
    parts.prop_map(|(eni, host, when, bytes, status)| {
        let start = 1_700_000_000 + when * 149;
        let end = start + 60;
        if status == "NODATA" {
            return format!("2 123456789010 eni-0a{eni} - - - - - - - {start} {end} - NODATA");
        }
        let bytes = 84 * (u32::from(bytes) + 1);
        format!("2 123456789010 eni-0a{eni} 10.0.0.{host} 10.0.1.9 0 0 1 2 {bytes} {start} {end} ACCEPT OK")
    })
}

/// What happens to one record between the subnet and the two destinations: copies on either side.
pub(crate) fn copies() -> impl Strategy<Value = (usize, usize)> {
    prop_oneof![8 => Just((1, 1)), 1 => Just((1, 0)), 1 => Just((0, 1)), 1 => Just((2, 1)), 1 => Just((1, 3)), 1 => Just((2, 2))]
}

/// Splits lines into parts and pages at places that a seed decides, after shuffling them.
pub(crate) fn split(mut lines: Vec<String>, mut seed: u64, events: bool) -> Lines {
    let mut next = |below: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).expect("31 bits") % below.max(1)
    };
    for index in (1..lines.len()).rev() {
        lines.swap(index, next(index + 1));
    }
    let mut parts = vec![vec![Vec::new()]; 1 + next(5)];
    for line in lines {
        let part = next(parts.len());
        // A text part is one content; only log streams come in pages.
        if events && next(4) == 0 {
            parts[part].push(Vec::new());
        }
        let page = parts[part].last_mut().expect("each part has a page");
        page.push(line);
    }
    Lines { parts, events }
}

pub(crate) fn check(now: i64, max_evidence: usize, memory: u64) -> Check {
    let format = Format::not_given();
    Check {
        recheck: Recheck::default(),
        window: Window::ALL,
        settle: Settle { now, seconds: 900 },
        fields: Selection::default(),
        interfaces: Vec::new(),
        ignore_nodata: false,
        counted: None,
        allow_empty: true,
        formats: Sides {
            s3: format.clone(),
            cwl: format,
        },
        by_hour: false,
        others: Others::default(),
        drawn: false,
        formed: false,
        flow_logs: None,
        max_evidence,
        all_differences: None,
        concurrency: 4,
        memory,
        key: Fingerprints::random(),
    }
}

pub(crate) fn run(check: &Check, s3: Lines, cwl: Lines) -> Report {
    let sources: Sides<Arc<dyn Source>> = Sides {
        s3: Arc::new(s3.source()),
        cwl: Arc::new(cwl.source()),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let progress = Progress::new(Mode::Silent);
    let mut report = runtime
        .block_on(check::run(check, &sources, &progress, None))
        .expect("the check runs");
    // What a map is drawn from is known as far as memory allows.
    report.held = Default::default();
    report
}

/// The flow of a line: interface, addresses, ports, protocol and start.
fn flow(line: &str) -> Vec<&str> {
    let values: Vec<&str> = line.split(' ').collect();
    [2, 3, 4, 5, 6, 7, 10].map(|column| values[column]).to_vec()
}

/// Leftovers by counting: a line, and how many copies S3 has more.
pub(crate) fn leftovers(s3: &[String], cwl: &[String]) -> BTreeMap<String, i64> {
    let mut net: BTreeMap<String, i64> = BTreeMap::new();
    s3.iter()
        .for_each(|line| *net.entry(line.clone()).or_default() += 1);
    cwl.iter()
        .for_each(|line| *net.entry(line.clone()).or_default() -= 1);
    net.retain(|_, copies| *copies != 0);
    net
}

/// Tells whether a side has a record more than once that the other lacks. In a bucket that one side lacks altogether records are
/// counted where memory is little, so that nobody sees of such a one that it was delivered twice.
fn stand_alone_and_twice(s3: &[String], cwl: &[String]) -> bool {
    let lacks = |side: &[String], line: &String| !side.contains(line);
    leftovers(s3, cwl)
        .iter()
        .any(|(line, copies)| copies.unsigned_abs() > 1 && (lacks(s3, line) || lacks(cwl, line)))
}

/// Leftovers as the report shows them: each copy of evidence, S3's as +1 and CloudWatch's as -1.
fn shown(report: &Report) -> BTreeMap<String, i64> {
    let mut net: BTreeMap<String, i64> = BTreeMap::new();
    let mut add = |line: String, copies: i64| *net.entry(line).or_default() += copies;
    assert_eq!(report.troubles, [], "nothing is broken");
    for finding in &report.findings {
        match finding {
            Finding::Leftovers {
                kind,
                side,
                evidence,
                ..
            } => {
                let owner = if *kind == LeftoverKind::Surplus {
                    *side
                } else {
                    side.other()
                };
                let sign = if owner == Side::S3 { 1 } else { -1 };
                evidence
                    .iter()
                    .for_each(|one| add(one.record.to_string(), sign));
            }
            Finding::Divergent { evidence, .. } => {
                for pair in evidence {
                    add(pair.s3.record.to_string(), 1);
                    add(pair.cwl.record.to_string(), -1);
                }
            }
        }
    }
    net
}

fn assert_is_the_model(report: &Report, s3: &[String], cwl: &[String]) {
    let net = leftovers(s3, cwl);
    let total = |sign: i64| {
        net.values()
            .map(|copies| (copies * sign).max(0))
            .sum::<i64>()
            .cast_unsigned()
    };
    let mut flows: BTreeMap<Vec<&str>, (u64, u64)> = BTreeMap::new();
    for (line, copies) in &net {
        let (more, less) = flows.entry(flow(line)).or_default();
        *more += copies.max(&0).cast_unsigned();
        *less += (-copies).max(0).cast_unsigned();
    }
    let divergent: u64 = flows.values().map(|(more, less)| more.min(less)).sum();
    let counts = &report.counts;
    assert_eq!(counts.divergent, divergent);
    assert_eq!(
        counts.missing.cwl + counts.surplus.s3,
        total(1) - divergent,
        "{counts:?}"
    );
    assert_eq!(
        counts.missing.s3 + counts.surplus.cwl,
        total(-1) - divergent,
        "{counts:?}"
    );
    assert_eq!(counts.matched, s3.len() as u64 - total(1));
    assert_eq!(report.sides.s3.records, s3.len() as u64);
    assert_eq!(report.sides.cwl.records, cwl.len() as u64);
    assert_eq!(
        report.verdict,
        if net.is_empty() {
            Verdict::Consistent
        } else {
            Verdict::Different
        }
    );
}

pub(crate) const LONG_AGO: i64 = 2_000_000_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(unless_long(60, 1000)))]

    #[test]
    fn counts_and_leftovers_are_the_models(
        records in proptest::collection::vec((record(), copies()), 0..60),
        seeds in any::<(u64, u64)>(),
        events in any::<(bool, bool)>(),
    ) {
        let side = |pick: fn(&(usize, usize)) -> usize| -> Vec<String> {
            let each = records.iter().flat_map(|(line, copies)| std::iter::repeat_n(line.clone(), pick(copies)));
            each.collect()
        };
        let (s3, cwl) = (side(|copies| copies.0), side(|copies| copies.1));
        let one = run(&check(LONG_AGO, 1000, 64 << 20), split(s3.clone(), seeds.0, events.0), split(cwl.clone(), seeds.1, events.1));
        assert_is_the_model(&one, &s3, &cwl);
        prop_assert_eq!(shown(&one), leftovers(&s3, &cwl));
        // Another key, the same parts: the same report to the last byte of evidence. Also with so little memory that
        // the sketch tells nothing, buckets have no line of their own and every copy goes through the disk.
        for memory in [64 << 20, 4096] {
            let stand_alone = stand_alone_and_twice(&s3, &cwl);
            let (s3, cwl) = (split(s3.clone(), seeds.0, events.0), split(cwl.clone(), seeds.1, events.1));
            let mut again = run(&check(LONG_AGO, 1000, memory), s3, cwl);
            if memory == 4096 && stand_alone {
                (again.why, again.next) = (one.why.clone(), one.next.clone());
            }
            prop_assert_eq!(&one, &again, "{}", memory);
        }
    }

    #[test]
    fn young_leftovers_are_pending(records in proptest::collection::vec((record(), copies()), 1..40)) {
        let side = |pick: fn(&(usize, usize)) -> usize| -> Vec<String> {
            let each = records.iter().flat_map(|(line, copies)| std::iter::repeat_n(line.clone(), pick(copies)));
            each.collect()
        };
        let (s3, cwl) = (side(|copies| copies.0), side(|copies| copies.1));
        let net = leftovers(&s3, &cwl);
        let report = run(&check(1_700_000_000, 1000, 64 << 20), split(s3, 1, false), split(cwl, 2, true));
        let counts = &report.counts;
        prop_assert_eq!(counts.divergent + counts.missing.s3 + counts.missing.cwl + counts.surplus.s3 + counts.surplus.cwl, 0);
        prop_assert_eq!(counts.pending.cwl, net.values().map(|copies| (*copies).max(0).cast_unsigned()).sum::<u64>());
        prop_assert_eq!(report.verdict, if net.is_empty() { Verdict::Consistent } else { Verdict::Unknown });
    }
}

/// A line that is unlike any other.
fn numbered(number: usize, eni: usize, bytes: usize) -> String {
    let start = 1_700_000_000 + number % 3600;
    format!(
        "2 123456789010 eni-0a{eni} 10.0.0.1 10.0.1.9 {} 443 6 2 {bytes} {start} {} ACCEPT OK",
        number % 60_000,
        start + 60
    )
}

/// More differences than the first sketch tells: whole interfaces gone, and records changed everywhere else.
#[test]
fn many_differences_are_counted_exactly() {
    let mut s3: Vec<String> = (0..unless_long(12_000, 40_000))
        .map(|number| numbered(number, number % 5, 84))
        .collect();
    let mut cwl = s3.clone();
    cwl.retain(|line| !line.contains("eni-0a4"));
    s3.retain(|line| !line.contains("eni-0a3"));
    for (number, line) in cwl
        .iter_mut()
        .enumerate()
        .filter(|(number, _)| number % 3 == 0)
    {
        *line = numbered(number, number % 3, 99);
    }
    let report = run(
        &check(LONG_AGO, 50, 64 << 20),
        split(s3.clone(), 3, false),
        split(cwl.clone(), 4, true),
    );
    assert_is_the_model(&report, &s3, &cwl);
    assert!(report.evidence_capped);
    // Then a larger sketch told which were wanted. With more memory all copies are held, with little they go
    // through the disk; with the least, buckets have no line of their own.
    for memory in [4 << 30, 1 << 20, 64 << 10] {
        let (s3, cwl) = (split(s3.clone(), 3, false), split(cwl.clone(), 4, true));
        let again = run(&check(LONG_AGO, 50, memory), s3, cwl);
        assert_eq!(
            report, again,
            "the memory bound ({memory}) decides nothing but the way"
        );
    }
}
