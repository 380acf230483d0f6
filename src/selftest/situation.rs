//! Situations: two flow logs, what they saw, what became of it on the way to either side, and how it is asked about.

use std::collections::BTreeSet;

use crate::decode::Format;
use crate::record::field::FIELDS;
use crate::record::{FieldName, Layout};
use crate::source::{Side, Sides};
use crate::window::{Settle, Window};

use super::form::{Form, Row};
use super::part::{Fault, Habits, Part, spread};
use super::random::Random;
use super::record::{Fields, Record, Seen, changed, make_up};

/// The seconds of a slot.
const SLOT: i64 = 300;

/// First seconds of interest: a day's and a year's end, a leap day, the first hours there were, and far ahead.
const BASES: [i64; 6] = [
    1_641_596_400,
    1_704_066_600,
    1_709_163_900,
    3_600,
    1_714_953_600,
    4_102_444_800,
];

/// How AWS begins the id of an interface.
const INTERFACE: &str = "eni-0";

/// Everything there is to know about one seed.
#[derive(Clone, Debug)]
pub(super) struct Situation {
    pub fields: Fields,
    pub records: Vec<Record>,
    pub layouts: Sides<Layout>,
    pub formats: Sides<Format>,
    pub parts: Sides<Vec<Part>>,
    pub sloppy: Sides<bool>,
    pub window: Window,
    pub settle: Settle,
    pub interfaces: Vec<String>,
    pub only: Vec<FieldName>,
    pub ignored: Vec<FieldName>,
    pub ignore_nodata: bool,
    pub allow_empty: bool,
}

/// What may go wrong, and how often.
struct Plan {
    drops: usize,
    copies: usize,
    changes: usize,
    faults: usize,
    malformed: usize,
    late: bool,
    repeats: bool,
    overlap: Option<Side>,
}

impl Plan {
    fn of(random: &mut Random, is_large: bool) -> Self {
        let mut rate = |chance, most| {
            if random.percent(chance) {
                1 + random.below(most)
            } else {
                0
            }
        };
        let plan = Self {
            drops: rate(45, 30),
            copies: rate(35, 20),
            changes: rate(35, 20),
            faults: rate(25, 40),
            malformed: rate(15, 4),
            late: random.percent(12),
            repeats: random.percent(30),
            overlap: random.percent(12).then(|| *random.pick(&Side::BOTH)),
        };
        if is_large {
            return Self {
                drops: 20,
                copies: 5,
                changes: 60,
                faults: 0,
                malformed: 0,
                late: false,
                ..plan
            };
        }
        // What arrives is counted as if it had been there, which is not said of what else is in doubt.
        if plan.late {
            return Self {
                faults: 0,
                malformed: 0,
                ..plan
            };
        }
        plan
    }
}

impl Situation {
    /// Makes up the situation of a seed; the same for ever, whatever the machine.
    pub(super) fn of(seed: u64) -> Self {
        let mut random = Random::of(seed);
        let random = &mut random;
        let is_large = random.below(150) == 0;
        let plan = Plan::of(random, is_large);
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

        let copies = befall(random, &plan, &fields, &mut records, &interfaces);
        let sloppy = Sides::from_fn(|_| random.percent(40));
        let mut parts = Sides::from_fn(|side| {
            side_parts(
                random,
                side,
                &plan,
                &copies[side],
                &records,
                &layouts,
                is_large,
            )
        });
        if plan.faults > 0 {
            let side = *random.pick(&Side::BOTH);
            let same_fields = fields_of(&layouts.s3) == fields_of(&layouts.cwl);
            for part in &mut parts[side] {
                if random.percent(plan.faults) {
                    part.fault = Some(Fault::of(part.form, same_fields && !plan.repeats, random));
                }
            }
        }
        let seconds = *random.pick(&[0, 300, 900, 3600]);
        // Sometimes a part of all this is young.
        let now = if random.percent(35) {
            base + seconds + random.seconds(length + interval)
        } else {
            base + length + 100_000
        };
        let common: Vec<FieldName> = layouts
            .s3
            .columns()
            .iter()
            .filter(|name| layouts.cwl.position(name).is_some())
            .cloned()
            .collect();
        let some = |random: &mut Random, most: usize| -> Vec<FieldName> {
            (0..1 + random.below(most))
                .map(|_| random.pick(&common).clone())
                .collect()
        };
        let (only, ignored) = match random.below(10) {
            0 => (some(random, 6), Vec::new()),
            1 if common.len() > 3 => (Vec::new(), some(random, 3)),
            _ => (Vec::new(), Vec::new()),
        };
        Self {
            settle: Settle { now, seconds },
            window,
            interfaces: asked_for,
            only,
            ignored,
            ignore_nodata: random.percent(10),
            allow_empty: random.percent(20),
            fields,
            records,
            layouts,
            formats,
            parts,
            sloppy,
        }
    }

