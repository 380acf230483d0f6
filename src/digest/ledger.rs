//! The ledger: how many copies each bucket holds, and their sums.

use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::finding::Bucket;

use super::Print;

/// The number that stands for a bucket under a run's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketId(pub u64);

impl BucketId {
    /// Returns the number of a bucket. `name` is the interface's under the run's key, so mixing in the slot suffices.
    #[inline(always)]
    pub fn new(name: u64, slot: Option<i64>) -> Self {
        #[expect(clippy::cast_sign_loss, reason = "its bits are what is wanted")]
        let slot = slot.map_or(u64::MAX, |slot| slot as u64);
        let mixed =
            (name ^ slot.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        Self(mixed ^ (mixed >> 32))
    }
}

/// What is known of one bucket. Sums wrap; they are only ever compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// How many copies.
    pub copies: u64,
    /// How many of them are young: the other side's copy may still be on its way.
    pub young: u64,
    /// The sum of their fingerprints.
    pub fingerprints: u128,
    /// The sum of their `packets`.
    pub packets: u64,
    /// The sum of their `bytes`.
    pub bytes: u64,
}

impl Sums {
    const ZERO: Self = Self {
        copies: 0,
        young: 0,
        fingerprints: 0,
        packets: 0,
        bytes: 0,
    };

    /// Tells whether two sides hold the same records in the bucket.
    pub fn same_records(&self, other: &Self) -> bool {
        (self.copies, self.fingerprints) == (other.copies, other.fingerprints)
    }

    /// Tells whether two sides hold the same amount of traffic in the bucket, in whatever records.
    pub fn same_traffic(&self, other: &Self) -> bool {
        (self.packets, self.bytes) == (other.packets, other.bytes)
    }

    fn merge(&mut self, other: &Self) {
        self.copies = self.copies.wrapping_add(other.copies);
        self.young = self.young.wrapping_add(other.young);
        self.fingerprints = self.fingerprints.wrapping_add(other.fingerprints);
        self.packets = self.packets.wrapping_add(other.packets);
        self.bytes = self.bytes.wrapping_add(other.bytes);
    }
}

#[derive(Clone, Debug)]
struct Line {
    id: BucketId,
    interface: u64,
    slot: Option<i64>,
    sums: Sums,
}

/// Sums for each bucket of one side. Merges in any order.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    lines: HashTable<Line>,
    interfaces: HashTable<(u64, Arc<str>)>,
}

impl Ledger {
    /// Adds one copy of a record to its bucket's sums.
    #[inline(always)]
    pub fn add(&mut self, print: &Print<'_>) {
        let id = print.bucket;
        if let Some(line) = self.lines.find_mut(id.0, |line| line.id == id) {
            line.sums.merge(&print.sums());
        } else {
            self.open(id, print.name, print.slot)
                .sums
                .merge(&print.sums());
            self.name(print.name, || {
                String::from_utf8_lossy(print.interface).into()
            });
        }
    }

    /// Adds another ledger, made under the same key.
    pub fn merge(&mut self, other: &Self) {
        for line in &other.lines {
            self.open(line.id, line.interface, line.slot)
                .sums
                .merge(&line.sums);
        }
        for (name, text) in &other.interfaces {
            self.name(*name, || Arc::clone(text));
        }
    }

    /// Returns a bucket's sums, all zero if the side has nothing in it.
    pub fn sums(&self, id: BucketId) -> Sums {
        self.lines
            .find(id.0, |line| line.id == id)
            .map_or(Sums::ZERO, |line| line.sums)
    }

    /// Returns the bucket behind the number, if this side has anything in it.
    pub fn bucket(&self, id: BucketId) -> Option<Bucket> {
        let line = self.lines.find(id.0, |line| line.id == id)?;
        let (_, interface) = self
            .interfaces
            .find(line.interface, |(name, _)| *name == line.interface)?;
        Some(Bucket {
            interface: Arc::clone(interface),
            slot: line.slot,
        })
    }

