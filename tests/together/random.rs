//! Random groups, windows and faults: by any way of reading the report is the same, and what was planted is found.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::{Outcome, begin, check, stores};
use crate::support::aws::{Call, Fault, Meddler, Speed, Stores};
use crate::support::records::{FlowRecord, generate};

/// So many groups, each read in three ways; `FLOWDIFF_TEST_GROUPS` makes it more.
const GROUPS: usize = 24;

/// A small generator of numbers (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014).
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }
}

struct Group {
    s3: Vec<FlowRecord>,
    cwl: Vec<FlowRecord>,
    lost: [usize; 2],
    speed: Speed,
    /// Of a hundred calls.
    faults: usize,
    seed: u64,
}

fn group(seed: u64) -> Group {
    let mut random = Random(seed);
    let interfaces = u32::try_from(1 + random.below(60)).unwrap();
    let count = u32::try_from(20 + random.below(2_000)).unwrap();
    let mut records = generate(count, interfaces, begin(), 3600);
    // Busy ones among quiet ones: half of the records go to few interfaces.
    let busy: Vec<String> = records
        .iter()
        .take(3)
        .map(|it| it.interface.clone())
        .collect();
    if random.below(2) == 0 {
        for record in records.iter_mut() {
            if random.below(2) == 0 {
                record.interface.clone_from(&busy[random.below(busy.len())]);
            }
        }
    }
    let mut lose = |records: &[FlowRecord]| {
        let count = random.below(4);
        let mut left = records.to_vec();
        for _ in 0..count {
            left.remove(random.below(left.len()));
        }
        (left, count)
    };
    let ((s3, lacks_s3), (cwl, lacks_cwl)) = (lose(&records), lose(&records));
    Group {
        s3,
        cwl,
        lost: [lacks_s3, lacks_cwl],
        speed: Speed {
            page: [None, Some(7), Some(30), Some(200)][random.below(4)],
            ..Speed::default()
        },
        faults: [0, 10, 30][random.below(3)],
        seed,
    }
}

/// What passes, at random: none of it may change what is said.
fn meddler(group: &Group) -> Meddler {
    let mut random = Random(group.seed ^ 0x5eed);
    let faults = group.faults;
    Box::new(move |call: &Call<'_>, _: &mut Stores| {
        let logs = ["FilterLogEvents", "GetLogEvents"].contains(&call.operation);
        if !logs || random.below(100) >= faults {
            return Fault::None;
        }
        let together = call.operation == "FilterLogEvents";
        match random.below(7) {
            0 => Fault::Refused(400, "ThrottlingException"),
            1 => Fault::Refused(500, "InternalFailure"),
            2 => Fault::EmptyPage,
            3 => Fault::Short,
            4 if together => Fault::SameToken,
            5 if together => Fault::Repeats,
            6 if call.continued && together => Fault::Refused(400, "InvalidParameterException"),
            _ => Fault::None,
        }
    })
}

fn read(group: &Group, way: &str) -> Outcome {
    let more = ["--cwl-rate", "2000", "--cwl-read", way];
    check(
        stores(&group.s3, &group.cwl),
        group.speed,
        meddler(group),
        &more,
    )
}

fn groups() -> usize {
    let asked = std::env::var("FLOWDIFF_TEST_GROUPS").ok();
    asked.map_or(GROUPS, |asked| asked.parse().unwrap())
}

#[test]
fn the_report_is_the_same_by_any_way_of_reading() {
    let next = AtomicUsize::new(0);
    let total = groups();
    let (mut filter, mut doubts) = (0, 0);
    std::thread::scope(|scope| {
        let work = || {
            let (mut filter, mut doubts) = (0, 0);
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= total {
                    return (filter, doubts);
                }
                let group = group(seed as u64);
                let [auto, together, by_stream] =
                    ["auto", "together", "by-stream"].map(|way| read(&group, way));
                filter += together.calls("FilterLogEvents");
                doubts += usize::from(together.notes().contains("stream by stream"));
                let expected = by_stream.comparable();
                assert_ne!(expected, Value::Null, "{}", by_stream.stderr);
                for outcome in [auto, together] {
                    assert_eq!(
                        outcome.comparable(),
                        expected,
                        "group {seed}: {}",
                        outcome.stderr
                    );
                    let counts = &outcome.report["counts"];
                    let count = |kind: &str, side: &str| counts[kind][side].as_u64().unwrap();
                    let lacking: u64 = [
                        ("missing", "s3"),
                        ("missing", "cwl"),
                        ("surplus", "s3"),
                        ("surplus", "cwl"),
                    ]
                    .map(|(kind, side)| count(kind, side))
                    .iter()
                    .sum();
                    let most = (group.lost[0] + group.lost[1]) as u64;
                    assert!(lacking <= most, "group {seed}");
                    assert_eq!(lacking == 0, same(&group), "group {seed}");
                }
            }
        };
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let (calls, doubtful) = worker.join().unwrap();
            filter += calls;
            doubts += doubtful;
        }
    });
    println!(
        "{total} groups, {filter} calls of FilterLogEvents, {doubts} read by stream in the end"
    );
    assert!(filter > total);
    // What passes is no reason to doubt, but for tokens that are refused again and again.
    assert!(doubts * 10 <= total, "{doubts} of {total}");
}

/// Whether both sides have the same records, told without flowdiff.
fn same(group: &Group) -> bool {
    let sorted = |records: &[FlowRecord]| {
        let mut lines: Vec<String> = records.iter().map(|it| format!("{it:?}")).collect();
        lines.sort();
        lines
    };
    sorted(&group.s3) == sorted(&group.cwl)
}
