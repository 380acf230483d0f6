//! What malformed rows hide: each may stand for as many lacking copies as fit into it, of those that it may be at all.
//!
//! Which row stands for which copy is not known. But the sets of copies that rows can stand for all at once are the
//! independent sets of a matroid (Edmonds and Fulkerson, "Transversals and Matroid Partition", Journal of Research of the
//! National Bureau of Standards, 1965): taken one by one, in any order, as many are hidden as can be, and what has been
//! said of a copy never has to be taken back. Rows change over to other copies along augmenting paths.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hashbrown::HashMap;

use crate::model::Cover;
use crate::record::RowPlace;

/// More kinds of rows than this are taken together: the less is known of them.
const MOST_COVERS: usize = 1 << 14;

/// Which records a malformed row may stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowCover {
    /// What its part may hold.
    pub part: Cover,
    /// What its cells tell, in each of the layouts that may be meant; nothing if there is none.
    pub known: Vec<RowPlace>,
}

impl RowCover {
    /// Makes one of a row that tells nothing itself.
    pub fn of_part(part: Cover) -> Self {
        Self {
            part,
            known: Vec::new(),
        }
    }

    /// Tells whether the row may be this copy.
    fn may_be(&self, copy: &LackingCopy<'_>) -> bool {
        let agree = |known: &RowPlace| {
            let interface = known.interface.as_deref().zip(copy.interface);
            let start = known.start.zip(copy.start);
            interface.is_none_or(|(one, other)| one == other)
                && start.is_none_or(|(one, other)| one == other)
        };
        // Nobody says in which stream records without an interface stand.
        let only = self.part.interface.as_deref().zip(copy.interface);
        only.is_none_or(|(only, interface)| only == interface || interface == "-")
            && copy
                .start
                .is_none_or(|start| self.part.starts.contains(start))
            && (self.known.is_empty() || self.known.iter().any(agree))
    }

    /// Returns it with less known of it.
    fn coarse(mut self, grain: Grain) -> Self {
        match grain {
            Grain::All => {}
            Grain::Interfaces => {
                for known in &mut self.known {
                    known.start = None;
                }
                self.known.dedup();
            }
            Grain::Nothing => return Self::default(),
        }
        self
    }
}

/// A copy that a side lacks, as far as it tells which rows may be it.
#[derive(Clone, Copy, Debug)]
pub struct LackingCopy<'a> {
    /// Its interface, `-` if it has none; `None` if that is not compared.
    pub interface: Option<&'a str>,
    /// Its `start`; `None` if it has none, or if that is not compared.
    pub start: Option<i64>,
}

/// How much is known of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Grain {
    #[default]
    All,
    Interfaces,
    Nothing,
}

/// The malformed rows of a side: how many records they may stand for, by what is known of them. Adds up in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stands {
    grain: Grain,
    by_cover: BTreeMap<RowCover, u64>,
}

impl Stands {
    /// Adds a row that may stand for so many records of a cover.
    pub fn add(&mut self, cover: RowCover, records: u64) {
        let sum = self.by_cover.entry(cover.coarse(self.grain)).or_default();
        *sum = sum.saturating_add(records);
        self.bound();
    }

    /// Adds up other rows.
    pub fn merge(&mut self, other: Self) {
        if other.grain > self.grain {
            self.coarsen(other.grain);
        }
        for (cover, records) in other.by_cover {
            self.add(cover, records);
        }
    }

    /// Returns how many records rows may stand for, by what is known of them.
    pub fn all(&self) -> impl Iterator<Item = (&RowCover, u64)> {
        self.by_cover
            .iter()
            .map(|(cover, records)| (cover, *records))
    }

    /// Tells whether there is no row.
    pub fn is_none(&self) -> bool {
        self.by_cover.is_empty()
    }

