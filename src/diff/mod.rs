//! The diff: copies of differing records in, differences out. Pure; knows nothing of where copies came from.

mod outcome;
mod pair;
mod traffic;

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use itertools::Itertools;

use crate::finding::{Bucket, Evidence, Pair, Place};
use crate::record::{Comparison, Record};
use crate::source::{Cover, Side, Sides};

pub use outcome::{Kind, Outcome, Shown};
pub use pair::Flow;
pub use traffic::Traffic;

/// One copy of a differing record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kept {
    /// Where it stands.
    pub place: Place,
    /// The event it came in, if it had an id: two copies with one id are one.
    pub event: Option<u128>,
    /// All its fields.
    pub record: Record,
    /// Its `end`, in Unix seconds.
    pub end: Option<i64>,
    /// When it was delivered, in Unix seconds, if that is known.
    pub delivered: Option<i64>,
}

/// All copies of one differing record.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its canonical text.
    pub text: Box<[u8]>,
    /// Its bucket.
    pub bucket: Bucket,
    /// Whether copies may still be on their way.
    pub young: bool,
    /// The copies, in no order.
    pub copies: Sides<Vec<Kept>>,
}

/// The copies of differing records, by fingerprint.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    by_fingerprint: HashMap<u128, Group>,
}

impl Groups {
    /// Adds a copy; `open` makes the group of a record not seen before, without copies.
    ///
    /// Where `end` is not compared, some copies of a record may be young and others not: one is enough.
    pub fn add(
        &mut self,
        fingerprint: u128,
        side: Side,
        kept: Kept,
        young: bool,
        open: impl FnOnce() -> Group,
    ) {
        let group = self.by_fingerprint.entry(fingerprint).or_insert_with(open);
        group.young |= young;
        // Most records have one copy a side, and there may be many records.
        let copies = &mut group.copies[side];
        if copies.is_empty() {
            copies.reserve_exact(1);
        }
        copies.push(kept);
    }

    /// Returns the fingerprints of the records, in no order.
    pub fn fingerprints(&self) -> impl Iterator<Item = u128> + '_ {
        self.by_fingerprint.keys().copied()
    }

    /// Returns how many copies each side has of a record, an event counted once.
    pub fn copies(&self, fingerprint: u128) -> Sides<u64> {
        let group = self.by_fingerprint.get(&fingerprint);
        let count = |side| group.map_or(0, |group| once_each(&group.copies[side]).len() as u64);
        Sides::from_fn(count)
    }

    /// Returns `end` and delivery, as far as they are known, of the copies of a record on a side that were delivered
    /// last.
    pub fn newest(
        &self,
        fingerprint: u128,
        side: Side,
        number: usize,
    ) -> impl Iterator<Item = (Option<i64>, Option<i64>)> {
        let group = self.by_fingerprint.get(&fingerprint);
        let copies = group.map(|group| once_each(&group.copies[side]));
        let times = copies.into_iter().flatten();
        times
            .map(|kept| (kept.end, kept.delivered))
            .sorted_by_key(|(_, delivered)| std::cmp::Reverse(*delivered))
            .take(number)
    }
}

/// What may hide copies on each side.
#[derive(Clone, Debug, Default)]
pub struct Doubt {
    /// What the parts that could not be read may hold.
    pub covers: Sides<Vec<Cover>>,
}

impl Doubt {
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
    group: &'a Group,
    kept: &'a Kept,
    /// Whether the record also has a copy that is matched.
    matched: bool,
}

/// One difference, told by the copies it consists of.
#[derive(Clone, Copy, Debug)]
pub struct Difference<'a> {
    /// Where in time and on which interface.
    pub bucket: &'a Bucket,
    /// What it is.
    pub kind: Kind,
    what: What<'a>,
}

