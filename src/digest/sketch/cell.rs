//! A cell of a sketch: sums over the elements that fall into it.

use std::ops::AddAssign;

/// Sums over the elements of one cell, in a cache line of its own. Words are summed up in twice their width, so that the
/// sum of n equal elements divides by n; all sums are alike, so that the processor adds several at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(64))]
pub(super) struct SketchCell<const W: usize> {
    pub(super) words: [u64; W],
    pub(super) copies: u64,
    pub(super) check: u64,
}

impl<const W: usize> Default for SketchCell<W> {
    fn default() -> Self {
        Self {
            words: [0; W],
            copies: 0,
            check: 0,
        }
    }
}

#[inline(always)]
pub(super) fn fingerprint(words: &[u32]) -> u128 {
    let of = |at: usize| u128::from(words[at]) << (32 * at);
    of(0) | of(1) | of(2) | of(3)
}

#[inline(always)]
pub(super) fn bucket(words: &[u32]) -> u64 {
    u64::from(words[4]) | u64::from(words[5]) << 32
}

impl<const W: usize> SketchCell<W> {
    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the halves of a fingerprint are what is wanted"
    )]
    pub(super) fn of(words: [u32; W]) -> Self {
        let print = fingerprint(&words);
        Self {
            words: words.map(u64::from),
            copies: 1,
            check: check(print as u64, (print >> 64) as u64 ^ bucket(&words)),
        }
    }

    pub(super) fn times(self, copies: i64) -> Self {
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

impl<const W: usize> AddAssign for SketchCell<W> {
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
