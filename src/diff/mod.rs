//! The diff: copies of differing records in, differences out. Pure; knows nothing of where copies came from.

mod difference;
mod fewer;
mod groups;
mod hidden;
mod outcome;
mod pair;
mod sets;
mod untold;

use std::collections::BTreeMap;

use hashbrown::HashSet;
use itertools::Itertools;

use crate::model::finding::Bucket;
use crate::model::{Cover, Side, Sides};
use crate::record::RecordKind;

pub use difference::{Difference, MatchedOnFewer, ToldDifferences};
pub use groups::{GroupCopy, Groups, RecordGroup};
pub use hidden::{Hiding, LackingCopy, RowCover, Stands};
pub use outcome::{DifferenceCounts, DifferenceKind, EveryDifference, Shown, heading};
pub use sets::FieldSets;
pub use untold::{Decided, Untold};

use difference::DifferenceOf;
use groups::once_each;

/// What may hide copies on each side.
#[derive(Clone, Debug, Default)]
pub struct Unseen {
    /// What the parts that could not be read may hold.
    pub covers: Sides<Vec<Cover>>,
}

impl Unseen {
    /// Tells whether the side may hold copies that were not seen, of a record in this bucket.
    pub fn may_hide(&self, side: Side, bucket: &Bucket) -> bool {
        self.covers[side]
            .iter()
            .any(|cover| cover.may_hold(&bucket.interface, bucket.slot))
    }
}

/// A copy with no equal copy on the other side.
struct Leftover<'a> {
    side: Side,
    group: &'a RecordGroup,
    kept: &'a GroupCopy,
    /// Whether the record also has a copy that is matched.
    matched: bool,
}

/// Tells what differs among the copies, in the order of findings, and what agrees in fewer fields than there are.
///
/// All copies of a record, and of those that it may be matched or paired with, must be among the groups; see
/// [`FieldSets::core`].
pub fn differences<'a>(
    groups: &'a Groups,
    sets: &'a FieldSets,
    doubt: &Unseen,
) -> ToldDifferences<'a> {
    let mut told = ToldDifferences::default();
    let mut cores: BTreeMap<(RecordKind, Vec<u8>), Sides<Vec<Leftover<'a>>>> = BTreeMap::new();
    let in_order = groups
        .by_fingerprint
        .values()
        .sorted_by(|a, b| (&a.text, sets.get(a.set)).cmp(&(&b.text, sets.get(b.set))));
    for leftover in in_order.flat_map(leftovers) {
        let core = sets.core(leftover.group.set, &leftover.group.text);
        cores.entry(core).or_default()[leftover.side].push(leftover);
    }
    for leftovers in cores.into_values() {
        let leftovers = match_on_fewer(leftovers, sets, &mut told.fewer);
        let open = leftovers.map(|side| {
            let doubtful = |leftover: &Leftover<'a>| match leftover.doubtful(doubt) {
                Some(kind) => {
                    let found = Difference::leftover(kind, leftover.group, leftover.kept);
                    told.differences.push(found);
                    false
                }
                None => true,
            };
            side.into_iter().filter(doubtful).collect_vec()
        });
        settle(&open, sets, &mut told);
    }
    told.sort();
    told
}

/// Takes out what agrees in all that both have.
fn match_on_fewer<'a>(
    leftovers: Sides<Vec<Leftover<'a>>>,
    sets: &FieldSets,
    fewer: &mut Vec<MatchedOnFewer<'a>>,
) -> Sides<Vec<Leftover<'a>>> {
    let (s3, cwl) = (leftovers.s3, leftovers.cwl);
    let matched = fewer::matched(&as_told(&s3), &as_told(&cwl), sets);
    fewer.extend(matched.iter().map(|&(a, b)| MatchedOnFewer {
        sets: Sides {
            s3: s3[a].group.set,
            cwl: cwl[b].group.set,
        },
        copies: Sides {
            s3: s3[a].kept,
            cwl: cwl[b].kept,
        },
    }));
    Sides {
        s3: without(s3, matched.iter().map(|pair| pair.0)),
        cwl: without(cwl, matched.iter().map(|pair| pair.1)),
    }
}

