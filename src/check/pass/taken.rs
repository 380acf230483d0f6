//! What a worker has taken in: counts for each side, what each part held, and what the pass's visitor made of it.

use std::collections::BTreeMap;
use std::mem;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use crate::digest::Fingerprints;
use crate::model::Sides;
use crate::model::delay::Delays;
use crate::model::finding::Place;
use crate::record::Status;

use super::fields::Layouts;
use super::span::Span;
use super::visitor::{Origin, Seen, Visitor};

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
        self.first_start = [self.first_start, other.first_start]
            .into_iter()
            .flatten()
            .min();
        self.last_start = self.last_start.max(other.last_start);
    }

    #[inline(always)]
    fn count(&mut self, seen: &Seen<'_>) {
        self.records += 1;
        match seen.normal.status {
            Status::Ok => {}
            Status::NoData => self.nodata += 1,
            Status::SkipData => self.skipdata += 1,
        }
        if let Some(start) = seen.normal.start {
            self.first_start = Some(self.first_start.unwrap_or(start).min(start));
            self.last_start = Some(self.last_start.unwrap_or(start).max(start));
        }
    }
}

/// Everything one worker took. Adds up in any order.
pub(in crate::check) struct Taken<V> {
    /// What the pass makes of records.
    pub visitor: V,
    /// How many rows.
    pub tally: Sides<Tally>,
    /// The first rows that are no record, by place, with the reason.
    pub malformed: Sides<BTreeMap<Place, String>>,
    /// The layouts met.
    pub layouts: Layouts,
    /// What each part held, by its number in the pass.
    pub spans: Sides<HashMap<usize, Span>>,
    /// How long records were on their way, as far as their delivery is known.
    pub delays: Sides<Delays>,
    /// How many malformed rows are kept a side.
    most_malformed: usize,
}

impl<V: Visitor> Taken<V> {
    /// Starts with nothing.
    pub(in crate::check) fn new(visitor: V, most_malformed: usize) -> Self {
        Self {
            visitor,
            tally: Sides::default(),
            malformed: Sides::default(),
            layouts: Sides::default(),
            spans: Sides::default(),
            delays: Sides::default(),
            most_malformed,
        }
    }

    /// Starts another one of the same kind.
    pub(in crate::check) fn fresh(&self) -> Self {
        Self::new(self.visitor.fresh(), self.most_malformed)
    }

    /// Adds what another one took.
    pub(in crate::check) fn merge(&mut self, other: Self) {
        self.visitor.merge(other.visitor);
        let sides = [
            (
                &mut self.tally.s3,
                &other.tally.s3,
                &mut self.malformed.s3,
                other.malformed.s3,
            ),
            (
                &mut self.tally.cwl,
                &other.tally.cwl,
                &mut self.malformed.cwl,
                other.malformed.cwl,
            ),
        ];
        for (tally, more, malformed, rows) in sides {
            tally.merge(more);
            malformed.extend(rows);
            while malformed.len() > self.most_malformed {
                malformed.pop_last();
            }
        }
        self.delays.s3.merge(&other.delays.s3);
        self.delays.cwl.merge(&other.delays.cwl);
        self.layouts.s3.extend(other.layouts.s3);
        self.layouts.cwl.extend(other.layouts.cwl);
        for (spans, mut more) in [
            (&mut self.spans.s3, other.spans.s3),
            (&mut self.spans.cwl, other.spans.cwl),
        ] {
            // The fewer go to the more: a table that grows is there twice for a moment.
            if spans.len() < more.len() {
                mem::swap(spans, &mut more);
            }
            for (part, span) in more {
                hold(spans, part, span);
            }
        }
    }

    /// Takes a record.
    #[inline(always)]
    pub(in crate::check) fn record(&mut self, seen: &Seen<'_>, key: &Fingerprints) {
        if self.visitor.visit(seen, key) {
            self.tally[seen.origin.side].count(seen);
            if let (Some(delivered), Some(end)) = (seen.delivered, seen.normal.end) {
                self.delays[seen.origin.side].add(end, delivered);
            }
        }
    }

    /// Takes note of what a piece of a part held.
    pub(in crate::check) fn held(&mut self, origin: &Origin, span: Span) {
        hold(&mut self.spans[origin.side], origin.number, span);
    }

    /// Takes a row that is no record. The first ones are kept, by place.
    pub(in crate::check) fn malformed(
        &mut self,
        origin: &Origin,
        row: u64,
        reason: impl FnOnce() -> String,
    ) {
        self.tally[origin.side].malformed += 1;
        let kept = &mut self.malformed[origin.side];
        let place = Place {
            part: origin.name.clone(),
            row,
        };
        let full = kept.len() >= self.most_malformed;
        if !full || kept.last_key_value().is_some_and(|(last, _)| place < *last) {
            kept.insert(place, reason());
            while kept.len() > self.most_malformed {
                kept.pop_last();
            }
        }
    }
}

/// Adds to what a part held.
fn hold(spans: &mut HashMap<usize, Span>, part: usize, span: Span) {
    match spans.entry(part) {
        Entry::Occupied(mut known) => known.get_mut().merge(span),
        Entry::Vacant(entry) => {
            entry.insert(span);
        }
    }
}
