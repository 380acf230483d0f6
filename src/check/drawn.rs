//! What a report draws: the gaps, and what both sides held over time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::digest::{BucketId, Digest, Fingerprints};
use crate::model::finding::{Bucket, Finding, LeftoverKind};
use crate::model::window::SLOT;
use crate::model::{Side, Sides};
use crate::report::gap::Gap;
use crate::report::held::{HeldOverTime, MOST_COLUMNS, add, step};

/// The most cells of a map: about 6 MB.
const MOST_CELLS: usize = 60_000;

/// The longest quiet stretch within a gap, in slots: a day.
const MOST_QUIET: i64 = 288;

/// Returns the stretches of which one side has nothing at all. A bucket belongs to one if the first look found no copy of
/// it on that side, and all copies of the other side are missing; slots of which neither side has a record are passed over.
pub(super) fn gaps(findings: &[Finding], digests: &Sides<Digest>, key: &Fingerprints) -> Vec<Gap> {
    let copies = |bucket: &Bucket, side: Side| {
        let name = key.of_name(bucket.interface.as_bytes());
        let id = BucketId::new(name, bucket.slot);
        digests[side].ledger.sums(id).copies
    };
    let is_fine = |side: Side| digests[side].ledger.grain().is_fine();
    if !Side::BOTH.into_iter().all(is_fine) {
        return Vec::new();
    }
    let quiet = |bucket: &Bucket| Side::BOTH.into_iter().all(|side| copies(bucket, side) == 0);
    let mut gaps: Vec<Gap> = Vec::new();
    for lacking in Side::BOTH {
        // They are in order of interface and slot.
        for finding in findings {
            let Finding::Leftovers {
                kind: LeftoverKind::Missing,
                side,
                bucket,
                records,
                ..
            } = finding
            else {
                continue;
            };
            let Some(since) = bucket.slot.filter(|_| *side == lacking) else {
                continue;
            };
            if copies(bucket, lacking) > 0 || copies(bucket, lacking.other()) != *records {
                continue;
            }
            let until = since.saturating_add(SLOT);
            let goes_on = |last: &&mut Gap| {
                let slots = (since - last.until) / SLOT;
                let between = (0..slots).map(|number| Bucket {
                    interface: Arc::clone(&bucket.interface),
                    slot: Some(last.until + number * SLOT),
                });
                last.side == lacking
                    && last.interface == bucket.interface
                    && slots <= MOST_QUIET
                    && { between }.all(|bucket| quiet(&bucket))
            };
            match gaps.last_mut().filter(goes_on) {
                Some(last) => {
                    last.until = until;
                    last.records += records;
                }
                None => gaps.push(Gap {
                    side: lacking,
                    interface: Arc::clone(&bucket.interface),
                    since,
                    until,
                    records: *records,
                }),
            }
        }
    }
    gaps
}

/// Returns what both sides held by interface and time, the interfaces with most differences first where not all fit.
pub(super) fn held(findings: &[Finding], digests: &Sides<Digest>) -> HeldOverTime {
    let mut of: HashMap<Arc<str>, Rank> = HashMap::new();
    for finding in findings {
        let interface = Arc::clone(&finding.bucket().interface);
        of.entry(interface).or_default().differing += finding.records();
    }
    let (mut first, mut last) = (i64::MAX, i64::MIN);
    for (bucket, _, copies) in buckets(digests) {
        let Some(slot) = bucket.slot else { continue };
        (first, last) = (first.min(slot), last.max(slot));
        of.entry(bucket.interface).or_default().records += copies;
    }
    if first > last {
        return HeldOverTime::default();
    }
    let step = step(first, last, MOST_COLUMNS);
    let cell = |slot: i64| slot.div_euclid(step) * step;
    let interfaces = of.len() as u64;
    let mut ranked: Vec<_> = of.into_iter().collect();
    ranked.sort_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then_with(|| a.cmp(b)));
    let columns = usize::try_from(cell(last).abs_diff(cell(first)) / step.unsigned_abs());
    let rows = MOST_CELLS / (columns.unwrap_or(MOST_CELLS).saturating_add(1));
    ranked.truncate(rows.max(1));
    let drawn: HashMap<Arc<str>, Rank> = ranked.into_iter().collect();
    let mut held = HeldOverTime {
        step,
        interfaces,
        cells: BTreeMap::new(),
        over_time: BTreeMap::new(),
    };
    for (bucket, side, copies) in buckets(digests) {
        let Some(slot) = bucket.slot else { continue };
        let copies = match side {
            Side::S3 => Sides { s3: copies, cwl: 0 },
            Side::Cwl => Sides { s3: 0, cwl: copies },
        };
        add(held.over_time.entry(cell(slot)).or_default(), copies);
        if drawn.contains_key(&bucket.interface) {
            let at = (bucket.interface, cell(slot));
            add(held.cells.entry(at).or_default(), copies);
        }
    }
    held
}

