//! Findings beyond what a report can hold: summed up by interface.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::causes::{Share, Why};
use crate::diff::{DifferenceKind, heading};
use crate::model::finding::{Bucket, Finding};

/// More findings than this are summed up: the report of a run is bounded, whatever differs.
pub const MOST_FINDINGS: usize = 20_000;

/// Sums up the findings of the interfaces with the fewest differing records, kind by kind, until no more than `most` have a
/// slot of their own. The others have no slot, and stand last; all are in order otherwise. What is shown of them stays.
pub fn sum_up(findings: Vec<Finding>, why: &mut Why, most: usize) -> Vec<Finding> {
    if findings.len() <= most {
        return findings;
    }
    let mut of: HashMap<Arc<str>, (u64, usize)> = HashMap::new();
    for finding in &findings {
        let (records, slots) = of.entry_ref(&finding.bucket().interface).or_default();
        *records += finding.records();
        *slots += 1;
    }
    let mut ranked: Vec<(Arc<str>, (u64, usize))> = of.into_iter().collect();
    ranked.sort_by(|(a, (of_a, _)), (b, (of_b, _))| (Reverse(of_a), a).cmp(&(Reverse(of_b), b)));
    let mut room = most;
    // How many findings each has of its own: the last of them perhaps not all.
    let mut kept: HashMap<Arc<str>, usize> = HashMap::new();
    for (interface, (_, slots)) in ranked {
        if room == 0 {
            break;
        }
        kept.insert(interface, slots.min(room));
        room -= slots.min(room);
    }
    let is_kept = |finding: &Finding| {
        let left = kept.get_mut(&finding.bucket().interface);
        let left = left.filter(|left| **left > 0);
        left.map(|left| *left -= 1).is_some()
    };
    let (mut told, rest): (Vec<Finding>, Vec<Finding>) = findings.into_iter().partition(is_kept);
    let mut sums: BTreeMap<(Bucket, DifferenceKind), Finding> = BTreeMap::new();
    for mut finding in rest {
        let (place, _) = heading(&finding);
        let whole = Bucket {
            slot: None,
            ..place.0.clone()
        };
        let shares = why.shares.remove(&place).unwrap_or_default();
        add_shares(why, (whole.clone(), place.1), shares);
        match sums.get_mut(&(whole.clone(), place.1)) {
            Some(sum) => add(sum, finding),
            None => {
                let (Finding::Leftovers { bucket, .. } | Finding::Divergent { bucket, .. }) =
                    &mut finding;
                *bucket = whole.clone();
                sums.insert((whole, place.1), finding);
            }
        }
    }
    told.extend(sums.into_values());
    told
}

fn add(sum: &mut Finding, more: Finding) {
    match (sum, more) {
        (
            Finding::Leftovers {
                records, evidence, ..
            },
            Finding::Leftovers {
                records: others,
                evidence: shown,
                ..
            },
        ) => {
            *records += others;
            evidence.extend(shown);
        }
        (
            Finding::Divergent {
                records, evidence, ..
            },
            Finding::Divergent {
                records: others,
                evidence: shown,
                ..
            },
        ) => {
            *records += others;
            evidence.extend(shown);
        }
        _ => unreachable!("sums are of one kind"),
    }
}

fn add_shares(why: &mut Why, to: (Bucket, DifferenceKind), shares: Vec<Share>) {
    if shares.is_empty() {
        return;
    }
    let sum = why.shares.entry(to).or_default();
    for share in shares {
        match sum.iter_mut().find(|known| known.number == share.number) {
            Some(known) => known.records += share.records,
            None => sum.push(share),
        }
    }
    sum.sort_by_key(|share| (Reverse(share.records), share.number));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Side;
    use crate::model::finding::LeftoverKind;

    fn finding(interface: &str, slot: Option<i64>, records: u64) -> Finding {
        Finding::Leftovers {
            kind: LeftoverKind::Missing,
            side: Side::Cwl,
            bucket: Bucket {
                interface: interface.into(),
                slot,
            },
            records,
            evidence: Vec::new(),
        }
    }

    #[test]
    fn the_interfaces_that_differ_least_are_summed_up() {
        let all = vec![
            finding("eni-a", Some(0), 1),
            finding("eni-a", Some(300), 2),
            finding("eni-b", Some(0), 9),
            finding("eni-c", Some(0), 2),
            finding("eni-c", Some(600), 2),
        ];
        let place = |finding: &Finding| heading(finding).0;
        let mut why = Why::default();
        for (at, number, records) in [(0, 1, 1), (1, 1, 1), (1, 2, 1), (2, 1, 9)] {
            let shares = why.shares.entry(place(&all[at])).or_default();
            shares.push(Share { number, records });
        }
        assert_eq!(sum_up(all.clone(), &mut why.clone(), 5), all);
        let summed = sum_up(all, &mut why, 4);
        let expected = [
            finding("eni-a", Some(0), 1),
            finding("eni-b", Some(0), 9),
            finding("eni-c", Some(0), 2),
            finding("eni-c", Some(600), 2),
            finding("eni-a", None, 2),
        ];
        assert_eq!(summed, expected);
        let of_sum = why.shares(&place(&summed[4]).0, place(&summed[4]).1);
        let share = |number| Share { number, records: 1 };
        assert_eq!(of_sum, [share(1), share(2)]);
        assert_eq!(why.shares.len(), 3);
    }

    #[test]
    fn one_interface_with_too_many_slots_leaves_as_many_as_there_is_room_for() {
        let mut all: Vec<Finding> = (0..10)
            .map(|at| finding("eni-a", Some(at * 300), 5))
            .collect();
        all.push(finding("eni-b", Some(0), 1));
        let summed = sum_up(all.clone(), &mut Why::default(), 4);
        assert_eq!(summed[..4], all[..4]);
        assert_eq!(
            summed[4..],
            [finding("eni-a", None, 30), finding("eni-b", None, 1)]
        );
    }
}
