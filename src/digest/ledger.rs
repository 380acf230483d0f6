//! The ledger: how many copies each bucket holds, and their sums.

use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::model::finding::Bucket;

use super::RecordPrint;
use super::bucket::BucketId;
use super::grain::Resolution;

/// What is known of one bucket. Sums wrap; they are only ever compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// How many copies.
    pub copies: u64,
    /// How many of them are young: the other side's copy may still be on its way.
    pub young: u64,
    /// The sum of their fingerprints.
    pub fingerprints: u128,
}

impl Sums {
    const ZERO: Self = Self {
        copies: 0,
        young: 0,
        fingerprints: 0,
    };

    fn merge(&mut self, other: &Self) {
        self.copies = self.copies.wrapping_add(other.copies);
        self.young = self.young.wrapping_add(other.young);
        self.fingerprints = self.fingerprints.wrapping_add(other.fingerprints);
    }
}

/// 48 bytes: there may be many.
#[derive(Clone, Debug)]
struct LedgerLine {
    interface: u64,
    /// [`NO_SLOT`] if there is none.
    slot: i64,
    sums: Sums,
}

/// No slot begins there.
const NO_SLOT: i64 = i64::MIN;

impl LedgerLine {
    fn id(&self) -> BucketId {
        BucketId::new(self.interface, self.slot())
    }

    fn slot(&self) -> Option<i64> {
        (self.slot != NO_SLOT).then_some(self.slot)
    }
}

/// Sums for each bucket of one side. Merges in any order.
///
/// A ledger that is bounded has coarser lines once there would be too many: sums of several buckets. Two sides are
/// equal in a coarse line if they are equal in each of its buckets (or if differences cancel, which the key prevents).
#[derive(Clone, Debug)]
pub struct Ledger {
    lines: HashTable<LedgerLine>,
    interfaces: HashTable<(u64, Arc<str>)>,
    grain: Resolution,
    most_lines: usize,
}

impl Default for Ledger {
    /// Makes an empty one without a bound.
    fn default() -> Self {
        Self::bounded(usize::MAX)
    }
}

impl Ledger {
    /// Makes an empty one of at most so many lines, or of 4,096 if that is more.
    pub fn bounded(most_lines: usize) -> Self {
        Self {
            lines: HashTable::new(),
            interfaces: HashTable::new(),
            grain: Resolution::default(),
            most_lines,
        }
    }

    /// Returns how many lines a ledger in so many bytes of memory has at most.
    pub fn lines_in(bytes: u64) -> usize {
        let slots = bytes / (size_of::<LedgerLine>() as u64 + 1);
        // Hash tables double, and are never more than seven eighths full. There is one line too many for a moment before
        // they become coarser, and it must not be what doubles the table.
        let slots: u64 = slots.checked_ilog2().map_or(0, |log| 1 << log);
        let full = slots / 8 * 7;
        usize::try_from(full.saturating_sub(1)).unwrap_or(usize::MAX)
    }

    /// Returns how coarse the lines are.
    pub fn grain(&self) -> Resolution {
        self.grain
    }

    /// Adds one copy of a record to its bucket's sums.
    #[inline(always)]
    pub fn add(&mut self, print: &RecordPrint<'_>) {
        let (name, slot) = (print.name, print.slot.unwrap_or(NO_SLOT));
        let is_it = |line: &LedgerLine| line.interface == name && line.slot == slot;
        if self.grain.is_fine()
            && let Some(line) = self.lines.find_mut(print.bucket.0, is_it)
        {
            line.sums.merge(&print.sums());
        } else {
            self.add_to_line(print.name, print.slot, print.sums(), print.interface);
        }
    }

    /// Takes values, since a print that it took by reference would have to be in memory for every record.
    #[cold]
    #[inline(never)]
    fn add_to_line(&mut self, name: u64, slot: Option<i64>, sums: Sums, interface: &[u8]) {
        self.add_sums(name, slot, &sums);
        if self.grain.tells_interfaces() {
            self.name(name, || String::from_utf8_lossy(interface).into());
        }
    }

    /// Adds another ledger, made under the same key.
    pub fn merge(&mut self, mut other: Self) {
        if self.lines.is_empty() {
            std::mem::swap(self, &mut other);
        }
        self.coarsen(other.grain);
        for line in &other.lines {
            self.add_sums(line.interface, line.slot(), &line.sums);
        }
        for (name, text) in other.interfaces {
            if self.grain.tells_interfaces() {
                self.name(name, || text);
            }
        }
    }

