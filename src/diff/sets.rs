//! The field sets that the copies at hand have, and what any two of them share.

use std::sync::Arc;

use hashbrown::HashMap;
use itertools::Itertools;
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

use super::hidden::LackingCopy;
use crate::model::finding::Bucket;
use crate::model::{Side, Sides};
use crate::record::{ComparedFields, FieldName, FieldSet, PerKind, RecordKind, Shared};

/// The field sets of a run, by number.
#[derive(Clone, Debug)]
pub struct FieldSets {
    sets: Vec<Arc<FieldSet>>,
    sides: Vec<Sides<bool>>,
    compared: PerKind<ComparedFields>,
    /// For each set, the columns that say which copies may belong together: copies that may be matched or paired have
    /// equal values in them.
    core: Vec<Vec<usize>>,
    shared: HashMap<(usize, usize), Vec<Shared>>,
}

impl FieldSets {
    /// Takes the sets; their numbers are their places. `compared` is what they are made of: for each kind, what both sides
    /// have. `sides` tells on which sides there are records of each set.
    pub fn new(
        sets: Vec<Arc<FieldSet>>,
        sides: Vec<Sides<bool>>,
        compared: PerKind<ComparedFields>,
    ) -> Self {
        let core = (0..sets.len()).map(|at| core(&sets, at)).collect();
        let both = |one: usize| (0..sets.len()).map(move |other| (one, other));
        let pairs = (0..sets.len()).flat_map(both);
        let of = |(one, other): (usize, usize)| ((one, other), sets[one].shared(&sets[other]));
        let shared = pairs.map(of).collect();
        Self {
            sets,
            sides,
            compared,
            core,
            shared,
        }
    }

    /// Returns the set of that number.
    ///
    /// # Panics
    /// If there is none.
    pub fn get(&self, number: usize) -> &Arc<FieldSet> {
        &self.sets[number]
    }

    /// Tells whether there is one set of each kind, so that no record can be matched on fewer fields than it has.
    pub fn is_one_a_kind(&self) -> bool {
        self.sets.iter().map(|set| set.kind).all_unique()
    }

    /// Tells whether records of these two sets may be matched on fewer fields than one of them has.
    pub fn joins(&self, one: usize, other: usize) -> bool {
        one != other && self.sets[one].joins(&self.sets[other])
    }

    /// Tells whether records of these two sets may be the same although too little is shared to tell: neither `start` nor
    /// whose traffic it is.
    pub fn shares_too_little(&self, one: usize, other: usize) -> bool {
        let (here, there) = (self.get(one), self.get(other));
        one != other && here.kind == there.kind && !here.joins(there)
    }

    /// Tells whether records of a side may be the same as one of this set although too little is shared to tell.
    pub fn may_be_untold(&self, number: usize, side: Side) -> bool {
        let mut others = self.sides.iter().enumerate();
        others.any(|(other, sides)| sides[side] && self.shares_too_little(number, other))
    }

    /// Returns what a record of a set tells of where its other copy may be. `text` is its canonical text.
    pub fn lacking<'b>(&self, number: usize, text: &[u8], bucket: &'b Bucket) -> LackingCopy<'b> {
        let fields = &self.get(number).fields;
        let mut names = fields.fields().iter();
        let start = names.position(|name| name.as_str() == "start");
        let start = start.and_then(|column| values(text).nth(column));
        LackingCopy {
            interface: fields.has("interface-id").then_some(&*bucket.interface),
            start: start.and_then(|start| std::str::from_utf8(start).ok()?.parse().ok()),
        }
    }

    /// Returns what two sets share, in the order of the first.
    pub fn shared(&self, one: usize, other: usize) -> &[Shared] {
        self.shared
            .get(&(one, other))
            .map_or(&[], |shared| shared.as_slice())
    }

    /// Returns the compared fields in which records of these two sets are not compared with each other, in table order.
    pub fn not_shared(&self, one: usize, other: usize) -> Vec<FieldName> {
        let (one, other) = (self.get(one), self.get(other));
        let all = self.compared[one.kind].fields().iter();
        let has = |set: &FieldSet, name: &FieldName| set.fields.has(name.as_str());
        let lacks = all.filter(|name| !(has(one, name) && has(other, name)));
        lacks.cloned().sorted().collect()
    }

    /// Returns what copies that may belong together have in common: their kind, and the values of the flow that all of them
    /// have. Where nothing tells a flow, every record is one of its own.
    pub fn core(&self, number: usize, text: &[u8]) -> (RecordKind, Vec<u8>) {
        let mut core = Vec::with_capacity(96);
        self.write_core(number, text, &mut core);
        (self.sets[number].kind, core)
    }

    /// Returns a number for that, the same in every run; `room` is written over.
    pub fn core_number(&self, number: usize, text: &[u8], room: &mut Vec<u8>) -> u64 {
        room.clear();
        self.write_core(number, text, room);
        xxh3_64(room)
    }

    fn write_core(&self, number: usize, text: &[u8], core: &mut Vec<u8>) {
        let columns = &self.core[number];
        if columns.is_empty() {
            core.extend_from_slice(text);
            return;
        }
        let values: SmallVec<[&[u8]; 80]> = values(text).collect();
        // In the order of names, which is the same for all sets.
        for (nth, &column) in columns.iter().enumerate() {
            if nth > 0 {
                core.push(b' ');
            }
            core.extend_from_slice(values.get(column).copied().unwrap_or_default());
        }
    }
}

