//! Copies of which too little is known to tell whether they are one record: their layouts share neither `start` nor anything
//! that tells whose traffic it is, and they agree in what they do share.
//!
//! Such copies may stand anywhere, so they are kept until all are known. Then as many pairs of them as can be are taken to be
//! one record each, along augmenting paths (Kuhn, "The Hungarian Method for the assignment problem", Naval Research Logistics
//! Quarterly, 1955); whether they are, nobody can tell. The others have no counterpart for certain.

use std::collections::VecDeque;
use std::mem;

use hashbrown::HashMap;
use itertools::Itertools;

use super::difference::Difference;
use super::hidden::LackingCopy;
use super::outcome::{DifferenceKind, Shown};
use super::sets::{FieldSets, projected};
use crate::model::Side;
use crate::model::finding::Bucket;

/// What a copy that is kept takes up, with everything about it.
const BYTES_A_COPY: u64 = 2048;

/// Copies that lack on the other side, unless they are one record with a copy there.
#[derive(Debug)]
pub struct Untold {
    held: Vec<UntoldCopies>,
    most: usize,
    is_too_many: bool,
}

#[derive(Debug)]
struct UntoldCopies {
    set: usize,
    text: Box<[u8]>,
    decided: Decided,
}

/// A difference about which all has been said.
#[derive(Debug)]
pub struct Decided {
    /// Where in time and on which interface.
    pub bucket: Bucket,
    /// What it is.
    pub kind: DifferenceKind,
    /// What was found.
    pub shown: Shown,
    start: Option<i64>,
    /// Whether its interface is compared.
    tells_interface: bool,
}

impl Decided {
    /// Returns which side lacks it, and what tells where it may be, if the side is certain to have no copy that was read.
    pub fn lacking(&self) -> Option<(Side, LackingCopy<'_>)> {
        let copy = LackingCopy {
            interface: self.tells_interface.then_some(&*self.bucket.interface),
            start: self.start,
        };
        Some((self.kind.lacking()?, copy))
    }
}

impl UntoldCopies {
    /// Whether it stands on this side.
    fn is_on(&self, side: Side) -> bool {
        self.decided.kind.lacking() == Some(side.other())
    }

    fn into_undetermined(self) -> Decided {
        let kind = self.decided.kind;
        Decided {
            kind: kind.lacking().map_or(kind, DifferenceKind::Undetermined),
            ..self.decided
        }
    }
}

impl Untold {
    /// Keeps none, and later no more than fit so many bytes.
    pub fn within(bytes: u64) -> Self {
        Self {
            held: Vec::new(),
            most: usize::try_from(bytes / BYTES_A_COPY).unwrap_or(usize::MAX),
            is_too_many: false,
        }
    }

    /// Keeps a leftover. Returns what need not be kept: nothing, until there are too many; then all of them, since nothing
    /// can be told any more.
    pub fn keep(&mut self, open: &Difference<'_>, sets: &FieldSets) -> Vec<Decided> {
        let (Some((set, text)), Some((_, lacking))) = (open.compared(), open.lacking(sets)) else {
            return Vec::new();
        };
        self.held.push(UntoldCopies {
            set,
            text: text.into(),
            decided: Decided {
                bucket: open.bucket.clone(),
                kind: open.kind,
                shown: open.shown(),
                start: lacking.start,
                tells_interface: lacking.interface.is_some(),
            },
        });
        self.is_too_many |= self.held.len() > self.most;
        if !self.is_too_many {
            return Vec::new();
        }
        let held = mem::take(&mut self.held).into_iter();
        held.map(UntoldCopies::into_undetermined).collect()
    }

    /// Tells of all that is kept what it is.
    pub fn decide(self, sets: &FieldSets) -> Vec<Decided> {
        let held = self.held.into_iter();
        let (s3, cwl): (Vec<UntoldCopies>, Vec<UntoldCopies>) =
            held.partition(|held| held.is_on(Side::S3));
        let mut matching = Matching::new(&s3, &cwl, sets);
        for one in 0..s3.len() {
            matching.augment(one);
        }
        let decided = |(held, partner): (UntoldCopies, Option<usize>)| match partner {
            Some(_) => held.into_undetermined(),
            None => held.decided,
        };
        let of_s3 = s3.into_iter().zip(matching.with_cwl);
        let of_cwl = cwl.into_iter().zip(matching.of_cwl);
        of_s3.chain(of_cwl).map(decided).collect()
    }
}

/// Copies of both sides that may be one record: each of S3's with each of CloudWatch's.
#[derive(Debug, Default)]
struct Hub {
    cwl: Vec<usize>,
    /// Whether nothing more can be matched through it.
    is_closed: bool,
}

struct Matching {
    hubs: Vec<Hub>,
    /// The hubs of each copy of S3.
    of_s3: Vec<Vec<usize>>,
    /// Who each of them is matched with.
    with_cwl: Vec<Option<usize>>,
    /// Who each copy of CloudWatch is matched with.
    of_cwl: Vec<Option<usize>>,
}

