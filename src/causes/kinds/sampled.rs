//! Sampled: how many records a cause explains, where only a sample of them has been looked at. What else goes wrong lies in some
//! stretch of time, or concerns some sort of record: so each sort and stretch has a share of its own.

use std::collections::BTreeMap;

use super::shifted::{SortCounts, count};
use crate::causes::rows::DifferingCopy;
use crate::causes::scene::SceneCell;
use crate::causes::traits::Sort;
use crate::diff::DifferenceKind;
use crate::model::Side;

/// So many rows of the sample make a stretch of time.
const ROWS: u64 = 64;

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
            shares.share(&cell).of += records;
        }
        for (cell, records) in visited(explained) {
            shares.share(&cell).part += records;
        }
        shares
    }

    /// Returns how many of so many records of a cell are explained.
    pub(super) fn take(&mut self, cell: &SceneCell<'_>, left: u64) -> u64 {
        self.share(cell).take(left)
    }

    fn share(&mut self, cell: &SceneCell<'_>) -> &mut Share {
        let from = cell.from().unwrap_or(i64::MIN);
        let stretch = self.edges.partition_point(|edge| *edge <= from);
        let stratum = (cell.kind, cell.traits.sort, stretch);
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
        // Of what is not in the sample nothing is known.
        assert_eq!(taken(0, Sort::NoData), 0);
    }
}
