//! What a worker has taken in: counts for each side, what each part held, and what the pass's visitor made of it.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::delay::Delays;
use crate::digest::{Fingerprints, Print};
use crate::finding::Place;
use crate::record::Status;
use crate::source::Sides;

use super::fields::Layouts;
use super::intake::{Origin, Seen, Visitor};

/// How many rows of what kind; adds up in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
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

/// Which buckets a part held, roughly: never fewer than it did. Decides whether it is read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    /// The first and the last slot.
    slots: Option<(i64, i64)>,
    /// A bit for each of 64 classes of interfaces.
    interfaces: u64,
    /// Whether a record was not, to the byte, what stood in a line of text (after its time stamp).
    rewritten: bool,
}

impl Span {
    /// Tells whether the part may have held records of the slot; `None` may be any.
    pub(super) fn may_hold_slot(&self, slot: Option<i64>) -> bool {
        match (self.slots, slot) {
            (Some((first, last)), Some(slot)) => first <= slot && slot <= last,
            _ => true,
        }
    }

    /// Tells whether it may have held records of an interface of the class.
    pub(super) fn may_hold_class(&self, class: Class) -> bool {
        self.interfaces & class.0 != 0
    }

    /// Tells whether all interfaces whose records it held are of the class.
    pub(super) fn is_of(&self, class: Class) -> bool {
        self.interfaces == class.0
    }

    /// Tells whether the part's records can be found again by the bytes of their lines.
    pub(super) fn is_verbatim(&self) -> bool {
        !self.rewritten
    }

    /// Adds a record's bucket.
    #[inline(always)]
    pub(super) fn add(&mut self, print: &Print<'_>, verbatim: bool) {
        if let Some(slot) = print.slot {
            let (first, last) = self.slots.unwrap_or((slot, slot));
            self.slots = Some((first.min(slot), last.max(slot)));
        }
        self.interfaces |= Class::of(print.name).0;
        self.rewritten |= !verbatim;
    }

    fn merge(&mut self, other: &Self) {
        self.slots = match (self.slots, other.slots) {
            (Some((first, last)), Some((other_first, other_last))) => {
                Some((first.min(other_first), last.max(other_last)))
            }
            (slots, None) | (None, slots) => slots,
        };
        self.interfaces |= other.interfaces;
        self.rewritten |= other.rewritten;
    }
}

/// One of 64 classes of interfaces, as a bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Class(u64);

impl Class {
    /// Returns the class of the interface that the number stands for.
    #[inline(always)]
    pub(super) fn of(name: u64) -> Self {
        Self(1 << (name >> 58))
    }
}

/// Everything one worker took. Adds up in any order.
pub(super) struct Taken<V> {
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
    pub(super) fn new(visitor: V, most_malformed: usize) -> Self {
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
    pub(super) fn fresh(&self) -> Self {
        Self::new(self.visitor.fresh(), self.most_malformed)
    }

    /// Adds what another one took.
    pub(super) fn merge(&mut self, other: Self) {
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
        for (spans, more) in [
            (&mut self.spans.s3, other.spans.s3),
            (&mut self.spans.cwl, other.spans.cwl),
        ] {
            for (part, span) in more {
                spans
                    .entry(part)
                    .and_modify(|mine| mine.merge(&span))
                    .or_insert(span);
            }
        }
    }

    /// Takes a record; false if it does not count.
    #[inline(always)]
    pub(super) fn record(&mut self, seen: &Seen<'_>, key: &Fingerprints) -> bool {
        let counts = self.visitor.visit(seen, key);
        if counts {
            self.tally[seen.origin.side].count(seen);
            if let (Some(delivered), Some(end)) = (seen.delivered, seen.normal.end) {
                self.delays[seen.origin.side].add(end, delivered);
            }
        }
        counts
    }

    /// Takes note of what a piece of a part held.
    pub(super) fn held(&mut self, origin: &Origin, span: Span) {
        let spans = &mut self.spans[origin.side];
        spans
            .entry(origin.number)
            .and_modify(|mine| mine.merge(&span))
            .or_insert(span);
    }

    /// Takes a row that is no record. The first ones are kept, by place.
    pub(super) fn malformed(&mut self, origin: &Origin, row: u64, reason: impl FnOnce() -> String) {
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