/// How much there is to see of an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    differing: u64,
    records: u64,
}

/// Returns each bucket that a side has copies in; none if ledgers had to be coarser.
fn buckets(digests: &Sides<Digest>) -> impl Iterator<Item = (Bucket, Side, u64)> + '_ {
    Side::BOTH.into_iter().flat_map(|side| {
        let ledger = &digests[side].ledger;
        let ids = ledger.ids();
        ids.filter_map(move |id| Some((ledger.bucket(id)?, side, ledger.sums(id).copies)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::RecordPrint;

    const KEY: u64 = 3;

    /// Copies of an interface's slots: `(interface, slot, how many)`.
    fn digest(copies: &[(&str, i64, u64)]) -> Digest {
        let key = Fingerprints::seeded(KEY);
        let mut digest = Digest::for_differences(10, usize::MAX);
        for (interface, slot, copies) in copies {
            for number in 0..*copies {
                let text = format!("{interface} {slot} {number}");
                digest.add(&RecordPrint::new(
                    &key,
                    text.as_bytes(),
                    interface.as_bytes(),
                    Some(*slot),
                ));
            }
        }
        digest
    }

    fn missing(interface: &str, slot: i64, records: u64) -> Finding {
        Finding::Leftovers {
            kind: LeftoverKind::Missing,
            side: Side::Cwl,
            bucket: Bucket {
                interface: interface.into(),
                slot: Some(slot),
            },
            records,
            evidence: Vec::new(),
        }
    }

    #[test]
    fn a_gap_is_what_a_side_has_nothing_of() {
        let key = Fingerprints::seeded(KEY);
        // Of eni-0a cwl has nothing from 300 to 1800, while s3 is quiet in between; of eni-0b it has some.
        let digests = Sides {
            s3: digest(&[
                ("eni-0a", 0, 1),
                ("eni-0a", 300, 2),
                ("eni-0a", 1500, 3),
                ("eni-0b", 300, 2),
            ]),
            cwl: digest(&[("eni-0a", 0, 1), ("eni-0b", 300, 1)]),
        };
        let findings = [
            missing("eni-0a", 300, 2),
            missing("eni-0a", 1500, 3),
            missing("eni-0b", 300, 1),
        ];
        let expected = Gap {
            side: Side::Cwl,
            interface: "eni-0a".into(),
            since: 300,
            until: 1800,
            records: 5,
        };
        assert_eq!(gaps(&findings, &digests, &key), [expected]);
        // A record of both sides in between makes two of it.
        let digests = Sides {
            s3: digest(&[("eni-0a", 300, 2), ("eni-0a", 900, 1), ("eni-0a", 1500, 3)]),
            cwl: digest(&[("eni-0a", 900, 1)]),
        };
        assert_eq!(gaps(&findings[..2], &digests, &key).len(), 2);
        // Not all that s3 has is missing: some of it is pending, say.
        let some = [missing("eni-0a", 300, 1)];
        assert_eq!(gaps(&some, &digests, &key), []);
    }

    #[test]
    fn the_worst_interfaces_are_drawn() {
        let digests = Sides {
            s3: digest(&[("eni-0a", 0, 1), ("eni-0b", 300, 2)]),
            cwl: digest(&[("eni-0a", 0, 1)]),
        };
        let held = held(&[missing("eni-0b", 300, 2)], &digests);
        assert_eq!((held.step, held.interfaces), (SLOT, 2));
        assert_eq!(held.over_time[&0], Sides { s3: 1, cwl: 1 });
        assert_eq!(held.cells[&("eni-0b".into(), 300)], Sides { s3: 2, cwl: 0 });
        // So far apart that there is room for few.
        let names: Vec<String> = (0..300).map(|number| format!("eni-{number:03}")).collect();
        let far: Vec<(&str, i64, u64)> = names
            .iter()
            .flat_map(|name| (0..288).map(|slot| (&**name, slot * SLOT, 1)))
            .collect();
        let digests = Sides {
            s3: digest(&far),
            cwl: digest(&[]),
        };
        let held = super::held(&[missing("eni-299", 300, 1)], &digests);
        assert!(held.cells.len() <= MOST_CELLS && held.cells.len() > MOST_CELLS / 2);
        assert!(held.cells.contains_key(&("eni-299".into(), 300)));
        assert_eq!(held.interfaces, 300);
    }
}
