//! Records of one side that have other fields than the rest: a second, narrower layout, as where a flow log has been made anew,
//! and values that a data protection policy has masked.
//!
//! Only where there is one right answer: without the fields that are lacking or masked anywhere, no two unequal records are
//! alike, so that nobody has to choose which of them a narrow copy is.

use std::collections::BTreeMap;

use crate::model::{Side, Sides};
use crate::record::field::ValueForm;
use crate::record::{FieldName, Layout};

use super::fate::{FaultPlan, PlantedCopy};
use super::part::PlantedPart;
use super::random::Random;
use super::record::{Fields, PlantedRecord};

/// What no layout is made without: what tells records apart in time, where they belong, whether they are malformed and of which
/// kind they are.
const KEPT: [&str; 6] = [
    "version",
    "interface-id",
    "start",
    "end",
    "bytes",
    "log-status",
];

/// What policies mask.
const MASKED: [&str; 6] = [
    "srcaddr",
    "dstaddr",
    "pkt-srcaddr",
    "account-id",
    "vpc-id",
    "instance-id",
];

/// What tells whose traffic a record is of.
const TELLING: [&str; 5] = [
    "interface-id",
    "srcaddr",
    "dstaddr",
    "pkt-srcaddr",
    "pkt-dstaddr",
];

/// What some records of each side lack.
#[derive(Clone, Debug, Default)]
pub(super) struct PlantedSets {
    /// A second layout that some parts of a side have.
    pub narrow: Sides<Option<Layout>>,
    /// Fields that are masked in some records of a side.
    masked: Sides<Vec<FieldName>>,
}

impl PlantedSets {
    /// Decides what is lacking where. `is_compared` tells which fields are, of those that both sides have.
    pub(super) fn of(
        random: &mut Random,
        plan: &FaultPlan,
        layouts: &Sides<Layout>,
        (fields, records): (&Fields, &[PlantedRecord]),
        is_compared: impl Fn(&FieldName) -> bool,
    ) -> Self {
        let mut sets = Self::default();
        // What is late is counted as if it had been there, and not as what it is matched with.
        if plan.late || random.percent(60) {
            return sets;
        }
        for side in Side::BOTH {
            if random.percent(45) {
                sets.narrow[side] = narrow(random, &layouts[side]);
            }
            if random.percent(30) {
                sets.masked[side] = masked(random, &layouts[side]);
            }
        }
        let lacks = |name: &FieldName| {
            let narrow = |side: Side| {
                let narrow = sets.narrow[side].as_ref();
                narrow.is_some_and(|narrow| narrow.position(name).is_none())
            };
            let any = |side: Side| narrow(side) || sets.masked[side].contains(name);
            Side::BOTH.into_iter().any(any)
        };
        let compared = fields.0.iter().filter(|name| is_compared(name));
        let shared: Vec<&FieldName> = compared.clone().filter(|name| !lacks(name)).collect();
        let has = |names: &[&str]| shared.iter().any(|name| names.contains(&name.as_str()));
        let is_told = has(&["start"]) && has(&TELLING);
        if is_told && tells_apart(fields, records, &compared.collect::<Vec<_>>(), &shared) {
            sets
        } else {
            Self::default()
        }
    }

    /// Masks values of some records on a side. All copies that a side has of one are masked alike: of unlike ones either could be
    /// the one too many.
    pub(super) fn mask(
        &self,
        random: &mut Random,
        fields: &Fields,
        records: &mut Vec<PlantedRecord>,
        copies: &mut Sides<Vec<PlantedCopy>>,
    ) {
        for side in Side::BOTH {
            let mut seen = BTreeMap::new();
            for copy in &mut copies[side] {
                copy.record = *seen.entry(copy.record).or_insert_with_key(|&record| {
                    self.seen(random, fields, records, (side, record))
                });
            }
        }
    }

    /// Returns the record as a side shows it: itself, or another one with values masked.
    fn seen(
        &self,
        random: &mut Random,
        fields: &Fields,
        records: &mut Vec<PlantedRecord>,
        (side, record): (Side, usize),
    ) -> usize {
        if self.masked[side].is_empty() || random.percent(40) {
            return record;
        }
        let mut shown = records[record].clone();
        for name in &self.masked[side] {
            let value = &mut shown.values[fields.at(name)];
            *value = value.take().map(|value| asterisks(&value, random));
        }
        records.push(shown);
        records.len() - 1
    }

    /// Gives some parts the second layout: those whose rows say by a header which they have.
    pub(super) fn give(&self, random: &mut Random, parts: &mut Sides<Vec<PlantedPart>>) {
        for side in Side::BOTH {
            for part in &mut parts[side] {
                let may = self.narrow[side].is_some() && part.form.has_header();
                part.is_narrow = may && random.percent(40);
            }
        }
    }
}

/// Leaves some columns out.
fn narrow(random: &mut Random, layout: &Layout) -> Option<Layout> {
    let may_lack =
        |name: &&FieldName| !KEPT.contains(&name.as_str()) && !name.is_of_transit_gateways();
    let lacking: Vec<&FieldName> = layout.columns().iter().filter(may_lack).collect();
    if lacking.is_empty() || layout.position(&FieldName::new("log-status")).is_none() {
        return None;
    }
    let lacking: Vec<&FieldName> = (0..1 + random.below(3))
        .map(|_| *random.pick(&lacking))
        .collect();
    let names = layout.columns().iter();
    let names = names.filter(|name| !lacking.contains(name));
    let names: Vec<&str> = names.map(FieldName::as_str).collect();
    // A row of three cells is none of any layout.
    Layout::from_names(names)
        .ok()
        .filter(|narrow| narrow.columns().len() > 4)
}

fn masked(random: &mut Random, layout: &Layout) -> Vec<FieldName> {
    let names = layout.columns().iter();
    let names = names.filter(|name| {
        MASKED.contains(&name.as_str())
            && matches!(name.kind(), ValueForm::Address | ValueForm::Text)
    });
    let names: Vec<&FieldName> = names.collect();
    if names.is_empty() {
        return Vec::new();
    }
    let mut some = vec![(*random.pick(&names)).clone()];
    let other = *random.pick(&names);
    if random.percent(40) && !some.contains(other) {
        some.push(other.clone());
    }
    some
}

/// What a policy makes of a value: asterisks in the place of all of it, or of a part.
fn asterisks(value: &str, random: &mut Random) -> String {
    match random.below(3) {
        0 if value.contains('.') => {
            let (front, _) = value.rsplit_once('.').unwrap_or((value, ""));
            format!("{front}.*")
        }
        1 => "***".to_owned(),
        _ => "*".repeat(value.len()),
    }
}

/// Tells whether records that agree in what all copies have agree in all that is compared.
fn tells_apart(
    fields: &Fields,
    records: &[PlantedRecord],
    compared: &[&FieldName],
    shared: &[&FieldName],
) -> bool {
    let values = |record: &PlantedRecord, names: &[&FieldName]| -> Vec<Option<String>> {
        let values = names
            .iter()
            .map(|name| record.values[fields.at(name)].clone());
        values.collect()
    };
    let mut known: BTreeMap<Vec<Option<String>>, Vec<Option<String>>> = BTreeMap::new();
    records.iter().all(|record| {
        let whole = values(record, compared);
        let of = known.entry(values(record, shared));
        *of.or_insert_with(|| whole.clone()) == whole
    })
}
