//! Aggregation: the same traffic summed up over other intervals. A record of the side with the longer interval has as many
//! packets and bytes as the other side's records of the same flow that begin within it.

use std::collections::BTreeMap;

use super::sampled::SampledShares;
use super::shifted::{SortCounts, count};
use super::words::records;
use crate::causes::explanation::Explanation;
use crate::causes::next::NextStep;
use crate::causes::rows::DifferingCopy;
use crate::causes::scene::{ENOUGH, Found, Scene};
use crate::diff::DifferenceKind;
use crate::model::{Side, Sides};

/// What a record tells of its traffic.
#[derive(Clone, Copy, Debug)]
struct Amount {
    start: i64,
    end: i64,
    packets: u64,
    bytes: u64,
}

impl Amount {
    fn of(row: &DifferingCopy) -> Option<Self> {
        let number = |name: &str| row.record.get(name)?.parse::<u64>().ok();
        let time = |name: &str| row.record.get(name)?.parse::<i64>().ok();
        Some(Self {
            start: time("start")?,
            end: time("end")?,
            packets: number("packets")?,
            bytes: number("bytes")?,
        })
    }
}

type Flow<'r> = Sides<Vec<(Amount, &'r DifferingCopy)>>;

pub(in crate::causes) fn find(scene: &mut Scene<'_>) {
    let mut flows: BTreeMap<u64, Flow<'_>> = BTreeMap::new();
    for (flow, row) in scene.noted.flows.all() {
        if let Some(amount) = Amount::of(row).filter(|_| is_meant(row)) {
            flows.entry(*flow).or_default()[row.side].push((amount, row));
        }
    }
    let mut longest = Sides::<i64>::default();
    for flow in flows.values_mut() {
        for (side, rows) in [(Side::S3, &mut flow.s3), (Side::Cwl, &mut flow.cwl)] {
            rows.sort_by_key(|(amount, row)| (amount.start, amount.end, row.part.clone()));
            let spans = rows.iter().map(|(amount, _)| amount.end - amount.start);
            longest[side] = longest[side].max(spans.max().unwrap_or(0));
        }
    }
    let coarse = match longest.s3.cmp(&longest.cwl) {
        std::cmp::Ordering::Greater => Side::S3,
        std::cmp::Ordering::Less => Side::Cwl,
        std::cmp::Ordering::Equal => {
            drop(flows);
            return by_sum(scene, &longest);
        }
    };
    let mut counted = SortCounts::new();
    let (mut explained, mut of, mut summed, mut short) = (0_u64, 0_u64, 0_u64, 0_u64);
    for flow in flows.values() {
        of += (flow.s3.len() + flow.cwl.len()) as u64;
        for (whole, row) in &flow[coarse] {
            let pieces: Vec<_> = flow[coarse.other()]
                .iter()
                .filter(|(piece, row)| {
                    // An extra copy is no part of the sum.
                    let is_extra = row.traits.twin > 0;
                    let within = piece.start >= whole.start && piece.start <= whole.end;
                    within && piece.end <= whole.end && !is_extra
                })
                .collect();
            let sum = |amount: fn(&Amount) -> u64| {
                let amounts = pieces.iter().map(|(piece, _)| amount(piece));
                amounts.fold(0, u64::wrapping_add)
            };
            let (packets, bytes) = (sum(|it| it.packets), sum(|it| it.bytes));
            let same = (packets, bytes) == (whole.packets, whole.bytes);
            // Where a piece is lost the others are still told by the sum, but prove nothing.
            let unread = matches!(row.kind, DifferenceKind::Undetermined(_));
            let most = packets <= whole.packets
                && bytes <= whole.bytes
                && (unread || pieces.len() > 2 && packets.saturating_mul(2) >= whole.packets);
            if pieces.is_empty() || !(same || most) {
                continue;
            }
            if same {
                summed += u64::from(pieces.len() > 1);
            } else if !unread {
                short += 1;
            }
            explained += 1 + pieces.len() as u64;
            // What is not read may be why it is alone, all the same.
            if !unread {
                count(&mut counted, row);
            }
            for (_, piece) in pieces {
                // A pair is counted with its record of the longer interval.
                if piece.kind != DifferenceKind::Divergent || row.kind != DifferenceKind::Divergent
                {
                    count(&mut counted, piece);
                }
            }
        }
    }
    if summed < ENOUGH || short > summed {
        drop(flows);
        return by_sum(scene, &longest);
    }
    let configured = scene
        .flow_logs
        .is_some_and(|logs| logs.s3.interval != logs.cwl.interval);
    let found = Found::new("aggregation", None)
        .certain(configured || explained * 100 >= of * 90)
        .with("s3", interval(longest.s3))
        .with("cwl", interval(longest.cwl));
    scene.summed_over = Some((coarse, interval(longest[coarse])));
    if scene.noted.flows.are_all() {
        scene.explain_counted(found, &counted);
    } else {
        let rows = scene.noted.flows.all().into_iter().map(|(_, row)| row);
        let mut shares = SampledShares::of(rows.filter(|row| is_meant(row)), &counted);
        scene.take(found, |cell, left| shares.take(cell, left));
    }
}

/// Tells whether a row may be a sum, or a piece of one.
fn is_meant(row: &DifferingCopy) -> bool {
    let lacking = row.side.other();
    let kinds = [
        DifferenceKind::Missing(lacking),
        DifferenceKind::Undetermined(lacking),
        DifferenceKind::Divergent,
    ];
    kinds.contains(&row.kind)
}

/// What differs is too little to tell flow by flow, but adds up to the same in every bucket.
fn by_sum(scene: &mut Scene<'_>, longest: &Sides<i64>) {
    // Of records of equal intervals the sums say nothing: any other field may be what differs.
    if scene.same_traffic && interval(longest.s3) != interval(longest.cwl) {
        let found = Found::new("aggregation", None)
            .with("s3", interval(longest.s3))
            .with("cwl", interval(longest.cwl));
        scene.explain(found, |cell| {
            matches!(
                cell.kind,
                DifferenceKind::Missing(_) | DifferenceKind::Divergent
            )
        });
    }
}

/// Returns the interval that a flow log has whose longest record took so many seconds.
fn interval(longest: i64) -> i64 {
    if longest > 60 { 600 } else { 60 }
}

pub(in crate::causes) fn text(of: &Explanation) -> String {
    format!(
        "the same traffic is summed up over other intervals, about {} s on s3 and {} s on cwl: the packets and bytes of {} add up to the same",
        of.number("s3").unwrap_or(0),
        of.number("cwl").unwrap_or(0),
        records(of)
    )
}

pub(in crate::causes) fn step(_: &Explanation) -> NextStep {
    NextStep::new("nothing is lost; flow logs of the same maximum aggregation interval can be compared: `doctor` says what is set")
        .command("doctor")
}
