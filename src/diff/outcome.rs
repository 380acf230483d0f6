//! The outcome: every difference counted, and the first few kept as evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::model::finding::{Bucket, Evidence, FewerFields, Finding, LeftoverKind, Pair};
use crate::model::{Counts, Side, Sides};
use crate::record::{FieldName, RecordKind};

use super::MatchedOnFewer;
use super::sets::FieldSets;

/// Takes each difference as it is confirmed: the bucket, what it is, and what was found.
pub type EveryDifference<'a> =
    dyn FnMut(&Bucket, DifferenceKind, &Shown) -> io::Result<()> + Send + 'a;

/// What kind of difference, and about which side; the order is that of findings in a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// Gone from a side.
    Missing(Side),
    /// Too many on a side.
    Surplus(Side),
    /// The same flow, told differently.
    Divergent,
    /// Not on a side yet.
    Pending(Side),
    /// Perhaps on a side.
    Undetermined(Side),
}

impl DifferenceKind {
    /// Returns what leftovers of a kind are, about a side.
    pub fn of(kind: LeftoverKind, side: Side) -> Self {
        match kind {
            LeftoverKind::Missing => Self::Missing(side),
            LeftoverKind::Surplus => Self::Surplus(side),
            LeftoverKind::Pending => Self::Pending(side),
            LeftoverKind::Undetermined => Self::Undetermined(side),
        }
    }

    /// Returns the side that lacks a copy and is certain to have none that was read, if there is one.
    pub fn lacking(self) -> Option<Side> {
        match self {
            Self::Missing(side) => Some(side),
            Self::Surplus(side) => Some(side.other()),
            Self::Divergent | Self::Pending(_) | Self::Undetermined(_) => None,
        }
    }

    /// Returns what leftovers are, and on which side; `None` for pairs.
    pub fn leftover(self) -> Option<(LeftoverKind, Side)> {
        match self {
            Self::Missing(side) => Some((LeftoverKind::Missing, side)),
            Self::Surplus(side) => Some((LeftoverKind::Surplus, side)),
            Self::Pending(side) => Some((LeftoverKind::Pending, side)),
            Self::Undetermined(side) => Some((LeftoverKind::Undetermined, side)),
            Self::Divergent => None,
        }
    }
}

/// Returns where a finding's records are and what they were found to be, and how many they are.
pub fn heading(finding: &Finding) -> ((Bucket, DifferenceKind), u64) {
    match finding {
        Finding::Leftovers {
            kind,
            side,
            bucket,
            records,
            ..
        } => ((bucket.clone(), DifferenceKind::of(*kind, *side)), *records),
        Finding::Divergent {
            bucket, records, ..
        } => ((bucket.clone(), DifferenceKind::Divergent), *records),
    }
}

/// One difference with what was found of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// A leftover.
    Leftover(Evidence),
    /// Two that are the same flow.
    Divergent(Box<Pair>),
}

/// How many matches on fewer fields are named by their parts, a side.
const MOST_PARTS: usize = 5;

/// Matches on fewer fields of one sort.
#[derive(Clone, Debug, Default)]
struct Fewer {
    records: u64,
    /// The first parts that they stand in, by name.
    parts: Sides<BTreeSet<Arc<str>>>,
}

impl Fewer {
    fn name(&mut self, side: Side, part: &Arc<str>) {
        let parts = &mut self.parts[side];
        parts.insert(Arc::clone(part));
        while parts.len() > MOST_PARTS {
            parts.pop_last();
        }
    }

    fn merge(&mut self, other: Self) {
        self.records += other.records;
        for (side, parts) in [(Side::S3, other.parts.s3), (Side::Cwl, other.parts.cwl)] {
            parts.iter().for_each(|part| self.name(side, part));
        }
    }
}

/// Counts differences by bucket and kind, and keeps the first ones shown.
///
/// Which ones are kept depends only on what was added, never on the order of adding.
#[derive(Clone, Debug)]
pub struct DifferenceCounts {
    counts: BTreeMap<(Bucket, DifferenceKind), u64>,
    shown: BTreeMap<((Bucket, DifferenceKind), Shown), usize>,
    /// What agrees in all that both sides have, by its kind and what was not compared.
    fewer: BTreeMap<(RecordKind, Vec<FieldName>), Fewer>,
    /// How many were to be shown, those included that are forgotten by now.
    given: usize,
    most: usize,
    capped: bool,
}

impl DifferenceCounts {
    /// Makes an empty outcome that shows at most this many differences, a pair being one.
    pub fn showing(most: usize) -> Self {
        Self {
            counts: BTreeMap::new(),
            shown: BTreeMap::new(),
            fewer: BTreeMap::new(),
            given: 0,
            most,
            capped: false,
        }
    }

