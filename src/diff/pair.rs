//! Pairing: which leftovers of opposite sides are the same flow, told differently.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use itertools::Itertools;

use super::sets::{FieldSets, values};

/// Above this many combinations within one flow, leftovers are paired in order instead of best
/// first: there is no telling which belongs to which among so many.
const MOST_COMBINATIONS: usize = 1 << 16;

/// A leftover as pairing sees it: the number of its field set, and its canonical text.
pub(super) type PairedText<'a> = (usize, &'a [u8]);

/// Pairs leftovers that agree in all of the flow that their sets share, given in order: most equal fields first, then
/// the earlier ones. Returns the indexes of each pair. Each leftover is in one pair at most, and one side's are all in one
/// if they are of one set and flow.
pub(super) fn pair(
    s3: &[PairedText<'_>],
    cwl: &[PairedText<'_>],
    sets: &FieldSets,
) -> Vec<(usize, usize)> {
    if s3.len().saturating_mul(cwl.len()) > MOST_COMBINATIONS {
        return in_order(s3, cwl, sets);
    }
    let combinations = (0..s3.len()).cartesian_product(0..cwl.len());
    let alike = combinations.filter_map(|(a, b)| Some((alike(s3[a], cwl[b], sets)?, a, b)));
    let best_first = alike.sorted_by_key(|&(equal, a, b)| (Reverse(equal), a, b));
    let (mut s3_taken, mut cwl_taken) = (vec![false; s3.len()], vec![false; cwl.len()]);
    let mut pairs = Vec::new();
    for (_, a, b) in best_first {
        if !s3_taken[a] && !cwl_taken[b] {
            (s3_taken[a], cwl_taken[b]) = (true, true);
            pairs.push((a, b));
        }
    }
    pairs
}

/// Returns how many of the fields that both have are equal; `None` if they are not of one flow.
fn alike(s3: PairedText<'_>, cwl: PairedText<'_>, sets: &FieldSets) -> Option<usize> {
    if sets.shares_too_little(s3.0, cwl.0) {
        return None;
    }
    let (s3_values, cwl_values) = (values(s3.1).collect_vec(), values(cwl.1).collect_vec());
    let (mut equal, all) = (0, sets.shared(s3.0, cwl.0));
    for shared in all {
        match s3_values.get(shared.here) == cwl_values.get(shared.there) {
            true => equal += 1,
            false if shared.tells_flow => return None,
            false => {}
        }
    }
    // Those that differ in nothing are no divergent pair, but for two of one set, which are never equal here.
    (equal < all.len()).then_some(equal)
}

/// Pairs, of each set and flow, the first with the first.
fn in_order(
    s3: &[PairedText<'_>],
    cwl: &[PairedText<'_>],
    sets: &FieldSets,
) -> Vec<(usize, usize)> {
    let flow = |&(set, text): &PairedText<'_>| {
        let values = values(text).collect_vec();
        let flow = sets.get(set).flow();
        (
            set,
            flow.map(|(column, _)| values[column].to_vec())
                .collect_vec(),
        )
    };
    let mut of_flow: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, one) in cwl.iter().enumerate().rev() {
        of_flow.entry(flow(one)).or_default().push(index);
    }
    let partner = |(a, one)| Some((a, of_flow.get_mut(&flow(one))?.pop()?));
    s3.iter().enumerate().filter_map(partner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::sets::tests::sets;

    /// Texts of one set, whose fields tell no flow.
    fn told<'a>(texts: &[&'a str]) -> Vec<PairedText<'a>> {
        texts.iter().map(|text| (0, text.as_bytes())).collect()
    }

    #[test]
    fn most_equal_fields_first() {
        let sets = sets(&[&["account-id", "version", "bytes"]]);
        for (s3, cwl, expected) in [
            (vec!["a b c"], vec!["x x c", "a b x"], vec![(0, 1)]),
            (vec!["a b c", "a b x"], vec!["a b y"], vec![(0, 0)]),
            (
                vec!["a b c", "d e f"],
                vec!["d e g", "a b g"],
                vec![(0, 1), (1, 0)],
            ),
            (vec![], vec!["a b c"], vec![]),
        ] {
            assert_eq!(
                pair(&told(&s3), &told(&cwl), &sets),
                expected,
                "{s3:?} {cwl:?}"
            );
        }
    }

    /// Of 256 times 256 the most alike are looked for, of one more no longer.
    #[test]
    fn a_crowd_is_paired_in_order() {
        let sets = sets(&[&["version", "packets", "bytes"]]);
        let texts = |bytes: &str| (0..257).map(|n| format!("a {n} {bytes}")).collect_vec();
        let (s3, mut cwl) = (texts("x"), texts("y"));
        cwl.reverse();
        let [s3, cwl] = [&s3, &cwl].map(|texts| texts.iter().map(String::as_str).collect_vec());
        let (s3, cwl) = (told(&s3), told(&cwl));
        let packets = |one: PairedText<'_>| values(one.1).nth(1).map(<[u8]>::to_vec);
        let few = pair(&s3[..256], &cwl[1..], &sets);
        assert!(
            few.iter()
                .all(|&(a, b)| packets(s3[a]) == packets(cwl[1 + b]))
        );
        let many = pair(&s3, &cwl[1..], &sets);
        assert!(
            many.iter()
                .copied()
                .eq((0..256).map(|index| (index, index)))
        );
    }

    #[test]
    fn what_both_have_of_a_flow_must_be_equal_and_something_else_unequal() {
        let sets = sets(&[
            &["srcaddr", "dstaddr", "start", "bytes"],
            &["srcaddr", "start", "bytes"],
        ]);
        let s3: [PairedText<'_>; 1] = [(0, b"10.0.0.1 10.0.0.2 7 84")];
        for (cwl, pairs) in [
            ((1, &b"10.0.0.1 7 85"[..]), 1),
            ((1, b"10.0.0.1 7 84"), 0),
            ((1, b"10.0.0.1 8 85"), 0),
            ((1, b"10.0.0.9 7 85"), 0),
            ((0, b"10.0.0.1 10.0.0.9 7 85"), 0),
            ((0, b"10.0.0.1 10.0.0.2 7 85"), 1),
        ] {
            assert_eq!(pair(&s3, &[cwl], &sets).len(), pairs, "{cwl:?}");
        }
    }
}
