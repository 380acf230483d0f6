//! Situations: two flow logs, what they saw, what became of it on the way to either side, and how it is asked about.

use std::collections::BTreeSet;

use crate::decode::Format;
use crate::model::window::{Settle, Window};
use crate::model::{Side, Sides};
use crate::record::{FieldName, Layout};

use super::SLOT;
use super::fate::{FaultPlan, apply_fault};
use super::form::PartForm;
use super::layouts::layouts;
use super::part::{self, FLOW_LOG, NameTells, PartFault, PlantedPart};
use super::random::Random;
use super::record::{Fields, PlantedRecord};
use super::sets::PlantedSets;
use super::traffic::{interface_names, records};

/// First seconds of interest: a day's and a year's end, a leap day, the first hours there can be, and far ahead.
const BASES: [i64; 6] = [
    1_641_596_400,
    1_704_066_600,
    1_709_163_900,
    1_262_311_200,
    1_714_953_600,
    4_102_444_800,
];

/// Everything there is to know about one seed.
#[derive(Clone, Debug)]
pub(super) struct Situation {
    pub fields: Fields,
    pub records: Vec<PlantedRecord>,
    pub layouts: Sides<Layout>,
    /// The layouts that some parts of a side have, with fewer fields.
    pub narrow: Sides<Option<Layout>>,
    pub formats: Sides<Format>,
    pub parts: Sides<Vec<PlantedPart>>,
    pub sloppy: Sides<bool>,
    pub window: Window,
    pub settle: Settle,
    /// What is asked for, all if it is empty.
    pub interfaces: Vec<String>,
    /// The only flow log of the S3 side that is asked for.
    pub flow_log: Option<&'static str>,
    pub only: Vec<FieldName>,
    pub ignored: Vec<FieldName>,
    pub ignore_nodata: bool,
    pub allow_empty: bool,
}

impl Situation {
    /// Makes up the situation of a seed; the same for ever, whatever the machine.
    pub(super) fn of(seed: u64) -> Self {
        let mut random = Random::of(seed);
        let random = &mut random;
        let is_large = random.below(150) == 0;
        let plan = FaultPlan::of(random, is_large);
        let (layouts, formats) = layouts(random, is_large);
        let in_either: BTreeSet<FieldName> = Side::BOTH
            .iter()
            .flat_map(|&side| layouts[side].columns())
            .cloned()
            .collect();
        let fields = Fields(in_either.into_iter().collect());
        let has = |name: &str| {
            Side::BOTH
                .iter()
                .all(|&side| layouts[side].position(&FieldName::new(name)).is_some())
        };

        let interval = *random.pick(&[60, 600]);
        let base = *random.pick(&BASES);
        let length = SLOT * (1 + random.seconds(6));
        let window = if has("start") {
            window(random, base, length)
        } else {
            Window::ALL
        };
        let interfaces = interface_names(random, fields.position("tgw-id").is_some(), is_large);
        let mut records = records(
            random,
            &fields,
            &interfaces,
            &window,
            (base, length, interval),
            is_large,
        );
        let asked_for: Vec<String> = if has("interface-id") && random.percent(10) {
            (0..1 + random.below(2))
                .map(|_| random.pick(&interfaces).clone())
                .collect()
        } else {
            Vec::new()
        };

        let mut copies = apply_fault(random, &plan, &fields, &mut records, &interfaces);
        let (only, ignored) = chosen(random, &layouts);
        // Only where both sides tell NODATA rows alike is there a right answer.
        let ignore_nodata =
            random.percent(10) && tells_nodata(&layouts.s3) == tells_nodata(&layouts.cwl);
        let is_compared = |name: &FieldName| {
            let both = Side::BOTH
                .iter()
                .all(|&side| layouts[side].position(name).is_some());
            both && (only.is_empty() || only.contains(name)) && !ignored.contains(name)
        };
        let sets = PlantedSets::of(random, &plan, &layouts, (&fields, &records), is_compared);
        sets.mask(random, &fields, &mut records, &mut copies);
        let sloppy = Sides::from_fn(|_| random.percent(40));
        let mut parts = Sides::from_fn(|side| {
            part::of_side(
                random,
                side,
                &plan,
                &copies[side],
                &records,
                &layouts[side],
                is_large,
            )
        });
        sets.give(random, &mut parts);
        if plan.faults > 0 {
            let side = *random.pick(&Side::BOTH);
            let same_fields = fields_of(&layouts.s3) == fields_of(&layouts.cwl);
            // One at least.
            let sure = random.below(parts[side].len());
            for (number, part) in parts[side].iter_mut().enumerate() {
                if number == sure || random.percent(plan.faults) {
                    part.fault = Some(PartFault::of(
                        part.form,
                        same_fields && !plan.repeats,
                        random,
                    ));
                }
            }
        }
        let is_named = |part: &PlantedPart| matches!(part.told, NameTells::Slot(_)) && !part.late;
        let flow_log = (parts.s3.iter().all(is_named) && random.percent(40)).then_some(FLOW_LOG);
        // An id that nothing is of is a slip.
        let flow_log = flow_log.filter(|_| parts.s3.iter().any(|part| !part.foreign));
        let seconds = *random.pick(&[0, 300, 900, 3600]);
        // Sometimes a part of all this is young.
        let now = if random.percent(35) {
            base + seconds + random.seconds(length + interval)
        } else {
            base + length + 100_000
        };
        Self {
            settle: Settle { now, seconds },
            window,
            interfaces: asked_for,
            flow_log,
            only,
            ignored,
            ignore_nodata,
            // A folder without any file is refused otherwise, unless the other one is like it.
            allow_empty: random.percent(20) || parts.s3.is_empty() != parts.cwl.is_empty(),
            fields,
            records,
            layouts,
            narrow: sets.narrow,
            formats,
            parts,
            sloppy,
        }
    }

