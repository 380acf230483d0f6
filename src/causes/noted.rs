//! What looks note of each difference, in bounded memory: counts by bucket, kind and traits, and some rows whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::diff::{Difference, DifferenceKind, heading};
use crate::digest::{BucketId, Lowest};
use crate::model::finding::{Bucket, Finding};
use crate::model::{Side, Sides};
use crate::record::FieldName;

use super::rows::{DifferingCopy, of_flow, of_values};
use super::trait_counts::TraitCounts;
use super::traits::{FieldChange, Relation, Traits};

/// So many rows are kept whole of each sample.
pub const MOST_ROWS: usize = 4_096;

/// So many changes, and pairs of parts, are told apart.
const MOST_NAMES: usize = 4_096;

/// How many records there are of each sort, by where they are and what they were found to be.
pub(super) type SortCells = BTreeMap<(Bucket, DifferenceKind), TraitCounts>;

/// Things that go by a number, from 1, while there are not too many.
#[derive(Clone, Debug)]
pub struct Numbered<T> {
    all: Vec<T>,
    numbers: BTreeMap<T, u16>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            numbers: BTreeMap::new(),
        }
    }
}

impl<T: Clone + Ord> Numbered<T> {
    /// Returns its number; 0 if there are too many.
    fn number(&mut self, one: T) -> u16 {
        if let Some(&number) = self.numbers.get(&one) {
            return number;
        }
        if self.all.len() >= MOST_NAMES {
            return 0;
        }
        self.all.push(one.clone());
        let number = u16::try_from(self.all.len()).unwrap_or(0);
        self.numbers.insert(one, number);
        number
    }

    /// Returns what has the number.
    pub fn get(&self, number: u16) -> Option<&T> {
        self.all.get(usize::from(number).checked_sub(1)?)
    }
}

/// What was noted of the differences of a look.
#[derive(Clone, Debug)]
pub struct NotedDifferences {
    /// How many, of what sort.
    pub cells: SortCells,
    /// What differs in pairs.
    pub changes: Numbered<FieldChange>,
    /// The parts that hold an extra copy, and the one before it.
    pub twins: Numbered<(Arc<str>, Arc<str>)>,
    /// Some rows, whole flows at a time.
    pub flows: Lowest<DifferingCopy>,
    /// Some rows, those of equal values at a time.
    pub values: Lowest<DifferingCopy>,
}

impl Default for NotedDifferences {
    fn default() -> Self {
        Self {
            cells: SortCells::new(),
            changes: Numbered::default(),
            twins: Numbered::default(),
            flows: Lowest::of(MOST_ROWS),
            values: Lowest::of(MOST_ROWS),
        }
    }
}

impl NotedDifferences {
    /// Notes a difference that was told by its copies.
    pub fn difference(&mut self, difference: &Difference<'_>) {
        let (bucket, kind) = (difference.bucket, difference.kind);
        let copies = difference.copies();
        let Some(first) = copies.s3.or(copies.cwl) else {
            return;
        };
        let mut traits = Traits::of(&first.record, first.end, first.delivered);
        if let Sides {
            s3: Some(s3),
            cwl: Some(cwl),
        } = copies
        {
            let fields = difference.unequal_fields();
            let value = |of: &crate::record::Record, name: &str| of.get(name).map(str::to_owned);
            let change = fields.iter().map(|name| {
                let (a, b) = (value(&s3.record, name), value(&cwl.record, name));
                let relation = Relation::of(a.as_deref(), b.as_deref());
                (FieldName::new(name), relation)
            });
            traits.change = self.changes.number(change.collect());
        } else if let Some(twin) = difference.twin() {
            let parts = (Arc::clone(&twin.place.part), Arc::clone(&first.place.part));
            traits.twin = self.twins.number(parts);
        }
        self.count(bucket, kind, traits, 1);
        for side in Side::BOTH {
            let Some((kept, text)) = copies[side].zip(difference.text(side)) else {
                continue;
            };
            let row = || DifferingCopy {
                side,
                kind,
                bucket: bucket.clone(),
                traits,
                record: kept.record.clone(),
                part: Arc::clone(&kept.place.part),
            };
            let rank = of_flow(&kept.record);
            if self.flows.takes(rank) {
                self.flows.add(rank, row());
            }
            let rank = of_values(text);
            if self.values.takes(rank) {
                self.values.add(rank, row());
            }
        }
    }

    /// Notes differences that are known by number and traits.
    pub fn count(&mut self, bucket: &Bucket, kind: DifferenceKind, traits: Traits, records: u64) {
        if records > 0 {
            let cell = self.cells.entry((bucket.clone(), kind)).or_default();
            cell.add(traits, records);
        }
    }

    /// Makes the cells add up to what was found in the end: what was noted as something else before, and what was counted and
    /// never seen, has no traits.
    /// `found` is in the order of findings.
    pub fn reconcile(&mut self, found: &[Finding]) {
        let is_found = |cell: &(Bucket, DifferenceKind)| {
            found.binary_search_by(|finding| heading(finding).0.cmp(cell))
        };
        self.cells.retain(|cell, _| is_found(cell).is_ok());
        for (cell, records) in found.iter().map(heading) {
            let by_traits = self.cells.entry(cell).or_default();
            let noted = by_traits.total();
            if noted < records {
                by_traits.add(Traits::unknown(), records - noted);
            }
            by_traits.take_last(noted.saturating_sub(records));
        }
        self.cells.retain(|_, by_traits| !by_traits.is_empty());
    }
}

/// What a worker notes of records in buckets that one side lacks altogether; adds up in any order.
#[derive(Clone, Debug)]
pub struct Lone {
    /// How many, by bucket, whether they are young, and traits.
    counts: HashMap<(BucketId, bool, Traits), u64>,
    flows: Lowest<DifferingCopy>,
    values: Lowest<DifferingCopy>,
}

impl Default for Lone {
    fn default() -> Self {
        Self {
            counts: HashMap::new(),
            flows: Lowest::of(MOST_ROWS),
            values: Lowest::of(MOST_ROWS),
        }
    }
}

impl Lone {
    /// Notes a record. `row` makes it one to keep, if it is one of those.
    pub fn add(
        &mut self,
        (bucket, young, traits): (BucketId, bool, Traits),
        (flow, values): (u64, u64),
        row: impl Fn() -> DifferingCopy,
    ) {
        *self.counts.entry((bucket, young, traits)).or_default() += 1;
        if self.flows.takes(flow) {
            self.flows.add(flow, row());
        }
        if self.values.takes(values) {
            self.values.add(values, row());
        }
    }

    /// Adds what another worker noted.
    pub fn merge(&mut self, other: Self) {
        for (key, records) in other.counts {
            *self.counts.entry(key).or_default() += records;
        }
        self.flows.merge(other.flows);
        self.values.merge(other.values);
    }

    /// Adds it to what was noted, as what it was found to be.
    pub fn tell(
        self,
        noted: &mut NotedDifferences,
        bucket: impl Fn(BucketId) -> Option<Bucket>,
        kind: impl Fn(&Bucket, bool) -> DifferenceKind,
    ) {
        for ((id, young, traits), records) in self.counts {
            if let Some(bucket) = bucket(id) {
                noted.count(&bucket, kind(&bucket, young), traits, records);
            }
        }
        let told =
            |row: &DifferingCopy| kind(&row.bucket, matches!(row.kind, DifferenceKind::Pending(_)));
        for (mine, more) in [
            (&mut noted.flows, self.flows),
            (&mut noted.values, self.values),
        ] {
            mine.merge(more.map(|row| DifferingCopy {
                kind: told(&row),
                ..row
            }));
        }
    }
}
