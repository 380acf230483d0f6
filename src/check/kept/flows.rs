//! What a reading does that makes a digest: it adds up records, and keeps the copies of those it is asked for.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::causes::of_text;
use crate::check::pass::claims::EventDedup;
use crate::check::pass::visitor::{SeenRecord, Visitor};
use crate::digest::Fingerprints;
use crate::digest::file::{FlowSums, Sample, Times};
use crate::model::Side;
use crate::model::finding::{Evidence, Place};
use crate::record::{Cells, FieldSet, Record, RecordKind};

/// The copies of a record.
#[derive(Clone, Debug)]
pub(super) struct KeptRecord {
    record: Record,
    /// Where they stand, and in which events.
    places: Vec<(Place, Option<u128>)>,
}

impl KeptRecord {
    /// Returns the copies in order of place, an event once.
    pub(super) fn copies(&self) -> Vec<Evidence> {
        let mut places: Vec<_> = self.places.iter().collect();
        places.sort();
        let mut seen = HashSet::new();
        let once = places
            .into_iter()
            .filter(|(_, event)| event.is_none_or(|event| seen.insert(event)));
        let evidence = |(place, _): &(Place, Option<u128>)| Evidence {
            record: self.record.clone(),
            found_in: place.clone(),
        };
        once.map(evidence).collect()
    }
}

/// Adds up one side's records.
pub(super) struct FlowVisitor {
    /// What they add up to.
    pub sums: FlowSums,
    /// The records that are asked for.
    pub kept: HashMap<u128, KeptRecord>,
    /// Some records, if they are asked for.
    pub sample: Option<Sample>,
    wanted: Arc<HashSet<u128>>,
    columns: Option<FlowColumns>,
    claims: EventDedup,
    flow: Vec<u8>,
}

/// Where in canonical text of a field set the flow stands.
struct FlowColumns {
    set: Arc<FieldSet>,
    /// The columns, as runs of neighbours: the first, and the one after the last.
    runs: Vec<(usize, usize)>,
    /// Whether `start` and `end` are compared.
    start: bool,
    end: bool,
}

impl FlowVisitor {
    /// Starts with nothing. The copies of records that are `wanted` are kept.
    pub(super) fn new(sums: FlowSums, wanted: Arc<HashSet<u128>>) -> Self {
        Self {
            sums,
            kept: HashMap::new(),
            sample: None,
            wanted,
            columns: None,
            claims: EventDedup::default(),
            flow: Vec::new(),
        }
    }

    #[cold]
    #[inline(never)]
    fn keep(&mut self, seen: &SeenRecord<'_>, key: &Fingerprints) {
        let kept = self.kept.entry(seen.print.fingerprint);
        let kept = kept.or_insert_with(|| KeptRecord {
            record: seen.record(),
            places: Vec::new(),
        });
        kept.places.push((seen.place(), seen.event(key)));
    }

    /// Returns the number of a record's flow, and its times as far as they are compared.
    #[inline(always)]
    fn flow(&mut self, seen: &SeenRecord<'_>, key: &Fingerprints) -> (u64, Times) {
        let set = &seen.set.fields;
        let columns = match &mut self.columns {
            Some(known) if Arc::ptr_eq(&known.set, set) => known,
            columns => columns.insert(FlowColumns::of(set)),
        };
        let flow = &mut self.flow;
        flow.clear();
        flow.extend_from_slice(match set.kind {
            RecordKind::Vpc => b"vpc",
            RecordKind::TransitGateway => b"transit-gateway",
        });
        match seen.row.cells {
            // The text is the line, and where its cells are is known.
            Cells::InLine(line) if seen.normal.verbatim => {
                for &(first, after) in &columns.runs {
                    flow.push(b' ');
                    flow.extend_from_slice(line.neighbours(first, after));
                }
            }
            Cells::InLine(_) | Cells::Apart(_) => columns.find(seen.normal.text, flow),
        }
        let start = seen.normal.start.filter(|_| columns.start);
        let end = seen.normal.end.filter(|_| columns.end);
        (key.of_name(flow), (start, end))
    }
}

/// Takes a record into a sample, as few are.
#[cold]
#[inline(never)]
fn add_to_sample(sample: &mut Sample, number: u64, seen: &SeenRecord<'_>) {
    sample.add(number, (seen.record(), Arc::clone(&seen.origin.name)));
}

impl FlowColumns {
    #[cold]
    #[inline(never)]
    fn of(set: &Arc<FieldSet>) -> Self {
        let columns: Vec<usize> = set.flow().map(|(column, _)| column).collect();
        let runs = columns.chunk_by(|a, b| a + 1 == *b);
        Self {
            set: Arc::clone(set),
            runs: runs.map(|run| (run[0], run[0] + run.len())).collect(),
            start: set.fields.has("start"),
            end: set.fields.has("end"),
        }
    }

    /// Appends the flow of a canonical text.
    fn find(&self, text: &[u8], flow: &mut Vec<u8>) {
        let mut runs = self.runs.iter().peekable();
        for (at, value) in text.split(|&byte| byte == b' ').enumerate() {
            let Some(&&(first, after)) = runs.peek() else {
                return;
            };
            if first <= at {
                flow.push(b' ');
                flow.extend_from_slice(value);
            }
            if at + 1 == after {
                runs.next();
            }
        }
    }
}

impl Visitor for FlowVisitor {
    fn empty_like(&self) -> Self {
        Self {
            claims: self.claims.empty_like(),
            sample: self.sample.as_ref().map(Sample::empty_like),
            ..Self::new(self.sums.empty_like(), Arc::clone(&self.wanted))
        }
    }

    #[inline(always)]
    fn visit(&mut self, seen: &SeenRecord<'_>, key: &Fingerprints) -> bool {
        // Also a copy that does not count, so that which of an event's places is shown is not left to chance.
        if self.wanted.contains(&seen.print.fingerprint) {
            self.keep(seen, key);
        }
        if !self.claims.claim(seen, key) {
            return false;
        }
        let (flow, times) = self.flow(seen, key);
        self.sums.add(&seen.print, flow, times);
        if let Some(sample) = &mut self.sample {
            let number = of_text(seen.normal.text, seen.normal.start, seen.normal.end);
            if sample.takes(number) {
                add_to_sample(sample, number, seen);
            }
        }
        true
    }

    fn claim(&mut self, side: Side, event: u128) -> bool {
        self.claims.claim_event(side, event)
    }

    fn merge(&mut self, other: Self) {
        self.sums.merge(other.sums);
        if let Some((sample, more)) = self.sample.as_mut().zip(other.sample) {
            sample.merge(more);
        }
        for (fingerprint, more) in other.kept {
            match self.kept.entry(fingerprint) {
                hashbrown::hash_map::Entry::Occupied(mut known) => {
                    known.get_mut().places.extend(more.places);
                }
                hashbrown::hash_map::Entry::Vacant(entry) => {
                    entry.insert(more);
                }
            }
        }
    }

    fn make_final(&mut self) -> bool {
        self.claims.make_final()
    }
}