    /// Makes the lines as coarse as this, or leaves them if they are coarser.
    pub fn coarsen(&mut self, grain: Resolution) {
        if grain <= self.grain {
            return;
        }
        self.grain = grain;
        for line in std::mem::take(&mut self.lines) {
            let (interface, slot) = grain.place(line.interface, line.slot());
            self.open(interface, slot).merge(&line.sums);
        }
        if !self.grain.tells_interfaces() {
            self.interfaces = HashTable::new();
        }
    }

    /// Returns the sums of a bucket, or of a coarser line, all zero if the side has nothing in it.
    pub fn sums(&self, id: BucketId) -> Sums {
        self.line(id).map_or(Sums::ZERO, |line| line.sums)
    }

    /// Returns the bucket behind the number, if this side has anything in it and lines are buckets.
    pub fn bucket(&self, id: BucketId) -> Option<Bucket> {
        let line = self.line(id).filter(|_| self.grain.is_fine())?;
        Some(Bucket {
            interface: self.interface(line.interface)?,
            slot: line.slot(),
        })
    }

    /// Returns the interface behind the number, if this side has anything of it.
    pub fn interface(&self, name: u64) -> Option<Arc<str>> {
        let found = self.interfaces.find(name, |(known, _)| *known == name);
        found.map(|(_, interface)| Arc::clone(interface))
    }