    /// Tells whether files can hold it: no stream that is read live, nothing that comes later.
    pub(super) fn is_offline(&self) -> bool {
        Side::BOTH.iter().all(|&side| {
            let parts = self.parts[side].iter();
            parts
                .clone()
                .all(|part| part.form != Form::Live && !part.late)
                && parts
                    .clone()
                    .all(|part| !matches!(part.fault, Some(Fault::Denied | Fault::Broken { .. })))
        })
    }
}

fn fields_of(layout: &Layout) -> BTreeSet<&FieldName> {
    layout.columns().iter().collect()
}

/// Both sides' layouts, and what the user says of rows without a header.
fn layouts(random: &mut Random, is_large: bool) -> (Sides<Layout>, Sides<Format>) {
    let default = Layout::vpc_default();
    let layouts = match random.below(100) {
        _ if is_large => Sides {
            s3: default.clone(),
            cwl: default,
        },
        0..40 => Sides {
            s3: default.clone(),
            cwl: default,
        },
        40..50 => Sides {
            s3: in_any_order(default.columns(), random),
            cwl: default,
        },
        50..60 => {
            let tgw = Layout::transit_gateway_default();
            Sides {
                s3: tgw.clone(),
                cwl: tgw,
            }
        }
        _ => custom(random),
    };
    let formats = Sides::from_fn(|side| {
        let layout = &layouts[side];
        // Rows of the two default formats are told by themselves.
        let told = *layout == Layout::vpc_default() || *layout == Layout::transit_gateway_default();
        if told && random.percent(60) {
            return Format {
                layout: Layout::vpc_default(),
                given: false,
            };
        }
        Format {
            layout: layout.clone(),
            given: true,
        }
    });
    (layouts, formats)
}

fn in_any_order(columns: &[FieldName], random: &mut Random) -> Layout {
    let mut names: Vec<&str> = columns.iter().map(FieldName::as_str).collect();
    random.shuffle(&mut names);
    Layout::from_names(names).expect("each name once")
}

