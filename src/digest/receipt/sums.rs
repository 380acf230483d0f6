//! Sums that nobody without the key can match: for each bucket the copies, and the sum modulo 2^256 of their keyed hashes.
//!
//! An additive multiset hash (Clarke, Devadas, van Dijk, Gassend and Suh, "Incremental Multiset Hash Functions and Their Application
//! to Memory Integrity Checking", ASIACRYPT 2003). Written down they are covered by a stream that only the key makes: the bare sum of a
//! bucket of one record is that record's hash, by which guesses of records could be compared across receipts, and with enough
//! hashes other multisets with equal sums can be found (Wagner, "A Generalized Birthday Problem", CRYPTO 2002).

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use super::ReceiptKey;
use crate::model::finding::Bucket;

/// A number of 256 bits, lowest word first. Sums wrap.
type Wide = [u64; 4];

fn add(one: Wide, other: Wide) -> Wide {
    let mut carry = false;
    std::array::from_fn(|at| {
        let (sum, over) = one[at].overflowing_add(other[at]);
        let (sum, again) = sum.overflowing_add(u64::from(carry));
        carry = over || again;
        sum
    })
}

fn negative(one: Wide) -> Wide {
    add(one.map(|word| !word), [1, 0, 0, 0])
}

pub(super) fn of_bytes(bytes: &[u8; 32]) -> Wide {
    let (words, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|at| u64::from_le_bytes(words[at]))
}

pub(super) fn bytes_of(wide: Wide) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (at, word) in wide.into_iter().enumerate() {
        bytes[8 * at..8 * at + 8].copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// What a bucket holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct BucketSum {
    copies: u64,
    sum: Wide,
}

impl BucketSum {
    fn merge(&mut self, other: Self) {
        self.copies += other.copies;
        self.sum = add(self.sum, other.sum);
    }
}

/// What each bucket holds. Merges in any order.
#[derive(Clone, Debug)]
pub struct WideSums {
    key: ReceiptKey,
    lines: HashMap<(u64, Option<i64>), BucketSum>,
    names: HashMap<u64, Arc<str>>,
    /// The hash that the kind and the fields of the records at hand have.
    mark: Option<(String, Wide)>,
}

impl WideSums {
    /// Starts with nothing.
    pub fn new(key: ReceiptKey) -> Self {
        Self {
            key,
            lines: HashMap::new(),
            names: HashMap::new(),
            mark: None,
        }
    }

    /// Starts with nothing, under the same key.
    #[must_use]
    pub fn empty_like(&self) -> Self {
        Self::new(self.key.clone())
    }

    /// Adds a copy of a record: its canonical text, what its kind and fields are called, and its bucket, whose interface goes by
    /// a number.
    pub fn add(
        &mut self,
        (text, fields): (&[u8], &str),
        (interface, name): (&[u8], u64),
        slot: Option<i64>,
    ) {
        let hash = |text: &[u8]| of_bytes(blake3::keyed_hash(&self.key.records, text).as_bytes());
        let mark = match &self.mark {
            Some((known, mark)) if known == fields => *mark,
            _ => {
                let mark = hash(fields.as_bytes());
                self.mark = Some((fields.to_owned(), mark));
                mark
            }
        };
        let sum = add(hash(text), mark);
        let line = self.lines.entry((name, slot)).or_default();
        line.merge(BucketSum { copies: 1, sum });
        let named = self.names.entry(name);
        named.or_insert_with(|| String::from_utf8_lossy(interface).into());
    }

    /// Adds others.
    pub fn merge(&mut self, other: Self) {
        for (bucket, line) in other.lines {
            self.lines.entry(bucket).or_default().merge(line);
        }
        self.names.extend(other.names);
    }

    /// Returns how many buckets do not hold the same here and there; both must be under the same key.
    pub fn unequal(&self, other: &Self) -> u64 {
        let mut there = other.by_bucket();
        let mut differing = 0;
        for (bucket, line) in self.by_bucket() {
            differing += usize::from(there.remove(&bucket) != Some(line));
        }
        (differing + there.len()) as u64
    }

    /// Covers them for a receipt of this nonce.
    pub(super) fn sealed(&self, nonce: &str, key: &ReceiptKey) -> SealedSums {
        let covered = self.by_bucket().into_iter().map(|(bucket, line)| {
            let mask = mask(nonce, &bucket, key);
            let sum = add(line.sum, mask);
            (bucket, (line.copies, bytes_of(sum)))
        });
        SealedSums {
            lines: covered.collect(),
        }
    }

    fn by_bucket(&self) -> BTreeMap<Bucket, BucketSum> {
        let lines = self.lines.iter().filter_map(|((name, slot), line)| {
            let interface = Arc::clone(self.names.get(name)?);
            let bucket = Bucket {
                interface,
                slot: *slot,
            };
            Some((bucket, *line))
        });
        lines.collect()
    }
}

fn mask(nonce: &str, bucket: &Bucket, key: &ReceiptKey) -> Wide {
    let slot = bucket
        .slot
        .map_or_else(|| "-".to_owned(), |slot| slot.to_string());
    let text = format!("{nonce} {slot} {}", bucket.interface);
    of_bytes(blake3::keyed_hash(&key.masks, text.as_bytes()).as_bytes())
}

/// What each bucket held, covered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealedSums {
    pub(super) lines: BTreeMap<Bucket, (u64, [u8; 32])>,
}

/// A bucket that does not hold what it held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketChange {
    /// Which one.
    pub bucket: Bucket,
    /// How many copies it held.
    pub then: u64,
    /// How many it holds.
    pub now: u64,
}

impl SealedSums {
    /// Returns the buckets that do not hold now what they held when a receipt of this nonce was made, in order.
    pub fn changes(&self, now: &WideSums, nonce: &str, key: &ReceiptKey) -> Vec<BucketChange> {
        let mut now = now.by_bucket();
        let mut changes = Vec::new();
        for (bucket, (copies, covered)) in &self.lines {
            let sum = add(of_bytes(covered), negative(mask(nonce, bucket, key)));
            let then = BucketSum {
                copies: *copies,
                sum,
            };
            let there = now.remove(bucket).unwrap_or_default();
            if then != there {
                changes.push(BucketChange {
                    bucket: bucket.clone(),
                    then: *copies,
                    now: there.copies,
                });
            }
        }
        changes.extend(now.into_iter().map(|(bucket, line)| BucketChange {
            bucket,
            then: 0,
            now: line.copies,
        }));
        changes.sort_by(|a, b| a.bucket.cmp(&b.bucket));
        changes
    }

    /// Returns how many records there were.
    pub fn records(&self) -> u64 {
        self.lines.values().map(|(copies, _)| copies).sum()
    }
}