    /// Returns the layout that the rows of a part have.
    pub(super) fn layout(&self, side: Side, part: &PlantedPart) -> &Layout {
        let narrow = self.narrow[side].as_ref().filter(|_| part.is_narrow);
        narrow.unwrap_or(&self.layouts[side])
    }

    /// Tells whether the part is looked at.
    pub(super) fn asks_for(&self, side: Side, part: &PlantedPart) -> bool {
        let window = (self.window.start, self.window.end);
        let is_picked = side != Side::S3 || self.flow_log.is_none() || !part.foreign;
        is_picked && part.told.is_asked_for(window, &self.interfaces)
    }

    /// Lets everything be there from the beginning.
    pub(super) fn let_nothing_be_late(&mut self) {
        for side in Side::BOTH {
            for part in &mut self.parts[side] {
                part.late = false;
            }
        }
    }

    /// Tells whether files can hold it: no stream that is read live, nothing that comes later.
    pub(super) fn is_offline(&self) -> bool {
        Side::BOTH.iter().all(|&side| {
            let parts = self.parts[side].iter();
            parts
                .clone()
                .all(|part| part.form != PartForm::Live && !part.late)
                && parts.clone().all(|part| {
                    !matches!(
                        part.fault,
                        Some(PartFault::Denied | PartFault::Broken { .. })
                    )
                })
        })
    }
}

/// Returns the fields that alone are compared, and those that are not, as a user may choose them.
fn chosen(random: &mut Random, layouts: &Sides<Layout>) -> (Vec<FieldName>, Vec<FieldName>) {
    let common: Vec<&FieldName> = layouts
        .s3
        .columns()
        .iter()
        .filter(|name| layouts.cwl.position(name).is_some())
        .collect();
    let some = |random: &mut Random, most: usize| -> Vec<FieldName> {
        (0..1 + random.below(most))
            .map(|_| (*random.pick(&common)).clone())
            .collect()
    };
    match random.below(10) {
        0 => (some(random, 6), Vec::new()),
        1 if common.len() > 3 => (Vec::new(), some(random, 3)),
        _ => (Vec::new(), Vec::new()),
    }
}

