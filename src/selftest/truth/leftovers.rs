//! What leftovers are: matched on fewer fields, young, in doubt, one of a pair, surplus or missing.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Side, Sides};
use crate::selftest::situation::Situation;

use super::{Heap, Heaps, Truth, TruthKind, in_doubt};

/// What makes records of one flow.
const FLOW: [&str; 7] = [
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "start",
];

/// A copy that one side has more.
#[derive(Clone, Copy)]
struct Leftover<'t> {
    /// The values of the compared fields that it has and that can be seen; `None` of the others.
    values: &'t [Option<String>],
    heap: &'t Heap,
    young: bool,
    /// Whether the other side has one of the record, too.
    matched: bool,
}

impl Leftover<'_> {
    /// Which fields it has.
    fn set(&self) -> Vec<bool> {
        self.values.iter().map(Option::is_some).collect()
    }
}

impl Truth {
    /// Tells each leftover.
    pub(super) fn tell(&mut self, situation: &Situation, heaps: &Heaps) {
        let mut left: Sides<Vec<Leftover<'_>>> = Sides::default();
        // By text, and of equal copies those last that may still arrive.
        for ((_, values), heap) in heaps {
            let common = heap.copies.s3.min(heap.copies.cwl);
            for side in Side::BOTH {
                let extra = heap.copies[side] - common;
                let old = extra - heap.young[side].min(extra);
                left[side].extend((0..extra).map(|number| Leftover {
                    values,
                    heap,
                    young: number >= old,
                    matched: common > 0,
                }));
            }
        }
        let sets: BTreeSet<Vec<bool>> = heaps.keys().map(|(_, values)| set_of(values)).collect();
        // What all of them have: without that nothing tells which one a copy of few fields is.
        let in_all = |at: usize| sets.iter().all(|set| set[at]);
        let in_all: Vec<bool> = (0..self.compared.len()).map(in_all).collect();
        self.match_on_fewer(&mut left, &in_all);
        for side in Side::BOTH {
            let lacking = side.other();
            let mut doubtful = Vec::new();
            left[side].retain(|one| {
                let kind = match one.young {
                    true => Some(TruthKind::Pending(lacking)),
                    false => in_doubt(situation, lacking, &one.heap.bucket)
                        .then_some(TruthKind::Undetermined(lacking)),
                };
                doubtful.extend(kind.map(|kind| (*one, kind)));
                kind.is_none()
            });
            for (one, kind) in doubtful {
                self.add(one.heap, kind, "");
            }
        }
        for leftovers in self.by_flow(left, &in_all) {
            self.settle(leftovers);
        }
    }

