//! Differences: what copies differ, and what there is to tell of each.

use itertools::Itertools;

use super::groups::{GroupCopy, RecordGroup};
use super::hidden::LackingCopy;
use super::outcome::{DifferenceKind, Shown};
use super::sets::{self, FieldSets};
use crate::model::finding::{Bucket, Evidence, Pair, Place};
use crate::model::{Side, Sides};
use crate::record::{FieldName, Record};

/// One difference, told by the copies it consists of.
#[derive(Clone, Copy, Debug)]
pub struct Difference<'a> {
    /// Where in time and on which interface.
    pub bucket: &'a Bucket,
    /// What it is.
    pub kind: DifferenceKind,
    pub(super) what: DifferenceOf<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum DifferenceOf<'a> {
    Leftover(&'a RecordGroup, &'a GroupCopy),
    Divergent {
        sets: &'a FieldSets,
        s3: (&'a RecordGroup, &'a GroupCopy),
        cwl: (&'a RecordGroup, &'a GroupCopy),
    },
}

/// What there is to tell of copies.
#[derive(Debug, Default)]
pub struct ToldDifferences<'a> {
    /// What differs, in the order of findings.
    pub differences: Vec<Difference<'a>>,
    /// What is missing or surplus, unless it is one record with a copy of the other side that stands elsewhere: they share
    /// too little to tell.
    pub open: Vec<Difference<'a>>,
    /// What agrees, but could not be compared in all fields.
    pub fewer: Vec<MatchedOnFewer<'a>>,
}

/// Two copies, one from each side, that agree in all fields that both have, while one of them has more.
#[derive(Clone, Copy, Debug)]
pub struct MatchedOnFewer<'a> {
    /// The numbers of their field sets.
    pub sets: Sides<usize>,
    /// The copies.
    pub copies: Sides<&'a GroupCopy>,
}

impl ToldDifferences<'_> {
    /// Puts what differs in the order of findings.
    pub fn sort(&mut self) {
        self.differences.sort_by(|a, b| a.order().cmp(&b.order()));
    }
}

impl<'a> Difference<'a> {
    /// Writes it out as evidence.
    pub fn shown(&self) -> Shown {
        match self.what {
            DifferenceOf::Leftover(_, kept) => Shown::Leftover(evidence(kept)),
            DifferenceOf::Divergent { s3, cwl, .. } => Shown::Divergent(Box::new(Pair {
                fields: self.unequal_fields(),
                s3: evidence(s3.1),
                cwl: evidence(cwl.1),
            })),
        }
    }

    /// Returns the compared fields in which the two copies differ, in table order; none if there is but one.
    pub fn unequal_fields(&self) -> Vec<String> {
        match self.what {
            DifferenceOf::Divergent { sets, s3, cwl } => unequal_fields(sets, s3.0, cwl.0),
            DifferenceOf::Leftover(..) => Vec::new(),
        }
    }

    /// Returns another copy of the record on the same side that stands before it, if there is one.
    pub fn twin(&self) -> Option<&'a GroupCopy> {
        let DifferenceOf::Leftover(group, kept) = self.what else {
            return None;
        };
        let copies = self.copies();
        let side = Side::BOTH
            .into_iter()
            .find(|&side| copies[side].is_some())?;
        let before = group.copies[side].iter().filter(|twin| {
            twin.place < kept.place && (twin.event.is_none() || twin.event != kept.event)
        });
        before.max_by_key(|twin| &twin.place)
    }

    /// Returns the canonical text of the copy on a side, if one stands there.
    pub fn text(&self, side: Side) -> Option<&'a [u8]> {
        self.copies()[side]?;
        Some(match self.what {
            DifferenceOf::Leftover(group, _) => &group.text,
            DifferenceOf::Divergent { s3, cwl, .. } => match side {
                Side::S3 => &s3.0.text,
                Side::Cwl => &cwl.0.text,
            },
        })
    }

    /// Returns the copies that it consists of, on the sides where they stand.
    pub fn copies(&self) -> Sides<Option<&'a GroupCopy>> {
        match self.what {
            DifferenceOf::Divergent { s3, cwl, .. } => Sides {
                s3: Some(s3.1),
                cwl: Some(cwl.1),
            },
            DifferenceOf::Leftover(_, kept) => {
                let on = match self.kind {
                    DifferenceKind::Surplus(side) => side,
                    DifferenceKind::Missing(lacking)
                    | DifferenceKind::Pending(lacking)
                    | DifferenceKind::Undetermined(lacking) => lacking.other(),
                    DifferenceKind::Divergent => unreachable!("it consists of two"),
                };
                Sides::from_fn(|side| (side == on).then_some(kept))
            }
        }
    }

    pub(super) fn leftover(
        kind: DifferenceKind,
        group: &'a RecordGroup,
        kept: &'a GroupCopy,
    ) -> Self {
        Self {
            bucket: &group.bucket,
            kind,
            what: DifferenceOf::Leftover(group, kept),
        }
    }

    /// Returns which side lacks a copy, and what of the copy tells where it may be, if the side is certain to have none that
    /// was read.
    pub fn lacking(&self, sets: &FieldSets) -> Option<(Side, LackingCopy<'a>)> {
        let side = self.kind.lacking()?;
        match self.what {
            DifferenceOf::Leftover(group, _) => {
                Some((side, sets.lacking(group.set, &group.text, &group.bucket)))
            }
            DifferenceOf::Divergent { .. } => None,
        }
    }

    /// Returns the record of a leftover as it is compared: the number of its set of fields, and its canonical text.
    pub(super) fn compared(&self) -> Option<(usize, &'a [u8])> {
        match self.what {
            DifferenceOf::Leftover(group, _) => Some((group.set, &group.text)),
            DifferenceOf::Divergent { .. } => None,
        }
    }

    /// An order that goes flow by flow, the same in every run.
    pub fn order_of_flows(&self, sets: &FieldSets) -> impl Ord + use<'a> {
        let (DifferenceOf::Leftover(group, _) | DifferenceOf::Divergent { s3: (group, _), .. }) =
            self.what;
        let flow = sets.core_number(group.set, &group.text, &mut Vec::new());
        (flow, self.order())
    }

    /// The order of findings, and of evidence within one.
    pub(super) fn order(&self) -> (&'a Bucket, DifferenceKind, &'a Record, &'a Place) {
        let (DifferenceOf::Leftover(_, kept) | DifferenceOf::Divergent { s3: (_, kept), .. }) =
            self.what;
        (self.bucket, self.kind, &kept.record, &kept.place)
    }
}

/// Returns the fields that both have and that are unequal, in table order.
fn unequal_fields(sets: &FieldSets, s3: &RecordGroup, cwl: &RecordGroup) -> Vec<String> {
    let s3_values = sets::values(&s3.text).collect_vec();
    let cwl_values = sets::values(&cwl.text).collect_vec();
    let names = sets.get(s3.set).fields.fields();
    let shared = sets.shared(s3.set, cwl.set).iter();
    let unequal = shared.filter(|one| s3_values.get(one.here) != cwl_values.get(one.there));
    let unequal = unequal.map(|one| &names[one.here]).sorted();
    unequal.map(FieldName::to_string).collect()
}

fn evidence(kept: &GroupCopy) -> Evidence {
    Evidence {
        record: kept.record.clone(),
        found_in: kept.place.clone(),
    }
}
