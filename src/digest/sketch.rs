//! The sketch: which records two sides do not share, in memory that depends on the number of
//! differences and not on the number of records.
//!
//! An invertible Bloom lookup table (Goodrich and Mitzenmacher, "Invertible Bloom Lookup Tables", 2011) used
//! for set reconciliation as in Eppstein, Goodrich, Uyeda and Varghese, "What's the Difference?
//! Efficient Set Reconciliation without Prior Context", SIGCOMM 2011, but with sums where they have
//! xor: xor would cancel a record that stands twice, sums keep how many copies there are.

use std::ops::{AddAssign, SubAssign};

use super::bucket::BucketId;

/// Every element is added to one cell of each table.
const TABLES: usize = 3;

/// Cells per difference for which peeling succeeds almost surely with three tables: the threshold is 1.222
/// (Goodrich and Mitzenmacher, table 1); small sketches need a margin.
const CELLS_PER_DIFFERENCE: f64 = 1.5;

/// How many words of 32 bits an element has: four of its fingerprint, two of its bucket.
const WORDS: usize = 6;

/// Sums over the elements of one cell, in a cache line of its own. Words are summed up in twice their width, so that the
/// sum of n equal elements divides by n; all sums are alike, so that the processor adds several at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(64))]
struct SketchCell {
    words: [u64; WORDS],
    copies: u64,
    check: u64,
}

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

/// A multiset of (fingerprint, bucket), boiled down. Adds, subtracts and merges; sketches of one
/// size and one key only.
#[derive(Clone, PartialEq, Eq)]
pub struct Sketch {
    cells: Vec<SketchCell>,
}

impl Sketch {
    /// Makes an empty sketch that can be expected to peel this many differences.
    pub fn for_differences(differences: usize) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a size"
        )]
        let cells = (differences as f64 * CELLS_PER_DIFFERENCE) as usize;
        Self {
            cells: vec![SketchCell::default(); (cells / TABLES + 8) * TABLES],
        }
    }

    /// Returns how many differences fit a sketch of this many bytes.
    pub fn differences_in(bytes: u64) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a size"
        )]
        let differences =
            (bytes as f64 / size_of::<SketchCell>() as f64 / CELLS_PER_DIFFERENCE) as usize;
        differences.max(1)
    }

    /// Adds copies of a record; negative numbers take them away. If one record ends up with over 2^31 copies more on
    /// one side than on the other, peeling finds the sketch too full.
    #[inline(always)]
    pub fn add(&mut self, fingerprint: u128, bucket: BucketId, copies: i64) {
        let one = SketchCell::of(fingerprint, bucket);
        let sums = if copies == 1 { one } else { one.times(copies) };
        for index in self.places(fingerprint) {
            self.cells[index] += sums;
        }
    }

    /// Tells whether nothing is left: equal multisets have been subtracted.
    pub fn is_empty(&self) -> bool {
        self.cells.iter().all(|cell| *cell == SketchCell::default())
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

    /// Takes the sketch apart into the differences it holds, ordered by fingerprint.
    ///
    /// # Errors
    /// There are too many; how many is not known.
    pub fn peel(mut self) -> Result<Vec<NetDifference>, Overfull> {
        let mut found = Vec::new();
        let mut queue: Vec<usize> = (0..self.cells.len()).collect();
        while let Some(index) = queue.pop() {
            let Some(difference) = self.lone_element(index) else {
                continue;
            };
            self.add(
                difference.fingerprint,
                difference.bucket,
                -difference.copies,
            );
            queue.extend(self.places(difference.fingerprint));
            found.push(difference);
        }
        if !self.is_empty() {
            return Err(Overfull);
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Returns the element of a cell that holds copies of only one.
    fn lone_element(&self, index: usize) -> Option<NetDifference> {
        let cell = &self.cells[index];
        let copies = cell.copies.cast_signed();
        // Whether it divides is told by the comparison below.
        let word = |sum: u64| u32::try_from(sum.cast_signed().checked_div(copies)?).ok();
        let mut words = [0; WORDS];
        for (to, sum) in words.iter_mut().zip(cell.words) {
            *to = word(sum)?;
        }
        let [a, b, c, d, ..] = words.map(u128::from);
        let fingerprint = a | b << 32 | c << 64 | d << 96;
        let bucket = BucketId(u64::from(words[4]) | u64::from(words[5]) << 32);
        let lone = *cell == SketchCell::of(fingerprint, bucket).times(copies);
        (lone && self.places(fingerprint).contains(&index)).then_some(NetDifference {
            fingerprint,
            bucket,
            copies,
        })
    }

    /// Returns the cell of each table that the fingerprint falls into. Fingerprints are uniform, so three
    /// stretches of their bits are three independent hashes.
    #[inline(always)]
    fn places(&self, fingerprint: u128) -> [usize; TABLES] {
        let table = self.cells.len() / TABLES;
        std::array::from_fn(|number| {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "32 bits are what is wanted"
            )]
            let word = u64::from((fingerprint >> (32 * number)) as u32);
            let index = ((word * table as u64) >> 32) as usize;
            number * table + index
        })
    }
}

