//! The sketch: which records two sides do not share, in memory that depends on the number of
//! differences and not on the number of records.
//!
//! An invertible Bloom lookup table (Goodrich and Mitzenmacher, "Invertible Bloom Lookup Tables", 2011) used
//! for set reconciliation as in Eppstein, Goodrich, Uyeda and Varghese, "What's the Difference?
//! Efficient Set Reconciliation without Prior Context", SIGCOMM 2011, but with sums where they have
//! xor: xor would cancel a record that stands twice, sums keep how many copies there are.

mod cell;

use std::ops::{AddAssign, SubAssign};

use itertools::Itertools;

use cell::{SketchCell, bucket, fingerprint};

use super::bucket::BucketId;

/// Every element is added to one cell of each table.
const TABLES: usize = 3;

/// Cells per difference for which peeling succeeds almost surely with three tables: the threshold is 1.222
/// (Goodrich and Mitzenmacher, table 1); small sketches need a margin.
const CELLS_PER_DIFFERENCE: f64 = 1.5;

/// How many words of 32 bits an element has at least: four of its fingerprint, two of its bucket. Behind them stands what
/// else is to be known of it, which its fingerprint must decide.
pub(super) const WORDS: usize = 6;

/// What two sides do not share: a record's fingerprint, its bucket, and by how many copies the one
/// side exceeds the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NetDifference {
    /// The record's fingerprint.
    pub fingerprint: u128,
    /// The record's bucket.
    pub bucket: BucketId,
    /// Copies here minus copies there; never 0.
    pub copies: i64,
}

/// There are more differences than the sketch can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more differences than the sketch holds")]
pub struct Overfull;

/// A multiset of (fingerprint, bucket), boiled down; with `W` words, of elements that say more. Adds, subtracts and merges;
/// sketches of one size and one key only.
#[derive(Clone, PartialEq, Eq)]
pub struct Sketch<const W: usize = WORDS> {
    cells: Vec<SketchCell<W>>,
}

/// An element that several say more of, and by how many copies one side has more.
pub(super) type NetWords<const W: usize> = ([u32; W], i64);

impl Sketch {
    /// Returns how many differences fit a sketch of this many bytes.
    pub fn differences_in(bytes: u64) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a size"
        )]
        let differences =
            (bytes as f64 / size_of::<SketchCell<WORDS>>() as f64 / CELLS_PER_DIFFERENCE) as usize;
        differences.max(1)
    }

    /// Adds copies of a record; negative numbers take them away. If one record ends up with over 2^31 copies more on
    /// one side than on the other, peeling finds the sketch too full.
    #[inline(always)]
    pub fn add(&mut self, fingerprint: u128, bucket: BucketId, copies: i64) {
        self.add_words(words(fingerprint, bucket), copies);
    }

    /// Takes the sketch apart into the differences it holds, ordered by fingerprint.
    ///
    /// # Errors
    /// There are too many; how many is not known.
    pub fn peel(self) -> Result<Vec<NetDifference>, Overfull> {
        let found = self.peel_words()?.into_iter();
        let mut found: Vec<_> = found
            .map(|(words, copies)| NetDifference::of(&words, copies))
            .collect();
        found.sort_unstable();
        Ok(found)
    }
}

impl NetDifference {
    /// Reads it from the words of an element.
    pub(super) fn of<const W: usize>(words: &[u32; W], copies: i64) -> Self {
        Self {
            fingerprint: fingerprint(words),
            bucket: BucketId(bucket(words)),
            copies,
        }
    }
}

impl<const W: usize> Sketch<W> {
    /// Makes an empty sketch that can be expected to peel this many differences.
    pub fn for_differences(differences: usize) -> Self {
        Self {
            cells: vec![SketchCell::default(); Self::cells_for(differences)],
        }
    }

