//! What a part held, roughly: which buckets and which records. Decides whether it is read again.

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fastbloom::BloomFilter;

use crate::digest::RecordPrint;
use crate::digest::file::PartHeld;

/// What a part held, roughly: never less than it did.
#[derive(Debug, Default)]
pub(in crate::check) struct PartFilter {
    /// The first and the last slot.
    slots: Option<(i64, i64)>,
    /// A bit for each of 64 classes of interfaces.
    interfaces: u64,
    /// Whether a record was not, to the byte, what stood in a line of text (after its time stamp).
    rewritten: bool,
    /// Which records; `None` may be any.
    records: Option<Vec<Filter>>,
}

impl PartFilter {
    /// Tells whether the part may have held records of the slot; `None` may be any.
    pub(in crate::check) fn may_hold_slot(&self, slot: Option<i64>) -> bool {
        match (self.slots, slot) {
            (Some((first, last)), Some(slot)) => first <= slot && slot <= last,
            _ => true,
        }
    }

    /// Tells whether it may have held records of an interface of the class.
    pub(in crate::check) fn may_hold_class(&self, class: InterfaceClass) -> bool {
        self.interfaces & class.0 != 0
    }

    /// Tells whether it may have held a record of this fingerprint. About one in twenty that it did not hold passes.
    pub(in crate::check) fn may_hold_record(&self, fingerprint: u128) -> bool {
        let hash = hash(word(fingerprint));
        let held = |filters: &Vec<Filter>| filters.iter().any(|one| one.contains_hash(hash));
        self.records.as_ref().is_none_or(held)
    }

    /// Tells whether all interfaces whose records it held are of the class.
    pub(in crate::check) fn is_of(&self, class: InterfaceClass) -> bool {
        self.interfaces == class.0
    }

    /// Tells whether the part's records can be found again by the bytes of their lines.
    pub(in crate::check) fn is_verbatim(&self) -> bool {
        !self.rewritten
    }

    /// Adds a record's bucket.
    #[inline(always)]
    pub(in crate::check) fn add(&mut self, print: &RecordPrint<'_>, verbatim: bool) {
        if let Some(slot) = print.slot {
            let (first, last) = self.slots.unwrap_or((slot, slot));
            self.slots = Some((first.min(slot), last.max(slot)));
        }
        self.interfaces |= InterfaceClass::of(print.name).0;
        self.rewritten |= !verbatim;
    }

    /// Says which records those were, all of them.
    pub(in crate::check) fn of_records(mut self, records: Option<Vec<Filter>>) -> Self {
        self.records = records;
        self
    }

    /// Returns what a digest that is kept says of it, which leaves out which records those were.
    pub(in crate::check) fn held(&self) -> PartHeld {
        PartHeld {
            slots: self.slots,
            interfaces: self.interfaces,
            as_lines: self.is_verbatim(),
        }
    }

    /// Takes what such a digest says; `None` if the part held nothing.
    pub(in crate::check) fn of_held(held: &PartHeld) -> Option<Self> {
        (held.interfaces != 0).then_some(Self {
            slots: held.slots,
            interfaces: held.interfaces,
            rewritten: !held.as_lines,
            records: None,
        })
    }

    /// Adds what another piece of the part held.
    pub(in crate::check) fn merge(&mut self, other: Self) {
        self.slots = match (self.slots, other.slots) {
            (Some((first, last)), Some((other_first, other_last))) => {
                Some((first.min(other_first), last.max(other_last)))
            }
            (slots, None) | (None, slots) => slots,
        };
        self.interfaces |= other.interfaces;
        self.rewritten |= other.rewritten;
        self.records = self
            .records
            .take()
            .zip(other.records)
            .map(|(mut all, more)| {
                all.extend(more);
                all
            });
    }
}

/// One of 64 classes of interfaces, as a bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::check) struct InterfaceClass(u64);

impl InterfaceClass {
    /// Returns the class of the interface that the number stands for.
    #[inline(always)]
    pub(in crate::check) fn of(name: u64) -> Self {
        Self(1 << (name >> 58))
    }
}

/// Which records there may be (Bloom, "Space/Time Trade-offs in Hash Coding with Allowable Errors", Communications of the
/// ACM, 1970). It is given hashes, and hashes nothing itself.
type Filter = BloomFilter<BuildHasherDefault<DefaultHasher>>;

/// With these, one record in twenty passes that is not there.
const BITS_A_RECORD: usize = 8;
const HASHES: u32 = 2;

/// So many records at most go into one filter: their words are held until it is known how large it must be.
const MOST_RECORDS: usize = 1 << 20;

/// What a filter takes up besides its bits.
const BYTES_A_FILTER: usize = 80;

/// The memory that filters may still take, in bytes, for all workers.
#[derive(Debug)]
pub(in crate::check) struct FilterMemory(AtomicU64);

impl FilterMemory {
    /// So many bytes are left.
    pub(in crate::check) fn of(bytes: u64) -> Self {
        Self(AtomicU64::new(bytes))
    }

    fn take(&self, bytes: usize) -> bool {
        let less = |left: u64| left.checked_sub(bytes as u64);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }
}

/// The records of a piece of a part, on their way into filters.
pub(in crate::check) struct PieceRecords {
    memory: Arc<FilterMemory>,
    /// Those that are in none yet.
    words: Vec<u32>,
    /// `None` once there is no memory left.
    filters: Option<Vec<Filter>>,
}

