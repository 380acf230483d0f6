//! Rows: some of what differs, whole. Which ones depends on a number that records that belong together have in common, so that
//! what is sampled is whole groups of them, on both sides, and the same ones in every run.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use crate::diff::DifferenceKind;
use crate::model::Side;
use crate::model::finding::Bucket;
use crate::record::{FLOW, Record};

use super::traits::Traits;

/// Some of many: those of the lowest numbers. Which these are does not depend on the order in which they come.
#[derive(Clone, Debug)]
pub struct Lowest<T> {
    some: Vec<(u64, T)>,
    /// What has this number or a higher one is not among them.
    below: u64,
    most: usize,
    /// So many are kept as long as these are all there are.
    all_up_to: usize,
}

impl<T> Lowest<T> {
    /// Makes room for so many, and twice as many for a while.
    pub fn of(most: usize) -> Self {
        Self::all_up_to(2 * most, most)
    }

    /// Makes room for so many in all; for `most`, and twice as many for a while, once there are more.
    pub fn all_up_to(all_up_to: usize, most: usize) -> Self {
        Self {
            some: Vec::new(),
            below: u64::MAX,
            most,
            all_up_to,
        }
    }

    /// Makes one of many of which none is known.
    pub fn unknown() -> Self {
        Self {
            below: 0,
            ..Self::all_up_to(0, 0)
        }
    }

    /// Makes an empty one of the same size.
    #[must_use]
    pub fn empty_like(&self) -> Self {
        Self::all_up_to(self.all_up_to, self.most)
    }

    /// Tells whether something of this number would be taken.
    #[inline(always)]
    pub fn takes(&self, number: u64) -> bool {
        number < self.below
    }

    /// Takes one, if its number is low enough.
    pub fn add(&mut self, number: u64, one: T) {
        if self.takes(number) {
            self.some.push((number, one));
            self.thin();
        }
    }

    /// Adds what another one has.
    pub fn merge(&mut self, other: Self) {
        self.below = self.below.min(other.below);
        self.some.extend(other.some);
        let below = self.below;
        self.some.retain(|(number, _)| *number < below);
        self.thin();
    }

    /// Changes each of them.
    #[must_use]
    pub fn map(self, change: impl Fn(T) -> T) -> Self {
        let some = self.some.into_iter();
        Self {
            some: some.map(|(number, one)| (number, change(one))).collect(),
            ..self
        }
    }

    /// Tells whether these are all there are.
    pub fn are_all(&self) -> bool {
        self.below == u64::MAX
    }

    /// Returns them with their numbers, the lowest first: all there are, or those below a number that depends on nothing but
    /// what there is, at most `most`.
    pub fn all(&self) -> Vec<&(u64, T)> {
        let mut all: Vec<&(u64, T)> = self.some.iter().collect();
        all.sort_by_key(|(number, _)| *number);
        if !self.are_all()
            && let Some(&&(below, _)) = all.get(self.most)
        {
            all.retain(|(number, _)| *number < below);
        }
        all
    }

    fn thin(&mut self) {
        let room = match self.are_all() {
            true => self.all_up_to,
            false => 2 * self.most,
        };
        if self.some.len() < room || self.some.len() <= self.most {
            return;
        }
        self.some.sort_by_key(|(number, _)| *number);
        self.below = self.some[self.most].0;
        let below = self.below;
        self.some.retain(|(number, _)| *number < below);
    }
}

/// A copy that differs.
#[derive(Clone, Debug)]
pub struct DifferingCopy {
    /// The side that has it.
    pub side: Side,
    /// What it was found to be.
    pub kind: DifferenceKind,
    /// Where it was counted.
    pub bucket: Bucket,
    /// What it was counted with.
    pub traits: Traits,
    /// The record.
    pub record: Record,
    /// The part that holds it.
    pub part: Arc<str>,
}

impl DifferingCopy {
    /// Returns its place in an order that does not depend on how it was read; extra copies come last.
    pub fn order(&self) -> (bool, &Record, &Arc<str>, Side, DifferenceKind, &Bucket) {
        (
            self.traits.twin > 0,
            &self.record,
            &self.part,
            self.side,
            self.kind,
            &self.bucket,
        )
    }
}

/// Returns a number for a record's flow. What is absent is as 0, which some tools write for it.
pub fn of_flow(record: &Record) -> u64 {
    let mut flow = Vec::with_capacity(96);
    for (name, value) in record.fields() {
        // Whenever it was told.
        if name.as_str() != "start" && FLOW.contains(&name.as_str()) {
            flow.extend_from_slice(value.unwrap_or("0").as_bytes());
            flow.push(b' ');
        }
    }
    xxh3_64(&flow)
}

/// Returns a number for a canonical text, quickly and well enough for a sample; equal texts of equal times have equal ones, in
/// every run.
#[inline(always)]
pub fn of_text(text: &[u8], start: Option<i64>, end: Option<i64>) -> u64 {
    let word = |at: usize| {
        let bytes = text.get(at..at + 8).and_then(|bytes| bytes.first_chunk());
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    };
    let times =
        start.unwrap_or(0).cast_unsigned() ^ end.unwrap_or(0).cast_unsigned().rotate_left(32);
    let (half, quarter) = (text.len() / 2, text.len() / 4);
    let mixed = times.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ word(half).wrapping_mul(0xd6e8_feb8_6659_fd93)
        ^ word(half + quarter).wrapping_mul(0xa076_1d64_78bd_642f);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xe703_7ed1_a0b4_28db) ^ (mixed >> 32)
}

/// Returns a number that a text's values have whatever their order.
pub fn of_values(text: &[u8]) -> u64 {
    let values = text.split(|&byte| byte == b' ');
    values.map(xxh3_64).fold(0, u64::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sampled_is_the_same_in_any_order() {
        let lowest = |order: &[u64], pieces: usize| -> Vec<u64> {
            let mut some = Lowest::of(10);
            for piece in order.chunks(order.len().div_ceil(pieces)) {
                let mut more = some.empty_like();
                piece.iter().for_each(|&number| more.add(number, ()));
                some.merge(more);
            }
            assert!(!some.are_all());
            some.all().iter().map(|(number, ())| *number).collect()
        };
        let forward: Vec<u64> = (0..100).collect();
        let backward: Vec<u64> = (0..100).rev().collect();
        assert_eq!(lowest(&forward, 1), forward[..10]);
        assert_eq!(lowest(&backward, 3), forward[..10]);
    }

    #[test]
    fn few_are_all_there_are() {
        let mut some = Lowest::of(10);
        (0..19).for_each(|number| some.add(number, ()));
        assert!(some.are_all());
        some.add(19, ());
        assert!(!some.are_all() && some.takes(9) && !some.takes(10));
    }

    #[test]
    fn values_in_any_order_have_one_number() {
        assert_eq!(
            of_values(b"2 eni-0aa 80 443"),
            of_values(b"443 2 80 eni-0aa")
        );
        assert_ne!(
            of_values(b"2 eni-0aa 80 443"),
            of_values(b"443 2 80 eni-0ab")
        );
    }
}
