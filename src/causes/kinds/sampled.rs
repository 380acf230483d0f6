//! Sampled: how many records a cause explains, where only a sample of them has been looked at. What else goes wrong lies in some
//! stretch of time, or concerns some sort of record: so each sort and stretch has a share of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::shifted::{SortCounts, count};
use crate::causes::rows::DifferingCopy;
use crate::causes::scene::{Scene, SceneCell};
use crate::causes::traits::Sort;
use crate::diff::DifferenceKind;
use crate::model::{Side, Sides};

/// So many rows of the sample make a stretch of time.
const ROWS: u64 = 64;

/// All stretches together, for those of which the sample has no row.
const ANY: usize = usize::MAX;

/// What is told apart: what records were found to be, what they tell of, and the stretch in which they start.
type Stratum = (DifferenceKind, Sort, usize);

/// The shares that a cause has.
pub(super) struct SampledShares {
    /// The first second of each stretch but the first.
    edges: Vec<i64>,
    shares: BTreeMap<Stratum, Share>,
}

impl SampledShares {
    /// Takes the rows of a sample, and how many of them a cause explains.
    pub(super) fn of<'r>(
        rows: impl Iterator<Item = &'r DifferingCopy>,
        explained: &SortCounts,
    ) -> Self {
        let mut all = SortCounts::new();
        for row in rows {
            // A pair counts once.
            if row.kind != DifferenceKind::Divergent || row.side == Side::S3 {
                count(&mut all, row);
            }
        }
        let mut starts: BTreeMap<i64, u64> = BTreeMap::new();
        for (cell, records) in visited(&all) {
            *starts.entry(cell.from().unwrap_or(i64::MIN)).or_default() += records;
        }
        let mut edges = Vec::new();
        let mut since_edge = 0;
        for (start, records) in starts {
            if since_edge >= ROWS {
                edges.push(start);
                since_edge = 0;
            }
            since_edge += records;
        }
        let mut shares = Self {
            edges,
            shares: BTreeMap::new(),
        };
        for (cell, records) in visited(&all) {
            shares.of_cell(&cell).of += records;
            shares.of_sort(&cell).of += records;
        }
        for (cell, records) in visited(explained) {
            shares.of_cell(&cell).part += records;
            shares.of_sort(&cell).part += records;
        }
        shares
    }

    /// Gives sorts of which the sample has no row the share that all others have, of as many as are missing on both sides: each
    /// record that is explained has a counterpart.
    pub(super) fn with_unseen_sorts(mut self, scene: &Scene<'_>) -> Self {
        let of_sorts = self.shares.iter().filter(|((.., at), _)| *at == ANY);
        let seen: BTreeSet<Sort> = of_sorts.clone().map(|((_, sort, _), _)| *sort).collect();
        let (part, of) = of_sorts.fold((0, 0), |(part, of), (_, share)| {
            (part + share.part.min(share.of), of + share.of)
        });
        for sort in Sort::ALL.into_iter().filter(|sort| !seen.contains(sort)) {
            let missing = Sides::from_fn(|side| {
                scene.left(|cell| cell.is_missing_on(side) && cell.traits.sort == sort)
            });
            let pairs = missing.s3.min(missing.cwl);
            for side in Side::BOTH {
                let share = Share {
                    part: pairs.saturating_mul(part).checked_div(of).unwrap_or(0),
                    of: missing[side],
                    rest: 0,
                };
                let stratum = (DifferenceKind::Missing(side), sort, ANY);
                self.shares.insert(stratum, share);
            }
        }
        self
    }

    /// Returns how many of so many records of a cell are explained.
    pub(super) fn take(&mut self, cell: &SceneCell<'_>, left: u64) -> u64 {
        match self.of_cell(cell).of {
            0 => self.of_sort(cell).take(left),
            _ => self.of_cell(cell).take(left),
        }
    }

    fn of_cell(&mut self, cell: &SceneCell<'_>) -> &mut Share {
        let from = cell.from().unwrap_or(i64::MIN);
        let stretch = self.edges.partition_point(|edge| *edge <= from);
        let stratum = (cell.kind, cell.traits.sort, stretch);
        self.shares.entry(stratum).or_default()
    }

    fn of_sort(&mut self, cell: &SceneCell<'_>) -> &mut Share {
        let stratum = (cell.kind, cell.traits.sort, ANY);
        self.shares.entry(stratum).or_default()
    }
}