    /// Returns all buckets, in no order.
    pub fn ids(&self) -> impl Iterator<Item = BucketId> + '_ {
        self.lines.iter().map(|line| line.id)
    }

    /// Returns how many buckets there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Tells whether there is no bucket.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn open(&mut self, id: BucketId, interface: u64, slot: Option<i64>) -> &mut Line {
        let line = || Line {
            id,
            interface,
            slot,
            sums: Sums::ZERO,
        };
        self.lines
            .entry(id.0, |line| line.id == id, |line| line.id.0)
            .or_insert_with(line)
            .into_mut()
    }

    fn name(&mut self, name: u64, text: impl FnOnce() -> Arc<str>) {
        if let Entry::Vacant(entry) =
            self.interfaces
                .entry(name, |(known, _)| *known == name, |(known, _)| *known)
        {
            entry.insert((name, text()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Fingerprints;

    fn add(
        ledger: &mut Ledger,
        interface: &'static str,
        slot: Option<i64>,
        text: &str,
    ) -> (BucketId, u128) {
        let key = Fingerprints::seeded(1);
        let print = Print {
            packets: 10,
            bytes: 840,
            ..Print::new(&key, text.as_bytes(), interface.as_bytes(), slot)
        };
        ledger.add(&print);
        (print.bucket, print.fingerprint)
    }

    #[test]
    fn ledgers_merge_and_keep_their_names() {
        let (mut front, mut back) = (Ledger::default(), Ledger::default());
        let (shared, one) = add(&mut front, "eni-0aa", Some(300), "one");
        let (again, two) = add(&mut back, "eni-0aa", Some(300), "two");
        assert_eq!(shared, again);
        let (other, _) = add(&mut back, "eni-0bb", None, "three");
        front.merge(&back);
        let fingerprints = one.wrapping_add(two);
        assert_eq!(
            front.sums(shared),
            Sums {
                copies: 2,
                young: 0,
                fingerprints,
                packets: 20,
                bytes: 1680
            }
        );
        assert_eq!(
            front.bucket(shared),
            Some(Bucket {
                interface: "eni-0aa".into(),
                slot: Some(300)
            })
        );
        assert_eq!(
            front.bucket(other),
            Some(Bucket {
                interface: "eni-0bb".into(),
                slot: None
            })
        );
        assert_eq!(front.len(), 2);
    }

    #[test]
    fn buckets_differ_by_interface_and_by_slot() {
        let mut ledger = Ledger::default();
        for interface in ["eni-0aa", "eni-0bb"] {
            for slot in [None, Some(0), Some(300), Some(-300)] {
                add(&mut ledger, interface, slot, "one");
            }
        }
        assert_eq!(ledger.len(), 8);
    }

    #[test]
    fn an_empty_ledger_holds_nothing() {
        let mut ledger = Ledger::default();
        assert!(ledger.is_empty() && ledger.ids().next().is_none());
        let (id, _) = add(&mut ledger, "eni-0aa", Some(0), "one");
        assert!(!ledger.is_empty() && ledger.ids().eq([id]));
        let other = BucketId(!id.0);
        assert_eq!(
            (ledger.sums(other), ledger.bucket(other)),
            (Sums::ZERO, None)
        );
    }

    #[test]
    fn records_and_traffic_are_compared_apart() {
        let one = Sums {
            copies: 1,
            young: 1,
            fingerprints: 1 << 100,
            packets: 1,
            bytes: 1,
        };
        for (other, records, traffic) in [
            (Sums { young: 0, ..one }, true, true),
            (Sums { copies: 2, ..one }, false, true),
            (
                Sums {
                    fingerprints: 1,
                    ..one
                },
                false,
                true,
            ),
            (Sums { packets: 2, ..one }, true, false),
            (Sums { bytes: 2, ..one }, true, false),
        ] {
            assert_eq!(one.same_records(&other), records, "{other:?}");
            assert_eq!(one.same_traffic(&other), traffic, "{other:?}");
        }
        let mut sum = one;
        sum.merge(&one);
        assert_eq!(sum.young, 2);
    }

    /// Tables go by the low bits and by the high ones.
    #[test]
    fn numbers_of_buckets_are_spread_over_all_bits() {
        let key = Fingerprints::seeded(1);
        let name = key.of_name(b"eni-0aa");
        let of_one: Vec<BucketId> = (0..4096)
            .map(|slot| BucketId::new(name, Some(slot * 300)))
            .collect();
        let names = (0..4096u32).map(|number| key.of_name(&number.to_le_bytes()));
        let of_many: Vec<BucketId> = names
            .map(|name| BucketId::new(name, Some(1_700_000_100)))
            .collect();
        for ids in [of_one, of_many] {
            for bit in 0..64 {
                let ones = ids.iter().filter(|id| id.0 >> bit & 1 == 1).count();
                assert!((1500..2600).contains(&ones), "bit {bit}: {ones} of 4096");
            }
        }
    }
}