#[derive(Clone, Copy, Debug)]
enum What<'a> {
    Leftover(&'a Kept),
    Divergent {
        comparison: &'a Comparison,
        s3: (&'a Group, &'a Kept),
        cwl: (&'a Group, &'a Kept),
    },
}

impl<'a> Difference<'a> {
    /// Writes it out as evidence.
    pub fn shown(&self) -> Shown {
        match self.what {
            What::Leftover(kept) => Shown::Leftover(evidence(kept)),
            What::Divergent {
                comparison,
                s3,
                cwl,
            } => Shown::Divergent(Box::new(Pair {
                fields: unequal_fields(comparison, s3.0, cwl.0),
                s3: evidence(s3.1),
                cwl: evidence(cwl.1),
            })),
        }
    }

    /// Returns the copies that it consists of, on the sides where they stand.
    pub fn copies(&self) -> Sides<Option<&'a Kept>> {
        match self.what {
            What::Divergent { s3, cwl, .. } => Sides {
                s3: Some(s3.1),
                cwl: Some(cwl.1),
            },
            What::Leftover(kept) => {
                let on = match self.kind {
                    Kind::Surplus(side) => side,
                    Kind::Missing(lacking)
                    | Kind::Pending(lacking)
                    | Kind::Undetermined(lacking) => lacking.other(),
                    Kind::Divergent => unreachable!("it consists of two"),
                };
                Sides::from_fn(|side| (side == on).then_some(kept))
            }
        }
    }

    fn leftover(kind: Kind, leftover: &Leftover<'a>) -> Self {
        Self {
            bucket: &leftover.group.bucket,
            kind,
            what: What::Leftover(leftover.kept),
        }
    }

    /// The order of findings, and of evidence within one.
    fn order(&self) -> (&'a Bucket, Kind, &'a Record, &'a Place) {
        let (What::Leftover(kept) | What::Divergent { s3: (_, kept), .. }) = self.what;
        (self.bucket, self.kind, &kept.record, &kept.place)
    }
}

/// Tells what differs among the copies, in the order of findings.
///
/// All copies of a record and of its flow must be among the groups.
pub fn differences<'a>(
    groups: &'a Groups,
    comparison: &'a Comparison,
    doubt: &Doubt,
) -> Vec<Difference<'a>> {
    let mut found = Vec::new();
    let mut flows: BTreeMap<Vec<u8>, Sides<Vec<Leftover<'a>>>> = BTreeMap::new();
    let flow = Flow::new(comparison);
    let in_order = groups
        .by_fingerprint
        .values()
        .sorted_by(|a, b| a.text.cmp(&b.text));
    for leftover in in_order.flat_map(leftovers) {
        let lacking = leftover.side.other();
        if leftover.group.young {
            found.push(Difference::leftover(Kind::Pending(lacking), &leftover));
        } else if doubt.may_hide(lacking, &leftover.group.bucket) {
            found.push(Difference::leftover(Kind::Undetermined(lacking), &leftover));
        } else {
            flows.entry(flow.of(&leftover.group.text)).or_default()[leftover.side].push(leftover);
        }
    }
    for leftovers in flows.values() {
        settle_flow(leftovers, comparison, &mut found);
    }
    found.sort_by(|a, b| a.order().cmp(&b.order()));
    found
}

/// Pairs what is left of one flow; what finds no partner is surplus or missing.
fn settle_flow<'a>(
    flow: &Sides<Vec<Leftover<'a>>>,
    comparison: &'a Comparison,
    found: &mut Vec<Difference<'a>>,
) {
    let texts = flow.as_ref().map(|side| {
        side.iter()
            .map(|leftover| &*leftover.group.text)
            .collect_vec()
    });
    let pairs = pair::pair(&texts.s3, &texts.cwl);
    for &(s3, cwl) in &pairs {
        let (s3, cwl) = (&flow.s3[s3], &flow.cwl[cwl]);
        let what = What::Divergent {
            comparison,
            s3: (s3.group, s3.kept),
            cwl: (cwl.group, cwl.kept),
        };
        found.push(Difference {
            bucket: &s3.group.bucket,
            kind: Kind::Divergent,
            what,
        });
    }
    let taken: Sides<HashSet<usize>> = Sides {
        s3: pairs.iter().map(|pair| pair.0).collect(),
        cwl: pairs.iter().map(|pair| pair.1).collect(),
    };
    for side in Side::BOTH {
        let alone = flow[side]
            .iter()
            .enumerate()
            .filter(|(index, _)| !taken[side].contains(index));
        found.extend(alone.map(|(_, leftover)| Difference::leftover(leftover.kind(), leftover)));
    }
}

