//! What malformed rows hide: each may stand for as many lacking copies as fit into it, of those that it may be at all.
//!
//! Which row stands for which copy is not known. But at most so many copies can be hidden as a maximum flow from rows to
//! buckets has units (Ford and Fulkerson, "Maximal Flow through a Network", Canadian Journal of Mathematics, 1956); all
//! others are certainly not there.

use std::collections::{BTreeMap, VecDeque};

use crate::model::Cover;
use crate::model::finding::Bucket;

/// More kinds of rows than this are taken together: what is known of each is forgotten.
const MOST_COVERS: usize = 1 << 10;

/// More combinations of rows and buckets than this are not looked at one by one.
const MOST_COMBINATIONS: usize = 1 << 20;

/// The malformed rows of a side: how many records they may stand for, by what is known of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stands {
    by_cover: BTreeMap<Cover, u64>,
}

impl Stands {
    /// Adds a row that may stand for so many records of a cover.
    pub fn add(&mut self, cover: Cover, records: u64) {
        let known = self.by_cover.len() < MOST_COVERS || self.by_cover.contains_key(&cover);
        let cover = if known { cover } else { Cover::default() };
        let sum = self.by_cover.entry(cover).or_default();
        *sum = sum.saturating_add(records);
    }

    /// Adds up other rows.
    pub fn merge(&mut self, other: Self) {
        for (cover, records) in other.by_cover {
            self.add(cover, records);
        }
    }

    /// Tells whether there is no row.
    pub fn is_none(&self) -> bool {
        self.by_cover.is_empty()
    }

    /// Returns how many of the copies that buckets lack are hidden at most, all in all, and in which buckets they are taken
    /// to be: in the first ones that will do.
    pub(super) fn hides(&self, lacking: &[(&Bucket, u64)]) -> Vec<u64> {
        let all = self
            .by_cover
            .values()
            .fold(0u64, |a, b| a.saturating_add(*b));
        let few = self.by_cover.len().saturating_mul(lacking.len()) <= MOST_COMBINATIONS;
        let mut covers: Vec<(Cover, u64)> = match few {
            true => self.by_cover.clone().into_iter().collect(),
            // Too much may be called hidden by that, never too little.
            false => vec![(Cover::default(), all)],
        };
        // Narrow ones first: what they can hide is left to nobody else.
        covers.sort_by_cached_key(|(cover, _)| (cover.interface.is_none(), length(cover)));
        let mut flow = Flow {
            left: covers.iter().map(|(_, records)| *records).collect(),
            open: lacking.iter().map(|(_, copies)| *copies).collect(),
            taken: vec![BTreeMap::new(); lacking.len()],
            may: &|cover, bucket| {
                let bucket = lacking[bucket].0;
                covers[cover].0.may_hold(&bucket.interface, bucket.slot)
            },
        };
        for cover in 0..covers.len() {
            while flow.augment(cover) {}
        }
        let taken = flow.taken.iter().map(|by| by.values().sum());
        taken.collect()
    }
}

/// How many seconds a cover covers.
fn length(cover: &Cover) -> i64 {
    let (start, end) = (cover.starts.start, cover.starts.end);
    let seconds = end.zip(start).map(|(end, start)| end.saturating_sub(start));
    seconds.unwrap_or(i64::MAX)
}

/// The flow so far, by the numbers of covers and buckets.
struct Flow<'a> {
    /// What each cover may still stand for.
    left: Vec<u64>,
    /// What each bucket lacks that nobody stands for.
    open: Vec<u64>,
    /// Who stands for what of each bucket.
    taken: Vec<BTreeMap<usize, u64>>,
    may: &'a dyn Fn(usize, usize) -> bool,
}