/// Two formats of somebody's own. Both have the version, which is never absent, and enough fields that a row of two
/// cells is none of theirs.
fn custom(random: &mut Random) -> Sides<Layout> {
    let mut base: BTreeSet<&str> = ["version", "srcaddr", "dstaddr", "bytes", "protocol"]
        .into_iter()
        .collect();
    for (name, chance) in [
        ("interface-id", 90),
        ("start", 93),
        ("end", 85),
        ("log-status", 80),
        ("packets", 80),
    ] {
        if random.percent(chance) {
            base.insert(name);
        }
    }
    let all: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
    (0..random.below(15)).for_each(|_| {
        base.insert(*random.pick::<&str>(&all));
    });
    let alike = random.percent(50);
    Sides::from_fn(|_| {
        let mut names: Vec<FieldName> = base.iter().map(|name| FieldName::new(name)).collect();
        if !alike {
            names.retain(|name| name.as_str() == "version" || random.percent(90));
            for name in ["brand-new", *random.pick::<&str>(&all)].map(FieldName::new) {
                if random.percent(40) && !names.contains(&name) {
                    names.push(name);
                }
            }
            for name in ["srcaddr", "dstaddr", "bytes"].map(FieldName::new) {
                if names.len() < 5 && !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        in_any_order(&names, random)
    })
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

fn interface_names(random: &mut Random, transit: bool, is_large: bool) -> Vec<String> {
    let count = if random.percent(4) && !is_large {
        70
    } else {
        1 + random.below(6)
    };
    let prefix = if transit { "tgw-attach-0" } else { INTERFACE };
    (0..count)
        .map(|_| format!("{prefix}{:016x}", random.next()))
        .collect()
}

fn records(
    random: &mut Random,
    fields: &Fields,
    interfaces: &[String],
    window: &Window,
    (base, length, interval): (i64, i64, i64),
    is_large: bool,
) -> Vec<Record> {
    let count = match random.below(20) {
        _ if is_large => 6_000,
        0 => 0,
        1 => 1,
        2..6 => random.below(400),
        _ => random.below(60),
    };
    // Some interfaces live a minute.
    let lives: Vec<(i64, i64)> = interfaces
        .iter()
        .map(|_| {
            if random.percent(20) {
                (base + random.seconds(length), 60)
            } else {
                (base, length)
            }
        })
        .collect();
    let borders: Vec<i64> = [window.start, window.end]
        .into_iter()
        .flatten()
        .flat_map(|edge| [edge - 1, edge])
        .collect();
    let mut make = |_| {
        let at = random.below(interfaces.len());
        let (from, lasts) = lives[at];
        let start = match random.below(10) {
            0 if !borders.is_empty() => *random.pick(&borders),
            1 => (from + random.seconds(lasts)).div_euclid(SLOT) * SLOT,
            _ => from + random.seconds(lasts),
        };
        let end = start
            + if random.percent(30) {
                interval - 1
            } else {
                random.seconds(interval)
            };
        let seen = match random.below(20) {
            0 | 1 => Seen::NoData,
            2 if random.percent(30) => Seen::SkipData,
            _ => Seen::Traffic,
        };
        make_up(random, fields, &interfaces[at], (start, end), seen)
    };
    (0..count).map(&mut make).collect()
}

/// One copy on its way to a side.
#[derive(Clone, Copy, Debug)]
struct Copy {
    record: usize,
    late: bool,
}

/// Lets each record come to both sides, or not.
fn befall(
    random: &mut Random,
    plan: &Plan,
    fields: &Fields,
    records: &mut Vec<Record>,
    interfaces: &[String],
) -> Sides<Vec<Copy>> {
    let mut copies: Sides<Vec<Copy>> = Sides::default();
    let overlapping = random.pick(interfaces).clone();
    // An interface whose records one side lacks altogether.
    let lost = (plan.drops > 0 && random.percent(20)).then(|| random.pick(interfaces).clone());
    let lost_by = *random.pick(&Side::BOTH);
    for record in 0..records.len() {
        let mut number = Sides { s3: 1, cwl: 1 };
        let mut late = false;
        let side = *random.pick(&Side::BOTH);
        let mut on = Sides {
            s3: record,
            cwl: record,
        };
        if lost.as_ref() == Some(&records[record].interface) {
            number[lost_by] = 0;
        } else if random.percent(plan.drops) {
            number[side] = 0;
            late = plan.late && random.percent(60);
        } else if random.percent(plan.copies) {
            number[side] = *random.pick(&[2, 2, 3]);
            number[side.other()] = *random.pick(&[1, 1, 2]);
        } else if random.percent(plan.changes)
            && let Some(other) = changed(&records[record], fields, random)
        {
            on[side] = records.len();
            records.push(other);
        }
        if plan.overlap.is_some() && records[record].interface == overlapping {
            number[plan.overlap.unwrap_or(side)] *= 2;
        }
        for to in Side::BOTH {
            let copy = Copy {
                record: on[to],
                late: false,
            };
            copies[to].extend((0..number[to]).map(|_| copy));
        }
        if late {
            copies[side].push(Copy { record, late: true });
        }
    }
    copies
}

fn side_parts(
    random: &mut Random,
    side: Side,
    plan: &Plan,
    copies: &[Copy],
    records: &[Record],
    layouts: &Sides<Layout>,
    is_large: bool,
) -> Vec<Part> {
    let forms = forms(random, side, is_large);
    let habits = Habits {
        merged: random.percent(15),
        rows: if is_large {
            2_000
        } else {
            1 + random.below(80)
        },
        hive: random.percent(50),
        hourly: random.percent(50),
        flow_log: random.pick::<&str>(&["fl-0f1a2b3c4d5e6f708", "fl-0aa1"]),
        forms,
    };
    let row = |(event, copy): (usize, &Copy)| Row::Record {
        record: copy.record,
        event: event as u64,
    };
    let of = |late: bool| {
        copies
            .iter()
            .enumerate()
            .filter(move |(_, copy)| copy.late == late)
    };
    let mut rows: Vec<Row> = of(false).map(row).collect();
    if plan.repeats && habits.forms.iter().all(|form| form.has_ids()) {
        // Answers overlap, and a subscription delivers at least once.
        let again: Vec<Row> = rows
            .iter()
            .filter(|_| random.percent(10))
            .copied()
            .collect();
        rows.extend(again);
    }
    let takes_malformed = habits.forms.iter().all(|form| {
        // What no record tells the time of may be left out of a live stream that is read in part.
        *form != Form::Live && *form != Form::Parquet
            || *form == Form::Parquet
                && layouts[side]
                    .columns()
                    .iter()
                    .any(super::columns::can_be_malformed)
    });
    if plan.malformed > 0 && takes_malformed && random.percent(60) {
        rows.extend((0..plan.malformed).map(|_| Row::Malformed));
    }
    let mut parts = spread(rows, records, &habits, random);
    let mut late = spread(of(true).map(row).collect(), records, &habits, random);
    for part in &mut late {
        part.late = true;
        part.name.push_str("-late");
    }
    parts.extend(late);
    parts
}

/// One form for a whole side, or several.
fn forms(random: &mut Random, side: Side, is_large: bool) -> Vec<Form> {
    if is_large {
        return vec![if side == Side::S3 {
            Form::Gzip
        } else {
            Form::Export
        }];
    }
    // Any address may stand for any side.
    let delivered = random.percent(if side == Side::S3 { 80 } else { 15 });
    let all: &[Form] = if delivered {
        &Form::DELIVERED
    } else {
        &Form::STREAMED
    };
    let one = *random.pick(all);
    if random.percent(80) || one == Form::Live {
        return vec![one];
    }
    let other = *random.pick(all);
    if other == Form::Live {
        vec![one]
    } else {
        vec![one, other]
    }
}
