//! What becomes of records on their way to either side.

use crate::model::{Side, Sides};

use super::random::Random;
use super::record::{Fields, IntervalSeen, PlantedRecord, changed, make_up};

/// What may go wrong, and how often.
pub(super) struct FaultPlan {
    pub drops: usize,
    pub copies: usize,
    pub changes: usize,
    pub faults: usize,
    pub malformed: usize,
    pub late: bool,
    pub repeats: bool,
    /// A side on which a second flow log of an interface lands in the same place.
    pub overlap: Option<Side>,
}

impl FaultPlan {
    pub(super) fn of(random: &mut Random, is_large: bool) -> Self {
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
            faults: rate(35, 40),
            malformed: rate(20, 4),
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

/// One copy on its way to a side.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlantedCopy {
    pub record: usize,
    pub late: bool,
    /// Whether a second flow log made it.
    pub foreign: bool,
}

/// Lets each record come to both sides, or not.
pub(super) fn apply_fault(
    random: &mut Random,
    plan: &FaultPlan,
    fields: &Fields,
    records: &mut Vec<PlantedRecord>,
    interfaces: &[String],
) -> Sides<Vec<PlantedCopy>> {
    let mut copies: Sides<Vec<PlantedCopy>> = Sides::default();
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
        for to in Side::BOTH {
            let copy = PlantedCopy {
                record: on[to],
                late: false,
                foreign: false,
            };
            copies[to].extend((0..number[to]).map(|_| copy));
        }
        if late {
            copies[side].push(PlantedCopy {
                record,
                late: true,
                foreign: false,
            });
        }
    }
    if let Some(side) = plan.overlap {
        let interface = random.pick(interfaces).clone();
        let second = second_flow_log(random, fields, records, &interface);
        copies[side].extend(second);
    }
    copies
}

/// What a second flow log of an interface makes of the same traffic: equal records or, with another aggregation
/// interval, other ones.
fn second_flow_log(
    random: &mut Random,
    fields: &Fields,
    records: &mut Vec<PlantedRecord>,
    interface: &str,
) -> Vec<PlantedCopy> {
    let has_same_interval = random.percent(50);
    let seen: Vec<usize> = (0..records.len())
        .filter(|&record| records[record].interface == interface)
        .collect();
    let mut told = |record: usize| {
        if has_same_interval {
            return record;
        }
        let start = records[record].start;
        let times = (start, start + random.seconds(600));
        records.push(make_up(
            random,
            fields,
            interface,
            times,
            IntervalSeen::Traffic,
        ));
        records.len() - 1
    };
    let copy = |record| PlantedCopy {
        record: told(record),
        late: false,
        foreign: true,
    };
    seen.into_iter().map(copy).collect()
}
