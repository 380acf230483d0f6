//! The report against the truth, number by number and row by row.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use crate::model::finding::{Bucket, Evidence, Finding, LeftoverKind, ReadTrouble};
use crate::model::{Side, Sides};
use crate::record::{FieldName, Layout};
use crate::report::Report;

use super::delivered::Delivered;
use super::situation::Situation;
use super::truth::{self, Truth, TruthKind};

/// Compares, and counts how often.
#[derive(Debug, Default)]
pub(super) struct TruthComparison {
    pub checks: u64,
    /// What differs, a sentence each.
    pub wrong: Vec<String>,
}

/// Enough of what is wrong to find the cause.
const MOST: usize = 8;

impl TruthComparison {
    pub(super) fn equal<T: PartialEq + Debug>(
        &mut self,
        what: impl Fn() -> String,
        is: &T,
        should: &T,
    ) {
        self.checks += 1;
        if is != should && self.wrong.len() < MOST {
            self.wrong
                .push(format!("{} is {is:?} and should be {should:?}", what()));
        }
    }

    /// Compares everything that a report says with what was planted.
    pub(super) fn report(
        &mut self,
        report: &Report,
        truth: &Truth,
        situation: &Situation,
        delivered: &Sides<Delivered>,
    ) {
        self.equal(
            || "the exit code".to_owned(),
            &report.verdict.exit_code(),
            &truth.exit_code,
        );
        if !truth.compared.is_empty() {
            let fields: Vec<String> = truth.compared.iter().map(ToString::to_string).collect();
            let compared = report.fields.values().flatten().cloned().collect();
            self.equal(|| "the compared fields".to_owned(), &compared, &fields);
        }
        let arrives = Side::BOTH
            .iter()
            .any(|&side| situation.parts[side].iter().any(|part| part.late));
        for side in Side::BOTH {
            self.side(report, truth, side, arrives);
        }
        self.counts(report, truth);
        self.findings(report, truth);
        for side in Side::BOTH {
            self.malformed(report, truth, &delivered[side], side);
        }
        let total: u64 = truth.differences.values().sum();
        if (total as u128) <= super::ALL_EVIDENCE as u128 {
            self.evidence(report, truth, situation, delivered);
        }
    }

    fn side(&mut self, report: &Report, truth: &Truth, side: Side, arrives: bool) {
        let (is, should) = (&report.sides[side], &truth.sides[side]);
        self.equal(|| format!("{side}.records"), &is.records, &should.records);
        self.equal(
            || format!("{side}.malformed"),
            &is.malformed,
            &(should.malformed.len() as u64),
        );
        self.equal(
            || format!("{side}.unreadable_parts"),
            &is.unreadable_parts,
            &(should.unreadable.len() as u64),
        );
        let named = report.troubles.iter().filter_map(|trouble| match trouble {
            ReadTrouble::Unreadable { side: of, part, .. } if *of == side => Some(part.to_string()),
            ReadTrouble::Unreadable { .. } | ReadTrouble::Malformed { .. } => None,
        });
        self.equal(
            || format!("{side}: the unreadable parts"),
            &named.collect(),
            &should.unreadable,
        );
        // These are told of the first look.
        if !arrives {
            self.equal(|| format!("{side}.nodata"), &is.nodata, &should.nodata);
            self.equal(|| format!("{side}.masked"), &is.masked, &should.masked);
            self.equal(
                || format!("{side}.skipdata"),
                &is.skipdata,
                &should.skipdata,
            );
            self.equal(
                || format!("{side}.first_start"),
                &is.first_start,
                &should.first_start,
            );
            self.equal(
                || format!("{side}.last_start"),
                &is.last_start,
                &should.last_start,
            );
        }
    }

