//! From files to the report: whatever two sides hold, the counts add up, what is the same differs in nothing, and the
//! same input gives the same report.
#![no_main]

use std::cell::LazyCell;

use bytes::Bytes;
use flowdiff::model::finding::ReadTrouble;
use flowdiff::model::{Side, Sides};
use flowdiff::report::{Report, Verdict};
use flowdiff_fuzz::memory::{Folder, everything, run};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static RUNTIME: LazyCell<Runtime> =
        LazyCell::new(|| Builder::new_current_thread().build().expect("a runtime"));
}

/// What parts are divided by, and whose the next one is.
const DIVIDER: &[u8] = b"\xff\xfe\xfd";

const NAMES: [&str; 4] = [
    "plain",
    "exports/task/eni-0aa-all/000000.gz",
    "111122223333_vpcflowlogs_eu-west-1_fl-0aa_20231114T2210Z_1a2b3c4d.log.gz",
    "a\n\u{1b}[2J",
];

fuzz_target!(|data: &[u8]| {
    let sides = sides(data);
    let check = everything();
    RUNTIME.with(|runtime| {
        let Ok(report) = run(runtime, &check, &sides) else {
            // The sides have no field in common.
            return;
        };
        adds_up(&report);
        // Of equal rows any may be shown as missing, so what is compared is what is counted.
        let again = run(runtime, &check, &sides).expect("what ran once runs again");
        assert_eq!(counted(&report), counted(&again));
        for side in Side::BOTH {
            let same = Sides {
                s3: sides[side].clone(),
                cwl: sides[side].clone(),
            };
            if let Ok(report) = run(runtime, &check, &same) {
                adds_up(&report);
                let differ = report.counts.divergent
                    + Side::BOTH
                        .map(|side| {
                            report.counts.missing[side]
                                + report.counts.surplus[side]
                                + report.counts.pending[side]
                                + report.counts.undetermined[side]
                        })
                        .iter()
                        .sum::<u64>();
                assert_eq!(differ, 0, "a side differs from itself: {:?}", report.counts);
                assert_ne!(report.verdict, Verdict::Different);
            }
        }
    });
});

/// Divides the input into parts, the first byte of each of which says whose it is and what it is called. Without a divider
/// (as in a file of `fixtures/formats`) it is what both sides hold.
fn sides(data: &[u8]) -> Sides<Folder> {
    let mut sides = Sides::<Folder>::default();
    if !data.windows(DIVIDER.len()).any(|window| window == DIVIDER) {
        let part = ("000".to_owned(), Bytes::copy_from_slice(data));
        return Sides::from_fn(|_| Folder(vec![part.clone()]));
    }
    let mut rest = data;
    let mut number = 0;
    while !rest.is_empty() {
        let end = rest
            .windows(DIVIDER.len())
            .position(|window| window == DIVIDER);
        let part = &rest[..end.unwrap_or(rest.len())];
        rest = end.map_or(&[][..], |end| &rest[end + DIVIDER.len()..]);
        let Some((&flags, content)) = part.split_first() else {
            continue;
        };
        let side = if flags & 1 == 0 { Side::S3 } else { Side::Cwl };
        let name = NAMES[usize::from(flags >> 1) % NAMES.len()];
        number += 1;
        let part = (
            format!("{number:03}/{name}"),
            Bytes::copy_from_slice(content),
        );
        sides[side].0.push(part);
    }
    sides
}

fn counted(report: &Report) -> impl PartialEq + std::fmt::Debug {
    let sides = Side::BOTH.map(|side| {
        let of = &report.sides[side];
        (
            of.parts,
            of.bytes,
            of.records,
            of.nodata,
            of.malformed,
            of.unreadable_parts,
        )
    });
    let kinds = report.findings.iter().map(std::mem::discriminant);
    let kinds: Vec<_> = kinds.collect();
    let told = report.troubles.iter().map(|trouble| match trouble {
        ReadTrouble::Unreadable { part, reason, .. } => format!("{part}: {reason}"),
        ReadTrouble::Malformed { place, reason, .. } => format!("{place:?}: {reason}"),
    });
    let told: Vec<String> = told.collect();
    (
        report.counts.clone(),
        sides,
        (kinds, told),
        report.fields.clone(),
        report.causes.clone(),
    )
}

fn adds_up(report: &Report) {
    let counts = &report.counts;
    for side in Side::BOTH {
        let lacking = side.other();
        let unmatched = counts.divergent
            + counts.surplus[side]
            + counts.missing[lacking]
            + counts.pending[lacking]
            + counts.undetermined[lacking];
        assert_eq!(
            counts.matched + unmatched,
            report.sides[side].records,
            "{side}: {counts:?}"
        );
    }
    let unsure = Side::BOTH
        .map(|side| report.sides[side].unreadable_parts + report.sides[side].malformed)
        .iter()
        .sum::<u64>();
    assert!(unsure == 0 || report.verdict != Verdict::Consistent);
}