    /// Takes out what agrees in all that both have: first those that have most in common, the first with the first.
    fn match_on_fewer(&mut self, left: &mut Sides<Vec<Leftover<'_>>>, in_all: &[bool]) {
        let sets = |side: &[Leftover<'_>]| -> BTreeSet<Vec<bool>> {
            side.iter().map(Leftover::set).collect()
        };
        let mut ways: Vec<(Vec<bool>, Vec<bool>)> = Vec::new();
        for one in sets(&left.s3) {
            let others = sets(&left.cwl).into_iter().filter(|other| *other != one);
            ways.extend(others.map(|other| (one.clone(), other)));
        }
        ways.sort_by_key(|(one, other)| Reverse(shared(one, other).count()));
        let shared_values = |one: &Leftover<'_>| -> Vec<Option<String>> {
            let values = one.values.iter().zip(in_all);
            values
                .filter(|(_, in_all)| **in_all)
                .map(|(value, _)| value.clone())
                .collect()
        };
        for (here, there) in ways {
            let mut number = 0;
            while let Some(one) = left.s3.get(number).copied() {
                let wanted = shared_values(&one);
                let partner = left
                    .cwl
                    .iter()
                    .position(|other| other.set() == there && shared_values(other) == wanted);
                let Some(partner) = partner.filter(|_| one.set() == here) else {
                    number += 1;
                    continue;
                };
                left.s3.remove(number);
                left.cwl.remove(partner);
                let both: BTreeSet<usize> = shared(&here, &there).collect();
                let fields = self.compared.iter().enumerate();
                let not_compared = fields.filter(|(at, _)| !both.contains(at));
                let not_compared = not_compared.map(|(_, name)| name.clone()).collect();
                *self.fewer.entry(not_compared).or_default() += 1;
            }
        }
    }

    /// Groups them by what all of them have of a flow; where nothing tells one, each record is its own.
    fn by_flow<'t>(
        &self,
        left: Sides<Vec<Leftover<'t>>>,
        in_all: &[bool],
    ) -> Vec<Sides<Vec<Leftover<'t>>>> {
        let columns: Vec<usize> = (0..in_all.len())
            .filter(|&at| in_all[at] && FLOW.contains(&self.compared[at].as_str()))
            .collect();
        let mut flows: BTreeMap<Vec<&str>, Sides<Vec<Leftover<'t>>>> = BTreeMap::new();
        let of = |one: &Leftover<'t>| -> Vec<&'t str> {
            if columns.is_empty() {
                return vec![&one.heap.told];
            }
            let values = columns.iter().map(|&at| one.values[at].as_deref());
            values.map(Option::unwrap_or_default).collect()
        };
        for (side, leftovers) in [(Side::S3, left.s3), (Side::Cwl, left.cwl)] {
            for one in leftovers {
                flows.entry(of(&one)).or_default()[side].push(one);
            }
        }
        flows.into_values().collect()
    }

    /// Pairs what is left of a flow; what finds no partner is surplus or missing.
    fn settle(&mut self, mut leftovers: Sides<Vec<Leftover<'_>>>) {
        while let Some((s3, cwl)) = self.most_alike(&leftovers) {
            let (s3, cwl) = (leftovers.s3.remove(s3), leftovers.cwl.remove(cwl));
            self.add(s3.heap, TruthKind::Divergent, &cwl.heap.told);
        }
        for side in Side::BOTH {
            for one in &leftovers[side] {
                let kind = match one.matched {
                    true => TruthKind::Surplus(side),
                    false => TruthKind::Missing(side.other()),
                };
                self.add(one.heap, kind, "");
            }
        }
    }

    /// The next pair: most equal fields, then the first of S3's, then of CloudWatch's, by text.
    fn most_alike(&self, leftovers: &Sides<Vec<Leftover<'_>>>) -> Option<(usize, usize)> {
        let mut best: Option<(usize, (usize, usize))> = None;
        for (a, s3) in leftovers.s3.iter().enumerate() {
            for (b, cwl) in leftovers.cwl.iter().enumerate() {
                let both: Vec<usize> = shared(&s3.set(), &cwl.set()).collect();
                let is_equal = |at: &usize| s3.values[*at] == cwl.values[*at];
                let alike = both.iter().filter(|at| is_equal(at)).count();
                let of_flow = |at: &&usize| FLOW.contains(&self.compared[**at].as_str());
                let is_one_flow = both.iter().filter(of_flow).all(is_equal);
                if is_one_flow && alike < both.len() && best.is_none_or(|(most, _)| alike > most) {
                    best = Some((alike, (a, b)));
                }
            }
        }
        best.map(|(_, pair)| pair)
    }

    fn add(&mut self, heap: &Heap, kind: TruthKind, other: &str) {
        let key = (
            heap.bucket.clone(),
            kind,
            heap.told.clone(),
            other.to_owned(),
        );
        *self.differences.entry(key).or_default() += 1;
    }
}

fn set_of(values: &[Option<String>]) -> Vec<bool> {
    values.iter().map(Option::is_some).collect()
}

/// The places of the fields that both have.
fn shared(one: &[bool], other: &[bool]) -> impl Iterator<Item = usize> {
    let both = one.iter().zip(other).map(|(one, other)| *one && *other);
    let both: Vec<usize> = both
        .enumerate()
        .filter(|(_, both)| *both)
        .map(|(at, _)| at)
        .collect();
    both.into_iter()
}