impl PieceRecords {
    /// Starts with none.
    pub(in crate::check) fn new(memory: Arc<FilterMemory>) -> Self {
        Self {
            memory,
            words: Vec::new(),
            filters: Some(Vec::new()),
        }
    }

    /// Adds a record.
    #[inline(always)]
    pub(in crate::check) fn add(&mut self, fingerprint: u128) {
        self.words.push(word(fingerprint));
        if self.words.len() == MOST_RECORDS {
            self.filter();
        }
    }

    /// Returns which records there were; `None` if there was no memory for that.
    pub(in crate::check) fn finish(mut self) -> Option<Vec<Filter>> {
        if !self.words.is_empty() {
            self.filter();
        }
        self.filters
    }

    #[inline(never)]
    fn filter(&mut self) {
        let bits = self.words.len() * BITS_A_RECORD;
        let memory = &self.memory;
        let enough = |_: &Vec<Filter>| memory.take(bits / 8 + BYTES_A_FILTER);
        self.filters = self.filters.take().filter(enough).map(|mut filters| {
            let hasher = BuildHasherDefault::default();
            let empty = BloomFilter::with_num_bits(bits).hasher(hasher);
            let mut filter = empty.hashes(HASHES);
            for word in &self.words {
                filter.insert_hash(hash(*word));
            }
            filters.push(filter);
            filters
        });
        self.words.clear();
    }
}

/// Returns a quarter of a fingerprint, which is enough for a filter of a million records.
#[inline(always)]
fn word(fingerprint: u128) -> u32 {
    (fingerprint >> 96) as u32
}

/// Returns what a filter is given for a word. It takes the place of a bit from the hash's highest bits.
#[inline(always)]
fn hash(word: u32) -> u64 {
    u64::from(word) << 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Fingerprints;

    fn fingerprints(seed: u64, number: u64) -> impl Iterator<Item = u128> {
        let key = Fingerprints::seeded(seed);
        (0..number).map(move |n| key.of_record(format!("a record as long as one, {n}").as_bytes()))
    }

    fn span(memory: &Arc<FilterMemory>, records: impl Iterator<Item = u128>) -> PartFilter {
        let mut members = PieceRecords::new(Arc::clone(memory));
        records.for_each(|record| members.add(record));
        PartFilter::default().of_records(members.finish())
    }

    #[test]
    fn what_was_held_passes_and_little_else() {
        let memory = Arc::new(FilterMemory::of(1 << 20));
        let mut whole = span(&memory, fingerprints(1, 20_000));
        assert!(fingerprints(1, 20_000).all(|one| whole.may_hold_record(one)));
        let others = || fingerprints(2, 20_000);
        let passed = |span: &PartFilter| others().filter(|&one| span.may_hold_record(one)).count();
        assert!((800..1_200).contains(&passed(&whole)), "{}", passed(&whole));
        // A part in two pieces.
        whole.merge(span(&memory, fingerprints(3, 10_000)));
        assert!(fingerprints(1, 20_000).all(|one| whole.may_hold_record(one)));
        assert!(fingerprints(3, 10_000).all(|one| whole.may_hold_record(one)));
        assert!(
            (1_600..2_400).contains(&passed(&whole)),
            "{}",
            passed(&whole)
        );
    }

    #[test]
    fn what_a_digest_says_of_it_is_no_less() {
        let key = Fingerprints::seeded(1);
        let mut span = PartFilter::default();
        assert!(PartFilter::of_held(&span.held()).is_none());
        span.add(&RecordPrint::new(&key, b"", b"eni-0aa", Some(300)), true);
        let told = PartFilter::of_held(&span.held()).unwrap();
        let class = InterfaceClass::of(key.of_name(b"eni-0aa"));
        assert!(told.is_of(class) && told.is_verbatim());
        assert!(told.may_hold_slot(Some(300)) && !told.may_hold_slot(Some(600)));
        assert!(fingerprints(1, 10).all(|one| told.may_hold_record(one)));
        span.add(&RecordPrint::new(&key, b"", b"eni-0bb", None), false);
        let told = PartFilter::of_held(&span.held()).unwrap();
        assert!(!told.is_of(class) && !told.is_verbatim());
    }

    #[test]
    fn a_part_without_records_holds_none() {
        let memory = Arc::new(FilterMemory::of(0));
        let none = span(&memory, std::iter::empty());
        assert!(fingerprints(1, 100).all(|one| !none.may_hold_record(one)));
    }

    #[test]
    fn without_memory_a_part_may_hold_any_record() {
        let memory = Arc::new(FilterMemory::of(3_000));
        let known = span(&memory, fingerprints(1, 2_000));
        let mut too_much = span(&memory, fingerprints(1, 2_000));
        let all = |span: &PartFilter| fingerprints(2, 1_000).all(|one| span.may_hold_record(one));
        assert!(!all(&known));
        assert!(all(&too_much));
        // What was taken is no less afterwards, and a piece of which nothing is known makes nothing known of the whole.
        let small = span(&memory, fingerprints(1, 500));
        assert!(!all(&small));
        too_much.merge(small);
        assert!(all(&too_much));
    }

    #[test]
    fn more_records_than_one_filter_has_go_into_several() {
        let number = MOST_RECORDS as u64 + 1_000;
        let memory = Arc::new(FilterMemory::of(1 << 24));
        let large = span(&memory, fingerprints(1, number));
        assert_eq!(large.records.as_ref().map(Vec::len), Some(2));
        assert!(fingerprints(1, number).all(|one| large.may_hold_record(one)));
    }
}