impl Leftover<'_> {
    fn kind(&self) -> Kind {
        if self.matched {
            Kind::Surplus(self.side)
        } else {
            Kind::Missing(self.side.other())
        }
    }
}

/// The copies of a record that one side has more than the other. Equal copies cannot be told apart,
/// so the last ones, by place, are taken to be the extra ones.
fn leftovers(group: &Group) -> Vec<Leftover<'_>> {
    let copies = group.copies.as_ref().map(|copies| once_each(copies));
    let common = copies.s3.len().min(copies.cwl.len());
    let side = if copies.s3.len() > common {
        Side::S3
    } else {
        Side::Cwl
    };
    let extra = &copies[side][common..];
    extra
        .iter()
        .map(|kept| Leftover {
            side,
            group,
            kept,
            matched: common > 0,
        })
        .collect()
}

/// Returns the copies in order of place, of those with one event id only the first.
fn once_each(copies: &[Kept]) -> Vec<&Kept> {
    let mut seen = HashSet::new();
    let in_order = copies.iter().sorted();
    in_order
        .filter(|kept| kept.event.is_none_or(|event| seen.insert(event)))
        .collect()
}

fn unequal_fields(comparison: &Comparison, s3: &Group, cwl: &Group) -> Vec<String> {
    let values = pair::values(&s3.text).zip(pair::values(&cwl.text));
    let fields = comparison.fields().iter().zip(values);
    fields
        .filter(|(_, (s3, cwl))| s3 != cwl)
        .map(|(name, _)| name.to_string())
        .collect()
}