fn as_told<'l>(leftovers: &'l [Leftover<'_>]) -> Vec<pair::PairedText<'l>> {
    let told = leftovers.iter();
    told.map(|leftover| (leftover.group.set, &*leftover.group.text))
        .collect()
}

/// Returns the leftovers but those at these places.
fn without<'a>(
    leftovers: Vec<Leftover<'a>>,
    taken: impl Iterator<Item = usize>,
) -> Vec<Leftover<'a>> {
    let taken: HashSet<usize> = taken.collect();
    let left = leftovers.into_iter().enumerate();
    let left = left.filter(|(index, _)| !taken.contains(index));
    left.map(|(_, leftover)| leftover).collect()
}

/// Pairs what is left of one flow; what finds no partner is surplus or missing.
fn settle<'a>(
    leftovers: &Sides<Vec<Leftover<'a>>>,
    sets: &'a FieldSets,
    told: &mut ToldDifferences<'a>,
) {
    let pairs = pair::pair(&as_told(&leftovers.s3), &as_told(&leftovers.cwl), sets);
    for &(s3, cwl) in &pairs {
        let (s3, cwl) = (&leftovers.s3[s3], &leftovers.cwl[cwl]);
        let what = DifferenceOf::Divergent {
            sets,
            s3: (s3.group, s3.kept),
            cwl: (cwl.group, cwl.kept),
        };
        told.differences.push(Difference {
            bucket: &s3.group.bucket,
            kind: DifferenceKind::Divergent,
            what,
        });
    }
    let taken: Sides<HashSet<usize>> = Sides {
        s3: pairs.iter().map(|pair| pair.0).collect(),
        cwl: pairs.iter().map(|pair| pair.1).collect(),
    };
    for side in Side::BOTH {
        let alone = leftovers[side]
            .iter()
            .enumerate()
            .filter(|(index, _)| !taken[side].contains(index));
        for (_, leftover) in alone {
            let found = Difference::leftover(leftover.kind(), leftover.group, leftover.kept);
            match sets.may_be_untold(leftover.group.set, side.other()) {
                true => told.open.push(found),
                false => told.differences.push(found),
            }
        }
    }
}

impl Leftover<'_> {
    /// Returns what it is if that cannot be decided.
    fn doubtful(&self, doubt: &Unseen) -> Option<DifferenceKind> {
        let lacking = self.side.other();
        if self.kept.young {
            Some(DifferenceKind::Pending(lacking))
        } else if doubt.may_hide(lacking, &self.group.bucket) {
            Some(DifferenceKind::Undetermined(lacking))
        } else {
            None
        }
    }

    fn kind(&self) -> DifferenceKind {
        if self.matched {
            DifferenceKind::Surplus(self.side)
        } else {
            DifferenceKind::Missing(self.side.other())
        }
    }
}