    /// Counts differences that are known by number only.
    pub fn count(&mut self, bucket: &Bucket, kind: DifferenceKind, copies: u64) {
        if copies > 0 {
            *self.counts.entry((bucket.clone(), kind)).or_default() += copies;
        }
    }

    /// Counts a match on fewer fields.
    pub fn count_fewer(&mut self, matched: &MatchedOnFewer<'_>, sets: &FieldSets) {
        let (s3, cwl) = (matched.sets.s3, matched.sets.cwl);
        let key = (sets.get(s3).kind, sets.not_shared(s3, cwl));
        let of = self.fewer.entry(key).or_default();
        of.records += 1;
        for side in Side::BOTH {
            of.name(side, &matched.copies[side].place.part);
        }
    }

    /// Shows a difference, which has been or will be counted.
    pub fn show(&mut self, bucket: &Bucket, kind: DifferenceKind, shown: Shown) {
        *self
            .shown
            .entry(((bucket.clone(), kind), shown))
            .or_default() += 1;
        self.given += 1;
        if self.given > self.most {
            self.forget_last();
        }
    }

    /// Tells whether a difference may be among those that are shown in the end, as far as its bucket and kind tell; if
    /// not, takes note of that.
    pub fn may_show(
        &mut self,
        (interface, slot): (&str, Option<i64>),
        kind: DifferenceKind,
    ) -> bool {
        let full = self.given >= self.most;
        let last = self.shown.last_key_value();
        let beyond = last.is_none_or(|(((of, what), _), _)| {
            (&*of.interface, of.slot, *what) < (interface, slot, kind)
        });
        self.capped |= full && beyond;
        !(full && beyond)
    }

    /// Turns what is shown of one kind into others, by bucket.
    pub fn retell(self, kind: impl Fn(&Bucket) -> DifferenceKind) -> Self {
        let told = self.shown.into_iter().map(|(((bucket, _), shown), times)| {
            let kind = kind(&bucket);
            (((bucket, kind), shown), times)
        });
        Self {
            shown: told.collect(),
            ..self
        }
    }

    /// Takes note that differences were counted and not shown, although they might have been.
    pub fn note_more(&mut self, more: bool) {
        self.capped |= more;
    }

    fn forget_last(&mut self) {
        self.capped = true;
        if let Some(mut last) = self.shown.last_entry() {
            *last.get_mut() -= 1;
            if *last.get() == 0 {
                last.remove();
            }
        }
    }

    /// Adds up another outcome.
    pub fn merge(&mut self, other: Self) {
        for ((bucket, kind), copies) in other.counts {
            self.count(&bucket, kind, copies);
        }
        for (key, more) in other.fewer {
            self.fewer.entry(key).or_default().merge(more);
        }
        for (((bucket, kind), shown), times) in other.shown {
            (0..times).for_each(|_| self.show(&bucket, kind, shown.clone()));
        }
        self.capped |= other.capped;
    }

    /// Returns the totals; `matched` stays 0, since differences say nothing of it.
    pub fn totals(&self) -> Counts {
        let mut totals = Counts {
            matched_on_fewer_fields: self.fewer.values().map(|fewer| fewer.records).sum(),
            ..Counts::default()
        };
        for ((_, kind), copies) in &self.counts {
            *match kind {
                DifferenceKind::Missing(side) => &mut totals.missing[*side],
                DifferenceKind::Surplus(side) => &mut totals.surplus[*side],
                DifferenceKind::Divergent => &mut totals.divergent,
                DifferenceKind::Pending(side) => &mut totals.pending[*side],
                DifferenceKind::Undetermined(side) => &mut totals.undetermined[*side],
            } += copies;
        }
        totals
    }

    /// Tells whether anything may still arrive.
    pub fn is_pending(&self) -> bool {
        let mut kinds = self.counts.keys().map(|(_, kind)| kind);
        kinds.any(|kind| matches!(kind, DifferenceKind::Pending(_)))
    }

    /// Returns how many copies each side lacks in each bucket, for whatever reason; pairs of the same flow do not count.
    pub fn lacking(&self) -> HashMap<&Bucket, Sides<u64>> {
        let mut lacking: HashMap<&Bucket, Sides<u64>> = HashMap::new();
        for ((bucket, kind), copies) in &self.counts {
            if let DifferenceKind::Missing(side)
            | DifferenceKind::Pending(side)
            | DifferenceKind::Undetermined(side) = kind
            {
                lacking.entry(bucket).or_default()[*side] += copies;
            }
        }
        lacking
    }