    /// Forgets of all rows what makes them too many kinds. Too much may be called hidden by that, never too little; and
    /// what is forgotten does not depend on the order in which rows came.
    fn bound(&mut self) {
        while self.by_cover.len() > MOST_COVERS {
            self.coarsen(match self.grain {
                Grain::All => Grain::Interfaces,
                Grain::Interfaces | Grain::Nothing => Grain::Nothing,
            });
        }
    }

    fn coarsen(&mut self, grain: Grain) {
        self.grain = grain;
        for (cover, records) in std::mem::take(&mut self.by_cover) {
            let sum = self.by_cover.entry(cover.coarse(grain)).or_default();
            *sum = sum.saturating_add(records);
        }
    }
}

/// Tells of one lacking copy after the other whether malformed rows hide it.
#[derive(Debug, Default)]
pub struct Hiding {
    covers: Vec<RowCover>,
    /// The rows by what they know, so that a copy is held against few of them.
    by_known: HashMap<RowPlace, Vec<usize>>,
    /// How many copies each may still stand for ...
    left: Vec<u64>,
    /// ... and all of them together.
    open: u128,
    /// The copies that rows stand for, by which rows could.
    classes: Vec<CoverClass>,
    by_rows: HashMap<Vec<usize>, usize>,
    /// The classes that each row stands for some of.
    holds: Vec<BTreeSet<usize>>,
}

/// Copies for which the same rows can stand.
#[derive(Debug)]
struct CoverClass {
    rows: Vec<usize>,
    /// How many of them each row stands for.
    taken: BTreeMap<usize, u64>,
    /// Whether no more of them can be hidden.
    is_full: bool,
}

impl Hiding {
    /// Starts with rows that stand for nothing yet.
    pub fn new(stands: &Stands) -> Self {
        let mut by_known: HashMap<RowPlace, Vec<usize>> = HashMap::new();
        for (row, cover) in stands.by_cover.keys().enumerate() {
            let nothing = [RowPlace::default()];
            let known = if cover.known.is_empty() {
                &nothing[..]
            } else {
                &cover.known
            };
            for known in known {
                by_known.entry(known.clone()).or_default().push(row);
            }
        }
        Self {
            by_known,
            covers: stands.by_cover.keys().cloned().collect(),
            left: stands.by_cover.values().copied().collect(),
            open: stands.by_cover.values().copied().map(u128::from).sum(),
            classes: Vec::new(),
            by_rows: HashMap::new(),
            holds: vec![BTreeSet::new(); stands.by_cover.len()],
        }
    }

    /// Tells whether no row can stand for any copy, or any more.
    pub fn is_over(&self) -> bool {
        self.open == 0
    }

    /// Tells whether a row can stand for this copy, besides those that have been told to be hidden.
    pub fn hides(&mut self, copy: &LackingCopy<'_>) -> bool {
        if self.is_over() {
            return false;
        }
        let rows = self.rows_for(copy);
        if rows.is_empty() {
            return false;
        }
        let class = *self.by_rows.entry(rows).or_insert_with_key(|rows| {
            self.classes.push(CoverClass {
                rows: rows.clone(),
                taken: BTreeMap::new(),
                is_full: false,
            });
            self.classes.len() - 1
        });
        if self.classes[class].is_full {
            return false;
        }
        self.augment(class)
    }

    /// Returns the rows that may be the copy, in order.
    fn rows_for(&self, copy: &LackingCopy<'_>) -> Vec<usize> {
        let may_be = |row: &usize| self.covers[*row].may_be(copy);
        let (Some(interface), Some(start)) = (copy.interface, copy.start) else {
            return (0..self.covers.len()).filter(may_be).collect();
        };
        let interfaces = [None, Some(interface.to_owned())];
        let known = interfaces.into_iter().flat_map(|interface| {
            [None, Some(start)].map(|start| RowPlace {
                interface: interface.clone(),
                start,
            })
        });
        let rows = known.filter_map(|known| self.by_known.get(&known));
        let rows: BTreeSet<usize> = rows.flatten().copied().filter(may_be).collect();
        rows.into_iter().collect()
    }