impl Matching {
    fn new(s3: &[UntoldCopies], cwl: &[UntoldCopies], sets: &FieldSets) -> Self {
        let numbers = |side: &[UntoldCopies]| side.iter().map(|one| one.set).unique().collect_vec();
        let ways = numbers(s3).into_iter().cartesian_product(numbers(cwl));
        let ways = ways.filter(|&(one, other)| sets.shares_too_little(one, other));
        let mut matching = Self {
            hubs: Vec::new(),
            of_s3: vec![Vec::new(); s3.len()],
            with_cwl: vec![None; s3.len()],
            of_cwl: vec![None; cwl.len()],
        };
        for (a, b) in ways {
            let shared = sets.shared(a, b);
            let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
            for (index, one) in cwl.iter().enumerate().filter(|(_, one)| one.set == b) {
                let key = projected(&one.text, shared.iter().map(|shared| shared.there));
                let hub = *known.entry(key).or_insert_with(|| {
                    matching.hubs.push(Hub::default());
                    matching.hubs.len() - 1
                });
                matching.hubs[hub].cwl.push(index);
            }
            for (index, one) in s3.iter().enumerate().filter(|(_, one)| one.set == a) {
                let key = projected(&one.text, shared.iter().map(|shared| shared.here));
                matching.of_s3[index].extend(known.get(&key));
            }
        }
        matching
    }

    /// Matches a copy of S3, if need be by matching others otherwise. If it cannot be, nothing that was looked at can take
    /// part in any more matches.
    fn augment(&mut self, from: usize) {
        let mut came_from: HashMap<usize, usize> = HashMap::new();
        let mut queue = VecDeque::from([from]);
        let mut seen: Vec<usize> = Vec::new();
        while let Some(one) = queue.pop_front() {
            for &hub in &self.of_s3[one] {
                if mem::replace(&mut self.hubs[hub].is_closed, true) {
                    continue;
                }
                seen.push(hub);
                for &other in &self.hubs[hub].cwl {
                    if came_from.contains_key(&other) {
                        continue;
                    }
                    came_from.insert(other, one);
                    match self.of_cwl[other] {
                        Some(partner) => queue.push_back(partner),
                        None => {
                            seen.iter()
                                .for_each(|&hub| self.hubs[hub].is_closed = false);
                            return self.change(other, &came_from);
                        }
                    }
                }
            }
        }
    }

    /// Matches along the path that ends with a copy of CloudWatch.
    fn change(&mut self, mut end: usize, came_from: &HashMap<usize, usize>) {
        loop {
            let one = came_from[&end];
            self.of_cwl[end] = Some(one);
            match self.with_cwl[one].replace(end) {
                Some(before) => end = before,
                None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use itertools::Itertools;

    use super::*;
    use crate::diff::sets::tests::sets;
    use crate::model::finding::{Evidence, Place};
    use crate::record::Record;

    fn three() -> FieldSets {
        sets(&[&["bytes", "packets"], &["bytes", "start"], &["protocol"]])
    }

    fn held(side: Side, set: usize, text: &str) -> UntoldCopies {
        let bucket = Bucket {
            interface: "-".into(),
            slot: None,
        };
        let found_in = Place {
            part: "part".into(),
            row: 1,
        };
        UntoldCopies {
            set,
            text: text.as_bytes().into(),
            decided: Decided {
                bucket,
                kind: DifferenceKind::Missing(side.other()),
                shown: Shown::Leftover(Evidence {
                    record: Record::new(Vec::new()),
                    found_in,
                }),
                start: None,
                tells_interface: false,
            },
        }
    }

    /// How many copies of each side are undetermined, and how many are missing.
    fn decided(s3: &[(usize, &str)], cwl: &[(usize, &str)]) -> [(usize, usize); 2] {
        let of = |side| move |&(set, text): &(usize, &str)| held(side, set, text);
        let s3 = s3.iter().map(of(Side::S3));
        let untold = Untold {
            held: s3.chain(cwl.iter().map(of(Side::Cwl))).collect(),
            most: 100,
            is_too_many: false,
        };
        let decided = untold.decide(&three());
        Side::BOTH.map(|side| {
            let count = |kind| decided.iter().filter(|one| one.kind == kind).count();
            (
                count(DifferenceKind::Undetermined(side.other())),
                count(DifferenceKind::Missing(side.other())),
            )
        })
    }

    #[test]
    fn as_many_may_be_one_record_as_agree() {
        for (s3, cwl, expected) in [
            (&[(0, "40 1")][..], &[(1, "40 7")][..], [(1, 0), (1, 0)]),
            (&[(0, "40 1")], &[(1, "41 7")], [(0, 1), (0, 1)]),
            (&[(0, "40 1"); 3], &[(1, "40 7")], [(1, 2), (1, 0)]),
            // Those that share nothing may be the same.
            (&[(2, "6"), (0, "40 1")], &[(1, "40 7")], [(1, 1), (1, 0)]),
            // The first could take either, and must leave one to the other.
            (
                &[(2, "6"), (0, "40 1")],
                &[(1, "40 7"), (1, "41 7")],
                [(2, 0), (2, 0)],
            ),
            (&[(0, "40 1")], &[(0, "40 2")], [(0, 1), (0, 1)]),
            (&[], &[(1, "40 7")], [(0, 0), (0, 1)]),
        ] {
            assert_eq!(decided(s3, cwl), expected, "{s3:?} {cwl:?}");
            let (reversed, mut other) = (s3.iter().rev().copied().collect_vec(), expected);
            assert_eq!(decided(&reversed, cwl), expected);
            other.reverse();
            assert_eq!(decided(cwl, s3), other, "{cwl:?} {s3:?}");
        }
    }
}