    fn counts(&mut self, report: &Report, truth: &Truth) {
        let counts = &report.counts;
        self.equal(
            || "divergent".to_owned(),
            &counts.divergent,
            &truth.count(TruthKind::Divergent),
        );
        let mut unmatched = 0;
        for side in Side::BOTH {
            let (other, hidden) = (side.other(), truth.hidden[side]);
            self.equal(
                || format!("missing.{side} and surplus.{other}"),
                &(counts.missing[side] + counts.surplus[other]),
                &(truth.count(TruthKind::Missing(side)) + truth.count(TruthKind::Surplus(other))
                    - hidden),
            );
            self.equal(
                || format!("pending.{side}"),
                &counts.pending[side],
                &truth.count(TruthKind::Pending(side)),
            );
            self.equal(
                || format!("undetermined.{side}"),
                &counts.undetermined[side],
                &(truth.count(TruthKind::Undetermined(side)) + hidden),
            );
        }
        for kind in [
            TruthKind::Divergent,
            TruthKind::Surplus(Side::S3),
            TruthKind::Missing(Side::Cwl),
            TruthKind::Pending(Side::Cwl),
            TruthKind::Undetermined(Side::Cwl),
        ] {
            unmatched += truth.count(kind);
        }
        let fewer: u64 = truth.fewer.values().sum();
        self.equal(
            || "matched_on_fewer_fields".to_owned(),
            &counts.matched_on_fewer_fields,
            &fewer,
        );
        let told = report.fewer_fields.iter();
        let told = told.map(|fewer| (fewer.not_compared.clone(), fewer.records));
        self.equal(
            || "what was not compared".to_owned(),
            &told.collect(),
            &truth.fewer,
        );
        let matched = truth.sides.s3.records.saturating_sub(unmatched + fewer);
        self.equal(|| "matched".to_owned(), &counts.matched, &matched);
    }

    /// How much of what is where.
    fn findings(&mut self, report: &Report, truth: &Truth) {
        let mut is: BTreeMap<(truth::TruthBucket, TruthKind), u64> = BTreeMap::new();
        for finding in &report.findings {
            let (bucket, kind, records) = match finding {
                Finding::Leftovers {
                    kind,
                    side,
                    bucket,
                    records,
                    ..
                } => (bucket, kind_of(*kind, *side), records),
                Finding::Divergent {
                    bucket, records, ..
                } => (bucket, TruthKind::Divergent, records),
            };
            *is.entry((plain(bucket), truth.class(kind))).or_default() += records;
        }
        let mut should: BTreeMap<(truth::TruthBucket, TruthKind), u64> = BTreeMap::new();
        for ((bucket, kind, ..), records) in &truth.differences {
            let key = (bucket.clone(), truth.class(*kind));
            *should.entry(key).or_default() += records;
        }
        for (key, records) in &should {
            self.equal(
                || format!("{:?} in {:?}", key.1, key.0),
                is.get(key).unwrap_or(&0),
                records,
            );
        }
        for (key, records) in &is {
            self.equal(
                || format!("{:?} in {:?}", key.1, key.0),
                records,
                should.get(key).unwrap_or(&0),
            );
        }
    }

    /// Which rows are said to be no record.
    fn malformed(&mut self, report: &Report, truth: &Truth, delivered: &Delivered, side: Side) {
        let is = report.troubles.iter().filter_map(|trouble| match trouble {
            ReadTrouble::Malformed {
                side: of, place, ..
            } if *of == side => Some((place.part.to_string(), place.row)),
            ReadTrouble::Unreadable { .. } | ReadTrouble::Malformed { .. } => None,
        });
        let rows = truth.sides[side].malformed.iter();
        let should = rows.map(|&(part, row)| delivered.place(part, row));
        self.equal(
            || format!("{side}: where the malformed rows stand"),
            &is.collect::<BTreeSet<_>>(),
            &should.collect(),
        );
    }