    /// Returns how many cells it takes to tell so many differences.
    pub(super) fn cells_for(differences: usize) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a size"
        )]
        let cells = (differences as f64 * CELLS_PER_DIFFERENCE) as usize;
        (cells / TABLES).saturating_add(8).saturating_mul(TABLES)
    }

    /// Adds copies of an element; see [`Sketch::add`].
    #[inline(always)]
    pub(super) fn add_words(&mut self, words: [u32; W], copies: i64) {
        let one = SketchCell::of(words);
        let sums = if copies == 1 { one } else { one.times(copies) };
        for index in self.places(&words) {
            self.cells[index] += sums;
        }
    }

    /// Tells whether nothing is left: equal multisets have been subtracted.
    pub fn is_empty(&self) -> bool {
        self.cells.iter().all(|cell| *cell == SketchCell::default())
    }

    /// Returns how many cells there are, which decides with what it can be added up.
    pub(super) fn cells(&self) -> usize {
        self.cells.len()
    }

    /// Returns the sums of each cell: those of its words, the copies, and the check.
    pub(super) fn sums(&self) -> impl Iterator<Item = ([u64; W], u64, u64)> {
        self.cells
            .iter()
            .map(|cell| (cell.words, cell.copies, cell.check))
    }

    /// Returns what each element adds up to: its words, the copies, and the check. `None` if the tables do not agree, since each
    /// element is in one cell of each.
    pub(super) fn total(&self) -> Option<([u64; W], u64, u64)> {
        let table = self.cells.len() / TABLES;
        let sums = self.cells.chunks(table.max(1)).map(|cells| {
            let mut sum = SketchCell::default();
            cells.iter().for_each(|cell| sum += *cell);
            sum
        });
        let sum = sums.dedup().exactly_one().ok()?;
        Some((sum.words, sum.copies, sum.check))
    }

    /// Makes one of these sums; `None` if no sketch has so many cells.
    pub(super) fn of_sums(sums: impl Iterator<Item = ([u64; W], u64, u64)>) -> Option<Self> {
        let cells = sums.map(|(words, copies, check)| SketchCell {
            words,
            copies,
            check,
        });
        let cells: Vec<_> = cells.collect();
        let fits = !cells.is_empty() && cells.len().is_multiple_of(TABLES);
        fits.then_some(Self { cells })
    }

    /// Returns about how many differences there are, also if they are too many to tell: the sum of the squares of
    /// their copies, give or take a few per cent, so more if some differ by several copies.
    ///
    /// The last words of fingerprints, less half of their range, are as often above zero as below, and decide nothing
    /// about which cells they are added to. So of what they add up to in a cell, the square is on average that sum times
    /// the square of one (Alon, Matias and Szegedy, "The Space Complexity of Approximating the Frequency Moments", STOC
    /// 1996).
    pub fn estimate(&self) -> u64 {
        /// The mean square of a number that is uniform between -1/2 and 1/2.
        const MEAN_SQUARE: f64 = 1.0 / 12.0;
        let squares = self.cells.iter().map(|cell| {
            let middle = cell.copies.wrapping_mul(1 << (u32::BITS - 1));
            let centred = cell.words[3].wrapping_sub(middle).cast_signed();
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let centred = centred as f64 / 2f64.powi(32);
            centred * centred
        });
        let sum: f64 = squares.sum::<f64>() / TABLES as f64 / MEAN_SQUARE;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an estimate, and no sum of squares is below zero"
        )]
        let estimate = sum.round() as u64;
        estimate
    }

    /// Takes the sketch apart into the elements it holds, in no order.
    ///
    /// # Errors
    /// There are too many; how many is not known.
    pub(super) fn peel_words(mut self) -> Result<Vec<NetWords<W>>, Overfull> {
        let mut found = Vec::new();
        let mut queue: Vec<usize> = (0..self.cells.len()).collect();
        while let Some(index) = queue.pop() {
            let Some((words, copies)) = self.lone_element(index) else {
                continue;
            };
            self.add_words(words, -copies);
            queue.extend(self.places(&words));
            found.push((words, copies));
        }
        if !self.is_empty() {
            return Err(Overfull);
        }
        Ok(found)
    }

    /// Returns the element of a cell that holds copies of only one.
    fn lone_element(&self, index: usize) -> Option<NetWords<W>> {
        let cell = &self.cells[index];
        let copies = cell.copies.cast_signed();
        // Whether it divides is told by the comparison below.
        let word = |sum: u64| u32::try_from(sum.cast_signed().checked_div(copies)?).ok();
        let mut words = [0; W];
        for (to, sum) in words.iter_mut().zip(cell.words) {
            *to = word(sum)?;
        }
        let lone = *cell == SketchCell::of(words).times(copies);
        (lone && self.places(&words).contains(&index)).then_some((words, copies))
    }

    /// Returns the cell of each table that the element falls into. Fingerprints are uniform, so three
    /// stretches of their bits are three independent hashes.
    #[inline(always)]
    fn places(&self, words: &[u32; W]) -> [usize; TABLES] {
        let table = self.cells.len() / TABLES;
        std::array::from_fn(|number| {
            let index = ((u64::from(words[number]) * table as u64) >> 32) as usize;
            number * table + index
        })
    }
}

