//! What a pass does with records, and what it is told of each.

use std::sync::Arc;

use hashbrown::HashSet;

use crate::decode::Row;
use crate::digest::{Fingerprints, RecordPrint};
use crate::model::finding::Place;
use crate::model::{Cover, Side};
use crate::record::{FieldName, NormalisedRow, Normaliser, Record};

use super::rules::ComparedSet;
use super::span::FilterMemory;

/// The part that rows come from.
#[derive(Clone, Debug)]
pub(in crate::check) struct Origin {
    /// Whose part.
    pub side: Side,
    /// Its number in the pass.
    pub number: usize,
    /// Its name.
    pub name: Arc<str>,
    /// Which records it may hold.
    pub cover: Cover,
    /// When it was delivered, in Unix seconds, if that is known.
    pub delivered: Option<i64>,
    /// Whether the first look found that its records can be told by the bytes of their lines.
    pub verbatim: bool,
}

/// A record on its way into a pass.
pub(in crate::check) struct SeenRecord<'a> {
    /// Where it comes from.
    pub origin: &'a Origin,
    /// Its row.
    pub row: &'a Row<'a>,
    /// The record.
    pub normal: &'a NormalisedRow<'a>,
    /// In which fields it is compared.
    pub set: &'a ComparedSet,
    /// What digests take.
    pub print: RecordPrint<'a>,
    /// When it was delivered, in Unix seconds, if that is known.
    pub delivered: Option<i64>,
    pub(super) normaliser: &'a Normaliser,
}

impl SeenRecord<'_> {
    /// Keeps the whole record.
    pub(in crate::check) fn record(&self) -> Record {
        self.normaliser.record(self.row.cells)
    }

    /// Returns the fields of the whole record.
    pub(in crate::check) fn names(&self) -> &Arc<[FieldName]> {
        self.normaliser.names()
    }

    /// Tells whether all of it is compared, so that the canonical text says as much.
    pub(in crate::check) fn is_compared_whole(&self) -> bool {
        self.normaliser.compares_all()
    }

    /// Returns what stands for the event that it came in, if that has an id: the event and what it says, since two events
    /// with one id that say other things are two.
    pub(in crate::check) fn event(&self, key: &Fingerprints) -> Option<u128> {
        let id = self.row.event_id.filter(|id| !id.is_empty())?;
        let mut event = Vec::with_capacity(256);
        event.extend_from_slice(id.as_bytes());
        event.push(b' ');
        if self.is_compared_whole() {
            event.extend_from_slice(self.normal.text);
        } else {
            event.extend_from_slice(self.record().to_string().as_bytes());
        }
        Some(key.of_record(&event))
    }

    /// Tells where it stands.
    pub(in crate::check) fn place(&self) -> Place {
        Place {
            part: Arc::clone(&self.origin.name),
            row: self.row.number,
        }
    }
}

/// What a pass does with records. Visitors of one pass merge in any order.
pub(in crate::check) trait Visitor: Send + 'static {
    /// Makes an empty one of the same kind.
    fn empty_like(&self) -> Self;

    /// Takes a record; false if it is a copy of an event seen before and does not count. Rows with an event's id come from
    /// parts that are provisional (see [`crate::decode::Sink::provisional`]) only.
    fn visit(&mut self, seen: &SeenRecord<'_>, key: &Fingerprints) -> bool;

    /// The fingerprints of all records that it wants to see; `None` if it wants to see every record.
    fn wanted(&self) -> Option<&HashSet<u128>> {
        None
    }

    /// The memory for filters that tell which records parts held; `None` if that is not asked for.
    fn filters(&self) -> Option<&Arc<FilterMemory>> {
        None
    }

    /// Tells whether an event, which is no record, counts: false if it has been seen before.
    fn claim(&mut self, _side: Side, _event: u128) -> bool {
        true
    }

    /// Adds what another one took.
    fn merge(&mut self, other: Self);

    /// Says that the part it has taken is whole. False if other parts have meanwhile taken events that it counts, too:
    /// then it must be dropped and the part taken again.
    fn make_final(&mut self) -> bool {
        true
    }
}