/// Returns the values of a record's canonical text.
pub(super) fn values(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b' ')
}

/// Returns the values in these columns.
pub(super) fn projected(text: &[u8], columns: impl Iterator<Item = usize>) -> Vec<u8> {
    let values = values(text).collect_vec();
    let mut projected = Vec::with_capacity(text.len() + 1);
    for column in columns {
        projected.extend_from_slice(values.get(column).copied().unwrap_or_default());
        projected.push(b' ');
    }
    projected
}

/// Returns the columns of a set that tell a flow, and that all sets have which it may be matched with; by name.
fn core(sets: &[Arc<FieldSet>], at: usize) -> Vec<usize> {
    // Sets that are matched through a third one must agree as well, so it is all that take part, or this one alone.
    let takes_part =
        |one: usize| (0..sets.len()).any(|other| one != other && sets[one].joins(&sets[other]));
    let of_kind = |one: &usize| sets[*one].kind == sets[at].kind;
    let others: Vec<usize> = match takes_part(at) {
        true => (0..sets.len())
            .filter(of_kind)
            .filter(|&one| takes_part(one))
            .collect(),
        false => vec![at],
    };
    let in_all = |name: &str| others.iter().all(|&other| sets[other].fields.has(name));
    let mut columns: Vec<_> = sets[at]
        .flow()
        .filter(|(_, name)| in_all(name.as_str()))
        .collect();
    columns.sort_by_key(|(_, name)| *name);
    columns.into_iter().map(|(column, _)| column).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::record::Layout;

    /// Sets of VPC records with these fields each.
    pub(in crate::diff) fn sets(fields: &[&[&str]]) -> FieldSets {
        let set = |names: &&[&str]| {
            Arc::new(FieldSet {
                kind: RecordKind::Vpc,
                fields: ComparedFields::new(names.iter().map(|name| FieldName::new(name))),
            })
        };
        let all = fields.iter().flat_map(|names| names.iter());
        let all = ComparedFields::new(all.map(|name| FieldName::new(name)));
        let compared = PerKind::from_fn(|_| all.clone());
        let sides = vec![
            Sides {
                s3: true,
                cwl: true
            };
            fields.len()
        ];
        FieldSets::new(fields.iter().map(set).collect(), sides, compared)
    }

    fn default_set() -> FieldSets {
        let layout = Layout::vpc_default();
        let names: Vec<&str> = layout.columns().iter().map(FieldName::as_str).collect();
        sets(&[&names])
    }

    #[test]
    fn the_core_is_the_flow_as_far_as_it_is_compared() {
        let text = b"2 1234 eni-0aa 10.0.0.1 10.0.0.2 1 2 6 10 840 1700000000 1700000058 ACCEPT OK";
        let flow = b"eni-0aa 10.0.0.1 10.0.0.2 1 2 6 1700000000".to_vec();
        assert_eq!(default_set().core(0, text), (RecordKind::Vpc, flow));
        let none = sets(&[&["version", "bytes"]]);
        assert_eq!(none.core(0, b"2 840").1, b"2 840");
    }

    #[test]
    fn the_core_is_what_all_sets_have_that_may_be_matched() {
        let three = sets(&[
            &["srcaddr", "dstaddr", "start"],
            &["srcaddr", "start", "bytes"],
            &["bytes", "start"],
        ]);
        assert_eq!(three.core(0, b"10.0.0.1 10.0.0.2 7").1, b"10.0.0.1 7");
        let (text, bytes, start) = match three.get(1).fields.fields()[1].as_str() {
            "bytes" => (&b"10.0.0.1 840 7"[..], "840", "7"),
            _ => (&b"10.0.0.1 7 840"[..], "840", "7"),
        };
        assert_eq!(three.core(1, text).1, b"10.0.0.1 7", "{bytes} {start}");
        // Nothing tells whose traffic the third one's is.
        assert!(!three.joins(0, 2) && !three.joins(1, 2) && three.joins(0, 1));
        let text = match three.get(2).fields.fields()[0].as_str() {
            "bytes" => b"840 7",
            _ => b"7 840",
        };
        assert_eq!(three.core(2, text).1, b"7");
    }

    #[test]
    fn a_core_has_a_number() {
        let sets = default_set();
        let text = |port: &str, bytes: &str| {
            format!(
                "2 1234 eni-0aa 10.0.0.1 10.0.0.2 {port} 2 6 10 {bytes} 1700000000 1700000058 ACCEPT OK"
            )
        };
        let mut room = b"left over".to_vec();
        let mut number = |text: &str| sets.core_number(0, text.as_bytes(), &mut room);
        let first = number(&text("443", "840"));
        assert_eq!(number(&text("443", "841")), first);
        assert_ne!(number(&text("80", "840")), first);
    }
}
