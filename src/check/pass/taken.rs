//! What a worker has taken in: counts for each side, what each part held, and what the pass's visitor made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use crate::diff::{RowCover, Stands};
use crate::digest::Fingerprints;
use crate::model::Sides;
use crate::model::delay::Delays;
use crate::model::finding::Place;
use crate::record::{Layout, LogStatus};
use crate::source::Part;

use super::span::PartFilter;
use super::visitor::{Origin, SeenRecord, Visitor};

/// How many rows of what kind; adds up in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::check) struct Tally {
    /// Records asked for, NODATA and SKIPDATA included.
    pub records: u64,
    /// NODATA records among them.
    pub nodata: u64,
    /// SKIPDATA records among them.
    pub skipdata: u64,
    /// Rows that are no record.
    pub malformed: u64,
    /// Records with values that cannot be seen.
    pub masked: u64,
    /// The earliest `start`.
    pub first_start: Option<i64>,
    /// The latest `start`.
    pub last_start: Option<i64>,
}

impl Tally {
    fn merge(&mut self, other: &Self) {
        self.records += other.records;
        self.nodata += other.nodata;
        self.skipdata += other.skipdata;
        self.malformed += other.malformed;
        self.masked += other.masked;
        self.first_start = [self.first_start, other.first_start]
            .into_iter()
            .flatten()
            .min();
        self.last_start = self.last_start.max(other.last_start);
    }

    #[inline(always)]
    fn count(&mut self, seen: &SeenRecord<'_>) {
        self.records += 1;
        self.masked += u64::from(seen.set.is_masked);
        match seen.normal.status {
            LogStatus::Ok => {}
            LogStatus::NoData => self.nodata += 1,
            LogStatus::SkipData => self.skipdata += 1,
        }
        if let Some(start) = seen.normal.start {
            self.first_start = Some(self.first_start.unwrap_or(start).min(start));
            self.last_start = Some(self.last_start.unwrap_or(start).max(start));
        }
    }
}

/// What a look found on one side. Adds up in any order.
#[derive(Default)]
pub(in crate::check) struct SideScreen {
    /// How many rows.
    pub tally: Tally,
    /// The first rows that are no record, by place, with the reason.
    pub malformed: BTreeMap<Place, String>,
    /// What the rows may stand for that are no record.
    pub stands: Stands,
    /// The layouts that records in the window have; known when the look is over.
    pub layouts: BTreeSet<Layout>,
    /// The parts that were read or tried; spans go by their numbers.
    pub parts: Vec<Arc<Part>>,
    /// What each part held, by its number.
    pub spans: HashMap<usize, PartFilter>,
    /// Whether nobody knows what each part held: they were read elsewhere.
    pub is_unspanned: bool,
    /// Parts that could not be read, in order, with the reason.
    pub unreadable: Vec<(Arc<Part>, String)>,
    /// Bytes fetched.
    pub bytes: u64,
    /// How long records were on their way, as far as their delivery is known.
    pub delays: Delays,
    /// In what other units than AWS's times were told.
    pub units: BTreeSet<&'static str>,
    /// Records that the side gained (or lost) while it was looked at more closely.
    pub arrivals: i64,
}

impl SideScreen {
    /// Adds what another worker found; at most so many malformed rows are kept.
    fn merge(&mut self, other: Self, most_malformed: usize) {
        self.tally.merge(&other.tally);
        self.malformed.extend(other.malformed);
        while self.malformed.len() > most_malformed {
            self.malformed.pop_last();
        }
        self.stands.merge(other.stands);
        self.delays.merge(&other.delays);
        self.units.extend(other.units);
        // The fewer go to the more: a table that grows is there twice for a moment.
        let mut more = other.spans;
        if self.spans.len() < more.len() {
            mem::swap(&mut self.spans, &mut more);
        }
        for (part, span) in more {
            self.held(part, span);
        }
    }

    /// Returns what a part held, by its number: nothing if it held no record. `None` if that is not known.
    pub(in crate::check) fn span(&self, part: usize) -> Option<Option<&PartFilter>> {
        (!self.is_unspanned).then(|| self.spans.get(&part))
    }

    /// Adds to what a part held.
    fn held(&mut self, part: usize, span: PartFilter) {
        match self.spans.entry(part) {
            Entry::Occupied(mut known) => known.get_mut().merge(span),
            Entry::Vacant(entry) => {
                entry.insert(span);
            }
        }
    }

    /// Takes note of a row that is no record. The first `most` are kept, by place.
    fn malformed(&mut self, place: Place, most: usize, reason: impl FnOnce() -> String) {
        self.tally.malformed += 1;
        let kept = &mut self.malformed;
        let full = kept.len() >= most;
        if !full || kept.last_key_value().is_some_and(|(last, _)| place < *last) {
            kept.insert(place, reason());
            while kept.len() > most {
                kept.pop_last();
            }
        }
    }
}

/// Everything one worker took. Adds up in any order.
pub(in crate::check) struct WorkerResult<V> {
    /// What the pass makes of records.
    pub visitor: V,
    /// What was found on each side.
    pub sides: Sides<SideScreen>,
    /// How many malformed rows are kept a side.
    most_malformed: usize,
}

impl<V: Visitor> WorkerResult<V> {
    /// Starts with nothing.
    pub(in crate::check) fn new(visitor: V, most_malformed: usize) -> Self {
        Self {
            visitor,
            sides: Sides::default(),
            most_malformed,
        }
    }

    /// Starts another one of the same kind.
    pub(in crate::check) fn empty_like(&self) -> Self {
        Self::new(self.visitor.empty_like(), self.most_malformed)
    }

    /// Adds what another one took.
    pub(in crate::check) fn merge(&mut self, other: Self) {
        self.visitor.merge(other.visitor);
        let Sides { s3, cwl } = other.sides;
        self.sides.s3.merge(s3, self.most_malformed);
        self.sides.cwl.merge(cwl, self.most_malformed);
    }

    /// Takes a record.
    #[inline(always)]
    pub(in crate::check) fn record(&mut self, seen: &SeenRecord<'_>, key: &Fingerprints) {
        if self.visitor.visit(seen, key) {
            let side = &mut self.sides[seen.origin.side];
            side.tally.count(seen);
            if let (Some(delivered), Some(end)) = (seen.delivered, seen.normal.end) {
                side.delays.add(end, delivered);
            }
        }
    }

    /// Takes note of what a piece of a part held.
    pub(in crate::check) fn held(&mut self, origin: &Origin, span: PartFilter) {
        self.sides[origin.side].held(origin.number, span);
    }

    /// Takes a row that is no record and may stand for so many of these. The first ones are kept, by place.
    pub(in crate::check) fn malformed(
        &mut self,
        origin: &Origin,
        row: u64,
        cover: RowCover,
        records: u64,
        reason: impl FnOnce() -> String,
    ) {
        let place = Place {
            part: origin.name.clone(),
            row,
        };
        let side = &mut self.sides[origin.side];
        side.malformed(place, self.most_malformed, reason);
        side.stands.add(cover, records);
    }
}