impl<const W: usize> std::fmt::Debug for Sketch<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sketch({} cells)", self.cells.len())
    }
}

impl<const W: usize> AddAssign<&Sketch<W>> for Sketch<W> {
    fn add_assign(&mut self, other: &Self) {
        debug_assert_eq!(self.cells.len(), other.cells.len());
        self.cells
            .iter_mut()
            .zip(&other.cells)
            .for_each(|(cell, more)| *cell += *more);
    }
}

impl<const W: usize> SubAssign<&Sketch<W>> for Sketch<W> {
    fn sub_assign(&mut self, other: &Self) {
        debug_assert_eq!(self.cells.len(), other.cells.len());
        self.cells
            .iter_mut()
            .zip(&other.cells)
            .for_each(|(cell, less)| *cell += less.times(-1));
    }
}

/// Returns the words of an element of which no more is said.
#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "words of 32 bits are what is wanted"
)]
pub(super) fn words(fingerprint: u128, bucket: BucketId) -> [u32; WORDS] {
    let (low, high) = (fingerprint as u64, (fingerprint >> 64) as u64);
    [
        low as u32,
        (low >> 32) as u32,
        high as u32,
        (high >> 32) as u32,
        bucket.0 as u32,
        (bucket.0 >> 32) as u32,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// What a sketch must say: the multiset difference, by counting.
    fn model(here: &[(u128, u64)], there: &[(u128, u64)]) -> Vec<NetDifference> {
        let mut net: BTreeMap<(u128, u64), i64> = BTreeMap::new();
        here.iter()
            .for_each(|element| *net.entry(*element).or_default() += 1);
        there
            .iter()
            .for_each(|element| *net.entry(*element).or_default() -= 1);
        let differences = net.into_iter().filter(|(_, copies)| *copies != 0);
        differences
            .map(|((fingerprint, bucket), copies)| NetDifference {
                fingerprint,
                bucket: BucketId(bucket),
                copies,
            })
            .collect()
    }

    fn sketch_of(elements: &[(u128, u64)]) -> Sketch {
        let mut sketch = Sketch::for_differences(200);
        elements
            .iter()
            .for_each(|&(fingerprint, bucket)| sketch.add(fingerprint, BucketId(bucket), 1));
        sketch
    }

    /// Elements drawn from few values, so that copies occur, spread as fingerprints are.
    fn elements() -> impl Strategy<Value = Vec<(u128, u64)>> {
        let spread = |n: u8| {
            let key = super::super::Fingerprints::seeded(7);
            (
                key.of_record(&[n]),
                u64::from(n % 5).wrapping_mul(0x1234_5678_9abc_def1),
            )
        };
        proptest::collection::vec((0..60u8).prop_map(spread), 0..150)
    }

    proptest! {
        #[test]
        fn peeling_gives_the_multiset_difference(here in elements(), there in elements()) {
            let mut sketch = sketch_of(&here);
            sketch -= &sketch_of(&there);
            prop_assert_eq!(sketch.peel(), Ok(model(&here, &there)));
        }

        #[test]
        fn merging_parts_in_any_order_is_adding_everything(all in elements(), cut in 0..150usize) {
            let (front, back) = all.split_at(cut.min(all.len()));
            let mut merged = sketch_of(back);
            merged += &sketch_of(front);
            prop_assert!(merged == sketch_of(&all));
        }
    }

    #[test]
    fn holds_as_many_differences_as_it_was_made_for() {
        let key = super::super::Fingerprints::seeded(1);
        for wanted in [1, 10, 100, 1_000, 10_000] {
            let mut sketch = Sketch::for_differences(wanted);
            (0..wanted)
                .for_each(|n| sketch.add(key.of_record(&n.to_le_bytes()), BucketId(n as u64), 1));
            assert_eq!(
                sketch.peel().map(|found| found.len()),
                Ok(wanted),
                "{wanted}"
            );
        }
    }

    #[test]
    fn estimates_how_many_there_are_when_it_cannot_tell_them() {
        let key = super::super::Fingerprints::seeded(1);
        for wanted in [5_000u32, 50_000, 500_000] {
            let mut sketch = Sketch::for_differences(2_000);
            for n in 0..wanted {
                let copies = if n % 3 == 0 { -1 } else { 1 };
                sketch.add(key.of_record(&n.to_le_bytes()), BucketId(0), copies);
            }
            let off = sketch.estimate().abs_diff(u64::from(wanted));
            assert!(off * 10 < u64::from(wanted), "{wanted}: off by {off}");
        }
        assert_eq!(Sketch::<WORDS>::for_differences(10).estimate(), 0);
    }

    #[test]
    fn says_so_when_there_are_too_many() {
        let key = super::super::Fingerprints::seeded(1);
        let mut sketch = Sketch::<WORDS>::for_differences(100);
        (0..1_000u64).for_each(|n| sketch.add(key.of_record(&n.to_le_bytes()), BucketId(n), 1));
        assert_eq!(sketch.peel(), Err(Overfull));
    }

    #[test]
    fn many_copies_of_one_record_are_one_difference() {
        let mut sketch = Sketch::for_differences(10);
        sketch.add(u128::MAX, BucketId(u64::MAX), 1 << 31);
        sketch.add(u128::MAX, BucketId(u64::MAX), -3);
        let copies = (1 << 31) - 3;
        let expected = NetDifference {
            fingerprint: u128::MAX,
            bucket: BucketId(u64::MAX),
            copies,
        };
        assert_eq!(sketch.peel(), Ok(vec![expected]));
        let mut sketch = Sketch::for_differences(10);
        sketch.add(u128::MAX, BucketId(u64::MAX), 1 << 33);
        assert_eq!(sketch.peel(), Err(Overfull));
    }

    /// Elements that fall into the same cells in all tables, of which the sums divide: their mean is none of them.
    #[test]
    fn a_mean_is_not_taken_for_an_element() {
        let place = 0x0123_4567_89ab_cdef_0011_2233;
        let of = |top: u64| u128::from(top) << 96 | place;
        for (elements, what) in [
            ([(of(1), 5), (of(3), 5)], "the high half"),
            ([(of(7), 10), (of(7), 20)], "the bucket"),
            (
                [(u128::from(u32::MAX), 1), (u128::from(u32::MAX), 3)],
                "no high half",
            ),
            (
                [(u128::MAX, 1 << 60), (u128::MAX, 3 << 60)],
                "all bits of it",
            ),
        ] {
            let mut sketch = Sketch::for_differences(10);
            for (fingerprint, bucket) in elements {
                sketch.add(fingerprint, BucketId(bucket), 1);
            }
            assert_eq!(sketch.peel(), Err(Overfull), "{what}");
        }
    }

    #[test]
    fn a_size_in_bytes_is_kept_to() {
        for bytes in [1 << 20, 64 << 20] {
            let sketch: Sketch = Sketch::for_differences(Sketch::differences_in(bytes));
            let taken = (sketch.cells.len() * size_of::<SketchCell<WORDS>>()) as u64;
            assert!(
                taken.abs_diff(bytes) <= 64 * size_of::<SketchCell<WORDS>>() as u64,
                "{taken} {bytes}"
            );
        }
        assert_eq!(Sketch::differences_in(0), 1);
        assert_eq!(
            format!("{:?}", Sketch::<WORDS>::for_differences(0)),
            "Sketch(24 cells)"
        );
        assert_eq!(Sketch::<WORDS>::for_differences(200).cells.len(), 324);
    }

    #[test]
    fn an_empty_sketch_is_one_from_which_all_was_taken() {
        let mut sketch = Sketch::for_differences(10);
        assert!(sketch.is_empty());
        sketch.add(7, BucketId(3), 2);
        assert!(!sketch.is_empty());
        sketch.add(7, BucketId(3), -2);
        assert!(sketch.is_empty());
    }
}