impl std::fmt::Debug for Sketch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sketch({} cells)", self.cells.len())
    }
}

impl AddAssign<&Sketch> for Sketch {
    fn add_assign(&mut self, other: &Self) {
        debug_assert_eq!(self.cells.len(), other.cells.len());
        self.cells
            .iter_mut()
            .zip(&other.cells)
            .for_each(|(cell, more)| *cell += *more);
    }
}

impl SubAssign<&Sketch> for Sketch {
    fn sub_assign(&mut self, other: &Self) {
        debug_assert_eq!(self.cells.len(), other.cells.len());
        self.cells
            .iter_mut()
            .zip(&other.cells)
            .for_each(|(cell, less)| *cell += less.times(-1));
    }
}

impl SketchCell {
    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "words of 32 bits are what is wanted"
    )]
    fn of(fingerprint: u128, bucket: BucketId) -> Self {
        let (low, high) = (fingerprint as u64, (fingerprint >> 64) as u64);
        let words = [
            low as u32,
            (low >> 32) as u32,
            high as u32,
            (high >> 32) as u32,
            bucket.0 as u32,
            (bucket.0 >> 32) as u32,
        ];
        Self {
            words: words.map(u64::from),
            copies: 1,
            check: check(low, high ^ bucket.0),
        }
    }

    fn times(self, copies: i64) -> Self {
        self.each(Self::default(), |sum, _| {
            sum.wrapping_mul(copies.cast_unsigned())
        })
    }

    /// Does the same with each sum here and there.
    #[inline(always)]
    fn each(self, other: Self, with: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            words: std::array::from_fn(|at| with(self.words[at], other.words[at])),
            copies: with(self.copies, other.copies),
            check: with(self.check, other.check),
        }
    }
}

impl AddAssign for SketchCell {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        *self = self.each(other, u64::wrapping_add);
    }
}

/// Tells a cell of one element from one whose several elements happen to divide: a function that
/// is far from linear, so that the sum over unequal elements is not n times that of their mean.
fn check(low: u64, high: u64) -> u64 {
    let product =
        u128::from(low ^ 0x9e37_79b9_7f4a_7c15) * u128::from(high ^ 0xd6e8_feb8_6659_fd93);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "both halves are folded together"
    )]
    let folded = (product as u64) ^ ((product >> 64) as u64);
    folded
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
        assert_eq!(Sketch::for_differences(10).estimate(), 0);
    }

    #[test]
    fn says_so_when_there_are_too_many() {
        let key = super::super::Fingerprints::seeded(1);
        let mut sketch = Sketch::for_differences(100);
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
            let sketch = Sketch::for_differences(Sketch::differences_in(bytes));
            let taken = (sketch.cells.len() * size_of::<SketchCell>()) as u64;
            assert!(
                taken.abs_diff(bytes) <= 64 * size_of::<SketchCell>() as u64,
                "{taken} {bytes}"
            );
        }
        assert_eq!(Sketch::differences_in(0), 1);
        assert_eq!(
            format!("{:?}", Sketch::for_differences(0)),
            "Sketch(24 cells)"
        );
        assert_eq!(Sketch::for_differences(200).cells.len(), 324);
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