    /// Returns the matches on fewer fields, by kind and what was not compared.
    pub fn fewer_fields(&self) -> Vec<FewerFields> {
        let fewer = self.fewer.iter();
        let told = fewer.map(|((kind, not_compared), fewer)| FewerFields {
            kind: *kind,
            not_compared: not_compared.clone(),
            records: fewer.records,
            parts: fewer
                .parts
                .as_ref()
                .map(|parts| parts.iter().cloned().collect()),
        });
        told.collect()
    }

    /// Returns the findings, ordered by interface, slot, kind and side, and whether there is more
    /// evidence than they show.
    pub fn into_findings(self) -> (Vec<Finding>, bool) {
        let mut shown: BTreeMap<(Bucket, DifferenceKind), (Vec<Evidence>, Vec<Pair>)> =
            BTreeMap::new();
        for ((heading, one), times) in self.shown {
            let (leftovers, pairs) = shown.entry(heading).or_default();
            match one {
                Shown::Leftover(evidence) => leftovers.extend(std::iter::repeat_n(evidence, times)),
                Shown::Divergent(pair) => pairs.extend(std::iter::repeat_n(*pair, times)),
            }
        }
        let finding = |((bucket, kind), records): ((Bucket, DifferenceKind), u64)| {
            let (leftovers, pairs) = shown.remove(&(bucket.clone(), kind)).unwrap_or_default();
            match kind.leftover() {
                Some((kind, side)) => Finding::Leftovers {
                    kind,
                    side,
                    bucket,
                    records,
                    evidence: leftovers,
                },
                None => Finding::Divergent {
                    bucket,
                    records,
                    evidence: pairs,
                },
            }
        };
        (self.counts.into_iter().map(finding).collect(), self.capped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Place;
    use crate::record::Record;

    fn shown(row: u64) -> Shown {
        let found_in = Place {
            part: "part".into(),
            row,
        };
        Shown::Leftover(Evidence {
            record: Record::new(Vec::new()),
            found_in,
        })
    }

    #[test]
    fn counts_are_whole_and_the_first_are_shown_in_any_order() {
        let bucket = Bucket {
            interface: "eni-0aa".into(),
            slot: Some(300),
        };
        let kind = DifferenceKind::Missing(Side::Cwl);
        let outcome = |rows: &[u64]| {
            let mut outcome = DifferenceCounts::showing(2);
            for &row in rows {
                outcome.count(&bucket, kind, 1);
                outcome.show(&bucket, kind, shown(row));
            }
            outcome
        };
        let mut merged = outcome(&[5, 1]);
        merged.merge(outcome(&[3, 3, 2]));
        for outcome in [outcome(&[1, 2, 3, 3, 5]), outcome(&[5, 3, 3, 2, 1]), merged] {
            assert_eq!(outcome.totals().missing.cwl, 5);
            let (findings, capped) = outcome.into_findings();
            let [
                Finding::Leftovers {
                    records: 5,
                    evidence,
                    ..
                },
            ] = &findings[..]
            else {
                panic!("{findings:?}")
            };
            assert_eq!(
                evidence
                    .iter()
                    .map(|one| one.found_in.row)
                    .collect::<Vec<_>>(),
                [1, 2]
            );
            assert!(capped);
        }
    }

    const KINDS: [DifferenceKind; 9] = [
        DifferenceKind::Missing(Side::S3),
        DifferenceKind::Missing(Side::Cwl),
        DifferenceKind::Surplus(Side::S3),
        DifferenceKind::Surplus(Side::Cwl),
        DifferenceKind::Divergent,
        DifferenceKind::Pending(Side::S3),
        DifferenceKind::Pending(Side::Cwl),
        DifferenceKind::Undetermined(Side::S3),
        DifferenceKind::Undetermined(Side::Cwl),
    ];

    fn bucket(slot: i64) -> Bucket {
        Bucket {
            interface: "eni-0aa".into(),
            slot: Some(slot),
        }
    }

    #[test]
    fn every_kind_has_its_total() {
        let mut outcome = DifferenceCounts::showing(1);
        for (kind, copies) in KINDS.into_iter().zip([1, 2, 4, 8, 16, 32, 64, 128, 256]) {
            outcome.count(&bucket(0), kind, copies);
            outcome.count(&bucket(300), kind, copies * 1000);
            outcome.count(&bucket(600), kind, 0);
            if let Some((leftover, side)) = kind.leftover() {
                assert_eq!(DifferenceKind::of(leftover, side), kind);
            }
        }
        let expected = Counts {
            matched: 0,
            matched_on_fewer_fields: 0,
            missing: Sides {
                s3: 1001,
                cwl: 2002,
            },
            surplus: Sides {
                s3: 4004,
                cwl: 8008,
            },
            divergent: 16_016,
            pending: Sides {
                s3: 32_032,
                cwl: 64_064,
            },
            undetermined: Sides {
                s3: 128_128,
                cwl: 256_256,
            },
            late: Sides::default(),
        };
        assert_eq!(outcome.totals(), expected);
        let lacking = outcome.lacking();
        assert_eq!(lacking.len(), 2);
        assert_eq!(
            lacking[&bucket(0)],
            Sides {
                s3: 1 + 32 + 128,
                cwl: 2 + 64 + 256
            }
        );
        drop(lacking);
        let (findings, capped) = outcome.into_findings();
        assert_eq!((findings.len(), capped), (18, false));
    }

    #[test]
    fn only_what_is_pending_may_still_arrive() {
        for kind in KINDS {
            let mut outcome = DifferenceCounts::showing(1);
            assert!(!outcome.is_pending());
            outcome.count(&bucket(0), kind, 1);
            let pending = matches!(kind, DifferenceKind::Pending(_));
            assert_eq!(outcome.is_pending(), pending, "{kind:?}");
        }
    }

    /// Returns the rows shown, and whether there are more.
    fn rows(outcome: DifferenceCounts) -> (Vec<u64>, bool) {
        let (findings, capped) = outcome.into_findings();
        let rows = findings.iter().flat_map(|finding| match finding {
            Finding::Leftovers { evidence, .. } => evidence
                .iter()
                .map(|one| one.found_in.row)
                .collect::<Vec<_>>(),
            Finding::Divergent { evidence, .. } => {
                evidence.iter().map(|one| one.s3.found_in.row).collect()
            }
        });
        (rows.collect(), capped)
    }

    #[test]
    fn as_many_are_shown_as_are_asked_for() {
        let outcome = |most: usize, rows: &[u64]| {
            let mut outcome = DifferenceCounts::showing(most);
            for &row in rows {
                outcome.count(&bucket(0), KINDS[0], 1);
                outcome.show(&bucket(0), KINDS[0], shown(row));
            }
            outcome
        };
        assert_eq!(rows(outcome(3, &[2, 1, 2])), (vec![1, 2, 2], false));
        assert_eq!(rows(outcome(2, &[2, 1, 2])), (vec![1, 2], true));
        assert_eq!(rows(outcome(2, &[4, 3, 2, 1])), (vec![1, 2], true));
        assert_eq!(rows(outcome(0, &[1])), (vec![], true));
        let mut more = outcome(3, &[1]);
        more.note_more(false);
        assert!(!more.capped);
        more.note_more(true);
        more.note_more(false);
        assert_eq!(rows(more), (vec![1], true));
        // What either has left out is left out of the sum.
        for (front, back) in [(&[1u64, 2, 3][..], &[][..]), (&[], &[1, 2, 3])] {
            let mut merged = outcome(2, front);
            merged.merge(outcome(2, back));
            assert_eq!(rows(merged), (vec![1, 2], true));
        }
    }

    #[test]
    fn what_may_be_shown_is_told_by_its_bucket_and_kind() {
        let places = [(0, KINDS[0]), (0, KINDS[2]), (300, KINDS[0])];
        let outcome = |most: usize| {
            let mut outcome = DifferenceCounts::showing(most);
            outcome.show(&bucket(0), KINDS[1], shown(1));
            outcome
        };
        for (slot, kind) in places {
            let mut roomy = outcome(2);
            assert!(roomy.may_show(("eni-0aa", Some(slot)), kind));
            assert!(!roomy.capped);
            let mut full = outcome(1);
            let before = (slot, kind) == places[0];
            assert_eq!(full.may_show(("eni-0aa", Some(slot)), kind), before);
            assert_eq!(full.capped, !before);
            // What has been left out once stays so.
            assert!(full.may_show(("eni-0aa", Some(0)), KINDS[0]));
            assert_eq!(full.capped, !before);
        }
        // The same place may come before what is shown there.
        let mut full = outcome(1);
        assert!(full.may_show(("eni-0aa", Some(0)), KINDS[1]));
        assert!(!full.capped);
        let mut none = DifferenceCounts::showing(0);
        assert!(!none.may_show(("eni-0aa", Some(0)), KINDS[0]));
        assert!(none.capped);
    }

    #[test]
    fn a_pair_is_shown_as_one() {
        let Shown::Leftover(evidence) = shown(7) else {
            return;
        };
        let pair = Pair {
            fields: vec!["bytes".into()],
            s3: evidence.clone(),
            cwl: evidence,
        };
        let mut outcome = DifferenceCounts::showing(1);
        outcome.count(&bucket(0), DifferenceKind::Divergent, 1);
        outcome.show(
            &bucket(0),
            DifferenceKind::Divergent,
            Shown::Divergent(Box::new(pair)),
        );
        assert_eq!(rows(outcome), (vec![7], false));
    }
}
