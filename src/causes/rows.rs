//! Rows: some of what differs, whole. Which ones depends on a number that records that belong together have in common, so that
//! what is sampled is whole groups of them, on both sides, and the same ones in every run.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use crate::diff::DifferenceKind;
use crate::model::Side;
use crate::model::finding::Bucket;
use crate::record::{FLOW, Record};

use super::traits::Traits;

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