fn evidence(kept: &Kept) -> Evidence {
    Evidence {
        record: kept.record.clone(),
        found_in: kept.place.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{FieldName, Layout};

    /// A record with a start, a host and bytes; its flow is the first two.
    fn record(start: i64, host: &str, bytes: u64) -> (String, Record) {
        let values = [start.to_string(), host.to_owned(), bytes.to_string()];
        let names = ["start", "dstaddr", "bytes"].map(FieldName::new);
        let record = Record::new(
            names
                .into_iter()
                .zip(values.into_iter().map(Some))
                .collect(),
        );
        (record.to_string(), record)
    }

    fn comparison() -> Comparison {
        let layout = Layout::from_names(["start", "dstaddr", "bytes"]).unwrap();
        Comparison::new(layout.columns().to_vec())
    }

    /// Adds copies of a record, one a row, with the event ids given.
    fn add(
        groups: &mut Groups,
        side: Side,
        one: &(String, Record),
        young: bool,
        events: &[Option<u128>],
    ) {
        for (row, event) in (1..).zip(events) {
            let kept = Kept {
                place: Place {
                    part: "part".into(),
                    row,
                },
                event: *event,
                record: one.1.clone(),
                end: None,
                delivered: None,
            };
            let fingerprint = u128::from(xxhash_rust::xxh3::xxh3_64(one.0.as_bytes()));
            groups.add(fingerprint, side, kept, young, || Group {
                text: one.0.as_bytes().into(),
                bucket: Bucket {
                    interface: "-".into(),
                    slot: Some(0),
                },
                young,
                copies: Sides::default(),
            });
        }
    }

    fn kinds(groups: &Groups, doubt: &Doubt) -> Vec<Kind> {
        differences(groups, &comparison(), doubt)
            .iter()
            .map(|found| found.kind)
            .collect()
    }

    #[test]
    fn leftovers_are_told_apart() {
        let (one, two) = (record(1, "10.0.0.1", 84), record(1, "10.0.0.1", 99));
        let sure = Doubt::default();
        let doubtful = Doubt {
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
                vec![Kind::Missing(Side::Cwl)],
            ),
            (
                none,
                &[None][..],
                false,
                &sure,
                vec![Kind::Missing(Side::S3)],
            ),
            (
                &[None, None, None],
                &[None],
                false,
                &sure,
                vec![Kind::Surplus(Side::S3); 2],
            ),
            (&[None], &[None], false, &sure, vec![]),
            (&[None], none, true, &sure, vec![Kind::Pending(Side::Cwl)]),
            (
                &[None],
                none,
                false,
                &doubtful,
                vec![Kind::Undetermined(Side::Cwl)],
            ),
            (
                none,
                &[None],
                false,
                &doubtful,
                vec![Kind::Missing(Side::S3)],
            ),
            (&[Some(7), Some(7)], &[None], false, &sure, vec![]),
            (
                &[Some(7), Some(8)],
                &[None],
                false,
                &sure,
                vec![Kind::Surplus(Side::S3)],
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
        assert_eq!(kinds(&groups, &sure), [Kind::Divergent]);
    }

    /// Found by the self-test: with `end` left out, it depended on which copy came first.
    #[test]
    fn one_young_copy_makes_a_record_young_whichever_comes_first() {
        let one = record(1, "10.0.0.1", 84);
        for young in [[true, false], [false, true]] {
            let mut groups = Groups::default();
            for young in young {
                add(&mut groups, Side::S3, &one, young, &[None]);
            }
            let pending = Kind::Pending(Side::Cwl);
            assert_eq!(kinds(&groups, &Doubt::default()), [pending, pending]);
        }
    }

    #[test]
    fn a_pair_names_the_fields_that_differ() {
        let (one, two) = (record(1, "10.0.0.1", 84), record(1, "10.0.0.1", 99));
        let mut groups = Groups::default();
        add(&mut groups, Side::S3, &one, false, &[None]);
        add(&mut groups, Side::Cwl, &two, false, &[None]);
        let comparison = comparison();
        let found = differences(&groups, &comparison, &Doubt::default());
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
        let doubt = Doubt {
            covers: Sides {
                s3: Vec::new(),
                cwl: vec![Cover::default()],
            },
        };
        let sure = Doubt::default();
        // Rows of `one`, and of `two`, on either side; whether they are young; on which sides the copies of the difference stand.
        type Rows = Sides<usize>;
        let cases: [(Rows, Rows, bool, &Doubt, Sides<bool>); 5] = [
            (
                Sides { s3: 1, cwl: 0 },
                Rows::default(),
                false,
                &sure,
                Sides {
                    s3: true,
                    cwl: false,
                },
            ),
            (
                Sides { s3: 1, cwl: 2 },
                Rows::default(),
                false,
                &sure,
                Sides {
                    s3: false,
                    cwl: true,
                },
            ),
            (
                Sides { s3: 0, cwl: 1 },
                Rows::default(),
                true,
                &sure,
                Sides {
                    s3: false,
                    cwl: true,
                },
            ),
            (
                Sides { s3: 1, cwl: 0 },
                Rows::default(),
                false,
                &doubt,
                Sides {
                    s3: true,
                    cwl: false,
                },
            ),
            (
                Sides { s3: 1, cwl: 0 },
                Sides { s3: 0, cwl: 1 },
                false,
                &sure,
                Sides {
                    s3: true,
                    cwl: true,
                },
            ),
        ];
        for (ones, twos, young, doubt, expected) in cases {
            let mut groups = Groups::default();
            for side in Side::BOTH {
                add(&mut groups, side, &one, young, &vec![None; ones[side]]);
                add(&mut groups, side, &two, young, &vec![None; twos[side]]);
            }
            let comparison = comparison();
            let found = differences(&groups, &comparison, doubt);
            let [difference] = &found[..] else {
                panic!("{found:?}")
            };
            let copies = difference.copies().map(|kept| kept.is_some());
            assert_eq!(copies, expected, "{difference:?}");
        }
    }

    #[test]
    fn the_last_copies_are_the_extra_ones() {
        let one = record(1, "10.0.0.1", 84);
        let mut groups = Groups::default();
        add(&mut groups, Side::S3, &one, false, &[None, None]);
        add(&mut groups, Side::Cwl, &one, false, &[None]);
        let comparison = comparison();
        let found = differences(&groups, &comparison, &Doubt::default());
        let shown = found.iter().map(Difference::shown).collect_vec();
        let [Shown::Leftover(evidence)] = &shown[..] else {
            panic!("{found:?}")
        };
        assert_eq!(evidence.found_in.row, 2);
    }

    fn kept(row: u64, event: Option<u128>, end: i64, delivered: Option<i64>) -> Kept {
        Kept {
            place: Place {
                part: "part".into(),
                row,
            },
            event,
            record: record(1, "10.0.0.1", 84).1,
            end: Some(end),
            delivered,
        }
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
                let young = young_s3 || young_cwl;
                let surplus = if young {
                    Kind::Pending(Side::Cwl)
                } else {
                    Kind::Surplus(Side::S3)
                };
                let missing = if young_cwl {
                    Kind::Pending(Side::S3)
                } else {
                    Kind::Missing(Side::S3)
                };
                let mut expected = vec![surplus, missing];
                expected.sort();
                assert_eq!(kinds(&groups, &Doubt::default()), expected);
            }
        }
    }

    #[test]
    fn the_newest_copies_are_those_delivered_last() {
        let mut groups = Groups::default();
        let copies = [
            kept(1, None, 60, Some(500)),
            kept(2, None, 61, None),
            kept(3, Some(7), 62, Some(700)),
            kept(4, Some(7), 62, Some(700)),
            kept(5, None, 63, Some(600)),
        ];
        let open = || Group {
            text: Box::default(),
            bucket: Bucket {
                interface: "-".into(),
                slot: None,
            },
            young: false,
            copies: Sides::default(),
        };
        for one in copies {
            groups.add(1, Side::Cwl, one, false, open);
        }
        let newest = |side, number| groups.newest(1, side, number).collect_vec();
        let two = [(Some(62), Some(700)), (Some(63), Some(600))];
        assert_eq!(newest(Side::Cwl, 2), two);
        assert_eq!(
            newest(Side::Cwl, 9)[2..],
            [(Some(60), Some(500)), (Some(61), None)]
        );
        assert_eq!(newest(Side::S3, 9), []);
        assert_eq!(groups.newest(2, Side::Cwl, 9).next(), None);
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
        let found = kinds(&groups, &Doubt::default());
        assert_eq!(
            found,
            [
                Kind::Missing(Side::S3),
                Kind::Missing(Side::Cwl),
                Kind::Divergent
            ]
        );
    }

    #[test]
    fn the_records_of_groups_are_told_by_fingerprint() {
        let mut groups = Groups::default();
        assert_eq!(groups.fingerprints().next(), None);
        let records = [record(1, "10.0.0.1", 84), record(2, "10.0.0.1", 84)];
        for one in &records {
            add(&mut groups, Side::Cwl, one, false, &[None, None]);
        }
        let of = |one: &(String, Record)| u128::from(xxhash_rust::xxh3::xxh3_64(one.0.as_bytes()));
        let expected = records.iter().map(of).sorted().collect_vec();
        assert_eq!(groups.fingerprints().sorted().collect_vec(), expected);
    }
}
