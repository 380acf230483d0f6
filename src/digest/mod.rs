//! Digests: what one side boils down to. Adds records, merges, and tells where two sides differ.

mod fingerprint;
mod ledger;
mod sketch;

use std::collections::BTreeSet;

use crate::finding::Bucket;
use crate::source::Sides;

pub use fingerprint::Fingerprints;
pub use ledger::{BucketId, Ledger, Sums};
pub use sketch::{Net, Overfull, Sketch};

/// A record as a digest takes it.
#[derive(Clone, Copy, Debug)]
pub struct Print<'a> {
    /// The fingerprint of its canonical text.
    pub fingerprint: u128,
    /// Its bucket.
    pub bucket: BucketId,
    /// Its interface; a blank one if interfaces are not compared.
    pub interface: &'a [u8],
    /// The number that stands for the interface.
    pub name: u64,
    /// Its slot, `None` if `start` is not compared or absent.
    pub slot: Option<i64>,
    /// Whether the other side's copy may still be on its way.
    pub young: bool,
    /// Its `packets`.
    pub packets: u64,
    /// Its `bytes`.
    pub bytes: u64,
}

impl<'a> Print<'a> {
    /// Makes the print of a record that is not young and tells of no traffic.
    #[inline(always)]
    pub fn new(key: &Fingerprints, text: &[u8], interface: &'a [u8], slot: Option<i64>) -> Self {
        let name = key.of_name(interface);
        Self {
            fingerprint: key.of_record(text),
            bucket: BucketId::new(name, slot),
            interface,
            name,
            slot,
            young: false,
            packets: 0,
            bytes: 0,
        }
    }

    /// Returns what one copy adds to its bucket's sums.
    pub fn sums(&self) -> Sums {
        Sums {
            copies: 1,
            young: u64::from(self.young),
            fingerprints: self.fingerprint,
            packets: self.packets,
            bytes: self.bytes,
        }
    }
}

/// What one side, or some of its parts, boil down to. Digests made under one key and for the same number of
/// differences merge in any order.
#[derive(Clone, Debug)]
pub struct Digest {
    /// How much is where.
    pub ledger: Ledger,
    /// Which records.
    pub sketch: Sketch,
}

impl Digest {
    /// Makes an empty digest whose sketch can be expected to tell this many differences.
    pub fn for_differences(differences: usize) -> Self {
        Self {
            ledger: Ledger::default(),
            sketch: Sketch::for_differences(differences),
        }
    }

    /// Adds one copy of a record.
    #[inline(always)]
    pub fn add(&mut self, print: &Print<'_>) {
        self.ledger.add(print);
        self.sketch.add(print.fingerprint, print.bucket, 1);
    }

    /// Adds another digest.
    pub fn merge(&mut self, other: &Self) {
        self.ledger.merge(&other.ledger);
        self.sketch += &other.sketch;
    }
}

impl Sides<Digest> {
    /// Returns the buckets in which the two sides do not hold the same, in no order.
    pub fn unequal(&self) -> BTreeSet<BucketId> {
        let ids = self.s3.ledger.ids().chain(self.cwl.ledger.ids());
        ids.filter(|&id| self.s3.ledger.sums(id) != self.cwl.ledger.sums(id))
            .collect()
    }

    /// Returns the bucket behind a number that either side knows.
    pub fn bucket(&self, id: BucketId) -> Option<Bucket> {
        self.s3
            .ledger
            .bucket(id)
            .or_else(|| self.cwl.ledger.bucket(id))
    }

    /// Returns what the S3 side holds more (or, negative, less) than the CloudWatch side.
    ///
    /// # Errors
    /// There are more differences than the sketches hold.
    pub fn differences(&self) -> Result<Vec<Net>, Overfull> {
        let mut sketch = self.s3.sketch.clone();
        sketch -= &self.cwl.sketch;
        sketch.peel()
    }
}