    /// Returns all lines, in no order.
    pub fn ids(&self) -> impl Iterator<Item = BucketId> + '_ {
        self.lines.iter().map(LedgerLine::id)
    }

    /// Returns all lines of single buckets, in order; none if lines are coarser.
    pub(super) fn lines(&self) -> Vec<(Bucket, Sums)> {
        let line = |line: &LedgerLine| Some((self.bucket(line.id())?, line.sums));
        let mut lines: Vec<_> = self.lines.iter().filter_map(line).collect();
        lines.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        lines
    }

    /// Adds sums to a bucket, whose interface has the number `name`.
    pub(super) fn add_line(&mut self, name: u64, bucket: Bucket, sums: &Sums) {
        self.add_sums(name, bucket.slot, sums);
        if self.grain.tells_interfaces() {
            self.name(name, || bucket.interface);
        }
    }

    /// Returns how many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Tells whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn line(&self, id: BucketId) -> Option<&LedgerLine> {
        self.lines.find(id.0, |line| line.id() == id)
    }

    fn add_sums(&mut self, interface: u64, slot: Option<i64>, sums: &Sums) {
        let (interface, slot) = self.grain.place(interface, slot);
        self.open(interface, slot).merge(sums);
        // Down to half, so that this is not gone through again at once.
        let mut most = self.most_lines;
        while self.lines.len() > most
            && let Some(grain) = self.grain.coarser()
        {
            self.coarsen(grain);
            most = self.most_lines / 2;
        }
    }

    fn open(&mut self, interface: u64, slot: Option<i64>) -> &mut Sums {
        let id = BucketId::new(interface, slot);
        let slot = slot.unwrap_or(NO_SLOT);
        let line = || LedgerLine {
            interface,
            slot,
            sums: Sums::ZERO,
        };
        let is_it = |line: &LedgerLine| line.interface == interface && line.slot == slot;
        let entry = self.lines.entry(id.0, is_it, |line| line.id().0);
        &mut entry.or_insert_with(line).into_mut().sums
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
    use itertools::Itertools;

    use super::*;
    use crate::digest::Fingerprints;
    use crate::model::window::SLOT;

    fn add(
        ledger: &mut Ledger,
        interface: &'static str,
        slot: Option<i64>,
        text: &str,
    ) -> (BucketId, u128) {
        let key = Fingerprints::seeded(1);
        let print = RecordPrint::new(&key, text.as_bytes(), interface.as_bytes(), slot);
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
        front.merge(back);
        let fingerprints = one.wrapping_add(two);
        assert_eq!(
            front.sums(shared),
            Sums {
                copies: 2,
                young: 0,
                fingerprints
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

    /// However many lines are allowed, however the records are spread over ledgers: lines are sums of whole buckets.
    #[test]
    fn a_bounded_ledger_has_coarser_lines_with_the_same_sums() {
        let key = Fingerprints::seeded(1);
        let names: Vec<String> = (0..40).map(|n| format!("eni-{n:03}")).collect();
        let texts: Vec<String> = (0..2_000).map(|n| n.to_string()).collect();
        let prints: Vec<RecordPrint<'_>> = (0..2_000i64)
            .zip(&texts)
            .map(|(n, text)| {
                let name = &names[usize::try_from(n % 40).unwrap()];
                let slot = (n % 7 != 0).then_some(n / 40 * 3 * SLOT);
                RecordPrint::new(&key, text.as_bytes(), name.as_bytes(), slot)
            })
            .collect();
        let mut grains = std::collections::BTreeSet::new();
        for most in [usize::MAX, 1_500, 300, 60, 5] {
            let (mut whole, mut parts) = (
                Ledger::bounded(most),
                [(); 3].map(|()| Ledger::bounded(most)),
            );
            for (n, print) in prints.iter().enumerate() {
                whole.add(print);
                parts[n % 3].add(print);
            }
            let [mut merged, second, third] = parts;
            merged.merge(third);
            merged.merge(second);
            let coarsest = merged.grain().max(whole.grain());
            merged.coarsen(coarsest);
            whole.coarsen(coarsest);
            assert!(whole.len() <= most.max(40), "{most}: {}", whole.len());
            let ids: std::collections::BTreeSet<BucketId> =
                prints.iter().map(|print| coarsest.line(print)).collect();
            assert_eq!(whole.len(), ids.len());
            for id in ids {
                let of_line = prints.iter().filter(|print| coarsest.line(print) == id);
                let mut sums = Sums::ZERO;
                of_line.for_each(|print| sums.merge(&print.sums()));
                assert_eq!((whole.sums(id), merged.sums(id)), (sums, sums), "{most}");
                assert_eq!(whole.bucket(id).is_some(), coarsest.is_fine());
            }
            grains.insert(coarsest.0);
        }
        assert!(grains.len() > 3, "{grains:?}");
    }

    #[test]
    fn lines_become_coarser_when_there_are_too_many_and_then_at_most_half_as_many() {
        let key = Fingerprints::seeded(1);
        let mut ledger = Ledger::bounded(40);
        for slot in 0..400 {
            let before = ledger.grain();
            // Two interfaces that are not of one class.
            for interface in ["eni-0aa", "eni-0bb"] {
                ledger.add(&RecordPrint::new(
                    &key,
                    b"record",
                    interface.as_bytes(),
                    Some(slot * SLOT),
                ));
            }
            assert_eq!(ledger.grain().is_fine(), slot < 20, "{slot}");
            if ledger.grain() != before {
                assert!(ledger.len() <= 20, "{}", ledger.len());
            }
        }
        assert!(ledger.grain().0 > 1);
        // Hours and days make no fewer lines of these.
        let mut wide = Ledger::bounded(40);
        for interface in 0..41 {
            let name = format!("eni-{interface:03}");
            wide.add(&RecordPrint::new(&key, b"record", name.as_bytes(), Some(0)));
        }
        assert_eq!(wide.grain().0, 4);
    }

    #[test]
    fn each_interface_is_named_once() {
        let key = Fingerprints::seeded(1);
        let names: Vec<String> = (0..1_000)
            .map(|number| format!("eni-{number:03}"))
            .collect();
        let mut ledger = Ledger::default();
        for (slot, name) in (0..3).cartesian_product(&names) {
            ledger.add(&RecordPrint::new(
                &key,
                b"record",
                name.as_bytes(),
                Some(slot * SLOT),
            ));
        }
        assert_eq!(ledger.interfaces.len(), names.len());
        for name in &names {
            let known = ledger.interface(key.of_name(name.as_bytes()));
            assert_eq!(known.as_deref(), Some(&**name));
        }
    }

    #[test]
    fn names_go_when_lines_are_of_several_interfaces_and_only_then() {
        let key = Fingerprints::seeded(1);
        let mut ledger = Ledger::default();
        let print = RecordPrint::new(&key, b"record", b"eni-0aa", Some(0));
        ledger.add(&print);
        for (grain, known) in [(0, true), (1, true), (2, true), (3, false), (4, false)] {
            ledger.coarsen(Resolution(grain));
            assert_eq!(ledger.interface(print.name).is_some(), known, "{grain}");
        }
    }

    #[test]
    fn a_line_is_as_small_as_the_memory_of_a_ledger_is_reckoned_with() {
        assert_eq!(size_of::<LedgerLine>(), 48);
        assert_eq!(Ledger::lines_in(49 << 16), (1 << 16) / 8 * 7 - 1);
        assert_eq!(Ledger::lines_in((49 << 16) - 1), (1 << 15) / 8 * 7 - 1);
        assert_eq!(Ledger::lines_in(0), 0);
    }
}