impl Flow<'_> {
    /// Lets a cover stand for more, if need be by having others stand for something else. False if it cannot.
    fn augment(&mut self, from: usize) -> bool {
        if self.left[from] == 0 {
            return false;
        }
        // For each bucket reached, the cover that reached it; for each cover, the bucket.
        let mut by_cover: BTreeMap<usize, usize> = BTreeMap::new();
        let mut by_bucket: BTreeMap<usize, usize> = BTreeMap::new();
        let mut queue = VecDeque::from([from]);
        while let Some(cover) = queue.pop_front() {
            for bucket in 0..self.open.len() {
                if by_cover.contains_key(&bucket) || !(self.may)(cover, bucket) {
                    continue;
                }
                by_cover.insert(bucket, cover);
                if self.open[bucket] > 0 {
                    self.push(from, bucket, &by_cover, &by_bucket);
                    return true;
                }
                for &other in self.taken[bucket].keys() {
                    if other != from && !by_bucket.contains_key(&other) {
                        by_bucket.insert(other, bucket);
                        queue.push_back(other);
                    }
                }
            }
        }
        false
    }

    /// Moves as much as fits along the path that ends in a bucket.
    fn push(
        &mut self,
        from: usize,
        end: usize,
        by_cover: &BTreeMap<usize, usize>,
        by_bucket: &BTreeMap<usize, usize>,
    ) {
        let mut steps = Vec::new();
        let mut bucket = end;
        loop {
            let cover = by_cover[&bucket];
            let before = (cover != from).then(|| by_bucket[&cover]);
            steps.push((cover, bucket, before));
            match before {
                Some(before) => bucket = before,
                None => break,
            }
        }
        let mut amount = self.left[from].min(self.open[end]);
        for &(cover, _, before) in &steps {
            if let Some(before) = before {
                amount = amount.min(self.taken[before][&cover]);
            }
        }
        for (cover, bucket, before) in steps {
            *self.taken[bucket].entry(cover).or_default() += amount;
            if let Some(before) = before {
                let taken = self.taken[before].entry(cover).or_default();
                *taken -= amount;
                if *taken == 0 {
                    self.taken[before].remove(&cover);
                }
            }
        }
        self.left[from] -= amount;
        self.open[end] -= amount;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::window::Window;

    fn bucket(interface: usize, slot: i64) -> Bucket {
        Bucket {
            interface: format!("eni-{interface}").into(),
            slot: Some(slot * 300),
        }
    }

    fn cover(interface: Option<usize>, slot: Option<i64>) -> Cover {
        Cover {
            interface: interface.map(|interface| format!("eni-{interface}")),
            starts: slot.map_or(Window::ALL, |slot| Window::of_slot(slot * 300)),
        }
    }

    fn hidden(rows: &[(Cover, u64)], lacking: &[(Bucket, u64)]) -> Vec<u64> {
        let mut stands = Stands::default();
        for (cover, records) in rows {
            stands.add(cover.clone(), *records);
        }
        let lacking: Vec<_> = lacking.iter().map(|(bucket, n)| (bucket, *n)).collect();
        stands.hides(&lacking)
    }

    #[test]
    fn rows_hide_no_more_than_fits_into_them() {
        let lacking = [(bucket(1, 0), 3), (bucket(2, 0), 3)];
        for (rows, expected) in [
            (vec![(cover(None, None), 2)], vec![2, 0]),
            (vec![(cover(None, None), 9)], vec![3, 3]),
            (vec![(cover(Some(2), None), 9)], vec![0, 3]),
            (vec![(cover(Some(3), None), 9)], vec![0, 0]),
            (vec![(cover(None, Some(1)), 9)], vec![0, 0]),
            (
                vec![(cover(Some(1), Some(0)), 1), (cover(None, None), 1)],
                vec![2, 0],
            ),
            (vec![], vec![0, 0]),
        ] {
            assert_eq!(hidden(&rows, &lacking), expected, "{rows:?}");
        }
    }

    /// The row of any interface takes the first bucket first, and must leave it to the one that fits nowhere else.
    #[test]
    fn others_make_room() {
        let lacking = [(bucket(1, 0), 1), (bucket(2, 1), 1)];
        let rows = [
            (cover(None, Some(0)), 1),
            (cover(Some(1), None), 1),
            (cover(Some(2), None), 1),
        ];
        assert_eq!(hidden(&rows, &lacking), [1, 1]);
        let lacking = [(bucket(1, 0), 1), (bucket(1, 1), 1)];
        let rows = [(cover(Some(1), None), 1), (cover(None, Some(0)), 1)];
        assert_eq!(hidden(&rows, &lacking), [1, 1]);
    }

    proptest! {
        /// Beside the naive way: the best of all assignments of rows, one by one.
        #[test]
        fn as_many_are_hidden_as_can_be(
            rows in prop::collection::vec((prop::option::of(0usize..2), prop::option::of(0i64..2), 1u64..3), 0..4),
            lacking in prop::collection::vec(0u64..3, 4),
        ) {
            let buckets: Vec<_> = (0..4).map(|n| bucket(n / 2, (n % 2).try_into().unwrap())).zip(lacking).collect();
            let rows: Vec<_> = rows.into_iter().map(|(interface, slot, records)| (cover(interface, slot), records)).collect();
            let units: Vec<&Cover> = rows.iter().flat_map(|(cover, n)| (0..*n).map(move |_| cover)).collect();
            let mut open: Vec<u64> = buckets.iter().map(|(_, n)| *n).collect();
            let best = best(&units, &buckets, &mut open);
            let hidden = hidden(&rows, &buckets);
            prop_assert_eq!(hidden.iter().sum::<u64>(), best);
            prop_assert!(hidden.iter().zip(&buckets).all(|(hidden, (_, lacking))| hidden <= lacking));
        }
    }

    fn best(units: &[&Cover], buckets: &[(Bucket, u64)], open: &mut [u64]) -> u64 {
        let Some((first, rest)) = units.split_first() else {
            return 0;
        };
        let mut most = best(rest, buckets, open);
        for at in 0..buckets.len() {
            let bucket = &buckets[at].0;
            if open[at] > 0 && first.may_hold(&bucket.interface, bucket.slot) {
                open[at] -= 1;
                most = most.max(1 + best(rest, buckets, open));
                open[at] += 1;
            }
        }
        most
    }
}