/// Tells by what rows say that they are NODATA: their status (`None`), or whether they have any traffic to lack.
fn tells_nodata(layout: &Layout) -> Option<bool> {
    let status = layout.position(&FieldName::new("log-status"));
    let traffic = layout.columns().iter().any(FieldName::is_traffic);
    status.is_none().then_some(traffic)
}

fn fields_of(layout: &Layout) -> BTreeSet<&FieldName> {
    layout.columns().iter().collect()
}

/// All of time, whole slots, or any seconds.
fn window(random: &mut Random, base: i64, length: i64) -> Window {
    let edge = |from: i64, random: &mut Random| match random.below(3) {
        0 => from,
        1 => from + random.seconds(length / 2 + 1),
        _ => (from + random.seconds(length / 2 + 1)).div_euclid(SLOT) * SLOT,
    };
    let start = edge(base, random);
    let end = edge(base + length / 2, random).max(start + 1);
    match random.below(10) {
        0..4 => Window::ALL,
        4 => Window {
            start: Some(start),
            end: None,
        },
        5 => Window {
            start: None,
            end: Some(end),
        },
        _ => Window::new(start, end),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::delivered::Delivered;
    use super::super::form::PartRow;
    use super::super::truth::{Truth, TruthKind};
    use super::*;

    /// What there is of a situation that is worth having, by name.
    fn features(situation: &Situation, truth: &Truth) -> Vec<String> {
        let mut named: Vec<String> = Vec::new();
        let mut has = |is: bool, name: &str| named.extend(is.then(|| name.to_owned()));
        for side in Side::BOTH {
            let parts = &situation.parts[side];
            for part in parts {
                let form = part.form;
                has(true, &format!("{form:?}"));
                has(part.fault.is_some(), &format!("{form:?} that is broken"));
                let is_malformed = |row: &PartRow| matches!(row, PartRow::Malformed { .. });
                has(
                    part.rows.iter().any(is_malformed),
                    &format!("{form:?} with a malformed row"),
                );
                let levels = part.name.matches('/').count();
                let is_hive = part.name.contains("year=");
                has(
                    matches!(part.told, NameTells::Slot(_)),
                    &format!(
                        "{levels} levels{}",
                        if is_hive { " as Hive has them" } else { "" }
                    ),
                );
                has(part.late, "a part that comes late");
                has(part.foreign, "objects of two flow logs");
                has(part.is_narrow, "a part with fewer fields");
                has(part.name.starts_with("merged/"), "objects put into one");
                let absent = |row: &PartRow| matches!(row, PartRow::Record { record, .. } if situation.records[*record].values.contains(&None));
                has(
                    form == PartForm::Parquet && part.rows.iter().any(absent),
                    "NULL in Parquet",
                );
            }
            has(parts.len() > 3, "many parts");
            has(situation.sloppy[side], "sloppy values");
            for (count, kind) in [
                (truth.count(TruthKind::Missing(side)), "missing"),
                (truth.count(TruthKind::Surplus(side)), "surplus"),
                (truth.count(TruthKind::Pending(side)), "pending"),
                (truth.count(TruthKind::Undetermined(side)), "undetermined"),
            ] {
                has(count > 0, &format!("{kind} on {side}"));
            }
            has(truth.sides[side].nodata > 0, "NODATA");
            has(truth.sides[side].skipdata > 0, "SKIPDATA");
            has(truth.sides[side].masked > 0, "masked values");
            has(
                situation.formats[side].given && truth.sides[side].records == 0,
                "a format given for nothing",
            );
        }
        has(truth.count(TruthKind::Divergent) > 0, "divergent");
        has(!truth.fewer.is_empty(), "matched on fewer fields");
        let sure = |kind| truth.count(kind) > 0;
        has(
            !truth.fewer.is_empty() && sure(TruthKind::Divergent),
            "divergent where others match on fewer fields",
        );
        has(
            !truth.fewer.is_empty()
                && Side::BOTH
                    .iter()
                    .any(|&side| sure(TruthKind::Missing(side))),
            "missing where others match on fewer fields",
        );
        has(situation.layouts.s3 != situation.layouts.cwl, "two formats");
        has(
            situation.fields.position("tgw-id").is_some(),
            "transit gateways",
        );
        let Window { start, end } = situation.window;
        has(start.is_none() && end.is_none(), "everything");
        has(start.is_some() && end.is_none(), "since");
        has(start.is_none() && end.is_some(), "until");
        has(start.is_some() && end.is_some(), "a window");
        for (edge, name) in [(start, "start"), (end, "end")] {
            let at = |off: i64| {
                situation
                    .records
                    .iter()
                    .any(|one| Some(one.start + off) == edge)
            };
            has(
                edge.is_some() && at(0),
                &format!("a record at the window's {name}"),
            );
            has(
                edge.is_some() && at(1),
                &format!("a record before the window's {name}"),
            );
        }
        let lasted = situation.records.iter().map(|one| one.end - one.start);
        let longest = lasted.max();
        has(longest == Some(59), "intervals of a minute");
        has(longest == Some(599), "intervals of ten minutes");
        let mut lives: BTreeMap<&str, (i64, i64, usize)> = BTreeMap::new();
        for one in &situation.records {
            let life = lives
                .entry(&one.interface)
                .or_insert((one.start, one.start, 0));
            *life = (life.0.min(one.start), life.1.max(one.start), life.2 + 1);
        }
        let short = lives
            .values()
            .any(|(first, last, count)| last - first < 60 && *count > 2);
        has(short && lives.len() > 1, "an interface that lives a minute");
        has(lives.len() > 60, "many interfaces");
        has(situation.flow_log.is_some(), "--flow-log-id");
        has(!situation.interfaces.is_empty(), "--interface");
        has(!situation.only.is_empty(), "--fields");
        has(!situation.ignored.is_empty(), "--ignore-fields");
        has(situation.ignore_nodata, "--ignore-nodata");
        named.sort();
        named.dedup();
        named
    }

    /// A suite that no longer made something up would pass all the same.
    #[test]
    fn everything_is_made_up() {
        let forms = PartForm::DELIVERED.iter().chain(&PartForm::STREAMED);
        let forms = forms.flat_map(|form| {
            ["", " that is broken", " with a malformed row"].map(|what| format!("{form:?}{what}"))
        });
        let sides = Side::BOTH.iter().flat_map(|side| {
            ["missing", "surplus", "pending", "undetermined"]
                .map(|kind| format!("{kind} on {side}"))
        });
        let others = [
            "divergent",
            "a part with fewer fields",
            "masked values",
            "matched on fewer fields",
            "divergent where others match on fewer fields",
            "missing where others match on fewer fields",
            "two formats",
            "transit gateways",
            "sloppy values",
            "a format given for nothing",
            "7 levels",
            "8 levels",
            "7 levels as Hive has them",
            "8 levels as Hive has them",
            "many parts",
            "objects put into one",
            "objects of two flow logs",
            "a part that comes late",
            "NULL in Parquet",
            "NODATA",
            "SKIPDATA",
            "everything",
            "since",
            "until",
            "a window",
            "a record at the window's start",
            "a record before the window's start",
            "a record at the window's end",
            "a record before the window's end",
            "intervals of a minute",
            "intervals of ten minutes",
            "an interface that lives a minute",
            "many interfaces",
            "--flow-log-id",
            "--interface",
            "--fields",
            "--ignore-fields",
            "--ignore-nodata",
        ];
        let others = others.map(str::to_owned);
        let mut lacking: BTreeSet<String> = forms.chain(sides).chain(others).collect();
        for seed in 0..600 {
            let situation = Situation::of(seed);
            let delivered = Delivered::both(&situation, seed);
            for feature in features(&situation, &Truth::of(&situation, &delivered)) {
                lacking.remove(&feature);
            }
        }
        assert_eq!(lacking, BTreeSet::new());
    }
}