/// The copies of a record that one side has more than the other. Equal copies cannot be told apart, so those are taken to be
/// the extra ones whose counterparts may still arrive, and then the last ones, by place.
fn leftovers(group: &RecordGroup) -> Vec<Leftover<'_>> {
    let copies = group.copies.as_ref().map(|copies| once_each(copies));
    let common = copies.s3.len().min(copies.cwl.len());
    let side = if copies.s3.len() > common {
        Side::S3
    } else {
        Side::Cwl
    };
    let mut copies = copies[side].clone();
    copies.sort_by_key(|kept| kept.young);
    let extra = copies.into_iter().skip(common);
    extra
        .map(|kept| Leftover {
            side,
            group,
            kept,
            matched: common > 0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::groups::tests::{add, record};
    use super::sets::tests::sets;
    use super::*;

    /// One set, in table order as the texts of the records are.
    fn one_set() -> FieldSets {
        sets(&[&["dstaddr", "bytes", "start"]])
    }

    fn kinds(groups: &Groups, doubt: &Unseen) -> Vec<DifferenceKind> {
        differences(groups, &one_set(), doubt)
            .differences
            .iter()
            .map(|found| found.kind)
            .collect()
    }

    #[test]
    fn leftovers_are_told_apart() {
        let (one, two) = (record(1, "10.0.0.1", 84), record(1, "10.0.0.1", 99));
        let sure = Unseen::default();
        let doubtful = Unseen {
            covers: Sides {
                s3: Vec::new(),
                cwl: vec![Cover::default()],
            },
        };
        let none: &[Option<u128>] = &[];
        for (s3, cwl, young, doubt, expected) in [
            (
                &[None][..],
                none,
                false,
                &sure,
                vec![DifferenceKind::Missing(Side::Cwl)],
            ),
            (
                none,
                &[None][..],
                false,
                &sure,
                vec![DifferenceKind::Missing(Side::S3)],
            ),
            (
                &[None, None, None],
                &[None],
                false,
                &sure,
                vec![DifferenceKind::Surplus(Side::S3); 2],
            ),
            (&[None], &[None], false, &sure, vec![]),
            (
                &[None],
                none,
                true,
                &sure,
                vec![DifferenceKind::Pending(Side::Cwl)],
            ),
            (
                &[None],
                none,
                false,
                &doubtful,
                vec![DifferenceKind::Undetermined(Side::Cwl)],
            ),
            (
                none,
                &[None],
                false,
                &doubtful,
                vec![DifferenceKind::Missing(Side::S3)],
            ),
            (&[Some(7), Some(7)], &[None], false, &sure, vec![]),
            (
                &[Some(7), Some(8)],
                &[None],
                false,
                &sure,
                vec![DifferenceKind::Surplus(Side::S3)],
            ),
        ] {
            let mut groups = Groups::default();
            add(&mut groups, Side::S3, &one, young, s3);
            add(&mut groups, Side::Cwl, &one, young, cwl);
            assert_eq!(kinds(&groups, doubt), expected, "{s3:?} {cwl:?} {young}");
        }
        let mut groups = Groups::default();
        add(&mut groups, Side::S3, &one, false, &[None]);
        add(&mut groups, Side::Cwl, &two, false, &[None]);
        assert_eq!(kinds(&groups, &sure), [DifferenceKind::Divergent]);
    }

    /// Where `end` is not compared, some copies of a record may be young and others not.
    #[test]
    fn as_many_copies_are_pending_as_are_young_whichever_come_first() {
        let one = record(1, "10.0.0.1", 84);
        for young in [[true, false], [false, true]] {
            let mut groups = Groups::default();
            for young in young {
                add(&mut groups, Side::S3, &one, young, &[None]);
            }
            let doubt = Unseen::default();
            let (missing, pending) = (
                DifferenceKind::Missing(Side::Cwl),
                DifferenceKind::Pending(Side::Cwl),
            );
            assert_eq!(kinds(&groups, &doubt), [missing, pending]);
            add(&mut groups, Side::Cwl, &one, false, &[None]);
            assert_eq!(kinds(&groups, &doubt), [pending]);
            add(&mut groups, Side::Cwl, &one, true, &[None]);
            assert_eq!(kinds(&groups, &doubt), []);
        }
    }

    #[test]
    fn a_pair_names_the_fields_that_differ() {
        let (one, two) = (record(1, "10.0.0.1", 84), record(1, "10.0.0.1", 99));
        let mut groups = Groups::default();
        add(&mut groups, Side::S3, &one, false, &[None]);
        add(&mut groups, Side::Cwl, &two, false, &[None]);
        let sets = one_set();
        let found = differences(&groups, &sets, &Unseen::default()).differences;
        let shown = found.iter().map(Difference::shown).collect_vec();
        let [Shown::Divergent(pair)] = &shown[..] else {
            panic!("{found:?}")
        };
        assert_eq!(pair.fields, ["bytes"]);
        assert_eq!(
            (pair.s3.record.get("bytes"), pair.cwl.record.get("bytes")),
            (Some("84"), Some("99"))
        );
    }

    #[test]
    fn a_difference_has_its_copies_on_the_sides_where_they_stand() {
        let (one, two) = (record(1, "10.0.0.1", 84), record(1, "10.0.0.1", 99));
        let doubt = Unseen {
            covers: Sides {
                s3: Vec::new(),
                cwl: vec![Cover::default()],
            },
        };
        let sure = Unseen::default();
        // Rows of `one`, and of `two`, S3's first; whether they are young; where the copies of the difference stand.
        for (ones, twos, young, doubt, expected) in [
            ([1, 0], [0, 0], false, &sure, [true, false]),
            ([1, 2], [0, 0], false, &sure, [false, true]),
            ([0, 1], [0, 0], true, &sure, [false, true]),
            ([1, 0], [0, 0], false, &doubt, [true, false]),
            ([1, 0], [0, 1], false, &sure, [true, true]),
        ] {
            let mut groups = Groups::default();
            for (side, ones, twos) in itertools::izip!(Side::BOTH, ones, twos) {
                add(&mut groups, side, &one, young, &vec![None; ones]);
                add(&mut groups, side, &two, young, &vec![None; twos]);
            }
            let sets = one_set();
            let found = differences(&groups, &sets, doubt).differences;
            let [difference] = &found[..] else {
                panic!("{found:?}")
            };
            let copies = difference.copies();
            let copies = Side::BOTH.map(|side| copies[side].is_some());
            assert_eq!(copies, expected, "{difference:?}");
        }
    }

    #[test]
    fn the_last_copies_are_the_extra_ones() {
        let one = record(1, "10.0.0.1", 84);
        let mut groups = Groups::default();
        add(&mut groups, Side::S3, &one, false, &[None, None]);
        add(&mut groups, Side::Cwl, &one, false, &[None]);
        let sets = one_set();
        let found = differences(&groups, &sets, &Unseen::default()).differences;
        let shown = found.iter().map(Difference::shown).collect_vec();
        let [Shown::Leftover(evidence)] = &shown[..] else {
            panic!("{found:?}")
        };
        assert_eq!(evidence.found_in.row, 2);
    }

    #[test]
    fn copies_come_in_any_order() {
        let (one, two) = (record(1, "10.0.0.1", 84), record(2, "10.0.0.2", 99));
        let fingerprint = u128::from(xxhash_rust::xxh3::xxh3_64(one.0.as_bytes()));
        for (young_s3, young_cwl) in [(false, false), (true, false), (false, true)] {
            let copies = [
                (Side::S3, young_s3, &one),
                (Side::S3, young_s3, &one),
                (Side::Cwl, young_cwl, &two),
                (Side::Cwl, young_cwl, &one),
            ];
            for order in [[0, 1, 2, 3], [3, 2, 1, 0]] {
                let mut groups = Groups::default();
                for (side, young, of) in order.map(|at| copies[at]) {
                    add(&mut groups, side, of, young, &[None]);
                }
                assert_eq!(groups.copies(fingerprint), Sides { s3: 2, cwl: 1 });
                assert_eq!(groups.copies(!fingerprint), Sides { s3: 0, cwl: 0 });
                let surplus = if young_s3 {
                    DifferenceKind::Pending(Side::Cwl)
                } else {
                    DifferenceKind::Surplus(Side::S3)
                };
                let missing = if young_cwl {
                    DifferenceKind::Pending(Side::S3)
                } else {
                    DifferenceKind::Missing(Side::S3)
                };
                let mut expected = vec![surplus, missing];
                expected.sort();
                assert_eq!(kinds(&groups, &Unseen::default()), expected);
            }
        }
    }

    #[test]
    fn differences_stand_in_the_order_of_findings() {
        let mut groups = Groups::default();
        let records = [
            record(2, "10.0.0.2", 1),
            record(1, "10.0.0.1", 84),
            record(1, "10.0.0.1", 99),
        ];
        add(&mut groups, Side::Cwl, &records[0], false, &[None]);
        add(&mut groups, Side::S3, &records[1], false, &[None, None]);
        add(&mut groups, Side::Cwl, &records[2], false, &[None]);
        let found = kinds(&groups, &Unseen::default());
        assert_eq!(
            found,
            [
                DifferenceKind::Missing(Side::S3),
                DifferenceKind::Missing(Side::Cwl),
                DifferenceKind::Divergent
            ]
        );
    }
}
