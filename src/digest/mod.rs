//! Digests: what one side boils down to. Adds records, merges, and tells where two sides differ.

mod balance;
mod bucket;
pub mod file;
mod fingerprint;
mod flow;
mod grain;
mod ledger;
mod lowest;
pub mod receipt;
mod sketch;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::Sides;
use crate::model::finding::Bucket;

pub use balance::{Balance, BucketTally};
pub use bucket::BucketId;
pub use fingerprint::{Algorithm, Fingerprints, KEY, name_of_key};
pub use flow::{FlowPrint, FlowSketch, NetFlow};
pub use grain::Resolution;
pub use ledger::{Ledger, Sums};
pub use lowest::Lowest;
pub use sketch::{NetDifference, Overfull, Sketch};

/// A record as a digest takes it.
#[derive(Clone, Copy, Debug)]
pub struct RecordPrint<'a> {
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
}

impl<'a> RecordPrint<'a> {
    /// Makes the print of a record that is not young.
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
        }
    }

    /// Returns what one copy adds to its bucket's sums.
    pub fn sums(&self) -> Sums {
        Sums {
            copies: 1,
            young: u64::from(self.young),
            fingerprints: self.fingerprint,
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
    /// Makes an empty digest whose sketch can be expected to tell this many differences, and whose ledger has at most
    /// so many lines.
    pub fn for_differences(differences: usize, most_lines: usize) -> Self {
        Self {
            ledger: Ledger::bounded(most_lines),
            sketch: Sketch::for_differences(differences),
        }
    }

    /// Adds one copy of a record.
    #[inline(always)]
    pub fn add(&mut self, print: &RecordPrint<'_>) {
        self.ledger.add(print);
        self.sketch.add(print.fingerprint, print.bucket, 1);
    }

    /// Adds another digest.
    pub fn merge(&mut self, other: Self) {
        self.ledger.merge(other.ledger);
        self.sketch += &other.sketch;
    }
}

impl Sides<Digest> {
    /// Makes both sides' ledgers equally coarse, and returns how coarse that is.
    pub fn level(&mut self) -> Resolution {
        let grain = self.s3.ledger.grain().max(self.cwl.ledger.grain());
        self.s3.ledger.coarsen(grain);
        self.cwl.ledger.coarsen(grain);
        grain
    }

    /// Returns the buckets (or coarser lines, if ledgers have those) in which the two sides differ; see
    /// [`Balance::differs`].
    pub fn unequal(&self) -> BTreeSet<BucketId> {
        let ids = self.s3.ledger.ids().chain(self.cwl.ledger.ids());
        ids.filter(|&id| self.balance(id).differs()).collect()
    }

    /// Returns how both sides stand in a bucket.
    pub fn balance(&self, id: BucketId) -> Balance {
        Balance::of(self.as_ref().map(|digest| &digest.ledger), id)
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
    pub fn differences(&self) -> Result<Vec<NetDifference>, Overfull> {
        self.sketch().peel()
    }

    /// Returns about how many differences there are; see [`Sketch::estimate`].
    pub fn estimate(&self) -> u64 {
        self.sketch().estimate()
    }

    fn sketch(&self) -> Sketch {
        let mut sketch = self.s3.sketch.clone();
        sketch -= &self.cwl.sketch;
        sketch
    }

    /// Returns the interface behind a number that either side knows.
    pub fn interface(&self, name: u64) -> Option<Arc<str>> {
        let known = self.s3.ledger.interface(name);
        known.or_else(|| self.cwl.ledger.interface(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print<'a>(text: &str, interface: &'a str, slot: i64, young: bool) -> RecordPrint<'a> {
        let key = Fingerprints::seeded(3);
        RecordPrint {
            young,
            ..RecordPrint::new(&key, text.as_bytes(), interface.as_bytes(), Some(slot))
        }
    }

    #[test]
    fn two_sides_differ_where_they_do() {
        let (same, more) = (
            print("same", "eni-0aa", 0, false),
            print("more", "eni-0bb", 300, true),
        );
        let (here, there) = (
            print("here", "eni-0cc", 600, false),
            print("there", "eni-0dd", 600, false),
        );
        let digest = |prints: &[&RecordPrint<'_>]| {
            let mut digest = Digest::for_differences(10, usize::MAX);
            prints.iter().for_each(|print| digest.add(print));
            digest
        };
        let mut s3 = digest(&[&same, &more]);
        s3.merge(digest(&[&more, &here]));
        let sides = Sides {
            s3,
            cwl: digest(&[&there, &more, &same]),
        };
        assert_eq!(
            sides.unequal(),
            BTreeSet::from([more.bucket, here.bucket, there.bucket])
        );
        let net = |print: &RecordPrint<'_>, copies| NetDifference {
            fingerprint: print.fingerprint,
            bucket: print.bucket,
            copies,
        };
        let mut expected = vec![net(&more, 1), net(&here, 1), net(&there, -1)];
        expected.sort();
        assert_eq!(sides.differences(), Ok(expected));
        for print in [&here, &there] {
            let bucket = sides.bucket(print.bucket).unwrap();
            assert_eq!(
                (bucket.interface.as_bytes(), bucket.slot),
                (print.interface, Some(600))
            );
        }
        let two = Sums {
            copies: 2,
            young: 2,
            fingerprints: more.fingerprint.wrapping_mul(2),
        };
        assert_eq!(sides.s3.ledger.sums(more.bucket), two);
        assert_eq!(same.sums().young, 0);
    }

    #[test]
    fn both_sides_know_an_interface_and_become_equally_coarse() {
        let (here, there) = (
            print("here", "eni-0aa", 0, false),
            print("there", "eni-0bb", 300, false),
        );
        let digest = |most_lines: usize, prints: &[&RecordPrint<'_>]| {
            let mut digest = Digest::for_differences(10, most_lines);
            prints.iter().for_each(|print| digest.add(print));
            digest
        };
        let mut fine = Sides {
            s3: digest(1000, &[&here]),
            cwl: digest(1000, &[&there]),
        };
        assert_eq!(fine.interface(here.name).as_deref(), Some("eni-0aa"));
        assert_eq!(fine.interface(there.name).as_deref(), Some("eni-0bb"));
        assert_eq!(fine.interface(here.name ^ there.name), None);
        assert_eq!(fine.level(), fine.s3.ledger.grain());
        // So many that one side's ledger gets coarser by itself.
        let names: Vec<String> = (0..400).map(|number| format!("eni-{number:03x}")).collect();
        let many: Vec<RecordPrint<'_>> = names
            .iter()
            .zip(0..)
            .map(|(name, slot)| print(name, name, slot * 300, false))
            .collect();
        let grain = fine.s3.ledger.grain();
        for bounds in [(8, 1000), (1000, 8)] {
            let mut sides = Sides {
                s3: digest(bounds.0, &many.iter().collect::<Vec<_>>()),
                cwl: digest(bounds.1, &many.iter().collect::<Vec<_>>()),
            };
            let level = sides.level();
            assert!(level > grain);
            assert_eq!(
                (sides.s3.ledger.grain(), sides.cwl.ledger.grain()),
                (level, level)
            );
            assert!(sides.unequal().is_empty());
            assert_eq!(sides.estimate(), 0);
        }
        let apart = Sides {
            s3: digest(1000, &many.iter().collect::<Vec<_>>()),
            cwl: digest(1000, &[]),
        };
        assert!(apart.estimate().abs_diff(400) < 200);
    }
}
