//! Matching on fewer fields: leftovers of unequal field sets that agree in all that both have.
//!
//! One record of a narrow layout may stand for any of several wide ones. So as many as possible are matched: first
//! those that share the most fields, then along augmenting paths (Kuhn, "The Hungarian Method for the assignment
//! problem", Naval Research Logistics Quarterly, 1955), so that no copy is called missing that another choice would have
//! matched.

use std::cmp::Reverse;

use hashbrown::HashMap;
use itertools::Itertools;

use super::pair::PairedText;
use super::sets::{FieldSets, projected};

/// Above this many leftovers of one flow on a side the choice of the first step stands.
const MOST_TO_IMPROVE: usize = 1 << 10;

/// Matches leftovers of one core, given in order. Returns the indexes of each match; each leftover is in one at most.
pub(super) fn matched(
    s3: &[PairedText<'_>],
    cwl: &[PairedText<'_>],
    sets: &FieldSets,
) -> Vec<(usize, usize)> {
    let numbers = |side: &[PairedText<'_>]| side.iter().map(|one| one.0).unique().collect_vec();
    let ways = numbers(s3).into_iter().cartesian_product(numbers(cwl));
    let most_shared = |&(a, b): &(usize, usize)| {
        let sets = (sets.get(a), sets.get(b));
        (
            Reverse(sets.0.shared(sets.1).len()),
            sets.0.clone(),
            sets.1.clone(),
        )
    };
    let ways = ways.filter(|&(a, b)| sets.joins(a, b));
    let ways = ways.sorted_by_cached_key(most_shared).collect_vec();
    let mut found = FewerMatching::of(s3.len(), cwl.len());
    for &(a, b) in &ways {
        found.take(s3, cwl, (a, b), sets);
    }
    let open = |partners: &[Option<usize>]| partners.iter().any(Option::is_none);
    let may_improve = ways.len() > 1 && open(&found.of_s3) && open(&found.of_cwl);
    if may_improve && s3.len().max(cwl.len()) <= MOST_TO_IMPROVE {
        found.improve(&candidates(s3, cwl, &ways, sets));
    }
    let pairs = found.of_s3.iter().enumerate();
    pairs.filter_map(|(a, b)| Some((a, (*b)?))).collect()
}

/// Who is matched with whom.
struct FewerMatching {
    of_s3: Vec<Option<usize>>,
    of_cwl: Vec<Option<usize>>,
}

impl FewerMatching {
    fn of(s3: usize, cwl: usize) -> Self {
        Self {
            of_s3: vec![None; s3],
            of_cwl: vec![None; cwl],
        }
    }

    fn join(&mut self, a: usize, b: usize) {
        self.of_s3[a] = Some(b);
        self.of_cwl[b] = Some(a);
    }

    /// Matches what is left of two sets, the first with the first.
    fn take(
        &mut self,
        s3: &[PairedText<'_>],
        cwl: &[PairedText<'_>],
        way: (usize, usize),
        sets: &FieldSets,
    ) {
        let mut open: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        for (index, one) in cwl.iter().enumerate().rev() {
            if one.0 == way.1 && self.of_cwl[index].is_none() {
                let shared = projected(one.1, sets.shared(way.0, way.1).iter().map(|s| s.there));
                open.entry(shared).or_default().push(index);
            }
        }
        for (index, one) in s3.iter().enumerate() {
            if one.0 != way.0 || self.of_s3[index].is_some() {
                continue;
            }
            let shared = projected(one.1, sets.shared(way.0, way.1).iter().map(|s| s.here));
            if let Some(partner) = open.get_mut(&shared).and_then(Vec::pop) {
                self.join(index, partner);
            }
        }
    }

    /// Makes room for those of S3 that have no partner, as long as others can be matched otherwise.
    fn improve(&mut self, candidates: &[Vec<usize>]) {
        for start in 0..candidates.len() {
            if self.of_s3[start].is_none() {
                let mut tried = vec![false; self.of_cwl.len()];
                self.find(start, candidates, &mut tried);
            }
        }
    }

    fn find(&mut self, a: usize, candidates: &[Vec<usize>], tried: &mut [bool]) -> bool {
        for &b in &candidates[a] {
            if tried[b] {
                continue;
            }
            tried[b] = true;
            let free = match self.of_cwl[b] {
                None => true,
                Some(other) => self.find(other, candidates, tried),
            };
            if free {
                self.join(a, b);
                return true;
            }
        }
        false
    }
}

/// Returns, for each of S3's, all that it may be matched with.
fn candidates(
    s3: &[PairedText<'_>],
    cwl: &[PairedText<'_>],
    ways: &[(usize, usize)],
    sets: &FieldSets,
) -> Vec<Vec<usize>> {
    let mut candidates = vec![Vec::new(); s3.len()];
    for &(a, b) in ways {
        let shared = sets.shared(a, b);
        let mut of_cwl: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        for (index, one) in cwl.iter().enumerate().filter(|(_, one)| one.0 == b) {
            let key = projected(one.1, shared.iter().map(|s| s.there));
            of_cwl.entry(key).or_default().push(index);
        }
        for (index, one) in s3.iter().enumerate().filter(|(_, one)| one.0 == a) {
            let key = projected(one.1, shared.iter().map(|s| s.here));
            candidates[index].extend(of_cwl.get(&key).into_iter().flatten());
        }
    }
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::sets::tests::sets;

    fn three() -> FieldSets {
        sets(&[
            &["srcaddr", "bytes", "start"],
            &["srcaddr", "start"],
            &["srcaddr", "packets", "start"],
        ])
    }

    #[test]
    fn what_both_have_must_be_equal() {
        let wide: PairedText<'_> = (0, b"10.0.0.1 84 7");
        for (other, matches) in [
            ((1, &b"10.0.0.1 7"[..]), 1),
            ((1, b"10.0.0.1 8"), 0),
            ((2, b"10.0.0.1 3 7"), 1),
            ((0, b"10.0.0.1 84 7"), 0),
        ] {
            assert_eq!(
                matched(&[wide], &[other], &three()).len(),
                matches,
                "{other:?}"
            );
            assert_eq!(
                matched(&[other], &[wide], &three()).len(),
                matches,
                "{other:?}"
            );
        }
    }

    #[test]
    fn copies_are_matched_one_by_one() {
        let (wide, narrow): (PairedText<'_>, PairedText<'_>) =
            ((0, b"10.0.0.1 84 7"), (1, b"10.0.0.1 7"));
        let found = matched(&[wide, wide, wide], &[narrow, narrow], &three());
        assert_eq!(found, [(0, 0), (1, 1)]);
    }

    /// The narrow one of S3 could take either; the first choice would leave the other one alone.
    #[test]
    fn as_many_are_matched_as_possible() {
        let sets = sets(&[
            &["srcaddr", "bytes", "start"],
            &["srcaddr", "bytes", "end", "start"],
            &["srcaddr", "packets", "bytes", "start"],
            &["srcaddr", "packets", "start"],
        ]);
        let text = |set: usize, packets: &str| {
            let value = |name: &str| match name {
                "srcaddr" => "10.0.0.1".to_owned(),
                "packets" => packets.to_owned(),
                _ => "7".to_owned(),
            };
            let fields = sets.get(set).fields.fields().iter();
            fields.map(|name| value(name.as_str())).join(" ")
        };
        let (any, one) = (text(0, ""), text(3, "5"));
        let (theirs, other) = (text(2, "5"), text(1, ""));
        let s3: [PairedText<'_>; 2] = [(0, any.as_bytes()), (3, one.as_bytes())];
        let cwl: [PairedText<'_>; 2] = [(2, theirs.as_bytes()), (1, other.as_bytes())];
        let found = matched(&s3, &cwl, &sets);
        assert_eq!(found, [(0, 1), (1, 0)]);
    }
}