fn visited(counts: &SortCounts) -> impl Iterator<Item = (SceneCell<'_>, u64)> {
    counts.iter().map(|((bucket, kind, traits), records)| {
        let cell = SceneCell {
            bucket,
            kind: *kind,
            traits,
        };
        (cell, *records)
    })
}

/// A share of many small numbers: what is less than one of a number is not lost, but taken from a later one.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    part: u64,
    of: u64,
    rest: u64,
}

impl Share {
    fn take(&mut self, number: u64) -> u64 {
        // Whoever counts more than there is does not get more.
        let part = self.part.min(self.of);
        let due = self.rest.saturating_add(number.saturating_mul(part));
        let whole = due.checked_div(self.of).unwrap_or(0).min(number);
        self.rest = due.saturating_sub(whole.saturating_mul(self.of));
        whole
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::causes::traits::Traits;
    use crate::model::finding::Bucket;
    use crate::record::Record;

    #[test]
    fn a_share_of_small_numbers_is_that_of_their_sum() {
        let share = |part, of| Share { part, of, rest: 0 };
        let mut most = share(9, 10);
        let taken: u64 = (0..100).map(|_| most.take(1)).sum();
        assert_eq!(taken, 90);
        let mut all = share(10, 10);
        assert_eq!([3, 0, 1].map(|number| all.take(number)), [3, 0, 1]);
        assert_eq!(share(0, 0).take(7), 0);
    }

    fn row(slot: i64, minute: u8, sort: Sort) -> DifferingCopy {
        DifferingCopy {
            side: Side::S3,
            kind: DifferenceKind::Missing(Side::Cwl),
            bucket: Bucket {
                interface: Arc::from("eni-0a"),
                slot: Some(slot),
            },
            traits: Traits {
                sort,
                minute,
                ..Traits::default()
            },
            record: Record::new(Vec::new()),
            part: Arc::from("part"),
        }
    }

    #[test]
    fn each_stretch_and_sort_has_a_share_of_its_own() {
        // Of the first slot all is explained, of the second nothing; of what was rejected nothing anywhere.
        let mut rows = Vec::new();
        let mut explained = SortCounts::new();
        for (slot, sort) in [
            (0, Sort::Accept),
            (0, Sort::Reject),
            (300, Sort::Accept),
            (300, Sort::Reject),
        ] {
            for nth in 0..100_u8 {
                let row = row(slot, nth % 5, sort);
                if slot == 0 && sort == Sort::Accept {
                    count(&mut explained, &row);
                }
                rows.push(row);
            }
        }
        for slot in [0, 300] {
            let row = row(slot, 0, Sort::SkipData);
            if slot == 0 {
                count(&mut explained, &row);
            }
            rows.push(row);
        }
        let mut shares = SampledShares::of(rows.iter(), &explained);
        let mut taken = |slot, sort| {
            let row = row(slot, 2, sort);
            let cell = SceneCell {
                bucket: &row.bucket,
                kind: row.kind,
                traits: &row.traits,
            };
            shares.take(&cell, 1_000)
        };
        assert_eq!(taken(0, Sort::Accept), 1_000);
        assert_eq!(taken(0, Sort::Reject), 0);
        assert_eq!(taken(300, Sort::Accept), 0);
        // Of a stretch that is not in the sample what is known of all is taken; of a sort nothing is known.
        assert_eq!(taken(0, Sort::SkipData), 500);
        assert_eq!(taken(0, Sort::NoData), 0);
    }
}