    /// Which records are shown, that each of them stands where it is said to stand, and what differs in pairs.
    fn evidence(
        &mut self,
        report: &Report,
        truth: &Truth,
        situation: &Situation,
        delivered: &Sides<Delivered>,
    ) {
        let places = Sides::from_fn(|side| delivered[side].places(situation, side));
        let mut shown: BTreeMap<(truth::TruthBucket, TruthKind, String, String), u64> =
            BTreeMap::new();
        let text_of = |evidence: &Evidence, side: Side, wrong: &mut Self| {
            let key = (&*evidence.found_in.part, evidence.found_in.row);
            let there = places[side].get(&key).map_or(&[][..], Vec::as_slice);
            let whole = evidence.record.to_string();
            let stands = there
                .iter()
                .find(|&&(record, layout)| self::whole(situation, record, layout) == whole);
            wrong.equal(
                || format!("{side}: that `{whole}` stands in {key:?}"),
                &stands.is_some(),
                &true,
            );
            let value = |name: &FieldName| {
                let value = evidence.record.get(name.as_str()).unwrap_or("-");
                if value.contains('*') { "*" } else { value }
            };
            truth
                .compared
                .iter()
                .map(value)
                .collect::<Vec<_>>()
                .join(" ")
        };
        for finding in &report.findings {
            match finding {
                Finding::Leftovers {
                    kind,
                    side,
                    bucket,
                    evidence,
                    ..
                } => {
                    let class = truth.class(kind_of(*kind, *side));
                    let owner = if *kind == LeftoverKind::Surplus {
                        *side
                    } else {
                        side.other()
                    };
                    for one in evidence {
                        let text = text_of(one, owner, self);
                        let key = (plain(bucket), class, unseen(&text), String::new());
                        *shown.entry(key).or_default() += 1;
                    }
                }
                Finding::Divergent {
                    bucket, evidence, ..
                } => {
                    for pair in evidence {
                        let s3 = text_of(&pair.s3, Side::S3, self);
                        let cwl = text_of(&pair.cwl, Side::Cwl, self);
                        let values = truth.compared.iter().zip(s3.split(' ').zip(cwl.split(' ')));
                        let has = |evidence: &Evidence, name: &FieldName| {
                            evidence.record.fields().any(|(field, _)| field == name)
                        };
                        // What one of them lacks, or nobody can see, is not compared.
                        let is_seen = |name: &FieldName, s3: &str, cwl: &str| {
                            let both = has(&pair.s3, name) && has(&pair.cwl, name);
                            both && s3 != "*" && cwl != "*"
                        };
                        let unequal: Vec<String> = values
                            .filter(|(name, (s3, cwl))| s3 != cwl && is_seen(name, s3, cwl))
                            .map(|(name, _)| name.to_string())
                            .collect();
                        self.equal(
                            || format!("what differs between `{s3}` and `{cwl}`"),
                            &pair.fields,
                            &unequal,
                        );
                        *shown
                            .entry((
                                plain(bucket),
                                TruthKind::Divergent,
                                unseen(&s3),
                                unseen(&cwl),
                            ))
                            .or_default() += 1;
                    }
                }
            }
        }
        let mut should: BTreeMap<(truth::TruthBucket, TruthKind, String, String), u64> =
            BTreeMap::new();
        for ((bucket, kind, text, other), times) in &truth.differences {
            let class = truth.class(*kind);
            let key = (bucket.clone(), class, unseen(text), unseen(other));
            *should.entry(key).or_default() += times;
        }
        for (key, times) in &should {
            self.equal(
                || format!("how often {key:?} is shown"),
                shown.get(key).unwrap_or(&0),
                times,
            );
        }
        for (key, times) in &shown {
            self.equal(
                || format!("how often {key:?} is shown"),
                times,
                should.get(key).unwrap_or(&0),
            );
        }
    }
}

/// Writes what is masked like what a layout lacks: of two copies of a record, one of either, either may be the one too many.
fn unseen(text: &str) -> String {
    let values = text.split(' ').map(|value| match value {
        "*" => "-",
        value => value,
    });
    values.collect::<Vec<_>>().join(" ")
}

/// All values that a row of this layout has of a record, in the order of reports.
fn whole(situation: &Situation, record: usize, layout: &Layout) -> String {
    let mut names: Vec<&FieldName> = layout.columns().iter().collect();
    names.sort();
    let value = |name: &&FieldName| {
        let at = situation.fields.at(name);
        situation.records[record].values[at]
            .as_deref()
            .unwrap_or("-")
    };
    names.iter().map(value).collect::<Vec<_>>().join(" ")
}

fn plain(bucket: &Bucket) -> truth::TruthBucket {
    (bucket.interface.to_string(), bucket.slot)
}

fn kind_of(kind: LeftoverKind, side: Side) -> TruthKind {
    match kind {
        LeftoverKind::Missing => TruthKind::Missing(side),
        LeftoverKind::Surplus => TruthKind::Surplus(side),
        LeftoverKind::Pending => TruthKind::Pending(side),
        LeftoverKind::Undetermined => TruthKind::Undetermined(side),
    }
}
