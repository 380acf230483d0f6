//! Which records may differ, told before any copy is kept, where that is cheaper: a fingerprint takes a tenth of what a copy does.

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::io;

use fastbloom::BloomFilter;

use super::copies::Allowance;
use super::partitions::PartitionIntake;
use crate::check::pass::visitor::SeenRecord;
use crate::model::Side;

/// What a fingerprint takes up as it is kept: who keeps it, whose it is, and itself.
const ROW: usize = 4 + 1 + 16;

/// How many bits a record takes in a filter, and how many hashes it has: one record in a hundred passes that is not in it.
const BITS_A_RECORD: usize = 10;
const HASHES: u32 = 4;

/// The fingerprints of all records of some buckets, on their way in. Those of one pass merge in any order.
pub(super) struct FingerprintIntake {
    rows: PartitionIntake,
    /// How many records that differ are told at most.
    most: usize,
}

/// Which records may differ: all that do, and few others.
pub(super) struct Unequal {
    filter: BloomFilter<BuildHasherDefault<DefaultHasher>>,
}

impl FingerprintIntake {
    /// Starts with nothing.
    pub(super) fn new(allowed: Allowance) -> Self {
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let most_held = size(allowed.bytes / allowed.keepers.max(1));
        let expected = allowed.copies * size_of::<(u128, i64)>() as u64;
        Self {
            // Half for the partition at hand, half for what is told of it.
            rows: PartitionIntake::new(expected, allowed.bytes / 2, most_held),
            most: size(allowed.bytes / size_of::<u64>() as u64),
        }
    }

    /// Makes an empty one of the same pass.
    pub(super) fn empty_like(&self) -> Self {
        Self {
            rows: self.rows.empty_like(),
            most: self.most,
        }
    }

    /// Keeps the fingerprint of a copy.
    #[inline(always)]
    pub(super) fn keep(&mut self, seen: &SeenRecord<'_>) {
        let fingerprint = seen.print.fingerprint;
        #[expect(clippy::cast_possible_truncation, reason = "any half is a hash")]
        let hash = fingerprint as u64;
        self.rows.keep(hash, |by, bytes| {
            let mut row = [0; ROW];
            row[..4].copy_from_slice(&by.to_le_bytes());
            row[4] = u8::from(seen.origin.side == Side::S3);
            row[5..].copy_from_slice(&fingerprint.to_le_bytes());
            bytes.extend_from_slice(&row);
        });
    }

    /// Adds what another one kept.
    pub(super) fn merge(&mut self, other: Self) {
        self.rows.merge(other.rows);
    }

    /// Tells which records one side has more copies of than the other; `None` if they are too many.
    ///
    /// # Errors
    /// The temporary file could not be written or read.
    pub(super) fn unequal(self) -> io::Result<Option<Unequal>> {
        let mut partitions = self.rows.gathered()?;
        let mut found: Vec<u64> = Vec::new();
        let mut rows: Vec<(u128, i64)> = Vec::new();
        while let Some(bytes) = partitions.next()? {
            rows.clear();
            let (kept, _) = bytes.as_chunks::<ROW>();
            for row in kept {
                let [a, b, c, d, side, fingerprint @ ..] = *row;
                if partitions.counts(u32::from_le_bytes([a, b, c, d])) {
                    let more = if side == 0 { -1 } else { 1 };
                    rows.push((u128::from_le_bytes(fingerprint), more));
                }
            }
            rows.sort_unstable();
            for copies in rows.chunk_by(|(one, _), (other, _)| one == other) {
                if copies.iter().map(|(_, more)| more).sum::<i64>() != 0 {
                    found.push(hash(copies[0].0));
                }
            }
            if found.len() > self.most {
                return Ok(None);
            }
        }
        Ok(Some(Unequal::of(&found)))
    }
}

impl Unequal {
    fn of(hashes: &[u64]) -> Self {
        let bits = (hashes.len() * BITS_A_RECORD).max(64);
        let empty = BloomFilter::with_num_bits(bits).hasher(BuildHasherDefault::default());
        let mut filter = empty.hashes(HASHES);
        for &hash in hashes {
            filter.insert_hash(hash);
        }
        Self { filter }
    }

    /// Tells whether a record may differ. False is never wrong.
    #[inline(always)]
    pub(super) fn may_hold(&self, fingerprint: u128) -> bool {
        self.filter.contains_hash(hash(fingerprint))
    }
}

/// The upper half: the lower one tells the partition.
#[inline(always)]
fn hash(fingerprint: u128) -> u64 {
    (fingerprint >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Fingerprints;

    #[test]
    fn what_is_unequal_passes_and_little_else() {
        let key = Fingerprints::seeded(1);
        let number = |n: u64| hash(key.of_record(&n.to_le_bytes()));
        let held: Vec<u64> = (0..10_000).map(number).collect();
        let unequal = Unequal::of(&held);
        let may_hold = |n: &u64| unequal.may_hold(key.of_record(&n.to_le_bytes()));
        assert!((0..10_000).all(|n| may_hold(&n)));
        let passed = (10_000..30_000).filter(may_hold).count();
        assert!((50..400).contains(&passed), "{passed}");
        assert!(!Unequal::of(&[]).may_hold(key.of_record(b"any")));
    }
}