    /// Lets a row stand for a copy of a class, if need be by having others stand for something else. If there is no way, no
    /// copy of any class that was looked at can be hidden any more.
    fn augment(&mut self, from: usize) -> bool {
        // For each row reached, the class that reached it; for each class, the row.
        let (mut by_row, mut by_class) = (BTreeMap::new(), BTreeMap::new());
        let mut queue = VecDeque::from([from]);
        while let Some(class) = queue.pop_front() {
            for &row in &self.classes[class].rows {
                if by_row.contains_key(&row) {
                    continue;
                }
                by_row.insert(row, class);
                if self.left[row] > 0 {
                    self.move_up(from, row, &by_row, &by_class);
                    return true;
                }
                for &other in &self.holds[row] {
                    if other != from && !by_class.contains_key(&other) {
                        by_class.insert(other, row);
                        queue.push_back(other);
                    }
                }
            }
        }
        for class in by_class.into_keys().chain([from]) {
            self.classes[class].is_full = true;
        }
        false
    }

    /// Moves one copy of each class along the path that ends with a row.
    fn move_up(
        &mut self,
        from: usize,
        end: usize,
        by_row: &BTreeMap<usize, usize>,
        by_class: &BTreeMap<usize, usize>,
    ) {
        self.left[end] -= 1;
        self.open -= 1;
        let mut row = end;
        loop {
            let class = by_row[&row];
            *self.classes[class].taken.entry(row).or_default() += 1;
            self.holds[row].insert(class);
            if class == from {
                return;
            }
            row = by_class[&class];
            let taken = self.classes[class].taken.entry(row).or_default();
            *taken -= 1;
            if *taken == 0 {
                self.classes[class].taken.remove(&row);
                self.holds[row].remove(&class);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::window::Window;

    /// A copy of an interface and a start, which are told by small numbers.
    type Copy = (usize, i64);

    fn cover(interface: Option<usize>, start: Option<i64>) -> RowCover {
        RowCover {
            part: Cover::default(),
            known: vec![RowPlace {
                interface: interface.map(|interface| format!("eni-{interface}")),
                start,
            }],
        }
    }

    fn hiding(rows: &[(RowCover, u64)]) -> Hiding {
        let mut stands = Stands::default();
        for (cover, records) in rows {
            stands.add(cover.clone(), *records);
        }
        Hiding::new(&stands)
    }

    fn hidden(rows: &[(RowCover, u64)], lacking: &[Copy]) -> Vec<bool> {
        let mut hiding = hiding(rows);
        let lacking = lacking.iter().map(|(interface, start)| {
            let interface = format!("eni-{interface}");
            let copy = LackingCopy {
                interface: Some(&interface),
                start: Some(*start),
            };
            hiding.hides(&copy)
        });
        lacking.collect()
    }

    #[test]
    fn rows_hide_no_more_than_fits_into_them() {
        let lacking = [(1, 0), (1, 0), (2, 0)];
        for (rows, expected) in [
            (vec![(cover(None, None), 2)], [true, true, false]),
            (vec![(cover(None, None), 9)], [true; 3]),
            (vec![(cover(Some(2), None), 9)], [false, false, true]),
            (vec![(cover(Some(3), None), 9)], [false; 3]),
            (vec![(cover(None, Some(1)), 9)], [false; 3]),
            (
                vec![(cover(Some(1), Some(0)), 1), (cover(None, None), 1)],
                [true, true, false],
            ),
            (vec![(RowCover::default(), 1)], [true, false, false]),
            (vec![], [false; 3]),
        ] {
            assert_eq!(hidden(&rows, &lacking), expected, "{rows:?}");
        }
    }

    /// The row of any interface takes the first copy first, and must leave it to the one that fits nowhere else.
    #[test]
    fn others_make_room() {
        let rows = [
            (cover(None, Some(0)), 1),
            (cover(Some(1), None), 1),
            (cover(Some(2), None), 1),
        ];
        assert_eq!(hidden(&rows, &[(1, 0), (2, 1)]), [true; 2]);
        let rows = [(cover(Some(1), None), 1), (cover(None, Some(0)), 1)];
        assert_eq!(hidden(&rows, &[(1, 0), (1, 1)]), [true; 2]);
    }

    #[test]
    fn a_row_is_what_its_part_and_its_cells_allow() {
        let part = Cover {
            interface: Some("eni-1".into()),
            starts: Window::new(0, 300),
        };
        let of_part = RowCover::of_part(part.clone());
        let told = RowCover {
            part,
            known: vec![
                RowPlace {
                    interface: Some("eni-1".into()),
                    start: Some(7),
                },
                RowPlace {
                    interface: None,
                    start: Some(8),
                },
            ],
        };
        for (interface, start, by_part, by_cells) in [
            (Some("eni-1"), Some(7), true, true),
            (Some("eni-1"), Some(9), true, false),
            (Some("eni-1"), Some(300), false, false),
            (Some("eni-2"), Some(8), false, false),
            (Some("-"), Some(7), true, false),
            (Some("-"), Some(8), true, true),
            (Some("eni-1"), None, true, true),
            (None, Some(7), true, true),
            (None, None, true, true),
        ] {
            let copy = LackingCopy { interface, start };
            for (cover, expected) in [(&of_part, by_part), (&told, by_cells)] {
                let hides = hiding(&[(cover.clone(), 1)]).hides(&copy);
                assert_eq!(hides, expected, "{copy:?} {cover:?}");
            }
        }
    }

    #[test]
    fn of_too_many_kinds_of_rows_less_is_known_whatever_their_order() {
        let count = i64::try_from(MOST_COVERS).unwrap() + 1;
        let rows = || (0..count).map(|start| cover(Some(1), Some(start)));
        let (mut one, mut other) = (Stands::default(), Stands::default());
        rows().for_each(|row| one.add(row, 1));
        let (mut half, mut rest) = (Stands::default(), Stands::default());
        rows().rev().take(5).for_each(|row| half.add(row, 1));
        rows().rev().skip(5).for_each(|row| rest.add(row, 1));
        other.merge(half);
        other.merge(rest);
        assert_eq!(one, other);
        assert_eq!(one.by_cover.len(), 1);
        let mut hiding = Hiding::new(&one);
        let mut hides = |interface| {
            hiding.hides(&LackingCopy {
                interface: Some(interface),
                start: Some(-1),
            })
        };
        assert!(hides("eni-1") && !hides("eni-2"));
    }

    proptest! {
        /// Beside the naive way: the best of all assignments of rows, one by one.
        #[test]
        fn as_many_are_hidden_as_can_be(
            rows in prop::collection::vec((prop::option::of(0usize..2), prop::option::of(0i64..2), 1u64..3), 0..4),
            lacking in prop::collection::vec((0usize..2, 0i64..2), 0..6),
        ) {
            let rows: Vec<_> = rows.into_iter().map(|(interface, start, records)| (cover(interface, start), records)).collect();
            let units: Vec<&RowCover> = rows.iter().flat_map(|(cover, n)| (0..*n).map(move |_| cover)).collect();
            let mut open: Vec<Option<Copy>> = lacking.iter().copied().map(Some).collect();
            let hidden = hidden(&rows, &lacking);
            prop_assert_eq!(hidden.into_iter().filter(|hidden| *hidden).count(), best(&units, &mut open));
        }
    }

    fn best(units: &[&RowCover], open: &mut [Option<Copy>]) -> usize {
        let Some((first, rest)) = units.split_first() else {
            return 0;
        };
        let mut most = best(rest, open);
        for at in 0..open.len() {
            let Some((interface, start)) = open[at] else {
                continue;
            };
            let name = format!("eni-{interface}");
            let copy = LackingCopy {
                interface: Some(&name),
                start: Some(start),
            };
            if first.may_be(&copy) {
                open[at] = None;
                most = most.max(1 + best(rest, open));
                open[at] = Some((interface, start));
            }
        }
        most
    }
}
